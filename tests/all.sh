#!/usr/bin/env bash
# all.sh RECIPE...: runs recipes of the justfile one after another, also after a failure, and sums up.
# A recipe that prints a line beginning with SKIPPED counts as such. Ends with 1 when one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/demo/step.sh
passed=0 failed=0 skipped=0 summary=()
log=$(mktemp)
trap 'end_meanwhile; rm -f "$log"' EXIT

# The operator's image takes longest to build, and only the end-to-end tests want it: it is built beside the others,
# with what they leave of the processors. Whether that failed, they will say.
if ((EUID == 0)) && [[ -z ${KUBECONFIG:-} && " $* " == *" test-e2e "* ]]; then
  meanwhile /dev/null nice -n 19 tests/images/build.sh operator
fi

for recipe in "$@"; do
  printf '\n==== %s\n' "$recipe"
  began=$SECONDS
  if ./justw "$recipe" 2>&1 | tee "$log"; then
    if reason=$(grep -m 1 '^SKIPPED' "$log"); then
      skipped=$((skipped + 1)) verdict=$reason
    else
      passed=$((passed + 1)) verdict=passed
    fi
  else
    failed=$((failed + 1)) verdict=FAILED
  fi
  summary+=("$(printf '%-18s %5d s  %s' "$recipe" $((SECONDS - began)) "$verdict")")
  printf '==== %s\n' "${summary[-1]}"
done

printf '\n'
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped" || true)"
((failed == 0))
