//! BioT's dialect: a user's login and refresh as JSON.
//!
//! `{"username","password"}` or `{"refreshToken"}` in; `{"accessJwt","refreshJwt"}` out, each with `token` and
//! `expiration`. Members that nobody knows are ignored, as RFC 6749 3.2 has it for parameters: an app may send
//! more than its page shows. Those that are known come once and are strings.

use crate::base::{Secret, UnixTime};
use crate::crypto::Object;
use crate::domain::Settings;
use crate::error::Denied;
use crate::oauth::bearer::read_bearer;
use crate::oauth::form::{ReadFailure, check_length, check_query};
use crate::oauth::http::{HttpRequest, HttpResponse, REALM, only_value};
use crate::oauth::login::LoginAttempt;
use crate::oauth::refusal::{answer, plain, print_internal};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use zeroize::Zeroizing;

/// Reads a login, whose method is already checked.
///
/// # Errors
/// [`ReadFailure::TooLarge`]; [`Denied::InvalidRequest`] for another media type, text that is no JSON object,
/// and a member that is missing, empty, repeated, too long or no string.
pub(crate) fn read_biot_login(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<LoginAttempt, ReadFailure> {
    check_query(request.query, &MEMBERS)?;
    check_json(request, settings)?;
    let login: Login = parse(request.body)?;
    let missing = |why| Denied::InvalidRequest { why };
    let username = login.username.ok_or(missing("username is missing"))?.0;
    let password = login.password.ok_or(missing("password is missing"))?.0;
    let bearable = LoginAttempt::new(&username, password);
    Ok(bearable.ok_or(missing("username or password is empty or too long"))?)
}

/// Reads the refresh token of a refresh, whose method is already checked. It may stand in the body, in the
/// `Authorization` header, or in both.
///
/// # Errors
/// As [`read_biot_login`]; [`Denied::InvalidRequest`] if it stands nowhere, or differs between the places.
pub(crate) fn read_biot_refresh(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<Secret, ReadFailure> {
    check_query(request.query, &MEMBERS)?;
    let header = match read_bearer(request.headers) {
        Ok(token) => Some(token),
        // Another scheme is none of our business.
        Err(Denied::TokenMissing) => None,
        Err(malformed) => return Err(malformed.into()),
    };
    // Who has said it in the header needs no body.
    let in_body = if header.is_some() && request.body.is_empty() {
        None
    } else {
        check_json(request, settings)?;
        parse::<Refresh>(request.body)?.refresh_token.map(|Text(text)| text)
    };
    let in_body = in_body.filter(|text| !text.is_empty());
    match (header, in_body) {
        (Some(header), Some(body)) if header != body.as_str() => {
            Err(Denied::InvalidRequest { why: "the header and the body have different tokens" }
                .into())
        }
        (Some(token), _) => Ok(Secret::copy_of(token.as_bytes())),
        (None, Some(mut body)) => Ok(Secret::new(std::mem::take(&mut *body).into_bytes())),
        (None, None) => Err(Denied::InvalidRequest { why: "refreshToken is missing" }.into()),
    }
}

/// The tokens of a login or a refresh.
pub(crate) struct BiotTokens<'a> {
    pub(crate) access_token: &'a Secret,
    pub(crate) access_expires_at: UnixTime,
    pub(crate) refresh_token: &'a Secret,
    pub(crate) refresh_expires_at: UnixTime,
}

/// Prints the tokens.
pub(crate) fn print_biot_tokens(tokens: &BiotTokens<'_>) -> HttpResponse {
    let text = std::str::from_utf8;
    let (Ok(access), Ok(refresh)) =
        (text(tokens.access_token.expose()), text(tokens.refresh_token.expose()))
    else {
        return print_internal();
    };
    let body = Tokens {
        access_jwt: Token { token: access, expiration: tokens.access_expires_at.to_string() },
        refresh_jwt: Token { token: refresh, expiration: tokens.refresh_expires_at.to_string() },
    };
    let capacity = access.len() + refresh.len() + AROUND;
    HttpResponse::json_sized(200, &body, capacity).never_stored()
}

/// Prints a refusal: 400 for a request that cannot be read, 429 for one that came too early, and one 401 for
/// every other reason, so that a wrong user and a wrong password read the same.
pub(crate) fn print_biot_refusal(denied: &Denied) -> HttpResponse {
    let answer = answer(denied);
    if let Denied::RateLimited { retry_after } = denied {
        return print(429, "slow_down", "too many attempts, try again later")
            .with_header("Retry-After", (*retry_after).max(1).to_string());
    }
    if answer.error == "invalid_request" {
        return print(400, answer.error, &answer.description);
    }
    // RFC 9110 15.5.2 wants a challenge in every 401; this one opens no dialog in a browser.
    print(401, "unauthorized", "the login was refused")
        .with_header("WWW-Authenticate", format!("Bearer realm=\"{REALM}\""))
}

fn print(status: u16, error: &str, description: &str) -> HttpResponse {
    let body = Refusal { error, error_description: &plain(description) };
    HttpResponse::json(status, &body).never_stored()
}

/// BioT's page names no media type, so its absence is fine; another one is not.
fn check_json(request: &HttpRequest<'_>, settings: &Settings) -> Result<(), ReadFailure> {
    check_length(request.body, settings)?;
    check_not_cross_site(request)?;
    let value = only_value(request.headers, "Content-Type", "the request has two content types")?;
    let media_type = value.and_then(|value| value.split(|byte| *byte == b';').next());
    let is_json = |found: &[u8]| found.trim_ascii().eq_ignore_ascii_case(b"application/json");
    // A form or plain text with JSON in it is what another site's page can send without being asked for
    // permission (Fetch, "CORS-safelisted request-header").
    if !media_type.is_none_or(is_json) {
        return Err(
            Denied::InvalidRequest { why: "the content type must be application/json" }.into()
        );
    }
    Ok(())
}

/// A page of another site is no client of these routes: from a browser inside the clinic it could guess at
/// passwords from a place that their owners are known from.
fn check_not_cross_site(request: &HttpRequest<'_>) -> Result<(), Denied> {
    let cross_site = request.header("Sec-Fetch-Site").is_some_and(|site| site == b"cross-site");
    // A page can send a body without any type unasked, and older browsers name its origin alone.
    let untyped_page =
        request.header("Origin").is_some() && request.header("Content-Type").is_none();
    if cross_site || untyped_page {
        return Err(Denied::InvalidRequest { why: "a page of another site sent the request" });
    }
    Ok(())
}

/// What serde says of it may repeat a password, so nothing of that is kept.
fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Denied> {
    let parsed: Result<Object<T>, _> = serde_json::from_slice(body);
    let why = "the body is not a JSON object whose known members are strings that come once";
    parsed.map(|Object(members)| members).map_err(|_| Denied::InvalidRequest { why })
}

#[derive(serde::Deserialize)]
struct Login {
    username: Option<Text>,
    password: Option<Text>,
}

#[derive(serde::Deserialize)]
struct Refresh {
    #[serde(rename = "refreshToken")]
    refresh_token: Option<Text>,
}

/// A string that is wiped when dropped.
// The parser has a buffer of its own for strings with escapes, which it does not wipe; neither does the host
// with the body that it gave us.
struct Text(Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Zeroizing::new(text.to_owned())))
    }
}

#[derive(Serialize)]
struct Tokens<'a> {
    #[serde(rename = "accessJwt")]
    access_jwt: Token<'a>,
    #[serde(rename = "refreshJwt")]
    refresh_jwt: Token<'a>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    /// RFC 3339 in UTC with milliseconds: what JavaScript's `Date` prints and reads.
    expiration: String,
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// What must not stand in a query, where logs would have it.
const MEMBERS: [&str; 3] = ["username", "password", "refreshToken"];

/// Room for names, quotes and times around the tokens, neither of which needs escapes.
const AROUND: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::refusal::tests::every_denial;
    use proptest::prelude::*;

    const JSON: (&str, &[u8]) = ("Content-Type", b"application/json; charset=utf-8");

    fn login(body: &str) -> Result<(String, String), ReadFailure> {
        login_with(&[JSON], body)
    }

    fn login_with(headers: &[(&str, &[u8])], body: &str) -> Result<(String, String), ReadFailure> {
        let request = HttpRequest { headers, body: body.as_bytes(), ..HttpRequest::default() };
        let attempt = read_biot_login(&request, &Settings::default())?;
        let password = String::from_utf8(attempt.password.expose().to_vec()).unwrap();
        Ok((attempt.username, password))
    }

    fn refresh(authorization: Option<&str>, body: &str) -> Result<String, ReadFailure> {
        let mut headers: Vec<(&str, &[u8])> = vec![JSON];
        headers.extend(authorization.map(|value| ("Authorization", value.as_bytes())));
        let request =
            HttpRequest { headers: &headers, body: body.as_bytes(), ..HttpRequest::default() };
        let token = read_biot_refresh(&request, &Settings::default())?;
        Ok(String::from_utf8(token.expose().to_vec()).unwrap())
    }

    fn is_invalid<T>(result: Result<T, ReadFailure>) -> bool {
        matches!(result, Err(ReadFailure::Denied(Denied::InvalidRequest { .. })))
    }

    #[test]
    fn the_pages_login_is_read() {
        // conformance, the dialects
        let ada = Ok(("ada".to_owned(), "p\"\u{e9}".to_owned()));
        for body in [
            "{\n\"username\": \"ada\",\n\"password\": \"p\\\"\\u00e9\"\n}",
            r#"{"password":"p\"é","username":"ada"}"#,
            r#"{"password":"p\"é","username":" ada "}"#,
            r#"{"username":"ada","password":"p\"é","remember":{"me":[true]},"remember":1}"#,
        ] {
            assert_eq!(login(body), ada, "{body}");
            assert_eq!(login_with(&[], body), ada, "{body}");
        }
    }

    #[test]
    fn a_malformed_login_is_a_400() {
        // conformance, the dialects: malformed or a member missing is a 400
        for bad in [
            "",
            "x",
            "{}",
            "[]",
            "null",
            "\"ada\"",
            r#"["ada","pw"]"#,
            r#"{"username":"ada"}"#,
            r#"{"password":"pw"}"#,
            r#"{"username":"ada","password":""}"#,
            r#"{"username":"","password":"pw"}"#,
            r#"{"username":"ada","password":null}"#,
            r#"{"username":"ada","password":7}"#,
            r#"{"username":["ada"],"password":"pw"}"#,
            r#"{"username":"ada","password":"pw"} x"#,
            r#"{"username":"ada","password":"pw""#,
            r#"{"username":"ada","password":"pw","password":"pw"}"#,
            r#"{"username":"ada","password":"\ud800"}"#,
            r#"{"Username":"ada","Password":"pw"}"#,
            "\u{feff}{\"username\":\"ada\",\"password\":\"pw\"}",
            "username=ada&password=pw",
            &"[".repeat(60_000),
        ] {
            assert!(is_invalid(login(bad)), "{bad:.60}");
        }
        let long = |username, password| {
            let (username, password) = ("u".repeat(username), "p".repeat(password));
            login(&format!(r#"{{"username":"{username}","password":"{password}"}}"#))
        };
        assert!(long(1024, 4096).is_ok());
        assert!(is_invalid(long(1025, 1)) && is_invalid(long(1, 4097)));
        assert_eq!(login(&" ".repeat(65_537)), Err(ReadFailure::TooLarge));
    }

    #[test]
    fn only_json_is_read_as_json() {
        let body = r#"{"username":"ada","password":"pw"}"#;
        for bad in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] {
            assert!(is_invalid(login_with(&[("content-type", bad.as_bytes())], body)), "{bad}");
        }
        assert!(is_invalid(login_with(&[JSON, JSON], body)));
        assert!(login_with(&[("content-type", b"Application/JSON")], body).is_ok());
    }

    #[test]
    fn a_refresh_token_is_taken_from_either_place() {
        // conformance, the dialects: both places, if they agree
        let token = Ok("wkr_a-b".to_owned());
        let body = r#"{"refreshToken":"wkr_a-b"}"#;
        let header = Some("Bearer wkr_a-b");
        assert_eq!(refresh(None, body), token);
        assert_eq!(refresh(Some("Basic YTpi"), body), token);
        for other in ["", "{}", r#"{"refreshToken":""}"#, r#"{"refreshToken":null}"#, body] {
            assert_eq!(refresh(header, other), token, "{other}");
        }
        for other in [r#"{"refreshToken":"wkr_a-c"}"#, r#"{"refreshToken":"Bearer wkr_a-b"}"#] {
            assert!(is_invalid(refresh(header, other)), "{other}");
        }
    }

    #[test]
    fn a_refresh_without_a_token_is_a_400() {
        for bad in ["", "{}", "x", r#"{"refreshToken":""}"#, r#"{"refreshToken":7}"#, r#"["a"]"#] {
            assert!(is_invalid(refresh(None, bad)), "{bad}");
        }
        for bad in ["Bearer", "Bearer a b"] {
            assert!(is_invalid(refresh(Some(bad), r#"{"refreshToken":"a"}"#)), "{bad}");
        }
        assert!(is_invalid(refresh(Some("Bearer a"), "x")));
    }

    #[test]
    fn the_tokens_look_as_the_page_shows() {
        let (access_token, refresh_token) = (Secret::copy_of(b"a.b.c"), Secret::copy_of(b"wkr_x"));
        let response = print_biot_tokens(&BiotTokens {
            access_token: &access_token,
            access_expires_at: UnixTime::from_millis(1_772_353_800_007),
            refresh_token: &refresh_token,
            refresh_expires_at: UnixTime::from_seconds(1_773_563_400),
        });
        assert_eq!(response.status, 200);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(
            String::from_utf8(response.body).unwrap(),
            r#"{"accessJwt":{"token":"a.b.c","expiration":"2026-03-01T08:30:00.007Z"},"refreshJwt":{"token":"wkr_x","expiration":"2026-03-15T08:30:00.000Z"}}"#
        );
    }

    #[test]
    fn the_tokens_never_outgrow_their_buffer() {
        let token = Secret::new(vec![b'x'; 5000]);
        let response = print_biot_tokens(&BiotTokens {
            access_token: &token,
            access_expires_at: UnixTime::MAX,
            refresh_token: &token,
            refresh_expires_at: UnixTime::MAX,
        });
        assert!(response.body.len() <= 10_000 + AROUND);
    }

    #[test]
    fn a_refusal_is_a_400_a_429_or_one_and_the_same_401() {
        // conformance, the dialects, and 15
        let expected = print_biot_refusal(&Denied::SecretWrong);
        assert_eq!(expected.status, 401);
        assert_eq!(
            expected.body,
            br#"{"error":"unauthorized","error_description":"the login was refused"}"#
        );
        assert_eq!(expected.header("www-authenticate"), Some("Bearer realm=\"wardkey\""));
        for denied in every_denial() {
            let response = print_biot_refusal(&denied);
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.header("cache-control"), Some("no-store"));
            match response.status {
                401 => assert_eq!(response, expected, "{denied:?}"),
                429 => assert!(matches!(denied, Denied::RateLimited { .. })),
                status => assert_eq!(status, 400, "{denied:?}"),
            }
        }
        let too_fast = print_biot_refusal(&Denied::RateLimited { retry_after: 7 });
        assert_eq!((too_fast.status, too_fast.header("retry-after")), (429, Some("7")));
    }

    proptest! {
        #[test]
        fn no_body_panics(
            body in "\\PC*",
            almost in "[{}\\[\\]:,\"\\\\]{0,6}(\"(username|password|refreshToken)\":(\"a\"|7|null|\\{)?,?){0,4}\\}?",
        ) {
            for body in [body, almost] {
                let _ = login(&body);
                let _ = refresh(None, &body);
            }
        }
    }
}
