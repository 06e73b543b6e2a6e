//! `key.*`: the keys that sign access tokens.

use crate::admin::document::{SecretText, operation, some};
use crate::base::UnixTime;
use crate::crypto::Jwk;
use crate::domain::{Key, Keyring};
use serde::{Deserialize, Serialize};

/// `key.list`: all signing keys, oldest first. Public halves only.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyList {}
operation!(KeyList = "key.list" -> KeyPage);

/// `key.import`: a private key from elsewhere signs from now on; the one that signed with its algorithm
/// until now still verifies until its last token has ended.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyImport {
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// The key: PEM, or PKCS#8 DER in base64url.
    pub key: SecretText,
}
operation!(KeyImport = "key.import" -> KeyDocument);

/// `key.rotate`: new keys sign from now on; the former ones verify until their last token has ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct KeyRotate {
    /// `ES256`, `EdDSA` or `RS256`; absent: each that is in use.
    #[serde(deserialize_with = "some")]
    pub algorithm: Option<String>,
}
operation!(KeyRotate = "key.rotate" -> KeyPage);

/// `key.retire`: for a key that somebody else may have. Its tokens are refused at once and for good, in every
/// process. If it signs, or will, another one is made and the key that was to follow it is retired too.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRetire {
    /// The key.
    pub kid: String,
}
operation!(KeyRetire = "key.retire" -> KeyDocument);

/// `key.export`: what another site needs to verify our tokens: a document for its `issuer.import`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyExport {}
operation!(KeyExport = "key.export" -> SiteDocument);

/// An issuer, its site and its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SiteDocument {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The id of its database, which all its tokens and keys begin with.
    pub site: String,
    /// Its public keys, those published ahead too (RFC 7517 5).
    pub jwks: KeySet,
}

/// A key set (RFC 7517 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeySet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// `key.rekey`: another master key opens the database from now on. Open processes notice nothing.
///
/// A host that keeps the key itself stores the new one first, and opens with both until this has answered.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct KeyRekey {
    /// Who keeps the new key: `file`, `host` or `dpapi`; absent: who keeps the present one.
    #[serde(deserialize_with = "some")]
    pub source: Option<String>,
    /// Of the host: the new key, 32 bytes in base64url. Of the others it is made here.
    #[serde(deserialize_with = "some")]
    pub key: Option<SecretText>,
}
operation!(KeyRekey = "key.rekey" -> KeyRekeyed);

/// What a change of master key means for backups that were made before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyRekeyed {
    /// Who keeps the new key.
    pub source: String,
    /// Its id.
    pub key_id: String,
    /// Who keeps the former key.
    pub former_source: String,
    /// Its id: backups made until now need that key, or the recovery code they were made with.
    pub former_key_id: String,
    /// Whether the former key may be needed yet, because the main file could not be completed while somebody
    /// was reading: then it still stands in the key file until a later opening, and a host keeps its own.
    pub former_key_needed: bool,
    /// Whether there is a recovery code. Without one, a lost master key loses the database.
    pub recovery_code: bool,
}

/// `key.recovery`: makes a recovery code, which opens the database and its later backups if the master key is
/// lost. The answer is the only place where it is ever shown; a former code opens nothing any more.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRecovery {}
operation!(KeyRecovery = "key.recovery" -> RecoveryCodeDocument);

/// A recovery code. Whoever has it and a copy of the database has everything in it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RecoveryCodeDocument {
    /// The code, in nine groups of four characters. Write it down, and keep it away from the backups.
    pub recovery_code: String,
}

impl Drop for RecoveryCodeDocument {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.recovery_code);
    }
}

/// The signing keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyPage {
    /// The keys, oldest first.
    pub keys: Vec<KeyDocument>,
}

/// A signing key as a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyDocument {
    /// Its id.
    pub kid: String,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// `published`: it will sign. `signing`. `verifying`: it signs no more, and its tokens are valid until they
    /// end. `ended`: they have. `retired`: they are refused.
    pub state: &'static str,
    /// `made` here or `imported`.
    pub origin: String,
    /// When it was made or imported, in seconds.
    pub created_at: i64,
    /// From when it signs, in seconds.
    pub active_from: i64,
    /// When it stopped signing, or will because the next one begins, in seconds.
    pub retired_at: Option<i64>,
    /// When its last token has ended, in seconds.
    pub ends_at: Option<i64>,
    /// The public key (RFC 7517).
    pub public_key: Jwk,
}

impl KeyDocument {
    pub(crate) fn of(key: &Key, keyring: &Keyring, now: UnixTime) -> Self {
        Self {
            kid: key.kid.as_str().to_owned(),
            algorithm: key.algorithm.as_str().to_owned(),
            state: keyring.state(key, now).as_str(),
            origin: key.origin.clone(),
            created_at: key.created_at.seconds(),
            active_from: key.active_from.seconds(),
            retired_at: keyring.stops_at(key).map(UnixTime::seconds),
            ends_at: key.ends_at.map(UnixTime::seconds),
            public_key: key.jwk(),
        }
    }
}
