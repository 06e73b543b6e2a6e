"""Servers as people run them: gunicorn with workers that it forks, uvicorn."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Optional

from apps.plain import WORKERS
from conftest import ADMIN, register, token_of
from servers import Answer, Server, ask, served

from wardkey import Engine

GUNICORN = [
    "-m",
    "gunicorn",
    "--preload",
    "--workers",
    "4",
    "--bind",
    "127.0.0.1:0",
    "--graceful-timeout",
    "5",
]


def gunicorn(application: str, database: Path) -> AbstractContextManager[Server]:
    return served([*GUNICORN, application], database, r"Listening at: (http://\S+)")


def at_every_worker(url: str, token: Optional[str] = None) -> list[Answer]:
    """Asks as many times as there are workers, all of which answer: none goes on before all are asked."""
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = [pool.submit(ask, url, token=token, X_Meet="1") for _ in range(WORKERS)]
        answers = [answer.result() for answer in asked]
    assert len({answer.headers["X-Worker"] for answer in answers}) == WORKERS
    return answers


def test_preloading_gunicorn_just_works(tmp_path: Path) -> None:
    database = tmp_path / "clinic.db"
    with gunicorn("apps.lazy:application", database) as server:
        # All four find no database, and one of them makes it.
        answers = at_every_worker(server.url + "/results")
        assert [answer.status for answer in answers] == [401] * WORKERS, server.lines
        assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="wardkey"'
        with Engine.open(database) as engine:
            lab = register(engine)
            token = token_of(engine, lab)
            answers = at_every_worker(server.url + "/results", token)
            assert [answer.body for answer in answers] == [lab["client_id"]] * WORKERS
            engine.call("client.revoke", {"client_id": lab["client_id"]}, context=ADMIN)
            answers = at_every_worker(server.url + "/results", token)
            assert [answer.status for answer in answers] == [401] * WORKERS
        form = f"grant_type=client_credentials&client_id={lab['client_id']}&client_secret="
        answer = ask(server.url + "/oauth/token", body=(form + lab["client_secret"]).encode())
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        fresh = json.loads(answer.body)["access_token"]
        assert ask(server.url + "/results", token=fresh).status == 200
        assert ask(server.url + "/elsewhere").body == "nobody"


def test_an_engine_opened_before_the_fork_says_what_to_do(tmp_path: Path) -> None:
    with gunicorn("apps.eager:application", tmp_path / "clinic.db") as server:
        assert ask(server.url + "/results").status == 500
    log = "".join(server.lines)
    assert "MisuseForked: this process was forked while an engine was open" in log
    assert "Give the middleware a function that opens the engine" in log


def test_an_asgi_server_answers_too(tmp_path: Path) -> None:
    database = tmp_path / "clinic.db"
    command = ["-m", "uvicorn", "apps.asgi:application", "--port", "0"]
    with served(command, database, r"running on (http://\S+)") as server:
        assert ask(server.url + "/results").status == 401
        with Engine.open(database) as engine:
            lab = register(engine)
            token = token_of(engine, lab)
        for _ in range(2):
            answer = ask(server.url + "/results", token=token)
            assert json.loads(answer.body) == {"for": lab["client_id"]}
        assert "keys" in json.loads(ask(server.url + "/oauth/jwks").body)
