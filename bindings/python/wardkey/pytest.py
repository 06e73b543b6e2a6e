"""Fixtures for the tests of a program that uses Wardkey. pytest finds them by itself.

For example:

    def test_a_token_lasts_an_hour(wardkey_engine, wardkey_clock, wardkey_token):
        token = wardkey_token("lab:read")
        assert wardkey_engine.verify(token, "lab:read")
        wardkey_clock.advance(3601)
        with pytest.raises(wardkey.TokenExpired):
            wardkey_engine.verify(token, "lab:read")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from .clock import ManualClock
from .engine import Engine
from .values import Context


@pytest.fixture
def wardkey_clock() -> ManualClock:
    """The clock of `wardkey_engine`: it stands, on a day of 2026, until it is moved."""
    return ManualClock()


@pytest.fixture
def wardkey_engine(tmp_path: Path, wardkey_clock: ManualClock) -> Iterator[Engine]:
    """An engine with a new database."""
    path = tmp_path / "wardkey.db"
    with Engine.create(path, actor="pytest", clock=wardkey_clock) as engine:
        yield engine


@pytest.fixture
def wardkey_token(wardkey_engine: Engine) -> Callable[[str], str]:
    """Makes an access token with these scopes, of a client of its own."""

    def token(scopes: str) -> str:
        client = wardkey_engine.call(
            "client.create",
            {"client_name": "Test", "scope": scopes},
            context=Context(actor="pytest"),
        )
        issued = wardkey_engine.issue(client["client_id"], client["client_secret"])
        return issued["access_token"]

    return token
