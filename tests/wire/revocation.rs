//! Conformance 31 again: a revocation by a token's text ends that token, whatever it looks like just now.

use crate::common::{Registered, admin, clock, events, issue, register, revoke, verify, why};
use crate::http::{Clinic, REVOKE, Request, text};
use serde_json::json;
use std::collections::BTreeSet;
use wardkey::admin::TokenRevoke;
use wardkey::{Denied, Engine};

/// The story: a token was only revoked if it was valid, and what was not valid was answered with the same
/// 200. Where the clock had been set back meanwhile, the token came from the future: its owner read that
/// it was revoked, and it was valid again when the clock was right.
#[test]
fn a_token_that_looks_as_if_it_came_from_the_future_is_revoked() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    // The first token makes its key, and from that change every process has the time.
    issue(&clinic.engine, &client);
    for form in ["jwt", "opaque"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        for by_operator in [false, true] {
            let behind = clinic.place.open_at(&clock());
            clinic.pass(1800);
            let token = issue(&clinic.engine, &client);
            assert!(behind.now() < clinic.engine.now());
            if by_operator {
                revoke(&behind, &token).unwrap();
            } else {
                send_revocation(&behind, &token, &client);
            }
            assert_eq!(why(verify(&clinic.engine, &token)), Denied::TokenRevoked);
        }
    }
}

#[test]
fn a_token_of_another_issuer_or_audience_is_revoked_and_stays_so_when_they_are_set_back() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for setting in ["issuer", "audience"] {
        let before = clinic.call("settings.get", json!({}))[setting].clone();
        for form in ["jwt", "opaque"] {
            clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
            let (one, two) = (issue(&clinic.engine, &client), issue(&clinic.engine, &client));
            clinic.call("settings.set", json!({setting: "https://new.example"}));
            send_revocation(&clinic.engine, &one, &client);
            revoke(&clinic.engine, &two).unwrap();
            clinic.call("settings.set", json!({setting: before}));
            for token in [&one, &two] {
                assert_eq!(why(verify(&clinic.engine, token)), Denied::TokenRevoked);
            }
        }
    }
}

#[test]
fn an_expired_token_is_revoked_and_its_row_goes_like_any_other() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let mut ended = BTreeSet::new();
    for form in ["jwt", "opaque"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        let token = issue(&clinic.engine, &client);
        ended.insert(verify(&clinic.engine, &token).unwrap().token_id);
        clinic.pass(3600);
        send_revocation(&clinic.engine, &token, &client);
    }
    let rows = events(&clinic.engine, "token.revoke");
    let revoked = rows.iter().filter(|row| row["outcome"] == "done" && row["client"] == client.id);
    let revoked: BTreeSet<_> =
        revoked.map(|row| row["token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(revoked, ended);
    clinic.pass(3601);
    (0..2).for_each(|_| drop(issue(&clinic.engine, &client)));
    let sqlite = clinic.place.sqlite();
    let left: u32 =
        sqlite.query_row("SELECT count(*) FROM revoked_token", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_its_client_or_its_secret_lost_does_not_keep_a_token_from_being_revoked() {
    let clinic = Clinic::open();
    let other_secret = |client: &Registered| {
        let made = clinic.call("client.secret.create", json!({"client_id": client.id}));
        let secret = made["client_secret"].as_str().unwrap().to_owned();
        Registered { secret, ..client.clone() }
    };
    let ended: [&dyn Fn(&Registered); 3] = [
        &|client| {
            clinic.call("client.revoke", json!({"client_id": client.id}));
        },
        &|client| {
            let which = json!({"client_id": client.id, "credential_id": client.credential});
            clinic.call("client.secret.revoke", which);
        },
        &|client| {
            let none = json!({"client_id": client.id, "grant_types": ["authorization_code"]});
            clinic.call("client.update", none);
        },
    ];
    for end in ended {
        let client = register(&clinic.engine);
        let token = issue(&clinic.engine, &client);
        let caller = other_secret(&client);
        end(&client);
        send_revocation(&clinic.engine, &token, &caller);
        let rows = events(&clinic.engine, "token.revoke");
        assert!(rows.iter().any(|row| row["client"] == client.id && row["outcome"] == "done"));
    }
}

#[test]
fn a_token_of_a_retired_key_and_an_ended_epoch_is_revoked() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let jwt = issue(&clinic.engine, &client);
    clinic.call("client.update", json!({"client_id": client.id, "token_format": "opaque"}));
    let opaque = issue(&clinic.engine, &client);
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let engine = Engine::restore(&place.options().clock(clock), &admin()).unwrap();
    assert_eq!(why(verify(&engine, &jwt)), Denied::KeyRetired);
    assert_eq!(why(verify(&engine, &opaque)), Denied::EpochEnded);
    for token in [&jwt, &opaque] {
        revoke(&engine, token).unwrap();
    }
    assert_eq!(events(&engine, "token.revoke").len(), 2);
}

#[test]
fn a_token_is_revoked_twice_and_recorded_twice_by_who_proved_who_it_is() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    for _ in 0..2 {
        send_revocation(&clinic.engine, &token, &client);
    }
    assert_eq!(events(&clinic.engine, "token.revoke").len(), 2);
}

/// The story: to revoke, a public client gives its id and proves nothing. Each request of anybody who
/// knew that id, with any token that he had, wrote a row to the audit, and synced it.
#[test]
fn who_proved_nothing_writes_no_row_with_each_request() {
    let clinic = Clinic::open();
    let (client, page) = (register(&clinic.engine), register(&clinic.engine));
    let (foreign, own) = (issue(&clinic.engine, &client), issue(&clinic.engine, &page));
    let expired = issue(&clinic.engine, &page);
    clinic.pass(7201);
    let (foreign_too, own_too) = (issue(&clinic.engine, &client), issue(&clinic.engine, &page));
    let public = json!({
        "client_id": page.id, "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
    });
    clinic.call("client.update", public);
    let commits = || -> i64 {
        let sqlite = clinic.place.sqlite();
        sqlite.query_row("SELECT commits FROM state", [], |row| row.get(0)).unwrap()
    };
    let by_id = |token: &str| {
        let body = format!("token={token}&client_id={}", page.id);
        let response = Request::post(REVOKE, body).send(&clinic.engine);
        assert_eq!((response.status, text(&response).as_str()), (200, "{}"));
    };
    // Its own, once.
    by_id(&own_too);
    let before = commits();
    for _ in 0..100 {
        for token in [&foreign, &foreign_too, &own, &expired, &own_too] {
            by_id(token);
        }
    }
    assert_eq!(commits(), before);
    let rows = events(&clinic.engine, "request.refuse");
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| {
            assert_eq!(row["client"], page.id);
            (row["reason"].as_str().unwrap(), row["count"].as_u64().unwrap())
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("token_expired", 200), ("token_foreign", 200), ("token_revoked", 100)]);
    assert_eq!(events(&clinic.engine, "token.revoke").len(), 1);
    verify(&clinic.engine, &foreign_too).unwrap();
}

#[test]
fn what_is_none_of_our_tokens_is_told_to_an_operator_and_not_to_a_client() {
    let (clinic, elsewhere) = (Clinic::open(), Clinic::open());
    let client = register(&clinic.engine);
    let foreign = issue(&elsewhere.engine, &register(&elsewhere.engine));
    let token = issue(&clinic.engine, &client);
    // The last character of a signature is one of four.
    let last = if token.ends_with('A') { 'Q' } else { 'A' };
    let bent = format!("{}{last}", &token[..token.len() - 1]);
    for token in ["x", &foreign, &bent, &"F".repeat(64)] {
        send_revocation(&clinic.engine, token, &client);
        let request = TokenRevoke { token: Some(token.into()), jti: None };
        clinic.engine.run(&admin(), request).unwrap_err();
    }
    assert!(events(&clinic.engine, "token.revoke").is_empty());
    verify(&clinic.engine, &token).unwrap();
}

#[track_caller]
fn send_revocation(engine: &Engine, token: &str, caller: &Registered) {
    let response = Request::post(REVOKE, format!("token={token}")).by_client(caller).send(engine);
    assert_eq!((response.status, text(&response).as_str()), (200, "{}"));
}
