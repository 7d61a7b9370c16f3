{{- define "openvox-stack.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "openvox-stack.configName" -}}
{{- default (include "openvox-stack.fullname" .) .Values.config.name -}}
{{- end }}

{{- define "openvox-stack.caName" -}}
{{- default (printf "%s-ca" (include "openvox-stack.fullname" .)) .Values.ca.name -}}
{{- end }}

{{- define "openvox-stack.nodeClassifierName" -}}
{{- default (printf "%s-enc" (include "openvox-stack.fullname" .)) .Values.nodeClassifier.name -}}
{{- end }}

{{/* Name of a server's Certificate: list of the root context and the entry of servers. */}}
{{- define "openvox-stack.certificateName" -}}
{{- $server := index . 1 -}}
{{- default (printf "%s-%s" (include "openvox-stack.fullname" (index . 0)) $server.name) (($server.certificate).name) -}}
{{- end }}

{{/* Full name of a pool: list of the root context and the entry of pools. */}}
{{- define "openvox-stack.poolName" -}}
{{- $pool := index . 1 -}}
{{- default (printf "%s-%s" (include "openvox-stack.fullname" (index . 0)) $pool.name) $pool.fullName -}}
{{- end }}

{{/* Full name of the pool with a short name: list of the root context and an entry of poolRefs. */}}
{{- define "openvox-stack.poolOf" -}}
{{- $root := index . 0 -}}
{{- $short := index . 1 -}}
{{- $name := printf "%s-%s" (include "openvox-stack.fullname" $root) $short -}}
{{- range $root.Values.pools -}}
{{- if eq .name $short -}}
{{- $name = include "openvox-stack.poolName" (list $root .) -}}
{{- end -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{/* The chosen methods of an auth block, empty when there is none. */}}
{{- define "openvox-stack.auth" -}}
{{- with . -}}
{{- if .mtls }}
mtls: true
{{- end }}
{{- range $method := list "token" "bearer" "basic" }}
{{- with index $ $method }}
{{ $method }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
{{- end }}
