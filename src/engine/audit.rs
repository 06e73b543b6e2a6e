//! Reading, explaining and verifying the audit.

use crate::admin::{self, AuditExplain, AuditRead, AuditVerdict, AuditVerify};
use crate::base::{RequestId, UnixTime};
use crate::crypto::{Jwk, PublicKey};
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private};
use crate::error::{Error, Result};
use crate::store::{AuditFilter, View};

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
        .read(|view| Ok((view.audit(&filter)?, audit_keys(view)?, view.audit_start().hash)))?;
    admin::page(&rows, limit, &keys, &start)
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
    /// Writes what was gathered, so that a question about the past is answered from all of it.
    pub(super) fn flush_notes(&self, _now: UnixTime) -> Result<()> {
        self.flush()
    }
}

/// Follows the chain from its start, a thousand rows at a time.
fn verify_chain(view: &View<'_>) -> Result<AuditVerdict> {
    let keys: Result<Vec<_>> = audit_keys(view)?
        .into_iter()
        .map(|(id, jwk)| PublicKey::from_jwk(&jwk).map(|key| (id, key)))
        .collect();
    let keys = keys?;
    let key = |id: i64| keys.iter().find(|(known, _)| *known == id).map(|(_, key)| key.clone());
    let mut head = view.audit_start();
    let mut signed = true;
    loop {
        let filter = AuditFilter { after: head.sequence, limit: 1000, ..AuditFilter::default() };
        let rows = view.audit(&filter)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if let Err(why) = head.follow(row, key) {
                return Ok(AuditVerdict::broken(head.sequence, &head.hash, row.sequence, why));
            }
            signed = row.head.is_some();
        }
    }
    if signed {
        Ok(AuditVerdict::whole(head.sequence, &head.hash))
    } else {
        let why = "it is the last row and not signed: rows behind it are missing";
        Ok(AuditVerdict::broken(head.sequence - 1, &head.hash, head.sequence, why))
    }
}

/// The audit's public keys by number.
fn audit_keys(view: &View<'_>) -> Result<Vec<(i64, Jwk)>> {
    let rows = view.audit_keys()?;
    rows.iter()
        .map(|row| {
            let corrupt = || Error::Corrupt { what: format!("the audit key {}", row.id) };
            Ok((row.id, Jwk::parse(&row.public_jwk).ok_or_else(corrupt)?))
        })
        .collect()
}
