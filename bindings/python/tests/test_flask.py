"""Flask: views that require scopes, and the endpoints beside them."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from conftest import register, token_of
from flask.testing import FlaskClient

from wardkey import Engine
from wardkey.flask import Wardkey, caller, requires

app_views = flask.Blueprint("views", __name__)


@app_views.get("/results/<patient>")
@requires("lab:read")
def results(patient: str) -> dict[str, str]:
    """What the laboratory found."""
    return {"patient": patient, "for": caller().client_id}


@app_views.post("/results")
@requires("lab:read lab:write")
async def add() -> tuple[str, int]:
    return "", 204


@app_views.get("/health")
def health() -> str:
    return "well"


@pytest.fixture
def client(wardkey_engine: Engine) -> FlaskClient:
    app = flask.Flask("clinic")
    app.register_blueprint(app_views)
    wardkey = Wardkey()
    wardkey.init_app(app, lambda: wardkey_engine)
    return app.test_client()


def test_a_view_runs_for_its_scopes_alone(client: FlaskClient, wardkey_token: Any) -> None:
    assert client.get("/health").text == "well"
    refused = client.get("/results/17")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="wardkey"'
    token = wardkey_token("lab:read")
    headers = {"Authorization": f"Bearer {token}"}
    allowed = client.get("/results/17", headers=headers)
    assert allowed.get_json()["patient"] == "17"
    assert allowed.get_json()["for"].startswith("wkc_")
    assert client.post("/results", headers=headers).status_code == 403
    both = {"Authorization": f"Bearer {wardkey_token('lab:read lab:write')}"}
    assert client.post("/results", headers=both).status_code == 204
    assert results.__doc__ == "What the laboratory found."


def test_who_comes_too_often_is_told_when_to_come_again(
    client: FlaskClient, wardkey_engine: Engine
) -> None:
    lab = register(wardkey_engine, verify_rate={"per_minute": 1, "burst": 1})
    headers = {"Authorization": f"Bearer {token_of(wardkey_engine, lab)}"}
    assert client.get("/results/17", headers=headers).status_code == 200
    refused = client.get("/results/17", headers=headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")


def test_the_token_endpoint_stands_beside_the_views(
    client: FlaskClient, lab: dict[str, Any]
) -> None:
    form = {"grant_type": "client_credentials"}
    answer = client.post("/oauth/token", data=form, auth=(lab["client_id"], lab["client_secret"]))
    token = answer.get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/results/17", headers=headers).get_json()["for"] == lab["client_id"]


def test_paths_are_protected_as_well(wardkey_engine: Engine, wardkey_token: Any) -> None:
    app = flask.Flask("clinic")
    Wardkey(app, wardkey_engine, protect={"/internal": "lab:read"})

    @app.get("/internal/who")
    def who() -> str:
        return caller().client_id

    web = app.test_client()
    assert web.get("/internal/who").status_code == 401
    headers = {"Authorization": f"Bearer {wardkey_token('lab:read')}"}
    assert web.get("/internal/who", headers=headers).text.startswith("wkc_")


def test_what_is_missing_is_said() -> None:
    app = flask.Flask("clinic")
    app.testing = True
    app.register_blueprint(app_views)
    with pytest.raises(RuntimeError, match=r"Wardkey\(app, engine\)"):
        app.test_client().get("/results/17")
    with pytest.raises(TypeError):
        Wardkey(app)
    with app.test_request_context(), pytest.raises(RuntimeError, match="@requires"):
        caller()
