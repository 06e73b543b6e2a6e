//! JSON Web Tokens in compact serialisation (RFC 7515 7.1, RFC 7519 7): signing, and the part of the
//! verification that needs no database.
//!
//! The order of a verification is: [`split`], [`parse_header`] (or a comparison of [`Parts::header`]
//! with the header that the key is known to print), the caller finds the key by its id,
//! [`Header::check_algorithm`], [`verify_signature`], [`Header::check_type`], [`Parts::decode_claims`],
//! [`parse_claims`], and then the caller's rules.

use crate::base::{KeyId, encode};
use crate::crypto::{Algorithm, PrivateKey, PublicKey};
use crate::error::{Denied, Error, Result};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// The header that tokens of this key carry, encoded: `alg` first, then `typ`, then `kid`.
pub(crate) fn encode_header(algorithm: Algorithm, kid: &KeyId) -> String {
    // Neither an algorithm's name nor a key id has a character that JSON escapes.
    encode::base64url(format!(r#"{{"alg":"{algorithm}","typ":"{TYPE}","kid":"{kid}"}}"#).as_bytes())
}

/// Signs `claims` under a header that [`encode_header`] made.
///
/// # Errors
/// [`Error::InvalidArgument`] about `claims` when the token would be longer than [`MAX_TOKEN`], so that
/// nobody could verify it.
pub(crate) fn sign<C: Serialize>(key: &PrivateKey, header: &str, claims: &C) -> Result<String> {
    let claims = serde_json::to_vec(claims)
        .map_err(|_| Error::Internal { what: "claims that are not JSON" })?;
    let mut token = String::with_capacity(header.len() + claims.len() * 4 / 3 + MAX_SIGNATURE);
    token.push_str(header);
    token.push('.');
    encode::base64url_into(&claims, &mut token);
    let mut signature = Vec::with_capacity(MAX_SIGNATURE);
    key.sign(token.as_bytes(), &mut signature)?;
    token.push('.');
    encode::base64url_into(&signature, &mut token);
    if token.len() > MAX_TOKEN {
        let why = format!("would make a token of {} bytes, more than {MAX_TOKEN}", token.len());
        return Err(Error::argument("claims", why));
    }
    Ok(token)
}

/// A token's three parts, each known to be canonical base64url. There is no `Debug`: whoever has the
/// text can use it.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    header: &'a str,
    claims: &'a [u8],
    signature: &'a [u8],
    signing_input: &'a [u8],
}

/// Parts a token and checks its form.
///
/// # Errors
/// [`Denied::TokenTooLong`] over [`MAX_TOKEN`] bytes; [`Denied::TokenMalformed`] for anything else than
/// three parts of base64url without padding, stray bits and white space.
pub(crate) fn split(token: &[u8]) -> std::result::Result<Parts<'_>, Denied> {
    if token.len() > MAX_TOKEN {
        return Err(Denied::TokenTooLong { length: token.len(), limit: MAX_TOKEN });
    }
    let three = || malformed("it has not exactly three parts");
    let first = find_dot(token, 0).ok_or_else(three)?;
    let last = find_dot(token, first + 1).ok_or_else(three)?;
    let part = |range| token.get(range).unwrap_or_default();
    let (header, claims) = (part(0..first), part(first + 1..last));
    let (signature, signing_input) = (part(last + 1..token.len()), part(0..last));
    // A fourth part would leave a dot inside the third, which is no base64url.
    if ![header, claims, signature].into_iter().all(is_canonical) {
        return Err(malformed("a part is not canonical base64url"));
    }
    let header = std::str::from_utf8(header).map_err(|_| malformed("it is not ASCII"))?;
    Ok(Parts { header, claims, signature, signing_input })
}

impl<'a> Parts<'a> {
    /// The encoded header.
    pub(crate) const fn header(&self) -> &'a str {
        self.header
    }

    /// The claims' JSON, decoded into `buffer`; [`MAX_CLAIMS`] bytes hold any.
    ///
    /// # Errors
    /// [`Denied::TokenMalformed`] if `buffer` is too small.
    pub(crate) fn decode_claims<'b>(
        &self,
        buffer: &'b mut [u8],
    ) -> std::result::Result<&'b [u8], Denied> {
        decode(self.claims, buffer).ok_or(malformed("its claims are too long"))
    }
}

/// Checks the signature with the key that the header's `kid` names.
///
/// # Errors
/// [`Denied::BadSignature`]; [`Denied::TokenMalformed`] for one longer than any key makes.
pub(crate) fn verify_signature(
    parts: &Parts<'_>,
    key: &PublicKey,
) -> std::result::Result<(), Denied> {
    let mut buffer = [0; MAX_SIGNATURE];
    let signature = decode(parts.signature, &mut buffer);
    let signature = signature.ok_or(malformed("its signature is too long"))?;
    let verified = key.verify(parts.signing_input, signature);
    if verified { Ok(()) } else { Err(Denied::BadSignature) }
}

/// A header that demands nothing forbidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    kid: KeyId,
    algorithm: Option<Algorithm>,
    is_access_token: bool,
}

impl Header {
    /// The key that the token says it was signed with.
    pub(crate) const fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Refuses a token that names another algorithm than its key's.
    ///
    /// # Errors
    /// [`Denied::AlgorithmMismatch`].
    pub(crate) fn check_algorithm(&self, of_key: Algorithm) -> std::result::Result<(), Denied> {
        // RFC 8725 3.1: "each key MUST be used with exactly one algorithm, and this MUST be checked
        // when the cryptographic operation is performed."
        if self.algorithm == Some(of_key) { Ok(()) } else { Err(Denied::AlgorithmMismatch) }
    }

    /// Refuses a token that is no access token.
    ///
    /// # Errors
    /// [`Denied::WrongType`].
    pub(crate) const fn check_type(&self) -> std::result::Result<(), Denied> {
        // RFC 9068 4: "The resource server MUST verify that the 'typ' header value is 'at+jwt' or
        // 'application/at+jwt' and reject tokens carrying any other value." We print the first alone.
        if self.is_access_token { Ok(()) } else { Err(Denied::WrongType) }
    }
}

/// Reads an encoded header.
///
/// # Errors
/// [`Denied::TokenHeaderForbidden`] for a member that is never honoured; [`Denied::KeyUnknown`] for a
/// `kid` that is not of our form; [`Denied::TokenMalformed`] for what is no JSON object with text
/// members `alg`, `typ` and `kid`, each once, and nothing else.
pub(crate) fn parse_header(encoded: &str) -> std::result::Result<Header, Denied> {
    let json = encode::from_base64url(encoded.as_bytes());
    let json = json.ok_or(malformed("its header is not canonical base64url"))?;
    let members: Members<'_> = parse_object(&json)
        .ok_or(malformed("its header is not the JSON object that this library prints"))?;
    members.check_forbidden()?;
    let kid = members.kid.ok_or(malformed("its header names no key"))?;
    Ok(Header {
        kid: KeyId::parse(kid).ok_or(Denied::KeyUnknown)?,
        algorithm: members.alg.and_then(Algorithm::parse),
        is_access_token: members.typ == Some(TYPE),
    })
}

/// Reads the claims' JSON: one object, nothing before or behind it. `C` decides on its members; one by
/// which a token is accepted must refuse unknown ones (`deny_unknown_fields`).
///
/// # Errors
/// [`Denied::TokenMalformed`] for anything else.
pub(crate) fn parse_claims<'b, C: Deserialize<'b>>(
    json: &'b [u8],
) -> std::result::Result<C, Denied> {
    parse_object(json)
        .ok_or(malformed("its claims are not the JSON object that this library prints"))
}

/// A JSON object. serde reads a struct from an array too; members that are structs are wrapped in this
/// to accept what is printed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Reads an object that begins with the first byte and ends with the last: no byte order mark, no
/// white space around it.
fn parse_object<'b, T: Deserialize<'b>>(json: &'b [u8]) -> Option<T> {
    // One check of the whole is faster than serde's of each string.
    let text = std::str::from_utf8(json).ok()?;
    let whole = text.starts_with('{') && text.ends_with('}');
    let object: Option<Object<T>> = serde_json::from_str(text).ok().filter(|_| whole);
    object.map(|Object(members)| members)
}

/// A header's members as they may stand in a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    alg: Option<&'a str>,
    typ: Option<&'a str>,
    kid: Option<&'a str>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
    #[serde(default)]
    zip: Present,
    #[serde(default)]
    jwk: Present,
    #[serde(default)]
    jku: Present,
    #[serde(default)]
    x5u: Present,
    #[serde(default)]
    x5c: Present,
    #[serde(default)]
    x5t: Present,
    #[serde(default, rename = "x5t#S256")]
    x5t_s256: Present,
}

impl Members<'_> {
    /// Refuses what would let a token choose its own key (RFC 8725 3.10) or another way of reading it.
    fn check_forbidden(&self) -> std::result::Result<(), Denied> {
        let members = [
            // RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood
            // and supported by the recipient, then the JWS is invalid." We support none.
            ("crit", self.crit),
            ("b64", self.b64),
            ("zip", self.zip),
            ("jwk", self.jwk),
            ("jku", self.jku),
            ("x5u", self.x5u),
            ("x5c", self.x5c),
            ("x5t", self.x5t),
            ("x5t#S256", self.x5t_s256),
        ];
        match members.into_iter().find(|(_, Present(present))| *present) {
            Some((member, _)) => Err(Denied::TokenHeaderForbidden { member }),
            None => Ok(()),
        }
    }
}

/// Whether a member is there, whatever it holds, null included.
#[derive(Clone, Copy, Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Decodes into the start of `buffer`.
fn decode<'b>(text: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = encode::from_base64url_into(text, buffer)?;
    buffer.get(..length)
}

/// The place of the first dot at or after `start`.
fn find_dot(token: &[u8], start: usize) -> Option<usize> {
    // By blocks without early return, so that the compiler compares many bytes at once.
    let has_dot = |block: &[u8]| block.iter().fold(false, |dot, byte| dot | (*byte == b'.'));
    let rest = token.get(start..)?;
    let blocks = rest.chunks(BLOCK).take_while(|block| !has_dot(block)).count();
    let before = start + blocks * BLOCK;
    let within = token.get(before..)?.iter().position(|byte| *byte == b'.')?;
    Some(before + within)
}

/// Whether `part` is base64url without padding and without stray bits, which is what decoding takes:
/// a part is decoded only when its turn comes, but must be sound before anything is looked up.
fn is_canonical(part: &[u8]) -> bool {
    // Without early return and without branches, as above.
    let sound = part.iter().fold(true, |sound, byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        sound & (letter | digit | (*byte == b'-') | (*byte == b'_'))
    });
    let last = part.last().map_or(0, |last| sextet(*last));
    sound
        && match part.len() % 4 {
            0 => true,
            2 => last & 0b1111 == 0,
            3 => last & 0b11 == 0,
            _ => false,
        }
}

/// The value of a base64url character (RFC 4648 5).
const fn sextet(character: u8) -> u8 {
    match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        _ => 63,
    }
}

const fn malformed(why: &'static str) -> Denied {
    Denied::TokenMalformed { why }
}

/// Bytes looked at together when searching: one or two vector registers.
const BLOCK: usize = 32;
/// Longest token in bytes: what fits one header line of the usual web servers (8 KiB).
pub(crate) const MAX_TOKEN: usize = 8 * 1024;
/// Longest claims in bytes: three quarters of a token.
pub(crate) const MAX_CLAIMS: usize = MAX_TOKEN / 4 * 3;
/// Longest signature in bytes: RSA with 4096 bits.
const MAX_SIGNATURE: usize = 512;
/// RFC 9068 2.1.
const TYPE: &str = "at+jwt";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SiteId, SystemEntropy};
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Claims<'a> {
        iss: &'a str,
        exp: i64,
    }

    fn kid(key: &PrivateKey) -> KeyId {
        let site = SiteId::parse("AAAAAAAAAAA").unwrap();
        KeyId::of(&site, &key.public().thumbprint())
    }

    fn new_key(algorithm: Algorithm) -> PrivateKey {
        PrivateKey::generate(algorithm, &SystemEntropy).unwrap().0
    }

    fn token(key: &PrivateKey) -> String {
        let header = encode_header(key.algorithm(), &kid(key));
        sign(key, &header, &Claims { iss: "https://clinic.example", exp: 2_000_000_000 }).unwrap()
    }

    fn header(json: &str) -> std::result::Result<Header, Denied> {
        parse_header(&encode::base64url(json.as_bytes()))
    }

    fn is_malformed<T>(result: &std::result::Result<T, Denied>) -> bool {
        matches!(result, Err(Denied::TokenMalformed { .. }))
    }

    #[test]
    fn a_token_verifies_under_its_key_and_no_other() {
        for algorithm in Algorithm::ALL {
            let key = new_key(algorithm);
            let token = token(&key);
            let parts = split(token.as_bytes()).unwrap();
            assert_eq!(parts.header(), encode_header(algorithm, &kid(&key)));
            let header = parse_header(parts.header()).unwrap();
            assert_eq!(header.kid(), &kid(&key));
            assert_eq!(header.check_algorithm(algorithm), Ok(()));
            assert_eq!(header.check_type(), Ok(()));
            assert_eq!(verify_signature(&parts, &key.public()), Ok(()));
            let mut buffer = [0; MAX_CLAIMS];
            let json = parts.decode_claims(&mut buffer).unwrap();
            let claims: Claims<'_> = parse_claims(json).unwrap();
            assert_eq!(claims, Claims { iss: "https://clinic.example", exp: 2_000_000_000 });
            for other in Algorithm::ALL {
                let verdict = verify_signature(&parts, &new_key(other).public());
                assert_eq!(verdict, Err(Denied::BadSignature));
            }
        }
    }

    #[test]
    fn the_header_is_these_bytes() {
        let kid = KeyId::parse(&format!("AAAAAAAAAAA.{}", "B".repeat(43))).unwrap();
        let json = encode::from_base64url(encode_header(Algorithm::Rs256, &kid).as_bytes());
        let expected = format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"{kid}"}}"#);
        assert_eq!(json.unwrap(), expected.as_bytes());
    }

    #[test]
    fn a_change_of_any_character_is_refused() {
        let key = new_key(Algorithm::EdDsa);
        let token = token(&key);
        for at in 0..token.len() {
            let mut edited = token.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let verdict = split(&edited).and_then(|parts| verify_signature(&parts, &key.public()));
            assert!(verdict.is_err(), "position {at}");
        }
    }

    #[test]
    fn a_text_that_has_not_three_strict_parts_is_malformed() {
        for text in [
            "",
            ".",
            "..",
            "a",
            "YQ.YQ",
            "YQ.YQ.YQ.YQ",
            "YQ..YQ.YQ",
            "YR.YQ.YQ",
            "YQ.YR.YQ",
            "YQ.YQ.YR",
            "YQ==.YQ.YQ",
            "YQ.YQ.YQ==",
            " YQ.YQ.YQ",
            "YQ.YQ.YQ\n",
            "Y Q.YQ.YQ",
            "YQ.Y+.YQ",
            "YQ.Y/.YQ",
            "YWJ.YQ.YQ",
            "YWJj\u{0}.YQ.YQ",
            "YQ.\u{e9}\u{e9}.YQ",
            "A.YQ.YQ",
        ] {
            let verdict = split(text.as_bytes())
                .and_then(|parts| parse_header(parts.header()).map(|_| parts));
            assert!(is_malformed(&verdict), "{text:?}");
        }
        assert!(split(b"YQ.YQ.YQ").is_ok());
        assert!(is_malformed(&split(b"\xff\xff.YQ.YQ")));
    }

    #[test]
    fn a_token_has_a_longest_length() {
        let long = [b'A'; MAX_TOKEN + 1];
        let expected = Denied::TokenTooLong { length: MAX_TOKEN + 1, limit: MAX_TOKEN };
        assert_eq!(split(&long).err(), Some(expected));
        let key = new_key(Algorithm::EdDsa);
        let signed = sign(&key, &encode_header(Algorithm::EdDsa, &kid(&key)), &"x".repeat(7000));
        assert!(matches!(signed, Err(Error::InvalidArgument { argument: "claims", .. })));
    }

    #[test]
    fn the_longest_claims_and_no_longer_signature_are_decoded() {
        let text = format!("YQ.{}.{}", "A".repeat(7000), "A".repeat(684));
        let parts = split(text.as_bytes()).unwrap();
        assert_eq!(parts.decode_claims(&mut [0; MAX_CLAIMS]).unwrap().len(), 5250);
        assert!(is_malformed(&parts.decode_claims(&mut [0; 100])));
        let key = new_key(Algorithm::EdDsa).public();
        assert!(is_malformed(&verify_signature(&parts, &key)));
    }

    #[test]
    fn a_header_that_demands_something_is_refused_by_name() {
        let known =
            format!(r#""alg":"ES256","typ":"at+jwt","kid":"AAAAAAAAAAA.{}""#, "B".repeat(43));
        for member in ["crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"] {
            for value in ["null", "false", r#"["exp"]"#, r#"{"a":{"b":[[]]}}"#] {
                let verdict = header(&format!(r#"{{{known},"{member}":{value}}}"#));
                assert_eq!(verdict, Err(Denied::TokenHeaderForbidden { member }), "{member}");
            }
        }
        assert!(header(&format!("{{{known}}}")).is_ok());
    }

    #[test]
    fn a_header_that_is_not_the_plain_object_is_malformed() {
        let kid = format!("AAAAAAAAAAA.{}", "B".repeat(43));
        let good = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#);
        for (from, to) in [
            ("{", "\u{feff}{"),
            ("{", " {"),
            ("}", "} "),
            ("}", "}{}"),
            ("}", r#","cty":"JWT"}"#),
            ("}", r#","alg":"ES256"}"#),
            ("}", ",}"),
            (r#""ES256""#, "256"),
            (r#""ES256""#, r#""ES\u003256""#),
            (r#""kid""#, r#""kid":null,"typ""#),
            ("at+jwt", "at\u{0}jwt"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert!(is_malformed(&header(&bad)), "{bad}");
        }
        for bad in ["", "{}", "[]", "null", r#"["ES256","at+jwt","k"]"#, r#"{"alg":"ES256"}"#] {
            assert!(is_malformed(&header(bad)), "{bad}");
        }
        let invalid = encode::base64url(b"{\"alg\":\"ES256\",\"typ\":\"\xff\",\"kid\":\"k\"}");
        assert!(is_malformed(&parse_header(&invalid)));
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(3000), "]".repeat(3000));
        assert!(is_malformed(&header(&deep)));
    }

    #[test]
    fn what_a_header_says_is_checked_in_its_turn() {
        let kid = format!("AAAAAAAAAAA.{}", "B".repeat(43));
        let parsed = header(&format!(r#"{{"typ":"JWT","alg":"none","kid":"{kid}"}}"#)).unwrap();
        assert_eq!(parsed.check_algorithm(Algorithm::Es256), Err(Denied::AlgorithmMismatch));
        assert_eq!(parsed.check_type(), Err(Denied::WrongType));
        let untyped = header(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#)).unwrap();
        assert_eq!(untyped.check_algorithm(Algorithm::Es256), Err(Denied::AlgorithmMismatch));
        assert_eq!(untyped.check_algorithm(Algorithm::Rs256), Ok(()));
        assert_eq!(untyped.check_type(), Err(Denied::WrongType));
        let foreign = header(r#"{"alg":"ES256","typ":"at+jwt","kid":"../../etc/passwd"}"#);
        assert_eq!(foreign, Err(Denied::KeyUnknown));
    }

    #[test]
    fn claims_are_one_object_of_known_members() {
        let parse = |json: &'static [u8]| parse_claims::<Claims<'_>>(json);
        assert!(parse(br#"{"iss":"a","exp":1}"#).is_ok());
        for bad in [
            &b""[..],
            b"\xef\xbb\xbf{\"iss\":\"a\",\"exp\":1}",
            b" {\"iss\":\"a\",\"exp\":1}",
            b"{\"iss\":\"a\",\"exp\":1}\n",
            br#"{"iss":"a","exp":1}{}"#,
            br#"["a",1]"#,
            br#"{"iss":"a","exp":1,"exp":1}"#,
            br#"{"iss":"a","exp":1,"admin":true}"#,
            br#"{"iss":"a"}"#,
            br#"{"iss":"a","exp":"1"}"#,
            br#"{"iss":"a","exp":1.0}"#,
            br#"{"iss":"a","exp":1e9}"#,
            br#"{"iss":"a","exp":99999999999999999999}"#,
            b"{\"iss\":\"\xff\",\"exp\":1}",
        ] {
            assert!(is_malformed(&parse(bad)), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_member_that_is_an_object_is_not_read_from_an_array() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Outer<'a> {
            #[serde(borrow)]
            inner: Object<Claims<'a>>,
        }
        let json = br#"{"inner":{"iss":"a","exp":1}}"#;
        let outer: Outer<'_> = parse_claims(json).unwrap();
        assert_eq!(outer.inner.0, Claims { iss: "a", exp: 1 });
        assert_eq!(serde_json::to_vec(&outer).unwrap(), json);
        assert!(is_malformed(&parse_claims::<Outer<'_>>(br#"{"inner":["a",1]}"#)));
        assert!(is_malformed(&parse_claims::<Outer<'_>>(
            br#"{"inner":{"iss":"a","exp":1,"x":1}}"#
        )));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_the_form_is_what_decoding_takes(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            text in "[A-D_.=-]{0,12}",
        ) {
            for token in [&bytes[..], text.as_bytes()] {
                if let Ok(parts) = split(token) {
                    prop_assert!(encode::from_base64url(parts.claims).is_some());
                    prop_assert!(encode::from_base64url(parts.signature).is_some());
                    let _ = parse_header(parts.header());
                }
            }
            let canonical = encode::from_base64url(text.as_bytes()).is_some();
            prop_assert_eq!(is_canonical(text.as_bytes()), canonical);
            let _ = parse_claims::<Claims<'_>>(&bytes);
            let _ = parse_header(&encode::base64url(&bytes));
        }
    }
}
