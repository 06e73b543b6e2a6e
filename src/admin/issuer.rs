//! `issuer.*`: other sites whose tokens are believed.

use crate::admin::document::{Done, by_id, object, operation};
use crate::admin::key::KeySet;
use crate::domain::Issuer;
use serde::{Deserialize, Serialize};

/// `issuer.import`: believes the tokens of another site from a minute later on, for the clients of that site that are
/// registered here; of a site that is known already, replaces its keys. The other site's `key.export` prints this
/// document. Its revocations are not seen.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssuerImport {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The id of its database.
    pub site: String,
    /// Its public keys (RFC 7517 5).
    #[serde(deserialize_with = "object")]
    pub jwks: KeySet,
}
operation!(IssuerImport = "issuer.import" -> IssuerDocument);

/// `issuer.list`: the other sites, by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssuerList {}
operation!(IssuerList = "issuer.list" -> IssuerPage);

by_id! {
    issuer, "site's issuer":
    /// `issuer.read`: what is known of another site.
    IssuerRead = "issuer.read" -> IssuerDocument;
    /// `issuer.disable`: refuses the tokens of another site until it is enabled again.
    IssuerDisable = "issuer.disable" -> IssuerDocument;
    /// `issuer.enable`: believes another site again, as after a restore; what it issued until now, or in the next
    /// minute, stays refused: its clock may be ahead.
    IssuerEnable = "issuer.enable" -> IssuerDocument;
    /// `issuer.delete`: stops knowing another site. Its clients stay registered, and nobody speaks for them.
    IssuerDelete = "issuer.delete" -> Done;
}

/// The other sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct IssuerPage {
    /// By name.
    pub issuers: Vec<IssuerDocument>,
}

/// Another site as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct IssuerDocument {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The id of its database.
    pub site: String,
    /// Whether its tokens are believed. A restore turns that off.
    pub enabled: bool,
    /// Tokens that it issued up to this time are refused, in seconds.
    pub since: i64,
    /// When it was first imported, in seconds.
    pub created_at: i64,
    /// When it was last changed, in seconds: how old its keys are at least.
    pub updated_at: i64,
    /// Its public keys.
    pub jwks: KeySet,
}

impl From<&Issuer> for IssuerDocument {
    fn from(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.issuer.clone(),
            site: issuer.site.as_str().to_owned(),
            enabled: issuer.enabled,
            since: issuer.since.seconds(),
            created_at: issuer.created_at.seconds(),
            updated_at: issuer.updated_at.seconds(),
            jwks: KeySet { keys: issuer.jwks.clone() },
        }
    }
}
