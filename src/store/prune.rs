//! What each writing transaction clears away, so that the file stays bounded without a job to schedule.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::db::Db;
use crate::store::transaction::{Ledger, MARK_LEAP_MILLIS};

/// Deletes a few rows whose time is over, and change rows beyond the log's length.
///
/// `members` closures share the transaction; each adds a row or two, so clearing more than twice as
/// many keeps up with any load.
pub(super) fn expired(db: &Db, ledger: &Ledger, members: usize) -> Result<()> {
    let state = &ledger.state;
    let oldest_kept = state.sequence.saturating_sub(CHANGES_KEPT);
    db.execute("DELETE FROM change WHERE sequence <= ?", &[Cell::unsigned(oldest_kept)])?;
    // A wall clock ahead of time that is not believed may be right: until somebody knows, nothing is over.
    let doubted_ahead = !state.clock.believed && state.clock.offset <= 0;
    if doubted_ahead {
        return Ok(());
    }
    // After a leap of the mark, others must hear of the new time before what it ended is forgotten.
    let over = ledger.known.min(state.mark).plus_millis(-MARK_LEAP_MILLIS);
    let limit = i64::try_from(members).unwrap_or(i64::MAX).saturating_mul(2).saturating_add(8);
    let cells = [Cell::Integer(over.millis()), Cell::Integer(limit)];
    db.execute(
        "DELETE FROM opaque_token WHERE digest IN
             (SELECT digest FROM opaque_token WHERE expires_at < ? LIMIT ?)",
        &cells,
    )?;
    db.execute(
        "DELETE FROM revoked_token WHERE token_id IN
             (SELECT token_id FROM revoked_token WHERE expires_at < ? LIMIT ?)",
        &cells,
    )?;
    // Their codes and refresh tokens go with them.
    db.execute(
        "DELETE FROM user_grant WHERE grant_id IN
             (SELECT grant_id FROM user_grant WHERE ends_at < ? LIMIT ?)",
        &cells,
    )?;
    credentials(db, over, limit)?;
    db.execute(
        "DELETE FROM decided_request WHERE request_id IN
             (SELECT request_id FROM decided_request WHERE expires_at < ? LIMIT ?)",
        &cells,
    )?;
    Ok(())
}

/// Deletes secrets that ended so long ago that no access token of theirs can live, unless a user's grant whose code
/// they redeemed does: what was obtained stands only as long as its secret's row.
fn credentials(db: &Db, over: UnixTime, limit: i64) -> Result<()> {
    let over = over.plus_millis(-LONGEST_TOKEN_MILLIS).millis();
    db.execute(
        "DELETE FROM credential WHERE credential_id IN
             (SELECT credential_id FROM credential WHERE (expires_at < ?1 OR revoked_at < ?1)
                  AND NOT EXISTS (SELECT 1 FROM user_grant
                                  WHERE user_grant.credential_id = credential.credential_id
                                      AND user_grant.credential_id <> '')
              LIMIT ?2)",
        &[Cell::Integer(over), Cell::Integer(limit)],
    )?;
    Ok(())
}

/// The longest access token lives 30 days, whatever is configured (`domain/settings.rs`).
const LONGEST_TOKEN_MILLIS: i64 = 30 * 86_400_000;

/// Gives a few free pages back to the system where there are many: what is deleted in one day is written anew
/// in the next.
pub(super) fn give_back(db: &Db) -> Result<()> {
    let free = db.one("PRAGMA freelist_count", &[], |row| row.integer(0))?;
    if free > FREE_PAGES_KEPT {
        db.all("PRAGMA incremental_vacuum(16)", &[], |_| Ok(()))?;
    }
    Ok(())
}

/// Four megabytes.
const FREE_PAGES_KEPT: i64 = 1024;

/// How many security changes a snapshot may be behind before it reloads everything.
const CHANGES_KEPT: u64 = 4096;
