//! `database.status`, `database.prune`: what the database takes of the disk, what opens it, and giving some room back.

use crate::admin::document::operation;
use crate::store::{FileSize, Leftovers};
use serde::{Deserialize, Serialize};

/// `database.status`: what the database takes of the disk, whether that stops anything, and what opens it. Changes
/// nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatabaseStatus {}
operation!(DatabaseStatus = "database.status" -> DatabaseStatusDocument);

/// What the database takes of the disk, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DatabaseStatusDocument {
    /// What counts against `max_file_size`: `used_bytes` and `wal_bytes`.
    pub bytes: u64,
    /// Bytes of pages that hold something.
    pub used_bytes: u64,
    /// Bytes of pages that wait to be used again or given back.
    pub free_bytes: u64,
    /// Bytes of the WAL.
    pub wal_bytes: u64,
    /// As in the settings; `null`: no limit.
    pub max_file_size: Option<u64>,
    /// `ok`, `near` (from nine tenths of `max_file_size` on) or `full`: nothing is issued.
    pub size: &'static str,
    /// Whether the reserve file is there. If it is not, the disk is full and nothing is issued; or something else
    /// keeps it
    /// from being made, and on a full disk nothing could be ended.
    pub reserve: bool,
    /// Who keeps the master key: `file`, `host` or `dpapi`.
    pub key_source: &'static str,
    /// Whether there is a recovery code. Without one, a lost master key loses the database.
    pub recovery_code: bool,
}

impl DatabaseStatusDocument {
    pub(crate) fn new(
        size: FileSize,
        max_file_size: Option<u64>,
        reserve: bool,
        (key_source, recovery_code): (&'static str, bool),
    ) -> Self {
        let bytes = size.counted();
        let word = match max_file_size {
            Some(limit) if bytes >= limit => "full",
            Some(limit) if size.is_near(limit) => "near",
            Some(_) | None => "ok",
        };
        Self {
            bytes,
            used_bytes: size.used,
            free_bytes: size.free,
            wal_bytes: size.wal,
            max_file_size,
            size: word,
            reserve,
            key_source,
            recovery_code,
        }
    }
}

/// `database.prune`: clears away what is over: tokens, grants and secrets that ended long enough ago, rows of the
/// audit that are
/// older than `audit_retention`, and free pages. Nothing has to call it: every write clears a few. One call is one
/// write
/// of some tenths of a second; again, as long as there is `more`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatabasePrune {}
operation!(DatabasePrune = "database.prune" -> DatabasePruned);

/// What was cleared away. Other programs' writes in that moment count, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DatabasePruned {
    /// Tokens, grants, secrets and requests that were over.
    pub rows: u64,
    /// Rows cut from the audit's beginning. A day's worth at most as long as a program runs for less than one, so
    /// that a wrong
    /// clock cuts no more.
    pub audit_rows: u64,
    /// Bytes of the file that were given back. Four megabytes of free pages are kept to be used again.
    pub bytes: u64,
    /// Rows that are over and stay, because the clock leapt forward and is not believed.
    pub kept: u64,
    /// Whether another call finds more.
    pub more: bool,
}

impl DatabasePruned {
    pub(crate) const fn new(before: Leftovers, after: Leftovers) -> Self {
        let audit_rows = after.cut.saturating_sub(before.cut);
        Self {
            rows: before.rows.saturating_sub(after.rows),
            audit_rows,
            bytes: before.bytes.saturating_sub(after.bytes),
            kept: if after.may_go { 0 } else { after.over },
            more: (after.may_go && after.over > 0) || audit_rows > 0 || after.spare_pages,
        }
    }
}
