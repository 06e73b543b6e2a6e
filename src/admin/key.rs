//! `key.*`: the keys that sign access tokens.

use crate::admin::document::{SecretText, operation};
use crate::base::UnixTime;
use crate::crypto::Jwk;
use crate::domain::Key;
use serde::{Deserialize, Serialize};

/// `key.list`: all signing keys, oldest first. Public halves only.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyList {}
operation!(KeyList = "key.list" -> KeyPage);

/// `key.import`: a private key from elsewhere signs from now on; the one that signed with its algorithm
/// until now still verifies until its last token has ended.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyImport {
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// The key: PEM, or PKCS#8 DER in base64url.
    pub key: SecretText,
}
operation!(KeyImport = "key.import" -> KeyDocument);

/// The signing keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyPage {
    /// The keys, oldest first.
    pub keys: Vec<KeyDocument>,
}

/// A signing key as a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyDocument {
    /// Its id.
    pub kid: String,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// `made` here or `imported`.
    pub origin: String,
    /// When it was made or imported, in seconds.
    pub created_at: i64,
    /// From when it signs, in seconds.
    pub active_from: i64,
    /// When it stopped signing, in seconds.
    pub retired_at: Option<i64>,
    /// When its last token has ended, in seconds.
    pub ends_at: Option<i64>,
    /// The public key (RFC 7517).
    pub public_key: Jwk,
}

impl From<&Key> for KeyDocument {
    fn from(key: &Key) -> Self {
        Self {
            kid: key.kid.as_str().to_owned(),
            algorithm: key.algorithm.as_str().to_owned(),
            origin: key.origin.clone(),
            created_at: key.created_at.seconds(),
            active_from: key.active_from.seconds(),
            retired_at: key.retired_at.map(UnixTime::seconds),
            ends_at: key.ends_at.map(UnixTime::seconds),
            public_key: key.jwk(),
        }
    }
}
