//! What each writing transaction clears away, so that the file stays bounded without a job to schedule.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::db::Db;
use crate::store::state::State;
use crate::store::transaction::{Ledger, MARK_LEAP_MILLIS, Tx};
use crate::store::view::View;

/// How much one transaction clears away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Rows of each table.
    rows: i64,
    /// Pages given back.
    pages: i64,
}

impl Share {
    /// Of a transaction of so many members: each adds a row or two, so clearing more than twice as many keeps up
    /// with any load.
    pub(super) fn of(members: usize) -> Self {
        let members = i64::try_from(members).unwrap_or(i64::MAX);
        Self { rows: members.saturating_mul(2).saturating_add(8), pages: 16 }
    }

    /// Of a transaction that somebody asked to clear away. Others wait for it some tenths of a second.
    const THOROUGH: Self = Self { rows: 2000, pages: 1024 };
}

/// What is there to be cleared away, at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leftovers {
    /// Rows that go when their time is over.
    pub(crate) rows: u64,
    /// Of these, how many are over.
    pub(crate) over: u64,
    /// Whether they may go: no clock that leapt forward is doubted.
    pub(crate) may_go: bool,
    /// The last row of the audit that was cut.
    pub(crate) cut: u64,
    /// The file's size in bytes.
    pub(crate) bytes: u64,
    /// Whether pages are given back.
    pub(crate) spare_pages: bool,
}

impl View<'_> {
    /// What is there to be cleared away.
    pub(crate) fn leftovers(&self) -> Result<Leftovers> {
        let (state, size) = (self.state()?, self.file_size()?);
        let (mut rows, mut over) = (0, 0);
        for ends in &ENDS {
            let count = |condition: &str, cells: &[Cell<'_>]| {
                let sql = format!("SELECT count(*) FROM {} WHERE {condition}", ends.table);
                self.db.one(&sql, cells, |row| row.unsigned(0))
            };
            rows += count("TRUE", &[])?;
            over += count(ends.condition, &[Cell::Integer(ends.over(state.mark).millis())])?;
        }
        Ok(Leftovers {
            rows,
            over,
            may_go: may_go(&state),
            cut: state.cut.sequence,
            bytes: size.used.saturating_add(size.free),
            spare_pages: free_pages(self.db)? > FREE_PAGES_KEPT,
        })
    }
}

impl Tx<'_> {
    /// Has this transaction clear away as much as one may.
    pub(crate) const fn clear_thoroughly(&mut self) {
        self.ledger.share = Some(Share::THOROUGH);
    }
}

/// Deletes a few rows whose time is over, and change rows beyond the log's length.
pub(super) fn expired(db: &Db, ledger: &Ledger, share: Share) -> Result<()> {
    let state = &ledger.state;
    let oldest_kept = state.sequence.saturating_sub(CHANGES_KEPT);
    db.execute("DELETE FROM change WHERE sequence <= ?", &[Cell::unsigned(oldest_kept)])?;
    if !may_go(state) {
        return Ok(());
    }
    // After a leap of the mark, others must hear of the new time before what it ended is forgotten.
    let known = ledger.known.min(state.mark);
    for ends in &ENDS {
        let Ends { table, key, condition, .. } = ends;
        let cells = [Cell::Integer(ends.over(known).millis()), Cell::Integer(share.rows)];
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {condition} LIMIT ?2)"
        );
        db.execute(&sql, &cells)?;
    }
    Ok(())
}

/// A wall clock ahead of time that is not believed may be right: until somebody knows, nothing is over.
const fn may_go(state: &State) -> bool {
    state.clock.believed || state.clock.offset > 0
}

/// Rows that go when their time is over.
struct Ends {
    table: &'static str,
    key: &'static str,
    /// Of those whose time was over at `?1`.
    condition: &'static str,
    /// How long they stay beyond the margin of all.
    margin: i64,
}

impl Ends {
    const fn over(&self, known: UnixTime) -> UnixTime {
        known.plus_millis(-MARK_LEAP_MILLIS).plus_millis(-self.margin)
    }
}

const ENDS: [Ends; 5] = [
    Ends { table: "opaque_token", key: "digest", condition: "expires_at < ?1", margin: 0 },
    Ends { table: "revoked_token", key: "token_id", condition: "expires_at < ?1", margin: 0 },
    // Their codes and refresh tokens go with them.
    Ends { table: "user_grant", key: "grant_id", condition: "ends_at < ?1", margin: 0 },
    // Secrets that ended so long ago that no access token of theirs can live, unless a user's grant whose code they
    // redeemed does: what was obtained stands only as long as its secret's row.
    Ends {
        table: "credential",
        key: "credential_id",
        condition: "(expires_at < ?1 OR revoked_at < ?1)
             AND NOT EXISTS (SELECT 1 FROM user_grant
                             WHERE user_grant.credential_id = credential.credential_id
                                 AND user_grant.credential_id <> '')",
        margin: LONGEST_TOKEN_MILLIS,
    },
    Ends { table: "decided_request", key: "request_id", condition: "expires_at < ?1", margin: 0 },
];

/// The longest access token lives 30 days, whatever is configured (`domain/settings.rs`).
const LONGEST_TOKEN_MILLIS: i64 = 30 * 86_400_000;

/// Gives a few free pages back to the system where there are many: what is deleted in one day is written anew
/// in the next.
pub(super) fn give_back(db: &Db, share: Share) -> Result<()> {
    let spare = free_pages(db)? - FREE_PAGES_KEPT;
    if spare > 0 {
        let pages = spare.min(share.pages);
        db.all(&format!("PRAGMA incremental_vacuum({pages})"), &[], |_| Ok(()))?;
    }
    Ok(())
}

fn free_pages(db: &Db) -> Result<i64> {
    db.one("PRAGMA freelist_count", &[], |row| row.integer(0))
}

/// Four megabytes.
const FREE_PAGES_KEPT: i64 = 1024;

/// How many security changes a snapshot may be behind before it reloads everything.
const CHANGES_KEPT: u64 = 4096;
