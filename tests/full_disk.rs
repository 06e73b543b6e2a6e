//! A full disk: nothing acknowledged is lost, no token goes without its row, verification goes on.
//!
//! `WARDKEY_TMPFS` names a small tmpfs of its own for these tests; without it they mount one where the
//! system lets them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod common;

use common::{
    Place, Registered, admin, assert_chain_whole, bench, cannot_run, error_of, events, issue, jti,
    mount_tmpfs, my_role, other_process_with_own_mounts, register, revoke, suffixed, try_issue,
    verify, why,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use wardkey::admin::{
    ClientDelete, ClientDisable, ClientRevoke, SecretRevoke, SecretText, SettingsGet, SettingsSet,
    UserCreate, UserDelete, UserDisable, UserRevoke, UserSetPassword,
};
use wardkey::{
    Clock, Denied, Engine, Error, HttpRequest, ManualClock, Options, Settings, SystemClock,
    UnixTime,
};

#[test]
fn a_full_disk_loses_nothing_and_verification_goes_on() {
    on_a_small_disk("work");
}

#[test]
fn on_a_full_disk_refusals_stay_refusals_and_whatever_must_end_ends_in_the_room_of_the_reserve() {
    on_a_small_disk("end");
}

#[test]
fn a_database_is_not_half_created_on_a_full_disk() {
    on_a_small_disk("create");
}

#[test]
fn a_database_on_a_full_disk_says_so_at_open_and_opens_when_there_is_room() {
    on_a_small_disk("open");
}

#[test]
fn a_copy_that_the_disk_has_no_room_for_leaves_nothing() {
    on_a_small_disk("copy");
}

fn on_a_small_disk(role: &str) {
    if let Some(disk) = std::env::var_os("WARDKEY_TMPFS") {
        // One of these tests at a time: each fills the whole disk.
        let lock = File::create(std::env::temp_dir().join("wardkey-full-disk-test")).unwrap();
        lock.lock().unwrap();
        return play(role, &tempfile::tempdir_in(disk).unwrap().path().join("clinic.db"));
    }
    let place = Place::empty();
    match other_process_with_own_mounts(role, &place.path()) {
        Some(mut command) => {
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let cried = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("1 passed"), "{said}\n{cried}");
        }
        None => cannot_run("a full disk: set WARDKEY_TMPFS to the path of a tmpfs of 16 megabytes"),
    }
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    mount_tmpfs(path.parent().unwrap(), 16);
    play(&role, &path);
}

fn play(role: &str, path: &Path) {
    match role {
        "work" => work_on_a_full_disk(path),
        "end" => end_things_on_a_full_disk(path),
        "create" => create_on_a_full_disk(path),
        "open" => open_on_a_full_disk(path),
        "copy" => copy_to_a_full_disk(path),
        other => panic!("no role {other}"),
    }
}

fn work_on_a_full_disk(path: &Path) {
    create(path).unwrap();
    let clock = std::sync::Arc::new(ManualClock::at(SystemClock.wall()));
    let engine = Engine::open(&Options::new(path).clock(clock.clone())).unwrap();
    let client = register(&engine);
    let (living, revoked) = (issue(&engine, &client), issue(&engine, &client));
    revoke(&engine, &revoked).unwrap();
    let mut acknowledged = BTreeSet::from([jti(&living), jti(&revoked)]);

    let mut ballast = Ballast::fill(path);
    let error = issue_until_it_fails(&engine, &client, &mut acknowledged);
    assert_eq!(error, Error::Full);
    assert_eq!(exchange(&engine, &client), 503);
    for _ in 0..3 {
        // A minute later the notes are due, which cannot be written now.
        clock.advance_millis(61_000);
        let request = HttpRequest { method: "GET", path: "/oauth/jwks", ..HttpRequest::default() };
        assert_eq!(engine.http(&request, &bench()).unwrap().status, 200);
        engine.run(&admin(), SettingsGet::default()).unwrap();
        // What is there can be read.
        assert!(!events(&engine, "token.issue").is_empty());
    }
    for _ in 0..100 {
        verify(&engine, &living).unwrap();
    }
    assert_eq!(why(verify(&engine, &revoked)), Denied::TokenRevoked);
    assert_eq!(error_of(engine.maintain()), Error::Full);
    verify(&engine, &living).unwrap();

    // Room for a page, two, three: transactions fail at every point on their way.
    for pages in 0..24 {
        ballast.shrink(pages * 4096);
        issue_at_once(&engine, &client, &mut acknowledged);
        ballast.refill();
        verify(&engine, &living).unwrap();
    }
    assert!(suffixed(path, ".reserve").exists(), "issuing does not touch it");

    drop(ballast);
    for _ in 0..10 {
        acknowledged.insert(jti(&issue(&engine, &client)));
    }
    assert_all_recorded(&engine, &acknowledged);
    let uses = events(&engine, "token.use");
    let of_living = uses.iter().filter(|row| row["token"] == jti(&living).as_str());
    assert_eq!(of_living.map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 125);
    revoke(&engine, &living).unwrap();
    assert_eq!(why(verify(&engine, &living)), Denied::TokenRevoked);
    drop(engine);
    let engine = Engine::open(&Options::new(path)).unwrap();
    assert_all_recorded(&engine, &acknowledged);
    assert_eq!(why(verify(&engine, &living)), Denied::TokenRevoked);
    assert_eq!(why(verify(&engine, &revoked)), Denied::TokenRevoked);
}

fn end_things_on_a_full_disk(path: &Path) {
    create(path).unwrap();
    let clock = std::sync::Arc::new(ManualClock::at(SystemClock.wall()));
    let engine = Engine::open(&Options::new(path).clock(clock.clone())).unwrap();
    let other = Engine::open(&Options::new(path)).unwrap();
    let client = register(&engine);
    let doomed = Doomed::register(&engine);
    let tokens: Vec<_> = (0..100).map(|_| issue(&engine, &client)).collect();
    let reserve = suffixed(path, ".reserve");

    let ballast = Ballast::fill(path);
    assert_eq!(issue_until_it_fails(&engine, &client, &mut BTreeSet::new()), Error::Full);
    assert!(reserve.exists(), "issuing does not touch it");
    let began = clock.wall();
    // The first one has no room but that of the reserve, which it takes for all processes.
    revoke(&engine, &tokens[0]).unwrap();
    assert!(!reserve.exists());
    for engine in [&engine, &other] {
        assert_eq!(why(verify(engine, &tokens[0])), Denied::TokenRevoked);
        verify(engine, &tokens[1]).unwrap();
        assert_eq!(error_of(try_issue(engine, &client)), Error::Full);
        assert_eq!(exchange(engine, &client), 503);
    }
    clock.advance_millis(1_000);
    assert_refusals_are_refusals(&engine, &client, &tokens[1]);
    assert_eq!(error_of(engine.run(&admin(), SettingsSet::default())), Error::Full);

    // Ending goes on, in both of them, a hundred times and more.
    for (engine, token) in [&engine, &other].into_iter().cycle().zip(&tokens[1..50]) {
        revoke(engine, token).unwrap();
        assert_eq!(why(verify(engine, token)), Denied::TokenRevoked);
    }
    for token in &tokens[50..99] {
        let body = format!("token={token}");
        assert_eq!(ask(&engine, &client, "/oauth/revoke", &body), 200);
        assert_eq!(why(verify(&engine, token)), Denied::TokenRevoked);
        // Once more changes nothing, and takes no room.
        assert_eq!(ask(&engine, &client, "/oauth/revoke", &body), 200);
    }
    doomed.end(&engine, &other);
    verify(&engine, &tokens[99]).unwrap();
    assert!(!reserve.exists());
    assert_chain_whole(&other);
    let ended = clock.wall();
    clock.advance_millis(61_000);

    drop(ballast);
    verify(&engine, &tokens[99]).unwrap();
    issue(&engine, &client);
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1024 * 1024, "made again at once");
    let rows = events(&engine, "disk.full");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let detail = &rows[0]["detail"];
    assert_eq!((&detail["from"], &detail["until"]), (&told(began), &told(ended)));
    let [issued, changed, refused] =
        ["issue", "change", "refusal"].map(|word| detail[word].as_str().unwrap());
    assert_eq!((issued, changed, refused), ("3", "50", "1"));
    other.maintain().unwrap();
    assert_eq!(events(&engine, "disk.full").len(), 2, "one of each process");
    assert_eq!(events(&engine, "token.revoke").len(), 99);
    assert_chain_whole(&engine);
}

fn told(time: UnixTime) -> serde_json::Value {
    time.to_string().into()
}

fn assert_refusals_are_refusals(engine: &Engine, client: &Registered, token: &str) {
    let wrong = Registered { secret: "wrong".into(), ..client.clone() };
    assert_eq!(exchange(engine, &wrong), 401);
    let body = "grant_type=client_credentials&scope=lab:erase";
    assert_eq!(ask(engine, client, "/oauth/token", body), 400);
    assert_eq!(ask(engine, client, "/oauth/introspect", &format!("token={token}")), 200);
}

/// What is ended in every way there is.
struct Doomed {
    clients: [Registered; 3],
    tokens: [String; 3],
    user_id: String,
}

impl Doomed {
    fn register(engine: &Engine) -> Self {
        let user = UserCreate {
            username: "anna".into(),
            password: SecretText::from("nobodys guess"),
            ..UserCreate::default()
        };
        let user_id = engine.run(&admin(), user).unwrap().user_id;
        let clients = std::array::from_fn(|_| register(engine));
        let tokens = clients.each_ref().map(|client| issue(engine, client));
        Self { clients, tokens, user_id }
    }

    fn end(self, engine: &Engine, other: &Engine) {
        let Self { clients: [lost, stolen, bad], tokens, user_id } = self;
        let secret = SecretRevoke { client_id: lost.id, credential_id: lost.credential };
        engine.run(&admin(), secret).unwrap();
        engine.run(&admin(), ClientRevoke { client_id: stolen.id }).unwrap();
        other.run(&admin(), ClientDisable { client_id: bad.id.clone() }).unwrap();
        engine.run(&admin(), UserRevoke { user_id: user_id.clone() }).unwrap();
        engine.run(&admin(), UserDisable { user_id: user_id.clone() }).unwrap();
        let password = SecretText::from("another guess");
        engine.run(&admin(), UserSetPassword { user_id: user_id.clone(), password }).unwrap();
        engine.run(&admin(), UserDelete { user_id }).unwrap();
        engine.run(&admin(), ClientDelete { client_id: bad.id }).unwrap();
        let refusals =
            [Denied::CredentialRevoked, Denied::ClientTokensRevoked, Denied::ClientUnknown];
        for (token, refusal) in tokens.iter().zip(refusals) {
            assert_eq!(why(verify(engine, token)).code(), refusal.code());
        }
    }
}

fn create_on_a_full_disk(path: &Path) {
    let mut ballast = Ballast::fill(path);
    // A database that has no room for its reserve could issue nothing.
    for pages in (0..1100).step_by(20).chain(1100..1160) {
        ballast.shrink(pages * 4096);
        match create(path) {
            Ok(()) => {
                drop(ballast);
                Engine::open(&Options::new(path)).unwrap();
                return;
            }
            Err(error) => assert_eq!(error, Error::Full, "with {pages} pages"),
        }
        assert!(!path.exists());
        ballast.refill();
    }
    panic!("1160 pages are not enough");
}

fn open_on_a_full_disk(path: &Path) {
    create(path).unwrap();
    let engine = Engine::open(&Options::new(path)).unwrap();
    let client = register(&engine);
    let token = issue(&engine, &client);
    drop(engine);
    let mut ballast = Ballast::fill(path);
    for pages in 0..80 {
        ballast.shrink(pages * 4096);
        match Engine::open(&Options::new(path)) {
            Ok(engine) => {
                verify(&engine, &token).unwrap();
                drop(ballast);
                issue(&engine, &client);
                assert_chain_whole(&engine);
                return;
            }
            Err(error) => assert_eq!(error, Error::Full, "with {pages} pages"),
        }
        ballast.refill();
    }
    panic!("80 pages are not enough");
}

fn copy_to_a_full_disk(path: &Path) {
    create(path).unwrap();
    let engine = Engine::open(&Options::new(path)).unwrap();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let folder = path.parent().unwrap();
    let to = folder.join("copy.db");
    let backup = || engine.backup(&admin(), &to, &mut |_| ControlFlow::Continue(()));
    let ballast = Ballast::fill(path);
    assert_eq!(error_of(backup()), Error::Full);
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with("copy")));
    // To another disk it is copied, and its row stands in the room of the reserve.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let there = elsewhere.path().join(name);
        engine.backup(&admin(), &there, &mut |_| ControlFlow::Continue(()))
    };
    copy("first").unwrap().unwrap();
    assert_eq!(events(&engine, "database.backup").len(), 1);
    assert!(!suffixed(path, ".reserve").exists());
    verify(&engine, &token).unwrap();
    // Without that room there is no copy: none without its row.
    let mut ballast = ballast;
    ballast.refill();
    assert_eq!(error_of((0..200).try_for_each(|n| copy(&n.to_string()).map(|_| ()))), Error::Full);
    let copies = std::fs::read_dir(elsewhere.path()).unwrap().count();
    assert_eq!(copies, events(&engine, "database.backup").len());
    drop(ballast);
    backup().unwrap().unwrap();
    assert_chain_whole(&engine);
}

fn create(path: &Path) -> Result<(), Error> {
    Engine::create(&Options::new(path), &Settings::default(), &admin())
}

/// The last pages of the WAL may have room for a few more.
fn issue_until_it_fails(
    engine: &Engine,
    client: &Registered,
    acknowledged: &mut BTreeSet<String>,
) -> Error {
    loop {
        match try_issue(engine, client) {
            Ok(token) => assert!(acknowledged.insert(jti(&token))),
            Err(error) => return error,
        }
    }
}

/// Four threads, so that a transaction has several members.
fn issue_at_once(engine: &Engine, client: &Registered, acknowledged: &mut BTreeSet<String>) {
    let results: Vec<_> = std::thread::scope(|scope| {
        let issue = || try_issue(engine, client);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(issue)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for result in results {
        match result {
            Ok(token) => assert!(acknowledged.insert(jti(&token))),
            Err(error) => assert_eq!(error, Error::Full),
        }
    }
}

#[track_caller]
fn assert_all_recorded(engine: &Engine, acknowledged: &BTreeSet<String>) {
    let rows = events(engine, "token.issue");
    let recorded: BTreeSet<_> =
        rows.iter().map(|row| row["token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(recorded, *acknowledged);
    assert_eq!(rows.len(), acknowledged.len());
    assert_chain_whole(engine);
}

/// The status of a token request.
fn exchange(engine: &Engine, client: &Registered) -> u16 {
    ask(engine, client, "/oauth/token", "grant_type=client_credentials")
}

/// The status of a request with the client's secret.
fn ask(engine: &Engine, client: &Registered, path: &str, body: &str) -> u16 {
    let Registered { id, secret, .. } = client;
    let body = format!("{body}&client_id={id}&client_secret={secret}");
    let headers = [("Content-Type", b"application/x-www-form-urlencoded".as_slice())];
    let request = HttpRequest {
        method: "POST",
        path,
        headers: &headers,
        body: body.as_bytes(),
        ..HttpRequest::default()
    };
    engine.http(&request, &bench()).unwrap().status
}

/// A file that takes all the room there is.
struct Ballast {
    file: File,
    path: PathBuf,
}

impl Ballast {
    fn fill(beside: &Path) -> Self {
        let path = beside.with_file_name("ballast");
        let mut ballast = Self { file: File::create(&path).unwrap(), path };
        ballast.refill();
        ballast
    }

    fn refill(&mut self) {
        for chunk in [65_536, 4096, 1] {
            loop {
                match self.file.write(&vec![0; chunk]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn shrink(&mut self, bytes: u64) {
        use std::io::Seek;
        let length = self.file.metadata().unwrap().len().saturating_sub(bytes);
        self.file.set_len(length).unwrap();
        self.file.seek(std::io::SeekFrom::Start(length)).unwrap();
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}
