"""A lab bridge: laboratories' programs send results over HTTP, the clinic's programs read them.

    python lab_bridge.py register clinic.db "Analyser, ground floor" lab:write
    python lab_bridge.py register clinic.db "Ward round" lab:read
    python lab_bridge.py serve clinic.db 8080

The first two print a client id and a secret, shown this once. With those a program gets a token, which is
good for an hour, and sends its messages:

    curl -u ID:SECRET -d grant_type=client_credentials http://127.0.0.1:8080/oauth/token
    curl -H "Authorization: Bearer TOKEN" --data-binary @result.hl7 http://127.0.0.1:8080/messages
    curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:8080/patients/4711/results

Messages are HL7 v2 (ORU^R01), as far as this example needs it: one patient, numbers and texts. Only Python's
own server is needed; a real bridge runs the same `application` under gunicorn with TLS before it, and keeps
results in a database, not in a dict.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import wardkey
from wardkey.wsgi import Middleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def main(arguments: list[str]) -> None:
    if len(arguments) == 4 and arguments[0] == "register":
        register(Path(arguments[1]), name=arguments[2], scope=arguments[3])
    elif len(arguments) == 3 and arguments[0] == "serve":
        serve(Path(arguments[1]), int(arguments[2]))
    else:
        sys.exit(__doc__)


def register(database: Path, *, name: str, scope: str) -> None:
    """Makes a client, and the database if this is the first one."""
    with wardkey.Engine.open_or_create(database, actor="lab_bridge register") as engine:
        client = engine.call(
            "client.create",
            {"client_name": name, "scope": scope},
            context=wardkey.Context(actor="lab_bridge register"),
        )
        print(json.dumps({key: client[key] for key in ("client_id", "client_secret")}))


def serve(database: Path, port: int) -> None:
    with make_server("127.0.0.1", port, application(database), handler_class=Quiet) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def application(database: Path) -> WSGIApplication:
    """The bridge behind Wardkey: no request without a token for it gets in."""
    return Middleware(
        Bridge(),
        lambda: wardkey.Engine.open_or_create(database, actor="lab_bridge serve"),
        protect={"/messages": "lab:write", "/patients": "lab:read"},
    )


@dataclass(frozen=True)
class Result:
    """One observation (OBX) of a message."""

    code: str
    value: str
    unit: str
    observed_at: str
    reported_by: str


class Bridge:
    """The bridge itself, which knows nothing of tokens but whom they speak for."""

    def __init__(self) -> None:
        self._results: dict[str, list[Result]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        patient = re.fullmatch(r"/patients/(\w+)/results", path)
        if (method, path) == ("POST", "/messages"):
            status, media_type, body = self.take(environ)
        elif method == "GET" and patient:
            found = [asdict(result) for result in self._results.get(patient[1], [])]
            status, media_type, body = "200 OK", "application/json", json.dumps(found)
        else:
            status, media_type, body = "404 Not Found", "text/plain", "Not Found\n"
        start_response(status, [("Content-Type", media_type)])
        return [body.encode()]

    def take(self, environ: WSGIEnvironment) -> tuple[str, str, str]:
        """Keeps a message's results, and acknowledges it."""
        length = min(int(environ.get("CONTENT_LENGTH") or 0), LONGEST_MESSAGE)
        segments = segments_of(environ["wsgi.input"].read(length).decode("utf-8", "replace"))
        caller: wardkey.Principal = environ["wardkey.principal"]
        try:
            patient, results = read(segments, reported_by=caller.client_id)
        except (LookupError, ValueError):
            return "400 Bad Request", HL7, acknowledgement(segments, "AE")
        self._results.setdefault(patient, []).extend(results)
        return "200 OK", HL7, acknowledgement(segments, "AA")


def segments_of(message: str) -> list[list[str]]:
    return [line.split("|") for line in re.split(r"[\r\n]+", message) if line]


def read(segments: list[list[str]], *, reported_by: str) -> tuple[str, list[Result]]:
    """The patient's number and the results of an ORU^R01 message; LookupError or ValueError if it is none."""
    if segments[0][0] != "MSH" or not segments[0][8].startswith("ORU^R01"):
        raise ValueError("not a message with results")
    (patient,) = [fields[3].split("^")[0] for fields in segments if fields[0] == "PID"]
    if not re.fullmatch(r"\w+", patient):
        raise ValueError("not a patient's number")
    observations = [fields + [""] * 15 for fields in segments if fields[0] == "OBX"]
    return patient, [
        Result(
            code=fields[3].split("^")[0],
            value=fields[5],
            unit=fields[6],
            observed_at=fields[14],
            reported_by=reported_by,
        )
        for fields in observations
    ]


def acknowledgement(segments: list[list[str]], code: str) -> str:
    """AA: it was taken. AE: it was not. With the message's own control id, if it has one."""
    header = (segments[0] if segments else []) + [""] * 10
    return f"MSH|^~\\&|BRIDGE||{header[2]}||||ACK^R01|{header[9]}|P|2.5\rMSA|{code}|{header[9]}\r"


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


HL7 = "x-application/hl7-v2+er7"

# In bytes: far more than any message of results has.
LONGEST_MESSAGE = 1024 * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
