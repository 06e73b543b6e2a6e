"""Python's values as the library takes them, and what it fills as Python's values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, Union, cast

from . import _callbacks
from ._error import Error, error_of
from ._native import ffi, lib
from .values import Context, Headers, Path, Principal, Request, Response, Text


def run(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function of the library whose last parameter is the error, and raises what it reports."""
    error = ffi.new("wardkey_error *")
    code = function(*arguments, error)
    failure = None if code == 0 else failure_of(code, error)
    _callbacks.raise_caught(failure)
    if failure is not None:
        raise failure


def failure_of(code: int, error: Any, **more: Any) -> Error:
    """The exception for a code and the report that came with it."""
    message = ffi.string(error.message).decode("utf-8", "replace")
    return error_of(code, message, error.system_code, **more)


def expect(name: str, value: object, kind: Union[type, tuple[type, ...]] = (str, bytes)) -> None:
    """Raises TypeError, with the argument's name, if its value is of another type."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        words = " or ".join(each.__name__ for each in kinds)
        raise TypeError(f"`{name}` is to be {words}, not {type(value).__name__}")


def encode(name: str, text: Text) -> bytes:
    """The bytes of a text. Whatever a remote caller may have sent goes through: the library judges it."""
    expect(name, text)
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def file_path(path: Path) -> str:
    """A path as text."""
    expect("path", path, (str, os.PathLike))
    return os.fspath(path)


def received(name: str, text: Text) -> bytes:
    """What was on the wire: servers hand over its bytes as characters (PEP 3333)."""
    encoded = encode(name, text)
    if isinstance(text, bytes):
        return encoded
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return encoded


def pair(name: str, text: Text) -> tuple[Any, int]:
    """A text as two arguments, pointer and length."""
    encoded = encode(name, text)
    return encoded, len(encoded)


def pair_or_null(name: str, text: Optional[Text]) -> tuple[Any, int]:
    """The same; NULL for None."""
    return (ffi.NULL, 0) if text is None else pair(name, text)


class Kept:
    """Structs for one call, and what they point to: alive as long as this is."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def set(self, struct: Any, member: str, text: Optional[Text]) -> None:
        """A member and its length; None leaves both as they are, which is NULL."""
        if text is None:
            return
        encoded = encode(member, text)
        pointer = ffi.from_buffer("char[]", encoded)
        self._kept.append(pointer)
        setattr(struct, member, pointer)
        setattr(struct, member + "_len", len(encoded))

    def context(self, context: Context) -> Any:
        expect("context", context, Context)
        struct = ffi.new("wardkey_context *")
        struct.struct_size = _CONTEXT_SIZE
        struct.secure = 1 if context.secure else 0
        self.set(struct, "actor", context.actor)
        self.set(struct, "peer", context.peer)
        self.set(struct, "forwarded", context.forwarded)
        self.set(struct, "correlation_id", context.correlation_id)
        return struct

    def headers(self, headers: Headers) -> tuple[Any, int]:
        """An array of header fields, and how many."""
        pairs = _pairs(headers)
        fields = ffi.new("wardkey_header[]", len(pairs))
        for field, (name, value) in zip(fields, pairs):
            self.set(field, "name", received("header", name))
            self.set(field, "value", received("header", value))
        self._kept.append(fields)
        return fields, len(pairs)

    def request(self, request: Request) -> Any:
        expect("request", request, Request)
        struct = ffi.new("wardkey_http_request *")
        struct.struct_size = ffi.sizeof("wardkey_http_request")
        for member in ("method", "path", "query"):
            self.set(struct, member, received(member, getattr(request, member)))
        self.set(struct, "base_path", request.base_path)
        self.set(struct, "body", request.body)
        struct.headers, struct.header_count = self.headers(request.headers)
        return struct


def document(function: Callable[..., int], *arguments: Any) -> Any:
    """Calls a function whose last parameters are a buffer and the error, and reads the buffer's JSON."""
    buffer = ffi.new("wardkey_buf *")
    try:
        run(function, *arguments, buffer)
        return json.loads(read_buffer(buffer))
    finally:
        lib.wardkey_buf_free(buffer)


def read_buffer(buffer: Any) -> bytes:
    if buffer.data == ffi.NULL:
        return b""
    return bytes(ffi.buffer(buffer.data, buffer.length))


def respond(function: Callable[..., int], *arguments: Any) -> Response:
    """Calls a function whose last parameters are a response, its size and the error."""
    response = ffi.new("wardkey_http_response *")
    try:
        run(function, *arguments, response, ffi.sizeof("wardkey_http_response"))
        return read_response(response)
    finally:
        lib.wardkey_http_response_free(response)


def read_response(response: Any) -> Response:
    return Response(
        status=response.status,
        headers=tuple(
            (
                str(ffi.buffer(field.name, field.name_len)[:], "latin-1"),
                str(ffi.buffer(field.value, field.value_len)[:], "latin-1"),
            )
            for field in response.headers[0 : response.header_count]
        ),
        body=bytes(ffi.buffer(response.body, response.body_len)) if response.body_len else b"",
    )


def new_principal() -> tuple[Any, int]:
    """A struct to fill, and its size."""
    return ffi.new("wardkey_principal *"), _PRINCIPAL_SIZE


def read_principal(struct: Any) -> Principal:
    return Principal(
        client_id=ffi.string(struct.client_id).decode(),
        subject=ffi.string(struct.subject).decode(),
        token_id=ffi.string(struct.token_id).decode(),
        kind="user" if struct.kind == lib.WARDKEY_KIND_USER else "client",
        token_format="jwt" if struct.token_format == lib.WARDKEY_TOKEN_JWT else "opaque",
        issued_at=struct.issued_at,
        expires_at=struct.expires_at,
    )


def _pairs(headers: Headers) -> list[tuple[Text, Text]]:
    expect("headers", headers, Iterable)
    if isinstance(headers, Mapping):
        return list(cast("Mapping[Text, Text]", headers).items())
    return list(headers)


_CONTEXT_SIZE: int = ffi.sizeof("wardkey_context")
_PRINCIPAL_SIZE: int = ffi.sizeof("wardkey_principal")
