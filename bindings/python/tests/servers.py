"""Real servers in processes of their own, and requests to them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Optional


@dataclass
class Server:
    """A server that listens, and what it has written so far."""

    url: str
    lines: list[str]


@dataclass
class Answer:
    """Of a request, whatever its status."""

    status: int
    headers: dict[str, str]
    body: str


@contextmanager
def served(
    arguments: list[str], database: Path, listening: str, folder: Path = Path(__file__).parent
) -> Iterator[Server]:
    """Runs `python ARGUMENTS` until the block ends; its address is the first group of `listening`."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "CLINIC_DATABASE": str(database), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        # Goes on reading to the end, or the server would stop when the pipe is full.
        reader = Thread(target=lines.extend, args=(process.stdout,))
        try:
            url = _address(process.stdout, lines, listening)
            reader.start()
            yield Server(url, lines)
        finally:
            process.terminate()
            if reader.ident is not None:
                reader.join(timeout=60)


def _address(output: IO[str], lines: list[str], listening: str) -> str:
    """Reads until the server says where it listens."""
    for line in output:
        lines.append(line)
        found = re.search(listening, line)
        if found:
            return found.group(1)
    raise AssertionError("".join(lines))


def ask(
    url: str, *, token: Optional[str] = None, body: Optional[bytes] = None, **headers: str
) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=body, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, dict(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read().decode())
