//! HTTP requests as clients send them, and what is read from the answers.

#![allow(dead_code, reason = "no test file uses all of it")]

#[cfg(feature = "schema")]
#[path = "schema.rs"]
pub(crate) mod schema;

use super::common::{Place, Registered, admin, bench, clock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use wardkey::{Context, Dialect, Engine, HttpRequest, HttpResponse, ManualClock, Settings};

/// An open database whose clock stands still.
pub(crate) struct Clinic {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) place: Place,
}

impl Clinic {
    /// With every dialect enabled.
    pub(crate) fn open() -> Self {
        Self::with(Settings { dialects: Dialect::ALL.to_vec(), ..Settings::default() })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (place, clock) = (Place::empty(), clock());
        let options = place.options().clock(clock.clone());
        Engine::create(&options, &settings, &admin()).unwrap();
        let engine = Engine::open(&options).unwrap();
        Self { engine, clock, place }
    }

    /// Lets seconds pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance_millis(seconds * 1000);
    }

    /// Runs an operation by its document and returns its answer.
    #[track_caller]
    pub(crate) fn call(&self, operation: &str, json: Value) -> Value {
        let answer = self.engine.call(&admin(), operation, json.to_string().as_bytes());
        let answer = serde_json::from_slice(&answer.unwrap()).unwrap();
        #[cfg(feature = "schema")]
        schema::check_response(operation, &answer);
        answer
    }
}

/// A request to be sent; a POST of a form over TLS from the bench unless said otherwise.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    method: &'a str,
    path: &'a str,
    base_path: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, Vec<u8>)>,
    body: Vec<u8>,
    context: Context<'a>,
}

impl<'a> Request<'a> {
    pub(crate) fn post(path: &'a str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            headers: vec![("Content-Type", FORM.as_bytes().to_vec())],
            body: body.into(),
            ..Self::get(path)
        }
    }

    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            base_path: "",
            query: "",
            headers: Vec::new(),
            body: Vec::new(),
            context: bench(),
        }
    }

    pub(crate) fn method(self, method: &'a str) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn mounted_at(self, base_path: &'a str) -> Self {
        Self { base_path, ..self }
    }

    pub(crate) fn header(mut self, name: &'a str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Instead of the form's content type.
    pub(crate) fn content_type(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "Content-Type");
        self.header("Content-Type", value)
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        self.header("Authorization", basic(id, secret))
    }

    pub(crate) fn by_client(self, client: &Registered) -> Self {
        self.basic(&client.id, &client.secret)
    }

    pub(crate) fn within(self, context: Context<'a>) -> Self {
        Self { context, ..self }
    }

    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.context.peer = Some(peer.parse::<IpAddr>().unwrap());
        self
    }

    pub(crate) fn nowhere(mut self) -> Self {
        self.context.peer = None;
        self
    }

    pub(crate) fn insecure(mut self) -> Self {
        self.context.secure = false;
        self
    }

    pub(crate) fn send(&self, engine: &Engine) -> HttpResponse {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let request = HttpRequest {
            method: self.method,
            path: self.path,
            base_path: self.base_path,
            query: self.query,
            headers: &headers,
            body: &self.body,
        };
        engine.http(&request, &self.context).unwrap()
    }

    /// The request and its answer as they are on the wire.
    pub(crate) fn transcript(&self, engine: &Engine) -> String {
        let mut lines = vec![format!("{} {}", self.method, self.path)];
        for (name, value) in &self.headers {
            lines.push(format!("{name}: {}", String::from_utf8_lossy(value)));
        }
        if !self.body.is_empty() {
            lines.push(format!("\n{}", String::from_utf8_lossy(&self.body)));
        }
        let response = self.send(engine);
        lines.push(format!("\n{}", response.status));
        for (name, value) in &response.headers {
            lines.push(format!("{name}: {value}"));
        }
        lines.push(format!("\n{}\n", text(&response)));
        lines.join("\n")
    }

    /// The token of an answer that must have one.
    #[track_caller]
    pub(crate) fn token(&self, engine: &Engine) -> String {
        let response = self.send(engine);
        assert_eq!(response.status, 200, "{}", text(&response));
        json(&response)["access_token"].as_str().unwrap().to_owned()
    }
}

/// A token request on the standard route.
pub(crate) fn ask<'a>(body: impl Into<Vec<u8>>) -> Request<'a> {
    Request::post(TOKEN, body)
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Id and secret as form parameters.
pub(crate) fn in_form(client: &Registered) -> String {
    format!("client_id={}&client_secret={}", client.id, client.secret)
}

pub(crate) fn text(response: &HttpResponse) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

pub(crate) fn json(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// The status and the error code of a refusal.
pub(crate) fn refusal(response: &HttpResponse) -> (u16, String) {
    let error = json(response)["error"].as_str().unwrap_or("none").to_owned();
    (response.status, error)
}

/// Everything a caller can tell two refusals apart by.
pub(crate) fn visible(response: &HttpResponse) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
    let headers = response.headers.iter().filter(|(name, _)| *name != REQUEST_ID);
    (response.status, headers.cloned().collect(), response.body.clone())
}

pub(crate) fn request_id(response: &HttpResponse) -> String {
    response.header(REQUEST_ID).unwrap().to_owned()
}

/// The names of an object's members, in their order.
pub(crate) fn names(document: &[u8]) -> Vec<String> {
    let document: serde_json::Map<String, Value> = serde_json::from_slice(document).unwrap();
    document.keys().cloned().collect()
}

pub(crate) const TOKEN: &str = "/oauth/token";
pub(crate) const INTROSPECT: &str = "/oauth/introspect";
pub(crate) const REVOKE: &str = "/oauth/revoke";
pub(crate) const JWKS: &str = "/oauth/jwks";
pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const GRANT: &str = "grant_type=client_credentials";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const REQUEST_ID: &str = "Wardkey-Request-Id";
