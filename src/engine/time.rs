//! The engine's time: the wall clock as long as it is plausible.

use crate::base::{Clock, UnixTime};
use crate::store::{Clockwork, State, lock};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Reads the clock. Every other layer has time as an argument.
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// Engine time minus monotonic time, as of the last look.
    base: AtomicI64,
    /// The latest time told.
    last: AtomicI64,
    /// Added to the wall clock; 0 while it is believed.
    offset: AtomicI64,
    believed: AtomicBool,
    /// A change of belief that the file does not know yet.
    unrecorded: Mutex<Option<Belief>>,
}

/// A change of belief, for the file and the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Belief {
    pub(crate) clock: Clockwork,
    pub(crate) wall: UnixTime,
    pub(crate) time: UnixTime,
}

impl Timekeeper {
    /// Takes time up where the file's mark says it was left.
    pub(crate) fn start(clock: Arc<dyn Clock>, state: &State) -> Self {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        let keeper = Self {
            clock,
            base: AtomicI64::new(state.mark.millis() - monotonic),
            last: AtomicI64::new(state.mark.millis()),
            offset: AtomicI64::new(state.clock.offset),
            believed: AtomicBool::new(state.clock.believed),
            unrecorded: Mutex::default(),
        };
        if state.clock.believed {
            if wall.since(state.mark) > LEAP_ACROSS_RESTART_MILLIS {
                keeper.disbelieve(wall, state.mark);
            } else if wall > state.mark {
                keeper.told(wall.millis(), monotonic);
            }
        }
        keeper
    }

    /// The time now. It never runs backwards.
    pub(crate) fn now(&self) -> UnixTime {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let expected = self.base.load(Ordering::Acquire).saturating_add(monotonic);
        if !self.believed.load(Ordering::Acquire) {
            return self.unbelieved(wall, expected, monotonic);
        }
        if wall.millis().saturating_sub(expected) > LEAP_MILLIS {
            self.disbelieve(wall, UnixTime::from_millis(expected));
            return self.told(expected, monotonic);
        }
        self.told(self.not_backwards(wall.millis(), expected), monotonic)
    }

    /// Whether the clock in use is the machine's own.
    pub(crate) fn is_system(&self) -> bool {
        self.clock.is_system()
    }

    /// Follows what another process wrote: its mark, and its belief.
    pub(crate) fn follow(&self, state: &State) {
        if lock(&self.unrecorded).is_none() {
            self.offset.store(state.clock.offset, Ordering::Release);
            self.believed.store(state.clock.believed, Ordering::Release);
        }
        self.last.fetch_max(state.mark.millis(), Ordering::AcqRel);
    }

    /// A change of belief that has to be written, if there is one.
    pub(crate) fn unrecorded(&self) -> Option<Belief> {
        *lock(&self.unrecorded)
    }

    /// `belief` is in the file now.
    pub(crate) fn recorded(&self, belief: Belief) {
        let mut unrecorded = lock(&self.unrecorded);
        if *unrecorded == Some(belief) {
            *unrecorded = None;
        }
    }

    /// The time while the wall clock is not believed: on by the monotonic clock, until the wall clock
    /// is plausible again.
    fn unbelieved(&self, wall: UnixTime, expected: i64, monotonic: i64) -> UnixTime {
        let ahead = wall.millis().saturating_sub(expected);
        if (-STANDSTILL_MILLIS..=LEAP_MILLIS).contains(&ahead) {
            self.change_belief(wall, UnixTime::from_millis(expected), true);
            return self.told(self.not_backwards(wall.millis(), expected), monotonic);
        }
        self.told(expected, monotonic)
    }

    /// A clock that is a little behind makes time stand still until it has caught up; one that is far
    /// behind, as after an empty CMOS battery, would make it stand still for years.
    fn not_backwards(&self, wall: i64, expected: i64) -> i64 {
        let last = self.last.load(Ordering::Acquire);
        if wall >= last {
            wall
        } else if last.saturating_sub(wall) <= STANDSTILL_MILLIS {
            last
        } else {
            expected
        }
    }

    /// Notes and returns the time told.
    fn told(&self, time: i64, monotonic: i64) -> UnixTime {
        let time = self.last.fetch_max(time, Ordering::AcqRel).max(time);
        let base = time.saturating_sub(monotonic);
        // Written only when it moved, so that threads do not fight for the cache line.
        if base.abs_diff(self.base.load(Ordering::Relaxed)) > BASE_DRIFT_MILLIS {
            self.base.store(base, Ordering::Release);
        }
        UnixTime::from_millis(time)
    }

    fn disbelieve(&self, wall: UnixTime, time: UnixTime) {
        self.change_belief(wall, time, false);
    }

    fn change_belief(&self, wall: UnixTime, time: UnixTime, believed: bool) {
        let mut unrecorded = lock(&self.unrecorded);
        if self.believed.load(Ordering::Acquire) == believed {
            return;
        }
        let offset = if believed { 0 } else { time.since(wall) };
        self.offset.store(offset, Ordering::Release);
        self.believed.store(believed, Ordering::Release);
        *unrecorded = Some(Belief { clock: Clockwork { believed, offset }, wall, time });
    }
}

/// The time at which something happens whose engine is not open yet: a wall clock that says 2099 must not
/// raise the mark for good.
pub(crate) fn plausible(wall: UnixTime, mark: UnixTime) -> UnixTime {
    if wall.since(mark) > LEAP_ACROSS_RESTART_MILLIS { mark } else { wall.max(mark) }
}

/// 7 days: more than the wall clock may gain on the monotonic one while a process runs.
const LEAP_MILLIS: i64 = 7 * 86_400_000;

/// 400 days: longer than a clinic's server stands switched off.
const LEAP_ACROSS_RESTART_MILLIS: i64 = 400 * 86_400_000;

/// One minute: how far behind the wall clock may be for time to wait for it.
const STANDSTILL_MILLIS: i64 = 60_000;

const BASE_DRIFT_MILLIS: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Epoch, ManualClock};

    const DAY: i64 = 86_400_000;

    fn start(wall: i64, mark: i64) -> (Arc<ManualClock>, Timekeeper) {
        let clock = Arc::new(ManualClock::at(UnixTime::from_millis(wall)));
        let state = State {
            commits: 1,
            checkpointed: 1,
            sequence: 1,
            epoch: Epoch::from_bytes([0; 8]),
            mark: UnixTime::from_millis(mark),
            clock: Clockwork { believed: true, offset: 0 },
            last_expiry: UnixTime::from_millis(0),
        };
        let keeper = Timekeeper::start(Arc::<ManualClock>::clone(&clock), &state);
        (clock, keeper)
    }

    fn now(keeper: &Timekeeper) -> i64 {
        keeper.now().millis()
    }

    #[test]
    fn time_follows_the_wall_clock_and_survives_a_year_switched_off() {
        let (clock, keeper) = start(500 * DAY, 200 * DAY);
        assert_eq!(now(&keeper), 500 * DAY);
        clock.advance_millis(30 * DAY);
        assert_eq!(now(&keeper), 530 * DAY);
        assert_eq!(keeper.unrecorded(), None);
    }

    #[test]
    fn a_small_step_back_stands_still_and_a_large_one_goes_on_from_the_mark() {
        let (clock, keeper) = start(100 * DAY, 100 * DAY);
        clock.set_wall(UnixTime::from_millis(100 * DAY - 30_000));
        assert_eq!(now(&keeper), 100 * DAY);
        clock.set_wall(UnixTime::from_millis(0));
        clock.advance_millis(10_000);
        assert_eq!(now(&keeper), 100 * DAY + 10_000);
        clock.set_wall(UnixTime::from_millis(101 * DAY));
        assert_eq!(now(&keeper), 101 * DAY);
    }

    #[test]
    fn a_leap_is_not_believed_and_time_goes_on_until_the_clock_comes_back() {
        let (clock, keeper) = start(100 * DAY, 100 * DAY);
        clock.set_wall(UnixTime::from_millis(40_000 * DAY));
        assert_eq!(now(&keeper), 100 * DAY);
        let belief = keeper.unrecorded().unwrap();
        assert!(!belief.clock.believed);
        keeper.recorded(belief);
        clock.advance_millis(5_000);
        assert_eq!(now(&keeper), 100 * DAY + 5_000);
        clock.set_wall(UnixTime::from_millis(100 * DAY + 6_000));
        assert_eq!(now(&keeper), 100 * DAY + 6_000);
        assert!(keeper.unrecorded().unwrap().clock.believed);
    }

    #[test]
    fn a_battery_that_says_2099_after_a_restart_is_not_believed() {
        let (clock, keeper) = start(47_000 * DAY, 20_000 * DAY);
        assert_eq!(now(&keeper), 20_000 * DAY);
        assert!(!keeper.unrecorded().unwrap().clock.believed);
        clock.advance_millis(1000);
        assert_eq!(now(&keeper), 20_000 * DAY + 1000);
    }

    #[test]
    fn a_battery_that_says_2000_after_a_restart_lets_time_go_on_from_the_mark() {
        let (clock, keeper) = start(11_000 * DAY, 20_000 * DAY);
        assert_eq!(now(&keeper), 20_000 * DAY);
        clock.advance_millis(1000);
        assert_eq!(now(&keeper), 20_000 * DAY + 1000);
    }
}
