//! Reading, explaining, verifying and exporting the audit.

use crate::common::{error_of, issue, try_issue, verify};
use crate::{Desk, registered, text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
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
    let lines = verified(&desk.place.folder().join("audit.jsonl"));
    assert_eq!(lines.len() - 1, usize::try_from(head["rows"].as_u64().unwrap()).unwrap());
    for line in lines.iter().skip(1) {
        let row: Value = serde_json::from_str(text(line, "row")).unwrap();
        assert_eq!((&row["seq"], line.get("digest")), (&line["sequence"], None));
    }
    // What is there is not overwritten.
    desk.run("audit export -o audit.jsonl").fails(5);
    assert_eq!(desk.run("audit export").ok().out.lines().count(), lines.len());
}

#[test]
fn an_export_of_a_few_rows_verifies_and_shows_nothing_of_the_others() {
    let desk = Desk::new();
    let (lab, other) = (registered(&desk.client("Lab")), registered(&desk.client("Other")));
    desk.run_with("user add bea", "a long and odd phrase\n").ok();
    let engine = desk.place.open();
    issue(&engine, &lab);
    issue(&engine, &other);
    engine.close().unwrap();
    for (conditions, shown) in [
        ("--client Lab", 4),
        ("--client Lab --outcome allowed", 1),
        ("--user bea", 1),
        ("--until 2020-01-01", 0),
    ] {
        desk.run(&format!("audit export {conditions} -o part.jsonl")).ok();
        let part = desk.place.folder().join("part.jsonl");
        let lines = verified(&part);
        let rows: Vec<_> = lines.iter().filter_map(|line| line["row"].as_str()).collect();
        assert_eq!(rows.len(), shown, "{conditions}: {rows:?}");
        assert!(rows.iter().all(|row| !row.contains(&other.id)));
        fs::remove_file(part).unwrap();
    }
    desk.run("audit export --user nobody").fails(4);
    desk.run("audit export --outcome maybe").fails(2);
}

#[test]
fn a_head_that_was_kept_is_verified_contradicted_or_undecidable_each_with_its_exit_code() {
    let desk = Desk::new();
    desk.client("Lab");
    let kept = fs::read(desk.place.path()).unwrap();
    let fresh = fs::read(desk.place.beside(".fresh")).unwrap();
    desk.client("Other");
    let head = desk.run("audit head").ok().out;
    desk.client("Another");
    let checked = desk.run_with("audit check", &head).ok();
    assert!(checked.out.contains("verified"), "{}", checked.out);
    fs::write(desk.place.folder().join("audit.head"), &head).unwrap();
    desk.run("audit check --file audit.head").ok();
    let foreign = Desk::new().run_with("audit check --json", &head).fails(11);
    let answer: Value = serde_json::from_str(&foreign.out).unwrap();
    assert_eq!(answer["answer"], "undecidable");
    // Somebody puts the whole folder back, and forgets nothing.
    fs::write(desk.place.path(), kept).unwrap();
    fs::write(desk.place.beside(".fresh"), fresh).unwrap();
    let broken = desk.run_with("audit check", &head).fails(9);
    assert!(broken.out.contains("contradicted") && broken.err.contains("evidence"));
    for wrong in ["", "{}", "not a head"] {
        desk.run_with("audit check", wrong).fails(2);
    }
}

/// The lines of an export, after checking it as a stranger does who has nothing but them.
#[track_caller]
fn verified(path: &Path) -> Vec<Value> {
    let exported = fs::read_to_string(path).unwrap();
    let lines: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["wardkey_audit"], 1);
    let key = URL_SAFE_NO_PAD.decode(text(&lines[0]["keys"][0]["jwk"], "x")).unwrap();
    let key = UnparsedPublicKey::new(&ED25519, key);
    let mut head = from_hex(text(&lines[0]["start"], "hash"));
    let mut sequence = lines[0]["start"]["sequence"].as_u64().unwrap();
    for line in &lines[1..] {
        sequence += 1;
        assert_eq!(line["sequence"], sequence);
        let row = match line["row"].as_str() {
            Some(row) => digest(&SHA256, row.as_bytes()).as_ref().to_vec(),
            None => from_hex(text(line, "digest")),
        };
        let linked = [&b"wardkey audit row 1\0"[..], &head, &row].concat();
        head = digest(&SHA256, &linked).as_ref().to_vec();
        if let Some(signature) = line["signature"].as_str() {
            let signed = [&b"wardkey audit head 1\0"[..], &head].concat();
            key.verify(&signed, &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        }
    }
    assert!(lines.len() == 1 || lines.last().unwrap()["signature"].is_string());
    if lines.len() > 1 {
        ask_python(path, &lines[0]["keys"]);
    }
    lines
}

/// The same once more by code in another language, where it is at hand.
fn ask_python(path: &Path, keys: &Value) {
    let python = |arguments: &[&Path], input: Stdio| {
        let done = Command::new("python3").args(arguments).stdin(input).output();
        done.ok()
    };
    let has = python(&["-c".as_ref(), "import cryptography".as_ref()], Stdio::null());
    if !has.is_some_and(|done| done.status.success()) {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/verify_audit.py");
    let received = path.with_extension("keys");
    fs::write(&received, keys.to_string()).unwrap();
    let done = python(&[&script, &received], fs::File::open(path).unwrap().into()).unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
    pairs.collect::<Result<_, _>>().unwrap()
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
