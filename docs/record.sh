#!/usr/bin/env bash
# Drive the whole loop in a real terminal (tmux) by keys alone, and keep what the screen showed as docs/loop.txt.
#     make recording
set -euo pipefail
cd "$(dirname "$0")/.."
session="optischema-$$"
out=docs/loop.txt
state=$(mktemp -d)
cleanup() { tmux -L "$session" kill-server 2>/dev/null || true; rm -rf "$state"; }
trap cleanup EXIT
screen() { tmux -L "$session" capture-pane -p; }
wait_for() { # wait_for TEXT SECONDS
  for _ in $(seq $(($2 * 10))); do screen | grep -qF -- "$1" && return 0; sleep 0.1; done
  echo "the screen never showed: $1" >&2; screen >&2; exit 1
}
frame() { printf '\n===== %s\n' "$1" >>"$out"; screen | sed 's/[[:space:]]*$//' >>"$out"; }
keys() { tmux -L "$session" send-keys "$@"; }

: >"$out"
tmux -L "$session" new-session -d -x 140 -y 42 "LANG=C.UTF-8 .venv/bin/optischema-tui demo --state-dir $state"
wait_for "Most expensive queries" 90
wait_for "order_id = \$1" 60
sleep 12
frame "the demo: what the server spends its time on"
keys 2; wait_for "CALLS" 10; keys Enter; wait_for "Seq Scan" 20
frame "2, Enter: the heaviest statement and its plan"
keys Escape; sleep 1; keys 3; wait_for "R" 10; keys R; wait_for "plans in the lab" 60
frame "3, R: advice, proved in the lab"
keys a; wait_for "approved" 20
frame "a: approved, nothing ran"
keys A; wait_for "Ready." 30
frame "A: the preflight, line by line"
keys apply Enter; wait_for "Done:" 120
frame "apply, Enter: built"
keys Escape; sleep 1; wait_for "kept" 90
frame "before and after, measured: kept"
keys 4; wait_for "CHAIN INTACT" 20
frame "4: the audit journal"
keys 3; sleep 1; keys u; wait_for "Ready." 30; keys undo Enter; wait_for "Done:" 60
frame "u, undo, Enter: dropped"
keys Escape; sleep 1; wait_for "undone" 20; keys 4; wait_for "change.rolled_back" 20
frame "4: the audit journal after the undo"
keys q
for _ in $(seq 100); do tmux -L "$session" has-session 2>/dev/null || break; sleep 0.1; done
if tmux -L "$session" has-session 2>/dev/null; then echo "the program did not end" >&2; screen >&2; exit 1; fi
echo "$out: $(grep -c '^=====' "$out") screens"
