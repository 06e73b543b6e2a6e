//! What is public: the server's metadata (RFC 8414) and its keys (RFC 7517).

use crate::crypto::Jwk;
use crate::domain::{AuthMethod, GrantType, Settings};
use crate::oauth::http::HttpResponse;
use crate::oauth::route::{AUTHORIZE, INTROSPECT, JWKS, REVOKE, TOKEN};
use serde::Serialize;

/// The metadata document (RFC 8414 2): what is enabled, and nothing else.
#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    /// RFC 8414 3.2: "Claims with zero elements MUST be omitted from the response."
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes_supported: &'a [String],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
}

/// Prints the metadata document; `scopes` are the catalogue's words.
///
/// It says what this server does for a client that is registered for it, not what some client is registered
/// for: the standard routes and grants are always on (conformance 32), and a document that changed with each
/// registration would tell everybody of it. `none` is how a public client redeems, refreshes and revokes;
/// introspection wants proof. BioT's login is no grant of RFC 6749 and is not listed.
pub(crate) fn print_metadata(settings: &Settings, scopes: &[String]) -> HttpResponse {
    let issuer = settings.issuer.as_str();
    // The standard routes, whatever dialects are on.
    let endpoint = |route: &str| format!("{issuer}{route}");
    let document = Document {
        // RFC 8414 3.3: "The "issuer" value returned MUST be identical to the authorization server's
        // issuer identifier value into which the well-known URI string was inserted".
        issuer,
        authorization_endpoint: endpoint(AUTHORIZE),
        token_endpoint: endpoint(TOKEN),
        jwks_uri: endpoint(JWKS),
        scopes_supported: scopes,
        response_types_supported: ["code"],
        // Stated, because its absence means that there is a fragment too.
        response_modes_supported: ["query"],
        grant_types_supported: [
            GrantType::AuthorizationCode.as_str(),
            GrantType::ClientCredentials.as_str(),
            GrantType::RefreshToken.as_str(),
        ],
        token_endpoint_auth_methods_supported: AUTH_METHODS,
        revocation_endpoint: endpoint(REVOKE),
        revocation_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_endpoint: endpoint(INTROSPECT),
        introspection_endpoint_auth_methods_supported: SECRET_METHODS,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
    };
    public(&document)
}

/// Prints the key set (RFC 7517 5): every key that may still verify, and the next one.
pub(crate) fn print_jwks(keys: &[Jwk]) -> HttpResponse {
    public(&KeySet { keys })
}

#[derive(Serialize)]
struct KeySet<'a> {
    keys: &'a [Jwk],
}

/// A document that is the same for everybody.
fn public(document: &impl Serialize) -> HttpResponse {
    HttpResponse::json(200, document).with_header("Cache-Control", CACHE)
}

const SECRET_METHODS: [&str; 2] =
    [AuthMethod::ClientSecretBasic.as_str(), AuthMethod::ClientSecretPost.as_str()];

const AUTH_METHODS: [&str; 3] = [
    AuthMethod::ClientSecretBasic.as_str(),
    AuthMethod::ClientSecretPost.as_str(),
    AuthMethod::None.as_str(),
];

/// Five minutes: a retired key, whose tokens have ended, is gone from caches soon. A key is made when an
/// algorithm is first named, so it has usually been published for longer than that when it signs.
const CACHE: &str = "public, max-age=300";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Dialect;
    use crate::oauth::http::HttpRequest;
    use crate::oauth::route::{Endpoint, route};
    use serde_json::{Value, json};

    fn document(settings: &Settings, scopes: &[&str]) -> Value {
        let scopes: Vec<String> = scopes.iter().map(|word| (*word).to_owned()).collect();
        serde_json::from_slice(&print_metadata(settings, &scopes).body).unwrap()
    }

    fn settings(issuer: &str) -> Settings {
        Settings { issuer: issuer.to_owned(), ..Settings::default() }
    }

    #[test]
    fn the_metadata_states_what_is_enabled_and_nothing_else() {
        // conformance 32
        assert_eq!(
            document(&settings("https://emr.example/ward"), &["lab:read"]),
            json!({
                "issuer": "https://emr.example/ward",
                "authorization_endpoint": "https://emr.example/ward/oauth/authorize",
                "token_endpoint": "https://emr.example/ward/oauth/token",
                "jwks_uri": "https://emr.example/ward/oauth/jwks",
                "scopes_supported": ["lab:read"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported":
                    ["authorization_code", "client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "none"],
                "revocation_endpoint": "https://emr.example/ward/oauth/revoke",
                "revocation_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "none"],
                "introspection_endpoint": "https://emr.example/ward/oauth/introspect",
                "introspection_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            })
        );
    }

    #[test]
    fn dialects_do_not_change_the_metadata() {
        // conformance 32: always the standard routes, whatever dialects are on
        let plain = settings("https://emr.example");
        let all = Settings { dialects: Dialect::ALL.to_vec(), ..plain.clone() };
        assert_eq!(document(&plain, &[]), document(&all, &[]));
    }

    #[test]
    fn a_list_without_members_is_left_out() {
        assert!(document(&settings("https://a"), &[]).get("scopes_supported").is_none());
    }

    #[test]
    fn the_stated_endpoints_are_routed() {
        let settings = settings("https://emr.example/ward");
        let document = document(&settings, &[]);
        for (member, endpoint) in [
            ("authorization_endpoint", Endpoint::Authorize),
            ("token_endpoint", Endpoint::Token(None)),
            ("jwks_uri", Endpoint::Jwks),
            ("revocation_endpoint", Endpoint::Revoke),
            ("introspection_endpoint", Endpoint::Introspect),
        ] {
            let url = document[member].as_str().unwrap();
            let path = url.strip_prefix("https://emr.example").unwrap();
            for base_path in ["", "/ward"] {
                let request = HttpRequest { path, base_path, ..HttpRequest::default() };
                assert_eq!(route(&request, &settings), Some(endpoint), "{url}");
            }
        }
    }

    #[test]
    fn public_documents_are_json_and_may_be_cached() {
        // conformance 33
        let jwk = Jwk { kty: "OKP".to_owned(), use_: Some("sig".to_owned()), ..Jwk::default() };
        let response = print_jwks(&[jwk]);
        assert_eq!(response.body, br#"{"keys":[{"kty":"OKP","use":"sig"}]}"#);
        for response in [response, print_jwks(&[]), print_metadata(&Settings::default(), &[])] {
            assert_eq!(response.status, 200);
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.header("cache-control"), Some("public, max-age=300"));
        }
    }
}
