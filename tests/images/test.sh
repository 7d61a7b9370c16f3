#!/usr/bin/env bash
# test.sh: the server image says which packages it holds, and its trial notices a broken class path and names the cause.
# The fault is one that Debian brought: compiled classes older than the Clojure source of one package.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ((EUID != 0)); then
  echo "SKIPPED: the images are built and tried in a chroot, which needs root"
  exit 0
fi
. "$here/debian.sh"
fail() { echo "images: $*" >&2; exit 1; }

archive=$("$here/build.sh" server | tail -n 1)
packages_of "$archive" | grep -Eq '^puppetserver=[0-9]' || fail "the label of the server image does not name puppetserver"

work=$(mktemp -d "$(dirname "$archive")/.test.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/root"
layer=$(tar -xOf "$archive" manifest.json | sed 's/.*"Layers":\["\([^"]*\)".*/\1/')
tar -xOf "$archive" "$layer" | tar -C "$work/root" -xf -
cp -r "$here/server" "$work/root/tmp/recipe"
python3 - "$work/root/usr/share/puppetserver/puppetserver-aot.jar" <<'PYTHON'
import os, sys, zipfile
jar = sys.argv[1]
with zipfile.ZipFile(jar) as old, zipfile.ZipFile(jar + ".new", "w") as new:
    for name in old.namelist():
        new.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), old.read(name))
os.replace(jar + ".new", jar)
PYTHON
if TMPDIR=$work "$here/trial.sh" "$work/root" >"$work/said" 2>&1; then
  fail "the trial passed with classes that are older than their sources: $(cat "$work/said")"
fi
grep -q '^trial: Puppet Server ended by itself' "$work/said" || fail "the trial does not say what failed: $(cat "$work/said")"
grep -q 'Unable to resolve symbol\|Syntax error compiling' "$work/said" || fail "the trial does not name the cause: $(cat "$work/said")"
sed 's/^/  /' "$work/said"
echo "ok: a server image whose classes are older than their sources fails its trial, with the cause"
