//! Strict text encodings: each value has exactly one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// `bytes` in base64url without padding (RFC 7515 2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends `bytes` in base64url without padding to `out`.
pub(crate) fn base64url_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// The bytes of `text` in base64url; `None` for padding, white space, stray bits or a foreign character.
pub(crate) fn from_base64url(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes into `out` and returns the length; `None` as [`from_base64url`], or when `out` is too small.
pub(crate) fn from_base64url_into(text: &[u8], out: &mut [u8]) -> Option<usize> {
    URL_SAFE_NO_PAD.decode_slice(text, out).ok()
}

/// `bytes` in padded standard base64, as hashes in a content security policy have them (CSP 3, 2.3.1).
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of `text` in padded standard base64, as HTTP Basic has them (RFC 7617 2).
pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether `text` is `length` characters of the base64url alphabet.
pub(crate) fn is_base64url(text: &str, length: usize) -> bool {
    text.len() == length
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

const LOWER: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// `bytes` in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(LOWER.get(usize::from(nibble)).copied().unwrap_or('0'));
        }
    }
    out
}

/// The bytes of lower-case hexadecimal `text`; `None` for anything [`hex`] does not print.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut pairs = text.as_bytes().chunks_exact(2);
    for pair in &mut pairs {
        let (high, low) = (nibble(pair.first()?)?, nibble(pair.get(1)?)?);
        out.push(high << 4 | low);
    }
    pairs.remainder().is_empty().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url(b"-_8"), Some(vec![0xfb, 0xff]));
        for foreign in ["-_8=", "-_9", "-_ 8", "+/8", "-_8\n", "-"] {
            assert_eq!(from_base64url(foreign.as_bytes()), None, "{foreign:?}");
        }
    }

    #[test]
    fn hex_has_one_spelling() {
        assert_eq!(hex(&[0, 0xaf]), "00af");
        assert_eq!(from_hex("00af"), Some(vec![0, 0xaf]));
        for foreign in ["0", "0AF0", "0g", " 00"] {
            assert_eq!(from_hex(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn basic_credentials_are_padded() {
        assert_eq!(from_base64(b"YTpi"), Some(b"a:b".to_vec()));
        assert_eq!(from_base64(b"YQ=="), Some(b"a".to_vec()));
        assert_eq!(from_base64(b"YQ"), None);
        assert_eq!(base64(b"a"), "YQ==");
    }
}
