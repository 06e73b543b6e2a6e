"""curl: each endpoint's bare answer, and the requests of the dialects' own pages, byte for byte."""

import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import tempfile
import urllib.parse

from clinic import AUDIENCE, BACK, InAClinic

GRANT = "grant_type=client_credentials"


class Answer:
    def __init__(self, text):
        head, _, self.text = text.partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        self.status = int(status.split()[1])
        pairs = (line.split(": ", 1) for line in lines)
        self.headers = {name.lower(): value for name, value in pairs}

    @property
    def json(self):
        return json.loads(self.text)


class Curl(InAClinic):
    def curl(self, path, *arguments):
        """Runs curl as a person would, who wants to see the headers too."""
        command = ["curl", "--silent", "--show-error", "--include", "--max-time", "30", *arguments]
        done = subprocess.run(
            [*command, self.clinic.url(path)], check=True, capture_output=True, timeout=60
        )
        return Answer(done.stdout.decode())

    def results(self, token):
        return self.curl("/api/results", "--oauth2-bearer", token)


def user(client):
    return "--user", f"{client['client_id']}:{client['client_secret']}"


def form(client):
    return fields(client_id=client["client_id"], client_secret=client["client_secret"])


def fields(**pairs):
    pairs = (f"{name}={value}" for name, value in pairs.items())
    return [argument for pair in pairs for argument in ("--data-urlencode", pair)]


class Endpoints(Curl):
    def token(self, *arguments):
        answer = self.curl("/oauth/token", *user(self.lab), "--data", GRANT, *arguments)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json["access_token"]

    def test_a_token_by_basic_and_by_form(self):
        for proof in (user(self.lab), form(self.lab)):
            answer = self.curl("/oauth/token", *proof, "--data", f"{GRANT}&scope=lab:read")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["content-type"], "application/json")
            self.assertEqual(answer.headers["cache-control"], "no-store")
            self.assertRegex(answer.headers["wardkey-request-id"], "^[0-9a-f]{32}$")
            body = answer.json
            self.assertEqual(set(body), {"access_token", "token_type", "expires_in", "scope"})
            self.assertEqual((body["token_type"], body["scope"]), ("Bearer", "lab:read"))
            self.assertIn(body["expires_in"], (3599, 3600))
            self.assertEqual(self.results(body["access_token"]).json["for"], self.lab["client_id"])

    def test_an_id_and_a_secret_that_need_escapes(self):
        bridge = self.clinic.adopt()
        for proof in (user(bridge), form(bridge)):
            answer = self.curl("/oauth/token", *proof, "--data", GRANT)
            self.assertEqual(answer.status, 200, answer.text)
            token = answer.json["access_token"]
            self.assertEqual(self.results(token).json["for"], bridge["client_id"])

    def test_a_refusal_says_what_is_wrong_and_no_more(self):
        wrong = {**self.lab, "client_secret": "wrong"}
        stranger = {**self.lab, "client_id": "nobody"}
        refused = [
            self.curl("/oauth/token", *proof(client), "--data", GRANT)
            for client in (wrong, stranger)
            for proof in (user, form)
        ]
        for answer in refused:
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.json["error"], "invalid_client")
            self.assertEqual(answer.headers["www-authenticate"], 'Basic realm="wardkey"')
            self.assertEqual(answer.text, refused[0].text)
        answer = self.curl("/oauth/token", *user(self.lab), "--data", f"{GRANT}&scope=billing:read")
        self.assertEqual((answer.status, answer.json["error"]), (400, "invalid_scope"))
        answer = self.curl("/oauth/token", *user(self.lab), "--data", "grant_type=password")
        self.assertEqual((answer.status, answer.json["error"]), (400, "unsupported_grant_type"))
        answer = self.curl("/oauth/token", *user(self.lab), "--json", '{"grant_type":"x"}')
        self.assertEqual((answer.status, answer.json["error"]), (400, "invalid_request"))

    def test_the_api_answers_by_the_token(self):
        self.assertEqual(self.results(self.token()).status, 200)
        answer = self.curl("/api/results")
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="wardkey"')
        answer = self.results(self.token("--data", "scope=lab:write"))
        self.assertEqual(answer.status, 403)
        self.assertIn('error="insufficient_scope"', answer.headers["www-authenticate"])
        self.assertIn('scope="lab:read"', answer.headers["www-authenticate"])
        answer = self.results("nonsense")
        self.assertEqual(answer.status, 401)
        self.assertIn('error="invalid_token"', answer.headers["www-authenticate"])

    def test_a_token_is_introspected_and_revoked(self):
        token = self.token()
        introspect = ("/oauth/introspect", *user(self.lab), "--data-urlencode", f"token={token}")
        found = self.curl(*introspect).json
        self.assertEqual((found["active"], found["sub"]), (True, self.lab["client_id"]))
        self.assertEqual(found["aud"], AUDIENCE)
        for _ in range(2):
            answer = self.curl("/oauth/revoke", *form(self.lab), "--data-urlencode", f"token={token}")
            self.assertEqual((answer.status, answer.text), (200, "{}"))
        self.assertEqual(self.curl(*introspect).text, '{"active":false}')
        self.assertEqual(self.results(token).status, 401)
        answer = self.curl("/oauth/introspect", "--data", f"token={token}")
        self.assertEqual((answer.status, answer.json["error"]), (401, "invalid_client"))

    def test_a_code_with_a_challenge_from_the_login_page_to_the_tokens(self):
        portal = self.clinic.register_portal("client_secret_basic")
        with tempfile.NamedTemporaryFile() as jar:
            cookies = ("--cookie", jar.name, "--cookie-jar", jar.name)
            verifier = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
            digest = hashlib.sha256(verifier.encode()).digest()
            query = {
                "response_type": "code", "client_id": portal["client_id"], "redirect_uri": BACK,
                "state": "a b&c", "code_challenge_method": "S256",
                "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            }
            page = f"/oauth/authorize?{urllib.parse.urlencode(query)}"
            login = self.curl(page, *cookies)
            self.assertEqual((login.status, login.headers["cache-control"]), (200, "no-store"))
            answer = self.press(login, cookies, action="login", **self.anna.credentials)
            self.assertEqual(answer.status, 303)
            consent = self.curl(f"/oauth/authorize{answer.headers['location']}", *cookies)
            answer = self.press(consent, cookies, action="approve")
            self.assertEqual(answer.status, 303)
        place, _, answer = answer.headers["location"].partition("?")
        self.assertEqual(place, BACK)
        answer = dict(urllib.parse.parse_qsl(answer, strict_parsing=True))
        self.assertEqual((answer["state"], answer["iss"]), ("a b&c", self.clinic.issuer))
        redeem = dict(grant_type="authorization_code", code=answer["code"], redirect_uri=BACK)
        wrong = self.curl("/oauth/token", *user(portal), *fields(**redeem, code_verifier="x" * 43))
        self.assertEqual((wrong.status, wrong.json["error"]), (400, "invalid_grant"))
        tokens = self.curl("/oauth/token", *user(portal), *fields(**redeem, code_verifier=verifier))
        self.assertEqual(tokens.status, 200, tokens.text)
        self.assertEqual(self.results(tokens.json["access_token"]).status, 200)
        again = fields(grant_type="refresh_token", refresh_token=tokens.json["refresh_token"])
        self.assertEqual(self.curl("/oauth/token", *user(portal), *again).status, 200)

    def press(self, page, cookies, **pairs):
        """Sends a page's form back as its button does."""
        sealed = re.search('name="pending" value="([^"]*)"', page.text)[1]
        return self.curl("/oauth/authorize", *cookies, *fields(pending=sealed, **pairs))

    def test_metadata_and_keys_are_public(self):
        for name in ("oauth-authorization-server", "openid-configuration"):
            answer = self.curl(f"/.well-known/{name}")
            self.assertEqual(answer.json["issuer"], self.clinic.issuer)
        token = self.token()
        header, _, _ = token.partition(".")
        kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
        keys = self.curl("/oauth/jwks").json["keys"]
        self.assertIn((kid, "ES256"), [(key["kid"], key["alg"]) for key in keys])

    def test_head_tells_the_length_that_get_has(self):
        # A server that counts the body's bytes said 0 of a body that HEAD must not have (RFC 9110 8.6).
        for path in ("/oauth/jwks", "/.well-known/oauth-authorization-server"):
            got, head = self.curl(path), self.curl(path, "--head")
            self.assertEqual((head.status, head.text), (200, ""))
            self.assertEqual(head.headers["content-length"], str(len(got.text)))

    def test_what_is_not_there_is_said_so(self):
        self.assertEqual(self.curl("/oauth/nothing").status, 404)
        answer = self.curl("/oauth/token")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"))
        answer = self.curl("/oauth/token", *user(self.lab), "--data", GRANT + "&x=" + "x" * 70_000)
        self.assertEqual(answer.status, 413)


class Dialects(Curl):
    """What each system's page shows, with its host, id and secret replaced."""

    settings = {"dialects": ["bio-ecko", "nikohealth", "medblocks", "drchrono", "biot"]}

    def test_bio_ecko(self):
        client = self.clinic.register(scope="patients:read appointments:write")
        # The page shows the body on three lines, or on one with spaces.
        for gap in (" ", "\n", ""):
            body = (
                f"grant_type=client_credentials{gap}&client_id={client['client_id']}{gap}"
                f"&client_secret={client['client_secret']}"
            )
            answer = self.curl(
                "/api/v1/auth/token", "--request", "POST",
                "--header", "Content-Type: application/x-www-form-urlencoded",
                "--data-binary", body,
            )
            self.assertEqual(answer.status, 200, answer.text)
            shown = answer.json
            self.assertTrue(shown.pop("access_token").startswith("eyJhbGciOiJSUz"))
            self.assertIn(shown.pop("expires_in"), (3599, 3600))
            self.assertEqual(
                shown, {"token_type": "Bearer", "scope": "patients:read appointments:write"}
            )

    def test_bio_eckos_token_in_use(self):
        body = f"{GRANT} &client_id={self.lab['client_id']} &client_secret={self.lab['client_secret']}"
        token = self.curl("/api/v1/auth/token", "--data", body).json["access_token"]
        for authorization, status in ((f"Bearer {token}", 200), (f"Bearer {token}x", 401)):
            answer = self.curl(
                "/api/results", "--header", f"Authorization: {authorization}",
                "--header", "Content-Type: application/json",
            )
            self.assertEqual(answer.status, status)

    def test_nikohealth(self):
        client = self.clinic.register(scope="external lab:read", default_scope="external")
        pair = f"{client['client_id']}:{client['client_secret']}".encode()
        encoded = base64.b64encode(pair).decode()
        answer = self.curl(
            "/api/identity/connect/token", "--location",
            "--header", "Content-Type: application/x-www-form-urlencoded",
            "--header", f"Authorization: Basic {encoded}",
            "--data-urlencode", "grant_type=client_credentials",
        )
        self.assertEqual(answer.status, 200, answer.text)
        shown = answer.json
        token = shown.pop("access_token")
        self.assertRegex(token, "^[0-9A-F]{64}$")
        self.assertIn(shown.pop("expires_in"), (1199, 1200))
        self.assertEqual(shown, {"token_type": "Bearer", "scope": "external"})
        # Its API asks for `external`; this one for another word, and so knows the token and refuses it.
        answer = self.curl(
            "/api/results", "--request", "GET", "--header", f"authorization: Bearer {token}",
            "--header", "content-type: application/json",
        )
        self.assertEqual(answer.status, 403)
        self.assertIn('error="insufficient_scope"', answer.headers["www-authenticate"])

    def test_nikohealth_by_form(self):
        answer = self.curl("/api/identity/connect/token", *form(self.lab), "--data", GRANT)
        self.assertEqual(self.results(answer.json["access_token"]).status, 200)

    def test_medblocks(self):
        for scope, default, status in (("", "", 403), ("lab:read", "lab:read", 200)):
            client = self.clinic.register(scope=scope)
            answer = self.curl(
                "/oauth2/token", *user(client), "--request", "POST",
                "--header", "Content-Type: application/x-www-form-urlencoded",
                "--data", "grant_type=client_credentials",
            )
            self.assertEqual(answer.status, 200, answer.text)
            shown = answer.json
            token = shown.pop("access_token")
            self.assertIn(shown.pop("expires_in"), (3599, 3600))
            self.assertEqual(shown, {"scope": default, "token_type": "bearer"})
            answer = self.curl(
                "/api/results", "--header", f"Authorization: Bearer {token}",
                "--header", "Content-Type: application/fhir+json",
            )
            self.assertEqual(answer.status, status)

    def test_medblocks_page_without_a_secret(self):
        members = {"scope": "", "danger_allow_no_pkce": True, "grant_types": ["authorization_code"]}
        client = self.clinic.register_portal("none", **members)
        for path in ("/oauth2/auth", "/oauth2/authorize"):
            code = self.code(path, client, BACK)
            answer = self.curl(
                "/oauth2/token", "--request", "POST",
                "--header", "Content-Type: application/x-www-form-urlencoded",
                *fields(grant_type="authorization_code", code=code,
                        client_id=client["client_id"], redirect_uri=BACK),
            )
            self.assertEqual(answer.status, 200, answer.text)
            shown = answer.json
            token = shown.pop("access_token")
            self.assertIn(shown.pop("expires_in"), (3598, 3599))
            self.assertEqual(shown, {"scope": "", "token_type": "bearer"})
            self.assertEqual(self.results(token).status, 403)

    def test_drchrono(self):
        back, words = "https://www.bookadoc.com", "lab:read patients:summary:read"
        client = self.clinic.register_portal(
            "client_secret_basic", redirect_uris=[back], scope=words, danger_allow_no_pkce=True
        )
        self.clinic.call("user.update", user_id=self.anna.user_id, scope=words)
        for slash in ("/", ""):
            # `Leave as is`: Postman sends an empty state.
            code = self.code(f"/o/authorize{slash}", client, back, scope=words, state="")
            answer = self.curl(
                f"/o/token{slash}", *user(client),
                *fields(grant_type="authorization_code", code=code, redirect_uri=back),
            )
            self.assertEqual(answer.status, 200, answer.text)
            names = {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
            self.assertEqual(set(answer.json), names)
            self.assertEqual((answer.json["token_type"], answer.json["scope"]), ("Bearer", words))
            self.assertEqual(self.results(answer.json["access_token"]).status, 200)
            refresh = fields(grant_type="refresh_token", refresh_token=answer.json["refresh_token"])
            answer = self.curl(f"/o/token{slash}", *user(client), *refresh)
            self.assertEqual(self.results(answer.json["access_token"]).status, 200)
            answer = self.curl(f"/o/token{slash}", *user({**client, "client_secret": "x"}), *refresh)
            self.assertEqual((answer.status, answer.json["error"]), (401, "invalid_client"))

    def code(self, path, client, back, **more):
        """A code for what a page shows, which sends no code challenge."""
        query = {"response_type": "code", "client_id": client["client_id"], "redirect_uri": back}
        link = f"{self.clinic.url(path)}?{urllib.parse.urlencode({**query, **more})}"
        place, _, answer = self.anna.answer(link).partition("?")
        self.assertEqual(place, back)
        parameters = dict(urllib.parse.parse_qsl(answer, strict_parsing=True))
        self.assertEqual(set(parameters), {"code", "iss"})
        self.assertEqual(parameters["iss"], self.clinic.issuer)
        return parameters["code"]


class BioT(Curl):
    """A login of a user, and its refreshes."""

    settings = {"dialects": ["biot"]}

    def login(self, **changes):
        return self.json("/ums/v2/users/login", {**self.anna.credentials, **changes})

    def refresh(self, token, *arguments):
        return self.json("/ums/v2/users/token/refresh", {"refreshToken": token}, *arguments)

    def json(self, path, document, *arguments):
        return self.curl(path, "--json", json.dumps(document), *arguments)

    def tokens(self, answer):
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(set(answer.json), {"accessJwt", "refreshJwt"})
        ends = [self.seconds_until(answer.json[name]) for name in ("accessJwt", "refreshJwt")]
        self.assertAlmostEqual(ends[0], 15 * 60, delta=10)
        self.assertAlmostEqual(ends[1], 14 * 86_400, delta=10)
        return answer.json["accessJwt"]["token"], answer.json["refreshJwt"]["token"]

    def seconds_until(self, jwt):
        self.assertEqual(set(jwt), {"token", "expiration"})
        end = datetime.datetime.strptime(jwt["expiration"], "%Y-%m-%dT%H:%M:%S.%fZ")
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        return (end - now).total_seconds()

    def test_a_login_gives_tokens_and_each_refresh_replaces_both(self):
        access, refresh = self.tokens(self.login())
        self.assertEqual(access.count("."), 2)
        seen = set()
        for _ in range(3):
            self.assertEqual(self.results(access).json["for"], "biot")
            seen |= {access, refresh}
            access, refresh = self.tokens(self.refresh(refresh))
        self.assertEqual(len(seen), 6)
        self.assertEqual(self.results(access).status, 200)

    def test_the_refresh_token_may_come_in_the_header(self):
        _, refresh = self.tokens(self.login())
        path = "/ums/v2/users/token/refresh"
        _, refresh = self.tokens(self.json(path, {}, "--oauth2-bearer", refresh))
        access, refresh = self.tokens(self.refresh(refresh, "--oauth2-bearer", refresh))
        self.assertEqual(self.refresh(refresh, "--oauth2-bearer", access).status, 400)
        self.assertEqual(self.results(access).status, 200)

    def test_refused_logins_read_the_same(self):
        answers = [self.login(password="wrong"), self.login(username="nobody")]
        for answer in answers:
            self.assertEqual((answer.status, answer.json["error"]), (401, "unauthorized"))
            self.assertEqual(answer.text, answers[0].text)
        for text in ("{", "{}", '{"username":"anna"}', '{"username":1,"password":2}'):
            answer = self.curl("/ums/v2/users/login", "--json", text)
            self.assertEqual(answer.status, 400, answer.text)
        self.assertEqual(self.refresh("nonsense").status, 401)

    def test_a_refresh_token_that_comes_twice_ends_the_login(self):
        access, first = self.tokens(self.login())
        _, second = self.tokens(self.refresh(first))
        self.tokens(self.refresh(second))
        self.assertEqual(self.refresh(first).status, 401)
        self.assertEqual(self.results(access).status, 401)

    def test_a_new_password_ends_every_login(self):
        bert = self.clinic.employ("bert")
        self.addCleanup(bert.browser.close)
        access, refresh = self.tokens(self.login(**bert.credentials))
        self.clinic.call("user.set_password", user_id=bert.user_id, password="some other words")
        self.assertEqual(self.results(access).status, 401)
        self.assertEqual(self.refresh(refresh).status, 401)
        self.assertEqual(self.login(**bert.credentials).status, 401)
        bert.credentials["password"] = "some other words"
        access, _ = self.tokens(self.login(**bert.credentials))
        self.assertEqual(self.results(access).status, 200)

    def test_it_is_no_grant_of_the_token_endpoint(self):
        body = "grant_type=password&client_id=biot&username=anna&password=x"
        answer = self.curl("/oauth/token", "--data", body)
        self.assertEqual((answer.status, answer.json["error"]), (400, "unsupported_grant_type"))
