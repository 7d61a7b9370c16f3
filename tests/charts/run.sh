#!/usr/bin/env bash
# run.sh: lints and renders every chart with each of its ci/ value files, then runs its helm-unittest suites.
# With KUBECONFIG set, a server-side dry run lets that cluster's API server check every rendered object; the CRDs
# must be installed there. Of that check two namespaces are made, charts-check and puppet, and deleted again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
charts=$(cd "$here/../../charts" && pwd)
PATH=$("$here/../devcluster/build.sh" kwok | tail -n 1):$PATH
work=$(mktemp -d)
# Of the check against an API server: every namespace that a ci/ file renders into, once it is made.
namespaces=()
clean_up() {
  local namespace
  for namespace in "${namespaces[@]}"; do
    kubectl delete namespace "$namespace" --wait=false >/dev/null || true
  done
  rm -rf "$work"
}
trap clean_up EXIT

say() { echo "charts: $*" >&2; }

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
  helm lint --strict --quiet "$chart" --values "$values"
  helm template release "$chart" --namespace charts-check --values "$values" >"$work/$name.yaml"
done

helm-unittest --strict "$charts"/*/

[[ -n ${KUBECONFIG:-} ]] || exit 0
# A kubeconfig whose own namespace is the release's: with --namespace, kubectl refuses objects that name another.
kubectl config view --raw --flatten >"$work/kubeconfig"
export KUBECONFIG=$work/kubeconfig
kubectl config set-context --current --namespace charts-check >/dev/null
for namespace in charts-check puppet; do
  kubectl create namespace "$namespace" >/dev/null
  namespaces+=("$namespace")
done
for rendered in "$work"/*.yaml; do
  say "API server: $(basename "$rendered" .yaml)"
  kubectl apply --dry-run=server --validate=strict -f "$rendered" >/dev/null
done
