//! A secret's later life: giving way to a new one, another end, and becoming a digest.

use crate::base::{CredentialId, Secret, UnixTime};
use crate::crypto;
use crate::domain::actor::Actor;
use crate::domain::credential::{Credential, CredentialKind};
use crate::domain::registration::{
    NewSecret, add_credential, check_new, find, find_credential, save_credential,
};
use crate::error::{Error, Result};
use crate::store::Tx;

/// How a secret gives way to a new one.
pub(crate) struct Rotation {
    /// The old one; `None` for the only one that lives.
    pub(crate) credential_id: Option<String>,
    /// Seconds for which both are valid.
    pub(crate) overlap: u32,
    /// What people call the new one; `None`: what they called the old one.
    pub(crate) label: Option<String>,
    /// When the new one ends.
    pub(crate) expires_at: Option<UnixTime>,
}

/// What is changed about a secret.
pub(crate) struct SecretChange {
    pub(crate) label: Option<String>,
    /// The new end; `Some(None)`: none but its revocation.
    #[expect(clippy::option_option, reason = "not given, none and given are three things")]
    pub(crate) expires_at: Option<Option<UnixTime>>,
}

/// Makes a secret that takes the place of another one, which ends by itself after the overlap. What the old one
/// obtained lives on. Returns the new one with its text, and the old one.
///
/// # Errors
/// [`Error::NotFound`], also when no secret of the client is valid; [`Error::InvalidDocument`] when it is not clear
/// which one to replace; [`Error::Conflict`] when another one has taken its place already, or when the client has too
/// many.
pub(crate) fn rotate_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    rotation: Rotation,
    actor: &Actor,
) -> Result<(Credential, Secret, Credential)> {
    let now = tx.now();
    if rotation.overlap > OVERLAP_LIMIT {
        return Err(Error::document("overlap", "must be 0 to 31622400 seconds"));
    }
    if rotation.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::document("expires_at", "must be in the future"));
    }
    let mut old = match &rotation.credential_id {
        Some(credential_id) => find_credential(tx, client_id, credential_id)?,
        None => only_living(tx, client_id)?,
    };
    let old_id = old.credential_id.clone();
    let successor = tx.view().successor(client_id, old_id.as_str())?;
    if let Some(successor) = successor.as_ref().map(Credential::from_row).transpose()?
        && successor.lives(now)
    {
        let id = successor.credential_id.as_str().to_owned();
        return Err(Error::Conflict { what: "secret", id });
    }
    let secret = crypto::mint_client_secret(tx.identity().entropy.as_ref())?;
    let kind = CredentialKind::Generated(tx.identity().keys.digest.client_secret(secret.expose()));
    let new = NewSecret {
        label: rotation.label.unwrap_or_else(|| old.label.clone()),
        not_before: None,
        expires_at: rotation.expires_at,
        replaces: Some(old_id.clone()),
    };
    // The old one's end first: with no overlap, its place is free for the new one.
    let end = now.plus_millis(i64::from(rotation.overlap) * 1000).min(UnixTime::MAX);
    if old.revoked_at.is_none() && old.expires_at.is_none_or(|earlier| end < earlier) {
        old.expires_at = Some(end);
        let mut entry = actor.did("secret.end");
        entry.detail.insert("ends_at", end.to_string());
        old = save_credential(tx, old, entry)?;
    }
    let mut entry = actor.did("secret.rotate");
    entry.detail.insert("replaces", old_id.as_str().to_owned());
    let credential = add_credential(tx, client_id, kind, new, entry)?;
    Ok((credential, secret, old))
}

/// Gives a secret another label or another end. What it obtained is not touched.
///
/// # Errors
/// [`Error::NotFound`], [`Error::InvalidDocument`].
pub(crate) fn update_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    credential_id: &str,
    change: SecretChange,
    actor: &Actor,
) -> Result<Credential> {
    let mut credential = find_credential(tx, client_id, credential_id)?;
    let mut entry = actor.did("secret.update");
    if let Some(expires_at) = change.expires_at {
        credential.expires_at = expires_at;
        let text = expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
        entry.detail.insert("ends_at", text);
    }
    credential.label = change.label.unwrap_or(credential.label);
    check_new(&NewSecret {
        label: credential.label.clone(),
        // One that a rotation ended before it began stays what it is: never valid.
        not_before: credential.not_before.filter(|_| change.expires_at.is_some()),
        expires_at: credential.expires_at,
        replaces: None,
    })?;
    save_credential(tx, credential, entry)
}

/// An imported secret that was proven and judged to be random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strengthening {
    pub(crate) credential_id: CredentialId,
    /// The hash that it was proven by.
    pub(crate) phc: String,
    /// The digest that takes its place.
    pub(crate) digest: [u8; 32],
}

/// Stores an imported secret by its digest instead of its hash. Not if its row is another by now, or if the digest
/// is there already (the same secret, imported twice): then nothing happens.
pub(crate) fn strengthen_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    strengthening: Strengthening,
    actor: &Actor,
) -> Result<()> {
    let Strengthening { credential_id, phc, digest } = strengthening;
    let row = tx.view().credential(credential_id.as_str())?;
    let Some(mut credential) = row.as_ref().map(Credential::from_row).transpose()? else {
        return Ok(());
    };
    let unchanged = credential.client_id.as_str() == client_id
        && credential.kind == CredentialKind::Imported(phc);
    if !unchanged || tx.view().credential_by_digest(&digest)?.is_some() {
        return Ok(());
    }
    credential.kind = CredentialKind::Strong(digest);
    save_credential(tx, credential, actor.did("secret.strengthen")).map(|_| ())
}

/// The client's only secret that has not ended.
fn only_living(tx: &Tx<'_>, client_id: &str) -> Result<Credential> {
    find(tx, client_id)?;
    let now = tx.now();
    let rows = tx.view().credentials(client_id)?;
    let credentials: Result<Vec<_>> = rows.iter().map(Credential::from_row).collect();
    let mut living = credentials?.into_iter().filter(|credential| credential.lives(now));
    match (living.next(), living.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            let why = "must be given: the client has several secrets that have not ended";
            Err(Error::document("credential_id", why))
        }
        (None, _) => Err(Error::NotFound { what: "valid secret of client", id: client_id.into() }),
    }
}

/// A year and a day.
const OVERLAP_LIMIT: u32 = 31_622_400;
