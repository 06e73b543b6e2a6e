"""What the products of a release are made of: crates as cargo resolves them, SQLite, Rust's standard library."""

import json
import os
import re
import subprocess
import tomllib
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
    folder: Path
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
    for key, extra in [(find(parts, "libsqlite3-sys"), sqlite), (find(parts, "wardkey"), standard_library)]:
        part = extra(parts[key])
        parts[part.key] = part
        parts[key].parts.append(part.key)
    return parts


def find(parts, name):
    return next(key for key, part in parts.items() if part.name == name)


def cargo(command, *arguments):
    line = [os.environ.get("CARGO", "cargo"), command, "--locked", *arguments]
    return subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


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
    with open(ROOT / "Cargo.lock", "rb") as file:
        packages = tomllib.load(file)["package"]
    return {f"{each['name']}@{each['version']}": each["checksum"] for each in packages if "checksum" in each}


def crate(package, checksum):
    return Part(
        name=package["name"],
        version=package["version"],
        licence=(package["license"] or "").replace("/", " OR "),
        purl=f"pkg:cargo/{package['name']}@{package['version']}",
        folder=Path(package["manifest_path"]).parent,
        sha256=checksum,
        description=" ".join((package["description"] or "").split()),
        url=package["repository"] or "",
    )


def sqlite(bindings):
    """The copy of SQLite that the crate brings along; its date and hash are those of the check-in that it came from."""
    header = (bindings.folder / "sqlite3/sqlite3.h").read_text()
    version, source = (
        re.search(rf'#define {name} +"(.*)"', header)[1] for name in ("SQLITE_VERSION", "SQLITE_SOURCE_ID")
    )
    return Part(
        name="sqlite",
        version=version,
        licence="blessing",
        purl=f"pkg:generic/sqlite@{version}",
        folder=bindings.folder / "sqlite3",
        description=f"SQLite, check-in {source}; its source is part of {bindings.name} {bindings.version}",
        url="https://www.sqlite.org/",
    )


def standard_library(_):
    compiler = os.environ.get("RUSTC", "rustc")
    text = subprocess.run([compiler, "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    said = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    folder = subprocess.run([compiler, "--print", "sysroot"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return Part(
        name="rust-standard-library",
        version=said["release"],
        licence="MIT OR Apache-2.0",
        purl=f"pkg:generic/rust-std@{said['release']}",
        folder=Path(folder.strip()) / "share/doc/rust",
        description=f"Rust's standard library, commit {said['commit-hash']}, and the crates that are in it",
        url="https://github.com/rust-lang/rust",
    )
