"""Why a request was refused: told to the log, explained by the audit, never to the remote caller."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Callable

import fastapi
import flask
import pytest
from conftest import ADMIN, register, token_of
from test_asgi import application as asgi_application
from test_asgi import ask as ask_asgi
from test_wsgi import application as wsgi_application
from test_wsgi import asker

from wardkey import Engine, ManualClock
from wardkey import asgi as of_asgi
from wardkey import fastapi as of_fastapi
from wardkey import flask as of_flask
from wardkey import wsgi as of_wsgi

PROTECT = {"/api": "lab:write"}

Ask = Callable[[str], int]
"""Asks for /api with this header Authorization, and says what status came."""


def of_wsgi_middleware(engine: Engine) -> Ask:
    ask = asker(of_wsgi.Middleware(wsgi_application, engine, protect=PROTECT))
    return lambda value: ask("GET", "/api", HTTP_AUTHORIZATION=value)[0]


def of_asgi_middleware(engine: Engine) -> Ask:
    return of_asgi_app(of_asgi.Middleware(asgi_application, engine, protect=PROTECT))


def of_flask_view(engine: Engine) -> Ask:
    app = flask.Flask("clinic")
    of_flask.Wardkey(app, engine)
    app.get("/api")(of_flask.requires("lab:write")(results))
    web = app.test_client()
    return lambda value: web.get("/api", headers={"Authorization": value}).status_code


def of_fastapi_operation(engine: Engine) -> Ask:
    app = fastapi.FastAPI()
    of_fastapi.Wardkey(app, engine)
    app.get("/api", dependencies=[fastapi.Depends(of_fastapi.requires("lab:write"))])(results)
    return of_asgi_app(app)


def results() -> str:
    return ""


def of_asgi_app(app: Any) -> Ask:
    return lambda value: ask_asgi(app, "GET", "/api", headers={"Authorization": value}).status_code


every_way = pytest.mark.parametrize(
    "way", [of_wsgi_middleware, of_asgi_middleware, of_flask_view, of_fastapi_operation]
)


@every_way
def test_a_refusal_is_logged_with_the_id_that_explains_it(
    way: Callable[[Engine], Ask], wardkey_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wardkey")
    client = register(wardkey_engine)
    token = token_of(wardkey_engine, client, scope="lab:read")
    assert way(wardkey_engine)(f"Bearer {token}") == 403
    (record,) = own(caplog)
    assert record.levelno == logging.INFO
    message = record.getMessage()
    assert message.startswith("answered 403: ")
    assert "(WARDKEY_DENIED_INSUFFICIENT_SCOPE)" in message
    request = {"request_id": str(re.findall(r"request ([0-9a-f]{32})", message)[0])}
    explained = wardkey_engine.call("audit.explain", request, context=ADMIN)
    assert client["client_id"] in str(explained)


@every_way
def test_what_cannot_be_judged_is_logged_as_an_error(
    way: Callable[[Engine], Ask], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "clinic.db", ManualClock()
    with Engine.create(path, actor="test", clock=clock, log=lambda *_: None) as engine:
        ask = way(engine)
        path.rename(tmp_path / "elsewhere.db")
        clock.advance(60)
        assert ask("Bearer x") == 503
        (tmp_path / "elsewhere.db").rename(path)
    (record,) = own(caplog)
    assert (record.levelno, record.getMessage()[:14]) == (logging.ERROR, "answered 503: ")
    assert "(WARDKEY_STORAGE_MISSING)" in record.getMessage()


def test_nothing_secret_is_logged(
    wardkey_engine: Engine, wardkey_clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask = of_wsgi_middleware(wardkey_engine)
    lab, reader = register(wardkey_engine), register(wardkey_engine, scope="lab:read")
    opaque = register(wardkey_engine, token_format="opaque")
    tokens = [token_of(wardkey_engine, client) for client in (lab, reader, opaque)]
    secret = lab["client_secret"]
    assert ask(f"Bearer {tokens[1]}") == 403
    wardkey_clock.advance(3601)
    values = [f"Bearer {token}" for token in tokens]
    values += [f"Bearer {tokens[0][:-5]}AAAAA", f"Bearer {secret}", f"Basic {secret}", secret]
    assert all(ask(value) in (400, 401) for value in values)
    assert len(own(caplog)) == 1 + len(values)
    parts = {part for token in tokens for part in token.split(".")[-2:]} | {secret}
    assert not [part for part in parts if part in caplog.text]


def own(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "wardkey"]
