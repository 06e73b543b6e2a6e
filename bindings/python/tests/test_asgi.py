"""The ASGI middleware: what reaches the engine and on which thread, what reaches the application."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any, Optional

import httpx
import pytest
from conftest import ADMIN, register, token_of

import wardkey
from wardkey import Approved, Engine, ManualClock, UserLogin
from wardkey.asgi import Message, Middleware, Receive, Scope, Send

PROTECT = {"/api": "lab:read", "/api/orders": "lab:write"}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    principal = scope.get("wardkey.principal")
    body = principal.client_id.encode() if principal else b"nobody"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def browser(app: Any, address: str = "192.0.2.7", root_path: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 50000), root_path=root_path)
    return httpx.AsyncClient(transport=transport, base_url="https://clinic.example")


def ask(app: Any, method: str, url: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with browser(app) as client:
            return await client.request(method, url, **more)

    return asyncio.run(asked())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("path", "scopes", "status"),
    [
        ("/", "", 200),
        ("/api/results", "", 401),
        ("/api/results", "lab:read", 200),
        ("/api/orders", "lab:read", 403),
        ("//api", "", 401),
        ("/api/%2e%2e/x", "lab:read", 400),
        # What is no UTF-8 is left out by some frameworks, and replaced by most servers.
        ("/api%ff/results", "", 400),
        ("/api%EF%BF%BD/results", "", 400),
        ("/api/caf%C3%A9?name=%E4", "lab:read", 200),
    ],
)
def test_paths_need_their_scopes(
    path: str, scopes: str, status: int, wardkey_engine: Engine, wardkey_token: Any
) -> None:
    app = Middleware(application, wardkey_engine, protect=PROTECT)
    headers = bearer(wardkey_token(scopes)) if scopes else {}
    response = ask(app, "GET", f"https://clinic.example{path}", headers=headers)
    assert response.status_code == status
    if status == 200:
        assert response.text.startswith("wkc_" if scopes else "nobody")
    if status in (401, 403):
        assert response.headers["www-authenticate"].startswith("Bearer ")


def test_the_token_endpoint_answers(wardkey_engine: Engine, lab: dict[str, Any]) -> None:
    app = Middleware(application, wardkey_engine, base_path="/auth")
    form = {
        "grant_type": "client_credentials",
        "client_id": lab["client_id"],
        "client_secret": lab["client_secret"],
    }
    response = ask(app, "POST", "/auth/oauth/token", data=form)
    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(response.content))
    assert ask(app, "POST", "/oauth/token", data=form).text == "nobody"
    too_long = ask(app, "POST", "/auth/oauth/token", content=b"x" * 3_000_000)
    assert too_long.status_code == 413
    of_get, of_head = (ask(app, method, "/auth/oauth/jwks") for method in ("GET", "HEAD"))
    assert of_head.headers["content-length"] == of_get.headers["content-length"]


def test_a_mounted_application_finds_its_paths_below_the_root(wardkey_engine: Engine) -> None:
    app = Middleware(application, wardkey_engine, protect=PROTECT)

    async def asked() -> list[int]:
        async with browser(app, root_path="/clinic") as client:
            paths = ["/clinic/api", "/clinic/oauth/jwks", "/clinic/else"]
            return [(await client.get(path)).status_code for path in paths]

    assert asyncio.run(asked()) == [401, 200, 200]


@pytest.mark.parametrize(
    ("root", "path", "scopes", "status"),
    [
        # Not all servers put the root before the path.
        ("/api", "/api/results", "", 401),
        ("/api", "/api/results", "lab:read", 200),
        ("/api", "/api/orders", "lab:read", 403),
        ("/api", "/api/api/orders", "lab:write", 403),
        ("/api", "/api/api/orders", "lab:read lab:write", 200),
        ("/api/", "/api", "", 401),
        ("/clinic", "/clinic/any", "", 401),
        ("/any", "/any/any", "lab:read", 200),
        ("/any", "/any/api", "lab:write", 403),
        ("/any", "/any/api", "lab:read", 200),
        ("/any", "/any/both", "lab:read lab:write", 200),
        ("/api", "/api/both", "lab:read lab:write", 200),
        ("/clinic", "/clinic/else", "", 200),
    ],
)
def test_a_path_with_the_root_and_without_it_needs_the_scopes_of_both(
    root: str, path: str, scopes: str, status: int, wardkey_engine: Engine, wardkey_token: Any
) -> None:
    protect = {**PROTECT, "/any": wardkey.ANY_SCOPE, "/both": "lab:read lab:write"}
    app = Middleware(application, wardkey_engine, protect=protect)
    headers = bearer(wardkey_token(scopes)) if scopes else {}

    async def asked() -> int:
        async with browser(app, root_path=root) as client:
            return (await client.get(path, headers=headers)).status_code

    assert asyncio.run(asked()) == status


def test_a_path_is_text_before_and_after_it_is_decoded(wardkey_engine: Engine) -> None:
    async def asked(path: str, **more: Any) -> int:
        sent: list[Message] = []

        async def nothing() -> Message:
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], **more}
        await Middleware(application, wardkey_engine, protect=PROTECT)(scope, nothing, send)
        return int(sent[0]["status"])

    assert asyncio.run(asked("/else", raw_path=b"/else?name=%E4")) == 200
    assert asyncio.run(asked("/api/x")) == 401
    assert asyncio.run(asked("/else", raw_path=b"/else%ff")) == 400
    assert asyncio.run(asked("/api\udcff/x")) == 400
    assert asyncio.run(asked("/api" + "/a" * 5000)) == 414


def test_an_address_that_is_none_is_unknown(wardkey_engine: Engine) -> None:
    client = register(wardkey_engine, allowed_networks=["192.0.2.0/24"])
    inside = wardkey.Context(peer="192.0.2.7", secure=True)
    headers = bearer(token_of(wardkey_engine, client, context=inside))
    app = Middleware(application, wardkey_engine, protect=PROTECT)

    async def asked(address: str) -> int:
        async with browser(app, address) as client:
            return (await client.get("/api", headers=headers)).status_code

    assert asyncio.run(asked("192.0.2.9")) == 200
    assert asyncio.run(asked("testclient")) == 403


class ThreadsClock(ManualClock):
    """Knows on which threads it was asked: those of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def wall_ms(self) -> int:
        self.threads.add(threading.get_ident())
        return super().wall_ms()


def test_only_a_token_that_was_seen_before_is_judged_on_the_loop(tmp_path: Path) -> None:
    clock, here = ThreadsClock(), threading.get_ident()
    path = tmp_path / "clinic.db"
    with Engine.create(path, actor="test", clock=clock) as engine:
        headers = bearer(token_of(engine, register(engine)))

    async def asked() -> None:
        app = Middleware(
            application, lambda: Engine.open(path, clock=clock), protect={"/": "lab:read"}
        )
        async with browser(app) as client:
            gate = app._gate
            clock.threads.clear()
            engine = await gate.engine()
            assert here not in clock.threads, "opening"

            async def threads_of(url: str, **more: Any) -> set[int]:
                await client.get("/api")
                clock.threads.clear()
                fields = [(k.lower().encode(), v.encode()) for k, v in more["headers"].items()]
                await gate.authorize(fields, "lab:read", wardkey.Context())
                return set(clock.threads)

            assert here not in await threads_of("/api", headers=headers), "the first time"
            assert await threads_of("/api", headers=headers) == {here}, "the second time"
            assert (await client.get("/api", headers=headers)).status_code == 200
            wrong = bearer("wrong")
            for _ in range(2):
                assert here not in await threads_of("/api", headers=wrong), "refused ones"
            engine.close()

    asyncio.run(asked())


@pytest.mark.skipif(sys.platform != "linux", reason="counts reads as Linux does")
def test_nothing_is_read_from_disk_on_the_loop_for_a_token_not_seen_before(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    with Engine.create(path, actor="test") as engine:
        tokens = [token_of(engine, register(engine, token_format=form)) for form in FORMATS]

    async def reads_on_the_loop() -> int:
        # What asyncio itself loads when a thread is asked for the first time is not counted.
        await asyncio.to_thread(int)
        app = Middleware(application, lambda: Engine.open(path), protect=PROTECT)
        async with browser(app) as client:
            await client.get("/")
            before = reads_of_this_thread()
            for token in tokens:
                assert (await client.get("/api", headers=bearer(token))).status_code == 200
                for wrong in (token[:-1], token[:-5] + "AAAAA"):
                    assert (await client.get("/api", headers=bearer(wrong))).status_code == 401
            after = reads_of_this_thread()
            (await app._gate.engine()).close()
            return after - before - READS_OF_COUNTING

    assert asyncio.run(reads_on_the_loop()) == 0
    with Engine.open(path) as engine:
        for token in tokens:
            before = reads_of_this_thread()
            engine.verify(token, "lab:read")
            assert reads_of_this_thread() - before > READS_OF_COUNTING, "a cold call does read"


FORMATS = ("jwt", "opaque")

# The file is read to its end: one read for what it says, one that finds no more.
READS_OF_COUNTING = 2


def reads_of_this_thread() -> int:
    found = re.search(rb"syscr: (\d+)", Path("/proc/thread-self/io").read_bytes())
    assert found is not None
    return int(found[1])


def test_the_loop_goes_on_while_a_password_is_checked(tmp_path: Path) -> None:
    asked, answered = threading.Event(), threading.Event()

    def check(login: UserLogin) -> Optional[Approved]:
        asked.set()
        # Not before the loop has done something else.
        return Approved("staff.7", "lab:read") if answered.wait(60) else None

    async def both(engine: Engine) -> None:
        async with browser(Middleware(application, engine)) as client:
            credentials = {"username": "eva", "password": "pass word"}
            login = asyncio.create_task(client.post("/ums/v2/users/login", json=credentials))
            await asyncio.to_thread(asked.wait, 60)
            assert (await client.get("/oauth/jwks")).status_code == 200
            assert not login.done()
            answered.set()
            assert (await login).status_code == 200

    settings = {"dialects": ["biot"]}
    with Engine.create(
        tmp_path / "a.db", actor="test", settings=settings, check_user=check
    ) as engine:
        asyncio.run(both(engine))


def test_a_websocket_without_a_token_is_closed_before_it_opens(
    wardkey_engine: Engine, wardkey_token: Any
) -> None:
    reached: list[Any] = []

    async def chat(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope.get("wardkey.principal"))

    app = Middleware(chat, wardkey_engine, protect=PROTECT)

    def connect(path: str, headers: list[tuple[bytes, bytes]]) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": path, "headers": headers, "scheme": "wss"}
        asyncio.run(app({**scope, "client": ("192.0.2.7", 1)}, receive, send))
        return sent

    assert connect("/api/live", []) == [{"type": "websocket.close", "code": 1008}]
    assert not reached
    authorization = f"Bearer {wardkey_token('lab:read')}".encode()
    assert connect("/api/live", [(b"authorization", authorization)]) == []
    assert connect("/chat", []) == []
    assert [principal is None for principal in reached] == [False, True]


def test_other_messages_pass_through(wardkey_engine: Engine) -> None:
    reached: list[str] = []

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    app = Middleware(lifespan, wardkey_engine, protect={"/": "lab:read"})
    asyncio.run(app({"type": "lifespan"}, nothing, nothing))
    assert reached == ["lifespan"]


def test_a_caller_who_leaves_in_the_middle_of_a_body_is_answered(wardkey_engine: Engine) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"grant_type=", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/oauth/token",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
    }
    asyncio.run(Middleware(application, wardkey_engine)(scope, receive, send))
    assert json.loads(sent[1]["body"])["error"] in ("invalid_request", "invalid_client")


def test_the_engine_is_asked_which_paths_are_its_own(wardkey_engine: Engine) -> None:
    app = Middleware(application, wardkey_engine)
    assert ask(app, "POST", "/o/token/").text == "nobody"
    wardkey_engine.call("settings.set", {"dialects": ["drchrono"]}, context=ADMIN)
    assert ask(app, "POST", "/o/token/").json()["error"]
