//! Administration.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::ffi::boundary;
use crate::ffi::guard::guard_engine;
use crate::ffi::read;
use crate::ffi::types::{Buf, CallContext, EngineHandle, ErrorReport};
use std::ffi::c_char;

/// Runs an administrative operation: a JSON document in, a JSON document out.
///
/// ```c
/// wardkey_buf json = {0};
/// context.actor = "anna@clinic";
/// context.actor_len = WARDKEY_NTS;
/// if (wardkey_call(engine, &context, "client.create", WARDKEY_NTS,
///                  "{\"client_name\":\"Lab Interface\",\"scope\":\"lab:read lab:write\"}", WARDKEY_NTS,
///                  &json, &error) == WARDKEY_OK) {
///     puts(json.data); // client_id and client_secret: the secret is shown this once
/// }
/// wardkey_buf_free(&json);
/// ```
///
/// Operations of this release: `settings.get` `.set`; `client.create` `.import` `.read` `.list` `.update`
/// `.disable` `.enable` `.revoke` `.delete`; `client.secret.create` `.import` `.list` `.revoke` `.confirm`;
/// `user.create` `.read` `.list` `.update` `.set_password` `.disable` `.enable` `.confirm` `.revoke` `.delete`;
/// `role.list`
/// `.create` `.update` `.delete`; `grant.list` `.revoke`; `scope.list` `.add` `.remove`; `key.list` `.import`;
/// `token.revoke` `.introspect`; `audit.read`
/// `.explain` `.verify`. docs/operations.md describes each. A revocation is in force everywhere when the
/// call returns.
///
/// engine: required. context: required, with an actor. operation: required. json: the request's document;
/// NULL or empty for `{}`. response: required; set to zero, filled on success, to be freed by you. error: may
/// be NULL.
///
/// Returns WARDKEY_OK; WARDKEY_MISUSE_DOCUMENT with the path of the member that is false;
/// WARDKEY_MISUSE_OPERATION; WARDKEY_MISUSE_ACTOR; WARDKEY_NOT_FOUND; WARDKEY_CONFLICT; a storage code. On
/// any code but WARDKEY_OK nothing was changed (WARDKEY_STORAGE_OUTCOME_UNKNOWN says when even that is
/// not known). Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_call(
    engine: *const EngineHandle,
    context: *const CallContext,
    operation: *const c_char,
    operation_len: usize,
    json: *const c_char,
    json_len: usize,
    response: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || boundary::clear_required(response, "response");
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let operation = read::required(operation, operation_len, "operation")?;
        let json = boundary::text(json, json_len, "json")?.unwrap_or_default();
        #[cfg(feature = "test-hooks")]
        #[expect(clippy::panic, reason = "proves that no panic reaches C; not in a product")]
        if operation == "test.panic" {
            panic!("as asked");
        }
        let answer = open.engine.call(&context, operation, json.as_bytes())?;
        boundary::write_buf(response, answer);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::boundary::{Held, Log};
    use crate::ffi::handle::{self, Open};
    use crate::ffi::status::{WARDKEY_INTERNAL_PANIC, WARDKEY_MISUSE_OPERATION, WARDKEY_OK};
    use crate::{Context, Engine, Options, Settings};
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicI32, Ordering};

    #[test]
    fn a_panic_inside_a_call_is_a_code_and_the_engine_lives_on() {
        let place = Place::new();
        // Only a library built for tests panics when asked to.
        let panics = if cfg!(feature = "test-hooks") {
            WARDKEY_INTERNAL_PANIC
        } else {
            WARDKEY_MISUSE_OPERATION
        };
        let mut report = ErrorReport { code: 0, system_code: 7, message: [0; 240] };
        assert_eq!(place.call_reporting("test.panic", "", &raw mut report), panics);
        assert_eq!((report.code, report.message[0] == 0), (panics, false));
        if panics == WARDKEY_INTERNAL_PANIC {
            assert_eq!(HEARD.load(Ordering::SeqCst), WARDKEY_INTERNAL_PANIC);
        }
        assert_eq!(place.call("settings.get", ""), WARDKEY_OK);
        assert_eq!(place.call("settings.set", r#"{"access_token_lifetime":900}"#), WARDKEY_OK);
    }

    #[test]
    fn threads_that_panic_hold_up_nobody() {
        let place = Place::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_ne!(place.call("test.panic", ""), WARDKEY_OK);
                    }
                });
                scope.spawn(|| {
                    assert_eq!(
                        place.call("settings.set", r#"{"access_token_lifetime":900}"#),
                        WARDKEY_OK
                    );
                });
            }
        });
        assert_eq!(place.call("audit.verify", ""), WARDKEY_OK);
    }

    /// An open engine, closed when it is dropped.
    struct Place {
        handle: usize,
        _folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = Options::new(folder.path().join("clinic.db"));
            Engine::create(&options, &Settings::default(), &Context::by("anna")).unwrap();
            let log = Log { function: hear, held: Held::new(std::ptr::null_mut(), None) };
            let open = Open::new(Engine::open(&options).unwrap(), Some(log), Vec::new());
            let handle = handle::reserve().ok().unwrap().fill(open).ok().unwrap().addr();
            Self { handle, _folder: folder }
        }

        fn call(&self, operation: &str, json: &str) -> i32 {
            self.call_reporting(operation, json, std::ptr::null_mut())
        }

        fn call_reporting(&self, operation: &str, json: &str, error: *mut ErrorReport) -> i32 {
            let null = std::ptr::null();
            let actor = "anna";
            let context = CallContext {
                struct_size: u32::try_from(size_of::<CallContext>()).unwrap(),
                secure: 0,
                actor: actor.as_ptr().cast(),
                actor_len: actor.len(),
                peer: null,
                peer_len: 0,
                forwarded: null,
                forwarded_len: 0,
                correlation_id: null,
                correlation_id_len: 0,
            };
            let engine = std::ptr::without_provenance(self.handle);
            let (name, length) = (operation.as_ptr().cast(), operation.len());
            let mut answer = Buf { data: std::ptr::null_mut(), length: 0, capacity: 0 };
            let (text, size, out) = (json.as_ptr().cast(), json.len(), &raw mut answer);
            let context = &raw const context;
            let code = wardkey_call(engine, context, name, length, text, size, out, error);
            boundary::free_buf(out);
            code
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let handle = std::ptr::without_provenance(self.handle);
            handle::remove(handle).ok().unwrap().engine.close().unwrap();
        }
    }

    extern "C" fn hear(_: *mut c_void, code: i32, _: *const c_char, _: usize) {
        HEARD.store(code, Ordering::SeqCst);
    }

    /// The last code that the log was told.
    static HEARD: AtomicI32 = AtomicI32::new(0);
}
