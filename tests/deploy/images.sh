# Images of this checkout in a registry that the cluster's nodes reach. Sourced after cluster.sh.
#   IMAGE_REGISTRY  prefix of the images' names, such as registry.example.com/team; logged in with `crane auth login`
#   LOCAL_TAG       their tag (default: the commit)

default_tag() {
  local tag
  tag=$(git -C "$checkout" rev-parse --short HEAD 2>/dev/null) || { echo dev && return; }
  git -C "$checkout" diff --quiet HEAD 2>/dev/null || tag+=-dirty
  echo "$tag"
}
LOCAL_TAG=${LOCAL_TAG:-$(default_tag)}

need_registry() {
  [[ -n ${IMAGE_REGISTRY:-} ]] ||
    refuse "IMAGE_REGISTRY is not set" "the prefix of a registry that you may push to and the nodes pull from: IMAGE_REGISTRY=registry.example.com/team"
}

# reference NAME: an image's name in that registry; NAME is operator, server, agent or code.
reference() { echo "$IMAGE_REGISTRY/openvox-$1:$LOCAL_TAG"; }

# push NAME: builds the image, if it is not in the cache, and pushes it.
push() (
  local archive layout said
  archive=$("$tests/images/build.sh" "$1")
  layout=$(mktemp -d)
  trap 'rm -rf "$layout"' EXIT
  tar -C "$layout" -xf "$archive"
  said=$(crane push "$layout" "$(reference "$1")" 2>&1) || {
    say "$said"
    refuse "$(reference "$1") cannot be pushed" "check IMAGE_REGISTRY=$IMAGE_REGISTRY, and log in: crane auth login ${IMAGE_REGISTRY%%/*}"
  }
  say "pushed: $(reference "$1")"
)

push_images() {
  need_registry
  need_tools crane
  local name
  for name in "$@"; do push "$name"; done
}

# check_pull NAME: a node can pull the image. The operator's own says its version; the pod goes afterwards.
check_pull() {
  local image pod=openvox-pull-check waiting state
  image=$(reference "$1")
  make_namespace "$operator_namespace"
  kubectl delete pod --namespace "$operator_namespace" "$pod" --ignore-not-found --now >/dev/null 2>&1
  kubectl create --namespace "$operator_namespace" --filename - >/dev/null <<POD
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "$pod"}, "spec": {
  "restartPolicy": "Never", "automountServiceAccountToken": false,
  "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
  "containers": [{"name": "check", "image": "$image", "imagePullPolicy": "Always", "args": ["--version"],
    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}
POD
  for ((waiting = 0; waiting < 120; waiting++)); do
    state=$(kubectl get pod --namespace "$operator_namespace" "$pod" \
      --output 'jsonpath={.status.phase} {.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}')
    case $state in
      Succeeded* | Running* | Failed*) break ;;
      *ErrImagePull* | *ImagePullBackOff* | *InvalidImageName*) break ;;
    esac
    sleep 1
  done
  kubectl delete pod --namespace "$operator_namespace" "$pod" --now --wait=false >/dev/null
  [[ $state == Succeeded* || $state == Running* ]] ||
    refuse "a node of the cluster cannot run $image: ${state#* }" \
      "the nodes must reach ${IMAGE_REGISTRY%%/*} under this very name and trust its certificate; a registry that needs a log-in needs imagePullSecrets"
  say "pulled by a node: $image"
}
