//! The machine's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC by the wall clock.
#[expect(clippy::disallowed_methods, reason = "the one home of the wall clock")]
pub(crate) fn wall_millis() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

/// Milliseconds since an arbitrary start, usually the boot: nobody can set it, it never runs
/// backwards, and it counts the time that the machine slept where the system can.
///
/// `Instant` is not used: on Linux and macOS it stands still while the machine sleeps, and a
/// laptop's night would look like a jump of the wall clock.
pub(crate) fn monotonic_millis() -> i64 {
    since_boot().map_or(0, millis)
}

/// The steady clock's reading. A kernel without the preferred clock lacks it at every call, so the
/// two clocks never mix within one process.
#[cfg(unix)]
fn since_boot() -> Option<Duration> {
    read_clock(STEADY_CLOCK).or_else(|| read_clock(libc::CLOCK_MONOTONIC))
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "std reads no clock that counts suspended time")]
fn read_clock(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: clock_gettime(2) writes one timespec through the pointer, which is valid for that write.
    let status = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: clock_gettime(2) filled the timespec, for it returned 0.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// `GetTickCount64` counts sleep and hibernation; `QueryUnbiasedInterruptTime` and `Instant` may not.
/// It moves in steps of 10 to 16 ms.
#[cfg(windows)]
#[expect(unsafe_code, reason = "std reads no clock that counts suspended time")]
fn since_boot() -> Option<Duration> {
    // SAFETY: GetTickCount64 takes nothing, cannot fail and has no preconditions.
    let millis = unsafe { windows_sys::Win32::System::SystemInformation::GetTickCount64() };
    Some(Duration::from_millis(millis))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// clock_gettime(2): CLOCK_BOOTTIME "is identical to CLOCK_MONOTONIC, except that it also includes
/// any time that the system is suspended".
#[cfg(any(target_os = "linux", target_os = "android"))]
const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
/// Apple's clock_gettime(3): CLOCK_MONOTONIC_RAW goes on "while the system is asleep".
#[cfg(target_vendor = "apple")]
const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;
/// Elsewhere whether suspended time counts differs from system to system.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
const STEADY_CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn the_monotonic_clock_advances_with_time() {
        let before = monotonic_millis();
        thread::sleep(Duration::from_millis(50));
        let after = monotonic_millis();
        assert!(before > 0, "{before}");
        // Windows moves the clock in steps of up to 16 ms.
        assert!(after - before >= 34, "{before} {after}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_monotonic_clock_is_the_kernels_uptime_with_sleep() {
        let before = monotonic_millis();
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let after = monotonic_millis();
        let uptime: f64 = text.split(' ').next().unwrap().parse().unwrap();
        let uptime = Duration::from_secs_f64(uptime);
        // A container with a time namespace shows the same offset in both.
        assert!(millis(uptime) >= before - 1_000 && millis(uptime) <= after + 1_000);
    }

    #[test]
    fn the_wall_clock_is_past_this_codes_writing() {
        assert!(wall_millis() > 1_767_225_600_000);
    }
}
