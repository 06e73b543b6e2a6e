//! Long work on the whole file, whose progress the host is told.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::engine::Progress;
use crate::ffi::boundary::{self, Held};
use crate::ffi::guard::{Fault, guard_engine};
use crate::ffi::handle::Open;
use crate::ffi::read;
use crate::ffi::status::{WARDKEY_CANCELLED, WARDKEY_MISUSE_ARGUMENT};
use crate::ffi::types::{Buf, CallContext, EngineHandle, ErrorReport};
use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;

/// Copies the database to a new file, while threads and programs use it.
///
/// ```c
/// static int32_t WARDKEY_CALL show(void *user, uint64_t done, uint64_t total) {
///     printf("%u %%\n", total ? (unsigned)(100 * done / total) : 0);
///     return *(volatile int *)user ? WARDKEY_CANCELLED : 0; // anything but 0 ends it
/// }
///
/// wardkey_buf json = {0};
/// if (wardkey_backup(engine, &context, "D:/backup/clinic-2026-03-01.db", WARDKEY_NTS,
///                    show, &pressed_cancel, NULL, &json, &error) == WARDKEY_OK) {
///     puts(json.data); // key_source, key_id, recovery_code, keep: what opens the copy, and what to keep
/// }
/// wardkey_buf_free(&json);
/// ```
///
/// The copy is a whole database in one file, checked and synced; no key is in it. It appears under its name
/// complete or not at all, and nothing is overwritten. To use it, put it in the database's place and open it
/// with WARDKEY_MODE_RESTORE. The response has `path`, `bytes`, `pages`, `audit_sequence`, `audit_head`,
/// `key_source`, `key_id`, `key_found` (not where you have the key), `recovery_code` (whether there is one, which
/// opens the copy too) and `keep` (what to keep beside it, in words). The audit gets a row `database.backup`.
///
/// engine: required. context: required, with an actor. path: required; relative to the program's folder.
/// progress: may be NULL; called before each few pages on this thread, with what is done of how much. Anything but
/// 0 from it cancels. It must return (no longjmp, no exception of your language), and may call this library; while
/// it waits, the file beside the database that ends in `-wal` grows. user: its first argument. destroy: may be
/// NULL; called with user exactly once before this function returns, however it returns. response: required; set
/// to zero, filled on success, to be freed by you. error: may be NULL.
///
/// Returns WARDKEY_OK; WARDKEY_CANCELLED, then nothing of it is left; WARDKEY_STORAGE_EXISTS if there is
/// anything at the path; WARDKEY_MISUSE_ARGUMENT if it is the database itself or would lie beside one as
/// a part of it; WARDKEY_STORAGE_CORRUPT if the copy is not sound, as the database then is not either;
/// WARDKEY_MISUSE_ACTOR; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_backup(
    engine: *const EngineHandle,
    context: *const CallContext,
    path: *const c_char,
    path_len: usize,
    progress: Option<extern "C" fn(user: *mut c_void, done: u64, total: u64) -> i32>,
    user: *mut c_void,
    destroy: Option<extern "C" fn(user: *mut c_void)>,
    response: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    long_work(engine, (user, destroy), response, error, |open, held| {
        let context = read::context(context)?;
        let path = read::required(path, path_len, "path")?;
        if path.is_empty() || path.contains('\0') {
            let why = "must name a file, without a NUL in it";
            return Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "path", why));
        }
        let copied = open.engine.backup(&context, path, &mut |step| tell(progress, held, step))?;
        Ok(crate::admin::print(&copied.ok_or_else(cancelled)?)?)
    })
}

/// Checks the whole file: SQLite's own check, every row's code, every row against the audit, the audit's chain. It is
/// the operation `database.check` of wardkey_call, with progress.
///
/// engine: required. context: required, with an actor. progress, user, destroy: as of wardkey_backup. response:
/// required; set to zero, filled on success, to be freed by you: `sound`, `cancelled`, `findings`, `audit`. error: may
/// be NULL.
///
/// Returns WARDKEY_OK if it could be checked, and `sound` says what came out; WARDKEY_CANCELLED;
/// WARDKEY_MISUSE_ACTOR; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_check(
    engine: *const EngineHandle,
    context: *const CallContext,
    progress: Option<extern "C" fn(user: *mut c_void, done: u64, total: u64) -> i32>,
    user: *mut c_void,
    destroy: Option<extern "C" fn(user: *mut c_void)>,
    response: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    long_work(engine, (user, destroy), response, error, |open, held| {
        let context = read::context(context)?;
        let checked = open.engine.check(&context, &mut |step| tell(progress, held, step))?;
        if checked.cancelled {
            return Err(cancelled());
        }
        Ok(crate::admin::print(&checked)?)
    })
}

/// Runs `work`, whose answer goes into `response`; the callback's argument is released when it has ended, however.
fn long_work(
    engine: *const EngineHandle,
    (user, destroy): (*mut c_void, Option<extern "C" fn(user: *mut c_void)>),
    response: *mut Buf,
    error: *mut ErrorReport,
    work: impl FnOnce(&Open, &Held) -> Result<Vec<u8>, Fault>,
) -> i32 {
    let held = Held::new(user, destroy);
    let end = guard_engine(
        engine,
        error,
        || boundary::clear_required(response, "response"),
        |open| {
            boundary::write_buf(response, work(open, &held)?);
            Ok(())
        },
    );
    drop(held);
    end
}

/// Not success: a host that takes it for one would believe that it has a copy.
fn cancelled() -> Fault {
    let message = "it was cancelled; nothing of it is left".to_owned();
    Fault { code: WARDKEY_CANCELLED, system_code: 0, message }
}

fn tell(
    function: Option<extern "C" fn(*mut c_void, u64, u64) -> i32>,
    held: &Held,
    step: Progress,
) -> ControlFlow<()> {
    match function.map_or(0, |function| function(held.user(), step.done, step.total)) {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}
