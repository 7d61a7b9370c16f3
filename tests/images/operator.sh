# The operator of this checkout on the base of operator-base.sh, with the autosign program, which Server pods copy
# out of this image in an init container. Both are static: the one runs inside whatever server image a user has, the
# other needs no C library below it, and holds less of one in memory.
. "$here/operator-base.sh"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
reference=ghcr.io/voxpupuli/openvox-operator:$version
limit_mib=60

# programs: builds what is not given; sets operator_bin and autosign_bin.
programs() {
  local host built
  operator_bin=${OPERATOR_BIN:-} autosign_bin=${AUTOSIGN_BIN:-}
  if [[ -z $operator_bin || -z $autosign_bin ]]; then
    host=$(rustc -vV | sed -n 's/^host: //p')
    built=${CARGO_TARGET_DIR:-$checkout/target}/$host/release
    say "operator: cargo build --release, static"
    # The table of relocations is read at start and stays in memory: 700 KiB, or 20 when it is packed.
    (cd "$checkout" && RUSTFLAGS='-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs' \
      nice cargo build --release --locked --target "$host" -p openvox-operator -p openvox-runtime \
      --bin openvox-operator --bin openvox-autosign >&2)
    operator_bin=${operator_bin:-$built/openvox-operator} autosign_bin=${autosign_bin:-$built/openvox-autosign}
  fi
  [[ -x $operator_bin ]] || fail "no program at $operator_bin"
  [[ -x $autosign_bin ]] || fail "no program at $autosign_bin"
}
programs

inputs() {
  sha256sum <"$here/operator-base.sh"
  sha256sum <"$operator_bin"
  sha256sum <"$autosign_bin"
  echo "$reference"
  base_inputs
}

# needs PROGRAM: the shared objects it asks for.
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

build() {
  local root=$work/root program mib
  base_root "$root"
  install -D -m 0755 "$operator_bin" "$root/usr/local/bin/openvox-operator"
  install -D -m 0755 "$autosign_bin" "$root/usr/local/lib/openvox/openvox-autosign"

  need binutils
  for program in "$operator_bin" "$autosign_bin"; do
    [[ -z $(needs "$program") ]] || fail "$program is not static: it needs $(needs "$program" | paste -sd' ')"
  done
  mib=$(du -sm --apparent-size "$root" | cut -f1)
  say "operator: $mib MiB unpacked, at most $limit_mib"
  ((mib <= limit_mib)) || fail "operator: too big"

  pack_tree "$root" "$work/layer.tar"
  pack_image "$work/layer.tar" "$reference" "$1" '"User":"65532:0","Entrypoint":["/usr/local/bin/openvox-operator"],"ExposedPorts":{"8080/tcp":{},"8081/tcp":{}}'
}
