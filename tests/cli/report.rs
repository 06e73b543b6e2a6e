//! `wardkey audit report`: a client's month as a page and as a table.

use crate::common::{Place, admin, bench, clock, error_of, issue, register_as, verify};
use crate::{Desk, assert_fits};
use wardkey::admin::{ClientCreate, ClientDisable, ClientEnable};
use wardkey::{Context, Engine, Required, Settings};

const NAME: &str = "<b>Lab</b> & \"Sons\"";

/// A client that was at work in March 2026.
fn march() -> (Desk, String) {
    let desk = Desk { place: Place::empty() };
    let clock = clock();
    let options = desk.place.options_at(&clock);
    Engine::create(&options, &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&options).unwrap();
    let client = register_as(
        &engine,
        ClientCreate {
            client_name: Some(NAME.into()),
            scope: Some("lab:read".into()),
            ..ClientCreate::default()
        },
    );
    for day in 0..5 {
        let token = issue(&engine, &client);
        for _ in 0..=day {
            verify(&engine, &token).unwrap();
        }
        let elsewhere = Context { peer: Some([203, 0, 113, 5].into()), ..bench() };
        engine.verify(token.as_bytes(), Required::ANY, &elsewhere).unwrap();
        error_of(engine.verify(
            token.as_bytes(),
            Required::all_of("billing:read").unwrap(),
            &bench(),
        ));
        // Within the minute, as in a host that serves requests.
        engine.maintain().unwrap();
        clock.advance_millis(86_400_000);
    }
    engine.run(&admin(), ClientDisable::of(&client.id)).unwrap();
    engine.run(&admin(), ClientEnable::of(&client.id)).unwrap();
    // April is another month.
    clock.advance_millis(30 * 86_400_000 / 5);
    for _ in 0..5 {
        clock.advance_millis(6 * 86_400_000);
        issue(&engine, &client);
    }
    engine.close().unwrap();
    (desk, client.id)
}

#[test]
fn the_page_and_the_table_say_what_a_client_did_in_a_month() {
    let (desk, id) = march();
    let line = format!("audit report --client {id} --month 2026-03 -o march --json");
    let done = desk.run(&line).json();
    assert_eq!((&done["uses"], &done["refusals"]), (&20.into(), &5.into()), "{done}");
    let page = std::fs::read_to_string(desk.place.folder().join("march.html")).unwrap();
    let table = std::fs::read_to_string(desk.place.folder().join("march.csv")).unwrap();
    assert!(table.starts_with("date,client_id,kind,reason,peer,count\r\n"));
    assert!(table.contains(&format!("2026-03-05,{id},use,,192.0.2.7,5\r\n")), "{table}");
    assert!(table.contains(&format!("2026-03-01,{id},use,,203.0.113.5,1\r\n")));
    assert!(table.contains(&format!("2026-03-01,{id},refusal,insufficient_scope,")));
    assert!(!table.contains("2026-04"));
    for said in [
        "2026-03-01: 2 uses",
        "insufficient scope",
        "192.0.2.7",
        "203.0.113.5",
        "was disabled",
        &id,
    ] {
        assert!(page.contains(said), "{said}");
    }
    let head = desk.run("audit verify --json").json();
    assert!(page.contains(head["head"].as_str().unwrap()), "the head");
    // What is there is not overwritten.
    desk.run(&line).fails(5);
}

#[test]
fn the_page_has_no_script_loads_nothing_and_escapes_every_name() {
    let (desk, id) = march();
    desk.run(&format!("audit report --client {id} --month 2026-03")).ok();
    let path = desk.place.folder().join(format!("{id}-2026-03.html"));
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains("&lt;b&gt;Lab&lt;/b&gt; &amp; &quot;Sons&quot;"));
    for absent in
        [NAME, "<b>Lab", "<script", "src=", "href=", "url(", "@import", "http:", "https:", "onload"]
    {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(
        page.contains("<svg")
            && page.contains("prefers-color-scheme: dark")
            && page.contains("@media print")
    );
}

#[test]
fn without_a_client_all_are_counted_in_a_table_and_as_csv() {
    let (desk, id) = march();
    let done = desk.run("audit report --month 2026-03").ok();
    assert!(done.out.contains("clients-2026-03.csv"), "{}", done.out);
    assert_fits(&done.out);
    let table = std::fs::read_to_string(desk.place.folder().join("clients-2026-03.csv")).unwrap();
    assert!(table.starts_with("month,client_id,client_name,issued,used,refused,"), "{table}");
    assert!(table.contains(&format!("2026-03,{id},\"<b>Lab</b> & \"\"Sons\"\"\",")), "{table}");
    let done = desk.run("audit report --month 2026-03 -o all --json").json();
    let of = |client: &&serde_json::Value| client["client_id"] == id;
    let client = done["clients"].as_array().unwrap().iter().find(of).unwrap();
    assert_eq!((&client["used"], &client["refused"]), (&20.into(), &5.into()), "{done}");
    // What is there is not overwritten.
    desk.run("audit report --month 2026-03").fails(5);
}

#[test]
fn a_month_without_anything_is_a_page_too() {
    let (desk, id) = march();
    let done = desk.run(&format!("audit report --client {id} --month 2025-01 -o empty")).ok();
    assert!(done.out.contains("empty.html"));
    let page = std::fs::read_to_string(desk.place.folder().join("empty.html")).unwrap();
    assert!(page.contains("<p>None.</p>"));
    desk.run("audit report --client x --month 2026-13").fails(2);
}

#[test]
fn a_misspelled_client_is_not_found_and_a_removed_one_still_is() {
    let (desk, id) = march();
    for line in ["audit report --client Lap --month 2026-03", "audit show --client Lap"] {
        desk.run(line).fails(4);
    }
    desk.run(&format!("client delete {id} --yes")).ok();
    let done = desk.run(&format!("audit report --client {id} --month 2026-03 --json")).json();
    assert_eq!(done["uses"], 20);
}
