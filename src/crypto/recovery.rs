//! The recovery code: what opens a database whose master key is lost.

use crate::base::{Entropy, Secret};
use crate::crypto::digest;
use crate::error::Result;
use ring::hmac;
use zeroize::Zeroizing;

/// 160 random bits that a person writes down.
pub(crate) struct RecoveryCode(Zeroizing<[u8; BYTES]>);

impl RecoveryCode {
    /// A new code.
    ///
    /// # Errors
    /// As [`Entropy::fill`].
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        let mut bits = Zeroizing::new([0; BYTES]);
        entropy.fill(bits.as_mut())?;
        Ok(Self(bits))
    }

    /// Reads a code as it was printed, or as somebody typed it: in any case, with or without hyphens and
    /// spaces, O for 0, I or L for 1. `None` for anything else, a wrong checksum among it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digits = Zeroizing::new([0_u8; DIGITS]);
        let mut places = digits.iter_mut();
        for character in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            *places.next()? = value(character)?;
        }
        if places.next().is_some() {
            return None;
        }
        let mut bits = Zeroizing::new([0_u8; BYTES]);
        let groups = digits.chunks_exact(8);
        for (five, eight) in bits.chunks_exact_mut(5).zip(groups) {
            let number = eight.iter().fold(0_u64, |number, digit| number << 5 | u64::from(*digit));
            five.copy_from_slice(number.to_be_bytes().get(3..)?);
        }
        let same = digest::equal(digits_of(&bits).as_ref(), digits.as_ref());
        same.then_some(Self(bits))
    }

    /// The code as people read it: nine groups of four characters of Crockford's base32, the last group
    /// being the checksum.
    pub(crate) fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + DIGITS / 4));
        for (index, digit) in digits_of(&self.0).iter().enumerate() {
            if index % 4 == 0 && index > 0 {
                text.push('-');
            }
            text.push(ALPHABET.get(usize::from(*digit)).copied().map_or('0', char::from));
        }
        text
    }

    /// The key that seals the data keys of a database.
    pub(crate) fn wrapping_key(&self, database_id: &[u8; 16]) -> Secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"wardkey recovery 1\0");
        context.update(database_id);
        Secret::copy_of(Zeroizing::new(digest::bytes(&context.sign())).as_ref())
    }
}

/// The code's 32 digits and the four of its checksum.
fn digits_of(bits: &[u8; BYTES]) -> Zeroizing<[u8; DIGITS]> {
    let mut input = Zeroizing::new(CHECKSUM_DOMAIN.to_vec());
    input.extend_from_slice(bits);
    let sum = digest::sha256(&input);
    let mut all = Zeroizing::new([0_u8; BYTES + 5]);
    for (to, from) in all.iter_mut().zip(bits.iter().chain(&sum)) {
        *to = *from;
    }
    let mut digits = Zeroizing::new([0_u8; DIGITS]);
    for (index, digit) in digits.iter_mut().enumerate() {
        let (five, place) = (index / 8, index % 8);
        let chunk = all.chunks_exact(5).nth(five).unwrap_or_default();
        let number = chunk.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        *digit = u8::try_from(number >> (35 - 5 * place) & 31).unwrap_or(0);
    }
    digits
}

/// What a character of Crockford's base32 stands for.
fn value(character: u8) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let index = ALPHABET.iter().position(|known| *known == character)?;
    u8::try_from(index).ok()
}

const BYTES: usize = 20;
const DIGITS: usize = 36;
const CHECKSUM_DOMAIN: &[u8] = b"wardkey recovery checksum 1\0";
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SystemEntropy, encode};

    fn code(byte: u8) -> RecoveryCode {
        RecoveryCode(Zeroizing::new([byte; BYTES]))
    }

    #[test]
    fn a_code_is_nine_groups_and_reads_back_however_it_is_typed() {
        let code = RecoveryCode::mint(&SystemEntropy).unwrap();
        let text = code.print();
        assert_eq!(text.len(), 44);
        assert!(text.split('-').all(|group| group.len() == 4));
        let typed = [
            text.to_string(),
            text.to_lowercase(),
            text.replace('-', ""),
            text.replace('-', " "),
            text.replace('0', "O").replace('1', "l"),
        ];
        for typed in typed {
            assert_eq!(RecoveryCode::parse(&typed).unwrap().0, code.0, "{typed}");
        }
    }

    #[test]
    fn one_wrong_character_is_told() {
        let text = code(0x5a).print();
        for at in (0..text.len()).filter(|at| at % 5 != 4) {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            assert!(RecoveryCode::parse(std::str::from_utf8(&wrong).unwrap()).is_none(), "{at}");
        }
        for wrong in ["", "-", &text[..43], &format!("{}0", *text), &text.replace('-', "_")] {
            assert!(RecoveryCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_code_written_down_today_is_read_by_every_later_version() {
        assert_eq!(*code(0xff).print(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-D66D");
        let key = code(7).wrapping_key(&[3; 16]);
        let plain = hmac::Key::new(hmac::HMAC_SHA256, &[7; BYTES]);
        let input = [b"wardkey recovery 1\0".as_slice(), &[3; 16]].concat();
        assert_eq!(key.expose(), hmac::sign(&plain, &input).as_ref());
        assert_ne!(encode::hex(key.expose()), encode::hex(code(7).wrapping_key(&[4; 16]).expose()));
    }
}
