//! One HTTP message in, one out. The engine opens no socket: the host's server carries them.

use crate::error::Denied;
use serde::Serialize;
use std::fmt;

/// An HTTP request as the host's server received it (RFC 9110 6).
///
/// `Debug` shows the method, the path and lengths: the rest may hold secrets.
///
/// ```
/// use wardkey::HttpRequest;
/// let request = HttpRequest {
///     method: "POST",
///     path: "/auth/oauth/token",
///     base_path: "/auth",
///     headers: &[("Content-Type", b"application/x-www-form-urlencoded")],
///     body: b"grant_type=client_credentials&client_id=lab&client_secret=s",
///     ..HttpRequest::default()
/// };
/// assert_eq!(request.header("content-type"), Some(&b"application/x-www-form-urlencoded"[..]));
/// assert!(!format!("{request:?}").contains("client_secret"));
/// ```
#[derive(Clone, Copy, Default)]
pub struct HttpRequest<'a> {
    /// The method, as sent: methods are case-sensitive (RFC 9110 9.1).
    pub method: &'a str,
    /// The path, percent-encoded as sent, without the query, [`HttpRequest::base_path`] included.
    pub path: &'a str,
    /// Where the host mounts the engine, such as `/auth`: WSGI's `SCRIPT_NAME`, ASP.NET's `PathBase`.
    /// Empty (the default) at the root.
    pub base_path: &'a str,
    /// What follows the `?`, percent-encoded as sent; empty without one.
    pub query: &'a str,
    /// The header fields in the order received, one pair for each line.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> HttpRequest<'a> {
    /// The first value of the header field `name`, without regard to case (RFC 9110 5.1).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        values(self.headers, name).next()
    }
}

impl fmt::Debug for HttpRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("base_path", &self.base_path)
            .field("query_length", &self.query.len())
            .field("headers", &self.headers.len())
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// An HTTP response for the host's server to send (RFC 9110 6).
///
/// `Debug` shows the body's length only: it may be a token.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code (RFC 9110 15).
    pub status: u16,
    /// The header fields to send. There is no `Content-Length`, because the server knows how it sends the
    /// body, but in the answer to HEAD, whose body only we know.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first value of the header field `name`, without regard to case (RFC 9110 5.1).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |field: &&(&'static str, String)| field.0.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// A JSON document, `Content-Type: application/json` (RFC 8259 11: it has no charset parameter).
    pub(super) fn json(status: u16, document: &impl Serialize) -> Self {
        Self::json_sized(status, document, 256)
    }

    /// As [`HttpResponse::json`], in a buffer of `capacity` bytes from the start: a body that holds a
    /// secret must not grow, because growing leaves its first part behind in freed memory.
    pub(super) fn json_sized(status: u16, document: &impl Serialize, capacity: usize) -> Self {
        let mut body = Vec::with_capacity(capacity);
        let content_type = ("Content-Type", "application/json".to_owned());
        match serde_json::to_writer(&mut body, document) {
            Ok(()) => Self { status, headers: vec![content_type], body },
            // Strings, numbers and lists always print; this arm exists so that nothing here can panic.
            Err(_) => Self {
                status: 500,
                headers: vec![content_type],
                body: br#"{"error":"server_error"}"#.to_vec(),
            },
        }
    }

    /// With one more header field.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// RFC 6749 5.1: "The authorization server MUST include the HTTP "Cache-Control" response header
    /// field with a value of "no-store" in any response containing tokens, credentials, or other
    /// sensitive information, as well as the "Pragma" response header field with a value of "no-cache"."
    pub(super) fn never_stored(self) -> Self {
        self.with_header("Cache-Control", "no-store").with_header("Pragma", "no-cache")
    }

    /// RFC 9110 9.3.2: "The HEAD method is identical to GET except that the server MUST NOT send content
    /// in the response."
    ///
    /// 8.6: "A server MUST NOT send a Content-Length header field in such a response unless its field value
    /// equals the decimal number of octets that would have been sent in the content of a response if the
    /// same request had used the GET method." The host's server would count the bytes of an empty body.
    pub(crate) fn answering(mut self, request: &HttpRequest<'_>) -> Self {
        if request.method == "HEAD" {
            let length = self.body.len().to_string();
            self.headers.push(("Content-Length", length));
            self.body.clear();
        }
        self
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// The values of the header field `name`, without the white space around them (RFC 9110 5.5).
pub(super) fn values<'a>(
    headers: &[(&str, &'a [u8])],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_ascii())
}

/// The value of a header field that may come once only; `why` is the refusal of a second one.
pub(super) fn only_value<'a>(
    headers: &[(&str, &'a [u8])],
    name: &str,
    why: &'static str,
) -> Result<Option<&'a [u8]>, Denied> {
    let mut found = values(headers, name);
    let first = found.next();
    if found.next().is_some() { Err(Denied::InvalidRequest { why }) } else { Ok(first) }
}

/// What follows `scheme` and at least one space in an `Authorization` value; `None` for another scheme.
///
/// RFC 9110 11.4: `credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`, and 11.1: "a
/// case-insensitive token". The scheme matches whole: `BearerX` is another one (conformance 29).
pub(super) fn credentials_of<'a>(authorization: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (name, rest) = authorization.split_at_checked(scheme.len())?;
    if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ') => Some(rest.trim_ascii_start()),
        Some(_) => None,
    }
}

/// The realm of our challenges (RFC 9110 11.5).
pub(super) const REALM: &str = "wardkey";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_ignore_case_and_values_lose_the_space_around_them() {
        let headers: &[(&str, &[u8])] = &[("X-One", b" a\t"), ("x-one", b"b"), ("X-Two", b"c")];
        let request = HttpRequest { headers, ..HttpRequest::default() };
        assert_eq!(request.header("x-ONE"), Some(&b"a"[..]));
        assert_eq!(request.header("x-three"), None);
        assert_eq!(values(headers, "X-ONE").count(), 2);
        assert_eq!(only_value(headers, "x-two", ""), Ok(Some(&b"c"[..])));
        assert_eq!(only_value(headers, "x-one", "two"), Err(Denied::InvalidRequest { why: "two" }));
    }

    #[test]
    fn debug_shows_no_body_and_no_header_of_a_request() {
        let request = HttpRequest {
            query: "client_secret=wks_q",
            headers: &[("Authorization", b"Basic d2tzX2g6")],
            body: b"client_secret=wks_b",
            ..HttpRequest::default()
        };
        let shown = format!("{request:?}");
        assert!(!shown.contains("wks_") && !shown.contains("d2tz"), "{shown}");
        let response = HttpResponse::json(200, &"wks_token");
        assert!(!format!("{response:?}").contains("wks_"));
    }

    #[test]
    fn a_head_request_gets_no_body() {
        let head = HttpRequest { method: "HEAD", ..HttpRequest::default() };
        let get = HttpRequest { method: "GET", ..HttpRequest::default() };
        let to_head = HttpResponse::json(200, &12).answering(&head);
        assert_eq!((to_head.body.len(), to_head.header("content-length")), (0, Some("2")));
        let to_get = HttpResponse::json(200, &12).answering(&get);
        assert_eq!((&to_get.body[..], to_get.header("content-length")), (&b"12"[..], None));
    }

    #[test]
    fn a_scheme_matches_whole_and_in_any_case() {
        assert_eq!(credentials_of(b"bAsIc  YTpi", "Basic"), Some(&b"YTpi"[..]));
        assert_eq!(credentials_of(b"Basic", "Basic"), Some(&b""[..]));
        for other in [&b"BasicX YTpi"[..], b"Basi", b"Basic\tYTpi", b"", b"Bearer x"] {
            assert_eq!(credentials_of(other, "Basic"), None, "{other:?}");
        }
    }
}
