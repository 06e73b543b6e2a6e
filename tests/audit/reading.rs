//! Reading by client, secret, event, outcome, time and cursor.

use crate::common::{admin, audit, issue, register, verify};
use crate::http::{Clinic, GRANT, ask};
use serde_json::{Value, json};
use wardkey::Error;
use wardkey::admin::AuditRead;

#[test]
fn conditions_hold_together() {
    let clinic = Clinic::open();
    let (one, two) = (register(&clinic.engine), register(&clinic.engine));
    for client in [&one, &two] {
        let token = issue(&clinic.engine, client);
        verify(&clinic.engine, &token).unwrap();
        ask(format!("{GRANT}&scope=no")).by_client(client).send(&clinic.engine);
    }
    for name in ["anna", "otto"] {
        clinic.call("user.create", json!({"username": name, "password": "nobodys guess"}));
    }
    let anna = clinic.call("user.read", json!({"username": "anna"}))["user_id"].clone();
    clinic.call("user.disable", json!({ "user_id": anna }));
    let all: Vec<Value> = audit(&clinic.engine).into_iter().map(|row| row.entry).collect();
    let requests = [
        json!({"client_id": one.id}),
        json!({"user_id": anna}),
        json!({"user_id": anna, "event": "user.disable"}),
        json!({"user_id": anna, "client_id": one.id}),
        json!({"credential_id": two.credential}),
        json!({"outcome": "denied"}),
        json!({"outcome": "allowed"}),
        json!({"outcome": "done"}),
        json!({"event": "token.issue"}),
        json!({"client_id": one.id, "event": "token.issue", "outcome": "allowed"}),
        json!({"client_id": one.id, "credential_id": two.credential}),
        json!({"event": "no.such"}),
        json!({}),
    ];
    for request in requests {
        let expected: Vec<_> = all.iter().filter(|entry| fits(entry, &request)).collect();
        let page = clinic.call("audit.read", request.clone());
        let found: Vec<_> =
            page["rows"].as_array().unwrap().iter().map(|row| &row["entry"]).collect();
        assert_eq!(found, expected, "{request}");
    }
}

#[test]
fn a_stretch_of_time_includes_its_beginning_and_not_its_end() {
    let clinic = Clinic::open();
    let start = clinic.engine.now().millis();
    for _ in 0..5 {
        clinic.call("scope.add", json!({"scope": format!("t{}", clinic.engine.now().millis())}));
        clinic.clock.advance_millis(10);
    }
    let times = |from: Option<i64>, until: Option<i64>| {
        let event = Some("scope.add".to_owned());
        let read = AuditRead { from, until, event, ..AuditRead::default() };
        let page = clinic.engine.run(&admin(), read).unwrap();
        let time =
            |row: &wardkey::admin::AuditEntryDocument| row.entry["time"].as_i64().unwrap() - start;
        let own =
            |row: &&wardkey::admin::AuditEntryDocument| row.entry["detail"]["origin"] == "own";
        page.rows.iter().filter(own).map(time).collect::<Vec<_>>()
    };
    assert_eq!(times(None, None), [0, 10, 20, 30, 40]);
    assert_eq!(times(Some(start + 10), Some(start + 30)), [10, 20]);
    assert_eq!(times(Some(start + 11), None), [20, 30, 40]);
    assert_eq!(times(None, Some(start + 1)), [0]);
    assert_eq!(times(Some(start + 100), None), [0_i64; 0]);
}

#[test]
fn a_cursor_goes_through_all_rows_once() {
    let clinic = Clinic::open();
    for number in 0..23 {
        clinic.call("scope.add", json!({"scope": format!("s{number}")}));
    }
    let whole = audit(&clinic.engine);
    for limit in [1, 7, 13, 1000] {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let read = AuditRead { after, limit: Some(limit), ..AuditRead::default() };
            let page = clinic.engine.run(&admin(), read).unwrap();
            assert!(page.rows.len() <= usize::try_from(limit).unwrap());
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rows, whole, "{limit}");
    }
    let sequences: Vec<_> = whole.iter().map(|row| row.sequence).collect();
    let from_one: Vec<_> = (1..=u64::try_from(whole.len()).unwrap()).collect();
    assert_eq!(sequences, from_one);
}

#[test]
fn a_page_has_a_hundred_rows_by_default_and_at_most_a_thousand() {
    let clinic = Clinic::open();
    for number in 0..120 {
        clinic.call("scope.add", json!({"scope": format!("s{number}")}));
    }
    assert_eq!(clinic.engine.run(&admin(), AuditRead::default()).unwrap().rows.len(), 100);
    for limit in [0, 1001, u32::MAX] {
        let read = AuditRead { limit: Some(limit), ..AuditRead::default() };
        let refused = clinic.engine.run(&admin(), read);
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "limit"));
    }
}

#[test]
fn a_deleted_clients_rows_stay() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    issue(&clinic.engine, &client);
    let rows = |clinic: &Clinic| {
        let page = clinic.call("audit.read", json!({"client_id": client.id}));
        page["rows"].as_array().unwrap().len()
    };
    let before = rows(&clinic);
    clinic.call("client.delete", json!({"client_id": client.id}));
    assert_eq!(rows(&clinic), before + 1);
}

fn fits(entry: &Value, request: &Value) -> bool {
    [
        ("client_id", "client"),
        ("user_id", "user"),
        ("credential_id", "credential"),
        ("outcome", "outcome"),
        ("event", "event"),
    ]
    .into_iter()
    .all(|(asked, member)| request.get(asked).is_none_or(|value| entry[member] == *value))
}
