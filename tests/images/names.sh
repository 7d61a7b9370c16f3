# The names under which the charts and the tests ask for the images. Sourced.

# published NAME: reference of the image operator, server, agent or code, REPOSITORY:TAG.
published() {
  case $1 in
    operator) echo "ghcr.io/voxpupuli/openvox-operator:$(chart_version)" ;;
    server) echo ghcr.io/slauger/openvox-server:latest ;;
    agent) echo ghcr.io/slauger/openvox-agent:latest ;;
    code) echo ghcr.io/voxpupuli/openvox-code:demo ;;
  esac
}

# chart_version: the appVersion of the operator's chart, which is the tag of its image.
chart_version() {
  sed -n 's/^appVersion: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$(dirname "${BASH_SOURCE[0]}")/../../charts/openvox-operator/Chart.yaml"
}
