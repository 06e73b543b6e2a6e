"""An ASGI application that says who asks."""

import os
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from wardkey import Engine, asgi


async def results(request: Request) -> JSONResponse:
    return JSONResponse({"for": request.scope["wardkey.principal"].client_id})


def opened() -> Engine:
    return Engine.open_or_create(os.environ["CLINIC_DATABASE"], actor="setup")


protect: dict[str, Any] = {"/results": "lab:read"}
application = Starlette(
    routes=[Route("/results", results)],
    middleware=[Middleware(asgi.Middleware, engine=opened, protect=protect)],
)
