//! What a refused caller gets to read. The true reason is in the audit; the wire says less.

use crate::error::{Denied, Error};
use crate::oauth::http::{HttpResponse, REALM};
use serde::Serialize;
use std::borrow::Cow;

/// What follows from the request's form, not from the reason it was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusalShape {
    /// Whether an `invalid_client` carries a `WWW-Authenticate` challenge. It does by default.
    pub(crate) challenge: bool,
}

impl Default for RefusalShape {
    fn default() -> Self {
        Self { challenge: true }
    }
}

/// Prints a refusal of the token, introspection or revocation endpoint (RFC 6749 5.2; RFC 7662 2.3 and
/// RFC 7009 2.2.1 refer to it).
pub(crate) fn print_refusal(denied: &Denied, shape: RefusalShape) -> HttpResponse {
    let answer = answer(denied);
    let response = print_error(answer.status, answer.error, &answer.description);
    if let Denied::RateLimited { retry_after } = denied {
        // Zero would invite the next request at once.
        return response.with_header("Retry-After", (*retry_after).max(1).to_string());
    }
    // RFC 6749 5.2: "If the client attempted to authenticate via the "Authorization" request header field,
    // the authorization server MUST respond with an HTTP 401 (Unauthorized) status code and include the
    // "WWW-Authenticate" response header field matching the authentication scheme used by the client."
    // RFC 9110 15.5.2 wants it in every 401.
    if answer.status == 401 && shape.challenge {
        return response.with_header("WWW-Authenticate", format!("Basic realm=\"{REALM}\""));
    }
    response
}

/// Prints what a machine's failure looks like from outside. Its reason stays inside.
// Never a 401: a client that believes its secret wrong asks for a new one (conformance 18).
pub(crate) fn print_failure(error: &Error) -> HttpResponse {
    match error {
        Error::Denied { why, .. } => print_refusal(why, RefusalShape::default()),
        // The same request may succeed in a moment, and does no harm if it did already.
        Error::Busy
        | Error::Full
        | Error::Overloaded
        | Error::OutcomeUnknown
        | Error::UserCheck { .. } => print_unavailable(),
        Error::InvalidArgument { .. }
        | Error::InvalidDocument { .. }
        | Error::UnknownOperation { .. }
        | Error::ActorMissing
        | Error::Forked
        | Error::AnotherCopy { .. }
        | Error::Closed
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::DatabaseMissing { .. }
        | Error::DatabaseExists { .. }
        | Error::EmptyFile { .. }
        | Error::ForeignFile { .. }
        | Error::NewerFile { .. }
        | Error::WrongKey { .. }
        | Error::KeyMissing { .. }
        | Error::StaleDatabase { .. }
        | Error::FreshnessMissing { .. }
        | Error::NetworkFilesystem { .. }
        | Error::NotWritable { .. }
        | Error::Corrupt { .. }
        | Error::Io { .. }
        | Error::Internal { .. } => print_internal(),
    }
}

/// The store is busy or full, too many passwords are being checked, or the host could not check one: 503, and no
/// fault of the caller's.
pub(crate) fn print_unavailable() -> HttpResponse {
    print_error(503, "temporarily_unavailable", "the server is busy, try again")
        .with_header("Retry-After", "1")
}

/// Nothing answers at this path.
pub(crate) fn print_not_found() -> HttpResponse {
    print_error(404, "not_found", "there is no such endpoint")
}

/// The body is longer than `max_request_body` (RFC 9110 15.5.14).
pub(crate) fn print_too_large() -> HttpResponse {
    print_error(413, "invalid_request", "the body is too long")
}

/// The library failed; what happened is in the host's log, not here.
pub(crate) fn print_internal() -> HttpResponse {
    print_error(500, "server_error", "the server failed")
}

/// RFC 9110 15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
pub(super) fn print_wrong_method(allowed: &[&str]) -> HttpResponse {
    print_error(405, "invalid_request", "the endpoint does not take this method")
        .with_header("Allow", allowed.join(", "))
}

/// `text` within the characters that RFC 6749 5.2 and RFC 6750 3 allow in `error_description`:
/// %x20-21 / %x23-5B / %x5D-7E. Any other becomes `?`.
pub(super) fn plain(text: &str) -> String {
    let allowed = |c: &char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    text.chars().map(|c| if allowed(&c) { c } else { '?' }).collect()
}

/// RFC 6749 5.2.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
}

fn print_error(status: u16, error: &str, description: &str) -> HttpResponse {
    let body = Body { error, error_description: &plain(description) };
    HttpResponse::json(status, &body).never_stored()
}

/// An error code, its status, and what is said about it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) description: Cow<'static, str>,
}

impl Answer {
    fn bad(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status: 400, error, description: description.into() }
    }
}

/// Every reason has its answer: RFC 6749 5.2's codes, and `slow_down` (RFC 8628 3.5).
#[expect(clippy::too_many_lines, reason = "one line for each kind, and no `_`")]
pub(super) fn answer(denied: &Denied) -> Answer {
    match denied {
        // One answer, byte for byte: which of these it was, is nobody's business outside (conformance 15).
        Denied::ClientUnknown
        | Denied::ClientDisabled
        | Denied::SecretWrong
        | Denied::SecretNotYetValid
        | Denied::SecretExpired
        | Denied::SecretRevoked
        | Denied::SecretUnconfirmed
        | Denied::SecretMissing
        | Denied::CredentialMalformed
        | Denied::AuthenticationMethod
        | Denied::PeerNotAllowed
        | Denied::PeerUnknown => Answer {
            status: 401,
            error: "invalid_client",
            description: "client authentication failed".into(),
        },
        Denied::GrantNotAllowed => {
            Answer::bad("unauthorized_client", "the client may not use this grant type")
        }
        Denied::GrantUnsupported => {
            Answer::bad("unsupported_grant_type", "this grant type is not supported")
        }
        Denied::ScopeMalformed => {
            Answer::bad("invalid_scope", "scope must be words parted by single spaces")
        }
        Denied::ScopeNotAllowed { word } => Answer::bad("invalid_scope", refused_word(word)),
        Denied::InsufficientScope { missing } => {
            Answer::bad("invalid_scope", refused_word(missing))
        }
        Denied::InsecureTransport => {
            Answer::bad("invalid_request", "use HTTPS: plain HTTP is not answered")
        }
        Denied::InvalidRequest { why } => Answer::bad("invalid_request", *why),
        Denied::TokenMissing => Answer::bad("invalid_request", "token is missing"),
        Denied::RateLimited { .. } => Answer {
            status: 429,
            error: "slow_down",
            description: "too many requests, try again later".into(),
        },
        // A token that is presented as a grant (RFC 6749 5.2: "expired, revoked, [...] or was issued to
        // another client"). Introspection and revocation never refuse one: they answer.
        Denied::TokenTooLong { .. }
        | Denied::TokenMalformed { .. }
        | Denied::TokenHeaderForbidden { .. }
        | Denied::KeyUnknown
        | Denied::KeyRetired
        | Denied::IssuerDisabled
        | Denied::AlgorithmMismatch
        | Denied::BadSignature
        | Denied::WrongType
        | Denied::WrongIssuer
        | Denied::WrongAudience
        | Denied::BadClaim { .. }
        | Denied::TokenExpired { .. }
        | Denied::TokenFromFuture { .. }
        | Denied::TokenUnknown
        | Denied::TokenRevoked
        | Denied::TokenForeign
        | Denied::UserUnknown
        | Denied::UserDisabled
        | Denied::UserUnconfirmed
        | Denied::UserTokensRevoked
        | Denied::PasswordWrong
        | Denied::GrantUnknown
        | Denied::GrantRevoked
        | Denied::GrantExpired
        | Denied::CodeUnknown
        | Denied::CodeExpired
        | Denied::CodeSpent
        | Denied::CodeForeign
        | Denied::RedirectUriWrong
        | Denied::VerifierWrong
        | Denied::RefreshTokenUnknown
        | Denied::RefreshTokenReused
        | Denied::RefreshTokenForeign
        | Denied::AccessRefused
        | Denied::UserRefused
        | Denied::EpochEnded
        | Denied::CredentialRevoked
        | Denied::ClientTokensRevoked => Answer::bad("invalid_grant", "the grant is not valid"),
    }
}

/// The word is the caller's own; whether it exists for others is not said.
fn refused_word(word: &str) -> String {
    if word.len() <= WORD_LIMIT {
        format!("the client may not have the scope {word}")
    } else {
        "the client may not have one of the scopes".to_owned()
    }
}

/// Longest word that is repeated to the caller.
const WORD_LIMIT: usize = 80;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One of each kind.
    #[expect(clippy::too_many_lines, reason = "one line for each kind")]
    pub(in crate::oauth) fn every_denial() -> Vec<Denied> {
        let word = || "a:b".to_owned();
        vec![
            Denied::TokenTooLong { length: 2, limit: 1 },
            Denied::TokenMalformed { why: "x" },
            Denied::TokenHeaderForbidden { member: "jku" },
            Denied::KeyUnknown,
            Denied::KeyRetired,
            Denied::IssuerDisabled,
            Denied::AlgorithmMismatch,
            Denied::BadSignature,
            Denied::WrongType,
            Denied::WrongIssuer,
            Denied::WrongAudience,
            Denied::BadClaim { claim: "exp" },
            Denied::TokenExpired { now: 2, expires_at: 1 },
            Denied::TokenFromFuture { now: 1, starts_at: 2 },
            Denied::TokenUnknown,
            Denied::TokenRevoked,
            Denied::TokenForeign,
            Denied::UserUnknown,
            Denied::UserDisabled,
            Denied::UserUnconfirmed,
            Denied::UserTokensRevoked,
            Denied::PasswordWrong,
            Denied::GrantUnknown,
            Denied::GrantRevoked,
            Denied::GrantExpired,
            Denied::CodeUnknown,
            Denied::CodeExpired,
            Denied::CodeSpent,
            Denied::CodeForeign,
            Denied::RedirectUriWrong,
            Denied::VerifierWrong,
            Denied::RefreshTokenUnknown,
            Denied::RefreshTokenReused,
            Denied::RefreshTokenForeign,
            Denied::AccessRefused,
            Denied::UserRefused,
            Denied::EpochEnded,
            Denied::ClientTokensRevoked,
            Denied::CredentialRevoked,
            Denied::ClientUnknown,
            Denied::ClientDisabled,
            Denied::SecretWrong,
            Denied::SecretNotYetValid,
            Denied::SecretExpired,
            Denied::SecretRevoked,
            Denied::SecretUnconfirmed,
            Denied::SecretMissing,
            Denied::CredentialMalformed,
            Denied::AuthenticationMethod,
            Denied::GrantNotAllowed,
            Denied::ScopeNotAllowed { word: word() },
            Denied::ScopeMalformed,
            Denied::InsufficientScope { missing: word() },
            Denied::PeerNotAllowed,
            Denied::PeerUnknown,
            Denied::RateLimited { retry_after: 7 },
            Denied::InsecureTransport,
            Denied::TokenMissing,
            Denied::InvalidRequest { why: "grant_type is missing" },
            Denied::GrantUnsupported,
        ]
    }

    fn print(denied: &Denied) -> HttpResponse {
        print_refusal(denied, RefusalShape::default())
    }

    fn member(response: &HttpResponse, name: &str) -> String {
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        body[name].as_str().unwrap().to_owned()
    }

    fn status_and_error(denied: &Denied) -> (u16, String) {
        let response = print(denied);
        (response.status, member(&response, "error"))
    }

    #[test]
    fn every_refusal_is_json_that_nobody_stores() {
        // conformance 9: errors included; conformance 14: only the codes of RFC 6749 5.2, row 18 aside
        let codes = [
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "slow_down",
        ];
        for denied in every_denial() {
            let response = print(&denied);
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(response.header("pragma"), Some("no-cache"));
            let error = member(&response, "error");
            assert!(codes.contains(&error.as_str()), "{denied:?}");
            let status = match error.as_str() {
                "invalid_client" => 401,
                "slow_down" => 429,
                _ => 400,
            };
            assert_eq!(response.status, status, "{denied:?}");
        }
    }

    #[test]
    fn whoever_is_not_let_in_reads_the_same_bytes() {
        // conformance 15
        let expected = print(&Denied::ClientUnknown);
        assert_eq!(expected.header("www-authenticate"), Some("Basic realm=\"wardkey\""));
        for denied in [
            Denied::SecretWrong,
            Denied::SecretExpired,
            Denied::SecretRevoked,
            Denied::SecretUnconfirmed,
            Denied::SecretNotYetValid,
            Denied::SecretMissing,
            Denied::CredentialMalformed,
            Denied::AuthenticationMethod,
            Denied::ClientDisabled,
            Denied::PeerNotAllowed,
            Denied::PeerUnknown,
        ] {
            assert_eq!(print(&denied), expected, "{denied:?}");
            let quiet = RefusalShape { challenge: false };
            assert_eq!(print_refusal(&denied, quiet), print_refusal(&Denied::ClientUnknown, quiet));
        }
    }

    #[test]
    fn a_public_clients_request_gets_no_challenge() {
        // conformance 14: where a browser would open a dialog
        let response = print_refusal(&Denied::ClientUnknown, RefusalShape { challenge: false });
        assert_eq!((response.status, response.header("www-authenticate")), (401, None));
    }

    #[test]
    fn only_an_invalid_client_gets_a_challenge() {
        for denied in every_denial() {
            let response = print(&denied);
            assert_eq!(response.header("www-authenticate").is_some(), response.status == 401);
        }
    }

    #[test]
    fn grants_and_scopes_have_their_own_codes() {
        // conformance 16, 19
        let bad = |error: &str| (400, error.to_owned());
        assert_eq!(status_and_error(&Denied::GrantNotAllowed), bad("unauthorized_client"));
        assert_eq!(status_and_error(&Denied::GrantUnsupported), bad("unsupported_grant_type"));
        assert_eq!(status_and_error(&Denied::TokenUnknown), bad("invalid_grant"));
        assert_eq!(status_and_error(&Denied::CredentialRevoked), bad("invalid_grant"));
        assert_eq!(status_and_error(&Denied::ScopeMalformed), bad("invalid_scope"));
        let word = Denied::ScopeNotAllowed { word: "lab:read".to_owned() };
        assert_eq!(status_and_error(&word), bad("invalid_scope"));
        assert!(member(&print(&word), "error_description").contains("lab:read"));
        let long = Denied::ScopeNotAllowed { word: "x".repeat(60_000) };
        assert!(print(&long).body.len() < 200);
    }

    #[test]
    fn plain_http_is_a_400_that_names_https() {
        // conformance 40
        let response = print(&Denied::InsecureTransport);
        assert_eq!(response.status, 400);
        assert_eq!(member(&response, "error"), "invalid_request");
        assert!(member(&response, "error_description").contains("HTTPS"));
    }

    #[test]
    fn a_client_that_is_too_fast_is_told_when_to_come_back() {
        // conformance 18
        for (retry_after, header) in [(7, "7"), (0, "1")] {
            let response = print(&Denied::RateLimited { retry_after });
            assert_eq!((response.status, response.header("retry-after")), (429, Some(header)));
            assert_eq!(member(&response, "error"), "slow_down");
        }
    }

    #[test]
    fn a_busy_store_is_a_503_and_never_a_401() {
        // conformance 18
        let response = print_unavailable();
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert_eq!(member(&response, "error"), "temporarily_unavailable");
        assert_eq!(response.header("www-authenticate"), None);
    }

    #[test]
    fn a_machines_failure_never_tells_its_reason() {
        // conformance 17, 18
        for error in [Error::Busy, Error::Full, Error::Overloaded, Error::OutcomeUnknown] {
            assert_eq!(print_failure(&error), print_unavailable());
        }
        let error = Error::Io { doing: "reading", code: 5, message: "/srv/clinic.db".to_owned() };
        assert_eq!(print_failure(&error), print_internal());
        let why = Denied::GrantUnsupported;
        let denied = Error::Denied { why: why.clone(), request_id: String::new() };
        assert_eq!(print_failure(&denied), print(&why));
    }

    #[test]
    fn the_other_failures_are_json_too() {
        for (response, status, error) in [
            (print_not_found(), 404, "not_found"),
            (print_too_large(), 413, "invalid_request"),
            (print_internal(), 500, "server_error"),
            (print_wrong_method(&["POST"]), 405, "invalid_request"),
        ] {
            assert_eq!((response.status, member(&response, "error").as_str()), (status, error));
            assert_eq!(response.header("cache-control"), Some("no-store"));
        }
    }

    #[test]
    fn no_description_of_ours_needs_mending() {
        // conformance 17
        for denied in every_denial() {
            let answer = answer(&denied);
            assert_eq!(plain(&answer.description), answer.description);
            assert!(!answer.description.is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_description_stays_within_rfc_6749s_characters(text in "\\PC*|[\\x00-\\x20\"\\\\]*") {
            // conformance 17: %x20-21 / %x23-5B / %x5D-7E
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            prop_assert!(plain(&text).bytes().all(allowed));
        }
    }
}
