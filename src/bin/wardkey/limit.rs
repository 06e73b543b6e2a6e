//! Limits of rate and of size, as people write and read them.

use indicatif::HumanBytes;
use wardkey::RateLimit;
use wardkey::admin::RateDocument;

/// Reads a limit of rate: so many a minute, and so many at once, as `600/1000`.
pub(crate) fn parse_rate(text: &str) -> Result<RateDocument, String> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(minute, burst)| Some((number(minute)?, number(burst)?)));
    let (per_minute, burst) = parts.ok_or_else(|| RATES.to_owned())?;
    Ok(RateLimit { per_minute, burst }.into())
}

fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A limit of rate in words.
pub(crate) fn rate(limit: RateDocument) -> String {
    format!("{} a minute, {} at once", limit.per_minute, limit.burst)
}

/// Reads a size: `500MB`, `2GiB`, or bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wanted = || SIZES.to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wanted)?.1;
    let number: u64 = number.parse().map_err(|_| wanted())?;
    number.checked_mul(unit).ok_or_else(wanted)
}

/// A size in words.
pub(crate) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const RATES: &str = "must be PER_MINUTE/AT_ONCE, such as 600/1000";

const SIZES: &str = "must be a size such as 500MB, 2GiB or a number of bytes";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_two_numbers() {
        assert_eq!(rate(parse_rate("600/1000").unwrap()), "600 a minute, 1000 at once");
        for wrong in ["", "600", "600/", "/1", "+1/1", "1/1/1", "1 / 1", "99999999999/1"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        for (text, bytes) in [("4096", 4096), ("500MB", 500_000_000), ("2GiB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes));
        }
        assert_eq!(size(2 << 30), "2.00 GiB");
        for wrong in ["", "MB", "2gb", "-1", "2.5GB", "99999999999TB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
