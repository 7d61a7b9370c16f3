#!/usr/bin/env bash
# openapi.sh: checks docs/openapi.json against the specification of OpenAPI 3.1, with the validator from PyPI, kept in
# ${XDG_CACHE_HOME:-~/.cache}/openvox-operator.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.9.0
validator=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/openapi-spec-validator-$version
if [[ ! -d $validator ]]; then
  mkdir -p "$(dirname "$validator")"
  part=$(mktemp -d "$(dirname "$validator")/.openapi.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target "$part/site" \
    "openapi-spec-validator==$version" >&2
  mv "$part/site" "$validator"
fi
PYTHONPATH=$validator python3 -m openapi_spec_validator docs/openapi.json
