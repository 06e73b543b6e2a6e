//! The life of signing keys: rotation in time and by hand, retirement in an emergency.

use crate::common::{
    Place, Registered, admin, assert_chain_whole, clock, error_of, events, issue, register, verify,
    why,
};
use crate::http::{Clinic, JWKS, Request, json as body_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wardkey::{Denied, Engine, Error, Settings};

const DAY: i64 = 86_400;

#[test]
fn a_key_is_published_two_weeks_ahead_signs_after_ninety_days_and_verifies_until_its_last_token_ends()
 {
    let (clinic, client) = clinic();
    let first = kid(&issue(&clinic.engine, &client));
    clinic.pass(76 * DAY - 1);
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["signing"]);
    clinic.pass(1);
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["signing", "published"]);
    let next = keys(&clinic)[1].clone();
    assert_eq!(published(&clinic), [first.clone(), text(&next["kid"])]);
    assert_eq!(next["active_from"], keys(&clinic)[0]["active_from"].as_i64().unwrap() + 90 * DAY);
    assert_eq!(keys(&clinic)[0]["retired_at"], next["active_from"], "announced");
    clinic.pass(14 * DAY - 1);
    let last = issue(&clinic.engine, &client);
    assert_eq!(kid(&last), first);
    clinic.pass(1);
    let token = issue(&clinic.engine, &client);
    assert_eq!(kid(&token), text(&next["kid"]));
    verify(&clinic.engine, &last).unwrap();
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["verifying", "signing"]);
    verify(&clinic.engine, &last).unwrap();
    assert_eq!(sealed(&clinic, &first), 0, "what never signs again is wiped");
    clinic.pass(3600);
    verify(&clinic.engine, &last).unwrap_err();
    clinic.pass(2);
    assert_eq!(states(&clinic), ["ended", "signing"]);
    assert_eq!(published(&clinic), [text(&next["kid"])]);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn issuing_alone_rotates_too_and_whoever_asks_for_the_key_set_finds_the_next_one() {
    let (clinic, client) = clinic();
    issue(&clinic.engine, &client);
    clinic.pass(80 * DAY);
    issue(&clinic.engine, &client);
    assert_eq!(states(&clinic), ["signing", "published"]);
    let (clinic, client) = self::clinic();
    issue(&clinic.engine, &client);
    clinic.pass(80 * DAY);
    assert_eq!(published(&clinic).len(), 2);
}

#[test]
fn after_months_switched_off_the_next_key_is_still_published_ahead() {
    let (place, clock) = (Place::empty(), clock());
    Engine::create(&place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let first = kid(&issue(&engine, &client));
    drop(engine);
    clock.advance_millis(300 * DAY * 1000);
    let engine = place.open_at(&clock);
    assert_eq!(kid(&issue(&engine, &client)), first);
    let keys = list(&engine);
    assert_eq!(keys[1]["active_from"], engine.now().seconds() + 14 * DAY);
    clock.advance_millis(14 * DAY * 1000);
    assert_eq!(kid(&issue(&engine, &client)), text(&keys[1]["kid"]));
    // Off again, with the next one published: it signs at once.
    clock.advance_millis(80 * DAY * 1000);
    engine.maintain().unwrap();
    let third = text(&list(&engine)[2]["kid"]);
    drop(engine);
    clock.advance_millis(300 * DAY * 1000);
    let engine = place.open_at(&clock);
    assert_eq!(kid(&issue(&engine, &client)), third);
}

#[test]
fn no_key_is_rotated_by_a_clock_that_is_doubted() {
    let (clinic, client) = clinic();
    let first = kid(&issue(&clinic.engine, &client));
    clinic.clock.set_wall(clinic.engine.now().plus_millis(85 * DAY * 1000));
    clinic.pass(0);
    clinic.engine.maintain().unwrap();
    assert_eq!(events(&clinic.engine, "clock.doubt").len(), 1);
    // Time goes on by the monotonic clock, and is doubted all along.
    for _ in 0..20 {
        clinic.pass(5 * DAY);
        clinic.engine.maintain().unwrap();
        assert_eq!(kid(&issue(&clinic.engine, &client)), first);
    }
    assert_eq!(states(&clinic), ["signing"]);
    clinic.clock.set_wall(clinic.engine.now());
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["signing", "published"]);
}

#[test]
fn of_several_processes_one_makes_the_next_key() {
    let (place, clock) = (Place::empty(), clock());
    Engine::create(&place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    let engines: Vec<_> = (0..4).map(|_| place.open_at(&clock)).collect();
    let client = register(&engines[0]);
    issue(&engines[0], &client);
    clock.advance_millis(80 * DAY * 1000);
    std::thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(|| engine.maintain().unwrap());
        }
    });
    for engine in &engines {
        assert_eq!(list(engine).len(), 2);
    }
    assert_eq!(events(&engines[0], "key.make").len(), 2);
    clock.advance_millis(14 * DAY * 1000);
    let kids: Vec<_> = engines.iter().map(|engine| kid(&issue(engine, &client))).collect();
    assert!(kids.iter().all(|kid| *kid == text(&list(&engines[0])[1]["kid"])), "{kids:?}");
    std::thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(|| engine.maintain().unwrap());
        }
    });
    assert_eq!(events(&engines[0], "key.retire").len(), 1);
}

#[test]
fn a_lifetime_of_null_rotates_nothing_and_the_settings_have_bounds() {
    let (clinic, client) = clinic();
    clinic.call("settings.set", json!({"key_lifetime": null}));
    assert_eq!(clinic.call("settings.get", json!({}))["key_lifetime"], Value::Null);
    issue(&clinic.engine, &client);
    for _ in 0..4 {
        clinic.pass(300 * DAY);
        clinic.engine.maintain().unwrap();
    }
    assert_eq!(states(&clinic), ["signing"]);
    for (document, path) in [
        (json!({"key_lifetime": 86_399}), "key_lifetime"),
        (json!({"key_lifetime": 315_576_001}), "key_lifetime"),
        (json!({"key_publish_ahead": 299}), "key_publish_ahead"),
        (json!({"key_lifetime": 86_400, "key_publish_ahead": 86_400}), "key_publish_ahead"),
    ] {
        match clinic.engine.call(&admin(), "settings.set", document.to_string().as_bytes()) {
            Err(Error::InvalidDocument { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{document} {other:?}"),
        }
    }
}

#[test]
fn rotating_now_makes_a_key_of_each_algorithm_in_use_sign_at_once() {
    let (clinic, client) = clinic();
    let old = issue(&clinic.engine, &client);
    clinic.pass(80 * DAY);
    let old_too = issue(&clinic.engine, &client);
    assert_eq!(states(&clinic), ["signing", "published"]);
    clinic.pass(1);
    let rotated = clinic.call("key.rotate", json!({}));
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 1);
    assert_eq!(rotated["keys"][0]["state"], "signing");
    let new = issue(&clinic.engine, &client);
    assert_eq!(kid(&new), text(&rotated["keys"][0]["kid"]));
    assert_ne!(kid(&new), kid(&old));
    verify(&clinic.engine, &old_too).unwrap();
    // The one that was to follow is not needed any more.
    assert_eq!(states(&clinic), ["verifying", "verifying", "signing"]);
    clinic.pass(14 * DAY);
    assert_eq!(kid(&issue(&clinic.engine, &client)), kid(&new));
    let other = clinic.call("key.rotate", json!({"algorithm": "EdDSA"}));
    assert_eq!(other["keys"][0]["algorithm"], "EdDSA");
    for bad in [json!({"algorithm": "HS256"}), json!({"algorithm": ""})] {
        let error =
            error_of(clinic.engine.call(&admin(), "key.rotate", bad.to_string().as_bytes()));
        assert!(matches!(error, Error::InvalidDocument { .. }), "{error}");
    }
}

#[test]
fn tokens_of_a_retired_key_are_refused_at_once_in_every_process_and_for_good() {
    let (clinic, client) = clinic();
    let other = clinic.place.open_at(&clinic.clock);
    let stolen = issue(&clinic.engine, &client);
    verify(&other, &stolen).unwrap();
    clinic.pass(1);
    let retired = clinic.call("key.retire", json!({"kid": kid(&stolen)}));
    assert_eq!(retired["state"], "retired");
    assert_eq!(why(verify(&other, &stolen)), Denied::KeyRetired);
    assert_eq!(why(verify(&clinic.engine, &stolen)), Denied::KeyRetired);
    // A new one was made, and published with it.
    assert_eq!(states(&clinic), ["retired", "signing"]);
    assert_eq!(published(&clinic), [text(&keys(&clinic)[1]["kid"])]);
    let token = issue(&clinic.engine, &client);
    verify(&other, &token).unwrap();
    assert_eq!(sealed(&clinic, &kid(&stolen)), 0);
    // Once more changes nothing, and no time brings it back: it is no matter of the clock.
    clinic.call("key.retire", json!({"kid": kid(&stolen)}));
    assert_eq!(events(&clinic.engine, "key.retire").len(), 1);
    let row: (i64, i64) = clinic
        .place
        .sqlite()
        .query_row(
            "SELECT refused, ends_at FROM signing_key WHERE kid = ?",
            [kid(&stolen)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(row.0, 1);
    // It is never cleared away, or the same key could be imported again.
    clinic.pass(399 * DAY);
    clinic.engine.maintain().unwrap();
    clinic.pass(399 * DAY);
    clinic.engine.maintain().unwrap();
    assert_eq!(
        (&keys(&clinic)[0]["kid"], &keys(&clinic)[0]["state"]),
        (&json!(kid(&stolen)), &json!("retired"))
    );
    let missing = clinic.engine.call(&admin(), "key.retire", br#"{"kid":"nobody"}"#);
    assert!(matches!(error_of(missing), Error::NotFound { .. }));
}

#[test]
fn whoever_got_the_signer_may_have_got_the_next_key_too() {
    let (clinic, client) = clinic();
    issue(&clinic.engine, &client);
    clinic.pass(80 * DAY);
    let token = issue(&clinic.engine, &client);
    assert_eq!(states(&clinic), ["signing", "published"]);
    clinic.pass(1);
    clinic.call("key.retire", json!({"kid": kid(&token)}));
    assert_eq!(states(&clinic), ["retired", "retired", "signing"]);
    // The published one alone: the signer goes on, and another one is published.
    clinic.pass(80 * DAY);
    clinic.engine.maintain().unwrap();
    let next = text(&keys(&clinic)[3]["kid"]);
    clinic.call("key.retire", json!({"kid": next}));
    assert_eq!(states(&clinic), ["retired", "retired", "signing", "retired"]);
    clinic.pass(60);
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic)[4], "published");
}

#[test]
fn a_restore_refuses_every_key_for_good() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    drop(engine);
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    assert_eq!(list(&engine)[0]["state"], "retired");
    assert_eq!(why(verify(&engine, &token)), Denied::KeyRetired);
}

#[test]
fn a_new_algorithm_in_the_settings_retires_the_one_that_nobody_needs_any_more() {
    let (clinic, client) = clinic();
    let old = issue(&clinic.engine, &client);
    clinic.pass(1);
    clinic.call("settings.set", json!({"algorithm": "EdDSA"}));
    let new = issue(&clinic.engine, &client);
    assert_eq!(part(&new)["alg"], "EdDSA");
    verify(&clinic.engine, &old).unwrap();
    assert_eq!(states(&clinic), ["verifying", "signing"]);
    // One that a client is registered for is needed.
    clinic.call("client.update", json!({"client_id": client.id, "algorithm": "EdDSA"}));
    clinic.pass(1);
    clinic.call("settings.set", json!({"algorithm": "ES256"}));
    assert_eq!(states(&clinic), ["verifying", "signing", "signing"]);
    // And what a client no longer needs retires when it would be rotated.
    clinic.call("client.update", json!({"client_id": client.id, "algorithm": null}));
    clinic.pass(80 * DAY);
    clinic.engine.maintain().unwrap();
    let keys = keys(&clinic);
    let living = keys.iter().filter(|key| key["state"] == "signing");
    assert_eq!(living.map(|key| text(&key["algorithm"])).collect::<Vec<_>>(), ["ES256"]);
}

#[test]
fn a_key_is_deleted_when_its_tokens_have_ended_long_ago() {
    let (clinic, client) = clinic();
    let old = issue(&clinic.engine, &client);
    clinic.call("settings.set", json!({"key_lifetime": null}));
    clinic.pass(1);
    clinic.call("key.rotate", json!({}));
    clinic.pass(399 * DAY);
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["ended", "signing"]);
    let found = clinic.call("leak.find", json!({"text": old}));
    assert_eq!(found["client_id"], client.id, "whose it was is known as long");
    clinic.pass(2 * DAY);
    clinic.engine.maintain().unwrap();
    assert_eq!(states(&clinic), ["signing"]);
    assert_eq!(events(&clinic.engine, "key.delete").len(), 1);
    assert_eq!(why(verify(&clinic.engine, &old)), Denied::KeyUnknown);
}

#[test]
fn the_export_has_the_public_keys_the_issuer_and_the_site() {
    let (clinic, client) = clinic();
    issue(&clinic.engine, &client);
    clinic.pass(80 * DAY);
    let token = issue(&clinic.engine, &client);
    let export = clinic.call("key.export", json!({}));
    assert_eq!(export["jwks"], body_of(&Request::get(JWKS).send(&clinic.engine)));
    assert_eq!(export["jwks"]["keys"].as_array().unwrap().len(), 2);
    assert_eq!(export["issuer"], "https://localhost");
    assert!(kid(&token).starts_with(export["site"].as_str().unwrap()));
}

fn clinic() -> (Clinic, Registered) {
    let clinic = Clinic::with(Settings::default());
    let client = register(&clinic.engine);
    (clinic, client)
}

fn list(engine: &Engine) -> Vec<Value> {
    let answer = engine.call(&admin(), "key.list", b"{}").unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["keys"].as_array().unwrap().clone()
}

fn keys(clinic: &Clinic) -> Vec<Value> {
    list(&clinic.engine)
}

fn states(clinic: &Clinic) -> Vec<String> {
    keys(clinic).iter().map(|key| text(&key["state"])).collect()
}

fn published(clinic: &Clinic) -> Vec<String> {
    let body = body_of(&Request::get(JWKS).send(&clinic.engine));
    body["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
}

/// How many bytes are stored of the private key.
fn sealed(clinic: &Clinic, kid: &str) -> i64 {
    let sql = "SELECT length(sealed) FROM signing_key WHERE kid = ?";
    clinic.place.sqlite().query_row(sql, [kid], |row| row.get(0)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn part(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}

fn kid(token: &str) -> String {
    text(&part(token)["kid"])
}
