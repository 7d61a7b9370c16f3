#!/usr/bin/env bash
# demo.sh: from nothing to a Puppet agent's catalog on a Kubernetes of its own, named `demo`.
# A cluster that is there is used again. Needs root, because a real node does: kubelet, containerd, networks.
#   OPERATOR_BIN, AUTOSIGN_BIN  take these programs instead of building them (see tests/images)
#   PLUGIN_BIN                  the same for kubectl-openvox
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
cluster=demo
namespace=puppet
state=${XDG_STATE_HOME:-$HOME/.local/state}/openvox-devcluster
logs=$state/$cluster-logs
# The six kinds that the operator acts on.
kinds=(certificateauthorities certificates configs pools servers signingpolicies)
began=$SECONDS

if ((EUID != 0)); then
  cat >&2 <<'TEXT'
demo: this needs root, because it starts a real node (kubelet, containerd, a network of its own).
      Everything stays in namespaces and one folder, and `./justw down` removes it. Run: sudo -E ./justw demo
TEXT
  exit 1
fi

mkdir -p "$logs"
cd "$checkout"
. "$here/step.sh"

# build_image NAME: makes the image if it is not in the cache; its path is the last line of its log.
build_image() { tests/images/build.sh "$1"; }
images_ahead() { build_image server && build_image agent; }
archive_of() { tail -n 1 "$logs/Image-$1.log"; }

# build_programs: in one go, because they have their libraries in common and each links on a core of its own. The folder
# they lie in is the last line of its log.
build_programs() {
  [[ -n ${OPERATOR_BIN:-} && -n ${AUTOSIGN_BIN:-} && -n ${PLUGIN_BIN:-} ]] && return
  tests/release.sh -p openvox-operator -p openvox-runtime -p openvox-plugin \
    --bin openvox-operator --bin openvox-autosign --bin kubectl-openvox
}

# load_image NAME: unless this cluster has it.
load_image() {
  local archive mark=$state/$cluster/loaded-$1
  archive=$(archive_of "$1")
  [[ $(cat "$mark" 2>/dev/null) == "$archive" ]] && return
  devcluster load-image --name "$cluster" "$archive" && echo "$archive" >"$mark"
}

# load_the_rest: these take longest, so they are loaded while the operator starts.
load_the_rest() {
  load_image server && load_image code && load_image agent
}

# install_operator: the annotation makes a new image under the same tag a new rollout. Helm never upgrades CRDs.
install_operator() {
  kubectl apply --server-side --force-conflicts -f charts/openvox-operator/crds
  helm upgrade --install openvox-operator charts/openvox-operator \
    --namespace openvox-system --create-namespace \
    --set-string "podAnnotations.demo/image=$(basename "$(archive_of operator)" .tar)"
  kubectl rollout status --namespace openvox-system deployment/openvox-operator --timeout 120s
}

# loaded: waits for load_the_rest, which is no child of the step's own process.
loaded() { tail --pid "$loading" -n +1 -f "$logs/Load-the-rest.log" && [[ -e $state/$cluster/loaded-agent ]]; }

install_stack() {
  helm upgrade --install demo charts/openvox-stack \
    --namespace "$namespace" --create-namespace --values tests/demo/stack.yaml
}

# become_ready SELECTOR SECONDS KIND...: the live view; when it gives up, what the operator and the pods say.
become_ready() {
  python3 tests/demo/watch.py "$namespace" "$@" && return
  headline "What the pods say"
  kubectl get pods --namespace "$namespace" || true
  headline "The last lines of the operator"
  kubectl logs --namespace openvox-system deployment/openvox-operator --tail 15 | cut -c 1-300 || true
  cat <<TEXT

  look at:  export KUBECONFIG=$KUBECONFIG
            kubectl describe openvox -n $namespace
            kubectl logs -n $namespace deployment/demo-ca
  begin anew:  ./justw down && ./justw demo
TEXT
  exit 1
}

# next_node: the first of web01, web02 … that has not run yet. A node's key is in its pod, so each pod is a new node.
next_node() {
  local number=1 node
  while node=$(printf 'web%02d' "$number") && kubectl get pod --namespace "$namespace" "$node" >/dev/null 2>&1; do
    number=$((number + 1))
  done
  echo "$node"
}

run_agent() {
  local node=$1 color=false code
  [[ -t 1 ]] && color=ansi
  sed -e "s/NODE/$node/g" -e "s/COLOR/$color/g" tests/demo/agent.yaml | kubectl create --namespace "$namespace" -f - >/dev/null
  kubectl logs --namespace "$namespace" "$node" --follow --pod-running-timeout 60s \
    2> >(grep -v 'waiting to start' >&2) | sed 's/^/  /'
  kubectl wait --namespace "$namespace" "pod/$node" \
    --for=jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}' --timeout 60s >/dev/null
  code=$(kubectl get pod --namespace "$namespace" "$node" -o jsonpath='{.status.containerStatuses[0].state.terminated.message}')
  if [[ $code != 2 ]]; then
    printf '\n  The agent ended with %s; 2 would mean: the catalog was applied and changed something.\n' "$code"
    printf '  look at:  kubectl logs -n %s deployment/demo-ca --tail 50\n' "$namespace"
    exit 1
  fi
  printf '  Exit code 2: the catalog was applied and changed something.\n'
}

headline "1. Programs and images (kept in ${XDG_CACHE_HOME:-~/.cache}/openvox-operator)"
step "Debian packages" "apt-get update" tests/packages.sh
# On a first run these wait for a mirror while Kubernetes compiles; each image has a lock, so the steps below join in.
meanwhile "$logs/Images-ahead.log" images_ahead
step "Kubernetes" "is Go 1.26 or later, and does it reach the module proxy?" tests/devcluster/build.sh node
PATH=$(tail -n 1 "$logs/Kubernetes.log"):$PATH
step "Image server" "does apt-get reach a Debian mirror?" build_image server
step "Image agent" "does apt-get reach a Debian mirror?" build_image agent
step "Image code" tests/images/code.sh build_image code
step "Operator and plug-in" "cargo build --release" build_programs
built=$(tail -n 1 "$logs/Operator-and-plug-in.log")
export OPERATOR_BIN=${OPERATOR_BIN:-$built/openvox-operator} AUTOSIGN_BIN=${AUTOSIGN_BIN:-$built/openvox-autosign}
# kubectl finds it on the PATH by its name.
plugin=${PLUGIN_BIN:-$built/kubectl-openvox}
PATH=${plugin%/*}:$PATH
step "Image operator" tests/images/operator.sh build_image operator

headline "2. A Kubernetes with one real node"
step "Cluster $cluster" "devcluster status --name $cluster; ./justw down begins anew" devcluster up --name "$cluster" --mode node
KUBECONFIG=$(devcluster kubeconfig --name "$cluster")
export KUBECONFIG
step "Load image operator" "devcluster status --name $cluster" load_image operator
meanwhile "$logs/Load-the-rest.log" load_the_rest
loading=$meanwhile

headline "3. helm install openvox-operator, and a stack: one CA that also compiles catalogs"
step "Operator" "kubectl describe pods -n openvox-system" install_operator
step "Load the other images" "devcluster status --name $cluster; $logs/Load-the-rest.log" loaded
step "Stack" "kubectl get events -n $namespace" install_stack

headline "4. What the operator makes of it"
become_ready app.kubernetes.io/managed-by=Helm 420 "${kinds[@]}"

headline "5. One more certificate, through the running CA"
show kubectl apply --namespace "$namespace" -f tests/demo/certificate.yaml
become_ready app=demo 120 certificates

node=$(next_node)
headline "6. A Puppet agent: $node.demo.test"
run_agent "$node"

headline "7. Every object and its phase"
show kubectl get openvox --namespace "$namespace"

headline "8. How they came there: the history API, through kubectl port-forward"
for object in certificateauthority/demo-ca certificate/demo-ca certificate/dashboard server/demo-ca; do
  printf '  %s%s%s\n' "$bold" "$object" "$plain"
  python3 tests/demo/history.py "${object%/*}" "$namespace" "${object#*/}"
  echo
done

headline "9. The same as Kubernetes events"
show kubectl events --namespace "$namespace" --for server/demo-ca

headline "10. What blocks a policy that does not parse: kubectl openvox"
show kubectl apply --namespace "$namespace" -f tests/demo/broken-policy.yaml
kubectl wait --namespace "$namespace" signingpolicy/broken --for=jsonpath='{.status.phase}'=Error --timeout 30s >/dev/null
# Both say by their exit code that something is not ready.
show kubectl openvox status --namespace "$namespace" || true
show kubectl openvox why signingpolicy/broken --namespace "$namespace" || true
kubectl delete --namespace "$namespace" -f tests/demo/broken-policy.yaml >/dev/null

headline "Done after $((SECONDS - began)) s. What to try next"
cat <<TEXT
  export KUBECONFIG=$KUBECONFIG
  export PATH=$(tail -n 1 "$logs/Kubernetes.log"):${plugin%/*}:\$PATH

  kubectl port-forward -n openvox-system deployment/openvox-operator 8082 &
  kubectl create token -n openvox-system openvox-operator         # all of it as a page, http://127.0.0.1:8082/

  kubectl openvox plan -n $namespace                              # what the operator would do next; the same for
  kubectl openvox history certificate/dashboard -n $namespace     #   why, replay, renew, pause, report

  kubectl delete pod -n $namespace -l openvox.voxpupuli.org/server=demo-ca --wait=false
  kubectl get server demo-ca -n $namespace --watch                # Running, Pending, Running

  kubectl apply -n $namespace -f tests/demo/compiler.yaml         # a second Server (900 MiB), and to rest:
  kubectl scale -n $namespace server/compiler --replicas 0

  ./justw demo    # again: a new node, the same cluster
  ./justw down    # and all of it is gone
TEXT
