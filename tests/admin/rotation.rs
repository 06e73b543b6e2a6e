//! `client.secret.rotate` and what an operator asks around it: who still uses the old one, what ends soon.

use crate::common::{
    Registered, admin, assert_chain_whole, events, issue, register, try_issue, verify, why,
};
use crate::http::{Clinic, INTROSPECT, Request, in_form};
use serde_json::{Value, json};
use wardkey::{Denied, Error};

#[test]
fn the_old_secret_ends_by_itself_after_the_overlap_and_what_it_obtained_lives_on() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let now = clinic.engine.now().seconds();
    let rotated = rotate(&clinic, &old, json!({"overlap": 60, "label": "autumn"}));
    let new = registered(&old, &rotated);
    assert_eq!(
        (&rotated["replaces"], &rotated["label"]),
        (&json!(old.credential), &json!("autumn"))
    );
    assert_eq!(rotated["replaced"]["expires_at"], now + 60);
    assert_eq!(rotated["replaced"]["replaced_by"], new.credential);
    assert_eq!(rotated["replaced"]["revoked_at"], Value::Null);
    let token = issue(&clinic.engine, &old);
    issue(&clinic.engine, &new);
    clinic.clock.advance_millis(59_999);
    issue(&clinic.engine, &old);
    clinic.clock.advance_millis(1);
    assert_eq!(why(try_issue(&clinic.engine, &old)), Denied::SecretExpired);
    issue(&clinic.engine, &new);
    verify(&clinic.engine, &token).unwrap();
    assert_chain_whole(&clinic.engine);
}

#[test]
fn the_overlap_is_fourteen_days_unless_it_is_said_and_at_most_a_year() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let now = clinic.engine.now().seconds();
    let rotated = rotate(&clinic, &old, json!({}));
    assert_eq!(rotated["replaced"]["expires_at"], now + 14 * 86_400);
    let new = registered(&old, &rotated);
    let document =
        json!({"client_id": new.id, "credential_id": new.credential, "overlap": 31_622_401});
    assert_eq!(refused_member(&clinic, "client.secret.rotate", &document), "overlap");
    let document = json!({"client_id": new.id, "credential_id": new.credential, "expires_at": now});
    assert_eq!(refused_member(&clinic, "client.secret.rotate", &document), "expires_at");
}

#[test]
fn without_overlap_the_old_secret_ends_at_the_same_instant() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let token = issue(&clinic.engine, &old);
    let new = registered(&old, &rotate(&clinic, &old, json!({"overlap": 0})));
    assert_eq!(why(try_issue(&clinic.engine, &old)), Denied::SecretExpired);
    verify(&clinic.engine, &token).unwrap();
    // And once more at the same instant: each has one successor, and only the last one is valid.
    let newest = registered(&old, &rotate(&clinic, &new, json!({"overlap": 0})));
    assert_eq!(why(try_issue(&clinic.engine, &new)), Denied::SecretExpired);
    issue(&clinic.engine, &newest);
    let listed = list(&clinic, &old);
    assert_eq!(listed[old.credential.as_str()]["replaced_by"], new.credential);
    assert_eq!(listed[new.credential.as_str()]["replaced_by"], newest.credential);
}

#[test]
fn a_rotation_lengthens_no_secrets_life() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let end = clinic.engine.now().seconds() + 30;
    update(&clinic, &client, json!({"expires_at": end}));
    let rotated = rotate(&clinic, &client, json!({"overlap": 60}));
    assert_eq!(rotated["replaced"]["expires_at"], end);
    // One that has ended already stays ended, and has a successor all the same.
    let new = registered(&client, &rotated);
    update(&clinic, &new, json!({"expires_at": end - 30}));
    let rotated = rotate(&clinic, &new, json!({}));
    assert_eq!(rotated["replaced"]["expires_at"], end - 30);
    assert_eq!(why(try_issue(&clinic.engine, &new)), Denied::SecretExpired);
}

#[test]
fn which_secret_gives_way_must_be_clear() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let unnamed = json!({"client_id": client.id});
    let first = clinic.call("client.secret.rotate", unnamed.clone());
    assert_eq!(first["replaces"], client.credential);
    // Two live now: somebody who presses twice does not end what the first press made.
    assert_eq!(refused_member(&clinic, "client.secret.rotate", &unnamed), "credential_id");
    let named = json!({"client_id": client.id, "credential_id": client.credential});
    let why = conflict(&clinic, &named);
    assert!(why.contains(first["credential_id"].as_str().unwrap()), "{why}");
    // The new one was lost on the way: it is revoked, and the old one may be rotated again.
    let lost = json!({"client_id": client.id, "credential_id": first["credential_id"]});
    clinic.call("client.secret.revoke", lost);
    let second = clinic.call("client.secret.rotate", named);
    assert_eq!(second["replaced"]["replaced_by"], second["credential_id"]);
    for id in [json!(client.credential), second["credential_id"].clone()] {
        clinic.call("client.secret.revoke", json!({"client_id": client.id, "credential_id": id}));
    }
    let text = unnamed.to_string();
    let none = clinic.engine.call(&admin(), "client.secret.rotate", text.as_bytes());
    assert!(
        matches!(none, Err(Error::NotFound { what: "valid secret of client", .. })),
        "{none:?}"
    );
    assert_chain_whole(&clinic.engine);
}

#[test]
fn secrets_that_have_ended_do_not_count_so_the_thirty_third_rotation_is_like_the_first() {
    let clinic = Clinic::open();
    let mut client = register(&clinic.engine);
    for _ in 0..33 {
        client = registered(&client, &rotate(&clinic, &client, json!({"overlap": 0})));
    }
    issue(&clinic.engine, &client);
    // With an overlap, those that still live count.
    for _ in 0..31 {
        client = registered(&client, &rotate(&clinic, &client, json!({"overlap": 60})));
    }
    let document = json!({"client_id": client.id, "credential_id": client.credential});
    assert!(conflict(&clinic, &document).contains("at most 32"));
    clinic.pass(60);
    rotate(&clinic, &client, json!({}));
}

#[test]
fn a_secret_that_ended_is_forgotten_when_nothing_of_it_can_live() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let new = registered(&old, &rotate(&clinic, &old, json!({"overlap": 0})));
    clinic.pass(30 * 86_400 + 3600);
    issue(&clinic.engine, &new);
    issue(&clinic.engine, &new);
    assert_eq!(list(&clinic, &old).as_object().unwrap().len(), 2);
    clinic.pass(1);
    issue(&clinic.engine, &new);
    issue(&clinic.engine, &new);
    let listed = list(&clinic, &old);
    assert_eq!(listed.as_object().unwrap().len(), 1);
    assert_eq!(listed[new.credential.as_str()]["replaces"], old.credential);
    let later = clinic.place.open_at(&clinic.clock);
    assert_eq!(why(try_issue(&later, &old)), Denied::SecretWrong);
}

#[test]
fn who_still_uses_the_old_secret_is_told_by_its_own_uses_not_by_those_of_its_tokens() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let token = issue(&clinic.engine, &old);
    let new = registered(&old, &rotate(&clinic, &old, json!({})));
    // At the same instant: it was used before the rotation, and its token after it.
    verify(&clinic.engine, &token).unwrap();
    let before = list(&clinic, &old)[old.credential.as_str()].clone();
    assert_eq!((&before["used_since_rotation"], &before["use_count"]), (&json!(false), &json!(1)));
    assert_eq!(before["peers"][0]["authentications"], 1);
    assert_eq!(before["peers"][0]["token_uses"], 1);
    assert!(events(&clinic.engine, "secret.old_use").is_empty());
    clinic.pass(5);
    issue(&clinic.engine, &old);
    issue(&clinic.engine, &old);
    let after = list(&clinic, &old)[old.credential.as_str()].clone();
    assert_eq!((&after["used_since_rotation"], &after["use_count"]), (&json!(true), &json!(3)));
    assert_eq!(after["last_used_at"], clinic.engine.now().seconds());
    assert_eq!(after["peers"][0]["authenticated_at"], clinic.engine.now().seconds());
    let told = events(&clinic.engine, "secret.old_use");
    assert_eq!(told.len(), 1, "once for each rotation");
    assert_eq!(told[0]["credential"], old.credential);
    assert_eq!(told[0]["detail"]["replaced_by"], new.credential);
    assert_eq!(told[0]["peer"], "192.0.2.7");
    assert_eq!(list(&clinic, &old)[new.credential.as_str()]["used_since_rotation"], Value::Null);
}

#[test]
fn the_first_use_of_a_new_secret_is_a_row_of_its_own_and_on_disk_with_its_token() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    issue(&clinic.engine, &old);
    assert!(events(&clinic.engine, "secret.first_use").is_empty(), "nothing was rotated");
    let new = registered(&old, &rotate(&clinic, &old, json!({})));
    issue(&clinic.engine, &new);
    issue(&clinic.engine, &new);
    let sql = "SELECT count(*) FROM audit WHERE row ->> '$.event' = 'secret.first_use'";
    let rows: i64 = clinic.place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    let told = events(&clinic.engine, "secret.first_use");
    assert_eq!(told[0]["credential"], new.credential);
    assert_eq!(told[0]["detail"]["replaces"], old.credential);
}

#[test]
fn a_secret_that_only_introspects_is_used_too() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    rotate(&clinic, &old, json!({}));
    let body = format!("token=x&{}", in_form(&old));
    assert_eq!(Request::post(INTROSPECT, body).send(&clinic.engine).status, 200);
    let listed = list(&clinic, &old)[old.credential.as_str()].clone();
    assert_eq!((&listed["used_since_rotation"], &listed["use_count"]), (&json!(true), &json!(1)));
    assert_eq!(events(&clinic.engine, "secret.old_use").len(), 1);
}

#[test]
fn uses_that_obtain_nothing_are_gathered_into_rows_of_their_own() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    issue(&clinic.engine, &client);
    for _ in 0..3 {
        let body = format!("token=x&{}", in_form(&client));
        assert_eq!(Request::post(INTROSPECT, body).send(&clinic.engine).status, 200);
    }
    // Nothing else is new: they are all that the next write has to tell.
    clinic.engine.maintain().unwrap();
    let rows = events(&clinic.engine, "secret.use");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["count"], &rows[0]["credential"]), (&json!(3), &json!(client.credential)));
    assert_eq!(list(&clinic, &client)[client.credential.as_str()]["use_count"], 4);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn a_secret_is_used_also_when_its_client_gets_nothing_for_it() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    rotate(&clinic, &old, json!({}));
    let refused = crate::http::ask("grant_type=client_credentials&scope=lab:none").by_client(&old);
    assert_eq!(refused.send(&clinic.engine).status, 400);
    assert_eq!(list(&clinic, &old)[old.credential.as_str()]["used_since_rotation"], true);
}

#[test]
fn tokens_used_in_many_places_leave_alone_where_the_secret_was_used() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    for host in 0..100_u8 {
        clinic.pass(1);
        let peer = Some([198, 51, 100, host].into());
        let context = wardkey::Context { peer, secure: true, ..wardkey::Context::default() };
        clinic.engine.verify(token.as_bytes(), wardkey::Required::ANY, &context).unwrap();
        clinic.engine.maintain().unwrap();
    }
    let listed = list(&clinic, &client)[client.credential.as_str()].clone();
    let peers = listed["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 65);
    let own = peers.iter().find(|peer| peer["peer"] == "192.0.2.7/32").unwrap();
    assert_eq!((&own["authentications"], &own["token_used_at"]), (&json!(1), &Value::Null));
}

#[test]
fn what_ends_soon_is_listed_over_all_clients_the_soonest_first_page_by_page() {
    let clinic = Clinic::open();
    let now = clinic.engine.now().seconds();
    let clients: Vec<_> = (0..5).map(|_| register(&clinic.engine)).collect();
    for (client, seconds) in clients.iter().zip([50, 10, 30, 10, 40]) {
        update(&clinic, client, json!({"expires_at": now + seconds}));
    }
    let ends = |page: &Value| -> Vec<i64> {
        let secrets = page["secrets"].as_array().unwrap();
        secrets.iter().map(|secret| secret["expires_at"].as_i64().unwrap() - now).collect()
    };
    let expiring = |document| clinic.call("client.secret.expiring", document);
    assert_eq!(ends(&expiring(json!({}))), [10, 10, 30, 40, 50]);
    assert_eq!(ends(&expiring(json!({"within": 30}))), [10, 10, 30]);
    assert!(ends(&expiring(json!({"within": 0}))).is_empty());
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let mut document = json!({"limit": 1});
        after.into_iter().for_each(|after: Value| document["after"] = after);
        let page = expiring(document);
        seen.extend(ends(&page));
        match page.get("next") {
            Some(next) => after = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(seen, [10, 10, 30, 40, 50]);
    let revoked = json!({"client_id": clients[2].id, "credential_id": clients[2].credential});
    clinic.call("client.secret.revoke", revoked);
    clinic.clock.advance_millis(10_000);
    assert_eq!(ends(&expiring(json!({}))), [40, 50]);
    for after in ["", "x", "1", "1.x", ".AAAAAAAAAAA", "x.AAAAAAAAAAA"] {
        let document = json!({"after": after});
        assert_eq!(
            refused_member(&clinic, "client.secret.expiring", &document),
            "after",
            "{after}"
        );
    }
}

#[test]
fn an_end_is_no_revocation_and_can_be_taken_back() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let now = clinic.engine.now().seconds();
    let ended = update(&clinic, &client, json!({"expires_at": now, "label": "old"}));
    assert_eq!((&ended["expires_at"], &ended["label"]), (&json!(now), &json!("old")));
    assert_eq!(why(try_issue(&clinic.engine, &client)), Denied::SecretExpired);
    verify(&clinic.engine, &token).unwrap();
    let living = update(&clinic, &client, json!({"expires_at": null}));
    assert_eq!((&living["expires_at"], &living["label"]), (&Value::Null, &json!("old")));
    issue(&clinic.engine, &client);
    let rows = events(&clinic.engine, "secret.update");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["detail"]["ends_at"], "never");
    assert_eq!(rows[1]["actor"], "anna");
    for (member, value) in [
        ("expires_at", json!(-1)),
        ("expires_at", json!(253_402_300_800_i64)),
        ("label", json!("a\nb")),
        ("label", json!(null)),
    ] {
        let mut document = json!({"client_id": client.id, "credential_id": client.credential});
        document[member] = value;
        assert_eq!(refused_member(&clinic, "client.secret.update", &document), member);
    }
}

#[test]
fn a_leap_of_the_clock_ends_what_it_passes_and_nothing_that_has_ended_comes_back_with_it() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let new = registered(&old, &rotate(&clinic, &old, json!({"overlap": 3 * 86_400})));
    let other = wardkey::Engine::open(&clinic.place.options_at(&clinic.clock)).unwrap();
    // Six days in no time: believed, since a machine may have been asleep..
    clinic.clock.set_wall(clinic.engine.now().plus_millis(6 * 86_400_000));
    let rotated = register(&clinic.engine);
    rotate(&clinic, &rotated, json!({"overlap": 0}));
    for engine in [&clinic.engine, &other] {
        issue(engine, &new);
        assert_eq!(why(try_issue(engine, &old)), Denied::SecretExpired);
        assert_eq!(why(try_issue(engine, &rotated)), Denied::SecretExpired);
    }
    // A month of a clock that is set forward each day, as where a machine is paused each night.
    for _ in 0..30 {
        clinic.clock.set_wall(clinic.engine.now().plus_millis(2 * 3_600_000));
        clinic.clock.advance_millis(22 * 3_600_000);
        assert_eq!(why(try_issue(&clinic.engine, &rotated)), Denied::SecretExpired);
    }
}

#[test]
fn time_that_really_passed_ends_an_overlap_also_while_nothing_ran() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    rotate(&clinic, &old, json!({"overlap": 3600}));
    // A weekend in which the process ran but was asked nothing, and one in which the machine was off.
    clinic.clock.advance_millis(3 * 86_400_000);
    assert_eq!(why(try_issue(&clinic.engine, &old)), Denied::SecretExpired);
    let other = register(&clinic.engine);
    rotate(&clinic, &other, json!({"overlap": 3600}));
    clinic.engine.close().unwrap();
    clinic.clock.advance_millis(3 * 86_400_000);
    let again = clinic.place.open_at(&clinic.clock);
    assert_eq!(why(try_issue(&again, &other)), Denied::SecretExpired);
}

#[test]
fn a_rotation_is_told_as_two_rows_one_of_each_secret() {
    let clinic = Clinic::open();
    let old = register(&clinic.engine);
    let rotated = rotate(&clinic, &old, json!({"overlap": 60}));
    let ended = events(&clinic.engine, "secret.end");
    let made = events(&clinic.engine, "secret.rotate");
    assert_eq!((ended.len(), made.len()), (1, 1));
    assert_eq!(ended[0]["credential"], old.credential);
    assert_eq!(made[0]["credential"], rotated["credential_id"]);
    assert_eq!(made[0]["detail"]["replaces"], old.credential);
    for row in [&ended[0], &made[0]] {
        assert_eq!((&row["actor"], &row["client"]), (&json!("anna"), &json!(old.id)));
        let named = &row["rows"][0];
        assert_eq!((&named["table"], &named["id"]), (&json!("credential"), &row["credential"]));
        assert!(named["mac"].is_string() && named["version"].is_u64());
    }
    assert!(!made[0].to_string().contains(rotated["client_secret"].as_str().unwrap()));
}

#[track_caller]
fn rotate(clinic: &Clinic, client: &Registered, members: Value) -> Value {
    clinic.call("client.secret.rotate", with(client, members))
}

#[track_caller]
fn update(clinic: &Clinic, client: &Registered, members: Value) -> Value {
    clinic.call("client.secret.update", with(client, members))
}

fn with(client: &Registered, members: Value) -> Value {
    let mut document = json!({"client_id": client.id, "credential_id": client.credential});
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

/// The secret that a rotation answered.
fn registered(client: &Registered, rotated: &Value) -> Registered {
    Registered {
        id: client.id.clone(),
        secret: rotated["client_secret"].as_str().unwrap().to_owned(),
        credential: rotated["credential_id"].as_str().unwrap().to_owned(),
    }
}

/// A client's secrets by their ids.
fn list(clinic: &Clinic, client: &Registered) -> Value {
    let listed = clinic.call("client.secret.list", json!({"client_id": client.id}));
    let secrets = listed["secrets"].as_array().unwrap().iter();
    let named = secrets
        .map(|secret| (secret["credential_id"].as_str().unwrap().to_owned(), secret.clone()));
    Value::Object(named.collect())
}

#[track_caller]
fn conflict(clinic: &Clinic, document: &Value) -> String {
    let text = document.to_string();
    let refused = clinic.engine.call(&admin(), "client.secret.rotate", text.as_bytes());
    let Err(error @ Error::Conflict { .. }) = refused else { panic!("{refused:?}") };
    error.to_string()
}

#[track_caller]
fn refused_member(clinic: &Clinic, operation: &str, document: &Value) -> String {
    let text = document.to_string();
    match clinic.engine.call(&admin(), operation, text.as_bytes()) {
        Err(Error::InvalidDocument { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}
