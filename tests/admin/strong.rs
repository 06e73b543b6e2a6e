//! Imported secrets that look random: a keyed digest takes the place of their hash.

use crate::common::{Registered, events, issue, register, try_issue, why};
use crate::http::{Clinic, INTROSPECT, Request, in_form};
use serde_json::json;
use wardkey::Denied;

/// 256 bits in hexadecimal digits, as another system made them.
const HEX: &str = "8c1f0be2975d43a6e1d90c7b52f8a3640e7bd219c5a84f36d02e91b7683fca5d";

/// The same in base64url.
const BASE64: &str = "jB8L4pddQ6bh2Qx7UvijZA570hnFqE820C6Rt2g_yl0";

#[test]
fn a_random_secret_is_a_digest_after_its_first_success() {
    for secret in [HEX, BASE64] {
        let clinic = Clinic::open();
        let client = import(&clinic, "old", secret);
        assert_eq!(stored(&clinic, "old"), ("imported".to_owned(), true));
        assert_eq!(why(try_issue(&clinic.engine, &wrong(&client))), Denied::SecretWrong);
        assert_eq!(stored(&clinic, "old").0, "imported", "a wrong one changes nothing");
        issue(&clinic.engine, &client);
        assert_eq!(stored(&clinic, "old"), ("strong".to_owned(), false));
        issue(&clinic.engine, &client);
        assert_eq!(why(try_issue(&clinic.engine, &wrong(&client))), Denied::SecretWrong);
        let rows = events(&clinic.engine, "secret.strengthen");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["client"], "old");
        assert!(rows[0]["rows"][0]["mac"].is_string());
        // Also for a process that begins anew.
        clinic.engine.close().unwrap();
        let again = clinic.place.open_at(&clinic.clock);
        issue(&again, &client);
        let sql = "SELECT use_count FROM (SELECT sum(uses) AS use_count FROM credential_use)";
        let uses: i64 = clinic.place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(uses, 3);
    }
}

#[test]
fn the_same_secret_at_two_clients_becomes_two_digests() {
    let clinic = Clinic::open();
    let (one, two) = (import(&clinic, "one", HEX), import(&clinic, "two", HEX));
    for client in [&one, &two, &one, &two] {
        issue(&clinic.engine, client);
    }
    assert_eq!(stored(&clinic, "one").0, "strong");
    assert_eq!(stored(&clinic, "two").0, "strong");
    assert_eq!(events(&clinic.engine, "secret.strengthen").len(), 2);
}

#[test]
fn the_same_secret_twice_at_one_client_keeps_nobody_out() {
    let clinic = Clinic::open();
    let client = import(&clinic, "old", HEX);
    clinic.call("client.secret.import", json!({"client_id": "old", "client_secret": HEX}));
    issue(&clinic.engine, &client);
    issue(&clinic.engine, &client);
    assert_eq!(events(&clinic.engine, "secret.strengthen").len(), 1);
    let listed = clinic.call("client.secret.list", json!({"client_id": "old"}));
    let secrets = listed["secrets"].as_array().unwrap();
    let strong = secrets.iter().find(|secret| secret["kind"] == "strong").unwrap();
    clinic.call(
        "client.secret.revoke",
        json!({"client_id": "old", "credential_id": strong["credential_id"]}),
    );
    // The other row is the same secret, still valid, and cannot have the digest that is taken.
    issue(&clinic.engine, &client);
    issue(&clinic.engine, &client);
    assert_eq!(events(&clinic.engine, "secret.strengthen").len(), 1);
}

#[test]
fn a_secret_that_a_person_may_have_chosen_stays_a_hash() {
    let clinic = Clinic::open();
    for (id, secret) in [
        ("words", "correct horse battery staple and thirty-two more characters"),
        ("camel", "CorrectHorseBatteryStapleAndThenSomeMoreWords2026"),
        ("short", "8c1f0be2975d43a6e1d90c7b52f8a364"),
    ] {
        issue(&clinic.engine, &import(&clinic, id, secret));
        assert_eq!(stored(&clinic, id), ("imported".to_owned(), true), "{id}");
    }
    assert!(events(&clinic.engine, "secret.strengthen").is_empty());
}

#[test]
fn guesses_at_a_digest_that_may_be_weak_are_slowed_down_all_the_same() {
    let clinic = Clinic::open();
    let client = import(&clinic, "old", HEX);
    issue(&clinic.engine, &client);
    clinic.engine.close().unwrap();
    let engine = clinic.place.open_at(&clinic.clock);
    for _ in 0..6 {
        assert_eq!(why(try_issue(&engine, &wrong(&client))), Denied::SecretWrong);
    }
    // The right one waits with them: else an answer would tell it apart.
    for secret in [&client, &wrong(&client)] {
        let limited = why(try_issue(&engine, secret));
        assert!(matches!(limited, Denied::RateLimited { .. }), "{limited:?}");
    }
    clinic.pass(2);
    issue(&engine, &client);
    // Proven here, it goes on while others guess; and whoever has a generated secret never waits.
    for _ in 0..20 {
        let _ = try_issue(&engine, &wrong(&client));
    }
    issue(&engine, &client);
    for _ in 0..20 {
        issue(&engine, &register(&engine));
    }
}

#[test]
fn the_first_success_may_be_at_introspection() {
    let clinic = Clinic::open();
    let client = import(&clinic, "old", HEX);
    let body = format!("token=x&{}", in_form(&client));
    assert_eq!(Request::post(INTROSPECT, body).send(&clinic.engine).status, 200);
    assert_eq!(stored(&clinic, "old").0, "strong");
}

fn import(clinic: &Clinic, id: &str, secret: &str) -> Registered {
    let document = json!({"client_id": id, "client_secret": secret, "client_name": "Old"});
    clinic.call("client.import", document);
    Registered { id: id.to_owned(), secret: secret.to_owned(), credential: String::new() }
}

fn wrong(client: &Registered) -> Registered {
    Registered { secret: format!("{}0", client.secret), ..client.clone() }
}

/// The kind of a client's secret, and whether its hash is stored.
fn stored(clinic: &Clinic, id: &str) -> (String, bool) {
    let sql = "SELECT kind, phc IS NOT NULL FROM credential WHERE client_id = ?1";
    clinic.place.sqlite().query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}
