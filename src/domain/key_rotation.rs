//! The life of signing keys: published, signing, verifying, gone.

use crate::base::{KeyId, Lifetime, UnixTime};
use crate::crypto::Algorithm;
use crate::domain::actor::Actor;
use crate::domain::keyring::{Key, Keyring, NewKey, store_key};
use crate::domain::settings::Settings;
use crate::error::{Error, Result};
use crate::store::{AuditEntry, SigningKeyRow, Tx, View};

/// What time has made necessary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chores {
    /// Algorithms whose signer needs one to follow it.
    pub(crate) successors: Vec<Algorithm>,
    /// Keys that another one has followed, and from when on.
    followed: Vec<(KeyId, UnixTime)>,
    /// Keys that nobody needs any more.
    over: Vec<KeyId>,
}

impl Chores {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Keyring {
    /// What the keys need at `now`.
    pub(crate) fn chores(&self, settings: &Settings, now: UnixTime) -> Chores {
        let mut chores = Chores::default();
        for algorithm in Algorithm::ALL {
            let Some(signer) = self.signer(algorithm, now) else {
                continue;
            };
            if self.successor(algorithm, now).is_none()
                && settings.key_lifetime.is_some_and(|lifetime| {
                    now.plus(settings.key_publish_ahead) >= signer.active_from.plus(lifetime)
                })
            {
                chores.successors.push(algorithm);
            }
            let followed = |key: &&Key| {
                key.algorithm == algorithm
                    && key.retired_at.is_none()
                    && !key.refused
                    && key.active_from <= now
                    && key.kid != signer.kid
            };
            let followed = self.iter().filter(followed);
            chores.followed.extend(followed.map(|key| (key.kid.clone(), signer.active_from)));
        }
        let over = |key: &&Key| {
            !key.refused && key.ends_at.is_some_and(|at| at.plus(KEPT_AFTER_END) < now)
        };
        chores.over.extend(self.iter().filter(over).map(|key| key.kid.clone()));
        chores
    }
}

/// Does what time has made necessary, unless another process was faster; `made` are keys for the successors.
///
/// Never by a clock that is doubted. Somebody who was off for months publishes the next key as far ahead as
/// everybody else: until it signs, the present one does, however old it is.
pub(crate) fn tend_keys(
    tx: &mut Tx<'_>,
    settings: &Settings,
    made: &[NewKey],
    actor: &Actor,
) -> Result<()> {
    if !tx.clock_is_believed() {
        return Ok(());
    }
    let (keyring, now) = (Keyring::load(&tx.view())?, tx.now());
    let chores = keyring.chores(settings, now);
    for (kid, since) in &chores.followed {
        stop(tx, kid.as_str(), *since, actor)?;
    }
    let in_use = algorithms_in_use(&tx.view(), settings)?;
    for algorithm in chores.successors {
        let Some(signer) = keyring.signer(algorithm, now) else {
            continue;
        };
        if !in_use.contains(&algorithm) {
            stop(tx, signer.kid.as_str(), now, actor)?;
        } else if let Some(new) = made.iter().find(|new| new.algorithm() == algorithm) {
            let lifetime = settings.key_lifetime.unwrap_or(settings.key_publish_ahead);
            let ahead = now.plus(settings.key_publish_ahead);
            store_key(tx, new, signer.active_from.plus(lifetime).max(ahead), actor)?;
        }
    }
    for kid in chores.over {
        tx.delete_signing_key(kid.as_str())?;
        tx.change("key", kid.as_str())?;
        let mut entry = actor.did("key.delete");
        entry.detail.insert("kid", kid.as_str().to_owned());
        tx.audit(&entry)?;
    }
    Ok(())
}

/// The algorithms that tokens may be signed with.
pub(crate) fn algorithms_in_use(view: &View<'_>, settings: &Settings) -> Result<Vec<Algorithm>> {
    let mut algorithms = settings.algorithms_in_use();
    let registered = view.client_algorithms()?;
    algorithms.extend(registered.iter().filter_map(|name| Algorithm::parse(name)));
    Ok(algorithms)
}

/// Stops signing with algorithms that nobody needs any more. Their tokens are valid until they end.
pub(crate) fn retire_unused(tx: &mut Tx<'_>, settings: &Settings, actor: &Actor) -> Result<()> {
    let in_use = algorithms_in_use(&tx.view(), settings)?;
    retire(tx, actor, |row| !in_use.iter().any(|algorithm| algorithm.as_str() == row.algorithm))
}

/// Stores a key that was made when it was first needed, unless another process was faster.
pub(crate) fn make_key(tx: &mut Tx<'_>, new: &NewKey, actor: &Actor) -> Result<()> {
    let now = tx.now();
    let exists = Keyring::load(&tx.view())?.signer(new.algorithm(), now).is_some();
    if exists { Ok(()) } else { store_key(tx, new, now, actor).map(|_| ()) }
}

/// Stores a key that signs at once; what signed with its algorithm until now, or was to, retires.
///
/// # Errors
/// [`Error::Conflict`] when the key is known already.
pub(crate) fn take_over(tx: &mut Tx<'_>, new: &NewKey, actor: &Actor) -> Result<KeyId> {
    let kid = new.kid(&tx.identity().site);
    if tx.view().signing_key(kid.as_str())?.is_some() {
        return Err(Error::Conflict { what: "signing key", id: kid.as_str().to_owned() });
    }
    retire(tx, actor, |row| row.algorithm == new.algorithm().as_str())?;
    let now = tx.now();
    store_key(tx, new, now, actor)
}

/// Refuses the tokens of a key from now on and for good. The key that was to follow it goes with it: who got
/// the one may have got both. If nothing signs with its algorithm then, `new` does.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) fn refuse_key(
    tx: &mut Tx<'_>,
    kid: &str,
    new: Option<&NewKey>,
    actor: &Actor,
) -> Result<()> {
    let row = tx.view().signing_key(kid)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "signing key", id: kid.to_owned() })?;
    let (algorithm, now) = (Algorithm::parse(&row.algorithm), tx.now());
    let keyring = Keyring::load(&tx.view())?;
    let signed = |algorithm| keyring.signer(algorithm, now).is_some_and(|s| s.kid.as_str() == kid);
    if let Some(next) = algorithm.filter(|of| signed(*of)).and_then(|of| keyring.successor(of, now))
        && let Some(next) = tx.view().signing_key(next.kid.as_str())?
    {
        refuse(tx, next, actor)?;
    }
    refuse(tx, row, actor)?;
    match new.filter(|new| Some(new.algorithm()) == algorithm) {
        Some(new) => make_key(tx, new, actor),
        None => Ok(()),
    }
}

/// Refuses the tokens of every key for good, also of those that ended by a time that may be taken back.
pub(crate) fn retire_all(tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
    for row in tx.view().signing_keys()? {
        refuse(tx, row, actor)?;
    }
    Ok(())
}

fn refuse(tx: &mut Tx<'_>, mut row: SigningKeyRow, actor: &Actor) -> Result<()> {
    if row.refused {
        return Ok(());
    }
    let now = tx.now().millis();
    row.refused = true;
    row.retired_at = row.retired_at.or(Some(now));
    row.ends_at = row.ends_at.map_or(Some(now), |at| Some(at.min(now)));
    let mut entry = actor.did("key.retire");
    entry.detail.insert("refused", "true".to_owned());
    save(tx, row, entry)
}

fn retire(tx: &mut Tx<'_>, actor: &Actor, which: impl Fn(&SigningKeyRow) -> bool) -> Result<()> {
    let now = tx.now();
    let living = |row: &SigningKeyRow| row.retired_at.is_none() && !row.refused;
    for row in tx.view().signing_keys()?.into_iter().filter(living).filter(which) {
        stop(tx, &row.kid, now, actor)?;
    }
    Ok(())
}

/// A key signs no more since `at`. It verifies until the last token has ended that it may have signed.
fn stop(tx: &mut Tx<'_>, kid: &str, at: UnixTime, actor: &Actor) -> Result<()> {
    let Some(mut row) = tx.view().signing_key(kid)? else {
        return Ok(());
    };
    let ends_at = tx.last_expiry().max(tx.now()).plus(Lifetime::seconds(1));
    row.retired_at = Some(at.millis());
    row.ends_at = Some(ends_at.millis());
    save(tx, row, actor.did("key.retire"))
}

/// A key that will never sign again is wiped.
fn save(tx: &mut Tx<'_>, mut row: SigningKeyRow, mut entry: AuditEntry) -> Result<()> {
    row.version += 1;
    row.sealed.clear();
    tx.update(&row)?;
    tx.change("key", &row.kid)?;
    entry.detail.insert("kid", row.kid.clone());
    tx.audit(&entry)
}

/// How long a key is kept once its tokens have ended, to tell whose a leaked one was: as far as a believed
/// clock may leap across a restart.
const KEPT_AFTER_END: Lifetime = Lifetime::days(400);
