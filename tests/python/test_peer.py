"""Tokens, keys and the audit, checked by code that shares nothing with the library: PyJWT and
verify_audit.py."""

import copy
import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

import jwt
import verify_audit
import wk
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

ISSUER = "https://emr.clinic.example"
AUDIENCE = "https://api.clinic.example"
ALGORITHMS = ("ES256", "EdDSA", "RS256")
HOUR_MS = 3_600_000


class Clinic:
    """A database with a client per algorithm. It signs ES256 with a key that the test knows too."""

    def __init__(self, folder, name="clinic", issuer=ISSUER, clock=None):
        settings = {"issuer": issuer, "audience": AUDIENCE, "access_token_lifetime": 3600}
        self.engine = wk.Engine(pathlib.Path(folder) / f"{name}.db", settings, clock)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.engine.call("key.import", algorithm="ES256", key=pem_of(self.key))
        self.clients = {
            algorithm: self.engine.call(
                "client.create", client_name=f"Lab {algorithm}", scope="lab:read lab:write",
                algorithm=algorithm,
            )
            for algorithm in ALGORITHMS
        }

    def token(self, algorithm="ES256", scope=None):
        return self.engine.issue(self.clients[algorithm], scope)["access_token"]

    def peer(self, token, issuer=ISSUER, audience=AUDIENCE):
        """What a careful resource server does with PyJWT and the published keys (RFC 9068 4)."""
        status, keys = self.engine.get("/oauth/jwks")
        assert status == 200, status
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        try:
            key = jwt.PyJWKSet.from_dict(keys)[header.get("kid")]
        except KeyError as error:
            raise jwt.InvalidTokenError("no such key") from error
        return jwt.decode(
            token, key, algorithms=[key.algorithm_name], issuer=issuer, audience=audience,
            options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]},
        )

    def sign(self, header, claims):
        """A token with a good signature of the database's own ES256 key, whatever it says."""
        message = f"{wk.encode(header)}.{wk.encode(claims)}"
        return f"{message}.{wk.encode(raw_signature(self.key, message.encode()))}"


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def raw_signature(key, message):
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def parts_of(token):
    header, claims, signature = token.split(".")
    return json.loads(wk.decode(header)), json.loads(wk.decode(claims)), wk.decode(signature)


class InAClinic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.clinic = Clinic(cls.folder.name)
        cls.addClassCleanup(cls.clinic.engine.close)

    def assert_both_refuse(self, token, name, clinic=None, **expected):
        """`name` is why Wardkey refuses it, without WARDKEY_DENIED_."""
        clinic = clinic or self.clinic
        with self.assertRaises(jwt.InvalidTokenError):
            clinic.peer(token, **expected)
        with self.assertRaises(wk.Refused) as refused:
            clinic.engine.verify(token, "lab:read")
        self.assertEqual(refused.exception.name, f"WARDKEY_DENIED_{name}")


class Tokens(InAClinic):
    def test_a_token_of_each_algorithm_is_accepted_by_both(self):
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                client_id = self.clinic.clients[algorithm]["client_id"]
                token = self.clinic.token(algorithm, "lab:read")
                who = self.clinic.engine.verify(token, "lab:read")
                claims = self.clinic.peer(token)
                self.assertEqual(jwt.get_unverified_header(token)["alg"], algorithm)
                self.assertEqual(claims["client_id"], client_id)
                self.assertEqual(claims["sub"], client_id)
                self.assertEqual(claims["scope"], "lab:read")
                self.assertEqual(claims["exp"] - claims["iat"], 3600)
                self.assertEqual(who.client_id.decode(), client_id)
                self.assertEqual(who.token_id.decode(), claims["jti"])
                self.assertEqual((who.issued_at, who.expires_at), (claims["iat"], claims["exp"]))

    def test_the_header_begins_with_alg_and_names_a_published_key(self):
        _, keys = self.clinic.engine.get("/oauth/jwks")
        published = {key["kid"]: key["alg"] for key in keys["keys"]}
        for algorithm in ALGORITHMS:
            header, _, _ = parts_of(self.clinic.token(algorithm))
            self.assertEqual(list(header), ["alg", "typ", "kid"])
            self.assertEqual(published[header["kid"]], algorithm)

    def test_no_published_key_holds_a_private_part(self):
        _, keys = self.clinic.engine.get("/oauth/jwks")
        for key in keys["keys"]:
            self.assertFalse({"d", "p", "q", "dp", "dq", "qi", "k"} & set(key))

    def test_each_key_id_ends_with_the_thumbprint_of_rfc_7638(self):
        required = {"EC": "crv kty x y", "OKP": "crv kty x", "RSA": "e kty n"}
        _, keys = self.clinic.engine.get("/oauth/jwks")
        for key in keys["keys"]:
            members = {name: key[name] for name in required[key["kty"]].split()}
            text = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
            thumbprint = wk.encode(hashlib.sha256(text).digest())
            self.assertEqual(key["kid"].split(".")[1], thumbprint)

    def test_what_the_test_signs_with_the_imported_key_is_accepted_by_both(self):
        # Otherwise the forgeries below could be refused for their form alone.
        header, claims, _ = parts_of(self.clinic.token())
        token = self.clinic.sign(header, claims)
        self.assertEqual(self.clinic.peer(token), claims)
        self.clinic.engine.verify(token, "lab:read")


class Forgeries(InAClinic):
    def setUp(self):
        self.token = self.clinic.token()
        self.header, self.claims, self.signature = parts_of(self.token)
        self.text = self.token.split(".")

    def with_header(self, **members):
        """The token under another header, with its old signature."""
        header = {**self.header, **members}
        return ".".join([wk.encode(header), *self.text[1:]])

    def test_a_token_without_a_signature(self):
        for name in ("none", "None", "NONE"):
            header = wk.encode({**self.header, "alg": name})
            self.assert_both_refuse(f"{header}.{self.text[1]}.", "ALGORITHM_MISMATCH")
            self.assert_both_refuse(f"{header}.{self.text[1]}.{self.text[2]}", "ALGORITHM_MISMATCH")

    def test_the_public_key_as_a_shared_secret(self):
        public = self.clinic.key.public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
            message = f"{wk.encode({**self.header, 'alg': 'HS256'})}.{self.text[1]}"
            secret = public.public_bytes(encoding, form)
            mac = hmac.new(secret, message.encode(), hashlib.sha256).digest()
            self.assert_both_refuse(f"{message}.{wk.encode(mac)}", "ALGORITHM_MISMATCH")

    def test_a_bit_of_the_signature_flipped(self):
        for algorithm in ALGORITHMS:
            header, claims, signature = self.clinic.token(algorithm).split(".")
            for place in (0, 31, 32, len(wk.decode(signature)) - 1):
                flipped = bytearray(wk.decode(signature))
                flipped[place] ^= 1
                token = f"{header}.{claims}.{wk.encode(bytes(flipped))}"
                self.assert_both_refuse(token, "BAD_SIGNATURE")

    def test_the_claims_of_another_token(self):
        other = self.clinic.token("ES256", "lab:write").split(".")
        self.assert_both_refuse(f"{other[0]}.{self.text[1]}.{other[2]}", "BAD_SIGNATURE")

    def test_a_wider_scope_written_into_the_claims(self):
        claims = wk.encode({**self.claims, "scope": "lab:read billing:write"})
        self.assert_both_refuse(f"{self.text[0]}.{claims}.{self.text[2]}", "BAD_SIGNATURE")

    def test_the_key_id_of_another_algorithm(self):
        for other in ("EdDSA", "RS256"):
            kid = parts_of(self.clinic.token(other))[0]["kid"]
            self.assert_both_refuse(self.with_header(kid=kid), "ALGORITHM_MISMATCH")
            self.assert_both_refuse(self.with_header(kid=kid, alg=other), "BAD_SIGNATURE")

    def test_a_key_id_that_nobody_has(self):
        site = self.header["kid"].split(".")[0]
        self.assert_both_refuse(self.with_header(kid=f"{site}.{'A' * 43}"), "KEY_UNKNOWN")
        self.assert_both_refuse(self.with_header(kid="../../etc/passwd"), "KEY_UNKNOWN")

    def test_a_signature_cut_or_written_in_another_way(self):
        halves = (self.signature[:32], self.signature[32:])
        r, s = (int.from_bytes(half, "big") for half in halves)
        for signature in (
            self.signature[:-1], self.signature[:32], b"", self.signature + b"\0", bytes(64),
            utils.encode_dss_signature(r, s),
        ):
            token = f"{self.text[0]}.{self.text[1]}.{wk.encode(signature)}"
            self.assert_both_refuse(token, "BAD_SIGNATURE")

    def test_a_key_that_the_token_brings_along(self):
        foreign = ec.generate_private_key(ec.SECP256R1())
        point = foreign.public_key().public_numbers()
        jwk = {
            "kty": "EC", "crv": "P-256",
            "x": wk.encode(point.x.to_bytes(32, "big")), "y": wk.encode(point.y.to_bytes(32, "big")),
        }
        for member in ({"jwk": jwk}, {"jku": "https://evil.example/jwks"}, {"x5c": ["MII="]}):
            message = f"{wk.encode({**self.header, **member})}.{self.text[1]}"
            token = f"{message}.{wk.encode(raw_signature(foreign, message.encode()))}"
            self.assert_both_refuse(token, "TOKEN_HEADER_FORBIDDEN")
        message = ".".join(self.text[:2])
        token = f"{message}.{wk.encode(raw_signature(foreign, message.encode()))}"
        self.assert_both_refuse(token, "BAD_SIGNATURE")

    def test_another_type_in_the_header(self):
        self.assert_both_refuse(self.with_header(typ="JWT"), "BAD_SIGNATURE")
        # With a good signature it is still no access token (RFC 9068 4).
        for typ in ("JWT", "id_token+jwt", ""):
            header = {**self.header, "typ": typ}
            self.assert_both_refuse(self.clinic.sign(header, self.claims), "WRONG_TYPE")

    def test_claims_that_this_issuer_never_makes_under_a_good_signature(self):
        now = int(time.time())
        for change, name in [
            ({"iss": "https://evil.example"}, "WRONG_ISSUER"),
            ({"iss": ISSUER + "/"}, "WRONG_ISSUER"),
            ({"aud": "https://other.example"}, "WRONG_AUDIENCE"),
            ({"exp": now - 1}, "BAD_CLAIM"),
            ({"iat": now - 7200, "exp": now - 3600}, "TOKEN_EXPIRED"),
            ({"iat": now + 3600, "exp": now + 7200}, "TOKEN_FROM_FUTURE"),
            ({"exp": "never"}, "TOKEN_MALFORMED"),
            ({"exp": None}, "TOKEN_MALFORMED"),
            ({"nbf": now + 3600}, "TOKEN_MALFORMED"),
            ({"sub": 7}, "TOKEN_MALFORMED"),
        ]:
            with self.subTest(change):
                token = self.clinic.sign(self.header, {**self.claims, **change})
                self.assert_both_refuse(token, name)

    def test_a_claim_that_is_missing_under_a_good_signature(self):
        for claim in ("iss", "exp", "aud", "sub", "client_id", "iat", "jti"):
            claims = {name: value for name, value in self.claims.items() if name != claim}
            self.assert_both_refuse(self.clinic.sign(self.header, claims), "TOKEN_MALFORMED")

    def test_a_token_of_another_database(self):
        other = Clinic(self.folder.name, "other")
        token = other.token()
        self.assertEqual(other.peer(token)["iss"], ISSUER)
        self.assert_both_refuse(token, "KEY_UNKNOWN")
        other.engine.close()

    def test_a_token_made_under_another_issuer_or_audience(self):
        moved = Clinic(self.folder.name, "moved", issuer="https://old.clinic.example")
        old = moved.token()
        moved.engine.call("settings.set", issuer=ISSUER)
        self.assert_both_refuse(old, "WRONG_ISSUER", moved)
        moved.engine.call("settings.set", audience="https://new.clinic.example")
        token = moved.token()
        moved.engine.call("settings.set", audience=AUDIENCE)
        self.assert_both_refuse(token, "WRONG_AUDIENCE", moved)
        moved.engine.close()

    def test_an_expired_token(self):
        # The engine's clock is two hours behind PyJWT's, until it is put right.
        clock = wk.Clock(int(time.time() * 1000) - 2 * HOUR_MS)
        late = Clinic(self.folder.name, "late", clock=clock)
        token = late.token()
        late.engine.verify(token, "lab:read")
        clock.advance(HOUR_MS - 1000)
        late.engine.verify(token, "lab:read")
        clock.advance(HOUR_MS + 1000)
        self.assert_both_refuse(token, "TOKEN_EXPIRED", late)
        late.engine.close()


class Audit(InAClinic):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for algorithm in ALGORITHMS:
            cls.clinic.engine.verify(cls.clinic.token(algorithm), "lab:read")
        cls.exported = cls.export()
        cls.keys = cls.exported[0]["keys"]

    @classmethod
    def export(cls, **conditions):
        """The whole audit, in pages that are small enough for there to be several."""
        page = cls.clinic.engine.call("audit.export", limit=3, **conditions)
        text = page["text"]
        while "next" in page:
            page = cls.clinic.engine.call("audit.export", limit=3, after=page["next"], **conditions)
            text += page["text"]
        return [json.loads(line) for line in text.splitlines()]

    def setUp(self):
        # One that a test may spoil.
        self.lines = copy.deepcopy(self.exported)
        self.rows = self.lines[1:]

    def assert_bad(self, rows, why):
        """The first bad row is one of these: a change shows at the next signature."""
        with self.assertRaises(ValueError) as error:
            verify_audit.verify([self.lines[0], *self.rows], self.keys)
        said = re.match(r"row (\d+): (.*)", str(error.exception))
        self.assertIn(int(said[1]), rows)
        self.assertRegex(said[2], why)

    def next_signed(self, sequence):
        return next(r["sequence"] for r in self.exported[1:] if r["sequence"] >= sequence and "signature" in r)

    def run_script(self, lines):
        keys = pathlib.Path(self.folder.name) / "keys.json"
        keys.write_text(json.dumps(self.keys), encoding="utf-8")
        return subprocess.run(
            [sys.executable, verify_audit.__file__, keys],
            input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, text=True, check=False,
        )

    def test_an_export_verifies_with_the_public_key_alone(self):
        rows, _ = verify_audit.verify(self.exported, self.keys)
        self.assertEqual(rows, len(self.rows))
        self.assertGreater(rows, 9)
        done = self.run_script(self.exported)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{rows} rows", done.stdout)

    def test_the_library_says_the_same(self):
        verdict = self.clinic.engine.call("audit.verify")
        self.assertTrue(verdict["valid"])
        rows, head = verify_audit.verify(self.export(), self.keys)
        self.assertEqual((verdict["rows"], verdict["head"]), (rows, head.hex()))

    def test_an_export_of_a_few_rows_verifies_and_ends_in_the_same_head(self):
        lines = self.export(outcome="allowed")
        left_out = [line for line in lines[1:] if "digest" in line]
        self.assertGreater(len(left_out), 3)
        self.assertEqual(verify_audit.verify(lines, self.keys), verify_audit.verify(self.export(), self.keys))
        left_out[0]["digest"] = "00" * 32
        with self.assertRaisesRegex(ValueError, "signature"):
            verify_audit.verify(lines, self.keys)

    def test_the_public_key_is_an_ed25519_key_and_nothing_private(self):
        for key in self.keys:
            self.assertEqual((key["jwk"]["kty"], key["jwk"]["crv"]), ("OKP", "Ed25519"))
            self.assertNotIn("d", key["jwk"])

    def test_an_edited_row_is_named(self):
        self.rows[4]["row"] = self.rows[4]["row"].replace("anna", "bert")
        self.assert_bad([self.next_signed(5)], "signature")
        done = self.run_script([self.lines[0], *self.rows])
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"row {self.next_signed(5)}", done.stderr)

    def test_a_removed_row_is_named_renumbered_or_not(self):
        del self.rows[4]
        self.assert_bad([5], "missing")
        for sequence, row in enumerate(self.rows, 1):
            row["sequence"] = sequence
        self.assert_bad([5], "another")

    def test_rows_in_another_order_are_named(self):
        self.rows[4], self.rows[5] = self.rows[5], self.rows[4]
        self.assert_bad([5], "missing")
        self.rows[4]["sequence"], self.rows[5]["sequence"] = 5, 6
        self.assert_bad([5], "another")

    def test_a_chain_made_anew_with_a_foreign_key_is_named(self):
        foreign = Ed25519PrivateKey.generate()
        self.rows[4]["row"] = self.rows[4]["row"].replace("anna", "bert")
        head = bytes.fromhex(self.lines[0]["start"]["hash"])
        for row in self.rows:
            head = verify_audit.link(head, verify_audit.digest_of(row, row["sequence"]))
            if "signature" in row and row["sequence"] >= 5:
                row["signature"] = wk.encode(foreign.sign(b"wardkey audit head 1\0" + head))
        self.assert_bad([self.next_signed(5)], "signature")
        # An export that brings its own key along is not believed either.
        raw = foreign.public_key().public_bytes_raw()
        self.lines[0]["keys"][0]["jwk"]["x"] = wk.encode(raw)
        self.assert_bad([self.next_signed(5)], "signature")

    def test_a_key_that_the_auditor_does_not_have_or_that_may_not_sign_yet_is_named(self):
        first = self.next_signed(1)
        later = [{**self.keys[0], "first_sequence": first + 1}]
        with self.assertRaisesRegex(ValueError, f"^row {first}: its signature"):
            verify_audit.verify(self.lines, later)
        for row in self.rows:
            if "signed_by" in row:
                row["signed_by"] = 99
        self.assert_bad([first], "signature")

    def test_a_cut_tail_shows_against_a_head_that_was_kept(self):
        _, kept = verify_audit.verify(self.exported, self.keys)
        self.rows.pop()
        while "signature" not in self.rows[-1]:
            self.assert_bad([len(self.rows)], "not signed")
            self.rows.pop()
        _, head = verify_audit.verify([self.lines[0], *self.rows], self.keys)
        self.assertNotEqual(head, kept)


if __name__ == "__main__":
    unittest.main()
