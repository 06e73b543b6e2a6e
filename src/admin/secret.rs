//! `client.secret.*`: a client's secrets.

use crate::admin::document::{SecretText, operation, some};
use crate::domain::{Credential, CredentialKind};
use crate::store::PeerRow;
use serde::{Deserialize, Serialize};

/// `client.secret.create`: gives a client one more secret. The answer is the only place where it is
/// ever shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretCreate {
    /// The client.
    pub client_id: String,
    /// What people call it. Default empty.
    #[serde(default)]
    pub label: String,
    /// From when it is valid, in seconds; absent: at once.
    #[serde(default, deserialize_with = "some")]
    pub not_before: Option<i64>,
    /// Until when it is valid, in seconds; absent: until it is revoked.
    #[serde(default, deserialize_with = "some")]
    pub expires_at: Option<i64>,
}
operation!(SecretCreate = "client.secret.create" -> SecretCreated);

/// `client.secret.import`: gives a client a secret that it has in another system, stored as an Argon2id
/// hash. At most two of one client.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretImport {
    /// The client.
    pub client_id: String,
    /// The secret: 8 to 1024 bytes without control characters.
    pub client_secret: SecretText,
    /// What people call it. Default empty.
    #[serde(default)]
    pub label: String,
    /// Until when it is valid, in seconds; absent: until it is revoked.
    #[serde(default, deserialize_with = "some")]
    pub expires_at: Option<i64>,
}
operation!(SecretImport = "client.secret.import" -> SecretDocument);

/// `client.secret.list`: a client's secrets, and from where each was used. Never the secrets themselves.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretList {
    /// The client.
    pub client_id: String,
}
operation!(SecretList = "client.secret.list" -> SecretPage);

/// `client.secret.revoke`: ends one secret and all that it obtained: tokens, and the grants of users whose code
/// it redeemed. The client's other secrets and what they obtained live on.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretRevoke {
    /// The client.
    pub client_id: String,
    /// The secret's id.
    pub credential_id: String,
}
operation!(SecretRevoke = "client.secret.revoke" -> SecretDocument);

/// `client.secret.confirm`: trusts a secret again after a restore.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretConfirm {
    /// The client.
    pub client_id: String,
    /// The secret's id.
    pub credential_id: String,
}
operation!(SecretConfirm = "client.secret.confirm" -> SecretDocument);

/// A client's secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretPage {
    /// The secrets, oldest first.
    pub secrets: Vec<SecretDocument>,
}

/// A secret as a document, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretDocument {
    /// Its id, which is no secret.
    pub credential_id: String,
    /// Whose it is.
    pub client_id: String,
    /// `generated` here or `imported`.
    pub kind: &'static str,
    /// What people call it.
    pub label: String,
    /// When it was made or imported, in seconds.
    pub created_at: i64,
    /// From when it is valid, in seconds.
    pub not_before: Option<i64>,
    /// Until when it is valid, in seconds.
    pub expires_at: Option<i64>,
    /// When it was revoked, in seconds.
    pub revoked_at: Option<i64>,
    /// Whether it was confirmed since the last restore.
    pub confirmed: bool,
    /// From where it and its tokens were used, the latest first; at most 64 places.
    pub peers: Vec<PeerDocument>,
}

/// A place that a secret or its tokens were used from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PeerDocument {
    /// The address, of IPv6 its /64, or `unknown`.
    pub peer: String,
    /// The first use, in seconds.
    pub first_at: i64,
    /// The last use, in seconds.
    pub last_at: i64,
    /// How many uses.
    pub uses: u64,
}

/// A new secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretCreated {
    /// The secret's document.
    #[serde(flatten)]
    pub secret: SecretDocument,
    /// The secret.
    pub client_secret: String,
}

impl Drop for SecretCreated {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.client_secret);
    }
}

impl SecretDocument {
    pub(crate) fn new(credential: &Credential, peers: Vec<PeerRow>) -> Self {
        let seconds = crate::base::UnixTime::seconds;
        Self {
            credential_id: credential.credential_id.as_str().to_owned(),
            client_id: credential.client_id.as_str().to_owned(),
            kind: match credential.kind {
                CredentialKind::Generated(_) => "generated",
                CredentialKind::Imported(_) => "imported",
            },
            label: credential.label.clone(),
            created_at: seconds(credential.created_at),
            not_before: credential.not_before.map(seconds),
            expires_at: credential.expires_at.map(seconds),
            revoked_at: credential.revoked_at.map(seconds),
            confirmed: credential.confirmed,
            peers: peers.into_iter().map(PeerDocument::from).collect(),
        }
    }
}

impl From<PeerRow> for PeerDocument {
    fn from(row: PeerRow) -> Self {
        Self {
            peer: row.peer,
            first_at: row.first_at.div_euclid(1000),
            last_at: row.last_at.div_euclid(1000),
            uses: row.uses,
        }
    }
}
