//! Whether a secret from another system is as good as random.

use crate::base::encode;

/// Whether `secret` has the form of at least 256 random bits, and looks like nothing else.
///
/// Nobody can tell from a text how it came about, so only its form is judged, and in doubt it is not random:
///
/// * The whole of it is 64 hexadecimal digits or more, of one case; or 43 characters or more of base64 or base64url
///   with lower case, upper case and digits.
/// * It is no text in disguise: decoded, it is not UTF-8.
/// * Its characters are as many as random ones are, none is frequent, none comes in long runs, few follow their
///   neighbour in the alphabet, and no eight come twice.
/// * Of base64, the kinds of character alternate as they do by chance, and not as in words.
///
/// One of twenty random secrets in base64 fails, and stays under its hash. What passes without being random is
/// derived from something weak by a hash: guesses at it are slowed down for as long as it is stored.
pub(crate) fn looks_random(secret: &[u8]) -> bool {
    let text = trimmed(secret);
    let lower = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let upper = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    if text.len() == secret.len() && (text.iter().all(lower) || text.iter().all(upper)) {
        return text.len() >= 64 && is_even(text, 12, 4, 5) && !hides_text(decoded_hex(text));
    }
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    text.len() >= 43
        && text.iter().all(base64)
        && is_even(text, 20, 6, 3)
        && is_mixed(text)
        && !hides_text(decoded_base64(text))
}

/// Without the padding of base64.
fn trimmed(secret: &[u8]) -> &[u8] {
    let text = secret.strip_suffix(b"==").or_else(|| secret.strip_suffix(b"="));
    text.filter(|_| secret.len().is_multiple_of(4)).unwrap_or(secret)
}

/// Whether it has `distinct` characters or more, none more often than in one of `share`, none more than `run` times in
/// a row, no eight twice, and at most a third followed by their neighbour in the alphabet.
fn is_even(text: &[u8], distinct: usize, share: usize, run: usize) -> bool {
    let counts = (0..=u8::MAX).map(|byte| text.iter().filter(|other| **other == byte).count());
    let counts: Vec<usize> = counts.filter(|count| *count > 0).collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    let pairs = || text.iter().zip(text.iter().skip(1));
    let in_order = pairs().filter(|(one, next)| one.abs_diff(**next) == 1).count();
    let long_run = text.chunk_by(|one, next| one == next).any(|same| same.len() > run);
    let mut eights: Vec<&[u8]> = text.windows(8).collect();
    eights.sort_unstable();
    let repeats = eights.iter().zip(eights.iter().skip(1)).any(|(one, next)| one == next);
    counts.len() >= distinct
        && most * share <= text.len()
        && in_order * 3 <= text.len()
        && !long_run
        && !repeats
}

/// Whether lower case, upper case and digits are there, and change as often as they do by chance.
fn is_mixed(text: &[u8]) -> bool {
    let kind = |byte: &u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
    let of = |kind: fn(&u8) -> bool| text.iter().filter(|byte| kind(byte)).count();
    let changes = text.chunk_by(|one, next| kind(one) == kind(next)).count().saturating_sub(1);
    of(u8::is_ascii_lowercase) >= 4
        && of(u8::is_ascii_uppercase) >= 4
        && of(u8::is_ascii_digit) >= 2
        && changes * 2 >= text.len()
}

fn hides_text(decoded: Option<Vec<u8>>) -> bool {
    decoded.is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}

fn decoded_hex(text: &[u8]) -> Option<Vec<u8>> {
    let even = text.get(..text.len() - text.len() % 2)?;
    encode::from_hex(&String::from_utf8_lossy(even))
}

/// The whole groups of four: of what is left over, the last bits may be anything.
fn decoded_base64(text: &[u8]) -> Option<Vec<u8>> {
    let whole = text.get(..text.len() - text.len() % 4)?;
    encode::from_base64url(whole).or_else(|| encode::from_base64(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Entropy, SystemEntropy};

    fn random() -> [u8; 32] {
        let mut bytes = [0; 32];
        SystemEntropy.fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn nine_of_ten_random_secrets_of_256_bits_pass_in_every_spelling() {
        let share = |spell: &dyn Fn(&[u8; 32]) -> String| {
            (0..2000).filter(|_| looks_random(spell(&random()).as_bytes())).count()
        };
        assert!(share(&|bytes| encode::hex(bytes)) > 1980);
        assert!(share(&|bytes| encode::hex(bytes).to_uppercase()) > 1980);
        assert!(share(&|bytes| encode::base64url(bytes)) > 1800);
        assert!(share(&|bytes| encode::base64(bytes)) > 1800);
    }

    #[test]
    fn what_a_person_may_have_chosen_does_not_pass() {
        let long = "the quick brown fox jumps over the lazy dog 1234567890";
        let hidden = b"correct horse battery staple, 32";
        for secret in [
            String::new(),
            "correct horse battery staple and then some more words 123".to_owned(),
            "CorrectHorseBatteryStapleAndThenSomeMoreWords2026".to_owned(),
            "correcthorsebatterystaple-correcthorsebatterystaple-12AB".to_owned(),
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".to_owned(),
            "0123456789abcdef".repeat(4),
            "f".repeat(64),
            "deadbeef".repeat(8),
            "aB3".repeat(20),
            encode::hex(hidden),
            encode::base64url(hidden),
            encode::base64(long.as_bytes()),
            "\u{fc}".repeat(40),
        ] {
            assert!(!looks_random(secret.as_bytes()), "{secret}");
        }
    }

    #[test]
    fn what_is_too_short_or_has_other_characters_does_not_pass() {
        for _ in 0..200 {
            let hex = encode::hex(&random());
            let base64 = encode::base64url(&random());
            assert!(!looks_random(&hex.as_bytes()[..63]));
            assert!(!looks_random(&base64.as_bytes()[..42]));
            assert!(!looks_random(format!("{base64} ").as_bytes()));
            assert!(!looks_random(format!("{base64}:").as_bytes()));
            assert!(!looks_random(uuid(&random()).as_bytes()));
        }
    }

    fn uuid(bytes: &[u8; 32]) -> String {
        let hex = encode::hex(bytes);
        format!(
            "{}-{}-4{}-8{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..15],
            &hex[15..18],
            &hex[18..30]
        )
    }
}
