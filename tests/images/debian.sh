# Root file systems and single files from Debian packages. Sourced by build.sh.

# The label of an image that holds NAME=VERSION of each of its packages.
packages_label=org.voxpupuli.openvox.packages

# need PACKAGE...: installs Debian packages that this machine lacks.
need() {
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  have_lists
  apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${missing[@]}" >&2
}

# have_lists: a fresh machine has no package lists yet.
have_lists() {
  [[ -n $(mirror_in_lists) ]] || apt-get update -q >&2
}

mirror_in_lists() {
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$1 == "Debian" { print $2; exit }'
}

# debian_mirror: the mirror of this machine's own apt configuration.
debian_mirror() {
  local mirror
  have_lists
  mirror=$(mirror_in_lists)
  [[ -n $mirror ]] || fail "no Debian mirror in the apt configuration"
  echo "$mirror"
}

# package_versions PACKAGE...: what apt would install here, as PACKAGE=VERSION lines.
package_versions() {
  local versions
  versions=$(candidates "$@")
  if (($(wc -l <<<"$versions") < $#)); then
    apt-get update -q >&2
    versions=$(candidates "$@")
  fi
  echo "$versions"
}

candidates() {
  apt-cache policy "$@" | awk '/^[^ ]/ { sub(/:$/, ""); name = $1 } $1 == "Candidate:" { print name "=" $2 }'
}

# unpack_packages DIR PACKAGE...: the files of packages of this machine's suite; nothing is installed, no script runs.
unpack_packages() {
  local dir=$1 debs deb
  shift
  debs=$(mktemp -d "$work/deb.XXXXXX")
  (cd "$debs" && package_versions "$@" | xargs apt-get -o APT::Sandbox::User=root download -q >/dev/null)
  for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$dir"; done
  rm -rf "$debs"
}

# debian_root SUITE PACKAGES LAYER.tar: a minimal system of SUITE with the packages that the file PACKAGES lists,
# shaped by the layout.sh beside that file and started once by the trial.sh beside it, both inside the system. The
# versions of its packages are in $versions, NAME=VERSION, one a line.
debian_root() {
  local suite=$1 layer=$3 recipe packages
  recipe=$(dirname "$2")
  packages=$(grep -v '^#' "$2" | paste -sd,)
  versions=$work/versions
  need mmdebstrap iproute2
  # A mirror's sid may be a frozen copy, hence Check-Valid-Until. The JRE's update-alternatives dies when
  # the manual pages' folder is missing, hence the essential hook.
  TMPDIR=$work nice mmdebstrap --mode=root --variant=minbase --format=tar --skip=output/dev --skip=cleanup/run \
    --include="$packages" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --essential-hook='mkdir -p "$1/usr/share/man/man1"' \
    --customize-hook="cp -r '$recipe' \"\$1/tmp/recipe\"" \
    --customize-hook='chroot "$1" sh /tmp/recipe/layout.sh' \
    --customize-hook="'$here/trial.sh' \"\$1\"" \
    --customize-hook="chroot \"\$1\" dpkg-query --show --showformat '\${Package}=\${Version}\n' >'$versions'" \
    --customize-hook='rm -rf "$1/tmp/recipe"; : >"$1/etc/apt/sources.list"' \
    "$suite" "$layer" \
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $suite main" \
    >"$work/mmdebstrap.log" 2>&1 || { failure "$work/mmdebstrap.log" >&2; return 1; }
  grep '^trial: ' "$work/mmdebstrap.log" >&2
}

# failure LOG: what the trial said, or else the end of the log.
failure() { sed -n '/^trial: /,$p' "$1" | grep . || tail -n 40 "$1"; }

# versions_label: the member "Labels" of an image's configuration, with the versions of all its packages.
versions_label() { printf '"Labels":{"%s":"%s"}' "$packages_label" "$(paste -sd' ' "$versions")"; }

# packages_of ARCHIVE: the packages that its label names, NAME=VERSION, one a line.
packages_of() {
  local config
  config=$(tar -xOf "$1" manifest.json | sed 's/.*"Config":"\([^"]*\)".*/\1/')
  tar -xOf "$1" "$config" | sed -n "s/.*\"$packages_label\":\"\([^\"]*\)\".*/\1/p" | tr ' ' '\n'
}
