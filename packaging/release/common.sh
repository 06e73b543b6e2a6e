# shellcheck shell=bash
# What the makers of a release's products share. They are called with the folder for the products, from packaging/build.

# shellcheck disable=SC2034
version=$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)

# The same commit makes the same files: their times are its own.
export PYTHONDONTWRITEBYTECODE=1
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# A folder that goes away at the end.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# install_for_cpp LIBRARY PREFIX: the library, headers, and what CMake and pkg-config look for.
install_for_cpp() {
    cmake -S bindings/cpp -B "$work/cmake" "-DWARDKEY_LIBRARY=$1" "-DCMAKE_INSTALL_PREFIX=$2" >/dev/null
    cmake --install "$work/cmake" >/dev/null
    rm -r "$work/cmake"
}

# add_contents FOLDER TRIPLE LIBRARY [TOOL]: what is in binaries: the licences of others, the bill of materials.
add_contents() {
    local folder=$1 features=()
    shift
    if (($# == 3)); then features=(cli); fi
    mkdir -p "$folder"
    packaging/release/licences.py "$1" "${features[@]}" >"$folder/LICENCES-THIRD-PARTY.txt"
    packaging/release/sbom.py "$@" >"$folder/sbom.json"
}

# add_papers FOLDER TRIPLE LIBRARY [TOOL]: that, and our own licences and documentation.
add_papers() {
    add_contents "$@"
    cp LICENSE-APACHE LICENSE-MIT NOTICE README.md CHANGELOG.md SECURITY.md "$1"
    cp -r docs "$1"
}

# level FOLDER: what an archive says of its files depends on no machine and no umask.
level() {
    find "$1" -type d -exec chmod 755 {} +
    find "$1" -type f -perm -u=x -exec chmod 755 {} +
    find "$1" -type f ! -perm -u=x -exec chmod 644 {} +
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# pack_tar FOLDER FILE, pack_zip FOLDER FILE: the folder with its own name as the archive's only root.
pack_tar() {
    level "$1"
    tar --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --directory="$(dirname "$1")" \
        "$(basename "$1")" | gzip --no-name --best >"$2"
}

pack_zip() {
    level "$1"
    rm -f "$2"
    (
        cd "$(dirname "$1")" || exit
        # zip writes local times.
        find "$(basename "$1")" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -9 -@ "$2"
    )
}
