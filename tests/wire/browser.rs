//! A person at a browser: it keeps a cookie, fills in forms, and stops where it is sent elsewhere.

use crate::common::Registered;
use crate::http::{Clinic, Request, json, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wardkey::HttpResponse;

/// A browser, with the cookie that it was given.
#[derive(Default, Clone)]
pub(crate) struct Browser {
    pub(crate) cookie: Option<String>,
}

impl Browser {
    /// Follows a link to an authorization endpoint.
    pub(crate) fn open(&mut self, clinic: &Clinic, path: &str, query: &str) -> HttpResponse {
        let response = self.with_cookie(Request::get(path).query(query)).send(&clinic.engine);
        if let Some(cookie) = response.header("Set-Cookie") {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        response
    }

    /// Sends a page's form with these fields.
    pub(crate) fn submit(
        &self,
        clinic: &Clinic,
        page: &HttpResponse,
        fields: &str,
    ) -> HttpResponse {
        let body = format!("pending={}&{fields}", sealed(page));
        self.with_cookie(Request::post(AUTHORIZE, body)).send(&clinic.engine)
    }

    /// Signs in as the test's user, and goes where that leads.
    pub(crate) fn sign_in(&self, clinic: &Clinic, page: &HttpResponse) -> HttpResponse {
        self.follow(clinic, self.submit(clinic, page, SIGN_IN))
    }

    /// Goes where a response sends the browser, if that is a page of the same endpoint.
    pub(crate) fn follow(&self, clinic: &Clinic, response: HttpResponse) -> HttpResponse {
        match response.header("Location").and_then(|location| location.strip_prefix('?')) {
            Some(query) => self.load(clinic, query),
            None => response,
        }
    }

    /// Loads an address of the endpoint.
    pub(crate) fn load(&self, clinic: &Clinic, query: &str) -> HttpResponse {
        self.with_cookie(Request::get(AUTHORIZE).query(query)).send(&clinic.engine)
    }

    fn with_cookie<'a>(&self, request: Request<'a>) -> Request<'a> {
        match &self.cookie {
            Some(cookie) => request.header("Cookie", cookie.as_bytes()),
            None => request,
        }
    }
}

/// Opens, signs in, allows: the redirect with the code.
#[track_caller]
pub(crate) fn allow(clinic: &Clinic, path: &str, query: &str) -> HttpResponse {
    let mut browser = Browser::default();
    let login = browser.open(clinic, path, query);
    assert_eq!(login.status, 200, "{:?} {}", login.headers, text(&login));
    let consent = browser.sign_in(clinic, &login);
    assert_eq!(consent.status, 200, "{:?} {}", consent.headers, text(&consent));
    assert!(text(&consent).contains("value=\"approve\""), "{}", text(&consent));
    browser.submit(clinic, &consent, "action=approve")
}

/// The code of a redirect that must have one.
#[track_caller]
pub(crate) fn code_of(response: &HttpResponse) -> String {
    let (_, mut parameters) = redirect(response);
    parameters.remove("code").unwrap()
}

/// Where a response sends the browser, and with what.
#[track_caller]
pub(crate) fn redirect(response: &HttpResponse) -> (String, BTreeMap<String, String>) {
    assert_eq!(response.status, 303, "{}", text(response));
    let location = response.header("Location").unwrap();
    let (place, query) = location.split_once('?').unwrap();
    let parameters: Vec<(String, String)> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), unescape(value)))
        .collect();
    let map: BTreeMap<_, _> = parameters.iter().cloned().collect();
    assert_eq!(map.len(), parameters.len(), "{location}");
    (place.to_owned(), map)
}

/// The error of a redirect, which also has the state and the issuer.
#[track_caller]
pub(crate) fn error_of(response: &HttpResponse) -> String {
    let (place, parameters) = redirect(response);
    assert_eq!(place, BACK);
    assert_eq!(parameters["state"], "a b&");
    assert_eq!(parameters["iss"], "https://localhost");
    assert!(!parameters.contains_key("code"));
    parameters["error"].clone()
}

/// A page that says what went wrong, to the person alone.
#[track_caller]
pub(crate) fn assert_problem(response: &HttpResponse, says: &str) {
    assert_eq!(response.status, 400, "{}", text(response));
    assert_eq!(response.header("Location"), None);
    assert!(text(response).contains(says), "{}", text(response));
    assert!(text(response).contains(response.header("Wardkey-Request-Id").unwrap()));
}

/// The sealed request in a page's form.
#[track_caller]
pub(crate) fn sealed(page: &HttpResponse) -> String {
    let page = text(page);
    let (_, rest) =
        page.split_once("name=\"pending\" value=\"").unwrap_or_else(|| panic!("{page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A clinic with the user `anna`, who has `lab:read` and `lab:write`.
pub(crate) fn clinic() -> Clinic {
    let clinic = Clinic::open();
    let anna =
        json!({"username": "anna", "password": "nobodys guess", "scope": "lab:read lab:write"});
    clinic.call("user.create", anna);
    clinic
}

pub(crate) fn anna(clinic: &Clinic) -> String {
    let user = clinic.call("user.read", json!({"username": "anna"}));
    user["user_id"].as_str().unwrap().to_owned()
}

/// A page without a secret.
pub(crate) fn page(clinic: &Clinic, more: Value) -> String {
    let mut members = json!({"token_endpoint_auth_method": "none"});
    merge(&mut members, more);
    let created = client(clinic, members);
    created["client_id"].as_str().unwrap().to_owned()
}

/// A server with a secret.
pub(crate) fn server(clinic: &Clinic, more: Value) -> Registered {
    let created = client(clinic, more);
    let text = |member: &str| created[member].as_str().unwrap().to_owned();
    Registered {
        id: text("client_id"),
        secret: text("client_secret"),
        credential: text("credential_id"),
    }
}

fn client(clinic: &Clinic, more: Value) -> Value {
    let mut members = json!({
        "client_name": "Portal", "scope": "lab:read lab:write billing:read", "redirect_uris": [BACK],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    merge(&mut members, more);
    clinic.call("client.create", members)
}

fn merge(members: &mut Value, more: Value) {
    for (name, value) in more.as_object().unwrap() {
        members[name.as_str()] = value.clone();
    }
}

/// A whole request of the client, with a state that needs escapes.
pub(crate) fn query(client_id: &str) -> String {
    format!(
        "response_type=code&client_id={client_id}&redirect_uri={BACK}&state=a%20b%26\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

/// The token request of a page with a code.
pub(crate) fn redeem(client_id: &str, code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id={client_id}&code={code}&redirect_uri={BACK}\
         &code_verifier={VERIFIER}"
    )
}

/// Demands that a token request is refused as any code or token is that gives nothing.
#[track_caller]
pub(crate) fn assert_invalid_grant(response: &HttpResponse) {
    let expected = json!({"error": "invalid_grant", "error_description": "the grant is not valid"});
    assert_eq!((response.status, json(response)), (400, expected));
}

pub(crate) const AUTHORIZE: &str = "/oauth/authorize";
pub(crate) const BACK: &str = "https://portal.example/back";
pub(crate) const SIGN_IN: &str = "username=anna&password=nobodys+guess&action=login";
/// RFC 7636 B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
