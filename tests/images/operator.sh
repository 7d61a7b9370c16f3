# The operator of this checkout on the base of operator-base.sh, with the programs that Server pods copy out of this image
# in an init container. All are static.
. "$here/operator-base.sh"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
reference=ghcr.io/voxpupuli/openvox-operator:$version
limit_mib=60

helpers=(openvox-autosign openvox-enc)
programs=${PROGRAMS:-}
if [[ -z $programs ]]; then
  say "operator: cargo build --release, static"
  programs=$("$checkout/tests/release.sh" -p openvox-operator -p openvox-runtime --bin openvox-operator \
    --bin openvox-autosign --bin openvox-enc)
fi
for program in openvox-operator "${helpers[@]}"; do
  [[ -x $programs/$program ]] || fail "no program at $programs/$program"
done

inputs() {
  sha256sum <"$here/operator-base.sh"
  (cd "$programs" && sha256sum openvox-operator "${helpers[@]}")
  echo "$reference"
  base_inputs
}

# needs PROGRAM: the shared objects it asks for.
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

build() {
  local root=$work/root program mib
  base_root "$root"
  install -D -m 0755 "$programs/openvox-operator" "$root/usr/local/bin/openvox-operator"
  for program in "${helpers[@]}"; do
    install -D -m 0755 "$programs/$program" "$root/usr/local/lib/openvox/$program"
  done

  need binutils
  for program in openvox-operator "${helpers[@]}"; do
    [[ -z $(needs "$programs/$program") ]] || fail "$program is not static: it needs $(needs "$programs/$program" | paste -sd' ')"
  done
  mib=$(du -sm --apparent-size "$root" | cut -f1)
  say "operator: $mib MiB unpacked, at most $limit_mib"
  ((mib <= limit_mib)) || fail "operator: too big"

  chroot "$root" /usr/local/bin/openvox-operator --version >&2 || fail "operator: openvox-operator does not start"
  # They have no version to say: without a certname they print their usage and end with 2.
  for program in "${helpers[@]}"; do
    [[ $(chroot "$root" "/usr/local/lib/openvox/$program" 2>&1 || true) == *"usage: $program"* ]] ||
      fail "operator: $program does not start"
  done

  pack_tree "$root" "$work/layer.tar"
  pack_image "$work/layer.tar" "$reference" "$1" '"User":"65532:0","Entrypoint":["/usr/local/bin/openvox-operator"],"ExposedPorts":{"8080/tcp":{},"8081/tcp":{}}'
}
