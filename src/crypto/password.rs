//! Password hashes: Argon2id (RFC 9106) in PHC strings.

use crate::base::{Entropy, encode};
use crate::crypto::digest;
use crate::error::{Error, Result};
use argon2::{Argon2, Params, Version};
use std::sync::atomic::{AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// Bounds how many checks of passwords run at once: a hash takes 19 MiB and 15 ms of a core, and a flood of
/// logins must cost neither the host's memory nor its other requests.
pub(crate) struct Limiter {
    limit: usize,
    running: AtomicUsize,
}

/// The right to run one. Dropping it, by a panic too, gives it back.
#[must_use]
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
}

impl Limiter {
    /// A limiter of hashes, with nothing running.
    pub(crate) const fn new() -> Self {
        Self::of(AT_ONCE)
    }

    /// A limiter of something else, of which `limit` may run at once.
    pub(crate) const fn of(limit: usize) -> Self {
        Self { limit, running: AtomicUsize::new(0) }
    }

    /// The right to run one now.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when as many as may are running; there is no queue, because whoever floods would
    /// fill it.
    pub(crate) fn permit(&self) -> Result<Permit<'_>> {
        self.one_of(self.limit)
    }

    /// The right to compute a hash now, for somebody who must leave the last one to others.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when only one more could be computed.
    pub(crate) fn permit_but_the_last(&self) -> Result<Permit<'_>> {
        self.one_of(self.limit.saturating_sub(1))
    }

    fn one_of(&self, at_once: usize) -> Result<Permit<'_>> {
        let free = |running| (running < at_once).then_some(running + 1);
        match self.running.fetch_update(Ordering::Acquire, Ordering::Relaxed, free) {
            Ok(_) => Ok(Permit { limiter: self }),
            Err(_) => Err(Error::Overloaded),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limiter.running.fetch_sub(1, Ordering::Release);
    }
}

/// The PHC string of a password: Argon2id with a random salt.
///
/// # Errors
/// [`Error::InvalidArgument`] for a password over [`MAX_PASSWORD`] bytes, and as [`Entropy::fill`].
pub(crate) fn hash(_permit: &Permit<'_>, password: &[u8], entropy: &dyn Entropy) -> Result<String> {
    check_length(password)?;
    let mut salt = [0; SALT_LENGTH];
    entropy.fill(&mut salt)?;
    let stored = Stored { cost: COST, salt: salt.to_vec(), hash: vec![0; HASH_LENGTH] };
    Ok(Stored { hash: stored.derive(password)?.to_vec(), ..stored }.print())
}

/// Whether `password` is the one that `phc` was made from.
///
/// # Errors
/// [`Error::Corrupt`] for a string that [`hash`] would not print, apart from its costs and lengths, or
/// that demands more than [`CEILING`]; [`Error::InvalidArgument`] for a password over
/// [`MAX_PASSWORD`] bytes.
pub(crate) fn verify(_permit: &Permit<'_>, phc: &str, password: &[u8]) -> Result<bool> {
    check_length(password)?;
    let stored = Stored::parse(phc)
        .ok_or_else(|| Error::Corrupt { what: "a stored password hash".to_owned() })?;
    Ok(digest::equal(&stored.derive(password)?, &stored.hash))
}

/// Costs what [`verify`] costs for a string that [`hash`] made: for names that nobody has.
///
/// # Errors
/// [`Error::InvalidArgument`] for a password over [`MAX_PASSWORD`] bytes.
pub(crate) fn verify_nothing(_permit: &Permit<'_>, password: &[u8]) -> Result<()> {
    check_length(password)?;
    let nobody = Stored { cost: COST, salt: vec![0; SALT_LENGTH], hash: vec![0; HASH_LENGTH] };
    // Compared too, so that no compiler finds the work to be for nothing.
    std::hint::black_box(digest::equal(&nobody.derive(password)?, &nobody.hash));
    Ok(())
}

/// Whether `phc` is a string that [`verify`] takes.
#[cfg(test)]
fn is_phc(phc: &str) -> bool {
    Stored::parse(phc).is_some()
}

/// A PHC string's parts.
struct Stored {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What computing a hash takes.
#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Stored {
    /// Reads `$argon2id$v=19$m=..,t=..,p=..$salt$hash`, and nothing else.
    fn parse(phc: &str) -> Option<Self> {
        let rest = phc.strip_prefix(HEAD).filter(|_| phc.len() <= MAX_PHC)?;
        let mut fields = rest.split('$');
        let (cost, salt, hash) = (fields.next()?, fields.next()?, fields.next()?);
        let (cost, salt, hash) = (Cost::parse(cost)?, from_b64(salt)?, from_b64(hash)?);
        // RFC 9106 3.1 and 4: at least 8 bytes of salt; a tag under 16 bytes guards nothing.
        let sound = (8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len());
        (sound && fields.next().is_none()).then_some(Self { cost, salt, hash })
    }

    fn print(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (to_b64(&self.salt), to_b64(&self.hash));
        format!("{HEAD}m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }

    /// The hash of `password` under this salt and cost, as long as the stored one.
    fn derive(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let refused = |_| Error::Corrupt { what: "a stored password hash's parameters".to_owned() };
        let Cost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(self.hash.len()));
        let argon2 =
            Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params.map_err(refused)?);
        let mut out = Zeroizing::new(vec![0; self.hash.len()]);
        argon2.hash_password_into(password, &self.salt, &mut out).map_err(refused)?;
        Ok(out)
    }
}

impl Cost {
    /// Reads `m=..,t=..,p=..` up to [`CEILING`]: whoever can write a row must not make each login
    /// take a gigabyte.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(',');
        let mut field = |name| number(fields.next()?.strip_prefix(name)?);
        let cost = Self { memory_kib: field("m=")?, passes: field("t=")?, lanes: field("p=")? };
        let within = cost.memory_kib <= CEILING.memory_kib
            && cost.passes <= CEILING.passes
            && cost.lanes <= CEILING.lanes;
        (within && fields.next().is_none()).then_some(cost)
    }
}

/// A positive decimal number in its one spelling.
fn number(text: &str) -> Option<u32> {
    let sound = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| sound)
}

/// The PHC format's B64: the standard alphabet without padding, which is base64url but for two
/// characters.
fn to_b64(bytes: &[u8]) -> String {
    encode::base64url(bytes).replace('-', "+").replace('_', "/")
}

fn from_b64(text: &str) -> Option<Vec<u8>> {
    let foreign = text.contains(['-', '_']);
    let text = text.replace('+', "-").replace('/', "_");
    encode::from_base64url(text.as_bytes()).filter(|_| !foreign)
}

fn check_length(password: &[u8]) -> Result<()> {
    if password.len() > MAX_PASSWORD {
        let why = format!("has {} bytes, more than {MAX_PASSWORD}", password.len());
        return Err(Error::argument("password", why));
    }
    Ok(())
}

/// Hashes computed at once: 80 MiB and four cores at worst.
pub(crate) const AT_ONCE: usize = 4;
/// Longest password in bytes: longer than any passphrase, shorter than a nuisance.
pub(crate) const MAX_PASSWORD: usize = 1024;
/// OWASP Password Storage Cheat Sheet: "Use Argon2id with a minimum configuration of 19 MiB of
/// memory, an iteration count of 2, and 1 degree of parallelism."
const COST: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
/// The most that a stored string may demand: RFC 9106 4's second recommendation has 64 MiB, 3, 4.
const CEILING: Cost = Cost { memory_kib: 65_536, passes: 10, lanes: 4 };
/// RFC 9106 3.1: "16 bytes is RECOMMENDED for password hashing".
const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;
const HEAD: &str = "$argon2id$v=19$";
/// Longer than any string with 64 bytes of salt and hash.
const MAX_PHC: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use proptest::prelude::*;

    // From the reference implementation's test.c: password, somesalt, t = 2, m = 2^8, p = 1.
    const REFERENCE: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn the_reference_implementations_hash_verifies() {
        let limiter = Limiter::new();
        let permit = limiter.permit().unwrap();
        assert_eq!(verify(&permit, REFERENCE, b"password"), Ok(true));
        assert_eq!(verify(&permit, REFERENCE, b"Password"), Ok(false));
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_prefix_of_it() {
        let limiter = Limiter::new();
        let permit = limiter.permit().unwrap();
        let password = [b'p'; 100];
        let phc = hash(&permit, &password, &SystemEntropy).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(is_phc(&phc));
        assert_eq!(verify(&permit, &phc, &password), Ok(true));
        assert_eq!(verify(&permit, &phc, &password[..72]), Ok(false));
        assert_eq!(verify(&permit, &phc, phc.as_bytes()), Ok(false));
    }

    #[test]
    fn strings_that_we_would_not_print_are_damage() {
        let limiter = Limiter::new();
        let permit = limiter.permit().unwrap();
        let tail = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for head in [
            "$argon2i$v=19$m=256,t=2,p=1",
            "$argon2d$v=19$m=256,t=2,p=1",
            "$argon2id$v=16$m=256,t=2,p=1",
            "$argon2id$m=256,t=2,p=1",
            "$argon2id$v=19$m=65537,t=2,p=1",
            "$argon2id$v=19$m=4294967295,t=2,p=1",
            "$argon2id$v=19$m=99999999999,t=2,p=1",
            "$argon2id$v=19$m=256,t=11,p=1",
            "$argon2id$v=19$m=256,t=2,p=5",
            "$argon2id$v=19$m=256,t=0,p=1",
            "$argon2id$v=19$m=1,t=2,p=1",
            "$argon2id$v=19$m=+256,t=2,p=1",
            "$argon2id$v=19$m=0256,t=2,p=1",
            "$argon2id$v=19$t=2,m=256,p=1",
            "$argon2id$v=19$m=256,t=2,p=1,keyid=a",
            "$bcrypt$v=19$m=256,t=2,p=1",
            "",
        ] {
            let phc = format!("{head}{tail}");
            let result = verify(&permit, &phc, b"password");
            assert!(matches!(result, Err(Error::Corrupt { .. })), "{phc}: {result:?}");
        }
        for phc in [format!("{REFERENCE}$"), format!("{REFERENCE}="), REFERENCE.replace('/', "_")] {
            assert!(!is_phc(&phc), "{phc}");
        }
    }

    #[test]
    fn passwords_have_a_longest_length() {
        let limiter = Limiter::new();
        let permit = limiter.permit().unwrap();
        let long = [b'x'; MAX_PASSWORD + 1];
        let refused = |result: Result<()>| {
            assert!(matches!(result, Err(Error::InvalidArgument { argument: "password", .. })));
        };
        refused(hash(&permit, &long, &SystemEntropy).map(drop));
        refused(verify(&permit, REFERENCE, &long).map(drop));
        assert_eq!(verify(&permit, REFERENCE, &long[1..]), Ok(false));
    }

    #[test]
    fn a_fifth_hash_is_refused_until_one_ends_even_by_a_panic() {
        let limiter = Limiter::new();
        let mut permits: Vec<_> = (0..AT_ONCE).map(|_| limiter.permit().unwrap()).collect();
        assert!(matches!(limiter.permit(), Err(Error::Overloaded)));
        drop(permits.pop());
        let panicked = std::panic::catch_unwind(|| {
            let _permit = limiter.permit().unwrap();
            panic!("while hashing");
        });
        assert!(panicked.is_err());
        assert!(matches!(limiter.permit_but_the_last(), Err(Error::Overloaded)));
        permits.push(limiter.permit().unwrap());
        assert!(limiter.permit().is_err());
    }

    #[test]
    fn a_name_that_nobody_has_costs_a_hash_of_the_same_parameters() {
        let limiter = Limiter::new();
        let permit = limiter.permit().unwrap();
        assert_eq!(verify_nothing(&permit, b"whatever"), Ok(()));
        assert!(verify_nothing(&permit, &[b'x'; MAX_PASSWORD + 1]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_reads_back_what_it_prints(
            text in "\\$argon2id\\$v=19\\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]\\$[A-Za-z0-9+/]{0,30}\\$[A-Za-z0-9+/]{0,90}",
            junk in ".{0,80}",
        ) {
            prop_assert!(!is_phc(&junk));
            if let Some(stored) = Stored::parse(&text) {
                prop_assert_eq!(stored.print(), text);
            }
        }
    }
}
