//! Message authentication codes over database rows: an edit by anyone without the key shows.

use crate::base::Secret;
use crate::crypto::digest;
use crate::error::Result;
use ring::hmac;

/// The key of the rows' authentication codes.
pub(crate) struct RowMacKey(hmac::Key);

/// One column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// TEXT.
    Text(&'a str),
    /// BLOB.
    Blob(&'a [u8]),
}

impl RowMacKey {
    /// Prepares the key.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if it has not 32 bytes.
    pub(crate) fn new(key: &Secret) -> Result<Self> {
        digest::hmac_key(key).map(Self)
    }

    /// The code of a row, format 1: HMAC-SHA256 over the table's name (u32 length, bytes) and each
    /// column as type byte, u32 length, bytes. Numbers are little-endian; an integer has 8 bytes.
    pub(crate) fn row(&self, table: &str, columns: &[Cell<'_>]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        update(&mut context, table.as_bytes());
        for column in columns {
            context.update(&[column.tag()]);
            match column {
                Cell::Null => update(&mut context, &[]),
                Cell::Integer(number) => update(&mut context, &number.to_le_bytes()),
                Cell::Text(text) => update(&mut context, text.as_bytes()),
                Cell::Blob(bytes) => update(&mut context, bytes),
            }
        }
        digest::bytes(&context.sign())
    }

    /// Whether `code` is the row's code, in constant time.
    pub(crate) fn matches(&self, table: &str, columns: &[Cell<'_>], code: &[u8]) -> bool {
        digest::equal(&self.row(table, columns), code)
    }
}

impl Cell<'_> {
    /// The type's byte. It is part of the file's format: never change one.
    const fn tag(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }
}

/// Adds a length and bytes.
fn update(context: &mut hmac::Context, bytes: &[u8]) {
    // SQLite's values end at 2^31 bytes, so the length always fits.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    context.update(&length.to_le_bytes());
    context.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::encode;
    use proptest::prelude::*;

    fn key() -> RowMacKey {
        RowMacKey::new(&Secret::copy_of(&[9; 32])).unwrap()
    }

    #[test]
    fn format_1_is_these_bytes() {
        let cells = [Cell::Integer(-2), Cell::Text("a"), Cell::Null, Cell::Blob(&[5, 6])];
        let mut input = b"\x03\0\0\0tbl".to_vec();
        input.extend_from_slice(b"\x01\x08\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff");
        input.extend_from_slice(b"\x02\x01\0\0\0a\x00\0\0\0\0\x03\x02\0\0\0\x05\x06");
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]), &input);
        assert_eq!(key().row("tbl", &cells), expected.as_ref());
        // A file written today must be read by every later version.
        let golden = "0c06a3bbd558a30c77ec741b";
        assert!(encode::hex(&key().row("tbl", &cells)).starts_with(golden));
    }

    #[test]
    fn an_edit_shows() {
        let cells = [Cell::Text("ab"), Cell::Text("c")];
        let code = key().row("t", &cells);
        assert!(key().matches("t", &cells, &code));
        for (table, edited) in [
            ("t", &[Cell::Text("a"), Cell::Text("bc")][..]),
            ("t", &[Cell::Text("abc")]),
            ("t", &[Cell::Blob(b"ab"), Cell::Text("c")]),
            ("t", &[Cell::Text("ab"), Cell::Text("c"), Cell::Null]),
            ("u", &cells),
        ] {
            assert!(!key().matches(table, edited, &code), "{table} {edited:?}");
        }
        assert!(!key().matches("t", &cells, &code[..31]));
    }

    proptest! {
        #[test]
        fn moving_a_boundary_changes_the_code(text in "[a-z]{2,20}", at in 0..20_usize) {
            let (left, right) = text.split_at(at.min(text.len()));
            let whole = key().row("t", &[Cell::Text(&text), Cell::Text("")]);
            let parted = key().row("t", &[Cell::Text(left), Cell::Text(right)]);
            prop_assert_eq!(whole == parted, right.is_empty());
        }
    }
}
