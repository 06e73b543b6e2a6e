"""For Flask: the OAuth endpoints in an application, and views that require scopes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar

import flask

from . import wsgi
from ._lazy import EngineSource, LazyEngine, lazy
from ._routes import required
from .engine import Engine
from .values import Principal, Response

__all__ = ["Wardkey", "caller", "requires"]

View = TypeVar("View", bound=Callable[..., Any])


class Wardkey:
    """Adds Wardkey to an application, with the arguments of `wardkey.wsgi.Middleware`.

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
        protect: Optional[Mapping[str, str]] = None,
        base_path: str = "",
    ) -> None:
        """Without `app` and `engine`, they come with `init_app`."""
        if app is not None:
            if engine is None:
                raise TypeError("an engine, or a function that opens one, is needed")
            self.init_app(app, engine, protect=protect, base_path=base_path)

    def init_app(
        self,
        app: flask.Flask,
        engine: EngineSource,
        *,
        protect: Optional[Mapping[str, str]] = None,
        base_path: str = "",
    ) -> None:
        """Adds it to an application that is made by a factory."""
        shared = lazy(engine)
        app.extensions["wardkey"] = shared
        app.wsgi_app = wsgi.Middleware(  # type: ignore[method-assign]
            app.wsgi_app, shared, protect=protect, base_path=base_path
        )


def requires(scopes: str) -> Callable[[View], View]:
    """The view runs only for requests whose token has all of these scopes, parted by spaces.

    Others get the 401, 403 or 429 that RFC 6750 asks for. It stands below `@app.route`.
    """
    required(scopes)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def checked(*arguments: Any, **named: Any) -> Any:
            found = wsgi.authorize(_engine(), flask.request.environ, scopes)
            if isinstance(found, Response):
                return flask.Response(found.body, found.status, list(found.headers))
            flask.request.environ["wardkey.principal"] = found
            return flask.current_app.ensure_sync(view)(*arguments, **named)

        return checked  # type: ignore[return-value]

    return decorate


def caller() -> Principal:
    """Whom this request's token speaks for: in a view that `requires` scopes, or on a protected path."""
    found: Optional[Principal] = flask.request.environ.get("wardkey.principal")
    if found is None:
        raise RuntimeError("the view does not require scopes: decorate it with @requires")
    return found


def _engine() -> Engine:
    shared: Optional[LazyEngine] = flask.current_app.extensions.get("wardkey")
    if shared is None:
        raise RuntimeError("Wardkey(app, engine) is missing")
    return shared()
