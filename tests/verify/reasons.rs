//! Conformance 35 and 36: one reason for each check, and the checks in their order.

use crate::common::{admin, bench, events, issue, register, revoke, why};
use crate::forge::{Forge, sign};
use crate::http::Clinic;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wardkey::admin::AuditExplain;
use wardkey::{Context, Denied, Engine, Error, Required};

#[test]
#[expect(clippy::too_many_lines, reason = "one story: each step repairs what was found")]
fn wire_35_the_checks_come_in_their_order() {
    let forge = Forge::open();
    let (clinic, client) = (&forge.clinic, &forge.client);
    let (exp, iat) = (forge.claims["exp"].clone(), forge.claims["iat"].as_i64().unwrap());
    let client_wants = |change: Value| {
        let mut update = json!({"client_id": client.id});
        update.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        clinic.call("client.update", update);
    };
    // Everything is wrong with it, and each step repairs what was found first.
    let mut header = json!({"alg": "none", "typ": "JWT", "kid": "x", "crit": ["b64"]});
    let mut claims = json!({
        "iss": "https://evil", "aud": "evil", "exp": 5, "iat": 9, "sub": "a", "client_id": "b",
        "jti": "1", "scope": "lab:write", "wk": {"s": "x", "c": "y", "e": "z", "n": [0, 1]},
        "extra": 1,
    });
    client_wants(json!({"allowed_networks": ["10.0.0.1"], "grant_types": ["authorization_code"]}));
    clinic.call("client.disable", json!({"client_id": client.id}));

    assert_eq!(forge.code("a".repeat(8193)), "token_too_long");
    assert_eq!(forge.code("a.b.c.d"), "token_malformed");
    let unsigned = |header: &Value, claims: &Value| {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}.AAAA", encode(header), encode(claims))
    };
    let forbidden = Denied::TokenHeaderForbidden { member: "crit" };
    assert_eq!(forge.why(unsigned(&header, &claims)), forbidden);
    header.as_object_mut().unwrap().remove("crit");
    assert_eq!(forge.code(unsigned(&header, &claims)), "key_unknown");
    header["kid"] = json!(forge.kid("ES256"));
    assert_eq!(forge.code(unsigned(&header, &claims)), "algorithm_mismatch");
    header["alg"] = json!("ES256");
    assert_eq!(forge.code(unsigned(&header, &claims)), "bad_signature");
    let signed = |header: &Value, claims: &Value| {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        sign("ES256", &encode(header), &encode(claims))
    };
    assert_eq!(forge.code(signed(&header, &claims)), "wrong_type");
    header["typ"] = json!("at+jwt");
    assert_eq!(forge.code(signed(&header, &claims)), "token_malformed");
    claims.as_object_mut().unwrap().remove("extra");
    assert_eq!(forge.code(signed(&header, &claims)), "wrong_issuer");
    claims["iss"] = json!("https://localhost");
    assert_eq!(forge.code(signed(&header, &claims)), "wrong_audience");
    claims["aud"] = json!("https://localhost");
    for (member, value) in [
        ("iat", json!(1)),
        ("wk", json!({"s": forge.claims["wk"]["s"], "c": "y", "e": "z", "n": [0, 1]})),
        ("jti", forge.claims["jti"].clone()),
        ("sub", json!("b")),
    ] {
        let expected = Denied::BadClaim { claim: member };
        assert_eq!(forge.why(signed(&header, &claims)), expected);
        claims[member] = value;
    }
    assert_eq!(forge.why(signed(&header, &claims)), Denied::BadClaim { claim: "sub" });
    claims["wk"]["n"] = json!([0, 0]);
    assert_eq!(forge.why(signed(&header, &claims)), Denied::BadClaim { claim: "wk" });
    claims["wk"]["e"] = json!("AAAAAAAAAAA");
    assert_eq!(forge.code(signed(&header, &claims)), "token_expired");
    claims["exp"] = exp;
    claims["iat"] = json!(iat + 60);
    assert_eq!(forge.code(signed(&header, &claims)), "token_from_future");
    claims["iat"] = json!(iat);
    assert_eq!(forge.code(signed(&header, &claims)), "epoch_ended");
    claims["wk"]["e"] = forge.claims["wk"]["e"].clone();
    assert_eq!(forge.code(signed(&header, &claims)), "client_unknown");
    claims["client_id"] = json!(client.id);
    claims["sub"] = json!(client.id);
    assert_eq!(forge.code(signed(&header, &claims)), "client_tokens_revoked");
    claims["wk"]["n"] = forge.claims["wk"]["n"].clone();
    assert_eq!(forge.code(signed(&header, &claims)), "credential_revoked");
    claims["wk"]["c"] = forge.claims["wk"]["c"].clone();
    let mut jti = claims["jti"].as_str().unwrap().to_owned();
    clinic.call("token.revoke", json!({"jti": jti}));
    assert_eq!(forge.code(signed(&header, &claims)), "token_revoked");
    jti.replace_range(jti.len() - 2.., "AA");
    claims["jti"] = json!(jti);
    assert_eq!(forge.code(signed(&header, &claims)), "client_disabled");
    clinic.call("client.enable", json!({"client_id": client.id}));
    assert_eq!(forge.code(signed(&header, &claims)), "peer_not_allowed");
    client_wants(json!({"allowed_networks": ["192.0.2.0/24"]}));
    assert_eq!(forge.code(signed(&header, &claims)), "grant_not_allowed");
    client_wants(json!({"grant_types": ["client_credentials"]}));
    let missing = Denied::InsufficientScope { missing: "lab:read".into() };
    assert_eq!(forge.why(signed(&header, &claims)), missing);
    claims["scope"] = json!("lab:write lab:read");
    forge.verify(signed(&header, &claims)).unwrap();
}

#[test]
fn a_token_over_8_kib_is_too_long_and_one_of_8_kib_is_read() {
    let forge = Forge::open();
    let too_long = Denied::TokenTooLong { length: 8193, limit: 8192 };
    assert_eq!(forge.why("a".repeat(8193)), too_long);
    assert_eq!(forge.code("a".repeat(8192)), "token_malformed");
    assert_eq!(forge.code(vec![0xff; 1_000_000]), "token_too_long");
    let long = forge.with_claims(|claims| claims["scope"] = json!("lab:read ".repeat(700).trim()));
    assert!(long.len() > 8192);
    assert_eq!(forge.code(long), "token_too_long");
    let fits = forge.with_claims(|claims| claims["scope"] = json!("lab:read ".repeat(600).trim()));
    assert!(fits.len() > 7000);
    forge.verify(fits).unwrap();
}

#[test]
fn a_token_is_expired_exactly_at_its_end() {
    let forge = Forge::open();
    forge.clinic.clock.advance_millis(3_599_999);
    forge.verify(&forge.token).unwrap();
    forge.clinic.clock.advance_millis(1);
    let now = forge.clinic.engine.now().millis();
    let expired = Denied::TokenExpired { now, expires_at: now };
    assert_eq!(forge.why(&forge.token), expired);
}

#[test]
fn the_refusal_of_an_expired_token_names_whose_it_was() {
    let forge = Forge::open();
    forge.clinic.pass(3600);
    assert_eq!(forge.code(&forge.token), "token_expired");
    let rows = events(&forge.clinic.engine, "request.refuse");
    let row = &rows[0];
    assert_eq!(
        (&row["reason"], &row["client"]),
        (&json!("token_expired"), &json!(forge.client.id))
    );
    assert_eq!(row["credential"], forge.client.credential);
}

#[test]
fn an_opaque_token_is_expired_exactly_at_its_end() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("client.update", json!({"client_id": client.id, "token_format": "opaque"}));
    clinic.clock.advance_millis(250);
    let token = issue(&clinic.engine, &client);
    let ends = clinic.engine.verify(token.as_bytes(), Required::ANY, &bench()).unwrap().expires_at;
    clinic.clock.advance_millis(ends.since(clinic.engine.now()) - 1);
    clinic.engine.verify(token.as_bytes(), Required::ANY, &bench()).unwrap();
    clinic.clock.advance_millis(1);
    let refused = clinic.engine.verify(token.as_bytes(), Required::ANY, &bench());
    assert_eq!(why(refused).code(), "token_expired");
}

#[test]
fn a_token_from_the_future_is_refused() {
    let forge = Forge::open();
    let iat = forge.claims["iat"].as_i64().unwrap();
    let issued_in = |seconds: i64| forge.with_claims(|claims| claims["iat"] = json!(iat + seconds));
    // Two processes may read the time a moment apart.
    forge.verify(issued_in(10)).unwrap();
    let now = iat * 1000;
    let future = Denied::TokenFromFuture { now, starts_at: now + 11_000 };
    assert_eq!(forge.why(issued_in(11)), future);
    assert_eq!(forge.code(issued_in(3600)), "token_from_future");
}

#[test]
fn an_opaque_token_that_nobody_issued_is_unknown() {
    let forge = Forge::open();
    for token in ["A".repeat(43), "F".repeat(64), "0".repeat(64)] {
        assert_eq!(forge.why(token), Denied::TokenUnknown);
    }
    // Of neither form: never worth a lookup.
    for token in ["f".repeat(64), "G".repeat(64), "A".repeat(42), String::new()] {
        assert_eq!(forge.code(token), "token_malformed");
    }
}

#[test]
fn after_a_restore_opaque_tokens_are_of_an_ended_epoch_and_jwts_of_a_retired_key() {
    let forge = Forge::open();
    let Forge { clinic, client, token, .. } = forge;
    clinic.call("client.update", json!({"client_id": client.id, "token_format": "opaque"}));
    let opaque = issue(&clinic.engine, &client);
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let restored = Engine::restore(&place.options().clock(clock), &admin()).unwrap();
    let code = |token: &str| why(restored.verify(token.as_bytes(), Required::ANY, &bench())).code();
    assert_eq!(code(&opaque), "epoch_ended");
    assert_eq!(code(&token), "key_retired");
}

#[test]
fn revoking_a_secret_ends_what_it_obtained_and_nothing_else() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let second = clinic.call("client.secret.create", json!({"client_id": client.id}));
    let mut other = client.clone();
    other.secret = second["client_secret"].as_str().unwrap().to_owned();
    for form in ["jwt", "opaque"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
    }
    let (ended, lives) = (issue(&clinic.engine, &client), issue(&clinic.engine, &other));
    let which = json!({"client_id": client.id, "credential_id": client.credential});
    clinic.call("client.secret.revoke", which);
    let verify = |token: &str| clinic.engine.verify(token.as_bytes(), Required::ANY, &bench());
    assert_eq!(why(verify(&ended)), Denied::CredentialRevoked);
    assert_eq!(verify(&lives).unwrap().client_id, client.id);
}

#[test]
fn revoking_all_of_a_client_ends_what_it_has_and_not_what_it_gets_next() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let before = issue(&clinic.engine, &client);
    clinic.call("client.revoke", json!({"client_id": client.id}));
    // In the same second: `iat` is never compared for this.
    let after = issue(&clinic.engine, &client);
    let verify = |token: &str| clinic.engine.verify(token.as_bytes(), Required::ANY, &bench());
    assert_eq!(why(verify(&before)), Denied::ClientTokensRevoked);
    verify(&after).unwrap();
}

#[test]
fn an_id_that_was_deleted_and_imported_again_does_not_revive_its_tokens() {
    let clinic = Clinic::open();
    let import = json!({
        "client_id": "old", "client_secret": "correct horse", "client_name": "Old",
    });
    clinic.call("client.import", import.clone());
    let client = crate::common::Registered {
        id: "old".into(),
        secret: "correct horse".into(),
        credential: String::new(),
    };
    let token = issue(&clinic.engine, &client);
    let verify = |token: &str| clinic.engine.verify(token.as_bytes(), Required::ANY, &bench());
    verify(&token).unwrap();
    clinic.call("client.delete", json!({"client_id": "old"}));
    assert_eq!(why(verify(&token)), Denied::ClientUnknown);
    clinic.call("client.import", import);
    assert_eq!(why(verify(&token)), Denied::ClientTokensRevoked);
}

#[test]
fn a_peer_outside_the_allowlist_or_unknown_is_refused() {
    let forge = Forge::open();
    let update =
        json!({"client_id": forge.client.id, "allowed_networks": ["192.0.2.7", "fd00::/8"]});
    forge.clinic.call("client.update", update);
    let from = |peer: Option<&str>| {
        let peer = peer.map(|peer| peer.parse().unwrap());
        let context = Context { peer, ..bench() };
        forge.clinic.engine.verify(forge.token.as_bytes(), Required::ANY, &context)
    };
    for allowed in ["192.0.2.7", "::ffff:192.0.2.7", "fd12::1"] {
        from(Some(allowed)).unwrap();
    }
    assert_eq!(why(from(Some("192.0.2.8"))), Denied::PeerNotAllowed);
    assert_eq!(why(from(None)), Denied::PeerUnknown);
}

#[test]
fn every_refusal_has_a_request_id_that_the_audit_explains() {
    let forge = Forge::open();
    revoke(&forge.clinic.engine, &forge.token).unwrap();
    let Err(Error::Denied { why, request_id }) = forge.verify(&forge.token) else {
        panic!("not refused");
    };
    assert_eq!(why, Denied::TokenRevoked);
    let explain = AuditExplain { request_id };
    let explanation = forge.clinic.engine.run(&admin(), explain).unwrap();
    assert!(explanation.held);
    let entry = explanation.entry.unwrap();
    assert_eq!(entry["reason"], "token_revoked");
    // Its signature was good, so the client and the secret are known.
    assert_eq!(entry["client"], forge.client.id);
    assert_eq!(entry["credential"], forge.client.credential);
    assert_eq!(events(&forge.clinic.engine, "request.refuse").len(), 1);
}
