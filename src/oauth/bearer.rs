//! Bearer tokens at a host's own API (RFC 6750): the token out of the headers, the refusal into one.

use crate::error::Denied;
use crate::oauth::http::{REALM, credentials_of, only_value};
use crate::oauth::refusal::plain;

/// The token in a request's headers (RFC 6750 2.1). A token in the query string is not looked for.
///
/// # Errors
/// [`Denied::TokenMissing`] without an `Authorization` header or with another scheme;
/// [`Denied::InvalidRequest`] for two such headers, or a token that breaks the header's grammar.
pub(crate) fn read_bearer<'a>(headers: &[(&str, &'a [u8])]) -> Result<&'a str, Denied> {
    let authorization =
        only_value(headers, "Authorization", "there are two Authorization headers")?;
    // RFC 6750 3.1: "If the request lacks any authentication information (e.g., the client was unaware
    // that authentication is necessary or attempted using an unsupported authentication method), the
    // resource server SHOULD NOT include an error code or other error information."
    let token = authorization
        .and_then(|value| credentials_of(value, "Bearer"))
        .ok_or(Denied::TokenMissing)?;
    let malformed = Denied::InvalidRequest { why: "the Authorization header is malformed" };
    if !is_b64token(token) {
        return Err(malformed);
    }
    std::str::from_utf8(token).map_err(|_| malformed)
}

/// RFC 6750 2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(token: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = token.split_at(token.len().saturating_sub(padding));
    !text.is_empty() && text.iter().all(is_part)
}

/// The status that the host's API answers a refusal with, and its `WWW-Authenticate` value (RFC 6750 3),
/// empty where no other token would help. `required_scope` is what the operation required.
pub(crate) fn challenge(denied: &Denied, required_scope: &str) -> (u16, String) {
    match answer(denied) {
        Answer::NoToken => (401, format!("Bearer realm=\"{REALM}\"")),
        Answer::InvalidToken(why) => (401, with_error("invalid_token", why)),
        Answer::InvalidRequest(why) => (400, with_error("invalid_request", why)),
        Answer::InsufficientScope => {
            let error = with_error("insufficient_scope", "the access token lacks a required scope");
            // Our parser of required scopes lets no quote through; `plain` sees to it all the same.
            (403, format!("{error}, scope=\"{}\"", plain(required_scope)))
        }
        Answer::Forbidden => (403, String::new()),
        Answer::TooFast => (429, String::new()),
    }
}

/// RFC 6750 3: `error` and `error_description` as quoted strings.
fn with_error(error: &str, description: &str) -> String {
    let description = plain(description);
    format!("Bearer realm=\"{REALM}\", error=\"{error}\", error_description=\"{description}\"")
}

/// The kinds of answer that RFC 6750 3.1 and conformance 28 have.
enum Answer {
    NoToken,
    InvalidToken(&'static str),
    InvalidRequest(&'static str),
    InsufficientScope,
    Forbidden,
    TooFast,
}

/// Every reason has its answer. Of an invalid token only its age is told, which its holder knows.
#[expect(clippy::too_many_lines, reason = "one line for each kind, and no `_`")]
fn answer(denied: &Denied) -> Answer {
    match denied {
        Denied::TokenMissing => Answer::NoToken,
        Denied::TokenExpired { .. } => Answer::InvalidToken("the access token has expired"),
        Denied::InvalidRequest { why } => Answer::InvalidRequest(why),
        Denied::InsecureTransport => {
            Answer::InvalidRequest("use HTTPS: plain HTTP is not answered")
        }
        Denied::InsufficientScope { .. } => Answer::InsufficientScope,
        Denied::PeerNotAllowed | Denied::PeerUnknown => Answer::Forbidden,
        Denied::RateLimited { .. } => Answer::TooFast,
        // RFC 6750 3.1: "The access token provided is expired, revoked, malformed, or invalid for other
        // reasons." The last ones are not reasons to refuse a token; were they, they would be others.
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
        | Denied::ClientTokensRevoked
        | Denied::CredentialRevoked
        | Denied::ClientUnknown
        | Denied::ClientDisabled
        | Denied::GrantNotAllowed
        | Denied::SecretWrong
        | Denied::SecretNotYetValid
        | Denied::SecretExpired
        | Denied::SecretRevoked
        | Denied::SecretUnconfirmed
        | Denied::SecretMissing
        | Denied::CredentialMalformed
        | Denied::AuthenticationMethod
        | Denied::ScopeNotAllowed { .. }
        | Denied::ScopeMalformed
        | Denied::GrantUnsupported => Answer::InvalidToken("the access token is not valid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::refusal::tests::every_denial;
    use proptest::prelude::*;

    fn read(value: &str) -> Result<&str, Denied> {
        read_bearer(&[("x", b"y"), ("authorization", value.as_bytes())])
    }

    #[test]
    fn the_scheme_matches_whole_and_in_any_case() {
        // conformance 29
        for value in ["Bearer a.b-c_d~+/==", "bearer  a.b-c_d~+/==", "BEARER a.b-c_d~+/== "] {
            assert_eq!(read(value), Ok("a.b-c_d~+/=="), "{value}");
        }
        for value in ["BearerX abc", "Bearerabc", "Beare abc", "Basic YTpi", "", "Bearer\tabc"] {
            assert_eq!(read(value), Err(Denied::TokenMissing), "{value}");
        }
        assert_eq!(read_bearer(&[]), Err(Denied::TokenMissing));
    }

    #[test]
    fn two_headers_or_a_malformed_one_are_an_invalid_request() {
        // conformance 28: Two transports or malformed: 400 `invalid_request`
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer =",
            "Bearer a=b",
            "Bearer \"a\"",
            "Bearer \u{e9}",
        ] {
            assert!(matches!(read(value), Err(Denied::InvalidRequest { .. })), "{value}");
        }
        let two: &[(&str, &[u8])] =
            &[("Authorization", b"Bearer a"), ("authorization", b"Basic b")];
        assert!(matches!(read_bearer(two), Err(Denied::InvalidRequest { .. })));
    }

    #[test]
    fn no_token_is_a_challenge_without_an_error() {
        // conformance 28
        let (status, challenge) = challenge(&Denied::TokenMissing, "a");
        assert_eq!((status, challenge.as_str()), (401, "Bearer realm=\"wardkey\""));
    }

    #[test]
    fn a_bad_token_is_an_invalid_token() {
        // conformance 28: bad, expired or revoked is a 401 `invalid_token`
        for denied in [
            Denied::BadSignature,
            Denied::TokenExpired { now: 2, expires_at: 1 },
            Denied::TokenRevoked,
            Denied::ClientDisabled,
            Denied::CredentialRevoked,
        ] {
            let (status, challenge) = challenge(&denied, "a");
            assert_eq!(status, 401);
            assert!(challenge.starts_with("Bearer realm=\"wardkey\", error=\"invalid_token\""));
        }
    }

    #[test]
    fn a_missing_scope_is_a_403_that_names_what_is_required() {
        // conformance 28
        let denied = Denied::InsufficientScope { missing: "b".to_owned() };
        let (status, challenge) = challenge(&denied, "a:r b");
        assert_eq!(status, 403);
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.ends_with("scope=\"a:r b\""), "{challenge}");
    }

    #[test]
    fn an_address_or_a_rate_is_no_matter_of_another_token() {
        // conformance 28: IP not allowed: 403. Rate limited: 429
        assert_eq!(challenge(&Denied::PeerNotAllowed, "a"), (403, String::new()));
        assert_eq!(challenge(&Denied::PeerUnknown, "a"), (403, String::new()));
        assert_eq!(challenge(&Denied::RateLimited { retry_after: 1 }, "a"), (429, String::new()));
    }

    #[test]
    fn an_invalid_request_is_a_400_with_its_reason() {
        // conformance 28
        let (status, challenge) = challenge(&Denied::InvalidRequest { why: "a \"b\"" }, "");
        assert_eq!(status, 400);
        assert!(challenge.ends_with("error=\"invalid_request\", error_description=\"a ?b?\""));
    }

    #[test]
    fn every_challenge_is_one_line_of_printable_text() {
        for denied in every_denial() {
            let (status, challenge) = challenge(&denied, "a\"\r\nb");
            assert!([400, 401, 403, 429].contains(&status));
            assert!(challenge.bytes().all(|b| (0x20..0x7f).contains(&b)));
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read_bearer(&[("Authorization", &value)]);
        }

        #[test]
        fn a_token_of_the_grammar_is_read_whole(token in "[A-Za-z0-9._~+/-]{1,60}={0,2}") {
            let value = format!("bEARER {token}");
            prop_assert_eq!(read(&value), Ok(token.as_str()));
        }
    }
}
