"""The WSGI middleware: what reaches the engine, what reaches the application."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from conftest import ADMIN, register, token_of

import wardkey
from wardkey import Context, Engine, ManualClock
from wardkey._routes import Protection
from wardkey.wsgi import LazyEngine, Middleware, context_of, headers_of

Ask = Callable[..., tuple[int, dict[str, str], bytes]]

PROTECT = {"/api": "lab:read", "/api/orders": "lab:write", "/any": wardkey.ANY_SCOPE}


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    principal = environ.get("wardkey.principal")
    return [principal.client_id.encode() if principal else b"nobody"]


def asking(**options: Any) -> Ask:
    return asker(Middleware(application, **options))


def asker(app: Any) -> Ask:
    # Also what the standard's own checker says of it.
    checked = validator(app)

    def ask(
        method: str, path: str, body: bytes = b"", **environ: Any
    ) -> tuple[int, dict[str, str], bytes]:
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "REMOTE_ADDR": "192.0.2.7",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            **environ,
        }
        setup_testing_defaults(environ)
        environ["QUERY_STRING"] = environ.get("QUERY_STRING", "")
        started: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            started.extend((int(status.split()[0]), dict(headers)))
            return lambda data: None

        result = checked(environ, start_response)
        try:
            return started[0], started[1], b"".join(result)
        finally:
            result.close()  # type: ignore[attr-defined]

    return ask


@pytest.mark.parametrize(
    ("path", "scopes", "status"),
    [
        ("/", "", 200),
        ("/apis", "", 200),
        ("/api", "", 401),
        ("/api/results/17", "lab:read", 200),
        ("//api//results", "", 401),
        ("/api/orders", "lab:read", 403),
        ("/api/orders/", "lab:write", 200),
        ("/any/thing", "lab:read", 200),
        ("/any/thing", "", 401),
        ("/public/../api", "lab:read", 400),
        ("/api/./orders", "lab:read", 400),
        # What is no UTF-8 is left out by some frameworks.
        ("/api\xff/results", "", 400),
        ("/\x80api/results", "lab:read", 400),
        ("/api/caf\xc3\xa9", "lab:read", 200),
    ],
)
def test_paths_need_their_scopes(
    path: str, scopes: str, status: int, wardkey_engine: Engine, wardkey_token: Any
) -> None:
    ask = asking(engine=wardkey_engine, protect=PROTECT)
    more = {"HTTP_AUTHORIZATION": f"Bearer {wardkey_token(scopes)}"} if scopes else {}
    found, headers, body = ask("GET", path, **more)
    assert found == status
    if status == 200:
        assert body.startswith(b"wkc_" if scopes else b"nobody")
    if status in (401, 403):
        assert headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_long_path_is_refused_before_any_work() -> None:
    def never() -> Engine:
        raise AssertionError("the engine was opened")

    ask = asking(engine=never, protect=PROTECT)
    assert ask("GET", "/api" + "/a" * 32_000)[0] == 414


def test_a_path_takes_no_longer_than_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Rules(dict[tuple[str, ...], str]):
        def get(self, prefix: tuple[str, ...], default: Any = None) -> Any:
            asked.append(len(prefix))
            return super().get(prefix, default)

    protection = Protection(PROTECT)
    monkeypatch.setattr(protection, "_scopes", Rules(protection._scopes))
    assert protection.scopes("/api/orders" + "/a" * 4000) == "lab:write"
    assert protection.scopes("/else" + "/a" * 4000) is None
    assert asked == [2, 2, 1, 0]


def test_where_nothing_is_protected_the_application_judges_all_paths(
    wardkey_engine: Engine,
) -> None:
    ask = asking(engine=wardkey_engine)
    for path in ("/api\xff", "/api/../x", "/a" * 5000):
        assert ask("GET", path)[2] == b"nobody"


def test_no_scope_protects_nothing_and_is_refused(wardkey_engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"/api.*ANY_SCOPE"):
        asking(engine=wardkey_engine, protect={"/api": ""})


def test_who_comes_too_often_is_told_when_to_come_again(wardkey_engine: Engine) -> None:
    client = register(wardkey_engine, verify_rate={"per_minute": 1, "burst": 1})
    ask = asking(engine=wardkey_engine, protect=PROTECT)
    authorization = f"Bearer {token_of(wardkey_engine, client)}"
    assert ask("GET", "/api", HTTP_AUTHORIZATION=authorization)[0] == 200
    status, headers, _ = ask("GET", "/api", HTTP_AUTHORIZATION=authorization)
    assert (status, headers["Retry-After"]) == (429, "60")
    assert "WWW-Authenticate" not in headers


def test_endpoints_lie_where_they_are_mounted(wardkey_engine: Engine) -> None:
    wardkey_engine.call("settings.set", {"dialects": ["bio-ecko"]}, context=ADMIN)
    at_root = asking(engine=wardkey_engine, protect={"/": "lab:read"})
    # Whatever is protected, who has no token yet gets one, also where a dialect has its endpoint.
    for path in ("/oauth/token", "/api/v1/auth/token"):
        assert b"error" in at_root("POST", path)[2]
    assert at_root("GET", "/elsewhere")[0] == 401
    below = asking(engine=wardkey_engine, base_path="/auth")
    assert below("GET", "/auth/oauth/jwks")[0] == 200
    assert below("GET", "/oauth/jwks")[2] == b"nobody"
    assert below("GET", "/auth/oauth/jwks", SCRIPT_NAME="/clinic")[0] == 200
    assert below("GET", "/auth/oauth%2Fjwks".replace("%2F", "%252F"))[2] == b"nobody"


def test_the_application_answers_what_is_its_own_while_the_database_is_gone(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "clinic.db", ManualClock()
    with Engine.create(path, actor="test", clock=clock, log=lambda *_: None) as engine:
        ask = asking(engine=engine, protect=PROTECT)
        path.rename(tmp_path / "elsewhere.db")
        clock.advance(60)
        assert ask("GET", "/")[0] == 200
        assert ask("GET", "/api", HTTP_AUTHORIZATION="Bearer x")[0] == 503
        assert ask("POST", "/oauth/token")[0] == 500
        (tmp_path / "elsewhere.db").rename(path)


def test_head_says_how_long_the_body_would_be(wardkey_engine: Engine) -> None:
    ask = asking(engine=wardkey_engine)
    body = ask("GET", "/oauth/jwks")[2]
    status, of_head, nothing = ask("HEAD", "/oauth/jwks")
    assert (status, of_head["Content-Length"], nothing) == (200, str(len(body)), b"")


def test_a_body_is_read_as_far_as_the_engine_takes_one(
    wardkey_engine: Engine, lab: dict[str, Any]
) -> None:
    ask = asking(engine=wardkey_engine)
    form = (
        f"grant_type=client_credentials&client_id={lab['client_id']}"
        f"&client_secret={lab['client_secret']}"
    ).encode()
    more: dict[str, Any] = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
    assert ask("POST", "/oauth/token", form, **more)[0] == 200
    assert ask("POST", "/oauth/token", b"x" * 3_000_000, **more)[0] == 413
    # Sent in chunks: servers that end the stream are read to its end, others not at all.
    more["CONTENT_LENGTH"] = ""
    assert ask("POST", "/oauth/token", form, **{**more, "wsgi.input_terminated": True})[0] == 200
    assert ask("POST", "/oauth/token", form, **more)[0] == 401


def test_the_context_is_what_the_server_says() -> None:
    environ: dict[str, Any] = {"wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.7"}
    assert context_of(environ) == Context(peer="192.0.2.7", secure=True)
    environ = {"wsgi.url_scheme": "http", "REMOTE_ADDR": ""}
    assert context_of(environ) == Context(peer=None, secure=False)


def test_all_headers_reach_the_engine() -> None:
    environ = {
        "HTTP_AUTHORIZATION": "Bearer x",
        "HTTP_X_FORWARDED_FOR": "192.0.2.9",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "SERVER_NAME": "clinic",
    }
    assert headers_of(environ) == [
        ("AUTHORIZATION", "Bearer x"),
        ("X-FORWARDED-FOR", "192.0.2.9"),
        ("CONTENT-TYPE", "text/plain"),
    ]


def test_a_trusted_proxy_names_the_caller(wardkey_engine: Engine) -> None:
    client = register(wardkey_engine, allowed_networks=["198.51.100.0/24"])
    wardkey_engine.call("settings.set", {"trusted_proxies": ["192.0.2.7"]}, context=ADMIN)
    inside = Context(peer="198.51.100.9", secure=True)
    authorization = f"Bearer {token_of(wardkey_engine, client, context=inside)}"
    ask = asking(engine=wardkey_engine, protect=PROTECT)
    assert ask("GET", "/api", HTTP_AUTHORIZATION=authorization)[0] == 403
    more = {"HTTP_AUTHORIZATION": authorization, "HTTP_X_FORWARDED_FOR": "198.51.100.8"}
    assert ask("GET", "/api", **more)[0] == 200
    assert ask("GET", "/api", **{**more, "REMOTE_ADDR": "203.0.113.7"})[0] == 403


def test_a_full_disk_or_a_closed_engine_lets_nobody_in(
    wardkey_engine: Engine, wardkey_token: Any
) -> None:
    ask = asking(engine=wardkey_engine, protect=PROTECT)
    token = wardkey_token("lab:read")
    wardkey_engine.close()
    with pytest.raises(wardkey.MisuseError):
        ask("GET", "/api", HTTP_AUTHORIZATION=f"Bearer {token}")


def test_an_engine_is_opened_once_and_after_a_failure_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "clinic.db", ManualClock()
    lazy = LazyEngine(lambda: Engine.open(path, clock=clock))
    assert lazy.opened is None
    with pytest.raises(wardkey.StorageMissing):
        lazy()
    Engine.create(path, actor="test", clock=clock).close()
    with lazy() as engine:
        assert lazy() is engine is lazy.opened
