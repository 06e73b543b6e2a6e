//! Cross-origin requests (Fetch, "CORS protocol"): pages of registered origins may call some endpoints.
//!
//! Never with credentials, which for a browser are its cookies: nothing here knows anybody by those. Which
//! origins are registered is the caller's to say.

use crate::oauth::http::{HttpRequest, HttpResponse, values};
use crate::oauth::route::{Endpoint, methods};

/// Prints the answer to a preflight; `None` if the request is none, or the endpoint takes none.
///
/// An origin that is not registered gets an answer without permission, which stops the browser as well as an
/// error would, and does not look like one.
pub(crate) fn print_preflight(
    request: &HttpRequest<'_>,
    endpoint: Endpoint,
    is_registered: impl FnOnce(&str) -> bool,
) -> Option<HttpResponse> {
    // Fetch, "CORS-preflight request": "a CORS request that checks to see if the CORS protocol is understood.
    // It uses `OPTIONS` as method and includes" `Access-Control-Request-Method`.
    let asks = request.header("Access-Control-Request-Method").is_some();
    if request.method != "OPTIONS" || !asks || !is_shared(endpoint) {
        return None;
    }
    // No permission that a cache keeps for another origin.
    let response = HttpResponse { status: 204, headers: Vec::new(), body: Vec::new() }
        .with_header("Vary", "Origin")
        .with_header("Cache-Control", "no-store");
    let Some(origin) = origin_of(request).filter(|origin| is_registered(origin)) else {
        return Some(response);
    };
    Some(
        response
            .with_header("Access-Control-Allow-Origin", origin)
            .with_header("Access-Control-Allow-Methods", methods(endpoint).join(", "))
            .with_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
            .with_header("Access-Control-Max-Age", "600"),
    )
}

/// Adds to an endpoint's answer what lets a page of a registered origin read it, errors included.
pub(crate) fn add_cors(
    response: HttpResponse,
    request: &HttpRequest<'_>,
    endpoint: Endpoint,
    is_registered: impl FnOnce(&str) -> bool,
) -> HttpResponse {
    if !is_shared(endpoint) {
        return response;
    }
    // Always: the answer without an origin is another one, too.
    let response = response.with_header("Vary", "Origin");
    match origin_of(request).filter(|origin| is_registered(origin)) {
        Some(origin) => response
            .with_header("Access-Control-Allow-Origin", origin)
            .with_header("Access-Control-Expose-Headers", EXPOSED),
        None => response,
    }
}

/// Conformance 41. RFC 9700 2.6: "authorization servers [...] MUST NOT support [CORS] at the authorization endpoint".
const fn is_shared(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::Token(_)
        | Endpoint::Introspect
        | Endpoint::Revoke
        | Endpoint::Jwks
        | Endpoint::Metadata => true,
        // No client of these routes is a page of another origin.
        Endpoint::Authorize | Endpoint::BiotLogin | Endpoint::BiotRefresh => false,
    }
}

/// The request's one origin. `null` is nobody's: sandboxed frames, files and `data:` pages of any site share
/// it, so it is not even asked for.
fn origin_of<'a>(request: &HttpRequest<'a>) -> Option<&'a str> {
    let mut found = values(request.headers, "Origin");
    let (origin, None) = (found.next()?, found.next()) else {
        return None;
    };
    std::str::from_utf8(origin).ok().filter(|origin| !["", "null"].contains(origin))
}

/// What a page cannot read without being told that it may (Fetch, "CORS-safelisted response-header name").
const EXPOSED: &str = "Wardkey-Request-Id, WWW-Authenticate, Retry-After";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Dialect;
    use proptest::prelude::*;

    const ENDPOINTS: [(Endpoint, &str); 6] = [
        (Endpoint::Token(None), "POST"),
        (Endpoint::Token(Some(Dialect::Medblocks)), "POST"),
        (Endpoint::Introspect, "POST"),
        (Endpoint::Revoke, "POST"),
        (Endpoint::Jwks, "GET, HEAD"),
        (Endpoint::Metadata, "GET, HEAD"),
    ];

    fn is_registered(origin: &str) -> bool {
        // Whoever registers these is not helped.
        ["https://a.example", "http://localhost:3000", "null", ""].contains(&origin)
    }

    fn preflight(origins: &[&str], endpoint: Endpoint) -> HttpResponse {
        let mut headers: Vec<(&str, &[u8])> = vec![("Access-Control-Request-Method", b"POST")];
        headers.extend(origins.iter().map(|origin| ("origin", origin.as_bytes())));
        let request =
            HttpRequest { method: "OPTIONS", headers: &headers, ..HttpRequest::default() };
        print_preflight(&request, endpoint, is_registered).unwrap()
    }

    fn shared(origins: &[&str], endpoint: Endpoint) -> HttpResponse {
        let headers: Vec<(&str, &[u8])> =
            origins.iter().map(|origin| ("Origin", origin.as_bytes())).collect();
        let request = HttpRequest { method: "POST", headers: &headers, ..HttpRequest::default() };
        add_cors(HttpResponse::json(400, &1), &request, endpoint, is_registered)
    }

    #[test]
    fn a_registered_origin_may_call() {
        // conformance 41
        for (endpoint, methods) in ENDPOINTS {
            let response = preflight(&["https://a.example"], endpoint);
            assert_eq!((response.status, response.body.len()), (204, 0));
            let header = |name| response.header(name);
            assert_eq!(header("access-control-allow-origin"), Some("https://a.example"));
            assert_eq!(header("access-control-allow-methods"), Some(methods));
            assert_eq!(header("access-control-allow-headers"), Some("Authorization, Content-Type"));
            assert_eq!(header("vary"), Some("Origin"));
            assert_eq!(header("access-control-allow-credentials"), None);
        }
    }

    #[test]
    fn a_registered_origin_may_read_answers_and_errors() {
        for (endpoint, _) in ENDPOINTS {
            let response = shared(&["http://localhost:3000"], endpoint);
            let header = |name| response.header(name);
            assert_eq!(header("access-control-allow-origin"), Some("http://localhost:3000"));
            let exposed = header("access-control-expose-headers").unwrap();
            assert!(exposed.contains("Wardkey-Request-Id") && exposed.contains("WWW-Authenticate"));
            assert_eq!(header("vary"), Some("Origin"));
            assert_eq!(header("access-control-allow-credentials"), None);
        }
    }

    #[test]
    fn nobody_else_may() {
        for origins in [
            &[][..],
            &[""],
            &["null"],
            &["https://b.example"],
            &["https://a.example.evil.example"],
            &["https://A.example"],
            &["https://a.example/"],
            &["https://a.example:443"],
            &["http://a.example"],
            &["https://a.example, https://b.example"],
            &["https://a.example", "https://a.example"],
            &["https://a.example", "https://b.example"],
            &["\u{e9}"],
        ] {
            for response in
                [preflight(origins, Endpoint::Token(None)), shared(origins, Endpoint::Token(None))]
            {
                let allowed = response.header("access-control-allow-origin");
                assert_eq!(allowed, None, "{origins:?}");
                assert_eq!(response.header("vary"), Some("Origin"));
            }
        }
    }

    #[test]
    fn the_authorization_endpoint_has_no_cors() {
        // conformance 41, RFC 9700 2.6
        let headers: &[(&str, &[u8])] =
            &[("Origin", b"https://a.example"), ("Access-Control-Request-Method", b"GET")];
        let request = HttpRequest { method: "OPTIONS", headers, ..HttpRequest::default() };
        assert!(print_preflight(&request, Endpoint::Authorize, is_registered).is_none());
        let response = HttpResponse::json(400, &1);
        let shared = add_cors(response.clone(), &request, Endpoint::Authorize, is_registered);
        assert_eq!(shared, response);
    }

    #[test]
    fn an_options_request_that_is_no_preflight_is_left_alone() {
        let headers: &[(&str, &[u8])] = &[("Origin", b"https://a.example")];
        let plain = HttpRequest { method: "OPTIONS", headers, ..HttpRequest::default() };
        assert!(print_preflight(&plain, Endpoint::Jwks, is_registered).is_none());
        let headers: &[(&str, &[u8])] =
            &[("Origin", b"https://a.example"), ("Access-Control-Request-Method", b"POST")];
        let post = HttpRequest { method: "POST", headers, ..HttpRequest::default() };
        assert!(print_preflight(&post, Endpoint::Jwks, is_registered).is_none());
    }

    proptest! {
        #[test]
        fn only_what_is_registered_is_repeated(origin in "\\PC*|https?://[a.:x]{0,12}") {
            let response = shared(&[&origin], Endpoint::Jwks);
            if let Some(allowed) = response.header("access-control-allow-origin") {
                prop_assert!(is_registered(allowed));
            }
        }
    }
}
