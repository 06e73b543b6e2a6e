//! The HTTP facade.

use crate::ffi::types::{
    CallContext, EngineHandle, ErrorReport, HttpRequestParts, HttpResponseParts,
};

/// Answers one HTTP request to the token endpoint and its neighbours: introspection, revocation, metadata,
/// keys. Your server carries the messages; the library opens no socket.
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
/// that this library knows, are set to zero, and filled on success. error: may be NULL.
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
}

/// Wipes and frees what wardkey_http put into a response, and sets it to zero.
///
/// Harmless on NULL, on a response that is zero, and a second time. It needs no engine: a response outlives
/// the engine it came from. Two threads must not free one response at once; a copy of the struct is
/// not another response.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_http_response_free(response: *mut HttpResponseParts) {
}
