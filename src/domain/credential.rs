//! A client's secrets, as what proves them.

use crate::base::{ClientId, CredentialId, UnixTime};
use crate::error::{Denied, Error, Result};
use crate::store::{CredentialRow, check_extra};

/// One secret of a client. The secret itself is nowhere: only what recognises it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    /// Its id, which is no secret.
    pub(crate) credential_id: CredentialId,
    /// Whose it is.
    pub(crate) client_id: ClientId,
    /// How it is recognised.
    pub(crate) kind: CredentialKind,
    /// What people call it.
    pub(crate) label: String,
    /// When it was made or imported.
    pub(crate) created_at: UnixTime,
    /// From when it is valid; absent: at once.
    pub(crate) not_before: Option<UnixTime>,
    /// Until when it is valid; absent: until it is revoked.
    pub(crate) expires_at: Option<UnixTime>,
    /// When it was revoked.
    pub(crate) revoked_at: Option<UnixTime>,
    /// Whether somebody has confirmed it since the last restore.
    pub(crate) confirmed: bool,
    pub(crate) version: u64,
    /// What later releases keep about it.
    pub(crate) extra: String,
}

/// How a secret is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialKind {
    /// Made here, 256 random bits: by the keyed digest.
    Generated([u8; 32]),
    /// Brought from another system, perhaps a person's choice: by Argon2id, as a PHC string.
    Imported(String),
}

impl Credential {
    /// Whether the secret may be used at `now`.
    pub(crate) fn check_usable(&self, now: UnixTime) -> std::result::Result<(), Denied> {
        if self.revoked_at.is_some() {
            Err(Denied::SecretRevoked)
        } else if !self.confirmed {
            Err(Denied::SecretUnconfirmed)
        } else if self.not_before.is_some_and(|from| now < from) {
            Err(Denied::SecretNotYetValid)
        } else if self.expires_at.is_some_and(|until| now >= until) {
            Err(Denied::SecretExpired)
        } else {
            Ok(())
        }
    }

    /// Reads a stored credential.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a column holds what this library never writes.
    pub(crate) fn from_row(row: &CredentialRow) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the credential `{}`", row.credential_id) };
        let kind = match (&row.digest, &row.phc) {
            (Some(digest), None) => {
                CredentialKind::Generated(digest.as_slice().try_into().map_err(|_| corrupt())?)
            }
            (None, Some(phc)) => CredentialKind::Imported(phc.clone()),
            (Some(_), Some(_)) | (None, None) => return Err(corrupt()),
        };
        Ok(Self {
            credential_id: CredentialId::parse(&row.credential_id).ok_or_else(corrupt)?,
            client_id: ClientId::parse(&row.client_id).map_err(|_| corrupt())?,
            kind,
            label: row.label.clone(),
            created_at: UnixTime::from_millis(row.created_at),
            not_before: row.not_before.map(UnixTime::from_millis),
            expires_at: row.expires_at.map(UnixTime::from_millis),
            revoked_at: row.revoked_at.map(UnixTime::from_millis),
            confirmed: row.confirmed,
            version: row.version,
            extra: row.extra.clone(),
        })
    }

    /// The credential as a row.
    pub(crate) fn to_row(&self) -> CredentialRow {
        let (kind, digest, phc) = match &self.kind {
            CredentialKind::Generated(digest) => ("generated", Some(digest.to_vec()), None),
            CredentialKind::Imported(phc) => ("imported", None, Some(phc.clone())),
        };
        CredentialRow {
            credential_id: self.credential_id.as_str().to_owned(),
            client_id: self.client_id.as_str().to_owned(),
            version: self.version,
            kind: kind.to_owned(),
            digest,
            phc,
            label: self.label.clone(),
            created_at: self.created_at.millis(),
            not_before: self.not_before.map(UnixTime::millis),
            expires_at: self.expires_at.map(UnixTime::millis),
            revoked_at: self.revoked_at.map(UnixTime::millis),
            confirmed: self.confirmed,
            extra: self.extra.clone(),
        }
    }
}
