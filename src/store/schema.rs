//! The schema's versions, and whether this library may use a file.

use crate::error::{Error, Result};
use crate::store::db::Db;
use std::path::Path;

/// Builds the newest schema in an empty database.
pub(crate) fn build(db: &Db) -> Result<()> {
    // Before the first page is written: it cannot be turned on later without writing the whole file anew.
    db.batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    db.batch(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    for migration in MIGRATIONS {
        db.batch(migration)?;
    }
    Ok(())
}

/// Demands that the file is ours and not newer than this library.
///
/// # Errors
/// [`Error::ForeignFile`], [`Error::NewerFile`].
pub(crate) fn check(db: &Db, path: &Path) -> Result<()> {
    let id = db.one("PRAGMA application_id", &[], |row| row.integer(0))?;
    if id != APPLICATION_ID {
        return Err(Error::ForeignFile { path: path.to_owned() });
    }
    let sql = "SELECT max(reader_min, writer_min) FROM database WHERE id = 1";
    let needs = db.one(sql, &[], |row| row.unsigned(0))?;
    let needs = u32::try_from(needs).unwrap_or(u32::MAX);
    if needs > FORMAT {
        return Err(Error::NewerFile { needs, known: FORMAT });
    }
    Ok(())
}

/// The format this library writes: the number of the last migration.
pub(crate) const FORMAT: u32 = 1;

/// "Ward" in ASCII, in the SQLite header.
const APPLICATION_ID: i64 = 0x5761_7264;

const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_first.sql")];
