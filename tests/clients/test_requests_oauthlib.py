"""requests-oauthlib: sends credentials raw in HTTP Basic, and raises when it gets another scope than it
asked for without being told."""

from clinic import BACK, InAClinic
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    MismatchingStateError,
)
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# How `fetch_token` is told where the credentials go.
METHODS = {
    "basic": lambda client: {
        "auth": HTTPBasicAuth(client["client_id"], client["client_secret"])
    },
    "form": lambda client: {"include_client_id": True, "client_secret": client["client_secret"]},
}

# The same for a portal's code; of a public client the id alone.
PORTALS = {
    "client_secret_basic": METHODS["basic"],
    "client_secret_post": METHODS["form"],
    "none": lambda client: {"include_client_id": True},
}

DIALECTS = {
    "bio-ecko": ("/api/v1/auth/token", "form", "Bearer"),
    "nikohealth": ("/api/identity/connect/token", "basic", "Bearer"),
    "medblocks": ("/oauth2/token", "basic", "bearer"),
}

# What DrChrono's page tells the client to ask for.
DRCHRONO = (
    "labs:read labs:write messages:read messages:write patients:read patients:write "
    "patients:summary:read patients:summary:write settings:read settings:write tasks:read tasks:write "
    "user:read user:write billing:patient-payment:read billing:patient-payment:write billing:read "
    "billing:write calendar:read calendar:write clinical:read clinical:write"
)


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


class Portal(InAClinic):
    """The authorization code flow, with PKCE unless told otherwise."""

    settings = {"dialects": ["drchrono"]}

    def portal(self, method, scope="lab:read", pkce="S256", members=None):
        """A session, and what it proves itself with."""
        portal = self.clinic.register_portal(method, **members or {})
        back = portal["redirect_uris"][0]
        session = OAuth2Session(portal["client_id"], redirect_uri=back, scope=scope, pkce=pkce)
        self.addCleanup(session.close)
        return session, PORTALS[method](portal)

    def fetch(self, session, proof):
        link, _ = session.authorization_url(self.clinic.url("/oauth/authorize"))
        back = self.anna.answer(link)
        url = self.clinic.url("/oauth/token")
        return session.fetch_token(url, authorization_response=back, **proof)

    def refresh(self, session, proof, path="/oauth/token"):
        return session.refresh_token(self.clinic.url(path), **self.spell_out(session, proof))

    def spell_out(self, session, proof):
        """What `fetch_token` adds by itself."""
        if "auth" in proof:
            return proof
        secret = {name: proof[name] for name in proof if name == "client_secret"}
        return {"client_id": session.client_id, **secret}

    def results(self, session):
        return session.get(self.clinic.url("/api/results"))

    def test_a_token_for_the_user_is_obtained_used_refreshed_and_revoked(self):
        for method in PORTALS:
            with self.subTest(method):
                session, proof = self.portal(method)
                first = self.fetch(session, proof)
                self.assertEqual((first["token_type"], first["scope"]), ("Bearer", ["lab:read"]))
                self.assertEqual(self.results(session).json()["for"], session.client_id)

                second = self.refresh(session, proof)
                self.assertNotEqual(second["access_token"], first["access_token"])
                rotated = second["refresh_token"] != first["refresh_token"]
                self.assertEqual(rotated, method == "none")
                self.assertEqual(self.results(session).status_code, 200)

                self.revoke(session, proof, second["refresh_token"])
                self.assertEqual(self.results(session).status_code, 401)
                with self.assertRaises(InvalidGrantError):
                    self.refresh(session, proof)

    def revoke(self, session, proof, token):
        data = {"token": token, "token_type_hint": "refresh_token"}
        data |= self.spell_out(session, proof)
        auth = data.pop("auth", None)
        url = self.clinic.url("/oauth/revoke")
        answer = session.post(url, data=data, auth=auth, withhold_token=True)
        self.assertEqual((answer.status_code, answer.json()), (200, {}))

    def test_an_expired_token_is_refreshed_without_being_asked(self):
        session, proof = self.portal("none")
        self.fetch(session, proof)
        first = session.token["access_token"]
        kept = {name: value for name, value in session.token.items() if name != "expires_in"}
        session.token = {**kept, "expires_at": 1}
        session.auto_refresh_url = self.clinic.url("/oauth/token")
        session.auto_refresh_kwargs = {"client_id": session.client_id}
        updates = []
        session.token_updater = updates.append
        self.assertEqual(self.results(session).status_code, 200)
        self.assertEqual([token["access_token"] for token in updates], [session.token["access_token"]])
        self.assertNotEqual(session.token["access_token"], first)

    def test_what_the_user_does_not_have_is_not_given_and_the_answer_says_so(self):
        words = "billing:read lab:read"
        session, proof = self.portal("none", words, members={"scope": words})
        # The library stops at a scope that is not the one it asked for, and has the token with it.
        with self.assertRaises(Warning) as raised:
            self.fetch(session, proof)
        self.assertEqual(raised.exception.new_scope, ["lab:read"])
        session.token = raised.exception.token
        self.assertEqual(self.results(session).status_code, 200)

    def test_another_state_is_refused_by_the_library(self):
        session, proof = self.portal("none")
        link, _ = session.authorization_url(self.clinic.url("/oauth/authorize"))
        back = self.anna.answer(link).replace("state=", "state=x")
        with self.assertRaises(MismatchingStateError):
            url = self.clinic.url("/oauth/token")
            session.fetch_token(url, authorization_response=back, **proof)

    def test_a_denial_is_access_denied(self):
        session, proof = self.portal("none")
        link, _ = session.authorization_url(self.clinic.url("/oauth/authorize"))
        back = self.anna.answer(link, "deny")
        with self.assertRaises(AccessDeniedError):
            url = self.clinic.url("/oauth/token")
            session.fetch_token(url, authorization_response=back, **proof)

    def test_drchrono(self):
        """The table of its page; without PKCE, which Postman leaves out."""
        doctor = self.clinic.employ("doctor", DRCHRONO)
        self.addCleanup(doctor.browser.close)
        members = {
            "scope": DRCHRONO, "redirect_uris": ["https://www.bookadoc.com"],
            "danger_allow_no_pkce": True,
        }
        for method in ("client_secret_basic", "client_secret_post"):
            with self.subTest(method):
                session, proof = self.portal(method, DRCHRONO, None, members)
                link, _ = session.authorization_url(self.clinic.url("/o/authorize/"))
                url = self.clinic.url("/o/token/")
                back = doctor.answer(link)
                self.assertTrue(back.startswith("https://www.bookadoc.com?code="), back)
                token = session.fetch_token(url, authorization_response=back, **proof)
                self.assertEqual(token["token_type"], "Bearer")
                self.assertEqual(token["scope"], DRCHRONO.split())
                # The token is known here; this API asks for a word that DrChrono's does not have.
                self.assertEqual(self.results(session).status_code, 403)
                next_token = self.refresh(session, proof, "/o/token/")
                self.assertEqual(next_token["scope"], DRCHRONO.split())
