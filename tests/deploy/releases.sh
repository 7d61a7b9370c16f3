# The two Helm releases and what remains of them. Sourced after images.sh.

crds=$checkout/charts/openvox-operator/crds
# Helm's arguments for images of this checkout. Several builds may have one tag, so each installation
# makes new pods, by an annotation with its time.
local_operator=() local_stack=()
if [[ -n ${IMAGE_REGISTRY:-} ]]; then
  local_operator=(
    --set-string "image.repository=$IMAGE_REGISTRY/openvox-operator" --set-string "image.tag=$LOCAL_TAG"
    --set-string "podAnnotations.openvox\.voxpupuli\.org/installed=$(date +%s)"
  )
  local_stack=(--set-string "config.image.repository=$IMAGE_REGISTRY/openvox-server" --set-string "config.image.tag=$LOCAL_TAG")
fi

# install_operator HELM-ARGUMENT...: Helm never upgrades CRDs, so kubectl does.
install_operator() {
  make_namespace "$operator_namespace"
  kubectl apply --server-side --force-conflicts --filename "$crds" >&2
  helm upgrade --install "$operator_release" "$checkout/charts/openvox-operator" \
    --namespace "$operator_namespace" "$@" >&2
  kubectl rollout status --namespace "$operator_namespace" "deployment/$operator_release" --timeout 180s >&2 || {
    kubectl get pods --namespace "$operator_namespace" >&2
    refuse "the operator does not become ready" "kubectl describe pods --namespace $operator_namespace"
  }
}

# install_stack RELEASE NAMESPACE HELM-ARGUMENT...
install_stack() {
  local release=$1 namespace=$2
  shift 2
  kubectl get deployment --namespace "$operator_namespace" "$operator_release" >/dev/null 2>&1 ||
    refuse "no operator runs in namespace $operator_namespace" "./justw install, or ./justw local-deploy"
  make_namespace "$namespace"
  helm upgrade --install "$release" "$checkout/charts/openvox-stack" --namespace "$namespace" "$@" >&2
  say "watch it:  kubectl get openvox --namespace $namespace --watch"
}

# await_removal NAMESPACE: until none of the release's objects is left there. Helm's own --wait goes on for its whole
# timeout after they are gone.
await_removal() {
  local waited
  for ((waited = 0; waited < 120; waited++)); do
    [[ -n $(kubectl get openvox --namespace "$1" --selector app.kubernetes.io/managed-by=Helm --output name 2>/dev/null) ]] || return 0
    sleep 1
  done
  refuse "objects of the stack in namespace $1 do not go" "kubectl openvox status --namespace $1"
}

# remove_stack RELEASE NAMESPACE: the operator lets go of each object before its namespace goes.
remove_stack() {
  local release=$1 namespace=$2
  kubectl get namespace "$namespace" >/dev/null 2>&1 || return 0
  helm uninstall "$release" --namespace "$namespace" --ignore-not-found >&2
  await_removal "$namespace"
  if was_created "$namespace"; then
    kubectl delete namespace "$namespace" --timeout 120s >&2
    return
  fi
  say "kept, with the CA's key: namespace $namespace, its Secrets and claims"
}

# remove_operator: with its CRDs, and so only when nobody's objects go with them.
remove_operator() {
  local objects left
  if kubectl get crd servers.openvox.voxpupuli.org >/dev/null 2>&1; then
    objects=$(kubectl get openvox --all-namespaces --output 'jsonpath={range .items[*]}{.metadata.namespace}{" "}{.kind}/{.metadata.name}{"\n"}{end}')
    [[ -z $objects ]] ||
      refuse "objects of the operator's kinds remain, and would go with their CRDs:"$'\n'"$(head -n 20 <<<"$objects")" \
        "delete them (their stack's helm release first), then run this again"
  fi
  helm uninstall "$operator_release" --namespace "$operator_namespace" --ignore-not-found >&2
  kubectl delete --ignore-not-found --filename "$crds" >&2
  if was_created "$operator_namespace"; then
    kubectl delete namespace "$operator_namespace" --timeout 120s >&2
  fi
  left=$(kubectl get customresourcedefinitions,clusterroles,clusterrolebindings,apiservices --output name |
    grep -E 'openvox' || true)
  [[ -z $left ]] || refuse "this is left: $(paste -sd' ' <<<"$left")" "kubectl delete $(paste -sd' ' <<<"$left")"
  say "nothing of the operator is left in the cluster"
}
