//! What can be done to a request.

use crate::message::{Message, cut};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fmt;
use std::net::IpAddr;

/// One thing done to a request.
#[derive(Debug, Clone)]
pub(crate) enum Spoiling {
    Method(String),
    Path(Change),
    Mount(String),
    Query(Change),
    QueryPair(Index, PairChange),
    Add(&'static str, Bytes),
    Rename(Index, String),
    Value(Index, Change),
    /// Of a `Basic` header, what is encoded.
    Encoded(Change),
    Repeat(Index),
    Drop(Index),
    Body(Change),
    BodyPair(Index, PairChange),
    From(Option<IpAddr>),
    InClear,
}

/// One thing done to bytes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Insert(Index, Bytes),
    Delete(Index, usize),
    Cut(Index),
    Flip(Index, u8),
    Twice,
    Replace(Bytes),
}

/// One thing done to a parameter of a form.
#[derive(Debug, Clone)]
pub(crate) enum PairChange {
    Value(Bytes),
    Change(Change),
    Repeat,
    Drop,
    Add(&'static str, Bytes),
}

/// Bytes that are not printed whole.
#[derive(Clone)]
pub(crate) struct Bytes(Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cut(&self.0))
    }
}

impl Spoiling {
    pub(crate) fn act(&self, message: &mut Message) {
        match self {
            Self::Method(method) => message.method.clone_from(method),
            Self::Path(change) => message.path = change.of_text(&message.path),
            Self::Mount(mount) => message.base_path.clone_from(mount),
            Self::Query(change) => message.query = change.of_text(&message.query),
            Self::QueryPair(at, change) => {
                message.query = text(change.of_form(message.query.as_bytes(), at));
            }
            Self::Add(name, value) => message.headers.push(((*name).to_owned(), value.0.clone())),
            Self::Rename(at, name) => on_header(message, at, |header| header.0.clone_from(name)),
            Self::Value(at, change) => {
                on_header(message, at, |header| header.1 = change.of(&header.1));
            }
            Self::Encoded(change) => message.headers.iter_mut().for_each(|(_, value)| {
                let encoded = value.strip_prefix(b"Basic ").and_then(|v| STANDARD.decode(v).ok());
                if let Some(pair) = encoded {
                    *value = format!("Basic {}", STANDARD.encode(change.of(&pair))).into_bytes();
                }
            }),
            Self::Repeat(at) => {
                if let Some(header) = chosen(&message.headers, at) {
                    message.headers.push(message.headers[header].clone());
                }
            }
            Self::Drop(at) => {
                if let Some(header) = chosen(&message.headers, at) {
                    message.headers.remove(header);
                }
            }
            Self::Body(change) => message.body = change.of(&message.body),
            Self::BodyPair(at, change) => message.body = change.of_form(&message.body, at),
            Self::From(peer) => message.peer = *peer,
            Self::InClear => message.secure = false,
        }
    }
}

fn on_header(message: &mut Message, at: &Index, act: impl FnOnce(&mut (String, Vec<u8>))) {
    if let Some(header) = chosen(&message.headers, at) {
        act(&mut message.headers[header]);
    }
}

impl Change {
    fn of(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        // One place behind the last byte is a place, too.
        let place = |at: &Index| at.index(bytes.len() + 1);
        match self {
            Self::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.0.iter().copied());
            }
            Self::Delete(at, length) => {
                let at = place(at);
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Flip(at, bit) => {
                if let Some(at) = chosen(&bytes, at) {
                    bytes[at] ^= 1 << bit;
                }
            }
            Self::Twice => bytes.extend_from_within(..),
            Self::Replace(new) => bytes.clone_from(&new.0),
        }
        bytes
    }

    fn of_text(&self, before: &str) -> String {
        text(self.of(before.as_bytes()))
    }
}

impl PairChange {
    fn of_form(&self, form: &[u8], at: &Index) -> Vec<u8> {
        let mut pairs: Vec<Vec<u8>> =
            form.split(|byte| *byte == b'&').map(<[u8]>::to_vec).collect();
        let at = at.index(pairs.len());
        let named = |name: &[u8], value: &[u8]| [name, b"=", value].concat();
        let mut split = pairs[at].splitn(2, |byte| *byte == b'=');
        let (name, value) = (split.next().unwrap(), split.next().unwrap_or_default());
        match self {
            Self::Value(new) => pairs[at] = named(name, &new.0),
            Self::Change(change) => pairs[at] = named(name, &change.of(value)),
            Self::Repeat => pairs.push(pairs[at].clone()),
            Self::Drop => drop(pairs.remove(at)),
            Self::Add(name, value) => pairs.push(named(name.as_bytes(), &value.0)),
        }
        pairs.join(&b'&')
    }
}

/// A place in what may be empty.
fn chosen<T>(of: &[T], at: &Index) -> Option<usize> {
    (!of.is_empty()).then(|| at.index(of.len()))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn spoilings() -> impl Strategy<Value = Spoiling> {
    let at = any::<Index>;
    prop_oneof![
        1 => prop_oneof![select(METHODS).prop_map(str::to_owned), "\\PC{0,9}"]
            .prop_map(Spoiling::Method),
        1 => changes().prop_map(Spoiling::Path),
        1 => select(MOUNTS).prop_map(|mount| Spoiling::Mount(mount.to_owned())),
        1 => changes().prop_map(Spoiling::Query),
        3 => (at(), pair_changes()).prop_map(|(at, change)| Spoiling::QueryPair(at, change)),
        3 => (select(HEADERS), bytes()).prop_map(|(name, value)| Spoiling::Add(name, value)),
        1 => (at(), "\\PC{0,9}").prop_map(|(at, name)| Spoiling::Rename(at, name)),
        3 => (at(), changes()).prop_map(|(at, change)| Spoiling::Value(at, change)),
        2 => changes().prop_map(Spoiling::Encoded),
        1 => at().prop_map(Spoiling::Repeat),
        1 => at().prop_map(Spoiling::Drop),
        6 => changes().prop_map(Spoiling::Body),
        6 => (at(), pair_changes()).prop_map(|(at, change)| Spoiling::BodyPair(at, change)),
        1 => option::of(select(PEERS)).prop_map(|peer| Spoiling::From(peer.map(|p| p.parse().unwrap()))),
        1 => Just(Spoiling::InClear),
    ]
}

fn changes() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), bytes()).prop_map(|(at, new)| Change::Insert(at, new)),
        2 => (at(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        1 => at().prop_map(Change::Cut),
        2 => (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => Just(Change::Twice),
        2 => bytes().prop_map(Change::Replace),
    ]
}

fn pair_changes() -> impl Strategy<Value = PairChange> {
    prop_oneof![
        3 => bytes().prop_map(PairChange::Value),
        3 => changes().prop_map(PairChange::Change),
        1 => Just(PairChange::Repeat),
        1 => Just(PairChange::Drop),
        2 => (select(PARAMETERS), bytes()).prop_map(|(name, value)| PairChange::Add(name, value)),
    ]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    let huge = |(byte, length): (u8, usize)| vec![byte; length];
    prop_oneof![
        40 => select(WORDS).prop_map(<[u8]>::to_vec),
        20 => vec(any::<u8>(), 0..40),
        10 => "\\PC{0,20}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..2000),
        1 => (select(&b"a&=%+ \"[{\\0\xff\x00,;"[..]), 1_000..70_000_usize).prop_map(huge),
    ]
    .prop_map(Bytes)
}

const METHODS: &[&str] = &["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "post", ""];

const MOUNTS: &[&str] = &["/", "/oauth", "/auth", "//", "\u{e9}", "/oauth/token"];

const PEERS: &[&str] = &["127.0.0.1", "::1", "198.51.100.1", "2001:db8::1", "10.0.0.1"];

const HEADERS: &[&str] = &[
    "Authorization",
    "Cookie",
    "Content-Type",
    "Origin",
    "Access-Control-Request-Method",
    "Sec-Fetch-Site",
    "X-Forwarded-For",
    "Forwarded",
    "Content-Length",
    "Transfer-Encoding",
    "Host",
    "Accept-Language",
    "",
];

const PARAMETERS: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "scope",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "redirect_uri",
    "refresh_token",
    "response_type",
    "state",
    "token",
    "token_type_hint",
    "username",
    "password",
    "pending",
    "action",
    "access_token",
    "nonce",
    "",
];

/// What parsers trip over, and what other requests have.
const WORDS: &[&[u8]] = &[
    b"",
    b" ",
    b"%",
    b"%0",
    b"%zz",
    b"%00",
    b"%0d%0aSet-Cookie:%20a=b",
    b"%ff%fe",
    b"%25",
    b"+",
    b"&",
    b"=",
    b"\x00",
    b"\r\n",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"null",
    b"true",
    b"-1e999",
    b"18446744073709551616",
    b"{\"username\":\"anna\",\"username\":\"otto\",\"password\":\"x\"}",
    b"{\"refreshToken\":null}",
    b"client_credentials",
    b"authorization_code",
    b"refresh_token",
    b"password",
    b"biot_login",
    b"urn:ietf:params:oauth:grant-type:jwt-bearer",
    b"client_id=a&client_secret=b",
    b"lab:read",
    b"billing:read no:such",
    b"lab:read  lab:read",
    b"code",
    b"token",
    b"S256",
    b"plain",
    b"approve",
    b"deny",
    b"login",
    b"anna",
    b"biot",
    b"Admin",
    b"usr_",
    b"wkc_",
    b"wks_",
    b"wkr_",
    b"eyJhbGciOiJub25lIn0.e30.",
    b"a.b.c",
    b"https://portal.example",
    b"https://portal.example/back",
    b"https://evil.example/back",
    b"javascript:alert(1)",
    b"//evil.example",
    b"'; DROP TABLE client; --",
    b"<script>alert(1)</script>",
    b"../../etc/passwd",
    b"Basic ",
    b"Basic Og==",
    b"Basic YTpi",
    b"Bearer ",
    b"Bearer a b",
    b"Negotiate x",
    b"__Host-wardkey=",
    b"__Host-wardkey=AAAAAAAAAAAAAAAAAAAAAA; __Host-wardkey=B",
    b"application/json",
    b"application/x-www-form-urlencoded; charset=utf-8",
    b"multipart/form-data; boundary=x",
    b"text/plain",
    b"cross-site",
    b"null",
    b"for=203.0.113.9;proto=https",
    b"203.0.113.9, unknown",
];
