//! `database.status`: what the database takes of the disk, and what opens it.

use crate::admin::document::operation;
use crate::store::FileSize;
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
    /// Whether the reserve file is there. If it is not, the disk is full: nothing is issued.
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
