# Packs a root file system into an image archive with tar and sha256sum alone. Sourced by build.sh.
# The archive is an OCI layout and a docker-archive at once, so every tool reads it; the one layer stays
# uncompressed, because the images travel only inside one machine.

# Every time in an image, so that equal content has an equal digest: 2026-01-01T00:00:00Z.
export SOURCE_DATE_EPOCH=1767225600

# Architecture as OCI names it.
arch=$(dpkg --print-architecture)

# pack_tree DIR OUT.tar [tar arguments...]: what is in DIR: sorted, one time, owned by root.
pack_tree() {
  local dir=$1 out=$2
  shift 2
  # Names without a leading "./": readers of a docker-archive look for exactly "manifest.json".
  find "$dir" -mindepth 1 -maxdepth 1 -printf '%P\0' | sort -z |
    tar -C "$dir" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner "$@" \
      --null --files-from=- -cf "$out"
}

# pack_image LAYER.tar REFERENCE OUT.tar CONFIG: CONFIG holds the members of the image's "config" object.
pack_image() {
  local layer=$1 reference=$2 out=$3 config=$4 dir blob size
  local created layer_blob layer_size config_blob config_size
  dir=$(mktemp -d "$work/oci.XXXXXX")
  mkdir -p "$dir/blobs/sha256"
  created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)
  # Moves a file among the blobs; answers in $blob (hex digest) and $size.
  add_blob() {
    size=$(stat -c %s "$1")
    blob=$(sha256sum <"$1" | cut -d' ' -f1)
    mv "$1" "$dir/blobs/sha256/$blob"
  }

  add_blob "$layer"
  layer_blob=$blob layer_size=$size
  cat >"$dir/config" <<J
{"architecture":"$arch","os":"linux","created":"$created","config":{$config},"rootfs":{"type":"layers","diff_ids":["sha256:$layer_blob"]},"history":[{"created":"$created","created_by":"tests/images/build.sh"}]}
J
  add_blob "$dir/config"
  config_blob=$blob config_size=$size
  cat >"$dir/manifest" <<J
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config_blob","size":$config_size},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:$layer_blob","size":$layer_size}]}
J
  add_blob "$dir/manifest"
  cat >"$dir/index.json" <<J
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$blob","size":$size,"platform":{"architecture":"$arch","os":"linux"},"annotations":{"io.containerd.image.name":"$reference","org.opencontainers.image.ref.name":"${reference##*:}"}}]}
J
  echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
  echo "[{\"Config\":\"blobs/sha256/$config_blob\",\"RepoTags\":[\"$reference\"],\"Layers\":[\"blobs/sha256/$layer_blob\"]}]" >"$dir/manifest.json"
  pack_tree "$dir" "$out"
  rm -rf "$dir"
  say "$reference sha256:$blob, $((layer_size / 1048576)) MiB unpacked"
}
