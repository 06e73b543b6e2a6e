//! `leak.find`: what a text that was found somewhere is, and whose.

use crate::admin::document::{SecretText, operation};
use serde::{Deserialize, Serialize};

/// `leak.find`: what a text is that lay where it must not: a client's secret, an access token or a refresh
/// token of this database, living or not; and whose. A text that is nothing of this database is not found, after a
/// hash for each imported secret (15 ms).
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeakFind {
    /// The text.
    pub text: SecretText,
}
operation!(LeakFind = "leak.find" -> LeakDocument);

/// Whose a secret or a token is. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LeakDocument {
    /// `client_secret`, `access_token` or `refresh_token`.
    pub kind: &'static str,
    /// Whether it can be used now.
    pub active: bool,
    /// Why it cannot: the refusal's word, and its sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// See `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_description: Option<String>,
    /// The client that it belongs to.
    pub client_id: String,
    /// The secret, or the secret that obtained the token; absent where none did, or where it is not known
    /// any more: the audit's row of the token's issue knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// The token's `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The grant that the token came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// The user in whose name the token is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The scope words of the token or grant, as they were issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When it ends, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}
