//! `token.*`: ending one token, and asking what it is.

use crate::common::{admin, issue, register, verify, why};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::{Denied, Error};

#[test]
fn a_token_is_revoked_by_its_text_or_its_jti() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for form in ["jwt", "opaque", "opaque_hex"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        let (one, two, lives) = (
            issue(&clinic.engine, &client),
            issue(&clinic.engine, &client),
            issue(&clinic.engine, &client),
        );
        assert_eq!(clinic.call("token.revoke", json!({"token": one})), json!({}));
        let jti = verify(&clinic.engine, &two).unwrap().token_id;
        for _ in 0..2 {
            assert_eq!(clinic.call("token.revoke", json!({"jti": jti})), json!({}));
        }
        for token in [&one, &two] {
            assert_eq!(why(verify(&clinic.engine, token)), Denied::TokenRevoked);
        }
        verify(&clinic.engine, &lives).unwrap();
    }
}

#[test]
fn a_jti_revoked_before_anybody_saw_its_token_stays_revoked_for_its_life() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic
        .call("client.update", json!({"client_id": client.id, "access_token_lifetime": 2_592_000}));
    let token = issue(&clinic.engine, &client);
    let jti = verify(&clinic.engine, &token).unwrap().token_id;
    clinic.call("token.revoke", json!({"jti": jti}));
    for _ in 0..29 {
        clinic.pass(86_400);
        issue(&clinic.engine, &client);
        assert_eq!(why(verify(&clinic.engine, &token)), Denied::TokenRevoked);
    }
}

#[test]
fn what_is_no_token_or_jti_of_this_database_is_refused_by_its_path() {
    let clinic = Clinic::open();
    let elsewhere = Clinic::open();
    let foreign = issue(&elsewhere.engine, &register(&elsewhere.engine));
    let foreign_jti = verify(&elsewhere.engine, &foreign).unwrap().token_id;
    for (document, path) in [
        (json!({}), "."),
        (json!({"token": "x", "jti": "y"}), "."),
        (json!({"token": "x"}), "token"),
        (json!({"token": foreign}), "token"),
        (json!({"jti": ""}), "jti"),
        (json!({"jti": "x"}), "jti"),
        (json!({"jti": foreign_jti}), "jti"),
    ] {
        match clinic.engine.call(&admin(), "token.revoke", document.to_string().as_bytes()) {
            Err(Error::InvalidDocument { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{document} {other:?}"),
        }
    }
}

#[test]
fn introspection_says_what_a_token_is_and_to_an_operator_why_it_is_not_active() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let now = clinic.engine.now().seconds();
    let jti = verify(&clinic.engine, &token).unwrap().token_id;
    let ask = |token: &str| clinic.call("token.introspect", json!({"token": token}));
    let expected = json!({
        "active": true, "scope": "lab:read lab:write", "client_id": client.id, "sub": client.id,
        "aud": "https://localhost", "iss": "https://localhost", "exp": now + 3600, "iat": now,
        "jti": jti, "credential_id": client.credential,
    });
    assert_eq!(ask(&token), expected);
    let inactive = |token: &str| {
        let answer: Value = ask(token);
        assert_eq!(answer["active"], false);
        assert!(!answer["reason_description"].as_str().unwrap().is_empty());
        answer["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(inactive("x"), "token_malformed");
    assert_eq!(inactive(&"F".repeat(64)), "token_unknown");
    clinic.call("client.disable", json!({"client_id": client.id}));
    assert_eq!(inactive(&token), "client_disabled");
    clinic.call("token.revoke", json!({"token": token}));
    assert_eq!(inactive(&token), "token_revoked");
    clinic.pass(3600);
    assert_eq!(inactive(&token), "token_expired");
}
