//! How much of the disk the database takes, and the limit that an administrator has set.

use crate::error::{Error, Result};
use crate::store::audit::AuditEntry;
use crate::store::db::Db;
use crate::store::transaction::Tx;
use crate::store::view::View;

/// What the database takes of the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileSize {
    /// The pages that hold something.
    pub(crate) used: u64,
    /// The pages that wait to be used again or given back.
    pub(crate) free: u64,
    /// The WAL beside it.
    pub(crate) wal: u64,
}

impl FileSize {
    fn of(db: &Db) -> Result<Self> {
        let number = |sql| db.one(sql, &[], |row| row.unsigned(0));
        let page = number("PRAGMA page_size")?;
        let free = number("PRAGMA freelist_count")?;
        let used = number("PRAGMA page_count")?.saturating_sub(free);
        // A name that is no Unicode has a WAL that is not counted.
        let wal = std::fs::metadata(db.wal_path()).map_or(0, |metadata| metadata.len());
        Ok(Self { used: used.saturating_mul(page), free: free.saturating_mul(page), wal })
    }

    /// What counts against the limit. Free pages do not: they are used before the file grows.
    pub(crate) const fn counted(self) -> u64 {
        self.used.saturating_add(self.wal)
    }

    /// Whether somebody should look after it.
    pub(crate) const fn is_near(self, limit: u64) -> bool {
        self.counted() >= limit / 10 * 9
    }
}

impl View<'_> {
    /// What the database takes of the disk.
    pub(crate) fn file_size(&self) -> Result<FileSize> {
        FileSize::of(self.db)
    }
}

impl Tx<'_> {
    /// Demands that the file is below its limit.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub(crate) fn check_size(&mut self, limit: Option<u64>) -> Result<()> {
        match limit {
            Some(limit) if self.size()?.counted() >= limit => Err(Error::Full),
            Some(_) | None => Ok(()),
        }
    }

    /// Says once a day that the file is near its limit or beyond, in a transaction that writes anyway.
    pub(crate) fn warn_of_size(&mut self, limit: Option<u64>) -> Result<()> {
        let Some(limit) = limit.filter(|_| self.ledger.dirty) else {
            return Ok(());
        };
        let now = self.now();
        if now.since(self.ledger.state.size_warned_at) < DAY_MILLIS {
            return Ok(());
        }
        let size = self.size()?;
        if !size.is_near(limit) {
            return Ok(());
        }
        self.ledger.state.size_warned_at = now;
        let mut entry =
            AuditEntry { event: "file.size_warning", outcome: "done", ..AuditEntry::default() };
        entry.detail.insert("bytes", size.counted().to_string());
        entry.detail.insert("max_file_size", limit.to_string());
        entry.detail.insert("stopped", (size.counted() >= limit).to_string());
        self.audit(&entry)
    }

    /// As it was when it was first asked for in this transaction.
    fn size(&mut self) -> Result<FileSize> {
        if let Some(size) = self.size {
            return Ok(size);
        }
        let size = FileSize::of(self.db())?;
        self.size = Some(size);
        Ok(size)
    }
}

const DAY_MILLIS: i64 = 86_400_000;
