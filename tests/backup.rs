//! Copies of a database that is in use, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{
    Other, Place, Registered, admin, assert_chain_whole, audit, error_of, events, issue, jti,
    my_role, register, say, suffixed, told, try_issue, unlimited, verify, why,
};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use wardkey::admin::{
    AuditHeadRead, Backup, ClientCreate, KeyRecovery, KeyRekey, SecretRevoke, SettingsSet,
};
use wardkey::{Context, Denied, Engine, Error, Options, Progress, Recovery, Secret};

#[test]
fn a_copy_is_one_private_file_and_says_what_it_holds_and_which_key_it_needs() {
    let place = Place::created();
    let engine = place.open();
    register(&engine);
    let head = engine.run(&admin(), AuditHeadRead::default()).unwrap();
    let to = place.folder().join("copy.db");
    let made = backup(&engine, &to).unwrap();
    assert_eq!(
        (made.audit_sequence, made.audit_head.as_str()),
        (head.sequence, head.hash.as_str())
    );
    assert_eq!(made.bytes, fs::metadata(&to).unwrap().len());
    assert_eq!(Path::new(&made.path), to);
    assert_eq!((made.key_source, made.key_found), ("file", Some(true)));
    assert_eq!(made.key_id.len(), 11);
    assert!(made.pages > 0 && made.bytes.is_multiple_of(made.pages));
    assert_eq!(names(place.folder(), "copy"), ["copy.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&to), mode(&place.path()));
        assert_eq!(mode(&to) & 0o077, 0);
    }
}

#[test]
fn a_copy_without_recovery_code_says_so_and_one_with_it_too() {
    let place = Place::created();
    let engine = place.open();
    let without = backup(&engine, &place.folder().join("one")).unwrap();
    assert!(!without.recovery_code && without.keep.contains("no recovery code"), "{without:?}");
    engine.run(&admin(), KeyRecovery::default()).unwrap();
    let with = backup(&engine, &place.folder().join("two")).unwrap();
    assert!(with.recovery_code && !with.keep.contains("no recovery code"), "{with:?}");
}

#[test]
fn a_copy_says_when_the_key_beside_the_database_does_not_open_it_and_when_the_host_has_the_key() {
    let place = Place::created();
    let engine = place.open();
    fs::rename(place.beside(".key"), place.folder().join("elsewhere")).unwrap();
    let lost = backup(&engine, &place.folder().join("one")).unwrap();
    assert_eq!(lost.key_found, Some(false));
    fs::rename(place.folder().join("elsewhere"), place.beside(".key")).unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into();
    let rekey = KeyRekey { source: Some("host".into()), key: Some(key) };
    let rekeyed = engine.run(&admin(), rekey).unwrap();
    let hosts = backup(&engine, &place.folder().join("two")).unwrap();
    assert_eq!((hosts.key_source, hosts.key_found), ("host", None));
    assert_eq!(hosts.key_id, rekeyed.key_id);
}

#[test]
fn the_audit_of_the_live_file_says_who_copied_it_and_the_copy_does_not() {
    let place = Place::created();
    let engine = place.open();
    let made = backup(&engine, &place.folder().join("copy.db")).unwrap();
    let rows = events(&engine, "database.backup");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["actor"], "anna");
    assert_eq!(rows[0]["detail"]["file"], "copy.db");
    assert_eq!(rows[0]["detail"]["bytes"], made.bytes.to_string());
    assert_eq!(rows[0]["detail"]["audit_sequence"], made.audit_sequence.to_string());
    assert_chain_whole(&engine);
    drop(engine);
    let engine = put_back(&place, Path::new(&made.path));
    assert_eq!(events(&engine, "database.backup").len(), 0);
    let nobody = engine.backup(&Context::default(), place.folder().join("x"), &mut go_on);
    assert_eq!(error_of(nobody), Error::ActorMissing);
}

#[test]
fn a_copy_made_while_threads_issue_is_whole_and_holds_all_that_was_acknowledged_before() {
    let place = Place::created();
    let engine = place.open();
    unlimited(&engine);
    let client = register(&engine);
    let before = jti(&issue(&engine, &client));
    let (copying, to) = (AtomicBool::new(true), place.folder().join("copy.db"));
    let issued = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut issued = 0;
                    while copying.load(Ordering::SeqCst) || issued < 5 {
                        issue(&engine, &client);
                        issued += 1;
                    }
                    issued
                })
            })
            .collect();
        // Each step waits until others have committed: within one, SQLite would begin again for ever.
        let mut last = audit(&engine).len();
        let made = engine.backup(&admin(), &to, &mut |progress| {
            while progress.done < progress.total / 2 && audit(&engine).len() < last + 4 {}
            last = audit(&engine).len();
            ControlFlow::Continue(())
        });
        copying.store(false, Ordering::SeqCst);
        made.unwrap().unwrap();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert!(issued >= 10);
    assert_chain_whole(&engine);
    drop(engine);
    let engine = put_back(&place, &to);
    assert_chain_whole(&engine);
    assert!(events(&engine, "token.issue").iter().any(|row| row["token"] == before.as_str()));
}

#[test]
fn progress_grows_from_nothing_to_all_of_it() {
    let place = Place::created();
    let engine = big(&place);
    let mut seen: Vec<Progress> = Vec::new();
    let mut look = |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    };
    engine.backup(&admin(), place.folder().join("copy.db"), &mut look).unwrap();
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert_eq!(first.done, 0);
    assert_eq!(last.done, last.total);
    assert!(seen.len() > 14, "{seen:?}");
    for pair in seen.windows(2) {
        let [one, next] = pair else { panic!() };
        assert!(one.done <= next.done && one.total == next.total && next.done <= next.total);
    }
}

#[test]
fn a_cancelled_copy_leaves_nothing_wherever_it_is_cancelled() {
    let place = Place::created();
    let engine = big(&place);
    let to = place.folder().join("copy.db");
    let mut steps = 0;
    for end in 0.. {
        steps = 0;
        let made = engine.backup(&admin(), &to, &mut |_| {
            steps += 1;
            if steps > end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match made {
            Ok(None) => assert_eq!(names(place.folder(), "copy"), [""; 0]),
            other => {
                other.unwrap();
                break;
            }
        }
    }
    assert!(steps > 14, "{steps}");
    assert_eq!(events(&engine, "database.backup").len(), 1);
}

#[test]
fn nothing_is_overwritten_by_a_copy() {
    let place = Place::created();
    let engine = place.open();
    let to = place.folder().join("copy.db");
    for taken in ["copy.db", "copy.db-wal", "copy.db-shm", "copy.db-journal"] {
        let taken = place.folder().join(taken);
        fs::write(&taken, "somebody's").unwrap();
        let error = error_of(backup(&engine, &to));
        assert_eq!(error, Error::DatabaseExists { path: taken.clone() });
        assert_eq!(fs::read(&taken).unwrap(), b"somebody's");
        fs::remove_file(&taken).unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", &to).unwrap();
        assert_eq!(error_of(backup(&engine, &to)), Error::DatabaseExists { path: to.clone() });
        fs::remove_file(&to).unwrap();
    }
    fs::create_dir(&to).unwrap();
    assert_eq!(error_of(backup(&engine, &to)), Error::DatabaseExists { path: to });
}

#[test]
fn a_copy_is_neither_the_database_nor_a_file_beside_one() {
    let place = Place::created();
    let engine = place.open();
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path(), place.folder().join("other-name")).unwrap();
    let dotted = place.folder().join(".").join("clinic.db");
    let itself = ["clinic.db", "other-name"].map(|name| place.folder().join(name));
    for to in itself.into_iter().chain([dotted]).filter(|path| path.exists()) {
        let error = error_of(backup(&engine, &to));
        assert!(error.to_string().contains("is the database itself"), "{error}");
    }
    // The reserve is made anew, which must not replace a copy.
    fs::remove_file(place.beside(".reserve")).unwrap();
    for suffix in [
        "-wal",
        "-shm",
        "-journal",
        "-WAL",
        ".key",
        ".fresh",
        ".reserve",
        ".reserve.new",
        ".reserve.probe",
    ] {
        for database in ["clinic.db", "new.db"] {
            let to = suffixed(&place.folder().join(database), suffix);
            let error = error_of(backup(&engine, &to));
            assert!(matches!(error, Error::InvalidArgument { argument: "to", .. }), "{error}");
        }
    }
    for nothing in ["", "/", ".."] {
        let error = error_of(backup(&engine, Path::new(nothing)));
        assert!(matches!(error, Error::InvalidArgument { argument: "to", .. }), "{error}");
    }
    let error = error_of(backup(&engine, &place.folder().join("no/folder/copy.db")));
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(!place.folder().join("no").exists());
    assert_eq!(events(&engine, "database.backup").len(), 0);
}

#[test]
fn a_damaged_database_makes_no_copy_that_looks_sound() {
    let place = Place::created();
    let engine = place.open();
    register(&engine);
    drop(engine);
    place.sqlite().execute("UPDATE client SET scope = 'admin:all'", []).unwrap();
    let engine = place.open();
    let error = error_of(backup(&engine, &place.folder().join("copy.db")));
    assert!(matches!(&error, Error::Corrupt { what } if what.contains("client")), "{error}");
    assert_eq!(names(place.folder(), "copy"), [""; 0]);
}

#[test]
fn a_copy_put_back_is_refused_at_open_and_a_restore_accepts_it_as_a_new_epoch() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let copy = place.folder().join("copy.db");
    let made = backup(&engine, &copy).unwrap();
    let lost = issue(&engine, &client);
    drop(engine);
    fs::copy(&copy, place.path()).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::StaleDatabase { .. }));
    let engine = put_back(&place, &copy);
    let report = engine.restored().unwrap();
    assert!(report.new_epoch && !report.trusted_secrets);
    assert!(report.acknowledged.unwrap() > report.commits);
    assert_eq!(report.audit_sequence, made.audit_sequence);
    assert_eq!(report.audit_head, made.audit_head);
    for token in [&token, &lost] {
        assert!(matches!(why(verify(&engine, token)), Denied::KeyRetired | Denied::EpochEnded));
    }
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
    drop(engine);
    assert!(place.open().restored().is_none());
}

#[test]
fn a_copy_and_the_recovery_code_are_enough_on_a_new_machine() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let code = engine.run(&admin(), KeyRecovery::default()).unwrap().recovery_code.clone();
    let copy = place.folder().join("copy.db");
    assert!(backup(&engine, &copy).unwrap().recovery_code);
    drop(engine);
    let there = Place::empty();
    fs::copy(&copy, there.path()).unwrap();
    // The key is where the machine was: a restore says so, the code does without.
    let restored = Engine::restore(&there.options(), &admin());
    assert_eq!(error_of(restored), Error::KeyMissing { path: there.beside(".key") });
    let code = Recovery::Code(Secret::new(code.into_bytes()));
    let options = there.options().trust_secrets();
    let engine = Engine::recover(&options, &code, &admin()).unwrap();
    let report = engine.restored().unwrap();
    assert!(report.new_epoch && report.trusted_secrets);
    assert_eq!(report.acknowledged, None);
    verify(&engine, &issue(&engine, &client)).unwrap();
    drop(engine);
    assert_chain_whole(&there.open());
}

#[test]
fn a_copy_of_a_copy_opens_as_the_first_one_does() {
    let place = Place::created();
    let engine = place.open();
    let (one, two) = (place.folder().join("one"), place.folder().join("two"));
    backup(&engine, &one).unwrap();
    drop(engine);
    backup(&put_back(&place, &one), &two).unwrap();
    assert_chain_whole(&put_back(&place, &two));
}

#[test]
fn a_killed_copy_leaves_no_file_of_the_name_but_a_sound_one_and_its_draft_goes_with_the_next() {
    let place = Place::created();
    drop(big(&place));
    let mut other = Other::start("copy, say each step", &place.path());
    for _ in 0..5 {
        other.hear().unwrap();
        other.tell("on");
    }
    other.kill();
    other.wait();
    let drafts = names(place.folder(), "copy");
    assert_eq!(drafts.len(), 1);
    assert!(drafts[0].starts_with("copy.db.draft-"), "{drafts:?}");
    let engine = place.open();
    backup(&engine, &place.folder().join("copy.db")).unwrap();
    assert_eq!(names(place.folder(), "copy"), ["copy.db"]);
    assert_chain_whole(&engine);
    drop(engine);
    assert_chain_whole(&put_back(&place, &place.folder().join("copy.db")));
}

#[test]
fn a_process_may_copy_what_another_has_open() {
    let place = Place::created();
    let engine = big(&place);
    let mut other = Other::start("copy, say each step", &place.path());
    let client = register(&engine);
    while let Some(line) = other.hear() {
        if line == "done" {
            break;
        }
        issue(&engine, &client);
        other.tell("on");
    }
    other.tell("end");
    assert!(other.wait().success());
    let rows = events(&engine, "database.backup");
    assert_eq!(rows.len(), 1);
    drop(engine);
    assert_chain_whole(&put_back(&place, &place.folder().join("copy.db")));
}

#[test]
fn trusted_secrets_need_no_confirmation_and_the_audit_says_that_they_were_trusted() {
    let place = Place::created();
    let engine = place.open();
    let (kept, revoked) = (register(&engine), register(&engine));
    let copy = place.folder().join("copy.db");
    let Registered { id: client_id, credential: credential_id, .. } = revoked.clone();
    engine.run(&admin(), SecretRevoke { client_id, credential_id }).unwrap();
    let token = issue(&engine, &kept);
    backup(&engine, &copy).unwrap();
    drop(engine);
    fs::copy(&copy, place.path()).unwrap();
    let engine = Engine::restore(&place.options().trust_secrets(), &admin()).unwrap();
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyRetired | Denied::EpochEnded));
    verify(&engine, &issue(&engine, &kept)).unwrap();
    assert_eq!(why(try_issue(&engine, &revoked)), Denied::SecretRevoked);
    let rows = events(&engine, "database.restore");
    assert_eq!(rows[0]["detail"]["trusted_secrets"], "true");
    assert_eq!(rows[0]["detail"]["secrets_to_confirm"], "0");
    assert_chain_whole(&engine);
}

#[test]
fn without_any_key_secrets_cannot_be_trusted() {
    let place = Place::created();
    fs::remove_file(place.beside(".key")).unwrap();
    let (options, recovery) =
        (place.options().trust_secrets(), Recovery::WithoutKey { code_lost: true });
    let error = error_of(Engine::recover(&options, &recovery, &admin()));
    assert!(matches!(error, Error::InvalidArgument { argument: "trust_secrets", .. }), "{error}");
}

#[test]
fn a_restore_counts_what_it_refuses_and_says_why() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let opaque = ClientCreate {
        client_name: Some("Old Device".into()),
        scope: Some("lab:read".into()),
        token_format: Some(Some("opaque".into())),
        ..ClientCreate::default()
    };
    let device = common::register_as(&engine, opaque);
    issue(&engine, &client);
    issue(&engine, &device);
    issue(&engine, &device);
    drop(engine);
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    let report = engine.restored().unwrap();
    let count = |kind: &str| {
        let refused = report.refused.iter().find(|refused| refused.kind == kind).unwrap();
        assert!(!refused.why.is_empty());
        refused.count
    };
    assert_eq!(count("access_token"), None);
    assert_eq!(count("opaque_token"), Some(2));
    assert_eq!(count("client_secret"), Some(2));
    assert_eq!(count("signing_key"), Some(1));
    for none in ["grant", "code", "refresh_token", "user"] {
        assert_eq!(count(none), Some(0), "{none}");
    }
    let rows = events(&engine, "database.restore");
    assert_eq!(rows[0]["detail"]["opaque_tokens_ended"], "2");
    assert_eq!(rows[0]["detail"]["keys_retired"], "1");
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["refused"][1]["kind"], "opaque_token");
    drop(engine);
    // What awaits its confirmation since the first one still does.
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    let report = engine.restored().unwrap();
    let secrets = report.refused.iter().find(|refused| refused.kind == "client_secret").unwrap();
    assert_eq!(secrets.count, Some(2));
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    assert_eq!(role, "copy, say each step");
    let engine = Engine::open(&Options::new(&path)).unwrap();
    let to = path.parent().unwrap().join("copy.db");
    let step = &mut |progress: Progress| {
        say(&format!("{} of {}", progress.done, progress.total));
        told();
        ControlFlow::Continue(())
    };
    engine.backup(&admin(), to, step).unwrap();
    say("done");
    told();
}

fn backup(engine: &Engine, to: &Path) -> Result<Backup, Error> {
    engine.backup(&admin(), to, &mut go_on).map(Option::unwrap)
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A database of many steps.
fn big(place: &Place) -> Engine {
    let engine = place.open();
    for n in 0..120 {
        let text = format!("{n}").repeat(200);
        let origins =
            (0..20).map(|o| format!("https://host-{o}-{}.example", &text[..40])).collect();
        let request = ClientCreate {
            client_name: Some(text[..200].to_owned()),
            scope: Some("lab:read".into()),
            allowed_origins: Some(origins),
            ..ClientCreate::default()
        };
        common::register_as(&engine, request);
    }
    let audience =
        SettingsSet { audience: Some(Some("https://a.example".into())), ..Default::default() };
    engine.run(&admin(), audience).unwrap();
    engine
}

/// Puts a copy in the place of the closed database, and restores it.
fn put_back(place: &Place, copy: &Path) -> Engine {
    fs::copy(copy, place.path()).unwrap();
    Engine::restore(&place.options(), &admin()).unwrap()
}

/// The names in a folder that begin like this.
fn names(folder: &Path, beginning: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| PathBuf::from(name).display().to_string()).collect();
    names.retain(|name| name.starts_with(beginning));
    names.sort_unstable();
    names
}
