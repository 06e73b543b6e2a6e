//! Changing what opens the database: its master key, its recovery code.

use crate::admin::{KeyRecovery, KeyRekey, KeyRekeyed, RecoveryCodeDocument};
use crate::base::{Secret, UnixTime, encode};
use crate::crypto::RecoveryCode;
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::error::{Error, Result};
use crate::store::{KeySource, MasterKey};

administer!(KeyRekey, |request, engine, actor, now| {
    let source = match &request.source {
        Some(source) => source.as_str(),
        None => engine.store.read(|view| view.master_key())?.source,
    };
    let source = key_source(source, &request)?;
    let audit = move |before: &MasterKey, after: &MasterKey| {
        let mut entry = actor.did("key.rekey");
        entry.detail.insert("key_source", after.source.to_owned());
        entry.detail.insert("key_id", after.id.clone());
        entry.detail.insert("former_key_source", before.source.to_owned());
        entry.detail.insert("former_key_id", before.id.clone());
        entry
    };
    let rekeyed = engine.store.rekey(engine.time.moment(now)?, &source, audit)?;
    Ok(KeyRekeyed {
        source: rekeyed.after.source.to_owned(),
        key_id: rekeyed.after.id,
        former_source: rekeyed.before.source.to_owned(),
        former_key_id: rekeyed.before.id,
        former_key_needed: rekeyed.former_needed,
        recovery_code: engine.store.read(|view| view.has_recovery_code())?,
    })
});

administer!(KeyRecovery, |_request, engine, actor, now| {
    let code = RecoveryCode::mint(engine.store.identity().entropy.as_ref())?;
    let recovery_code = code.print().to_string();
    engine.change(now, move |tx| {
        tx.set_recovery_code(&code)?;
        tx.audit(&actor.did("key.recovery"))
    })?;
    // Best effort: until the WAL is emptied, what the former code opens stays in it.
    let _ = engine.store.forget_replaced();
    Ok(RecoveryCodeDocument { recovery_code })
});

/// Where the new key comes from.
fn key_source(name: &str, request: &KeyRekey) -> Result<KeySource> {
    let source = match (name, &request.key) {
        ("host", Some(key)) => {
            let key = encode::from_base64url(key.expose().as_bytes()).map(Secret::new);
            let key = key.filter(|key| key.expose().len() == 32);
            let why = "must be 32 bytes in base64url";
            KeySource::Given(vec![key.ok_or_else(|| Error::document("key", why))?])
        }
        ("host", None) => {
            return Err(Error::document("key", "is missing: the host makes and keeps its key"));
        }
        ("file" | "dpapi", Some(_)) => {
            return Err(Error::document("key", "belongs to the source `host` alone"));
        }
        ("file", None) => KeySource::File,
        ("dpapi", None) => KeySource::Dpapi,
        _ => return Err(Error::document("source", "must be one of: file, host, dpapi")),
    };
    Ok(source)
}
