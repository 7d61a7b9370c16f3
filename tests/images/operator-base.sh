# What the operator's binary stands on: the C library, certificates of the public authorities, one user, /tmp.
# No shell, no package manager. Files of this machine's own Debian suite, because the binary is linked here.
reference=ghcr.io/voxpupuli/openvox-operator-base:latest
base_packages=(ca-certificates libc6 libgcc-s1)
# The runtime's own objects and what name resolution loads by itself; the C library of bookworm and later holds
# pthread, dl and the files and dns services.
shared_objects=(ld-linux-*.so.? libc.so.6 libm.so.6 libresolv.so.2 libgcc_s.so.1)

# What decides the content: the versions of the packages.
base_inputs() {
  package_versions "${base_packages[@]}"
}

inputs() { base_inputs; }

# base_root DIR: the root file system.
base_root() {
  local root=$1 files=$work/packages object found
  mkdir "$files"
  unpack_packages "$files" "${base_packages[@]}"

  install -d -m 0755 "$root"/{etc/ssl/certs,usr/lib,usr/lib64,usr/local/bin}
  install -d -m 1777 "$root/tmp"
  install -d -m 0775 "$root/var/lib/openvox-operator"
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  for object in "${shared_objects[@]}"; do
    found=$(find "$files/lib" "$files/usr/lib" -name "$object" \( -type f -o -type l \) | head -n 1)
    [[ -n $found ]] || fail "no $object in ${base_packages[*]}"
    install -D -m 0755 "$found" "$root/usr/lib/$(basename "$(dirname "$found")")/$(basename "$found")"
  done
  # The path of the program interpreter is fixed in every binary: /lib64 on amd64, /lib on arm64.
  for found in "$root"/usr/lib/*/ld-linux-*; do
    case $arch in
      amd64) ln -s "../lib/${found#"$root/usr/lib/"}" "$root/usr/lib64/" ;;
      *) ln -s "${found#"$root/usr/lib/"}" "$root/usr/lib/" ;;
    esac
  done
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
