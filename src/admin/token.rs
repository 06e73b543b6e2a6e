//! `token.*`: single access tokens.

use crate::admin::document::{Done, SecretText, operation, some};
use serde::{Deserialize, Serialize};

/// `token.revoke`: ends one token, by its text or its `jti`. Exactly one of them is given.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TokenRevoke {
    /// The token itself.
    #[serde(deserialize_with = "some")]
    pub token: Option<SecretText>,
    /// Its `jti`, as the audit names it.
    #[serde(deserialize_with = "some")]
    pub jti: Option<String>,
}
operation!(TokenRevoke = "token.revoke" -> Done);

/// `token.introspect`: whether a token is valid now, and what it says (RFC 7662).
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenIntrospect {
    /// The token.
    pub token: SecretText,
}
operation!(TokenIntrospect = "token.introspect" -> TokenDocument);

/// What a valid token says: the claims of RFC 9068 2.2 that a host needs, and the host's own words about
/// the client. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ClaimsDocument<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) jti: &'a str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) host_data: &'a str,
}

/// What a token is (RFC 7662 2.2). Of an inactive one also why, which the wire does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TokenDocument {
    /// Whether it is valid now.
    pub active: bool,
    /// Why it is not active: the refusal's word, and its sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// See `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_description: Option<String>,
    /// Its scope words, as far as the client's registration still has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The client that it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// In whose name: a user, or the client itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// When it ends, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was issued, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The secret that obtained it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
}
