"""Verifies an export of Wardkey's audit with the public keys alone.

    python verify_audit.py KEY.json < PAGES

PAGES: the answers of `audit.read`, one JSON document a line, in order, from the first row on.
KEY.json: the audit's public keys as the auditor received them ({"1": {JWK}}), not as the export says.
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


def verify(pages, jwks):
    """The number of good rows and the last hash; ValueError names the first bad row."""
    keys = {int(n): Ed25519PublicKey.from_public_bytes(decode(k["x"])) for n, k in jwks.items()}
    head, sequence, first, signed = None, 0, 0, True
    for page in pages:
        if head is None:
            sequence, head = page["start"]["sequence"], bytes.fromhex(page["start"]["hash"])
            first = sequence
        for row in page["rows"]:
            sequence += 1
            if row["sequence"] != sequence:
                raise ValueError(f"row {sequence}: it is missing")
            head = link(head, hashlib.sha256(row["row"].encode()).digest())
            if row["hash"] != head.hex():
                raise ValueError(f"row {sequence}: its text or a row before it was changed")
            said = json.loads(row["row"])
            if said["seq"] != sequence or said != row["entry"]:
                raise ValueError(f"row {sequence}: the export says otherwise than the row")
            signed = "signature" in row
            if signed:
                try:
                    message = b"wardkey audit head 1\0" + head
                    keys[row["signed_by"]].verify(decode(row["signature"]), message)
                except (KeyError, InvalidSignature):
                    raise ValueError(f"row {sequence}: its signature does not verify") from None
    if not signed:
        raise ValueError(f"row {sequence}: it is the last and not signed")
    return sequence - first, head


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        jwks = json.load(file)
    try:
        rows, last = verify(map(json.loads, sys.stdin), jwks)
    except ValueError as error:
        sys.exit(str(error))
    print(f"{rows} rows are as they were written; the last hash is {last.hex()}")
