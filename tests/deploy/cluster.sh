# The cluster of the current kubeconfig: checks before anything is made in it. Sourced by deploy.sh and the demo.

# Releases and their namespaces. What is made here is found again by this label, so that only that is removed.
operator_release=openvox-operator operator_namespace=openvox-system
stack_release=openvox stack_namespace=openvox
created_by=openvox.voxpupuli.org/created-by=justw

say() { printf '%s\n' "$*" >&2; }
# refuse WHAT REMEDY: ends with both.
refuse() {
  say "refused: $1"
  say "  remedy: $2"
  exit 1
}

# need_tools TOOL...: kubectl and helm are the user's own, or those of the test cluster where it is built; crane is
# built alone, which takes seconds.
need_tools() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    case $tool in
      crane) PATH=$("$tests/devcluster/build.sh" crane | tail -n 1):$PATH ;;
      kubectl) refuse "kubectl is not on the PATH" "install it: https://kubernetes.io/docs/tasks/tools/" ;;
      helm) refuse "helm is not on the PATH" "install it: https://helm.sh/docs/intro/install/" ;;
    esac
  done
}

# The oldest version that the CRDs and the charts are made for.
oldest_minor=31

# check_cluster: there is a current context, its API server answers, and it is new enough.
check_cluster() {
  local context version minor answer
  need_tools kubectl helm
  context=$(kubectl config current-context 2>/dev/null) ||
    refuse "there is no kubeconfig with a current context (KUBECONFIG=${KUBECONFIG:-unset, ~/.kube/config})" \
      "set KUBECONFIG, or choose a context: kubectl config use-context NAME"
  answer=$(kubectl get --raw /version --request-timeout 10s 2>&1) ||
    refuse "the API server of context $context does not answer: $(tail -n 1 <<<"$answer")" \
      "kubectl --context $context get --raw /version"
  version=$(sed -n 's/.*"gitVersion": *"\([^"]*\)".*/\1/p' <<<"$answer")
  minor=$(sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' <<<"$answer")
  ((${minor:-0} >= oldest_minor)) ||
    refuse "context $context is Kubernetes ${version:-of an unknown version}; 1.$oldest_minor or later is needed" \
      "upgrade the cluster, or try it on one of its own: ./justw demo"
  say "cluster: context $context, Kubernetes $version"
}

# check_operator: no other operator looks after the same kinds.
check_operator() {
  local others
  others=$(kubectl get deployments --all-namespaces --selector app.kubernetes.io/name=openvox-operator \
    --output 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}' | grep -v "^$operator_namespace/" || true)
  [[ -z $others ]] ||
    refuse "an operator runs in another namespace: $(paste -sd' ' <<<"$others")" "helm uninstall it there first, or upgrade that release"
}

# make_namespace NAME: unless it is there.
make_namespace() {
  kubectl get namespace "$1" >/dev/null 2>&1 || {
    kubectl create namespace "$1" >&2
    kubectl label namespace "$1" "$created_by" >/dev/null
  }
}

# was_created NAMESPACE: by make_namespace.
was_created() { [[ -n $(kubectl get namespace --selector "$created_by" --field-selector "metadata.name=$1" --output name 2>/dev/null) ]]; }
