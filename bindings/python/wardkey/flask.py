"""For Flask: the OAuth endpoints in an application, and views that require scopes."""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional, TypeVar

import flask

from . import wsgi
from ._lazy import EngineSource, LazyEngine, lazy
from .engine import Engine
from .values import Principal, Response

__all__ = ["Wardkey", "caller", "requires"]

View = TypeVar("View", bound=Callable[..., Any])


class Wardkey:
    """Adds Wardkey to an application. `engine` and `base_path` are as in `wardkey.wsgi.Middleware`.

    >>> app = flask.Flask("clinic")
    >>> _ = Wardkey(app, lambda: Engine.open_or_create(folder / "clinic.db", actor="setup"))
    >>> @app.get("/results")
    ... @requires("lab:read")
    ... def results():
    ...     return {"for": caller().client_id}
    >>> app.test_client().get("/results").status
    '401 UNAUTHORIZED'
    """

    def __init__(
        self,
        app: Optional[flask.Flask] = None,
        engine: Optional[EngineSource] = None,
        *,
        base_path: str = "",
    ) -> None:
        """Without `app` and `engine`, they come with `init_app`."""
        if app is not None:
            if engine is None:
                raise TypeError("an engine, or a function that opens one, is needed")
            self.init_app(app, engine, base_path=base_path)

    def init_app(self, app: flask.Flask, engine: EngineSource, *, base_path: str = "") -> None:
        """Adds it to an application that is made by a factory."""
        shared = lazy(engine)
        app.extensions["wardkey"] = shared
        app.wsgi_app = wsgi.Middleware(app.wsgi_app, shared, base_path=base_path)  # type: ignore[method-assign]


def requires(scopes: str) -> Callable[[View], View]:
    """The view runs only for requests whose token has all of these scopes, parted by spaces.

    Others get the 401, 403 or 429 that RFC 6750 asks for. It stands below `@app.route`.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: Any, **named: Any) -> Any:
            found = wsgi.authorize(_engine(), flask.request.environ, scopes)
            if isinstance(found, Response):
                return flask.Response(found.body, found.status, list(found.headers))
            flask.g.wardkey_caller = found
            return flask.current_app.ensure_sync(view)(*arguments, **named)

        return checked  # type: ignore[return-value]

    return decorate


def caller() -> Principal:
    """Whom the token of this request speaks for, in a view that `requires` scopes."""
    found: Optional[Principal] = flask.g.get("wardkey_caller")
    if found is None:
        raise RuntimeError("the view does not require scopes: decorate it with @requires")
    return found


def _engine() -> Engine:
    shared: Optional[LazyEngine] = flask.current_app.extensions.get("wardkey")
    if shared is None:
        raise RuntimeError("Wardkey(app, engine) is missing")
    return shared()
