#!/usr/bin/env bash
# e2e.sh [TEST]: the end-to-end tests on the cluster of the current kubeconfig, with images of this checkout pushed to
# IMAGE_REGISTRY. They make the namespaces openvox-system, demo and leaving, and remove them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(dirname "$here") checkout=$(dirname "$tests")
. "$here/cluster.sh"
. "$here/images.sh"
need_registry
check_cluster
check_operator
push_images operator server agent code
check_pull operator
# cluster.sh of the tests installs these.
export OPERATOR_IMAGE SERVER_IMAGE AGENT_IMAGE CODE_IMAGE
OPERATOR_IMAGE=$(reference operator) SERVER_IMAGE=$(reference server) AGENT_IMAGE=$(reference agent) CODE_IMAGE=$(reference code)
export KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}
code=0
"$tests/end_to_end.sh" "$@" || code=$?
# What the tests made is removed after they have ended.
kubectl wait --for=delete namespace/demo namespace/leaving --timeout 180s >&2
exit "$code"
