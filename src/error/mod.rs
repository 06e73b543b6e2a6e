//! What can go wrong: [`Error`] for calls, [`Denied`] for decisions.

mod denied;

pub use denied::Denied;

use std::fmt;
use std::path::PathBuf;

/// A call that did not do what was asked, and why.
///
/// [`Error::Denied`] is a decision about a token or a client, and what it had to record is recorded.
/// Every other kind means that nothing happened. Messages never hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A token, client or request was refused.
    Denied {
        /// The true reason; show it to the operator, not to the remote caller.
        why: Denied,
        /// The id under which the audit explains the refusal (`audit.explain`).
        request_id: String,
    },
    /// An argument is outside what the function takes.
    InvalidArgument {
        /// The argument's name.
        argument: &'static str,
        /// What was false about it.
        why: String,
    },
    /// A JSON document has an unknown, duplicate, missing or ill-typed member.
    InvalidDocument {
        /// Where, as `member.member[index]`; `.` is the whole document.
        path: String,
        /// What was false about it.
        why: String,
    },
    /// `call` knows no operation of this name.
    UnknownOperation {
        /// The name received.
        name: String,
    },
    /// Administration without an actor: the audit could not say who did it.
    ActorMissing,
    /// The process forked while an engine was open, so nothing in the child can use this file safely.
    Forked,
    /// Another copy of this library in this process has the database open, and each would drop the other's file locks.
    AnotherCopy {
        /// The path.
        path: PathBuf,
    },
    /// The engine was closed.
    Closed,
    /// The thing named does not exist.
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its id as asked for.
        id: String,
    },
    /// A thing of this id exists already, or the change contradicts another.
    Conflict {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// There is no database at the path.
    DatabaseMissing {
        /// The path.
        path: PathBuf,
    },
    /// Creation found a database, or what belongs to one, at the path; nothing was overwritten.
    DatabaseExists {
        /// The file that is in the way.
        path: PathBuf,
    },
    /// The file is empty: not a database, and not made into one.
    EmptyFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else than a Wardkey database.
    ForeignFile {
        /// The path.
        path: PathBuf,
    },
    /// The file was written by a later major version.
    NewerFile {
        /// The lowest format version that may read or write it.
        needs: u32,
        /// The format version this library knows.
        known: u32,
    },
    /// No master key that was brought opens this database.
    WrongKey {
        /// The id of the key that it needs, as the file says (docs/file-format.md). It is not authenticated.
        key_id: String,
        /// Who keeps that key, as the file says: `file`, `host` or `dpapi`.
        key_source: &'static str,
        /// The lines of the key file that hold no key for this library, and why.
        skipped: Box<[String]>,
    },
    /// The key file beside the database is gone; it is never made anew.
    KeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The database is behind its last acknowledged change: an old copy was put back. Use restore.
    StaleDatabase {
        /// The sequence found in the database.
        found: u64,
        /// The last acknowledged sequence.
        acknowledged: u64,
    },
    /// The freshness file beside the database is gone or belongs to another database. Use restore.
    FreshnessMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The database lies on a network filesystem, whose locks cannot be trusted.
    NetworkFilesystem {
        /// The path.
        path: PathBuf,
        /// The filesystem's name.
        kind: &'static str,
    },
    /// The folder or a file in it cannot be written by this user.
    NotWritable {
        /// The path.
        path: PathBuf,
    },
    /// Another writer held the database for longer than the busy timeout.
    Busy,
    /// The disk is full, or the file has reached the setting `max_file_size`; nothing was changed.
    Full,
    /// A stored row does not carry a valid authentication code: it was edited outside this library, or damaged.
    Corrupt {
        /// Which row or structure.
        what: String,
    },
    /// The operating system failed.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's or SQLite's error code, 0 if none.
        code: i32,
        /// Its message.
        message: String,
    },
    /// A commit's sync failed and it could not be learnt whether it took place.
    OutcomeUnknown,
    /// Too many passwords are being checked at once; try again.
    Overloaded,
    /// The host's check of its own users failed, or gave an answer that cannot be. Nobody logged in.
    UserCheck {
        /// What failed, as the host said it, or what was false about its answer.
        why: String,
    },
    /// A defect of this library.
    Internal {
        /// What was found impossible.
        what: &'static str,
    },
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An operating system's failure while `doing` something.
    pub(crate) fn io(doing: &'static str, error: &std::io::Error) -> Self {
        Self::Io { doing, code: error.raw_os_error().unwrap_or(0), message: error.to_string() }
    }

    /// An argument that is false.
    pub(crate) fn argument(argument: &'static str, why: impl Into<String>) -> Self {
        Self::InvalidArgument { argument, why: why.into() }
    }

    /// A document's member that is false.
    pub(crate) fn document(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::InvalidDocument { path: path.into(), why: why.into() }
    }
}

impl std::error::Error for Error {}

impl std::error::Error for Denied {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { why, request_id } => write!(f, "refused: {why} (request {request_id})"),
            Self::InvalidArgument { argument, why } => write!(f, "argument `{argument}`: {why}"),
            Self::InvalidDocument { path, why } => write!(f, "document at `{path}`: {why}"),
            Self::UnknownOperation { name } => {
                write!(f, "there is no operation `{}`", name.escape_debug())
            }
            Self::NotFound { what, id } => write!(f, "there is no {what} `{}`", id.escape_debug()),
            Self::Conflict { what, id } => {
                let in_use = what.strip_suffix(" in use");
                let why = if in_use.is_some() { "is in use" } else { "exists already" };
                write!(f, "the {} `{}` {why}", in_use.unwrap_or(what), id.escape_debug())
            }
            Self::NewerFile { needs, known } => {
                write!(
                    f,
                    "the file needs format {needs}; this library knows format {known}: upgrade it"
                )
            }
            Self::StaleDatabase { found, acknowledged } => write!(
                f,
                "the database is at change {found}, but change {acknowledged} was acknowledged: \
                 an old copy was put back; open it with restore"
            ),
            Self::Corrupt { what } => write!(f, "damaged or edited outside this library: {what}"),
            Self::Io { doing, code, message } => {
                write!(f, "while {doing}: {message} (code {code})")
            }
            Self::UserCheck { why } => write!(f, "the host's check of its users failed: {why}"),
            Self::Internal { what } => write!(f, "a defect of this library: {what}"),
            Self::DatabaseMissing { .. }
            | Self::DatabaseExists { .. }
            | Self::EmptyFile { .. }
            | Self::ForeignFile { .. }
            | Self::KeyMissing { .. }
            | Self::FreshnessMissing { .. }
            | Self::NetworkFilesystem { .. }
            | Self::NotWritable { .. } => self.fmt_file(f),
            Self::WrongKey { .. } => self.fmt_key(f),
            Self::ActorMissing => f.write_str("administration needs an actor: say who does it"),
            Self::Forked => f.write_str(
                "this process was forked while an engine was open; open the engine after the fork",
            ),
            Self::AnotherCopy { path } => write!(
                f,
                "another copy of this library has the database open in this process: load one copy only, or use \
                 another process ({})",
                path.display()
            ),
            Self::Closed => f.write_str("the engine is closed"),
            Self::Busy => f.write_str("another program held the database for too long; try again"),
            Self::Full => f.write_str(
                "the disk is full, or the file has reached `max_file_size`; nothing was changed",
            ),
            Self::OutcomeUnknown => {
                f.write_str("the disk failed during a commit; whether it took place is not known")
            }
            Self::Overloaded => f.write_str("too many passwords are being checked; try again"),
        }
    }
}

impl Error {
    /// [`Error::WrongKey`].
    fn fmt_key(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::WrongKey { key_id, key_source, skipped } = self else {
            return Ok(());
        };
        let place = match *key_source {
            "host" => "which the host keeps",
            "dpapi" => "which is in the key file, sealed by Windows on the machine that made it",
            _ => "which was in the key file",
        };
        let id = key_id.escape_debug();
        write!(f, "the master key does not open this database: bring the key `{id}`, {place}")?;
        if !skipped.is_empty() {
            write!(f, " (not used of that file: {})", skipped.join("; "))?;
        }
        Ok(())
    }

    /// The kinds about a file at a path; the others are printed by `Display` itself.
    fn fmt_file(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DatabaseMissing { path } => {
                write!(f, "there is no database at {}; create it first", path.display())
            }
            Self::DatabaseExists { path } => write!(
                f,
                "{} exists already: open it, restore it, or move it away; nothing was overwritten",
                path.display()
            ),
            Self::EmptyFile { path } => write!(
                f,
                "{} is empty: put a backup back and restore it, or move it away and create a database",
                path.display()
            ),
            Self::ForeignFile { path } => {
                write!(f, "{} is not a Wardkey database: correct the path", path.display())
            }
            Self::KeyMissing { path } => write!(
                f,
                "there is no key file {}; put it back, or bring the key that the database was made with",
                path.display()
            ),
            Self::FreshnessMissing { path } => write!(
                f,
                "the freshness file {} is gone or belongs to another database; open with restore",
                path.display()
            ),
            Self::NetworkFilesystem { path, kind } => write!(
                f,
                "{} lies on a network filesystem ({kind}), whose locks cannot be trusted; use a local disk",
                path.display()
            ),
            Self::NotWritable { path } => {
                write!(f, "{} cannot be written by this user: give it the right", path.display())
            }
            Self::Denied { .. }
            | Self::InvalidArgument { .. }
            | Self::InvalidDocument { .. }
            | Self::UnknownOperation { .. }
            | Self::ActorMissing
            | Self::Forked
            | Self::AnotherCopy { .. }
            | Self::Closed
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::NewerFile { .. }
            | Self::WrongKey { .. }
            | Self::StaleDatabase { .. }
            | Self::Busy
            | Self::Full
            | Self::Corrupt { .. }
            | Self::Io { .. }
            | Self::OutcomeUnknown
            | Self::Overloaded
            | Self::UserCheck { .. }
            | Self::Internal { .. } => Ok(()),
        }
    }
}
