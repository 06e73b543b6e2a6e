//! The little DER that private keys need (ITU-T X.690 10): one-byte tags, shortest definite lengths.

/// Reads one value after the other and refuses what is not DER.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader over `bytes`.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether everything was read.
    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next value.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The contents of the next value if its tag is `tag`.
    pub(super) fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        if found != tag {
            return None;
        }
        self.0 = rest;
        Some(contents)
    }

    /// A reader over the contents of the next value if its tag is `tag`.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(Self)
    }

    /// The magnitude of the next value if it is a non-negative INTEGER; zero is the empty slice.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let contents = ahead.read(INTEGER)?;
        let (&first, rest) = contents.split_first()?;
        let second = rest.first().copied();
        // X.690 8.3.2: the first nine bits are neither all ones nor all zeros.
        let minimal = first != 0 || second.is_none_or(|byte| byte >= 0x80);
        if first >= 0x80 || !minimal {
            return None;
        }
        *self = ahead;
        Some(if first == 0 { rest } else { contents })
    }
}

/// Reads a length in its one DER spelling; none over three bytes, which no key needs.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=3).contains(&count))?;
    let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
    let shortest = digits.first() != Some(&0) && length >= 0x80;
    shortest.then_some((length, rest))
}

/// Appends one value.
pub(super) fn write(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    out.push(tag);
    let bytes = contents.len().to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        _ => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(contents);
}

/// Appends an INTEGER of this big-endian magnitude.
pub(super) fn write_unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    let digits = trim(magnitude);
    match digits.first() {
        Some(first) if *first < 0x80 => write(out, INTEGER, digits),
        Some(_) | None => {
            // A leading zero keeps the number from being read as negative, and is zero's one digit.
            let mut padded = zeroize::Zeroizing::new(Vec::with_capacity(digits.len() + 1));
            padded.push(0);
            padded.extend_from_slice(digits);
            write(out, INTEGER, &padded);
        }
    }
}

/// `bytes` without leading zeros.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Bits in a magnitude without leading zeros.
pub(super) fn bit_length(magnitude: &[u8]) -> usize {
    let spare = magnitude.first().map_or(0, |first| first.leading_zeros());
    (magnitude.len() * 8).saturating_sub(usize::try_from(spare).unwrap_or(0))
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(super) const CONTEXT_1: u8 = 0xa1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_have_one_spelling() {
        for foreign in [
            &[SEQUENCE][..],
            &[SEQUENCE, 0x80],
            &[SEQUENCE, 0x81, 0x01, 0],
            &[SEQUENCE, 0x82, 0x00, 0x80],
            &[SEQUENCE, 0x84, 0, 0, 0, 1, 0],
            &[SEQUENCE, 0xff, 0],
            &[SEQUENCE, 2, 0],
        ] {
            assert_eq!(Reader::new(foreign).read(SEQUENCE), None, "{foreign:?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_minimal() {
        let read = |bytes: &[u8]| Reader::new(bytes).unsigned().map(<[u8]>::to_vec);
        assert_eq!(read(&[INTEGER, 1, 0]), Some(vec![]));
        assert_eq!(read(&[INTEGER, 1, 0x7f]), Some(vec![0x7f]));
        assert_eq!(read(&[INTEGER, 2, 0, 0x80]), Some(vec![0x80]));
        for foreign in [&[INTEGER, 0][..], &[INTEGER, 1, 0x80], &[INTEGER, 2, 0, 0x7f]] {
            assert_eq!(read(foreign), None, "{foreign:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            magnitude in proptest::collection::vec(any::<u8>(), 0..700),
            junk in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut out = Vec::new();
            write_unsigned(&mut out, &magnitude);
            write(&mut out, OCTET_STRING, &magnitude);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.unsigned(), Some(trim(&magnitude)));
            prop_assert_eq!(reader.read(OCTET_STRING), Some(&magnitude[..]));
            prop_assert!(reader.is_empty());
            let _ = Reader::new(&junk).read(SEQUENCE);
            let _ = Reader::new(&junk).unsigned();
        }
    }
}
