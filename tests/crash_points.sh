#!/usr/bin/env bash
# crash_points.sh: builds the operator that dies at named points (src/reconcile/crash.rs) and prints its path.
# A target folder of its own keeps it apart from what the other tests run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/crash-points
nice cargo build --locked --bin openvox-operator --features crash-points >&2
echo "$CARGO_TARGET_DIR/debug/openvox-operator"
