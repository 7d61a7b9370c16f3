#!/usr/bin/env bash
# down.sh: removes the demo's cluster and its logs; images and programs stay in the cache.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$("$checkout/tests/devcluster/build.sh" | tail -n 1):$PATH
devcluster down --name demo
rm -rf "${XDG_STATE_HOME:-$HOME/.local/state}/openvox-devcluster/demo-logs"
