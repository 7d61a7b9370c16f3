# Steps with a title, their time, and the end of their output when they fail. Sourced by the scripts here.
#
# logs: the folder that holds one log per step.

if [[ -t 1 ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m' clear_line=$'\r\e[K'
else
  bold='' dim='' red='' green='' plain='' clear_line=''
fi

headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# show COMMAND...: the command as a person would type it, and what it prints.
show() {
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  "$@"
}

# meanwhile LOG COMMAND...: runs the command beside what follows; sets `meanwhile` to its process. Ends with the script.
groups=()
end_meanwhile() { ((${#groups[@]})) && kill -- "${groups[@]}" 2>/dev/null || true; }
trap end_meanwhile EXIT
meanwhile() {
  local log=$1
  shift
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  set +m
  meanwhile=$!
  groups+=("-$meanwhile")
}

# step TITLE HINT COMMAND...: runs the command with its output in a log. HINT says where to look when it fails.
# In a terminal the newest line of the log is shown meanwhile; elsewhere a line after 3 s and every half minute.
step() {
  local title=$1 hint=$2 log began=$SECONDS next=3 pid
  shift 2
  log=$logs/${title//[^a-zA-Z0-9]/-}.log
  : >"$log"
  # A process group of its own: what is interrupted must not go on in the background.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  trap 'kill -- "-$pid" 2>/dev/null; printf "\n"; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -t 1 ]]; then
      printf '%s  %-34s %4d s  %s%s%s' "$clear_line" "$title" $((SECONDS - began)) "$dim" "$(newest_line "$log" 50)" "$plain"
    elif ((SECONDS - began >= next)); then
      next=$((next + 30))
      printf '  %-34s %4d s  %s\n' "$title" $((SECONDS - began)) "$(newest_line "$log" 80)"
    fi
    sleep 0.2
  done
  trap - INT TERM
  if wait "$pid"; then
    printf '%s  %-34s %4d s  %sdone%s\n' "$clear_line" "$title" $((SECONDS - began)) "$green" "$plain"
    return
  fi
  printf '%s  %-34s %4d s  %sfailed%s\n\n' "$clear_line" "$title" $((SECONDS - began)) "$red" "$plain"
  tail -n 25 "$log" | sed 's/^/    /'
  printf '\n  all of it:    %s\n  look at:      %s\n' "$log" "$hint"
  exit 1
}

# newest_line FILE WIDTH: its last line without control characters.
newest_line() { tail -c 2000 "$1" | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^ *$' | tail -n 1 | cut -c "1-$2" || true; }
