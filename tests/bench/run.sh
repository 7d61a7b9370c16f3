#!/usr/bin/env bash
# run.sh [BENCHMARK...]: runs the benchmarks of this folder one after another, or only those that are named.
#   stack   from `helm install` to a running Puppet Server on a real node (root), and what the operator costs meanwhile
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
(($#)) || set -- stack
for name in "$@"; do
  [[ -x ./$name.py ]] || { echo "no benchmark $name; there is: $(basename -s .py -- *.py | paste -sd' ')" >&2; exit 2; }
  echo "==== $name"
  "./$name.py"
done
