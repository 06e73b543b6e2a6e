//! The audit outside of the file: heads that are kept, exports for strangers, reports, the host's own events.

use crate::common::{admin, assert_chain_whole, error_of, issue, register, why};
use crate::http::Clinic;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use wardkey::{Engine, Error, Settings};

#[test]
fn a_head_that_was_kept_is_found_again_later() {
    let clinic = busy();
    let head = clinic.call("audit.head", json!({}));
    assert_eq!(check(&clinic, &head), json!({"answer": "verified"}));
    issue(&clinic.engine, &register(&clinic.engine));
    assert_eq!(check(&clinic, &head), json!({"answer": "verified"}));
}

#[test]
fn a_folder_that_was_put_back_whole_contradicts_the_head() {
    let clinic = busy();
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let kept: Vec<_> = ["", ".fresh"].map(|end| std::fs::read(place.beside(end)).unwrap()).into();
    let engine = place.open_at(&clock);
    issue(&engine, &register(&engine));
    let head = call(&engine, "audit.head", json!({}));
    drop(engine);
    for (end, bytes) in ["", ".fresh"].iter().zip(kept) {
        std::fs::write(place.beside(end), bytes).unwrap();
        let _ = std::fs::remove_file(place.beside("-wal"));
    }
    let engine = place.open_at(&clock);
    assert_chain_whole(&engine);
    let answer = call(&engine, "audit.check", json!({"head": head}));
    assert_eq!(answer["answer"], "contradicted", "{answer}");
    // A restore, which ends everything, is another matter: what came after the copy is its own branch.
    drop(engine);
    let engine = Engine::restore(&place.options_at(&clock), &admin()).unwrap();
    for _ in 0..9 {
        call(&engine, "audit.append", json!({"event": "x"}));
    }
    let answer = call(&engine, "audit.check", json!({"head": head}));
    assert_eq!(answer["answer"], "undecidable", "{answer}");
    assert!(answer["why"].as_str().unwrap().contains("restore"));
}

#[test]
fn a_head_of_another_file_or_with_another_signature_decides_nothing_and_an_edit_contradicts() {
    let clinic = busy();
    let head = clinic.call("audit.head", json!({}));
    let mut forged = head.clone();
    forged["hash"] = json!("00".repeat(32));
    assert_eq!(check(&clinic, &forged)["answer"], "undecidable");
    let foreign = busy().call("audit.head", json!({}));
    assert_eq!(check(&clinic, &foreign)["answer"], "undecidable");
    let edit = "UPDATE audit SET row = replace(row, 'anna', 'bert') WHERE sequence = 5";
    clinic.place.sqlite().execute(edit, []).unwrap();
    assert_eq!(check(&clinic, &head)["answer"], "contradicted");
    let bad = clinic.engine.call(&admin(), "audit.check", br#"{"head":{"site":"x"}}"#);
    assert!(matches!(error_of(bad), Error::InvalidDocument { .. }));
}

#[test]
fn an_export_of_one_client_chains_over_the_rows_it_leaves_out() {
    let clinic = busy();
    let client = register(&clinic.engine);
    clinic.pass(60);
    issue(&clinic.engine, &client);
    for limit in [2, 1000] {
        let lines = export(&clinic, &json!({"client_id": client.id, "limit": limit}));
        let shown = lines.iter().filter(|line| line.get("row").is_some());
        let shown: Vec<Value> = shown
            .map(|line| serde_json::from_str(line["row"].as_str().unwrap()).unwrap())
            .collect();
        assert!(shown.len() > 1 && shown.iter().all(|row| row["client"] == client.id));
        let head = clinic.call("audit.head", json!({}));
        assert_eq!(link(&lines), head["hash"].as_str().unwrap());
        assert_eq!(lines.last().unwrap()["signature"], head["signature"]);
    }
    let from = clinic.engine.now().millis();
    let lines = export(&clinic, &json!({"from": from, "outcome": "allowed"}));
    assert!(lines[0]["start"]["sequence"].as_u64().unwrap() > 5);
    assert_eq!(link(&lines), clinic.call("audit.head", json!({}))["hash"].as_str().unwrap());
    let lines = export(&clinic, &json!({"until": from}));
    assert!(lines.last().unwrap()["signature"].is_string());
    assert!(lines.iter().skip(1).all(|line| line["row"].is_string()));
}

#[test]
fn an_event_of_the_hosts_is_in_the_chain_and_can_pass_for_none_of_ours() {
    let clinic = busy();
    let client = register(&clinic.engine);
    let event = json!({
        "event": "audit.cut", "reference": "record/4711", "client_id": client.id,
        "outcome": "allowed", "detail": {"through": "9", "cut": "x"},
    });
    let sequence = clinic.call("audit.append", event)["sequence"].as_u64().unwrap();
    let page = clinic.call("audit.read", json!({"after": sequence - 1}));
    let entry = &page["rows"][0]["entry"];
    assert_eq!((&entry["event"], &entry["outcome"]), (&json!("host"), &json!("allowed")));
    assert_eq!(entry["host"]["reference"], "record/4711");
    assert_eq!((&entry["cut"], &entry["rows"]), (&Value::Null, &Value::Null));
    assert_eq!((&entry["actor"], &entry["client"]), (&json!("anna"), &json!(client.id)));
    assert!(page["rows"][0]["words"].as_str().unwrap().contains("record/4711"));
    assert_chain_whole(&clinic.engine);
    let long = "x".repeat(256);
    for bad in [
        json!({}),
        json!({"event": ""}),
        json!({"event": "Opened"}),
        json!({"event": "a", "outcome": "maybe"}),
        json!({"event": "a", "reference": long}),
        json!({"event": "a", "detail": {"b": "c\n"}}),
        json!({"event": "a", "detail": {"B": "c"}}),
        json!({"event": "a", "reference": client.secret}),
        json!({"event": "a", "cut": {}}),
    ] {
        let error = clinic.engine.call(&admin(), "audit.append", bad.to_string().as_bytes());
        assert!(matches!(error_of(error), Error::InvalidDocument { .. }), "{bad}");
    }
}

#[test]
fn a_report_counts_a_month_by_client_and_its_csv_holds_no_formula() {
    let clinic = busy();
    let client = clinic
        .call("client.create", json!({"client_name": "=HYPERLINK(\"x\")", "scope": "lab:read"}));
    let id = client["client_id"].as_str().unwrap().to_owned();
    let secret = wardkey::Secret::new(client["client_secret"].as_str().unwrap().into());
    let token = clinic.engine.issue(&id, secret, None, &crate::common::bench()).unwrap();
    for _ in 0..3 {
        crate::common::verify(&clinic.engine, token.expose()).unwrap();
    }
    let wrong = wardkey::Secret::new(b"wrong wrong".to_vec());
    why(clinic.engine.issue(&id, wrong, None, &crate::common::bench()));
    let report = clinic.call("audit.report", json!({"month": "2026-03", "client_id": id}));
    let month = &report["clients"][0];
    let counts = ["issued", "used", "refused"].map(|name| month[name].as_u64().unwrap());
    assert_eq!(counts, [1, 3, 1], "{report}");
    assert!(report["csv"].as_str().unwrap().contains("\"'=HYPERLINK(\"\"x\"\")\""));
    assert_eq!(clinic.call("audit.report", json!({"month": "2026-02"}))["clients"], json!([]));
}

fn busy() -> Clinic {
    let clinic = Clinic::with(Settings { dialects: Vec::new(), ..Settings::default() });
    for number in 0..5 {
        clinic.call("scope.add", json!({"scope": format!("own:{number}")}));
    }
    clinic
}

fn call(engine: &Engine, operation: &str, request: Value) -> Value {
    let answer = engine.call(&admin(), operation, request.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn check(clinic: &Clinic, head: &Value) -> Value {
    let mut answer = clinic.call("audit.check", json!({"head": head}));
    if answer["answer"] != "verified" {
        assert!(answer["why"].is_string());
    } else {
        answer = json!({"answer": "verified"});
    }
    answer
}

/// All lines of an export.
fn export(clinic: &Clinic, request: &Value) -> Vec<Value> {
    let (mut lines, mut request) = (Vec::new(), request.clone());
    loop {
        let page = clinic.call("audit.export", request.clone());
        let text = page["text"].as_str().unwrap();
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        if page.get("next").is_none() {
            return lines;
        }
        request["after"] = page["next"].clone();
    }
}

/// The hash at the end of an export, by its text alone.
fn link(lines: &[Value]) -> String {
    let bytes = |text: &Value| -> Vec<u8> {
        let text = text.as_str().unwrap();
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    };
    let mut head = bytes(&lines[0]["start"]["hash"]);
    for line in &lines[1..] {
        let row = match line["row"].as_str() {
            Some(row) => digest(&SHA256, row.as_bytes()).as_ref().to_vec(),
            None => bytes(&line["digest"]),
        };
        let input = [b"wardkey audit row 1\0".as_slice(), &head, &row].concat();
        head = digest(&SHA256, &input).as_ref().to_vec();
    }
    head.iter().map(|byte| format!("{byte:02x}")).collect()
}
