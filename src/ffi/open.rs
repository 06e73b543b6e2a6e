//! Opening and closing.

use crate::ffi::types::{EngineHandle, ErrorReport, OpenOptions};

/// Fills in the defaults of wardkey_options: zero, but for struct_size and the busy timeout.
///
/// ```c
/// wardkey_options options;
/// wardkey_options_init(&options, sizeof options);
/// options.path = "/var/lib/clinic/wardkey.db";
/// options.path_len = WARDKEY_NTS;
/// ```
///
/// All options_size bytes are written. Returns WARDKEY_OK, WARDKEY_MISUSE_NULL or WARDKEY_MISUSE_SIZE. Any
/// thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_options_init(options: *mut OpenOptions, options_size: usize) -> i32 {
}

/// Opens a database, or with WARDKEY_MODE_CREATE makes one first.
///
/// ```c
/// wardkey_engine *engine = NULL;
/// wardkey_error error;
/// options.mode = WARDKEY_MODE_CREATE;
/// options.actor = "setup";
/// options.actor_len = WARDKEY_NTS;
/// options.settings = "{\"issuer\":\"https://emr.clinic.example\"}";
/// options.settings_len = WARDKEY_NTS;
/// if (wardkey_open(&options, &engine, &error) != WARDKEY_OK) {
///     fprintf(stderr, "%s\n", error.message);
/// }
/// ```
///
/// A program opens a database once and uses the engine from all its threads; several programs may have
/// the same database open. Open it after the last fork: a child cannot use what its parent opened.
///
/// options: required, read during the call only. engine: required; set to NULL first, and to the engine on
/// success. error: may be NULL.
///
/// Returns WARDKEY_OK; a misuse code; a storage code, each of which says what to do; WARDKEY_MISUSE_FORKED.
/// Whatever it returns, the options' destroy functions are the library's to call from now on (see
/// wardkey_options). Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_open(
    options: *const OpenOptions,
    engine: *mut *mut EngineHandle,
    error: *mut ErrorReport,
) -> i32 {
}

/// Writes what verification has gathered for the audit, and closes the engine.
///
/// The handle ends whatever is returned. Calls under way in other threads finish, or answer
/// WARDKEY_MISUSE_CLOSED if they had only begun; later ones answer that. The database itself is closed, and
/// the destroy functions called, when the last of them has returned, on its thread.
///
/// NULL: nothing happens, WARDKEY_OK. A second close: WARDKEY_MISUSE_CLOSED, harmless. A program that ends
/// without closing loses at most what was gathered in the last minute: how often which token was used,
/// and refusals of callers that nobody knew. Never a token's or an administrator's row, never a
/// revocation. A garbage-collected host calls it from `Dispose` or a context manager; its finalizer may
/// call it too.
///
/// Returns WARDKEY_OK; a storage code if what was gathered could not be written, closed all the same;
/// WARDKEY_MISUSE_HANDLE, _CLOSED, _KIND, _FOREIGN, _FORKED. error: may be NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_close(engine: *mut EngineHandle, error: *mut ErrorReport) -> i32 {
}

/// Writes what verification has gathered for the audit.
///
/// Nothing has to call it: other calls do so once a minute. A program that only verifies calls it now and
/// then, so that the audit shows uses soon and a crash loses none.
///
/// engine: required. error: may be NULL. Returns WARDKEY_OK, a misuse code of the handle, a storage code.
/// Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_maintain(engine: *const EngineHandle, error: *mut ErrorReport) -> i32 {
}
