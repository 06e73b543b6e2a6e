# shellcheck shell=bash disable=SC2154 # work is set by who sources it
# To be sourced by tests: runs a command that only says something if it fails.

quietly() {
    "$@" >"$work/out" 2>&1 || {
        cat "$work/out" >&2
        return 1
    }
}
