"""FastAPI: operations that require scopes, and the endpoints beside them."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import register, token_of
from fastapi import Depends, FastAPI
from test_asgi import ask, bearer

from wardkey import Engine, Principal
from wardkey.fastapi import Wardkey, requires

for_readers = Depends(requires("lab:read"))


@pytest.fixture
def app(wardkey_engine: Engine) -> FastAPI:
    app = FastAPI()
    Wardkey(app, lambda: wardkey_engine, protect={"/internal": "audit:read"})

    @app.get("/results")
    async def results(caller: Principal = for_readers) -> dict[str, str]:
        return {"for": caller.client_id}

    @app.post("/results", dependencies=[Depends(requires("lab:read lab:write"))])
    def add() -> str:
        return "added"

    return app


def test_an_operation_runs_for_its_scopes_alone(app: FastAPI, wardkey_token: Any) -> None:
    refused = ask(app, "GET", "/results")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="wardkey"'
    assert refused.json() == {"detail": "Unauthorized"}
    token = wardkey_token("lab:read")
    assert ask(app, "GET", "/results", headers=bearer(token)).json()["for"].startswith("wkc_")
    short = ask(app, "POST", "/results", headers=bearer(token))
    assert short.status_code == 403
    assert 'scope="lab:read lab:write"' in short.headers["WWW-Authenticate"]
    both = wardkey_token("lab:read lab:write")
    assert ask(app, "POST", "/results", headers=bearer(both)).json() == "added"
    assert ask(app, "GET", "/internal/x", headers=bearer(both)).status_code == 403


def test_who_comes_too_often_is_told_when_to_come_again(
    app: FastAPI, wardkey_engine: Engine
) -> None:
    lab = register(wardkey_engine, verify_rate={"per_minute": 1, "burst": 1})
    headers = bearer(token_of(wardkey_engine, lab))
    assert ask(app, "GET", "/results", headers=headers).status_code == 200
    refused = ask(app, "GET", "/results", headers=headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")


def test_the_apis_own_pages_know_how_to_get_a_token(app: FastAPI, lab: dict[str, Any]) -> None:
    document = app.openapi()
    flows = document["components"]["securitySchemes"]["wardkey"]["flows"]
    url = flows["clientCredentials"]["tokenUrl"]
    form = {"grant_type": "client_credentials"}
    auth = (lab["client_id"], lab["client_secret"])
    token = ask(app, "POST", f"/{url}", data=form, auth=auth).json()["access_token"]
    assert ask(app, "GET", "/results", headers=bearer(token)).status_code == 200


def test_what_is_missing_is_said() -> None:
    app = FastAPI()

    @app.get("/results", dependencies=[for_readers])
    async def results() -> str:
        return ""

    with pytest.raises(RuntimeError, match=r"Wardkey\(app, engine\)"):
        ask(app, "GET", "/results")
