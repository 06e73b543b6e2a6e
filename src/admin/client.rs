//! `client.*`: registering the programs that may ask for tokens (RFC 7591).

use crate::admin::document::{Done, RateDocument, SecretText, by_id, operation, some, some_rate};
use crate::admin::metadata::{Members, with_metadata};
use crate::base::{Lifetime, Network};
use crate::domain::{Client, Metadata};
use crate::error::Result;
use serde::{Deserialize, Serialize};

with_metadata! {
    /// `client.create`: registers a client and, unless it is public, gives it its first secret. The
    /// answer is the only place where the secret is ever shown.
    #[derive(Debug, Clone)]
    ClientCreate {
        /// Whether it may be used at once. Default `true`.
        #[serde(default, deserialize_with = "some")]
        enabled: Option<bool>,
        /// What people call its first secret. Default empty.
        #[serde(default)]
        secret_label: String,
        /// When its first secret ends, in seconds; absent or 0: when it is revoked (RFC 7591 3.2.1).
        #[serde(default, deserialize_with = "some")]
        client_secret_expires_at: Option<i64>,
    }
}
operation!(ClientCreate = "client.create" -> ClientCreated);

with_metadata! {
    /// `client.import`: registers a client under the id and the secret that it has in another system.
    /// The secret is stored as an Argon2id hash.
    ClientImport {
        /// The id: 1 to 127 printable ASCII characters, not beginning with `usr_`.
        client_id: String,
        /// The secret: 8 to 1024 bytes without control characters.
        client_secret: SecretText,
        /// Whether it may be used at once. Default `true`.
        #[serde(default, deserialize_with = "some")]
        enabled: Option<bool>,
    }
}
operation!(ClientImport = "client.import" -> ClientDocument);

with_metadata! {
    /// `issuer.client.add`: registers a client of another site, which gets its tokens there and may use them
    /// here. It has no secret here; `grant_types` is `client_credentials`.
    #[derive(Debug, Clone)]
    IssuerClientAdd {
        /// The other site.
        issuer: String,
        /// What the client is called there. Here it gets an id of its own.
        client_id: String,
        /// Whether it may be used at once. Default `true`.
        #[serde(default, deserialize_with = "some")]
        enabled: Option<bool>,
    }
}
operation!(IssuerClientAdd = "issuer.client.add" -> ClientDocument);

with_metadata! {
    /// `client.update`: replaces the members given; the others stay. In force at once, for living tokens
    /// too.
    #[derive(Debug, Clone)]
    ClientUpdate {
        /// The client.
        client_id: String,
    }
}
operation!(ClientUpdate = "client.update" -> ClientDocument);

by_id! {
    client_id, "client":
    /// `client.read`: what is registered about a client.
    ClientRead = "client.read" -> ClientDocument;
    /// `client.disable`: refuses the client and all its tokens until it is enabled again.
    ClientDisable = "client.disable" -> ClientDocument;
    /// `client.enable`: lets a disabled client go on; its living tokens with it.
    ClientEnable = "client.enable" -> ClientDocument;
    /// `client.revoke`: ends every token the client has; it may obtain new ones.
    ClientRevoke = "client.revoke" -> ClientDocument;
    /// `client.delete`: ends the client, its secrets and its tokens for good; its audit stays.
    ClientDelete = "client.delete" -> Done;
}

/// `client.list`: the clients in the order of their ids, page by page.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ClientList {
    /// The `next` of the page before; absent for the first one.
    #[serde(deserialize_with = "some")]
    pub after: Option<String>,
    /// Clients a page, 1 to 1000. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(ClientList = "client.list" -> ClientPage);

/// A page of clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<ClientDocument>,
    /// What to ask for as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A client as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClientDocument {
    /// Its id.
    pub client_id: String,
    /// When it was registered, in seconds (RFC 7591 3.2.1).
    pub client_id_issued_at: i64,
    /// When its registration last changed, in seconds.
    pub updated_at: i64,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// The name people know it by.
    pub client_name: String,
    /// What it is for.
    pub description: String,
    /// The scope words it may have.
    pub scope: String,
    /// The words it gets when it asks for none; `null`: all of `scope`.
    pub default_scope: Option<String>,
    /// The grants it may use; a dialect's own client has `biot_login`.
    pub grant_types: Vec<String>,
    /// How it proves itself; `null`: either way of sending its secret.
    pub token_endpoint_auth_method: Option<String>,
    /// Where authorization responses may go.
    pub redirect_uris: Vec<String>,
    /// Whether it may introspect the tokens of others.
    pub resource_server: bool,
    /// The algorithm of its JWTs; `null`: the dialect's, else the settings'.
    pub algorithm: Option<String>,
    /// The form of its access tokens; `null`: the dialect's, else the settings'.
    pub token_format: Option<String>,
    /// Seconds that its access tokens live; `null`: the dialect's, else the settings'.
    pub access_token_lifetime: Option<u32>,
    /// How responses spell `token_type`; `null`: the dialect's way, else `Bearer`.
    pub token_type_case: Option<String>,
    /// The only addresses and CIDR ranges it may come from; empty: anywhere.
    pub allowed_networks: Vec<String>,
    /// The origins of its web pages.
    pub allowed_origins: Vec<String>,
    /// The host's own words about it.
    pub host_data: String,
    /// Whether its refresh tokens are replaced at each use.
    pub rotate_refresh_tokens: bool,
    /// Whether it may ask for codes without a code challenge.
    pub danger_allow_no_pkce: bool,
    /// How many token requests it may make; `null`: the settings'.
    pub token_rate: Option<RateDocument>,
    /// How often its tokens may be used, and it may introspect; `null`: the settings'.
    pub verify_rate: Option<RateDocument>,
    /// Of a client of another site: that site's issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Of a client of another site: what it is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_client_id: Option<String>,
}

/// A new client and its secret, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClientCreated {
    /// The client.
    #[serde(flatten)]
    pub client: ClientDocument,
    /// The secret; absent for a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The secret's id, which is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// When the secret ends, in seconds; 0: when it is revoked (RFC 7591 3.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
}

impl Drop for ClientCreated {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.client_secret);
    }
}

impl From<&Client> for ClientDocument {
    fn from(client: &Client) -> Self {
        let metadata = &client.metadata;
        Self {
            client_id: client.client_id.as_str().to_owned(),
            client_id_issued_at: client.created_at.seconds(),
            updated_at: client.updated_at.seconds(),
            enabled: client.enabled,
            client_name: metadata.client_name.clone(),
            description: metadata.description.clone(),
            scope: metadata.scope.as_str().to_owned(),
            default_scope: metadata.default_scope.as_ref().map(|scope| scope.as_str().to_owned()),
            grant_types: metadata
                .grant_types
                .iter()
                .map(|grant| grant.as_str().to_owned())
                .collect(),
            token_endpoint_auth_method: metadata
                .token_endpoint_auth_method
                .map(|method| method.as_str().to_owned()),
            redirect_uris: metadata.redirect_uris.clone(),
            resource_server: metadata.resource_server,
            algorithm: metadata.algorithm.map(|algorithm| algorithm.as_str().to_owned()),
            token_format: metadata.token_format.map(|format| format.as_str().to_owned()),
            access_token_lifetime: metadata.access_token_lifetime.map(Lifetime::as_seconds),
            token_type_case: metadata.token_type_case.map(|case| case.as_str().to_owned()),
            allowed_networks: metadata.allowed_networks.iter().map(Network::to_string).collect(),
            allowed_origins: metadata.allowed_origins.clone(),
            host_data: metadata.host_data.clone(),
            rotate_refresh_tokens: metadata.rotate_refresh_tokens,
            danger_allow_no_pkce: metadata.danger_allow_no_pkce,
            token_rate: metadata.token_rate.map(RateDocument::from),
            verify_rate: metadata.verify_rate.map(RateDocument::from),
            issuer: client.foreign.as_ref().map(|foreign| foreign.issuer.clone()),
            foreign_client_id: client.foreign.as_ref().map(|foreign| foreign.client_id.clone()),
        }
    }
}
