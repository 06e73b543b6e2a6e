//! Reading private keys that people paste: PEM or DER; PKCS#8, PKCS#1 or SEC 1.

use crate::base::{Secret, encode};
use crate::crypto::Algorithm;
use crate::crypto::der::{self, Reader, bit_length};
use crate::error::{Error, Result};
use zeroize::Zeroizing;

/// The key in `input` as the one PKCS#8 document that `ring` reads and this library stores.
///
/// # Errors
/// [`Error::InvalidArgument`] about `key` that says what `input` is instead of a private key for
/// `algorithm`.
pub(super) fn normalise(algorithm: Algorithm, input: &[u8]) -> Result<Secret> {
    if input.len() > MAX_INPUT {
        return Err(false_key(format!(
            "has {} bytes, more than any key ({MAX_INPUT})",
            input.len()
        )));
    }
    let found = match pem(input)? {
        Some(der) => encoded(find(&der)?, algorithm),
        None => encoded(find(input)?, algorithm),
    };
    found.map(Secret::new)
}

/// Wraps an `RSAPrivateKey` into PKCS#8 (RFC 8017 A.1, RFC 5208 5).
pub(super) fn wrap_rsa(key: &[u8]) -> Vec<u8> {
    let mut algorithm = Vec::new();
    der::write(&mut algorithm, der::OID, RSA);
    der::write(&mut algorithm, der::NULL, &[]);
    wrap(0, &algorithm, key, &[])
}

/// Wraps a seed and its public key into PKCS#8 version 2 (RFC 5958 2, RFC 8410 7 and 10.3).
pub(super) fn wrap_ed25519(seed: &[u8; 32], public: &[u8]) -> Vec<u8> {
    let mut algorithm = Vec::new();
    der::write(&mut algorithm, der::OID, ED25519);
    let mut key = Zeroizing::new(Vec::with_capacity(34));
    der::write(&mut key, der::OCTET_STRING, seed);
    let mut bits = vec![0];
    bits.extend_from_slice(public);
    let mut tail = Vec::new();
    der::write(&mut tail, CONTEXT_1_PRIMITIVE, &bits);
    wrap(1, &algorithm, &key, &tail)
}

/// A private key as found in a document.
enum Found<'a> {
    /// The contents of an `RSAPrivateKey` (RFC 8017 A.1.2).
    Rsa(&'a [u8]),
    /// The contents of an `ECPrivateKey` (RFC 5915 3) and the curve that the PKCS#8 around it names.
    Ec { key: &'a [u8], curve: Option<&'a [u8]> },
    /// An Ed25519 seed (RFC 8410 7).
    Ed25519(&'a [u8]),
}

/// The document for a key if it is one for `algorithm`.
fn encoded(found: Found<'_>, algorithm: Algorithm) -> Result<Vec<u8>> {
    match (algorithm, found) {
        (Algorithm::Rs256, Found::Rsa(key)) => rsa(key),
        (Algorithm::Es256, Found::Ec { key, curve }) => ec(key, curve),
        (Algorithm::EdDsa, Found::Ed25519(seed)) => ed25519(seed),
        (_, Found::Rsa(_)) => {
            Err(false_key(format!("is an RSA key, which {algorithm} cannot use")))
        }
        (_, Found::Ec { .. }) => {
            Err(false_key(format!("is an EC key, which {algorithm} cannot use")))
        }
        (_, Found::Ed25519(_)) => {
            Err(false_key(format!("is an Ed25519 key, which {algorithm} cannot use")))
        }
    }
}

/// Looks into a DER document; the first two tags tell the formats apart.
fn find(input: &[u8]) -> Result<Found<'_>> {
    let mut outer = Reader::new(input);
    let Some(document) = outer.enter(der::SEQUENCE).filter(|_| outer.is_empty()) else {
        return Err(false_key(NEITHER));
    };
    let mut rest = document;
    if document.peek() == Some(der::SEQUENCE) {
        let _ = rest.read(der::SEQUENCE);
        return Err(false_key(match rest.peek() {
            Some(der::BIT_STRING) => PUBLIC_KEY,
            Some(der::OCTET_STRING) => ENCRYPTED,
            Some(der::SEQUENCE) => CERTIFICATE,
            Some(_) | None => NEITHER,
        }));
    }
    let contents = Reader::new(input).read(der::SEQUENCE).unwrap_or_default();
    let version = rest.unsigned().ok_or_else(|| false_key(NEITHER))?;
    match rest.peek() {
        Some(der::SEQUENCE) => pkcs8(version, rest),
        Some(der::OCTET_STRING) => Ok(Found::Ec { key: contents, curve: None }),
        // PKCS#1: a public key is the two numbers alone.
        Some(der::INTEGER) if rest.unsigned().is_some() && rest.is_empty() => {
            Err(false_key(PUBLIC_KEY))
        }
        Some(der::INTEGER) => Ok(Found::Rsa(contents)),
        Some(_) | None => Err(false_key(NEITHER)),
    }
}

/// The key in a `PrivateKeyInfo` behind its version (RFC 5208 5, RFC 5958 2). Attributes and the
/// public key that may follow are left out: attributes sign nothing and the public key is computed.
fn pkcs8<'a>(version: &[u8], mut rest: Reader<'a>) -> Result<Found<'a>> {
    let broken = || false_key("is a damaged PKCS#8 document");
    if !matches!(version, [] | [1]) {
        return Err(false_key("is PKCS#8 of an unknown version"));
    }
    let mut algorithm = rest.enter(der::SEQUENCE).ok_or_else(broken)?;
    let name = algorithm.read(der::OID).ok_or_else(broken)?;
    let key = rest.read(der::OCTET_STRING).ok_or_else(broken)?;
    let mut inner = Reader::new(key);
    let found = match name {
        RSA => inner.read(der::SEQUENCE).map(Found::Rsa),
        EC => {
            let curve = algorithm.read(der::OID).ok_or_else(|| {
                false_key("spells out the parameters of its curve instead of naming it")
            })?;
            inner.read(der::SEQUENCE).map(|key| Found::Ec { key, curve: Some(curve) })
        }
        ED25519 => inner.read(der::OCTET_STRING).map(Found::Ed25519),
        RSA_PSS => {
            return Err(false_key("is an RSASSA-PSS key, which no algorithm here uses"));
        }
        _ => return Err(false_key("is of another kind than RSA, EC and Ed25519")),
    };
    found.filter(|_| inner.is_empty()).ok_or_else(broken)
}

/// Checks what `ring` would refuse with fewer words, and wraps the key.
fn rsa(contents: &[u8]) -> Result<Vec<u8>> {
    let broken = || false_key("is a damaged RSA private key");
    let mut reader = Reader::new(contents);
    match reader.unsigned().ok_or_else(broken)? {
        [] => {}
        [1] => return Err(false_key("is an RSA key of more than two primes")),
        _ => return Err(broken()),
    }
    let modulus = reader.unsigned().ok_or_else(broken)?;
    let exponent = reader.unsigned().ok_or_else(broken)?;
    let bits = bit_length(modulus);
    if !(2048..=4096).contains(&bits) || !bits.is_multiple_of(512) {
        // RFC 7518 3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
        return Err(false_key(format!(
            "is an RSA key of {bits} bits; 2048 to 4096 in steps of 512 are accepted"
        )));
    }
    if bit_length(exponent) < 17 {
        return Err(false_key("is an RSA key with a public exponent below 65537"));
    }
    let mut key = Zeroizing::new(Vec::with_capacity(contents.len() + 8));
    der::write(&mut key, der::SEQUENCE, contents);
    Ok(wrap_rsa(&key))
}

/// Checks an `ECPrivateKey` (RFC 5915 3) and prints it anew.
fn ec(contents: &[u8], outer_curve: Option<&[u8]>) -> Result<Vec<u8>> {
    let broken = || false_key("is a damaged EC private key");
    let mut reader = Reader::new(contents);
    if reader.unsigned().ok_or_else(broken)? != [1] {
        return Err(broken());
    }
    let scalar = reader.read(der::OCTET_STRING).ok_or_else(broken)?;
    let inner_curve = match reader.enter(der::CONTEXT_0) {
        Some(mut parameters) => Some(parameters.read(der::OID).ok_or_else(broken)?),
        None => None,
    };
    for curve in [outer_curve, inner_curve].into_iter().flatten() {
        check_curve(curve)?;
    }
    if outer_curve.or(inner_curve).is_none() {
        return Err(false_key("does not say which curve it is on"));
    }
    let mut public = reader.enter(der::CONTEXT_1).ok_or_else(|| false_key(NO_POINT))?;
    let point = public.read(der::BIT_STRING).ok_or_else(broken)?;
    // SEC 1 2.3.3: 4 is the mark of an uncompressed point; the 0 before it is the BIT STRING's.
    if scalar.len() != 32 || point.len() != 66 || !point.starts_with(&[0, 4]) {
        return Err(false_key(NO_POINT));
    }
    Ok(wrap_ec(scalar, point))
}

fn check_curve(curve: &[u8]) -> Result<()> {
    let name = match curve {
        P256 => return Ok(()),
        P384 => "P-384",
        P521 => "P-521",
        SECP256K1 => "secp256k1",
        _ => "another curve",
    };
    Err(false_key(format!("is an EC key on {name}; ES256 needs P-256")))
}

/// Prints an `ECPrivateKey` in PKCS#8; `point` is the contents of a BIT STRING.
fn wrap_ec(scalar: &[u8], point: &[u8]) -> Vec<u8> {
    let mut algorithm = Vec::new();
    der::write(&mut algorithm, der::OID, EC);
    der::write(&mut algorithm, der::OID, P256);
    let mut public = Vec::new();
    der::write(&mut public, der::BIT_STRING, point);
    let mut contents = Zeroizing::new(Vec::with_capacity(128));
    der::write_unsigned(&mut contents, &[1]);
    der::write(&mut contents, der::OCTET_STRING, scalar);
    der::write(&mut contents, der::CONTEXT_1, &public);
    let mut key = Zeroizing::new(Vec::with_capacity(128));
    der::write(&mut key, der::SEQUENCE, &contents);
    wrap(0, &algorithm, &key, &[])
}

fn ed25519(seed: &[u8]) -> Result<Vec<u8>> {
    let broken = || false_key("is a damaged Ed25519 private key");
    let seed: &[u8; 32] = seed.try_into().map_err(|_| broken())?;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| broken())?;
    let public = ring::signature::KeyPair::public_key(&pair);
    Ok(wrap_ed25519(seed, public.as_ref()))
}

/// `PrivateKeyInfo` (RFC 5958 2) around `key`, with `tail` behind it.
fn wrap(version: u8, algorithm: &[u8], key: &[u8], tail: &[u8]) -> Vec<u8> {
    // The room is taken once, so that growing leaves no copy of the key behind.
    let mut contents = Zeroizing::new(Vec::with_capacity(key.len() + 128));
    der::write_unsigned(&mut contents, &[version]);
    der::write(&mut contents, der::SEQUENCE, algorithm);
    der::write(&mut contents, der::OCTET_STRING, key);
    contents.extend_from_slice(tail);
    let mut document = Vec::with_capacity(contents.len() + 8);
    der::write(&mut document, der::SEQUENCE, &contents);
    document
}

/// The bytes of the one private key in a PEM text (RFC 7468); `None` if this is no PEM text.
fn pem(input: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let Some(text) = std::str::from_utf8(input).ok().filter(|text| text.contains(BEGIN)) else {
        return Ok(None);
    };
    // `openssl ecparam -genkey` prints the curve once more before the key.
    let is_key = |block: &&str| !block.starts_with("EC PARAMETERS-");
    // RFC 7468 2: text before a boundary and between blocks is explanation, and not looked at.
    let mut blocks = text.split(BEGIN).skip(1).filter(is_key);
    let block = blocks.next().unwrap_or_default();
    if blocks.next().is_some() {
        return Err(false_key("holds more than one PEM block: paste the private key alone"));
    }
    let (label, body) = block.split_once("-----").ok_or_else(|| false_key(CUT_PEM))?;
    let end = format!("-----END {label}-----");
    let (body, _) = body.split_once(&end).ok_or_else(|| false_key(CUT_PEM))?;
    pem_body(label, body).map(Some)
}

fn pem_body(label: &str, body: &str) -> Result<Zeroizing<Vec<u8>>> {
    match label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {}
        "ENCRYPTED PRIVATE KEY" => return Err(false_key(ENCRYPTED)),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(false_key(PUBLIC_KEY)),
        "CERTIFICATE" => return Err(false_key(CERTIFICATE)),
        "OPENSSH PRIVATE KEY" => {
            return Err(false_key("is in OpenSSH's own format: convert it to PKCS#8"));
        }
        _ => {
            return Err(false_key(format!("is a PEM block `{}`", label.escape_debug())));
        }
    }
    // RFC 1421 4.6.1.1: the header of OpenSSL's old encryption.
    if body.contains("Proc-Type:") {
        return Err(false_key(ENCRYPTED));
    }
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let bytes = encode::from_base64(&packed);
    bytes.map(Zeroizing::new).ok_or_else(|| false_key("is PEM whose base64 is damaged"))
}

fn false_key(why: impl Into<String>) -> Error {
    Error::argument("key", why)
}

const BEGIN: &str = "-----BEGIN ";
const NEITHER: &str = "is no private key in PEM or DER (PKCS#8, PKCS#1 or SEC 1)";
const PUBLIC_KEY: &str = "is a public key; the private one is needed";
const CERTIFICATE: &str = "is a certificate; the private key is needed";
const ENCRYPTED: &str = "is encrypted; decrypt it first, for instance with `openssl pkey`";
const CUT_PEM: &str = "is PEM that was cut off";
const NO_POINT: &str = "is an EC key without its uncompressed public point; `openssl ec -conv_form uncompressed` adds it";

/// An RSA key of 4096 bits in PEM has 3.2 KiB.
const MAX_INPUT: usize = 16 * 1024;

/// `[1] IMPLICIT BIT STRING` (RFC 5958 2).
const CONTEXT_1_PRIMITIVE: u8 = 0x81;
/// 1.2.840.113549.1.1.1 (RFC 8017 A.1).
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// 1.2.840.113549.1.1.10 (RFC 8017 A.2.3).
const RSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
/// 1.2.840.10045.2.1 (RFC 5480 2.1.1).
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
/// 1.2.840.10045.3.1.7 (RFC 5480 2.1.1.1).
const P256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// 1.3.132.0.34 (RFC 5480 2.1.1.1).
const P384: &[u8] = b"\x2b\x81\x04\x00\x22";
/// 1.3.132.0.35 (RFC 5480 2.1.1.1).
const P521: &[u8] = b"\x2b\x81\x04\x00\x23";
/// 1.3.132.0.10 (SEC 2 A.2.1).
const SECP256K1: &[u8] = b"\x2b\x81\x04\x00\x0a";
/// 1.3.101.112 (RFC 8410 3).
const ED25519: &[u8] = b"\x2b\x65\x70";
