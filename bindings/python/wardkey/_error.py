"""What every exception of this package carries. Those that have a code are in `wardkey.errors`."""

from __future__ import annotations

from typing import Any, Optional

from ._native import ffi, lib

# The class of each code that has one of its own; classes enter themselves.
_CLASSES: dict[int, type[Error]] = {}

# What the library cannot know: how it is said in Python.
_ADVICE = {
    "WARDKEY_MISUSE_FORKED": (
        "Give the middleware a function that opens the engine, such as "
        "`lambda: Engine.open('clinic.db')`, and it opens in each worker; nothing may be open in the "
        "process that forks them"
    ),
}


class Error(Exception):
    """A call did not succeed. Its subclasses say of what kind; `name` says exactly.

    str() is a sentence for the operator and the log. It holds no secret, but it is not meant for the
    remote caller: a refusal should not tell an attacker why.
    """

    code: int
    """The status code of `wardkey.h`, such as 212. Later releases may add codes."""

    name: str
    """The code's name, such as `WARDKEY_DENIED_TOKEN_EXPIRED`."""

    message: str
    """What was false, with its values."""

    system_code: int
    """The code of the operating system or of SQLite, where there is one; else 0."""

    http_status: Optional[int]
    """Of `Engine.authorize`: the status to answer with. Of other calls None."""

    challenge: str
    """Of `Engine.authorize`: the value of the header WWW-Authenticate to answer with, or empty."""

    def __init__(
        self,
        code: int,
        message: str = "",
        system_code: int = 0,
        http_status: Optional[int] = None,
        challenge: str = "",
    ) -> None:
        # All of them, in their order: an exception is pickled by its arguments.
        super().__init__(code, message, system_code, http_status, challenge)
        self.code = code
        self.name = ffi.string(lib.wardkey_status_name(code)).decode()
        self.message = message or ffi.string(lib.wardkey_status_message(code)).decode()
        self.system_code = system_code
        self.http_status = http_status
        self.challenge = challenge

    def __init_subclass__(cls, code: Optional[int] = None, **more: Any) -> None:
        super().__init_subclass__(**more)
        if code is not None:
            _CLASSES[code] = cls

    def __str__(self) -> str:
        advice = _ADVICE.get(self.name)
        return f"{self.message} ({self.name})" + (f". {advice}" if advice else "")

    @property
    def retry_after(self) -> Optional[int]:
        """After how many seconds to come again, when it came too often; else None."""
        return self.system_code if self.name == "WARDKEY_DENIED_RATE_LIMITED" else None


class MisuseError(Error):
    """The call was wrong: a mistake in the program that calls, never in what a remote caller sent."""


class Denied(Error, code=200):
    """The token, the client or the user may not do it. The subclass says why."""


class StorageError(Error):
    """The file, the disk or the master key. The message says what to do."""


class InternalError(Error, code=500):
    """A defect of the library, or of a callback that it asked."""


def error_of(
    code: int,
    message: str = "",
    system_code: int = 0,
    http_status: Optional[int] = None,
    challenge: str = "",
) -> Error:
    """The exception of a status code, also of one that only a later library has."""
    kind = _CLASSES.get(code) or _KINDS.get(code // 100, Error)
    return kind(code, message, system_code, http_status, challenge)


_KINDS: dict[int, type[Error]] = {1: MisuseError, 2: Denied, 4: StorageError, 5: InternalError}
