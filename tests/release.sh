#!/usr/bin/env bash
# release.sh [CARGO ARGUMENT...]: builds programs as they are in the operator's image and prints the folder they lie in.
# Static: the autosign program runs inside whatever server image a user has, and the operator needs no C library below it
# and holds less of one in memory. The table of relocations is read at start and stays there too: 700 KiB, or 20 packed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs' \
  nice cargo build --release --locked --target "$host" "$@" >&2
target=${CARGO_TARGET_DIR:-target}
echo "$(realpath "$target")/$host/release"
