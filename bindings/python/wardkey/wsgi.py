"""For WSGI applications (PEP 3333): protects them, and answers the OAuth endpoints beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Optional, Union
from urllib.parse import quote

from ._error import Denied, InternalError, StorageError
from ._lazy import EngineSource, LazyEngine, lazy
from ._routes import BAD_REQUEST, LONGEST_BODY, TOO_LONG, Protection, address, refusal
from .engine import Engine
from .values import Context, Principal, Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LazyEngine", "Middleware", "authorize", "context_of", "headers_of"]


class Middleware:
    """Stands before an application.

    Requests to the OAuth endpoints (the token endpoint, the login page, the key set and so on) are answered
    by the engine. Of the others, those under a prefix in `protect` need a token with its scopes; without, the
    application does not see them, and the caller gets the 401, 403 or 429 that RFC 6750 asks for. With it,
    `environ["wardkey.principal"]` says whom the token speaks for.

    >>> application = Middleware(
    ...     application,
    ...     lambda: Engine.open_or_create(folder / "clinic.db", actor="setup"),
    ...     protect={"/api/results": "lab:read", "/api/orders": "lab:write"},
    ... )

    Prefixes protect frameworks that compare paths as they are, letter by letter (Flask, Django, Bottle,
    Starlette, FastAPI). CherryPy's dispatcher does not: to it `/lab-results` and `/lab.results` are
    `/lab_results`. There call `authorize` in the handler, or protect "/".

    `engine` is a function that opens the engine; it is called at the first request, in the process that
    answers it, so that servers may fork before (gunicorn's `--preload`). An open engine will do if nothing
    forks. `base_path` is where the endpoints lie below the application, such as `/auth`; the default is
    its root.

    Whether a request came over TLS is what the server says in `wsgi.url_scheme`: if a proxy ends TLS, let
    the server trust the proxy's header (gunicorn's `forwarded_allow_ips`). Whose forwarding header names the
    client's address is told to the engine, by its settings' `trusted_proxies`.
    """

    def __init__(
        self,
        app: WSGIApplication,
        engine: EngineSource,
        *,
        protect: Optional[Mapping[str, str]] = None,
        base_path: str = "",
    ) -> None:
        self._app = app
        self._engine = lazy(engine)
        self._protection = Protection(protect or {})
        self._base_path = base_path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        if answer is None:
            return self._app(environ, start_response)
        return send(answer, environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Optional[Response]:
        """What to send without asking the application; None: the request may go on to it."""
        script_name, path_info = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        if self._protection.is_too_long(path_info):
            return TOO_LONG
        engine = self._engine()
        base_path = _quoted(script_name + self._base_path)
        path = _quoted(script_name + path_info)
        if engine.serves(path, base_path):
            return engine.http(
                Request(
                    method=environ["REQUEST_METHOD"],
                    path=path,
                    query=environ.get("QUERY_STRING", ""),
                    headers=headers_of(environ),
                    body=_read_body(environ),
                    base_path=base_path,
                ),
                context=context_of(environ),
            )
        try:
            plain = path_info.encode("latin-1").decode()
        except UnicodeDecodeError:
            # Each application reads it in its own way: some leave out what is no UTF-8.
            return BAD_REQUEST if self._protection else None
        if self._protection.is_ambiguous(plain):
            return BAD_REQUEST
        scopes = self._protection.scopes(plain)
        if scopes is None:
            return None
        found = authorize(engine, environ, scopes)
        if isinstance(found, Response):
            return found
        environ["wardkey.principal"] = found
        return None


def authorize(engine: Engine, environ: WSGIEnvironment, scopes: str) -> Union[Principal, Response]:
    """Whom the request comes from, or what to answer instead of going on."""
    try:
        return engine.authorize(headers_of(environ), scopes, context=context_of(environ))
    except (Denied, StorageError, InternalError) as error:
        return refusal(error)


def context_of(environ: WSGIEnvironment) -> Context:
    """From where the request came, and how."""
    return Context(
        peer=address(environ.get("REMOTE_ADDR")),
        secure=environ["wsgi.url_scheme"] == "https",
    )


def headers_of(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """All header fields, as PEP 3333 names them."""
    return [
        (key[5:].replace("_", "-") if key.startswith("HTTP_") else key.replace("_", "-"), value)
        for key, value in environ.items()
        if key.startswith("HTTP_") or (key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    ]


def send(
    response: Response, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Sends a response as it is."""
    headers = list(response.headers)
    # The answer to HEAD says itself how long the body would be.
    if environ["REQUEST_METHOD"] != "HEAD":
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    return [response.body]


def _quoted(text: str) -> str:
    """Percent-encoded again: PEP 3333 has paths decoded, their bytes as characters."""
    return quote(text.encode("latin-1"), safe="/:@!$&'()*+,;=~")


def _read_body(environ: Mapping[str, Any]) -> bytes:
    """The body, but no more than the engine can be told to accept."""
    stream = environ["wsgi.input"]
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length <= 0:
        # Without a length, reading would wait for ever but for servers that end the stream.
        length = LONGEST_BODY if environ.get("wsgi.input_terminated") else 0
    length = min(length, LONGEST_BODY)
    body = bytearray()
    while len(body) < length:
        part = stream.read(length - len(body))
        if not part:
            break
        body += part
    return bytes(body)
