//! Old copies, missing and foreign freshness files, restore, and rows that somebody edited.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

mod common;

use common::{
    Other, Place, Registered, admin, assert_chain_whole, clock, error_of, events, issue, my_role,
    register, register_as, revoke, say, told, try_issue, verify, why,
};
use std::fs;
use wardkey::admin::{
    AuditVerify, ClientCreate, ClientRevoke, KeyList, RoleCreate, SecretConfirm, SecretList,
    SecretRevoke, SettingsSet, UserCreate, UserEnable, UserList, UserRead,
};
use wardkey::{Context, Denied, Engine, Error, Options, Settings};

#[test]
fn an_old_copy_put_back_after_a_revocation_does_not_open() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    let engine = place.open();
    revoke(&engine, &token).unwrap();
    drop(engine);
    fs::write(place.path(), copy).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::StaleDatabase { .. }));
}

#[test]
fn an_old_copy_without_a_security_change_since_is_refused_too_for_the_audit_would_lose_rows() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    issue(&engine, &client);
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    issue(&place.open(), &client);
    fs::write(place.path(), copy).unwrap();
    let error = error_of(place.try_open());
    let Error::StaleDatabase { found, acknowledged } = error else {
        panic!("{error}");
    };
    assert_eq!(acknowledged, found + 1);
}

#[test]
fn a_copy_that_is_not_behind_opens() {
    let place = Place::created();
    let copy = fs::read(place.path()).unwrap();
    drop(place.open());
    fs::write(place.path(), copy).unwrap();
    place.open();
}

#[test]
fn a_use_that_was_noted_since_makes_a_copy_old() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    verify(&place.open(), &token).unwrap();
    fs::write(place.path(), copy).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::StaleDatabase { .. }));
}

#[test]
fn an_old_main_file_under_the_wal_of_a_crash_does_not_open() {
    let place = Place::created();
    with_client(&place);
    let copy = fs::read(place.path()).unwrap();
    with_client(&place);
    // Changes that are in the WAL alone, left behind as a crash leaves it.
    let mut other = Other::start("register, say so, and wait", &place.path());
    other.hear().unwrap();
    other.kill();
    other.wait();
    assert!(fs::metadata(place.beside("-wal")).unwrap().len() > 0);
    fs::write(place.path(), copy).unwrap();
    let error = error_of(place.try_open());
    assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
}

#[test]
fn a_deleted_wal_is_an_old_copy() {
    let place = Place::created();
    let mut other = Other::start("register, say so, and wait", &place.path());
    other.hear().unwrap();
    other.kill();
    other.wait();
    fs::remove_file(place.beside("-wal")).unwrap();
    let error = error_of(place.try_open());
    assert!(matches!(error, Error::StaleDatabase { .. }), "{error}");
}

#[test]
fn a_crash_without_any_copying_opens_as_it_was() {
    let place = Place::created();
    let mut other = Other::start("register, say so, and wait", &place.path());
    let id = other.hear().unwrap();
    other.kill();
    other.wait();
    let engine = place.open();
    assert_eq!(events(&engine, "client.create")[0]["client"], id.as_str());
    assert_chain_whole(&engine);
}

#[test]
fn an_old_copy_put_back_under_an_open_engine_is_refused_at_its_next_calls() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    fs::rename(place.path(), place.folder().join("aside")).unwrap();
    fs::copy(place.folder().join("aside"), place.path()).unwrap();
    assert!(matches!(error_of(revoke(&engine, &token)), Error::DatabaseMissing { .. }));
    assert!(matches!(error_of(try_issue(&engine, &client)), Error::DatabaseMissing { .. }));
}

#[test]
fn a_missing_freshness_file_is_named_and_not_made_anew() {
    let place = Place::created();
    fs::remove_file(place.beside(".fresh")).unwrap();
    let missing = Error::FreshnessMissing { path: place.beside(".fresh") };
    assert_eq!(error_of(place.try_open()), missing);
    assert!(!place.beside(".fresh").exists());
}

#[test]
fn a_foreign_cut_or_damaged_freshness_file_is_as_good_as_none() {
    let other = fs::read(Place::created().beside(".fresh")).unwrap();
    type Damage = fn(Vec<u8>, &[u8]) -> Vec<u8>;
    let damages: [Damage; 6] = [
        |_, other| other.to_vec(),
        |own, _| own[..47].to_vec(),
        |_, _| Vec::new(),
        |mut own, _| {
            own[0] = b'W';
            own
        },
        |mut own, _| {
            own[8] = 2;
            own
        },
        |mut own, _| {
            own[12] = 1;
            own
        },
    ];
    for damage in damages {
        let place = Place::created();
        let own = fs::read(place.beside(".fresh")).unwrap();
        let damaged = damage(own, &other);
        fs::write(place.beside(".fresh"), &damaged).unwrap();
        let missing = Error::FreshnessMissing { path: place.beside(".fresh") };
        assert_eq!(error_of(place.try_open()), missing);
        assert_eq!(fs::read(place.beside(".fresh")).unwrap(), damaged);
        restore(&place);
    }
}

#[test]
fn a_restore_ends_tokens_retires_keys_and_doubts_secrets_until_they_are_confirmed() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    fs::remove_file(place.beside(".fresh")).unwrap();
    let engine = restore(&place);
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyRetired | Denied::EpochEnded));
    let keys = engine.run(&admin(), KeyList::default()).unwrap().keys;
    assert!(keys.iter().all(|key| key.retired_at.is_some()), "{keys:?}");
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
    confirm(&engine, &client).unwrap();
    let fresh = issue(&engine, &client);
    verify(&engine, &fresh).unwrap();
    assert_eq!(engine.run(&admin(), KeyList::default()).unwrap().keys.len(), 2);
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyRetired | Denied::EpochEnded));
    drop(engine);
    verify(&place.open(), &fresh).unwrap();
}

#[test]
fn a_restore_ends_opaque_tokens_too() {
    let place = Place::created();
    let engine = place.open();
    let client = register_opaque(&engine);
    let token = issue(&engine, &client);
    drop(engine);
    assert_eq!(why(verify(&restore(&place), &token)), Denied::EpochEnded);
}

#[test]
fn a_restore_is_recorded_with_its_actor_and_the_chain_goes_on() {
    let place = Place::created();
    with_client(&place);
    let engine = restore(&place);
    let rows = events(&engine, "database.restore");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["actor"], "anna");
    assert_eq!(rows[0]["detail"]["secrets_to_confirm"], "1");
    assert_chain_whole(&engine);
}

#[test]
fn a_restore_without_an_actor_changes_nothing() {
    let place = Place::created();
    let before = fs::read(place.beside(".fresh")).unwrap();
    let error = error_of(Engine::restore(&place.options(), &Context::default()));
    assert_eq!(error, Error::ActorMissing);
    assert_eq!(fs::read(place.beside(".fresh")).unwrap(), before);
    place.open();
}

#[test]
fn a_restored_old_copy_opens_and_what_was_revoked_since_stays_without_effect() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    let engine = place.open();
    let Registered { id: client_id, credential: credential_id, .. } = client.clone();
    engine.run(&admin(), SecretRevoke { client_id, credential_id }).unwrap();
    drop(engine);
    fs::write(place.path(), copy).unwrap();
    let engine = restore(&place);
    // The copy does not know the revocation: nothing of before is accepted until somebody says so.
    assert!(matches!(why(verify(&engine, &token)), Denied::KeyRetired | Denied::EpochEnded));
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretUnconfirmed);
    drop(engine);
    place.open();
}

#[test]
fn a_revoked_secret_stays_revoked_through_a_restore_and_its_confirmation() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let request =
        SecretRevoke { client_id: client.id.clone(), credential_id: client.credential.clone() };
    engine.run(&admin(), request).unwrap();
    drop(engine);
    let engine = restore(&place);
    let _ = confirm(&engine, &client);
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretRevoked);
}

#[test]
fn a_database_can_be_restored_twice_and_a_copy_of_between_is_stale() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    drop(engine);
    drop(restore(&place));
    let copy = fs::read(place.path()).unwrap();
    let engine = restore(&place);
    assert_eq!(events(&engine, "database.restore").len(), 2);
    confirm(&engine, &client).unwrap();
    let token = issue(&engine, &client);
    drop(engine);
    verify(&place.open(), &token).unwrap();
    fs::write(place.path(), copy).unwrap();
    assert!(matches!(error_of(place.try_open()), Error::StaleDatabase { .. }));
}

#[test]
fn a_restore_while_the_database_is_open_is_busy() {
    let place = Place::created();
    let engine = place.open();
    assert_eq!(error_of(Engine::restore(&place.options(), &admin())), Error::Busy);
    let client = register(&engine);
    verify(&engine, &issue(&engine, &client)).unwrap();
    drop(engine);
    restore(&place);
}

#[test]
fn a_restore_while_another_process_has_the_database_open_is_busy() {
    let place = Place::created();
    let mut other = Other::start("register, say so, and wait", &place.path());
    other.hear().unwrap();
    assert_eq!(error_of(Engine::restore(&place.options(), &admin())), Error::Busy);
    other.tell("go");
    assert!(other.wait().success());
    restore(&place);
}

#[test]
fn there_is_nothing_to_restore_where_nothing_or_something_else_is() {
    let place = Place::empty();
    let restore = |place: &Place| error_of(Engine::restore(&place.options(), &admin()));
    assert_eq!(restore(&place), Error::DatabaseMissing { path: place.path() });
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
    fs::write(place.path(), "").unwrap();
    assert_eq!(restore(&place), Error::EmptyFile { path: place.path() });
    fs::write(place.path(), "text ".repeat(1000)).unwrap();
    assert_eq!(restore(&place), Error::ForeignFile { path: place.path() });
}

#[test]
fn an_edited_scope_of_a_client_is_found_at_its_next_use() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    edit(&place, "UPDATE client SET scope = 'lab:read lab:write admin:all'");
    let engine = place.open();
    assert_corrupt(try_issue(&engine, &client), "client");
    assert_corrupt(verify(&engine, &token), "client");
}

#[test]
fn edits_of_a_secret_are_found_at_its_next_use() {
    for sql in [
        "UPDATE credential SET revoked_at = NULL",
        "UPDATE credential SET expires_at = 9999999999999",
        "UPDATE credential SET confirmed = 1 - confirmed",
        "UPDATE credential SET digest = zeroblob(32)",
        "UPDATE credential SET mac_format = 2",
        "UPDATE credential SET extra = '{\"critical\":[]}'",
    ] {
        let place = Place::created();
        let (engine, client) = with_client(&place);
        let request =
            SecretRevoke { client_id: client.id.clone(), credential_id: client.credential.clone() };
        engine.run(&admin(), request).unwrap();
        drop(engine);
        edit(&place, sql);
        let engine = place.open();
        assert_corrupt(try_issue(&engine, &client), "credential");
        let list = SecretList { client_id: client.id.clone() };
        assert_corrupt(engine.run(&admin(), list), "credential");
    }
}

#[test]
fn a_secret_moved_to_another_client_is_found() {
    let place = Place::created();
    let engine = place.open();
    let (one, two) = (register(&engine), register(&engine));
    drop(engine);
    edit(&place, &format!("UPDATE credential SET client_id = '{}'", two.id));
    let engine = place.open();
    assert_corrupt(try_issue(&engine, &two), "credential");
    assert_eq!(why(try_issue(&engine, &one)), Denied::SecretWrong);
}

#[test]
fn edits_of_the_epoch_the_clock_and_the_counters_are_found_at_open() {
    for sql in [
        "UPDATE state SET epoch = zeroblob(8)",
        "UPDATE state SET clock_offset = -86400000",
        "UPDATE state SET clock_believed = 0",
        "UPDATE state SET mark = mark - 86400000",
        "UPDATE state SET commits = commits + 1000000",
        "UPDATE state SET sequence = sequence - 1",
        "UPDATE state SET last_expiry = 0",
        "DELETE FROM state",
    ] {
        let place = Place::created();
        with_client(&place);
        edit(&place, sql);
        assert_corrupt(place.try_open(), "state");
    }
}

#[test]
fn edits_of_a_user_and_of_a_role_are_found_at_their_next_use() {
    for (sql, table) in [
        ("UPDATE user SET scope = 'admin:all'", "user"),
        ("UPDATE user SET roles = ''", "user"),
        ("UPDATE user SET phc = replace(phc, 'm=19456', 'm=8')", "user"),
        ("UPDATE user SET username = 'otto'", "user"),
        ("UPDATE user SET enabled = 1 - enabled", "user"),
        ("UPDATE user SET confirmed = 1 - confirmed", "user"),
        ("UPDATE user SET scope_set = 1 - scope_set", "user"),
        ("UPDATE user SET generation = generation - 1", "user"),
        ("UPDATE user SET mac_format = 2", "user"),
        ("UPDATE role SET scope = 'admin:all'", "role"),
        ("UPDATE role SET extra = '{\"critical\":[]}'", "role"),
    ] {
        let place = Place::created();
        let engine = place.open();
        let role =
            RoleCreate { name: "nurse".into(), scope: "lab:read".into(), ..RoleCreate::default() };
        engine.run(&admin(), role).unwrap();
        let user = UserCreate {
            username: "anna".into(),
            password: "nobodys guess".into(),
            roles: Some(vec!["nurse".into()]),
            ..UserCreate::default()
        };
        let user = engine.run(&admin(), user).unwrap();
        drop(engine);
        edit(&place, sql);
        let engine = place.open();
        let read = UserRead { user_id: Some(user.user_id.clone()), username: None };
        assert_corrupt(engine.run(&admin(), read), table);
        assert_corrupt(engine.run(&admin(), UserEnable::of(&user.user_id)), table);
        assert_corrupt(engine.run(&admin(), UserList::default()), table);
    }
}

#[test]
fn an_edited_end_of_a_revocation_is_found_at_open() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    revoke(&engine, &issue(&engine, &client)).unwrap();
    drop(engine);
    edit(&place, "UPDATE revoked_token SET expires_at = 0");
    assert_corrupt(place.try_open(), "revoked_token");
}

#[test]
fn edited_and_missing_settings_are_found_at_open() {
    for sql in [
        "UPDATE settings SET document = replace(document, '3600', '2592000')",
        "DELETE FROM settings",
    ] {
        let place = Place::created();
        edit(&place, sql);
        assert_corrupt(place.try_open(), "settings");
    }
}

#[test]
fn edits_of_an_opaque_token_are_found_at_its_next_use() {
    for sql in [
        "UPDATE opaque_token SET scope = 'admin:all'",
        "UPDATE opaque_token SET expires_at = expires_at + 1",
        "UPDATE opaque_token SET client_generation = 0",
    ] {
        let place = Place::created();
        let engine = place.open();
        let client = register_opaque(&engine);
        let token = issue(&engine, &client);
        verify(&engine, &token).unwrap();
        drop(engine);
        edit(&place, sql);
        assert_corrupt(verify(&place.open(), &token), "opaque_token");
    }
}

#[test]
fn edited_keys_are_found_at_open() {
    for (sql, table) in [
        (
            "UPDATE signing_key SET retired_at = NULL, ends_at = NULL, active_from = 1",
            "signing_key",
        ),
        ("UPDATE signing_key SET sealed = zeroblob(200)", "signing_key"),
        ("UPDATE audit_key SET public_jwk = '{}'", "audit_key"),
    ] {
        let place = Place::created();
        let (engine, client) = with_client(&place);
        issue(&engine, &client);
        drop(engine);
        edit(&place, sql);
        assert_corrupt(place.try_open(), table);
    }
}

#[test]
fn a_removed_secret_and_a_removed_client_refuse() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    drop(engine);
    edit(&place, "DELETE FROM credential");
    let engine = place.open();
    assert_eq!(why(verify(&engine, &token)), Denied::CredentialRevoked);
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretWrong);
    drop(engine);
    edit(&place, "DELETE FROM client");
    let engine = place.open();
    assert_eq!(why(verify(&engine, &token)), Denied::ClientUnknown);
    assert_eq!(why(try_issue(&engine, &client)), Denied::ClientUnknown);
}

#[test]
fn edited_audit_rows_are_named_by_audit_verify() {
    for (sql, bad_row) in [
        ("UPDATE audit SET row = replace(row, 'anna', 'otto') WHERE sequence = 2", 2),
        ("DELETE FROM audit WHERE sequence = 2", 3),
        ("UPDATE audit SET signature = zeroblob(64) WHERE sequence = 1", 1),
        ("UPDATE audit SET signature = NULL, signed_by = NULL WHERE sequence > 2", 5),
        (
            "UPDATE audit SET row = (SELECT row FROM audit a WHERE a.sequence = 5 - audit.sequence)
             WHERE sequence IN (2, 3)",
            2,
        ),
        ("UPDATE audit SET row = 'no json' WHERE sequence = 3", 3),
    ] {
        let place = Place::created();
        let engine = place.open();
        register(&engine); // two rows
        register(&engine);
        drop(engine);
        edit(&place, sql);
        let engine = place.open();
        let verdict = engine.run(&admin(), AuditVerify::default()).unwrap();
        assert!(!verdict.valid, "{sql}");
        assert_eq!(verdict.bad_row, Some(bad_row), "{sql}: {verdict:?}");
        assert_eq!(verdict.rows, bad_row - if sql.starts_with("DELETE") { 2 } else { 1 });
        common::audit(&engine); // still readable
    }
}

#[test]
fn revoking_all_of_a_client_outlives_a_restart_and_its_next_tokens_live() {
    let place = Place::created();
    let (engine, client) = with_client(&place);
    let token = issue(&engine, &client);
    engine.run(&admin(), ClientRevoke { client_id: client.id.clone() }).unwrap();
    drop(engine);
    let engine = place.open();
    assert_eq!(why(verify(&engine, &token)), Denied::ClientTokensRevoked);
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn a_revocation_outlives_the_token_by_its_margin_and_then_leaves_no_row() {
    let place = Place::empty();
    let clock = clock();
    let options = || place.options_at(&clock);
    Engine::create(&options(), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&options()).unwrap();
    let client = register(&engine);
    let token = issue(&engine, &client);
    revoke(&engine, &token).unwrap();
    let rows = || -> i64 {
        let sql = "SELECT count(*) FROM revoked_token";
        place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    for minutes in [59, 59] {
        clock.advance_millis(minutes * 60_000);
        issue(&engine, &client);
        assert_eq!(rows(), 1);
    }
    clock.advance_millis(5 * 60_000);
    issue(&engine, &client);
    issue(&engine, &client);
    assert_eq!(rows(), 0);
    assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
}

fn with_client(place: &Place) -> (Engine, Registered) {
    let engine = place.open();
    let client = register(&engine);
    (engine, client)
}

fn register_opaque(engine: &Engine) -> Registered {
    register_as(
        engine,
        ClientCreate {
            client_name: Some("Old Device".into()),
            scope: Some("lab:read".into()),
            token_format: Some(Some("opaque".into())),
            ..ClientCreate::default()
        },
    )
}

#[track_caller]
fn restore(place: &Place) -> Engine {
    Engine::restore(&place.options(), &admin()).unwrap()
}

fn confirm(engine: &Engine, client: &Registered) -> Result<(), Error> {
    let Registered { id: client_id, credential: credential_id, .. } = client.clone();
    engine.run(&admin(), SecretConfirm { client_id, credential_id }).map(|_| ())
}

/// What somebody does who has the file but not the key.
fn edit(place: &Place, sql: &str) {
    let sqlite = place.sqlite();
    sqlite.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    sqlite.execute_batch(sql).unwrap();
}

#[track_caller]
fn assert_corrupt<T>(result: Result<T, Error>, table: &str) {
    let error = error_of(result);
    let Error::Corrupt { what } = &error else {
        panic!("{error}");
    };
    assert!(what.contains(table), "{what}");
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    assert_eq!(role, "register, say so, and wait");
    let engine = Engine::open(&Options::new(&path)).unwrap();
    let danger =
        SettingsSet { audience: Some(Some("https://a.example".into())), ..Default::default() };
    engine.run(&admin(), danger).unwrap();
    say(&register(&engine).id);
    told();
}
