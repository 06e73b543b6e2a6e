//! Where time comes from.

use crate::base::UnixTime;
use crate::sys;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the engine reads time. The default is [`SystemClock`]; tests bring their own.
///
/// Using another clock than the system's is recorded in the audit when the database is opened.
pub trait Clock: Send + Sync {
    /// The wall clock's time.
    fn wall(&self) -> UnixTime;

    /// Milliseconds since an arbitrary start, never running backwards, counting suspended time too
    /// where the system can.
    fn monotonic(&self) -> i64;

    /// Whether this is the machine's own clock.
    fn is_system(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> UnixTime {
        UnixTime::from_millis(sys::clock::wall_millis())
    }

    fn monotonic(&self) -> i64 {
        sys::clock::monotonic_millis()
    }

    fn is_system(&self) -> bool {
        true
    }
}

/// A clock that moves only when told to, for tests of programs that embed Wardkey.
///
/// ```
/// use wardkey::{Clock, ManualClock, UnixTime};
/// let clock = ManualClock::at(UnixTime::from_seconds(1_772_353_800));
/// clock.advance_millis(1500);
/// assert_eq!(clock.wall().to_string(), "2026-03-01T08:30:01.500Z");
/// ```
#[derive(Debug)]
pub struct ManualClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn at(now: UnixTime) -> Self {
        Self { wall: AtomicI64::new(now.millis()), monotonic: AtomicI64::new(0) }
    }

    /// Lets `millis` milliseconds pass on both clocks.
    pub fn advance_millis(&self, millis: i64) {
        self.wall.fetch_add(millis, Ordering::SeqCst);
        self.monotonic.fetch_add(millis.max(0), Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator or an empty CMOS battery does.
    pub fn set_wall(&self, now: UnixTime) {
        self.wall.store(now.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> UnixTime {
        UnixTime::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> i64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn wall(&self) -> UnixTime {
        (**self).wall()
    }

    fn monotonic(&self) -> i64 {
        (**self).monotonic()
    }

    fn is_system(&self) -> bool {
        (**self).is_system()
    }
}
