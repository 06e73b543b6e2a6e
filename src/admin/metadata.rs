//! A client's metadata (RFC 7591 2) in the requests that carry it.

use crate::admin::document::{RateDocument, each, word};
use crate::base::{Lifetime, Network};
use crate::crypto::Algorithm;
use crate::domain::{
    AuthMethod, GrantType, Metadata, RateLimit, Scope, TokenFormat, TokenTypeCase,
};
use crate::error::{Error, Result};

/// Declares a request that carries a client's metadata besides members of its own.
macro_rules! with_metadata {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The name people know it by, 1 to 200 characters (RFC 7591 2).
            #[serde(default, deserialize_with = "some")]
            pub client_name: Option<String>,
            /// What it is for, at most 2000 characters. Default empty.
            #[serde(default, deserialize_with = "some")]
            pub description: Option<String>,
            /// The scope words it may have, parted by single spaces (RFC 7591 2); each must be in the
            /// catalogue. Default none.
            #[serde(default, deserialize_with = "some")]
            pub scope: Option<String>,
            /// The words it gets when it asks for none; `null`: all of `scope`. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub default_scope: Option<Option<String>>,
            /// The grants it may use (RFC 7591 2), see `docs/flows.md`. Default `["client_credentials"]`,
            /// unlike there.
            #[serde(default, deserialize_with = "some")]
            pub grant_types: Option<Vec<String>>,
            /// How it proves itself (RFC 7591 2); `null`: either way of sending its secret. `none` makes it a
            /// public client, which has no secret. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub token_endpoint_auth_method: Option<Option<String>>,
            /// Where authorization responses may go (RFC 7591 2), at most 64: absolute URIs, `https` but on
            /// loopback, or an app's own scheme with a dot; matched byte by byte, but for the port of a
            /// loopback address. Default `[]`.
            #[serde(default, deserialize_with = "some")]
            pub redirect_uris: Option<Vec<String>>,
            /// Whether it may introspect the tokens of others (RFC 7662). Default `false`.
            #[serde(default, deserialize_with = "some")]
            pub resource_server: Option<bool>,
            /// The algorithm of its JWTs; `null`: the dialect's, else the settings'. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub algorithm: Option<Option<String>>,
            /// The form of its access tokens; `null`: the dialect's, else the settings'. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub token_format: Option<Option<String>>,
            /// Seconds that its access tokens live; `null`: the dialect's, else the settings'. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub access_token_lifetime: Option<Option<u32>>,
            /// How responses spell `token_type`; `null`: the dialect's way, else `Bearer`. Default `null`.
            #[serde(default, deserialize_with = "some")]
            pub token_type_case: Option<Option<String>>,
            /// The only addresses and CIDR ranges it may come from, at most 64; empty: anywhere. Of a
            /// public client, its users' browsers too. Default `[]`.
            #[serde(default, deserialize_with = "some")]
            pub allowed_networks: Option<Vec<String>>,
            /// The origins of its web pages, at most 64, which may call the token, revocation, introspection,
            /// metadata and key endpoints (CORS) while it is enabled: as browsers print them, so in lower case and
            /// without the scheme's own port; `http` on loopback alone. Default `[]`.
            #[serde(default, deserialize_with = "some")]
            pub allowed_origins: Option<Vec<String>>,
            /// The host's own words about it, at most 4096 bytes; `wardkey_claims` returns them. Default empty.
            #[serde(default, deserialize_with = "some")]
            pub host_data: Option<String>,
            /// Whether its refresh tokens are replaced at each use; a public client's always are. Default
            /// `false`.
            #[serde(default, deserialize_with = "some")]
            pub rotate_refresh_tokens: Option<bool>,
            /// Whether it may ask for codes without a code challenge (RFC 7636), against RFC 9700 2.1.1; the
            /// audit row of who changes it says so. Default `false`.
            #[serde(default, deserialize_with = "some")]
            pub danger_allow_no_pkce: Option<bool>,
            /// How many token requests it may make; `null`: the settings'. Default `null`.
            #[serde(default, deserialize_with = "some_rate")]
            pub token_rate: Option<Option<RateDocument>>,
            /// How often its tokens may be used, and it may introspect; `null`: the settings'. Default
            /// `null`.
            #[serde(default, deserialize_with = "some_rate")]
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
pub(super) use with_metadata;

/// The members of a client's metadata, each given or not.
pub(super) struct Members {
    pub(super) client_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) default_scope: Option<Option<String>>,
    pub(super) grant_types: Option<Vec<String>>,
    pub(super) token_endpoint_auth_method: Option<Option<String>>,
    pub(super) redirect_uris: Option<Vec<String>>,
    pub(super) resource_server: Option<bool>,
    pub(super) algorithm: Option<Option<String>>,
    pub(super) token_format: Option<Option<String>>,
    pub(super) access_token_lifetime: Option<Option<u32>>,
    pub(super) token_type_case: Option<Option<String>>,
    pub(super) allowed_networks: Option<Vec<String>>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) host_data: Option<String>,
    pub(super) rotate_refresh_tokens: Option<bool>,
    pub(super) danger_allow_no_pkce: Option<bool>,
    pub(super) token_rate: Option<Option<RateDocument>>,
    pub(super) verify_rate: Option<Option<RateDocument>>,
}

impl Members {
    pub(super) fn apply(self, old: Metadata) -> Result<Metadata> {
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
