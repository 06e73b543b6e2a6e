//! An HTTP request that can be changed in every part.

use crate::common::bench;
use crate::http::basic;
use std::fmt;
use std::net::IpAddr;
use wardkey::{Context, Engine, Error, HttpRequest, HttpResponse};

#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) base_path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) secure: bool,
}

impl Message {
    pub(crate) fn get(path: &str, query: String) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.to_owned(),
            base_path: String::new(),
            query,
            headers: Vec::new(),
            body: Vec::new(),
            peer: bench().peer,
            secure: true,
        }
    }

    pub(crate) fn post(path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let get = Self::get(path, String::new()).method("POST");
        Self { body: body.into(), ..get }.with("Content-Type", media_type)
    }

    pub(crate) fn method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        self.with("Authorization", &basic(id, secret))
    }

    pub(crate) fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    pub(crate) fn context(&self) -> Context<'static> {
        Context { peer: self.peer, secure: self.secure, ..Context::default() }
    }

    pub(crate) fn send(&self, engine: &Engine) -> Result<HttpResponse, Error> {
        let request = HttpRequest {
            method: &self.method,
            path: &self.path,
            base_path: &self.base_path,
            query: &self.query,
            headers: &self.headers(),
            body: &self.body,
        };
        engine.http(&request, &self.context())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, base_path, query, peer, secure, .. } = self;
        let (method, path) = (cut(method.as_bytes()), cut(path.as_bytes()));
        writeln!(f, "{method} {path} (mounted at {base_path:?}, from {peer:?}, TLS: {secure})")?;
        writeln!(f, "?{}", cut(query.as_bytes()))?;
        for (name, value) in &self.headers {
            writeln!(f, "{}: {}", cut(name.as_bytes()), cut(value))?;
        }
        writeln!(f, "\n{}", cut(&self.body))
    }
}

/// Bytes in a form that can be pasted into a test, as far as they are worth reading.
pub(crate) fn cut(bytes: &[u8]) -> String {
    let shown = bytes.get(..2000).unwrap_or(bytes).escape_ascii();
    if bytes.len() > 2000 { format!("{shown}... {} bytes", bytes.len()) } else { shown.to_string() }
}
