//! Issuing.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::base::Secret;
use crate::ffi::boundary;
use crate::ffi::guard::guard_engine;
use crate::ffi::read;
use crate::ffi::types::{Buf, CallContext, EngineHandle, ErrorReport};
use std::ffi::c_char;

/// Issues an access token to a client that presents its id and secret (the grant `client_credentials`).
///
/// ```c
/// wardkey_buf json = {0};
/// if (wardkey_issue(engine, client_id, WARDKEY_NTS, client_secret, WARDKEY_NTS,
///                   "lab:read", WARDKEY_NTS, &context, &json, &error) == WARDKEY_OK) {
///     send_body(json.data, json.length);
/// }
/// wardkey_buf_free(&json);
/// ```
///
/// The document is that of RFC 6749 5.1: `{"access_token":"...","token_type":"Bearer","expires_in":3600,
/// "scope":"lab:read"}`, expires_in in seconds. The audit's row of it is on disk when the call returns. A server that
/// speaks HTTP
/// uses wardkey_http instead, which reads the request and prints the errors too.
///
/// engine, client_id, client_secret, context: required. scope: words parted by single spaces, or NULL for
/// the client's default ones. json: required; set to zero, filled on success, to be freed by you.
/// error: may be NULL.
///
/// Returns WARDKEY_OK; 200 to 299: denied, with the true reason, which the remote client should not read:
/// to it an unknown id and a wrong secret must look alike; any other code: nothing was issued. Any
/// thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_issue(
    engine: *const EngineHandle,
    client_id: *const c_char,
    client_id_len: usize,
    client_secret: *const c_char,
    client_secret_len: usize,
    scope: *const c_char,
    scope_len: usize,
    context: *const CallContext,
    json: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || boundary::clear_required(json, "json");
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let client_id = read::required(client_id, client_id_len, "client_id")?;
        let secret = read::required(client_secret, client_secret_len, "client_secret")?;
        let scope = boundary::text(scope, scope_len, "scope")?.filter(|scope| !scope.is_empty());
        let token =
            open.engine.issue(client_id, Secret::copy_of(secret.as_bytes()), scope, &context)?;
        boundary::write_buf(json, token.json().to_vec());
        Ok(())
    })
}
