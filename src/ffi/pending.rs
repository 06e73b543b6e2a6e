//! The authorization endpoint of a host that renders its own page.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::admin::{PendingDocument, PendingScope, print};
use crate::engine::{Decision, Pending};
use crate::ffi::boundary;
use crate::ffi::guard::{Fault, guard_engine};
use crate::ffi::http::{demand_response, owned};
use crate::ffi::read::{self, Message};
use crate::ffi::types::{
    Buf, CallContext, EngineHandle, ErrorReport, Header, HttpRequestParts, HttpResponseParts,
};
use std::ffi::c_char;

/// Reads an authorization request (RFC 6749 4.1.1) for a program that has users of its own and shows its own
/// page. A program without them routes `GET /oauth/authorize` to wardkey_http instead, which shows a login
/// page and a consent page.
///
/// ```c
/// wardkey_buf pending = {0};
/// wardkey_http_response response = {0};
/// if (wardkey_pending(engine, &request, &context, &pending, &response, sizeof response, &error)
///     == WARDKEY_OK) {
///     if (pending.data) {
///         show_page(pending.data); // who asks, for what; after your own login call wardkey_decide
///     } else {
///         send_response(response.status, response.headers, response.header_count,
///                       response.body, response.body_len);
///     }
/// }
/// wardkey_buf_free(&pending);
/// wardkey_http_response_free(&response);
/// ```
///
/// On success exactly one of both is filled: pending with a JSON document, or response with what is to be
/// sent as it is (an error page, or a redirect that tells the client). The document has `client_id`,
/// `client_name`, `redirect_uri`, `scopes` (a list of `scope` and `description`), `handle`, and, unless the
/// browser has its cookie already, `set_cookie`: the value of a Set-Cookie header that must go out with your
/// page. Put the handle into your page's form; it counts for ten minutes. Nothing is stored.
///
/// engine, request, context, pending, response: required. pending is set to zero first; of response the first
/// response_size bytes: pass sizeof. error: may be NULL.
///
/// Returns WARDKEY_OK; a misuse code; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_pending(
    engine: *const EngineHandle,
    request: *const HttpRequestParts,
    context: *const CallContext,
    pending: *mut Buf,
    response: *mut HttpResponseParts,
    response_size: usize,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || {
        // Both, whichever of them is missing: a struct that the caller frees must not hold what was in it.
        let cleared = boundary::clear_required(pending, "pending");
        demand_response(response, response_size).and(cleared)
    };
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let message = Message::read(request)?;
        match open.engine.pending(&message.request(), &context)? {
            Ok(found) => boundary::write_buf(pending, print(&document(found))?),
            Err(answer) => {
                let status = answer.status;
                boundary::write_response(response, response_size, status, owned(answer));
            }
        }
        Ok(())
    })
}

/// Takes your user's decision on a pending request, once, and makes the response for their browser: the
/// redirect to the client, or an error page. The same decision brought again within ten seconds, by a button
/// pressed twice, gets the same response.
///
/// ```c
/// int32_t code = wardkey_decide(engine, handle, WARDKEY_NTS, "dr.eva", WARDKEY_NTS, NULL, 0, headers,
///                               header_count, &context, &response, sizeof response, &error);
/// ```
///
/// handle: that of wardkey_pending, as your page's form brought it back. Required.
///
/// subject: your name for the user who approved, 1 to 200 printable ASCII characters without spaces: their
/// tokens' subject is `usr_.` and this. You vouch for them. NULL: the user refused.
///
/// scope: the words that they allow, parted by single spaces; NULL for all that were shown. Others give
/// nothing.
///
/// headers: all of the request that brought the decision, in the order received. The cookie of the browser that
/// the request came from must be among them: otherwise one person's browser could be led to approve what
/// another's asked for.
///
/// engine, context, response: required, as in wardkey_http. error: may be NULL.
///
/// Returns WARDKEY_OK whenever it made a response; WARDKEY_MISUSE_ARGUMENT for a subject or scope that cannot
/// be; other misuse codes; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_decide(
    engine: *const EngineHandle,
    handle: *const c_char,
    handle_len: usize,
    subject: *const c_char,
    subject_len: usize,
    scope: *const c_char,
    scope_len: usize,
    headers: *const Header,
    header_count: usize,
    context: *const CallContext,
    response: *mut HttpResponseParts,
    response_size: usize,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || demand_response(response, response_size);
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let handle = read::required(handle, handle_len, "handle")?;
        let subject = boundary::text(subject, subject_len, "subject")?;
        let scope = boundary::text(scope, scope_len, "scope")?;
        let headers = boundary::headers(headers, header_count)?;
        let decision = match subject {
            Some(subject) => Decision::Approve { subject, scope },
            None => Decision::Deny,
        };
        let answer = open.engine.decide(handle, &headers, decision, &context)?;
        boundary::write_response(response, response_size, answer.status, owned(answer));
        Ok::<_, Fault>(())
    })
}

fn document(pending: Pending) -> PendingDocument {
    let scopes = pending.scopes.into_iter();
    let scopes = scopes.map(|(scope, description)| PendingScope { scope, description }).collect();
    PendingDocument {
        client_id: pending.client_id,
        client_name: pending.client_name,
        redirect_uri: pending.redirect_uri,
        scopes,
        handle: pending.handle,
        set_cookie: pending.set_cookie,
    }
}
