#!/usr/bin/env bash
# all.sh RECIPE...: runs recipes of the justfile one after another, also after a failure, and sums up.
# A recipe that prints a line beginning with SKIPPED counts as such. Ends with 1 when one failed.
#
# The end-to-end tests mostly wait, for Puppet Servers that start. What can do with what they leave of the processors
# is done beside them. The operator's image, which takes longest to build, is begun at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/demo/step.sh
passed=0 failed=0 skipped=0 summary=()
logs=$(mktemp -d)
trap 'end_meanwhile; rm -rf "$logs"' EXIT

# run RECIPE: its output goes to stdout and into a log, and how it ended into a file beside that.
run() {
  local began=$SECONDS status=0
  printf '\n==== %s\n' "$1"
  ./justw "$1" 2>&1 | tee "$logs/$1" || status=1
  echo "$status $((SECONDS - began))" >"$logs/$1.end"
}

# beside RECIPE...: the same, one after another, out of the way of everybody else.
beside() {
  local recipe
  renice -n 19 "$BASHPID" >/dev/null
  for recipe in "$@"; do run "$recipe"; done
}

# judge RECIPE: counts it and tells what became of it.
judge() {
  local status seconds verdict reason
  read -r status seconds <"$logs/$1.end"
  if ((status)); then
    failed=$((failed + 1)) verdict=FAILED
  elif reason=$(grep -m 1 '^SKIPPED' "$logs/$1"); then
    skipped=$((skipped + 1)) verdict=$reason
  else
    passed=$((passed + 1)) verdict=passed
  fi
  summary+=("$(printf '%-18s %5d s  %s' "$1" "$seconds" "$verdict")")
  printf '==== %s\n' "${summary[-1]}"
}

# Those that come beside the end-to-end tests, where there are some.
patient=" " later=()
if ((EUID == 0)) && [[ -z ${KUBECONFIG:-} && ${*: -1} == test-e2e ]]; then
  patient=" lint test-journal test-dashboards test-charts test-images test-cluster test-deploy "
  # Whether that failed, the end-to-end tests will say.
  meanwhile /dev/null nice -n 19 tests/images/build.sh operator
fi

for recipe in "$@"; do
  if [[ $patient == *" $recipe "* ]]; then
    later+=("$recipe")
    continue
  fi
  [[ $recipe == test-e2e && -n ${later[*]} ]] && meanwhile "$logs/beside" beside "${later[@]}"
  run "$recipe"
  judge "$recipe"
done
if [[ -n ${later[*]} ]]; then
  wait "$meanwhile"
  cat "$logs/beside"
  for recipe in "${later[@]}"; do judge "$recipe"; done
fi

printf '\n'
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped" || true)"
((failed == 0))
