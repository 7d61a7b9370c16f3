#!/usr/bin/env bash
# crash_points.sh: builds the operator that dies at named points (src/reconcile/crash.rs) and prints its path.
# It is a copy: the next build of the other tests puts the operator without such points where cargo made this one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
nice cargo build --locked --bin openvox-operator --features crash-points >&2
install -D "$target/debug/openvox-operator" "$target/crash-points/openvox-operator"
echo "$target/crash-points/openvox-operator"
