//! Public keys, which verify.

use crate::base::{encode, system_random};
use crate::crypto::der::bit_length;
use crate::crypto::{Algorithm, Jwk, der, digest};
use crate::error::{Error, Result};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, agree_ephemeral};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// A key that verifies, parsed once into the form that `ring` verifies with fastest.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// The uncompressed point.
    Es256(UnparsedPublicKey<[u8; 65]>),
    EdDsa(UnparsedPublicKey<[u8; 32]>),
    Rs256(RsaPublicKeyComponents<Box<[u8]>>),
}

impl PublicKey {
    /// Reads a JSON Web Key (RFC 7517 4, RFC 7518 6.2 and 6.3, RFC 8037 2).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] that names the member: missing, foreign to the key's type, not in
    /// canonical base64url, or no public key that this library verifies with.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Result<Self> {
        let key = match jwk.kty.as_str() {
            "EC" => Self::from_ec(jwk)?,
            "OKP" => Self::from_okp(jwk)?,
            "RSA" => Self::from_rsa(jwk)?,
            _ => return Err(Error::document("kty", "must be EC, OKP or RSA")),
        };
        if jwk.alg.as_deref().is_some_and(|alg| alg != key.algorithm().as_str()) {
            return Err(Error::document("alg", format!("this key is for {}", key.algorithm())));
        }
        if jwk.use_.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(Error::document("use", "must be sig"));
        }
        Ok(key)
    }

    /// The key as a JSON Web Key with `alg` and `use`, without `kid`.
    pub(crate) fn to_jwk(&self) -> Jwk {
        let mut jwk = Jwk {
            alg: Some(self.algorithm().as_str().to_owned()),
            use_: Some("sig".to_owned()),
            ..Jwk::default()
        };
        match &self.0 {
            Kind::Es256(key) => {
                let (x, y) = coordinates(key);
                "EC".clone_into(&mut jwk.kty);
                jwk.crv = Some("P-256".to_owned());
                (jwk.x, jwk.y) = (Some(x), Some(y));
            }
            Kind::EdDsa(key) => {
                "OKP".clone_into(&mut jwk.kty);
                jwk.crv = Some("Ed25519".to_owned());
                jwk.x = Some(encode::base64url(key.as_ref()));
            }
            Kind::Rs256(key) => {
                "RSA".clone_into(&mut jwk.kty);
                jwk.n = Some(encode::base64url(&key.n));
                jwk.e = Some(encode::base64url(&key.e));
            }
        }
        jwk
    }

    /// Whether `signature` is this key's JWS signature of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.0 {
            Kind::Es256(key) => key.verify(message, signature),
            Kind::EdDsa(key) => key.verify(message, signature),
            Kind::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }

    /// The SHA-256 thumbprint (RFC 7638 3).
    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        // RFC 7638 3.2 and 3.3, RFC 8037 2: the required members alone, in lexicographic order,
        // without white space. Base64url needs no escapes.
        let canonical = match &self.0 {
            Kind::Es256(key) => {
                let (x, y) = coordinates(key);
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Kind::EdDsa(key) => {
                let x = encode::base64url(key.as_ref());
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
            Kind::Rs256(key) => {
                let (e, n) = (encode::base64url(&key.e), encode::base64url(&key.n));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        };
        digest::sha256(canonical.as_bytes())
    }

    /// The only algorithm that this key verifies.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Kind::Es256(_) => Algorithm::Es256,
            Kind::EdDsa(_) => Algorithm::EdDsa,
            Kind::Rs256(_) => Algorithm::Rs256,
        }
    }

    pub(super) fn of_es256(pair: &EcdsaKeyPair) -> Self {
        // ring's P-256 public keys have 65 bytes; zeros would be a point that verifies nothing.
        let point = pair.public_key().as_ref().try_into().unwrap_or([0; 65]);
        Self::es256(point)
    }

    pub(super) fn of_ed25519(pair: &Ed25519KeyPair) -> Self {
        // ring's Ed25519 public keys have 32 bytes.
        let key = pair.public_key().as_ref().try_into().unwrap_or([0; 32]);
        Self(Kind::EdDsa(UnparsedPublicKey::new(&ED25519, key)))
    }

    pub(super) fn of_rsa(pair: &RsaKeyPair) -> Self {
        Self(Kind::Rs256(RsaPublicKeyComponents::from(pair.public())))
    }

    fn es256(point: [u8; 65]) -> Self {
        Self(Kind::Es256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)))
    }

    fn from_ec(jwk: &Jwk) -> Result<Self> {
        refuse_members("EC", &[("n", &jwk.n), ("e", &jwk.e)])?;
        check_curve(jwk, "P-256")?;
        let x: [u8; 32] = coordinate("x", jwk.x.as_deref())?;
        let y: [u8; 32] = coordinate("y", jwk.y.as_deref())?;
        let mut point = [4; 65]; // SEC 1 2.3.3: uncompressed points begin with 4
        for (byte, coordinate) in point.iter_mut().skip(1).zip(x.into_iter().chain(y)) {
            *byte = coordinate;
        }
        check_point(&point)?;
        Ok(Self::es256(point))
    }

    fn from_okp(jwk: &Jwk) -> Result<Self> {
        refuse_members("OKP", &[("y", &jwk.y), ("n", &jwk.n), ("e", &jwk.e)])?;
        check_curve(jwk, "Ed25519")?;
        let key = coordinate("x", jwk.x.as_deref())?;
        Ok(Self(Kind::EdDsa(UnparsedPublicKey::new(&ED25519, key))))
    }

    fn from_rsa(jwk: &Jwk) -> Result<Self> {
        refuse_members("RSA", &[("crv", &jwk.crv), ("x", &jwk.x), ("y", &jwk.y)])?;
        let n = magnitude("n", jwk.n.as_deref())?;
        let e = magnitude("e", jwk.e.as_deref())?;
        let bits = bit_length(&n);
        // RFC 7518 3.3: "A key of size 2048 bits or larger MUST be used with these algorithms."
        if !(2048..=4096).contains(&bits) || !is_odd(&n) {
            let why = format!("must be an odd number of 2048 to 4096 bits; this one has {bits}");
            return Err(Error::document("n", why));
        }
        // The bounds are ring's: 3 to 33 bits.
        if bit_length(&e) > 33 || bit_length(&e) < 2 || !is_odd(&e) {
            return Err(Error::document("e", "must be odd, at least 3 and at most 33 bits long"));
        }
        Ok(Self(Kind::Rs256(RsaPublicKeyComponents { n, e })))
    }
}

/// The two halves of an uncompressed point in base64url.
fn coordinates(key: &UnparsedPublicKey<[u8; 65]>) -> (String, String) {
    let digits = key.as_ref().get(1..).unwrap_or_default();
    let (x, y) = digits.split_at_checked(32).unwrap_or_default();
    (encode::base64url(x), encode::base64url(y))
}

fn check_curve(jwk: &Jwk, curve: &str) -> Result<()> {
    let named = jwk.crv.as_deref() == Some(curve);
    if named { Ok(()) } else { Err(Error::document("crv", format!("must be {curve}"))) }
}

fn refuse_members(kty: &str, members: &[(&str, &Option<String>)]) -> Result<()> {
    match members.iter().find(|(_, value)| value.is_some()) {
        Some((name, _)) => Err(Error::document(*name, format!("has no meaning in an {kty} key"))),
        None => Ok(()),
    }
}

/// Refuses a point that is not on P-256. A key agreement is the one door to `ring`'s check; its result
/// is thrown away.
fn check_point(point: &[u8; 65]) -> Result<()> {
    let no_randomness = |_| Error::Internal { what: "the system's random generator failed" };
    let ours =
        EphemeralPrivateKey::generate(&ECDH_P256, &system_random()).map_err(no_randomness)?;
    let theirs = ring::agreement::UnparsedPublicKey::new(&ECDH_P256, point);
    agree_ephemeral(ours, &theirs, |_| ())
        .map_err(|_| Error::document("x", "the point (x, y) is not on P-256"))
}

/// Reads a member that holds exactly 32 bytes.
fn coordinate(name: &str, text: Option<&str>) -> Result<[u8; 32]> {
    let text = text.ok_or_else(|| Error::document(name, "is missing"))?;
    let bytes = encode::from_base64url(text.as_bytes()).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Error::document(name, "must be 32 bytes in base64url"))
}

/// Reads a Base64urlUInt (RFC 7518 2): the shortest form, without leading zeros.
fn magnitude(name: &str, text: Option<&str>) -> Result<Box<[u8]>> {
    let text = text.ok_or_else(|| Error::document(name, "is missing"))?;
    let bytes = encode::from_base64url(text.as_bytes());
    let bytes = bytes.filter(|bytes| der::trim(bytes).len() == bytes.len());
    let bytes = bytes.ok_or_else(|| {
        Error::document(name, "must be a number in base64url without leading zeros")
    })?;
    Ok(bytes.into_boxed_slice())
}

fn is_odd(magnitude: &[u8]) -> bool {
    magnitude.last().is_some_and(|last| last & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use crate::crypto::PrivateKey;

    fn jwk(json: &str) -> Jwk {
        serde_json::from_str(json).unwrap()
    }

    fn refused(json: &str) -> String {
        match PublicKey::from_jwk(&jwk(json)) {
            Err(Error::InvalidDocument { path, .. }) => path,
            other => panic!("{json}: {other:?}"),
        }
    }

    const RFC_7515_A_3: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const RFC_8037_A_2: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const RFC_7638_3_1: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    #[test]
    fn rfc_7515_a_3_verifies() {
        let key = PublicKey::from_jwk(&jwk(RFC_7515_A_3)).unwrap();
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = b"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let signature = encode::from_base64url(signature).unwrap();
        assert!(key.verify(message, &signature));
        assert!(!key.verify(&message[1..], &signature));
    }

    #[test]
    fn rfc_7638_3_1_has_the_published_thumbprint() {
        let key = PublicKey::from_jwk(&jwk(RFC_7638_3_1)).unwrap();
        let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(encode::base64url(&key.thumbprint()), expected);
    }

    #[test]
    fn a_key_reads_back_from_its_jwk() {
        for algorithm in Algorithm::ALL {
            let (private, _) = PrivateKey::generate(algorithm, &SystemEntropy).unwrap();
            let printed = private.public().to_jwk();
            assert_eq!(printed.alg.as_deref(), Some(algorithm.as_str()));
            assert_eq!(printed.kid, None);
            let read = PublicKey::from_jwk(&printed).unwrap();
            assert_eq!(read.algorithm(), algorithm);
            assert_eq!(read.thumbprint(), private.public().thumbprint());
            let mut signature = Vec::new();
            private.sign(b"m", &mut signature).unwrap();
            assert!(read.verify(b"m", &signature));
        }
    }

    #[test]
    fn a_jwk_that_is_no_key_of_ours_names_the_member() {
        let ec = |from: &str, to: &str| refused(&RFC_7515_A_3.replace(from, to));
        assert_eq!(ec(r#""EC""#, r#""oct""#), "kty");
        assert_eq!(ec("P-256", "P-384"), "crv");
        assert_eq!(ec(r#""crv":"P-256","#, ""), "crv");
        assert_eq!(ec("f83OJ3", "f83OJ4"), "x"); // not on the curve
        assert_eq!(ec("VEU\"", "VEV\""), "x"); // stray bits
        assert_eq!(ec("\"x\":\"f83O", "\"x\":\""), "x");
        assert_eq!(ec("}", r#","n":"AQAB"}"#), "n");
        assert_eq!(ec("}", r#","alg":"ES384"}"#), "alg");
        assert_eq!(ec("}", r#","use":"enc"}"#), "use");
        assert_eq!(ec(r#""y":"#, r#""kid":"#), "y");
        assert_eq!(refused(&RFC_8037_A_2.replace("Ed25519", "X25519")), "crv");
        assert_eq!(refused(&RFC_8037_A_2.replace("URo", "")), "x");
        let rsa = |from: &str, to: &str| refused(&RFC_7638_3_1.replace(from, to));
        assert_eq!(rsa("0vx7", "AAAA"), "n"); // leading zeros
        assert_eq!(rsa("DKgw", ""), "n"); // 2024 bits
        assert_eq!(rsa("DKgw", "DKgg"), "n"); // even
        assert_eq!(rsa("AQAB", "AAEAAQ"), "e");
        assert_eq!(rsa("AQAB", "AQ"), "e");
        assert_eq!(rsa("AQAB", "AQAA"), "e");
        assert_eq!(rsa("AQAB", "BAAAAAE"), "e"); // 35 bits
        assert_eq!(rsa("RS256", "RS512"), "alg");
    }
}
