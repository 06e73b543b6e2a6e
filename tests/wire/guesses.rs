//! Guesses at secrets that were imported from another system, as they look from outside.

use crate::common::{Registered, admin, bench, events, issue, register, try_issue, why};
use crate::http::{Clinic, GRANT, INTROSPECT, Request, ask, in_form, refusal, request_id, visible};
use serde_json::{Value, json};
use wardkey::{Denied, Error};

const HOME: &str = "192.0.2.7";
const AWAY: &str = "198.51.100.1";

#[test]
fn wrong_secrets_are_slowed_down_and_the_wait_ends() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({}));
    let wrong = guessed(&client, "wrong secret");
    for _ in 0..6 {
        assert_eq!(refusal(&wrong.send(&clinic.engine)), (401, "invalid_client".into()));
    }
    for (wait, next) in [("1", 1), ("2", 2), ("4", 4)] {
        // conformance 18; right or wrong, it is not looked at.
        for request in [&wrong, &guessed(&client, &client.secret)] {
            let response = request.send(&clinic.engine);
            assert_eq!(refusal(&response), (429, "slow_down".into()));
            assert_eq!(response.header("retry-after"), Some(wait));
        }
        clinic.pass(next);
        assert_eq!(wrong.send(&clinic.engine).status, 401);
    }
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::RateLimited { retry_after: 8 });
    clinic.pass(8);
    assert_eq!(guessed(&client, &client.secret).send(&clinic.engine).status, 200);
    // A right one clears the place.
    for _ in 0..6 {
        assert_eq!(wrong.send(&clinic.engine).status, 401);
    }
    assert_eq!(wrong.send(&clinic.engine).status, 429);
}

#[test]
fn the_endpoints_share_one_throttle_and_its_refusals_are_gathered() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({}));
    let body = format!("token=x&client_id={}&client_secret=wrong+secret", client.id);
    let introspect = Request::post(INTROSPECT, body);
    for _ in 0..6 {
        assert_eq!(introspect.send(&clinic.engine).status, 401);
    }
    let limited = guessed(&client, "wrong secret").send(&clinic.engine);
    assert_eq!(limited.status, 429);
    assert_eq!(introspect.send(&clinic.engine).status, 429);
    let rows = events(&clinic.engine, "request.refuse");
    let row = |reason: &str| rows.iter().find(|row| row["reason"] == reason).unwrap();
    assert_eq!(
        (&row("secret_wrong")["count"], &row("rate_limited")["count"]),
        (&6.into(), &2.into())
    );
    assert_eq!(row("rate_limited")["client"], client.id);
    assert!(row("rate_limited")["requests"].to_string().contains(&request_id(&limited)));
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_client_at_work_goes_on_while_others_guess() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({}));
    issue(&clinic.engine, &client);
    // From everywhere: each /64 is a place of its own, and the client's allowance ends it.
    let wrong = guessed(&client, "wrong secret");
    let send =
        |n: usize| wrong.clone().from(&format!("2001:db8:0:{n:x}::1")).send(&clinic.engine).status;
    let hashed = (0..300).filter(|n| send(*n) == 401).count();
    assert_eq!(hashed, 101);
    issue(&clinic.engine, &client);
    // Somebody else who has the right secret, but never showed it, waits like any guess.
    let right = guessed(&client, &client.secret);
    assert_eq!(right.clone().from(AWAY).send(&clinic.engine).status, 429);
    // At the client's own address too.
    for _ in 0..20 {
        assert_eq!(wrong.send(&clinic.engine).status, 429);
        assert_eq!(right.send(&clinic.engine).status, 200);
    }
    // Other clients have nothing to do with it.
    let other = import(&clinic, json!({"client_id": "other"}));
    issue(&clinic.engine, &other);
    issue(&clinic.engine, &register(&clinic.engine));
}

#[test]
fn one_64_is_one_place() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({}));
    let wrong = guessed(&client, "wrong secret");
    let send =
        |n: usize| wrong.clone().from(&format!("2001:db8::{n:x}")).send(&clinic.engine).status;
    assert_eq!((0..50).filter(|n| send(*n) == 401).count(), 6);
    assert_eq!(wrong.clone().from(AWAY).send(&clinic.engine).status, 401);
    let unknown = || wrong.clone().nowhere().send(&clinic.engine).status;
    assert_eq!((0..50).filter(|_| unknown() == 401).count(), 6);
}

#[test]
fn from_a_wrong_address_a_right_and_a_wrong_secret_are_the_same_and_no_guess() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({"allowed_networks": [HOME]}));
    let nobody = guessed(&Registered { id: "nobody".into(), ..client.clone() }, "wrong secret");
    let expected = visible(&nobody.from(AWAY).send(&clinic.engine));
    for secret in ["wrong secret", &client.secret] {
        let request = guessed(&client, secret);
        for _ in 0..10 {
            // Hashed, the seventh would have to wait.
            assert_eq!(visible(&request.clone().from(AWAY).send(&clinic.engine)), expected);
            assert_eq!(visible(&request.clone().nowhere().send(&clinic.engine)), expected);
        }
    }
    issue(&clinic.engine, &client);
    assert_eq!(
        visible(&guessed(&client, &client.secret).from(AWAY).send(&clinic.engine)),
        expected
    );
    clinic.call("client.disable", json!({"client_id": client.id}));
    for secret in ["wrong secret", &client.secret] {
        for _ in 0..10 {
            assert_eq!(visible(&guessed(&client, secret).send(&clinic.engine)), expected);
        }
    }
    let rows = events(&clinic.engine, "request.refuse");
    let count = |reason: &str| {
        let rows = rows.iter().filter(|row| row["reason"] == reason);
        rows.map(|row| row["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(count("peer_not_allowed"), 21);
    assert_eq!(count("peer_unknown"), 20);
    assert_eq!(count("client_disabled"), 20);
    assert_eq!(count("secret_wrong"), 0);
}

#[test]
fn a_basic_header_that_is_sent_raw_is_no_failure() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({"client_secret": "100%+safe%41"}));
    let raw = ask(GRANT).basic(&client.id, &client.secret);
    for _ in 0..20 {
        assert_eq!(raw.send(&clinic.engine).status, 200);
    }
    let wrong = ask(GRANT).basic(&client.id, "100%+safe%42");
    for _ in 0..6 {
        assert_eq!(wrong.send(&clinic.engine).status, 401);
    }
    assert_eq!(wrong.send(&clinic.engine).status, 429);
    assert_eq!(raw.send(&clinic.engine).status, 200);
}

#[test]
fn while_a_client_that_sends_raw_changes_its_secret_both_of_them_work() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({"client_secret": "first+secret"}));
    clinic.call(
        "client.secret.import",
        json!({"client_id": client.id, "client_secret": "second+secret"}),
    );
    for secret in ["first+secret", "second+secret"] {
        let raw = ask(GRANT).basic(&client.id, secret);
        let first = raw.send(&clinic.engine);
        if first.status != 200 {
            // Two readings and two secrets are more than one request may hash.
            assert_eq!(refusal(&first), (503, "temporarily_unavailable".into()));
            assert_eq!(first.header("retry-after"), Some("1"));
            clinic.pass(1);
            assert_eq!(raw.send(&clinic.engine).status, 200, "{secret}");
        }
        assert_eq!(raw.send(&clinic.engine).status, 200, "{secret}");
    }
}

#[test]
fn a_secret_that_was_revoked_or_replaced_is_forgotten() {
    let clinic = Clinic::open();
    let client = import(&clinic, json!({}));
    issue(&clinic.engine, &client);
    let listed = clinic.call("client.secret.list", json!({"client_id": client.id}));
    let credential_id = &listed["secrets"][0]["credential_id"];
    let id = json!({"client_id": client.id, "credential_id": credential_id});
    clinic.call("client.secret.revoke", id);
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::SecretWrong);
    clinic.call(
        "client.secret.import",
        json!({"client_id": client.id, "client_secret": "the next secret"}),
    );
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::SecretWrong);
    issue(&clinic.engine, &Registered { secret: "the next secret".into(), ..client });
}

#[test]
fn a_generated_secret_beside_an_imported_one_never_waits() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call(
        "client.secret.import",
        json!({"client_id": client.id, "client_secret": "correct horse"}),
    );
    let limited = (0..20).filter(|_| {
        let response = guessed(&client, "wrong secret").send(&clinic.engine);
        response.status == 429
    });
    assert_eq!(limited.count(), 14);
    issue(&clinic.engine, &client);
    // What looks like a generated secret is compared to those alone, and needs no hash.
    let other = register(&clinic.engine);
    let mixed = Registered { secret: other.secret, ..client };
    assert_eq!(why(try_issue(&clinic.engine, &mixed)), Denied::SecretWrong);
}

/// A client of another system, unless `change` says otherwise.
fn import(clinic: &Clinic, change: Value) -> Registered {
    let mut document = json!({
        "client_id": "old", "client_secret": "correct horse", "client_name": "Old",
        "scope": "lab:read",
    });
    for (member, value) in change.as_object().unwrap() {
        document[member] = value.clone();
    }
    let json = document.to_string();
    let imported: Result<_, Error> = clinic.engine.call(&admin(), "client.import", json.as_bytes());
    imported.unwrap();
    let text = |member: &str| document[member].as_str().unwrap().to_owned();
    Registered { id: text("client_id"), secret: text("client_secret"), credential: String::new() }
}

/// A token request with this secret, from the bench.
fn guessed(client: &Registered, secret: &str) -> Request<'static> {
    let client = Registered { secret: secret.replace(' ', "+"), ..client.clone() };
    ask(format!("{GRANT}&{}", in_form(&client))).within(bench())
}
