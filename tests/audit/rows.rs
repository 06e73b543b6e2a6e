//! What has a row of its own.

use crate::common::{Registered, admin, bench, events, issue, register, try_issue, why};
use crate::http::{Clinic, GRANT, REVOKE, Request, ask, request_id};
use serde_json::{Value, json};
use wardkey::{Context, Denied, Engine, Secret};

#[test]
fn every_token_has_a_row_with_client_credential_jti_and_peer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let response = ask(GRANT).by_client(&client).send(&clinic.engine);
    for _ in 0..3 {
        issue(&clinic.engine, &client);
    }
    let rows = events(&clinic.engine, "token.issue");
    assert_eq!(rows.len(), 4);
    let mut tokens: Vec<_> = rows.iter().map(|row| row["token"].to_string()).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    for row in &rows {
        assert_eq!(row["outcome"], "allowed");
        assert_eq!(row["client"], client.id);
        assert_eq!(row["credential"], client.credential);
        assert_eq!(row["peer"], "192.0.2.7");
        assert_eq!(row["scope"], "lab:read lab:write");
        assert_eq!(row["time"], json!(clinic.engine.now().millis()));
    }
    assert_eq!(rows[0]["request"], request_id(&response));
}

#[test]
fn every_refusal_of_an_authenticated_client_has_a_row_with_its_reason() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let fixed = clinic.call(
        "client.create",
        json!({"client_name": "Pages", "grant_types": ["authorization_code"]}),
    );
    let pages = Registered {
        id: fixed["client_id"].as_str().unwrap().into(),
        secret: fixed["client_secret"].as_str().unwrap().into(),
        credential: fixed["credential_id"].as_str().unwrap().into(),
    };
    let asked = [
        (&client, "grant_type=client_credentials&scope=billing:read", "scope_not_allowed"),
        (&client, "grant_type=client_credentials&scope=+", "scope_malformed"),
        (&client, "grant_type=password", "grant_unsupported"),
        (&pages, "grant_type=client_credentials", "grant_not_allowed"),
    ];
    let mut ids = Vec::new();
    for (client, body, _) in asked {
        ids.push(request_id(&ask(body).by_client(client).send(&clinic.engine)));
    }
    let rows = events(&clinic.engine, "token.deny");
    assert_eq!(rows.len(), asked.len());
    for ((row, (client, _, reason)), id) in rows.iter().zip(asked).zip(ids) {
        assert_eq!((&row["outcome"], &row["reason"]), (&json!("denied"), &json!(reason)));
        assert_eq!(
            (&row["client"], &row["credential"]),
            (&json!(client.id), &json!(client.credential))
        );
        assert_eq!((&row["request"], &row["peer"]), (&json!(id), &json!("192.0.2.7")));
    }
    assert_eq!(rows[0]["scope"], "billing:read");
}

#[test]
fn a_denial_is_on_disk_before_the_answer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    ask(format!("{GRANT}&scope=no")).by_client(&client).send(&clinic.engine);
    let denied: u32 = count(&clinic, "token.deny");
    assert_eq!(denied, 1);
    issue(&clinic.engine, &client);
    assert_eq!(count(&clinic, "token.issue"), 1);
}

#[test]
fn every_administrative_act_has_a_row_with_its_actor() {
    let clinic = Clinic::open();
    let secret = "imported secret";
    let imported = clinic.call(
        "client.import",
        json!({"client_id": "old", "client_secret": secret, "client_name": "Old"}),
    );
    assert_eq!(imported["client_id"], "old");
    let second = clinic.call("client.secret.create", json!({"client_id": "old", "label": "2026"}));
    let which = json!({"client_id": "old", "credential_id": second["credential_id"]});
    clinic
        .call("client.secret.import", json!({"client_id": "old", "client_secret": "another one"}));
    clinic.call("client.secret.confirm", which.clone());
    clinic.call("client.secret.revoke", which);
    for operation in ["client.disable", "client.enable", "client.revoke"] {
        clinic.call(operation, json!({"client_id": "old"}));
    }
    clinic.call("client.update", json!({"client_id": "old", "description": "x"}));
    clinic.call("client.delete", json!({"client_id": "old"}));
    clinic.call("scope.add", json!({"scope": "imaging:read"}));
    clinic.call("scope.remove", json!({"scope": "imaging:read"}));
    clinic.call("settings.set", json!({"access_token_lifetime": 60, "audience": "x"}));
    let key = include_str!("../golden/keys/eddsa.pem");
    clinic.call("key.import", json!({"algorithm": "EdDSA", "key": key}));
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    clinic.call("token.revoke", json!({"token": token}));
    let mut expected = vec![
        "client.create",
        "client.create",
        "client.delete",
        "client.disable",
        "client.enable",
        "client.revoke",
        "client.update",
        "database.create",
        "key.import",
        "scope.add",
        "scope.remove",
        "secret.confirm",
        "secret.create",
        "secret.create",
        "secret.import",
        "secret.import",
        "secret.revoke",
        "settings.set",
        "token.revoke",
    ];
    expected.extend(acts_of_dialects(&clinic));
    expected.sort_unstable();
    let mut done: Vec<_> = entries(&clinic.engine)
        .into_iter()
        .filter(|entry| entry["actor"] == "anna")
        .map(|entry| {
            assert_eq!(entry["outcome"], "done");
            assert_eq!(entry["request"].as_str().map(str::len), Some(32));
            entry["event"].as_str().unwrap().to_owned()
        })
        .collect();
    done.sort();
    assert_eq!(done, expected);
}

/// The dialects' words and clients came with the database.
fn acts_of_dialects(clinic: &Clinic) -> Vec<&'static str> {
    let scopes = clinic.call("scope.list", json!({}))["scopes"].as_array().unwrap().clone();
    let brought = |origin: &Value| origin != "built-in" && origin != "own";
    let words = scopes.iter().filter(|scope| brought(&scope["origin"])).count();
    let mut acts = vec!["scope.add"; words];
    acts.extend(["client.create", "client.create"]);
    acts
}

#[test]
fn a_row_names_the_version_and_the_code_of_what_it_changed() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for version in 2..5 {
        clinic.call("client.update", json!({"client_id": client.id, "description": "x"}));
        let row = events(&clinic.engine, "client.update").pop().unwrap();
        let named = &row["rows"].as_array().unwrap()[..];
        assert_eq!(named.len(), 1);
        assert_eq!((&named[0]["table"], &named[0]["id"]), (&json!("client"), &json!(client.id)));
        assert_eq!(named[0]["version"], version);
        assert_eq!(named[0]["mac"].as_str().map(str::len), Some(43));
    }
}

#[test]
fn an_act_says_from_where_and_under_which_id_of_the_hosts() {
    let clinic = Clinic::open();
    let context = Context {
        peer: Some([192, 0, 2, 9].into()),
        correlation_id: Some("trace-4711"),
        ..admin()
    };
    let json = br#"{"scope": "own:word"}"#;
    clinic.engine.call(&context, "scope.add", json).unwrap();
    let row = events(&clinic.engine, "scope.add").pop().unwrap();
    assert_eq!((&row["peer"], &row["correlation"]), (&json!("192.0.2.9"), &json!("trace-4711")));
    let client = register(&clinic.engine);
    let context = Context { correlation_id: Some("trace-4712"), ..bench() };
    let secret = Secret::copy_of(client.secret.as_bytes());
    clinic.engine.issue(&client.id, secret, None, &context).unwrap();
    let row = events(&clinic.engine, "token.issue").pop().unwrap();
    assert_eq!(row["correlation"], "trace-4712");
}

#[test]
fn every_revocation_has_a_row_also_one_that_was_refused() {
    let clinic = Clinic::open();
    let (client, other) = (register(&clinic.engine), register(&clinic.engine));
    let token = issue(&clinic.engine, &client);
    for caller in [&other, &client, &client] {
        let body = format!("token={token}");
        Request::post(REVOKE, body).by_client(caller).send(&clinic.engine);
    }
    let rows = events(&clinic.engine, "token.revoke");
    let outcomes: Vec<_> = rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["denied", "done", "done"]);
    assert!(rows.iter().all(|row| row["token"] == rows[0]["token"]));
}

#[test]
fn nothing_that_failed_has_a_row() {
    let clinic = Clinic::open();
    let before = entries(&clinic.engine).len();
    for (operation, json) in [
        ("client.create", json!({"client_name": "x", "scope": "no:such"})),
        ("client.read", json!({"client_id": "nobody"})),
        ("client.delete", json!({"client_id": "nobody"})),
        ("scope.add", json!({"scope": "lab:read"})),
        ("settings.set", json!({"issuer": "http://x"})),
    ] {
        let json = json.to_string();
        assert!(clinic.engine.call(&admin(), operation, json.as_bytes()).is_err());
    }
    assert_eq!(entries(&clinic.engine).len(), before);
}

#[test]
fn no_token_comes_out_when_its_row_cannot_be_written() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    issue(&clinic.engine, &client);
    let patience = std::time::Duration::from_millis(30);
    let impatient = Engine::open(&clinic.place.options().busy_timeout(patience)).unwrap();
    let other = clinic.place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = try_issue(&impatient, &client);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(refused, Err(wardkey::Error::Busy));
    assert_eq!(events(&clinic.engine, "token.issue").len(), 1);
    // A refusal of an authenticated client that cannot be written is not told as a decision either.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let secret = Secret::copy_of(client.secret.as_bytes());
    let refused = impatient.issue(&client.id, secret, Some("no:such"), &bench());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(refused, Err(wardkey::Error::Busy)));
    let secret = Secret::copy_of(client.secret.as_bytes());
    let refused = impatient.issue(&client.id, secret, Some("no:such"), &bench());
    assert_eq!(why(refused), Denied::ScopeNotAllowed { word: "no:such".into() });
}

fn entries(engine: &Engine) -> Vec<Value> {
    crate::common::audit(engine).into_iter().map(|row| row.entry).collect()
}

/// Rows of an event on disk, read past the library.
fn count(clinic: &Clinic, event: &str) -> u32 {
    let sql = "SELECT count(*) FROM audit WHERE row ->> '$.event' = ?";
    clinic.place.sqlite().query_row(sql, [event], |row| row.get(0)).unwrap()
}
