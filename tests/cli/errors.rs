//! Exit codes, and what to do next.

use crate::{Desk, common::Place};
use serde_json::Value;
use std::process::{Command, Stdio};

#[test]
fn every_failure_has_its_exit_code_and_says_what_to_do_next() {
    let nothing = Desk { place: Place::empty() };
    let desk = Desk::new();
    desk.client("Lab");
    std::fs::write(desk.place.folder().join("empty.db"), "").unwrap();
    std::fs::write(desk.place.folder().join("foreign.db"), "not a database at all").unwrap();
    for (code, done) in [
        (2, nothing.run("client list")),
        (4, nothing.run("client list -d clinic.db")),
        (5, desk.run("init clinic.db")),
        (4, desk.run("client show nobody")),
        (2, desk.run("client add x --scope nope")),
        (6, desk.run("client delete Lab")),
        (8, desk.run("client list -d foreign.db")),
        (8, desk.run("client list -d empty.db")),
        (2, desk.run("call no.such")),
        (2, desk.run_with("call client.list", "[]")),
    ] {
        let done = done.fails(code);
        assert!(done.out.is_empty(), "{}", done.out);
        let lines: Vec<_> = done.err.lines().collect();
        assert!(
            lines[0].starts_with("wardkey: ") && lines[1].starts_with("next: "),
            "{}",
            done.err
        );
    }
    desk.run("no-such-command").fails(2);
}

#[test]
fn a_script_reads_an_error_as_json() {
    let desk = Desk::new();
    let done = desk.run("client show nobody --json").fails(4);
    let error: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((&error["error"], &error["exit"]), (&"not_found".into(), &4.into()));
    assert!(error["message"].is_string() && error["next"] == "wardkey client list");
    let done = desk.run("client lits --json").fails(2);
    let error: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((&error["error"], &error["exit"]), (&"usage".into(), &2.into()));
}

#[test]
fn a_database_that_another_program_writes_is_busy() {
    let desk = Desk::new();
    let sqlite = desk.place.sqlite();
    sqlite.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = desk.run("client add Lab --busy-timeout 0").fails(7);
    assert!(done.err.contains("--busy-timeout"), "{}", done.err);
}

#[test]
fn an_edited_row_is_damage() {
    let desk = Desk::new();
    desk.client("Lab");
    desk.place.sqlite().execute("UPDATE client SET scope = 'lab:read lab:write'", []).unwrap();
    desk.run("client list").fails(9);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wardkey"))
        .args(["scope", "list", "--actor", "anna"])
        .current_dir(desk.place.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn help_and_completions_need_no_database() {
    let nothing = Desk { place: Place::empty() };
    let help = nothing.run("--help").ok();
    for code in (0..=11).chain([130]) {
        assert!(help.out.contains(&format!("\n{code:>4}  ")), "{code}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(nothing.run(&format!("completions {shell}")).ok().out.contains("leak"));
    }
    assert!(nothing.run("--version").ok().out.starts_with("wardkey "));
    assert!(nothing.run("call --list").ok().out.contains("client.create"));
}

#[test]
fn whatever_the_library_can_is_called_by_name() {
    let desk = Desk::new();
    let answer = desk.run_with("call client.create", r#"{"client_name":"Lab"}"#).json();
    assert!(answer["client_secret"].is_string());
    assert_eq!(desk.run("call scope.list").json()["scopes"][0]["origin"], "built-in");
}
