#!/usr/bin/env bash
# build.sh: builds the OpenTelemetry Collector of the tests unless the cache has it, and prints its path. Needs Go.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")"
key=$(cat main.go go.mod go.sum | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/collector/$key
if [[ ! -x $folder/collector ]]; then
  command -v go >/dev/null || { echo "collector: Go is missing (1.26 or later: https://go.dev/dl)" >&2; exit 1; }
  echo "collector: compiling; with an empty Go cache that takes two minutes" >&2
  mkdir -p "$folder"
  part=$(mktemp "$folder/part.XXXXXX")
  trap 'rm -f "$part"' EXIT
  . ../go.sh
  nice go build -ldflags "-s -w" -o "$part" . >&2
  chmod 755 "$part"
  mv "$part" "$folder/collector"
fi
echo "$folder/collector"
