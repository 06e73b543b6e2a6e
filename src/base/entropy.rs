//! Where randomness comes from.

use crate::error::{Error, Result};
use ring::rand::{SecureRandom, SystemRandom};

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
