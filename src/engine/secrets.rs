//! What the operations on clients' secrets do.

use crate::admin::{
    SecretConfirm, SecretCreate, SecretCreated, SecretDocument, SecretExpiring, SecretExpiringPage,
    SecretImport, SecretLife, SecretList, SecretPage, SecretRevoke, SecretRotate, SecretRotated,
    SecretUpdate,
};
use crate::base::{CredentialId, UnixTime};
use crate::domain::Actor;
use crate::domain::{self, Credential, NewSecret, Rotation, SecretChange};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private, text};
use crate::error::{Error, Result};
use crate::store::CredentialRow;

impl Engine {
    /// A credential as a document, with what is known of its use.
    fn secret_document(&self, credential: &Credential) -> Result<SecretDocument> {
        let id = credential.credential_id.as_str();
        let life = self.store.read(|view| {
            Ok(SecretLife {
                used: view.credential_use(id)?,
                successor: view.successor(credential.client_id.as_str(), id)?,
                peers: view.credential_peers(id)?,
            })
        })?;
        Ok(SecretDocument::new(credential, life))
    }

    fn secret_documents(&self, rows: &[CredentialRow]) -> Result<Vec<SecretDocument>> {
        rows.iter().map(|row| self.secret_document(&Credential::from_row(row)?)).collect()
    }
}

administer!(SecretCreate, |request, engine, actor, now| {
    let new = NewSecret {
        label: request.label,
        not_before: request.not_before.map(UnixTime::from_seconds),
        expires_at: request.expires_at.map(UnixTime::from_seconds),
        replaces: None,
    };
    let client_id = request.client_id;
    let (credential, secret) =
        engine.change(now, move |tx| domain::create_secret(tx, &client_id, new, &actor))?;
    let secret = text(&secret);
    Ok(SecretCreated {
        secret: SecretDocument::new(&credential, SecretLife::default()),
        client_secret: secret,
    })
});

administer!(SecretImport, |request, engine, actor, now| {
    let kind = engine.recognise_imported(request.client_secret.expose())?;
    let new = NewSecret {
        expires_at: request.expires_at.map(UnixTime::from_seconds),
        ..NewSecret::labelled(&request.label)
    };
    let client_id = request.client_id;
    let credential =
        engine.change(now, move |tx| domain::import_secret(tx, &client_id, kind, new, &actor))?;
    engine.secret_document(&credential)
});

administer!(SecretList, |request, engine, _actor, now| {
    engine.flush_notes(now)?;
    let id = request.client_id;
    let rows = engine.store.read(|view| {
        if view.client(&id)?.is_none() {
            return Err(Error::NotFound { what: "client", id: id.clone() });
        }
        view.credentials(&id)
    })?;
    Ok(SecretPage { secrets: engine.secret_documents(&rows)? })
});

administer!(SecretRotate, |request, engine, actor, now| {
    let rotation = Rotation {
        credential_id: request.credential_id,
        overlap: request.overlap.unwrap_or(OVERLAP),
        label: request.label,
        expires_at: request.expires_at.map(UnixTime::from_seconds),
    };
    let client_id = request.client_id;
    let (new, secret, old) =
        engine.change(now, move |tx| domain::rotate_secret(tx, &client_id, rotation, &actor))?;
    let created = SecretCreated {
        secret: SecretDocument::new(&new, SecretLife::default()),
        client_secret: text(&secret),
    };
    Ok(SecretRotated { created, replaced: engine.secret_document(&old)? })
});

administer!(SecretUpdate, |request, engine, actor, now| {
    let change = SecretChange {
        label: request.label,
        expires_at: request.expires_at.map(|end| end.map(UnixTime::from_seconds)),
    };
    let credential = engine.change(now, move |tx| {
        domain::update_secret(tx, &request.client_id, &request.credential_id, change, &actor)
    })?;
    engine.secret_document(&credential)
});

administer!(SecretExpiring, |request, engine, _actor, now| {
    engine.flush_notes(now)?;
    let limit = page_size(request.limit)?;
    let (end, id) = match &request.after {
        None => (0, String::new()),
        Some(place) => read_place(place)
            .ok_or_else(|| Error::document("after", "must be the `next` of a page before"))?,
    };
    let until = request.within.map_or(UnixTime::MAX, |seconds| {
        now.plus_millis(i64::from(seconds) * 1000).min(UnixTime::MAX)
    });
    let rows = engine.store.read(|view| view.credentials_ending(now, until, (end, &id), limit))?;
    let full = u64::try_from(rows.len()).is_ok_and(|length| length == u64::from(limit));
    let next = rows
        .last()
        .filter(|_| full)
        .map(|row| format!("{}.{}", row.expires_at.unwrap_or_default(), row.credential_id));
    Ok(SecretExpiringPage { secrets: engine.secret_documents(&rows)?, next })
});

/// Where a page of expiring secrets ended: the last one's end and id.
fn read_place(place: &str) -> Option<(i64, String)> {
    let (end, id) = place.split_once('.')?;
    Some((end.parse().ok()?, CredentialId::parse(id)?.as_str().to_owned()))
}

administer!(SecretRevoke, |request, engine, actor, now| {
    let credential = engine.secure(now, move |tx| {
        domain::revoke_secret(tx, &request.client_id, &request.credential_id, &actor)
    })?;
    engine.secret_document(&credential)
});

administer!(SecretConfirm, |request, engine, actor, now| {
    let credential = engine.change(now, move |tx| {
        domain::confirm_secret(tx, &request.client_id, &request.credential_id, &actor)
    })?;
    engine.secret_document(&credential)
});

/// 14 days: longer than a leap of the clock that is believed while a process runs, and than a holiday.
const OVERLAP: u32 = 1_209_600;
