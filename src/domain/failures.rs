//! How long the next guess waits after wrong ones.

use crate::base::UnixTime;

/// Wrong guesses, forgiven one by one, and until when the next guess waits because of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Failures {
    /// As many as there were at the last one.
    pub(crate) count: i64,
    /// From when on time forgives.
    pub(crate) since: UnixTime,
    /// Until when the next guess waits.
    pub(crate) until: UnixTime,
}

/// What time forgives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Milliseconds that forgive one failure.
    pub(crate) forgiven_every: i64,
}

impl Pace {
    /// A failure a minute, as long as the longest wait: so however it is paced, no more than about one guess
    /// a minute is looked at in the long run.
    pub(crate) const MINUTE: Self = Self { forgiven_every: LONGEST_WAIT };

    /// A failure a second.
    pub(crate) const SECOND: Self = Self { forgiven_every: 1000 };

    /// Ten failures a minute.
    pub(crate) const SIX_SECONDS: Self = Self { forgiven_every: 6000 };

    /// A failure each quarter of an hour.
    pub(crate) const QUARTER: Self = Self { forgiven_every: 15 * 60_000 };
}

impl Failures {
    /// Counts one more: the first `free` ones keep nobody waiting, then each wait is twice as long, from one
    /// second to [`LONGEST_WAIT`].
    pub(crate) fn fail(&mut self, free: i64, pace: Pace, now: UnixTime) {
        let left = self.left(pace, now);
        let forgiven = self.count - left;
        self.since = if left == 0 {
            now
        } else {
            self.since.plus_millis(forgiven.saturating_mul(pace.forgiven_every))
        };
        self.count = left.saturating_add(1);
        // A free failure keeps nobody waiting, not even a thread that read the clock a moment earlier.
        if self.count > free {
            self.until = now.plus_millis(wait_after(self.count - free));
        }
    }

    /// The failures that are not forgiven yet.
    pub(crate) fn left(&self, pace: Pace, now: UnixTime) -> i64 {
        let forgiven = now.since(self.since).max(0) / pace.forgiven_every;
        self.count.saturating_sub(forgiven).max(0)
    }

    /// From when on fewer than `limit` are left.
    pub(crate) fn fewer_than(&self, limit: i64, pace: Pace) -> UnixTime {
        let forgiven = self.count.saturating_add(1).saturating_sub(limit).max(0);
        self.since.plus_millis(forgiven.saturating_mul(pace.forgiven_every))
    }
}

/// Milliseconds to wait after so many failures beyond the free ones: 1 s, 2 s, 4 s, and so on.
fn wait_after(beyond: i64) -> i64 {
    (1000_i64 << (beyond - 1).clamp(0, 16)).min(LONGEST_WAIT)
}

/// The longest wait, in milliseconds.
const LONGEST_WAIT: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_772_353_800 + seconds)
    }

    #[test]
    fn waits_grow_beyond_the_free_failures_and_time_forgives() {
        let mut failures = Failures::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            failures.fail(3, Pace::MINUTE, at(0));
            waits.push(failures.until.since(at(0)).max(0) / 1000);
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(failures.left(Pace::MINUTE, at(59)), 12);
        assert_eq!(failures.left(Pace::MINUTE, at(60)), 11);
        assert_eq!(failures.left(Pace::MINUTE, at(9999)), 0);
    }

    #[test]
    fn the_time_from_which_fewer_are_left_is_exact() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures.fail(100, Pace::QUARTER, at(0));
        }
        for limit in 1..=7 {
            let from = failures.fewer_than(limit, Pace::QUARTER);
            assert!(failures.left(Pace::QUARTER, from) < limit);
            let before = from.plus_millis(-1);
            assert!(limit > 5 || failures.left(Pace::QUARTER, before) >= limit);
        }
    }
}
