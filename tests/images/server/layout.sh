#!/bin/sh
# Gives Debian's Puppet Server the usual layout (/etc/puppetlabs, /opt/puppetlabs), so that configuration written
# for it works unchanged; Debian's own places become links. Runs as root inside the system, once, after the
# packages are installed. Its folder is this recipe.
set -eu
recipe=$(dirname "$(readlink -f "$0")")
etc=/etc/puppetlabs
opt=/opt/puppetlabs
share=/usr/share/puppetserver
home=$opt/server/data/puppetserver

mkdir -p $etc/puppet/ssl $etc/code/environments/production/manifests $etc/code/modules \
  $opt/bin $opt/puppet/bin $opt/puppet/cache $opt/puppet/lib/ruby/vendor_gems $opt/server/bin $opt/server/apps \
  $home/jruby-gems $home/.puppet/var $share/config/services.d \
  /var/log/puppetlabs/puppetserver /run/puppetlabs /run/puppetserver

# Configuration. bootstrap.cfg moves to the application's folder: a mount of services.d/ca.cfg must not hide it.
mv /etc/puppet/puppetserver $etc/puppetserver
mkdir -p $etc/puppetserver/ca
mv $etc/puppetserver/services.d/bootstrap.cfg $share/config/services.d/
mv /etc/puppet/hiera.yaml $etc/puppet/
rm -rf /etc/puppet /var/lib/puppet/ssl
ln -s puppetlabs/puppet /etc/puppet
ln -s ../puppetserver $etc/puppet/puppetserver
ln -s ../code $etc/puppet/code
ln -s $etc/puppet/ssl /var/lib/puppet/ssl
sed -i "s#/etc/puppet/puppetserver#$etc/puppetserver#" $etc/puppetserver/conf.d/global.conf /etc/default/puppetserver
cp -r "$recipe/root/." /

# Programs and libraries under their usual names.
ln -s puppetserver.jar $share/puppet-server-release.jar
ln -s $share $opt/server/apps/puppetserver
ln -s /usr/lib/puppetserver/ruby/vendor_ruby $opt/puppet/lib/ruby/vendor_ruby
ln -s /usr/lib/puppetserver/vendored-jruby-gems $home/vendored-jruby-gems
for program in puppet facter ruby; do ln -s /usr/bin/$program $opt/puppet/bin/$program; done
ln -s /usr/bin/puppet /usr/bin/puppetserver $opt/bin/
ln -s /usr/bin/puppetserver $opt/server/bin/

# A UID without a passwd entry lands in Debian's per-user places under HOME.
ln -s $etc/puppet $home/.puppet/etc
ln -s $etc/puppet/puppet.conf $home/.puppet/puppet.conf
ln -s $etc/code $home/.puppet/code
ln -s $opt/puppet/cache $home/.puppet/cache
ln -s $etc/puppetserver $home/.puppet/puppetserver
ln -s /run/puppetlabs $home/.puppet/var/run
ln -s /var/log/puppetlabs $home/.puppet/var/log

install -m 0755 "$recipe/entrypoint.sh" /entrypoint.sh

# Debian ships the Clojure sources; compiling them once halves the CPU time of every start.
mkdir /tmp/classes
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djruby.lib=/usr/share/jruby/lib \
  -cp $share/puppetserver.jar:/tmp/classes clojure.main "$recipe/compile.clj" /tmp/classes $share/puppetserver-aot.jar
rm -rf /tmp/classes /tmp/hsperfdata_*

# Group 0 gets what the owner has: the pod's UID is any, its group is 0.
for tree in $etc $opt /var/log/puppetlabs /run/puppetlabs /run/puppetserver /var/lib/puppet; do
  chown -R 0:0 $tree
  chmod -R u=rwX,g=u,o=rX $tree
done
