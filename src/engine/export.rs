//! The audit outside of the file: heads, exports; and the host's events in it.

use crate::admin::{
    self, AuditAnswer, AuditAppend, AuditAppended, AuditCheck, AuditExport, AuditExportPage,
    AuditHeadDocument, AuditHeadRead, AuditStart,
};
use crate::base::{UnixTime, encode};
use crate::crypto;
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private};
use crate::engine::audit::{AuditKeys, verify_chain};
use crate::engine::room::Purpose;
use crate::error::{Error, Result};
use crate::store::{AuditEntry, AuditFilter, AuditHead, HostEvent, View, verify_head};

administer!(AuditHeadRead, |_request, engine, _actor, now| {
    engine.flush_notes(now)?;
    let missing = || Error::Corrupt { what: "the audit: its last row is not signed".to_owned() };
    engine.store.read(|view| {
        let last = view.signed_from(view.state()?.audit.sequence)?.ok_or_else(missing)?;
        AuditHeadDocument::of(view.identity().site.as_str(), &last).ok_or_else(missing)
    })
});

administer!(AuditCheck, |request, engine, _actor, now| {
    engine.flush_notes(now)?;
    engine.store.read(|view| check_head(view, &request.head))
});

administer!(AuditExport, |request, engine, _actor, now| {
    engine.flush_notes(now)?;
    let limit = page_size(request.limit)?;
    engine.store.read(|view| export(view, &request, limit))
});

administer!(AuditAppend, |request, engine, actor, now| {
    let entry = host_entry(request, &actor)?;
    let outcome = engine.write_for(Purpose::HostEvent, now, move |tx| {
        tx.audit(&entry)?;
        Ok(Ok(tx.audit_sequence()))
    })?;
    let sequence = outcome.map_err(|_| Error::Internal { what: "an event that was denied" })?;
    Ok(AuditAppended { sequence })
});

/// Holds a head that was kept against the chain.
fn check_head(view: &View<'_>, head: &AuditHeadDocument) -> Result<AuditAnswer> {
    let digits = |_| Error::document("head.hash", "must be 64 hexadecimal digits");
    let hash = encode::from_hex(&head.hash).unwrap_or_default();
    let hash: [u8; 32] = hash.try_into().map_err(|bytes: Vec<u8>| digits(bytes))?;
    let signature = encode::from_base64url(head.signature.as_bytes()).unwrap_or_default();
    if head.site != view.identity().site.as_str() {
        return Ok(AuditAnswer::undecidable("the head is of another database"));
    }
    let key = AuditKeys::load(view)?.signing(head.signed_by, head.sequence);
    if !key.is_some_and(|key| verify_head(&key, &hash, &signature)) {
        let why = "the head is not signed by a key that this database has for its row";
        return Ok(AuditAnswer::undecidable(why));
    }
    let verdict = verify_chain(view)?;
    if !verdict.valid {
        let row = verdict.bad_row.unwrap_or_default();
        let why = verdict.why.unwrap_or_default();
        return Ok(AuditAnswer::contradicted(format!("row {row} of the audit: {why}")));
    }
    let (kept, cut) = (AuditHead { sequence: head.sequence, hash }, view.state()?.cut);
    if kept == cut || view.audit_has(&kept)? {
        return Ok(AuditAnswer::verified());
    }
    if kept.sequence < cut.sequence {
        let why = format!("the audit was cut through row {}, behind the head", cut.sequence);
        return Ok(AuditAnswer::undecidable(why));
    }
    // A restore goes on from an older copy: what came after that copy is a branch of its own.
    let filter = AuditFilter {
        event: Some("database.restore".to_owned()),
        limit: 1000,
        ..AuditFilter::default()
    };
    let restores = view.audit(&filter)?;
    match restores.iter().find(|row| row.sequence <= kept.sequence) {
        Some(row) => Ok(AuditAnswer::undecidable(format!(
            "the head is of a branch that the restore of row {} may have left",
            row.sequence
        ))),
        None => Ok(AuditAnswer::contradicted("another row is in the head's place, or none")),
    }
}

/// A page of an export. The stretch begins behind a signed row, if one is left, and ends with one.
fn export(view: &View<'_>, request: &AuditExport, limit: u32) -> Result<AuditExportPage> {
    let state = view.state()?;
    let last = match request.until.map(UnixTime::from_millis) {
        Some(until) => view.last_of_stretch(until)?.unwrap_or(state.cut.sequence),
        None => state.audit.sequence,
    };
    let last = view.signed_from(last)?.map_or(state.audit.sequence, |row| row.sequence);
    let mut text = String::new();
    let after = match request.after {
        Some(after) => after,
        None => {
            let first = match request.from.map(UnixTime::from_millis) {
                Some(from) => view.first_of_stretch(from)?.unwrap_or(state.audit.sequence),
                None => state.cut.sequence + 1,
            };
            let before = view.signed_before(first)?;
            let start = before.map(|row| AuditHead { sequence: row.sequence, hash: row.hash });
            let start = start.unwrap_or(state.cut);
            let keys = AuditKeys::load(view)?.documents()?;
            let site = view.identity().site.as_str();
            text = admin::export_start(site, &AuditStart::of(&start), &keys)?;
            start.sequence
        }
    };
    let filter = AuditFilter { after, limit, ..AuditFilter::default() };
    let rows = view.audit(&filter)?;
    let mut reached = after;
    for row in rows.iter().take_while(|row| row.sequence <= last) {
        text.push_str(&admin::export_row(row, request.selects(row))?);
        reached = row.sequence;
    }
    Ok(AuditExportPage { text, next: (reached < last && !rows.is_empty()).then_some(reached) })
}

/// The row of an event of the host's. Nothing in it may be long or secret.
fn host_entry(request: AuditAppend, actor: &Actor) -> Result<AuditEntry> {
    let word = |text: &str| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    if !word(&request.event) {
        let why = "must have 1 to 64 lower-case letters, digits, dots, hyphens and underscores";
        return Err(Error::document("event", why));
    }
    let outcome = match request.outcome.as_deref() {
        None | Some("done") => "done",
        Some("allowed") => "allowed",
        Some("denied") => "denied",
        Some(_) => return Err(Error::document("outcome", "must be allowed, denied or done")),
    };
    let texts = [
        ("reference", &request.reference),
        ("client_id", &request.client_id),
        ("user_id", &request.user_id),
        ("token_id", &request.token_id),
    ];
    for (member, text) in texts {
        check_kept(member, text.as_deref().unwrap_or_default())?;
    }
    if request.detail.len() > 16 || request.detail.keys().any(|name| !word(name)) {
        let why = "must have at most 16 members, their names 1 to 64 lower-case letters, digits, dots, hyphens and \
                   underscores";
        return Err(Error::document("detail", why));
    }
    for (name, text) in &request.detail {
        check_kept(&format!("detail.{name}"), text)?;
    }
    let host =
        HostEvent { event: request.event, reference: request.reference, detail: request.detail };
    Ok(AuditEntry {
        outcome,
        client: request.client_id,
        user: request.user_id,
        token: request.token_id,
        host: Some(host),
        ..actor.did("host")
    })
}

fn check_kept(member: &str, text: &str) -> Result<()> {
    if text.len() > 255 || text.chars().any(char::is_control) {
        return Err(Error::document(
            member,
            "must have at most 255 bytes and no control characters",
        ));
    }
    if crypto::looks_secret(text.as_bytes()) {
        return Err(Error::document(member, "looks like a secret, which the audit must not hold"));
    }
    Ok(())
}
