//! The one file that knows rusqlite: connections, statements, rows.

use crate::crypto::Cell;
use crate::error::{Error, Result};
use rusqlite::backup::{self, StepResult};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ErrorCode, OpenFlags, ToSql};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl<'a> Cell<'a> {
    /// Text, or NULL for `None`.
    pub(crate) fn text_or_null(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// An integer, or NULL for `None`.
    pub(crate) fn integer_or_null(integer: Option<i64>) -> Self {
        integer.map_or(Self::Null, Self::Integer)
    }

    /// Bytes, or NULL for `None`.
    pub(crate) fn blob_or_null(bytes: Option<&'a [u8]>) -> Self {
        bytes.map_or(Self::Null, Self::Blob)
    }

    /// A count or sequence. What does not fit is stored as the largest value, which reads back as such.
    pub(crate) fn unsigned(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Cell::Null => ValueRef::Null,
            Cell::Integer(integer) => ValueRef::Integer(integer),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// One row of an answer.
pub(crate) struct Row<'a>(&'a rusqlite::Row<'a>);

impl<'a> Row<'a> {
    /// The value of column `index`.
    pub(crate) fn cell(&self, index: usize) -> Result<Cell<'a>> {
        match self.0.get_ref(index).map_err(|_| ill_typed(index))? {
            ValueRef::Null => Ok(Cell::Null),
            ValueRef::Integer(integer) => Ok(Cell::Integer(integer)),
            ValueRef::Real(_) => Err(ill_typed(index)),
            ValueRef::Text(bytes) => {
                std::str::from_utf8(bytes).map(Cell::Text).map_err(|_| ill_typed(index))
            }
            ValueRef::Blob(bytes) => Ok(Cell::Blob(bytes)),
        }
    }

    /// The integer in column `index`.
    pub(crate) fn integer(&self, index: usize) -> Result<i64> {
        self.optional_integer(index)?.ok_or_else(|| ill_typed(index))
    }

    /// The integer in column `index`, `None` for NULL.
    pub(crate) fn optional_integer(&self, index: usize) -> Result<Option<i64>> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Integer(integer) => Ok(Some(integer)),
            Cell::Text(_) | Cell::Blob(_) => Err(ill_typed(index)),
        }
    }

    /// The count or sequence in column `index`.
    pub(crate) fn unsigned(&self, index: usize) -> Result<u64> {
        u64::try_from(self.integer(index)?).map_err(|_| ill_typed(index))
    }

    /// The truth value in column `index`.
    pub(crate) fn boolean(&self, index: usize) -> Result<bool> {
        match self.integer(index)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ill_typed(index)),
        }
    }

    /// The text in column `index`.
    pub(crate) fn text(&self, index: usize) -> Result<&'a str> {
        self.optional_text(index)?.ok_or_else(|| ill_typed(index))
    }

    /// The text in column `index`, `None` for NULL.
    pub(crate) fn optional_text(&self, index: usize) -> Result<Option<&'a str>> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Integer(_) | Cell::Blob(_) => Err(ill_typed(index)),
        }
    }

    /// The bytes in column `index`.
    pub(crate) fn blob(&self, index: usize) -> Result<&'a [u8]> {
        self.optional_blob(index)?.ok_or_else(|| ill_typed(index))
    }

    /// The bytes in column `index`, `None` for NULL.
    pub(crate) fn optional_blob(&self, index: usize) -> Result<Option<&'a [u8]>> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Blob(bytes) => Ok(Some(bytes)),
            Cell::Integer(_) | Cell::Text(_) => Err(ill_typed(index)),
        }
    }

    /// The `N` bytes in column `index`.
    pub(crate) fn array<const N: usize>(&self, index: usize) -> Result<[u8; N]> {
        self.blob(index)?.try_into().map_err(|_| ill_typed(index))
    }
}

/// How hard a checkpoint tries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Checkpoint {
    /// Copies what can be copied without waiting for anybody.
    Passive,
    /// Waits for readers and writers.
    Full,
    /// As full, and leaves an empty WAL behind.
    Truncate,
}

/// One connection to the database.
pub(crate) struct Db(rusqlite::Connection);

impl Db {
    /// Opens the database at `path`, which must exist.
    pub(crate) fn open(path: &Path, busy_timeout: Duration) -> Result<Self> {
        let db = Self::look(path, busy_timeout)?;
        db.keep_wal_on_close(false)?;
        Ok(db)
    }

    /// Opens it to look whether it may be opened: nothing that is done with this connection plays a WAL into
    /// a file that it does not belong to, its being closed as the last one neither.
    pub(crate) fn look(path: &Path, busy_timeout: Duration) -> Result<Self> {
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)
    }

    /// Opens the main file alone, as it would be without its WAL. Only while no other connection of
    /// this process has it open: closing this one may drop their locks.
    pub(crate) fn open_main_file(path: &Path) -> Result<Self> {
        let uri = format!("{}?immutable=1", uri_of(path)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        rusqlite::Connection::open_with_flags(uri, flags)
            .map(Self)
            .map_err(|e| fault("opening the main file", path, &e))
    }

    fn connect(path: &Path, flags: OpenFlags, busy_timeout: Duration) -> Result<Self> {
        // NO_MUTEX: a connection is only ever used by the thread that holds it.
        // A path is a path: no URI, so no `?mode=` in a folder's name means anything.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let inner = rusqlite::Connection::open_with_flags(path, flags)
            .map_err(|e| fault("opening the database", path, &e))?;
        // SQLite counts milliseconds in 31 bits; who asks for more than 24 days gets 24 days.
        let busy_timeout = busy_timeout.min(Duration::from_millis(MAX_BUSY_TIMEOUT_MS));
        inner.busy_timeout(busy_timeout).map_err(|e| fault("opening the database", path, &e))?;
        inner.set_prepared_statement_cache_capacity(64);
        let db = Self(inner);
        // Before anything is read: a statement that fails closes the connection.
        db.keep_wal_on_close(true)?;
        // The WAL is synced at each commit: an acknowledged commit survives power loss.
        // What is deleted or replaced is wiped: a data key that an old master key opens among it.
        // A schema with functions that could run code is not trusted: the file may come from anywhere.
        db.batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON;",
        )
        .map_err(no_room)?;
        Ok(db)
    }

    /// Whether to leave the WAL as it is when this connection is closed as the last one.
    fn keep_wal_on_close(&self, keep: bool) -> Result<()> {
        self.0
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
            .map(|_| ())
            .map_err(|e| self.fault("opening the database", &e))
    }

    /// Runs several statements without parameters or answers.
    pub(crate) fn batch(&self, sql: &str) -> Result<()> {
        self.0.execute_batch(sql).map_err(|e| self.fault("running a statement", &e))
    }

    /// Runs one statement without parameters, kept prepared.
    pub(crate) fn run(&self, sql: &str) -> Result<()> {
        self.execute(sql, &[]).map(|_| ())
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, cells: &[Cell<'_>]) -> Result<usize> {
        self.prepare(sql)?
            .execute(rusqlite::params_from_iter(cells))
            .map_err(|e| self.fault("writing the database", &e))
    }

    /// The first row of an answer, if there is one.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        cells: &[Cell<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement
            .query(rusqlite::params_from_iter(cells))
            .map_err(|e| self.fault("reading the database", &e))?;
        let row = rows.next().map_err(|e| self.fault("reading the database", &e))?;
        row.map(|row| read(&Row(row))).transpose()
    }

    /// The only row of an answer.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        cells: &[Cell<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.first(sql, cells, read)?.ok_or_else(|| Error::Corrupt {
            what: "a row that always exists is missing".to_owned(),
        })
    }

    /// All rows of an answer.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        cells: &[Cell<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement
            .query(rusqlite::params_from_iter(cells))
            .map_err(|e| self.fault("reading the database", &e))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|e| self.fault("reading the database", &e))? {
            all.push(read(&Row(row))?);
        }
        Ok(all)
    }

    /// Changes whenever another connection, of this process or another, has committed.
    pub(crate) fn data_version(&self) -> Result<i64> {
        self.one("PRAGMA data_version", &[], |row| row.integer(0))
    }

    /// Copies the WAL into the main file; whether the main file then holds all of it.
    pub(crate) fn checkpoint(&self, kind: Checkpoint) -> Result<bool> {
        let sql = match kind {
            Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Checkpoint::Full => "PRAGMA wal_checkpoint(FULL)",
            Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        self.one(sql, &[], |row| {
            let (busy, log, copied) = (row.integer(0)?, row.integer(1)?, row.integer(2)?);
            Ok(busy == 0 && log == copied)
        })
    }

    /// Copies what this connection sees into the empty file `to`, as it is without a WAL; `step` is told how
    /// many pages of how many are there, and whether to go on. The copy is not synced. Within a transaction:
    /// SQLite would begin again at each commit of others.
    ///
    /// # Errors
    /// [`Error::Full`] and what else writing says; `to` is then worth nothing.
    pub(crate) fn copy_to(
        &self,
        to: &Path,
        step: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<bool> {
        let total = self.one("PRAGMA page_count", &[], |row| row.unsigned(0))?;
        let mut copy = Self::look(to, Duration::ZERO)?;
        // Nobody else knows the file, and nobody takes it for anything before it is whole.
        copy.batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE",
        )?;
        let failed = |error: &rusqlite::Error| fault("copying the database", to, error);
        let backup = backup::Backup::new(&self.0, &mut copy.0).map_err(|e| failed(&e))?;
        let mut done = 0;
        while step(done, total) {
            match backup.step(PAGES_A_STEP).map_err(|e| failed(&e))? {
                StepResult::Done => return Ok(true),
                StepResult::More => {}
                StepResult::Busy | StepResult::Locked | _ => return Err(Error::Busy),
            }
            let left = u64::try_from(backup.progress().remaining).unwrap_or(0);
            done = total.saturating_sub(left);
        }
        Ok(false)
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// [`Error::Corrupt`] with SQLite's first finding.
    pub(crate) fn check_integrity(&self) -> Result<()> {
        let finding =
            self.one("PRAGMA integrity_check(1)", &[], |row| Ok(row.text(0)?.to_owned()))?;
        if finding == "ok" { Ok(()) } else { Err(Error::Corrupt { what: finding }) }
    }

    /// Where its WAL is.
    pub(crate) fn wal_path(&self) -> PathBuf {
        PathBuf::from(format!("{}-wal", self.0.path().unwrap_or_default()))
    }

    /// Whether no transaction is open: SQLite ends one by itself when the disk is full or fails.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.0.is_autocommit()
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql).map_err(|e| self.fault("preparing a statement", &e))
    }

    fn fault(&self, doing: &'static str, error: &rusqlite::Error) -> Error {
        fault(doing, Path::new(self.0.path().unwrap_or_default()), error)
    }
}

/// A path in SQLite's URI syntax. Bytes that mean something there are escaped, and all that are no text.
fn uri_of(path: &Path) -> Result<String> {
    let bytes = path.as_os_str().as_encoded_bytes();
    // Behind an authority, even an empty one, a path begins with a slash, and none of Windows does.
    let mut uri = String::from(if bytes.starts_with(b"/") { "file://" } else { "file:" });
    for byte in bytes {
        match byte {
            b'/' | b':' | b'-' | b'_' | b'.' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    if uri.contains("%00") {
        return Err(Error::argument("path", "must not contain NUL"));
    }
    Ok(uri)
}

/// The typed error of a stored value that is not what its column holds.
fn ill_typed(index: usize) -> Error {
    Error::Corrupt { what: format!("a stored value (column {index}) is of the wrong type") }
}

/// While opening, no room for the WAL's index is a full disk. Only there: in a COMMIT it may mean that the
/// commit is in the WAL already, which [`Error::Full`] would deny.
fn no_room(error: Error) -> Error {
    if matches!(error, Error::Io { code: rusqlite::ffi::SQLITE_IOERR_SHMSIZE, .. }) {
        return Error::Full;
    }
    error
}

/// Sorts SQLite's failures into ours.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "SQLite has dozens of codes; few mean something to us"
)]
fn fault(doing: &'static str, path: &Path, error: &rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error() else {
        return Error::Io { doing, code: 0, message: error.to_string() };
    };
    let other = || Error::Io { doing, code: code.extended_code, message: error.to_string() };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::DatabaseCorrupt => {
            Error::Corrupt { what: "the database's structure".to_owned() }
        }
        ErrorCode::NotADatabase => Error::ForeignFile { path: path.to_owned() },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Error::NotWritable { path: path.to_owned() }
        }
        _ => other(),
    }
}

/// 256 KiB of the usual 4 KiB each.
const PAGES_A_STEP: std::ffi::c_int = 64;

/// The most that fits a C int.
const MAX_BUSY_TIMEOUT_MS: u64 = 2_147_483_647;
