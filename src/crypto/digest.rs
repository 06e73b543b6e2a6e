//! Digests under which secrets and tokens are stored and found.

use crate::base::Secret;
use crate::error::{Error, Result};
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// The key of the digests that stand for secrets and opaque tokens in the database.
///
/// The digests are keyed, so that a copied database does not tell whether a secret found elsewhere
/// belongs to it; they are not stretched, because what is digested has 256 random bits.
pub(crate) struct DigestKey(hmac::Key);

impl DigestKey {
    /// Prepares the key.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it has not 32 bytes.
    pub(crate) fn new(key: &Secret) -> Result<Self> {
        hmac_key(key).map(Self)
    }

    /// The digest of a client secret that this library made.
    pub(crate) fn client_secret(&self, secret: &[u8]) -> [u8; 32] {
        self.tagged(b"wardkey secret 1\0", &[secret])
    }

    /// The digest of a client secret that another system made, which is no other client's digest of the same one.
    pub(crate) fn foreign_secret(&self, client_id: &str, secret: &[u8]) -> [u8; 32] {
        // No client id has a NUL.
        self.tagged(b"wardkey foreign secret 1\0", &[client_id.as_bytes(), b"\0", secret])
    }

    /// The digest of an opaque token: access token, refresh token, code.
    pub(crate) fn opaque_token(&self, token: &[u8]) -> [u8; 32] {
        self.tagged(b"wardkey token 1\0", &[token])
    }

    /// The digest of a username in lower case, by which wrong passwords are counted: of names that nobody has too,
    /// which may be passwords in the wrong field.
    pub(crate) fn account(&self, username: &[u8]) -> [u8; 32] {
        self.tagged(b"wardkey account 1\0", &[username])
    }

    /// The digest of a range of addresses, by which wrong passwords are counted.
    pub(crate) fn network(&self, range: &[u8]) -> [u8; 32] {
        self.tagged(b"wardkey network 1\0", &[range])
    }

    /// The domain ends in the only NUL before the text, so no two domains share an input.
    fn tagged(&self, domain: &[u8], text: &[&[u8]]) -> [u8; 32] {
        #[cfg(test)]
        tests::count();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(domain);
        text.iter().for_each(|part| context.update(part));
        bytes(&context.sign())
    }
}

/// What a master key is called: HMAC-SHA256 under it, cut to 64 bits.
pub(crate) fn key_id(key: &[u8]) -> [u8; 8] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"wardkey key id 1\0");
    let mut id = [0; 8];
    for (to, from) in id.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    id
}

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    array(ring::digest::digest(&ring::digest::SHA256, message).as_ref())
}

/// Whether two digests are equal, in time that depends on their lengths alone.
pub(crate) fn equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Prepares an HMAC-SHA256 key.
pub(super) fn hmac_key(key: &Secret) -> Result<hmac::Key> {
    if key.expose().len() != 32 {
        return Err(Error::Corrupt { what: "a data key that has not 32 bytes".to_owned() });
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
}

/// The 32 bytes of an HMAC-SHA256 tag.
pub(super) fn bytes(tag: &hmac::Tag) -> [u8; 32] {
    array(tag.as_ref())
}

/// Copies the output of SHA-256, which has 32 bytes.
fn array(output: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (byte, output) in out.iter_mut().zip(output) {
        *byte = *output;
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::encode;
    use std::cell::Cell;

    thread_local! {
        static COMPUTED: Cell<usize> = const { Cell::new(0) };
    }

    /// How many digests this thread has computed.
    pub(crate) fn computed() -> usize {
        COMPUTED.get()
    }

    pub(super) fn count() {
        COMPUTED.set(COMPUTED.get() + 1);
    }

    #[test]
    fn sha256_gives_the_published_value() {
        // FIPS 180-4's example of one block.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(encode::hex(&sha256(b"abc")), expected);
    }

    #[test]
    fn hmac_gives_the_published_value() {
        // RFC 4231 4.3 has a shorter key, so the key is checked below our length check.
        let key = DigestKey(hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"));
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(encode::hex(&key.tagged(b"what do ya want ", &[b"for nothing?"])), expected);
    }

    #[test]
    fn a_digest_is_the_hmac_of_its_domain_and_the_text() {
        let key = DigestKey::new(&Secret::copy_of(&[7; 32])).unwrap();
        let plain = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let expected = |input: &[u8]| bytes(&hmac::sign(&plain, input));
        assert_eq!(key.client_secret(b"s"), expected(b"wardkey secret 1\0s"));
        assert_eq!(key.opaque_token(b"s"), expected(b"wardkey token 1\0s"));
        assert_eq!(key.account(b"s"), expected(b"wardkey account 1\0s"));
        assert_eq!(key.network(b"s"), expected(b"wardkey network 1\0s"));
        assert_eq!(key.foreign_secret("c", b"s"), expected(b"wardkey foreign secret 1\0c\0s"));
        assert!(!equal(&key.client_secret(b"s"), &key.opaque_token(b"s")));
    }

    #[test]
    fn keys_of_other_lengths_are_damage() {
        for length in [0, 31, 33] {
            assert!(DigestKey::new(&Secret::new(vec![1; length])).is_err());
        }
    }

    #[test]
    fn equality_looks_at_every_byte_and_at_the_length() {
        assert!(equal(b"", b"") && equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd") && !equal(b"abc", b"ab") && !equal(b"", b"a"));
    }
}
