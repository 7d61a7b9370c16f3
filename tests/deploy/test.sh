#!/usr/bin/env bash
# test.sh: the recipes for a cluster that somebody has, and the demo on it, against a devcluster that plays it. Each
# refusal is told with its cause; what was installed goes without a trace.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ((EUID != 0)); then
  echo "SKIPPED: a real node needs root"
  exit 0
fi
PATH=$(tests/devcluster/build.sh node | tail -n 1):$PATH
cluster=given
work=$(mktemp -d)
pretender=
clean_up() {
  [[ -z $pretender ]] || kill "$pretender" 2>/dev/null || true
  devcluster down --name "$cluster" >/dev/null 2>&1
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}
# ran TITLE COMMAND...: its output is shown when it fails.
ran() {
  local title=$1 began=$SECONDS
  shift
  "$@" >"$work/said" 2>&1 </dev/null || {
    tail -n 60 "$work/said"
    fail "$title"
  }
  printf 'ok %4d s  %s\n' $((SECONDS - began)) "$title"
}
# refused WORDS COMMAND...: it fails, with these words and a remedy.
refused() {
  local words=$1
  shift
  if "$@" >"$work/said" 2>&1 </dev/null; then fail "not refused: $*"; fi
  grep -qF "refused: $words" "$work/said" && grep -q '^  remedy: ' "$work/said" || {
    tail -n 20 "$work/said"
    fail "refused with other words than: $words"
  }
  printf 'ok         refused: %s\n' "$words"
}
# objects: what is in the cluster besides what Kubernetes makes and drops by itself.
objects() {
  kubectl get namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,apiservices,priorityclasses --output name
  kubectl get deployments,services,configmaps,secrets,persistentvolumeclaims,serviceaccounts,roles,rolebindings,jobs,pods \
    --all-namespaces --output 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}'
}
stack_runs() { kubectl wait --namespace "$1" "server/$2" --for=jsonpath='{.status.phase}'=Running --timeout 240s; }

devcluster down --name "$cluster" >/dev/null 2>&1
ran "a cluster" devcluster up --name "$cluster" --mode node
KUBECONFIG=$(devcluster kubeconfig --name "$cluster")
export KUBECONFIG
IMAGE_REGISTRY=$(devcluster status --name "$cluster" | awk '$1 == "registry" && !seen++ { print $2 }')/somebody
export IMAGE_REGISTRY LOCAL_TAG=try
objects >"$work/before"

refused "there is no kubeconfig with a current context" env KUBECONFIG="$work/none" ./justw install
cat >"$work/pretender.py" <<'PYTHON'
import http.server, json
class Old(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"major": "1", "minor": "29", "gitVersion": "v1.29.4"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Old)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 "$work/pretender.py" >"$work/port" &
pretender=$!
until [[ -s $work/port ]]; do sleep 0.1; done
for field in "set-cluster old --server http://127.0.0.1:$(cat "$work/port")" "set-context old --cluster old" "use-context old"; do
  # shellcheck disable=SC2086
  kubectl --kubeconfig "$work/old" config $field >/dev/null
done
refused "context old is Kubernetes v1.29.4; 1.31 or later is needed" env KUBECONFIG="$work/old" ./justw install
kill "$pretender" && pretender=
refused "the API server of context old does not answer" env KUBECONFIG="$work/old" ./justw install
refused "IMAGE_REGISTRY is not set" env -u IMAGE_REGISTRY ./justw local-deploy
refused "127.0.0.1:1/nowhere/openvox-operator:try cannot be pushed" env IMAGE_REGISTRY=127.0.0.1:1/nowhere ./justw local-build
refused "no operator runs in namespace openvox-system" ./justw stack
refused "a node of the cluster cannot run 127.0.0.1:1/nowhere/openvox-operator:try" env IMAGE_REGISTRY=127.0.0.1:1/nowhere ./justw local-install
refused "DEMO_CLUSTER is mine" env DEMO_CLUSTER=mine ./justw demo

ran "local-deploy" ./justw local-deploy
ran "local-stack" env STACK_VALUES=tests/demo/stack.yaml ./justw local-stack
ran "the stack runs" stack_runs openvox openvox-ca
echo '{"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Config", "metadata": {"name": "theirs"}, "spec": {"authorityRef": "none", "image": {"repository": "theirs"}}}' >"$work/theirs"
ran "an object of somebody else" kubectl create --namespace default --filename "$work/theirs"
refused "objects of the operator's kinds remain, and would go with their CRDs:" ./justw uninstall
grep -q '^default Config/theirs$' "$work/said" || fail "it does not name the object: $(cat "$work/said")"
ran "that object goes" kubectl delete config.openvox.voxpupuli.org/theirs --namespace default
ran "e2e, one test" ./justw e2e an_agent_that_no_policy_allows
ran "uninstall" ./justw uninstall
ran "demo" env DEMO_CLUSTER=current ./justw demo
ran "down" env DEMO_CLUSTER=current ./justw down

# The published names, and the default stack: an agent is signed without further steps.
for image in operator server; do
  ran "image $image" devcluster load-image --name "$cluster" "$(tests/images/build.sh "$image" | tail -n 1)"
done
ran "install" ./justw install
ran "stack" ./justw stack
ran "the default stack runs" stack_runs openvox openvox-ca
agent() {
  kubectl run first-agent --namespace openvox --image "$IMAGE_REGISTRY/openvox-agent:$LOCAL_TAG" --restart Never --quiet --attach \
    --command -- sh -c 'puppet agent --test --server openvox-server --ca_server openvox-ca --certname first.example.com --waitforcert 5; test $? -eq 0 -o $? -eq 2'
}
ran "a first agent gets its certificate and its catalog" agent
grep -q 'Applied catalog' "$work/said" || fail "no catalog: $(cat "$work/said")"
ran "unstack" ./justw unstack
ran "uninstall" ./justw uninstall

# What Kubernetes removes in the background may take a moment.
for _ in {1..30}; do
  objects >"$work/after"
  diff <(sort "$work/before") <(sort "$work/after") >"$work/left" && break
  sleep 1
done
[[ ! -s $work/left ]] || fail "this is left behind: $(cat "$work/left")"
echo "ok         nothing is left in the cluster"
