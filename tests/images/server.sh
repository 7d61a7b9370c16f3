# Puppet Server 8: any UID with group 0, read-only root. Debian has no openvox-server; the Puppet Server it has
# reads the same files and answers the same HTTP API.
# The cluster's registry answers for every registry name, so the charts' default image works unchanged.
reference=ghcr.io/slauger/openvox-server:latest
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/puppetlabs/server/bin:/opt/puppetlabs/bin

# What is said of it besides its name.
shown_packages='puppetserver|jruby|libclojure-java|openjdk-[0-9]+-jre-headless|puppet-agent'

build() {
  debian_root trixie "$here/server/packages" "$work/layer.tar"
  pack_image "$work/layer.tar" "$reference" "$1" "$(versions_label),\"User\":\"1001:0\",\"ExposedPorts\":{\"8140/tcp\":{}},\"Env\":[\"PATH=$path\",\"LANG=C.UTF-8\",\"HOME=/opt/puppetlabs/server/data/puppetserver\"],\"Entrypoint\":[\"/entrypoint.sh\"]"
}
