//! A database with one of everything that can be asked for.

use crate::common::{Place, Registered, admin, assert_chain_whole, bench, clock, issue, verify};
use crate::http::Clinic;
use crate::message::Message;
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Arc;
use wardkey::{Decision, Dialect, Engine, HttpRequest, HttpResponse, SeededEntropy, Settings};

pub(crate) struct Target {
    pub(crate) clinic: Clinic,
    /// A client with a secret and every grant.
    pub(crate) server: Registered,
    /// A client without one.
    pub(crate) page: String,
    /// The cookie of the one browser.
    pub(crate) cookie: String,
    subjects: Cell<u32>,
}

impl Target {
    /// All dialects are on; all keys are made.
    pub(crate) fn open() -> Self {
        let (place, clock) = (Place::in_memory(), clock());
        let options = || {
            let entropy = Arc::new(SeededEntropy::new(7));
            place.options().clock(clock.clone()).entropy(entropy)
        };
        // Without limits: a request that is refused for its rate tests nothing else.
        let settings = Settings {
            dialects: Dialect::ALL.to_vec(),
            token_rate: None,
            revocation_rate: None,
            failure_rate: None,
            peer_failure_rate: None,
            ..Settings::default()
        };
        Engine::create(&options(), &settings, &admin()).unwrap();
        let engine = Engine::open(&options()).unwrap();
        let clinic = Clinic { engine, clock, place };
        for name in ["anna", "otto"] {
            let words = "lab:read lab:write";
            let user = json!({"username": name, "password": "nobodys guess", "scope": words});
            clinic.call("user.create", user);
        }
        let mut members = json!({
            "client_name": "Portal", "scope": "lab:read lab:write", "redirect_uris": [BACK],
            "allowed_origins": ["https://portal.example"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        });
        let server = clinic.call("client.create", members.clone());
        members["token_endpoint_auth_method"] = json!("none");
        members["grant_types"] = json!(["authorization_code", "refresh_token"]);
        let page = clinic.call("client.create", members);
        let text = |document: &Value, name: &str| document[name].as_str().unwrap().to_owned();
        let server = Registered {
            id: text(&server, "client_id"),
            secret: text(&server, "client_secret"),
            credential: text(&server, "credential_id"),
        };
        let page = text(&page, "client_id");
        let mut target =
            Self { clinic, server, page, cookie: String::new(), subjects: Cell::new(0) };
        let opened = target.send(&Message::get(AUTHORIZE, target.query(&target.page)));
        let cookie = opened.header("Set-Cookie").unwrap().split(';').next().unwrap();
        target.cookie = cookie.to_owned();
        target
    }

    pub(crate) fn server_in_form(&self) -> String {
        crate::http::in_form(&self.server)
    }

    pub(crate) fn query(&self, client_id: &str) -> String {
        format!(
            "response_type=code&client_id={client_id}&redirect_uri={BACK}&state=a%20b%26\
             &scope=lab:read&code_challenge={CHALLENGE}&code_challenge_method=S256"
        )
    }

    /// The sealed request of a fresh login page.
    pub(crate) fn login_page(&self) -> String {
        let get = Message::get(AUTHORIZE, self.query(&self.page)).with("Cookie", &self.cookie);
        sealed(&self.send(&get))
    }

    /// The sealed request of a fresh consent page, after anna has signed in.
    pub(crate) fn consent_page(&self) -> String {
        sealed(&self.send(&self.consent_address()))
    }

    /// What loads a fresh consent page, after anna has signed in.
    pub(crate) fn consent_address(&self) -> Message {
        let fields = "username=anna&password=nobodys+guess&action=login";
        let body = format!("pending={}&{fields}", self.login_page());
        let post = Message::post(AUTHORIZE, FORM, body).with("Cookie", &self.cookie);
        let answer = post.send(&self.clinic.engine).unwrap();
        let query = answer.header("Location").unwrap().strip_prefix('?').unwrap();
        Message::get(AUTHORIZE, query.to_owned()).with("Cookie", &self.cookie)
    }

    /// A token request with a fresh code of a user of the host's own.
    pub(crate) fn redeem(&self, client_id: &str) -> String {
        let code = self.code(client_id);
        format!(
            "grant_type=authorization_code&client_id={client_id}&code={code}&redirect_uri={BACK}\
             &code_verifier={VERIFIER}"
        )
    }

    fn code(&self, client_id: &str) -> String {
        self.subjects.set(self.subjects.get() + 1);
        let subject = format!("dr.{}", self.subjects.get());
        let query = self.query(client_id);
        let cookie: &[(&str, &[u8])] = &[("Cookie", self.cookie.as_bytes())];
        let request = HttpRequest {
            method: "GET",
            path: AUTHORIZE,
            query: &query,
            headers: cookie,
            ..HttpRequest::default()
        };
        let context = bench();
        let engine = &self.clinic.engine;
        let pending = engine.pending(&request, &context).unwrap().unwrap();
        let yes = Decision::Approve { subject: &subject, scope: None };
        let response = engine.decide(&pending.handle, cookie, yes, &context).unwrap();
        let (_, rest) = response.header("Location").unwrap().split_once("code=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    }

    /// A fresh refresh token of a user of the host's own.
    pub(crate) fn refresh_token(&self, client_id: &str) -> String {
        let post = Message::post("/oauth/token", FORM, self.redeem(client_id));
        let post = if *client_id == self.server.id {
            post.basic(client_id, &self.server.secret)
        } else {
            post
        };
        member(&self.send(&post), "/refresh_token")
    }

    /// A fresh refresh token of BioT's dialect.
    pub(crate) fn biot_refresh_token(&self) -> String {
        let body = r#"{"username": "anna", "password": "nobodys guess"}"#;
        member(&self.send(&Message::post("/ums/v2/users/login", JSON, body)), "/refreshJwt/token")
    }

    /// A fresh access token of the server's.
    pub(crate) fn token(&self, format: &str) -> String {
        let members = json!({"client_id": self.server.id, "token_format": format});
        self.clinic.call("client.update", members);
        issue(&self.clinic.engine, &self.server)
    }

    /// Demands that the database and its audit are whole, and opened by the next process.
    pub(crate) fn assert_whole(&self) {
        let Clinic { engine, clock, place } = &self.clinic;
        engine.maintain().unwrap();
        assert_chain_whole(engine);
        for engine in [engine, &place.open_at(clock)] {
            let token = issue(engine, &self.server);
            verify(engine, &token).unwrap();
        }
        let sqlite = place.sqlite();
        let verdict: String =
            sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }

    #[track_caller]
    fn send(&self, message: &Message) -> HttpResponse {
        let response = message.send(&self.clinic.engine).unwrap();
        assert_eq!(response.status, 200, "{} {message:?}", crate::http::text(&response));
        response
    }
}

fn sealed(page: &HttpResponse) -> String {
    let page = crate::http::text(page);
    let (_, rest) = page.split_once("name=\"pending\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn member(response: &HttpResponse, pointer: &str) -> String {
    crate::http::json(response).pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

pub(crate) const BACK: &str = "https://portal.example/back";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";
const AUTHORIZE: &str = "/oauth/authorize";
/// RFC 7636 B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
