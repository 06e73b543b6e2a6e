# To be sourced: one line a check, and what it printed only if it failed.

failed=0

# check "what must hold" COMMAND...
check() {
    local what=$1 output status
    shift
    SECONDS=0
    # Not as a condition: there, a command that fails in the middle would not end what is checked.
    set +e
    output=$(set -e; "$@" 2>&1)
    status=$?
    set -e
    if ((status == 0)); then
        printf '%-4s %-58s ok, %d s\n' "$processor" "$what" "$SECONDS"
    else
        printf '%-4s %-58s FAILED\n%s\n' "$processor" "$what" "$output"
        failed=1
    fi
}
