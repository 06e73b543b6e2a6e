//! Cutting what is older than the retention from the audit's beginning, so that the chain still verifies.

use crate::base::{UnixTime, encode};
use crate::crypto::Cell;
use crate::error::{Error, Result};
use crate::store::audit::{AuditEntry, AuditHead, AuditRow, Cut, stored};
use crate::store::db::Db;
use crate::store::record::Named;
use crate::store::tables;
use crate::store::transaction::Tx;
use std::collections::BTreeMap;

impl Tx<'_> {
    /// Cuts a few of the audit's oldest rows if they are older than `retention` milliseconds. What may be
    /// cut moves on with time but no further than `cap`, which only time that a process lived through moves:
    /// a clock that leaps must not cut six years in seconds.
    ///
    /// Nothing is cut while the clock is not believed, or after the mark was lowered below what was cut by.
    pub(crate) fn cut_audit(&mut self, retention: i64, cap: UnixTime) -> Result<()> {
        let ledger = &mut self.ledger;
        if !ledger.dirty || ledger.cut || !ledger.state.clock.believed {
            return Ok(());
        }
        ledger.cut = true;
        let mark = ledger.state.mark;
        let latest = mark.plus_millis(-retention);
        if latest < ledger.state.cut_horizon {
            return Ok(());
        }
        let horizon = latest.min(cap).max(ledger.state.cut_horizon);
        ledger.state.cut_horizon = horizon;
        match last_to_cut(self.db(), horizon, mark)? {
            Some(last) => self.cut_through(&last),
            None => Ok(()),
        }
    }

    /// Cuts the rows up to this signed one.
    fn cut_through(&mut self, last: &AuditRow) -> Result<()> {
        let (signed_by, signature) = last
            .head
            .as_ref()
            .ok_or(Error::Internal { what: "a cut behind a row that is not signed" })?;
        let cut = Cut {
            through: last.sequence,
            hash: encode::hex(&last.hash),
            signed_by: *signed_by,
            signature: encode::base64url(signature),
        };
        for named in still_true(self.db(), last.sequence)? {
            self.name(named);
        }
        self.execute("DELETE FROM audit WHERE sequence <= ?", &[Cell::unsigned(last.sequence)])?;
        self.ledger.state.cut = AuditHead { sequence: last.sequence, hash: last.hash };
        let entry = AuditEntry { event: "audit.cut", outcome: "done", ..AuditEntry::default() };
        self.audit_with(&entry, Some(cut))
    }
}

/// The last of the oldest rows that may be cut: a signed one, so that whoever kept it as a head can go on.
///
/// Rows later than the mark were written by a clock that was wrong: they are as old as those around them.
/// What has no time stays, and what is behind it.
fn last_to_cut(db: &Db, horizon: UnixTime, mark: UnixTime) -> Result<Option<AuditRow>> {
    let oldest = |limit: i64| {
        let sql = "SELECT sequence, CASE typeof(time) WHEN 'integer' THEN time END FROM audit
                   ORDER BY sequence LIMIT ?";
        db.all(sql, &[Cell::Integer(limit)], |row| Ok((row.unsigned(0)?, row.optional_integer(1)?)))
    };
    let young = |time: Option<i64>, horizon: UnixTime| {
        time.is_none_or(|time| (horizon.millis()..=mark.millis()).contains(&time))
    };
    // A day at a time: most transactions look at one row.
    let due = oldest(1)?.first().is_some_and(|(_, time)| !young(*time, horizon.plus_millis(-DAY)));
    if !due {
        return Ok(None);
    }
    let rows = oldest(ROWS_PER_CUT)?;
    let kept = rows.iter().find(|(_, time)| young(*time, horizon)).map(|(sequence, _)| *sequence);
    let limit = match (kept, rows.last()) {
        (Some(kept), _) => kept - 1,
        (None, Some((last, _))) => *last,
        (None, None) => return Ok(None),
    };
    let select =
        "SELECT sequence, row, hash, signed_by, signature FROM audit WHERE signature IS NOT NULL";
    let cells = [Cell::unsigned(limit)];
    let before = format!("{select} AND sequence <= ? ORDER BY sequence DESC LIMIT 1");
    let signed = db.first(&before, &cells, stored)?;
    if signed.is_some() || kept.is_some() {
        return Ok(signed);
    }
    // One transaction wrote more rows than that: its end is as old as they are.
    let behind = format!("{select} AND sequence > ? ORDER BY sequence LIMIT 1");
    db.first(&behind, &cells, stored)
}

/// What the rows up to `through` say of rows that are still as they say: it must be said again.
fn still_true(db: &Db, through: u64) -> Result<Vec<Named>> {
    let sql = "SELECT sequence, row FROM audit WHERE sequence <= ? ORDER BY sequence";
    let rows = db.all(sql, &[Cell::unsigned(through)], |row| {
        Ok((row.unsigned(0)?, row.text(1)?.to_owned()))
    })?;
    let mut latest = BTreeMap::new();
    for (sequence, row) in rows {
        for mut named in Named::of_row(&row).1 {
            named.at.get_or_insert(sequence);
            latest.insert((named.table.clone(), named.id.clone()), named);
        }
    }
    let mut kept = Vec::new();
    for named in latest.into_values() {
        if named.mac.is_some() && tables::stored_mac(db, &named)? == named.mac {
            kept.push(named);
        }
    }
    Ok(kept)
}

/// At most so many in one transaction, but for a transaction that itself wrote more.
const ROWS_PER_CUT: i64 = 1000;

const DAY: i64 = 86_400_000;
