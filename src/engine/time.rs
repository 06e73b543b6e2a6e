//! The engine's time: the wall clock as long as it is plausible.

use crate::base::{Clock, UnixTime};
use crate::domain::{STANDSTILL_MILLIS, Steady};
use crate::error::{Error, Result};
use crate::store::{Clockwork, Moment, State, lock};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Reads the clock. Every other layer has time as an argument.
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    /// What the monotonic clock said at the start.
    began: i64,
    /// Engine time minus monotonic time, as of the last look.
    base: AtomicU64,
    /// The latest time told.
    last: AtomicU64,
    /// Added to the wall clock; 0 while it is believed.
    offset: AtomicI64,
    believed: AtomicBool,
    /// How far the audit may be cut, minus monotonic time.
    cut_base: i64,
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
        let plausible =
            (-STANDSTILL_MILLIS..=LEAP_ACROSS_RESTART_MILLIS).contains(&wall.since(state.mark));
        let time = if plausible { wall.max(state.mark) } else { resumed(wall, state) };
        let keeper = Self {
            clock,
            began: monotonic,
            base: AtomicU64::new(pack(
                state.clock_changes,
                time.millis().saturating_sub(monotonic),
            )),
            last: AtomicU64::new(pack(state.clock_changes, time.millis())),
            offset: AtomicI64::new(state.clock.offset),
            believed: AtomicBool::new(state.clock.believed),
            cut_base: state.cut_horizon.plus_millis(DAY_MILLIS).millis().saturating_sub(monotonic),
            unrecorded: Mutex::default(),
        };
        keeper.judge(pack(state.clock_changes, 0), wall, time, plausible);
        keeper
    }

    /// The time now. It never runs backwards.
    pub(crate) fn now(&self) -> UnixTime {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let packed = self.base.load(Ordering::Acquire);
        let expected = millis_of(packed).saturating_add(monotonic);
        let ahead = wall.millis().saturating_sub(expected);
        let plausible = (-STANDSTILL_MILLIS..=self.leap_limit()).contains(&ahead);
        if plausible && self.believed.load(Ordering::Acquire) {
            return self.told(packed, wall.millis(), monotonic);
        }
        self.judge(packed, wall, UnixTime::from_millis(expected), plausible);
        self.told(packed, if plausible { wall.millis() } else { expected }, monotonic)
    }

    /// The moment by the steady clock alone, for limits of rate.
    pub(crate) fn steady(&self) -> Steady {
        Steady::from_millis(self.clock.monotonic().saturating_sub(self.began))
    }

    /// How far ahead of time the wall clock may be. One that was far behind had lost the time altogether: how
    /// long the machine was off, only the right time tells, as at a start.
    fn leap_limit(&self) -> i64 {
        let was_behind =
            !self.believed.load(Ordering::Acquire) && self.offset.load(Ordering::Acquire) > 0;
        if was_behind { LEAP_ACROSS_RESTART_MILLIS } else { LEAP_MILLIS }
    }

    /// How far the audit may be cut at most: a day further than when this process opened it, and as much
    /// further as it has been running. No wall clock moves that.
    pub(crate) fn cut_cap(&self) -> UnixTime {
        UnixTime::from_millis(self.cut_base.saturating_add(self.clock.monotonic()))
    }

    /// Whether the wall clock is believed.
    pub(crate) fn is_believed(&self) -> bool {
        self.believed.load(Ordering::Acquire)
    }

    /// Whether the clock in use is the machine's own.
    pub(crate) fn is_system(&self) -> bool {
        self.clock.is_system()
    }

    /// Follows what another process wrote: its mark, and its belief. Where an operator has set the time since,
    /// this one is set too, also backwards: a larger number of changes is a larger packed time.
    pub(crate) fn follow(&self, state: &State) {
        let mut unrecorded = lock(&self.unrecorded);
        let known = changes_of(self.last.load(Ordering::Acquire));
        if state.clock_changes & CHANGES_MASK < known {
            return;
        }
        if state.clock_changes & CHANGES_MASK > known {
            *unrecorded = None;
        }
        if unrecorded.is_none() {
            self.offset.store(state.clock.offset, Ordering::Release);
            self.believed.store(state.clock.believed, Ordering::Release);
        }
        let mark = state.mark.millis();
        let base = mark.saturating_sub(self.clock.monotonic());
        self.base.fetch_max(pack(state.clock_changes, base), Ordering::AcqRel);
        self.last.fetch_max(pack(state.clock_changes, mark), Ordering::AcqRel);
    }

    /// The clock itself, believed or not.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// `now` as a writing transaction needs it.
    ///
    /// # Errors
    /// [`Error::Busy`] for a time that is later than now: an operator has set the time back since.
    pub(crate) fn moment(&self, now: UnixTime) -> Result<Moment> {
        let clock_changes = changes_of(self.last.load(Ordering::Acquire));
        if now > self.now() {
            return Err(Error::Busy);
        }
        Ok(Moment { time: now, clock_changes })
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

    /// Notes and returns the time told; a wall clock that is a little behind makes time stand still
    /// until it has caught up.
    fn told(&self, seen: u64, time: i64, monotonic: i64) -> UnixTime {
        let changes = changes_of(seen);
        let packed = pack(changes, time);
        let last = self.last.fetch_max(packed, Ordering::AcqRel);
        if last > packed {
            return UnixTime::from_millis(millis_of(last));
        }
        let base = time.saturating_sub(monotonic);
        // Written only when it moved, so that threads do not fight for the cache line; and not over what an
        // operator has set meanwhile.
        if base.abs_diff(millis_of(seen)) > BASE_DRIFT_MILLIS {
            let _ = self.base.compare_exchange(
                seen,
                pack(changes, base),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
        UnixTime::from_millis(time)
    }

    /// Believes the wall clock or not, at `time`, and notes what is new about that for the file.
    fn judge(&self, seen: u64, wall: UnixTime, time: UnixTime, believed: bool) {
        let mut unrecorded = lock(&self.unrecorded);
        if changes_of(seen) != changes_of(self.last.load(Ordering::Acquire)) {
            return;
        }
        let offset = if believed { 0 } else { time.since(wall) };
        let same = self.believed.load(Ordering::Acquire) == believed;
        let moved = offset.abs_diff(self.offset.load(Ordering::Acquire));
        if same && moved <= STANDSTILL_MILLIS.unsigned_abs() {
            return;
        }
        self.offset.store(offset, Ordering::Release);
        self.believed.store(believed, Ordering::Release);
        *unrecorded = Some(Belief { clock: Clockwork { believed, offset }, wall, time });
    }
}

/// A time and how often it was set by an operator, the latter above the former: of two, the one that was set
/// more often is the larger.
fn pack(changes: u64, millis: i64) -> u64 {
    let shifted = millis.clamp(-BIAS_MILLIS, BIAS_MILLIS - 1) + BIAS_MILLIS;
    (changes & CHANGES_MASK) << TIME_BITS | shifted.unsigned_abs()
}

fn millis_of(packed: u64) -> i64 {
    let shifted = i64::try_from(packed & ((1 << TIME_BITS) - 1)).unwrap_or(0);
    shifted - BIAS_MILLIS
}

const fn changes_of(packed: u64) -> u64 {
    packed >> TIME_BITS
}

/// The time at which an engine goes on whose wall clock is not plausible. One that was not believed
/// before has been running on all the same: what it gained counts, as far as a restart may leap.
fn resumed(wall: UnixTime, state: &State) -> UnixTime {
    if state.clock.believed {
        return state.mark;
    }
    let latest = state.mark.plus_millis(LEAP_ACROSS_RESTART_MILLIS);
    wall.plus_millis(state.clock.offset).min(latest).max(state.mark)
}

/// The time at which a database begins.
///
/// # Errors
/// [`Error::InvalidArgument`] for a machine whose clock was never set: its first mark would stay for good.
pub(crate) fn first(wall: UnixTime) -> Result<UnixTime> {
    if (FIRST_SECONDS..LAST_SECONDS).contains(&wall.seconds()) {
        return Ok(wall);
    }
    Err(Error::argument("clock", format!("says {wall}: set the machine's clock, then create")))
}

/// The time at which something happens whose engine is not open yet: a wall clock that says 2099 must not
/// raise the mark for good.
pub(crate) fn plausible(wall: UnixTime, mark: UnixTime) -> UnixTime {
    if wall.since(mark) > LEAP_ACROSS_RESTART_MILLIS { mark } else { wall.max(mark) }
}

/// 7 days: more than the wall clock may gain on the monotonic one while a process runs.
const LEAP_MILLIS: i64 = 7 * DAY_MILLIS;

/// 400 days: longer than a clinic's server stands switched off.
const LEAP_ACROSS_RESTART_MILLIS: i64 = 400 * DAY_MILLIS;

const DAY_MILLIS: i64 = 86_400_000;

/// 2026-01-01, when this library was young.
const FIRST_SECONDS: i64 = 1_767_225_600;

/// 2099-01-01: where clocks go that have no battery.
const LAST_SECONDS: i64 = 4_070_908_800;

/// Enough for 278 years before and after 1970.
const TIME_BITS: u32 = 44;

const BIAS_MILLIS: i64 = 1 << 43;

/// A million changes by operators.
const CHANGES_MASK: u64 = (1 << 20) - 1;

const BASE_DRIFT_MILLIS: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Epoch, ManualClock};
    use crate::store::AuditHead;

    const DAY: i64 = 86_400_000;

    const HOUR: i64 = 3_600_000;
    const BELIEVED: Clockwork = Clockwork { believed: true, offset: 0 };

    fn start(wall: i64, mark: i64) -> (Arc<ManualClock>, Timekeeper) {
        start_as(wall, mark, BELIEVED)
    }

    fn start_as(wall: i64, mark: i64, works: Clockwork) -> (Arc<ManualClock>, Timekeeper) {
        let clock = Arc::new(ManualClock::at(UnixTime::from_millis(wall)));
        let shared = Arc::<ManualClock>::clone(&clock);
        let keeper = Timekeeper::start(shared, &state(mark, works));
        (clock, keeper)
    }

    fn state(mark: i64, clock: Clockwork) -> State {
        State {
            commits: 1,
            checkpointed: 1,
            sequence: 1,
            epoch: Epoch::from_bytes([0; 8]),
            epoch_before: Epoch::from_bytes([0; 8]),
            epoch_since: 1,
            mark: UnixTime::from_millis(mark),
            clock,
            clock_changes: 0,
            last_expiry: UnixTime::from_millis(0),
            audit: AuditHead { sequence: 1, hash: [0; 32] },
            cut: AuditHead { sequence: 0, hash: [0; 32] },
            cut_horizon: UnixTime::from_millis(0),
            size_warned_at: UnixTime::from_millis(0),
        }
    }

    fn doubted(offset: i64) -> Clockwork {
        Clockwork { believed: false, offset }
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
        assert_eq!(keeper.unrecorded().unwrap().clock, doubted(9_000 * DAY));
    }

    #[test]
    fn a_step_back_that_nobody_saw_for_as_long_as_it_was_loses_no_time() {
        let (clock, keeper) = start(100 * DAY, 100 * DAY);
        clock.set_wall(UnixTime::from_millis(100 * DAY - 2 * HOUR));
        clock.advance_millis(2 * HOUR);
        assert_eq!(now(&keeper), 100 * DAY + 2 * HOUR);
        assert_eq!(keeper.unrecorded().unwrap().clock, doubted(2 * HOUR));
        clock.advance_millis(HOUR);
        assert_eq!(now(&keeper), 100 * DAY + 3 * HOUR);
    }

    #[test]
    fn small_steps_back_do_not_add_up_to_a_standstill() {
        let (clock, keeper) = start(100 * DAY, 100 * DAY);
        for step in 1..=10 {
            clock.set_wall(UnixTime::from_millis(100 * DAY - step * 50_000));
            now(&keeper);
        }
        clock.advance_millis(HOUR);
        assert_eq!(now(&keeper), 100 * DAY + HOUR);
    }

    #[test]
    fn time_that_passed_switched_off_counts_by_a_clock_that_is_still_not_believed() {
        let (clock, keeper) =
            start_as(47_000 * DAY + 3 * DAY, 20_000 * DAY, doubted(-27_000 * DAY));
        assert_eq!(now(&keeper), 20_003 * DAY);
        clock.advance_millis(1000);
        assert_eq!(now(&keeper), 20_003 * DAY + 1000);
        assert_eq!(keeper.unrecorded(), None, "nothing is new about it");
        let (_, keeper) = start_as(11_003 * DAY, 20_000 * DAY, doubted(9_000 * DAY));
        assert_eq!(now(&keeper), 20_003 * DAY, "the same behind as ahead");
    }

    #[test]
    fn a_doubted_clock_that_leaps_again_carries_time_no_further_than_a_believed_one_could() {
        let (_, keeper) = start_as(48_000 * DAY, 20_000 * DAY, doubted(-27_000 * DAY));
        assert_eq!(now(&keeper), 20_400 * DAY);
        assert_eq!(keeper.unrecorded().unwrap().clock, doubted(-27_600 * DAY));
        let (_, keeper) = start_as(46_000 * DAY, 20_000 * DAY, doubted(-27_000 * DAY));
        assert_eq!(now(&keeper), 20_000 * DAY, "and never back");
    }

    #[test]
    fn a_clock_set_right_while_switched_off_for_weeks_is_believed_at_once() {
        let (clock, keeper) = start_as(20_030 * DAY, 20_000 * DAY, doubted(-27_000 * DAY));
        assert_eq!(now(&keeper), 20_030 * DAY);
        assert_eq!(keeper.unrecorded().unwrap().clock, BELIEVED);
        clock.advance_millis(1000);
        assert_eq!(now(&keeper), 20_030 * DAY + 1000);
    }

    #[test]
    fn a_clock_without_battery_set_right_after_weeks_off_is_believed_by_the_running_process() {
        let (clock, keeper) = start(11_000 * DAY, 20_000 * DAY);
        clock.advance_millis(60_000);
        assert_eq!(now(&keeper), 20_000 * DAY + 60_000);
        clock.set_wall(UnixTime::from_millis(20_021 * DAY));
        assert_eq!(now(&keeper), 20_021 * DAY);
        assert_eq!(keeper.unrecorded().unwrap().clock, BELIEVED);
        clock.set_wall(UnixTime::from_millis(20_030 * DAY));
        assert_eq!(now(&keeper), 20_021 * DAY, "and from then on seven days are a leap again");
    }

    #[test]
    fn what_another_process_wrote_is_followed_and_time_goes_on_from_there() {
        let (clock, keeper) = start(100 * DAY, 100 * DAY);
        clock.set_wall(UnixTime::from_millis(50 * DAY));
        now(&keeper);
        let belief = keeper.unrecorded().unwrap();
        keeper.recorded(belief);
        keeper.follow(&state(100 * DAY + HOUR, belief.clock));
        assert_eq!(now(&keeper), 100 * DAY + HOUR);
        clock.advance_millis(1000);
        assert_eq!(now(&keeper), 100 * DAY + HOUR + 1000, "from the mark, by the monotonic clock");
    }

    #[test]
    fn a_database_begins_at_no_time_that_a_clock_without_battery_tells() {
        for (seconds, sound) in [
            (0, false),
            (946_684_800, false),
            (FIRST_SECONDS - 1, false),
            (FIRST_SECONDS, true),
            (LAST_SECONDS - 1, true),
            (LAST_SECONDS, false),
        ] {
            assert_eq!(first(UnixTime::from_seconds(seconds)).is_ok(), sound, "{seconds}");
        }
    }
}
