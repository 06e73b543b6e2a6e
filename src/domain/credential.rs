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
    /// The secret that a rotation made it for.
    pub(crate) replaces: Option<CredentialId>,
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
    /// Brought from another system, and judged to be random when it was first proven: by a keyed digest of it and its
    /// client's id. The judgement may be wrong, so guesses at it are slowed down all the same.
    Strong([u8; 32]),
}

impl CredentialKind {
    /// The word for it in documents and in the file.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Generated(_) => "generated",
            Self::Imported(_) => "imported",
            Self::Strong(_) => "strong",
        }
    }
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
        } else if self.expires_at.is_some_and(|end| now >= end) {
            Err(Denied::SecretExpired)
        } else {
            Ok(())
        }
    }

    /// Whether it has neither been revoked nor come to its end by `now`; it may still have to begin or to be
    /// confirmed.
    pub(crate) fn lives(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|until| now < until)
    }

    /// Reads a stored credential.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a column holds what this library never writes.
    pub(crate) fn from_row(row: &CredentialRow) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the credential `{}`", row.credential_id) };
        let digest = |digest: &[u8]| digest.try_into().map_err(|_| corrupt());
        let kind = match (row.kind.as_str(), &row.digest, &row.phc) {
            ("generated", Some(stored), None) => CredentialKind::Generated(digest(stored)?),
            ("strong", Some(stored), None) => CredentialKind::Strong(digest(stored)?),
            ("imported", None, Some(phc)) => CredentialKind::Imported(phc.clone()),
            _ => return Err(corrupt()),
        };
        let replaces =
            row.replaces.as_deref().map(|id| CredentialId::parse(id).ok_or_else(corrupt));
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
            replaces: replaces.transpose()?,
            version: row.version,
            extra: row.extra.clone(),
        })
    }

    /// The credential as a row.
    pub(crate) fn to_row(&self) -> CredentialRow {
        let (digest, phc) = match &self.kind {
            CredentialKind::Generated(digest) | CredentialKind::Strong(digest) => {
                (Some(digest.to_vec()), None)
            }
            CredentialKind::Imported(phc) => (None, Some(phc.clone())),
        };
        CredentialRow {
            credential_id: self.credential_id.as_str().to_owned(),
            client_id: self.client_id.as_str().to_owned(),
            version: self.version,
            kind: self.kind.as_str().to_owned(),
            digest,
            phc,
            label: self.label.clone(),
            created_at: self.created_at.millis(),
            not_before: self.not_before.map(UnixTime::millis),
            expires_at: self.expires_at.map(UnixTime::millis),
            revoked_at: self.revoked_at.map(UnixTime::millis),
            confirmed: self.confirmed,
            replaces: self.replaces.as_ref().map(|id| id.as_str().to_owned()),
            extra: self.extra.clone(),
        }
    }
}
