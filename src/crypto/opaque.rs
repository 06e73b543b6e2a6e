//! Opaque tokens: 256 random bits, printed in one of two forms.

use crate::base::{Entropy, Secret, encode};
use crate::error::Result;
use zeroize::Zeroizing;

/// How an opaque token is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpaqueForm {
    /// 64 upper-case hexadecimal digits.
    Hex,
    /// 43 characters of base64url.
    Base64url,
}

/// A new token of 64 upper-case hexadecimal digits.
///
/// # Errors
/// As [`Entropy::fill`].
pub(crate) fn mint_opaque_hex(entropy: &dyn Entropy) -> Result<Secret> {
    let random = random(entropy)?;
    let mut text = Vec::with_capacity(64);
    for byte in random.iter() {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    Ok(Secret::new(text))
}

/// A new token of 43 base64url characters.
///
/// # Errors
/// As [`Entropy::fill`].
pub(crate) fn mint_opaque_base64url(entropy: &dyn Entropy) -> Result<Secret> {
    Ok(Secret::new(encode::base64url(&*random(entropy)?).into_bytes()))
}

/// The form of `text` if it may be an opaque token of ours; `None` is never worth a lookup.
pub(crate) fn opaque_form(text: &[u8]) -> Option<OpaqueForm> {
    match text.len() {
        64 if text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) => {
            Some(OpaqueForm::Hex)
        }
        43 => {
            let mut bits = Zeroizing::new([0_u8; 32]);
            encode::from_base64url_into(text, &mut *bits).map(|_| OpaqueForm::Base64url)
        }
        _ => None,
    }
}

fn random(entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>> {
    let mut random = Zeroizing::new([0_u8; 32]);
    entropy.fill(&mut *random)?;
    Ok(random)
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' - 10 + nibble }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use proptest::prelude::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            (0_u8..).zip(out).for_each(|(count, byte)| *byte = count.wrapping_mul(0x1f));
            Ok(())
        }
    }

    #[test]
    fn tokens_print_their_bytes() {
        let mut bytes = [0; 32];
        Counting.fill(&mut bytes).unwrap();
        assert_eq!(
            mint_opaque_hex(&Counting).unwrap().expose(),
            encode::hex(&bytes).to_ascii_uppercase().as_bytes()
        );
        assert_eq!(
            mint_opaque_base64url(&Counting).unwrap().expose(),
            encode::base64url(&bytes).as_bytes()
        );
    }

    #[test]
    fn exactly_the_two_forms_are_recognised() {
        let hex = mint_opaque_hex(&SystemEntropy).unwrap();
        let text = mint_opaque_base64url(&SystemEntropy).unwrap();
        assert_eq!(opaque_form(hex.expose()), Some(OpaqueForm::Hex));
        assert_eq!(opaque_form(text.expose()), Some(OpaqueForm::Base64url));
        let stray = [&[b'A'; 42][..], b"B"].concat();
        let lower = [b'a'; 64];
        for foreign in [&b""[..], &hex.expose()[1..], &text.expose()[1..], &stray, &lower] {
            assert_eq!(opaque_form(foreign), None, "{foreign:?}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_have_no_form(bytes in proptest::collection::vec(128_u8.., 0..70)) {
            prop_assert_eq!(opaque_form(&bytes), None);
        }
    }
}
