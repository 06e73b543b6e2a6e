"""What must not be done: opens in the process that forks the workers."""

import os

from apps.plain import plain
from wardkey import Engine
from wardkey.wsgi import Middleware

engine = Engine.open_or_create(os.environ["CLINIC_DATABASE"], actor="setup")
application = Middleware(plain, engine, protect={"/results": "lab:read"})
