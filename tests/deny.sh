#!/usr/bin/env bash
# deny.sh ARGUMENTS...: cargo-deny, from the PATH or built once into the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.20.2
root=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/cargo-deny-$version
if command -v cargo-deny >/dev/null; then
  program=cargo-deny
else
  program=$root/bin/cargo-deny
  if [[ ! -x $program ]]; then
    echo "cargo-deny $version: building it (some minutes, once)" >&2
    # Not optimised: it runs for a second, and is built for minutes.
    CARGO_PROFILE_DEV_DEBUG=0 nice cargo install --debug --quiet --locked \
      --root "$root" --target-dir "$root/target" "cargo-deny@$version" >&2
    rm -rf "$root/target"
  fi
fi
exec "$program" "$@"
