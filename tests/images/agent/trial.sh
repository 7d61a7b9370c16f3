#!/bin/sh
# Starts the agent's program once and has it apply a manifest. Runs as root inside the finished system; what it
# writes must not reach the image.
set -u
work=$(mktemp -d)
printf 'file { "%s/applied": content => $facts["os"]["name"] }\n' "$work" >"$work/site.pp"
puppet apply --detailed-exitcodes "$work/site.pp" >"$work/log" 2>&1
code=$?
if [ $code -ne 2 ] || ! grep -q Debian "$work/applied"; then
  echo "trial: puppet apply ended with $code; 2 would mean that the manifest was applied. First cause:"
  grep -m 1 -A 5 -E 'Error|rror:' "$work/log" || tail -n 5 "$work/log"
  exit 1
fi
echo "trial: puppet $(puppet --version) applied a manifest"
