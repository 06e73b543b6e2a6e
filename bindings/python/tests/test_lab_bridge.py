"""The example, as its users run it: clients are registered, a result goes in, a result comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

from conftest import BINDING
from servers import ask, served

BRIDGE = str(BINDING / "examples" / "lab_bridge.py")

MESSAGE = "\r".join(
    [
        "MSH|^~\\&|ANALYSER|LAB|EMR|CLINIC|20260301083000||ORU^R01|msg-7|P|2.5",
        "PID|1||4711^^^CLINIC||Muster^Eva",
        "OBR|1|||4548-4^HbA1c",
        "OBX|1|NM|4548-4^HbA1c||5.4|%|4.0-6.0|N|||F|||20260301081500",
        "OBX|2|NM|2345-7^Glucose||98|mg/dL|||||F|||20260301081500",
        "",
    ]
)


def test_results_go_in_and_come_out(tmp_path: Path) -> None:
    database = tmp_path / "clinic.db"
    analyser = register(database, "Analyser, ground floor", "lab:write")
    ward = register(database, "Ward round", "lab:read")
    with served([BRIDGE, "serve", str(database), "0"], database, r"listening on (\S+)") as server:
        writing, reading = (token_of(server.url, client) for client in (analyser, ward))

        def send(message: str, token: str) -> tuple[int, str]:
            answer = ask(server.url + "/messages", token=token, body=message.encode())
            return answer.status, answer.body

        status, acknowledged = send(MESSAGE, writing)
        assert status == 200
        assert "MSA|AA|msg-7" in acknowledged
        for wrong in ("", "Hello", MESSAGE.replace("ORU", "ADT"), MESSAGE.replace("PID|1", "X")):
            status, refused = send(wrong, writing)
            assert (status, "MSA|AE|" in refused) == (400, True)
        assert send(MESSAGE, reading)[0] == 403
        assert ask(server.url + "/messages", body=MESSAGE.encode()).status == 401

        url = server.url + "/patients/4711/results"
        assert ask(url).status == 401
        assert ask(url, token=writing).status == 403
        results = json.loads(ask(url, token=reading).body)
        assert [(result["value"], result["unit"]) for result in results] == [
            ("5.4", "%"),
            ("98", "mg/dL"),
        ]
        assert {result["reported_by"] for result in results} == {analyser["client_id"]}
        assert ask(server.url + "/elsewhere").status == 404


def test_who_does_not_know_what_to_say_is_told() -> None:
    asked = subprocess.run([sys.executable, BRIDGE], stderr=subprocess.PIPE, check=False)
    assert asked.returncode == 1
    assert b"lab_bridge.py register" in asked.stderr


def register(database: Path, name: str, scope: str) -> dict[str, str]:
    command = [sys.executable, BRIDGE, "register", str(database), name, scope]
    client: dict[str, str] = json.loads(subprocess.check_output(command))
    return client


def token_of(url: str, client: dict[str, str]) -> str:
    pair = b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    answer = ask(
        url + "/oauth/token",
        body=b"grant_type=client_credentials",
        Authorization=f"Basic {pair}",
    )
    token: str = json.loads(answer.body)["access_token"]
    return token
