#!/usr/bin/env bash
# Sourced by scripts that do one long thing after another, with $LOG set.

fail() {
    printf '%s\n' "$*" >&2
    exit 2
}

# Usage: step TITLE COMMAND...: one line a step, its output in a log shown on failure.
step() {
    local title=$1 began=$SECONDS
    shift
    # In the background, because bash ignores `set -e` inside a condition.
    "$@" >"$LOG" 2>&1 </dev/null &
    if ! wait $!; then
        tail -n 60 "$LOG" >&2
        printf 'FAILED  %s\n' "$title" >&2
        exit 1
    fi
    printf '%5d s  %s\n' $((SECONDS - began)) "$title"
}
