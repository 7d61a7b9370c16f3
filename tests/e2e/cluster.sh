#!/usr/bin/env bash
# cluster.sh: the cluster of the end-to-end tests and of the benchmarks, with the operator installed by its chart.
# Prints NAME=VALUE lines and `ready` on stdout, and keeps the cluster until its standard input ends, so that it goes
# with whoever started it, however that ends. Needs root, unless KUBECONFIG names a cluster.
#   KUBECONFIG          use this cluster; what is installed here is removed again, an operator that was there stays
#   OPERATOR_IMAGE, SERVER_IMAGE, AGENT_IMAGE, CODE_IMAGE
#                       names of the images there, NAME:TAG; without them its nodes must have those of this script
#   CLUSTER             name of the devcluster (default e2e)
#   OPERATOR_IMAGE_TAR  archive of the operator's image, instead of building one
#   KEEP=1              take what stands, and leave it standing
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(dirname "$here")
charts=$(dirname "$tests")/charts
cluster=${CLUSTER:-e2e}
keep=${KEEP:-}
release=openvox-operator
namespace=openvox-system

say() { echo "cluster: $*" >&2; }

# The images by the names that pods use.
. "$tests/images/names.sh"
OPERATOR_IMAGE=${OPERATOR_IMAGE:-$(published operator)}
SERVER_IMAGE=${SERVER_IMAGE:-$(published server)}
AGENT_IMAGE=${AGENT_IMAGE:-$(published agent)}
CODE_IMAGE=${CODE_IMAGE:-$(published code)}

load() { devcluster load-image --name "$cluster" "$1" "$2" >&2; }

# image NAME REFERENCE
image() {
  local archive
  archive=$("$tests/images/build.sh" "$1")
  load "$archive" "$2"
}

start() {
  [[ -n $keep ]] || devcluster down --name "$cluster" >&2
  devcluster up --name "$cluster" --mode node >&2
  KUBECONFIG=$(devcluster kubeconfig --name "$cluster")
  export KUBECONFIG
  echo "DEVCLUSTER=$cluster"
  echo "AUDIT_LOG=$(dirname "$KUBECONFIG")/log/audit.log"
  # Images do not change while a cluster stands, except the operator's.
  if ! kubectl get namespace "$namespace" >/dev/null 2>&1; then
    image server "$SERVER_IMAGE"
    image agent "$AGENT_IMAGE"
    image code "$CODE_IMAGE"
  fi
  if [[ -n ${OPERATOR_IMAGE_TAR:-} ]]; then
    load "$OPERATOR_IMAGE_TAR" "$OPERATOR_IMAGE"
  else
    image operator "$OPERATOR_IMAGE"
  fi
}

stop() {
  [[ -z $keep ]] || return 0
  if [[ -n $own ]]; then
    devcluster down --name "$cluster" >&2
  else
    # Before the operator goes, which has to let go of what is in them.
    kubectl delete namespace demo leaving --ignore-not-found --timeout 120s >&2
    if [[ -z $installed ]]; then
      helm uninstall --namespace "$namespace" "$release" >&2
      kubectl delete namespace "$namespace" --wait=false >&2
    fi
  fi
}

own=
if [[ -z ${KUBECONFIG:-} ]]; then
  [[ $(id -u) == 0 ]] || { say "needs root to make a node, or KUBECONFIG"; exit 1; }
  own=1
fi
# helm and kubectl come with the devcluster; whoever has a cluster has them.
if [[ -n $own ]]; then
  PATH=$("$tests/devcluster/build.sh" node | tail -n 1):$PATH
  export PATH
fi
# An operator that runs there already is upgraded, and stays.
installed=
if [[ -z $own ]]; then
  for stranger in demo leaving; do
    ! kubectl get namespace "$stranger" >/dev/null 2>&1 || { say "namespace $stranger exists; these tests make and delete it"; exit 1; }
  done
  ! helm status --namespace "$namespace" "$release" >/dev/null 2>&1 || installed=1
fi
trap stop EXIT
[[ -z $own ]] || start
echo "KUBECONFIG=$KUBECONFIG"
echo "PATH=$PATH"
echo "SERVER_IMAGE=$SERVER_IMAGE"
echo "AGENT_IMAGE=$AGENT_IMAGE"
echo "CODE_IMAGE=$CODE_IMAGE"
say "installs the operator"
helm upgrade --install --namespace "$namespace" --create-namespace --wait --timeout 120s \
  --set-string "image.repository=${OPERATOR_IMAGE%:*},image.tag=${OPERATOR_IMAGE##*:}" \
  "$release" "$charts/openvox-operator" >/dev/null
# The same reference may stand for a new image.
if [[ -n $keep ]]; then
  kubectl --namespace "$namespace" rollout restart "deployment/$release" >&2
  kubectl --namespace "$namespace" rollout status --timeout 120s "deployment/$release" >&2
fi
echo ready
cat >/dev/null
