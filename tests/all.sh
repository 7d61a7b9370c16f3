#!/usr/bin/env bash
# all.sh RECIPE...: runs recipes of the justfile one after another, also after a failure, and sums up.
# A recipe that prints a line beginning with SKIPPED counts as such. Ends with 1 when one failed.
#
# The end-to-end tests mostly wait, for Puppet Servers that start. What only computes is done beside them, with what
# they leave of the processors: lint. The operator's image, which takes longest to build, is begun at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/demo/step.sh
passed=0 failed=0 skipped=0 summary=()
logs=$(mktemp -d)
trap 'end_meanwhile; rm -rf "$logs"' EXIT

# run RECIPE: its output goes to stdout and into a log, its seconds into a file beside that.
run() {
  local began=$SECONDS status=0
  printf '\n==== %s\n' "$1"
  ./justw "$1" 2>&1 | tee "$logs/$1" || status=1
  echo $((SECONDS - began)) >"$logs/$1.seconds"
  return "$status"
}

# beside RECIPE: the same, out of the way of everybody else.
beside() {
  renice -n 19 "$BASHPID" >/dev/null
  run "$1"
}

# judge RECIPE STATUS: counts it and tells what became of it.
judge() {
  local verdict reason
  if (($2)); then
    failed=$((failed + 1)) verdict=FAILED
  elif reason=$(grep -m 1 '^SKIPPED' "$logs/$1"); then
    skipped=$((skipped + 1)) verdict=$reason
  else
    passed=$((passed + 1)) verdict=passed
  fi
  summary+=("$(printf '%-18s %5d s  %s' "$1" "$(<"$logs/$1.seconds")" "$verdict")")
  printf '==== %s\n' "${summary[-1]}"
}

lint=
if ((EUID == 0)) && [[ -z ${KUBECONFIG:-} && " $* " == *" test-e2e "* ]]; then
  # Whether that failed, the end-to-end tests will say.
  meanwhile /dev/null nice -n 19 tests/images/build.sh operator
  [[ " $* " == *" lint "* ]] && lint=later
fi

for recipe in "$@"; do
  [[ $recipe == lint && -n $lint ]] && continue
  if [[ $recipe == test-e2e && -n $lint ]]; then
    meanwhile "$logs/beside" beside lint
    lint=$meanwhile
  fi
  run "$recipe" && status=0 || status=1
  judge "$recipe" "$status"
done
if [[ -n $lint ]]; then
  wait "$lint" && status=0 || status=1
  cat "$logs/beside"
  judge lint "$status"
fi

printf '\n'
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped" || true)"
((failed == 0))
