//! A secret that somebody writes into the wrong place of a document does not come back in the error:
//! errors are shown, logged and sent on.

use crate::common::{admin, audit, issue, register};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::Error;

/// What a person may have chosen; every half of it would be too much.
const CHOSEN: &str = "hunter2, expected `correct` horse";

#[test]
fn no_error_repeats_a_secret_wherever_it_was_put() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let mut refused = 0;
    for secret in [CHOSEN, &client.secret, &token] {
        for (name, document) in documents(&client.id) {
            for member in document.as_object().unwrap().keys() {
                for wrong in shapes(secret) {
                    // An id may be any text, and an error says which one was not found.
                    if member == "client_id" && wrong == CHOSEN {
                        continue;
                    }
                    let mut with = document.clone();
                    with[member] = wrong;
                    refused += usize::from(is_discreet(&clinic, name, &with, secret));
                }
            }
            // A name takes the value's place when a comma becomes a colon.
            for wrong in shapes(secret) {
                let mut with = document.clone();
                with[secret] = wrong.clone();
                assert!(is_discreet(&clinic, name, &with, secret), "{name} {with}");
            }
        }
    }
    assert!(refused > 400, "{refused}");
}

#[test]
fn no_error_repeats_a_number() {
    let clinic = Clinic::open();
    let number = 2_718_281_828_459_045_u64;
    for (name, document) in documents("lab") {
        for (member, value) in document.as_object().unwrap() {
            for wrong in [json!(number), json!([number]), json!({"a": number}), json!([[number]])] {
                let mut with = document.clone();
                with[member] = wrong;
                let fits = value.is_number() && with[member].is_number();
                let discreet = is_discreet(&clinic, name, &with, &number.to_string());
                assert!(discreet || fits, "{name} {with}");
            }
        }
    }
}

#[test]
fn what_is_left_of_an_error_still_says_where_and_what_was_expected() {
    let clinic = Clinic::open();
    for (name, document, path, why) in [
        ("client.create", r#"{"client_name":7}"#, "client_name", "expected a string"),
        (
            "client.create",
            r#"{"redirect_uris":["https://a.example",["x"]]}"#,
            "redirect_uris[1]",
            "expected a string",
        ),
        (
            "client.create",
            r#"{"access_token_lifetime":"x"}"#,
            "access_token_lifetime",
            "expected u32",
        ),
        (
            "client.secret.import",
            r#"{"client_secret":{"a":1}}"#,
            "client_secret",
            "expected a string",
        ),
        (
            "settings.set",
            r#"{"trusted_proxies":"10.0.0.1"}"#,
            "trusted_proxies",
            "expected a sequence",
        ),
        (
            "settings.set",
            r#"{"trusted_proxies":["x"]}"#,
            "trusted_proxies[0]",
            "is not an IP address",
        ),
        (
            "settings.set",
            r#"{"isuer":"x"}"#,
            "isuer",
            "unknown field, expected one of `issuer`, `aud",
        ),
        ("settings.set", r#"{"issuer":"x","issuer":"y"}"#, "issuer", "duplicate field `issuer`"),
        ("settings.get", r#"{"isuer":"x"}"#, "isuer", "unknown field, there are no fields"),
        ("client.read", "{}", "client_id", "missing field `client_id`"),
        (
            "client.create",
            r#"{"client_name":"Lab","scope":"lab:read lab:rite"}"#,
            "scope",
            "word 2 is not in the catalogue",
        ),
    ] {
        match clinic.engine.call(&admin(), name, document.as_bytes()) {
            Err(Error::InvalidDocument { path: p, why: w }) => {
                assert_eq!(p, path, "{w}");
                assert!(w.contains(why), "{path}: {w}");
            }
            other => panic!("{name} {document}: {other:?}"),
        }
    }
}

/// Whether the document was refused; its error and the audit must not have the secret, nor half of it.
#[track_caller]
fn is_discreet(clinic: &Clinic, name: &str, document: &Value, secret: &str) -> bool {
    let rows = audit(&clinic.engine).len();
    let Err(error) = clinic.engine.call(&admin(), name, document.to_string().as_bytes()) else {
        return false;
    };
    let halves: Vec<&str> = if secret == CHOSEN {
        vec!["hunter2", "correct", "horse"]
    } else {
        vec![&secret[secret.len() / 2..], &secret[..secret.len().min(40)]]
    };
    for shown in [error.to_string(), format!("{error:?}")] {
        for half in &halves {
            assert!(!shown.contains(half), "{name} {document}\n{shown}");
        }
    }
    assert_eq!(audit(&clinic.engine).len(), rows, "{name} {document}");
    true
}

/// A value as it may stand in the wrong member: alone, in a list, in an object, in both.
fn shapes(secret: &str) -> Vec<Value> {
    vec![
        json!(secret),
        json!([secret]),
        json!(["10.0.0.1", secret]),
        json!({ secret: 1 }),
        json!({"value": secret}),
        json!([[secret]]),
        json!([{ secret: secret }]),
        json!({"a": [{"b": secret}]}),
    ]
}

/// Documents with members of every type.
fn documents(client: &str) -> Vec<(&'static str, Value)> {
    vec![
        (
            "client.create",
            json!({
                "client_name": "Lab", "scope": "lab:read", "default_scope": "lab:read",
                "grant_types": ["client_credentials"], "token_endpoint_auth_method": null,
                "redirect_uris": ["https://lab.example/back"], "resource_server": true,
                "algorithm": "ES256", "token_format": "jwt", "access_token_lifetime": 600,
                "token_type_case": "Bearer", "allowed_networks": ["10.0.0.0/8"],
                "allowed_origins": ["https://lab.example"], "enabled": true,
                "client_secret_expires_at": 4_000_000_000_u64,
            }),
        ),
        ("client.secret.import", json!({"client_id": client, "label": [], "expires_at": "never"})),
        ("client.secret.revoke", json!({"client_id": client, "credential_id": [1]})),
        ("client.read", json!({"client_id": "nobody"})),
        (
            "settings.set",
            json!({
                "issuer": "https://emr.example", "algorithm": "EdDSA", "token_format": "opaque",
                "access_token_lifetime": 60, "dialects": ["medblocks"],
                "trusted_proxies": ["10.0.0.1"], "danger_allow_plain_http": false,
                "max_request_body": 1024, "password_blocklist": ["Saint Mary"],
            }),
        ),
        (
            "user.create",
            json!({
                "username": "anna", "password": "short", "scope": "lab:read", "roles": ["nurse"],
                "enabled": true, "description": "d",
            }),
        ),
        ("user.read", json!({"user_id": "nobody"})),
        ("user.set_password", json!({"user_id": "nobody", "password": [1]})),
        ("user.update", json!({"user_id": "nobody", "roles": ["nurse"], "scope": 7})),
        ("role.create", json!({"name": "nurse", "scope": "no:such"})),
    ]
}
