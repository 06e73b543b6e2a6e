"""The engine's methods: what goes in, what comes out, what is raised."""

from __future__ import annotations

import dataclasses
import gc
import re
import warnings
from base64 import b64encode
from pathlib import Path
from typing import Any, Callable, Union

import pytest
from conftest import ADMIN, HEADER, PEER, register, token_of

import wardkey
from wardkey import Context, Engine, ManualClock, Request, Response, errors
from wardkey import fastapi as of_fastapi
from wardkey import flask as of_flask
from wardkey._native import ffi, lib
from wardkey.wsgi import Middleware


def test_a_token_is_good_for_its_scopes(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    answer = wardkey_engine.issue(
        lab["client_id"], lab["client_secret"], scope="lab:read", context=PEER
    )
    assert (answer["token_type"], answer["scope"]) == ("Bearer", "lab:read")
    token = answer["access_token"]
    principal = wardkey_engine.verify(token, "lab:read", context=PEER)
    assert principal.client_id == principal.subject == lab["client_id"]
    assert (principal.kind, principal.token_format) == ("client", "jwt")
    assert principal.expires_at - principal.issued_at == answer["expires_in"]
    claims = wardkey_engine.claims(token, context=PEER)
    assert (claims["scope"], claims["jti"]) == ("lab:read", principal.token_id)
    with pytest.raises(wardkey.InsufficientScope) as caught:
        wardkey_engine.verify(token, "lab:write", context=PEER)
    assert caught.value.code == 232
    assert caught.value.name == "WARDKEY_DENIED_INSUFFICIENT_SCOPE"
    assert isinstance(caught.value, wardkey.Denied)


@pytest.mark.parametrize("form", [str, str.encode])
def test_a_token_is_text_or_bytes(form: Any, wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    token = form(token_of(wardkey_engine, lab))
    assert wardkey_engine.verify(token, wardkey.ANY_SCOPE).client_id == lab["client_id"]
    assert wardkey_engine.claims(token)["sub"] == lab["client_id"]


@pytest.mark.parametrize(
    "token", ["", "x", b"\xff\xfe", "\udcff", "a.b.c", "\N{SNOWMAN}", "x" * 100_000]
)
def test_what_is_no_token_is_denied(token: Union[str, bytes], wardkey_engine: Engine) -> None:
    with pytest.raises(wardkey.Denied):
        wardkey_engine.verify(token, "lab:read")


def wrong(value: Any) -> Any:
    """A value of a type that checkers would not let in."""
    return value


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("token", lambda engine: engine.verify(None, "lab:read")),
        ("scopes", lambda engine: engine.verify("x", ["lab:read"])),
        ("scopes", lambda engine: engine.verify("x", None)),
        ("context", lambda engine: engine.verify("x", "lab:read", context={})),
        ("peer", lambda engine: engine.verify("x", "lab:read", context=Context(peer=wrong(7)))),
        ("headers", lambda engine: engine.authorize(None, "lab:read")),
        ("header", lambda engine: engine.authorize({"Host": None}, "lab:read")),
        ("token", lambda engine: engine.claims(7)),
        ("client_secret", lambda engine: engine.issue("wkc_x", None)),
        ("scope", lambda engine: engine.issue("wkc_x", "s", scope=["lab:read"])),
        ("request", lambda engine: engine.http("/oauth/token")),
        ("body", lambda engine: engine.http(Request("GET", "/", body=wrong({})))),
        ("path", lambda engine: engine.serves(None)),
        ("handle", lambda engine: engine.decide(None, subject=None, headers=())),
        ("operation", lambda engine: engine.call(None, context=ADMIN)),
        ("path", lambda engine: engine.backup(None, context=ADMIN)),
        ("path", lambda engine: Engine.open(wrong(None))),
        ("actor", lambda engine: Engine.create("a.db", actor=wrong(None))),
        ("actor", lambda engine: Engine.restore("a.db", actor=wrong(None))),
        ("protect", lambda engine: Middleware(wrong(None), engine, protect=wrong("lab:read"))),
        (
            "scopes of /",
            lambda engine: Middleware(wrong(None), engine, protect=wrong({"/": ["lab:read"]})),
        ),
        ("scopes", lambda engine: of_flask.requires(wrong(str))),
        ("scopes", lambda engine: of_fastapi.requires(wrong(["lab:read"]))),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(
    name: str, call: Callable[[Engine], object], wardkey_engine: Engine
) -> None:
    with pytest.raises(TypeError, match=f"^`{name}` is to be "):
        call(wardkey_engine)


def test_no_scope_is_misuse_and_not_any_scope(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    with pytest.raises(wardkey.MisuseError):
        wardkey_engine.verify(token_of(wardkey_engine, lab), "")


def test_time_ends_a_token(
    wardkey_engine: Engine, wardkey_clock: ManualClock, lab: dict[str, Any]
) -> None:
    token = token_of(wardkey_engine, lab)
    wardkey_clock.advance(3601)
    with pytest.raises(wardkey.TokenExpired):
        wardkey_engine.verify(token, "lab:read")


def test_a_refused_request_says_what_to_answer(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    token = token_of(wardkey_engine, lab, scope="lab:read")
    good = {"Authorization": f"Bearer {token}", "Host": "clinic.example"}
    assert wardkey_engine.authorize(good, "lab:read").client_id == lab["client_id"]
    pairs = [(b"host", b"clinic.example"), (b"authorization", b"Bearer " + token.encode())]
    assert wardkey_engine.authorize(pairs, "lab:read").client_id == lab["client_id"]
    with pytest.raises(errors.TokenMissing) as missing:
        wardkey_engine.authorize((), "lab:read")
    assert (missing.value.http_status, missing.value.challenge) == (401, 'Bearer realm="wardkey"')
    with pytest.raises(wardkey.InsufficientScope) as short:
        wardkey_engine.authorize(good, "lab:write")
    assert short.value.http_status == 403
    assert 'error="insufficient_scope"' in short.value.challenge
    assert short.value.retry_after is None


def test_who_comes_too_often_is_told_when_to_come_again(wardkey_engine: Engine) -> None:
    client = register(wardkey_engine, verify_rate={"per_minute": 1, "burst": 1})
    headers = {"Authorization": f"Bearer {token_of(wardkey_engine, client)}"}
    wardkey_engine.authorize(headers, "lab:read")
    with pytest.raises(wardkey.RateLimited) as caught:
        wardkey_engine.authorize(headers, "lab:read")
    assert (caught.value.http_status, caught.value.retry_after) == (429, 60)


def test_documents_go_in_and_come_out_as_dicts(wardkey_engine: Engine) -> None:
    client = register(wardkey_engine, client_name="Röntgen Süd \N{SNOWMAN} \"'\\")
    read = wardkey_engine.call("client.read", {"client_id": client["client_id"]}, context=ADMIN)
    assert read["client_name"] == "Röntgen Süd \N{SNOWMAN} \"'\\"
    assert wardkey_engine.call("settings.get", context=ADMIN)["issuer"] == "https://localhost"
    with pytest.raises(errors.MisuseDocument, match="colour"):
        wardkey_engine.call("client.create", {"colour": "red"}, context=ADMIN)
    with pytest.raises(errors.MisuseOperation):
        wardkey_engine.call("client.paint", context=ADMIN)
    with pytest.raises(errors.MisuseActor):
        wardkey_engine.call("settings.get", context=PEER)
    with pytest.raises(wardkey.NotFound):
        wardkey_engine.call("client.read", {"client_id": "nobody"}, context=ADMIN)


def test_the_token_endpoint_answers_over_http(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    pair = b64encode(f"{lab['client_id']}:{lab['client_secret']}".encode()).decode()
    request = Request(
        method="POST",
        path="/auth/oauth/token",
        base_path="/auth",
        headers={
            "Authorization": f"Basic {pair}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=b"grant_type=client_credentials",
    )
    response = wardkey_engine.http(request, context=PEER)
    assert response.status == 200
    assert response.header("cache-control") == "no-store"
    assert b'"access_token"' in response.body
    assert "access_token" not in repr(response)
    assert "Basic" not in repr(request)
    assert wardkey_engine.http(Request("GET", "/elsewhere"), context=PEER).status == 404


def test_the_engine_knows_its_paths(wardkey_engine: Engine) -> None:
    assert wardkey_engine.serves("/oauth/token")
    assert wardkey_engine.serves(b"/klinik-s%C3%BCd/oauth/token", "/klinik-s%C3%BCd")
    for path in ("/oauth/token?", "/oauth/tok\xe9n", "/検査", b"/\xff", ""):
        assert not wardkey_engine.serves(path)
    assert not wardkey_engine.serves("/oauth/token", "/auth")
    wardkey_engine.close()
    with pytest.raises(wardkey.errors.MisuseClosed):
        wardkey_engine.serves("/oauth/token")


def test_a_host_with_a_page_of_its_own_decides(wardkey_engine: Engine) -> None:
    client = register(
        wardkey_engine,
        grant_types=["authorization_code"],
        redirect_uris=["https://app.example/back"],
    )
    query = (
        f"response_type=code&client_id={client['client_id']}&scope=lab:read&state=s"
        "&redirect_uri=https://app.example/back"
        "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    )
    asked = wardkey_engine.pending(Request("GET", "/oauth/authorize", query), context=PEER)
    assert not isinstance(asked, Response)
    assert asked["scopes"][0]["scope"] == "lab:read"
    headers = {"Cookie": asked.get("set_cookie", "").split(";")[0]}
    response = wardkey_engine.decide(
        asked["handle"], subject="dr.eva", headers=headers, context=PEER
    )
    assert response.status == 303
    assert (response.header("Location") or "").startswith("https://app.example/back?code=")
    wrong = wardkey_engine.pending(Request("GET", "/oauth/authorize", "client_id=x"), context=PEER)
    assert isinstance(wrong, Response)
    assert wrong.status == 400


def test_a_copy_is_made_told_of_and_restored(
    wardkey_engine: Engine, lab: dict[str, Any], tmp_path: Path
) -> None:
    token, told = token_of(wardkey_engine, lab), []
    copy = tmp_path / "Sicherung Süd.db"

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        # It may call the library.
        wardkey_engine.verify(token, "lab:read")

    answer = wardkey_engine.backup(copy, context=ADMIN, progress=progress)
    assert answer["path"] == str(copy)
    assert told
    assert wardkey_engine.check(context=ADMIN)["sound"] is True
    wardkey_engine.close()
    key = tmp_path / "wardkey.db.key"
    assert key.exists(), sorted(tmp_path.iterdir())
    key.rename(tmp_path / "Sicherung Süd.db.key")
    restored = Engine.restore(copy, actor="test", clock=ManualClock())
    with restored, pytest.raises(wardkey.Denied):
        restored.verify(token, "lab:read")


def test_an_engine_closes_once_and_is_closed_then(tmp_path: Path) -> None:
    engine = Engine.create(tmp_path / "a.db", actor="test")
    assert not engine.closed
    with engine as same:
        assert same is engine
        engine.maintain()
    assert engine.closed
    engine.close()
    with pytest.raises(errors.MisuseClosed):
        engine.maintain()
    assert repr(engine).endswith("a.db' closed>")


def test_an_engine_that_nobody_closed_is_closed_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        engine = Engine.create(path, actor="test")
        handle = engine._handle
        del engine
        gc.collect()
    assert [warning.category for warning in told] == [ResourceWarning]
    # The warning holds what it is about.
    told.clear()
    gc.collect()
    assert lib.wardkey_maintain(handle, ffi.NULL) == lib.WARDKEY_MISUSE_CLOSED


def test_what_is_not_there_is_made_only_when_it_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with pytest.raises(wardkey.StorageMissing):
        Engine.open(path)
    Engine.open_or_create(path, actor="test", settings={"clinic_name": "Süd"}).close()
    with pytest.raises(wardkey.StorageExists):
        Engine.create(path, actor="test")
    with Engine.open_or_create(path, actor="test") as engine:
        assert engine.call("settings.get", context=ADMIN)["clinic_name"] == "Süd"
    Engine.migrate(path).close()
    Engine(str(path)).close()
    path.write_bytes(b"")
    with pytest.raises(errors.StorageEmptyFile):
        Engine.open_or_create(path, actor="test")


def test_a_key_of_ones_own_opens_what_it_made(tmp_path: Path) -> None:
    path, key = tmp_path / "a.db", bytes(range(32))
    Engine.create(path, actor="test", key=key).close()
    Engine.open(path, key=lambda: key).close()
    with pytest.raises(errors.StorageWrongKey):
        Engine.open(path, key=b"k" * 32)
    with pytest.raises(wardkey.MisuseError):
        Engine.open(path, key=b"short")


def test_values_cannot_be_changed() -> None:
    context = Context(peer="192.0.2.7")
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.peer = "192.0.2.8"  # type: ignore[misc]
    assert dataclasses.replace(context, secure=True) == Context(peer="192.0.2.7", secure=True)


def test_the_package_has_what_the_header_has() -> None:
    header = HEADER.read_text(encoding="utf-8")
    for name in re.findall(r"WARDKEY_CALL (wardkey_\w+)\(", header):
        assert callable(getattr(lib, name))
    for name, value in re.findall(r"^#define (WARDKEY_\w+) (\d+)$", header, re.MULTILINE):
        assert getattr(lib, name) == int(value)
    for struct, body in re.findall(r"^} (wardkey_\w+);()", header, re.MULTILINE):
        assert ffi.sizeof(struct) > len(body)
    assert f'#define WARDKEY_ANY_SCOPE "{wardkey.ANY_SCOPE}"' in header
    assert f"wardkey {wardkey.__version__}\n".count(".") == 2
