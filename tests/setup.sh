#!/usr/bin/env bash
# setup.sh: gets what demo and tests need, and only what is missing. As root on Debian it installs packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=$(mktemp -d)
. tests/demo/step.sh
trap 'end_meanwhile; rm -rf "$logs"' EXIT

headline "Setup (programs go to ${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator)"
step "Debian packages" "apt-get update" tests/packages.sh
# images: what the pods of a real node run.
images() { tests/images/build.sh server && tests/images/build.sh agent; }
# They wait for a mirror while Kubernetes compiles; the step below joins in.
((EUID)) || meanwhile "$logs/images-ahead.log" images
step "Kubernetes" "is Go 1.26 or later, and does it reach the module proxy?" tests/devcluster/build.sh
((EUID)) || step "Images of server and agent" "does apt-get reach a Debian mirror?" images
step "Rust dependencies" "does cargo reach crates.io?" cargo fetch --locked
step "cargo-deny" "does cargo reach crates.io?" tests/deny.sh --version
step "Prometheus" "apt-get download prometheus" tests/prometheus.sh
