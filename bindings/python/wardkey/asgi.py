"""For ASGI applications (Starlette, FastAPI, ...): protects them, and answers the OAuth endpoints.

What may take time runs in a thread (`asyncio.to_thread`), so that the event loop goes on: opening, all OAuth
endpoints (they write, and hash passwords), and the first sight of a token, for which rows are read. A token
that was seen before is judged on the loop, for handing it over to a thread takes about as long: there is one
signature to check, and no row to read unless something was revoked since. Whether a path is one of the
engine's is asked on the loop too: the answer is in memory, and no row is read for it unless another process
changed something since. Neither waits for a writer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping, MutableMapping
from typing import Any, Callable, Optional, Union
from urllib.parse import quote, unquote_to_bytes

from ._error import Denied, InternalError, StorageError
from ._lazy import EngineSource, LazyEngine, lazy
from ._routes import BAD_REQUEST, LONGEST_BODY, TOO_LONG, Protection, address, refusal
from .engine import Engine
from .values import Context, Principal, Request, Response

__all__ = ["Gate", "LazyEngine", "Middleware", "context_of"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderFields = Iterable[tuple[bytes, bytes]]


class Middleware:
    """Stands before an application, as `wardkey.wsgi.Middleware` does, with the same arguments.

    >>> application = Middleware(
    ...     application,
    ...     lambda: Engine.open_or_create(folder / "clinic.db", actor="setup"),
    ...     protect={"/api/results": "lab:read", "/api/orders": "lab:write"},
    ... )

    For a request with a good token `scope["wardkey.principal"]` says whom it speaks for. A prefix in
    `protect` protects WebSockets too: one that is refused is closed before it is accepted.

    Under a `root_path` the path is judged below it and as a whole, and the token needs the scopes of both,
    for servers differ in whether the path contains the root.
    """

    def __init__(
        self,
        app: Application,
        engine: Union[EngineSource, Gate],
        *,
        protect: Optional[Mapping[str, str]] = None,
        base_path: str = "",
    ) -> None:
        self._app = app
        self._gate = engine if isinstance(engine, Gate) else Gate(engine)
        self._protection = Protection(protect or {})
        self._base_path = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http":
            answer = (
                self._unreadable(scope)
                or await self._endpoint(scope, receive)
                or await self._check(scope)
            )
        elif scope["type"] == "websocket":
            answer = self._unreadable(scope) or await self._check(scope)
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _send(answer, scope, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    def _unreadable(self, scope: Scope) -> Optional[Response]:
        """The refusal, if something is protected, and what this path leads to cannot be known."""
        if self._protection.is_too_long(scope["path"]):
            return TOO_LONG
        return BAD_REQUEST if self._protection and not _is_text(scope) else None

    async def _endpoint(self, scope: Scope, receive: Receive) -> Optional[Response]:
        """The engine's answer, if one of its endpoints is asked."""
        engine = await self._gate.engine()
        path = _raw_path(scope) or quote(scope["path"]).encode()
        base_path = quote(scope.get("root_path", "") + self._base_path)
        if not engine.serves(path, base_path):
            return None
        request = Request(
            method=scope["method"],
            path=path,
            query=scope.get("query_string", b""),
            headers=scope["headers"],
            body=await _read_body(receive),
            base_path=base_path,
        )
        return await asyncio.to_thread(engine.http, request, context=context_of(scope))

    async def _check(self, scope: Scope) -> Optional[Response]:
        """The refusal, if the path is protected and the request has no token for it."""
        paths = _readings(scope)
        if any(map(self._protection.is_ambiguous, paths)):
            return BAD_REQUEST
        scopes = self._protection.scopes_of_all(paths)
        if scopes is None:
            return None
        found = await self._gate.authorize(scope["headers"], scopes, context_of(scope))
        if isinstance(found, Response):
            return found
        scope["wardkey.principal"] = found
        return None


class Gate:
    """An engine for coroutines: opens it in a thread, and asks it there whatever may take time."""

    def __init__(self, engine: EngineSource) -> None:
        self._engine = lazy(engine)
        # By hashes, because tokens should not lie about in memory. Two of the same hash cost nothing but
        # that one is checked on the loop.
        self._seen: OrderedDict[int, None] = OrderedDict()

    async def engine(self) -> Engine:
        """The engine, opened if it is not yet."""
        opened = self._engine.opened
        return await asyncio.to_thread(self._engine) if opened is None else opened

    async def authorize(
        self, headers: HeaderFields, scopes: str, context: Context
    ) -> Union[Principal, Response]:
        """Whom the request comes from, or what to answer instead of going on."""
        engine = await self.engine()
        fields = list(headers)
        seen = hash(tuple(value for name, value in fields if name.lower() == b"authorization"))
        try:
            if seen in self._seen:
                return engine.authorize(fields, scopes, context=context)
            found = await asyncio.to_thread(engine.authorize, fields, scopes, context=context)
        except (Denied, StorageError, InternalError) as error:
            return refusal(error)
        self._seen[seen] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return found


def context_of(scope: Scope) -> Context:
    """From where the request came, and how."""
    client = scope.get("client")
    return Context(
        peer=address(client[0]) if client else None,
        secure=scope.get("scheme") in ("https", "wss"),
    )


def _readings(scope: Scope) -> list[str]:
    """The path as it is, and below the root, if it begins with it: not all servers put the root before it, so
    either may be what the application compares."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    below = root and (path + "/").startswith(root + "/")
    return [path, path[len(root) :]] if below else [path]


def _raw_path(scope: Scope) -> bytes:
    raw_path: bytes = scope.get("raw_path") or b""
    # Some servers leave the query in it.
    return raw_path.partition(b"?")[0]


def _is_text(scope: Scope) -> bool:
    """Whether the path was UTF-8 before the server decoded it. If not, each application reads it in its own
    way."""
    path: str = scope["path"]
    try:
        unquote_to_bytes(_raw_path(scope)).decode()
        path.encode()
    except UnicodeError:
        return False
    return "\N{REPLACEMENT CHARACTER}" not in path


async def _read_body(receive: Receive) -> bytes:
    """The body, but no more than the engine can be told to accept."""
    body, more = bytearray(), True
    while more and len(body) < LONGEST_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body[:LONGEST_BODY])


async def _send(response: Response, scope: Scope, send: Send) -> None:
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
    # The answer to HEAD says itself how long the body would be.
    if scope["method"] != "HEAD":
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


# RFC 6455 7.4.1.
_POLICY_VIOLATION = 1008

# Some hundred kilobytes; a clinic has fewer tokens at once.
_MOST_SEEN = 4096
