//! Creating and opening: a whole, own, fresh database, or an error that says what is wrong.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;

use common::{
    Other, Place, admin, assert_chain_whole, audit, cannot_run, clock, error_of, events, issue,
    mount_read_only, mount_tmpfs, my_role, other_process, other_process_with_own_mounts, register,
    say, verify,
};
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;
use wardkey::admin::{SettingsGet, SettingsSet};
use wardkey::{Context, Engine, Error, Options, Secret, Settings};

#[test]
fn a_created_database_opens_and_its_audit_begins_with_its_creation() {
    let place = Place::created();
    let engine = place.open();
    let rows = audit(&engine);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].entry["event"], "database.create");
    assert_eq!(rows[0].entry["actor"], "anna");
    assert_chain_whole(&engine);
}

#[test]
fn creation_takes_the_first_settings() {
    let place = Place::empty();
    let settings = Settings { issuer: "https://emr.example/auth".into(), ..Settings::default() };
    Engine::create(&place.options(), &settings, &admin()).unwrap();
    let stored = place.open().run(&admin(), SettingsGet::default()).unwrap();
    assert_eq!(stored.issuer, "https://emr.example/auth");
}

#[test]
fn creation_without_an_actor_makes_nothing() {
    let place = Place::empty();
    let error = Engine::create(&place.options(), &Settings::default(), &Context::default());
    assert_eq!(error, Err(Error::ActorMissing));
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[test]
fn opening_where_nothing_is_says_so_and_makes_nothing() {
    let place = Place::empty();
    assert_eq!(error_of(place.try_open()), Error::DatabaseMissing { path: place.path() });
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[test]
fn an_empty_file_is_no_database_and_stays_empty() {
    let place = Place::created();
    fs::write(place.path(), "").unwrap();
    assert_eq!(error_of(place.try_open()), Error::EmptyFile { path: place.path() });
    assert_eq!(fs::metadata(place.path()).unwrap().len(), 0);
}

#[test]
fn a_text_file_is_foreign_and_stays_as_it_is() {
    let place = Place::created();
    let text = "Dear colleague, thank you for referring this patient. ".repeat(100);
    fs::write(place.path(), &text).unwrap();
    assert_eq!(error_of(place.try_open()), Error::ForeignFile { path: place.path() });
    assert_eq!(fs::read_to_string(place.path()).unwrap(), text);
}

#[test]
fn another_programs_sqlite_file_is_foreign() {
    let place = Place::created();
    fs::remove_file(place.path()).unwrap();
    place.sqlite().execute_batch("CREATE TABLE patient (name TEXT)").unwrap();
    assert_eq!(error_of(place.try_open()), Error::ForeignFile { path: place.path() });
}

#[test]
fn a_folder_is_foreign() {
    let place = Place::created();
    fs::remove_file(place.path()).unwrap();
    fs::create_dir(place.path()).unwrap();
    assert_eq!(error_of(place.try_open()), Error::ForeignFile { path: place.path() });
}

#[test]
fn a_file_of_a_later_format_names_what_it_needs() {
    for column in ["reader_min", "writer_min"] {
        let place = Place::created();
        place.sqlite().execute_batch(&format!("UPDATE database SET {column} = 7")).unwrap();
        assert_eq!(error_of(place.try_open()), Error::NewerFile { needs: 7, known: 1 });
    }
}

#[test]
fn another_databases_key_does_not_open_it() {
    let (place, other) = (Place::created(), Place::created());
    fs::copy(other.beside(".key"), place.beside(".key")).unwrap();
    let error = error_of(place.try_open());
    let told = matches!(&error, Error::WrongKey { key_id, key_source: "file", skipped }
        if key_id.len() == 11 && skipped.is_empty());
    assert!(told, "{error}");
}

#[test]
fn a_key_file_with_something_else_in_it_is_a_wrong_key_and_not_a_missing_one() {
    for text in ["", "\n", "wardkey-key-1 \n", "wardkey-key-1 tooshort\n", "a picture"] {
        let place = Place::created();
        fs::write(place.beside(".key"), text).unwrap();
        let error = error_of(place.try_open());
        assert!(matches!(error, Error::WrongKey { .. }), "{text:?}: {error}");
        assert!(!text.contains('t') || error.to_string().contains("line 1: "), "{error}");
        assert_eq!(fs::read_to_string(place.beside(".key")).unwrap(), text);
    }
}

#[test]
fn a_missing_key_file_is_named_and_never_made_anew() {
    let place = Place::created();
    let aside = place.folder().join("aside");
    fs::rename(place.beside(".key"), &aside).unwrap();
    assert_eq!(error_of(place.try_open()), Error::KeyMissing { path: place.beside(".key") });
    let restored = Engine::restore(&place.options(), &admin());
    assert_eq!(error_of(restored), Error::KeyMissing { path: place.beside(".key") });
    assert!(!place.beside(".key").exists());
    fs::rename(&aside, place.beside(".key")).unwrap();
    assert!(!fs::read_to_string(place.beside(".key")).unwrap().is_empty());
}

#[test]
fn the_hosts_own_key_opens_the_database_and_no_key_file_is_made() {
    let place = Place::empty();
    let with_key = |byte| place.options().key(Secret::new(vec![byte; 32]));
    Engine::create(&with_key(7), &Settings::default(), &admin()).unwrap();
    assert!(!place.beside(".key").exists());
    let engine = Engine::open(&with_key(7)).unwrap();
    let client = register(&engine);
    issue(&engine, &client);
    drop(engine);
    assert!(matches!(error_of(Engine::open(&with_key(8))), Error::WrongKey { .. }));
    assert_eq!(error_of(place.try_open()), Error::KeyMissing { path: place.beside(".key") });
}

#[test]
fn a_host_key_of_another_length_is_an_invalid_argument() {
    let place = Place::empty();
    let options = place.options().key(Secret::new(vec![7; 31]));
    let error = error_of(Engine::create(&options, &Settings::default(), &admin()));
    assert!(matches!(error, Error::InvalidArgument { argument: "key", .. }), "{error}");
    assert!(!place.path().exists());
}

#[test]
fn the_key_file_is_its_owners_alone_and_as_documented() {
    let place = Place::created();
    let text = fs::read_to_string(place.beside(".key")).unwrap();
    let key = text.strip_prefix("wardkey-key-1 ").unwrap().strip_suffix('\n').unwrap();
    assert_eq!(key.len(), 43);
    assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    #[cfg(unix)]
    for suffix in ["", ".key", ".fresh"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(place.beside(suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[test]
fn the_freshness_file_is_laid_out_as_documented() {
    let place = Place::created();
    let id: Vec<u8> = {
        let sqlite = place.sqlite();
        sqlite.query_row("SELECT database_id FROM database", [], |row| row.get(0)).unwrap()
    };
    let bytes = fs::read(place.beside(".fresh")).unwrap();
    assert_eq!(bytes.len(), 48);
    assert_eq!(&bytes[..8], b"wardkeyF");
    assert_eq!(bytes[8..12], 1_u32.to_le_bytes(), "the format");
    assert_eq!(bytes[12..16], [0; 4]);
    assert_eq!(bytes[16..32], id);
    assert_eq!(bytes[32..40], 1_u64.to_le_bytes(), "the sequence of the first commit");
    assert_eq!(bytes[40..48], 0_u64.to_le_bytes(), "the word");
}

#[test]
fn each_security_change_moves_the_word_by_two_and_each_commit_the_sequence_by_one() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    issue(&engine, &client); // also makes the signing key
    let (sequence, word) = freshness(&place);
    issue(&engine, &client);
    assert_eq!(freshness(&place), (sequence + 1, word), "a token is no security change");
    engine.run(&admin(), audience("https://a.example")).unwrap();
    assert_eq!(freshness(&place), (sequence + 2, word + 2));
    assert_eq!(word % 2, 0);
}

fn freshness(place: &Place) -> (u64, u64) {
    let bytes = fs::read(place.beside(".fresh")).unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    (word(32), word(40))
}

fn audience(audience: &str) -> SettingsSet {
    SettingsSet { audience: Some(Some(audience.into())), ..SettingsSet::default() }
}

#[test]
fn a_path_beyond_ascii_and_one_full_of_uri_signs_are_just_paths() {
    for name in ["Zürich – клиника 診所.db", "what?mode=memory#half%20of.db", "file:clinic.db", " "]
    {
        let place = Place::named(name);
        place.create().unwrap();
        let engine = place.open();
        let client = register(&engine);
        let token = issue(&engine, &client);
        drop(engine);
        let mut names: Vec<_> = fs::read_dir(place.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = ["", ".fresh", ".key", ".reserve"].map(|suffix| format!("{name}{suffix}"));
        assert_eq!(names, expected);
        assert_eq!(verify(&place.open(), &token).unwrap().client_id, client.id);
    }
}

#[test]
fn a_crashed_database_at_a_path_of_uri_signs_opens_with_its_wal() {
    let place = Place::named("what?mode=memory#half%20of.db");
    place.create().unwrap();
    let mut other = Other::start("register and wait", &place.path());
    let id = other.hear().unwrap();
    other.kill();
    other.wait();
    assert!(place.beside("-wal").exists());
    assert_eq!(events(&place.open(), "client.create")[0]["client"], id.as_str());
}

#[test]
fn a_relative_path_is_the_current_folders() {
    let place = Place::empty();
    let mut command = other_process("create at a relative path", Path::new("clinic.db"));
    assert!(command.current_dir(place.folder()).status().unwrap().success());
    place.open();
}

#[test]
fn creation_refuses_whatever_exists_and_overwrites_nothing() {
    let place = Place::created();
    let before = fs::read(place.path()).unwrap();
    assert_eq!(place.create(), Err(Error::DatabaseExists { path: place.path() }));
    assert_eq!(fs::read(place.path()).unwrap(), before);
    place.open();
}

#[test]
fn creation_refuses_the_leftovers_of_another_database() {
    for suffix in ["-wal", "-shm", "-journal"] {
        let place = Place::empty();
        fs::write(place.beside(suffix), "somebody's").unwrap();
        assert_eq!(place.create(), Err(Error::DatabaseExists { path: place.beside(suffix) }));
        assert!(!place.path().exists());
        assert_eq!(fs::read(place.beside(suffix)).unwrap(), b"somebody's");
    }
}

#[test]
fn creation_refuses_where_a_database_was_that_is_gone() {
    let place = Place::created();
    fs::remove_file(place.path()).unwrap();
    assert_eq!(place.create(), Err(Error::DatabaseExists { path: place.beside(".fresh") }));
    assert!(!place.path().exists());
}

#[test]
fn the_rest_of_a_crashed_creation_is_taken_over() {
    type Leave = fn(&Place);
    let rests: [Leave; 5] = [
        |place| fs::remove_file(place.beside(".fresh")).unwrap(), // the key alone
        |place| fs::write(place.beside(".fresh"), "").unwrap(),
        |place| fs::write(place.beside(".fresh"), "wardkeyF\x01\0\0").unwrap(),
        |place| {
            let mut bytes = fs::read(place.beside(".fresh")).unwrap();
            bytes[32..40].fill(0); // never born
            fs::write(place.beside(".fresh"), bytes).unwrap();
        },
        |place| {
            fs::write(place.beside(".fresh"), "").unwrap();
            fs::remove_file(place.beside(".key")).unwrap();
            fs::write(place.beside(".key.new"), "wardkey-key-1 half").unwrap();
            fs::write(place.beside(".new-0011223344556677"), "a draft").unwrap();
        },
    ];
    for leave in rests {
        let place = Place::created();
        let key = fs::read(place.beside(".key")).unwrap();
        fs::remove_file(place.path()).unwrap();
        leave(&place);
        let kept = fs::read(place.beside(".key")).ok();
        place.create().unwrap();
        let engine = place.open();
        let client = register(&engine);
        issue(&engine, &client);
        if kept.is_some() {
            assert_eq!(fs::read(place.beside(".key")).unwrap(), key, "the key was made anew");
        }
    }
}

#[test]
fn a_creation_that_crashed_after_its_rename_is_finished_by_opening() {
    let place = Place::created();
    let mut bytes = fs::read(place.beside(".fresh")).unwrap();
    bytes[32..40].fill(0);
    fs::write(place.beside(".fresh"), bytes).unwrap();
    drop(place.open());
    assert_eq!(freshness(&place).0, 1);
}

#[test]
fn of_threads_that_create_at_once_exactly_one_wins() {
    for _ in 0..10 {
        let place = Place::empty();
        let barrier = Barrier::new(4);
        let results: Vec<_> = std::thread::scope(|scope| {
            let create = || {
                barrier.wait();
                place.create()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_one_created(&place, &results);
    }
}

#[test]
fn of_processes_that_create_at_once_exactly_one_wins() {
    let place = Place::empty();
    let mut others: Vec<_> = (0..3).map(|_| Other::start("create", &place.path())).collect();
    others.iter_mut().for_each(|other| assert_eq!(other.hear().unwrap(), "ready"));
    others.iter_mut().for_each(|other| other.tell("go"));
    let results: Vec<_> = others
        .iter_mut()
        .map(|other| match other.hear().unwrap().as_str() {
            "created" => Ok(()),
            "exists" => Err(Error::DatabaseExists { path: place.path() }),
            other => panic!("{other}"),
        })
        .collect();
    assert_one_created(&place, &results);
}

#[track_caller]
fn assert_one_created(place: &Place, results: &[Result<(), Error>]) {
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let lost = results.iter().filter_map(|result| result.as_ref().err());
    for error in lost {
        assert!(matches!(error, Error::DatabaseExists { .. }), "{error}");
    }
    assert_eq!(audit(&place.open()).len(), 1);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 4, "something was left behind");
}

// Whoever looks whether it is alone holds the file alone for that moment. The next one was told that the
// database is busy: a server whose workers start together could lose some of them.
#[test]
fn opening_waits_for_whoever_has_the_freshness_file_alone_for_a_moment() {
    let place = Place::created();
    let file = fs::File::open(place.beside(".fresh")).unwrap();
    file.lock().unwrap();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| place.try_open().map(drop));
        std::thread::sleep(Duration::from_millis(50));
        file.unlock().unwrap();
        assert_eq!(opened.join().unwrap(), Ok(()));
    });
    file.lock().unwrap();
    let options = place.options().busy_timeout(Duration::from_millis(20));
    assert_eq!(error_of(Engine::open(&options)), Error::Busy);
}

#[test]
fn a_write_beside_another_programs_transaction_is_busy_and_reading_goes_on() {
    let place = Place::created();
    let engine = Engine::open(&place.options().busy_timeout(Duration::from_millis(50))).unwrap();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let sqlite = place.sqlite();
    sqlite.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_eq!(engine.run(&admin(), audience("https://a.example")), Err(Error::Busy));
    verify(&engine, &token).unwrap();
    drop(place.open());
    sqlite.execute_batch("COMMIT").unwrap();
    engine.run(&admin(), audience("https://a.example")).unwrap();
}

#[test]
fn a_busy_timeout_of_any_length_can_be_asked_for() {
    let place = Place::created();
    for timeout in [Duration::ZERO, Duration::from_millis(1 << 31), Duration::MAX] {
        Engine::open(&place.options().busy_timeout(timeout)).unwrap();
    }
}

#[test]
fn opening_a_database_that_another_program_holds_alone_is_busy() {
    let place = Place::created();
    let sqlite = place.sqlite();
    sqlite
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE t (x)")
        .unwrap();
    let options = || place.options().busy_timeout(Duration::from_millis(50));
    assert_eq!(error_of(Engine::open(&options())), Error::Busy);
    drop(sqlite);
    Engine::open(&options()).unwrap();
}

#[test]
fn settings_set_through_one_engine_are_in_force_in_another_at_its_next_call() {
    let place = Place::created();
    let (one, two) = (place.open(), place.open());
    let client = register(&one);
    for round in 0..20 {
        let name = format!("https://{round}.example");
        one.run(&admin(), audience(&name)).unwrap();
        assert_eq!(two.run(&admin(), SettingsGet::default()).unwrap().audience, Some(name));
        verify(&one, &issue(&two, &client)).unwrap();
    }
}

#[test]
fn an_engine_with_a_clock_of_the_hosts_own_says_so_in_the_audit() {
    let place = Place::empty();
    let clock = clock();
    let options = || place.options_at(&clock);
    Engine::create(&options(), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&options()).unwrap();
    let opened = events(&engine, "database.open");
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0]["detail"]["clock"], "a clock of the host's own");
    assert_eq!(opened[0]["time"], 1_772_353_800_000_i64);
}

#[test]
fn a_closed_engine_refuses_every_call_and_the_file_can_be_opened_again() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    engine.close().unwrap();
    assert_eq!(error_of(verify(&engine, &token)), Error::Closed);
    assert_eq!(error_of(common::try_issue(&engine, &client)), Error::Closed);
    assert_eq!(engine.close(), Err(Error::Closed));
    verify(&place.open(), &token).unwrap();
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_is_told_before_anything_is_half_done() {
    let place = Place::created();
    give_away(&place, 0o555, "", 0o600);
    assert_eq!(as_nobody("open", &place), format!("NotWritable {}", place.folder().display()));
    fs::remove_file(place.path()).unwrap();
    assert_eq!(as_nobody("create", &place), format!("NotWritable {}", place.folder().display()));
    give_away(&place, 0o755, ".key", 0o600);
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_named() {
    for suffix in ["", ".fresh"] {
        let place = Place::created();
        give_away(&place, 0o755, suffix, 0o444);
        let expected = format!("NotWritable {}", place.beside(suffix).display());
        assert_eq!(as_nobody("open", &place), expected);
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_key_file_is_named_and_no_missing_or_wrong_key() {
    let place = Place::created();
    give_away(&place, 0o755, ".key", 0o000);
    let expected = format!("NotWritable {}", place.beside(".key").display());
    assert_eq!(as_nobody("open", &place), expected);
}

#[test]
fn a_read_only_filesystem_is_told_as_such() {
    let place = Place::empty();
    match other_process_with_own_mounts("open read-only", &place.path()) {
        Some(mut command) => {
            let answer = Other::spawn(&mut command).hear().unwrap();
            let expected = format!("NotWritable {}", place.beside(".fresh").display());
            assert_eq!(answer, expected);
        }
        None => cannot_run("a read-only filesystem: needs `unshare --mount` and `mount`"),
    }
}

/// Root may write everywhere: everything becomes nobody's, and nobody will try.
#[cfg(unix)]
fn give_away(place: &Place, folder_mode: u32, suffix: &str, mode: u32) {
    use std::os::unix::fs::{PermissionsExt, chown};
    let files = fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain([place.folder().to_owned()]) {
        // Only root can; whoever is not root is refused writing as it is.
        let _ = chown(path, Some(NOBODY), Some(NOBODY));
    }
    fs::set_permissions(place.beside(suffix), fs::Permissions::from_mode(mode)).unwrap();
    fs::set_permissions(place.folder(), fs::Permissions::from_mode(folder_mode)).unwrap();
}

#[cfg(unix)]
fn as_nobody(role: &str, place: &Place) -> String {
    Other::start(&format!("{role} as nobody"), &place.path()).hear().unwrap()
}

/// Ends this process's rights for good, where it has more than others.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std can give up rights only for another program")]
fn become_nobody() {
    // SAFETY: these calls take numbers and have no preconditions.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(NOBODY), 0);
            assert_eq!(libc::setuid(NOBODY), 0);
        }
    }
}

fn say_error(result: Result<(), Error>) {
    match result {
        Ok(()) => say("no error"),
        Err(Error::NotWritable { path }) => say(&format!("NotWritable {}", path.display())),
        Err(error) => say(&format!("{error:?}")),
    }
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    let options = Options::new(&path);
    let create = || Engine::create(&options, &Settings::default(), &admin());
    match role.as_str() {
        "create" => {
            say("ready");
            common::told();
            match create() {
                Ok(()) => say("created"),
                Err(Error::DatabaseExists { .. }) => say("exists"),
                Err(error) => say(&error.to_string()),
            }
        }
        "create at a relative path" => {
            create().unwrap();
            issue_once(&Engine::open(&options).unwrap());
        }
        "register and wait" => {
            let engine = Engine::open(&options).unwrap();
            say(&register(&engine).id);
            common::told();
        }
        "open read-only" => {
            let folder = path.parent().unwrap();
            mount_tmpfs(folder, 16);
            create().unwrap();
            mount_read_only(folder);
            say_error(Engine::open(&options).map(drop));
        }
        #[cfg(unix)]
        "open as nobody" => {
            become_nobody();
            say_error(Engine::open(&options).map(drop));
        }
        #[cfg(unix)]
        "create as nobody" => {
            become_nobody();
            say_error(create());
        }
        other => panic!("no role {other}"),
    }
}

fn issue_once(engine: &Engine) {
    let client = register(engine);
    issue(engine, &client);
}

/// The user that has nothing, by convention.
#[cfg(unix)]
const NOBODY: u32 = 65534;
