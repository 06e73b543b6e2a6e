//! Opening and closing.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::admin::settings_of_json;
use crate::base::{Clock, Secret, UnixTime};
use crate::engine::{Context, Engine, Options};
use crate::error::Error;
use crate::ffi::boundary::{self, Held, Log};
use crate::ffi::guard::{Fault, caught, guard, guard_engine};
use crate::ffi::handle::{self, Open};
use crate::ffi::read;
use crate::ffi::status::{
    WARDKEY_MISUSE_ARGUMENT, WARDKEY_MISUSE_NULL, WARDKEY_STORAGE_KEY_CALLBACK,
};
use crate::ffi::types::{
    EngineHandle, ErrorReport, OpenOptions, WARDKEY_KEY_BYTES, WARDKEY_KEY_CALLBACK,
    WARDKEY_KEY_DPAPI, WARDKEY_KEY_FILE, WARDKEY_MODE_CREATE, WARDKEY_MODE_MIGRATE,
    WARDKEY_MODE_OPEN, WARDKEY_MODE_RESTORE, WARDKEY_MODE_RESTORE_TRUSTING,
};
use crate::ffi::user_check::HostCheck;
use crate::sys;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

/// Fills in the defaults of wardkey_options: zero, but for struct_size. (A busy timeout of 0 stands for 5
/// seconds.)
///
/// ```c
/// wardkey_options options;
/// wardkey_options_init(&options, sizeof options);
/// options.path = "/var/lib/clinic/wardkey.db";
/// options.path_len = WARDKEY_NTS;
/// ```
///
/// All options_size bytes are written, and struct_size is options_size: so an older library that is asked
/// for what only a newer one knows says so in wardkey_open. Returns WARDKEY_OK, WARDKEY_MISUSE_NULL or
/// WARDKEY_MISUSE_SIZE. Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_options_init(options: *mut OpenOptions, options_size: usize) -> i32 {
    guard(std::ptr::null_mut(), || {
        read::demand(options, "options")?;
        boundary::start_struct(options, options_size, "options_size")?;
        Ok(())
    })
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
/// the same database open. Open it after the last fork: a child cannot use what its parent opened. Load one copy of
/// this library into a process: on Linux a second one cannot open what the first has open (docs/embedding.md).
///
/// A program that makes its database when it first runs opens with WARDKEY_MODE_OPEN, and with
/// WARDKEY_MODE_CREATE only on WARDKEY_STORAGE_MISSING. On no other code: that could hide a lost disk.
///
/// options: required, read during the call only. engine: required; set to NULL first, and to the engine on
/// success. error: may be NULL.
///
/// Returns WARDKEY_OK; a misuse code (WARDKEY_MISUSE_TOO_MANY, _FORKED and _ANOTHER_COPY among them) before anything
/// was opened or made; a storage code, for which wardkey_status_message says what to do, and which the options'
/// log is told too. The options' destroy functions are the library's to call from now on, unless it could
/// not read the struct (see wardkey_options). Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_open(
    options: *const OpenOptions,
    engine: *mut *mut EngineHandle,
    error: *mut ErrorReport,
) -> i32 {
    boundary::clear(engine);
    guard(error, || {
        let parts = boundary::read_struct(options, "options")?;
        // From here on the callbacks are ours to destroy, whatever happens.
        let hooks = Hooks::take(&parts);
        read::demand(engine, "engine")?;
        if sys::fork::poisoned() {
            return Err(Error::Forked.into());
        }
        let reserved = handle::reserve()?;
        let Hooks { log, held } = hooks;
        // The host is told of this failure as of every other.
        let opened = caught(|| open_engine(&parts, held));
        if let Err(fault) = &opened {
            handle::tell(log.as_ref(), fault);
        }
        let (opened, held) = opened?;
        boundary::write(engine, reserved.fill(Open::new(opened, log, held))?);
        Ok(())
    })
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
    if engine.is_null() {
        return guard(error, || Ok(()));
    }
    guard(error, || {
        let open = handle::remove(engine)?;
        let end = open.engine.close().map_err(Fault::from);
        if let Err(fault) = &end {
            open.tell(fault);
        }
        end
    })
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
    guard_engine(engine, error, || Ok(()), |open| Ok(open.engine.maintain()?))
}

/// The host's callbacks, each destroyed exactly once.
struct Hooks {
    log: Option<Log>,
    held: Others,
}

/// What is destroyed with the engine, besides the log.
struct Others {
    key: Held,
    clock: Held,
    check_user: Held,
    /// A destroy function without the log function it would belong to.
    log: Option<Held>,
}

impl Hooks {
    fn take(parts: &OpenOptions) -> Self {
        let held = Held::new(parts.log_user, parts.log_destroy);
        let (log, unused) = match parts.log {
            Some(function) => (Some(Log { function, held }), None),
            None => (None, Some(held)),
        };
        let key = Held::new(parts.key_user, parts.key_destroy);
        let clock = Held::new(parts.clock_user, parts.clock_destroy);
        let check_user = Held::new(parts.check_user_user, parts.check_user_destroy);
        Self { log, held: Others { key, clock, check_user, log: unused } }
    }
}

/// Opens an engine as the options say; returns with it what to destroy when it is gone.
fn open_engine(parts: &OpenOptions, held: Others) -> Result<(Engine, Vec<Held>), Fault> {
    let Others { key, clock, check_user, log } = held;
    let path = read::required(parts.path, parts.path_len, "options.path")?;
    if path.is_empty() || path.contains('\0') {
        let why = "must name a file, without a NUL in it";
        return Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "options.path", why));
    }
    let mut options = Options::new(path);
    if parts.busy_timeout_ms > 0 {
        options = options.busy_timeout(Duration::from_millis(u64::from(parts.busy_timeout_ms)));
    }
    options = with_key(options, parts, &key)?;
    let (options, clock) = with_clock(options, parts, clock)?;
    let (options, check_user) = with_user_check(options, parts, check_user);
    let actor = boundary::text(parts.actor, parts.actor_len, "options.actor")?;
    let context = Context { actor, ..Context::default() };
    let settings = boundary::text(parts.settings, parts.settings_len, "options.settings")?;
    if settings.is_some() && parts.mode != WARDKEY_MODE_CREATE {
        let why = "belongs to WARDKEY_MODE_CREATE alone";
        return Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "options.settings", why));
    }
    let engine = match parts.mode {
        // Every file that opens has the one format there is.
        WARDKEY_MODE_OPEN | WARDKEY_MODE_MIGRATE => Engine::open(&options)?,
        WARDKEY_MODE_CREATE => {
            let settings = settings.map(|json| settings_of_json(json.as_bytes())).transpose()?;
            Engine::create(&options, &settings.unwrap_or_default(), &context)?;
            Engine::open(&options)?
        }
        WARDKEY_MODE_RESTORE => Engine::restore(&options, &context)?,
        WARDKEY_MODE_RESTORE_TRUSTING => Engine::restore(&options.trust_secrets(), &context)?,
        _ => {
            return Err(Fault::misuse(
                WARDKEY_MISUSE_ARGUMENT,
                "options.mode",
                "is no WARDKEY_MODE",
            ));
        }
    };
    Ok((engine, std::iter::once(key).chain(log).chain(clock).chain(check_user).collect()))
}

/// The master key, where the host says it is.
fn with_key(options: Options, parts: &OpenOptions, held: &Held) -> Result<Options, Fault> {
    match parts.key_source {
        WARDKEY_KEY_FILE => Ok(options),
        WARDKEY_KEY_DPAPI => Ok(options.dpapi()),
        WARDKEY_KEY_BYTES => {
            let keys = read::required_bytes(parts.key.cast(), parts.key_len, "options.key")?;
            if keys.is_empty() || !keys.len().is_multiple_of(KEY_LENGTH) {
                let why = "must have 32 bytes, or several keys of 32 bytes";
                return Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "options.key", why));
            }
            Ok(options.keys(keys.chunks_exact(KEY_LENGTH).map(Secret::copy_of).collect()))
        }
        WARDKEY_KEY_CALLBACK => {
            let read = parts
                .key_read
                .ok_or_else(|| Fault::misuse(WARDKEY_MISUSE_NULL, "options.key_read", "is NULL"))?;
            let mut key = zeroize::Zeroizing::new([0_u8; KEY_LENGTH]);
            match read(held.user(), key.as_mut_ptr(), key.len()) {
                0 => Ok(options.key(Secret::copy_of(key.as_ref()))),
                code => Err(Fault {
                    code: WARDKEY_STORAGE_KEY_CALLBACK,
                    system_code: code,
                    message: "the host's key callback gave no key".to_owned(),
                }),
            }
        }
        _ => Err(Fault::misuse(
            WARDKEY_MISUSE_ARGUMENT,
            "options.key_source",
            "is no WARDKEY_KEY source",
        )),
    }
}

/// The host's clock, if it brings one; else what is left to destroy.
fn with_clock(
    options: Options,
    parts: &OpenOptions,
    held: Held,
) -> Result<(Options, Option<Held>), Fault> {
    match (parts.clock_wall_ms, parts.clock_monotonic_ms) {
        (None, None) => Ok((options, Some(held))),
        (Some(wall), Some(monotonic)) => {
            Ok((options.clock(Arc::new(HostClock { wall, monotonic, held })), None))
        }
        (Some(_), None) | (None, Some(_)) => {
            let why = "must be set with clock_monotonic_ms, or neither";
            Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "options.clock_wall_ms", why))
        }
    }
}

/// The host's check of its users, if it has any; else what is left to destroy.
fn with_user_check(options: Options, parts: &OpenOptions, held: Held) -> (Options, Option<Held>) {
    match parts.check_user {
        Some(function) => (options.user_check(Arc::new(HostCheck { function, held })), None),
        None => (options, Some(held)),
    }
}

/// A clock of the host's.
struct HostClock {
    wall: extern "C" fn(*mut c_void) -> i64,
    monotonic: extern "C" fn(*mut c_void) -> i64,
    held: Held,
}

impl Clock for HostClock {
    fn wall(&self) -> UnixTime {
        UnixTime::from_millis((self.wall)(self.held.user()))
    }

    fn monotonic(&self) -> i64 {
        (self.monotonic)(self.held.user())
    }
}

/// The length of a master key.
const KEY_LENGTH: usize = 32;
