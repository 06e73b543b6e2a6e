//! The HTTP facade.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::engine::HttpResponse;
use crate::ffi::boundary::{self, OwnedResponse};
use crate::ffi::guard::{Fault, guard_engine, guard_silent};
use crate::ffi::read::{self, Message};
use crate::ffi::status::{WARDKEY_MISUSE_SIZE, WARDKEY_NOT_FOUND};
use crate::ffi::types::{
    CallContext, EngineHandle, ErrorReport, Header, HttpRequestParts, HttpResponseParts,
};
use std::ffi::c_char;

/// Answers one HTTP request to the authorization endpoint (with its login page), the token endpoint and their
/// neighbours: introspection, revocation, metadata, keys. Your server carries the messages; the library opens no
/// socket.
///
/// ```c
/// wardkey_http_request request = {0};
/// wardkey_http_response response = {0};
/// request.struct_size = sizeof request;
/// request.method = "POST";
/// request.method_len = WARDKEY_NTS;
/// request.path = "/oauth/token";
/// request.path_len = WARDKEY_NTS;
/// request.headers = headers;
/// request.header_count = header_count;
/// request.body = body;
/// request.body_len = body_len;
/// if (wardkey_http(engine, &request, &context, &response, sizeof response, &error) == WARDKEY_OK) {
///     send_response(response.status, response.headers, response.header_count,
///                   response.body, response.body_len);
/// }
/// wardkey_http_response_free(&response);
/// ```
///
/// Every request gets an answer, a path that is none of ours a 404, a full disk a 503: send it as it is.
/// The context's peer and secure decide much: requests that came over plain HTTP from another machine
/// are refused. The response's header `Wardkey-Request-Id` finds the request in the audit
/// (the operation `audit.explain`).
///
/// engine, request, context, response: required. The first response_size bytes of response, at most those
/// that this library knows, are set to zero, and filled on success: pass sizeof. error: may be NULL.
///
/// Returns WARDKEY_OK whenever it made a response, whatever its status; else a misuse code. Any thread; after
/// close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_http(
    engine: *const EngineHandle,
    request: *const HttpRequestParts,
    context: *const CallContext,
    response: *mut HttpResponseParts,
    response_size: usize,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || demand_response(response, response_size);
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let message = Message::read(request)?;
        let answer = open.engine.http_telling(&message.request(), &context, |failure| {
            open.tell(&Fault::from(failure.clone()));
        })?;
        boundary::write_response(response, response_size, answer.status, owned(answer));
        Ok(())
    })
}

/// Whether wardkey_http has an endpoint at this path: for a program that asks before it looks whether the path is one
/// of its own.
///
/// ```c
/// if (wardkey_serves(engine, request.path, request.path_len, NULL, 0, &error) == WARDKEY_OK) {
///     wardkey_http(engine, &request, &context, &response, sizeof response, &error);
/// } /* else it is yours to answer */
/// ```
///
/// The endpoints of a dialect are there while the setting `dialects` names it. While the database cannot be read, the
/// answer is what it was when it last could.
///
/// engine: required. path: required; without the query, percent-encoded as received, base_path included.
/// base_path: where you mount the engine; NULL or empty at the root. error: may be NULL.
///
/// Returns WARDKEY_OK; WARDKEY_NOT_FOUND if there is none; a misuse code. Any thread; after close
/// WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_serves(
    engine: *const EngineHandle,
    path: *const c_char,
    path_len: usize,
    base_path: *const c_char,
    base_path_len: usize,
    error: *mut ErrorReport,
) -> i32 {
    guard_engine(
        engine,
        error,
        || Ok(()),
        |open| {
            let path = String::from_utf8_lossy(read::required_bytes(path, path_len, "path")?);
            let base_path =
                boundary::text(base_path, base_path_len, "base_path")?.unwrap_or_default();
            if open.engine.serves(&path, base_path)? {
                return Ok(());
            }
            let message = "there is no endpoint at this path".to_owned();
            Err(Fault { code: WARDKEY_NOT_FOUND, system_code: 0, message })
        },
    )
}

/// Wipes and frees what wardkey_http, wardkey_pending or wardkey_decide put into a response, and sets it to zero.
///
/// Harmless on NULL, on a response that is zero, and a second time. It needs no engine: a response outlives
/// the engine it came from. Two threads must not free one response at once; a copy of the struct is
/// not another response.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_http_response_free(response: *mut HttpResponseParts) {
    guard_silent(|| boundary::free_response(response));
}

/// Clears a response that must be there.
pub(super) fn demand_response(
    response: *mut HttpResponseParts,
    response_size: usize,
) -> Result<(), Fault> {
    read::demand(response, "response")?;
    if response_size < boundary::RESPONSE_FIRST_SIZE {
        // A response that cannot hold its owner could never be freed.
        let why = "is smaller than wardkey_http_response";
        return Err(Fault::misuse(WARDKEY_MISUSE_SIZE, "response_size", why));
    }
    boundary::clear_sized(response, response_size, "response")
}

/// The response in memory of its own, with a NUL behind every text.
pub(super) fn owned(mut response: HttpResponse) -> OwnedResponse {
    let terminated = |text: &str| {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        bytes
    };
    let mut texts = Vec::with_capacity(response.headers.len() * 2);
    let mut headers = Vec::with_capacity(response.headers.len());
    for (name, value) in &response.headers {
        let (name_text, value_text) = (terminated(name), terminated(value));
        headers.push(Header {
            name: name_text.as_ptr().cast::<c_char>(),
            name_len: name.len(),
            value: value_text.as_ptr().cast::<c_char>(),
            value_len: value.len(),
        });
        // Moving a vector does not move its bytes: the pointers stay good.
        texts.extend([name_text, value_text]);
    }
    let mut body = Vec::with_capacity(response.body.len() + 1);
    body.extend_from_slice(&response.body);
    body.push(0);
    zeroize::Zeroize::zeroize(&mut response.body);
    OwnedResponse { _texts: texts, headers, body, known: 0 }
}
