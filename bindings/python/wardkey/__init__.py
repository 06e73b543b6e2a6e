"""An OAuth 2.0 engine that runs inside your program.

A client is a program that calls your API, such as a lab's interface. You register it once and give it an id
and a secret; it exchanges them for an access token and sends that with every request. A scope is a word such
as `lab:read`: what a client may do at most, and what an operation of your API requires.

`Engine` is the whole of it. In a web program use `wardkey.wsgi`, `wardkey.asgi`, `wardkey.flask` or
`wardkey.fastapi`; in its tests the fixtures of `wardkey.pytest`.
"""

from ._error import Denied, Error, InternalError, MisuseError, StorageError
from ._native import ffi as _ffi
from ._native import lib as _lib
from .clock import Clock, ManualClock
from .engine import Engine, Options
from .errors import (
    Cancelled,
    Conflict,
    InsufficientScope,
    NotFound,
    RateLimited,
    StorageExists,
    StorageMissing,
    TokenExpired,
    TokenRevoked,
)
from .values import (
    ANY_SCOPE,
    AccessToken,
    Approved,
    Claims,
    Context,
    PendingRequest,
    Principal,
    Request,
    Response,
    UserLogin,
)

__all__ = [
    "ANY_SCOPE",
    "AccessToken",
    "Approved",
    "Cancelled",
    "Claims",
    "Clock",
    "Conflict",
    "Context",
    "Denied",
    "Engine",
    "Error",
    "InsufficientScope",
    "InternalError",
    "ManualClock",
    "MisuseError",
    "NotFound",
    "Options",
    "PendingRequest",
    "Principal",
    "RateLimited",
    "Request",
    "Response",
    "StorageError",
    "StorageExists",
    "StorageMissing",
    "TokenExpired",
    "TokenRevoked",
    "UserLogin",
]

__version__: str = _ffi.string(_lib.wardkey_version()).decode()
"""The version of the library."""

if _lib.wardkey_abi_check(_lib.WARDKEY_ABI_VERSION) != _lib.WARDKEY_OK:
    raise ImportError(f"the library {__version__} is older than this package")
