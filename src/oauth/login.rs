//! What a browser sends to the authorization endpoint, and a person's user name and password.

use crate::base::Secret;
use crate::domain::Settings;
use crate::error::Denied;
use crate::oauth::authorize::{AuthorizationRequest, PARAMETERS, read_query};
use crate::oauth::form::{CLIENT_ID, Form, ReadFailure, check_body, check_query};
use crate::oauth::http::HttpRequest;
use zeroize::Zeroizing;

/// A user name and a password, neither of them empty. What a name may look like is not decided here.
pub(crate) struct LoginAttempt {
    pub(crate) username: String,
    pub(crate) password: Secret,
}

impl LoginAttempt {
    /// `None` if one is empty, or longer than anybody's. White space around the name is no part of it: phones'
    /// keyboards add some, and no name has any there.
    pub(super) fn new(username: &str, mut password: Zeroizing<String>) -> Option<Self> {
        let username = username.trim().to_owned();
        let bearable = (1..=LONGEST_USERNAME).contains(&username.len())
            && (1..=LONGEST_PASSWORD).contains(&password.len());
        // Moved, not copied: the text's bytes become the secret's.
        let password = Secret::new(std::mem::take(&mut *password).into_bytes());
        bearable.then_some(Self { username, password })
    }
}

/// What came to the authorization endpoint.
pub(crate) enum Arrival {
    /// A client's request, which a browser carries.
    Request(AuthorizationRequest),
    /// The address of the consent page, where somebody comes who has logged in.
    Consent {
        /// The sealed request.
        sealed: String,
    },
    /// The login page's form.
    Login {
        /// The sealed request.
        sealed: String,
        /// What was filled in; absent if something is missing or too long: that is as wrong as any other.
        attempt: Option<LoginAttempt>,
    },
    /// A button that decides: of the consent page, or the login page's cancel.
    Decision {
        /// The sealed request.
        sealed: String,
        /// Whether it is allowed.
        approved: bool,
    },
}

/// Reads a request to the authorization endpoint, whose method is already checked.
///
/// RFC 6749 3.1: "The authorization server MUST support the use of the HTTP "GET" method [RFC2616] for the
/// authorization endpoint and MAY support the use of the "POST" method as well." A POST that brings a sealed
/// request back is a page's form; any other is a client's request. The query of a POST says nothing, and must not
/// have a password. In a GET
/// a sealed request counts where there is no client: a client may send parameters that we do not know.
///
/// # Errors
/// Those of [`AuthorizationRequest::read`]; [`Denied::InvalidRequest`] for another media type, or for a
/// page's form that no page of ours sends.
pub(crate) fn read_arrival(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<Arrival, ReadFailure> {
    let known: Vec<&'static str> = PARAMETERS.iter().chain(FIELDS).copied().collect();
    if request.method != "POST" {
        let form = read_query(request.query, &known, settings)?;
        if form.values(CLIENT_ID).next().is_none()
            && let Some(sealed) = form.only(PENDING)?
        {
            return Ok(Arrival::Consent { sealed: sealed.to_owned() });
        }
        return Ok(AuthorizationRequest::read_form(&form).map(Arrival::Request)?);
    }
    check_body(request, settings)?;
    check_query(request.query, &[USERNAME, PASSWORD])?;
    let mut form = Form::read_lenient(request.body, &known)?;
    let arrival = match form.only(PENDING)?.map(str::to_owned) {
        None => Arrival::Request(AuthorizationRequest::read_form(&form)?),
        Some(sealed) => read_page(&mut form, sealed)?,
    };
    Ok(arrival)
}

fn read_page(form: &mut Form, sealed: String) -> Result<Arrival, Denied> {
    form.only(USERNAME)?;
    form.only(PASSWORD)?;
    let has_password = form.values(PASSWORD).next().is_some();
    match form.only(ACTION)? {
        Some(ALLOW) => Ok(Arrival::Decision { sealed, approved: true }),
        Some(DENY) => Ok(Arrival::Decision { sealed, approved: false }),
        Some(SIGN_IN) => Ok(read_login(form, sealed)),
        // A password manager that submits the form presses no button.
        None if has_password => Ok(read_login(form, sealed)),
        _ => Err(Denied::InvalidRequest { why: "the form was not sent by one of its buttons" }),
    }
}

fn read_login(form: &mut Form, sealed: String) -> Arrival {
    let username = form.take(USERNAME).unwrap_or_default();
    let password = form.take(PASSWORD).unwrap_or_default();
    Arrival::Login { sealed, attempt: LoginAttempt::new(&username, password) }
}

/// The sealed request.
pub(super) const PENDING: &str = "pending";
pub(super) const USERNAME: &str = "username";
pub(super) const PASSWORD: &str = "password";
/// The name of all buttons; each has its value.
pub(super) const ACTION: &str = "action";
pub(super) const SIGN_IN: &str = "login";
pub(super) const ALLOW: &str = "approve";
pub(super) const DENY: &str = "deny";

const FIELDS: &[&str] = &[PENDING, USERNAME, PASSWORD, ACTION];

/// Bytes. The longest mail address has 254 (RFC 5321 4.5.3.1.3).
const LONGEST_USERNAME: usize = 1024;

/// Bytes. What is hashed is bounded; NIST SP 800-63B 3.1.1.2 asks for at least 64 characters.
const LONGEST_PASSWORD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::form::tests::FORM;
    use proptest::prelude::*;

    fn post(body: &str) -> Result<Arrival, ReadFailure> {
        let request = HttpRequest {
            method: "POST",
            query: "client_id=ignored&pending=ignored",
            headers: &[FORM],
            body: body.as_bytes(),
            ..HttpRequest::default()
        };
        read_arrival(&request, &Settings::default())
    }

    fn attempt(body: &str) -> Option<(String, String)> {
        let Ok(Arrival::Login { sealed, attempt }) = post(body) else { panic!("{body}") };
        assert_eq!(sealed, "s");
        let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
        attempt.map(|attempt| (attempt.username, text(&attempt.password)))
    }

    fn decision(body: &str) -> bool {
        let Ok(Arrival::Decision { sealed, approved }) = post(body) else { panic!("{body}") };
        assert_eq!(sealed, "s");
        approved
    }

    #[test]
    fn a_client_may_ask_by_get_and_by_post() {
        // RFC 6749 3.1
        let text = "client_id=lab&redirect_uri=https://a.example/&response_type=code";
        let get = HttpRequest { method: "GET", query: text, ..HttpRequest::default() };
        let Ok(Arrival::Request(by_get)) = read_arrival(&get, &Settings::default()) else {
            panic!()
        };
        let Ok(Arrival::Request(by_post)) = post(text) else { panic!() };
        assert_eq!(by_get, by_post);
        assert!(by_get.asked.is_ok());
    }

    #[test]
    fn a_get_never_logs_in_or_decides() {
        let read = |query| {
            let get = HttpRequest { method: "GET", query, ..HttpRequest::default() };
            read_arrival(&get, &Settings::default())
        };
        // It shows a page at most.
        let page = read("pending=s&action=approve&username=a&password=b");
        assert!(matches!(page, Ok(Arrival::Consent { sealed }) if sealed == "s"));
        assert!(read("action=approve&username=a&password=b").is_err());
        assert!(read("pending=s&pending=s").is_err());
        let request = "client_id=lab&redirect_uri=https://a.example/&response_type=code";
        let request = format!("{request}&pending=s&pending=t&action=approve");
        let get = HttpRequest { method: "GET", query: &request, ..HttpRequest::default() };
        assert!(matches!(read_arrival(&get, &Settings::default()), Ok(Arrival::Request(_))));
    }

    #[test]
    fn the_login_form_brings_a_name_and_a_password() {
        let ada = Some(("ad\u{e0} l".to_owned(), "p w+\u{e9} ".to_owned()));
        let fields = "pending=s&username=ad%C3%A0+l&password=p+w%2B%C3%A9+";
        assert_eq!(attempt(&format!("{fields}&action=login")), ada);
        // Without a button.
        assert_eq!(attempt(fields), ada);
        // As a phone's keyboard writes it.
        assert_eq!(attempt("pending=s&username=+ad%C3%A0+l%C2%A0+&password=p+w%2B%C3%A9+"), ada);
    }

    #[test]
    fn what_is_missing_or_too_long_is_no_attempt() {
        for fields in [
            "username=a",
            "password=a",
            "username=&password=",
            "username=a&password=",
            "username=+&password=a",
        ] {
            assert_eq!(attempt(&format!("pending=s&action=login&{fields}")), None, "{fields}");
        }
        let sized = |username, password| {
            let (username, password) = ("u".repeat(username), "p".repeat(password));
            let body = format!("pending=s&action=login&username={username}&password={password}");
            attempt(&body).is_some()
        };
        assert!(sized(1024, 4096));
        assert!(!sized(1025, 1) && !sized(1, 4097));
    }

    #[test]
    fn a_button_decides() {
        assert!(decision("pending=s&action=approve"));
        assert!(!decision("pending=s&action=deny"));
        assert!(!decision("pending=s&action=deny&username=a&password=b"));
    }

    #[test]
    fn any_other_form_is_an_invalid_request() {
        for bad in [
            "pending=s",
            "pending=s&action=",
            "pending=s&action=x",
            "pending=s&action=Approve",
            "pending=s&pending=s&action=approve",
            "pending=s&action=deny&action=approve",
            "pending=s&action=login&username=a&username=b&password=c",
            "pending=s&action=login&username=a&password=b&password=c",
            "pending=&action=approve",
            "action=approve",
            "%",
        ] {
            let invalid =
                matches!(post(bad), Err(ReadFailure::Denied(Denied::InvalidRequest { .. })));
            assert!(invalid, "{bad}");
        }
        let json = ("Content-Type", &b"application/json"[..]);
        let request = HttpRequest {
            method: "POST",
            headers: &[json],
            body: b"pending=s&action=approve",
            ..HttpRequest::default()
        };
        assert!(read_arrival(&request, &Settings::default()).is_err());
        assert!(matches!(post(&"x".repeat(65_537)), Err(ReadFailure::TooLarge)));
    }

    proptest! {
        #[test]
        fn no_form_panics(
            body in "\\PC*",
            almost in "((pending|action|username|password|client_id|redirect_uri)(=(login|deny|a|%)?)?&){0,8}",
        ) {
            let _ = post(&body);
            let _ = post(&almost);
        }
    }
}
