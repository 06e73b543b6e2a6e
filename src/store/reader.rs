//! Connections that only read, kept for the next reader.

use crate::error::{Error, Result};
use crate::store::db::Db;
use crate::store::freshness::Freshness;
use crate::store::state::State;
use crate::store::transaction::Identity;
use crate::store::view::View;
use crate::store::writer::lock;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// The readers of one open database.
pub(crate) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Reader>>,
}

/// A connection, and what it saw last.
struct Reader {
    db: Db,
    /// SQLite's data version (comparable only within one connection) and what was read under it.
    seen: Option<(i64, State)>,
}

impl Readers {
    pub(crate) const fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Mutex::new(Vec::new()) }
    }

    /// The state as of the last commit, of any process.
    ///
    /// # Errors
    /// [`Error::StaleDatabase`] when the file was exchanged for an older one under us.
    pub(crate) fn state(&self, identity: &Identity, freshness: &Freshness) -> Result<State> {
        self.with(|reader| {
            let version = reader.db.data_version()?;
            if let Some((seen, state)) = reader.seen
                && seen == version
            {
                return Ok(state);
            }
            // The freshness file first, the database second, as at open.
            let acknowledged = freshness.sequence()?;
            let state = State::load(&reader.db, &identity.keys.row_mac)?;
            if state.commits < acknowledged {
                return Err(Error::StaleDatabase { found: state.commits, acknowledged });
            }
            // The version was read first: a commit between the two reads is seen again next time.
            reader.seen = Some((version, state));
            Ok(state)
        })
    }

    /// Reads through one consistent view.
    pub(crate) fn read<T>(
        &self,
        identity: &Identity,
        read: impl FnOnce(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        self.with(|reader| {
            reader.db.run("BEGIN")?;
            let result = read(&View::new(&reader.db, identity));
            // A read transaction holds the WAL: it ends here, whatever became of the reading.
            reader.db.run("COMMIT")?;
            result
        })
    }

    /// Closes all connections that nobody uses.
    pub(crate) fn close(&self) {
        lock(&self.idle).clear();
    }

    /// Lends a connection to `work`; one that failed is closed, not lent again.
    fn with<T>(&self, work: impl FnOnce(&mut Reader) -> Result<T>) -> Result<T> {
        let idle = lock(&self.idle).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader { db: Db::open(&self.path, self.busy_timeout)?, seen: None },
        };
        let result = work(&mut reader)?;
        let mut idle = lock(&self.idle);
        if idle.len() < KEPT {
            idle.push(reader);
        }
        Ok(result)
    }
}

/// Connections kept open between calls: as many threads as a clinic's server has at work at once.
const KEPT: usize = 16;
