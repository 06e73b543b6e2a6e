//! JSON documents, read strictly.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// An operation of `call`: a request document with a name and a response.
pub trait Operation: DeserializeOwned {
    /// The name that `call` knows it by.
    const NAME: &'static str;
    /// What it answers.
    type Response: Serialize;
}

/// The answer of an operation that has nothing to say: `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Done {}

/// A secret in a request: wiped when dropped, never printed.
#[derive(Default, Deserialize)]
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
        let parent = error.path().to_string();
        let why = without_value(&error.into_inner().to_string());
        Error::document(path_of(&parent, &why), why)
    })?;
    deserializer.end().map_err(|_| Error::document(".", "has text behind its end"))?;
    Ok(value)
}

/// The path of the member that `why` is about. serde reports unknown, duplicate and missing members at
/// their parent, and names them in words.
fn path_of(parent: &str, why: &str) -> String {
    let member = ["unknown field `", "duplicate field `", "missing field `"]
        .iter()
        .find_map(|prefix| why.strip_prefix(prefix))
        .and_then(|rest| rest.split('`').next());
    match (parent, member) {
        (_, None) => parent.to_owned(),
        (".", Some(member)) => member.to_owned(),
        (parent, Some(member)) if parent.ends_with(member) => parent.to_owned(),
        (parent, Some(member)) => format!("{parent}.{member}"),
    }
}

/// serde's words without the value it found: a secret given as a number would be in every log.
fn without_value(why: &str) -> String {
    let ill = ["invalid type: ", "invalid value: "].into_iter().find(|ill| why.starts_with(ill));
    // From the right: the value may hold these words too.
    match ill.and_then(|ill| Some((ill, why.strip_prefix(ill)?.rsplit_once(", expected ")?))) {
        Some((ill, (found, expected))) => {
            let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{ill}{kind}, expected {expected}")
        }
        None => why.to_owned(),
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
