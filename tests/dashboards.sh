#!/usr/bin/env bash
# dashboards.sh: Grafana's schema knows every field; promtool checks and tests every alert; every
# panel and alert is asked of a real Prometheus that scrapes the operator at work. Needs no root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PROMETHEUS_BIN=$(tests/prometheus.sh)
DEVCLUSTER_BIN=$(tests/devcluster/build.sh control-plane | tail -n 1)
export PROMETHEUS_BIN DEVCLUSTER_BIN
"$PROMETHEUS_BIN/promtool" check rules dashboards/generated/alerts.yaml
"$PROMETHEUS_BIN/promtool" test rules dashboards/generated/alerts.test.yaml
tests/dashboards/schema.sh
exec cargo test --quiet --test dashboards -- "$@"
