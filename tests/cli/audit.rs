//! Reading, explaining, verifying and exporting the audit.

use crate::common::{error_of, issue, try_issue, verify};
use crate::{Desk, registered};
use serde_json::Value;
use wardkey::Error;

#[test]
fn a_request_id_is_explained_to_whoever_was_refused() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    let token = issue(&engine, &client);
    desk.run("client disable Lab").ok();
    let Error::Denied { request_id, .. } = error_of(verify(&engine, &token)) else {
        panic!("not denied");
    };
    engine.close().unwrap();
    let said = desk.run(&format!("audit explain {request_id}")).ok();
    assert!(said.out.contains("client disabled"), "{}", said.out);
    desk.run("audit explain 019a3c5be1f07d0c8a41f2b6c9d07e55").fails(4);
    desk.run("audit explain nonsense").fails(2);
}

#[test]
fn the_tail_is_the_end_of_a_long_audit() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    for _ in 0..40 {
        issue(&engine, &client);
    }
    let rows = desk.run("audit verify --json").json()["rows"].as_u64().unwrap();
    let tail = desk.run("audit tail -n 3 --json").json();
    let sequences: Vec<_> = tail["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, [rows - 2, rows - 1, rows]);
    assert_eq!(desk.run("audit tail -n 3").ok().out.lines().count(), 3);
}

#[test]
fn rows_are_found_by_client_event_and_time() {
    let desk = Desk::new();
    let (lab, other) = (registered(&desk.client("Lab")), registered(&desk.client("Other")));
    let engine = desk.place.open();
    issue(&engine, &lab);
    issue(&engine, &other);
    let found = desk.run("audit show --client Lab --event token.issue --from 1h --json").json();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["entry"]["client"], lab.id);
    assert_eq!(
        desk.run("audit show --until 2020-01-01 --json").json()["rows"],
        serde_json::json!([])
    );
    let one = desk.run("audit show 1").ok();
    assert!(one.out.contains("database.create"), "{}", one.out);
    desk.run("audit show 99999").fails(4);
    desk.run("audit show --from yesterday").fails(2);
}

#[test]
fn an_edited_row_makes_verification_fail_with_nine() {
    let desk = Desk::new();
    desk.client("Lab");
    desk.run("audit verify").ok();
    let sqlite = desk.place.sqlite();
    sqlite
        .execute("UPDATE audit SET row = replace(row, 'anna', 'bert') WHERE sequence = 2", [])
        .unwrap();
    drop(sqlite);
    let broken = desk.run("audit verify").fails(9);
    assert!(broken.out.contains("BROKEN") && broken.err.contains("evidence"), "{}", broken.out);
}

#[test]
fn an_export_has_every_row_as_it_was_hashed() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    issue(&desk.place.open(), &client);
    let head = desk.run("audit verify --json").json();
    desk.run("audit export -o audit.jsonl").ok();
    let text = std::fs::read_to_string(desk.place.folder().join("audit.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["wardkey_audit"], 1);
    assert!(lines[0]["keys"][0].is_object() && lines[0]["start"]["hash"].is_string());
    assert_eq!(lines.len() - 1, usize::try_from(head["rows"].as_u64().unwrap()).unwrap());
    assert_eq!(lines.last().unwrap()["hash"], head["head"]);
    // What is there is not overwritten.
    desk.run("audit export -o audit.jsonl").fails(5);
    assert_eq!(desk.run("audit export").ok().out.lines().count(), lines.len());
}

#[test]
fn refused_logins_of_a_client_are_seen_at_once() {
    let desk = Desk::new();
    let mut client = registered(&desk.client("Lab"));
    client.secret.push('x');
    let engine = desk.place.open();
    error_of(try_issue(&engine, &client));
    engine.close().unwrap();
    assert!(desk.run("audit tail").ok().out.contains("secret wrong"));
}
