#!/usr/bin/env python3
"""Prints the bill of materials of a product for one platform, as CycloneDX 1.5 in JSON.

    packaging/release/sbom.py TRIPLE LIBRARY [TOOL]

LIBRARY and TOOL are the files that are shipped; without TOOL, what only the command-line tool needs is left out.
SOURCE_DATE_EPOCH is its time.
"""

import datetime
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

from contents import find, parts_of


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    triple, *files = sys.argv[1:]
    features = ["", "cli"][: len(files)]
    products = [product(Path(file), parts_of(triple, wanted)) for file, wanted in zip(files, features)]
    print(json.dumps(document(triple, products), indent=1, ensure_ascii=False))


def product(file, parts):
    """A shipped file: its own component, and what it is linked of."""
    key = find(parts, "wardkey")
    own = parts.pop(key)
    component = {
        "type": "library" if file.suffix in (".1", ".so", ".dll") else "application",
        "bom-ref": file.name,
        "name": file.name,
        "version": own.version,
        "description": own.description,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
        "licenses": [{"expression": own.licence}],
    }
    return component, own.parts, parts


def document(triple, products):
    parts = {key: part for _, _, linked in products for key, part in linked.items()}
    edges = [edge(component["bom-ref"], needed) for component, needed, _ in products]
    for key, part in sorted(parts.items()):
        needed = {each for _, _, linked in products if key in linked for each in linked[key].parts}
        edges.append(edge(key, needed))
    shipped = [component for component, _, _ in products]
    version = shipped[0]["version"]
    time = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    main = {"type": "application", "bom-ref": "wardkey", "name": "wardkey", "version": version}
    components = shipped + [as_component(part) for _, part in sorted(parts.items())]
    edges.insert(0, edge("wardkey", [component["bom-ref"] for component in shipped]))
    body = {
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": main,
            "properties": [{"name": "wardkey:target", "value": triple}],
        },
        "components": components,
        "dependencies": edges,
    }
    # The same contents have the same number.
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{number}", "version": 1}
    return head | body


def edge(key, needed):
    return {"ref": key, "dependsOn": sorted(needed)}


def as_component(part):
    component = {"type": "library", "bom-ref": part.key, "name": part.name, "version": part.version}
    if part.description:
        component["description"] = part.description
    if part.sha256:
        component["hashes"] = [{"alg": "SHA-256", "content": part.sha256}]
    component["licenses"] = [{"expression": part.licence}]
    component["purl"] = part.purl
    if part.url:
        component["externalReferences"] = [{"type": "vcs" if "git" in part.url else "website", "url": part.url}]
    return component


if __name__ == "__main__":
    main()
