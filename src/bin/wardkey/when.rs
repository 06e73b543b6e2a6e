//! Times and lengths of time, as people write and read them. All in UTC.

use crate::failure::Failure;
use wardkey::UnixTime;

/// Seconds since 1970 as a date and a time of day; nothing for nothing.
pub(crate) fn shown(seconds: impl Into<Option<i64>>) -> String {
    seconds.into().map_or_else(String::new, |seconds| {
        let text = UnixTime::from_seconds(seconds).to_string();
        text.get(..16).unwrap_or(&text).replace('T', " ")
    })
}

/// The date of a day counted from 1970-01-01.
pub(crate) fn date(day: i64) -> String {
    let text = UnixTime::from_seconds(day * DAY).to_string();
    text.get(..10).unwrap_or(&text).to_owned()
}

/// A length of time in words, the two largest units of it.
pub(crate) fn length(seconds: i64) -> String {
    let units = [(DAY, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.max(0);
    let mut words = Vec::new();
    for (unit, name) in units {
        if rest >= unit && words.len() < 2 {
            words.push(format!("{} {name}", rest / unit));
            rest %= unit;
        }
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

/// Reads a length of time: `90d`, `12h`, `30m`, `45s`, or seconds.
pub(crate) fn parse_length(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        None => (text, 1),
        Some((at, _)) => {
            let (number, unit) = text.split_at(at);
            (number, unit_of(unit).ok_or_else(|| WANTED.to_owned())?)
        }
    };
    let number: u32 = number.parse().map_err(|_| WANTED.to_owned())?;
    number.checked_mul(unit).ok_or_else(|| WANTED.to_owned())
}

fn unit_of(unit: &str) -> Option<u32> {
    Some(match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 366 * 86_400,
        _ => return None,
    })
}

/// Reads a time: a date, a date with a time of day, or a length of time from now on (`90d`), in seconds.
pub(crate) fn parse_future(text: &str, now: UnixTime) -> Result<i64, Failure> {
    parse_length(text).map_or_else(
        |_| parse_time(text),
        |seconds| Ok(now.seconds().saturating_add(i64::from(seconds))),
    )
}

/// Reads a time: a date, a date with a time of day, or a length of time until now (`2d`), in seconds.
pub(crate) fn parse_past(text: &str, now: UnixTime) -> Result<i64, Failure> {
    parse_length(text).map_or_else(
        |_| parse_time(text),
        |seconds| Ok(now.seconds().saturating_sub(i64::from(seconds))),
    )
}

fn parse_time(text: &str) -> Result<i64, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is no time")).next(TIMES);
    let text = text.trim_end_matches('Z');
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let [year, month, day] = numbers(date, '-').ok_or_else(wrong)?;
    let clock =
        if clock.matches(':').count() == 1 { format!("{clock}:00") } else { clock.to_owned() };
    let [hour, minute, second] = numbers(&clock, ':').ok_or_else(wrong)?;
    let day = day_of(year, month, day).ok_or_else(wrong)?;
    if hour >= 24 || minute >= 60 || second >= 60 {
        return Err(wrong());
    }
    let second = u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second);
    Ok(day * DAY + i64::from(second))
}

fn numbers(text: &str, separator: char) -> Option<[u16; 3]> {
    let parts: Option<Vec<u16>> = text.split(separator).map(number).collect();
    parts?.try_into().ok()
}

fn number(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The day counted from 1970-01-01 of a date that this program knows.
fn day_of(year: u16, month: u16, day: u16) -> Option<i64> {
    let (month, day) = (month.try_into().ok()?, day.try_into().ok()?);
    let begins = UnixTime::from_date(year, month, day)?;
    (1970..10_000).contains(&year).then(|| begins.seconds() / DAY)
}

/// A month of a year: `2026-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    year: u16,
    month: u8,
}

impl Month {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wanted = || "must be a month such as 2026-03".to_owned();
        let (year, month) = text.split_once('-').ok_or_else(wanted)?;
        let (Some(year), Some(month)) = (number(year), number(month)) else {
            return Err(wanted());
        };
        match u8::try_from(month) {
            Ok(month @ 1..=12) if (1970..10_000).contains(&year) => Ok(Self { year, month }),
            Ok(_) | Err(_) => Err(wanted()),
        }
    }

    /// Its first day, counted from 1970-01-01.
    pub(crate) fn first_day(self) -> i64 {
        let begins = UnixTime::from_date(self.year, self.month, 1);
        begins.map_or(0, |begins| begins.seconds() / DAY)
    }

    /// How many days it has.
    pub(crate) fn days(self) -> i64 {
        let next = if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { month: self.month + 1, ..self }
        };
        next.first_day() - self.first_day()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

const WANTED: &str = "must be a length of time such as 90d, 12h, 30m or 3600";

const TIMES: &str = "write 2026-03-01, 2026-03-01T08:30Z, or a length of time such as 90d";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_printed() {
        let now = UnixTime::from_seconds(1_772_353_800);
        assert_eq!(parse_past("2026-03-01T08:30Z", now).unwrap(), 1_772_353_800);
        assert_eq!(parse_past("2026-03-01 08:30:00", now).unwrap(), 1_772_353_800);
        assert_eq!(parse_past("2000-02-29", now).unwrap(), 951_782_400);
        assert_eq!(parse_past("2d", now).unwrap(), 1_772_353_800 - 2 * DAY);
        assert_eq!(parse_future("90d", now).unwrap(), 1_772_353_800 + 90 * DAY);
        assert_eq!(shown(1_772_353_800), "2026-03-01 08:30");
        for wrong in ["", "x", "2026-02-29", "2026-13-01", "2026-03-01T24:00", "+1-03-01", "1x"] {
            assert!(parse_past(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_knows_its_days() {
        for (text, first, days) in [
            ("2026-03", "2026-03-01", 31),
            ("2024-02", "2024-02-01", 29),
            ("2025-12", "2025-12-01", 31),
            ("9999-12", "9999-12-01", 31),
        ] {
            let month = Month::parse(text).unwrap();
            assert_eq!((date(month.first_day()), month.days()), (first.to_owned(), days));
            assert_eq!(month.to_string(), text);
        }
        assert!(Month::parse("2026-3x").is_err() && Month::parse("2026-00").is_err());
    }

    #[test]
    fn lengths_are_said_in_two_units() {
        assert_eq!(length(3600), "1 h");
        assert_eq!(length(90_061), "1 d 1 h");
        assert_eq!(length(0), "0 s");
        assert_eq!(parse_length("12h"), Ok(43_200));
        assert!(parse_length("9999999y").is_err() && parse_length("-1").is_err());
    }
}
