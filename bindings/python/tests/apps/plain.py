"""A WSGI application that says who asks, in this process, and waits for the others if it is told to."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from typing import Any

WORKERS = 4

# Made before the server forks its workers, which inherit it.
meeting = multiprocessing.get_context("fork").Barrier(WORKERS)


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    principal = environ.get("wardkey.principal")
    return [(principal.client_id if principal else "nobody").encode()]


def meeting_before(application: Any) -> Any:
    """Lets requests in only when every worker has one, and tells which worker it was."""

    def meet(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("X-Worker", str(os.getpid()))], *more)

        if "HTTP_X_MEET" in environ:
            meeting.wait(timeout=60)
        result: Iterable[bytes] = application(environ, start)
        return result

    return meet
