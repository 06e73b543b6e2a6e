//! Which passwords people may choose (NIST SP 800-63B 5.1.1.2).

use crate::base::{Secret, nfc};
use crate::crypto::password::MAX_PASSWORD;
use crate::domain::username::Username;
use std::cmp::Ordering;
use std::fmt;

/// A password as it is hashed: in Normalization Form C, so that it is the same on every keyboard.
///
/// SP 800-63B 5.1.1.2: "the verifier SHOULD apply the Normalization Process for Stabilized Strings using
/// either the NFKC or NFKD normalization". NFC is stable too and, unlike these, takes nothing away from
/// what was typed.
pub(crate) struct Password(Secret);

impl Password {
    /// Reads a password that somebody typed: up to 1024 bytes of any characters but control characters.
    ///
    /// # Errors
    /// [`Unfit::TooLong`], [`Unfit::ControlCharacter`]: nobody has such a password.
    pub(crate) fn parse(typed: &str) -> Result<Self, Unfit> {
        // Looked at before it is normalised, so that a long text costs nothing.
        if typed.len() > LONGEST_TYPED {
            return Err(Unfit::TooLong { bytes: typed.len() });
        }
        // Owned or not, one allocation that never moves, and that is wiped.
        let password = Self(Secret::new(nfc(typed).into_owned().into_bytes()));
        let bytes = password.expose().len();
        if bytes > MAX_PASSWORD {
            // SP 800-63B 5.1.1.2: "Truncation of the secret SHALL NOT be performed."
            Err(Unfit::TooLong { bytes })
        } else if password.text().chars().any(char::is_control) {
            Err(Unfit::ControlCharacter)
        } else {
            Ok(password)
        }
    }

    /// The bytes to hash.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// It was made from text.
    fn text(&self) -> &str {
        std::str::from_utf8(self.0.expose()).unwrap_or_default()
    }
}

/// Why a password may not be chosen. Says nothing of the password itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is too short: SP 800-63B 5.1.1.2: "at least 8 characters in length".
    TooShort {
        /// Its characters, each Unicode code point counted as one.
        characters: usize,
    },
    /// It is longer than anything that is hashed.
    TooLong {
        /// Its bytes in UTF-8.
        bytes: usize,
    },
    /// It has a character that no keyboard can be relied on to send.
    ControlCharacter,
    /// It is one of the commonest passwords, which every attacker tries first.
    Common,
    /// It is the `clinic_name` or a word of the `password_blocklist`, or one of these and nothing more than
    /// digits, spaces and punctuation.
    HostWord,
    /// It is the username, or that and nothing more than digits, spaces and punctuation.
    Username,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { characters } => {
                write!(f, "has {characters} characters; must have at least {SHORTEST}")
            }
            Self::TooLong { bytes } => {
                write!(f, "has {bytes} bytes; must have at most {MAX_PASSWORD}")
            }
            Self::ControlCharacter => f.write_str("must not have control characters"),
            Self::Common => f.write_str("is one of the commonest passwords"),
            Self::HostWord => {
                f.write_str("is little more than `clinic_name` or a word of `password_blocklist`")
            }
            Self::Username => f.write_str("is little more than the username"),
        }
    }
}

/// Demands that `password` is one that `username` may choose, where `host_words` are everybody's guess.
///
/// There are no rules about its composition and it does not expire. SP 800-63B 5.1.1.2: "Verifiers SHOULD
/// NOT impose other composition rules (e.g., requiring mixtures of different character types [...])".
///
/// # Errors
/// The first reason against it.
pub(crate) fn check_new_password<'w>(
    password: &Password,
    username: &Username,
    host_words: impl IntoIterator<Item = &'w str>,
) -> Result<(), Unfit> {
    let text = password.text();
    let characters = text.chars().count();
    if characters < SHORTEST {
        return Err(Unfit::TooShort { characters });
    }
    // SP 800-63B 5.1.1.2: "verifiers SHALL compare the prospective secrets against a list that contains
    // values known to be commonly-used, expected, or compromised", such as "Context-specific words, such
    // as the name of the service, the username, and derivatives thereof".
    if is_common(text) {
        Err(Unfit::Common)
    } else if host_words.into_iter().any(|word| is_little_more(text, word)) {
        Err(Unfit::HostWord)
    } else if is_little_more(text, username.as_str()) {
        Err(Unfit::Username)
    } else {
        Ok(())
    }
}

/// The passwords that a user must not have who is to be called `username`, as far as they can be guessed: only
/// the hash of theirs is known, so of what [`Unfit::Username`] means it is the name itself, as it is written
/// and in lower case, without more digits, spaces and punctuation.
pub(crate) fn passwords_of_name(username: &Username) -> impl Iterator<Item = Password> {
    let (name, lower) = (username.as_str().to_owned(), username.as_str().to_lowercase());
    let lower = Some(lower).filter(|lower| *lower != name);
    [Some(name), lower].into_iter().flatten().filter_map(|text| Password::parse(&text).ok())
}

/// Whether `word` can stand in `password_blocklist`: without a letter it would be compared with nothing.
pub(crate) fn is_host_word(word: &str) -> bool {
    (1..=100).contains(&word.chars().count())
        && !word.chars().any(char::is_control)
        && letters(&nfc(word)).next().is_some()
}

/// Whether `text` is `word`, in any case, with nothing more than digits, spaces and punctuation.
fn is_little_more(text: &str, word: &str) -> bool {
    let word = nfc(word);
    let mut wanted = letters(&word).peekable();
    if wanted.peek().is_none() {
        // A name of digits alone: they are what counts then.
        return text == word;
    }
    letters(text).eq(wanted)
}

/// The letters of a text, in lower case.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase).filter(|character| character.is_alphabetic())
}

/// Whether `text`, in any case, is in the list: a binary search over its lines, without allocation.
///
/// The list is ASCII, so only ASCII letters have another case in it; NFC has made a `K` of the one sign
/// (Kelvin, U+212A) that would be another spelling.
fn is_common(text: &str) -> bool {
    let mut lines = COMMON;
    while !lines.is_empty() {
        let middle = lines.get(..lines.len() / 2).unwrap_or_default();
        let start = middle.rfind('\n').map_or(0, |before| before + 1);
        let Some((before, rest)) = lines.split_at_checked(start) else {
            return false;
        };
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        lines = match in_lower_case(text).cmp(line.bytes()) {
            Ordering::Equal => return true,
            Ordering::Less => before,
            Ordering::Greater => after,
        };
    }
    false
}

fn in_lower_case(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// The commonest passwords of at least [`SHORTEST`] characters, in lower case and in order, one a line.
/// NOTICE says where they are from.
const COMMON: &str = include_str!("common_passwords.txt");

/// SP 800-63B 5.1.1.2: "Verifiers SHALL require subscriber-chosen memorized secrets to be at least 8
/// characters in length. [...] each Unicode code point SHALL be counted as a single character."
const SHORTEST: usize = 8;

/// What may be typed before it is normalised, in bytes: NFC makes nothing shorter than a quarter, but for
/// letters with accents that no language has.
const LONGEST_TYPED: usize = 4 * MAX_PASSWORD;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, username: &str, words: &[&str]) -> Result<(), Unfit> {
        let username = Username::parse(username).unwrap();
        check_new_password(&Password::parse(text)?, &username, words.iter().copied())
    }

    #[test]
    fn a_password_has_8_characters_to_1024_bytes_of_any_script() {
        for good in [
            "nobodysguess",
            "xK4#",
            "\u{434}\u{43e}\u{431}\u{440}\u{44b}\u{439} \u{432}\u{435}\u{447}\u{435}\u{440}",
            "\u{1f600}\u{1f601}\u{1f602}\u{1f603}\u{1f604}\u{1f605}\u{1f606}\u{1f607}",
            "        ",
            &"long ".repeat(204),
        ] {
            let expected = match good.chars().count() {
                characters @ ..8 => Err(Unfit::TooShort { characters }),
                _ => Ok(()),
            };
            assert_eq!(check(good, "anna", &[]), expected, "{good}");
        }
        assert_eq!(check(&"x".repeat(1025), "anna", &[]), Err(Unfit::TooLong { bytes: 1025 }));
        assert_eq!(check(&"x".repeat(9999), "anna", &[]), Err(Unfit::TooLong { bytes: 9999 }));
        for bad in ["nobodys\nguess", "nobodys guess\0", "\u{9b}nobodys guess"] {
            assert_eq!(check(bad, "anna", &[]), Err(Unfit::ControlCharacter));
        }
    }

    #[test]
    fn length_is_counted_after_normalisation_and_however_it_was_typed_it_is_the_same() {
        let one = Password::parse("Cr\u{e8}me br\u{fb}l\u{e9}e").unwrap();
        let other = Password::parse("Cre\u{300}me bru\u{302}le\u{301}e").unwrap();
        assert_eq!(one.expose(), other.expose());
        let short = check(&"e\u{301}".repeat(7), "anna", &[]);
        assert_eq!(short, Err(Unfit::TooShort { characters: 7 }));
        assert_eq!(Password::parse(&"e\u{301}".repeat(512)).unwrap().expose().len(), 1024);
    }

    #[test]
    fn the_commonest_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord", "12345678", "qwertyuiop", "ILOVEYOU", "trustno1"] {
            assert_eq!(check(common, "anna", &[]), Err(Unfit::Common), "{common}");
        }
        for other in ["password!?", "passwor", "passwords and more", "!", "\u{ff5e}~~~~~~~~~"] {
            assert!(!is_common(other), "{other}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_found_and_its_form_is_what_the_search_relies_on() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 10_000);
        assert!(lines.is_sorted_by(|one, other| one < other));
        for line in &lines {
            assert!(line.len() >= SHORTEST && line.bytes().all(|byte| byte.is_ascii_graphic()));
            assert_eq!(*line, line.to_lowercase());
            assert!(is_common(line) && is_common(&line.to_uppercase()), "{line}");
            assert!(!is_common(&format!("{line}\n")) && !is_common(&format!("{line}\u{e9}")));
        }
        assert!(!is_common(""));
    }

    #[test]
    fn the_hosts_own_words_and_the_username_are_no_passwords_however_they_are_decorated() {
        let words = ["Saint Mary", "Pr\u{e4}xis"];
        for bad in [
            "saintmary",
            "Saint Mary 2026!",
            "2026-SaintMary",
            "pra\u{308}xis123",
            "PR\u{c4}XIS!!!",
        ] {
            assert_eq!(check(bad, "anna", &words), Err(Unfit::HostWord), "{bad}");
        }
        for good in ["saint maryland", "my saint mary", "anna and mary"] {
            assert_eq!(check(good, "anna", &words), Ok(()), "{good}");
        }
        for bad in ["annabella", "Annabella2026", "!annabella!"] {
            assert_eq!(check(bad, "AnnaBella", &words), Err(Unfit::Username), "{bad}");
        }
        assert_eq!(check("87294061", "87294061", &words), Err(Unfit::Username));
        assert_eq!(check("87294062", "87294061", &words), Ok(()));
    }

    #[test]
    fn of_a_name_the_passwords_that_can_be_guessed_are_itself_and_its_lower_case() {
        let of = |name| -> Vec<String> {
            let name = Username::parse(name).unwrap();
            passwords_of_name(&name).map(|password| password.text().to_owned()).collect()
        };
        assert_eq!(of("annabella"), ["annabella"]);
        assert_eq!(of("Annabella \u{c9}"), ["Annabella \u{c9}", "annabella \u{e9}"]);
    }

    #[test]
    fn a_host_word_has_a_letter() {
        for good in ["x", "Saint Mary", "\u{4ec1}\u{548c}", &"x".repeat(100)] {
            assert!(is_host_word(good), "{good}");
        }
        for bad in ["", " ", "2026", "--", "a\nb", &"x".repeat(101)] {
            assert!(!is_host_word(bad), "{bad}");
        }
    }

    #[test]
    fn reasons_say_what_was_false_and_nothing_of_the_password() {
        for (unfit, said) in [
            (Unfit::TooShort { characters: 7 }, "has 7 characters; must have at least 8"),
            (Unfit::TooLong { bytes: 1025 }, "has 1025 bytes; must have at most 1024"),
            (Unfit::Common, "is one of the commonest passwords"),
        ] {
            assert_eq!(unfit.to_string(), said);
        }
    }
}
