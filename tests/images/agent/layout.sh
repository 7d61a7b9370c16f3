#!/bin/sh
# Gives Debian's agent the usual layout; runs as root inside the system, once.
set -eu
mkdir -p /etc/puppetlabs /opt/puppetlabs/bin /opt/puppetlabs/puppet/bin
mv /etc/puppet /etc/puppetlabs/puppet
ln -s puppetlabs/puppet /etc/puppet
# OpenVox 9 no longer takes "puppet" for the server's name by itself; Puppet 8 does.
cat >/etc/puppetlabs/puppet/puppet.conf <<'CONF'
[main]
server = puppet
ssldir = /etc/puppetlabs/puppet/ssl
CONF
for program in puppet facter ruby; do ln -s /usr/bin/$program /opt/puppetlabs/puppet/bin/$program; done
ln -s /usr/bin/puppet /usr/bin/facter /opt/puppetlabs/bin/
