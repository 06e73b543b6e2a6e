//! Secrets that this library makes: recognisable, and checkable without a database.

use crate::base::{Entropy, Secret, encode};
use crate::crypto::digest;
use crate::crypto::opaque::opaque_form;
use crate::crypto::recovery::RecoveryCode;
use crate::error::Result;
use ring::hmac;
use zeroize::Zeroizing;

/// A new client secret: `wks_`, 256 random bits in base64url, and a checksum.
///
/// The prefix lets secret scanners find it, the checksum tells a mistyped one from a wrong one, and
/// the alphabet reads the same with and without form encoding (RFC 6749 2.3.1).
///
/// # Errors
/// As [`Entropy::fill`].
pub(crate) fn mint_client_secret(entropy: &dyn Entropy) -> Result<Secret> {
    mint(CLIENT_SECRET, entropy)
}

/// A new refresh token, the first of its family: `wkr_`, 256 random bits in base64url, and a checksum.
///
/// # Errors
/// As [`Entropy::fill`].
pub(crate) fn mint_refresh_token(entropy: &dyn Entropy) -> Result<Secret> {
    mint(REFRESH_TOKEN, entropy)
}

fn mint(prefix: &[u8; 4], entropy: &dyn Entropy) -> Result<Secret> {
    let mut random = Zeroizing::new([0_u8; 32]);
    entropy.fill(&mut *random)?;
    Ok(print(prefix, &random))
}

/// 256 bits as a secret of the kind that `prefix` says.
fn print(prefix: &[u8; 4], bits: &[u8; 32]) -> Secret {
    // The room is taken once, so that growing leaves no copy of the secret behind.
    let mut text = Vec::with_capacity(LENGTH);
    text.extend_from_slice(prefix);
    text.extend_from_slice(Zeroizing::new(encode::base64url(bits)).as_bytes());
    let checksum = base62(crc32(&text));
    text.extend_from_slice(&checksum);
    Secret::new(text)
}

/// Derives what may have to be said a second time and is stored nowhere: the successors of refresh tokens, and
/// the codes that decisions give.
pub(crate) struct RefreshKey(hmac::Key);

impl RefreshKey {
    /// Prepares the key.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if it has not 32 bytes.
    pub(crate) fn new(key: &Secret) -> Result<Self> {
        digest::hmac_key(key).map(Self)
    }

    /// The token that takes the place of `token`. Without the key it is as good as random.
    pub(crate) fn successor(&self, token: &[u8]) -> Secret {
        print(REFRESH_TOKEN, &self.derive(b"wardkey refresh 1\0", token))
    }

    /// The authorization code that the decision on a request gives: 43 characters of base64url.
    pub(crate) fn code(&self, request_id: &str) -> Secret {
        let bits = self.derive(b"wardkey code 1\0", request_id.as_bytes());
        Secret::new(encode::base64url(&*bits).into_bytes())
    }

    fn derive(&self, purpose: &[u8], from: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(from);
        Zeroizing::new(digest::bytes(&context.sign()))
    }
}

/// Whether `text` has the form and the checksum of a client secret that this library made.
pub(crate) fn looks_generated(text: &[u8]) -> bool {
    has_form(CLIENT_SECRET, text)
}

/// Whether `text` may be a secret or a token that this library made, of any kind but a JWT: it must not come
/// back in an error, a log or the audit.
pub(crate) fn looks_secret(text: &[u8]) -> bool {
    let is_code = |text| RecoveryCode::parse(text).is_some();
    looks_generated(text)
        || is_refresh_token(text)
        || opaque_form(text).is_some()
        || std::str::from_utf8(text).is_ok_and(is_code)
}

/// Whether `text` has the form and the checksum of a refresh token.
pub(crate) fn is_refresh_token(text: &[u8]) -> bool {
    has_form(REFRESH_TOKEN, text)
}

fn has_form(prefix: &[u8; 4], text: &[u8]) -> bool {
    let Some((signed, checksum)) = text.split_last_chunk::<CHECKSUM_LENGTH>() else {
        return false;
    };
    let mut random = Zeroizing::new([0_u8; 32]);
    let canonical = |body: &[u8]| {
        body.len() == BODY_LENGTH && encode::from_base64url_into(body, &mut *random) == Some(32)
    };
    signed.strip_prefix(prefix).is_some_and(canonical) && base62(crc32(signed)) == *checksum
}

/// Six base62 digits, the highest first.
fn base62(mut number: u32) -> [u8; CHECKSUM_LENGTH] {
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(number % 62).unwrap_or(0);
        *digit = BASE62.get(index).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits
}

/// CRC-32 (ISO/IEC 13239, IEEE 802.3), bit by bit: 47 bytes need no table.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
    };
    let update = |crc, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, update)
}

const CLIENT_SECRET: &[u8; 4] = b"wks_";
const REFRESH_TOKEN: &[u8; 4] = b"wkr_";
/// 32 bytes in base64url.
const BODY_LENGTH: usize = 43;
/// 62^6 exceeds 2^32.
const CHECKSUM_LENGTH: usize = 6;
const LENGTH: usize = 4 + BODY_LENGTH + CHECKSUM_LENGTH;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn base62_has_six_digits_and_no_collision_at_the_ends() {
        assert_eq!(&base62(0), b"000000");
        assert_eq!(&base62(61), b"00000z");
        assert_eq!(&base62(62), b"000010");
        assert_eq!(&base62(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn a_minted_secret_is_recognised_and_a_mistyped_one_is_not() {
        let secret = mint_client_secret(&SystemEntropy).unwrap();
        let text = secret.expose();
        assert_eq!(text.len(), 53);
        assert!(looks_generated(text));
        for at in 0..text.len() {
            let mut typo = text.to_vec();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(!looks_generated(&typo), "position {at}");
            assert!(!looks_generated(&text[..at]), "cut at {at}");
        }
        let longer = [text, b"0"].concat();
        assert!(!looks_generated(&longer));
        assert!(!mint_client_secret(&SystemEntropy).unwrap().matches(text));
    }

    #[test]
    fn what_is_derived_is_the_same_each_time_and_follows_from_key_purpose_and_text() {
        let key = |byte| RefreshKey::new(&Secret::new(vec![byte; 32])).unwrap();
        let text = |secret: Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
        let code = text(key(1).code("r"));
        assert_eq!(code, text(key(1).code("r")));
        assert_eq!(
            opaque_form(code.as_bytes()),
            Some(crate::crypto::opaque::OpaqueForm::Base64url)
        );
        assert_ne!(code, text(key(1).code("s")));
        assert_ne!(code, text(key(2).code("r")));
        assert!(!text(key(1).successor(b"r")).contains(&code));
    }

    #[test]
    fn a_second_spelling_of_the_same_bits_is_not_recognised() {
        // The last of 43 characters has two stray bits; B carries the lowest of them.
        let mut text = b"wks_".to_vec();
        text.extend_from_slice(&[b'A'; 42]);
        text.push(b'B');
        let checksum = base62(crc32(&text));
        text.extend_from_slice(&checksum);
        assert!(!looks_generated(&text));
    }

    proptest! {
        #[test]
        fn foreign_text_is_never_recognised(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            prop_assert!(!looks_generated(&bytes));
        }
    }
}
