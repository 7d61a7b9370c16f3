# The operator of this checkout on the base of operator-base.sh, with the autosign program, which Server pods copy
# out of this image in an init container. Both are static.
. "$here/operator-base.sh"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
reference=ghcr.io/voxpupuli/openvox-operator:$version
limit_mib=60

# programs: builds what is not given; sets operator_bin and autosign_bin.
programs() {
  local built
  operator_bin=${OPERATOR_BIN:-} autosign_bin=${AUTOSIGN_BIN:-}
  if [[ -z $operator_bin || -z $autosign_bin ]]; then
    say "operator: cargo build --release, static"
    built=$("$checkout/tests/release.sh" -p openvox-operator -p openvox-runtime --bin openvox-operator --bin openvox-autosign)
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

  chroot "$root" /usr/local/bin/openvox-operator --version >&2 || fail "operator: openvox-operator does not start"
  # It has no version to say: without a certname it prints its usage and ends with 2.
  [[ $(chroot "$root" /usr/local/lib/openvox/openvox-autosign 2>&1 || true) == *"usage: openvox-autosign"* ]] ||
    fail "operator: openvox-autosign does not start"

  pack_tree "$root" "$work/layer.tar"
  pack_image "$work/layer.tar" "$reference" "$1" '"User":"65532:0","Entrypoint":["/usr/local/bin/openvox-operator"],"ExposedPorts":{"8080/tcp":{},"8081/tcp":{}}'
}
