"""Threads and processes: calls let other threads run; what is open does not survive a fork."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ADMIN, register, token_of

from wardkey import Engine, errors


@pytest.fixture
def forced_switches_only() -> Iterator[None]:
    """No thread gives way to another one but when it waits or lets go by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("forced_switches_only")
def test_another_thread_runs_during_a_call(wardkey_engine: Engine) -> None:
    go, ran = threading.Lock(), threading.Event()
    go.acquire()

    def other() -> None:
        with go:
            ran.set()

    thread = threading.Thread(target=other)
    thread.start()
    # From here on this thread never waits: only a call that lets go can have let the other one run.
    go.release()
    tries = 0
    while not ran.is_set() and tries < 1000:
        tries += 1
        # Argon2id: some milliseconds without a line of Python.
        document = {"client_id": f"c{tries}", "client_secret": "as it was", "client_name": "C"}
        wardkey_engine.call("client.import", document, context=ADMIN)
    assert ran.is_set()
    thread.join()


def test_many_threads_use_one_engine(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    failed: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(20):
                token = token_of(wardkey_engine, lab)
                assert wardkey_engine.verify(token, "lab:read").client_id == lab["client_id"]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_child_cannot_use_what_its_parent_opened(wardkey_engine: Engine, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            wardkey_engine.maintain()
        except errors.MisuseForked as error:
            said = str(error).encode()
        finally:
            os.write(writing, said or b"nothing was raised")
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        assert "Give the middleware a function that opens the engine" in pipe.read()
    wardkey_engine.maintain()


PROGRAM = """
import sys
import wardkey

engine = wardkey.Engine.open(sys.argv[1])
try:
    engine.verify(sys.argv[2], "lab:write")
except wardkey.InsufficientScope:
    print("refused")
"""


def test_what_was_gathered_is_written_when_the_program_ends(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    with Engine.create(path, actor="test") as engine:
        lab = register(engine, scope="lab:read")
        token = token_of(engine, lab)
        program = [sys.executable, "-W", "error", "-c", PROGRAM, str(path), token]
        assert subprocess.check_output(program, encoding="utf-8") == "refused\n"
        rows = engine.call("audit.read", {"event": "request.refuse"}, context=ADMIN)["rows"]
        assert [row["entry"]["reason"] for row in rows] == ["insufficient_scope"]
