//! The keys that sign access tokens, and which of them do what now.

use crate::base::{KeyId, SiteId, UnixTime};
use crate::crypto::{Algorithm, Jwk, PrivateKey, PublicKey, encode_header};
use crate::domain::actor::Actor;
use crate::error::{Error, Result};
use crate::store::{Identity, NO_EXTRA, SigningKeyRow, Tx, View, check_extra};
use std::sync::Arc;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// It is in the key set, and will sign.
    Published,
    /// It signs.
    Signing,
    /// It signs no more; tokens of it may be valid.
    Verifying,
    /// The last token that it may have signed has ended.
    Ended,
    /// Its tokens are refused, whatever they say.
    Retired,
}

impl KeyState {
    /// The word for it in documents.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Verifying => "verifying",
            Self::Ended => "ended",
            Self::Retired => "retired",
        }
    }
}

/// All signing keys of a database.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: Vec<Arc<Key>>,
}

/// One signing key.
pub(crate) struct Key {
    pub(crate) kid: KeyId,
    pub(crate) algorithm: Algorithm,
    pub(crate) public: PublicKey,
    /// The encoded JOSE header of every token it signs.
    pub(crate) header: String,
    pub(crate) origin: String,
    pub(crate) created_at: UnixTime,
    pub(crate) active_from: UnixTime,
    pub(crate) retired_at: Option<UnixTime>,
    pub(crate) ends_at: Option<UnixTime>,
    /// Whether its tokens are refused for good: a state, which no clock brings back.
    pub(crate) refused: bool,
    /// Absent once it is retired: it will never sign again.
    private: Option<PrivateKey>,
}

impl Keyring {
    /// Reads all keys.
    pub(crate) fn load(view: &View<'_>) -> Result<Self> {
        let rows = view.signing_keys()?;
        let keys: Result<Vec<_>> =
            rows.iter().map(|row| Key::from_row(row, view.identity()).map(Arc::new)).collect();
        Ok(Self { keys: keys? })
    }

    /// The key whose tokens have exactly this encoded header: no parsing is needed for our own tokens.
    pub(crate) fn by_header(&self, header: &str) -> Option<&Key> {
        // The youngest first: they have the most tokens.
        self.keys.iter().rev().map(AsRef::as_ref).find(|key| key.header == header)
    }

    /// The key with this id.
    pub(crate) fn by_kid(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().map(AsRef::as_ref).find(|key| key.kid.as_str() == kid)
    }

    /// The key that signs with `algorithm` at `now`: the youngest that has begun and not retired.
    pub(crate) fn signer(&self, algorithm: Algorithm, now: UnixTime) -> Option<Arc<Key>> {
        let signs = |key: &&Arc<Key>| {
            key.algorithm == algorithm && key.may_sign() && key.active_from <= now
        };
        self.keys.iter().filter(signs).max_by_key(|key| key.active_from).cloned()
    }

    /// The key that will sign with `algorithm` after the one that does at `now`.
    pub(crate) fn successor(&self, algorithm: Algorithm, now: UnixTime) -> Option<&Key> {
        let follows =
            |key: &&Key| key.algorithm == algorithm && key.may_sign() && key.active_from > now;
        self.iter().filter(follows).min_by_key(|key| key.active_from)
    }

    /// What a key does at `now`.
    pub(crate) fn state(&self, key: &Key, now: UnixTime) -> KeyState {
        if key.refused {
            KeyState::Retired
        } else if !key.verifies(now) {
            KeyState::Ended
        } else if !key.may_sign() {
            KeyState::Verifying
        } else if key.active_from > now {
            KeyState::Published
        } else if self.signer(key.algorithm, now).is_some_and(|signer| signer.kid == key.kid) {
            KeyState::Signing
        } else {
            KeyState::Verifying
        }
    }

    /// When a key stopped signing, or will: when the next one of its algorithm begins.
    pub(crate) fn stops_at(&self, key: &Key) -> Option<UnixTime> {
        let follows = |next: &&Key| {
            next.algorithm == key.algorithm && next.may_sign() && next.active_from > key.active_from
        };
        let next = || self.iter().filter(follows).map(|next| next.active_from).min();
        key.retired_at.or_else(next)
    }

    /// All keys, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().map(AsRef::as_ref)
    }

    /// The public keys that may verify a token at `now`, and those published ahead (RFC 7517 5).
    pub(crate) fn published(&self, now: UnixTime) -> Vec<Jwk> {
        self.iter().filter(|key| key.verifies(now)).map(Key::jwk).collect()
    }
}

impl Key {
    /// Whether a token it signed may still be valid.
    pub(crate) fn verifies(&self, now: UnixTime) -> bool {
        !self.refused && self.ends_at.is_none_or(|at| now < at)
    }

    /// Whether it signs, or will.
    const fn may_sign(&self) -> bool {
        !self.refused && self.retired_at.is_none() && self.private.is_some()
    }

    /// The key that signs, while it may.
    ///
    /// # Errors
    /// [`Error::Internal`] for a retired key, which [`Keyring::signer`] never returns.
    pub(crate) fn private(&self) -> Result<&PrivateKey> {
        self.private.as_ref().ok_or(Error::Internal { what: "a retired key asked to sign" })
    }

    /// The public key as the JWKS shows it.
    pub(crate) fn jwk(&self) -> Jwk {
        let mut jwk = self.public.to_jwk();
        jwk.kid = Some(self.kid.as_str().to_owned());
        jwk
    }

    fn from_row(row: &SigningKeyRow, identity: &Identity) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the signing key `{}`", row.kid) };
        let algorithm = Algorithm::parse(&row.algorithm).ok_or_else(corrupt)?;
        let jwk: Jwk = Jwk::parse(&row.public_jwk).ok_or_else(corrupt)?;
        let kid = KeyId::parse(&row.kid).ok_or_else(corrupt)?;
        let private = match row.retired_at {
            Some(_) => None,
            None if row.refused => None,
            None => {
                let pkcs8 = identity.keys.open_private("signing_key", &row.kid, &row.sealed)?;
                Some(PrivateKey::from_pkcs8(algorithm, pkcs8.expose())?)
            }
        };
        Ok(Self {
            algorithm,
            public: PublicKey::from_jwk(&jwk).map_err(|_| corrupt())?,
            header: encode_header(algorithm, &kid),
            kid,
            origin: row.origin.clone(),
            created_at: UnixTime::from_millis(row.created_at),
            active_from: UnixTime::from_millis(row.active_from),
            retired_at: row.retired_at.map(UnixTime::from_millis),
            ends_at: row.ends_at.map(UnixTime::from_millis),
            refused: row.refused,
            private,
        })
    }
}

/// A key pair that was made or read outside the write lock, ready to be stored.
pub(crate) struct NewKey {
    algorithm: Algorithm,
    public: PublicKey,
    pkcs8: crate::base::Secret,
    origin: &'static str,
}

impl NewKey {
    /// Makes a key pair. RSA takes a while; do it outside a transaction.
    pub(crate) fn make(algorithm: Algorithm, entropy: &dyn crate::base::Entropy) -> Result<Self> {
        #[cfg(test)]
        tests::count();
        let (key, pkcs8) = PrivateKey::generate(algorithm, entropy)?;
        Ok(Self { algorithm, public: key.public(), pkcs8, origin: "made" })
    }

    /// The algorithm it signs with.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id at `site`.
    pub(super) fn kid(&self, site: &SiteId) -> KeyId {
        KeyId::of(site, &self.public.thumbprint())
    }

    /// Reads a key pair in PKCS#8 or PEM.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says what is wrong with it.
    pub(crate) fn import(algorithm: Algorithm, bytes: &[u8]) -> Result<Self> {
        let (key, pkcs8) = PrivateKey::import(algorithm, bytes)?;
        Ok(Self { algorithm, public: key.public(), pkcs8, origin: "imported" })
    }
}

/// Stores a key pair that signs from `active_from` on.
pub(super) fn store_key(
    tx: &mut Tx<'_>,
    new: &NewKey,
    active_from: UnixTime,
    actor: &Actor,
) -> Result<KeyId> {
    let (identity, now) = (tx.identity(), tx.now());
    let kid = new.kid(&identity.site);
    let sealed = identity.keys.seal_private(
        identity.entropy.as_ref(),
        "signing_key",
        kid.as_str(),
        &new.pkcs8,
    )?;
    let row = SigningKeyRow {
        kid: kid.as_str().to_owned(),
        version: 1,
        algorithm: new.algorithm.as_str().to_owned(),
        origin: new.origin.to_owned(),
        created_at: now.millis(),
        active_from: active_from.millis(),
        retired_at: None,
        ends_at: None,
        refused: false,
        public_jwk: new.public.to_jwk().print()?,
        sealed,
        extra: NO_EXTRA.to_owned(),
    };
    tx.insert(&row)?;
    tx.change("key", kid.as_str())?;
    let mut entry = actor.did(if new.origin == "made" { "key.make" } else { "key.import" });
    entry.detail.insert("kid", row.kid.clone());
    entry.detail.insert("algorithm", row.algorithm.clone());
    if active_from > now {
        entry.detail.insert("active_from", active_from.to_string());
    }
    tx.audit(&entry)?;
    Ok(kid)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        static MADE: Cell<usize> = const { Cell::new(0) };
    }

    /// How many key pairs this thread has made.
    pub(crate) fn made() -> usize {
        MADE.get()
    }

    pub(super) fn count() {
        MADE.set(MADE.get() + 1);
    }
}
