#!/usr/bin/env bash
# prometheus.sh: prints the folder that has prometheus and promtool. Takes those on the PATH; otherwise unpacks Debian's
# package into ${XDG_CACHE_HOME:-~/.cache}/openvox-operator, which needs no root. It is not installed: that would start a
# Prometheus on this machine.
set -euo pipefail
if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
  dirname "$(command -v promtool)"
  exit 0
fi
folder=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/prometheus
if [[ ! -x $folder/usr/bin/promtool ]]; then
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "prometheus.sh: prometheus and promtool are missing: get them from https://prometheus.io/download and put them on the PATH" >&2
    exit 1
  }
  mkdir -p "$(dirname "$folder")"
  part=$(mktemp -d "$folder.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  # Run as root, apt drops its rights for a download, to a user that must be able to write here.
  chmod 777 "$part"
  (cd "$part" && apt-get download --quiet=2 prometheus) >&2 || {
    echo "prometheus.sh: apt-get could not download prometheus; is the list of packages there (apt-get update)?" >&2
    exit 1
  }
  mkdir "$part/files"
  dpkg-deb --extract "$part"/prometheus_*.deb "$part/files"
  # Of the package, only the two programs are used.
  mkdir -p "$folder/usr/bin"
  mv "$part"/files/usr/bin/{prometheus,promtool} "$folder/usr/bin/"
fi
echo "$folder/usr/bin"
