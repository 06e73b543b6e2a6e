//! HTML that holds the values of others.

use crate::domain::next_placeholder;

/// A growing piece of HTML. Markup is what stands in our own source; any other text is escaped, so that
/// nothing that somebody typed becomes markup.
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(CAPACITY))
    }

    /// Appends markup of our own.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text: an element's content, or an attribute's value between quotes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape_into(text, &mut self.0);
        self
    }

    /// Appends a text of ours with its `{placeholders}` replaced by values.
    ///
    /// A value stands out, because nobody should take a client's name for our own words; and it is isolated,
    /// because a name in another direction of writing must not turn around the words behind it.
    pub(super) fn filled(&mut self, template: &str, values: &[(&str, &str)]) -> &mut Self {
        for piece in pieces(template, values) {
            match piece {
                Piece::Words(words) => self.text(words),
                Piece::Value(value) => {
                    self.markup("<strong><bdi>").text(value).markup("</bdi></strong>")
                }
            };
        }
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

enum Piece<'a> {
    Words(&'a str),
    Value(&'a str),
}

/// The pieces of a text. What stands in braces and is no known placeholder is words.
fn pieces<'a>(template: &'a str, values: &'a [(&'a str, &'a str)]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, name, behind)) = next_placeholder(rest) {
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let Some(value) = value else {
            // Up to behind the brace, so that the rest is shorter and the order stays.
            let (words, tail) = rest.split_at_checked(before.len() + 1).unwrap_or((rest, ""));
            pieces.push(Piece::Words(words));
            rest = tail;
            continue;
        };
        pieces.push(Piece::Words(before));
        pieces.push(Piece::Value(value));
        rest = behind;
    }
    pieces.push(Piece::Words(rest));
    pieces
}

/// The five characters that mean something in content or in a quoted attribute. A NUL is none that HTML has.
fn escape_into(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// As much as a page with its style has.
const CAPACITY: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape_into(text, &mut out);
        out
    }

    fn filled(template: &str, values: &[(&str, &str)]) -> String {
        let mut html = Html::new();
        html.filled(template, values);
        html.0
    }

    fn unescaped(text: &str) -> String {
        text.replace("&#39;", "'")
            .replace("&quot;", "\"")
            .replace("&gt;", ">")
            .replace("&lt;", "<")
            .replace("&amp;", "&")
    }

    #[test]
    fn the_five_characters_are_escaped() {
        assert_eq!(
            escaped("<a href=\"x\" b='y'>&amp;\0</a>"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;\u{fffd}&lt;/a&gt;"
        );
    }

    #[test]
    fn placeholders_are_replaced_once() {
        let values = [("client", "{user}<b>"), ("user", "u")];
        assert_eq!(
            filled("{client} & {user}.", &values),
            "<strong><bdi>{user}&lt;b&gt;</bdi></strong> &amp; <strong><bdi>u</bdi></strong>."
        );
        for plain in ["", "{", "}", "{}", "{x}", "a {other} b", "{user", "{{user", "user}"] {
            assert_eq!(filled(plain, &values), plain, "{plain}");
        }
        assert_eq!(filled("{{user}}", &values), "{<strong><bdi>u</bdi></strong>}");
    }

    proptest! {
        #[test]
        fn no_value_becomes_markup(text in "\\PC*|[<>\"'&;#a\\x00-\\x1f]{0,40}") {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'', '\0']));
            let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            for (at, _) in out.match_indices('&') {
                prop_assert!(known.iter().any(|entity| out[at..].starts_with(entity)));
            }
            prop_assert_eq!(unescaped(&out), text.replace('\0', "\u{fffd}"));
        }

        #[test]
        fn no_template_panics(template in "[{}ab\u{e9}<]{0,20}", value in "[{}ab<]{0,6}") {
            let out = filled(&template, &[("a", &value), ("b", "")]);
            let out = out.replace("<strong><bdi>", "").replace("</bdi></strong>", "");
            prop_assert!(!out.contains('<'));
        }
    }
}
