//! What several test files share: a database in a temporary folder, a registered client, a clock that
//! stands still, the answers of refused calls, and processes that play a part.

#![allow(dead_code, reason = "no test file uses all of it")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use wardkey::admin::{
    AuditEntryDocument, AuditRead, AuditVerify, ClientCreate, DatabaseCheck, SecretText,
    SettingsSet, TokenRevoke,
};
use wardkey::{
    Context, Denied, Engine, Error, ManualClock, Options, Principal, Required, Secret, Settings,
    UnixTime,
};

/// A database in a folder of its own, which goes with it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    name: PathBuf,
}

impl Place {
    /// A folder in which nothing is.
    pub(crate) fn empty() -> Self {
        Self::named("clinic.db")
    }

    /// A folder in which nothing is, for a database of this name.
    pub(crate) fn named(name: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), name: PathBuf::from(name) }
    }

    /// A folder in memory, where the system has one: for a test that writes much and is not about the disk.
    pub(crate) fn in_memory() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self { folder: folder.unwrap(), name: PathBuf::from("clinic.db") }
    }

    /// A folder with a new database.
    pub(crate) fn created() -> Self {
        let place = Self::empty();
        place.create().unwrap();
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// The file beside the database whose name ends like this: `.key`, `.fresh`, `-wal`, `-shm`.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        suffixed(&self.path(), suffix)
    }

    /// The machine's clock, and little patience.
    pub(crate) fn options(&self) -> Options {
        Options::new(self.path()).busy_timeout(Duration::from_secs(5))
    }

    pub(crate) fn options_at(&self, clock: &Arc<ManualClock>) -> Options {
        self.options().clock(clock.clone())
    }

    /// Creates the database with the default settings.
    pub(crate) fn create(&self) -> Result<(), Error> {
        Engine::create(&self.options(), &Settings::default(), &admin())
    }

    pub(crate) fn try_open(&self) -> Result<Engine, Error> {
        Engine::open(&self.options())
    }

    pub(crate) fn open(&self) -> Engine {
        self.try_open().unwrap()
    }

    pub(crate) fn open_at(&self, clock: &Arc<ManualClock>) -> Engine {
        Engine::open(&self.options_at(clock)).unwrap()
    }

    /// SQLite's own view of the file, past the library: for edits that nobody should make.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// 2026-03-01T08:30:00Z, standing still.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(UnixTime::from_seconds(1_772_353_800)))
}

/// Who administers in tests.
pub(crate) fn admin() -> Context<'static> {
    Context::by("anna")
}

/// From where clients call in tests.
pub(crate) fn bench() -> Context<'static> {
    Context { peer: Some([192, 0, 2, 7].into()), secure: true, ..Context::default() }
}

/// A client as its owner knows it.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) credential: String,
}

/// Registers a client with `lab:read lab:write`.
pub(crate) fn register(engine: &Engine) -> Registered {
    register_as(
        engine,
        ClientCreate {
            client_name: Some("Lab Interface".into()),
            scope: Some("lab:read lab:write".into()),
            ..ClientCreate::default()
        },
    )
}

pub(crate) fn register_as(engine: &Engine, request: ClientCreate) -> Registered {
    let created = engine.run(&admin(), request).unwrap();
    Registered {
        id: created.client.client_id.clone(),
        secret: created.client_secret.clone().unwrap(),
        credential: created.credential_id.clone().unwrap(),
    }
}

/// Exchanges the client's secret for a token.
/// Takes every limit of rate away, for a test that does more in a moment than anybody may.
pub(crate) fn unlimited(engine: &Engine) {
    let none = SettingsSet {
        token_rate: Some(None),
        revocation_rate: Some(None),
        failure_rate: Some(None),
        peer_failure_rate: Some(None),
        ..SettingsSet::default()
    };
    engine.run(&admin(), none).unwrap();
}

pub(crate) fn try_issue(engine: &Engine, client: &Registered) -> Result<String, Error> {
    let secret = Secret::new(client.secret.clone().into_bytes());
    engine.issue(&client.id, secret, None, &bench()).map(|token| token.expose().to_owned())
}

pub(crate) fn issue(engine: &Engine, client: &Registered) -> String {
    try_issue(engine, client).unwrap()
}

pub(crate) fn verify(engine: &Engine, token: &str) -> Result<Principal, Error> {
    engine.verify(token.as_bytes(), Required::ANY, &bench())
}

/// Ends one token, as an operator does who has its text.
pub(crate) fn revoke(engine: &Engine, token: &str) -> Result<(), Error> {
    let token = Some(SecretText::from(token));
    engine.run(&admin(), TokenRevoke { token, jti: None }).map(|_| ())
}

/// Why a call was refused; any other end of it fails the test.
#[track_caller]
pub(crate) fn why<T>(result: Result<T, Error>) -> Denied {
    match result {
        Err(Error::Denied { why, .. }) => why,
        Err(error) => panic!("not refused but failed: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

/// The error of a call that must fail; engines have no `Debug`, so `unwrap_err` cannot.
#[track_caller]
pub(crate) fn error_of<T>(result: Result<T, Error>) -> Error {
    match result {
        Err(error) => error,
        Ok(_) => panic!("it succeeded"),
    }
}

/// The `jti` of a JWT, read without checking anything.
pub(crate) fn jti(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

/// Every row of the audit.
pub(crate) fn audit(engine: &Engine) -> Vec<AuditEntryDocument> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let request = AuditRead { after, limit: Some(1000), ..AuditRead::default() };
        let page = engine.run(&admin(), request).unwrap();
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => return rows,
        }
    }
}

/// The rows of one event.
pub(crate) fn events(engine: &Engine, event: &str) -> Vec<serde_json::Value> {
    let rows = audit(engine).into_iter().map(|row| row.entry);
    rows.filter(|entry| entry["event"] == event).collect()
}

/// Demands that the audit's chain is whole, and that every row is as the audit says.
#[track_caller]
pub(crate) fn assert_chain_whole(engine: &Engine) {
    let verdict = engine.run(&admin(), AuditVerify::default()).unwrap();
    assert!(verdict.valid, "{verdict:?}");
    let checked = engine.run(&admin(), DatabaseCheck::default()).unwrap();
    assert!(checked.sound && !checked.cancelled, "{checked:?}");
}

/// Another process, in conversation with this one. It is killed when this is dropped.
pub(crate) struct Other {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Other {
    /// Starts `role` of this test program on the database at `path`.
    pub(crate) fn start(role: &str, path: &Path) -> Self {
        Self::spawn(&mut other_process(role, path))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Its next line; `None` after its last one. Half a line, cut off by its death, is none.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.said.read_line(&mut line).unwrap();
            let line = line.strip_suffix('\n')?;
            // The harness writes "test name ... " before the first line.
            if let Some((_, said)) = line.split_once("> ") {
                return Some(said.to_owned());
            }
        }
    }

    /// Says a line to it and hears its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear().expect("the other process is gone")
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Best effort: it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process says, past the harness's capture and in one write.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What is said to the other process; `None` when nobody is left to say anything.
pub(crate) fn told() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.strip_suffix('\n').map(str::to_owned)
}

/// This test program again, to play `role` in its test `the_other_process`.
pub(crate) fn other_process(role: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    play(&mut command, role, path);
    command
}

/// The same with mounts of its own, where it may mount; `None` where the system does not let us.
pub(crate) fn other_process_with_own_mounts(role: &str, path: &Path) -> Option<Command> {
    let namespaces = [&["--mount"][..], &["--map-root-user", "--mount"][..]];
    let works = |flags: &&&[&str]| {
        let mut mount = Command::new("unshare");
        mount.args(**flags).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(std::env::temp_dir());
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let flags = namespaces.iter().find(works)?;
    let mut command = Command::new("unshare");
    command.args(*flags).arg(std::env::current_exe().unwrap());
    play(&mut command, role, path);
    Some(command)
}

fn play(command: &mut Command, role: &str, path: &Path) {
    command
        .args(["the_other_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DATABASE, path);
}

/// Mounts an empty tmpfs of so many megabytes on `folder`, in mounts of our own.
pub(crate) fn mount_tmpfs(folder: &Path, megabytes: u32) {
    run("mount", &["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"], folder);
}

pub(crate) fn mount_read_only(folder: &Path) {
    run("mount", &["-o", "remount,ro"], folder);
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let status = Command::new(program).args(arguments).arg(folder).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// Says what keeps a test from running, past the harness's capture; in CI that is a failure.
#[track_caller]
pub(crate) fn cannot_run(needs: &str) {
    let message = format!("NOT TESTED: {needs}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// The role this process was started for, and its path; `None` in a run of all ignored tests.
pub(crate) fn my_role() -> Option<(String, PathBuf)> {
    Some((std::env::var(ROLE).ok()?, std::env::var_os(DATABASE)?.into()))
}

const ROLE: &str = "WARDKEY_TEST_ROLE";
const DATABASE: &str = "WARDKEY_TEST_DATABASE";
