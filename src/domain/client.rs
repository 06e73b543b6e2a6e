//! Clients: the programs that may ask for tokens.

use crate::base::{ClientId, Generation, Lifetime, Network, UnixTime};
use crate::crypto::Algorithm;
use crate::domain::rate::RateLimit;
use crate::domain::redirect::check_redirect_uri;
use crate::domain::scope::Scope;
use crate::domain::settings::check_lifetime;
use crate::error::{Error, Result};
use crate::store::{ClientRow, check_extra};

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its id (RFC 6749 2.2).
    pub(crate) client_id: ClientId,
    /// What is registered about it.
    pub(crate) metadata: Metadata,
    /// Of a client of another site: who it is there.
    pub(crate) foreign: Option<Foreign>,
    /// Whether it may do anything at all.
    pub(crate) enabled: bool,
    /// When it was registered.
    pub(crate) created_at: UnixTime,
    /// When its registration last changed.
    pub(crate) updated_at: UnixTime,
    pub(crate) version: u64,
    /// What later releases keep about it.
    pub(crate) extra: String,
    pub(crate) generation: Generation,
}

/// Who a client of another site is there. It gets its tokens there, and has no secret here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// Its tokens of up to this time are refused.
    pub(crate) since: UnixTime,
}

/// What is registered about a client: RFC 7591 2, and Wardkey's own members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Metadata {
    /// The name people know it by.
    pub(crate) client_name: String,
    /// What it is for.
    pub(crate) description: String,
    /// The scope words it may have.
    pub(crate) scope: Scope,
    /// The words it gets when it asks for none; absent: all it may have.
    pub(crate) default_scope: Option<Scope>,
    /// The grants it may use.
    pub(crate) grant_types: Vec<GrantType>,
    /// How it must present its secret; absent: Basic or form as it likes.
    pub(crate) token_endpoint_auth_method: Option<AuthMethod>,
    /// Where authorization responses may go.
    pub(crate) redirect_uris: Vec<String>,
    /// Whether it may introspect the tokens of others.
    pub(crate) resource_server: bool,
    /// The algorithm of its JWTs; absent: the dialect's, else the settings'.
    pub(crate) algorithm: Option<Algorithm>,
    /// The form of its tokens; absent: the dialect's, else the settings'.
    pub(crate) token_format: Option<TokenFormat>,
    /// How long its tokens live; absent: the dialect's, else the settings'.
    pub(crate) access_token_lifetime: Option<Lifetime>,
    /// How its responses spell `token_type`; absent: the dialect's, else `Bearer`.
    pub(crate) token_type_case: Option<TokenTypeCase>,
    /// The only networks it may come from; empty: from anywhere.
    pub(crate) allowed_networks: Vec<Network>,
    /// The web origins its pages have (for CORS).
    pub(crate) allowed_origins: Vec<String>,
    /// The host's own words about it, at most 4096 bytes; returned with its claims.
    pub(crate) host_data: String,
    /// Whether its refresh tokens are replaced at each use; a public client's always are.
    pub(crate) rotate_refresh_tokens: bool,
    /// Whether it may ask for codes without a code challenge (RFC 7636), against RFC 9700 2.1.1.
    pub(crate) danger_allow_no_pkce: bool,
    /// How many token requests it may make; absent: the settings'.
    pub(crate) token_rate: Option<RateLimit>,
    /// How often its tokens may be used; absent: the settings'.
    pub(crate) verify_rate: Option<RateLimit>,
}

/// A grant type (RFC 6749 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum GrantType {
    /// `client_credentials` (RFC 6749 4.4).
    ClientCredentials,
    /// `authorization_code` (RFC 6749 4.1).
    AuthorizationCode,
    /// `refresh_token` (RFC 6749 6).
    RefreshToken,
    /// `biot_login`: the login of the dialect BioT. No grant of RFC 6749: no token endpoint takes it, no
    /// metadata lists it, and the built-in client `biot` alone has it.
    BiotLogin,
}

/// How a client presents its secret (RFC 7591 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    /// `none`: a public client, which has no secret.
    None,
    /// `client_secret_basic`: the HTTP Basic header.
    ClientSecretBasic,
    /// `client_secret_post`: the form.
    ClientSecretPost,
}

/// The form of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFormat {
    /// `jwt`: RFC 9068.
    Jwt,
    /// `opaque`: 43 base64url characters.
    Opaque,
    /// `opaque_hex`: 64 upper-case hexadecimal digits.
    OpaqueHex,
}

/// How a response spells `token_type`; it means the same (RFC 6749 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenTypeCase {
    /// `Bearer`.
    Upper,
    /// `bearer`.
    Lower,
}

macro_rules! words {
    ($vis:vis $type:ident { $($variant:ident = $word:literal,)* }) => {
        impl $type {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it in documents and on the wire.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the word.
            #[must_use]
            $vis fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}

words!(pub(crate) GrantType {
    ClientCredentials = "client_credentials",
    AuthorizationCode = "authorization_code",
    RefreshToken = "refresh_token",
    BiotLogin = "biot_login",
});
words!(pub(crate) AuthMethod {
    None = "none",
    ClientSecretBasic = "client_secret_basic",
    ClientSecretPost = "client_secret_post",
});
words!(pub TokenFormat { Jwt = "jwt", Opaque = "opaque", OpaqueHex = "opaque_hex", });
words!(pub(crate) TokenTypeCase { Upper = "Bearer", Lower = "bearer", });

impl Metadata {
    /// Whether the client has no secret.
    #[must_use]
    pub(crate) fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == Some(AuthMethod::None)
    }

    /// The words the client gets when it asks for none.
    #[must_use]
    pub(crate) fn default_scope(&self) -> &Scope {
        self.default_scope.as_ref().unwrap_or(&self.scope)
    }

    /// Demands that every member is within its range and that they do not contradict each other.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the member's name.
    pub(crate) fn check(&self) -> Result<()> {
        check_text("client_name", &self.client_name, 1, 200)?;
        check_text("description", &self.description, 0, 2000)?;
        if self.host_data.len() > 4096 {
            return Err(Error::document("host_data", "must have at most 4096 bytes"));
        }
        if self.scope.as_str().len() > 4096 {
            return Err(Error::document("scope", "must have at most 4096 characters"));
        }
        if let Some(default) = &self.default_scope
            && let Some(word) = self.scope.first_missing(default)
        {
            let index = default.words().position(|known| known == word).unwrap_or_default();
            let why = format!("word {} is not in the client's `scope`", index + 1);
            return Err(Error::document("default_scope", why));
        }
        if self.is_public() && self.grant_types.contains(&GrantType::ClientCredentials) {
            // RFC 6749 4.4: "The client credentials grant type MUST only be used by confidential clients."
            let why = "a public client (token_endpoint_auth_method `none`) cannot have client_credentials";
            return Err(Error::document("grant_types", why));
        }
        if let Some(lifetime) = self.access_token_lifetime {
            check_lifetime(lifetime)
                .map_err(|why| Error::document("access_token_lifetime", why))?;
        }
        for (member, rate) in [("token_rate", self.token_rate), ("verify_rate", self.verify_rate)] {
            rate.map_or(Ok(()), |rate| rate.check(member))?;
        }
        check_each("redirect_uris", &self.redirect_uris, check_redirect_uri)?;
        check_each("allowed_origins", &self.allowed_origins, check_origin)?;
        if self.allowed_networks.len() > LIST_LIMIT {
            return Err(Error::document("allowed_networks", "must have at most 64 members"));
        }
        Ok(())
    }
}

/// Demands a text of so many characters, none of them a control character.
pub(crate) fn check_text(member: &str, text: &str, least: usize, most: usize) -> Result<()> {
    let length = text.chars().count();
    if length < least || length > most {
        return Err(Error::document(member, format!("must have {least} to {most} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::document(member, "must not have control characters"));
    }
    Ok(())
}

fn check_each(
    member: &str,
    list: &[String],
    check: impl Fn(&str) -> std::result::Result<(), &'static str>,
) -> Result<()> {
    if list.len() > LIST_LIMIT {
        return Err(Error::document(member, "must have at most 64 members"));
    }
    for (index, text) in list.iter().enumerate() {
        check(text).map_err(|why| Error::document(format!("{member}[{index}]"), why))?;
    }
    Ok(())
}

/// RFC 6454 6.2: scheme, host and port, and nothing behind.
fn check_origin(origin: &str) -> std::result::Result<(), &'static str> {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let sound = |rest: &str| {
        !rest.is_empty()
            && rest.len() <= 255
            && rest
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b))
    };
    if !rest.is_some_and(sound) {
        return Err(
            "must be `https://host` or `https://host:port` in lower case, with nothing behind (RFC 6454)",
        );
    }
    // RFC 6454 6.2: "If the port part of the origin triple is different from the default port for the protocol
    // given by the scheme part of the origin triple": only then is it printed, so no page would ever match.
    let is_https = origin.starts_with("https://");
    if origin.ends_with(if is_https { ":443" } else { ":80" }) {
        return Err("must not name the scheme's own port: browsers leave it out (RFC 6454 6.2)");
    }
    check_redirect_uri(origin)
}

impl Client {
    /// Reads a stored client.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a column holds what this library never writes.
    pub(crate) fn from_row(row: &ClientRow) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt =
            || Error::Corrupt { what: format!("the registration of client `{}`", row.client_id) };
        let scope = |text: &str| Scope::stored(text).map_err(|_| corrupt());
        let lifetime =
            |seconds: i64| u32::try_from(seconds).map(Lifetime::seconds).map_err(|_| corrupt());
        let networks: Result<Vec<Network>> =
            row.allowed_networks.split_whitespace().map(Network::parse).collect();
        Ok(Self {
            client_id: ClientId::parse(&row.client_id).map_err(|_| corrupt())?,
            metadata: Metadata {
                client_name: row.client_name.clone(),
                description: row.description.clone(),
                scope: scope(&row.scope)?,
                default_scope: row.default_scope.as_deref().map(scope).transpose()?,
                grant_types: words_of(&row.grant_types, GrantType::parse).ok_or_else(corrupt)?,
                token_endpoint_auth_method: known(
                    &row.token_endpoint_auth_method,
                    AuthMethod::parse,
                )
                .ok_or_else(corrupt)?,
                redirect_uris: list(&row.redirect_uris),
                resource_server: row.resource_server,
                algorithm: known(&row.algorithm, Algorithm::parse).ok_or_else(corrupt)?,
                token_format: known(&row.token_format, TokenFormat::parse).ok_or_else(corrupt)?,
                access_token_lifetime: row.access_token_lifetime.map(lifetime).transpose()?,
                token_type_case: known(&row.token_type_case, TokenTypeCase::parse)
                    .ok_or_else(corrupt)?,
                allowed_networks: networks.map_err(|_| corrupt())?,
                allowed_origins: list(&row.allowed_origins),
                host_data: row.host_data.clone(),
                rotate_refresh_tokens: row.rotate_refresh_tokens,
                danger_allow_no_pkce: row.danger_allow_no_pkce,
                token_rate: known(&row.token_rate, RateLimit::parse).ok_or_else(corrupt)?,
                verify_rate: known(&row.verify_rate, RateLimit::parse).ok_or_else(corrupt)?,
            },
            foreign: foreign_of(row).ok_or_else(corrupt)?,
            enabled: row.enabled,
            created_at: UnixTime::from_millis(row.created_at),
            updated_at: UnixTime::from_millis(row.updated_at),
            version: row.version,
            extra: row.extra.clone(),
            generation: Generation(row.generation),
        })
    }

    /// The client as a row.
    pub(crate) fn to_row(&self) -> ClientRow {
        let metadata = &self.metadata;
        let joined = |list: &[String]| list.join(" ");
        ClientRow {
            client_id: self.client_id.as_str().to_owned(),
            version: self.version,
            generation: self.generation.0,
            enabled: self.enabled,
            client_name: metadata.client_name.clone(),
            description: metadata.description.clone(),
            scope: metadata.scope.as_str().to_owned(),
            default_scope: metadata.default_scope.as_ref().map(|scope| scope.as_str().to_owned()),
            grant_types: printed(&metadata.grant_types, |grant| grant.as_str().to_owned()),
            token_endpoint_auth_method: metadata
                .token_endpoint_auth_method
                .map(|method| method.as_str().to_owned()),
            redirect_uris: joined(&metadata.redirect_uris),
            resource_server: metadata.resource_server,
            algorithm: metadata.algorithm.map(|algorithm| algorithm.as_str().to_owned()),
            token_format: metadata.token_format.map(|format| format.as_str().to_owned()),
            access_token_lifetime: metadata
                .access_token_lifetime
                .map(|lifetime| i64::from(lifetime.as_seconds())),
            token_type_case: metadata.token_type_case.map(|case| case.as_str().to_owned()),
            allowed_networks: printed(&metadata.allowed_networks, Network::to_string),
            allowed_origins: joined(&metadata.allowed_origins),
            host_data: metadata.host_data.clone(),
            rotate_refresh_tokens: metadata.rotate_refresh_tokens,
            danger_allow_no_pkce: metadata.danger_allow_no_pkce,
            token_rate: metadata.token_rate.map(RateLimit::to_text),
            verify_rate: metadata.verify_rate.map(RateLimit::to_text),
            issuer: self.foreign.as_ref().map(|foreign| foreign.issuer.clone()),
            foreign_client_id: self.foreign.as_ref().map(|foreign| foreign.client_id.clone()),
            foreign_since: self.foreign.as_ref().map(|foreign| foreign.since.millis()),
            created_at: self.created_at.millis(),
            updated_at: self.updated_at.millis(),
            extra: self.extra.clone(),
        }
    }
}

/// Who a stored client is at another site; `None` if that is half said.
#[expect(clippy::option_option, reason = "our own and half said are two answers")]
fn foreign_of(row: &ClientRow) -> Option<Option<Foreign>> {
    match (&row.issuer, &row.foreign_client_id, row.foreign_since) {
        (None, None, None) => Some(None),
        (Some(issuer), Some(client_id), Some(since)) => Some(Some(Foreign {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            since: UnixTime::from_millis(since),
        })),
        (None | Some(_), None | Some(_), None | Some(_)) => None,
    }
}

/// The words of a stored list, or `None` if one is unknown.
fn words_of<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split_whitespace().map(parse).collect()
}

/// A stored word, absent or known; `None` if it is unknown.
#[expect(clippy::option_option, reason = "absent and unknown are two answers")]
fn known<T>(word: &Option<String>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match word {
        None => Some(None),
        Some(word) => parse(word).map(Some),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn printed<T>(list: &[T], print: impl Fn(&T) -> String) -> String {
    list.iter().map(print).collect::<Vec<_>>().join(" ")
}

const LIST_LIMIT: usize = 64;
