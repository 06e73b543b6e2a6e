//! Where randomness comes from.

use crate::error::{Error, Result};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Where the engine reads random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `out` with bytes nobody can predict.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system has no randomness to give; nothing is issued then.
    fn fill(&self, out: &mut [u8]) -> Result<()>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        system_random()
            .fill(out)
            .map_err(|_| Error::Internal { what: "the system's random generator failed" })
    }
}

/// The operating system's generator, asked for many ids at a time: each question is a system call, and
/// every token needs two ids. What is long enough to be a secret is asked for by itself.
///
/// It belongs to one engine: a child that is forked while an engine is open cannot use it, so no two
/// processes give out the same bytes.
pub(crate) struct PooledEntropy {
    pool: Mutex<Pool>,
}

struct Pool {
    bytes: Zeroizing<[u8; POOL]>,
    /// How many of them, from the start, have been given out.
    used: usize,
}

impl PooledEntropy {
    pub(crate) fn new() -> Self {
        Self { pool: Mutex::new(Pool { bytes: Zeroizing::new([0; POOL]), used: POOL }) }
    }
}

impl Entropy for PooledEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        if out.len() > LONGEST_ID {
            return SystemEntropy.fill(out);
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = &mut *pool;
        if POOL - pool.used < out.len() {
            // Counted as used until they are there: a failure gives out nothing twice.
            pool.used = POOL;
            SystemEntropy.fill(pool.bytes.as_mut())?;
            pool.used = 0;
        }
        let fresh = pool.bytes.iter_mut().skip(pool.used);
        for (to, from) in out.iter_mut().zip(fresh) {
            *to = std::mem::take(from);
        }
        pool.used += out.len();
        Ok(())
    }
}

/// Bytes drawn at once.
const POOL: usize = 512;

/// 128 bits: ids. A secret of this library has 256.
const LONGEST_ID: usize = 16;

/// The generator that `ring` demands where it makes keys and ECDSA nonces itself.
#[expect(clippy::disallowed_methods, reason = "the one home of SystemRandom")]
pub(crate) fn system_random() -> SystemRandom {
    SystemRandom::new()
}

/// Bytes that follow from a seed: SHA-256 over the seed and a counter. For golden tests only.
#[cfg(feature = "test-hooks")]
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "test-hooks")]
impl SeededEntropy {
    /// A generator whose bytes follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: std::sync::atomic::AtomicU64::new(0) }
    }
}

#[cfg(feature = "test-hooks")]
impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        for block in out.chunks_mut(32) {
            let count = self.counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut input = self.seed.to_le_bytes().to_vec();
            input.extend_from_slice(&count.to_le_bytes());
            let digest = ring::digest::digest(&ring::digest::SHA256, &input);
            for (byte, random) in block.iter_mut().zip(digest.as_ref()) {
                *byte = *random;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_id_is_given_out_twice_and_none_is_empty() {
        let entropy = PooledEntropy::new();
        let mut seen = HashSet::new();
        for length in [16, 8, 10, 16, 3].into_iter().cycle().take(2000) {
            let mut id = [0; 16];
            entropy.fill(&mut id[..length]).unwrap();
            if length >= 8 {
                assert!(seen.insert(id) && id != [0; 16]);
            }
        }
    }
}
