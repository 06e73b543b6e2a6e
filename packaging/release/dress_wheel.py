#!/usr/bin/env python3
"""Copies a wheel, adding papers to it, with the same bytes whenever the same goes in.

    packaging/release/dress_wheel.py WHEEL PAPERS NEW_WHEEL

Of PAPERS, a folder, sbom.json goes where PEP 770 wants it, in place of maturin's, which knows no SQLite and has a random
number; all else goes to the licences. Times are SOURCE_DATE_EPOCH.
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    wheel, papers, new_wheel = map(Path, sys.argv[1:])
    with zipfile.ZipFile(wheel) as archive:
        entries = {info.filename: (info.external_attr, archive.read(info)) for info in archive.infolist()}
    record = next(name for name in entries if name.endswith(".dist-info/RECORD"))
    information = record.removesuffix("/RECORD")
    for paper in sorted(papers.iterdir()):
        place = "sboms/wardkey.cyclonedx.json" if paper.name == "sbom.json" else f"licenses/{paper.name}"
        entries[f"{information}/{place}"] = (0o100644 << 16, paper.read_bytes())
    attributes, _ = entries.pop(record)
    # As installers want it, the record comes last, and has no hash of its own.
    lines = [line_of(name, content) for name, (_, content) in sorted(entries.items())]
    entries = dict(sorted(entries.items()))
    entries[record] = (attributes, "".join([*lines, f"{record},,\n"]).encode())
    write(new_wheel, entries)


def line_of(name, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def write(wheel, entries):
    moment = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (attributes, content) in entries.items():
            information = zipfile.ZipInfo(name, moment)
            information.external_attr = attributes
            information.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(information, content)


if __name__ == "__main__":
    main()
