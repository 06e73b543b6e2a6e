//! Noticing that this process is the child of a fork.
//!
//! SQLite's table of POSIX locks is copied by a fork and lies in the child: a child's commit was
//! seen to vanish. So a child that was forked while an engine was open is poisoned until exec.

use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Registers the hook that runs in the child of every fork. Call it before
/// [`engine_opened`]; repeating it is harmless.
///
/// A child made by `vfork`, `posix_spawn` or the bare `clone` system call is not noticed; the first
/// two exec at once.
///
/// # Errors
/// [`Error::Io`](crate::error::Error::Io) if the system has no memory for the hook.
pub(crate) fn install() -> Result<()> {
    // Not a `Once`: a fork in another thread meanwhile would leave it locked in the child for ever.
    // Two threads that both register only make the child look twice.
    if !INSTALLED.load(Ordering::Acquire) {
        register()?;
        INSTALLED.store(true, Ordering::Release);
    }
    Ok(())
}

/// Counts an engine. Call it before the engine's first SQLite handle exists.
pub(crate) fn engine_opened() {
    WATCH.opened();
}

/// Takes back one [`engine_opened`]. Call it after the engine's last SQLite handle is gone.
pub(crate) fn engine_closed() {
    WATCH.closed();
}

/// Whether this process was forked while an engine was open. It stays so until exec, in the
/// children too. On Windows, which has no fork, never. One load: cheap enough for every call.
pub(crate) fn poisoned() -> bool {
    WATCH.is_poisoned()
}

/// How many engines are open, and whether a fork happened meanwhile.
struct Watch {
    open: AtomicUsize,
    poisoned: AtomicBool,
}

impl Watch {
    const fn new() -> Self {
        Self { open: AtomicUsize::new(0), poisoned: AtomicBool::new(false) }
    }

    fn opened(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
    }

    fn closed(&self) {
        // Saturating: one close too many must not wrap round and poison every later child.
        let _ = self.open.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    }

    // Relaxed: the hook stores before fork returns in the child, when no second thread exists yet.
    fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// Runs in the child, where only async-signal-safe work is allowed: two atomics, nothing else.
    #[cfg(any(unix, test))]
    fn forked(&self) {
        if self.open.load(Ordering::SeqCst) > 0 {
            self.poisoned.store(true, Ordering::SeqCst);
        }
    }
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "std has no fork hook")]
fn register() -> Result<()> {
    extern "C" fn child() {
        WATCH.forked();
    }
    // SAFETY: pthread_atfork(3) takes functions or NULL. `child` cannot unwind, does only
    // async-signal-safe work, and stays mapped: build.rs links the library `-z nodelete`.
    let code = unsafe { libc::pthread_atfork(None, None, Some(child)) };
    if code == 0 {
        return Ok(());
    }
    let error = std::io::Error::from_raw_os_error(code);
    Err(crate::error::Error::io("registering the fork hook", &error))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix side can fail")]
fn register() -> Result<()> {
    Ok(())
}

static WATCH: Watch = Watch::new();
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Runs `body` in a forked child of the test process and returns the child's exit status.
///
/// The child is single-threaded and ends without destructors; what it answers must fit its status.
/// 99 is a panic, 98 a child that died otherwise.
#[cfg(all(test, unix))]
#[expect(unsafe_code, reason = "forking is what the tests are about")]
pub(crate) fn in_a_child(body: impl FnOnce() -> i32) -> i32 {
    // SAFETY: fork(2) has no preconditions; after it the child of a threaded process may only do
    // what glibc, musl and Apple allow there, allocation included, and then calls _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        let body = std::panic::AssertUnwindSafe(body);
        let status = std::panic::catch_unwind(body).unwrap_or(99);
        // SAFETY: _exit(2) has no preconditions; it runs none of the parent's exit handlers.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: waitpid(2) writes one int through the pointer, and `child` is our unreaped child.
    let reaped = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(reaped, child, "waitpid failed");
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 98 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_poisoned_only_by_a_fork_under_an_open_engine() {
        let watch = Watch::new();
        watch.forked();
        assert!(!watch.is_poisoned());
        watch.opened();
        watch.closed();
        watch.forked();
        assert!(!watch.is_poisoned());
        watch.opened();
        assert!(!watch.is_poisoned());
        watch.forked();
        assert!(watch.is_poisoned());
    }

    #[test]
    fn a_poisoned_watch_stays_poisoned_when_its_engine_closes() {
        let watch = Watch::new();
        watch.opened();
        watch.forked();
        watch.closed();
        assert!(watch.is_poisoned());
    }

    #[test]
    fn closing_too_often_does_not_poison_later_children() {
        let watch = Watch::new();
        watch.closed();
        watch.forked();
        assert!(!watch.is_poisoned());
    }

    #[cfg(unix)]
    #[test]
    fn a_child_forked_under_an_open_engine_is_poisoned_and_so_are_its_children() {
        install().unwrap();
        install().unwrap();
        engine_opened();
        let child = in_a_child(|| i32::from(poisoned()));
        let grandchild = in_a_child(|| {
            engine_closed();
            in_a_child(|| i32::from(poisoned()))
        });
        engine_closed();
        assert_eq!(child, 1);
        assert_eq!(grandchild, 1);
        assert!(!poisoned(), "the parent goes on");
    }

    // Other tests of this binary open engines at any moment, so this one needs a process of its own.
    #[cfg(unix)]
    #[test]
    fn a_child_forked_with_every_engine_closed_is_free() {
        let test = concat!(module_path!(), "::alone_a_child_is_free");
        let (_, test) = test.split_once("::").unwrap();
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("1 passed"), "{said}");
    }

    #[cfg(unix)]
    #[test]
    #[ignore = "a_child_forked_with_every_engine_closed_is_free runs it in its own process"]
    fn alone_a_child_is_free() {
        install().unwrap();
        assert_eq!(in_a_child(|| i32::from(poisoned())), 0, "none was ever open");
        engine_opened();
        engine_closed();
        assert_eq!(in_a_child(|| i32::from(poisoned())), 0, "all are closed");
        let opened_in_child = in_a_child(|| {
            engine_opened();
            i32::from(poisoned())
        });
        assert_eq!(opened_in_child, 0, "a child may open its own");
    }
}
