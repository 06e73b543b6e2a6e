"""README.md's programs, as printed."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import io
import pkgutil
import re
from pathlib import Path
from typing import Any

import flask
import pytest
from conftest import ADMIN, BINDING
from test_asgi import ask as ask_asgi
from test_asgi import bearer
from test_wsgi import asker

import wardkey
from wardkey import Engine

BLOCKS = re.findall(
    r"^```python\n(.*?)^```$", (BINDING / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def names_of_modules() -> list[str]:
    found = pkgutil.iter_modules(wardkey.__path__, "wardkey.")
    return [module.name for module in found if module.name != "wardkey._native"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def program(word: str) -> str:
    """The one program that has this word."""
    (found,) = [block for block in BLOCKS if word in block]
    return str(found)


def run(text: str, name: str = "readme") -> tuple[dict[str, Any], str]:
    """Its names, and what it printed."""
    names: dict[str, Any] = {"__name__": name}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "README.md", "exec"), names)
    return names, out.getvalue()


def test_the_first_example_protects_an_endpoint_in_thirty_lines() -> None:
    assert BLOCKS[0] == program("wardkey.flask")
    assert len(BLOCKS[0].splitlines()) <= 30
    _, printed = run(BLOCKS[0], "__main__")
    client = ast.literal_eval(printed)
    names, printed = run(BLOCKS[0])
    assert printed == ""
    web = names["app"].test_client()
    assert web.get("/results").status_code == 401
    answer = web.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )
    headers = bearer(answer.get_json()["access_token"])
    results = web.get("/results", headers=headers)
    assert results.get_json() == {"for": client["client_id"], "HbA1c": "5.4 %"}


def test_fastapi_protects_an_endpoint() -> None:
    names, _ = run(program("wardkey.fastapi"))
    token = token_of("clinic.db", "lab:read")
    assert ask_asgi(names["app"], "GET", "/results").status_code == 401
    allowed = ask_asgi(names["app"], "GET", "/results", headers=bearer(token))
    assert allowed.json()["HbA1c"] == "5.4 %"


def test_the_middleware_protects_by_path() -> None:
    names, _ = run(program("wardkey.wsgi"))
    ask = asker(names["application"])
    authorization = {"HTTP_AUTHORIZATION": f"Bearer {token_of('clinic.db', 'lab:read')}"}
    assert ask("GET", "/x", **authorization)[0] == 200
    assert ask("GET", "/orders/1", **authorization)[0] == 403
    assert b"error" in ask("POST", "/oauth/token")[2]


def test_the_engine_does_what_its_example_says() -> None:
    Engine.create("clinic.db", actor="test").close()
    _, printed = run(program("Engine.open("))
    lines = printed.splitlines()
    assert lines[0].startswith("wkc_")
    assert "billing:read" in lines[1]
    assert lines[2] == "WARDKEY_DENIED_CLIENT_TOKENS_REVOKED 217"
    assert "key file" in lines[3]


def test_the_fixtures_do_what_their_example_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(program("wardkey_clock"))
    pytester.runpytest_subprocess("-W", "error::ResourceWarning").assert_outcomes(passed=1)


@pytest.mark.parametrize("module", sorted(names_of_modules()))
def test_the_examples_of_a_module_run(module: str, tmp_path: Path) -> None:
    names = {**vars(wardkey), "folder": tmp_path, "flask": flask, "application": hello}
    failed, _ = doctest.testmod(importlib.import_module(module), extraglobs=names)
    assert failed == 0


def hello(*_: Any) -> Any:
    """What the middleware's examples wrap."""


def token_of(database: str, scope: str) -> str:
    with Engine.open_or_create(database, actor="test") as engine:
        client = engine.call(
            "client.create", {"client_name": "Test", "scope": scope}, context=ADMIN
        )
        return engine.issue(client["client_id"], client["client_secret"])["access_token"]
