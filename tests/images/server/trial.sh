#!/bin/sh
# Starts Puppet Server once, as a pod does (UID 1001, group 0), as CA and compiler; then asks for its status, a
# certificate and a catalog. Ends with an error and the first cause of its log when one of them fails.
# Runs as root inside the finished system, in a network of its own; what it writes must not reach the image.
set -u
work=$(mktemp -d)
log=$work/log
url=https://localhost:8140
home=/opt/puppetlabs/server/data/puppetserver

# first_cause: the line of the log that says what went wrong first, and what follows it.
first_cause() { grep -n -m 1 -A 5 -E 'ERROR|Exception|Syntax error|Unable to|Error:|Permission denied' "$log" || tail -n 5 "$log"; }
failed() {
  echo "trial: $*"
  echo "trial: first cause in the log of Puppet Server:"
  first_cause | cut -c 1-400
  exit 1
}

echo 'notify { "trial of the image": }' >/etc/puppetlabs/code/environments/production/manifests/site.pp
printf '[server]\nautosign = true\n[main]\ndns_alt_names = localhost\n' >>/etc/puppetlabs/puppet/puppet.conf
setpriv --reuid 1001 --regid 0 --clear-groups env HOME="$home" JAVA_ARGS='-Xms256m -Xmx768m' /entrypoint.sh >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null' EXIT

# ask ARGUMENT...: curl, without certificate checks, because the CA is of a moment ago.
ask() { curl --silent --show-error --fail --insecure --max-time 60 "$@"; }

began=$(date +%s)
until ask --output "$work/status" "$url/status/v1/simple" 2>/dev/null && grep -q running "$work/status"; do
  kill -0 $server 2>/dev/null || failed "Puppet Server ended by itself"
  [ $(($(date +%s) - began)) -lt 240 ] || failed "Puppet Server does not answer at $url/status/v1/simple after 240 s"
  sleep 1
done

openssl req -new -newkey rsa:2048 -nodes -subj /CN=trial -keyout "$work/key.pem" -out "$work/csr.pem" 2>/dev/null
ask --request PUT --header 'Content-Type: text/plain' --data-binary "@$work/csr.pem" \
  "$url/puppet-ca/v1/certificate_request/trial" || failed "the CA does not take a request"
ask --output "$work/cert.pem" "$url/puppet-ca/v1/certificate/trial" || failed "the CA does not hand out the certificate"
openssl x509 -in "$work/cert.pem" -noout || failed "the CA handed out no certificate"

# Facts are JSON in JSON, encoded for a form.
facts=%257B%2522name%2522%253A%2522trial%2522%252C%2522values%2522%253A%257B%257D%257D
ask --cert "$work/cert.pem" --key "$work/key.pem" --header 'Accept: application/json' --output "$work/catalog" \
  --data "environment=production&facts_format=application%2Fjson&facts=$facts" "$url/puppet/v3/catalog/trial" ||
  failed "no catalog is compiled"
grep -q 'trial of the image' "$work/catalog" || failed "the catalog lacks what the manifest declares"
echo "trial: Puppet Server answered after $(($(date +%s) - began)) s: status, a certificate, a catalog"
