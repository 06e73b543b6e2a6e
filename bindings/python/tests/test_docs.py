"""README.md's programs, as printed."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import json
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import pytest
from conftest import ADMIN, BINDING
from servers import served
from test_asgi import ask as ask_asgi
from test_asgi import bearer
from test_wsgi import asker

import wardkey
from wardkey import Engine

README = (BINDING / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


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
    names, printed = run(BLOCKS[0])
    assert printed == ""
    assert names["app"].test_client().get("/results").status_code == 401
    with names["opened"]() as engine:
        issuer = engine.call("settings.get", context=ADMIN)["issuer"]
    assert issuer == "https://emr.clinic.example"


@pytest.mark.parametrize("start", ["flask", "gunicorn"])
def test_the_first_example_is_registered_started_and_asked_by_the_commands_below_it(
    start: str, tmp_path: Path
) -> None:
    (name,) = re.findall(r"^`(\w+\.py)`:\n\n```python\nfrom flask", README, re.MULTILINE)
    Path(name).write_text(BLOCKS[0], encoding="utf-8")
    assert command("python") == ["python", name]
    client = outcome([sys.executable, *command("python")[1:]]).strip()
    # As printed, but for the port: that one may be taken.
    serve = [word.replace(":5000", ":0") for word in command(start)]
    port = ["--port", "0"] if start == "flask" else []
    listening = r"(?:Running on|Listening at:) (http://127\.0\.0\.1:\d+)"
    with served(["-m", *serve, *port], Path("clinic.db"), listening, tmp_path) as server:

        def curl(word: str, **values: str) -> Any:
            words = command(f"curl -{word}")
            for name, value in {"http://127.0.0.1:5000": server.url, **values}.items():
                words = [word.replace(name, value) for word in words]
            return json.loads(outcome([*words, "--silent", "--show-error"]))

        token = curl("u", **{"CLIENT_ID:CLIENT_SECRET": client})["access_token"]
        results = curl("H", TOKEN=token)
    assert results == {"for": client.partition(":")[0], "HbA1c": "5.4 %"}


def command(begins: str) -> list[str]:
    """The words of the one line of the README that begins so."""
    (line,) = re.findall(rf"^{begins} .*$", README, re.MULTILINE)
    return shlex.split(line)


def outcome(words: list[str]) -> str:
    """What a command prints."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def test_what_the_readme_says_to_call_can_be_called(wardkey_engine: Engine) -> None:
    names = {"engine": wardkey_engine, "admin": ADMIN, "Context": wardkey.Context}
    calls = re.findall(r"`(engine\.call\(.*?\))`", README, re.DOTALL)
    whole = [call for call in calls if "..." not in call and "ID" not in call]
    assert len(whole) == 2
    for call in whole:
        eval(call, names)


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
