#!/usr/bin/env bash
# release.sh [CARGO ARGUMENT...]: builds programs as they are in the operator's image and prints the folder they lie in.
# Static (docs/decisions/2026-11-21-a-static-binary.md), and small, because what an operator holds in memory is mostly its
# own program (docs/performance.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=(
  -C target-feature=+crt-static
  # The table of relocations is read at start and stays in memory: 700 KiB, or 10 when it is packed.
  -C link-arg=-Wl,-z,pack-relative-relocs
  # Of functions that came out equal one is kept.
  -C link-arg=-Wl,--icf=all
)
# A third of a megabyte each for sealing and opening AES-GCM with AVX-512; without it AVX2 does that.
export AWS_LC_SYS_CFLAGS=-DMY_ASSEMBLER_IS_TOO_OLD_FOR_512AVX
# Full-text search and maps: the journal has neither.
export LIBSQLITE3_FLAGS='-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 -USQLITE_ENABLE_RTREE'
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=${flags[*]} nice cargo build --release --locked --target "$host" "$@" >&2
echo "$(realpath "${CARGO_TARGET_DIR:-target}")/$host/release"
