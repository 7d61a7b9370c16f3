#!/usr/bin/env bash
# cluster.sh: the test cluster itself. Its start is killed at every step; nothing may stay behind, and it must start
# again over what it finds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
DEVCLUSTER=$(tests/devcluster/build.sh | tail -n 1)/devcluster
export DEVCLUSTER CGO_ENABLED=0
cd tests/devcluster
exec go test -count=1 ./crash
