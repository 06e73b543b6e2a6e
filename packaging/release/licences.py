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


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    parts = [part for _, part in sorted(parts_of(*sys.argv[1:]).items()) if part.name != "wardkey"]
    owners, missing = defaultdict(list), []
    for part in parts:
        if not part.texts:
            missing.append(f"{part.name} {part.version} ({part.licence})")
        for text in dict.fromkeys(map(read, part.texts)):
            owners[text].append(f"{part.name} {part.version}")
    if missing:
        sys.exit(f"no licence text is found for: {', '.join(missing)}")
    print(INTRODUCTION)
    for part in parts:
        print(f"  {part.name} {part.version}: {part.licence}")
    for text, names in owners.items():
        print(f"\n{'=' * 100}\nOf {', '.join(names)}:\n\n{text}")
    print(f"\n{'=' * 100}\n{(ROOT / 'NOTICE').read_text().strip()}")


def read(file):
    text = file.read_text(errors="replace")
    return plain(text) if file.suffix == ".html" else tidy(text)


# Differences of white space and line ends make no other text.
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

if __name__ == "__main__":
    main()
