"""For FastAPI: the OAuth endpoints in an application, and operations that require scopes."""

# No postponed annotations here: older FastAPIs cannot read those of `requires.__call__`.
from collections.abc import Mapping
from typing import Optional

from fastapi import FastAPI, HTTPException
from fastapi.openapi.models import OAuth2, OAuthFlowClientCredentials, OAuthFlows
from fastapi.openapi.models import SecurityBase as Model
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ._lazy import EngineSource
from ._routes import required
from .asgi import Gate, Middleware, context_of
from .values import Principal, Response

__all__ = ["Wardkey", "requires"]


class Wardkey:
    """Adds Wardkey to an application, with the arguments of `wardkey.asgi.Middleware`.

    >>> from fastapi import Depends, FastAPI
    >>> app = FastAPI()
    >>> _ = Wardkey(app, lambda: Engine.open_or_create(folder / "clinic.db", actor="setup"))
    >>> @app.get("/results")
    ... async def results(caller: Principal = Depends(requires("lab:read"))) -> dict[str, str]:
    ...     return {"for": caller.client_id}
    """

    def __init__(
        self,
        app: FastAPI,
        engine: EngineSource,
        *,
        protect: Optional[Mapping[str, str]] = None,
        base_path: str = "",
    ) -> None:
        gate = Gate(engine)
        app.state.wardkey = gate
        app.add_middleware(Middleware, engine=gate, protect=protect, base_path=base_path)


class requires(SecurityBase):  # noqa: N801 (it is used as `Depends(requires("lab:read"))`)
    """A dependency: the operation runs only for requests whose token has all of these scopes, parted by
    spaces, and gets the `Principal`.

    Others get the 401, 403 or 429 that RFC 6750 asks for. The operation has a lock in the API's own pages,
    which ask for a client's id and secret there.
    """

    def __init__(self, scopes: str, *, token_url: str = "oauth/token") -> None:
        """`token_url` is what the API's own pages call."""
        self._scopes = required(scopes)
        self.scheme_name: str = "wardkey"
        words = dict.fromkeys(scopes.split(), "")
        credentials = OAuthFlowClientCredentials(tokenUrl=token_url, scopes=words)
        self.model: Model = OAuth2(flows=OAuthFlows(clientCredentials=credentials))

    async def __call__(self, request: HTTPConnection) -> Principal:
        """Called by FastAPI, for each request."""
        gate: Optional[Gate] = getattr(request.app.state, "wardkey", None)
        if gate is None:
            raise RuntimeError("Wardkey(app, engine) is missing")
        found = await gate.authorize(request.headers.raw, self._scopes, context_of(request.scope))
        if isinstance(found, Response):
            headers = {name: value for name, value in found.headers if name != "Content-Type"}
            raise HTTPException(found.status, headers=headers)
        return found
