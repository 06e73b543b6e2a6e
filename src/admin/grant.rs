//! `grant.*`: what users allowed clients.

use crate::admin::document::{operation, some};
use crate::domain::Grant;
use serde::{Deserialize, Serialize};

/// `grant.list`: the grants of a client, of a user, of both, or all, in pages.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GrantList {
    /// Only those to this client.
    #[serde(deserialize_with = "some")]
    pub client_id: Option<String>,
    /// Only those by this user.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// Begins after this grant: the `next` of the page before.
    #[serde(deserialize_with = "some")]
    pub after: Option<String>,
    /// At most so many, 1 to 1000. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(GrantList = "grant.list" -> GrantPage);

/// `grant.revoke`: ends a grant, and with it its codes, refresh tokens and access tokens.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantRevoke {
    /// The grant.
    pub grant_id: String,
}
operation!(GrantRevoke = "grant.revoke" -> GrantDocument);

/// Some grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GrantPage {
    /// The grants, in the order of their ids.
    pub grants: Vec<GrantDocument>,
    /// What `after` takes for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a user allowed a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct GrantDocument {
    /// Its id, which tokens and audit rows name.
    pub grant_id: String,
    /// To whom.
    pub client_id: String,
    /// By whom.
    pub user_id: String,
    /// How: `authorization_code` or `biot_login`.
    pub grant_type: String,
    /// What.
    pub scope: String,
    /// The secret that redeemed the code: revoking it ends the grant. `null` before that, and of a public client.
    pub credential_id: Option<String>,
    /// When.
    pub created_at: i64,
    /// When it was last exchanged or refreshed.
    pub used_at: i64,
    /// When it can be refreshed no more.
    pub expires_at: i64,
    /// When it was revoked, if it was.
    pub revoked_at: Option<i64>,
    /// Whether anything of it is worth something now: it is not once it was revoked or has ended, when its user or
    /// client is disabled or gone, or after a new password.
    pub active: bool,
}

impl GrantDocument {
    pub(crate) fn new(grant: &Grant, active: bool) -> Self {
        Self {
            grant_id: grant.grant_id.as_str().to_owned(),
            client_id: grant.client_id.clone(),
            user_id: grant.subject.clone(),
            grant_type: grant.kind.as_str().to_owned(),
            scope: grant.scope.as_str().to_owned(),
            credential_id: Some(grant.credential_id.clone()).filter(|id| !id.is_empty()),
            created_at: grant.created_at.seconds(),
            used_at: grant.used_at.seconds(),
            expires_at: grant.expires_at.seconds(),
            revoked_at: grant.revoked_at.map(crate::base::UnixTime::seconds),
            active,
        }
    }
}

/// A pending authorization request, for a host's own page.
#[derive(Serialize)]
pub(crate) struct PendingDocument {
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<PendingScope>,
    pub(crate) handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_cookie: Option<String>,
}

/// A word that is asked for.
#[derive(Serialize)]
pub(crate) struct PendingScope {
    pub(crate) scope: String,
    pub(crate) description: String,
}
