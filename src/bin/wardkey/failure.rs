//! What went wrong, for people and for scripts, and what to do next.

use crate::out::Out;
use serde_json::json;
use std::fmt::Display;
use std::process::ExitCode;
use wardkey::Error;

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// One word for scripts.
    kind: &'static str,
    message: String,
    next: String,
}

/// The exit codes, as `wardkey --help` and docs/cli.md list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read our output has gone: nothing more to do, and nothing to complain of.
    Pipe,
    Failed,
    Usage,
    Refused,
    NotFound,
    Conflict,
    Unconfirmed,
    Busy,
    NotOpened,
    Damaged,
    Findings,
    Undecidable,
    Cancelled,
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Pipe => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Unconfirmed => 6,
            Self::Busy => 7,
            Self::NotOpened => 8,
            Self::Damaged => 9,
            Self::Findings => 10,
            Self::Undecidable => 11,
            // As shells say of a program that Ctrl-C ended.
            Self::Cancelled => 130,
        }
    }
}

impl Failure {
    pub(crate) fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self { exit, kind, message: message.into(), next: String::new() }
    }

    /// With what to do about it.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    /// A value that cannot be taken.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A program's error that no input should cause.
    pub(crate) fn defect(what: &str) -> Self {
        Self::new(Exit::Failed, "internal", format!("a defect of this program: {what}"))
            .next("report it with the command that you gave")
    }

    /// A file or stream that failed.
    pub(crate) fn io(doing: impl Display, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Pipe, "pipe", "nobody reads any more");
        }
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::new(
                Exit::Usage,
                "file_missing",
                format!("{doing}: there is no such file or folder"),
            )
            .next("see that the path is right");
        }
        Self::new(Exit::Failed, "io", format!("{doing}: {error}"))
    }

    /// Whether a thing that was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.exit == Exit::NotFound
    }

    /// Says it on standard error.
    pub(crate) fn report(self, out: &Out) -> ExitCode {
        let code = self.exit.code();
        if self.exit != Exit::Pipe && !self.message.is_empty() {
            if out.is_json() {
                let document = json!({
                    "error": self.kind, "message": self.message, "next": self.next, "exit": code,
                });
                out.complain(&document.to_string());
            } else {
                out.complain(&format!("wardkey: {}", self.message));
                if !self.next.is_empty() {
                    out.complain(&format!("next: {}", self.next));
                }
            }
        }
        ExitCode::from(code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (exit, kind, next) = advice(&error);
        Self { exit, kind, message: error.to_string(), next }
    }
}

/// What each of the library's errors means at a terminal.
#[expect(clippy::wildcard_enum_match_arm, reason = "only some kinds have values to show")]
fn advice(error: &Error) -> (Exit, &'static str, String) {
    let (exit, kind) = sort(error);
    let next = match error {
        Error::Denied { request_id, .. } => format!("wardkey audit explain {request_id}"),
        Error::InvalidArgument { argument, .. } => of_argument(argument),
        Error::InvalidDocument { path, .. } => of_member(path).to_owned(),
        Error::NotFound { what, .. } => of_missing(what).to_owned(),
        Error::Conflict { what, .. } => of_conflict(what).to_owned(),
        Error::DatabaseMissing { path } => {
            let path = path.display();
            format!("name the right file with --database, or make it: wardkey init {path}")
        }
        // No such file, on Unix and Windows; no such path, on Windows.
        Error::Io { code: 2 | 3, .. } => "see that the folder is there".to_owned(),
        _ => of_kind(kind).to_owned(),
    };
    (exit, kind, next)
}

/// The exit code and the word for scripts.
fn sort(error: &Error) -> (Exit, &'static str) {
    match error {
        Error::Denied { .. } => (Exit::Refused, "denied"),
        Error::InvalidArgument { .. } => (Exit::Usage, "invalid_argument"),
        Error::InvalidDocument { .. } => (Exit::Usage, "invalid_document"),
        Error::UnknownOperation { .. } => (Exit::Usage, "unknown_operation"),
        Error::ActorMissing => (Exit::Usage, "actor_missing"),
        Error::NotFound { .. } => (Exit::NotFound, "not_found"),
        Error::DatabaseMissing { .. } => (Exit::NotFound, "database_missing"),
        Error::Conflict { .. } => (Exit::Conflict, "conflict"),
        Error::DatabaseExists { .. } => (Exit::Conflict, "database_exists"),
        Error::Busy => (Exit::Busy, "busy"),
        Error::Overloaded => (Exit::Busy, "overloaded"),
        Error::EmptyFile { .. } | Error::ForeignFile { .. } => (Exit::NotOpened, "not_a_database"),
        Error::NewerFile { .. } => (Exit::NotOpened, "newer_file"),
        Error::WrongKey { .. } => (Exit::NotOpened, "wrong_key"),
        Error::KeyMissing { .. } => (Exit::NotOpened, "key_missing"),
        Error::StaleDatabase { .. } | Error::FreshnessMissing { .. } => (Exit::NotOpened, "stale"),
        Error::NetworkFilesystem { .. } => (Exit::NotOpened, "network_filesystem"),
        Error::NotWritable { .. } => (Exit::NotOpened, "not_writable"),
        // Where a library that was loaded into this program brought one.
        Error::AnotherCopy { .. } => (Exit::NotOpened, "another_copy"),
        Error::Corrupt { .. } => (Exit::Damaged, "corrupt"),
        Error::Full => (Exit::Failed, "full"),
        Error::Io { .. } => (Exit::Failed, "io"),
        Error::OutcomeUnknown => (Exit::Failed, "outcome_unknown"),
        Error::Internal { .. } | Error::UserCheck { .. } => (Exit::Failed, "internal"),
        Error::Forked | Error::Closed => (Exit::Failed, "closed"),
        // A kind of a later release of the library.
        _ => (Exit::Failed, "failed"),
    }
}

fn of_kind(kind: &str) -> &'static str {
    match kind {
        "unknown_operation" => "`wardkey call --list` names them all",
        "actor_missing" => "give --actor NAME",
        "database_exists" => "use it as it is, choose another name, or move the old files away",
        "busy" => "try again, wait longer with --busy-timeout, or see which program holds the file",
        "overloaded" => "try again in a second",
        "not_a_database" => "name the right file with --database",
        "newer_file" => "use the wardkey that wrote it, or a later one",
        "wrong_key" => {
            "bring the key with that id: --key-file FILE or --key-stdin; if it is lost: wardkey recover"
        }
        "key_missing" => {
            "put the key file back from a backup, or give --key-file FILE or --key-stdin; if it is lost: wardkey recover"
        }
        "stale" => {
            "put the newest files back; if there are none: wardkey restore (it ends all tokens)"
        }
        "network_filesystem" => "move the database to a local disk",
        "another_copy" => "run it without the library that was loaded into it",
        "not_writable" => "run it as the user who owns the database, or with sudo -u",
        "corrupt" => {
            "stop the programs that use the file, keep a copy of it, and restore a backup: wardkey restore"
        }
        "full" => "make room on the disk, then run it again",
        "io" => "see that the disk is well, then run it again",
        "outcome_unknown" => "see whether it took place (wardkey audit tail), then run it again",
        "internal" => "report it with the command that you gave",
        _ => "run it again",
    }
}

fn of_argument(argument: &str) -> String {
    match argument {
        "recovery_code" => "copy the code that wardkey key recovery printed last".to_owned(),
        "to" => "name a new file that is none of the database's own".to_owned(),
        "without_key" => "wardkey recover --help says what else there is".to_owned(),
        _ => format!("correct `{argument}`; nothing was changed"),
    }
}

fn of_member(path: &str) -> &'static str {
    match path {
        "scope" | "default_scope" => "wardkey scope list; a new word: wardkey scope add WORD",
        "roles" => "wardkey role list; a new one: wardkey role add NAME --scope WORDS",
        "password" => "choose another password; nothing was changed",
        "key" => {
            "key import takes PEM or PKCS#8, rekey a key of yours: --new-key-file or --new-key-stdin"
        }
        _ if path == "site" || path.starts_with("jwks") => {
            "take what wardkey key export prints at the other site as it is"
        }
        _ if path.starts_with("exported") => {
            "take what wardkey client export prints at the other site as it is"
        }
        "credential_id" => {
            "wardkey secret list CLIENT; then name one: wardkey client rotate CLIENT --secret-id ID"
        }
        "overlap" => "give --overlap a length of at most 366d",
        "token" => "see what it says of itself: wardkey token inspect",
        "request_id" => "copy it from the response's Wardkey-Request-Id header or the refusal",
        _ => "correct it and run it again; nothing was changed",
    }
}

fn of_missing(what: &str) -> &'static str {
    match what {
        "client" => "wardkey client list",
        "secret" => "wardkey secret list CLIENT",
        "valid secret of client" => "make one: wardkey secret add CLIENT",
        "issuer" => "wardkey issuer list",
        "user" => "wardkey user list",
        "role" => "wardkey role list",
        "scope" => "wardkey scope list",
        "grant" => "wardkey grant list",
        "secret or token" => {
            "see that all of it was pasted; it may be another database's, or have ended long ago"
        }
        _ => "see that it is spelled right",
    }
}

fn of_conflict(what: &str) -> &'static str {
    match what {
        "scope in use" => {
            "take the word from them first: wardkey client edit, user edit, role edit"
        }
        "role in use" => "take the role from them first: wardkey user edit USER --role ...",
        "secret" => "wardkey secret list CLIENT shows it, and what took its place",
        "issuer" => "wardkey issuer list; a site keeps its issuer and its database",
        "client" | "role" | "username" | "scope" => "choose another name, or edit the one there is",
        _ => "nothing was changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_about_files_says_what_to_do_next() {
        let path = std::path::PathBuf::from("clinic.db");
        for error in [
            Error::DatabaseMissing { path: path.clone() },
            Error::DatabaseExists { path: path.clone() },
            Error::EmptyFile { path: path.clone() },
            Error::ForeignFile { path: path.clone() },
            Error::NewerFile { needs: 2, known: 1 },
            Error::WrongKey {
                key_id: "AAAAAAAAAAA".to_owned(),
                key_source: "file",
                skipped: Box::default(),
            },
            Error::KeyMissing { path: path.clone() },
            Error::StaleDatabase { found: 1, acknowledged: 2 },
            Error::FreshnessMissing { path: path.clone() },
            Error::NetworkFilesystem { path: path.clone(), kind: "nfs" },
            Error::NotWritable { path },
            Error::Busy,
            Error::Full,
            Error::OutcomeUnknown,
        ] {
            let failure = Failure::from(error.clone());
            assert_ne!(failure.next, of_kind(""), "{error}");
            assert_ne!(failure.kind, "failed", "{error}");
        }
    }
}
