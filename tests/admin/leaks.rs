//! `leak.find`: whose a text is that lay where it must not.

use crate::common::{admin, issue, register};
use crate::http::Clinic;
use serde_json::json;
use wardkey::Error;
use wardkey::admin::{LeakFind, SecretText};

#[test]
fn a_generated_secret_names_its_owner_living_or_not() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let found = clinic.call("leak.find", json!({"text": client.secret}));
    assert_eq!(found["kind"], "client_secret");
    assert_eq!(found["client_id"], client.id);
    assert_eq!(found["credential_id"], client.credential);
    assert_eq!(found["active"], true);
    clinic.call(
        "client.secret.revoke",
        json!({"client_id": client.id, "credential_id": client.credential}),
    );
    let found = clinic.call("leak.find", json!({"text": client.secret}));
    assert_eq!(found["active"], false);
    assert_eq!(found["reason"], "secret_revoked");
}

#[test]
fn a_secret_of_a_disabled_client_cannot_be_used_now() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("client.disable", json!({"client_id": client.id}));
    let found = clinic.call("leak.find", json!({"text": client.secret}));
    assert_eq!(found["reason"], "client_disabled");
}

#[test]
fn an_imported_secret_names_its_owner() {
    let clinic = Clinic::open();
    clinic.call(
        "client.import",
        json!({"client_id": "old-lab", "client_secret": "correct horse battery", "client_name": "Lab"}),
    );
    let found = clinic.call("leak.find", json!({"text": "correct horse battery"}));
    assert_eq!(found["client_id"], "old-lab");
    assert_eq!(found["kind"], "client_secret");
}

#[test]
fn a_token_names_its_owner_and_the_secret_that_obtained_it() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for form in ["jwt", "opaque", "opaque_hex"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        let token = issue(&clinic.engine, &client);
        let found = clinic.call("leak.find", json!({"text": token}));
        assert_eq!(found["kind"], "access_token");
        assert_eq!(found["client_id"], client.id);
        assert_eq!(found["credential_id"], client.credential);
        assert_eq!(found["scope"], "lab:read lab:write");
        assert_eq!(found["active"], true);
        clinic.call("token.revoke", json!({"jti": found["jti"]}));
        let found = clinic.call("leak.find", json!({"text": token}));
        assert_eq!((&found["active"], &found["reason"]), (&json!(false), &json!("token_revoked")));
    }
}

#[test]
fn an_expired_token_still_names_its_owner() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    clinic.pass(7200);
    let found = clinic.call("leak.find", json!({"text": token}));
    assert_eq!(found["client_id"], client.id);
    assert_eq!(found["reason"], "token_expired");
}

#[test]
fn what_is_nobodys_is_not_found_and_not_repeated() {
    let clinic = Clinic::open();
    let foreign = register(&Clinic::open().engine).secret;
    for text in ["", "x", "a plain sentence of nobody", &foreign] {
        let error = clinic
            .engine
            .run(&admin(), LeakFind { text: SecretText::from(text) })
            .expect_err("found");
        assert!(matches!(error, Error::NotFound { what: "secret or token", .. }), "{error}");
        assert!(text.len() < 2 || !error.to_string().contains(text));
    }
}
