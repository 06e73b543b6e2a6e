//! The names that people log in with.

use crate::base::nfc;
use std::fmt;

/// The name that a user logs in with: 1 to 255 characters of any script, in Normalization Form C.
///
/// Two names are the same if their characters are the same after normalisation: `Anna` and `anna` are two
/// users (as RFC 8265 3.4, UsernameCasePreserved). Which letters differ by case alone depends on the
/// language and on the Unicode version, and what a name finds must depend on neither.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Username(String);

impl Username {
    /// Normalises and reads a name.
    ///
    /// # Errors
    /// What was false about it, in words that do not repeat it: it may be a password in the wrong field.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong_length = Err("must have 1 to 255 characters");
        // Looked at before it is normalised, so that a long text costs nothing.
        if text.is_empty() || text.len() > LONGEST_BYTES {
            return wrong_length;
        }
        let name = nfc(text);
        if name.chars().count() > LONGEST {
            wrong_length
        } else if name.chars().any(char::is_control) {
            Err("must not have control characters")
        } else if name.trim() != name {
            Err("must not begin or end with white space")
        } else {
            Ok(Self(name.into_owned()))
        }
    }

    /// The name, normalised.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As many as an e-mail address has at most.
const LONGEST: usize = 255;

/// No longer text has so few characters: one that is composed of four (the most there are) has at most
/// four bytes for each.
const LONGEST_BYTES: usize = LONGEST * 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_any_text_of_1_to_255_characters() {
        for good in ["a", "anna", "Dr. Anna M\u{fc}ller", "anna@clinic.example", "\u{674e}\u{96f7}"]
        {
            assert_eq!(Username::parse(good).unwrap().as_str(), good);
        }
        assert!(Username::parse(&"\u{1f600}".repeat(255)).is_ok());
        for bad in [&"x".repeat(256), &"\u{1f600}".repeat(256), "", " anna", "anna ", "anna\u{a0}"]
        {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["an\nna", "anna\0", "an\u{7f}na", "an\u{85}na"] {
            assert_eq!(Username::parse(bad), Err("must not have control characters"));
        }
    }

    #[test]
    fn however_a_letter_was_typed_it_is_the_same_name() {
        let one = Username::parse("Jos\u{e9}").unwrap();
        assert_eq!(Username::parse("Jose\u{301}").unwrap(), one);
        assert_ne!(Username::parse("jos\u{e9}").unwrap(), one, "case is told apart");
        let decomposed = "e\u{301}".repeat(255);
        assert_eq!(Username::parse(&decomposed).unwrap().as_str(), "\u{e9}".repeat(255));
    }
}
