//! Conformance 14 to 19: refusals of the token endpoint.

use crate::common::{Registered, admin, register, register_as};
use crate::http::{
    Clinic, GRANT, INTROSPECT, REVOKE, Request, ask, in_form, json, names, refusal, request_id,
    text, visible,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use wardkey::admin::{AuditExplain, ClientCreate};
use wardkey::{Engine, HttpResponse};

#[test]
fn wire_14_an_error_is_a_400_but_invalid_client_is_a_401_with_a_challenge() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for (request, status, error) in [
        (ask("").by_client(&client), 400, "invalid_request"),
        (ask(GRANT).basic(&client.id, "x"), 401, "invalid_client"),
        (ask(format!("{GRANT}&client_id={}&client_secret=x", client.id)), 401, "invalid_client"),
        (ask(GRANT), 401, "invalid_client"),
        (ask("grant_type=password").by_client(&client), 400, "unsupported_grant_type"),
        (ask(format!("{GRANT}&scope=x")).by_client(&client), 400, "invalid_scope"),
    ] {
        let response = request.send(&clinic.engine);
        assert_eq!(refusal(&response), (status, error.to_owned()));
        assert_eq!(names(&response.body), ["error", "error_description"]);
        let challenge = response.header("WWW-Authenticate");
        assert_eq!(challenge.is_some(), status == 401, "{error}");
        assert!(challenge.is_none_or(|value| value.starts_with("Basic realm=\"")));
    }
}

#[test]
fn wire_14_a_public_clients_request_gets_no_challenge() {
    let clinic = Clinic::open();
    let public = public_client(&clinic);
    let before = ask(format!("{GRANT}&client_id={public}")).send(&clinic.engine);
    clinic.call("client.disable", json!({"client_id": public}));
    let after = ask(format!("{GRANT}&client_id={public}")).send(&clinic.engine);
    assert_eq!(refusal(&after), (401, "invalid_client".to_owned()));
    assert_eq!(after.header("WWW-Authenticate"), None);
    assert_eq!(before.header("WWW-Authenticate"), None);
    // Nor does it tell that the client exists.
    let unknown = ask(format!("{GRANT}&client_id=nobody")).send(&clinic.engine);
    assert_eq!(visible(&after), visible(&unknown));
}

#[test]
fn wire_15_every_refused_authentication_is_the_same_bytes_and_the_audit_has_the_reason() {
    let clinic = Clinic::open();
    let cases = cases(&clinic);
    for in_header in [true, false] {
        let mut seen = None;
        for (client, peer, reason) in &cases {
            let request = if in_header {
                ask(GRANT).by_client(client)
            } else {
                ask(format!("{GRANT}&{}", in_form(client)))
            };
            let response = request.from(peer).send(&clinic.engine);
            assert_eq!(refusal(&response), (401, "invalid_client".to_owned()), "{reason}");
            assert_eq!(*seen.get_or_insert_with(|| visible(&response)), visible(&response));
            assert_eq!(reason_of(&clinic.engine, &response), *reason);
        }
    }
}

#[test]
fn wire_15_introspection_and_revocation_refuse_a_caller_with_the_same_bytes() {
    let clinic = Clinic::open();
    let cases = cases(&clinic);
    for path in [INTROSPECT, REVOKE] {
        let mut seen = None;
        for (client, peer, reason) in &cases {
            let request = Request::post(path, "token=x").by_client(client).from(peer);
            let response = request.send(&clinic.engine);
            assert_eq!(refusal(&response), (401, "invalid_client".to_owned()), "{reason}");
            assert_eq!(*seen.get_or_insert_with(|| visible(&response)), visible(&response));
            assert_eq!(reason_of(&clinic.engine, &response), *reason);
        }
    }
}

#[test]
fn wire_15_every_response_carries_a_request_id_of_its_own_that_the_audit_keeps() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let good = ask(GRANT).by_client(&client).send(&clinic.engine);
    let bad = ask(GRANT).basic(&client.id, "x").send(&clinic.engine);
    let denied = ask(format!("{GRANT}&scope=x")).by_client(&client).send(&clinic.engine);
    let lost = Request::get("/nowhere").send(&clinic.engine);
    let mut ids: Vec<_> = [&good, &bad, &denied, &lost].map(request_id).to_vec();
    for id in &ids {
        assert_eq!(id.len(), 32);
    }
    for id in ids.iter().take(3) {
        let explain = AuditExplain { request_id: id.clone() };
        assert!(clinic.engine.run(&admin(), explain).unwrap().held);
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn wire_16_a_grant_that_is_not_the_clients_is_unauthorized_client() {
    let clinic = Clinic::open();
    let request = ClientCreate {
        client_name: Some("Pages only".into()),
        grant_types: Some(vec!["authorization_code".into()]),
        ..ClientCreate::default()
    };
    let client = register_as(&clinic.engine, request);
    let response = ask(GRANT).by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&response), (400, "unauthorized_client".to_owned()));
}

#[test]
fn wire_16_an_unknown_grant_is_unsupported() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for grant in ["password", "implicit", "Client_Credentials", "urn:x:y", "%00", "%C3%A9"] {
        let response = ask(format!("grant_type={grant}")).by_client(&client).send(&clinic.engine);
        let expected = (400, "unsupported_grant_type".to_owned());
        assert_eq!(refusal(&response), expected, "{grant}");
    }
}

#[test]
fn wire_17_a_description_stays_within_its_characters_and_leaks_nothing() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let path = clinic.place.path().display().to_string();
    for body in [
        format!("{GRANT}&scope=%22%5C%00%0A"),
        format!("{GRANT}&scope=%C3%A9%E2%82%AC"),
        format!("{GRANT}&scope={}", "w".repeat(3000)),
        format!("{GRANT}&scope=lab:read'--"),
        format!("{GRANT}&scope=lab:read+no:such"),
        "grant_type=%3Cscript%3E".to_owned(),
        "grant_type=a&grant_type=b".to_owned(),
        "%".to_owned(),
    ] {
        let response = ask(body).by_client(&client).send(&clinic.engine);
        assert_eq!(response.status, 400);
        let description = json(&response)["error_description"].as_str().unwrap().to_owned();
        let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(legal), "{description}");
        assert!(description.len() < 200, "{description}");
        let whole = text(&response);
        for secret in [client.secret.as_str(), path.as_str(), "SELECT", "src/", ".rs"] {
            assert!(!whole.contains(secret), "{whole}");
        }
    }
}

#[test]
fn wire_18_a_busy_store_is_a_503_and_never_a_401() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    ask(GRANT).by_client(&client).token(&clinic.engine);
    let short = std::time::Duration::from_millis(50);
    let impatient = Engine::open(&clinic.place.options().busy_timeout(short)).unwrap();
    let other = clinic.place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let response = ask(GRANT).by_client(&client).send(&impatient);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(refusal(&response), (503, "temporarily_unavailable".to_owned()));
    assert!(response.header("Retry-After").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    assert_eq!(ask(GRANT).by_client(&client).send(&impatient).status, 200);
}

#[test]
fn wire_18_too_many_password_checks_at_once_are_a_503_and_never_a_401() {
    let clinic = Clinic::open();
    clinic.call(
        "client.import",
        json!({"client_id": "old", "client_secret": "correct horse", "client_name": "Old"}),
    );
    let (good, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let response = ask(GRANT).basic("old", "correct horse").send(&clinic.engine);
                match response.status {
                    200 => good.fetch_add(1, Ordering::Relaxed),
                    503 => {
                        assert!(response.header("Retry-After").is_some());
                        busy.fetch_add(1, Ordering::Relaxed)
                    }
                    other => panic!("{other}"),
                };
            });
        }
    });
    assert!(good.load(Ordering::Relaxed) > 0);
    assert_eq!(good.into_inner() + busy.into_inner(), 32);
}

#[test]
fn wire_19_an_unknown_or_unpermitted_scope_is_not_silently_dropped() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for scope in ["no:such", "billing:read", "lab:read+billing:read", "lab:readx", "lab"] {
        let body = format!("{GRANT}&scope={scope}");
        let response = ask(body).by_client(&client).send(&clinic.engine);
        assert_eq!(refusal(&response), (400, "invalid_scope".to_owned()), "{scope}");
    }
}

#[test]
fn wire_19_none_asked_for_gives_the_clients_default_scopes() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let granted = || {
        let response = ask(GRANT).by_client(&client).send(&clinic.engine);
        json(&response)["scope"].as_str().unwrap().to_owned()
    };
    assert_eq!(granted(), "lab:read lab:write");
    clinic.call("client.update", json!({"client_id": client.id, "default_scope": "lab:read"}));
    assert_eq!(granted(), "lab:read");
    clinic.call("client.update", json!({"client_id": client.id, "default_scope": ""}));
    assert_eq!(granted(), "");
    clinic.call("client.update", json!({"client_id": client.id, "default_scope": null}));
    assert_eq!(granted(), "lab:read lab:write");
}

#[test]
fn wire_19_a_duplicate_word_is_tolerated() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let body = format!("{GRANT}&scope=lab:read+lab:read");
    let response = ask(body).by_client(&client).send(&clinic.engine);
    assert_eq!((response.status, &json(&response)["scope"]), (200, &json!("lab:read")));
}

/// Callers that are refused, from where, and the true reasons.
fn cases(clinic: &Clinic) -> Vec<(Registered, &'static str, &'static str)> {
    let engine = &clinic.engine;
    let home = "192.0.2.7";
    let unknown = Registered { id: "nobody".into(), ..register(engine) };
    let wrong = Registered { secret: register(engine).secret, ..register(engine) };
    let mut mistyped = register(engine);
    mistyped.secret.push('x');
    let disabled = register(engine);
    clinic.call("client.disable", json!({"client_id": disabled.id}));
    let revoked = register(engine);
    let which = json!({"client_id": revoked.id, "credential_id": revoked.credential});
    clinic.call("client.secret.revoke", which);
    let now = engine.now().seconds();
    let until = |expires_at: i64| {
        register_as(
            engine,
            ClientCreate {
                client_name: Some("Brief".into()),
                client_secret_expires_at: Some(expires_at),
                ..ClientCreate::default()
            },
        )
    };
    let early = register(engine);
    let new = json!({"client_id": early.id, "not_before": now + 1000});
    let new = clinic.call("client.secret.create", new);
    let early = Registered { secret: new["client_secret"].as_str().unwrap().into(), ..early };
    let elsewhere = register_as(
        engine,
        ClientCreate {
            client_name: Some("Fixed".into()),
            allowed_networks: Some(vec!["10.1.0.0/16".into()]),
            ..ClientCreate::default()
        },
    );
    let public = public_client(clinic);
    let public = Registered { id: public, ..register(engine) };
    vec![
        (unknown, home, "client_unknown"),
        (wrong, home, "secret_wrong"),
        (mistyped, home, "secret_wrong"),
        (disabled, home, "client_disabled"),
        (revoked, home, "secret_revoked"),
        (until(now), home, "secret_expired"),
        (early, home, "secret_not_yet_valid"),
        (elsewhere, home, "peer_not_allowed"),
        (public, home, "authentication_method"),
    ]
}

fn public_client(clinic: &Clinic) -> String {
    let created = clinic.call(
        "client.create",
        json!({
            "client_name": "Page", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
        }),
    );
    created["client_id"].as_str().unwrap().to_owned()
}

fn reason_of(engine: &Engine, response: &HttpResponse) -> String {
    let explain = AuditExplain { request_id: request_id(response) };
    let explanation = engine.run(&admin(), explain).unwrap();
    assert!(explanation.held, "{}", explanation.words);
    explanation.entry.unwrap()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn wire_20_a_scope_of_more_than_4096_characters_is_an_invalid_scope() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let ask_for = |read: usize, write: usize, length: usize| {
        let words = [vec!["lab:read"; read], vec!["lab:write"; write]].concat();
        assert_eq!(words.join("+").len(), length);
        let request = ask(format!("{GRANT}&scope={}", words.join("+")));
        request.by_client(&client).send(&clinic.engine)
    };
    // Words that are there already count once, however often they come.
    assert_eq!(ask_for(453, 2, 4096).status, 200);
    assert_eq!(refusal(&ask_for(452, 3, 4097)), (400, "invalid_scope".to_owned()));
    let words = (0..7000).map(|number| format!("w{number}")).collect::<Vec<_>>().join("+");
    let request = ask(format!("{GRANT}&scope={words}")).by_client(&client);
    assert_eq!(refusal(&request.send(&clinic.engine)), (400, "invalid_scope".to_owned()));
}

/// The story: a scope was parsed before the gate was asked, each word compared with all before it. A
/// client that was disabled could still make the server work, and read that its secret was right.
#[test]
fn wire_15_a_disabled_client_with_a_garbage_scope_reads_what_a_wrong_secret_reads() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("client.disable", json!({"client_id": client.id}));
    let long = format!("{GRANT}&scope={}", "a+b+".repeat(10_000));
    let wrong = ask(GRANT).basic(&client.id, "wrong").send(&clinic.engine);
    for body in [GRANT, &format!("{GRANT}&scope=++"), &format!("{GRANT}&scope=%00%22"), &long] {
        let response = ask(body).by_client(&client).send(&clinic.engine);
        assert_eq!(refusal(&response), (401, "invalid_client".to_owned()));
        assert_eq!(visible(&response), visible(&wrong));
    }
}
