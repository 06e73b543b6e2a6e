//! Scopes: what a token permits, as words.

use crate::error::Denied;
use std::fmt;

/// A set of scope words in the order in which they were given, without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Scope(String);

impl Scope {
    /// Reads words parted by single spaces; a repeated word counts once.
    ///
    /// RFC 6749 3.3: `scope = scope-token *( SP scope-token )`,
    /// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
    ///
    /// # Errors
    /// [`Denied::ScopeMalformed`] for an empty text, another character, or a space at an end or twice.
    pub fn parse(text: &str) -> Result<Self, Denied> {
        Self::check(text)?;
        let mut scope = Self::default();
        for word in text.split(' ') {
            scope.add(word);
        }
        Ok(scope)
    }

    /// Demands what [`Scope::parse`] demands, without keeping anything.
    pub(crate) fn check(text: &str) -> Result<(), Denied> {
        let sound = |word: &str| !word.is_empty() && word.bytes().all(is_scope_character);
        if text.len() <= LONGEST && text.split(' ').all(sound) {
            Ok(())
        } else {
            Err(Denied::ScopeMalformed)
        }
    }

    /// No word at all.
    #[must_use]
    pub const fn empty() -> Self {
        Self(String::new())
    }

    /// Reads what [`Scope::as_str`] prints: like [`Scope::parse`], but an empty text is the empty scope.
    pub(crate) fn stored(text: &str) -> Result<Self, Denied> {
        if text.is_empty() { Ok(Self::empty()) } else { Self::parse(text) }
    }

    /// The words parted by single spaces; empty without words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no word.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        words(&self.0)
    }

    /// Whether `word` is one of them. Words are compared byte by byte (RFC 6749 3.3: case-sensitive).
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        holds(&self.0, word)
    }

    /// The scope that [`Scope::as_str`] printed as `text`, not looked at again: verification reads it from a
    /// token whose signature or row has been checked.
    pub(crate) const fn printed(text: String) -> Self {
        Self(text)
    }

    /// The words that are in `other` too.
    pub(crate) fn within(self, other: &Self) -> Self {
        if other.first_missing(&self).is_none() {
            return self;
        }
        let mut kept = Self::default();
        for word in self.words().filter(|word| other.contains(word)) {
            kept.add(word);
        }
        kept
    }

    /// The words of either, this one's first.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        for word in other.words() {
            self.add(word);
        }
        self
    }

    /// The first word of `other` that is not in this scope.
    #[must_use]
    pub fn first_missing<'a>(&self, other: &'a Self) -> Option<&'a str> {
        words(&other.0).find(|word| !self.contains(word))
    }

    /// Adds a word unless it is there.
    fn add(&mut self, word: &str) {
        if self.contains(word) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text`, a scope in its printed form, holds `word`. Allocates nothing: verification asks this.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    words(text).any(|held| held == word)
}

/// The words of a scope in its printed form.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// As long as a client's registration may be; a longer text asks for something nobody has.
const LONGEST: usize = 4096;

/// RFC 6749 3.3: `%x21 / %x23-5B / %x5D-7E`, so neither space, `"` nor `\`.
const fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_grammar_is_legal() {
        for text in ["a", "patients:summary:read", "a/b.c|d*?", "!#[]~", "A a"] {
            assert_eq!(Scope::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in ["", " a", "a ", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "\u{e9}", "a\u{7f}"] {
            assert_eq!(Scope::parse(text), Err(Denied::ScopeMalformed), "{text:?}");
        }
    }

    #[test]
    fn a_repeated_word_counts_once_and_words_are_case_sensitive() {
        let scope = Scope::parse("b a b A").unwrap();
        assert_eq!(scope.as_str(), "b a A");
        assert!(!scope.contains("B") && !scope.contains("") && !scope.contains("b a"));
        let asked = Scope::parse("a c").unwrap();
        assert_eq!(scope.first_missing(&asked), Some("c"));
    }
}
