"""Which requests a middleware answers, and how, whatever interface the server has."""

from __future__ import annotations

import functools
import ipaddress
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Optional

from ._abi import expect
from ._callbacks import logger
from ._error import Denied, Error
from .values import ANY_SCOPE, Response

LONGEST_BODY = 1024 * 1024 + 1
"""One byte more than the engine can be told to accept: it answers a longer body with 413."""


LONGEST_PATH = 8192
"""In characters, as the server hands it over: a longer one is refused where something is protected."""


class Protection:
    """Scopes by path: the longest prefix counts, by whole segments.

    >>> protection = Protection({"/api": "lab:read", "/api/orders": "lab:write"})
    >>> protection.scopes("/api/orders/17")
    'lab:write'
    >>> protection.scopes("/api/ordersheet")
    'lab:read'
    >>> protection.scopes("/health") is None
    True
    """

    def __init__(self, scopes: Mapping[str, str]) -> None:
        expect("protect", scopes, Mapping)
        for prefix, words in scopes.items():
            expect("prefix", prefix, str)
            required(words, f"scopes of {prefix}")
        self._scopes = {_segments(prefix): words for prefix, words in scopes.items()}
        self._longest = max(map(len, self._scopes), default=0)

    def __bool__(self) -> bool:
        return bool(self._scopes)

    def scopes(self, path: str) -> Optional[str]:
        """What a path requires; None: nothing. `//` counts as `/`, as it does for many an application."""
        segments = _segments(path)
        for length in range(min(len(segments), self._longest), -1, -1):
            words = self._scopes.get(segments[:length])
            if words is not None:
                return words
        return None

    def scopes_of_all(self, paths: Iterable[str]) -> Optional[str]:
        """What a request requires whose path may be read as any of these."""
        found = dict.fromkeys(words for words in map(self.scopes, paths) if words is not None)
        if not found:
            return None
        return " ".join(words for words in found if words != ANY_SCOPE) or ANY_SCOPE

    def is_too_long(self, path: str) -> bool:
        """Whether the path is longer than anything that is worth being looked at."""
        return bool(self._scopes) and len(path) > LONGEST_PATH

    def is_ambiguous(self, path: str) -> bool:
        """Whether the path leads elsewhere once its `..` are resolved. Nobody sends it by mistake, and what
        the application takes it for cannot be known."""
        return bool(self._scopes) and not {".", ".."}.isdisjoint(_segments(path))


def required(scopes: str, name: str = "scopes") -> str:
    """The scopes, once it is certain that there are some: while the program starts, not when it is asked."""
    expect(name, scopes, str)
    if not scopes:
        raise ValueError(f"`{name}`: there is none; ANY_SCOPE says that any valid token will do")
    return scopes


def refusal(error: Error) -> Response:
    """What to answer when `Engine.authorize` raised this. Why it did is for the log alone."""
    if error.http_status is None:
        raise error
    level = logging.INFO if isinstance(error, Denied) else logging.ERROR
    logger.log(level, "answered %s: %s", error.http_status, error)
    status = HTTPStatus(error.http_status)
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    if error.challenge:
        headers.append(("WWW-Authenticate", error.challenge))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    return Response(status, tuple(headers), f"{status.phrase}\n".encode())


BAD_REQUEST = Response(400, (("Content-Type", "text/plain; charset=utf-8"),), b"Bad Request\n")
TOO_LONG = Response(414, (("Content-Type", "text/plain; charset=utf-8"),), b"URI Too Long\n")


@functools.lru_cache(maxsize=1024)
def address(text: Optional[str]) -> Optional[str]:
    """The peer, if it is one: servers name a Unix socket or a test by other words."""
    try:
        ipaddress.ip_address((text or "").split("%")[0])
    except ValueError:
        return None
    return text


def _segments(path: str) -> tuple[str, ...]:
    return tuple(segment for segment in path.split("/") if segment)
