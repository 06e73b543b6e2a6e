//! `client.secret.*`: a client's secrets.

use crate::admin::document::{SecretText, operation, some};
use crate::domain::Credential;
use crate::store::{CredentialRow, PeerRow, UseRow};
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

/// `client.secret.rotate`: gives a client a secret in place of another one, which ends by itself after an overlap.
/// What
/// the old one obtained lives on. The answer is the only place where the new one is ever shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretRotate {
    /// The client.
    pub client_id: String,
    /// The old secret's id; absent: the only one that has not ended.
    #[serde(default, deserialize_with = "some")]
    pub credential_id: Option<String>,
    /// Seconds for which both are valid, 0 to 31622400. Default 1209600, 14 days. An earlier end of the old one stays.
    #[serde(default, deserialize_with = "some")]
    pub overlap: Option<u32>,
    /// What people call the new one; absent: what they call the old one.
    #[serde(default, deserialize_with = "some")]
    pub label: Option<String>,
    /// Until when the new one is valid, in seconds; absent: until it is revoked.
    #[serde(default, deserialize_with = "some")]
    pub expires_at: Option<i64>,
}
operation!(SecretRotate = "client.secret.rotate" -> SecretRotated);

/// `client.secret.update`: gives a secret another label or another end. What it obtained is not touched, so an end
/// that is now is no revocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretUpdate {
    /// The client.
    pub client_id: String,
    /// The secret's id.
    pub credential_id: String,
    /// What people call it.
    #[serde(default, deserialize_with = "some")]
    pub label: Option<String>,
    /// Until when it is valid, in seconds; `null`: until it is revoked.
    #[serde(default, deserialize_with = "some")]
    pub expires_at: Option<Option<i64>>,
}
operation!(SecretUpdate = "client.secret.update" -> SecretDocument);

/// `client.secret.expiring`: the secrets of all clients that will end, the soonest first.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SecretExpiring {
    /// Only those that end within so many seconds; absent: all that have an end.
    #[serde(deserialize_with = "some")]
    pub within: Option<u32>,
    /// The `next` of the page before; absent for the first one.
    #[serde(deserialize_with = "some")]
    pub after: Option<String>,
    /// Secrets a page, 1 to 1000. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(SecretExpiring = "client.secret.expiring" -> SecretExpiringPage);

/// `client.secret.import`: gives a client a secret that it has in another system, stored as an Argon2id
/// hash, or, if it looks random when it is first proven, from then on as a keyed digest. At most two hashes of one
/// client.
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

/// A page of secrets of all clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretExpiringPage {
    /// The secrets, the one that ends first first.
    pub secrets: Vec<SecretDocument>,
    /// What to ask for as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
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
    /// `generated` here; `imported`; or `strong`: imported, found to look random, and kept as a keyed digest.
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
    /// When the secret itself was last used, in seconds: it proved its client, here or at introspection or revocation.
    pub last_used_at: Option<i64>,
    /// How often it was.
    pub use_count: u64,
    /// The secret that a rotation made it for.
    pub replaces: Option<String>,
    /// The secret that a rotation made in its place, unless that one was revoked.
    pub replaced_by: Option<String>,
    /// When that rotation was, in seconds.
    pub rotated_at: Option<i64>,
    /// Whether it was used all the same since that rotation; `peers` say from where.
    pub used_since_rotation: Option<bool>,
    /// From where it and its tokens were used, the latest first; at most 64 places of either.
    pub peers: Vec<PeerDocument>,
}

/// A place that a secret or its tokens were used from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PeerDocument {
    /// The address, of IPv6 its /64, or `unknown`.
    pub peer: String,
    /// The first use of either, in seconds.
    pub first_at: i64,
    /// When the secret itself was last used, in seconds.
    pub authenticated_at: Option<i64>,
    /// How often it was.
    pub authentications: u64,
    /// When a token that it obtained was last used, in seconds.
    pub token_used_at: Option<i64>,
    /// How often such tokens were.
    pub token_uses: u64,
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

/// A secret that has taken the place of another one, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretRotated {
    /// The new secret.
    #[serde(flatten)]
    pub created: SecretCreated,
    /// The old secret, with its end.
    pub replaced: SecretDocument,
}

/// What is known of a secret beside its row.
#[derive(Debug, Default)]
pub(crate) struct SecretLife {
    pub(crate) used: Option<UseRow>,
    pub(crate) successor: Option<CredentialRow>,
    pub(crate) peers: Vec<PeerRow>,
}

impl SecretDocument {
    pub(crate) fn new(credential: &Credential, life: SecretLife) -> Self {
        let SecretLife { used, successor, peers } = life;
        let seen_beside = used.as_ref().and_then(|used| used.seen_beside.as_ref());
        let since = successor.as_ref().map(|new| seen_beside == Some(&new.credential_id));
        let seconds = crate::base::UnixTime::seconds;
        Self {
            credential_id: credential.credential_id.as_str().to_owned(),
            client_id: credential.client_id.as_str().to_owned(),
            kind: credential.kind.as_str(),
            label: credential.label.clone(),
            created_at: seconds(credential.created_at),
            not_before: credential.not_before.map(seconds),
            expires_at: credential.expires_at.map(seconds),
            revoked_at: credential.revoked_at.map(seconds),
            confirmed: credential.confirmed,
            last_used_at: used.as_ref().map(|used| used.last_at.div_euclid(1000)),
            use_count: used.map_or(0, |used| used.uses),
            replaces: credential.replaces.as_ref().map(|id| id.as_str().to_owned()),
            rotated_at: successor.as_ref().map(|new| new.created_at.div_euclid(1000)),
            replaced_by: successor.map(|new| new.credential_id),
            used_since_rotation: since,
            peers: peers.into_iter().map(PeerDocument::from).collect(),
        }
    }
}

impl From<PeerRow> for PeerDocument {
    fn from(row: PeerRow) -> Self {
        Self {
            peer: row.peer,
            first_at: row.first_at.div_euclid(1000),
            authenticated_at: row.authenticated_at.map(|at| at.div_euclid(1000)),
            authentications: row.authentications,
            token_used_at: row.used_at.map(|at| at.div_euclid(1000)),
            token_uses: row.uses,
        }
    }
}
