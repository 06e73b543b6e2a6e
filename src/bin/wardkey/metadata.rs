//! A client's registration on the command line.

use crate::failure::Failure;
use crate::limit;
use crate::when;
use clap::Args;
use wardkey::admin::RateDocument;

/// What may be said of a client. `none` empties a list, or leaves a choice to the dialect and the settings.
#[derive(Args, Default)]
pub(crate) struct Metadata {
    /// Scope words it may have, parted by spaces; may be given more than once
    #[arg(long, value_name = "WORDS")]
    scope: Vec<String>,
    /// Scope words it gets when it asks for none [default: all it may have]
    #[arg(long, value_name = "WORDS")]
    default_scope: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The only addresses or CIDR ranges it may come from [default: anywhere]
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// client_credentials, authorization_code or refresh_token [default: client_credentials]
    #[arg(long, value_name = "GRANT")]
    grant_type: Vec<String>,
    /// Where its authorization responses may go
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// An origin of its web pages, which may call the endpoints (CORS)
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// client_secret_basic, client_secret_post, or `public` for a client that keeps no secret
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Whether it may ask about the tokens of others (introspection)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    resource_server: Option<bool>,
    /// ES256, EdDSA or RS256
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<String>,
    /// jwt, opaque or opaque_hex
    #[arg(long, value_name = "FORMAT")]
    token_format: Option<String>,
    /// How long its access tokens live: 1h, 30m, 3600
    #[arg(long, value_name = "LENGTH")]
    lifetime: Option<String>,
    /// How `token_type` is spelled: Bearer or bearer
    #[arg(long, value_name = "CASE")]
    token_type_case: Option<String>,
    /// Your own words about it, which the library returns to your program
    #[arg(long, value_name = "TEXT")]
    host_data: Option<String>,
    /// Whether each refresh token is replaced when it is used
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    rotate_refresh_tokens: Option<bool>,
    /// Let it ask for codes without a code challenge, against RFC 9700 2.1.1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    danger_allow_no_pkce: Option<bool>,
    /// How many token requests it may make, a minute and at once [default: as the settings say]
    #[arg(long, value_name = "PER_MINUTE/AT_ONCE")]
    token_rate: Option<String>,
    /// How often its tokens may be used, and it may introspect [default: as the settings say]
    #[arg(long, value_name = "PER_MINUTE/AT_ONCE")]
    verify_rate: Option<String>,
}

/// Puts what was given into a request that carries a client's metadata: the requests are types of their own
/// with the same members.
macro_rules! fill {
    ($metadata:expr, $request:expr) => {{
        let metadata: $crate::metadata::Metadata = $metadata;
        let mut request = $request;
        let members = metadata.read()?;
        request.description = members.description;
        request.scope = members.scope;
        request.default_scope = members.default_scope;
        request.grant_types = members.grant_types;
        request.token_endpoint_auth_method = members.token_endpoint_auth_method;
        request.redirect_uris = members.redirect_uris;
        request.resource_server = members.resource_server;
        request.algorithm = members.algorithm;
        request.token_format = members.token_format;
        request.access_token_lifetime = members.access_token_lifetime;
        request.token_type_case = members.token_type_case;
        request.allowed_networks = members.allowed_networks;
        request.allowed_origins = members.allowed_origins;
        request.host_data = members.host_data;
        request.rotate_refresh_tokens = members.rotate_refresh_tokens;
        request.danger_allow_no_pkce = members.danger_allow_no_pkce;
        request.token_rate = members.token_rate;
        request.verify_rate = members.verify_rate;
        request
    }};
}
pub(crate) use fill;

/// The members as the requests want them.
pub(crate) struct Members {
    pub(crate) description: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) default_scope: Option<Option<String>>,
    pub(crate) grant_types: Option<Vec<String>>,
    pub(crate) token_endpoint_auth_method: Option<Option<String>>,
    pub(crate) redirect_uris: Option<Vec<String>>,
    pub(crate) resource_server: Option<bool>,
    pub(crate) algorithm: Option<Option<String>>,
    pub(crate) token_format: Option<Option<String>>,
    pub(crate) access_token_lifetime: Option<Option<u32>>,
    pub(crate) token_type_case: Option<Option<String>>,
    pub(crate) allowed_networks: Option<Vec<String>>,
    pub(crate) allowed_origins: Option<Vec<String>>,
    pub(crate) host_data: Option<String>,
    pub(crate) rotate_refresh_tokens: Option<bool>,
    pub(crate) danger_allow_no_pkce: Option<bool>,
    pub(crate) token_rate: Option<Option<RateDocument>>,
    pub(crate) verify_rate: Option<Option<RateDocument>>,
}

impl Metadata {
    pub(crate) fn read(self) -> Result<Members, Failure> {
        let lifetime = measure("--lifetime", self.lifetime, when::parse_length)?;
        let method = nullable(self.auth_method).map(|method| {
            method.map(|method| if method == "public" { "none".to_owned() } else { method })
        });
        Ok(Members {
            description: self.description,
            scope: words(&self.scope),
            default_scope: nullable(self.default_scope),
            grant_types: list(self.grant_type),
            token_endpoint_auth_method: method,
            redirect_uris: list(self.redirect_uri),
            resource_server: self.resource_server,
            algorithm: nullable(self.algorithm),
            token_format: nullable(self.token_format),
            access_token_lifetime: lifetime,
            token_type_case: nullable(self.token_type_case),
            allowed_networks: list(self.network),
            allowed_origins: list(self.origin),
            host_data: self.host_data,
            rotate_refresh_tokens: self.rotate_refresh_tokens,
            danger_allow_no_pkce: self.danger_allow_no_pkce,
            token_rate: measure("--token-rate", self.token_rate, limit::parse_rate)?,
            verify_rate: measure("--verify-rate", self.verify_rate, limit::parse_rate)?,
        })
    }
}

/// A measure that is given, `none`, or not given.
#[expect(clippy::option_option, reason = "not given, none and given are three things")]
fn measure<T>(
    option: &str,
    given: Option<String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Option<T>>, Failure> {
    let wrong = |why| Failure::usage(format!("{option} {why}"));
    let read = |text: Option<String>| text.map(|text| parse(&text).map_err(wrong)).transpose();
    nullable(given).map(read).transpose()
}

/// Words given in one argument or in several; `none` for no words.
pub(crate) fn words(given: &[String]) -> Option<String> {
    let words = given.iter().flat_map(|text| text.split_whitespace()).collect::<Vec<_>>();
    match words.as_slice() {
        _ if given.is_empty() => None,
        [NONE] => Some(String::new()),
        words => Some(words.join(" ")),
    }
}

/// A list given in several arguments; `none` for an empty one.
pub(crate) fn list(given: Vec<String>) -> Option<Vec<String>> {
    match given.as_slice() {
        [] => None,
        [none] if none == NONE => Some(Vec::new()),
        _ => Some(given),
    }
}

/// A choice; `none` leaves it to the dialect and the settings.
#[expect(clippy::option_option, reason = "not given, none and given are three things")]
pub(crate) fn nullable(given: Option<String>) -> Option<Option<String>> {
    given.map(|text| Some(text).filter(|text| text != NONE))
}

const NONE: &str = "none";
