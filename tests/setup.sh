#!/usr/bin/env bash
# setup.sh: gets what demo and tests need, and only what is missing. As root on Debian it installs packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
. tests/demo/step.sh

headline "Setup (programs go to ${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator)"
step "Debian packages" "apt-get update" tests/packages.sh
step "Kubernetes" "is Go 1.26 or later, and does it reach the module proxy?" tests/devcluster/build.sh
step "Rust dependencies" "does cargo reach crates.io?" cargo fetch --locked
step "cargo-deny" "does cargo reach crates.io?" tests/deny.sh --version
step "Prometheus" "apt-get download prometheus" tests/prometheus.sh
