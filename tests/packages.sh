#!/usr/bin/env bash
# packages.sh: installs the Debian packages that builds, test cluster and images need, as far as they are missing.
# Without root or apt it only says which those are.
set -euo pipefail
packages=(
  ca-certificates curl python3 gcc libc6-dev make cmake              # scripts; cryptography and SQLite of the operator
  pkg-config libseccomp-dev nftables busybox-static                  # a real node
  mmdebstrap binutils                                                # images
  chromium chromium-driver fonts-dejavu-core                         # the web page, in a real browser
  postgresql                                                         # servers of the tests' own
  libfaketime                                                        # an operator whose clock jumps
  lua5.1                                                             # the language of Argo CD's health scripts
  ruby                                                               # how Puppet reads what openvox-enc prints
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
((${#missing[@]})) || exit 0
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "not root on Debian; to be installed by hand, as far as they are needed: ${missing[*]}"
  exit 0
fi
apt-get update -qq
export DEBIAN_FRONTEND=noninteractive
if [[ " ${missing[*]} " == *" postgresql "* ]]; then
  # The tests start servers of their own; the one that the package starts, on port 5432, is not made.
  apt-get install -qq --yes --no-install-recommends postgresql-common
  settings=/etc/postgresql-common/createcluster.conf
  cp -p "$settings" "$settings.before-openvox-tests"
  trap 'mv "$settings.before-openvox-tests" "$settings"' EXIT
  echo 'create_main_cluster = false' >>"$settings"
fi
apt-get install -qq --yes --no-install-recommends "${missing[@]}"
