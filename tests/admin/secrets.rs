//! `client.secret.*`: several secrets of one client, with their own beginnings and ends.

use crate::common::{Registered, admin, issue, register, try_issue, verify, why};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::{Denied, Error};

#[test]
fn a_client_may_have_several_secrets_at_once() {
    let clinic = Clinic::open();
    let first = register(&clinic.engine);
    let second = more(&clinic, &first, json!({"label": "2026"}));
    for client in [&first, &second] {
        let token = issue(&clinic.engine, client);
        assert_eq!(verify(&clinic.engine, &token).unwrap().client_id, first.id);
    }
    let listed = clinic.call("client.secret.list", json!({"client_id": first.id}));
    let secrets = listed["secrets"].as_array().unwrap();
    let ids: Vec<_> = secrets.iter().map(|secret| secret["credential_id"].clone()).collect();
    let mut expected = [json!(first.credential), json!(second.credential)].to_vec();
    expected.sort_by_key(|id| ids.iter().position(|known| known == id));
    assert_eq!(ids, expected);
    for secret in secrets {
        assert_eq!((&secret["kind"], &secret["confirmed"]), (&json!("generated"), &json!(true)));
        assert_eq!(secret["client_id"], first.id);
        assert_eq!(secret["revoked_at"], Value::Null);
    }
    assert!(!listed.to_string().contains("wks_"));
}

#[test]
fn a_secret_begins_and_ends_when_it_is_said_to() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let now = clinic.engine.now().seconds();
    let brief = more(&clinic, &client, json!({"not_before": now + 10, "expires_at": now + 20}));
    assert_eq!(why(try_issue(&clinic.engine, &brief)), Denied::SecretNotYetValid);
    clinic.clock.advance_millis(9_999);
    assert_eq!(why(try_issue(&clinic.engine, &brief)), Denied::SecretNotYetValid);
    clinic.clock.advance_millis(1);
    let token = issue(&clinic.engine, &brief);
    clinic.clock.advance_millis(9_999);
    issue(&clinic.engine, &brief);
    clinic.clock.advance_millis(1);
    assert_eq!(why(try_issue(&clinic.engine, &brief)), Denied::SecretExpired);
    // What it obtained lives to its own end.
    verify(&clinic.engine, &token).unwrap();
    issue(&clinic.engine, &client);
}

#[test]
fn a_secret_cannot_end_before_it_begins() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for (from, until) in [(10, 10), (11, 10)] {
        let document = json!({"client_id": client.id, "not_before": from, "expires_at": until});
        let refused =
            clinic.engine.call(&admin(), "client.secret.create", document.to_string().as_bytes());
        assert!(
            matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "expires_at")
        );
    }
}

#[test]
fn a_first_secret_that_ends_at_zero_does_not_end() {
    // It was made to have ended in 1970, while the answer said 0, which RFC 7591 3.2.1 reads as "never".
    let clinic = Clinic::open();
    let document = json!({"client_name": "x", "client_secret_expires_at": 0});
    let created = clinic.call("client.create", document);
    assert_eq!(created["client_secret_expires_at"], 0);
    let client = Registered {
        id: created["client_id"].as_str().unwrap().to_owned(),
        secret: created["client_secret"].as_str().unwrap().to_owned(),
        credential: String::new(),
    };
    issue(&clinic.engine, &client);
}

#[test]
fn a_secrets_times_are_within_what_can_be_printed() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let most = 253_402_300_799_i64;
    more(&clinic, &client, json!({"not_before": 0, "expires_at": most}));
    for (member, time) in [
        ("not_before", -1),
        ("not_before", most + 1),
        ("expires_at", -1),
        ("expires_at", most + 1),
        ("expires_at", i64::MAX),
        ("not_before", i64::MIN),
    ] {
        let document = json!({"client_id": client.id, member: time}).to_string();
        let refused = clinic.engine.call(&admin(), "client.secret.create", document.as_bytes());
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == member));
    }
    let document = json!({"client_name": "x", "client_secret_expires_at": -1}).to_string();
    let refused = clinic.engine.call(&admin(), "client.create", document.as_bytes());
    let Err(Error::InvalidDocument { path, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(path, "client_secret_expires_at");
}

#[test]
fn a_revoked_secret_stays_revoked_and_keeps_its_time() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let which = json!({"client_id": client.id, "credential_id": client.credential});
    let now = clinic.engine.now().seconds();
    assert_eq!(clinic.call("client.secret.revoke", which.clone())["revoked_at"], now);
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::SecretRevoked);
    clinic.pass(60);
    assert_eq!(clinic.call("client.secret.revoke", which.clone())["revoked_at"], now);
    clinic.call("client.secret.confirm", which);
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::SecretRevoked);
}

#[test]
fn a_secret_of_another_client_is_not_found() {
    let clinic = Clinic::open();
    let (one, two) = (register(&clinic.engine), register(&clinic.engine));
    for operation in [
        "client.secret.revoke",
        "client.secret.confirm",
        "client.secret.rotate",
        "client.secret.update",
    ] {
        for (id, credential, what) in [
            (one.id.as_str(), two.credential.as_str(), "secret"),
            (&one.id, "nothing", "secret"),
            (&one.id, "", "secret"),
            ("nobody", &one.credential, "client"),
        ] {
            let document = json!({"client_id": id, "credential_id": credential}).to_string();
            let refused = clinic.engine.call(&admin(), operation, document.as_bytes());
            let found = matches!(&refused, Err(Error::NotFound { what: w, .. }) if *w == what);
            assert!(found, "{refused:?}");
        }
    }
    issue(&clinic.engine, &two);
}

#[test]
fn a_client_has_at_most_32_living_secrets() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for _ in 0..31 {
        more(&clinic, &client, json!({}));
    }
    let document = json!({"client_id": client.id}).to_string();
    let refused = clinic.engine.call(&admin(), "client.secret.create", document.as_bytes());
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    let which = json!({"client_id": client.id, "credential_id": client.credential});
    clinic.call("client.secret.revoke", which);
    more(&clinic, &client, json!({}));
}

fn more(clinic: &Clinic, client: &Registered, members: Value) -> Registered {
    let mut document = json!({"client_id": client.id});
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let created = clinic.call("client.secret.create", document);
    Registered {
        id: client.id.clone(),
        secret: created["client_secret"].as_str().unwrap().to_owned(),
        credential: created["credential_id"].as_str().unwrap().to_owned(),
    }
}
