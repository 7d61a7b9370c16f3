#!/usr/bin/env bash
# build.sh NAME: makes one image of the test cluster from Debian packages and prints the path of its archive.
#   server         Puppet Server 8, rootless            agent  openvox-agent
#   operator       the operator of this checkout        code   Puppet environments for an image volume
#   operator-base  what the operator's binary stands on
# The archive lies in ${XDG_CACHE_HOME:-~/.cache}/openvox-operator/images and is kept as long as recipe and
# inputs stay the same. Progress goes to stderr, the path is the only line on stdout. Needs root on Debian.
#   PROGRAMS  take the programs for `operator` from this folder instead of building them
set -euo pipefail
export LC_ALL=C
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/images
# Archives kept per image: an operator archive is some 50 MiB and every change of the code makes a new one.
keep=3

say() { echo "images: $*" >&2; }
fail() { say "$*"; exit 1; }
# Answers from a recipe: what besides its files decides the content (one line each), the archive itself, and a regular
# expression for the packages whose versions are said.
inputs() { :; }
shown_packages=

name=${1:-}
case $name in
  server | agent | operator | operator-base | code) ;;
  *)
    sed -n '2,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac
mkdir -p "$cache"
exec 9>"$cache/.lock-$name"
flock 9
work=$(mktemp -d "$cache/.work-$name.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

. "$here/oci.sh"
. "$here/debian.sh"
. "$here/$name.sh"

key=$(
  cd "$here"
  {
    find oci.sh debian.sh "$name.sh" "$name" -type f 2>/dev/null | sort | xargs sha256sum
    echo "$arch"
    inputs
  } | sha256sum | cut -c1-16
)
archive=$cache/$name-$key.tar
if [[ -s $archive ]]; then
  touch "$archive"
  say "$name: kept"
else
  say "$name: building"
  began=$SECONDS
  build "$work/image.tar"
  mv "$work/image.tar" "$archive"
  say "$name: built in $((SECONDS - began)) s"
  find "$cache" -maxdepth 1 -name "$name-????????????????.tar" -printf '%T@ %p\n' |
    sort -rn | tail -n "+$((keep + 1))" | cut -d' ' -f2- | xargs -r rm -f
fi
if [[ -n $shown_packages ]]; then
  say "$name: holds $(packages_of "$archive" | grep -Ex "($shown_packages)=.*" | paste -sd' ')"
fi
echo "$archive"
