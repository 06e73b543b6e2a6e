//! Recovering a database whose master key is lost: with the recovery code, and with nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;

use common::{
    Place, Registered, admin, assert_chain_whole, audit, clock, error_of, events, issue, register,
    register_as, try_issue, verify, why,
};
use std::fs;
use wardkey::admin::{
    AuditRead, ClientCreate, ClientEnable, ClientImport, ClientRead, DatabaseCheck, DatabaseStatus,
    IssuerImport, IssuerList, KeyExport, KeyList, KeyRecovery, KeyRekey, RoleList, SecretConfirm,
    SecretCreate, SecretImport, SecretList, SecretRevoke, SecretText, SettingsGet, SettingsSet,
    UserCreate, UserList,
};
use wardkey::{Context, Denied, Engine, Error, Recovery, Secret, Settings};

#[test]
fn of_a_machine_that_is_gone_a_backup_and_the_code_are_enough() {
    let (place, client, token, code) = with_code();
    let moved = Place::empty();
    fs::copy(place.path(), moved.path()).unwrap();
    assert!(matches!(error_of(moved.try_open()), Error::KeyMissing { .. }));
    let engine = recover(&moved, &code).unwrap();
    // Nobody vouches for a backup: it may be old.
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyRetired | Denied::EpochEnded));
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
    let (client_id, credential_id) = (client.id.clone(), client.credential.clone());
    engine.run(&admin(), SecretConfirm { client_id, credential_id }).unwrap();
    issue(&engine, &client);
    assert_chain_whole(&engine);
    let row = &events(&engine, "database.recover")[0];
    assert_eq!(
        (&row["actor"], &row["detail"]["recovered_with"]),
        (&"anna".into(), &"recovery_code".into())
    );
    drop(engine);
    assert_chain_whole(&moved.open());
}

#[test]
fn where_only_the_key_is_lost_nothing_else_is() {
    for damage in [None, Some(b"scribbles".to_vec()), Some(vec![0; 100_000])] {
        let (place, client, token, code) = with_code();
        match damage {
            None => fs::remove_file(place.beside(".key")).unwrap(),
            Some(bytes) => fs::write(place.beside(".key"), bytes).unwrap(),
        }
        let engine = recover(&place, &code).unwrap();
        verify(&engine, &token).unwrap();
        issue(&engine, &client);
        assert_chain_whole(&engine);
        drop(engine);
        verify(&place.open(), &token).unwrap();
    }
}

#[test]
fn a_wrong_key_and_a_missing_or_foreign_freshness_file_are_no_obstacle() {
    let other = Place::created();
    for fresh in [None, Some(fs::read(other.beside(".fresh")).unwrap()), Some(b"cut".to_vec())] {
        let (place, client, _, code) = with_code();
        fs::copy(other.beside(".key"), place.beside(".key")).unwrap();
        match fresh {
            None => fs::remove_file(place.beside(".fresh")).unwrap(),
            Some(bytes) => fs::write(place.beside(".fresh"), bytes).unwrap(),
        }
        let engine = recover(&place, &code).unwrap();
        assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
        drop(engine);
        place.open();
    }
}

#[test]
fn the_key_file_of_another_copy_is_set_aside_and_not_lost() {
    let (place, _, _, code) = with_code();
    let key = fs::read(Place::created().beside(".key")).unwrap();
    fs::write(place.beside(".key"), &key).unwrap();
    drop(recover(&place, &code).unwrap());
    let names = fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = names.filter(|path| path.to_str().unwrap().contains(".aside-")).collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read(&aside[0]).unwrap(), key);
    // One whose key is the right one stays until it is known to be needed no more.
    drop(recover(&place, &code).unwrap());
    assert_eq!(fs::read_to_string(place.beside(".key")).unwrap().lines().count(), 1);
}

#[test]
fn a_recovery_can_be_repeated_and_the_code_survives_a_change_of_key() {
    let (place, _, token, code) = with_code();
    for _ in 0..2 {
        place.open().run(&admin(), KeyRekey::default()).unwrap();
        fs::remove_file(place.beside(".key")).unwrap();
        verify(&recover(&place, &code).unwrap(), &token).unwrap();
        // Not in need of it, too.
        verify(&recover(&place, &code).unwrap(), &token).unwrap();
    }
}

#[test]
fn a_crash_before_the_commit_of_a_recovery_leaves_one_that_can_be_repeated() {
    let (place, _, token, code) = with_code();
    // The key's line is written, nothing else: a missing key has become a wrong one.
    fs::copy(Place::created().beside(".key"), place.beside(".key")).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::WrongKey { .. }));
    verify(&recover(&place, &code).unwrap(), &token).unwrap();
}

#[test]
fn only_the_last_code_opens_and_a_mistyped_one_is_told() {
    let (place, _, _, former) = with_code();
    let code = place.open().run(&admin(), KeyRecovery::default()).unwrap().recovery_code.clone();
    assert_ne!(former, code);
    fs::remove_file(place.beside(".key")).unwrap();
    let none = Place::created();
    let mistyped = code.replacen(&code[..1], if code.starts_with('7') { "8" } else { "7" }, 1);
    for (place, code) in [(&place, &former), (&place, &mistyped), (&none, &code)] {
        let error = error_of(recover(place, code));
        assert!(matches!(error, Error::InvalidArgument { argument: "recovery_code", .. }));
        assert!(!error.to_string().contains(code.as_str()));
    }
    assert!(!place.beside(".key").exists());
    recover(&place, &code.to_lowercase().replace('-', " ")).unwrap();
}

#[test]
fn a_code_stands_in_no_row_and_its_making_is_audited() {
    let (place, _, _, code) = with_code();
    let engine = place.open();
    assert_eq!(events(&engine, "key.recovery").len(), 1);
    let text = audit(&engine).iter().map(|row| row.entry.to_string()).collect::<String>();
    assert!(!text.contains(&code) && !text.contains(&code[..9]));
    let error = engine.run(&admin(), ClientRead { client_id: code.clone() });
    assert!(!error_of(error).to_string().contains(&code));
}

#[test]
fn the_status_says_who_keeps_the_key_and_whether_there_is_a_code() {
    let place = Place::created();
    let engine = place.open();
    let status = || engine.run(&admin(), DatabaseStatus::default()).unwrap();
    assert_eq!((status().key_source, status().recovery_code), ("file", false));
    engine.run(&admin(), KeyRecovery::default()).unwrap();
    assert!(status().recovery_code);
    let key = Some(SecretText::from(format!("{}A", "B".repeat(42)).as_str()));
    let rekey = KeyRekey { source: Some("host".to_owned()), key };
    engine.run(&admin(), rekey).unwrap();
    assert_eq!((status().key_source, status().recovery_code), ("host", true));
}

#[test]
fn the_host_may_bring_the_new_key() {
    let (place, _, token, code) = with_code();
    let options = || place.options().key(Secret::new(vec![3; 32]));
    let recovery = Recovery::Code(Secret::new(code.into_bytes()));
    verify(&Engine::recover(&options(), &recovery, &admin()).unwrap(), &token).unwrap();
    Engine::open(&options()).unwrap();
}

#[test]
fn without_key_and_code_what_needs_no_key_is_kept_and_nobody_gets_in() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let import = ClientImport {
        client_id: "bedside".into(),
        client_secret: SecretText::from("correct horse battery"),
        client_name: Some("Bedside".into()),
        scope: Some("lab:read".into()),
        ..ClientImport::default()
    };
    engine.run(&admin(), import).unwrap();
    let user = UserCreate {
        username: "anna".into(),
        password: SecretText::from("a long enough passphrase"),
        ..UserCreate::default()
    };
    engine.run(&admin(), user).unwrap();
    let open_doors = SettingsSet {
        danger_allow_plain_http: Some(true),
        trusted_proxies: Some(vec!["10.0.0.0/8".into()]),
        clinic_name: Some("Clinic".into()),
        ..SettingsSet::default()
    };
    engine.run(&admin(), open_doors).unwrap();
    let away = Place::created().open().run(&admin(), KeyExport::default()).unwrap();
    let (issuer, site) = ("https://away.example".to_owned(), away.site);
    engine.run(&admin(), IssuerImport { issuer, site, jwks: away.jwks }).unwrap();
    drop(engine);
    fs::remove_file(place.beside(".key")).unwrap();
    let engine = recover_without_key(&place, false).unwrap();
    assert_chain_whole(&engine);
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyUnknown));
    let read = |id: &str| engine.run(&admin(), ClientRead { client_id: id.into() }).unwrap();
    assert!(!read(&client.id).enabled && !read("bedside").enabled);
    assert_eq!(read("bedside").client_name, "Bedside");
    let users = engine.run(&admin(), UserList::default()).unwrap().users;
    assert!(users.iter().all(|user| !user.enabled) && users.len() == 1);
    let settings = engine.run(&admin(), SettingsGet::default()).unwrap();
    assert!(!settings.danger_allow_plain_http && settings.trusted_proxies.is_empty());
    assert_eq!(settings.clinic_name, "Clinic");
    assert!(engine.run(&admin(), KeyList::default()).unwrap().keys.is_empty());
    assert!(engine.run(&admin(), IssuerList::default()).unwrap().issuers.is_empty());
    assert!(engine.run(&admin(), RoleList::default()).unwrap().roles.is_empty());
    let row = &events(&engine, "database.recover")[0];
    assert_eq!(row["detail"]["not_vouched_for"], "everything before this row");
    let page = engine.run(&admin(), AuditRead::default()).unwrap();
    assert_eq!(page.keys.len(), 2, "the old public key still verifies what it signed");
    comes_back(&engine, &client);
    drop(engine);
    assert_chain_whole(&place.open());
}

/// An administrator lets clients in again, one by one.
fn comes_back(engine: &Engine, client: &Registered) {
    for id in [client.id.as_str(), "bedside"] {
        engine.run(&admin(), ClientEnable { client_id: id.into() }).unwrap();
    }
    assert_eq!(why(try_issue(engine, client)), Denied::SecretWrong);
    let client_id = client.id.clone();
    let new = SecretCreate { client_id, ..SecretCreate::default() };
    let secret = engine.run(&admin(), new).unwrap().client_secret.clone();
    verify(engine, &issue(engine, &Registered { secret, ..client.clone() })).unwrap();
    let list = SecretList { client_id: "bedside".into() };
    let secrets = engine.run(&admin(), list).unwrap().secrets;
    let imported = Registered {
        id: "bedside".into(),
        secret: "correct horse battery".into(),
        credential: secrets[0].credential_id.clone(),
    };
    try_issue(engine, &imported).unwrap_err();
    let (client_id, credential_id) = (imported.id.clone(), imported.credential.clone());
    engine.run(&admin(), SecretConfirm { client_id, credential_id }).unwrap();
    issue(engine, &imported);
}

#[test]
fn a_strong_secret_goes_with_the_key_that_alone_could_check_it() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    import(&engine, &client, STRONG);
    let weak = import(&engine, &client, "some weak password");
    issue(&engine, &Registered { secret: STRONG.to_owned(), ..client.clone() });
    assert_eq!(events(&engine, "secret.strengthen").len(), 1);
    drop(engine);
    fs::remove_file(place.beside(".key")).unwrap();
    let engine = recover_without_key(&place, false).unwrap();
    let restored = serde_json::to_value(engine.restored().unwrap()).unwrap();
    let refused = restored["refused"].as_array().unwrap();
    let count = |kind: &str| refused.iter().find(|of| of["kind"] == kind).unwrap()["count"].clone();
    assert_eq!((count("keyed_secret"), count("client_secret")), (2.into(), 1.into()));
    let list = SecretList { client_id: client.id.clone() };
    let left = engine.run(&admin(), list).unwrap().secrets;
    assert_eq!(left.iter().map(|secret| &secret.credential_id).collect::<Vec<_>>(), [&weak]);
    let client_id = client.id.clone();
    engine.run(&admin(), ClientEnable { client_id: client_id.clone() }).unwrap();
    engine.run(&admin(), SecretConfirm { client_id, credential_id: weak }).unwrap();
    issue(&engine, &Registered { secret: "some weak password".to_owned(), ..client });
    assert_chain_whole(&engine);
}

#[test]
fn a_revoked_secret_that_is_forgotten_after_a_recovery_without_key_is_not_missed() {
    let (place, clock) = (Place::empty(), clock());
    Engine::create(&place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let credential_id = import(&engine, &client, "some weak password");
    let client_id = client.id;
    engine.run(&admin(), SecretRevoke { client_id, credential_id }).unwrap();
    drop(engine);
    fs::remove_file(place.beside(".key")).unwrap();
    let without = Recovery::WithoutKey { code_lost: false };
    let engine = Engine::recover(&place.options_at(&clock), &without, &admin()).unwrap();
    let left = || -> i64 {
        let sql = "SELECT count(*) FROM credential WHERE revoked_at IS NOT NULL";
        place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let findings = || engine.run(&admin(), DatabaseCheck::default()).unwrap().findings;
    assert!(left() == 1 && findings().is_empty());
    for _ in 0..40 {
        clock.advance_millis(86_400_000);
        register(&engine);
        register(&engine);
    }
    assert_eq!(left(), 0);
    assert!(findings().is_empty(), "{:?}", findings());
}

fn import(engine: &Engine, client: &Registered, secret: &str) -> String {
    let request = SecretImport {
        client_id: client.id.clone(),
        client_secret: SecretText::from(secret),
        label: String::new(),
        expires_at: None,
    };
    engine.run(&admin(), request).unwrap().credential_id
}

const STRONG: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

#[test]
fn what_somebody_without_the_key_wrote_opens_no_door_after_a_recovery_without_it() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    drop(engine);
    place
        .sqlite()
        .execute_batch(
            "UPDATE client SET token_endpoint_auth_method = 'none', scope = 'lab:read lab:write';
             UPDATE settings SET document = json_set(document, '$.danger_allow_plain_http', json('true'))",
        )
        .unwrap();
    fs::remove_file(place.beside(".key")).unwrap();
    let engine = recover_without_key(&place, false).unwrap();
    assert!(!engine.run(&admin(), SettingsGet::default()).unwrap().danger_allow_plain_http);
    try_issue(&engine, &client).unwrap_err();
}

#[test]
fn without_key_is_refused_while_there_is_something_better() {
    let (place, _, token, code) = with_code();
    let refused = |code_lost| {
        let error = error_of(recover_without_key(&place, code_lost));
        assert!(matches!(error, Error::InvalidArgument { argument: "without_key", .. }), "{error}");
    };
    refused(false);
    refused(true);
    let key = fs::read(place.beside(".key")).unwrap();
    fs::remove_file(place.beside(".key")).unwrap();
    refused(false);
    fs::write(place.beside(".key"), key).unwrap();
    verify(&place.open(), &token).unwrap();
    fs::remove_file(place.beside(".key")).unwrap();
    drop(recover_without_key(&place, true).unwrap());
    let error = error_of(recover(&place, &code));
    assert!(error.to_string().contains("has none"), "{error}");
}

#[test]
fn a_recovery_needs_an_actor_and_the_database_alone() {
    let (place, _, _, code) = with_code();
    let recovery = Recovery::Code(Secret::new(code.into_bytes()));
    let nobody = Engine::recover(&place.options(), &recovery, &Context::default());
    assert_eq!(error_of(nobody), Error::ActorMissing);
    let engine = place.open();
    let options = place.options().busy_timeout(std::time::Duration::from_millis(20));
    assert_eq!(error_of(Engine::recover(&options, &recovery, &admin())), Error::Busy);
    drop(engine);
}

/// A closed database with a client, a token of it, and a recovery code.
fn with_code() -> (Place, Registered, String, String) {
    let place = Place::created();
    let engine = place.open();
    let client = register_as(
        &engine,
        ClientCreate {
            client_name: Some("Lab Interface".into()),
            scope: Some("lab:read".into()),
            ..ClientCreate::default()
        },
    );
    let token = issue(&engine, &client);
    let code = engine.run(&admin(), KeyRecovery::default()).unwrap().recovery_code.clone();
    drop(engine);
    (place, client, token, code)
}

fn recover(place: &Place, code: &str) -> Result<Engine, Error> {
    let recovery = Recovery::Code(Secret::new(code.as_bytes().to_vec()));
    Engine::recover(&place.options(), &recovery, &admin())
}

fn recover_without_key(place: &Place, code_lost: bool) -> Result<Engine, Error> {
    Engine::recover(&place.options(), &Recovery::WithoutKey { code_lost }, &admin())
}
