//! Finding out whose a leaked secret or token is.

use crate::admin::{LeakDocument, LeakFind};
use crate::base::UnixTime;
use crate::crypto::{self, MAX_CLAIMS, password};
use crate::domain::{Actor, Credential, CredentialKind, Family, TokenFacts};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};

administer!(LeakFind, |request, engine, _actor, _now| {
    let text = request.text.expose().as_bytes();
    let (frame, now) = engine.current()?;
    let found = if crypto::is_refresh_token(text) {
        engine.refresh_token_found(text, &frame, now)?
    } else if crypto::looks_generated(text) {
        engine.generated_found(text, now)?
    } else {
        match engine.token_found(text, &frame, now)? {
            Some(found) => Some(found),
            None => engine.imported_found(text, now)?,
        }
    };
    found.ok_or_else(|| Error::NotFound { what: "secret or token", id: "(not shown)".to_owned() })
});

impl Engine {
    fn refresh_token_found(
        &self,
        text: &[u8],
        frame: &Frame,
        now: UnixTime,
    ) -> Result<Option<LeakDocument>> {
        let Some(Family { grant, .. }) = self.store.read(|view| Family::find(view, text))? else {
            return Ok(None);
        };
        let found = LeakDocument {
            kind: "refresh_token",
            client_id: grant.client_id.clone(),
            grant_id: Some(grant.grant_id.as_str().to_owned()),
            user_id: Some(grant.subject.clone()),
            scope: Some(grant.scope.as_str().to_owned()),
            created_at: Some(grant.created_at.seconds()),
            expires_at: Some(grant.expires_at.seconds()),
            ..LeakDocument::default()
        };
        Ok(Some(judged(found, self.check_active(&grant, frame, now)?)))
    }

    fn generated_found(&self, text: &[u8], now: UnixTime) -> Result<Option<LeakDocument>> {
        let digest = self.store.identity().keys.digest.client_secret(text);
        let row = self.store.read(|view| view.credential_by_digest(&digest))?;
        let Some(row) = row else {
            return Ok(None);
        };
        self.secret_found(&Credential::from_row(&row)?, now).map(Some)
    }

    /// Tries every imported secret: each is an Argon2id hash with a salt of its own, some 15 ms.
    fn imported_found(&self, text: &[u8], now: UnixTime) -> Result<Option<LeakDocument>> {
        if !(8..=1024).contains(&text.len()) {
            return Ok(None);
        }
        for row in self.store.read(|view| view.every_credential())? {
            let credential = Credential::from_row(&row)?;
            let found = match &credential.kind {
                CredentialKind::Imported(phc) => {
                    password::verify(&self.hashes.permit()?, phc, text)?
                }
                CredentialKind::Strong(stored) => {
                    let digest_key = &self.store.identity().keys.digest;
                    let client_id = credential.client_id.as_str();
                    crypto::equal(&digest_key.foreign_secret(client_id, text), stored)
                }
                // Found by its digest, before.
                CredentialKind::Generated(_) => false,
            };
            if found {
                return self.secret_found(&credential, now).map(Some);
            }
        }
        Ok(None)
    }

    fn secret_found(&self, credential: &Credential, now: UnixTime) -> Result<LeakDocument> {
        let client_id = credential.client_id.as_str();
        let enabled =
            self.snapshot.client(&self.store, client_id)?.is_some_and(|state| state.client.enabled);
        let standing = credential.check_usable(now).and(if enabled {
            Ok(())
        } else {
            Err(Denied::ClientDisabled)
        });
        let found = LeakDocument {
            kind: "client_secret",
            client_id: client_id.to_owned(),
            credential_id: Some(credential.credential_id.as_str().to_owned()),
            created_at: Some(credential.created_at.seconds()),
            expires_at: credential.expires_at.map(UnixTime::seconds),
            ..LeakDocument::default()
        };
        Ok(judged(found, standing))
    }

    /// A token of ours, valid or not. Of a JWT that has ended no more is asked than its signature proves.
    fn token_found(
        &self,
        text: &[u8],
        frame: &Frame,
        now: UnixTime,
    ) -> Result<Option<LeakDocument>> {
        let Ok(named) = self.name_token(text, frame)? else {
            return Ok(None);
        };
        let found = LeakDocument {
            kind: "access_token",
            client_id: named.client_id,
            jti: Some(named.token_id.as_str().to_owned()),
            expires_at: Some(named.expires_at.seconds()),
            ..LeakDocument::default()
        };
        let mut buffer = vec![0; text.len().min(MAX_CLAIMS)];
        let standing = self.introspect(text, frame, now, &mut buffer)?.map(drop);
        let found = match self.read_token(text, frame, now, &mut buffer)? {
            Ok(facts) => with_facts(found, &facts),
            Err(_) => found,
        };
        Ok(Some(judged(found, standing)))
    }
}

fn with_facts(found: LeakDocument, facts: &TokenFacts<'_>) -> LeakDocument {
    let credential = Some(facts.credential_id.as_ref()).filter(|id| !id.is_empty());
    LeakDocument {
        credential_id: credential.map(str::to_owned),
        grant_id: facts.grant_id.as_deref().map(str::to_owned),
        user_id: facts.grant_id.as_ref().map(|_| facts.subject.as_ref().to_owned()),
        scope: Some(facts.scope.as_ref().to_owned()),
        created_at: Some(facts.issued_at.seconds()),
        ..found
    }
}

fn judged(found: LeakDocument, standing: std::result::Result<(), Denied>) -> LeakDocument {
    let why = standing.err();
    LeakDocument {
        active: why.is_none(),
        reason: why.as_ref().map(Denied::code),
        reason_description: why.as_ref().map(Denied::to_string),
        ..found
    }
}
