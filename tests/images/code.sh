# Puppet code for an image volume: the environments lie at the root of the image, because the root is what gets
# mounted at environmentpath.
reference=ghcr.io/voxpupuli/openvox-code:demo

build() {
  pack_tree "$here/code" "$work/layer.tar" --mode='u=rwX,go=rX'
  pack_image "$work/layer.tar" "$reference" "$1" ''
}
