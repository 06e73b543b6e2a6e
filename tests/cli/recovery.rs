//! Another master key, a recovery code, and what is left where the key is lost.

use crate::common::{Place, Registered, issue, try_issue, verify, why};
use crate::{Desk, assert_fits, registered, text};
use std::fs;
use wardkey::Denied;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[test]
fn a_recovery_code_is_shown_once_and_opens_a_database_whose_key_is_lost() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let token = issue(&desk.place.open(), &client);
    desk.run("key recovery").ok();
    // The one that there is would open nothing any more.
    desk.run("key recovery").fails(6);
    let made = desk.run("key recovery --yes").ok();
    assert_fits(&made.out);
    let code = made.out.split_whitespace().last().unwrap().to_owned();
    assert!(!made.err.contains(&code));
    assert!(!desk.run("audit export").ok().out.contains(&code));
    fs::remove_file(desk.place.beside(".key")).unwrap();
    let refused = desk.run("client list").fails(8);
    assert!(refused.err.contains("wardkey recover"), "{}", refused.err);
    desk.run_with("recover", &code).fails(6);
    let done = desk.run_with("recover --yes --json", &format!("{code}\n")).json();
    assert_eq!(done["recovered"], true);
    // Only the key was lost: nothing else is.
    assert_eq!(done["awaiting_confirmation"], serde_json::json!([]));
    verify(&desk.place.open(), &token).unwrap();
}

#[test]
fn a_restore_of_what_is_no_old_copy_says_so_before_it_ends_anything() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let token = issue(&desk.place.open(), &client);
    let asked = desk.run("restore").fails(6);
    assert!(asked.err.contains("no old copy"), "{}", asked.err);
    verify(&desk.place.open(), &token).unwrap();
}

#[test]
fn a_wrong_code_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let refused = desk.run_with("recover -y", "AAAA-BBBB").fails(2);
    assert!(refused.err.contains("next:") && !refused.err.contains("AAAA"), "{}", refused.err);
    desk.run_with("recover -y", "").fails(2);
    let code = desk.run("key recovery -y --json").json()["recovery_code"].to_string();
    desk.run("key recovery -y").ok();
    let refused = desk.run_with("recover -y", code.trim_matches('"')).fails(2);
    assert!(refused.err.contains("wardkey key recovery"), "{}", refused.err);
}

#[test]
fn of_a_backup_and_a_code_everything_is_confirmed_anew() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    desk.run_with("user add bea", "a long and odd phrase\n").ok();
    let code = desk.run("key recovery -y --json").json();
    fs::write(desk.place.folder().join("code"), text(&code, "recovery_code")).unwrap();
    fs::remove_file(desk.place.beside(".key")).unwrap();
    fs::remove_file(desk.place.beside(".fresh")).unwrap();
    let found = desk.run("doctor").fails(8);
    assert!(found.err.contains("wardkey recover"), "{}", found.err);
    let done = desk.run("recover --code-file code -y").ok();
    assert!(done.out.contains("1 user may not log in yet"), "{}", done.out);
    assert_fits(&done.out);
    assert_eq!(why(try_issue(&desk.place.open(), &client)), Denied::SecretUnconfirmed);
    desk.run("secret confirm Lab~bridge").ok();
    issue(&desk.place.open(), &client);
    assert!(desk.run("user list").ok().out.contains("unconfirmed"));
    let found = desk.run("doctor").fails(10);
    assert!(found.out.contains("wardkey user confirm --all"), "{}", found.out);
    desk.run("user confirm").fails(2);
    assert_eq!(desk.run("user confirm --all --json").json()["confirmed"], 1);
    desk.run("user confirm bea").ok();
    assert_eq!(desk.run("user show bea --json").json()["confirmed"], true);
}

#[test]
fn a_restore_says_what_it_refuses_from_now_on_and_why() {
    let (desk, client) = restored_copy();
    let done = desk.run("restore --yes").ok();
    assert_fits(&done.out);
    for said in
        ["writes lost", "Refused from now on", "access token", "client secret", "audit head"]
    {
        assert!(done.out.contains(said), "{said}: {}", done.out);
    }
    assert_eq!(why(try_issue(&desk.place.open(), &client)), Denied::SecretUnconfirmed);
    let (desk, _) = restored_copy();
    let done = desk.run("restore --yes --json").json();
    let report = &done["report"];
    assert_eq!((&report["new_epoch"], &report["trusted_secrets"]), (&true.into(), &false.into()));
    let refused = report["refused"].as_array().unwrap();
    let of = |kind: &str| refused.iter().find(|refused| refused["kind"] == kind).unwrap();
    assert_eq!(of("client_secret")["count"], 1);
    assert!(of("signing_key")["why"].as_str().unwrap().contains("leaked"));
    assert!(report["acknowledged"].as_u64() > report["commits"].as_u64());
}

#[test]
fn secrets_of_a_copy_are_trusted_where_somebody_says_so_and_confirms_it() {
    let (desk, client) = restored_copy();
    let asked = desk.run("restore --trust-secrets").fails(6);
    assert!(asked.err.contains("good again"), "{}", asked.err);
    let done = desk.run("restore --trust-secrets --yes").ok();
    assert!(done.out.contains("trusted as they stand"), "{}", done.out);
    issue(&desk.place.open(), &client);
    desk.run("recover --without-key --trust-secrets -y").fails(2);
}

/// A database that was put back from a copy, and a client that the copy knows.
fn restored_copy() -> (Desk, Registered) {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    issue(&desk.place.open(), &client);
    desk.run("backup copy.db").ok();
    desk.client("Other");
    fs::copy(desk.place.folder().join("copy.db"), desk.place.path()).unwrap();
    desk.run("client list").fails(8);
    (desk, client)
}

#[test]
fn without_key_and_code_the_registrations_are_left_and_disabled() {
    let desk = Desk::new();
    desk.client("Lab bridge");
    desk.run("key recovery -y").ok();
    let refused = desk.run("recover --without-key -y").fails(2);
    assert!(refused.err.contains("next:"), "{}", refused.err);
    fs::remove_file(desk.place.beside(".key")).unwrap();
    desk.run("recover --without-key -y").fails(2);
    desk.run("recover --code-lost -y").fails(2);
    desk.run("recover --without-key --code-lost -y").ok();
    let shown = desk.run("client show Lab~bridge --json").json();
    let client = shown.get("client").unwrap_or(&shown);
    assert_eq!(client["enabled"], false, "{shown}");
    desk.run("client enable Lab~bridge").ok();
    desk.run("secret add Lab~bridge").ok();
}

#[test]
fn an_older_backup_is_recovered_with_the_key_of_its_time() {
    let desk = Desk::new();
    let moved = Desk { place: Place::empty() };
    fs::copy(desk.place.path(), moved.place.path()).unwrap();
    fs::copy(desk.place.beside(".key"), moved.place.folder().join("old")).unwrap();
    moved.run("recover -d clinic.db --old-key-file old -y").ok();
    moved.run("client list").ok();
}

#[test]
fn the_master_key_is_changed_and_the_former_one_is_named() {
    let desk = Desk::new();
    let former = fs::read(desk.place.beside(".key")).unwrap();
    desk.run("rekey").fails(6);
    let done = desk.run("rekey --yes").ok();
    assert_fits(&done.out);
    assert!(done.err.contains("wardkey key recovery"), "{}", done.err);
    desk.run("client list").ok();
    fs::write(desk.place.beside(".key"), former).unwrap();
    let refused = desk.run("client list").fails(8);
    assert!(refused.err.contains("wardkey recover"), "{}", refused.err);
}

#[test]
fn the_master_key_becomes_ones_own_and_the_files_again() {
    let desk = Desk::new();
    let done = desk.run_with("rekey --new-key-stdin -y --json", KEY).json();
    assert_eq!((&done["source"], &done["former_source"]), (&"host".into(), &"file".into()));
    assert!(!desk.place.beside(".key").exists());
    desk.run("client list").fails(8);
    desk.run_with("client list --key-stdin", KEY).ok();
    // The present key is the first line, the new one the second.
    let second = KEY.replace('7', "8");
    let refused = desk.run_with("rekey --key-stdin -y", KEY).fails(2);
    assert!(refused.err.contains("--new-key-file"), "{}", refused.err);
    desk.run_with("rekey --key-stdin --new-key-stdin -y", &format!("{KEY}\n{second}\n")).ok();
    fs::write(desk.place.folder().join("vault"), &second).unwrap();
    desk.run("rekey --key-file vault --keeper file -y").ok();
    desk.run("client list").ok();
    if !cfg!(windows) {
        desk.run("rekey --keeper dpapi -y").fails(2);
    }
}
