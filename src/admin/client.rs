//! `client.*`: registering the programs that may ask for tokens (RFC 7591).

use crate::admin::document::{
    Done, RateDocument, SecretText, by_id, each, operation, some, some_rate, word,
};
use crate::base::{Lifetime, Network};
use crate::crypto::Algorithm;
use crate::domain::{
    AuthMethod, Client, GrantType, Metadata, RateLimit, Scope, TokenFormat, TokenTypeCase,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Declares a request that carries a client's metadata besides members of its own.
macro_rules! with_metadata {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The name people know it by (RFC 7591 2).
            #[serde(deserialize_with = "some")]
            pub client_name: Option<String>,
            /// What it is for.
            #[serde(deserialize_with = "some")]
            pub description: Option<String>,
            /// The scope words it may have, parted by spaces (RFC 7591 2); each must be in the catalogue.
            #[serde(deserialize_with = "some")]
            pub scope: Option<String>,
            /// The words it gets when it asks for none; `null`: all of `scope`.
            #[serde(deserialize_with = "some")]
            pub default_scope: Option<Option<String>>,
            /// The grants it may use (RFC 7591 2). Unlike there, the default is `client_credentials`.
            #[serde(deserialize_with = "some")]
            pub grant_types: Option<Vec<String>>,
            /// `client_secret_basic`, `client_secret_post` or `none` (RFC 7591 2); `null`: the first two.
            #[serde(deserialize_with = "some")]
            pub token_endpoint_auth_method: Option<Option<String>>,
            /// Where authorization responses may go (RFC 7591 2).
            #[serde(deserialize_with = "some")]
            pub redirect_uris: Option<Vec<String>>,
            /// Whether it may introspect the tokens of others (RFC 7662).
            #[serde(deserialize_with = "some")]
            pub resource_server: Option<bool>,
            /// `ES256`, `EdDSA` or `RS256`; `null`: the dialect's, else the settings'.
            #[serde(deserialize_with = "some")]
            pub algorithm: Option<Option<String>>,
            /// `jwt`, `opaque` or `opaque_hex`; `null`: the dialect's, else the settings'.
            #[serde(deserialize_with = "some")]
            pub token_format: Option<Option<String>>,
            /// Seconds; `null`: the dialect's, else the settings'.
            #[serde(deserialize_with = "some")]
            pub access_token_lifetime: Option<Option<u32>>,
            /// `Bearer` or `bearer`; `null`: the dialect's, else `Bearer`.
            #[serde(deserialize_with = "some")]
            pub token_type_case: Option<Option<String>>,
            /// The only addresses or CIDR ranges it may come from; empty: anywhere.
            #[serde(deserialize_with = "some")]
            pub allowed_networks: Option<Vec<String>>,
            /// The origins of its web pages (for CORS).
            #[serde(deserialize_with = "some")]
            pub allowed_origins: Option<Vec<String>>,
            /// The host's own words about it, at most 4096 bytes.
            #[serde(deserialize_with = "some")]
            pub host_data: Option<String>,
            /// Whether its refresh tokens are replaced at each use; a public client's always are.
            #[serde(deserialize_with = "some")]
            pub rotate_refresh_tokens: Option<bool>,
            /// Whether it may ask for codes without a code challenge (RFC 7636), against RFC 9700 2.1.1.
            #[serde(deserialize_with = "some")]
            pub danger_allow_no_pkce: Option<bool>,
            /// How many token requests it may make; `null`: the settings'.
            #[serde(deserialize_with = "some_rate")]
            pub token_rate: Option<Option<RateDocument>>,
            /// How often its tokens may be used, and it may introspect; `null`: the settings'.
            #[serde(deserialize_with = "some_rate")]
            pub verify_rate: Option<Option<RateDocument>>,
        }

        impl $name {
            /// `metadata` with the given members replaced.
            ///
            /// # Errors
            /// [`Error::InvalidDocument`] with the member's path.
            pub(crate) fn apply(self, metadata: Metadata) -> Result<Metadata> {
                Members {
                    client_name: self.client_name,
                    description: self.description,
                    scope: self.scope,
                    default_scope: self.default_scope,
                    grant_types: self.grant_types,
                    token_endpoint_auth_method: self.token_endpoint_auth_method,
                    redirect_uris: self.redirect_uris,
                    resource_server: self.resource_server,
                    algorithm: self.algorithm,
                    token_format: self.token_format,
                    access_token_lifetime: self.access_token_lifetime,
                    token_type_case: self.token_type_case,
                    allowed_networks: self.allowed_networks,
                    allowed_origins: self.allowed_origins,
                    host_data: self.host_data,
                    rotate_refresh_tokens: self.rotate_refresh_tokens,
                    danger_allow_no_pkce: self.danger_allow_no_pkce,
                    token_rate: self.token_rate,
                    verify_rate: self.verify_rate,
                }
                .apply(metadata)
            }
        }
    };
}

with_metadata! {
    /// `client.create`: registers a client and, unless it is public, gives it its first secret. The
    /// answer is the only place where the secret is ever shown.
    #[derive(Debug, Clone)]
    ClientCreate {
        /// Whether it may be used at once. Default true.
        #[serde(deserialize_with = "some")]
        enabled: Option<bool>,
        /// What people call its first secret.
        secret_label: String,
        /// When its first secret ends, in seconds; absent or 0: when it is revoked (RFC 7591 3.2.1).
        #[serde(deserialize_with = "some")]
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
        /// Whether it may be used at once. Default true.
        #[serde(deserialize_with = "some")]
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
        /// Whether it may be used at once. Default true.
        #[serde(deserialize_with = "some")]
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
#[non_exhaustive]
#[expect(missing_docs, reason = "the members are those of ClientCreate")]
pub struct ClientDocument {
    pub client_id: String,
    /// When it was registered, in seconds (RFC 7591 3.2.1).
    pub client_id_issued_at: i64,
    /// When its registration last changed, in seconds.
    pub updated_at: i64,
    pub enabled: bool,
    pub client_name: String,
    pub description: String,
    pub scope: String,
    pub default_scope: Option<String>,
    pub grant_types: Vec<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub redirect_uris: Vec<String>,
    pub resource_server: bool,
    pub algorithm: Option<String>,
    pub token_format: Option<String>,
    pub access_token_lifetime: Option<u32>,
    pub token_type_case: Option<String>,
    pub allowed_networks: Vec<String>,
    pub allowed_origins: Vec<String>,
    pub host_data: String,
    pub rotate_refresh_tokens: bool,
    pub danger_allow_no_pkce: bool,
    pub token_rate: Option<RateDocument>,
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

/// The members of a client's metadata, each given or not.
struct Members {
    client_name: Option<String>,
    description: Option<String>,
    scope: Option<String>,
    default_scope: Option<Option<String>>,
    grant_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<Option<String>>,
    redirect_uris: Option<Vec<String>>,
    resource_server: Option<bool>,
    algorithm: Option<Option<String>>,
    token_format: Option<Option<String>>,
    access_token_lifetime: Option<Option<u32>>,
    token_type_case: Option<Option<String>>,
    allowed_networks: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    host_data: Option<String>,
    rotate_refresh_tokens: Option<bool>,
    danger_allow_no_pkce: Option<bool>,
    token_rate: Option<Option<RateDocument>>,
    verify_rate: Option<Option<RateDocument>>,
}

impl Members {
    fn apply(self, old: Metadata) -> Result<Metadata> {
        let algorithm =
            |text: &str| word("algorithm", text, Algorithm::parse, "ES256, EdDSA, RS256");
        let format =
            |text: &str| word("token_format", text, TokenFormat::parse, "jwt, opaque, opaque_hex");
        let case =
            |text: &str| word("token_type_case", text, TokenTypeCase::parse, "Bearer, bearer");
        let method = |text: &str| {
            let known = "client_secret_basic, client_secret_post, none";
            word("token_endpoint_auth_method", text, AuthMethod::parse, known)
        };
        let network = |text: &str| Network::parse(text).map_err(|error| error.to_string());
        Ok(Metadata {
            client_name: self.client_name.unwrap_or(old.client_name),
            description: self.description.unwrap_or(old.description),
            scope: given(self.scope.as_deref(), old.scope, |text| scope("scope", text))?,
            default_scope: nullable(&self.default_scope, old.default_scope, |text| {
                scope("default_scope", text)
            })?,
            grant_types: given(self.grant_types, old.grant_types, |list| grant_types(&list))?,
            token_endpoint_auth_method: nullable(
                &self.token_endpoint_auth_method,
                old.token_endpoint_auth_method,
                method,
            )?,
            redirect_uris: self.redirect_uris.unwrap_or(old.redirect_uris),
            resource_server: self.resource_server.unwrap_or(old.resource_server),
            algorithm: nullable(&self.algorithm, old.algorithm, algorithm)?,
            token_format: nullable(&self.token_format, old.token_format, format)?,
            access_token_lifetime: match self.access_token_lifetime {
                None => old.access_token_lifetime,
                Some(seconds) => seconds.map(Lifetime::seconds),
            },
            token_type_case: nullable(&self.token_type_case, old.token_type_case, case)?,
            allowed_networks: given(self.allowed_networks, old.allowed_networks, |list| {
                each("allowed_networks", &list, network)
            })?,
            allowed_origins: self.allowed_origins.unwrap_or(old.allowed_origins),
            host_data: self.host_data.unwrap_or(old.host_data),
            rotate_refresh_tokens: self.rotate_refresh_tokens.unwrap_or(old.rotate_refresh_tokens),
            danger_allow_no_pkce: self.danger_allow_no_pkce.unwrap_or(old.danger_allow_no_pkce),
            token_rate: rate(self.token_rate, old.token_rate),
            verify_rate: rate(self.verify_rate, old.verify_rate),
        })
    }
}

/// A member that is given, read; or the old value.
fn given<G, T>(member: Option<G>, old: T, read: impl FnOnce(G) -> Result<T>) -> Result<T> {
    member.map_or(Ok(old), read)
}

/// A member that may be `null`, read; or the old value.
#[expect(clippy::option_option, reason = "not given, null and given are three things")]
fn nullable<T>(
    member: &Option<Option<String>>,
    old: Option<T>,
    read: impl FnOnce(&str) -> Result<T>,
) -> Result<Option<T>> {
    match member {
        None => Ok(old),
        Some(None) => Ok(None),
        Some(Some(text)) => read(text).map(Some),
    }
}

/// A rate that is given, or `null`; or the old one.
#[expect(clippy::option_option, reason = "not given, null and given are three things")]
fn rate(member: Option<Option<RateDocument>>, old: Option<RateLimit>) -> Option<RateLimit> {
    member.map_or(old, |given| given.map(RateLimit::from))
}

fn scope(member: &str, text: &str) -> Result<Scope> {
    Scope::stored(text).map_err(|_| {
        Error::document(member, "must be words parted by single spaces (RFC 6749 3.3)")
    })
}

fn grant_types(list: &[String]) -> Result<Vec<GrantType>> {
    let known = "client_credentials, authorization_code, refresh_token";
    let read =
        |text: &str| GrantType::parse(text).ok_or_else(|| format!("must be one of: {known}"));
    let mut grants = each("grant_types", list, read)?;
    grants.dedup();
    Ok(grants)
}
