//! Sealing: what is stored encrypted.

use crate::base::{Entropy, Secret};
use crate::error::{Error, Result};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// A key that seals with AES-256-GCM (NIST SP 800-38D).
///
/// Nonces are random, so one key may seal 2^32 times (SP 800-38D 8.3). The master key and the one for
/// private keys seal a few in their lives; another one seals what the login pages carry, once or twice a login: 2^32
/// are a century of a login a
/// second, and more than a year of somebody who asks for a hundred pages a second.
pub(crate) struct SealingKey(LessSafeKey);

impl SealingKey {
    /// Prepares the key.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it has not 32 bytes.
    pub(crate) fn new(key: &Secret) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose());
        let key = key.map_err(|_| Error::Corrupt {
            what: "a sealing key that has not 32 bytes".to_owned(),
        })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals `plain` for the place that `aad` names: format byte 1, nonce, ciphertext, tag.
    ///
    /// # Errors
    /// As [`Entropy::fill`].
    pub(crate) fn seal(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(OVERHEAD + plain.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(HEADER..).unwrap_or_default();
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
            .map_err(|_| Error::Internal { what: "sealing more than AES-GCM can" })?;
        sealed.extend_from_slice(tag.as_ref());
        #[cfg(memcheck)]
        crate::sys::memcheck::defined(&sealed);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made with this key for this `aad`; `None` for anything else.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Secret> {
        let (&format, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        if format != FORMAT {
            return None;
        }
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut body).ok()?.len();
        body.truncate(length);
        Some(Secret::new(body))
    }
}

/// The only format there is. It is part of the file's format.
const FORMAT: u8 = 1;
const HEADER: usize = 1 + NONCE_LEN;
/// What sealing adds: header and tag.
const OVERHEAD: usize = HEADER + 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SystemEntropy, encode};
    use proptest::prelude::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&Secret::new(vec![byte; 32])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_whole_with_its_key_in_its_place() {
        let sealed = key(1).seal(&SystemEntropy, b"keys/7", b"plain").unwrap();
        assert_eq!(sealed.len(), OVERHEAD + 5);
        assert_eq!(key(1).open(b"keys/7", &sealed).unwrap().expose(), b"plain");
        assert!(key(2).open(b"keys/7", &sealed).is_none());
        assert!(key(1).open(b"keys/8", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[at] ^= 1;
            assert!(key(1).open(b"keys/7", &edited).is_none(), "byte {at}");
            assert!(key(1).open(b"keys/7", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        let seal = || key(1).seal(&SystemEntropy, b"", b"").unwrap();
        assert_ne!(seal(), seal());
        assert_eq!(key(1).open(b"", &seal()).unwrap().expose(), b"");
    }

    #[test]
    fn the_published_vector_opens() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14.
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&[0; 12]);
        let body = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        sealed.extend_from_slice(&encode::from_hex(body).unwrap());
        assert_eq!(key(0).open(b"", &sealed).unwrap().expose(), [0; 16]);
    }

    #[test]
    fn keys_of_other_lengths_are_damage() {
        assert!(SealingKey::new(&Secret::new(vec![0; 31])).is_err());
        assert!(SealingKey::new(&Secret::new(vec![0; 16])).is_err());
    }

    proptest! {
        #[test]
        fn foreign_bytes_open_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(key(1).open(b"", &bytes).is_none());
        }
    }
}
