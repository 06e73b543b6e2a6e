//! `application/x-www-form-urlencoded`, as RFC 6749 B has it.

use crate::domain::Settings;
use crate::error::Denied;
use crate::oauth::http::{HttpRequest, only_value};
use zeroize::Zeroizing;

/// A request that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadFailure {
    /// The body is longer than `max_request_body`; nothing of it was read (conformance 8).
    TooLarge,
    /// Something else is wrong with it.
    Denied(Denied),
}

impl From<Denied> for ReadFailure {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// The parameters of a request's body that the endpoint knows; each is wiped when dropped.
pub(super) struct Form(Vec<(&'static str, Zeroizing<String>)>);

impl Form {
    /// Reads the body's parameters, of which the endpoint knows `known`. Any other is ignored
    /// (RFC 6749 3.2), and so is an empty one.
    ///
    /// # Errors
    /// [`ReadFailure::TooLarge`]; [`Denied::InvalidRequest`] for another media type, credentials in the query, a
    /// broken escape,
    /// text that is not UTF-8, or a repeated parameter. A repeated `client_id` is left to
    /// [`Form::only`], because beside Basic it is harmless (conformance 2).
    pub(super) fn read(
        request: &HttpRequest<'_>,
        settings: &Settings,
        known: &[&'static str],
    ) -> Result<Self, ReadFailure> {
        check_body(request, settings)?;
        check_query(request.query, &CREDENTIALS)?;
        Ok(Self::parse(request.body, known)?)
    }

    /// Reads parameters of which any may be repeated: [`Form::only`] refuses those, each in its turn. For the
    /// authorization endpoint, where the answer to a repeated parameter depends on the others.
    ///
    /// # Errors
    /// [`Denied::InvalidRequest`] for a broken escape or text that is not UTF-8.
    pub(super) fn read_lenient(text: &[u8], known: &[&'static str]) -> Result<Self, Denied> {
        Self::collect(text, known, |_| true)
    }

    fn parse(body: &[u8], known: &[&'static str]) -> Result<Self, Denied> {
        Self::collect(body, known, |name| name == CLIENT_ID)
    }

    fn collect(
        text: &[u8],
        known: &[&'static str],
        may_repeat: impl Fn(&str) -> bool,
    ) -> Result<Self, Denied> {
        let mut form = Self(Vec::new());
        for (name, value) in pairs(text) {
            let name = decode(name).ok_or(BROKEN)?;
            let value = decode(value).ok_or(BROKEN)?;
            let Some(name) = known.iter().find(|known| **known == name.as_str()) else {
                continue;
            };
            // RFC 6749 3.2: "Parameters sent without a value MUST be treated as if they were omitted from
            // the request."
            if value.is_empty() {
                continue;
            }
            // RFC 6749 3.2: "Request and response parameters MUST NOT be included more than once."
            if !may_repeat(name) && form.values(name).next().is_some() {
                return Err(REPEATED);
            }
            form.0.push((*name, value));
        }
        Ok(form)
    }

    /// All values of a parameter.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, absent if empty.
    ///
    /// # Errors
    /// [`Denied::InvalidRequest`] if it was repeated.
    pub(super) fn only(&self, name: &str) -> Result<Option<&str>, Denied> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() { Err(REPEATED) } else { Ok(first) }
    }

    /// The first value of a parameter, moved out so that it is not copied.
    pub(super) fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.0.iter().position(|(found, _)| *found == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Demands a form of bearable length.
///
/// # Errors
/// [`ReadFailure::TooLarge`]; [`Denied::InvalidRequest`] for another media type.
pub(super) fn check_body(
    request: &HttpRequest<'_>,
    settings: &Settings,
) -> Result<(), ReadFailure> {
    check_length(request.body, settings)?;
    Ok(check_media_type(request)?)
}

/// Demands that a text is no longer than a body may be (conformance 8).
///
/// # Errors
/// [`ReadFailure::TooLarge`].
pub(super) fn check_length(text: &[u8], settings: &Settings) -> Result<(), ReadFailure> {
    // A limit that does not fit usize limits nothing: no body is that long.
    if text.len() > usize::try_from(settings.max_request_body).unwrap_or(usize::MAX) {
        return Err(ReadFailure::TooLarge);
    }
    Ok(())
}

/// Appends `text` with every byte escaped that is not unreserved (RFC 3986 2.3). A form decodes it to the
/// same text, and so does whoever takes `+` for itself.
pub(super) fn encode_into(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                out.push('%');
                out.push(digit(other >> 4));
                out.push(digit(other & 15));
            }
        }
    }
}

/// RFC 3986 2.1: "URI producers and normalizers should use uppercase hexadecimal digits".
fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase()
}

/// Form-decodes one name or value; `None` for a broken escape or text that is not UTF-8.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<String>> {
    // As long as its input at most, so that it never grows and leaves a part of a secret behind.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => nibble(rest.next()?)? << 4 | nibble(rest.next()?)?,
            plain => plain,
        });
    }
    // Checked before the bytes are given away: a failed conversion would drop them unwiped.
    std::str::from_utf8(&out).ok()?;
    String::from_utf8(std::mem::take(&mut *out)).ok().map(Zeroizing::new)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// RFC 6749 3.2 and 4.4.2: parameters come "using the "application/x-www-form-urlencoded" format".
fn check_media_type(request: &HttpRequest<'_>) -> Result<(), Denied> {
    let value = only_value(request.headers, "Content-Type", "the request has two content types")?;
    // Parameters such as charset change nothing: RFC 6749 B fixes UTF-8.
    let media_type = value.and_then(|value| value.split(|byte| *byte == b';').next());
    if media_type.is_some_and(|found| found.trim_ascii().eq_ignore_ascii_case(FORM_TYPE)) {
        Ok(())
    } else {
        Err(Denied::InvalidRequest {
            why: "the content type must be application/x-www-form-urlencoded",
        })
    }
}

/// RFC 6749 2.3.1: "The parameters can only be transmitted in the request-body and MUST NOT be included
/// in the request URI." Such a secret is in the logs already; a refusal makes somebody notice.
pub(super) fn check_query(query: &str, credentials: &[&str]) -> Result<(), Denied> {
    let is_credential =
        |name: &[u8]| decode(name).is_some_and(|name| credentials.contains(&name.as_str()));
    if pairs(query.as_bytes()).any(|(name, _)| is_credential(name)) {
        return Err(Denied::InvalidRequest { why: "credentials must not be in the query string" });
    }
    Ok(())
}

/// The pairs of a form, still encoded.
fn pairs(form: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    // Bio Ecko's page breaks the line before each `&`, and a body pasted from it, or read from a file,
    // has that white space in it. No encoder leaves any, so a value that really ends with a space is
    // not touched: it ends with `+` or `%20`. The end of the last value is kept but for its line end.
    let mut rest = Some(trim_line_end(form));
    std::iter::from_fn(move || {
        let form = rest?;
        let pair = match form.iter().position(|byte| *byte == b'&') {
            Some(at) => {
                let (pair, tail) = form.split_at(at);
                rest = tail.get(1..);
                pair.trim_ascii_end()
            }
            None => {
                rest = None;
                form
            }
        };
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        Some((name, value.get(1..).unwrap_or(&[])))
    })
}

fn trim_line_end(form: &[u8]) -> &[u8] {
    let form = form.strip_suffix(b"\n").unwrap_or(form);
    form.strip_suffix(b"\r").unwrap_or(form)
}

pub(super) const CLIENT_ID: &str = "client_id";
pub(super) const CLIENT_SECRET: &str = "client_secret";
/// RFC 7521 4.2. Not supported, but known, so that it is refused and not overlooked.
pub(super) const CLIENT_ASSERTION: &str = "client_assertion";

const CREDENTIALS: [&str; 3] = [CLIENT_ID, CLIENT_SECRET, CLIENT_ASSERTION];
const FORM_TYPE: &[u8] = b"application/x-www-form-urlencoded";
const BROKEN: Denied = Denied::InvalidRequest { why: "the body is not form-encoded UTF-8" };
const REPEATED: Denied = Denied::InvalidRequest { why: "a parameter is repeated" };

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A form request as curl sends it.
    pub(in crate::oauth) const FORM: (&str, &[u8]) = ("Content-Type", FORM_TYPE);

    fn parse(body: &str) -> Result<Form, Denied> {
        Form::parse(body.as_bytes(), &["grant_type", "scope", "client_id", "client_secret"])
    }

    fn scope(body: &str) -> Result<Option<String>, Denied> {
        parse(body).map(|mut form| form.take("scope").map(|scope| scope.as_str().to_owned()))
    }

    fn read(content_type: Option<&str>, query: &str) -> Result<(), ReadFailure> {
        let field = content_type.map(|value| ("content-type", value.as_bytes()));
        let headers: Vec<_> = field.into_iter().collect();
        let request =
            HttpRequest { headers: &headers, query, body: b"scope=a", ..HttpRequest::default() };
        Form::read(&request, &Settings::default(), &["scope"]).map(|_| ())
    }

    fn is_invalid<T>(result: Result<T, impl Into<ReadFailure>>) -> bool {
        matches!(
            result.map_err(Into::into),
            Err(ReadFailure::Denied(Denied::InvalidRequest { .. }))
        )
    }

    #[test]
    fn a_body_over_the_limit_is_too_large_whatever_is_in_it() {
        // conformance 8
        let settings = Settings::default();
        let body = vec![b'%'; 64 * 1024 + 1];
        let read = |body: &[u8], settings: &Settings| {
            let request = HttpRequest { headers: &[FORM], body, ..HttpRequest::default() };
            Form::read(&request, settings, &[]).err()
        };
        assert_eq!(read(&body, &settings), Some(ReadFailure::TooLarge));
        assert_ne!(read(&body[1..], &settings), Some(ReadFailure::TooLarge));
        let smaller = Settings { max_request_body: 1024, ..settings };
        assert_eq!(read(&body[1..], &smaller), Some(ReadFailure::TooLarge));
    }

    #[test]
    fn escapes_and_plus_are_decoded() {
        assert_eq!(scope("scope=a%3Ar+b%3aw%20c"), Ok(Some("a:r b:w c".to_owned())));
        assert_eq!(scope("scope=%C3%A9"), Ok(Some("\u{e9}".to_owned())));
        assert_eq!(scope("%73cope=a=b"), Ok(Some("a=b".to_owned())));
        // `curl -d 'scope=a b'` does not encode the space.
        assert_eq!(scope("scope=a b"), Ok(Some("a b".to_owned())));
    }

    #[test]
    fn a_broken_escape_or_foreign_bytes_are_an_invalid_request() {
        for body in ["scope=%", "scope=%a", "scope=%zz", "scope=%+1", "scope=%ff", "%=1", "state=%"]
        {
            assert!(is_invalid(parse(body)), "{body}");
        }
        assert!(is_invalid(Form::parse(b"scope=\xff", &["scope"])));
    }

    #[test]
    fn an_empty_parameter_counts_as_omitted_and_unknown_ones_are_ignored() {
        // conformance 2
        for body in ["", "&&", "scope", "scope=", "scope=&state=1&state=2", "Scope=a", "=a"] {
            assert_eq!(scope(body), Ok(None), "{body}");
        }
        assert_eq!(scope("scope=&scope=a&scope="), Ok(Some("a".to_owned())));
    }

    #[test]
    fn a_repeated_known_parameter_is_an_invalid_request() {
        // conformance 2
        for body in ["scope=a&scope=a", "grant_type=a&x=1&grant_type=b", "scope=a&%73cope=b"] {
            assert!(is_invalid(parse(body)), "{body}");
        }
        let twice = parse("client_id=a&client_id=a").unwrap();
        assert!(is_invalid(twice.only("client_id").map(drop)));
        assert_eq!(twice.values("client_id").count(), 2);
    }

    #[test]
    fn another_media_type_is_an_invalid_request() {
        // conformance 1: a charset is fine
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded",
            "application/x-www-form-urlencoded;charset=UTF-8",
            "application/x-www-form-urlencoded ; charset=\"utf-8\"",
        ] {
            assert_eq!(read(Some(good), ""), Ok(()), "{good}");
        }
        for bad in [
            "",
            "application/json",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencodedx",
        ] {
            assert!(is_invalid(read(Some(bad), "")), "{bad}");
        }
        assert!(is_invalid(read(None, "")));
        let request = HttpRequest { headers: &[FORM, FORM], ..HttpRequest::default() };
        assert!(is_invalid(Form::read(&request, &Settings::default(), &[])));
    }

    #[test]
    fn credentials_in_the_query_are_refused() {
        // conformance 3
        let form = Some("application/x-www-form-urlencoded");
        for bad in [
            "client_id=a",
            "x=1&client_secret=b",
            "client%5Fsecret=b",
            "client_assertion",
            "%&client_id=",
        ] {
            assert!(is_invalid(read(form, bad)), "{bad}");
        }
        for good in ["", "x=client_id", "trace=1&%zz=2"] {
            assert_eq!(read(form, good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_body_pasted_from_bio_eckos_page_is_understood() {
        // conformance, the dialects: what the page shows, byte for byte
        for gap in [" ", "\n", "\r\n", "\r\n  "] {
            let body =
                format!("grant_type=client_credentials{gap}&client_id=a{gap}&client_secret=b\r\n");
            let form = parse(&body).unwrap();
            assert_eq!(form.only("grant_type"), Ok(Some("client_credentials")));
            assert_eq!(form.only("client_id"), Ok(Some("a")));
            assert_eq!(form.only("client_secret"), Ok(Some("b")));
        }
    }

    #[test]
    fn encoded_white_space_at_an_end_is_kept() {
        // conformance 20 refuses it in a scope; the form must not hide it.
        for body in ["scope=a%20", "scope=a+", "scope=a+&x=1", "scope=a%20 &x=1", "scope=a "] {
            assert_eq!(scope(body), Ok(Some("a ".to_owned())), "{body}");
        }
        assert_eq!(scope("scope= a"), Ok(Some(" a".to_owned())));
        assert_eq!(scope("scope=a%0A"), Ok(Some("a\n".to_owned())));
    }

    #[test]
    fn a_lenient_reader_leaves_repetition_to_be_asked_for() {
        let form = Form::read_lenient(b"a=1&b=2&a=3&x=4&x=5", &["a", "b"]).unwrap();
        assert!(is_invalid(form.only("a").map(drop)));
        assert_eq!((form.only("b"), form.only("x")), (Ok(Some("2")), Ok(None)));
        assert!(is_invalid(Form::read_lenient(b"a=1&b=%", &["a"])));
    }

    #[test]
    fn what_is_printed_has_no_character_but_unreserved_ones_and_escapes() {
        let mut out = String::new();
        encode_into("aZ09-._~ +&=%/\r\n\u{e9}", &mut out);
        assert_eq!(out, "aZ09-._~%20%2B%26%3D%25%2F%0D%0A%C3%A9");
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200), query in "\\PC*") {
            let _ = Form::parse(&body, &["scope", "client_id"]);
            let _ = check_query(&query, &CREDENTIALS);
        }

        #[test]
        fn no_almost_form_panics(body in "[a-c=&%+2 \r\n]{0,40}") {
            let _ = Form::parse(body.as_bytes(), &["a", "b", "client_id"]);
        }

        #[test]
        fn what_is_encoded_is_decoded(name in "\\PC+", value in "\\PC{1,50}") {
            prop_assert_eq!(scope(&format!("scope={}", encode(&value))), Ok(Some(value.clone())));
            prop_assert!(decode(encode(&name).as_bytes()).is_some_and(|found| *found == name));
            let mut printed = String::new();
            encode_into(&value, &mut printed);
            prop_assert!(decode(printed.as_bytes()).is_some_and(|found| *found == value));
        }
    }
}
