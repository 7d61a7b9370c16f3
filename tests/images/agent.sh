# A Puppet agent as nodes run it: root, writable file system. openvox-agent is only in sid, which moves; when it
# cannot be installed from there, trixie's puppet-agent stands in.
reference=ghcr.io/slauger/openvox-agent:latest
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/puppetlabs/bin

# What is said of it besides its name.
shown_packages='openvox-agent|puppet-agent|openfact|facter|ruby'

build() {
  debian_root sid "$here/agent/packages.openvox" "$work/layer.tar" || {
    say "agent: openvox-agent failed, taking trixie's puppet-agent"
    rm -f "$work/layer.tar"
    debian_root trixie "$here/agent/packages.puppet" "$work/layer.tar"
  }
  pack_image "$work/layer.tar" "$reference" "$1" "$(versions_label),\"User\":\"0:0\",\"Env\":[\"PATH=$path\",\"LANG=C.UTF-8\",\"HOME=/root\"],\"Entrypoint\":[\"/usr/bin/puppet\"]"
}
