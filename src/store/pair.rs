//! The main file and the WAL beside it, which may not belong together: whoever copies one alone, or puts one
//! back, leaves a pair that SQLite would play into each other without a word.

use crate::base::{Entropy, Epoch};
use crate::error::{Error, Result};
use crate::store::db::Db;
use crate::store::master::{Opener, suffixed};
use crate::store::open::identify;
use crate::store::schema;
use crate::store::state::State;
use std::path::Path;
use std::sync::Arc;

/// What the main file says if its WAL is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct MainFile {
    commits: u64,
    epoch: Epoch,
}

impl MainFile {
    /// Reads it; `None` without a WAL, or where the main file cannot be read alone, as after a crash in the
    /// middle of a checkpoint.
    ///
    /// # Errors
    /// What keeps the file from being opened at all: then nothing is known, and nothing may be assumed.
    pub(super) fn beside_wal(path: &Path) -> Result<Option<Self>> {
        if !has_wal(path) {
            return Ok(None);
        }
        let db = Db::open_main_file(path)?;
        let sql = "SELECT commits, epoch FROM state";
        let read = db.first(sql, &[], |row| {
            Ok(Self { commits: row.unsigned(0)?, epoch: Epoch::from_bytes(row.array::<8>(1)?) })
        });
        match read {
            Ok(read) => Ok(read),
            Err(Error::Busy | Error::NotWritable { .. }) => Err(Error::Busy),
            // Torn, or no database of ours: what it is, it says when it is opened with its WAL.
            Err(_) => Ok(None),
        }
    }

    /// Demands that it lies between what the WAL began with and what it leads to; `later` is what the main
    /// file said when `state` had been read: others may be copying their WAL into it meanwhile.
    ///
    /// # Errors
    /// [`Error::StaleDatabase`].
    pub(super) fn check(&self, later: &Self, state: &State) -> Result<()> {
        if later.commits < state.checkpointed {
            // An older main file than the WAL was begun on.
            let (found, acknowledged) = (later.commits, state.checkpointed);
            return Err(Error::StaleDatabase { found, acknowledged });
        }
        // A lowered mark begins an epoch in a file that is open: until the WAL is copied, the main file is of
        // the one before.
        let lags = self.epoch == state.epoch_before && self.commits < state.epoch_since;
        if self.commits > state.commits || (self.epoch != state.epoch && !lags) {
            // A later main file than the WAL leads to, or one that has gone another way since a restore.
            let acknowledged = self.commits.max(later.commits);
            return Err(Error::StaleDatabase { found: state.commits, acknowledged });
        }
        Ok(())
    }
}

/// Demands that the main file is a whole database without its WAL: of this key, and sound to its last page.
pub(super) fn check_main_file(
    path: &Path,
    opener: Opener<'_>,
    entropy: Arc<dyn Entropy>,
) -> Result<()> {
    let db = Db::open_main_file(path)?;
    schema::check(&db, path)?;
    let identity = identify(&db, path, opener, entropy)?;
    State::load(&db, &identity.keys.row_mac)?;
    db.check_integrity()
}

fn has_wal(path: &Path) -> bool {
    std::fs::metadata(suffixed(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}
