"""Verifies an export of Wardkey's audit with the public keys alone.

    python verify_audit.py KEYS.json < EXPORT.jsonl

EXPORT: the `text` of the pages of `audit.export`, one after the other. Its first line says what the stretch begins behind.
KEYS.json: the audit's public keys as the auditor received them (the `keys` of an earlier export), not as this one says.
Prints the last hash, or the first bad row, and exits with 1. docs/file-format.md says what is checked.
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def link(head, digest):
    return hashlib.sha256(b"wardkey audit row 1\0" + head + digest).digest()


def digest_of(line, sequence):
    """What the chain has of a row: its text's digest, or what stands for a row that was left out."""
    if "row" not in line:
        return bytes.fromhex(line["digest"])
    if json.loads(line["row"])["seq"] != sequence:
        raise ValueError(f"row {sequence}: its text says that it is another")
    return hashlib.sha256(line["row"].encode()).digest()


def check_signature(line, head, keys):
    """Each key may sign from its first row on, until the first one of the next key."""
    sequence = line["sequence"]
    key = max((k for k in keys if k["first_sequence"] <= sequence), default=None,
              key=lambda k: k["first_sequence"])
    try:
        if key is None or key["number"] != line["signed_by"]:
            raise KeyError
        public = Ed25519PublicKey.from_public_bytes(decode(key["jwk"]["x"]))
        public.verify(decode(line["signature"]), b"wardkey audit head 1\0" + head)
    except (KeyError, InvalidSignature):
        raise ValueError(f"row {sequence}: its signature does not verify") from None


def verify(lines, keys):
    """The number of good rows and the last hash; ValueError names the first bad row."""
    start, *rows = lines
    sequence, head = start["start"]["sequence"], bytes.fromhex(start["start"]["hash"])
    signed, cut = False, None
    for line in rows:
        sequence += 1
        if line["sequence"] != sequence:
            raise ValueError(f"row {sequence}: it is missing")
        head = link(head, digest_of(line, sequence))
        signed = "signature" in line
        if signed:
            check_signature(line, head, keys)
        cut = json.loads(line.get("row", "{}")).get("cut", cut)
    if not signed:
        raise ValueError(f"row {sequence}: it is the last and not signed, or its text or a row before it was changed")
    # Whoever has the whole of a chain that was cut knows by its own words that it was.
    if cut and cut["through"] == start["start"]["sequence"] and cut["hash"] != start["start"]["hash"]:
        raise ValueError(f"row {sequence}: the rows before the first one were others")
    return len(rows), head


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        keys_received = json.load(file)
    try:
        count, last = verify([json.loads(text) for text in sys.stdin], keys_received)
    except ValueError as error:
        sys.exit(str(error))
    print(f"{count} rows are as they were written; the last hash is {last.hex()}")
