#!/usr/bin/env bash
# build.sh [control-plane|kwok|node|crane]: builds what a cluster of that mode needs and is not in the cache, and prints
# the folder of programs as the last line of stdout. Default: node as root, else kwok. Progress goes to stderr.
# crane is that program alone, which pushes images to any registry.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
if ((EUID == 0)); then mode=${1:-node}; else mode=${1:-kwok}; fi
case $mode in control-plane | kwok | node | crane) ;; *)
  sed -n 2,4p "$0" >&2
  exit 2
  ;;
esac

say() { printf 'devcluster build: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
# key FILE...: the content of files, in short.
key() { cat "$@" | sha256sum | cut -c1-16; }

command -v go >/dev/null || die "Go is missing (1.26 or later: https://go.dev/dl)"

cd "$here"
mapfile -t cluster_files < <(find ./*.go go.* templates verbatim -type f | LC_ALL=C sort)
mapfile -t tools_files < <(find go.* coredns pause -type f | LC_ALL=C sort)
cluster_key=$(key "${cluster_files[@]}")
tools_key=$(key "${tools_files[@]}")
cache=${DEVCLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator}/devcluster
cluster_bin=$cache/cluster-$cluster_key
tools_bin=$cache/tools-$tools_key
bin=$cache/$(printf '%s %s' "$cluster_key" "$tools_key" | sha256sum | cut -c1-16)/bin

# The Kubernetes version lies in go.mod alone. kubectl and API server refuse to work without one.
kubernetes=$(sed -n 's#^\s*k8s.io/kubernetes \(v[0-9.]*\)$#\1#p' go.mod)
IFS=. read -r major minor _ <<<"${kubernetes#v}"
version_flags=""
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  version_flags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done

. ../go.sh

# compile WHAT ARGUMENTS...: go build, telling how far it is.
compile() {
  local what=$1 began=$SECONDS log go
  shift
  log=$(mktemp)
  say "$what: compiling; with an empty Go cache that takes minutes"
  nice go build -v -ldflags "-s -w ${LDFLAGS:-}" "$@" >"$log" 2>&1 &
  go=$!
  trap 'kill "$go" 2>/dev/null; rm -f "$log"' EXIT
  while kill -0 "$go" 2>/dev/null; do
    sleep 1
    (((SECONDS - began) % 10)) || say "$what: $(grep -cv '^go: ' "$log" || true) packages compiled, $((SECONDS - began)) s"
  done
  if ! wait "$go"; then
    tail -n 30 "$log" >&2
    die "$what: the build failed"
  fi
  rm -f "$log"
  trap - EXIT
  say "$what: done after $((SECONDS - began)) s"
}

# install_packages: the Debian packages that a real node needs. Only root can, and only packages that are missing.
install_packages() {
  local missing=() package
  for package in gcc libc6-dev pkg-config libseccomp-dev nftables busybox-static; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || die "this is not Debian: install what ${missing[*]} are called here"
  say "installing ${missing[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}"; } >&2
}

# tool_packages: what go.mod declares as tools.
tool_packages() { sed -n '/^tool (/,/^)/s#^\t\(.*\)#\1#p' go.mod; }

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two builds at once would only be slower

if [[ $mode == crane ]]; then
  mkdir -p "$tools_bin"
  [[ -x $tools_bin/crane ]] || CGO_ENABLED=0 compile "crane" -o "$tools_bin/" github.com/google/go-containerregistry/cmd/crane
  echo "$tools_bin"
  exit
fi
if [[ ! -x $cluster_bin/devcluster ]]; then
  mkdir -p "$cluster_bin"
  LDFLAGS=$version_flags CGO_ENABLED=0 compile "cluster" -o "$cluster_bin/devcluster.new" .
  mv "$cluster_bin/devcluster.new" "$cluster_bin/devcluster"
fi
mkdir -p "$tools_bin"
if [[ $mode == node ]]; then
  ((EUID == 0)) || die "a real node needs root"
  install_packages
  if [[ ! -x $tools_bin/containerd ]]; then
    mapfile -t packages < <(tool_packages | grep -E '/(containerd|containernetworking|google)/')
    CGO_ENABLED=0 compile "node" -tags no_btrfs,no_zfs,no_devmapper -o "$tools_bin/" "${packages[@]}" ./coredns ./pause
  fi
  if [[ ! -x $tools_bin/runc ]]; then
    CGO_ENABLED=1 compile "runc" -tags seccomp -o "$tools_bin/" github.com/opencontainers/runc
  fi
fi
if [[ $mode != control-plane && ! -x $tools_bin/helm ]]; then
  mapfile -t packages < <(tool_packages | grep -E '/(helm|helm-unittest|kwok|kubeconform)$')
  CGO_ENABLED=0 compile "tools" -o "$tools_bin/" "${packages[@]}"
fi

# Hard links: the cluster binary looks for the tools beside itself.
mkdir -p "$bin"
for program in "$cluster_bin/devcluster" "$tools_bin"/*; do
  [[ -x $program && ! $program -ef $bin/${program##*/} ]] && ln -f "$program" "$bin/"
done
ln -sfn devcluster "$bin/kubectl"
# What nobody asked for in two weeks goes.
touch "${bin%/bin}" "$cluster_bin" "$tools_bin"
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +14 -exec rm -rf {} +
echo "$bin"
