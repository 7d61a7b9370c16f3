#!/usr/bin/env bash
# demo.sh: from nothing to a Puppet agent's catalog on a Kubernetes of its own, named `demo`.
# A cluster that is there is used again. Needs root, because a real node does: kubelet, containerd, networks.
#   DEMO_CLUSTER=current        takes the cluster of the current kubeconfig, with images pushed to IMAGE_REGISTRY
#                               (see tests/deploy/images.sh); `DEMO_CLUSTER=current ./justw down` removes what it made
#   PROGRAMS  take the programs from this folder instead of building them (see tests/images)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(dirname "$here") checkout=$(cd "$here/../.." && pwd)
. "$tests/deploy/cluster.sh"
. "$tests/deploy/images.sh"
. "$tests/deploy/releases.sh"
. "$tests/images/names.sh"
cluster=demo
namespace=puppet
case ${DEMO_CLUSTER:-} in
  "") current= ;;
  current) current=1 ;;
  *) refuse "DEMO_CLUSTER is $DEMO_CLUSTER" "\`current\` takes the cluster of your kubeconfig; unset it for a cluster of its own" ;;
esac
state=${XDG_STATE_HOME:-$HOME/.local/state}/openvox-devcluster
logs=$state/$cluster-logs
# The six kinds that the operator acts on.
kinds=(certificateauthorities certificates configs pools servers signingpolicies)
began=$SECONDS

if ((EUID != 0)); then
  cat >&2 <<'TEXT'
demo: this needs root, because it starts a real node (kubelet, containerd, a network of its own).
      Everything stays in namespaces and one folder, and `./justw down` removes it. Run: sudo -E ./justw demo
      On a cluster that you have, images are built of Debian packages in a chroot, which needs root too.
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

# packages_in NAME: the versions that this image holds; its label names all of them.
packages_in() { sed -n "s/^images: $1: holds /    /p" "$logs/Image-$1.log"; }

# build_programs: in one go, because they have their libraries in common and each links on a core of its own. The folder
# they lie in is the last line of its log.
build_programs() {
  [[ -n ${PROGRAMS:-} ]] && echo "$PROGRAMS" && return
  tests/release.sh -p openvox-operator -p openvox-runtime -p openvox-plugin \
    --bin openvox-operator --bin openvox-autosign --bin openvox-enc --bin kubectl-openvox
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

# the_operator: the annotation makes a new image under the same tag a new rollout.
the_operator() {
  install_operator --set-string "podAnnotations.demo/image=$(basename "$(archive_of operator)" .tar)" \
    --set-string "image.repository=${operator_image%:*},image.tag=${operator_image##*:}"
}

# loaded: waits for load_the_rest, which is no child of the step's own process.
loaded() { tail --pid "$loading" -n +1 -f "$logs/Load-the-rest.log" && [[ -e $state/$cluster/loaded-agent ]]; }

the_stack() {
  install_stack demo "$namespace" --values tests/demo/stack.yaml \
    --set-string "config.image.repository=${server_image%:*},config.image.tag=${server_image##*:},config.code.image=$code_image"
}

# announce: what will be made on somebody's cluster.
announce() {
  headline "What this makes on the cluster of context $(kubectl config current-context)"
  cat <<TEXT
  images          openvox-operator, -server, -agent, -code with tag $LOCAL_TAG in $IMAGE_REGISTRY
  cluster-wide    the CRDs of openvox.voxpupuli.org, ClusterRoles and bindings named openvox-operator…
  $operator_namespace  Helm release $operator_release: the operator (10m CPU, 128 MiB)
  $namespace          Helm release demo: a CA and compiler (900 MiB, a volume of 1 GiB), and agents' pods
  To remove all of it afterwards: DEMO_CLUSTER=current ./justw down
TEXT
}

# become_ready SELECTOR SECONDS KIND...: the live view; when it gives up, what the operator and the pods say.
become_ready() {
  python3 tests/demo/watch.py "$namespace" "$@" && return
  headline "What the pods say"
  kubectl get pods --namespace "$namespace" || true
  headline "The last lines of the operator"
  kubectl logs --namespace openvox-system deployment/openvox-operator --tail 15 | cut -c 1-300 || true
  cat <<TEXT

  look at:  ${KUBECONFIG:+export KUBECONFIG=$KUBECONFIG;} kubectl get pods -n $namespace
            kubectl describe openvox -n $namespace
            kubectl logs -n $namespace deployment/demo-ca
  begin anew:  ${DEMO_CLUSTER:+DEMO_CLUSTER=current }./justw down, then ./justw demo
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
  sed -e "s/NODE/$node/g" -e "s/COLOR/$color/g" -e "s#IMAGE#$agent_image#" tests/demo/agent.yaml | kubectl create --namespace "$namespace" -f - >/dev/null
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

if [[ -n $current ]]; then
  need_registry
  check_cluster
  check_operator
  ! kubectl get namespace "$namespace" >/dev/null 2>&1 || was_created "$namespace" ||
    refuse "namespace $namespace exists, and this demo did not make it" "rename or delete it, or run ./justw demo on a cluster of its own"
  announce
  name_of=reference
else
  name_of=published
fi
operator_image=$($name_of operator) server_image=$($name_of server) agent_image=$($name_of agent) code_image=$($name_of code)

headline "1. Programs and images (kept in ${XDG_CACHE_HOME:-~/.cache}/openvox-operator)"
step "Debian packages" "apt-get update" tests/packages.sh
# On a first run these wait for a mirror while Kubernetes compiles; each image has a lock, so the steps below join in.
meanwhile "$logs/Images-ahead.log" images_ahead
if [[ -n $current ]]; then
  step "crane" "is Go 1.26 or later, and does it reach the module proxy?" tests/devcluster/build.sh crane
  PATH=$(tail -n 1 "$logs/crane.log"):$PATH
else
  step "Kubernetes" "is Go 1.26 or later, and does it reach the module proxy?" tests/devcluster/build.sh node
  PATH=$(tail -n 1 "$logs/Kubernetes.log"):$PATH
fi
step "Image server" "does apt-get reach a Debian mirror?" build_image server
packages_in server
step "Image agent" "does apt-get reach a Debian mirror?" build_image agent
packages_in agent
step "Image code" tests/images/code.sh build_image code
step "Operator and plug-in" "cargo build --release" build_programs
PROGRAMS=$(tail -n 1 "$logs/Operator-and-plug-in.log")
export PROGRAMS
# kubectl finds the plug-in on the PATH by its name.
PATH=$PROGRAMS:$PATH
step "Image operator" tests/images/operator.sh build_image operator

if [[ -n $current ]]; then
  headline "2. The images in $IMAGE_REGISTRY"
  step "Push images" "crane auth login ${IMAGE_REGISTRY%%/*}" push_images operator server agent code
  step "Pull by a node" "do the nodes reach ${IMAGE_REGISTRY%%/*}?" check_pull operator
else
  headline "2. A Kubernetes with one real node"
  step "Cluster $cluster" "devcluster status --name $cluster; ./justw down begins anew" devcluster up --name "$cluster" --mode node
  KUBECONFIG=$(devcluster kubeconfig --name "$cluster")
  export KUBECONFIG
  step "Load image operator" "devcluster status --name $cluster" load_image operator
  meanwhile "$logs/Load-the-rest.log" load_the_rest
  loading=$meanwhile
fi

headline "3. helm install openvox-operator, and a stack: one CA that also compiles catalogs"
step "Operator" "kubectl describe pods -n openvox-system" the_operator
[[ -n $current ]] || step "Load the other images" "devcluster status --name $cluster; $logs/Load-the-rest.log" loaded
step "Stack" "kubectl get events -n $namespace" the_stack

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

headline "8. How they came there: the operator's journal"
for object in certificateauthority/demo-ca certificate/demo-ca certificate/dashboard server/demo-ca; do
  show kubectl openvox history "$object" --namespace "$namespace"
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
down="./justw down" again="./justw demo"
if [[ -n $current ]]; then
  down="DEMO_CLUSTER=current ./justw down" again="DEMO_CLUSTER=current ./justw demo"
  echo "  export PATH=$PROGRAMS:\$PATH"
else
  echo "  export KUBECONFIG=$KUBECONFIG"
  echo "  export PATH=$(tail -n 1 "$logs/Kubernetes.log"):$PROGRAMS:\$PATH"
fi
cat <<TEXT

  kubectl openvox page                                            # all of it in a browser: prints an address

  kubectl openvox plan -n $namespace                              # what the operator would do next; the same for
  kubectl openvox history certificate/dashboard -n $namespace     #   why, replay, renew, pause, report

  kubectl delete pod -n $namespace -l openvox.voxpupuli.org/server=demo-ca --wait=false
  kubectl get server demo-ca -n $namespace --watch                # Running, Pending, Running

  kubectl apply -n $namespace -f tests/demo/compiler.yaml         # a second Server (900 MiB), and to rest:
  kubectl scale -n $namespace server/compiler --replicas 0

  $again    # again: a new node, the same cluster
  $down    # and all of it is gone
TEXT
