#!/usr/bin/env bash
# run.sh: lints and renders every chart with each of its ci/ value files, then runs its helm-unittest suites.
# With KUBECONFIG set, a server-side dry run lets that cluster's API server check every rendered object; the CRDs
# must be installed there. Of that check two namespaces are made, charts-check and puppet, and deleted again.
#   HELM     the helm program (default: helm on the PATH)
#   KUBECTL  the kubectl program with its first arguments (default: kubectl)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
charts=$(cd "$here/../../charts" && pwd)
helm=${HELM:-helm}
read -ra kubectl <<<"${KUBECTL:-kubectl}"
unittest_version=v1.1.2
unittest=${XDG_CACHE_HOME:-$HOME/.cache}/openvox-operator/bin/helm-unittest-$unittest_version
work=$(mktemp -d)
# Of the check against an API server: every namespace that a ci/ file renders into, once it is made.
namespaces=()
clean_up() {
  local namespace
  for namespace in "${namespaces[@]}"; do
    "${kubectl[@]}" delete namespace "$namespace" --wait=false >/dev/null || true
  done
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap clean_up EXIT

say() { echo "charts: $*" >&2; }

# helm-unittest cannot share a module with helm 4, and `go install` refuses its replace lines: it is built from its
# own downloaded module, once.
build_unittest() {
  local module=github.com/helm-unittest/helm-unittest@$unittest_version source
  say "building helm-unittest $unittest_version (some minutes, once)"
  source=$(cd "$work" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  cp -r "$source" "$work/helm-unittest"
  chmod -R u+w "$work/helm-unittest"
  mkdir -p "$(dirname "$unittest")"
  . "$here/../go.sh"
  (cd "$work/helm-unittest" && nice go build -ldflags '-s -w' -o "$unittest.part" ./cmd/helm-unittest)
  mv "$unittest.part" "$unittest"
}

# The chart's number is the program's number.
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$here/../../Cargo.toml")
for chart in "$charts"/*/; do
  for key in version appVersion; do
    grep -qE "^$key: \"?${version//./\\.}\"?$" "$chart/Chart.yaml" || {
      say "$(basename "$chart"): $key in Chart.yaml is not the workspace's $version"
      exit 1
    }
  done
done

for values in "$charts"/*/ci/*-values.yaml; do
  chart=$(dirname "$(dirname "$values")")
  name=$(basename "$chart")-$(basename "$values" -values.yaml)
  say "lint and render $name"
  "$helm" lint --strict --quiet "$chart" --values "$values"
  "$helm" template release "$chart" --namespace charts-check --values "$values" >"$work/$name.yaml"
done

[[ -x $unittest ]] || build_unittest
"$unittest" --strict "$charts"/*/

[[ -n ${KUBECONFIG:-} ]] || exit 0
# A kubeconfig whose own namespace is the release's: with --namespace, kubectl refuses objects that name another.
"${kubectl[@]}" config view --raw --flatten >"$work/kubeconfig"
export KUBECONFIG=$work/kubeconfig
"${kubectl[@]}" config set-context --current --namespace charts-check >/dev/null
for namespace in charts-check puppet; do
  "${kubectl[@]}" create namespace "$namespace" >/dev/null
  namespaces+=("$namespace")
done
for rendered in "$work"/*.yaml; do
  say "API server: $(basename "$rendered" .yaml)"
  "${kubectl[@]}" apply --dry-run=server --validate=strict -f "$rendered" >/dev/null
done
