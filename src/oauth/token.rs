//! The token endpoint's request and response (RFC 6749 4.1.3, 4.4.2, 5.1, 6).

use crate::base::{Secret, UnixTime};
use crate::domain::{Dialect, Issued, Redemption, Settings};
use crate::error::Denied;
use crate::oauth::credentials::Credentials;
use crate::oauth::form::{CLIENT_ASSERTION, CLIENT_ID, CLIENT_SECRET, Form, ReadFailure};
use crate::oauth::http::{HttpRequest, HttpResponse};
use crate::oauth::refusal::print_internal;
use serde::Serialize;

/// A token request, its client not yet authenticated.
pub(crate) struct TokenRequest {
    pub(crate) credentials: Credentials,
    /// As sent: it may name a grant that nobody knows.
    pub(crate) grant_type: String,
    /// As sent, not yet parsed: what is wrong with it, only an authenticated client learns. Absent if empty.
    pub(crate) scope: Option<String>,
    /// RFC 6749 6.
    pub(crate) refresh_token: Option<Secret>,
    /// RFC 6749 4.1.3; absent if there is no code.
    pub(crate) redemption: Option<Redemption>,
}

/// Reads a token request (RFC 6749 3.2), whose method is already checked.
///
/// # Errors
/// [`ReadFailure::TooLarge`]. [`Denied::InvalidRequest`] for another media type, a malformed or repeated parameter,
/// credentials in
/// the query, two authentication methods or a missing `grant_type`; and what is wrong with the
/// credentials: [`Denied::CredentialMalformed`], [`Denied::SecretMissing`],
/// [`Denied::AuthenticationMethod`].
pub(crate) fn read_token_request(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<TokenRequest, ReadFailure> {
    let form = Form::read(request, settings, KNOWN)?;
    let grant_type = form.only(GRANT_TYPE)?;
    let credentials = match Credentials::read(request, &form) {
        // conformance 13: fhirclient.js names no client when it refreshes. The token's own is found by it.
        Err(Denied::SecretMissing) if grant_type == Some(REFRESH_TOKEN) => Credentials::absent(),
        read => read?,
    };
    // RFC 6749 5.2: invalid_request where "the request is missing a required parameter".
    let missing = Denied::InvalidRequest { why: "grant_type is missing" };
    let secret = |text: &str| Secret::copy_of(text.as_bytes());
    let redirect_uri = form.only(REDIRECT_URI)?.map(str::to_owned);
    let verifier = form.only(CODE_VERIFIER)?.map(secret);
    let code = form.only(CODE)?.map(secret);
    Ok(TokenRequest {
        credentials,
        grant_type: grant_type.ok_or(missing)?.to_owned(),
        scope: form.only(SCOPE)?.map(str::to_owned),
        refresh_token: form.only(REFRESH_TOKEN)?.map(secret),
        redemption: code.map(|code| Redemption { code, redirect_uri, verifier }),
    })
}

/// RFC 6749 5.1, in the order in which it lists them. There is no refresh token for client_credentials:
/// RFC 6749 4.4.3: "A refresh token SHOULD NOT be included."
#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: &'a str,
}

/// Prints a token as of `now`, when the response is written (RFC 6749 5.1).
pub(crate) fn print_token(
    issued: &Issued,
    dialect: Option<Dialect>,
    now: UnixTime,
) -> HttpResponse {
    let Ok(access_token) = std::str::from_utf8(issued.access_token.expose()) else {
        return print_internal();
    };
    let refresh = issued.refresh.as_ref().map(|(token, _)| std::str::from_utf8(token.expose()));
    let Ok(refresh_token) = refresh.transpose() else {
        return print_internal();
    };
    let body = Body {
        access_token,
        token_type: issued.token_type_case.as_str(),
        expires_in: seconds_left(issued.expires_at, dialect, now),
        refresh_token,
        scope: issued.scope.as_str(),
    };
    let refresh_length = refresh_token.map_or(0, str::len);
    let capacity = body.access_token.len() + refresh_length + body.scope.len() + AROUND;
    HttpResponse::json_sized(200, &body, capacity).never_stored()
}

/// RFC 6749 5.1: `expires_in` is "the lifetime in seconds of the access token".
fn seconds_left(expires_at: UnixTime, dialect: Option<Dialect>, now: UnixTime) -> i64 {
    let left = match dialect {
        // The second that runs is not counted: 3599 of a fresh 3600, as its page shows.
        Some(Dialect::Medblocks) => (expires_at.since(now) - 1) / 1000,
        // The second that runs is counted: a fresh token has its round lifetime.
        None | Some(Dialect::BioEcko | Dialect::NikoHealth | Dialect::DrChrono | Dialect::BioT) => {
            expires_at.seconds() - now.seconds()
        }
    };
    left.max(0)
}

const GRANT_TYPE: &str = "grant_type";
const SCOPE: &str = "scope";
const REFRESH_TOKEN: &str = "refresh_token";
const CODE: &str = "code";
const REDIRECT_URI: &str = "redirect_uri";
const CODE_VERIFIER: &str = "code_verifier";

/// Every parameter that RFC 6749 and RFC 7636 give this endpoint: none of them may be repeated, also
/// where the grant at hand does not use it.
const KNOWN: &[&str] = &[
    GRANT_TYPE,
    SCOPE,
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_ASSERTION,
    CODE,
    REDIRECT_URI,
    CODE_VERIFIER,
    REFRESH_TOKEN,
];

/// Room for names, quotes and numbers around the token and the scope, neither of which needs escapes.
const AROUND: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::domain::{Scope, TokenTypeCase};
    use crate::oauth::form::tests::FORM;
    use proptest::prelude::*;

    fn read(body: &[u8]) -> Result<TokenRequest, ReadFailure> {
        let request = HttpRequest { headers: &[FORM], body, ..HttpRequest::default() };
        read_token_request(&request, &Settings::default())
    }

    fn is_invalid(result: Result<TokenRequest, ReadFailure>) -> bool {
        matches!(result, Err(ReadFailure::Denied(Denied::InvalidRequest { .. })))
    }

    fn issued(scope: &str, token_type_case: TokenTypeCase, lifetime: i64) -> Issued {
        Issued {
            access_token: Secret::copy_of(b"abc.def"),
            scope: Scope::stored(scope).unwrap(),
            expires_at: UnixTime::from_seconds(1_000 + lifetime),
            token_type_case,
            refresh: None,
        }
    }

    fn at(millis: i64) -> UnixTime {
        UnixTime::from_millis(1_000_000 + millis)
    }

    #[test]
    fn the_dialects_own_requests_are_read() {
        // conformance, the dialects: Bio Ecko by form, NikoHealth and Medblocks by Basic
        let bio = read(b"grant_type=client_credentials &client_id=a &client_secret=b").unwrap();
        assert_eq!(bio.grant_type, "client_credentials");
        assert_eq!((bio.scope, bio.credentials.basic), (None, false));
        let headers: &[(&str, &[u8])] = &[FORM, ("Authorization", b"Basic YTpi")];
        let niko = HttpRequest {
            headers,
            body: b"grant_type=client_credentials",
            ..HttpRequest::default()
        };
        let niko = read_token_request(&niko, &Settings::default()).unwrap();
        assert!(niko.credentials.basic);
    }

    #[test]
    fn the_scope_stays_as_it_was_sent() {
        // conformance 20: what is wrong with it is said later, to an authenticated client.
        let request = read(b"grant_type=x&client_id=a&client_secret=b&scope=+a++b%09").unwrap();
        assert_eq!(request.scope.as_deref(), Some(" a  b\t"));
        let request = read(b"grant_type=x&client_id=a&client_secret=b&scope=").unwrap();
        assert_eq!(request.scope, None);
    }

    #[test]
    fn a_missing_grant_type_is_an_invalid_request() {
        // conformance 14, RFC 6749 5.2
        for body in
            [&b"client_id=a&client_secret=b"[..], b"client_id=a&client_secret=b&grant_type="]
        {
            assert!(is_invalid(read(body)));
        }
    }

    #[test]
    fn a_parameter_of_another_grant_must_not_be_repeated_either() {
        // conformance 2
        let body = b"grant_type=client_credentials&client_id=a&client_secret=b&code=1&code=1";
        assert!(is_invalid(read(body)));
        assert!(read(b"grant_type=x&client_id=a&client_secret=b&state=1&state=2").is_ok());
    }

    #[test]
    fn a_code_is_read_with_what_proves_it() {
        // RFC 6749 4.1.3, RFC 7636 4.5
        let body = b"grant_type=authorization_code&client_id=a&code=c&redirect_uri=https%3A%2F%2Fa%2F&code_verifier=v";
        let redemption = read(body).unwrap().redemption.unwrap();
        assert_eq!(redemption.code.expose(), b"c");
        assert_eq!(redemption.redirect_uri.as_deref(), Some("https://a/"));
        assert_eq!(redemption.verifier.unwrap().expose(), b"v");
        let without = b"grant_type=authorization_code&client_id=a&code=&code_verifier=v";
        assert!(read(without).unwrap().redemption.is_none());
    }

    #[test]
    fn a_token_response_is_what_rfc_6749_shows() {
        // conformance 9, 10, 11
        let response = print_token(&issued("a:r b:w", TokenTypeCase::Upper, 3600), None, at(0));
        assert_eq!(response.status, 200);
        assert_eq!(
            String::from_utf8(response.body.clone()).unwrap(),
            r#"{"access_token":"abc.def","token_type":"Bearer","expires_in":3600,"scope":"a:r b:w"}"#
        );
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
        assert_eq!(response.header("Pragma"), Some("no-cache"));
    }

    #[test]
    fn medblocks_gets_what_its_page_shows() {
        // conformance, the dialects: `bearer`, 3599, `scope` also when empty
        let issued = issued("", TokenTypeCase::Lower, 3600);
        for millis in [0, 1, 999] {
            let response = print_token(&issued, Some(Dialect::Medblocks), at(millis));
            assert_eq!(
                String::from_utf8(response.body).unwrap(),
                r#"{"access_token":"abc.def","token_type":"bearer","expires_in":3599,"scope":""}"#
            );
        }
    }

    #[test]
    fn expires_in_is_measured_when_the_response_is_written() {
        // conformance 10
        let expires_at = UnixTime::from_seconds(1_000 + 1_200);
        for dialect in
            [None, Some(Dialect::BioEcko), Some(Dialect::NikoHealth), Some(Dialect::DrChrono)]
        {
            assert_eq!(seconds_left(expires_at, dialect, at(0)), 1_200);
            assert_eq!(seconds_left(expires_at, dialect, at(999)), 1_200);
            assert_eq!(seconds_left(expires_at, dialect, at(1_000)), 1_199);
            assert_eq!(seconds_left(expires_at, dialect, at(9_999_999)), 0);
        }
        let medblocks = Some(Dialect::Medblocks);
        assert_eq!(seconds_left(expires_at, medblocks, at(1_000)), 1_198);
        assert_eq!(seconds_left(expires_at, medblocks, at(9_999_999)), 0);
    }

    #[test]
    fn a_token_response_never_outgrows_its_buffer() {
        // Growing would leave the token's first part behind in freed memory.
        let mut long = issued(&"a".repeat(4096), TokenTypeCase::Upper, i64::from(u32::MAX));
        long.access_token = Secret::new(vec![b'x'; 5000]);
        let response = print_token(&long, None, at(0));
        assert!(response.body.len() <= 5000 + 4096 + AROUND);
    }

    proptest! {
        #[test]
        fn no_token_request_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        #[test]
        fn no_almost_token_request_panics(
            body in "(grant_type|scope|client_id|client_secret|code|x|=|&|%|%00|a| ){0,20}",
        ) {
            let _ = read(body.as_bytes());
        }
    }
}
