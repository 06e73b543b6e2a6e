"""clinic.py DATABASE: a user's program, for whom only what is installed exists."""

import sys

import wardkey
from wardkey import Context, Engine

admin = Context(actor="setup")
caller = Context(peer="192.0.2.7", secure=True)
with Engine.open_or_create(sys.argv[1], actor="setup") as engine:
    lab = engine.call("client.create", {"client_name": "Lab", "scope": "lab:read"}, context=admin)
    token = engine.issue(lab["client_id"], lab["client_secret"], context=caller)["access_token"]
    assert engine.verify(token, "lab:read", context=caller).client_id == lab["client_id"]
    try:
        engine.verify(token, "billing:read", context=caller)
    except wardkey.InsufficientScope:
        pass
    else:
        sys.exit("a token was good for a scope that it does not have")
