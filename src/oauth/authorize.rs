//! The authorization endpoint's request and its responses (RFC 6749 4.1.1, 4.1.2; RFC 7636; RFC 9207).

use crate::base::ClientId;
use crate::domain::{Challenge, RedirectUri, Settings};
use crate::error::{Denied, Error};
use crate::oauth::form::{CLIENT_ID, Form, ReadFailure, check_length, encode_into};
use crate::oauth::http::HttpResponse;
use crate::oauth::login::PENDING;
use crate::oauth::refusal::{answer, plain};
use std::borrow::Cow;

/// An authorization request: whom it says it is from, where the response is to go, and what it asks for.
///
/// The first two decide who is told of an error. As long as the client is unknown, or the redirect URI is
/// none of its own, that is the person at the browser, on a page; after that, it is the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: ClientId,
    /// As sent. [`RedirectUri::among`] says whether it is one of the client's.
    pub(crate) redirect_uri: String,
    /// What the response has to repeat; absent too if it was repeated, too long or not printable.
    pub(crate) state: Option<String>,
    /// What is asked for; an error goes to the client's redirect URI.
    pub(crate) asked: Result<Asked, AuthorizationError>,
}

/// What an authorization request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// As sent, not yet parsed; absent if empty.
    pub(crate) scope: Option<String>,
    /// Absent if neither challenge nor method came: [`Challenge::demand`] says whether that may be.
    pub(crate) challenge: Option<Challenge>,
}

impl AuthorizationRequest {
    /// Reads a request from a query string. RFC 6749 3.1: "The authorization server MUST ignore unrecognized
    /// request parameters", so `nonce`, `prompt` and the like change nothing.
    ///
    /// # Errors
    /// [`ReadFailure::TooLarge`]; [`Denied::InvalidRequest`] for text that cannot be decoded, and a missing,
    /// repeated or impossible `client_id` or `redirect_uri`. They are for a page (conformance 21).
    pub(crate) fn read(query: &str, settings: &Settings) -> Result<Self, ReadFailure> {
        Ok(Self::read_form(&read_query(query, PARAMETERS, settings)?)?)
    }

    /// Reads a request from a form that knows [`PARAMETERS`].
    pub(super) fn read_form(form: &Form) -> Result<Self, Denied> {
        // RFC 6749 4.1.2.1: "If the request fails due to a missing, invalid, or mismatching redirection URI, or
        // if the client identifier is missing or invalid, the authorization server SHOULD inform the resource
        // owner of the error and MUST NOT automatically redirect the user-agent to the invalid redirection
        // URI."
        let missing = |why| Denied::InvalidRequest { why };
        let client_id = form.only(CLIENT_ID)?.ok_or(missing("client_id is missing"))?;
        let client_id = ClientId::parse(client_id).map_err(|_| Denied::InvalidRequest {
            why: "client_id is none that a client can have",
        })?;
        let redirect_uri = form.only(REDIRECT_URI)?.ok_or(missing("redirect_uri is missing"))?;
        let state = read_state(form);
        Ok(Self {
            client_id,
            redirect_uri: redirect_uri.to_owned(),
            // A value that was not understood is not repeated.
            state: state.clone().unwrap_or_default(),
            asked: state.and_then(|_| read_asked(form)),
        })
    }

    /// The request as a query string that reads as the same request: what waits for a decision is kept so.
    pub(crate) fn to_query(&self) -> String {
        let mut query = Query::new(String::new());
        query.push(CLIENT_ID, self.client_id.as_str());
        query.push(REDIRECT_URI, &self.redirect_uri);
        if let Some(state) = &self.state {
            query.push(STATE, state);
        }
        if let Ok(asked) = &self.asked {
            query.push(RESPONSE_TYPE, CODE);
            if let Some(scope) = &asked.scope {
                query.push(SCOPE, scope);
            }
            if let Some(challenge) = &asked.challenge {
                query.push(CODE_CHALLENGE, challenge.as_str());
                query.push(CODE_CHALLENGE_METHOD, "S256");
            }
        }
        query.text
    }
}

/// Reads a query string's parameters, of which the endpoint knows `known`.
pub(super) fn read_query(
    query: &str,
    known: &[&'static str],
    settings: &Settings,
) -> Result<Form, ReadFailure> {
    check_length(query.as_bytes(), settings)?;
    Ok(Form::read_lenient(query.as_bytes(), known)?)
}

fn read_asked(form: &Form) -> Result<Asked, AuthorizationError> {
    let only = |name| form.only(name).map_err(|denied| AuthorizationError::of(&denied));
    let missing = || AuthorizationError::invalid_request("response_type is missing");
    let response_type = only(RESPONSE_TYPE)?.ok_or_else(missing)?;
    let scope = only(SCOPE)?.map(str::to_owned);
    let challenge = Challenge::read(only(CODE_CHALLENGE)?, only(CODE_CHALLENGE_METHOD)?);
    if response_type != CODE {
        let code = AuthorizationErrorCode::UnsupportedResponseType;
        return Err(AuthorizationError::new(code, "response_type must be code"));
    }
    let challenge = challenge.map_err(|fault| AuthorizationError::invalid_request(fault.why()))?;
    Ok(Asked { scope, challenge })
}

/// RFC 6749 A.5: `state = 1*VSCHAR`, printable ASCII. Other printable text comes back as well as it came;
/// control characters may mean something to whoever writes it down, so they do not.
fn read_state(form: &Form) -> Result<Option<String>, AuthorizationError> {
    let state = form.only(STATE).map_err(|denied| AuthorizationError::of(&denied))?;
    let sound = |state: &str| state.len() <= LONGEST_STATE && !state.contains(char::is_control);
    if !state.is_none_or(sound) {
        let why = "state must be at most 2048 bytes without control characters";
        return Err(AuthorizationError::invalid_request(why));
    }
    Ok(state.map(str::to_owned))
}

/// Why a client gets no code (RFC 6749 4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorizationError {
    code: AuthorizationErrorCode,
    description: Cow<'static, str>,
}

/// The codes of RFC 6749 4.1.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorizationErrorCode {
    /// A parameter is missing, malformed or repeated.
    InvalidRequest,
    /// The client may not use this endpoint.
    UnauthorizedClient,
    /// The person, or a rule, said no.
    AccessDenied,
    /// Another response type than `code`.
    UnsupportedResponseType,
    /// A scope word that the client may not have, or text that is no scope.
    InvalidScope,
    /// The server failed.
    ServerError,
    /// The server is busy.
    TemporarilyUnavailable,
}

impl AuthorizationError {
    /// An error with words for the client's author.
    pub(crate) fn new(
        code: AuthorizationErrorCode,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, description: description.into() }
    }

    /// What the client may know of a machine's failure: whether it is worth another try. RFC 6749 4.1.2.1:
    /// "This error code is needed because a 500 Internal Server Error HTTP status code cannot be returned to
    /// the client via an HTTP redirect."
    pub(crate) fn of_failure(error: &Error) -> Self {
        let passing =
            matches!(error, Error::Busy | Error::Full | Error::Overloaded | Error::OutcomeUnknown);
        if passing {
            let code = AuthorizationErrorCode::TemporarilyUnavailable;
            return Self::new(code, "the server is busy, try again");
        }
        Self::new(AuthorizationErrorCode::ServerError, "the server failed")
    }

    /// What the client may know of a refusal. It follows from what the token endpoint would say.
    pub(crate) fn of(denied: &Denied) -> Self {
        if *denied == Denied::AccessRefused {
            return Self::new(AuthorizationErrorCode::AccessDenied, "the user did not allow it");
        }
        if let Denied::InsufficientScope { .. } = denied {
            // Not the client's mistake: it may ask for this, and another user may allow it.
            let why = "the user has no permission of those that were asked for";
            return Self::new(AuthorizationErrorCode::AccessDenied, why);
        }
        let answer = answer(denied);
        match answer.error {
            "invalid_request" => Self::invalid_request(answer.description),
            "invalid_scope" => Self::new(AuthorizationErrorCode::InvalidScope, answer.description),
            "slow_down" => {
                Self::new(AuthorizationErrorCode::TemporarilyUnavailable, answer.description)
            }
            "unauthorized_client" => {
                let why = "the client may not ask for authorization codes";
                Self::new(AuthorizationErrorCode::UnauthorizedClient, why)
            }
            // Nothing was authenticated here: a client that is disabled, or may not come from there.
            _ => Self::new(AuthorizationErrorCode::AccessDenied, "the request was refused"),
        }
    }

    /// One text, to be kept.
    pub(crate) fn to_text(&self) -> String {
        format!("{} {}", self.code.as_str(), self.description)
    }

    /// Reads what [`AuthorizationError::to_text`] printed; `None` for anything else.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let (code, description) = text.split_once(' ')?;
        let code = AuthorizationErrorCode::ALL.into_iter().find(|known| known.as_str() == code)?;
        Some(Self::new(code, description.to_owned()))
    }

    fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(AuthorizationErrorCode::InvalidRequest, description)
    }
}

impl AuthorizationErrorCode {
    const ALL: [Self; 7] = [
        Self::InvalidRequest,
        Self::UnauthorizedClient,
        Self::AccessDenied,
        Self::UnsupportedResponseType,
        Self::InvalidScope,
        Self::ServerError,
        Self::TemporarilyUnavailable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// The way back to the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WayBack<'a> {
    pub(crate) redirect_uri: &'a RedirectUri,
    /// The request's, as it was read.
    pub(crate) state: Option<&'a str>,
    /// This server's own name.
    pub(crate) issuer: &'a str,
}

impl WayBack<'_> {
    /// Prints a response with a code (RFC 6749 4.1.2).
    pub(crate) fn print_code(&self, code: &str) -> HttpResponse {
        self.print(&[(CODE, code)])
    }

    /// Prints a response with an error (RFC 6749 4.1.2.1).
    pub(crate) fn print_error(&self, error: &AuthorizationError) -> HttpResponse {
        let description = plain(&error.description);
        self.print(&[("error", error.code.as_str()), ("error_description", &description)])
    }

    fn print(&self, parameters: &[(&str, &str)]) -> HttpResponse {
        let mut query = Query::after(self.redirect_uri.as_str());
        for (name, value) in parameters {
            query.push(name, value);
        }
        // RFC 6749 4.1.2: "REQUIRED if the "state" parameter was present in the client authorization request.
        // The exact value received from the client."
        if let Some(state) = self.state {
            query.push(STATE, state);
        }
        // RFC 9207 2: "In authorization responses to the client, including error responses, an authorization
        // server supporting this specification MUST indicate its identity by including the iss parameter".
        query.push("iss", self.issuer);
        see_other(query.text)
    }
}

/// Sends a request that came by POST on as the same one by GET; `None` if an address cannot hold it.
pub(crate) fn print_as_get(request: &AuthorizationRequest) -> Option<HttpResponse> {
    on_to(&request.to_query())
}

/// Sends somebody who has logged in on to the consent page, whose address holds the sealed request; `None` if it
/// cannot.
pub(crate) fn print_on_to_consent(sealed: &str) -> Option<HttpResponse> {
    let mut query = Query::new(String::new());
    query.push(PENDING, sealed);
    on_to(&query.text)
}

/// RFC 9110 10.2.2: a reference in `Location` is resolved against the request's own address. So this is the same
/// endpoint, under whatever path a proxy has put it.
fn on_to(query: &str) -> Option<HttpResponse> {
    (query.len() <= LONGEST_QUERY).then(|| see_other(format!("?{query}")))
}

/// RFC 9700 4.12: "If an HTTP redirection (and not, for example, JavaScript) is used for such a request, the
/// authorization server SHOULD use HTTP status code 303 (See Other)": it never sends the password again. It
/// answers a GET as well as a 302 does, so there is one status for both.
fn see_other(location: String) -> HttpResponse {
    let response = HttpResponse { status: 303, headers: Vec::new(), body: Vec::new() };
    // The next page need not know the address of this one, which holds the request.
    response
        .with_header("Location", location)
        .with_header("Referrer-Policy", "no-referrer")
        .never_stored()
}

/// A URI whose query grows.
struct Query {
    text: String,
    separator: &'static str,
}

impl Query {
    const fn new(text: String) -> Self {
        Self { text, separator: "" }
    }

    /// RFC 6749 3.1.2: the registered query "MUST be retained when adding additional query parameters".
    fn after(uri: &str) -> Self {
        // With room for a code and a state, so that a code is not left behind where it grew out of.
        let mut text = String::with_capacity(uri.len() + 3 * LONGEST_STATE + AROUND);
        text.push_str(uri);
        let separator = match uri.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        Self { text, separator }
    }

    fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(self.separator);
        self.separator = "&";
        self.text.push_str(name);
        self.text.push('=');
        encode_into(value, &mut self.text);
    }
}

const RESPONSE_TYPE: &str = "response_type";
const REDIRECT_URI: &str = "redirect_uri";
const SCOPE: &str = "scope";
const STATE: &str = "state";
const CODE: &str = "code";
const CODE_CHALLENGE: &str = "code_challenge";
const CODE_CHALLENGE_METHOD: &str = "code_challenge_method";

/// What RFC 6749 4.1.1 and RFC 7636 4.3 give this endpoint.
pub(super) const PARAMETERS: &[&str] =
    &[CLIENT_ID, RESPONSE_TYPE, REDIRECT_URI, SCOPE, STATE, CODE_CHALLENGE, CODE_CHALLENGE_METHOD];

/// Longer than any that libraries make of their own (the longest hold a page's address), short enough for the
/// line of a request to hold it, a redirect URI and a code.
const LONGEST_STATE: usize = 2048;

/// Bytes. A proxy may have no more than 4 KiB for all headers of a response (nginx, `proxy_buffer_size`).
const LONGEST_QUERY: usize = 3500;

/// Room for a code, an issuer and names.
const AROUND: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(query: &str) -> Result<AuthorizationRequest, ReadFailure> {
        AuthorizationRequest::read(query, &Settings::default())
    }

    /// A request that is addressed properly, and `rest`.
    fn addressed(rest: &str) -> AuthorizationRequest {
        read(&format!("client_id=lab&redirect_uri=https%3A%2F%2Fa.example%2Fback&{rest}")).unwrap()
    }

    fn error_of(rest: &str) -> AuthorizationErrorCode {
        addressed(rest).asked.unwrap_err().code
    }

    fn location(uri: &str, state: Option<&str>, code: &str) -> String {
        let redirect_uri = RedirectUri::among(&[uri.to_owned()], uri).unwrap();
        let back = WayBack { redirect_uri: &redirect_uri, state, issuer: "https://emr.example" };
        let response = back.print_code(code);
        assert_eq!(response.status, 303);
        response.header("location").unwrap().to_owned()
    }

    #[test]
    fn a_whole_request_is_read() {
        let request = addressed(&format!(
            "response_type=code&scope=lab%3Aread+x&state=a%20b%26&nonce=1&nonce=2&prompt=none\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        ));
        assert_eq!(request.client_id.as_str(), "lab");
        assert_eq!(request.redirect_uri, "https://a.example/back");
        assert_eq!(request.state.as_deref(), Some("a b&"));
        let asked = request.asked.unwrap();
        assert_eq!(asked.scope.as_deref(), Some("lab:read x"));
        assert_eq!(asked.challenge.unwrap().as_str(), CHALLENGE);
    }

    #[test]
    fn medblocks_bare_request_is_read_too() {
        // Whether it may come without a challenge is decided elsewhere.
        let asked = addressed("response_type=code").asked.unwrap();
        assert_eq!((asked.scope, asked.challenge), (None, None));
    }

    #[test]
    fn without_a_client_or_an_address_there_is_nobody_to_redirect_to() {
        // conformance 21
        let uri = "redirect_uri=https://a.example/";
        for bad in [
            "",
            "response_type=code",
            uri,
            "client_id=lab",
            &format!("client_id=&{uri}"),
            "client_id=lab&redirect_uri=",
            &format!("client_id=lab&client_id=lab&{uri}"),
            &format!("client_id=lab&{uri}&{uri}"),
            &format!("client_id=usr_1&{uri}"),
            &format!("client_id=a%00&{uri}"),
            &format!("client_id=a%0d%0a&{uri}"),
            &format!("client_id={}&{uri}", "x".repeat(128)),
            &format!("client_id=lab&{uri}&state=%zz"),
            &format!("client_id=lab&{uri}&x=%ff"),
        ] {
            let invalid =
                matches!(read(bad), Err(ReadFailure::Denied(Denied::InvalidRequest { .. })));
            assert!(invalid, "{bad}");
        }
        assert_eq!(read(&"x".repeat(65_537)), Err(ReadFailure::TooLarge));
    }

    #[test]
    fn every_other_error_goes_to_the_client() {
        // conformance 21: Every other error redirects with `error`, `state`, `iss`
        use AuthorizationErrorCode::{InvalidRequest, UnsupportedResponseType};
        let pkce = format!("code_challenge={CHALLENGE}");
        for (rest, code) in [
            ("", InvalidRequest),
            ("response_type=", InvalidRequest),
            ("response_type=code&response_type=code", InvalidRequest),
            ("response_type=code&scope=a&scope=a", InvalidRequest),
            ("response_type=code&code_challenge_method=S256", InvalidRequest),
            ("response_type=code&code_challenge=x&code_challenge_method=S256", InvalidRequest),
            (&format!("response_type=code&{pkce}"), InvalidRequest),
            (&format!("response_type=code&{pkce}&code_challenge_method=plain"), InvalidRequest),
            (&format!("response_type=code&{pkce}&{pkce}"), InvalidRequest),
            ("response_type=token", UnsupportedResponseType),
            ("response_type=code+id_token", UnsupportedResponseType),
            ("response_type=Code", UnsupportedResponseType),
        ] {
            assert_eq!(error_of(rest), code, "{rest}");
            assert_eq!(addressed(&format!("{rest}&state=s")).state.as_deref(), Some("s"));
        }
    }

    #[test]
    fn a_state_that_cannot_be_repeated_is_not() {
        let long = format!("state={}", "x".repeat(LONGEST_STATE + 1));
        for bad in ["state=a&state=b", "state=a%0d%0aSet-Cookie:x", "state=%00", "state=%7f", &long]
        {
            let request = addressed(&format!("response_type=code&{bad}"));
            assert_eq!(request.state, None, "{bad}");
            assert!(request.asked.is_err(), "{bad}");
        }
        let longest = "x".repeat(LONGEST_STATE);
        let request = addressed(&format!("response_type=code&state={longest}"));
        assert_eq!(request.state, Some(longest));
        assert!(request.asked.is_ok());
        assert_eq!(addressed("state=&response_type=code").state, None);
        assert_eq!(addressed("state=caf%C3%A9").state.as_deref(), Some("caf\u{e9}"));
    }

    #[test]
    fn the_response_follows_the_registered_query() {
        // RFC 6749 3.1.2, conformance 25
        let iss = "iss=https%3A%2F%2Femr.example";
        for (uri, expected) in [
            ("https://a.example/back", "https://a.example/back?"),
            ("https://a.example", "https://a.example?"),
            ("https://a.example/?", "https://a.example/?"),
            ("https://a.example/?x=1", "https://a.example/?x=1&"),
            ("https://a.example/?x=1&", "https://a.example/?x=1&"),
            ("https://a.example/?x=?", "https://a.example/?x=?&"),
            ("com.example.app:/back", "com.example.app:/back?"),
            ("http://[::1]:51004/", "http://[::1]:51004/?"),
        ] {
            let found = location(uri, Some("a b&c=#\u{e9}"), "C0-_de");
            assert_eq!(found, format!("{expected}code=C0-_de&state=a%20b%26c%3D%23%C3%A9&{iss}"));
            assert_eq!(location(uri, None, "c"), format!("{expected}code=c&{iss}"));
        }
    }

    #[test]
    fn a_response_is_neither_stored_nor_told_to_the_next_page() {
        let uri = "https://a.example/".to_owned();
        let redirect_uri = RedirectUri::among(std::slice::from_ref(&uri), &uri).unwrap();
        let back = WayBack { redirect_uri: &redirect_uri, state: Some("s"), issuer: "https://i" };
        let error = AuthorizationError::new(AuthorizationErrorCode::ServerError, "it \"failed\"\n");
        for response in [back.print_code("c"), back.print_error(&error)] {
            // conformance 26: 303, never 307
            assert_eq!((response.status, response.body.len()), (303, 0));
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
            // conformance 41
            assert_eq!(response.header("access-control-allow-origin"), None);
        }
        assert_eq!(
            back.print_error(&error).header("location"),
            Some(
                "https://a.example/?error=server_error&error_description=it%20%3Ffailed%3F%3F&state=s&iss=https%3A%2F%2Fi"
            )
        );
    }

    #[test]
    fn a_refusal_has_a_code_of_this_endpoint() {
        use AuthorizationErrorCode as Code;
        for (denied, code) in [
            (Denied::GrantNotAllowed, Code::UnauthorizedClient),
            (Denied::ScopeMalformed, Code::InvalidScope),
            (Denied::ScopeNotAllowed { word: "x".to_owned() }, Code::InvalidScope),
            (Denied::InvalidRequest { why: "x" }, Code::InvalidRequest),
            (Denied::RateLimited { retry_after: 1 }, Code::TemporarilyUnavailable),
            (Denied::ClientDisabled, Code::AccessDenied),
            (Denied::PeerNotAllowed, Code::AccessDenied),
        ] {
            assert_eq!(AuthorizationError::of(&denied).code, code, "{denied:?}");
        }
        for denied in crate::oauth::refusal::tests::every_denial() {
            let error = AuthorizationError::of(&denied);
            assert_eq!(plain(&error.description), error.description);
        }
        for error in [
            AuthorizationError::of(&Denied::AccessRefused),
            AuthorizationError::invalid_request("a b"),
        ] {
            assert_eq!(AuthorizationError::of_text(&error.to_text()), Some(error));
        }
        assert_eq!(AuthorizationError::of_text("nonsense a"), None);
        assert_eq!(AuthorizationError::of(&Denied::AccessRefused).code, Code::AccessDenied);
    }

    proptest! {
        #[test]
        fn a_request_that_waits_reads_as_the_same(
            client in "[!-~]{1,20}", uri in "\\PC{1,40}", state in "\\PC{1,40}", scope in "\\PC{0,40}",
            pkce in any::<bool>(),
        ) {
            prop_assume!(ClientId::parse(&client).is_ok());
            let request = AuthorizationRequest {
                client_id: ClientId::parse(&client).unwrap(),
                redirect_uri: uri,
                state: Some(state),
                asked: Ok(Asked {
                    scope: Some(scope).filter(|scope| !scope.is_empty()),
                    challenge: Challenge::parse(CHALLENGE).filter(|_| pkce),
                }),
            };
            prop_assert_eq!(read(&request.to_query()), Ok(request));
        }

        #[test]
        fn a_state_comes_back_as_it_was_and_splits_no_response(
            state in "\\PC{0,60}|[\\x00-\\x7f]{0,60}",
        ) {
            let found = location("https://a.example/?x=1", Some(&state), "c");
            prop_assert!(found.bytes().all(|byte| byte.is_ascii_graphic()));
            let (_, query) = found.split_once('?').unwrap();
            let form = Form::read_lenient(query.as_bytes(), &["x", "code", "state", "iss"]).unwrap();
            prop_assert_eq!(form.only("state"), Ok(Some(state.as_str()).filter(|s| !s.is_empty())));
            prop_assert_eq!(form.only("x"), Ok(Some("1")));
            prop_assert_eq!(form.only("iss"), Ok(Some("https://emr.example")));
        }

        #[test]
        fn no_request_panics(
            query in "\\PC*",
            almost in "((client_id|redirect_uri|state|scope|response_type|code_challenge)(=(code|a|%00|%)?)?&){0,8}",
        ) {
            let _ = read(&query);
            let _ = read(&almost);
        }
    }
}
