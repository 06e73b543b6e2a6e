//! The one row that every transaction moves on.

use crate::base::{Epoch, UnixTime};
use crate::crypto::RowMacKey;
use crate::error::{Error, Result};
use crate::store::audit::AuditHead;
use crate::store::db::Db;
use crate::store::record;
use crate::store::rows::StateRow;

/// The `state` row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// Writing transactions so far.
    pub(crate) commits: u64,
    /// Of these, how many the main file is known to hold without the WAL.
    pub(crate) checkpointed: u64,
    /// Sequence of the last security change.
    pub(crate) sequence: u64,
    pub(crate) epoch: Epoch,
    /// The epoch before it, if it began in a file that others had open.
    pub(crate) epoch_before: Epoch,
    /// The commit with which it began.
    pub(crate) epoch_since: u64,
    /// The latest time ever told.
    pub(crate) mark: UnixTime,
    pub(crate) clock: Clockwork,
    /// How often an operator has set the engine's time.
    pub(crate) clock_changes: u64,
    /// When the last token ever issued ends.
    pub(crate) last_expiry: UnixTime,
    /// The end of the audit.
    pub(crate) audit: AuditHead,
    /// The last row that was cut from the audit's beginning: the first one left follows it.
    pub(crate) cut: AuditHead,
    /// What is older than this may be cut.
    pub(crate) cut_horizon: UnixTime,
    /// When it was last said that the file is near its limit.
    pub(crate) size_warned_at: UnixTime,
}

/// What all processes follow about the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clockwork {
    /// Whether the wall clock is believed.
    pub(crate) believed: bool,
    /// Milliseconds added to the wall clock while it is not.
    pub(crate) offset: i64,
}

impl State {
    /// Reads the row.
    pub(crate) fn load(db: &Db, key: &RowMacKey) -> Result<Self> {
        let rows = record::load::<StateRow>(db, key, "WHERE id = 1", &[])?;
        let row =
            rows.first().ok_or_else(|| Error::Corrupt { what: "the state row".to_owned() })?;
        Ok(Self::from_row(row))
    }

    pub(super) fn from_row(row: &StateRow) -> Self {
        Self {
            commits: row.commits,
            checkpointed: row.checkpointed,
            sequence: row.sequence,
            epoch: Epoch::from_bytes(row.epoch),
            epoch_before: Epoch::from_bytes(row.epoch_before),
            epoch_since: row.epoch_since,
            mark: UnixTime::from_millis(row.mark),
            clock: Clockwork { believed: row.clock_believed, offset: row.clock_offset },
            clock_changes: row.clock_changes,
            last_expiry: UnixTime::from_millis(row.last_expiry),
            audit: AuditHead { sequence: row.audit_sequence, hash: row.audit_hash },
            cut: AuditHead { sequence: row.cut_sequence, hash: row.cut_hash },
            cut_horizon: UnixTime::from_millis(row.cut_horizon),
            size_warned_at: UnixTime::from_millis(row.size_warned_at),
        }
    }

    /// Writes the first row of a new database.
    pub(crate) fn insert(&self, db: &Db, key: &RowMacKey) -> Result<()> {
        record::insert(db, key, &self.to_row()).map(|_| ())
    }

    /// Replaces the row.
    pub(crate) fn save(&self, db: &Db, key: &RowMacKey) -> Result<()> {
        record::update(db, key, &self.to_row()).map(|_| ())
    }

    fn to_row(self) -> StateRow {
        StateRow {
            id: 1,
            commits: self.commits,
            checkpointed: self.checkpointed,
            sequence: self.sequence,
            epoch: self.epoch.bytes(),
            epoch_before: self.epoch_before.bytes(),
            epoch_since: self.epoch_since,
            mark: self.mark.millis(),
            clock_believed: self.clock.believed,
            clock_offset: self.clock.offset,
            clock_changes: self.clock_changes,
            last_expiry: self.last_expiry.millis(),
            audit_sequence: self.audit.sequence,
            audit_hash: self.audit.hash,
            cut_sequence: self.cut.sequence,
            cut_hash: self.cut.hash,
            cut_horizon: self.cut_horizon.millis(),
            size_warned_at: self.size_warned_at.millis(),
        }
    }
}
