//! JSON documents, read strictly.

use crate::domain::RateLimit;
use crate::error::{Error, Result};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_path_to_error::Segment;
use std::fmt;
use std::marker::PhantomData;

/// An operation of `call`: a request document with a name and a response.
pub trait Operation: DeserializeOwned {
    /// The name that `call` knows it by.
    const NAME: &'static str;
    /// What it answers.
    type Response: Serialize;
}

/// The answer of an operation that has nothing to say: `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Done {}

/// A secret in a request: wiped when dropped, never printed.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// The text, for the one use that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// Reads a request; an empty text is an empty document.
///
/// # Errors
/// [`Error::InvalidDocument`] with the path of the first member that is false.
pub(crate) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    let json = if json.is_empty() { b"{}" } else { json };
    // serde takes an array for a struct, member by member: nobody means that.
    let first = json.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Error::document(".", "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let place = place(error.path());
        let error = error.into_inner();
        let (member, why) = discreet(&error);
        Error::document(joined(place, member), why)
    })?;
    deserializer.end().map_err(|_| Error::document(".", "has text behind its end"))?;
    Ok(value)
}

/// What may be said of an error: the member it is about, where serde reports it at its parent, and why.
///
/// serde's own words repeat the value that was false. It may be a secret that stands in the wrong member,
/// and errors go to logs: only what was expected is kept, which our own types say.
fn discreet(error: &serde_json::Error) -> (Option<String>, String) {
    let text = error.to_string();
    // Of its syntax, the parser says what it expected and where, never what it read.
    if !error.is_data() {
        return (None, text);
    }
    let position = format!("at line {} column {}", error.line(), error.column());
    // The value comes before what was expected, so the last of these words are serde's own.
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    let named = |kind: &str| text.strip_prefix(kind)?.strip_prefix(" `");
    if let Some(rest) = named("unknown field") {
        // An operation without members has no `expected`; the name that was sent may.
        let none = rest.rsplit_once("`, there are no fields").map(|(member, _)| member);
        let expected = expected.filter(|_| none.is_none());
        let member = none.or_else(|| rest.rsplit_once("`, expected ").map(|(member, _)| member));
        let member = member.unwrap_or("");
        let why = match expected {
            Some(expected) => format!("unknown field, expected {expected}"),
            None => format!("unknown field, there are no fields {position}"),
        };
        return (Some(tellable(member)), why);
    }
    for kind in ["duplicate field", "missing field"] {
        if let Some(rest) = named(kind) {
            let member = tellable(rest.split('`').next().unwrap_or(""));
            let why = format!("{kind} `{member}` {position}");
            return (Some(member), why);
        }
    }
    let why = match expected {
        Some(expected) => format!("{}expected {expected}", kind_found(&text)),
        None => format!("is not what belongs here {position}"),
    };
    (None, why)
}

/// Which kind of value was found, without the value: `invalid type: integer, `.
fn kind_found(text: &str) -> String {
    let ill = ["invalid type: ", "invalid value: "].into_iter().find(|ill| text.starts_with(ill));
    let found = ill.and_then(|ill| Some((ill, text.strip_prefix(ill)?)));
    found.map_or(String::new(), |(ill, found)| {
        // serde's kinds are words; what it quotes begins with a quote.
        let kind = found.split(['`', '"', ',']).next().unwrap_or_default().trim_end();
        format!("{ill}{kind}, ")
    })
}

/// Where an error is, as `member.member[index]`; `.` is the whole document.
fn place(path: &serde_path_to_error::Path) -> String {
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => place.push_str(&format!("[{index}]")),
            Segment::Map { key } => append(&mut place, &tellable(key)),
            Segment::Enum { variant } => append(&mut place, &tellable(variant)),
            Segment::Unknown => append(&mut place, "?"),
        }
    }
    if place.is_empty() { ".".to_owned() } else { place }
}

fn append(place: &mut String, member: &str) {
    if !place.is_empty() {
        place.push('.');
    }
    place.push_str(member);
}

/// The path of the member of `parent`.
fn joined(parent: String, member: Option<String>) -> String {
    match member {
        None => parent,
        Some(member) if parent == "." => member,
        Some(member) if parent.rsplit('.').next() == Some(&member) => parent,
        Some(member) => format!("{parent}.{member}"),
    }
}

/// A member's name as it was sent, if it can be a mistyped name; it may be a secret where a name belongs.
fn tellable(name: &str) -> String {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.len() <= NAME_LIMIT && name.bytes().all(sound) {
        name.to_owned()
    } else {
        UNTOLD.to_owned()
    }
}

/// Prints a response. It may hold a new secret, so its bytes never move: they are counted first.
pub(crate) fn print<T: Serialize>(document: &T) -> Result<Vec<u8>> {
    let impossible = |_| Error::Internal { what: "a document that cannot be printed" };
    let mut length = Counter(0);
    serde_json::to_writer(&mut length, document).map_err(impossible)?;
    // One more byte, for the NUL that the C ABI puts behind it.
    let mut bytes = Vec::with_capacity(length.0 + 1);
    serde_json::to_writer(&mut bytes, document).map_err(impossible)?;
    Ok(bytes)
}

/// Counts what is written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A member that is there: `null` is a value of its own type or an error, never the same as absence.
pub(super) fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An object that is there. serde takes an array for a struct here too.
pub(super) fn some_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(
            self,
            map: A,
        ) -> std::result::Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// An object that must be there.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    let object = some_object(deserializer)?;
    object.ok_or_else(|| serde::de::Error::custom("expected a JSON object"))
}

/// A limit of rate, in a request and in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RateDocument {
    /// How often a minute in the long run, 1 to 60000000.
    pub per_minute: u32,
    /// How often at once, 1 to 1000000.
    pub burst: u32,
}

impl From<RateLimit> for RateDocument {
    fn from(limit: RateLimit) -> Self {
        Self { per_minute: limit.per_minute, burst: limit.burst }
    }
}

impl From<RateDocument> for RateLimit {
    fn from(document: RateDocument) -> Self {
        Self { per_minute: document.per_minute, burst: document.burst }
    }
}

/// A limit of rate that is there, or `null` for none.
#[expect(clippy::option_option, reason = "not given, null and given are three things")]
pub(super) fn some_rate<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<RateDocument>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Given(#[serde(deserialize_with = "some_object")] Option<RateDocument>);

    Option::<Given>::deserialize(deserializer).map(|given| Some(given.and_then(|given| given.0)))
}

/// Reads each text of a list, naming the place of the one that is false.
pub(super) fn each<T>(
    member: &str,
    list: &[String],
    parse: impl Fn(&str) -> std::result::Result<T, String>,
) -> Result<Vec<T>> {
    list.iter()
        .enumerate()
        .map(|(index, text)| {
            parse(text).map_err(|why| Error::document(format!("{member}[{index}]"), why))
        })
        .collect()
}

/// Reads a word of a closed list.
pub(super) fn word<T>(
    member: &str,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    known: &str,
) -> Result<T> {
    parse(text).ok_or_else(|| Error::document(member, format!("must be one of: {known}")))
}

macro_rules! operation {
    ($type:ident = $name:literal -> $response:ty) => {
        impl $crate::admin::document::Operation for $type {
            const NAME: &'static str = $name;
            type Response = $response;
        }
    };
}
pub(super) use operation;

/// Declares requests that name one thing and nothing else.
macro_rules! by_id {
    ($member:ident, $what:literal: $($(#[$doc:meta])* $type:ident = $name:literal -> $response:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields)]
            pub struct $type {
                #[doc = concat!("The ", $what, ".")]
                pub $member: String,
            }
            operation!($type = $name -> $response);

            impl $type {
                #[doc = concat!("The request about this ", $what, ".")]
                #[must_use]
                pub fn of($member: &str) -> Self {
                    Self { $member: $member.to_owned() }
                }
            }
        )*
    };
}
pub(super) use by_id;

/// Longest name that is repeated: longer than any of ours (26), shorter than any secret that a program
/// made (a UUID without its dashes has 32).
const NAME_LIMIT: usize = 30;

/// Instead of a name that is not repeated.
const UNTOLD: &str = "(a name not shown)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{ClientCreate, ClientRead};

    fn refused<T: DeserializeOwned>(json: &str) -> (String, String) {
        match parse::<T>(json.as_bytes()) {
            Err(Error::InvalidDocument { path, why }) => (path, why),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{json} was taken"),
        }
    }

    #[test]
    fn a_member_that_is_false_is_named_by_its_path() {
        for (json, path) in [
            (r#"{"name":"x"}"#, "name"),
            (r#"{"client_name":"x","client_name":"y"}"#, "client_name"),
            (r#"{"client_name":7}"#, "client_name"),
            (r#"{"client_name":null}"#, "client_name"),
            (r#"{"redirect_uris":["https://a.example",7]}"#, "redirect_uris[1]"),
            (r#"{"access_token_lifetime":-1}"#, "access_token_lifetime"),
            (r#"{"access_token_lifetime":1.5}"#, "access_token_lifetime"),
        ] {
            assert_eq!(refused::<ClientCreate>(json).0, path, "{json}");
        }
        assert_eq!(refused::<ClientRead>("{}").0, "client_id");
    }

    #[test]
    fn only_one_json_object_is_a_document() {
        for json in ["[]", "[\"x\"]", "7", "null", "{} {}", "{}x", "{", "\u{feff}{}"] {
            refused::<ClientCreate>(json);
        }
        assert!(parse::<ClientCreate>(b"").is_ok());
        assert!(parse::<ClientCreate>(b" \n{} ").is_ok());
    }

    // serde quotes the value that it found: a secret given as a number stood in the error, and in the log.
    #[test]
    fn no_value_of_a_document_is_quoted() {
        for (json, why) in [
            (r#"{"client_name":4111}"#, "invalid type: integer, expected a string"),
            (r#"{"client_name":true}"#, "invalid type: boolean, expected a string"),
            (r#"{"client_name":null}"#, "invalid type: null, expected a string"),
            (
                r#"{"grant_types":"wks_, expected `x`"}"#,
                "invalid type: string, expected a sequence",
            ),
            (r#"{"access_token_lifetime":-41}"#, "invalid value: integer, expected u32"),
        ] {
            let (_, said) = refused::<ClientCreate>(json);
            assert!(said.starts_with(why), "{json}: {said}");
        }
    }

    #[test]
    fn a_response_is_printed_into_memory_that_never_grows() {
        let json = print(&"x".repeat(5000)).unwrap();
        assert_eq!((json.len(), json.capacity()), (5002, 5003));
    }
}
