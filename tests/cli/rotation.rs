//! Secrets that give way to others, and secrets that end.

use crate::common::{Registered, issue, try_issue, why};
use crate::{Desk, assert_fits, registered, text};
use serde_json::Value;
use wardkey::Denied;

const DAY: i64 = 86_400;

fn now() -> i64 {
    wardkey::Clock::wall(&wardkey::SystemClock).seconds()
}

/// The client's new secret.
fn new_secret(rotated: &Value, old: &Registered) -> Registered {
    Registered { secret: text(rotated, "client_secret").into(), ..old.clone() }
}

#[test]
fn a_rotated_secret_is_shown_once_and_both_are_valid_during_the_overlap() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    let done = desk.run("client rotate Lab").ok();
    assert_fits(&done.out);
    assert_eq!(done.out.matches("wks_").count(), 1);
    assert!(!done.err.contains("wks_"));
    let said = format!("replaces        {}, which ends by itself at ", old.credential);
    assert!(done.out.contains(&said), "{}", done.out);
    assert!(done.err.contains(&format!("wardkey secret list {}", old.id)), "{}", done.err);
    let secret = done.out.lines().find_map(|line| line.strip_prefix("client_secret")).unwrap();
    let engine = desk.place.open();
    issue(&engine, &old);
    issue(&engine, &Registered { secret: secret.trim().into(), ..old });
    drop(engine);
    assert!(!desk.run("secret list Lab --json").ok().out.contains("wks_"));
}

#[test]
fn a_rotation_takes_its_overlap_label_and_end_from_the_command_line() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    let line = format!(
        "client rotate Lab --secret-id {} --overlap 3d --label new~server --expires 90d --json",
        old.credential
    );
    let rotated = desk.run(&line).json();
    assert_eq!(rotated["label"], "new server");
    let (end, old_end) =
        (rotated["expires_at"].as_i64().unwrap(), rotated["replaced"]["expires_at"].as_i64());
    assert!((end - now() - 90 * DAY).abs() < 60 && (old_end.unwrap() - now() - 3 * DAY).abs() < 60);
    desk.run("client rotate Lab --overlap soon").fails(2);
    desk.run("client rotate Lab --overlap 400d").fails(2);
    // Without an overlap the old one has ended when the command returns.
    let id = text(&rotated, "credential_id");
    let done = desk.run(&format!("client rotate Lab --secret-id {id} --overlap 0")).ok();
    assert!(done.out.contains(&format!("{id}, which has ended")), "{}", done.out);
    let ended = new_secret(&rotated, &old);
    assert_eq!(why(try_issue(&desk.place.open(), &ended)), Denied::SecretExpired);
}

#[test]
fn of_several_secrets_the_old_one_must_be_named() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    desk.run("secret add Lab").ok();
    let refused = desk.run("client rotate Lab").fails(2);
    assert!(refused.err.contains("client rotate CLIENT --secret-id ID"), "{}", refused.err);
    desk.run(&format!("client rotate Lab --secret-id {}", old.credential)).ok();
    // It has given way already: the one in its place is the one to rotate.
    let refused = desk.run(&format!("client rotate Lab --secret-id {}", old.credential)).fails(5);
    assert!(refused.err.contains("what took its place"), "{}", refused.err);
    desk.run("client rotate Lab --secret-id AAAAAAAAAAA").fails(4);
}

#[test]
fn the_list_says_from_where_an_old_secret_is_still_used() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    let rotated = desk.run("client rotate Lab --json").json();
    let list = |desk: &Desk| desk.run("secret list Lab").ok().out;
    let before = list(&desk);
    let row = |out: &str| {
        let replaced = out.split("Replaced").nth(1).unwrap().to_owned();
        replaced.lines().find(|line| line.starts_with(&old.credential)).unwrap().to_owned()
    };
    assert!(row(&before).contains(text(&rotated, "credential_id")), "{before}");
    assert!(row(&before).ends_with("no"), "{before}");
    let engine = desk.place.open();
    issue(&engine, &old);
    engine.close().unwrap();
    let after = list(&desk);
    assert!(row(&after).contains("yes, from"), "{after}");
    assert_fits(&after);
    let shown = desk.run("client show Lab").ok().out;
    assert!(row(&shown).contains("yes, from") && after.contains("192.0.2.7"), "{shown}");
}

#[test]
fn a_secret_is_given_another_label_and_another_end_or_none() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    let edit = format!("secret edit Lab {}", old.credential);
    desk.run(&edit).fails(2);
    let edited = desk.run(&format!("{edit} --label office --expires 30d --json")).json();
    assert_eq!(edited["label"], "office");
    assert!((edited["expires_at"].as_i64().unwrap() - now() - 30 * DAY).abs() < 60);
    let edited = desk.run(&format!("{edit} --expires none --json")).json();
    assert_eq!((&edited["label"], &edited["expires_at"]), (&"office".into(), &Value::Null));
    let out = desk.run(&format!("{edit} --expires 2099-01-01")).ok().out;
    assert!(out.contains("until 2099-01-01"), "{out}");
    assert_fits(&out);
    desk.run("secret edit Lab AAAAAAAAAAA --label x").fails(4);
}

#[test]
fn what_ends_soon_is_listed_over_all_clients() {
    let desk = Desk::new();
    desk.client("Lab");
    desk.run("client add Pharmacy --secret-expires 10d").ok();
    desk.run("client add Imaging --secret-expires 200d").ok();
    let rotated = desk.run("client rotate Lab --json").json();
    let soon = desk.run("secret expiring --within 90d").ok().out;
    assert!(
        soon.contains("Pharmacy") && soon.contains("Lab") && !soon.contains("Imaging"),
        "{soon}"
    );
    assert!(soon.contains(text(&rotated, "credential_id")), "{soon}");
    assert_fits(&soon);
    let all = desk.run("secret expiring --json").json();
    let ids: Vec<_> = all["secrets"].as_array().unwrap().iter().collect();
    assert_eq!(ids.len(), 3);
    assert!(desk.run("secret expiring --within 1d").ok().out.contains("(none)"));
    desk.run("secret expiring --within soon").fails(2);
}
