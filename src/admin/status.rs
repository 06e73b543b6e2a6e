//! `database.status`: what the database takes of the disk.

use crate::admin::document::operation;
use crate::store::FileSize;
use serde::{Deserialize, Serialize};

/// `database.status`: what the database takes of the disk, and whether that stops anything. Changes nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatabaseStatus {}
operation!(DatabaseStatus = "database.status" -> DatabaseStatusDocument);

/// What the database takes of the disk.
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
    /// Whether the reserve file is there. If it is not, the disk is full and nothing is issued; or something else keeps it
    /// from being made, and on a full disk nothing could be ended.
    pub reserve: bool,
}

impl DatabaseStatusDocument {
    pub(crate) fn new(size: FileSize, max_file_size: Option<u64>, reserve: bool) -> Self {
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
        }
    }
}
