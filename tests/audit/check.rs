//! `database.check` finds what no code of a row can show.

use crate::common::{admin, assert_chain_whole, issue, register, revoke};
use crate::http::Clinic;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use wardkey::Settings;

#[test]
fn a_database_that_was_used_is_sound_and_a_check_writes_nothing() {
    let clinic = used();
    assert_chain_whole(&clinic.engine);
    let head = clinic.call("audit.head", json!({}));
    let checked = clinic.call("database.check", json!({}));
    assert_eq!((&checked["sound"], &checked["findings"]), (&json!(true), &json!([])));
    assert_eq!(clinic.call("audit.head", json!({})), head);
}

#[test]
fn an_old_row_put_back_is_found() {
    let clinic = used();
    let sqlite = clinic.place.sqlite();
    let client = register(&clinic.engine);
    sqlite.execute_batch("CREATE TEMP TABLE old AS SELECT * FROM client").unwrap();
    clinic.call("client.update", json!({"client_id": client.id, "scope": "lab:read"}));
    let back = "DELETE FROM client WHERE client_id = ?1";
    foreign_keys(&sqlite, false);
    sqlite.execute(back, [&client.id]).unwrap();
    sqlite
        .execute("INSERT INTO client SELECT * FROM old WHERE client_id = ?", [&client.id])
        .unwrap();
    assert_eq!(findings(&clinic), [("client".to_owned(), client.id, "older".to_owned())]);
}

#[test]
fn a_deleted_row_put_back_and_one_taken_away_are_found() {
    let clinic = used();
    let sqlite = clinic.place.sqlite();
    let (gone, kept) = (register(&clinic.engine), register(&clinic.engine));
    sqlite.execute_batch("CREATE TEMP TABLE old AS SELECT * FROM client").unwrap();
    clinic.call("client.delete", json!({"client_id": gone.id}));
    foreign_keys(&sqlite, false);
    sqlite.execute("INSERT INTO client SELECT * FROM old WHERE client_id = ?", [&gone.id]).unwrap();
    sqlite.execute("DELETE FROM client WHERE client_id = ?", [&kept.id]).unwrap();
    let mut expected = [
        ("client".to_owned(), gone.id, "deleted".to_owned()),
        ("client".to_owned(), kept.id, "missing".to_owned()),
    ];
    let mut found = findings(&clinic);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_revocation_that_was_taken_away_is_found_until_it_may_be_forgotten() {
    let clinic = used();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    revoke(&clinic.engine, &token).unwrap();
    assert_chain_whole(&clinic.engine);
    clinic.place.sqlite().execute("DELETE FROM revoked_token", []).unwrap();
    let found = findings(&clinic);
    assert!(!found.is_empty());
    assert!(found.iter().all(|(table, _, why)| table == "revoked_token" && why == "missing"));
    clinic.pass(3 * 3600);
    clinic.call("scope.add", json!({"scope": "own:late"}));
    assert_chain_whole(&clinic.engine);
}

#[test]
fn edited_rows_are_all_named_not_the_first_alone() {
    let clinic = used();
    let clients = [register(&clinic.engine), register(&clinic.engine)];
    let sqlite = clinic.place.sqlite();
    sqlite.execute("UPDATE client SET description = 'x'", []).unwrap();
    let found = findings(&clinic);
    for client in clients {
        let edited = ("client".to_owned(), client.id, "MAC".to_owned());
        assert!(found.contains(&edited), "{found:?}");
    }
    sqlite.execute("UPDATE audit SET row = row || ' ' WHERE sequence = 4", []).unwrap();
    let checked = clinic.engine.check(&admin(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(checked.audit.unwrap().bad_row, Some(4));
}

#[test]
fn a_check_tells_how_far_it_is_and_can_be_cancelled() {
    let clinic = used();
    let mut steps = Vec::new();
    let checked = clinic.engine.check(&admin(), &mut |progress| {
        steps.push(progress);
        ControlFlow::Continue(())
    });
    assert!(checked.unwrap().sound);
    assert!(steps.windows(2).all(|pair| pair[0].done < pair[1].done));
    assert_eq!(steps.last().unwrap().done, steps[0].total);
    let mut count = 0;
    let checked = clinic.engine.check(&admin(), &mut |_| {
        count += 1;
        if count < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let checked = checked.unwrap();
    assert!(checked.cancelled && !checked.sound && count == 3);
}

/// A database in which something of everything that a host does was done.
fn used() -> Clinic {
    let clinic = Clinic::with(Settings::default());
    let client = register(&clinic.engine);
    let id = json!({"client_id": client.id});
    clinic.call("client.secret.create", id.clone());
    issue(&clinic.engine, &client);
    clinic.call("settings.set", json!({"token_format": "opaque"}));
    revoke(&clinic.engine, &issue(&clinic.engine, &client)).unwrap();
    clinic.call("client.disable", id.clone());
    clinic.call("client.enable", id.clone());
    clinic.call("client.revoke", id);
    let gone = register(&clinic.engine);
    clinic.call("client.delete", json!({"client_id": gone.id}));
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read"}));
    let user = json!({"username": "berta", "password": "nobodys guess"});
    let user = clinic.call("user.create", user)["user_id"].clone();
    clinic.call("user.disable", json!({"user_id": user}));
    clinic
}

/// What is wrong: the table, the row, and the word of the reason that tells it from others.
fn findings(clinic: &Clinic) -> Vec<(String, String, String)> {
    let checked = clinic.engine.check(&admin(), &mut |_| ControlFlow::Continue(())).unwrap();
    let checked = serde_json::to_value(checked).unwrap();
    assert_eq!(checked["sound"], false);
    let words = ["older", "deleted", "missing", "MAC", "names"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            let why = text(&found["why"]);
            let word = words.iter().find(|word| why.contains(**word)).unwrap();
            (text(&found["table"]), text(&found["id"]), (*word).to_owned())
        })
        .collect()
}

fn foreign_keys(sqlite: &Connection, on: bool) {
    sqlite.execute_batch(&format!("PRAGMA foreign_keys = {on}")).unwrap();
}
