//! Changing the master key: with one process and several, where others read, and where one is killed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{
    Other, Place, Registered, admin, assert_chain_whole, error_of, events, issue, my_role,
    register, say, told, try_issue, verify,
};
use std::fs;
use std::path::Path;
use std::time::Duration;
use wardkey::admin::{KeyRecovery, KeyRekey, KeyRekeyed, SecretText};
use wardkey::{Context, Engine, Error, Options, Recovery, Secret, Settings};

#[test]
fn a_new_key_takes_the_place_of_the_old_one_and_nothing_else_changes() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let old = lines(&place);
    let rekeyed = rekey(&engine);
    assert!(!rekeyed.former_key_needed && !rekeyed.recovery_code);
    assert_eq!((&*rekeyed.source, &*rekeyed.former_source), ("file", "file"));
    assert_ne!(rekeyed.key_id, rekeyed.former_key_id);
    assert_eq!(rekeyed.key_id.len(), 11);
    let new = lines(&place);
    assert_eq!((old.len(), new.len()), (1, 1));
    assert_ne!(old, new);
    verify(&engine, &token).unwrap();
    issue(&engine, &client);
    drop(engine);
    let engine = place.open();
    verify(&engine, &token).unwrap();
    assert_chain_whole(&engine);
    let row = &events(&engine, "key.rekey")[0];
    assert_eq!(row["actor"], "anna");
    assert_eq!(row["detail"]["key_id"], rekeyed.key_id);
    assert_eq!(row["detail"]["former_key_id"], rekeyed.former_key_id);
    drop(engine);
    // The old key is of no use any more, and the error says which one is.
    fs::write(place.beside(".key"), old.concat()).unwrap();
    let error = error_of(place.try_open());
    assert!(error.to_string().contains(&rekeyed.key_id), "{error}");
    assert!(matches!(error, Error::WrongKey { key_source, .. } if key_source == "file"));
}

#[test]
fn an_older_backup_needs_the_former_key_and_says_so() {
    let place = Place::created();
    let backup = fs::read(place.path()).unwrap();
    let old = fs::read(place.beside(".key")).unwrap();
    let rekeyed = rekey(&place.open());
    fs::write(place.path(), backup).unwrap();
    let error = error_of(Engine::restore(&place.options(), &admin()));
    assert!(matches!(error, Error::WrongKey { key_id, .. } if key_id == rekeyed.former_key_id));
    let kept = place.folder().join("the key that was kept");
    fs::write(&kept, old).unwrap();
    let recovery = Recovery::KeyFile(kept);
    let engine = Engine::recover(&place.options(), &recovery, &admin()).unwrap();
    assert_eq!(events(&engine, "database.recover")[0]["detail"]["recovered_with"], "key_file");
    assert_chain_whole(&engine);
    drop(engine);
    place.open();
}

#[test]
fn what_the_old_key_sealed_is_nowhere_in_the_files() {
    let place = Place::created();
    let engine = place.open();
    engine.run(&admin(), KeyRecovery::default()).unwrap();
    let sealed = |wrapper: &str| -> Vec<Vec<u8>> {
        let sqlite = place.sqlite();
        let mut all = sqlite.prepare("SELECT sealed FROM data_key WHERE wrapper = ?").unwrap();
        let rows = all.query_map([wrapper], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let old = [sealed("master"), sealed("recovery")].concat();
    assert_eq!(old.len(), 10);
    rekey(&engine);
    engine.run(&admin(), KeyRecovery::default()).unwrap();
    drop(engine);
    for file in fs::read_dir(place.folder()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        for sealed in &old {
            assert!(!bytes.windows(sealed.len()).any(|window| window == sealed));
        }
    }
}

#[test]
fn an_opening_finishes_what_a_crash_left() {
    let place = Place::created();
    let old = lines(&place);
    // Killed before the commit: the new key's line stands first, and opens nothing.
    let unborn = format!("wardkey-key-1 {}\n", URL_SAFE_NO_PAD.encode([9; 32]));
    fs::write(place.beside(".key"), unborn.clone() + &old[0]).unwrap();
    fs::write(place.beside(".key.new"), "a draft with a key in it").unwrap();
    drop(place.open());
    assert_eq!(lines(&place), old);
    assert!(!place.beside(".key.new").exists());
    fs::write(place.beside(".key.new"), "a draft with a key in it").unwrap();
    drop(place.open());
    assert!(!place.beside(".key.new").exists());
    // Killed after it: the old key's line stands second. What is no key of ours stays.
    rekey(&place.open());
    let new = lines(&place);
    let left = [new[0].as_str(), &old[0], "wardkey-tpm-1 not for us\n"].concat();
    fs::write(place.beside(".key"), &left).unwrap();
    let other = place.open();
    assert_eq!(lines(&place), [new[0].as_str(), "wardkey-tpm-1 not for us\n"]);
    drop(other);
    // A file of which no line opens the database is left as it is.
    let wrong = unborn.repeat(2);
    fs::write(place.beside(".key"), &wrong).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::WrongKey { .. }));
    assert_eq!(lines(&place).concat(), wrong);
}

#[test]
fn as_long_as_the_main_file_needs_it_the_old_key_stays() {
    let place = Place::created();
    let engine = Engine::open(&place.options().busy_timeout(Duration::from_millis(30))).unwrap();
    let reader = place.sqlite();
    reader.execute_batch("BEGIN; SELECT count(*) FROM client").unwrap();
    let rekeyed = rekey(&engine);
    assert!(rekeyed.former_key_needed);
    assert_eq!(lines(&place).len(), 2);
    // The disk loses the WAL: what is left is a main file that only the old key opens.
    let saved = Place::empty();
    fs::copy(place.path(), saved.path()).unwrap();
    fs::copy(place.beside(".key"), saved.beside(".key")).unwrap();
    Engine::restore(&saved.options(), &admin()).unwrap();
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    drop(engine);
    drop(place.open());
    assert_eq!(lines(&place).len(), 1);
}

#[test]
fn the_hosts_key_is_changed_by_storing_the_new_one_first() {
    let place = Place::empty();
    let with = |keys: &[u8]| {
        let keys = keys.iter().map(|byte| Secret::new(vec![*byte; 32])).collect();
        place.options().keys(keys)
    };
    Engine::create(&with(&[7]), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&with(&[7])).unwrap();
    let to = |byte: u8| KeyRekey {
        source: None,
        key: Some(SecretText::from(&*URL_SAFE_NO_PAD.encode([byte; 32]))),
    };
    let same = error_of(engine.run(&admin(), to(7)));
    assert!(matches!(same, Error::InvalidArgument { argument: "key", .. }), "{same}");
    let rekeyed = engine.run(&admin(), to(8)).unwrap();
    assert_eq!((&*rekeyed.source, rekeyed.former_key_needed), ("host", false));
    drop(engine);
    assert!(!place.beside(".key").exists());
    Engine::open(&with(&[7, 8])).unwrap();
    Engine::open(&with(&[8])).unwrap();
    let error = error_of(Engine::open(&with(&[7])));
    let Error::WrongKey { key_id, key_source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((key_id, key_source), (rekeyed.key_id, "host"));
}

#[test]
fn the_keeper_of_the_key_can_change() {
    let place = Place::created();
    let engine = place.open();
    let key = || Some(SecretText::from(&*URL_SAFE_NO_PAD.encode([5; 32])));
    for (source, key) in
        [("host", None), ("file", key()), ("dpapi", key()), ("vault", None), ("", key())]
    {
        let request = KeyRekey { source: Some(source.into()), key };
        let error = error_of(engine.run(&admin(), request));
        assert!(matches!(error, Error::InvalidDocument { .. }), "{source}: {error}");
    }
    let request = KeyRekey { source: Some("host".into()), key: key() };
    engine.run(&admin(), request).unwrap();
    assert!(!place.beside(".key").exists(), "the old key's file is gone");
    drop(engine);
    assert_eq!(error_of(place.try_open()), Error::KeyMissing { path: place.beside(".key") });
    let engine = Engine::open(&place.options().key(Secret::new(vec![5; 32]))).unwrap();
    let request = KeyRekey { source: Some("file".into()), key: None };
    engine.run(&admin(), request).unwrap();
    assert_eq!(lines(&place).len(), 1);
    drop(engine);
    assert_chain_whole(&place.open());
}

#[cfg(not(windows))]
#[test]
fn where_there_is_no_dpapi_it_is_a_typed_error_and_nothing_changes() {
    let place = Place::created();
    let before = lines(&place);
    let request = KeyRekey { source: Some("dpapi".into()), key: None };
    let error = error_of(place.open().run(&admin(), request));
    assert!(matches!(error, Error::InvalidArgument { argument: "source", .. }), "{error}");
    assert_eq!(lines(&place), before);
    place.open();
    let new = Place::empty();
    let error = error_of(Engine::create(&new.options().dpapi(), &Settings::default(), &admin()));
    assert!(matches!(error, Error::InvalidArgument { argument: "source", .. }), "{error}");
}

#[cfg(windows)]
#[test]
fn windows_seals_the_key_for_this_machine() {
    let place = Place::empty();
    Engine::create(&place.options().dpapi(), &Settings::default(), &admin()).unwrap();
    assert!(lines(&place)[0].starts_with("wardkey-dpapi-1 "));
    let engine = place.open();
    let request = KeyRekey { source: Some("file".into()), key: None };
    engine.run(&admin(), request).unwrap();
    assert!(lines(&place)[0].starts_with("wardkey-key-1 "));
    let request = KeyRekey { source: Some("dpapi".into()), key: None };
    let rekeyed = engine.run(&admin(), request).unwrap();
    assert_eq!((&*rekeyed.source, lines(&place).len()), ("dpapi", 1));
    drop(engine);
    assert_chain_whole(&place.open());
}

#[test]
fn without_an_actor_nothing_is_changed() {
    let place = Place::created();
    let engine = place.open();
    let refused = engine.run(&Context::default(), KeyRekey::default());
    assert_eq!(error_of(refused), Error::ActorMissing);
}

#[test]
fn others_open_issue_and_change_the_key_too_while_it_is_changed() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let mut others: Vec<_> = (0..2).map(|_| Other::start("rekey", &place.path())).collect();
    for other in &mut others {
        assert_eq!(other.hear().unwrap(), "ready");
    }
    for _ in 0..20 {
        others.iter_mut().for_each(|other| other.tell("now"));
        // Whoever opens reads the file at one time and the rows at another.
        let opened = place.open();
        let token = issue(&opened, &client);
        verify(&engine, &token).unwrap();
        issue(&engine, &client);
        for other in &mut others {
            other.hear().unwrap();
        }
    }
    for other in &mut others {
        other.kill();
        other.wait();
    }
    drop(engine);
    let engine = place.open();
    assert!(events(&engine, "key.rekey").len() >= 20);
    assert_chain_whole(&engine);
    assert_eq!(lines(&place).len(), 1);
}

#[test]
fn killed_at_any_moment_of_a_change_one_of_the_keys_in_the_file_opens_it() {
    let place = Place::created();
    let client = register(&place.open());
    let mut issued = Vec::new();
    for round in 0..ROUNDS {
        let mut others: Vec<_> =
            (0..=round % 2).map(|_| Other::start("rekey", &place.path())).collect();
        for other in &mut others {
            assert_eq!(other.hear().unwrap(), "ready");
            (0..100).for_each(|_| other.tell("now"));
        }
        // At another moment in each round: a change takes some ten milliseconds.
        std::thread::sleep(Duration::from_micros((round * 1_931 % 60_000).try_into().unwrap()));
        for other in &mut others {
            other.kill();
        }
        for other in &mut others {
            while other.hear().is_some() {}
            other.wait();
        }
        issued.push(check(&place, &client, issued.last()));
    }
    let engine = place.open();
    assert_chain_whole(&engine);
    assert!(events(&engine, "key.rekey").len() > ROUNDS / 2, "hardly anything was under way");
}

/// Opens what was left; a token of before is as good as it was.
fn check(place: &Place, client: &Registered, before: Option<&String>) -> String {
    let engine = place.open();
    if let Some(token) = before {
        verify(&engine, token).unwrap();
    }
    let token = try_issue(&engine, client).unwrap();
    assert_eq!(lines(place).len(), 1);
    token
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    assert_eq!(role, "rekey");
    rekey_when_told(&path);
}

/// Changes the key once for each line that is said to it.
fn rekey_when_told(path: &Path) {
    let engine = Engine::open(&Options::new(path)).unwrap();
    say("ready");
    while told().is_some() {
        match engine.run(&admin(), KeyRekey::default()) {
            Ok(rekeyed) => say(&rekeyed.key_id),
            Err(Error::Conflict { .. }) => say("another process was faster"),
            Err(error) => panic!("{error}"),
        }
    }
}

fn rekey(engine: &Engine) -> KeyRekeyed {
    engine.run(&admin(), KeyRekey::default()).unwrap()
}

/// The lines of the key file.
fn lines(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(place.beside(".key")).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

const ROUNDS: usize = 40;
