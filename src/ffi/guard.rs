//! What stands between C and everything that can go wrong.

use crate::error::Error;
use crate::ffi::boundary;
use crate::ffi::handle::{self, Open};
use crate::ffi::status::{self, WARDKEY_INTERNAL_PANIC, WARDKEY_OK};
use crate::ffi::types::{EngineHandle, ErrorReport};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why a call of the ABI did not succeed.
pub(super) struct Fault {
    pub(super) code: i32,
    pub(super) system_code: i32,
    pub(super) message: String,
}

impl Fault {
    /// A misuse that names the argument.
    pub(super) fn misuse(code: i32, argument: &str, why: &str) -> Self {
        Self { code, system_code: 0, message: format!("argument `{argument}`: {why}") }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (code, system_code) = status::of_error(&error);
        Self { code, system_code, message: error.to_string() }
    }
}

/// Runs `body`, and reports its end as a status code and in `error`.
///
/// A panic in it becomes WARDKEY_INTERNAL_PANIC: unwinding into C is undefined.
pub(super) fn guard(error: *mut ErrorReport, body: impl FnOnce() -> Result<(), Fault>) -> i32 {
    match caught(body) {
        Ok(()) => {
            boundary::write_error(error, WARDKEY_OK, 0, "");
            WARDKEY_OK
        }
        Err(fault) => {
            boundary::write_error(error, fault.code, fault.system_code, &fault.message);
            fault.code
        }
    }
}

/// Like [`guard`], on an open engine, whose host is told of failures if it asked to be. `clear` sets the
/// caller's results to zero first, whatever the engine is.
pub(super) fn guard_engine(
    engine: *const EngineHandle,
    error: *mut ErrorReport,
    clear: impl FnOnce() -> Result<(), Fault>,
    body: impl FnOnce(&Arc<Open>) -> Result<(), Fault>,
) -> i32 {
    guard(error, || {
        clear()?;
        let open = handle::find(engine)?;
        let end = caught(|| body(&open));
        if let Err(fault) = &end {
            open.tell(fault);
        }
        end
    })
}

/// Runs what has no way to report anything.
pub(super) fn guard_silent(body: impl FnOnce()) {
    // Freeing does not panic; if it did, the bytes would leak, which harms less than unwinding into C.
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// Runs `body`; a panic in it is a fault.
pub(super) fn caught<T>(body: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What `body` shares is behind locks that are replaced whole, so a panic leaves nothing half done.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Fault {
    Fault {
        code: WARDKEY_INTERNAL_PANIC,
        system_code: 0,
        message: "a defect of this library: it panicked; nothing was done".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_code_and_a_message() {
        let mut report = ErrorReport { code: 0, system_code: 7, message: [0; 240] };
        let code = guard(&raw mut report, || panic!("as asked"));
        assert_eq!((code, report.code), (WARDKEY_INTERNAL_PANIC, WARDKEY_INTERNAL_PANIC));
        assert_ne!(report.message[0], 0);
        guard_silent(|| panic!("as asked"));
    }
}
