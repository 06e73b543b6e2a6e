//! Introspection (RFC 7662) and revocation (RFC 7009): a token in, what there is to say about it out.

use crate::domain::{Settings, TokenFacts};
use crate::error::Denied;
use crate::oauth::credentials::Credentials;
use crate::oauth::form::{CLIENT_ASSERTION, CLIENT_ID, CLIENT_SECRET, Form, ReadFailure};
use crate::oauth::http::{HttpRequest, HttpResponse};
use serde::Serialize;
use zeroize::Zeroizing;

/// A request about a token, its client not yet authenticated.
pub(crate) struct TokenParameter {
    pub(crate) credentials: Credentials,
    /// The token asked about: any text at all.
    pub(crate) token: Zeroizing<String>,
}

/// Reads an introspection (RFC 7662 2.1) or revocation request (RFC 7009 2.1), whose method is already
/// checked.
///
/// # Errors
/// As [`crate::oauth::read_token_request`]; [`Denied::InvalidRequest`] too for a missing `token`.
pub(crate) fn read_token_parameter(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<TokenParameter, ReadFailure> {
    let mut form = Form::read(request, settings, KNOWN)?;
    let credentials = Credentials::read(request, &form)?;
    let token = form.take(TOKEN).ok_or(Denied::InvalidRequest { why: "token is missing" })?;
    Ok(TokenParameter { credentials, token })
}

/// RFC 7662 2.2, in the order in which it lists them.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    scope: &'a str,
    client_id: &'a str,
    token_type: &'static str,
    exp: i64,
    iat: i64,
    sub: &'a str,
    aud: &'a str,
    iss: &'a str,
    jti: &'a str,
}

/// Prints what introspection found: an active token's facts and its issuer; `None` for a token that is not active, or
/// not the caller's to see.
///
/// RFC 7662 2.2: "the authorization server MUST return an introspection response with the "active" field
/// set to "false". Note that to avoid disclosing too much of the authorization server's state to a third
/// party, the authorization server SHOULD NOT include any additional information".
pub(crate) fn print_introspection(token: Option<(&TokenFacts<'_>, &str)>) -> HttpResponse {
    let Some((token, issuer)) = token else {
        return HttpResponse::json(200, &Inactive { active: false }).never_stored();
    };
    let active = Active {
        active: true,
        scope: &token.scope,
        client_id: &token.client_id,
        token_type: "Bearer",
        exp: token.expires_at.seconds(),
        iat: token.issued_at.seconds(),
        sub: &token.subject,
        aud: &token.audience,
        iss: token.issuer.as_deref().unwrap_or(issuer),
        jti: &token.token_id,
    };
    HttpResponse::json(200, &active).never_stored()
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

/// Prints that the token is revoked, whether it ever was one or not.
///
/// RFC 7009 2.2: "The authorization server responds with HTTP status code 200 if the token has been
/// revoked successfully or if the client submitted an invalid token." Its content is ignored, but some
/// clients fail unless it is JSON.
pub(crate) fn print_revoked() -> HttpResponse {
    HttpResponse::json(200, &Empty {}).never_stored()
}

#[derive(Serialize)]
struct Empty {}

const TOKEN: &str = "token";

/// The hint is known so that it must not be repeated, and then not used: every token is found without it.
/// RFC 7009 2.1: "An authorization server MAY ignore this parameter".
const KNOWN: &[&str] = &[TOKEN, "token_type_hint", CLIENT_ID, CLIENT_SECRET, CLIENT_ASSERTION];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Epoch, UnixTime};
    use crate::oauth::form::tests::FORM;
    use proptest::prelude::*;

    fn read(body: &[u8]) -> Result<TokenParameter, ReadFailure> {
        let request = HttpRequest { headers: &[FORM], body, ..HttpRequest::default() };
        read_token_parameter(&request, &Settings::default())
    }

    #[test]
    fn the_token_is_read_and_any_hint_ignored() {
        // conformance 30, 31
        for hint in [
            "",
            "&token_type_hint=access_token",
            "&token_type_hint=refresh_token",
            "&token_type_hint=x",
        ] {
            let body = format!("client_id=a&client_secret=b&token=t%2E1{hint}");
            assert_eq!(read(body.as_bytes()).unwrap().token.as_str(), "t.1");
        }
    }

    #[test]
    fn a_missing_or_repeated_token_is_an_invalid_request() {
        // conformance 30: No `token`: 400
        for body in
            ["", "&token=", "&token=a&token=b", "&token=a&token_type_hint=x&token_type_hint=x"]
        {
            let body = format!("client_id=a&client_secret=b{body}");
            let failure = read(body.as_bytes()).err();
            assert!(
                matches!(failure, Some(ReadFailure::Denied(Denied::InvalidRequest { .. }))),
                "{body}"
            );
        }
    }

    #[test]
    fn a_caller_without_credentials_is_an_invalid_client() {
        // conformance 30: authenticated caller (bad: 401)
        assert_eq!(read(b"token=t").err(), Some(Denied::SecretMissing.into()));
    }

    #[test]
    fn a_public_client_revokes_by_its_id() {
        // conformance 31: (public clients: by `client_id`)
        assert!(read(b"token=t&client_id=spa").unwrap().credentials.is_id_alone());
    }

    #[test]
    fn an_inactive_token_is_exactly_one_member() {
        // conformance 30
        let response = print_introspection(None);
        assert_eq!((response.status, response.body.as_slice()), (200, &br#"{"active":false}"#[..]));
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }

    #[test]
    fn an_active_token_is_described_as_rfc_7662_says() {
        // conformance 30
        let token = TokenFacts {
            issuer: None,
            token_id: "s.j".into(),
            client_id: "c".into(),
            subject: "c".into(),
            credential_id: "k".into(),
            grant_id: None,
            scope: "a:r".into(),
            audience: "https://api".into(),
            epoch: Epoch::from_bytes([0; 8]),
            client_generation: 1,
            subject_generation: 0,
            issued_at: UnixTime::from_millis(1_000),
            expires_at: UnixTime::from_millis(2_000),
            is_jwt: true,
        };
        let body = print_introspection(Some((&token, "https://i"))).body;
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"active":true,"scope":"a:r","client_id":"c","token_type":"Bearer","exp":2,"iat":1,"#,
                r#""sub":"c","aud":"https://api","iss":"https://i","jti":"s.j"}"#
            )
        );
    }

    #[test]
    fn a_revocation_answers_with_an_empty_json_object() {
        // conformance 31: 200, JSON content type with `{}`
        let response = print_revoked();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("pragma"), Some("no-cache"));
    }

    proptest! {
        #[test]
        fn no_request_about_a_token_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }
    }
}
