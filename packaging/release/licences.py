#!/usr/bin/env python3
"""Prints the licences of everything of others that is in a product, each text once with the names it belongs to.

    packaging/release/licences.py TRIPLE [FEATURES]

Fails, naming it, when a part brings no licence text.
"""

import html
import re
import sys
from collections import defaultdict

from contents import ROOT, parts_of

TEXTS = re.compile(r"(LICEN[SC]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)", re.IGNORECASE)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    parts = [part for _, part in sorted(parts_of(*sys.argv[1:]).items()) if part.name != "wardkey"]
    owners, missing = defaultdict(list), []
    for part in parts:
        found = texts(part)
        if not found:
            missing.append(f"{part.name} {part.version} ({part.licence})")
        for text in found:
            owners[text].append(f"{part.name} {part.version}")
    if missing:
        sys.exit(f"no licence text is found for: {', '.join(missing)}")
    print(INTRODUCTION)
    for part in parts:
        print(f"  {part.name} {part.version}: {part.licence}")
    for text, names in owners.items():
        print(f"\n{'=' * 100}\nOf {', '.join(names)}:\n\n{text}")
    print(f"\n{'=' * 100}\n{(ROOT / 'NOTICE').read_text().strip()}")


def texts(part):
    """Differences of white space and line ends make no other text."""
    if part.name == "sqlite":
        return [SQLITE]
    if part.name == "rust-standard-library":
        page = part.folder / "COPYRIGHT-library.html"
        return [plain(page.read_text())] if page.exists() else []
    files = sorted(file for file in part.folder.iterdir() if file.is_file() and TEXTS.match(file.name))
    return [tidy(file.read_text(errors="replace")) for file in files]


def tidy(text):
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def plain(page):
    page = re.sub(r"<(style|head)\b.*?</\1>", "", page, flags=re.DOTALL)
    text = tidy(html.unescape(re.sub(r"<[^>]+>", "", page)))
    return re.sub(r"\n{3,}", "\n\n", text)


INTRODUCTION = """\
Wardkey itself is licensed under MIT or Apache-2.0, at your choice: LICENSE-MIT, LICENSE-APACHE.
Its binaries hold these works of others, whose licence texts follow. Where a work offers a choice of licences, the text
of each is here.
"""

SQLITE = """\
The author disclaims copyright to this source code.  In place of
a legal notice, here is a blessing:

   May you do good and not evil.
   May you find forgiveness for yourself and forgive others.
   May you share freely, never taking more than you give."""


if __name__ == "__main__":
    main()
