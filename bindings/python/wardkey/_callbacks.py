"""Python functions that the library calls.

One C function for each kind, made once and for the life of the process, finds the Python function through
its `user` pointer. No exception gets lost: one that ends the call is raised by it; one that does not is
written to the logger `wardkey`.
"""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Any, Callable, Optional

from ._native import ffi, lib
from .clock import Clock
from .values import Approved, UserLogin

LogFunction = Callable[[int, str], None]
KeyFunction = Callable[[], bytes]
UserCheck = Callable[[UserLogin], Optional[Approved]]
Progress = Callable[[int, int], object]

logger = logging.getLogger("wardkey")


def hold(function: object) -> Any:
    """A `user` pointer for a Python object, which lives until `destroy` is called with it."""
    handle = ffi.new_handle(function)
    _held[_address(handle)] = handle
    return handle


def raise_caught(cause_of: Optional[Exception] = None) -> None:
    """Raises what a callback of this thread raised during the call that has just returned.

    `cause_of` is what the call itself failed with, if it did. If that is the consequence of the callback's
    exception and says more, it is raised, with the exception as its cause.
    """
    caught: Optional[BaseException] = getattr(_thread, "caught", None)
    if caught is None:
        return
    _thread.caught = None
    if cause_of is not None and getattr(_thread, "explained", False):
        raise cause_of from caught
    raise caught from None


def _catch(error: BaseException, *, explained: bool = False) -> None:
    # The first one is the cause of the others.
    if getattr(_thread, "caught", None) is None:
        _thread.caught = error
        _thread.explained = explained


def _catch_outside(
    kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]
) -> None:
    """Catches what came before a callback's first line or after its last one: a signal handler's exception,
    or no stack left. Without it cffi prints the exception; the library gets the callback's `error`, which
    therefore never says yes."""
    _catch(error.with_traceback(traceback))


def _now(
    kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]
) -> int:
    """The same for the date. The call's result is thrown away, but what it writes must not stand in the year
    1970."""
    _catch(error.with_traceback(traceback))
    return time.time_ns() // 1_000_000


def log_to_python(code: int, message: str) -> None:
    """The log of an engine that was given none."""
    if code in (lib.WARDKEY_STORAGE_MISSING, lib.WARDKEY_STORAGE_EXISTS):
        # An exception says it too, and whoever opens or creates may well expect it.
        return
    name = ffi.string(lib.wardkey_status_name(code)).decode()
    logger.error("%s (%s)", message, name)


@ffi.callback("void(void *)", onerror=_catch_outside)  # type: ignore[untyped-decorator, unused-ignore]
def destroy(user: Any) -> None:
    _held.pop(_address(user), None)


@ffi.callback("int64_t(void *)", error=0, onerror=_now)  # type: ignore[untyped-decorator, unused-ignore]
def clock_wall_ms(user: Any) -> int:
    clock: Clock = ffi.from_handle(user)
    try:
        return clock.wall_ms()
    except BaseException as error:
        return _now(type(error), error, error.__traceback__)


@ffi.callback("int64_t(void *)", error=0, onerror=_catch_outside)  # type: ignore[untyped-decorator, unused-ignore]
def clock_monotonic_ms(user: Any) -> int:
    clock: Clock = ffi.from_handle(user)
    try:
        return clock.monotonic_ms()
    except BaseException as error:
        _catch(error)
        return 0


@ffi.callback("int32_t(void *, uint8_t *, size_t)", error=1, onerror=_catch_outside)  # type: ignore[untyped-decorator, unused-ignore]
def key_read(user: Any, key: Any, key_size: int) -> int:
    read: KeyFunction = ffi.from_handle(user)
    try:
        found = read()
        if len(found) != key_size:
            raise ValueError(f"the master key has {key_size} bytes, not {len(found)}")
        ffi.memmove(key, found, key_size)
    except BaseException as error:
        _catch(error, explained=isinstance(error, Exception))
        return 1
    return 0


@ffi.callback("void(void *, int32_t, char *, size_t)", onerror=_catch_outside)  # type: ignore[untyped-decorator, unused-ignore]
def log(user: Any, code: int, message: Any, message_len: int) -> None:
    write: LogFunction = ffi.from_handle(user)
    try:
        write(code, ffi.buffer(message, message_len)[:].decode("utf-8", "replace"))
    except Exception:
        logger.exception("the function that an engine logs to failed")
    except BaseException as error:
        _catch(error)


@ffi.callback(
    "int32_t(void *, wardkey_user_login *, wardkey_user_verdict *)",
    error=-1,
    onerror=_catch_outside,
)  # type: ignore[untyped-decorator, unused-ignore]
def check_user(user: Any, login: Any, verdict: Any) -> int:
    check: UserCheck = ffi.from_handle(user)
    try:
        approved = check(
            UserLogin(
                username=_text(login.username, login.username_len) or "",
                password=_text(login.password, login.password_len) or "",
                peer=_text(login.peer, login.peer_len),
                correlation_id=_text(login.correlation_id, login.correlation_id_len),
            )
        )
        if approved is None:
            return int(lib.WARDKEY_USER_REFUSED)
        _write(verdict.subject, approved.subject, "subject")
        _write(verdict.scope, approved.scope, "scope")
        return int(lib.WARDKEY_USER_APPROVED)
    except Exception:
        logger.exception("check_user failed: nobody logged in")
    except BaseException as error:
        _catch(error)
    # Neither approved nor refused: the remote caller gets a 503.
    return -1


@ffi.callback("int32_t(void *, uint64_t, uint64_t)", error=1, onerror=_catch_outside)  # type: ignore[untyped-decorator, unused-ignore]
def progress(user: Any, done: int, total: int) -> int:
    tell: Progress = ffi.from_handle(user)
    try:
        tell(done, total)
    except BaseException as error:
        _catch(error)
        return 1
    return 0


def _text(pointer: Any, length: int) -> Optional[str]:
    if pointer == ffi.NULL:
        return None
    return str(ffi.buffer(pointer, length)[:], "utf-8")


def _write(array: Any, text: str, name: str) -> None:
    encoded = text.encode()
    # One byte less: what fills the array may have been cut.
    if len(encoded) >= ffi.sizeof(array) or b"\0" in encoded:
        raise ValueError(f"the {name} is too long, or has a NUL")
    ffi.memmove(array, encoded, len(encoded))


def _address(handle: Any) -> int:
    return int(ffi.cast("uintptr_t", handle))


# What is held for the library, by its address.
_held: dict[int, Any] = {}

_thread = threading.local()
