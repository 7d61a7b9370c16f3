#!/bin/bash
# Starts Puppet Server as process 1, without a service manager.
#   JAVA_ARGS  heap and -D flags        JAVA_TUNE  compiler and collector (the default suits small catalogs)
# The two jdk.tls flags: a TLS 1.3 session ticket behind an empty answer makes a Ruby agent wait 30 s for nothing.
umask 0007
read -ra tune <<<"${JAVA_TUNE:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}"
read -ra args <<<"${JAVA_ARGS:--Xms256m -Xmx768m}"
exec java "${tune[@]}" "${args[@]}" \
  --add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.base/java.io=ALL-UNNAMED \
  -Djdk.tls.server.newSessionTicketCount=0 -Djdk.tls.server.enableSessionTicketExtension=false \
  -Djruby.lib=/usr/share/jruby/lib -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger \
  -Dlogappender=STDOUT -XX:+ExitOnOutOfMemoryError \
  -cp /usr/share/puppetserver/puppetserver-aot.jar:/usr/share/puppetserver/puppetserver.jar \
  clojure.main -m puppetlabs.trapperkeeper.main \
  --config /etc/puppetlabs/puppetserver/conf.d \
  --bootstrap-config /etc/puppetlabs/puppetserver/services.d/,/opt/puppetlabs/server/apps/puppetserver/config/services.d/ \
  "$@"
