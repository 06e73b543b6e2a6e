"""Opens in the worker, and makes the database in whichever is first."""

import os

from apps.plain import meeting_before, plain
from wardkey import Engine
from wardkey.wsgi import Middleware

application = meeting_before(
    Middleware(
        plain,
        lambda: Engine.open_or_create(os.environ["CLINIC_DATABASE"], actor="setup"),
        protect={"/results": "lab:read"},
    )
)
