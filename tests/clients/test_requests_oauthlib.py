"""requests-oauthlib: sends credentials raw in HTTP Basic, and raises when it gets another scope than it
asked for without being told."""

from clinic import InAClinic
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# How `fetch_token` is told where the credentials go.
METHODS = {
    "basic": lambda client: {
        "auth": HTTPBasicAuth(client["client_id"], client["client_secret"])
    },
    "form": lambda client: {"include_client_id": True, "client_secret": client["client_secret"]},
}

DIALECTS = {
    "bio-ecko": ("/api/v1/auth/token", "form", "Bearer"),
    "nikohealth": ("/api/identity/connect/token", "basic", "Bearer"),
    "medblocks": ("/oauth2/token", "basic", "bearer"),
}


class Client(InAClinic):
    settings = {"dialects": list(DIALECTS)}

    def fetch(self, client, method="basic", scope=None, path="/oauth/token"):
        """A session with a token."""
        backend = BackendApplicationClient(client["client_id"], scope=scope)
        session = OAuth2Session(client=backend)
        self.addCleanup(session.close)
        session.fetch_token(self.clinic.url(path), **METHODS[method](client))
        return session

    def results(self, session):
        return session.get(self.clinic.url("/api/results"))

    def test_a_token_is_obtained_used_and_revoked(self):
        for method in METHODS:
            with self.subTest(method):
                session = self.fetch(self.lab, method, "lab:read")
                self.assertEqual(session.token["scope"], ["lab:read"])
                self.assertEqual(session.token["expires_in"], 3600)
                self.assertEqual(self.results(session).json()["for"], self.lab["client_id"])
                prepared = session._client.prepare_token_revocation_request(
                    self.clinic.url("/oauth/revoke"), session.token["access_token"]
                )
                url, headers, body = prepared
                basic = HTTPBasicAuth(self.lab["client_id"], self.lab["client_secret"])
                answer = session.post(
                    url, data=body, headers=headers, auth=basic, withhold_token=True
                )
                self.assertEqual((answer.status_code, answer.json()), (200, {}))
                self.assertEqual(self.results(session).status_code, 401)

    def test_a_scope_of_the_same_words_in_another_order_is_no_surprise(self):
        session = self.fetch(self.lab, scope="lab:write lab:read")
        self.assertEqual(set(session.token["scope"]), {"lab:read", "lab:write"})

    def test_an_id_and_a_secret_that_need_escapes(self):
        for method in METHODS:
            with self.subTest(method):
                bridge = self.clinic.adopt(client_id=f"lab bridge/7%41+{method}")
                session = self.fetch(bridge, method)
                self.assertEqual(self.results(session).json()["for"], bridge["client_id"])

    def test_a_wrong_secret_is_invalid_client(self):
        for method in METHODS:
            with self.subTest(method), self.assertRaises(InvalidClientError):
                self.fetch({**self.lab, "client_secret": "wrong"}, method)

    def test_a_scope_that_the_client_does_not_have_is_invalid_scope(self):
        with self.assertRaises(InvalidScopeError):
            self.fetch(self.lab, scope="billing:read")

    def test_a_token_without_the_scope_is_403_at_the_api(self):
        self.assertEqual(self.results(self.fetch(self.lab, scope="lab:write")).status_code, 403)

    def test_a_token_of_each_dialect(self):
        for dialect, (path, method, token_type) in DIALECTS.items():
            with self.subTest(dialect):
                session = self.fetch(self.lab, method, path=path)
                self.assertEqual(session.token["token_type"], token_type)
                self.assertEqual(session.token["scope"], ["lab:read", "lab:write"])
                self.assertEqual(self.results(session).status_code, 200)
