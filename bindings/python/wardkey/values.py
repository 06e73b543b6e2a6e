"""What goes into an engine's calls and comes out: frozen, and safe to print."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Optional, TypedDict, Union

Text = Union[str, bytes]
"""A text as a server hands it over, or as it was received."""

Path = Union[str, "os.PathLike[str]"]
"""Where a file is."""

Headers = Union[Mapping[str, str], Iterable[tuple[Text, Text]]]
"""Header fields: pairs in the order received, or a mapping of them."""

ANY_SCOPE = " any"
"""The scopes argument that says: any valid token will do. Nothing else says so."""


@dataclass(frozen=True)
class Context:
    """Who asks, from where, and how: part of every call that decides something.

    What is not given is unknown, and what is unknown never helps: a client that may come from certain
    networks only is refused when `peer` is None.

    >>> Context(actor="anna@clinic").actor
    'anna@clinic'
    """

    actor: Optional[str] = None
    """Who administers: a person or a program, in your own words. The audit keeps it."""

    peer: Optional[str] = None
    """The address at the other end of the connection, without port: `192.0.2.7`, `::1`."""

    secure: bool = False
    """Whether the request came over TLS, to this program or to a proxy that it trusts."""

    forwarded: Optional[Text] = None
    """The request's `Forwarded` or `X-Forwarded-For`, several joined by commas. It counts only if `peer`
    is one of the settings' `trusted_proxies`. `authorize` and `http` find it in the headers themselves."""

    correlation_id: Optional[str] = None
    """Your own id for the request, kept in the audit: at most 255 bytes without control characters."""


UNKNOWN = Context()
"""Nothing is known of who asks."""


@dataclass(frozen=True)
class Principal:
    """Whom a valid token speaks for. Scopes and `host_data` come through `Engine.claims`."""

    client_id: str
    """The client that the token was given to."""

    subject: str
    """Whom it speaks for: the client itself, or a user, whose id begins with `usr_`."""

    token_id: str
    """The token's own id, as the audit has it."""

    kind: Literal["client", "user"]
    """Whether it speaks for the client itself or for a user."""

    token_format: Literal["jwt", "opaque"]
    """Whether the token is a signed JWT or a random text."""

    issued_at: int
    """When it was issued, in seconds since 1970-01-01 UTC."""

    expires_at: int
    """When it ends, likewise."""


@dataclass(frozen=True)
class Request:
    """An HTTP request as your server received it. Texts are as received, percent-encoding included."""

    method: Text
    path: Text
    """The path without the query, `base_path` included."""

    query: Text = ""
    """What follows the `?`."""

    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    base_path: str = ""
    """Where you mount the engine, such as `/auth`: WSGI's SCRIPT_NAME, ASGI's root_path."""


@dataclass(frozen=True)
class Response:
    """An HTTP response for your server to send. The body may hold a token: repr() does not show it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    """All but Content-Length, which your server adds."""

    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> Optional[str]:
        """The first value of a header field, whatever the case of its name; None if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class UserLogin:
    """Somebody who says that they are one of your own users, for `check_user`."""

    username: str
    """As typed, in Unicode's Normalization Form C."""

    password: str = field(repr=False)
    """As typed, not normalised."""

    peer: Optional[str]
    """From which address, if that is known."""

    correlation_id: Optional[str]
    """That of the call's context."""


@dataclass(frozen=True)
class Approved:
    """What `check_user` returns for a user whose name and password are right."""

    subject: str
    """Your name for the user, which never changes: 1 to 200 printable ASCII characters without spaces.
    Their tokens' subject is `usr_.` and this."""

    scope: str
    """All words that they may have, parted by single spaces, beside those of roles given to them here."""


class AccessToken(TypedDict):
    """What `Engine.issue` answers (RFC 6749 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class _Claims(TypedDict):
    client_id: str
    sub: str
    scope: str
    jti: str
    iat: int
    exp: int


class Claims(_Claims, total=False):
    """What a valid token says (`Engine.claims`). Later releases may add members."""

    host_data: str


class AskedScope(TypedDict):
    """A word that a client asks for, with what it means."""

    scope: str
    description: str


class _PendingRequest(TypedDict):
    client_id: str
    client_name: str
    redirect_uri: str
    scopes: list[AskedScope]
    handle: str


class PendingRequest(_PendingRequest, total=False):
    """Who asks a user of yours for what (`Engine.pending`)."""

    set_cookie: str
    """The value of a Set-Cookie header that must go out with your page; absent if the browser has it."""
