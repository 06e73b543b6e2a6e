"""The few functions of the C ABI that the tests here need, through ctypes."""

import base64
import ctypes
import json
import os
from ctypes import POINTER, byref, c_char, c_int32, c_int64, c_size_t, c_uint32, c_void_p

NTS = 4294967295
MODE_OPEN, MODE_CREATE = 0, 1

# Of c_void_p, not c_char_p: what the library gave out must go back to it as the same pointer.
text = c_void_p
CLOCK = ctypes.CFUNCTYPE(c_int64, c_void_p)


class Error(ctypes.Structure):
    _fields_ = [("code", c_int32), ("system_code", c_int32), ("message", c_char * 240)]


class Buf(ctypes.Structure):
    _fields_ = [("data", text), ("length", c_size_t), ("capacity", c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [("name", text), ("name_len", c_size_t), ("value", text), ("value_len", c_size_t)]


class Context(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("secure", c_uint32),
        ("actor", text), ("actor_len", c_size_t),
        ("peer", text), ("peer_len", c_size_t),
        ("forwarded", text), ("forwarded_len", c_size_t),
        ("correlation_id", text), ("correlation_id_len", c_size_t),
    ]


class Principal(ctypes.Structure):
    _fields_ = [
        ("expires_at", c_int64), ("issued_at", c_int64),
        ("kind", c_uint32), ("token_format", c_uint32),
        ("client_id_len", c_uint32), ("subject_len", c_uint32),
        ("token_id_len", c_uint32), ("reserved", c_uint32),
        ("client_id", c_char * 128), ("subject", c_char * 256), ("token_id", c_char * 64),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("mode", c_uint32),
        ("path", text), ("path_len", c_size_t),
        ("key_source", c_uint32), ("busy_timeout_ms", c_uint32),
        ("key", c_void_p), ("key_len", c_size_t),
        ("key_read", c_void_p), ("key_user", c_void_p), ("key_destroy", c_void_p),
        ("settings", text), ("settings_len", c_size_t),
        ("actor", text), ("actor_len", c_size_t),
        ("clock_wall_ms", CLOCK), ("clock_monotonic_ms", CLOCK),
        ("clock_user", c_void_p), ("clock_destroy", c_void_p),
        ("log", c_void_p), ("log_user", c_void_p), ("log_destroy", c_void_p),
        ("check_user", c_void_p), ("check_user_user", c_void_p), ("check_user_destroy", c_void_p),
    ]


class HttpRequest(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("reserved", c_uint32),
        ("method", text), ("method_len", c_size_t),
        ("path", text), ("path_len", c_size_t),
        ("base_path", text), ("base_path_len", c_size_t),
        ("query", text), ("query_len", c_size_t),
        ("headers", POINTER(Header)), ("header_count", c_size_t),
        ("body", text), ("body_len", c_size_t),
    ]


class HttpResponse(ctypes.Structure):
    _fields_ = [
        ("status", c_int32), ("reserved", c_uint32),
        ("headers", POINTER(Header)), ("header_count", c_size_t),
        ("body", text), ("body_len", c_size_t),
        ("owner", c_void_p),
    ]


library = ctypes.CDLL(os.environ["WARDKEY_LIBRARY"])
engine_p, error_p, context_p, buf_p = c_void_p, POINTER(Error), POINTER(Context), POINTER(Buf)
for name, result, arguments in [
    ("abi_check", c_int32, [c_uint32]),
    ("status_name", ctypes.c_char_p, [c_int32]),
    ("buf_free", None, [buf_p]),
    ("options_init", c_int32, [POINTER(Options), c_size_t]),
    ("open", c_int32, [POINTER(Options), POINTER(c_void_p), error_p]),
    ("close", c_int32, [engine_p, error_p]),
    ("verify", c_int32, [engine_p, text, c_size_t, text, c_size_t, context_p, POINTER(Principal),
                         c_size_t, error_p]),
    ("issue", c_int32, [engine_p, text, c_size_t, text, c_size_t, text, c_size_t, context_p, buf_p,
                        error_p]),
    ("http", c_int32, [engine_p, POINTER(HttpRequest), context_p, POINTER(HttpResponse), c_size_t,
                       error_p]),
    ("http_response_free", None, [POINTER(HttpResponse)]),
    ("call", c_int32, [engine_p, context_p, text, c_size_t, text, c_size_t, buf_p, error_p]),
]:
    function = getattr(library, f"wardkey_{name}")
    function.restype, function.argtypes = result, arguments


class Refused(Exception):
    """A function answered another code than WARDKEY_OK; `name` is the code's."""

    def __init__(self, code, message):
        self.name = library.wardkey_status_name(code).decode()
        super().__init__(f"{self.name}: {message}")


class Bytes:
    """Bytes for as long as a call reads them."""

    def __init__(self, value):
        value = value.encode() if isinstance(value, str) else value
        self.length = 0 if value is None else len(value)
        self.buffer = None if value is None else ctypes.create_string_buffer(value, self.length + 1)
        self.pointer = None if value is None else ctypes.addressof(self.buffer)


class Clock:
    """A clock that moves when told to; in milliseconds."""

    def __init__(self, wall_ms):
        self.wall_ms, self.monotonic_ms = wall_ms, 0
        self.wall = CLOCK(lambda _user: self.wall_ms)
        self.monotonic = CLOCK(lambda _user: self.monotonic_ms)

    def advance(self, milliseconds):
        self.wall_ms += milliseconds
        self.monotonic_ms += milliseconds


class Engine:
    """An open database."""

    def __init__(self, path, settings=None, clock=None):
        """Creates the database when there are settings, else opens it."""
        options, error, handle = Options(), Error(), c_void_p()
        check(library.wardkey_options_init(byref(options), ctypes.sizeof(options)), error)
        kept = [Bytes(str(path)), Bytes("setup"), Bytes(settings and json.dumps(settings))]
        options.path, options.path_len = kept[0].pointer, kept[0].length
        if settings:
            options.mode = MODE_CREATE
            options.actor, options.actor_len = kept[1].pointer, kept[1].length
            options.settings, options.settings_len = kept[2].pointer, kept[2].length
        if clock:
            options.clock_wall_ms, options.clock_monotonic_ms = clock.wall, clock.monotonic
        check(library.wardkey_open(byref(options), byref(handle), byref(error)), error)
        self.handle, self.clock = handle, clock
        self.peer, self.actor = Bytes("192.0.2.7"), Bytes("anna@clinic")
        self.context = Context(
            struct_size=ctypes.sizeof(Context), secure=1,
            actor=self.actor.pointer, actor_len=self.actor.length,
            peer=self.peer.pointer, peer_len=self.peer.length,
        )

    def close(self):
        error = Error()
        check(library.wardkey_close(self.handle, byref(error)), error)

    def call(self, operation, **members):
        """Runs an operation; its answer as a dict."""
        name, document = Bytes(operation), Bytes(json.dumps(members))
        return self._document(
            lambda out, error: library.wardkey_call(
                self.handle, byref(self.context), name.pointer, name.length, document.pointer,
                document.length, out, error,
            )
        )

    def issue(self, client, scope=None):
        """The token response for a registered client."""
        parts = [Bytes(client["client_id"]), Bytes(client["client_secret"]), Bytes(scope)]
        lengths = [value for part in parts for value in (part.pointer, part.length)]
        return self._document(
            lambda out, error: library.wardkey_issue(
                self.handle, *lengths, byref(self.context), out, error
            )
        )

    def verify(self, token, scopes):
        """Whom the token speaks for."""
        who, error, token, scopes = Principal(), Error(), Bytes(token), Bytes(scopes)
        code = library.wardkey_verify(
            self.handle, token.pointer, token.length, scopes.pointer, scopes.length,
            byref(self.context), byref(who), ctypes.sizeof(who), byref(error),
        )
        check(code, error)
        return who

    def get(self, path):
        """The status and the JSON body of a GET."""
        request, response, error = HttpRequest(), HttpResponse(), Error()
        method, path = Bytes("GET"), Bytes(path)
        request.struct_size = ctypes.sizeof(request)
        request.method, request.method_len = method.pointer, method.length
        request.path, request.path_len = path.pointer, path.length
        code = library.wardkey_http(
            self.handle, byref(request), byref(self.context), byref(response),
            ctypes.sizeof(response), byref(error),
        )
        check(code, error)
        body = json.loads(ctypes.string_at(response.body, response.body_len))
        status = response.status
        library.wardkey_http_response_free(byref(response))
        return status, body

    def _document(self, function):
        out, error = Buf(), Error()
        check(function(byref(out), byref(error)), error)
        document = json.loads(ctypes.string_at(out.data, out.length))
        library.wardkey_buf_free(byref(out))
        return document


def check(code, error):
    """Raises Refused unless the code is WARDKEY_OK."""
    if code != 0:
        raise Refused(code, error.message.decode())


def encode(value):
    """Base64url of bytes, or of the JSON of anything else."""
    if not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
