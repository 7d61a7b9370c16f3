#!/usr/bin/env bash
# argocd.sh: the health script for Argo CD says what it should of every state, in a Lua of the version that Argo CD speaks.
# UPDATE=1 writes what it says to tests/argocd/expected.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! command -v lua5.1 >/dev/null; then
  echo "argocd.sh: lua5.1 is missing: apt-get install lua5.1" >&2
  exit 1
fi
statuses=()
for file in tests/argocd/*.lua; do
  [[ $file == */check.lua ]] || statuses+=("$file")
done
said=$(lua5.1 tests/argocd/check.lua "${statuses[@]}")
if [[ ${UPDATE:-} ]]; then
  printf '%s\n' "$said" >tests/argocd/expected.txt
fi
diff --unified tests/argocd/expected.txt <(printf '%s\n' "$said") >&2 ||
  { echo "argocd.sh: docs/argocd/health.lua says something else: UPDATE=1 tests/argocd.sh, then read the diff" >&2 && exit 1; }
