# What the operator's static binary stands on: certificates of the public authorities, one user, /tmp. No C library, no
# shell, no package manager.
reference=ghcr.io/voxpupuli/openvox-operator-base:latest
base_packages=(ca-certificates)

# What decides the content: the versions of the packages.
base_inputs() {
  package_versions "${base_packages[@]}"
}

inputs() { base_inputs; }

# base_root DIR: the root file system.
base_root() {
  local root=$1 files=$work/packages found
  mkdir "$files"
  unpack_packages "$files" "${base_packages[@]}"

  install -d -m 0755 "$root"/{etc/ssl/certs,usr/local/bin}
  install -d -m 1777 "$root/tmp"
  install -d -m 0775 "$root/var/lib/openvox-operator"
  for found in "$files"/usr/share/doc/*/copyright; do
    install -D -m 0644 "$found" "$root${found#"$files"}"
  done

  find "$files/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
  echo 'nonroot:x:65532:0:nonroot:/:/sbin/nologin' >"$root/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  rm -rf "$files"
}

build() {
  base_root "$work/root"
  pack_tree "$work/root" "$work/layer.tar"
  pack_image "$work/layer.tar" "$reference" "$1" '"User":"65532:0"'
}
