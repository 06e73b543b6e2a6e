//! Signing keys: made when they are needed, rotated in time, and what is done to them.

use crate::admin::{
    KeyDocument, KeyExport, KeyImport, KeyList, KeyPage, KeyRetire, KeyRotate, KeySet, SiteDocument,
};
use crate::base::{RequestId, Secret, UnixTime, encode};
use crate::crypto::Algorithm;
use crate::domain::{self, Actor, NewKey};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::engine::snapshot::{Frame, load_settings};
use crate::error::{Error, Result};
use crate::store::lock;
use std::sync::atomic::Ordering;
use std::sync::{Arc, TryLockError};

impl Engine {
    /// Makes the first signing key of an algorithm, when it is first needed.
    ///
    /// One thread does it, since an RSA key takes a while to make; those that need it too wait, and find
    /// it. Another process may make one at the same time: the transaction keeps the first alone.
    pub(super) fn make_key(&self, algorithm: Algorithm, request: &RequestId) -> Result<()> {
        let _alone = lock(&self.making_key);
        let (frame, now) = self.current()?;
        if frame.keyring.signer(algorithm, now).is_some() {
            return Ok(());
        }
        let new = NewKey::make(algorithm, self.store.identity().entropy.as_ref())?;
        let actor = Actor::library(request);
        let outcome = self.write(now, move |tx| domain::make_key(tx, &new, &actor).map(Ok))?;
        outcome.map_err(|_| Error::Internal { what: "a key that was denied" })
    }

    /// Makes the keys that tokens of these algorithms will be signed with, so that they are published before
    /// they sign (wire 33): a verifier may keep a key set for minutes.
    ///
    /// Best effort: a key that cannot be made now is made when it is first needed.
    pub(super) fn provide_keys(&self, algorithms: impl IntoIterator<Item = Algorithm>) {
        for algorithm in algorithms {
            let provided = self.current().and_then(|(frame, now)| {
                if frame.keyring.signer(algorithm, now).is_some() {
                    return Ok(());
                }
                self.make_key(algorithm, &self.mint_request_id(now)?)
            });
            drop(provided);
        }
    }

    /// Does for the keys what time has made necessary, if a minute has passed since somebody looked.
    ///
    /// Best effort: a key signs longer than it should rather than that a request fails.
    pub(super) fn tend_keys_if_due(&self, now: UnixTime) {
        let last = self.tended_at.load(Ordering::Relaxed);
        let due = now.millis().abs_diff(last) >= TEND_MILLIS;
        if due
            && self
                .tended_at
                .compare_exchange(last, now.millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            let _ = self.tend_keys();
        }
    }

    /// Publishes keys ahead of their time, retires those that another one has followed, and clears away those
    /// whose tokens ended long ago. One thread of one process does it; others go on.
    pub(super) fn tend_keys(&self) -> Result<()> {
        let _alone = match self.making_key.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let (frame, now) = self.current()?;
        let chores = frame.keyring.chores(&frame.settings, now);
        if chores.is_empty() || !self.time.is_believed() {
            return Ok(());
        }
        let in_use = self.store.read(|view| domain::algorithms_in_use(view, &frame.settings))?;
        let entropy = self.store.identity().entropy.as_ref();
        let needed = chores.successors.iter().filter(|algorithm| in_use.contains(algorithm));
        let made: Result<Vec<_>> =
            needed.map(|algorithm| NewKey::make(*algorithm, entropy)).collect();
        let (made, actor) = (made?, Actor::library(&self.mint_request_id(now)?));
        self.change(now, move |tx| {
            let settings = load_settings(&tx.view())?;
            domain::tend_keys(tx, &settings, &made, &actor)
        })
    }

    /// A key that signs with `algorithm` if nothing else does; best effort.
    fn spare_key(&self, algorithm: Algorithm, frame: &Frame) -> Result<Option<NewKey>> {
        let in_use = self.store.read(|view| domain::algorithms_in_use(view, &frame.settings))?;
        if !in_use.contains(&algorithm) {
            return Ok(None);
        }
        Ok(NewKey::make(algorithm, self.store.identity().entropy.as_ref()).ok())
    }
}

administer!(KeyList, |_request, engine, _actor, _now| {
    let (frame, now) = engine.current()?;
    Ok(page(&frame, now, |_| true))
});

administer!(KeyExport, |_request, engine, _actor, _now| {
    engine.provide_keys(engine.current()?.0.settings.default_algorithms());
    let (frame, now) = engine.current()?;
    Ok(SiteDocument {
        issuer: frame.settings.issuer.clone(),
        site: engine.store.identity().site.as_str().to_owned(),
        jwks: KeySet { keys: frame.keyring.published(now) },
    })
});

administer!(KeyImport, |request, engine, actor, now| {
    let algorithm = read_algorithm(&request.algorithm)?;
    let der = if request.key.expose().contains("-----BEGIN") {
        Secret::copy_of(request.key.expose().as_bytes())
    } else {
        encode::from_base64url(request.key.expose().as_bytes())
            .map(Secret::new)
            .ok_or_else(|| Error::document("key", "must be PEM, or PKCS#8 DER in base64url"))?
    };
    let new = NewKey::import(algorithm, der.expose())
        .map_err(|error| Error::document("key", error.to_string()))?;
    let kid = engine.change(now, move |tx| domain::take_over(tx, &new, &actor))?;
    engine.key_document(kid.as_str())
});

administer!(KeyRotate, |request, engine, actor, now| {
    let (frame, _) = engine.current()?;
    let algorithms = match &request.algorithm {
        Some(name) => vec![read_algorithm(name)?],
        None => {
            let in_use =
                engine.store.read(|view| domain::algorithms_in_use(view, &frame.settings))?;
            Algorithm::ALL.into_iter().filter(|algorithm| in_use.contains(algorithm)).collect()
        }
    };
    let entropy = engine.store.identity().entropy.as_ref();
    let made: Result<Vec<_>> =
        algorithms.iter().map(|algorithm| NewKey::make(*algorithm, entropy)).collect();
    let made = made?;
    let kids = engine.change(now, move |tx| {
        made.iter().map(|new| domain::take_over(tx, new, &actor)).collect::<Result<Vec<_>>>()
    })?;
    let (frame, now) = engine.current()?;
    Ok(page(&frame, now, |kid| kids.iter().any(|new| new.as_str() == kid)))
});

administer!(KeyRetire, |request, engine, actor, now| {
    let (frame, _) = engine.current()?;
    let kid = request.kid;
    let key = frame.keyring.by_kid(&kid);
    let key = key.ok_or_else(|| Error::NotFound { what: "signing key", id: kid.clone() })?;
    // Shared, because a security change may be tried twice.
    let new = engine.spare_key(key.algorithm, &frame)?.map(Arc::new);
    let retired = kid.clone();
    engine.secure(now, move |tx| domain::refuse_key(tx, &retired, new.as_deref(), &actor))?;
    engine.key_document(&kid)
});

impl Engine {
    fn key_document(&self, kid: &str) -> Result<KeyDocument> {
        let (frame, now) = self.current()?;
        let key = page(&frame, now, |known| known == kid).keys.pop();
        key.ok_or(Error::Internal { what: "a key that is not there" })
    }
}

fn page(frame: &Frame, now: UnixTime, which: impl Fn(&str) -> bool) -> KeyPage {
    let keyring = &frame.keyring;
    let keys = keyring.iter().filter(|key| which(key.kid.as_str()));
    KeyPage { keys: keys.map(|key| KeyDocument::of(key, keyring, now)).collect() }
}

fn read_algorithm(name: &str) -> Result<Algorithm> {
    Algorithm::parse(name)
        .ok_or_else(|| Error::document("algorithm", "must be one of: ES256, EdDSA, RS256"))
}

/// How often somebody looks whether a key is due.
const TEND_MILLIS: u64 = 60_000;
