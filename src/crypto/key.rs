//! Private signing keys.

use crate::base::{Entropy, Secret, system_random};
use crate::crypto::{Algorithm, PublicKey, import, rsa};
use crate::error::{Error, Result};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use zeroize::Zeroizing;

/// A key that signs. It is neither printed nor copied; its stored form is a [`Secret`].
pub(crate) struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

/// The key by algorithm, in `ring`'s prepared form.
// The boxes keep a key that moves from leaving 2 KiB of itself behind on the stack.
enum Pair {
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
    Rs256(Box<RsaKeyPair>),
}

impl PrivateKey {
    /// A new key and its PKCS#8 document.
    ///
    /// EdDSA and RS256 keys follow from `entropy`; ES256 keys do not, because `ring` makes them from
    /// the system's generator alone. An RS256 key of 2048 bits takes about 50 ms, now and then 200.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no randomness.
    pub(crate) fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> Result<(Self, Secret)> {
        let document = match algorithm {
            Algorithm::Es256 => generate_es256()?,
            Algorithm::EdDsa => generate_ed25519(entropy)?,
            Algorithm::Rs256 => Secret::new(import::wrap_rsa(rsa::generate(entropy)?.expose())),
        };
        let key = Self::from_pkcs8(algorithm, document.expose())?;
        key.prove()?;
        Ok((key, document))
    }

    /// The key in a document that [`PrivateKey::generate`] or [`PrivateKey::import`] made.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for any other document.
    pub(crate) fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self> {
        let pair = Pair::read(algorithm, document)
            .map_err(|why| Error::Corrupt { what: format!("signing key ({algorithm}, {why})") })?;
        let public = pair.public();
        Ok(Self { pair, public })
    }

    /// The key in a PEM text or DER document from elsewhere, and its document in our form.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] about `key` that says why it cannot sign with `algorithm`.
    pub(crate) fn import(algorithm: Algorithm, input: &[u8]) -> Result<(Self, Secret)> {
        let document = import::normalise(algorithm, input)?;
        let pair = Pair::read(algorithm, document.expose())
            .map_err(|why| Error::argument("key", format!("is not sound: {why}")))?;
        let public = pair.public();
        let key = Self { pair, public };
        // ring checks an RSA key's exponents against each other only when it signs.
        key.prove().map_err(|_| Error::argument("key", "is not sound: its parts do not fit"))?;
        Ok((key, document))
    }

    /// Appends the JWS signature of `message` to `out` (RFC 7518 3.3 and 3.4, RFC 8037 3.1).
    ///
    /// # Errors
    /// [`Error::Internal`] when the system has no randomness for an ES256 signature.
    pub(crate) fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let failed = |_| Error::Internal { what: "signing failed" };
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&system_random(), message).map_err(failed)?;
                out.extend_from_slice(signature.as_ref());
            }
            Pair::EdDsa(pair) => out.extend_from_slice(pair.sign(message).as_ref()),
            Pair::Rs256(pair) => {
                let mut signature = [0_u8; 512]; // ring's private keys end at 4096 bits
                let room = signature.get_mut(..pair.public().modulus_len());
                let room = room.ok_or(Error::Internal { what: "an RSA key over 4096 bits" })?;
                pair.sign(&RSA_PKCS1_SHA256, &system_random(), message, room).map_err(failed)?;
                out.extend_from_slice(room);
            }
        }
        Ok(())
    }

    /// The key that verifies what this one signs.
    pub(crate) fn public(&self) -> PublicKey {
        self.public.clone()
    }

    /// The key's algorithm.
    #[cfg(test)]
    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Signs and verifies once: a key whose parts do not fit fails here and not in a year.
    fn prove(&self) -> Result<()> {
        let mut signature = Vec::new();
        self.sign(PROOF, &mut signature)?;
        let sound = self.public.verify(PROOF, &signature);
        if sound { Ok(()) } else { Err(Error::Internal { what: "a new key does not verify" }) }
    }
}

impl Pair {
    fn read(
        algorithm: Algorithm,
        document: &[u8],
    ) -> std::result::Result<Self, ring::error::KeyRejected> {
        Ok(match algorithm {
            Algorithm::Es256 => Self::Es256(Box::new(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                document,
                &system_random(),
            )?)),
            Algorithm::EdDsa => Self::EdDsa(Box::new(Ed25519KeyPair::from_pkcs8(document)?)),
            Algorithm::Rs256 => Self::Rs256(Box::new(RsaKeyPair::from_pkcs8(document)?)),
        })
    }

    fn public(&self) -> PublicKey {
        match self {
            Self::Es256(pair) => PublicKey::of_es256(pair),
            Self::EdDsa(pair) => PublicKey::of_ed25519(pair),
            Self::Rs256(pair) => PublicKey::of_rsa(pair),
        }
    }
}

fn generate_es256() -> Result<Secret> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &system_random())
        .map_err(|_| Error::Internal { what: "the system's random generator failed" })?;
    Ok(Secret::copy_of(document.as_ref()))
}

fn generate_ed25519(entropy: &dyn Entropy) -> Result<Secret> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    entropy.fill(&mut *seed)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
        .map_err(|_| Error::Internal { what: "a seed of 32 bytes is no Ed25519 key" })?;
    Ok(Secret::new(import::wrap_ed25519(&seed, pair.public_key().as_ref())))
}

const PROOF: &[u8] = b"wardkey key proof 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SystemEntropy, encode};
    use crate::crypto::der;
    use proptest::prelude::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            out.fill(self.0);
            Ok(())
        }
    }

    fn generate(algorithm: Algorithm) -> (PrivateKey, Secret) {
        PrivateKey::generate(algorithm, &Fixed(9)).unwrap()
    }

    fn sign(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
        let mut signature = b"kept".to_vec();
        key.sign(message, &mut signature).unwrap();
        assert!(signature.starts_with(b"kept"));
        signature.split_off(4)
    }

    fn import_error(algorithm: Algorithm, input: &[u8]) -> String {
        match PrivateKey::import(algorithm, input) {
            Err(Error::InvalidArgument { argument: "key", why }) => why,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("a foreign key was taken"),
        }
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let packed = encode::base64url(der).replace('-', "+").replace('_', "/");
        let padding = "=".repeat((4 - packed.len() % 4) % 4);
        let body: Vec<_> = (packed + &padding).into_bytes();
        let lines = body.chunks(64).map(|line| std::str::from_utf8(line).unwrap());
        let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
        format!("-----BEGIN {label}-----\r\n{lines}-----END {label}-----\r\n")
    }

    /// The private key inside a PKCS#8 document.
    fn inner(document: &[u8]) -> &[u8] {
        let mut info = der::Reader::new(document).enter(der::SEQUENCE).unwrap();
        info.unsigned().unwrap();
        info.read(der::SEQUENCE).unwrap();
        info.read(der::OCTET_STRING).unwrap()
    }

    #[test]
    fn a_generated_key_verifies_what_it_signs_and_loads_again() {
        for (algorithm, length) in
            [(Algorithm::Es256, 64), (Algorithm::EdDsa, 64), (Algorithm::Rs256, 256)]
        {
            let (key, document) = generate(algorithm);
            assert_eq!(key.algorithm(), algorithm);
            let signature = sign(&key, b"message");
            assert_eq!(signature.len(), length);
            let loaded = PrivateKey::from_pkcs8(algorithm, document.expose()).unwrap();
            assert_eq!(loaded.public().thumbprint(), key.public().thumbprint());
            assert!(loaded.public().verify(b"message", &signature));
            assert!(!loaded.public().verify(b"massage", &signature));
            assert!(!loaded.public().verify(b"message", &signature[1..]));
            assert!(!loaded.public().verify(b"message", &[]));
        }
    }

    #[test]
    fn keys_follow_from_their_entropy_except_es256() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
            assert!(generate(algorithm).1.matches(generate(algorithm).1.expose()));
            let other = PrivateKey::generate(algorithm, &SystemEntropy).unwrap();
            assert!(!generate(algorithm).1.matches(other.1.expose()));
        }
        assert!(!generate(Algorithm::Es256).1.matches(generate(Algorithm::Es256).1.expose()));
    }

    #[test]
    fn a_stored_key_that_is_damaged_or_of_another_algorithm_is_corrupt() {
        let corrupt = |algorithm, document: &[u8]| {
            let result = PrivateKey::from_pkcs8(algorithm, document);
            assert!(matches!(result, Err(Error::Corrupt { .. })));
        };
        let (_, document) = generate(Algorithm::EdDsa);
        corrupt(Algorithm::Es256, document.expose());
        corrupt(Algorithm::Rs256, document.expose());
        corrupt(Algorithm::EdDsa, &document.expose()[1..]);
        let mut edited = document.expose().to_vec();
        edited[20] ^= 1; // the seed, so that the public key beside it no longer fits
        corrupt(Algorithm::EdDsa, &edited);
    }

    #[test]
    fn a_key_imports_from_every_wrapping_and_is_stored_in_one() {
        let (_, es256) = generate(Algorithm::Es256);
        let (_, ed25519) = generate(Algorithm::EdDsa);
        let (_, rsa) = generate(Algorithm::Rs256);
        let (es256, ed25519, rsa) = (es256.expose(), ed25519.expose(), rsa.expose());
        let commented = format!("Bag Attributes\n{}\n", pem("PRIVATE KEY", es256));
        let parameters = pem("EC PARAMETERS", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
        for (algorithm, input, stored) in [
            (Algorithm::Es256, es256, es256),
            (Algorithm::Es256, pem("PRIVATE KEY", es256).as_bytes(), es256),
            (Algorithm::Es256, commented.as_bytes(), es256),
            (Algorithm::EdDsa, ed25519, ed25519),
            (Algorithm::EdDsa, pem("PRIVATE KEY", ed25519).as_bytes(), ed25519),
            (Algorithm::Rs256, rsa, rsa),
            (Algorithm::Rs256, inner(rsa), rsa),
            (Algorithm::Rs256, pem("RSA PRIVATE KEY", inner(rsa)).as_bytes(), rsa),
        ] {
            let (key, document) = PrivateKey::import(algorithm, input).unwrap();
            assert!(document.matches(stored));
            let signature = sign(&key, b"m");
            assert!(
                PrivateKey::from_pkcs8(algorithm, stored)
                    .unwrap()
                    .public()
                    .verify(b"m", &signature)
            );
        }
        let sec1 = sec1_with_curve(inner(es256));
        let labelled = parameters + &pem("EC PRIVATE KEY", &sec1);
        let (_, document) = PrivateKey::import(Algorithm::Es256, labelled.as_bytes()).unwrap();
        assert!(document.matches(es256));
        // OpenSSL prints Ed25519 keys in version 1, without the public key.
        let mut version_1 = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22".to_vec();
        version_1.extend_from_slice(inner(ed25519));
        let (_, document) = PrivateKey::import(Algorithm::EdDsa, &version_1).unwrap();
        assert!(document.matches(ed25519));
    }

    /// An `ECPrivateKey` with the curve in it, as it stands outside of PKCS#8.
    fn sec1_with_curve(key: &[u8]) -> Vec<u8> {
        let mut old = der::Reader::new(key).enter(der::SEQUENCE).unwrap();
        old.unsigned().unwrap();
        let mut contents = Vec::new();
        der::write_unsigned(&mut contents, &[1]);
        der::write(&mut contents, der::OCTET_STRING, old.read(der::OCTET_STRING).unwrap());
        der::write(&mut contents, der::CONTEXT_0, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
        der::write(&mut contents, der::CONTEXT_1, old.read(der::CONTEXT_1).unwrap());
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &contents);
        out
    }

    /// An `RSAPrivateKey` with these first numbers and nothing true behind them.
    fn rsa_like(version: u8, modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let mut contents = Vec::new();
        for number in [&[version][..], modulus, exponent, &[1], &[1], &[1], &[1], &[1], &[1]] {
            der::write_unsigned(&mut contents, number);
        }
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &contents);
        out
    }

    #[test]
    fn a_pem_text_of_another_kind_is_refused_in_words_that_name_it() {
        let (_, document) = generate(Algorithm::Es256);
        let whole = |label| pem(label, document.expose());
        let good = whole("PRIVATE KEY");
        let proc_type = "KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nM";
        for (input, says) in [
            (whole("PRIVATE KEY").repeat(2), "more than one"),
            (whole("CERTIFICATE") + &good, "more than one"),
            ("-----BEGIN ".to_owned(), "cut off"),
            (good.replace("-----END", ""), "cut off"),
            (good.replace('M', "!"), "base64 is damaged"),
            (good.replace("KEY-----\r\nM", proc_type), "is encrypted"),
            (whole("ENCRYPTED PRIVATE KEY"), "is encrypted"),
            (whole("PUBLIC KEY"), "is a public key"),
            (whole("CERTIFICATE"), "is a certificate"),
            (whole("OPENSSH PRIVATE KEY"), "OpenSSH"),
            (whole("DSA PRIVATE KEY"), "`DSA PRIVATE KEY`"),
            (whole("EC PARAMETERS"), "cut off"),
        ] {
            let why = import_error(Algorithm::Es256, input.as_bytes());
            assert!(why.contains(says), "{why:?} does not say {says:?}");
        }
    }

    #[test]
    fn a_der_document_of_another_kind_is_refused_in_words_that_name_it() {
        let (_, es256) = generate(Algorithm::Es256);
        let p384 = &ring::signature::ECDSA_P384_SHA384_FIXED_SIGNING;
        let p384 = EcdsaKeyPair::generate_pkcs8(p384, &system_random()).unwrap();
        let (es, ed, rs) = (Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256);
        let huge = [0xff; 513];
        for (algorithm, input, says) in [
            (es, &b""[..], "is no private key"),
            (es, br#"{"kty":"EC"}"#, "is no private key"),
            (es, &[b' '; 20_000], "20000 bytes"),
            (es, p384.as_ref(), "on P-384; ES256 needs P-256"),
            (es, &rsa_like(0, &huge[..256], &[1, 0, 1]), "is an RSA key, which ES256 cannot use"),
            (ed, es256.expose(), "is an EC key, which EdDSA cannot use"),
            (rs, es256.expose(), "is an EC key, which RS256 cannot use"),
            (rs, &rsa_like(0, &huge[..128], &[1, 0, 1]), "1024 bits"),
            (rs, &rsa_like(0, &huge[..257], &[1, 0, 1]), "2056 bits"),
            (rs, &rsa_like(0, &huge, &[1, 0, 1]), "4104 bits"),
            (rs, &rsa_like(0, &huge[..256], &[3]), "below 65537"),
            (rs, &rsa_like(1, &huge[..256], &[3]), "more than two primes"),
            (rs, &rsa_like(0, &huge[..256], &[1, 0, 1]), "is not sound"),
            (rs, b"\x30\x06\x02\x01\x05\x02\x01\x03", "is a public key"),
            (es, b"\x30\x05\x30\x00\x03\x01\x00", "is a public key"),
            (es, b"\x30\x05\x30\x00\x04\x01\x00", "is encrypted"),
            (es, b"\x30\x04\x30\x00\x30\x00", "is a certificate"),
        ] {
            let why = import_error(algorithm, input);
            assert!(why.contains(says), "{why:?} does not say {says:?}");
        }
    }

    #[test]
    fn an_rsa_key_whose_exponents_lie_is_refused_at_import() {
        // ring takes such a key and fails at its first signature: the import has to sign once.
        let (_, document) = generate(Algorithm::Rs256);
        let mut numbers = der::Reader::new(inner(document.expose())).enter(der::SEQUENCE).unwrap();
        let mut contents = Vec::new();
        for at in 0..9 {
            let mut number = numbers.unsigned().unwrap().to_vec();
            if at == 6 {
                *number.last_mut().unwrap() ^= 4; // d mod (p - 1)
            }
            der::write_unsigned(&mut contents, &number);
        }
        let mut key = Vec::new();
        der::write(&mut key, der::SEQUENCE, &contents);
        assert!(import_error(Algorithm::Rs256, &key).contains("is not sound"));
    }

    #[test]
    fn rfc_7515_a_2_signs_as_published() {
        let pem = include_str!("testdata/rfc7515_a2.pem");
        let (key, _) = PrivateKey::import(Algorithm::Rs256, pem.as_bytes()).unwrap();
        let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let expected = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        assert_eq!(encode::base64url(&sign(&key, message.as_bytes())), expected);
        let n = key.public().to_jwk().n.unwrap();
        assert!(n.starts_with("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"));
    }

    #[test]
    fn rfc_8037_a_signs_as_published() {
        let seed = encode::from_base64url(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let mut document =
            b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        document.extend_from_slice(&seed);
        let (key, _) = PrivateKey::import(Algorithm::EdDsa, &document).unwrap();
        // A.2, A.3
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(key.public().to_jwk().x.as_deref(), Some(x));
        let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        assert_eq!(encode::base64url(&key.public().thumbprint()), thumbprint);
        // A.4
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(encode::base64url(&sign(&key, message)), expected);
    }

    proptest! {
        #[test]
        fn importing_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "(-----BEGIN |PRIVATE KEY|EC |-----|-----END |[A-Za-z0-9+/=\n]{0,9}){0,12}",
            at in 0..138_usize,
            to in any::<u8>(),
        ) {
            let (_, document) = generate(Algorithm::Es256);
            let mut edited = document.expose().to_vec();
            let at = at % edited.len();
            edited[at] = to;
            for algorithm in Algorithm::ALL {
                let _ = PrivateKey::import(algorithm, &bytes);
                let _ = PrivateKey::import(algorithm, text.as_bytes());
                let _ = PrivateKey::import(algorithm, &edited);
            }
        }
    }
}
