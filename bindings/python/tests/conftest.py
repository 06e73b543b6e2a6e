"""What the tests share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import wardkey

pytest_plugins = ["pytester"]

BINDING = Path(__file__).parent.parent
HEADER = BINDING.parent.parent / "include" / "wardkey.h"
ADMIN = wardkey.Context(actor="test")
PEER = wardkey.Context(peer="192.0.2.7", secure=True)

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def lab(wardkey_engine: wardkey.Engine) -> dict[str, Any]:
    """A client that may read and write the laboratory's results."""
    return register(wardkey_engine)


def register(engine: wardkey.Engine, **members: Any) -> dict[str, Any]:
    document = {"client_name": "Lab Interface", "scope": "lab:read lab:write", **members}
    return engine.call("client.create", document, context=ADMIN)


def token_of(engine: wardkey.Engine, client: dict[str, Any], **members: Any) -> str:
    return engine.issue(client["client_id"], client["client_secret"], **members)["access_token"]
