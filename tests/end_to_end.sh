#!/usr/bin/env bash
# end_to_end.sh [TEST]: the stack with real Puppet Servers and agents on a node of its own, which needs root.
# With KUBECONFIG set, on that cluster instead; tests/e2e/cluster.sh says what it must have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ((EUID != 0)) && [[ -z ${KUBECONFIG:-} ]]; then
  echo "SKIPPED: a real node needs root (sudo -E ./justw test-e2e), or set KUBECONFIG to a cluster of yours"
  exit 0
fi
# One cluster and one operator for all of them.
exec cargo test --test e2e -- --test-threads 1 "$@"
