#!/usr/bin/env bash
# run.sh [BENCHMARK [ARGUMENT...]]: runs one benchmark of this folder, or each with its defaults.
#   stack                           from `helm install` to a running Puppet Server on a real node (root), and what the
#                                   operator costs meanwhile
#   certificates [COUNT] [--sweep]  from apply to Signed and Running for 100 or COUNT Certificates and as many Servers, with a
#                                   real Puppet Server as CA and simulated nodes (root)
#   journal [OBJECTS TRANSITIONS]   pages of a history of a million transitions, in SQLite and in PostgreSQL
#   overhead                        reconciles with the journal on and off
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if (($#)); then
  name=$1
  shift
  [[ -x ./$name.py ]] || { echo "no benchmark $name; there is: $(find . -name '*.py' -executable -printf '%f\n' | sed 's/\.py$//' | sort | paste -sd' ')" >&2; exit 2; }
  exec "./$name.py" "$@"
fi
for name in journal overhead stack certificates; do
  echo "==== $name"
  "./$name.py"
done
