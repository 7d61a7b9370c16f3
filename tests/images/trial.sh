#!/usr/bin/env bash
# trial.sh ROOT: runs ROOT/tmp/recipe/trial.sh in a copy of the root file system ROOT, with processes, mounts and a
# loopback network of its own. The copy goes afterwards, so nothing that the trial writes reaches the image.
set -euo pipefail
copy=$(mktemp -d "${TMPDIR:-/tmp}/trial.XXXXXX")
trap 'rm -rf --one-file-system "$copy"' EXIT
cp --archive --one-file-system --reflink=auto "$1/." "$copy"
# What mmdebstrap mounts there was not copied.
mkdir -p "$copy/dev" "$copy/proc"
unshare --mount --pid --fork --kill-child --net bash -euc '
  ip link set lo up
  mount --rbind /dev "$0/dev"
  mount -t proc proc "$0/proc"
  exec chroot "$0" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    sh /tmp/recipe/trial.sh' "$copy"
