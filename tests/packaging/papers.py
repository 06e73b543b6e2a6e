#!/usr/bin/env python3
"""Holds the papers of a release against the binaries beside them.

    tests/packaging/papers.py DOCUMENTS BINARY...

The bill of materials must have each binary with its hash, every part with a version and a licence whose text is there,
and the SQLite that the binaries hold.
"""

import hashlib
import json
import sys
from pathlib import Path


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    documents, *binaries = map(Path, sys.argv[1:])
    sbom = json.loads((documents / "sbom.json").read_text())
    texts = (documents / "LICENCES-THIRD-PARTY.txt").read_text()
    components = {each["bom-ref"]: each for each in sbom["components"]}
    binaries = [binary for binary in binaries if binary.exists()]
    for binary in binaries:
        listed = components.pop(binary.name, None) or sys.exit(f"{binary.name} is not in sbom.json")
        found = hashlib.sha256(binary.read_bytes()).hexdigest()
        check(listed["hashes"][0]["content"] == found, f"{binary.name} has another hash than in sbom.json")
    for component in components.values():
        name = f"{component['name']} {component['version']}"
        check(component["licenses"][0]["expression"], f"{name} has no licence in sbom.json")
        check(name in texts, f"{name} is in sbom.json, and not in LICENCES-THIRD-PARTY.txt")
    for name in ("ring", "rusqlite", "rust-standard-library", "sqlite"):
        check(any(each["name"] == name for each in components.values()), f"{name} is not in sbom.json")
    sqlite = next(each for each in components.values() if each["name"] == "sqlite")
    check_in = sqlite["description"].split("check-in ")[1].split(";")[0]
    for binary in binaries:
        check(check_in.encode() in binary.read_bytes(), f"{binary.name} holds another SQLite than {check_in}")
    known = {"wardkey", *components, *(binary.name for binary in binaries)}
    for edge in sbom["dependencies"]:
        check(known.issuperset([edge["ref"], *edge["dependsOn"]]), f"{edge} names what sbom.json does not have")
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "NOTICE"):
        found = [folder for folder in (documents, *documents.parents[:2]) if (folder / name).exists()]
        check(found, f"{name} is missing")


def check(holds, message):
    if not holds:
        sys.exit(message)


if __name__ == "__main__":
    main()
