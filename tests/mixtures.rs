//! Files that do not belong together: an old main file under a later WAL, a freshness file that was exchanged
//! under an open database, a program that knows SQLite but not this library.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{
    Other, Place, Registered, admin, assert_chain_whole, clock, error_of, events, issue, my_role,
    register, say, told, try_issue, verify, why,
};
use std::fs;
use wardkey::admin::{SecretConfirm, SecretRevoke};
use wardkey::{Denied, Engine, Error, Options, Settings};

#[test]
fn a_refused_open_leaves_an_old_main_file_and_a_later_wal_as_they_are() {
    let (place, _) = old_main_file_under_a_later_wal();
    let files = || (fs::read(place.path()).unwrap(), fs::read(place.beside("-wal")).unwrap());
    let before = files();
    for _ in 0..3 {
        let error = error_of(place.try_open());
        assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
        assert!(files() == before, "a refusal wrote the files");
    }
}

#[test]
fn a_restore_sets_a_later_wal_aside_and_takes_the_old_main_file_whole() {
    let (place, client) = old_main_file_under_a_later_wal();
    let wal = fs::read(place.beside("-wal")).unwrap();
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    let row = events(&engine, "database.restore").remove(0);
    let suffix = row["detail"]["wal_set_aside"].as_str().unwrap();
    assert_eq!(fs::read(place.beside(suffix)).unwrap(), wal, "nothing is lost");
    assert_eq!(events(&engine, "client.create").len(), 1, "those of the old copy");
    assert_chain_whole(&engine);
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
    let Registered { id: client_id, credential: credential_id, .. } = client.clone();
    engine.run(&admin(), SecretConfirm { client_id, credential_id }).unwrap();
    verify(&engine, &issue(&engine, &client)).unwrap();
    drop(engine);
    assert_integrity(&place);
    assert_chain_whole(&place.open());
}

#[test]
fn a_restore_keeps_what_a_crash_left_in_the_wal() {
    let place = Place::created();
    crashed(&place, "register and wait");
    fs::remove_file(place.beside(".fresh")).unwrap();
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    let row = events(&engine, "database.restore").remove(0);
    assert!(row["detail"].get("wal_set_aside").is_none(), "{row}");
    assert_eq!(events(&engine, "client.create").len(), 1);
    assert_chain_whole(&engine);
}

#[test]
fn an_old_main_file_is_found_although_another_process_began_the_wal() {
    let place = Place::created();
    let engine = place.open();
    let copy = fs::read(place.path()).unwrap();
    register(&engine);
    drop(engine);
    // This one knows that the main file is whole, but it is the other one that writes first.
    let mut first = Other::start("open and wait", &place.path());
    first.hear().unwrap();
    crashed(&place, "register and wait");
    first.kill();
    first.wait();
    fs::write(place.path(), copy).unwrap();
    let error = error_of(place.try_open());
    assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
}

#[test]
fn a_later_main_file_over_the_wal_of_an_older_crash_is_refused_and_restored_whole() {
    let (place, client) = later_main_file_over_an_older_wal();
    let files = || (fs::read(place.path()).unwrap(), fs::read(place.beside("-wal")).unwrap());
    let before = files();
    let error = error_of(place.try_open());
    assert!(error.to_string().contains("restore"), "{error}");
    assert!(files() == before, "a refusal wrote the files");
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    assert_eq!(events(&engine, "client.create").len(), 22, "those of the later file");
    assert!(events(&engine, "database.restore")[0]["detail"]["wal_set_aside"].is_string());
    assert_chain_whole(&engine);
    let Registered { id: client_id, credential: credential_id, .. } = client.clone();
    let _ = engine.run(&admin(), SecretConfirm { client_id, credential_id });
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretRevoked);
}

#[test]
fn a_rewritten_copy_under_a_later_wal_is_left_alone_by_open_and_restored_without_it() {
    let place = Place::created();
    let engine = place.open();
    (0..40).for_each(|_| drop(register(&engine)));
    let copy = place.beside(".copy");
    place.sqlite().execute_batch(&format!("VACUUM INTO '{}'", copy.display())).unwrap();
    (0..10).for_each(|_| drop(register(&engine)));
    drop(engine);
    crashed(&place, "register and wait");
    fs::copy(&copy, place.path()).unwrap();
    let files = || (fs::read(place.path()).unwrap(), fs::read(place.beside("-wal")).unwrap());
    let before = files();
    let error = error_of(place.try_open());
    assert!(error.to_string().contains("restore"), "{error}");
    assert!(files() == before, "a refusal wrote the files");
    let engine = Engine::restore(&place.options(), &admin()).unwrap();
    assert_eq!(events(&engine, "client.create").len(), 40);
    drop(engine);
    assert_integrity(&place);
}

#[test]
fn of_several_that_open_a_mixture_at_once_none_succeeds() {
    let (place, _) = old_main_file_under_a_later_wal();
    for _ in 0..10 {
        let opened = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| place.try_open().is_ok())).collect();
            let opened: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            opened.contains(&true)
        });
        assert!(!opened);
    }
}

#[test]
fn an_old_copy_put_in_place_beside_a_running_process_is_not_opened_by_another() {
    let place = Place::created();
    drop(register(&place.open()));
    let old = fs::read(place.path()).unwrap();
    let engine = place.open();
    (0..30).for_each(|_| drop(register(&engine)));
    drop(engine);
    let mut other = Other::start("register and wait", &place.path());
    other.hear().unwrap();
    fs::write(place.beside(".tmp"), &old).unwrap();
    fs::rename(place.beside(".tmp"), place.path()).unwrap();
    let error = error_of(place.try_open());
    assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
}

#[test]
fn whatever_the_path_looks_like_a_mixture_is_found() {
    let (place, _) = old_main_file_under_a_later_wal();
    let mut twice = std::ffi::OsString::from("/");
    twice.push(place.path());
    let error = error_of(Engine::open(&Options::new(twice)));
    assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = place.folder().join(std::ffi::OsStr::from_bytes(b"caf\xe9 %41?#&"));
        fs::create_dir(&folder).unwrap();
        for suffix in ["", "-wal", ".key", ".fresh"] {
            let name = place.beside(suffix);
            fs::copy(&name, folder.join(name.file_name().unwrap())).unwrap();
        }
        let error = error_of(Engine::open(&Options::new(folder.join("clinic.db"))));
        assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
    }
}

#[test]
fn a_wild_number_in_the_freshness_file_costs_a_restore_and_no_more() {
    for wild in [u64::MAX, 1 << 63, (1 << 53) + 1, 1 << 53, 1 << 40] {
        let place = Place::created();
        drop(register(&place.open()));
        let mut bytes = fs::read(place.beside(".fresh")).unwrap();
        bytes[32..40].copy_from_slice(&wild.to_le_bytes());
        fs::write(place.beside(".fresh"), &bytes).unwrap();
        let error = error_of(place.try_open());
        let missing = matches!(error, Error::FreshnessMissing { .. });
        assert!(missing || matches!(error, Error::StaleDatabase { .. }), "{error}");
        let engine = Engine::restore(&place.options(), &admin()).unwrap();
        (0..5).for_each(|_| drop(register(&engine)));
        drop(engine);
        assert_chain_whole(&place.open());
    }
}

#[test]
fn a_damaged_copy_is_not_restored() {
    let place = Place::created();
    let engine = place.open();
    (0..20).for_each(|_| drop(register(&engine)));
    drop(engine);
    let root: i64 = place
        .sqlite()
        .query_row("SELECT rootpage FROM sqlite_master WHERE name = 'scope'", [], |row| row.get(0))
        .unwrap();
    let mut bytes = fs::read(place.path()).unwrap();
    let page = usize::try_from(root - 1).unwrap() * 4096;
    bytes[page..page + 64].fill(0xff);
    fs::write(place.path(), &bytes).unwrap();
    let error = error_of(Engine::restore(&place.options(), &admin()));
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(fs::read(place.path()).unwrap() == bytes, "nothing was written");
}

#[test]
fn a_restore_while_a_program_of_another_make_has_the_file_open_is_busy() {
    let place = Place::created();
    let mut other = Other::start("read with sqlite and wait", &place.path());
    other.hear().unwrap();
    let options = || place.options().busy_timeout(std::time::Duration::from_millis(50));
    assert_eq!(error_of(Engine::restore(&options(), &admin())), Error::Busy);
    other.tell("go");
    assert!(other.wait().success());
    drop(Engine::restore(&options(), &admin()).unwrap());
}

#[test]
fn a_freshness_file_exchanged_under_an_open_engine_is_noticed_by_readers_within_a_second() {
    let place = Place::empty();
    let clock = clock();
    let options = || place.options_at(&clock);
    Engine::create(&options(), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&options()).unwrap();
    let client = register(&engine);
    let token = issue(&engine, &client);
    verify(&engine, &token).unwrap();
    let fresh = place.beside(".fresh");
    let aside = place.beside(".aside");
    fs::rename(&fresh, &aside).unwrap();
    fs::copy(&aside, &fresh).unwrap();
    clock.advance_millis(1000);
    let error = error_of(verify(&engine, &token));
    assert!(matches!(error, Error::FreshnessMissing { .. }), "{error}");
    assert!(verify(&engine, &token).is_err(), "and again");
    fs::rename(&aside, &fresh).unwrap();
    clock.advance_millis(1000);
    verify(&engine, &token).unwrap();
}

/// A main file from before a client's second registration, under the WAL of a crash after it.
fn old_main_file_under_a_later_wal() -> (Place, Registered) {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    let engine = place.open();
    register(&engine);
    drop(engine);
    crashed(&place, "register and wait");
    fs::write(place.path(), copy).unwrap();
    (place, client)
}

/// The files of a crash, but for the main file, which comes from a copy of them that lived on: in it
/// twenty clients were registered and the first one's secret was revoked.
fn later_main_file_over_an_older_wal() -> (Place, Registered) {
    let place = Place::created();
    let client = register(&place.open());
    crashed(&place, "register and wait");
    let elsewhere = Place::empty();
    for suffix in ["", "-wal", ".key", ".fresh"] {
        fs::copy(place.beside(suffix), elsewhere.beside(suffix)).unwrap();
    }
    let engine = elsewhere.open();
    (0..20).for_each(|_| drop(register(&engine)));
    let request =
        SecretRevoke { client_id: client.id.clone(), credential_id: client.credential.clone() };
    engine.run(&admin(), request).unwrap();
    drop(engine);
    fs::copy(elsewhere.path(), place.path()).unwrap();
    (place, client)
}

/// Lets another process play its role, and ends it as `kill -9` does.
fn crashed(place: &Place, role: &str) {
    let mut other = Other::start(role, &place.path());
    other.hear().unwrap();
    other.kill();
    other.wait();
    assert!(fs::metadata(place.beside("-wal")).unwrap().len() > 0);
}

#[track_caller]
fn assert_integrity(place: &Place) {
    let verdict: String =
        place.sqlite().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    match role.as_str() {
        "register and wait" => {
            let engine = Engine::open(&Options::new(&path)).unwrap();
            say(&register(&engine).id);
            told();
        }
        "open and wait" => {
            let _engine = Engine::open(&Options::new(&path)).unwrap();
            say("open");
            told();
        }
        "read with sqlite and wait" => {
            let sqlite = rusqlite::Connection::open(&path).unwrap();
            let sql = "SELECT count(*) FROM scope";
            let words: i64 = sqlite.query_row(sql, [], |row| row.get(0)).unwrap();
            say(&words.to_string());
            told();
        }
        other => panic!("no role {other}"),
    }
}
