"""Plays bindings/scenario through the Python binding: `player.py SCENARIO FOLDER > transcript`."""

from __future__ import annotations

import io
import json
import re
import sys
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, TextIO, Union

import wardkey
from wardkey import Approved, Context, Engine, Principal, Request, Response, UserLogin


class Settable:
    """Wall and steady time alike, as the scenario sets it."""

    now_ms = 0

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


@dataclass
class Step:
    """A step, as it stands and with what was saved put in."""

    title: str
    verb: str
    argument: str
    lines: list[tuple[str, str]]

    def get(self, name: str) -> Optional[str]:
        return next((value for key, value in self.lines if key == name), None)

    def need(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"{self.title}: {name} is missing"
        return value

    def headers(self) -> list[tuple[str, str]]:
        pairs = [value.split(": ", 1) for key, value in self.lines if key == "header"]
        basic = self.get("basic")
        if basic is not None:
            pairs.append(["Authorization", f"Basic {b64encode(basic.encode()).decode()}"])
        return [(name, value) for name, value in pairs]

    def context(self) -> Context:
        return Context(
            actor=self.get("actor"),
            peer=self.get("peer"),
            secure=self.get("secure") == "1",
            forwarded=self.get("forwarded"),
            correlation_id=self.get("correlation_id"),
        )

    def request(self, method: str, target: str) -> Request:
        path, _, query = target.partition("?")
        return Request(
            method=method,
            path=path,
            query=query,
            headers=self.headers(),
            body=(self.get("body") or "").encode(),
            base_path=self.get("base_path") or "",
        )


Result = Union[None, dict[str, Any], Response, Principal]


@dataclass
class Player:
    """Plays steps, and prints what came back."""

    folder: Path
    out: TextIO
    clock: Settable = field(default_factory=Settable)
    saved: dict[str, str] = field(default_factory=dict)
    last: str = "WARDKEY_OK"
    _engine: Optional[Engine] = None

    def play(self, scenario: str) -> None:
        for block in re.split(r"\n{2,}", scenario):
            lines = [line for line in block.splitlines() if line and not line.startswith("#")]
            if lines:
                self.play_step(self.read(lines))

    def read(self, lines: list[str]) -> Step:
        verb, _, argument = self.filled(lines[0]).partition(" ")
        pairs = [line.split(": ", 1) for line in lines[1:]]
        values = [(pair[0].rstrip(":"), self.filled(pair[1]) if pair[1:] else "") for pair in pairs]
        return Step(lines[0], verb, argument, values)

    def filled(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self.saved[found.group(1)], text)

    def play_step(self, step: Step) -> None:
        self.print(f"== {step.title}")
        if step.verb == "clock":
            self.clock.now_ms = int(step.argument)
        elif step.verb == "expect":
            assert self.last == step.argument, f"{step.title}: it was {self.last}"
        else:
            self.save(step, self.outcome(step))

    def outcome(self, step: Step) -> Result:
        """Prints what a step came to, and returns it unless it was an exception."""
        method: Callable[[Step], Result] = getattr(self, f"do_{step.verb}")
        try:
            result = method(step)
        except wardkey.Error as error:
            self.last = error.name
            self.print(f"code {error.name} {error.system_code}")
            self.print(f"message {error.message}")
            if error.http_status is not None:
                self.print(f"status {error.http_status}")
                if error.challenge:
                    self.print(f"challenge {error.challenge}")
            return None
        self.last = "WARDKEY_OK"
        self.print("code WARDKEY_OK 0")
        if step.verb == "authorize":
            self.print("status 200")
        self.show(result)
        return result

    def show(self, result: Result) -> None:
        if isinstance(result, Response):
            self.print(f"status {result.status}")
            for name, value in result.headers:
                self.print(f"header {name}: {value}")
            if result.body:
                self.print(f"body {result.body.decode()}")
        elif isinstance(result, Principal):
            self.print(
                f"principal {result.kind} {result.client_id} {result.subject} {result.token_id} "
                f"{result.token_format} {result.issued_at} {result.expires_at}"
            )
        elif result is not None:
            self.print(f"document {compact(result)}")

    def save(self, step: Step, result: Result) -> None:
        response = result if isinstance(result, Response) else Response(0)
        text = compact(result) if isinstance(result, dict) else response.body.decode()
        for kind, value in step.lines:
            if not kind.startswith("save"):
                continue
            name, _, key = value.partition(" ")
            where, pattern = {
                "save": (text, f'"{re.escape(key)}":"([^"]*)"'),
                "save-query": (response.header("Location"), f"{re.escape(key)}=([^&]*)"),
                "save-field": (text, f'name="{re.escape(key)}" value="([^"]*)"'),
                "save-cookie": (response.header("Set-Cookie"), "([^;]*)"),
            }[kind]
            found = re.search(pattern, where or "")
            assert found, f"{step.title}: no {key} to save"
            self.saved[name] = found.group(1)

    @property
    def engine(self) -> Engine:
        assert self._engine is not None, "no engine was opened"
        return self._engine

    def do_open(self, step: Step) -> None:
        options = wardkey.Options(clock=self.clock)
        key, staff = step.get("key"), step.get("staff")
        if key is not None:
            options["key"] = lambda: bytes.fromhex(key)
        if staff is not None:
            options["check_user"] = lambda login: check_staff(staff, login)
        path = self.folder / "Klinik-Süd.db"
        if step.argument == "create":
            settings = step.get("settings")
            self._engine = Engine.create(
                path,
                actor=step.need("actor"),
                settings=None if settings is None else json.loads(settings),
                **options,
            )
        elif step.argument == "restore":
            self._engine = Engine.restore(path, actor=step.need("actor"), **options)
        else:
            self._engine = Engine.open(path, **options)

    def do_close(self, step: Step) -> None:
        self.engine.close()

    def do_maintain(self, step: Step) -> None:
        self.engine.maintain()

    def do_call(self, step: Step) -> Result:
        document = step.get("json")
        given = None if document is None else json.loads(document)
        return self.engine.call(step.argument, given, context=step.context())

    def do_issue(self, step: Step) -> Result:
        return dict(
            self.engine.issue(
                step.argument,
                step.need("secret"),
                scope=step.get("scope"),
                context=step.context(),
            )
        )

    def do_verify(self, step: Step) -> Result:
        scopes = scopes_of(step)
        return self.engine.verify(step.need("token"), scopes, context=step.context())

    def do_authorize(self, step: Step) -> Result:
        return self.engine.authorize(step.headers(), scopes_of(step), context=step.context())

    def do_claims(self, step: Step) -> Result:
        return dict(self.engine.claims(step.need("token"), context=step.context()))

    def do_http(self, step: Step) -> Result:
        request = step.request(*step.argument.split(" ", 1))
        return self.engine.http(request, context=step.context())

    def do_serves(self, step: Step) -> Result:
        if not self.engine.serves(step.argument, step.get("base_path") or ""):
            raise wardkey.NotFound(300, "there is no endpoint at this path")
        return None

    def do_pending(self, step: Step) -> Result:
        request = step.request("GET", step.argument)
        asked = self.engine.pending(request, context=step.context())
        return asked if isinstance(asked, Response) else dict(asked)

    def do_decide(self, step: Step) -> Result:
        return self.engine.decide(
            step.argument,
            subject=step.get("subject"),
            scope=step.get("scope"),
            headers=step.headers(),
            context=step.context(),
        )

    def do_backup(self, step: Step) -> Result:
        return self.engine.backup(self.folder / step.argument, context=step.context())

    def do_check(self, step: Step) -> Result:
        return self.engine.check(context=step.context())

    def print(self, line: str) -> None:
        self.out.write(line + "\n")


def scopes_of(step: Step) -> str:
    return wardkey.ANY_SCOPE if step.argument == "*" else step.argument


def check_staff(staff: str, login: UserLogin) -> Optional[Approved]:
    name, password, subject, scope = staff.split("|")
    if login.password == "fail":
        raise RuntimeError("the staff's directory does not answer")
    if (login.username, login.password) != (name, password):
        return None
    return Approved(subject=subject, scope=scope)


def compact(document: object) -> str:
    """As the library prints it: what was read from JSON keeps its order and its numbers."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    output = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
    Player(Path(sys.argv[2]), output).play(Path(sys.argv[1]).read_text(encoding="utf-8"))
    output.flush()
