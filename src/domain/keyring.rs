//! The keys that sign access tokens, and which of them do what now.

use crate::base::{KeyId, Lifetime, UnixTime};
use crate::crypto::{Algorithm, Jwk, PrivateKey, PublicKey, encode_header};
use crate::domain::actor::Actor;
use crate::error::{Error, Result};
use crate::store::{Identity, NO_EXTRA, SigningKeyRow, Tx, View, check_extra};
use std::sync::Arc;

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
        self.keys.iter().map(AsRef::as_ref).find(|key| key.header == header)
    }

    /// The key with this id.
    pub(crate) fn by_kid(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().map(AsRef::as_ref).find(|key| key.kid.as_str() == kid)
    }

    /// The key that signs with `algorithm` at `now`: the youngest that has begun and not retired.
    pub(crate) fn signer(&self, algorithm: Algorithm, now: UnixTime) -> Option<Arc<Key>> {
        let signs = |key: &&Arc<Key>| {
            key.algorithm == algorithm
                && key.private.is_some()
                && key.active_from <= now
                && key.retired_at.is_none_or(|at| now < at)
        };
        self.keys.iter().filter(signs).max_by_key(|key| key.active_from).cloned()
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
        self.ends_at.is_none_or(|at| now < at)
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

    /// Reads a key pair in PKCS#8 or PEM.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says what is wrong with it.
    pub(crate) fn import(algorithm: Algorithm, bytes: &[u8]) -> Result<Self> {
        let (key, pkcs8) = PrivateKey::import(algorithm, bytes)?;
        Ok(Self { algorithm, public: key.public(), pkcs8, origin: "imported" })
    }
}

/// Stores a key that was made when it was first needed, unless another process was faster.
pub(crate) fn make_key(tx: &mut Tx<'_>, new: &NewKey, actor: &Actor) -> Result<()> {
    let now = tx.now();
    let exists = Keyring::load(&tx.view())?.signer(new.algorithm, now).is_some();
    if exists { Ok(()) } else { store_key(tx, new, now, actor).map(|_| ()) }
}

/// Stores an imported key, which signs at once; what signed with its algorithm until now retires.
///
/// # Errors
/// [`Error::Conflict`] when the key is known already.
pub(crate) fn import_key(tx: &mut Tx<'_>, new: &NewKey, actor: &Actor) -> Result<KeyId> {
    let now = tx.now();
    let kid = KeyId::of(&tx.identity().site, &new.public.thumbprint());
    if tx.view().signing_keys()?.iter().any(|row| row.kid == kid.as_str()) {
        return Err(Error::Conflict { what: "signing key", id: kid.as_str().to_owned() });
    }
    // Retired keys verify until the last token has ended that they may have signed.
    let ends_at = tx.last_expiry().max(now).plus(Lifetime::seconds(1));
    retire(tx, actor, ends_at, |row| row.algorithm == new.algorithm.as_str())?;
    store_key(tx, new, now, actor)
}

/// Retires every key at once: no token they signed is accepted any more.
pub(crate) fn retire_all(tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
    let now = tx.now();
    retire(tx, actor, now, |_| true)
}

/// Retires every key for good, although time was set back to before it was retired or ended.
pub(crate) fn end_all(tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
    retire_all(tx, actor)?;
    let now = tx.now().millis();
    for mut row in tx.view().signing_keys()? {
        if row.ends_at.is_none_or(|ends_at| ends_at > now) {
            row.version += 1;
            row.ends_at = Some(now);
            tx.update(&row)?;
        }
    }
    Ok(())
}

fn retire(
    tx: &mut Tx<'_>,
    actor: &Actor,
    ends_at: UnixTime,
    which: impl Fn(&SigningKeyRow) -> bool,
) -> Result<()> {
    let now = tx.now();
    for mut row in tx.view().signing_keys()?.into_iter().filter(|row| row.retired_at.is_none()) {
        if !which(&row) {
            continue;
        }
        row.version += 1;
        row.retired_at = Some(now.millis());
        row.ends_at = Some(ends_at.millis());
        tx.update(&row)?;
        tx.change("key", &row.kid)?;
        let mut entry = actor.did("key.retire");
        entry.detail.insert("kid", row.kid.clone());
        tx.audit(&entry)?;
    }
    Ok(())
}

fn store_key(tx: &mut Tx<'_>, new: &NewKey, now: UnixTime, actor: &Actor) -> Result<KeyId> {
    let identity = tx.identity();
    let kid = KeyId::of(&identity.site, &new.public.thumbprint());
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
        active_from: now.millis(),
        retired_at: None,
        ends_at: None,
        public_jwk: new.public.to_jwk().print()?,
        sealed,
        extra: NO_EXTRA.to_owned(),
    };
    tx.insert(&row)?;
    tx.change("key", kid.as_str())?;
    let mut entry = actor.did(if new.origin == "made" { "key.make" } else { "key.import" });
    entry.detail.insert("kid", row.kid.clone());
    entry.detail.insert("algorithm", row.algorithm.clone());
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
