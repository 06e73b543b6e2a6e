//! Ctrl-C during long work: it ends at its next step and leaves nothing behind.

use crate::failure::{Exit, Failure};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on Ctrl-C, or a service manager's wish, does not end the program: [`asked`] tells of it.
pub(crate) fn watch() {
    // Best effort: without it the program ends at once, as any does.
    let _ = ctrlc::set_handler(|| ASKED.store(true, Ordering::Relaxed));
}

/// Whether to go on.
pub(crate) fn asked() -> ControlFlow<()> {
    if ASKED.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Work that was ended by Ctrl-C.
pub(crate) fn failure(left: &str) -> Failure {
    Failure::new(Exit::Cancelled, "cancelled", format!("cancelled; {left}")).next("run it again")
}

static ASKED: AtomicBool = AtomicBool::new(false);
