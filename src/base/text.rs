//! Text that people type.

use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// `text` in Normalization Form C (Unicode Standard Annex 15): an accented letter is one text however the
/// keyboard composed it.
///
/// A copy never moves while it grows: what is normalised may be a password, whose owner wipes it.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    let mut normal = String::with_capacity(text.len().saturating_mul(LARGEST_GROWTH));
    normal.extend(text.nfc());
    Cow::Owned(normal)
}

/// Unicode's FAQ on normalization: NFC makes a text in UTF-8 at most three times as long (U+1D160).
const LARGEST_GROWTH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_are_composed_and_nothing_else_is_changed() {
        for (typed, normal) in [
            ("Jose\u{301}", "Jos\u{e9}"),
            ("\u{212b}ngstrom", "\u{c5}ngstrom"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            // Compatibility characters stay what they are: that would be NFKC.
            ("\u{fb01}sh \u{ff21}\u{b2}", "\u{fb01}sh \u{ff21}\u{b2}"),
            ("", ""),
        ] {
            assert_eq!(nfc(typed), normal);
        }
        assert!(matches!(nfc("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn the_longest_growth_is_foreseen() {
        let Cow::Owned(grown) = nfc("\u{1d160}") else {
            panic!("not normalised");
        };
        assert_eq!(grown.len(), 3 * 4);
        assert!(grown.capacity() >= grown.len());
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so_and_no_copy_moved(text in "\\PC{0,40}") {
            let once = nfc(&text);
            prop_assert_eq!(nfc(&once), once.as_ref());
            prop_assert!(once.len() <= text.len() * LARGEST_GROWTH);
        }
    }
}
