//! Making RSA keys, which `ring` cannot do (docs/adr/0003-rsa-key-generation.md).

use crate::base::{Entropy, Secret};
use crate::crypto::der;
use crate::error::{Error, Result};
use crypto_bigint::rand_core::{TryCryptoRng, TryRng};
use crypto_bigint::{NonZero, U1024, U2048};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, fips};
use ring::hmac;
use std::convert::Infallible;
use zeroize::Zeroizing;

/// A new two-prime key with a modulus of 2048 bits, as `RSAPrivateKey` (RFC 8017 A.1.2).
///
/// # Errors
/// As [`Entropy::fill`].
pub(super) fn generate(entropy: &dyn Entropy) -> Result<Secret> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    entropy.fill(&mut *seed)?;
    let mut stream = Stream::new(&seed);
    let test = primality_test()?;
    // A pair that fits nothing is found about once in the life of the universe; 100 is for ever.
    for _ in 0..100 {
        let (first, second) = (prime(&mut stream, test)?, prime(&mut stream, test)?);
        // The Chinese remainder coefficient is defined for the larger prime first.
        let (p, q) = if *first > *second { (first, second) } else { (second, first) };
        if let Some(key) = assemble(&p, &q) {
            return Ok(key);
        }
    }
    Err(Error::Internal { what: "no RSA key could be made" })
}

/// A random prime of 1024 bits whose predecessor has no factor in common with [`EXPONENT`].
fn prime(stream: &mut Stream, test: fips::FipsOptions) -> Result<Zeroizing<U1024>> {
    let impossible = |_| Error::Internal { what: "the prime sieve refused its size" };
    // FIPS 186-5 A.1.3: p and q are at least sqrt(2) * 2^(nlen/2 - 1); with both top bits set they
    // are, and their product has exactly 2048 bits.
    let sieve = SmallFactorsSieveFactory::<U1024>::new(Flavor::Any, 1024, SetBits::TwoMsb)
        .map_err(impossible)?;
    let found = crypto_primes::sieve_and_find(stream, sieve, |stream, candidate| {
        is_coprime_to_exponent(candidate) && fips::is_prime(stream, Flavor::Any, candidate, test)
    });
    let found = found.map_err(impossible)?;
    found.map(Zeroizing::new).ok_or(Error::Internal { what: "the prime sieve ran dry" })
}

/// FIPS 186-5 B.3: Miller-Rabin rounds with random bases for an error below 2^-112, the strength of a
/// 2048-bit key (NIST SP 800-57 part 1, table 2), and one Lucas test.
fn primality_test() -> Result<fips::FipsOptions> {
    let options = fips::FipsOptions::with_error_bound(1024, 112);
    let options = options.ok_or(Error::Internal { what: "no primality test has this bound" })?;
    Ok(options.with_lucas_test())
}

/// Whether `candidate - 1` is no multiple of [`EXPONENT`], which is prime.
fn is_coprime_to_exponent(candidate: &U1024) -> bool {
    let exponent = NonZero::new(U1024::from_u32(EXPONENT)).into_option();
    exponent.is_some_and(|exponent| candidate.rem_vartime(&exponent) != U1024::ONE)
}

/// Computes the rest of the key (RFC 8017 3.2); `None` for a pair that FIPS 186-5 refuses.
fn assemble(p: &U1024, q: &U1024) -> Option<Secret> {
    // FIPS 186-5 A.1.3: |p - q| > 2^(nlen/2 - 100).
    if p.wrapping_sub(q).bits() <= 1024 - 100 {
        return None;
    }
    let less_one = |prime: &U1024| Zeroizing::new(prime.wrapping_sub(&U1024::ONE));
    let (p_1, q_1) = (less_one(p), less_one(q));
    let exponent = U1024::from_u32(EXPONENT);
    let invert = |modulus: &U1024, value: &U1024| {
        let modulus = NonZero::new(*modulus).into_option()?;
        value.invert_mod(&modulus).into_option().map(Zeroizing::new)
    };
    let (d_p, d_q) = (invert(&p_1, &exponent)?, invert(&q_1, &exponent)?);
    let q_inverse = invert(p, q)?;
    let d = private_exponent(&p_1, &q_1)?;
    let n: U2048 = p.concatenating_mul(q);
    let mut numbers = Zeroizing::new(Vec::with_capacity(2048));
    der::write_unsigned(&mut numbers, &[0]);
    der::write_unsigned(&mut numbers, n.to_be_bytes().as_ref());
    der::write_unsigned(&mut numbers, &EXPONENT.to_be_bytes());
    der::write_unsigned(&mut numbers, Zeroizing::new(d.to_be_bytes()).as_ref());
    for half in [p, q, &*d_p, &*d_q, &*q_inverse] {
        der::write_unsigned(&mut numbers, Zeroizing::new(half.to_be_bytes()).as_ref());
    }
    let mut key = Vec::with_capacity(numbers.len() + 8);
    der::write(&mut key, der::SEQUENCE, &numbers);
    Some(Secret::new(key))
}

/// The inverse of [`EXPONENT`] modulo the least common multiple of `p - 1` and `q - 1`.
fn private_exponent(p_1: &U1024, q_1: &U1024) -> Option<Zeroizing<U2048>> {
    let common = NonZero::new(p_1.gcd(q_1).resize::<{ U2048::LIMBS }>()).into_option()?;
    let product: U2048 = p_1.concatenating_mul(q_1);
    let multiple = NonZero::new(product.wrapping_div(&common)).into_option()?;
    let d = U2048::from_u32(EXPONENT).invert_mod(&multiple).into_option()?;
    // FIPS 186-5 A.1.1: "2^(nlen/2) < d < LCM(p - 1, q - 1)".
    (d.bits() > 1024).then(|| Zeroizing::new(d))
}

/// Random bytes that follow from 256 random bits: HMAC-SHA256 of a counter, as the key derivation in
/// counter mode of NIST SP 800-108r1 4.1. The prime search wants a generator that cannot fail, and a
/// seeded engine wants keys that follow from its seed.
struct Stream {
    key: hmac::Key,
    counter: u64,
}

impl Stream {
    fn new(seed: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, seed), counter: 0 }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let Ok(()) = self.try_fill_bytes(&mut out);
        out
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> std::result::Result<(), Infallible> {
        for block in out.chunks_mut(32) {
            let tag = hmac::sign(&self.key, &self.counter.to_le_bytes());
            self.counter += 1;
            for (byte, random) in block.iter_mut().zip(tag.as_ref()) {
                *byte = *random;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

/// The public exponent: the smallest that FIPS 186-5 A.1.1 allows, and the one everybody uses.
const EXPONENT: u32 = 65_537;

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            out.fill(self.0);
            Ok(())
        }
    }

    fn numbers(key: &Secret) -> Vec<Vec<u8>> {
        let mut reader = der::Reader::new(key.expose()).enter(der::SEQUENCE).unwrap();
        std::iter::from_fn(|| reader.unsigned().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn a_key_follows_from_its_entropy_and_is_what_ring_calls_an_rsa_key() {
        let key = generate(&Fixed(7)).unwrap();
        assert!(generate(&Fixed(7)).unwrap().matches(key.expose()));
        assert!(!generate(&Fixed(8)).unwrap().matches(key.expose()));
        let pair = ring::rsa::KeyPair::from_der(key.expose()).unwrap();
        assert_eq!(pair.public().modulus_len(), 256);
    }

    #[test]
    fn the_private_exponent_is_right_although_ring_never_looks_at_it() {
        let key = numbers(&generate(&Fixed(1)).unwrap());
        assert_eq!(key.len(), 9);
        let wide = |bytes: &[u8]| {
            let mut padded = [0; 256];
            padded[256 - bytes.len()..].copy_from_slice(bytes);
            U2048::from_be_slice(&padded)
        };
        let (d, p, q) = (wide(&key[3]), wide(&key[4]), wide(&key[5]));
        for prime in [p, q] {
            let order = NonZero::new(prime.wrapping_sub(&U2048::ONE)).unwrap();
            let product = d.rem(&order).wrapping_mul(&U2048::from_u32(EXPONENT));
            assert_eq!(product.rem(&order), U2048::ONE);
        }
        assert!(p > q);
    }

    #[test]
    fn pairs_too_close_together_are_refused() {
        let p = U1024::MAX;
        assert!(assemble(&p, &p.wrapping_sub(&U1024::from_u32(2))).is_none());
    }

    #[test]
    fn the_stream_never_repeats_a_block() {
        let mut stream = Stream::new(&[3; 32]);
        let (first, second): ([u8; 48], [u8; 48]) = (stream.take(), stream.take());
        assert_ne!(first[..32], second[..32]);
        assert_eq!(stream.counter, 4);
    }
}
