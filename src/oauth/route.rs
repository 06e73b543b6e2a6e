//! Which endpoint a path is, and which methods it takes.

use crate::domain::{Dialect, Settings};
use crate::oauth::http::{HttpRequest, HttpResponse};
use crate::oauth::refusal::print_wrong_method;

/// An endpoint of the authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The authorization endpoint (RFC 6749 3.1), at the standard path or a dialect's: all behave alike.
    Authorize,
    /// The token endpoint (RFC 6749 3.2), in the standard form or a dialect's.
    Token(Option<Dialect>),
    /// BioT's login of a user.
    BiotLogin,
    /// BioT's refresh.
    BiotRefresh,
    /// The introspection endpoint (RFC 7662 2).
    Introspect,
    /// The revocation endpoint (RFC 7009 2).
    Revoke,
    /// The key set (RFC 7517 5).
    Jwks,
    /// The metadata document (RFC 8414 3).
    Metadata,
}

/// The endpoint at the request's path; `None` if there is none, or its dialect is not enabled.
///
/// Paths are relative to where the host mounts the engine. An engine mounted at the root also answers
/// under the issuer's path, where its metadata says its endpoints are. Paths match exactly: none of ours
/// needs an escape, and those that may end with a slash are listed both ways.
pub(crate) fn route(request: &HttpRequest<'_>, settings: &Settings) -> Option<Endpoint> {
    let issuer_path = settings.issuer_path();
    if is_moved_metadata(request.path, issuer_path) {
        return Some(Endpoint::Metadata);
    }
    let base_path = request.base_path.trim_end_matches('/');
    let mounted = request.path.strip_prefix(base_path);
    let under_issuer =
        if base_path.is_empty() { request.path.strip_prefix(issuer_path) } else { None };
    [mounted, under_issuer].into_iter().flatten().find_map(|path| endpoint_at(path, settings))
}

/// RFC 8414 3.1: "If the issuer identifier value contains a path component, any terminating "/" MUST be
/// removed before inserting "/.well-known/" and the well-known URI suffix between the host component and
/// the path component." The result lies at the host's root, wherever the engine is mounted.
fn is_moved_metadata(path: &str, issuer_path: &str) -> bool {
    METADATA.into_iter().any(|known| path.strip_prefix(known) == Some(issuer_path))
}

/// The endpoint at a path relative to the mount.
fn endpoint_at(path: &str, settings: &Settings) -> Option<Endpoint> {
    if METADATA.contains(&path) {
        return Some(Endpoint::Metadata);
    }
    match path {
        TOKEN => Some(Endpoint::Token(None)),
        INTROSPECT => Some(Endpoint::Introspect),
        REVOKE => Some(Endpoint::Revoke),
        JWKS => Some(Endpoint::Jwks),
        AUTHORIZE => Some(Endpoint::Authorize),
        _ => settings.dialects.iter().find_map(|dialect| endpoint_of(*dialect, path)),
    }
}

/// A dialect's endpoint at a path. No two share a path, nor one with a standard route (conformance, the dialects).
fn endpoint_of(dialect: Dialect, path: &str) -> Option<Endpoint> {
    let (_, endpoint) = routes(dialect).iter().find(|(known, _)| *known == path)?;
    Some(*endpoint)
}

/// A dialect's paths, as its pages show them.
const fn routes(dialect: Dialect) -> &'static [(&'static str, Endpoint)] {
    match dialect {
        Dialect::BioEcko => &[("/api/v1/auth/token", Endpoint::Token(Some(Dialect::BioEcko)))],
        Dialect::NikoHealth => {
            &[("/api/identity/connect/token", Endpoint::Token(Some(Dialect::NikoHealth)))]
        }
        Dialect::Medblocks => &[
            ("/oauth2/token", Endpoint::Token(Some(Dialect::Medblocks))),
            ("/oauth2/auth", Endpoint::Authorize),
            ("/oauth2/authorize", Endpoint::Authorize),
        ],
        Dialect::DrChrono => &[
            ("/o/token/", Endpoint::Token(Some(Dialect::DrChrono))),
            ("/o/token", Endpoint::Token(Some(Dialect::DrChrono))),
            ("/o/authorize/", Endpoint::Authorize),
            ("/o/authorize", Endpoint::Authorize),
        ],
        Dialect::BioT => &[
            ("/ums/v2/users/login", Endpoint::BiotLogin),
            ("/ums/v2/users/token/refresh", Endpoint::BiotRefresh),
        ],
    }
}

/// Demands the endpoint's method, which is case-sensitive (RFC 9110 9.1).
///
/// # Errors
/// The finished response: 405 with `Allow` (RFC 9110 15.5.6).
pub(crate) fn check_method(
    request: &HttpRequest<'_>,
    endpoint: Endpoint,
) -> Result<(), HttpResponse> {
    let allowed = methods(endpoint);
    if allowed.contains(&request.method) { Ok(()) } else { Err(print_wrong_method(allowed)) }
}

/// The methods that an endpoint takes.
pub(super) const fn methods(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        // RFC 6749 3.1: "The authorization server MUST support the use of the HTTP "GET" method [RFC2616] for
        // the authorization endpoint and MAY support the use of the "POST" method as well."
        Endpoint::Authorize => &["GET", "POST"],
        // RFC 6749 3.2: "The client MUST use the HTTP "POST" method when making access token requests."
        // RFC 7662 2.1 and RFC 7009 2.1 say the same of theirs.
        Endpoint::Token(_)
        | Endpoint::Introspect
        | Endpoint::Revoke
        | Endpoint::BiotLogin
        | Endpoint::BiotRefresh => &["POST"],
        Endpoint::Jwks | Endpoint::Metadata => &["GET", "HEAD"],
    }
}

pub(super) const AUTHORIZE: &str = "/oauth/authorize";
pub(super) const TOKEN: &str = "/oauth/token";
pub(super) const INTROSPECT: &str = "/oauth/introspect";
pub(super) const REVOKE: &str = "/oauth/revoke";
pub(super) const JWKS: &str = "/oauth/jwks";

/// RFC 8414 3 registers the first; the second is where stock resource-server libraries look (conformance 32).
const METADATA: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings(issuer: &str, dialects: &[Dialect]) -> Settings {
        Settings { issuer: issuer.to_owned(), dialects: dialects.to_vec(), ..Settings::default() }
    }

    fn routed(settings: &Settings, base_path: &str, path: &str) -> Option<Endpoint> {
        route(&HttpRequest { path, base_path, ..HttpRequest::default() }, settings)
    }

    #[test]
    fn the_standard_routes_are_always_on() {
        // conformance, the dialects
        let settings = settings("https://emr.example", &[]);
        for (path, endpoint) in [
            ("/oauth/authorize", Endpoint::Authorize),
            ("/oauth/token", Endpoint::Token(None)),
            ("/oauth/introspect", Endpoint::Introspect),
            ("/oauth/revoke", Endpoint::Revoke),
            ("/oauth/jwks", Endpoint::Jwks),
            ("/.well-known/oauth-authorization-server", Endpoint::Metadata),
            ("/.well-known/openid-configuration", Endpoint::Metadata),
        ] {
            assert_eq!(routed(&settings, "", path), Some(endpoint), "{path}");
        }
        for path in
            ["", "/", "/oauth", "/oauth/token/", "/OAuth/token", "/oauth%2Ftoken", "//oauth/token"]
        {
            assert_eq!(routed(&settings, "", path), None, "{path}");
        }
    }

    #[test]
    fn the_base_path_of_the_mount_is_honoured() {
        // conformance 40: The base path that the host mounts us under is honoured
        let settings = settings("https://emr.example/ward", &[Dialect::Medblocks]);
        for base in ["/auth", "/auth/"] {
            assert_eq!(routed(&settings, base, "/auth/oauth/token"), Some(Endpoint::Token(None)));
            assert_eq!(
                routed(&settings, base, "/auth/oauth2/token"),
                Some(Endpoint::Token(Some(Dialect::Medblocks)))
            );
            assert_eq!(routed(&settings, base, "/oauth/token"), None);
            assert_eq!(routed(&settings, base, "/ward/oauth/token"), None);
            assert_eq!(routed(&settings, base, "/authoauth/token"), None);
        }
    }

    #[test]
    fn an_engine_at_the_root_answers_under_its_issuers_path_too() {
        let settings = settings("https://emr.example/ward/7", &[Dialect::BioEcko]);
        assert_eq!(routed(&settings, "", "/ward/7/oauth/revoke"), Some(Endpoint::Revoke));
        assert_eq!(routed(&settings, "", "/oauth/revoke"), Some(Endpoint::Revoke));
        assert_eq!(routed(&settings, "", "/ward/oauth/revoke"), None);
    }

    #[test]
    fn the_metadata_moves_before_an_issuers_path() {
        // conformance 32: for an issuer with a path the document moves as RFC 8414 3.1 says
        let settings = settings("https://emr.example/ward", &[]);
        for name in METADATA {
            for base in ["", "/ward", "/elsewhere"] {
                assert_eq!(
                    routed(&settings, base, &format!("{name}/ward")),
                    Some(Endpoint::Metadata)
                );
            }
            assert_eq!(routed(&settings, "", &format!("/ward{name}")), Some(Endpoint::Metadata));
            assert_eq!(
                routed(&settings, "/ward", &format!("/ward{name}")),
                Some(Endpoint::Metadata)
            );
            assert_eq!(routed(&settings, "", &format!("{name}/other")), None);
            assert_eq!(routed(&settings, "/ward", name), None);
        }
    }

    #[test]
    fn an_issuer_without_a_path_has_its_metadata_at_the_root_of_the_host() {
        let settings = settings("https://emr.example", &[]);
        for name in METADATA {
            assert_eq!(routed(&settings, "/auth", name), Some(Endpoint::Metadata));
        }
    }

    #[test]
    fn a_dialects_route_answers_only_while_it_is_enabled() {
        // conformance, the dialects: off until enabled, each at its own paths
        for dialect in Dialect::ALL {
            for (path, expected) in routes(dialect) {
                assert_eq!(routed(&settings("https://a", &[]), "", path), None, "{path}");
                for on in [&[dialect][..], &Dialect::ALL[..]] {
                    assert_eq!(routed(&settings("https://a", on), "", path), Some(*expected));
                }
            }
        }
    }

    #[test]
    fn another_method_is_405_with_allow() {
        // conformance 1: another method is a 405 with `Allow`
        for endpoint in [Endpoint::Token(None), Endpoint::Introspect, Endpoint::Revoke] {
            for method in ["GET", "HEAD", "PUT", "post", ""] {
                let request = HttpRequest { method, ..HttpRequest::default() };
                let response = check_method(&request, endpoint).unwrap_err();
                assert_eq!((response.status, response.header("allow")), (405, Some("POST")));
                assert_eq!(response.header("cache-control"), Some("no-store"));
            }
            let post = HttpRequest { method: "POST", ..HttpRequest::default() };
            assert!(check_method(&post, endpoint).is_ok());
        }
        let head = HttpRequest { method: "HEAD", ..HttpRequest::default() };
        let response = check_method(&head, Endpoint::Authorize).unwrap_err();
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, POST")));
        for endpoint in [Endpoint::Jwks, Endpoint::Metadata] {
            let post = HttpRequest { method: "POST", ..HttpRequest::default() };
            let response = check_method(&post, endpoint).unwrap_err();
            assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")));
            for method in ["GET", "HEAD"] {
                let request = HttpRequest { method, ..HttpRequest::default() };
                assert!(check_method(&request, endpoint).is_ok());
            }
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "\\PC*", base in "\\PC*", under in "(/[a-z]{1,3}){0,2}") {
            let settings = settings(&format!("https://a{under}"), &Dialect::ALL);
            let _ = routed(&settings, &base, &path);
            let _ = routed(&settings, "", &format!("{under}{path}"));
        }
    }
}
