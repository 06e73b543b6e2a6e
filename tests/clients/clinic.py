"""A clinic for one test case: its site, its console, its clients."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import urllib.parse

from person import Person

AUDIENCE = "https://api.clinic.example"
LAB = "lab:read lab:write"

# What a client of before Wardkey may be called: sent without escapes, it says something else.
BRIDGE = {"client_id": "lab bridge/7%41+b", "client_secret": 'a+b %41: "c"&d=?'}

# Where portals have people sent back to. Nothing is there: the tests read the address.
BACK = "https://portal.example/back"

SITE = pathlib.Path(__file__).with_name("site.mjs")


class Clinic:
    """A new database behind TLS, with the given settings and an issuer with a port of its own."""

    def __init__(self, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="wardkey-")
        names = ("WARDKEY_HOST", "WARDKEY_TLS_KEY", "WARDKEY_TLS_CERTIFICATE")
        host, key, certificate = (os.environ[name] for name in names)
        database = pathlib.Path(self.folder.name) / "clinic.db"
        self.site = subprocess.Popen(
            ["node", SITE, host, database, key, certificate],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.issuer = self.site.stdout.readline().strip()
        self.call("settings.set", audience=AUDIENCE, **settings)

    def close(self):
        self.site.stdin.close()
        code = self.site.wait(timeout=30)
        self.site.stdout.close()
        self.folder.cleanup()
        assert code == 0, f"the host ended with {code}"

    def call(self, operation, **document):
        """Runs an operation at the console."""
        print(operation, json.dumps(document), file=self.site.stdin, flush=True)
        answer = json.loads(self.site.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def register(self, scope=LAB, **members):
        return self.call("client.create", client_name="Lab", scope=scope, **members)

    def adopt(self, scope="lab:read", **members):
        known = {**BRIDGE, **members}
        self.call("client.import", client_name="Bridge", scope=scope, **known)
        return known

    def register_portal(self, method, **members):
        """A client of people, which gets codes and refreshes; with `none` it has no secret."""
        members = {
            "redirect_uris": [BACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": method,
            **members,
        }
        return {"client_secret": None, **self.register(**members)}

    def employ(self, username="anna", scope=LAB):
        """Somebody who works here, with a browser."""
        password = f"nobodys guess at {username}'s"
        user = self.call("user.create", username=username, password=password, scope=scope)
        person = Person(username, password)
        person.user_id = user["user_id"]
        return person

    def url(self, path):
        return urllib.parse.urljoin(self.issuer, path)


class InAClinic(unittest.TestCase):
    """Tests that share a clinic, and `lab` and `anna`, a client and a user that may read and write the
    laboratory's data."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.clinic = Clinic(**cls.settings)
        cls.addClassCleanup(cls.clinic.close)
        cls.lab = cls.clinic.register()
        cls.anna = cls.clinic.employ()
        cls.addClassCleanup(cls.anna.browser.close)
