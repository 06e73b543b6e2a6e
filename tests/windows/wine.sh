# To be sourced: programs for Windows run here. `place` is where they lie, as this system sees it; $processor says on which
# Wine: 64-bit on this system's, 32-bit on that of a Debian of its own, which Debian's i386 packages need.

# start_wine: makes Windows' own folders.
start_wine() {
    if [[ $processor == x86 ]]; then provide_chroot; fi
    mkdir -p "$place"
    in_wine wineboot --init
}

# on_wine PROGRAM ARGUMENT...: each with a path of `place` in it as Windows knows it.
on_wine() {
    local program=$1 argument arguments=()
    shift
    for argument in "$@"; do
        if [[ $argument == "$place"/* ]]; then
            argument=$(seen "$argument")
            argument="Z:${argument//\//\\}"
        fi
        arguments+=("$argument")
    done
    in_wine "$(seen "$program")" "${arguments[@]}"
}

# As the programs' system sees it.
seen() {
    if [[ $processor == x86 ]]; then echo "${1#"$chroot"}"; else echo "$1"; fi
}

# Wine takes names of files to be in the locale's encoding, and asks for its add-ons in windows unless told not to.
in_wine() {
    local settings=(
        LC_ALL=C.UTF-8 WINEDEBUG=-all 'WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe='
        "WINEPREFIX=$(seen "$place/wine")"
    )
    if [[ $processor == x86 ]]; then
        in_chroot env HOME=/root "${settings[@]}" "$wine32" "$@"
    else
        env "${settings[@]}" "$wine64" "$@"
    fi
}

# Before the folder goes.
stop_wine() {
    if [[ -d ${place:-}/wine ]]; then in_wine wineboot --kill >/dev/null 2>&1 || true; fi
}

provide_chroot() {
    if [[ ! -x $chroot$wine32 ]]; then
        as_root rm -rf "$chroot"
        as_root debootstrap --arch=i386 --variant=minbase bookworm "$chroot"
        in_chroot apt-get install -y -qq --no-install-recommends wine32
    fi
}

# With /proc, where Wine finds itself, and /dev; what is mounted goes with the process.
in_chroot() {
    as_root unshare --mount sh -c '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$chroot" "$@"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

wine64=/usr/lib/wine/wine64
wine32=/usr/lib/wine/wine
