//! Copies, checks, clearing away, and the clock.

use crate::common::{Place, Registered, admin, issue, register, revoke, try_issue, verify, why};
use crate::{Desk, assert_fits, registered};
use serde_json::Value;
use std::fs;
use std::sync::Arc;
use wardkey::admin::SecretCreate;
use wardkey::{Clock, Denied, Engine, ManualClock, Settings, SystemClock};

const DAY: i64 = 86_400_000;

#[test]
fn a_copy_says_which_key_opens_it_and_in_which_head_it_ends_and_overwrites_nothing() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    let token = issue(&engine, &client);
    let done = desk.run("backup copy.db").ok();
    assert_fits(&done.out);
    for said in ["bytes", "key id", "opens the copy", "recovery code", "none", "audit head"] {
        assert!(done.out.contains(said), "{said}: {}", done.out);
    }
    verify(&engine, &token).unwrap();
    drop(engine);
    let refused = desk.run("backup copy.db").fails(5);
    assert!(refused.err.contains("choose another name"), "{}", refused.err);
    desk.run("backup clinic.db").fails(2);
    let refused = desk.run("backup nowhere/copy.db").fails(1);
    assert!(refused.err.contains("see that the folder is there"), "{}", refused.err);
    desk.run("key recovery -y").ok();
    let report = desk.run("backup second.db --json").json();
    assert_eq!((&report["recovery_code"], &report["key_source"]), (&true.into(), &"file".into()));
    // The head that it names is that of the copied chain.
    fs::copy(desk.place.folder().join("second.db"), desk.place.path()).unwrap();
    desk.run("restore -y").ok();
    let shown = desk.run(&format!("audit show {} --json", report["audit_sequence"])).json();
    assert_eq!(shown["hash"], report["audit_head"]);
}

#[cfg(unix)]
#[test]
fn a_copy_that_is_cancelled_leaves_nothing() {
    use std::process::{Command, Stdio};
    let desk = Desk::new();
    let filler = "CREATE TABLE filler AS SELECT zeroblob(60000000) AS x";
    desk.place.sqlite().execute_batch(filler).unwrap();
    let drafts = || {
        let entries = fs::read_dir(desk.place.folder()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().contains("draft")).count()
    };
    // A copy may be done before anybody could cancel it.
    let cancelled = (0..9).any(|_| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wardkey"))
            .args(["backup", "copy.db", "--actor", "anna"])
            .current_dir(desk.place.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while drafts() == 0 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let done = child.wait_with_output().unwrap();
        let copy = desk.place.folder().join("copy.db");
        assert_eq!(drafts(), 0);
        match done.status.code() {
            Some(130) => {
                assert!(!copy.exists());
                assert!(String::from_utf8_lossy(&done.stderr).contains("cancelled"));
                true
            }
            code => {
                assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&done.stderr));
                fs::remove_file(copy).unwrap();
                false
            }
        }
    });
    assert!(cancelled);
}

#[test]
fn a_sound_file_is_said_to_be_and_every_edit_is_found() {
    let desk = Desk::new();
    desk.client("Lab");
    fs::write(desk.place.folder().join("head"), desk.run("audit head").ok().out).unwrap();
    let sound = desk.run("check --head head").ok();
    assert!(sound.out.contains("as it was written") && sound.out.contains("verified"));
    let answer = desk.run("check --head head --json").json();
    assert_eq!((&answer["sound"], &answer["head"]["answer"]), (&true.into(), &"verified".into()));
    fs::write(desk.place.folder().join("other"), Desk::new().run("audit head").ok().out).unwrap();
    desk.run("check --head other").fails(11);
    desk.run("check --head clinic.db.fresh").fails(1);
    desk.place.sqlite().execute("UPDATE client SET scope = 'lab:read lab:write'", []).unwrap();
    let broken = desk.run("check").fails(9);
    assert!(broken.out.contains("NOT SOUND") && broken.out.contains("client"), "{}", broken.out);
    assert!(broken.err.contains("evidence"));
    assert_fits(&broken.out);
    let broken = desk.run("check --json").fails(9);
    let answer: Value = serde_json::from_str(&broken.out).unwrap();
    assert_eq!(answer["findings"][0]["table"], "client");
}

#[test]
fn what_is_over_is_cleared_away_at_once_and_the_answer_says_how_much() {
    let (desk, clock) = desk_at(-3 * DAY);
    let engine = desk.place.open_at(&clock);
    let client = register(&engine);
    for _ in 0..40 {
        revoke(&engine, &issue(&engine, &client)).unwrap();
    }
    engine.close().unwrap();
    let left = || -> i64 {
        let count = "SELECT count(*) FROM revoked_token";
        desk.place.sqlite().query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(left(), 40);
    let done = desk.run("prune --json").json();
    assert_eq!((&done["rows"], &done["kept"], left()), (&40.into(), &0.into(), 0));
    let done = desk.run("prune").ok();
    assert!(done.out.contains("rows that ended"), "{}", done.out);
    desk.run("check").ok();
    assert!(desk.run("audit tail").ok().out.contains("cleared away"));
}

#[test]
fn what_ended_while_a_machine_was_off_is_cleared_away() {
    let (desk, clock) = desk_at(-30 * DAY);
    let engine = desk.place.open_at(&clock);
    let client = register(&engine);
    revoke(&engine, &issue(&engine, &client)).unwrap();
    engine.close().unwrap();
    let done = desk.run("prune --json").json();
    assert_eq!((&done["rows"], &done["kept"]), (&1.into(), &0.into()));
}

#[test]
fn the_clock_of_a_machine_is_believed_and_nothing_is_lost_by_accepting_it() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let token = issue(&desk.place.open(), &client);
    let shown = desk.run("clock show --json").json();
    assert_eq!(shown["believed"], true);
    assert!(desk.run("clock show").ok().out.contains("is believed"));
    desk.run("clock accept").fails(6);
    let accepted = desk.run("clock accept --yes --json").json();
    assert_eq!(accepted["lowered"], false);
    verify(&desk.place.open(), &token).unwrap();
}

#[test]
fn a_time_that_was_wrong_is_set_back_and_what_ended_in_it_awaits_confirmation() {
    let (desk, clock) = desk_at(2 * DAY);
    let engine = desk.place.open_at(&clock);
    let client = register(&engine);
    let request = SecretCreate {
        client_id: client.id.clone(),
        expires_at: Some(clock.wall().plus_millis(3 * DAY).seconds()),
        ..SecretCreate::default()
    };
    let made = engine.run(&admin(), request).unwrap();
    let passing = Registered { secret: made.client_secret.clone(), ..client.clone() };
    clock.advance_millis(6 * DAY);
    issue(&engine, &client);
    engine.close().unwrap();
    let shown = desk.run("clock show").ok();
    assert!(shown.out.contains("not believed") && shown.out.contains("behind"), "{}", shown.out);
    assert_eq!(desk.run("clock show --json").json()["believed"], false);
    let asked = desk.run("clock accept").fails(6);
    assert!(asked.err.contains("Time goes back by"), "{}", asked.err);
    let accepted = desk.run("clock accept --yes").ok();
    assert!(accepted.out.contains("await confirmation"), "{}", accepted.out);
    assert_fits(&accepted.out);
    assert_eq!(desk.run("clock show --json").json()["believed"], true);
    assert_eq!(why(try_issue(&desk.place.open(), &passing)), Denied::SecretUnconfirmed);
    desk.run(&format!("secret confirm {}", client.id)).ok();
    issue(&desk.place.open(), &passing);
}

/// A folder whose database was made by a clock that is so far from the machine's.
fn desk_at(millis: i64) -> (Desk, Arc<ManualClock>) {
    let desk = Desk { place: Place::empty() };
    let clock = Arc::new(ManualClock::at(SystemClock.wall().plus_millis(millis)));
    Engine::create(&desk.place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    (desk, clock)
}
