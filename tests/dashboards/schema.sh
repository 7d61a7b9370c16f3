#!/usr/bin/env bash
# schema.sh: reads every dashboard with the types that Grafana publishes (grafana-foundation-sdk of PyPI, kept in
# ${XDG_CACHE_HOME:-~/.cache}/openvox-operator) and writes it again: a field that gets lost is one Grafana does not know.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# The types of Grafana 10.1, of which later versions read everything.
version='1769699998!10.1.0'
sdk=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/grafana-foundation-sdk-10.1.0
if [[ ! -d $sdk ]]; then
  mkdir -p "$(dirname "$sdk")"
  part=$(mktemp -d "$sdk.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --target "$part/sdk" "grafana-foundation-sdk==$version" >&2
  mv "$part/sdk" "$sdk"
fi
PYTHONPATH=$sdk python3 tests/dashboards/schema.py dashboards/generated/*.json
