# shellcheck shell=bash disable=SC2154 # work is set by who sources it
# What the tests of servers share; to be sourced. Needs curl.

# Starts a server that prints a line for each client and, unless told its port, "listening on URL"; waits until it
# answers. Sets server (its process) and lines (its output).
start_server() {
    local url=$1 tries
    shift
    lines=$work/server.out
    : >"$lines"
    "$@" >>"$lines" 2>"$work/server.err" &
    server=$!
    for ((tries = 0; tries < 200; tries++)); do
        base=${url:-$(sed -n 's/^listening on //p' "$lines")}
        if [[ -n $base ]] && curl --silent --output "$work/body" "$base/"; then return; fi
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        sleep 0.05
    done
    cat "$work/server.err" >&2
    echo "the server did not start: $*" >&2
    return 1
}

# The member of the first line of the server's output that has this text in it.
printed() {
    grep -F -- "$1" "$lines" | head -n 1 | sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p"
}

# A token for the client of this name.
token_of() {
    curl --silent --fail --user "$(printed "$1" client_id):$(printed "$1" client_secret)" \
        --data grant_type=client_credentials "$base/oauth/token" |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}

# expect STATUS PATH [CURL ARGUMENT...]: the response's status; leaves its header fields in $work/head.
expect() {
    local wanted=$1 path=$2 status
    shift 2
    status=$(curl --silent --output "$work/body" --dump-header "$work/head" --write-out '%{http_code}' "$@" "$base$path")
    if [[ $status != "$wanted" ]]; then
        echo "$status instead of $wanted: $path $*" >&2
        cat "$work/head" "$work/body" >&2
        return 1
    fi
}

# A header field of the last response must match.
expect_header() {
    if ! grep -iq -- "$1" "$work/head"; then
        echo "no header $1" >&2
        cat "$work/head" >&2
        return 1
    fi
}

stop_server() {
    if [[ -n ${server:-} ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
