//! `wardkey doctor`: the configuration against RFC 9700 and OWASP ASVS 5.0.

mod checks;
mod clients;

use crate::client;
use crate::failure::{Exit, Failure};
use crate::out::{Out, counted};
use crate::session::Session;
use crate::user;
use clap::Args;
use serde::Serialize;
use wardkey::admin::{
    ClientDocument, DatabaseStatus, DatabaseStatusDocument, IssuerDocument, IssuerList,
    KeyDocument, KeyList, ScopeList, SecretDocument, SecretList, SettingsDocument, SettingsGet,
    UserDocument,
};

/// Hold the configuration against RFC 9700 and OWASP ASVS 5.0, and print the fix for each finding
///
/// Exit code 10 if there is something to mend. Hints do not count: they are choices.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Print what is well too
    #[arg(long)]
    all: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Against a MUST, or open to attack.
    Bad,
    /// Against a SHOULD, or weaker than it need be.
    Warn,
    /// A choice to think about.
    Hint,
    /// As it should be.
    Ok,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// The check's name.
    check: &'static str,
    /// What it is about: a client, a setting.
    subject: String,
    found: String,
    /// The rule that it is held against.
    rule: &'static str,
    /// The command that mends it; empty if it is well.
    fix: String,
}

impl Finding {
    fn new(level: Level, check: &'static str, rule: &'static str) -> Self {
        let empty = String::new;
        Self { level, check, subject: empty(), found: empty(), rule, fix: empty() }
    }

    fn about(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    fn found(self, found: impl Into<String>) -> Self {
        Self { found: found.into(), ..self }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: fix.into(), ..self }
    }
}

/// Everything that is looked at.
struct Patient {
    settings: SettingsDocument,
    status: DatabaseStatusDocument,
    clients: Vec<(ClientDocument, Vec<SecretDocument>)>,
    users: Vec<UserDocument>,
    keys: Vec<KeyDocument>,
    scopes: Vec<String>,
    sites: Vec<IssuerDocument>,
    /// The engine's time, and how far the machine's clock is from it, in seconds.
    now: i64,
    clock_off: i64,
    /// The database's files that others than their owner can read.
    open_files: Vec<String>,
    /// Why the audit is not whole, if it is not.
    audit_broken: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    findings: &'a [Finding],
    bad: usize,
    warnings: usize,
    hints: usize,
}

impl Doctor {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        let patient = Patient::examine(session, out)?;
        let mut findings = checks::all(&patient);
        findings.extend(clients::all(&patient));
        findings.sort_by_key(|finding| finding.level);
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (bad, warnings, hints, well) =
            (count(Level::Bad), count(Level::Warn), count(Level::Hint), count(Level::Ok));
        let answer = Answer { findings: &findings, bad, warnings, hints };
        out.answer(&answer, || {
            let mut shown =
                findings.iter().filter(|finding| self.all || finding.level != Level::Ok);
            shown.try_for_each(|finding| show(finding, out))?;
            let (warnings, hints) = (counted(warnings, "warning"), counted(hints, "hint"));
            out.line(&format!("{bad} bad, {warnings}, {hints}, {} well", counted(well, "check")))
        })?;
        if bad + warnings == 0 {
            return Ok(());
        }
        // The answer has said it all.
        Err(Failure::new(Exit::Findings, "findings", String::new()))
    }
}

fn show(finding: &Finding, out: &Out) -> Result<(), Failure> {
    let mark = match finding.level {
        Level::Bad => "BAD ",
        Level::Warn => "WARN",
        Level::Hint => "HINT",
        Level::Ok => "ok  ",
    };
    out.line(&format!("{mark} {}: {}", finding.subject, finding.found))?;
    out.line(&format!("     rule {}", finding.rule))?;
    if finding.fix.is_empty() { Ok(()) } else { out.line(&format!("     fix  {}\n", finding.fix)) }
}

impl Patient {
    fn examine(session: &Session, out: &Out) -> Result<Self, Failure> {
        let progress = out.progress("examining");
        let mut clients = Vec::new();
        for client in client::all(session)? {
            let page = session.run(SecretList { client_id: client.client_id.clone() })?;
            let living = page.secrets.into_iter().filter(|secret| secret.revoked_at.is_none());
            clients.push((client, living.collect()));
            progress.inc(1);
        }
        let verdict = session.run(wardkey::admin::AuditVerify::default())?;
        let wall = wardkey::Clock::wall(&wardkey::SystemClock);
        let patient = Self {
            settings: session.run(SettingsGet::default())?,
            status: session.run(DatabaseStatus::default())?,
            clients,
            users: user::every(session)?,
            keys: session.run(KeyList::default())?.keys,
            scopes: session
                .run(ScopeList::default())?
                .scopes
                .into_iter()
                .map(|s| s.scope)
                .collect(),
            sites: session.run(IssuerList::default())?.issuers,
            now: session.now().seconds(),
            clock_off: session.now().since(wall) / 1000,
            open_files: open_files(session.path()),
            audit_broken: (!verdict.valid).then(|| verdict.why.clone().unwrap_or_default()),
        };
        progress.finish_and_clear();
        Ok(patient)
    }
}

/// The files that others than their owner can read. Only looked up, never opened: closing a descriptor of
/// the database would drop SQLite's locks.
#[cfg(unix)]
fn open_files(database: &std::path::Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    let open = |suffix: &&str| {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        let mode = std::fs::metadata(&name).map(|file| file.permissions().mode());
        mode.is_ok_and(|mode| mode & 0o077 != 0).then(|| name.to_string_lossy().into_owned())
    };
    ["", ".key", ".fresh"].iter().filter_map(open).collect()
}

/// Windows keeps an access list for each file, which the library sets when it makes them.
#[cfg(not(unix))]
fn open_files(_database: &std::path::Path) -> Vec<String> {
    Vec::new()
}
