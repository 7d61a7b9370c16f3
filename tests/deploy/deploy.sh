#!/usr/bin/env bash
# deploy.sh TARGET: the operator and a stack on the cluster of the current kubeconfig.
#   install        the operator (release openvox-operator in openvox-system) with the published images, CRDs included
#   stack          a stack (release openvox in namespace openvox)
#   unstack        removes that stack; keeps the CA's key unless the namespace was made by `stack`
#   uninstall      unstack, the operator and its CRDs; refuses while other namespaces have objects of these kinds
#   local-build    builds the images of this checkout and pushes them to IMAGE_REGISTRY
#   local-install  the operator with those images
#   local-deploy   local-build, then local-install
#   local-stack    a stack with those images
# STACK_VALUES is a values file for stack and local-stack; IMAGE_REGISTRY and LOCAL_TAG: see images.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(dirname "$here") checkout=$(dirname "$tests")
. "$here/cluster.sh"
. "$here/images.sh"
. "$here/releases.sh"

case ${1:-} in
  install)
    check_cluster
    check_operator
    install_operator
    ;;
  stack)
    check_cluster
    install_stack "$stack_release" "$stack_namespace" ${STACK_VALUES:+--values "$STACK_VALUES"}
    ;;
  unstack)
    check_cluster
    remove_stack "$stack_release" "$stack_namespace"
    ;;
  uninstall)
    check_cluster
    remove_stack "$stack_release" "$stack_namespace"
    remove_operator
    ;;
  local-build) push_images operator server agent code ;;
  local-install | local-deploy)
    need_registry
    check_cluster
    check_operator
    [[ $1 == local-install ]] || push_images operator server agent code
    check_pull operator
    install_operator "${local_operator[@]}"
    ;;
  local-stack)
    need_registry
    check_cluster
    install_stack "$stack_release" "$stack_namespace" ${STACK_VALUES:+--values "$STACK_VALUES"} "${local_stack[@]}"
    ;;
  *)
    sed -n '2,/^set/{/^# /s/^# //p}' "$0" >&2
    exit 2
    ;;
esac
