#!/usr/bin/env bash
# integration.sh [TEST]: the operator against a real control plane, whose pods never run; needs no root.
# With KUBECONFIG set, against that cluster instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
DEVCLUSTER_BIN=$(tests/devcluster/build.sh control-plane | tail -n 1)
# Together with the tests, so that libraries are built once: which of their features are on depends on what is built.
nice cargo build --quiet --locked -p openvox-operator -p openvox-plugin -p openvox-engine --bins --example greeting --test control_plane
COLLECTOR_BIN=$(tests/collector/build.sh)
PLUGIN_BIN=${CARGO_TARGET_DIR:-$PWD/target}/debug/kubectl-openvox
ENGINE_EXAMPLE=${CARGO_TARGET_DIR:-$PWD/target}/debug/examples/greeting
export DEVCLUSTER_BIN COLLECTOR_BIN PLUGIN_BIN ENGINE_EXAMPLE
# They mostly wait, for watches, timers and clocks.
exec cargo test --test control_plane -- --test-threads "$((2 * $(nproc)))" "$@"
