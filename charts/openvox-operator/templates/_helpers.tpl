{{- define "openvox-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "openvox-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "openvox-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "openvox-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "openvox-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "openvox-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "openvox-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "openvox-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "openvox-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "openvox-operator.namespaced" -}}
{{- if eq .Values.scope.mode "namespace" }}true{{ end -}}
{{- end }}

{{/* The namespace the operator looks at; only asked for in namespace mode. */}}
{{- define "openvox-operator.watchNamespace" -}}
{{- default .Release.Namespace .Values.scope.watchNamespace -}}
{{- end }}

{{/* Where the Lease of the leader election lies: the watched namespace, or the pod's own. */}}
{{- define "openvox-operator.leaseNamespace" -}}
{{- if include "openvox-operator.namespaced" . -}}
{{- include "openvox-operator.watchNamespace" . -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}

{{/* Port number of a bind address such as ":8080": list of the address and the default. */}}
{{- define "openvox-operator.port" -}}
{{- $address := index . 0 -}}
{{- if $address }}{{ regexFind "[0-9]+$" $address }}{{ else }}{{ index . 1 }}{{ end -}}
{{- end }}

{{/* The history server answers over the network, to who shows a token. */}}
{{- define "openvox-operator.historyService" -}}
{{- if and .Values.history.service.enabled (eq .Values.history.auth "token") (not (regexMatch "^(0|(127\\..*|localhost|\\[::1\\]):[0-9]+)$" .Values.history.bindAddress)) }}true{{ end -}}
{{- end }}

{{/* Combinations of values that must not reach a cluster. */}}
{{- define "openvox-operator.check" -}}
{{- if .Values.webhook.enabled -}}
{{- fail "webhook.enabled: admission webhooks are not available in this version of openvox-operator; leave it false" -}}
{{- end -}}
{{- if and .Values.history.persistence.enabled (gt (int .Values.replicaCount) 1) -}}
{{- fail "history.persistence.enabled: the journal on a volume has one writer; set replicaCount to 1" -}}
{{- end -}}
{{- if and (eq .Values.history.auth "none") (not (regexMatch "^(0|(127\\..*|localhost|\\[::1\\]):[0-9]+)$" .Values.history.bindAddress)) -}}
{{- fail "history.auth: none shows everything to everybody who reaches the port; set history.bindAddress to \"127.0.0.1:8082\", or auth to token" -}}
{{- end -}}
{{- if and .Values.history.persistence.enabled .Values.history.postgresql.url -}}
{{- fail "history.postgresql.url: the journal is in PostgreSQL, so nothing would use the volume; set history.persistence.enabled to false" -}}
{{- end -}}
{{- if regexMatch "^[a-z]+://[^/?@]*:[^@]*@|[?&]password=" .Values.history.postgresql.url -}}
{{- fail "history.postgresql.url: a password does not belong into the URL; name its Secret in history.postgresql.passwordSecret" -}}
{{- end -}}
{{- if and .Values.metrics.service.enabled (eq .Values.metrics.bindAddress "0") -}}
{{- fail "metrics.service.enabled: there are no metrics to serve while metrics.bindAddress is \"0\"" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor.enabled: there is no Service to scrape; set metrics.service.enabled too" -}}
{{- end -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElect) -}}
{{- fail "replicaCount: several replicas need leaderElect, or they would all act at once" -}}
{{- end -}}
{{- end }}
