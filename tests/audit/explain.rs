//! Every kind of row in words, and what became of a request.

use crate::common::{admin, audit, issue, register, verify};
use crate::http::{Clinic, GRANT, Request, ask, request_id};
use serde_json::json;
use wardkey::admin::{AuditExplain, UserConfirm};
use wardkey::{Engine, Error, UnixTime};

#[test]
fn a_request_that_was_allowed_is_explained() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let response = ask(GRANT).by_client(&client).send(&clinic.engine);
    let words = explain(&clinic.engine, &request_id(&response));
    for part in [
        "2026-03-01T08:30:00.000Z",
        "obtained token",
        client.id.as_str(),
        client.credential.as_str(),
        "lab:read lab:write",
        "from 192.0.2.7",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn a_request_that_was_refused_is_explained_with_its_true_reason() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for (request, words) in [
        (ask(GRANT).basic(&client.id, "x"), "secret wrong"),
        (ask(GRANT).basic("nobody", "x"), "client unknown"),
        (ask(format!("{GRANT}&scope=no:such")).by_client(&client), "scope not allowed"),
        (ask("grant_type=password").by_client(&client), "grant unsupported"),
        (ask(GRANT).by_client(&client).insecure(), "insecure transport"),
        (ask(GRANT), "secret missing"),
        (ask("%").by_client(&client), "invalid request"),
    ] {
        let response = request.send(&clinic.engine);
        let explained = explain(&clinic.engine, &request_id(&response));
        assert!(explained.contains(words), "{explained}");
        assert!(explained.contains("refused"), "{explained}");
    }
}

#[test]
fn an_id_that_the_audit_does_not_hold_is_said_to_be_so() {
    let clinic = Clinic::open();
    let request_id = "0".repeat(32);
    let explanation = clinic.engine.run(&admin(), AuditExplain { request_id }).unwrap();
    assert!(!explanation.held);
    assert!(explanation.entry.is_none());
    assert!(explanation.words.contains("does not hold"), "{}", explanation.words);
    for id in ["", "x", &"G".repeat(32), &"A".repeat(32), &"0".repeat(31), &"0".repeat(33)] {
        let refused = clinic.engine.run(&admin(), AuditExplain { request_id: id.to_owned() });
        assert!(
            matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "request_id")
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one of everything")]
fn every_kind_of_row_is_a_sentence() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let id = json!({"client_id": client.id});
    let token = issue(&clinic.engine, &client);
    verify(&clinic.engine, &token).unwrap();
    verify(&clinic.engine, "x").unwrap_err();
    ask(format!("{GRANT}&scope=no")).by_client(&client).send(&clinic.engine);
    clinic.call("token.revoke", json!({"token": token}));
    clinic.call("client.update", json!({"client_id": client.id, "scope": "lab:read"}));
    for operation in ["client.disable", "client.enable", "client.revoke"] {
        clinic.call(operation, id.clone());
    }
    clinic.call(
        "client.secret.import",
        json!({"client_id": client.id, "client_secret": "from the old system"}),
    );
    let which = json!({"client_id": client.id, "credential_id": client.credential});
    clinic.call("client.secret.confirm", which.clone());
    clinic.call("client.secret.revoke", which);
    clinic.call("client.delete", id);
    clinic.call("scope.add", json!({"scope": "own:word"}));
    clinic.call("scope.remove", json!({"scope": "own:word"}));
    clinic.call("settings.set", json!({"access_token_lifetime": 600}));
    people(&clinic);
    let key = include_str!("../golden/keys/es256.pem");
    clinic.call("key.import", json!({"algorithm": "ES256", "key": key}));
    let now = clinic.engine.now();
    for (wall, word) in [(UnixTime::from_seconds(4_000_000_000), "own:one"), (now, "own:two")] {
        clinic.clock.set_wall(wall);
        clinic.call("scope.add", json!({"scope": word}));
    }
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let engine = Engine::restore(&place.options().clock(clock), &admin()).unwrap();
    let all = UserConfirm { all: Some(true), ..UserConfirm::default() };
    assert_eq!(engine.run(&admin(), all).unwrap().confirmed, 1);
    let rows = audit(&engine);
    let mut kinds: Vec<_> =
        rows.iter().map(|row| row.entry["event"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    let expected = [
        "client.create",
        "client.delete",
        "client.disable",
        "client.enable",
        "client.revoke",
        "client.update",
        "clock.doubt",
        "clock.trust",
        "database.create",
        "database.open",
        "database.restore",
        "grant.begin",
        "grant.revoke",
        "key.import",
        "key.make",
        "key.retire",
        "request.refuse",
        "role.create",
        "role.delete",
        "role.update",
        "scope.add",
        "scope.remove",
        "secret.confirm",
        "secret.create",
        "secret.import",
        "secret.new_peer",
        "secret.revoke",
        "settings.set",
        "token.deny",
        "token.issue",
        "token.revoke",
        "token.use",
        "user.confirm",
        "user.create",
        "user.delete",
        "user.disable",
        "user.enable",
        "user.login",
        "user.revoke",
        "user.set_password",
        "user.update",
    ];
    assert_eq!(kinds, expected);
    for row in rows {
        // The event's own name is what is printed for a kind that nobody described.
        assert!(!row.words.contains(row.entry["event"].as_str().unwrap()), "{}", row.words);
        assert!(row.words.contains(' ') && !row.words.contains("  "), "{}", row.words);
        assert!(!row.words.contains("``"), "{}", row.words);
    }
}

fn explain(engine: &Engine, request_id: &str) -> String {
    let explain = AuditExplain { request_id: request_id.to_owned() };
    let explanation = engine.run(&admin(), explain).unwrap();
    assert!(explanation.held, "{}", explanation.words);
    explanation.words
}

/// Everything that can happen to users, roles and grants.
fn people(clinic: &Clinic) {
    let role = json!({"name": "nurse", "scope": "lab:read"});
    clinic.call("role.create", role.clone());
    clinic.call("role.update", role);
    clinic.call("role.create", json!({"name": "unused", "scope": "lab:read"}));
    clinic.call("role.delete", json!({"name": "unused"}));
    let password = "correct horse battery";
    let user = json!({"username": "otto", "password": password, "roles": ["nurse"]});
    let id = json!({"user_id": clinic.call("user.create", user)["user_id"]});
    for right in [false, true] {
        let password = if right { password } else { "something else" };
        let body = json!({"username": "otto", "password": password}).to_string();
        let login = Request::post("/ums/v2/users/login", body).content_type("application/json");
        assert_eq!(login.send(&clinic.engine).status == 200, right);
    }
    let grants = clinic.call("grant.list", json!({}));
    clinic.call("grant.revoke", json!({"grant_id": grants["grants"][0]["grant_id"]}));
    for operation in ["user.disable", "user.enable", "user.revoke"] {
        clinic.call(operation, id.clone());
    }
    let mut with = id.clone();
    with["password"] = json!("another good one");
    clinic.call("user.set_password", with);
    let mut with = id.clone();
    with["description"] = json!("night shift");
    clinic.call("user.update", with);
    clinic.call("user.delete", id);
    // Somebody for a restore to doubt.
    clinic.call("user.create", json!({"username": "eva", "password": password}));
}
