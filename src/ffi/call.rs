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
/// `scope.list` `.add` `.remove`; `key.list` `.import`; `token.revoke` `.introspect`; `audit.read`
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
        let answer = open.engine.call(&context, operation, json.as_bytes())?;
        boundary::write_buf(response, answer);
        Ok(())
    })
}
