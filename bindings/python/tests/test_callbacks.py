"""Python functions that the library calls, and what becomes of their exceptions."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Optional

import pytest
from conftest import ADMIN, PEER, register, token_of

import wardkey
from wardkey import (
    Approved,
    Context,
    Engine,
    ManualClock,
    Request,
    Response,
    UserLogin,
    _callbacks,
    errors,
)


class Trouble(Exception):
    """What a callback of these tests raises."""


class BrokenClock(ManualClock):
    broken = False

    def wall_ms(self) -> int:
        if self.broken:
            raise Trouble("the clock stopped")
        return super().wall_ms()


def fail(*_: object) -> Any:
    raise Trouble("it failed")


def test_what_the_clock_raises_comes_out_of_the_call(tmp_path: Path) -> None:
    clock = BrokenClock()
    with Engine.create(tmp_path / "a.db", actor="test", clock=clock) as engine:
        token = token_of(engine, register(engine))
        clock.broken = True
        with pytest.raises(Trouble, match="stopped"):
            engine.verify(token, "lab:read")
        with pytest.raises(Trouble):
            engine.http(Request("GET", "/oauth/jwks"), context=PEER)
        clock.broken = False
        engine.verify(token, "lab:read")


def test_what_the_key_function_raises_is_the_cause(tmp_path: Path) -> None:
    with pytest.raises(errors.StorageKeyCallback) as caught:
        Engine.create(tmp_path / "a.db", actor="test", key=fail)
    assert isinstance(caught.value.__cause__, Trouble)
    with pytest.raises(errors.StorageKeyCallback) as short:
        Engine.create(tmp_path / "a.db", actor="test", key=lambda: b"short")
    assert "32 bytes, not 5" in str(short.value.__cause__)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["backup", "check"])
def test_what_progress_raises_cancels_and_comes_out(
    name: str, wardkey_engine: Engine, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    path = [copy] if name == "backup" else []
    with pytest.raises(Trouble):
        getattr(wardkey_engine, name)(*path, context=ADMIN, progress=fail)
    assert not copy.exists()

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        getattr(wardkey_engine, name)(*path, context=ADMIN, progress=interrupt)
    wardkey_engine.maintain()


def test_errors_go_to_the_log_function(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    with pytest.raises(wardkey.StorageMissing) as caught:
        Engine.open(tmp_path / "a.db", log=lambda code, message: told.append((code, message)))
    assert told == [(caught.value.code, caught.value.message)]


def test_errors_go_to_pythons_logger_by_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    Engine.open_or_create(path, actor="test").close()
    assert not caplog.records, "what was expected is no error"
    with pytest.raises(errors.StorageWrongKey):
        Engine.open(path, key=b"k" * 32)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("wardkey", logging.ERROR)
    assert "WARDKEY_STORAGE_WRONG_KEY" in record.getMessage()


def test_what_the_log_function_raises_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(wardkey.StorageMissing):
        Engine.open(tmp_path / "a.db", log=fail)
    assert "it failed" in caplog.text


def staff(login: UserLogin) -> Optional[Approved]:
    assert "pass word" not in repr(login)
    if (login.username, login.password) != ("Éva", "pass word"):
        return None
    assert (login.peer, login.correlation_id) == ("192.0.2.7", "request 7")
    return Approved(subject="staff.7", scope="lab:read")


def test_users_of_the_host_log_in(tmp_path: Path) -> None:
    for name, password, status in [("Éva", "pass word", 200), ("Éva", "wrong", 401)]:
        path = tmp_path / f"{status}.db"
        assert biot_login(path, staff, name, password).status == status


@pytest.mark.parametrize(
    "check",
    [
        fail,
        lambda _: Approved(subject="x" * 256, scope=""),
        lambda _: Approved(subject="x\0y", scope=""),
        lambda _: Approved(subject="x", scope="lab:read " * 500),
        lambda _: "yes",
    ],
)  # fmt: skip
def test_a_check_that_failed_lets_nobody_in_and_is_logged(
    check: Callable[[UserLogin], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert biot_login(tmp_path / "a.db", check, "Éva", "pass word").status == 503
    assert "Traceback" in caplog.text
    assert "WARDKEY_INTERNAL_USER_CHECK" in caplog.text
    assert "pass word" not in caplog.text


def test_ctrl_c_in_a_callback_comes_out_of_the_call(tmp_path: Path) -> None:
    def interrupt(_: UserLogin) -> Optional[Approved]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        biot_login(tmp_path / "a.db", interrupt, "Éva", "pass word")


@pytest.mark.parametrize("moment", ["call", "return"])
@pytest.mark.parametrize(
    "callback", ["key_read", "clock_wall_ms", "clock_monotonic_ms", "log", "progress", "destroy"]
)
def test_a_signal_outside_the_lines_of_a_callback_comes_out_of_the_call(
    callback: str, moment: str, tmp_path: Path
) -> None:
    def use_all() -> None:
        if callback == "log":
            Engine.open(tmp_path / "a.db")
        key = bytes(range(32))
        with Engine.create(
            tmp_path / "a.db", actor="test", key=lambda: key, clock=ManualClock()
        ) as engine:
            engine.backup(tmp_path / "copy.db", context=ADMIN, progress=lambda done, total: None)

    with pytest.raises(SystemExit, match="SIGTERM"), stopped_in(callback, moment):
        use_all()
    if callback == "key_read":
        assert not list(tmp_path.iterdir()), "sealed with a key that nobody gave"
    if callback == "progress":
        assert not (tmp_path / "copy.db").exists(), "it was not cancelled"


@pytest.mark.parametrize("moment", ["call", "return"])
def test_a_signal_outside_the_lines_of_a_check_lets_nobody_in(moment: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="SIGTERM"), stopped_in("check_user", moment):
        biot_login(tmp_path / "a.db", staff, "Éva", "pass word")


@contextmanager
def stopped_in(callback: str, moment: str) -> Iterator[None]:
    """A signal's handler raises before the callback's first line, or after its last."""

    def stop(frame: FrameType, event: str, _: object) -> None:
        where = (frame.f_code.co_filename, frame.f_code.co_name, event)
        if where == (_callbacks.__file__, callback, moment):
            sys.setprofile(None)
            raise SystemExit("SIGTERM")

    sys.setprofile(stop)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_callbacks_are_let_go_when_the_engine_is_closed(tmp_path: Path) -> None:
    gc.collect()
    before = len(_callbacks._held)

    class Check:
        def __call__(self, login: UserLogin) -> Optional[Approved]:
            return None

    check = Check()
    gone = weakref.ref(check)
    engine = Engine.create(tmp_path / "a.db", actor="test", check_user=check, clock=ManualClock())
    del check
    gc.collect()
    assert gone() is not None
    engine.backup(tmp_path / "copy.db", context=ADMIN, progress=lambda done, total: None)
    engine.close()
    gc.collect()
    assert gone() is None
    with pytest.raises(wardkey.StorageExists):
        Engine.create(tmp_path / "a.db", actor="test", clock=ManualClock())
    assert len(_callbacks._held) == before


def biot_login(
    path: Path, check: Callable[[UserLogin], Optional[Approved]], name: str, password: str
) -> Response:
    """BioT's login: the shortest way to a user's password."""
    import json

    with Engine.create(
        path, actor="test", settings={"dialects": ["biot"]}, check_user=check
    ) as engine:
        body = json.dumps({"username": name, "password": password}).encode()
        request = Request(
            method="POST",
            path="/ums/v2/users/login",
            headers={"Content-Type": "application/json"},
            body=body,
        )
        context = Context(peer="192.0.2.7", secure=True, correlation_id="request 7")
        return engine.http(request, context=context)
