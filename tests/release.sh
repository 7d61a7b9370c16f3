#!/usr/bin/env bash
# release.sh [CARGO ARGUMENT...]: builds programs as they are in the operator's image and prints the folder they lie in.
# Static (docs/decisions/2026-11-21-a-static-binary.md), and small, because what an operator holds in memory is mostly its
# own program (docs/performance.md). That takes minutes, so programs named by --bin are kept in
# ${XDG_CACHE_HOME:-~/.cache}/openvox-operator/programs by the content of what they are built of.
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
# Build scripts of C code run again when it changes, and tests/images sets it for its layers.
unset SOURCE_DATE_EPOCH
# What the Containerfile copies, and the compiler.
sources=(Cargo.toml Cargo.lock crds dashboards docs/machines engine machines plugin puppet runtime src tests/release.sh)
key=$({ find "${sources[@]}" -type f | LC_ALL=C sort | xargs sha256sum; rustc -vV; cc --version; } | sha256sum | cut -c1-16)
programs=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/programs
kept=$programs/$key
keep=3

# named ARGUMENT...: the programs, one a line; none if anything else is to be built.
named() {
  [[ " $* " == *" --example "* ]] && return
  while (($#)); do
    [[ $1 == --bin ]] && echo "$2"
    shift
  done
}
mapfile -t bins < <(named "$@")
if ((${#bins[@]})) && (cd "$kept" 2>/dev/null && ls "${bins[@]}" >/dev/null 2>&1); then
  touch "$kept"
  echo "release: kept: ${bins[*]}" >&2
  echo "$kept"
  exit
fi

host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=${flags[*]} nice cargo build --release --locked --target "$host" "$@" >&2
built=$(realpath "${CARGO_TARGET_DIR:-target}")/$host/release
if ((${#bins[@]})); then
  mkdir -p "$kept"
  for bin in "${bins[@]}"; do
    # In one step, so that a copy that was cut short is never taken for a program.
    cp "$built/$bin" "$kept/.$bin.$$" && mv "$kept/.$bin.$$" "$kept/$bin"
  done
  find "$programs" -mindepth 1 -maxdepth 1 -printf '%T@ %p\n' | sort -rn | tail -n "+$((keep + 1))" | cut -d' ' -f2- | xargs -r rm -rf
fi
echo "$built"
