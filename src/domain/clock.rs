//! Setting the engine's time.

use crate::base::UnixTime;
use crate::domain::actor::Actor;
use crate::domain::key_rotation;
use crate::error::Result;
use crate::store::Tx;

/// What became of the time.
pub(crate) struct TimeSet {
    pub(crate) before: UnixTime,
    pub(crate) after: UnixTime,
    /// Whether it went back: then a new epoch began.
    pub(crate) lowered: bool,
    /// Secrets that had ended by the time before, and would be alive again: they await confirmation.
    pub(crate) unconfirmed: Vec<String>,
    /// Other sites that were believed in the epoch that is over.
    pub(crate) issuers: Vec<String>,
}

/// Believes the wall clock, which says `wall` now that nobody else writes. Everything that was issued ends if
/// time goes back by it: an expired token must not be good again. For a wall clock that is a little behind, time
/// waits instead.
pub(crate) fn accept_clock(tx: &mut Tx<'_>, wall: UnixTime, actor: &Actor) -> Result<TimeSet> {
    let before = tx.mark();
    let lowered = wall.since(before) < -STANDSTILL_MILLIS;
    let after = if lowered { wall } else { wall.max(before) };
    let issuers = if lowered { believed_issuers(tx)? } else { Vec::new() };
    tx.set_time(after)?;
    let mut unconfirmed = Vec::new();
    if lowered {
        key_rotation::retire_all(tx, actor)?;
        unconfirmed = follow_back(tx, before, after)?;
    }
    let mut entry = actor.did("clock.accept");
    entry.detail.insert("before", before.to_string());
    entry.detail.insert("after", after.to_string());
    if lowered {
        entry.detail.insert("secrets_to_confirm", unconfirmed.len().to_string());
        entry.detail.insert("issuers_to_enable", issuers.len().to_string());
    }
    tx.audit(&entry)?;
    Ok(TimeSet { before, after, lowered, unconfirmed, issuers })
}

fn believed_issuers(tx: &Tx<'_>) -> Result<Vec<String>> {
    let epoch = tx.epoch().bytes();
    let issuers = tx.view().issuers()?.into_iter();
    Ok(issuers.filter(|row| row.enabled && row.epoch == epoch).map(|row| row.issuer).collect())
}

/// Secrets that ended between the two times must not live again unasked, and those that had begun go on.
fn follow_back(tx: &mut Tx<'_>, before: UnixTime, now: UnixTime) -> Result<Vec<String>> {
    let passed = |time: &i64| (now.millis() + 1..=before.millis()).contains(time);
    let mut unconfirmed = Vec::new();
    for mut row in tx.view().every_credential()? {
        let ended = row.expires_at.as_ref().is_some_and(passed) && row.revoked_at.is_none();
        let begun = row.not_before.as_ref().is_some_and(passed);
        if !ended && !begun {
            continue;
        }
        if begun {
            row.not_before = None;
        }
        if ended {
            row.confirmed = false;
            unconfirmed.push(row.credential_id.clone());
        }
        row.version += 1;
        tx.update(&row)?;
        tx.change("credential", &row.client_id)?;
    }
    Ok(unconfirmed)
}

/// One minute: how far behind the wall clock may be for time to wait for it. One that is far behind, as
/// after an empty CMOS battery, would make it stand still for years.
pub(crate) const STANDSTILL_MILLIS: i64 = 60_000;
