#!/usr/bin/env bash
# down.sh: removes the demo's cluster and its logs; images and programs stay in the cache.
# With DEMO_CLUSTER=current it removes what the demo made on the cluster of the current kubeconfig.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
checkout=$(dirname "$tests")
if [[ ${DEMO_CLUSTER:-} == current ]]; then
  . "$tests/deploy/cluster.sh"
  . "$tests/deploy/images.sh"
  . "$tests/deploy/releases.sh"
  check_cluster
  remove_stack demo puppet
  remove_operator
  exit
fi
PATH=$("$tests/devcluster/build.sh" | tail -n 1):$PATH
devcluster down --name demo
rm -rf "${XDG_STATE_HOME:-$HOME/.local/state}/openvox-devcluster/demo-logs"
