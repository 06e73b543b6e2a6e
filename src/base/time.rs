//! Points in time and lengths of time.

use std::fmt;

/// A point in time: milliseconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The latest time accepted: 9999-12-31 23:59:59.999, the last one RFC 3339 can print.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The time this many milliseconds after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The time this many seconds after 1970-01-01 UTC, or the nearest that can be held.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The time at which a day of the Gregorian calendar begins in UTC; `None` for a day that there is not.
    ///
    /// ```
    /// # use wardkey::UnixTime;
    /// assert_eq!(UnixTime::from_date(2026, 3, 1), Some(UnixTime::from_seconds(1_772_323_200)));
    /// assert_eq!(UnixTime::from_date(2026, 2, 29), None);
    /// ```
    #[must_use]
    pub fn from_date(year: u16, month: u8, day: u8) -> Option<Self> {
        let date = (i64::from(year), i64::from(month), i64::from(day));
        let days = days_of(date);
        // The 31st of a shorter month is the next one's first.
        (civil(days) == date).then_some(Self(days * 86_400_000))
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down, as a JWT's NumericDate has them (RFC 7519 2).
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time `lifetime` later.
    #[must_use]
    pub const fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.millis()))
    }

    /// The time `millis` milliseconds later; earlier if negative.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this time; negative if this is the earlier one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the hour this time is in.
    #[must_use]
    pub const fn hour(self) -> Self {
        Self(self.0 - self.0.rem_euclid(3_600_000))
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-03-01T08:30:00.000Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let millis = self.0.rem_euclid(86_400_000);
        let (year, month, day) = civil(days);
        let (seconds, milli) = (millis / 1000, millis % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
// The calendar is shifted to years that start in March, so the leap day is each year's last.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // days from 0000-03-01 to 1970-01-01
    let era = shifted.div_euclid(146_097); // days in 400 years
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The day counted from 1970-01-01 of a proleptic Gregorian date: [`civil`] the other way round.
const fn days_of((year, month, day): (i64, i64, i64)) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    365 * shifted + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719_468
}

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(u32);

impl Lifetime {
    /// This many seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds)
    }

    /// This many days.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self(days.saturating_mul(86_400))
    }

    /// The seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u32 {
        self.0
    }

    /// The milliseconds.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "u32 fits i64; From is not const")]
    pub const fn millis(self) -> i64 {
        self.0 as i64 * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn times_print_as_rfc_3339() {
        let printed = |seconds| UnixTime::from_seconds(seconds).to_string();
        assert_eq!(printed(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(printed(951_782_399), "2000-02-28T23:59:59.000Z");
        assert_eq!(printed(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(printed(1_772_353_800), "2026-03-01T08:30:00.000Z");
        assert_eq!(printed(4_107_542_400), "2100-03-01T00:00:00.000Z");
        assert_eq!(printed(-1), "1969-12-31T23:59:59.000Z");
        assert_eq!(UnixTime::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_of_the_calendar_is_read_as_it_is_printed_and_no_other_is() {
        for day in -719_528..2_932_897 {
            let time = UnixTime::from_seconds(day * 86_400);
            let (year, month, day) = civil(day);
            let date =
                (year.try_into().unwrap(), month.try_into().unwrap(), day.try_into().unwrap());
            assert_eq!(UnixTime::from_date(date.0, date.1, date.2), Some(time));
        }
        for (month, day) in [(0, 1), (13, 1), (1, 0), (1, 32), (2, 30), (4, 31), (2, 29)] {
            assert_eq!(UnixTime::from_date(2026, month, day), None, "{month}-{day}");
        }
        assert!(
            UnixTime::from_date(2100, 2, 29).is_none()
                && UnixTime::from_date(2000, 2, 29).is_some()
        );
    }

    #[test]
    fn seconds_round_down_and_hours_start_on_the_hour() {
        assert_eq!(UnixTime::from_millis(1999).seconds(), 1);
        assert_eq!(UnixTime::from_millis(-1).seconds(), -1);
        assert_eq!(UnixTime::from_seconds(7_300).hour(), UnixTime::from_seconds(7_200));
    }
}
