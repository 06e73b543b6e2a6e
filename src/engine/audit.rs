//! Reading, explaining and verifying the audit.

use crate::admin::{self, AuditExplain, AuditKeyDocument, AuditRead, AuditVerdict, AuditVerify};
use crate::base::{RequestId, UnixTime};
use crate::crypto::{Jwk, PublicKey};
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private};
use crate::error::{Error, Result};
use crate::store::{AuditFilter, AuditHead, AuditKeyRow, AuditRow, View};

administer!(AuditRead, |request, engine, _actor, now| {
    engine.flush_notes(now)?;
    let limit = page_size(request.limit)?;
    let filter = AuditFilter {
        client: request.client_id,
        user: request.user_id,
        credential: request.credential_id,
        outcome: request.outcome,
        event: request.event,
        from: request.from.map(UnixTime::from_millis),
        until: request.until.map(UnixTime::from_millis),
        after: request.after.unwrap_or(0),
        limit,
    };
    let (rows, keys, start) = engine
        .store
        .read(|view| Ok((view.audit(&filter)?, AuditKeys::load(view)?, view.state()?.cut)))?;
    Ok(admin::page(&rows, limit, &keys.documents()?, &start))
});

administer!(AuditExplain, |request, engine, _actor, now| {
    let id = RequestId::parse(&request.request_id)
        .ok_or_else(|| Error::document("request_id", "must be 32 lower-case hexadecimal digits"))?;
    engine.flush_notes(now)?;
    let row = engine.store.read(|view| view.audit_of_request(id.as_str()))?;
    Ok(admin::explanation(id.as_str(), row.as_ref()))
});

administer!(AuditVerify, |_request, engine, _actor, now| {
    engine.flush_notes(now)?;
    // One view for the whole chain: rows that are appended meanwhile are the next verification's.
    engine.store.read(verify_chain)
});

impl Engine {
    /// Writes what was gathered, so that a question about the past is answered from all of it. On a full disk it
    /// is answered from what is there.
    pub(super) fn flush_notes(&self, _now: UnixTime) -> Result<()> {
        match self.flush() {
            Err(Error::Full) => Ok(()),
            flushed => flushed,
        }
    }
}

/// Whether the chain is whole.
pub(super) fn verify_chain(view: &View<'_>) -> Result<AuditVerdict> {
    let verdict = follow_chain(view, &AuditKeys::load(view)?, &mut |_| true)?;
    verdict.ok_or(Error::Internal { what: "a verification that ended by itself" })
}

/// Follows the chain from its start, a thousand rows at a time, as long as `each` says to go on.
pub(super) fn follow_chain(
    view: &View<'_>,
    keys: &AuditKeys,
    each: &mut dyn FnMut(&AuditRow) -> bool,
) -> Result<Option<AuditVerdict>> {
    let state = view.state()?;
    let mut head = state.cut;
    let first = head.sequence + 1;
    let broken = |head: &AuditHead, row, why| Ok(Some(AuditVerdict::broken(first, head, row, why)));
    let mut signed = true;
    let mut cut = None;
    loop {
        let filter = AuditFilter { after: head.sequence, limit: 1000, ..AuditFilter::default() };
        let rows = view.audit(&filter)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if let Err(why) = head.follow(row, |id, sequence| keys.signing(id, sequence)) {
                return broken(&head, row.sequence, why);
            }
            signed = row.head.is_some();
            cut = row.cut().or(cut);
            if !each(row) {
                return Ok(None);
            }
        }
    }
    if first > 1 && cut != Some(state.cut) {
        return broken(&state.cut, first, "no row says that those before it were cut");
    }
    if !signed {
        let why = "it is the last row and not signed: rows behind it are missing";
        return broken(&head, head.sequence, why);
    }
    if head != state.audit {
        return broken(&head, head.sequence + 1, "rows at the end are missing");
    }
    Ok(Some(AuditVerdict::whole(first, &head)))
}

/// The keys that signed the audit's heads.
pub(super) struct AuditKeys(Vec<(AuditKeyRow, PublicKey)>);

impl AuditKeys {
    pub(super) fn load(view: &View<'_>) -> Result<Self> {
        let keys = view.audit_keys()?.into_iter().map(|row| {
            let corrupt = || Error::Corrupt { what: format!("the audit key {}", row.id) };
            let jwk = Jwk::parse(&row.public_jwk).ok_or_else(corrupt)?;
            PublicKey::from_jwk(&jwk).map(|key| (row, key))
        });
        keys.collect::<Result<_>>().map(Self)
    }

    /// The key of this number, if it may sign the row of this sequence: from its own first row on, until
    /// the first one of its successor.
    pub(super) fn signing(&self, id: i64, sequence: u64) -> Option<PublicKey> {
        let of_sequence = self.0.iter().rev().find(|(row, _)| row.first_sequence <= sequence);
        of_sequence.filter(|(row, _)| row.id == id).map(|(_, key)| key.clone())
    }

    /// The keys as documents.
    pub(super) fn documents(&self) -> Result<Vec<AuditKeyDocument>> {
        self.0.iter().map(|(row, _)| AuditKeyDocument::of(row)).collect()
    }
}
