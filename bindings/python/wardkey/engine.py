"""The engine: one for a database and a process, for all threads."""

from __future__ import annotations

import json
import time
import warnings
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional, TypedDict, Union

from . import _abi, _callbacks
from ._callbacks import KeyFunction, LogFunction, Progress, UserCheck
from ._native import ffi, lib
from .clock import Clock
from .errors import NotFound, StorageExists, StorageMissing
from .values import (
    UNKNOWN,
    AccessToken,
    Claims,
    Context,
    Headers,
    Path,
    PendingRequest,
    Principal,
    Request,
    Response,
    Text,
)

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Options(TypedDict, total=False):
    """What every way of opening takes, by name. Nothing has to be given."""

    key: Union[bytes, KeyFunction, Literal["dpapi"]]
    """The master key: 32 bytes, or a function that returns them. Not given: it is in a file beside the
    database. `"dpapi"`: so it is, sealed by Windows. While a key is being changed, the new and the old
    one, one behind the other."""

    busy_timeout: float
    """How long a write waits for other programs, in seconds; not given: 5."""

    clock: Clock
    """A clock of your own, for tests."""

    log: LogFunction
    """Told the code and the message of every error of the storage and of the library, also those that became
    a 5xx response. Not given: they go to Python's logger `wardkey`, but for "there is no database" and "there
    is one already", which a program expects when it first runs."""

    check_user: UserCheck
    """Says who your own users are: returns `Approved`, or None to refuse. An exception says that it could
    not be found out: nobody logs in, the remote caller gets a 503, the logger `wardkey` the traceback."""


class Engine:
    """An open database. Any thread may call any method at any time.

    >>> with Engine.create(folder / "clinic.db", actor="setup") as engine:
    ...     lab = engine.call(
    ...         "client.create",
    ...         {"client_name": "Lab Interface", "scope": "lab:read"},
    ...         context=Context(actor="setup"),
    ...     )
    ...     token = engine.issue(lab["client_id"], lab["client_secret"])["access_token"]
    ...     engine.verify(token, "lab:read").client_id == lab["client_id"]
    True

    Calls raise `wardkey.Error`: `MisuseError` if the call was wrong, `Denied` with its subclasses if the
    answer is no, `StorageError` if the file or the disk failed. All calls let other threads run meanwhile.
    """

    def __init__(self, path: Path, **options: Unpack[Options]) -> None:
        """Opens a database that exists, as `Engine.open` does."""
        self._open(lib.WARDKEY_MODE_OPEN, path, options)

    @classmethod
    def open(cls, path: Path, **options: Unpack[Options]) -> Self:
        """Opens a database that exists; `StorageMissing` if there is none.

        Open it once, after the last fork: a child cannot use what its parent opened.
        """
        return cls(path, **options)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        actor: str,
        settings: Optional[Mapping[str, Any]] = None,
        **options: Unpack[Options],
    ) -> Self:
        """Makes a database and opens it; `StorageExists` if there is anything at the path.

        `actor` is who does it, for the audit. `settings` are as of the operation `settings.set`.
        """
        _abi.expect("actor", actor, str)
        made = cls.__new__(cls)
        made._open(lib.WARDKEY_MODE_CREATE, path, options, actor, settings)
        return made

    @classmethod
    def open_or_create(
        cls,
        path: Path,
        *,
        actor: str,
        settings: Optional[Mapping[str, Any]] = None,
        **options: Unpack[Options],
    ) -> Self:
        """Opens a database; makes it if there is none. Several processes may do so at once."""
        deadline = time.monotonic() + options.get("busy_timeout", _BUSY_TIMEOUT)
        while True:
            try:
                return cls.open(path, **options)
            except StorageMissing:
                # On this alone: anything else could hide a lost disk.
                pass
            try:
                return cls.create(path, actor=actor, settings=settings, **options)
            except StorageExists:
                if time.monotonic() > deadline:
                    raise
            # Another process is making it: a part is there already, the database itself comes last.
            time.sleep(0.01)

    @classmethod
    def restore(
        cls,
        path: Path,
        *,
        actor: str,
        danger_trust_secrets: bool = False,
        **options: Unpack[Options],
    ) -> Self:
        """Accepts a database that may be an old copy, such as a backup, and opens it.

        All tokens end; every secret has to be confirmed by `client.secret.confirm`, every user by
        `user.confirm`. With `danger_trust_secrets` they are trusted as they stand in the copy: what was
        revoked or replaced since it was made is good again.
        """
        _abi.expect("actor", actor, str)
        mode = lib.WARDKEY_MODE_RESTORE
        if danger_trust_secrets:
            mode = lib.WARDKEY_MODE_RESTORE_TRUSTING
        made = cls.__new__(cls)
        made._open(mode, path, options, actor)
        return made

    @classmethod
    def migrate(cls, path: Path, **options: Unpack[Options]) -> Self:
        """Brings the file to this library's format if it has an older one, and opens it."""
        made = cls.__new__(cls)
        made._open(lib.WARDKEY_MODE_MIGRATE, path, options)
        return made

    def verify(self, token: Text, scopes: str, *, context: Context = UNKNOWN) -> Principal:
        """Whom the token speaks for, if it is valid and has all of the scopes, parted by spaces.

        Raises `Denied` if not. `ANY_SCOPE` says that any valid token will do; an empty text is misuse.
        A token that was revoked before the call, by any process, is refused.
        """
        kept = _abi.Kept()
        principal, size = _abi.new_principal()
        self._run(
            lib.wardkey_verify,
            *_abi.pair("token", token),
            *_abi.pair("scopes", scopes),
            kept.context(context),
            principal,
            size,
        )
        return _abi.read_principal(principal)

    def authorize(self, headers: Headers, scopes: str, *, context: Context = UNKNOWN) -> Principal:
        """Whom a request with these headers comes from, if it may go on.

        If not, the exception says what to answer: `http_status`, `challenge` for the header
        WWW-Authenticate unless it is empty, `retry_after` for Retry-After unless it is None.
        """
        kept = _abi.Kept()
        principal, size = _abi.new_principal()
        status = ffi.new("int32_t *")
        challenge = ffi.new("wardkey_buf *")
        error = ffi.new("wardkey_error *")
        try:
            code = lib.wardkey_authorize(
                self._handle,
                *kept.headers(headers),
                *_abi.pair("scopes", scopes),
                kept.context(context),
                principal,
                size,
                status,
                challenge,
                error,
            )
            failure = None
            if code:
                words = _abi.read_buffer(challenge).decode("latin-1")
                failure = _abi.failure_of(code, error, http_status=status[0], challenge=words)
        finally:
            lib.wardkey_buf_free(challenge)
        _callbacks.raise_caught(failure)
        if failure is not None:
            raise failure
        return _abi.read_principal(principal)

    def claims(self, token: Text, *, context: Context = UNKNOWN) -> Claims:
        """What a valid token says, its scopes and the client's `host_data` among it; it counts as a use."""
        kept = _abi.Kept()
        claims: Claims = self._document(
            lib.wardkey_claims, *_abi.pair("token", token), kept.context(context)
        )
        return claims

    def issue(
        self,
        client_id: Text,
        client_secret: Text,
        *,
        scope: Optional[str] = None,
        context: Context = UNKNOWN,
    ) -> AccessToken:
        """An access token for a client that presents its id and secret (the grant `client_credentials`).

        Without `scope` it gets its default ones. A server that speaks HTTP uses `http` instead, and shows
        the remote caller no reason: an unknown id and a wrong secret must look alike.
        """
        kept = _abi.Kept()
        token: AccessToken = self._document(
            lib.wardkey_issue,
            *_abi.pair("client_id", client_id),
            *_abi.pair("client_secret", client_secret),
            *_abi.pair_or_null("scope", scope),
            kept.context(context),
        )
        return token

    def http(self, request: Request, *, context: Context = UNKNOWN) -> Response:
        """Answers a request to the authorization, token, introspection, revocation, metadata or key
        endpoint. Every request gets an answer, a path that is none of these a 404: send it as it is."""
        kept = _abi.Kept()
        return self._respond(lib.wardkey_http, kept.request(request), kept.context(context))

    def serves(self, path: Text, base_path: str = "") -> bool:
        """Whether `http` has an endpoint at this path, one of a dialect that is on included: for a program
        that asks before it looks whether the path is one of its own.

        `path` and `base_path` are as in `Request`. It is cheap enough for every request, and for an event
        loop: it reads memory, and the database only after another process changed something. While the
        database cannot be read, the answer is what it was when it last could.
        """
        try:
            self._run(
                lib.wardkey_serves,
                *_abi.pair("path", _abi.received("path", path)),
                *_abi.pair("base_path", base_path),
            )
        except NotFound:
            return False
        return True

    def pending(
        self, request: Request, *, context: Context = UNKNOWN
    ) -> Union[PendingRequest, Response]:
        """Reads an authorization request, for a program that shows its own login page.

        Returns what is asked for: show it, log your user in, and call `decide` with its `handle`. Or a
        `Response` to be sent as it is, such as an error page.
        """
        kept = _abi.Kept()
        buffer = ffi.new("wardkey_buf *")
        try:
            response = self._respond(
                lib.wardkey_pending, kept.request(request), kept.context(context), buffer
            )
            asked = _abi.read_buffer(buffer)
        finally:
            lib.wardkey_buf_free(buffer)
        if not asked:
            return response
        pending: PendingRequest = json.loads(asked)
        return pending

    def decide(
        self,
        handle: Text,
        *,
        subject: Optional[str],
        headers: Headers,
        scope: Optional[str] = None,
        context: Context = UNKNOWN,
    ) -> Response:
        """Takes your user's decision on a pending request, and makes the response for their browser.

        `subject` is your name for the user who approved; None: they refused. `scope` are the words that
        they allow, None for all that were shown. `headers` are all of the request that brought the
        decision: the browser's cookie must be among them.
        """
        kept = _abi.Kept()
        return self._respond(
            lib.wardkey_decide,
            *_abi.pair("handle", handle),
            *_abi.pair_or_null("subject", subject),
            *_abi.pair_or_null("scope", scope),
            *kept.headers(headers),
            kept.context(context),
        )

    def call(
        self,
        operation: str,
        document: Optional[Mapping[str, Any]] = None,
        *,
        context: Context,
    ) -> dict[str, Any]:
        """Runs an administrative operation of docs/operations.md, such as `client.create`.

        The context needs an `actor`. On any exception nothing was changed, but for
        `errors.StorageOutcomeUnknown`, which says that it is not known.
        """
        kept = _abi.Kept()
        text = None if document is None else json.dumps(document, ensure_ascii=False)
        answer: dict[str, Any] = self._document(
            lib.wardkey_call,
            kept.context(context),
            *_abi.pair("operation", operation),
            *_abi.pair_or_null("document", text),
        )
        return answer

    def backup(
        self, path: Path, *, context: Context, progress: Optional[Progress] = None
    ) -> dict[str, Any]:
        """Copies the database to a new file, while it is in use; says what opens the copy.

        `progress` is told how many pages of how many are done. To cancel, raise anything from it: nothing
        of the copy is left, and your exception comes out of this call.
        """
        return self._long(
            lib.wardkey_backup, context, progress, _abi.pair("path", _abi.file_path(path))
        )

    def check(self, *, context: Context, progress: Optional[Progress] = None) -> dict[str, Any]:
        """Checks the whole file, every row and the audit; `sound` of the answer says what came out."""
        return self._long(lib.wardkey_check, context, progress, ())

    def maintain(self) -> None:
        """Writes what verification has gathered for the audit. Other calls do so once a minute: a program
        that only verifies calls it now and then."""
        self._run(lib.wardkey_maintain)

    def close(self) -> None:
        """Closes the engine; a second time does nothing. Calls under way in other threads finish."""
        if self._finalizer.detach() is not None:
            self._run(lib.wardkey_close)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._finalizer.alive

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<wardkey.Engine {self._path!r}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is not None and finalizer.alive:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, stacklevel=1, source=self)

    def _open(
        self,
        mode: int,
        path: Path,
        options: Options,
        actor: Optional[str] = None,
        settings: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._path = _abi.file_path(path)
        kept = _abi.Kept()
        struct = ffi.new("wardkey_options *")
        lib.wardkey_options_init(struct, ffi.sizeof("wardkey_options"))
        struct.mode = mode
        kept.set(struct, "path", self._path)
        kept.set(struct, "actor", actor)
        if settings is not None:
            kept.set(struct, "settings", json.dumps(settings, ensure_ascii=False))
        struct.busy_timeout_ms = round(options.get("busy_timeout", 0) * 1000)
        key = _set_key(struct, options.get("key"))
        _set_callbacks(struct, options)
        handle = ffi.new("wardkey_engine **")
        try:
            _abi.run(lib.wardkey_open, struct, handle)
        finally:
            if key is not None:
                ffi.memmove(key, bytes(len(key)), len(key))
        self._handle = handle[0]
        # It also runs when the interpreter ends, so that nothing gathered is lost.
        self._finalizer = weakref.finalize(self, lib.wardkey_close, self._handle, ffi.NULL)

    def _run(self, function: Callable[..., int], *arguments: Any) -> None:
        _abi.run(function, self._handle, *arguments)

    def _document(self, function: Callable[..., int], *arguments: Any) -> Any:
        return _abi.document(function, self._handle, *arguments)

    def _respond(self, function: Callable[..., int], *arguments: Any) -> Response:
        return _abi.respond(function, self._handle, *arguments)

    def _long(
        self,
        function: Callable[..., int],
        context: Context,
        progress: Optional[Progress],
        path: tuple[Any, ...],
    ) -> dict[str, Any]:
        kept = _abi.Kept()
        told = (ffi.NULL, ffi.NULL, ffi.NULL)
        if progress is not None:
            told = (_callbacks.progress, _callbacks.hold(progress), _callbacks.destroy)
        answer: dict[str, Any] = self._document(function, kept.context(context), *path, *told)
        return answer


def _set_key(struct: Any, key: Union[bytes, KeyFunction, str, None]) -> Any:
    """Says where the master key is. A copy of it that is to be wiped is returned."""
    if key is None:
        return None
    if key == "dpapi":
        struct.key_source = lib.WARDKEY_KEY_DPAPI
        return None
    if isinstance(key, (bytes, bytearray, memoryview)):
        copy = ffi.new("char[]", bytes(key))
        struct.key_source = lib.WARDKEY_KEY_BYTES
        struct.key = copy
        struct.key_len = len(key)
        return copy
    struct.key_source = lib.WARDKEY_KEY_CALLBACK
    _set_callback(struct, "key", key, key_read=_callbacks.key_read)
    return None


def _set_callbacks(struct: Any, options: Options) -> None:
    clock = options.get("clock")
    if clock is not None:
        _set_callback(
            struct,
            "clock",
            clock,
            clock_wall_ms=_callbacks.clock_wall_ms,
            clock_monotonic_ms=_callbacks.clock_monotonic_ms,
        )
    log = options.get("log", _callbacks.log_to_python)
    _set_callback(struct, "log", log, log=_callbacks.log)
    check = options.get("check_user")
    if check is not None:
        _set_callback(struct, "check_user", check, check_user=_callbacks.check_user)


def _set_callback(struct: Any, name: str, function: object, **members: Any) -> None:
    """What is set here is the library's to destroy as soon as wardkey_open is called."""
    for member, callback in members.items():
        setattr(struct, member, callback)
    setattr(struct, name + "_user", _callbacks.hold(function))
    setattr(struct, name + "_destroy", _callbacks.destroy)


# In seconds, as wardkey_options_init has it.
_BUSY_TIMEOUT = 5.0
