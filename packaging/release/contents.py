"""What the products of a release are made of: crates as cargo resolves them, SQLite, Rust's standard library."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Part:
    """Something of others, or the crate itself, that is linked into a product."""

    name: str
    version: str
    licence: str
    purl: str
    texts: list[Path]
    sha256: str = ""
    description: str = ""
    url: str = ""
    parts: list[str] = field(default_factory=list)

    @property
    def key(self):
        return f"{self.name}@{self.version}"


def parts_of(triple, features=""):
    """All that is in a product for this target, by key. The crate itself is in it too; what ran while building is not."""
    metadata = json.loads(
        cargo("metadata", "--format-version", "1", "--filter-platform", triple, "--features", features)
    )
    linked = linked_crates(triple, features)
    checksums = locked_checksums()
    parts, keys = {}, {}
    for package in metadata["packages"]:
        key = f"{package['name']}@{package['version']}"
        if key in linked:
            keys[package["id"]] = key
            parts[key] = crate(package, checksums.get(key, ""))
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in keys:
            needed = [keys[dep["pkg"]] for dep in node["deps"] if dep["pkg"] in keys and is_normal(dep)]
            parts[keys[node["id"]]].parts += sorted(needed)
    bindings = next(each for each in metadata["packages"] if each["name"] == "libsqlite3-sys")
    extras = [("libsqlite3-sys", sqlite(bindings)), ("wardkey", standard_library())]
    if "windows" in triple:
        extras += [("wardkey", mingw()), ("wardkey", libgcc())]
    for name, extra in extras:
        parts[extra.key] = extra
        parts[find(parts, name)].parts.append(extra.key)
    return parts


def find(parts, name):
    return next(key for key, part in parts.items() if part.name == name)


def cargo(command, *arguments):
    return output("cargo", command, "--locked", *arguments)


def linked_crates(triple, features):
    """What cargo links: unlike `cargo metadata`, `cargo tree` leaves out features that only tests switch on."""
    lines = cargo("tree", "--edges", "normal,no-proc-macro", "--target", triple, "--features", features,
                  "--prefix", "none", "--format", "{p}")  # fmt: skip
    found = re.findall(r"^(\S+) v(\S+)", lines, re.MULTILINE)
    return {f"{name}@{version}" for name, version in found}


def is_normal(dependency):
    return any(kind["kind"] is None for kind in dependency["dep_kinds"])


def locked_checksums():
    """Of the packages as crates.io has them."""
    package = r'^name = "(.+)"\nversion = "(.+)"\nsource = .+\nchecksum = "(.+)"$'
    found = re.findall(package, (ROOT / "Cargo.lock").read_text(), re.MULTILINE)
    return {f"{name}@{version}": checksum for name, version, checksum in found}


def crate(package, checksum):
    return Part(
        name=package["name"],
        version=package["version"],
        licence=(package["license"] or "").replace("/", " OR "),
        purl=f"pkg:cargo/{package['name']}@{package['version']}",
        texts=licence_files(Path(package["manifest_path"]).parent),
        sha256=checksum,
        description=" ".join((package["description"] or "").split()),
        url=package["repository"] or "",
    )


def licence_files(folder):
    return sorted(file for file in folder.iterdir() if file.is_file() and LICENCE_FILE.match(file.name))


def sqlite(bindings):
    """The copy of SQLite that the crate brings along."""
    header = (Path(bindings["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    version = re.search(r'#define SQLITE_VERSION +"(.*)"', header)[1]
    source = re.search(r'#define SQLITE_SOURCE_ID +"(.*)"', header)[1]
    return Part(
        name="sqlite",
        version=version,
        licence="blessing",
        purl=f"pkg:generic/sqlite@{version}",
        texts=[Path(__file__).parent / "blessing.txt"],
        description=f"SQLite, check-in {source}; its source is part of {bindings['name']} {bindings['version']}",
        url="https://www.sqlite.org/",
    )


def standard_library():
    compiler = os.environ.get("RUSTC", "rustc")
    said = dict(line.split(": ", 1) for line in output(compiler, "-vV").splitlines() if ": " in line)
    folder = Path(output(compiler, "--print", "sysroot").strip())
    texts = [folder / "share/doc/rust/COPYRIGHT-library.html"]
    source = folder / "lib/rustlib/src/rust"
    if not texts[0].exists() and source.exists():
        # It was built from source, of which this is what is needed.
        texts = [file for part in [source, *sorted(source.glob("library/vendor/*/"))] for file in licence_files(part)]
    return Part(
        name="rust-standard-library",
        version=said["release"],
        licence="MIT OR Apache-2.0",
        purl=f"pkg:generic/rust-std@{said['release']}",
        texts=[text for text in texts if text.exists()],
        description=f"Rust's standard library, commit {said['commit-hash']}, and the crates that are in it",
        url="https://github.com/rust-lang/rust",
    )


def mingw():
    """What a program for Windows starts with, and how it finds the system's functions."""
    return of_debian(
        "mingw-w64", "mingw-w64-common", "ZPL-2.1", "The C runtime's start for Windows", "https://www.mingw-w64.org/"
    )


def libgcc():
    return of_debian(
        "libgcc",
        "gcc-mingw-w64-base",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
        "GCC's runtime library: the unwinder",
        "https://gcc.gnu.org/",
    )


def of_debian(name, package, licence, description, url):
    version = output("dpkg-query", "--show", "--showformat", "${Version}", package)
    return Part(
        name=name,
        version=version,
        licence=licence,
        purl=f"pkg:deb/debian/{package}@{version}",
        texts=[Path(f"/usr/share/doc/{package}/copyright")],
        description=description,
        url=url,
    )


def output(*line):
    return subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


LICENCE_FILE = re.compile(r"(LICEN[SC]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)
