"""Authlib: as a client, and as an API that checks tokens it gets."""

import warnings

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from clinic import AUDIENCE, BACK, InAClinic

METHODS = ("client_secret_basic", "client_secret_post")


class Client(InAClinic):
    def session(self, client, method, **more):
        return OAuth2Session(
            client["client_id"], client["client_secret"], token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method, **more,
        )

    def fetch(self, session, **parameters):
        url = self.clinic.url("/oauth/token")
        return session.fetch_token(url, grant_type="client_credentials", **parameters)

    def introspect(self, session, token):
        answer = session.introspect_token(self.clinic.url("/oauth/introspect"), token=token)
        self.assertEqual(answer.status_code, 200)
        return answer.json()

    def test_a_token_is_obtained_used_introspected_and_revoked(self):
        for method in METHODS:
            with self.subTest(method), self.session(self.lab, method) as session:
                token = self.fetch(session, scope="lab:read")
                self.assertEqual(token["token_type"], "Bearer")
                self.assertEqual(token["scope"], "lab:read")
                self.assertFalse(token.is_expired(leeway=3500))
                self.assertTrue(token.is_expired(leeway=3700))
                answer = session.get(self.clinic.url("/api/results"))
                self.assertEqual(answer.json()["for"], self.lab["client_id"])

                found = self.introspect(session, token["access_token"])
                self.assertTrue(found["active"])
                self.assertEqual(found["client_id"], self.lab["client_id"])
                self.assertEqual(found["scope"], "lab:read")
                self.assertEqual((found["iss"], found["aud"]), (self.clinic.issuer, AUDIENCE))

                revoke = self.clinic.url("/oauth/revoke")
                for _ in range(2):
                    revoked = session.revoke_token(revoke, token=token["access_token"])
                    self.assertEqual(revoked.status_code, 200)
                found = self.introspect(session, token["access_token"])
                self.assertEqual(found, {"active": False})
                answer = session.get(self.clinic.url("/api/results"))
                self.assertEqual(answer.status_code, 401)
                self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])

    def test_an_id_and_a_secret_that_need_escapes(self):
        # Authlib sends them raw in the header, and encoded in the form.
        for method in METHODS:
            with self.subTest(method):
                bridge = self.clinic.adopt(client_id=f"lab bridge/7%41+{method}")
                with self.session(bridge, method) as session:
                    self.fetch(session)
                    answer = session.get(self.clinic.url("/api/results"))
                    self.assertEqual(answer.json()["for"], bridge["client_id"])

    def test_a_wrong_secret_is_invalid_client(self):
        for method in METHODS:
            wrong = {**self.lab, "client_secret": "wrong"}
            with self.subTest(method), self.session(wrong, method) as session:
                with self.assertRaises(OAuthError) as raised:
                    self.fetch(session)
                self.assertEqual(raised.exception.error, "invalid_client")

    def test_a_scope_that_the_client_does_not_have_is_invalid_scope(self):
        with self.session(self.lab, METHODS[0]) as session:
            with self.assertRaises(OAuthError) as raised:
                self.fetch(session, scope="billing:read")
            self.assertEqual(raised.exception.error, "invalid_scope")

    def test_a_token_without_the_scope_is_403_at_the_api(self):
        with self.session(self.lab, METHODS[0]) as session:
            self.fetch(session, scope="lab:write")
            answer = session.get(self.clinic.url("/api/results"))
            self.assertEqual(answer.status_code, 403)
            self.assertIn('error="insufficient_scope"', answer.headers["WWW-Authenticate"])

    def test_the_metadata_is_valid_and_where_it_should_be(self):
        url = get_well_known_url(self.clinic.issuer, external=True)
        metadata = AuthorizationServerMetadata(requests.get(url, timeout=30).json())
        metadata.validate()
        self.assertEqual(metadata["issuer"], self.clinic.issuer)
        self.assertIn("client_credentials", metadata["grant_types_supported"])
        for method in METHODS:
            self.assertIn(method, metadata["token_endpoint_auth_methods_supported"])


class Portal(InAClinic):
    """The authorization code flow with PKCE."""

    def session(self, method, scope="lab:read", **members):
        portal = self.clinic.register_portal(method, **members)
        session = OAuth2Session(
            portal["client_id"], portal["client_secret"], token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method, scope=scope, redirect_uri=BACK,
            code_challenge_method="S256", token_endpoint=self.clinic.url("/oauth/token"),
        )
        self.addCleanup(session.close)
        return session

    def begin(self, session):
        """A link, and what its answer is checked against."""
        verifier = generate_token(48)
        url = self.clinic.url("/oauth/authorize")
        link, state = session.create_authorization_url(url, code_verifier=verifier)
        return link, {"code_verifier": verifier, "state": state}

    def fetch(self, session):
        link, checks = self.begin(session)
        back = self.anna.answer(link)
        return session.fetch_token(authorization_response=back, **checks)

    def results(self, session):
        return session.get(self.clinic.url("/api/results"))

    def test_a_token_for_the_user_is_obtained_used_refreshed_and_revoked(self):
        for method in (*METHODS, "none"):
            with self.subTest(method):
                session = self.session(method)
                first = self.fetch(session)
                self.assertEqual((first["token_type"], first["scope"]), ("Bearer", "lab:read"))
                self.assertEqual(first["expires_in"], 3600)
                self.assertEqual(self.results(session).json()["for"], session.client_id)

                # It sends the refresh token that it has, and keeps a new one if it gets one.
                second = session.refresh_token(session.metadata["token_endpoint"])
                self.assertNotEqual(second["access_token"], first["access_token"])
                rotated = second["refresh_token"] != first["refresh_token"]
                self.assertEqual(rotated, method == "none")
                self.assertEqual(self.results(session).status_code, 200)

                revoke = self.clinic.url("/oauth/revoke")
                token = second["refresh_token"]
                revoked = session.revoke_token(revoke, token=token, token_type_hint="refresh_token")
                self.assertEqual(revoked.status_code, 200)
                self.assertEqual(self.results(session).status_code, 401)
                with self.assertRaises(OAuthError) as raised:
                    session.refresh_token(session.metadata["token_endpoint"])
                self.assertEqual(raised.exception.error, "invalid_grant")

    def test_an_expired_token_is_refreshed_without_being_asked(self):
        for method in ("client_secret_basic", "none"):
            with self.subTest(method):
                # Authlib refreshes a minute before the end.
                session = self.session(method, access_token_lifetime=60)
                first = self.fetch(session)["access_token"]
                self.assertEqual(self.results(session).status_code, 200)
                self.assertNotEqual(session.token["access_token"], first)

    def test_the_tokens_subject_is_the_user(self):
        session = self.session("none")
        self.fetch(session)
        validator = Validator(self.clinic.issuer, AUDIENCE)
        claims = validator.authenticate_token(session.token["access_token"])
        self.assertEqual((claims["sub"], claims["client_id"]), (self.anna.user_id, session.client_id))

    def test_another_state_is_refused_by_the_library_and_another_verifier_by_us(self):
        session = self.session("none")
        link, checks = self.begin(session)
        back = self.anna.answer(link)
        for name, error in (("state", "mismatching_state"), ("code_verifier", "invalid_grant")):
            with self.subTest(name):
                with self.assertRaises(AuthlibBaseError) as raised:
                    changed = {**checks, name: generate_token(48)}
                    session.fetch_token(authorization_response=back, **changed)
                self.assertEqual(raised.exception.error, error)
        session.fetch_token(authorization_response=back, **checks)
        self.assertEqual(self.results(session).status_code, 200)

    def test_a_denial_gives_no_token(self):
        # Authlib does not read the error: without a code it asks for a token of the client's own.
        for method in (*METHODS, "none"):
            session = self.session(method)
            link, checks = self.begin(session)
            back = self.anna.answer(link, "deny")
            self.assertIn("error=access_denied", back)
            with self.subTest(method), self.assertRaises(OAuthError) as raised:
                session.fetch_token(authorization_response=back, **checks)
            self.assertEqual(raised.exception.error, "unauthorized_client")


class Validator(JWTBearerTokenValidator):
    """What Authlib's documentation tells an API to write."""

    def get_jwks(self):
        return requests.get(f"{self.issuer}/oauth/jwks", timeout=30).json()

    def authenticate_token(self, token_string):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Authlib calls what Authlib deprecates.
            return super().authenticate_token(token_string)


class Api(InAClinic):
    def token(self, client):
        with OAuth2Session(client["client_id"], client["client_secret"]) as session:
            url = self.clinic.url("/oauth/token")
            return session.fetch_token(url, grant_type="client_credentials")["access_token"]

    def test_an_access_token_is_a_jwt_of_rfc_9068(self):
        validator = Validator(self.clinic.issuer, AUDIENCE)
        for algorithm in ("ES256", "RS256"):
            with self.subTest(algorithm):
                client = self.clinic.register(algorithm=algorithm)
                claims = validator.authenticate_token(self.token(client))
                validator.validate_token(claims, ["lab:read"], None)
                self.assertEqual(claims["client_id"], client["client_id"])

    def test_a_token_for_another_api_is_refused(self):
        token = self.token(self.lab)
        for issuer, audience in ((self.clinic.issuer, "https://a.example"), ("https://a", AUDIENCE)):
            validator = Validator(issuer, audience)
            validator.get_jwks = Validator(self.clinic.issuer, audience).get_jwks
            with self.subTest(issuer=issuer), self.assertRaises(InvalidTokenError):
                validator.validate_token(validator.authenticate_token(token), ["lab:read"], None)
