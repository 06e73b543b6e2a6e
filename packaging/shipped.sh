# shellcheck shell=bash
# For scripts that build something to be shipped: built anew only when what it is made of has changed. cargo alone would
# not do: it keeps one file of a name, and builds it again when another one was asked for between.

# build_once FOLDER NAME COMMAND...: runs the command, which puts the file FOLDER/NAME there, unless it is there already,
# made of the same by the same command.
build_once() {
    local folder=$1 name=$2 made_of
    shift 2
    made_of=$(ingredients "$@")
    if [[ -f $folder/$name && $(cat "$folder/$name.made-of" 2>/dev/null) == "$made_of" ]]; then return; fi
    mkdir -p "$folder"
    "$@" 1>&2
    echo "$made_of" >"$folder/$name.made-of"
}

ingredients() {
    {
        rustc -vV
        echo "$@"
        find src -type f -print0 | sort -z | xargs -0 sha256sum
        sha256sum Cargo.toml Cargo.lock build.rs packaging/{shipped.sh,old-glibc,old-glibc-cc,zig.txt}
    } | sha256sum
}

# put FILE FOLDER/NAME: a running program may have the old file mapped; a new one takes its name.
put() {
    cp "$1" "$2.new"
    mv "$2.new" "$2"
}

# remapped_paths ROOT TARGET: rustc's flags that leave this machine's folders out of what is built, one a line. Of two
# that match, rustc takes the last.
remapped_paths() {
    local cargo
    cargo=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")
    printf -- '--remap-path-prefix=%s\n' "$1=/wardkey" "$2=/target" "$cargo/registry/src=/registry"
}
