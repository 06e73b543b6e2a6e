//! Verification.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::admin::{ClaimsDocument, print};
use crate::engine::{Principal, PrincipalKind, Required, TokenFormat};
use crate::error::Error;
use crate::ffi::boundary;
use crate::ffi::guard::{Fault, guard_engine};
use crate::ffi::read;
use crate::ffi::types::{
    Buf, CallContext, EngineHandle, ErrorReport, Header, PrincipalReport, WARDKEY_KIND_CLIENT,
    WARDKEY_KIND_USER, WARDKEY_TOKEN_JWT, WARDKEY_TOKEN_OPAQUE,
};
use std::ffi::c_char;

/// Whether a request that carries this token may do what needs these scopes. Call it on every request of
/// your API, with the text behind `Authorization: Bearer `; or let wardkey_authorize find it.
///
/// ```c
/// wardkey_principal who;
/// int32_t code = wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS,
///                               &context, &who, sizeof who, &error);
/// if (code == WARDKEY_OK) {
///     printf("%s may read\n", who.client_id);
/// } else {
///     fprintf(stderr, "refused (%s): %s\n", wardkey_status_name(code), error.message);
/// }
/// ```
///
/// Only WARDKEY_OK means yes. A token or a secret that was revoked before the call, by any program, is
/// refused.
///
/// engine: required. token: required, bytes as received. scopes: required, words parted by single
/// spaces, all of which the token must have; empty is misuse, because a mistake here must not open a door:
/// WARDKEY_ANY_SCOPE says that any valid token will do. context: required. principal: may be NULL with
/// principal_size 0; else the first principal_size bytes, at most those that this library knows, are set
/// to zero, and filled on success. error: may be NULL.
///
/// Returns WARDKEY_OK: allowed. From 200 to 299: denied, and why; tell the caller 401; 403 for
/// WARDKEY_DENIED_INSUFFICIENT_SCOPE, _PEER_NOT_ALLOWED and _PEER_UNKNOWN; 429 for _RATE_LIMITED
/// (wardkey_authorize does it for you), with `Retry-After: ` and the system_code of error. Any other code: it cannot
/// be known, so not allowed either. Any
/// thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_verify(
    engine: *const EngineHandle,
    token: *const c_char,
    token_len: usize,
    scopes: *const c_char,
    scopes_len: usize,
    context: *const CallContext,
    principal: *mut PrincipalReport,
    principal_size: usize,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || boundary::clear_sized(principal, principal_size, "principal");
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let token = read::required_bytes(token, token_len, "token")?;
        let scopes = read::scopes(scopes, scopes_len)?;
        let found = open.engine.verify(token, scopes, &context)?;
        boundary::write_sized(principal, principal_size, &report(&found));
        Ok(())
    })
}

/// Whether a request to your API with these headers may go on, and if not, what to answer.
///
/// ```c
/// wardkey_buf challenge = {0};
/// int32_t http_status = 0;
/// if (wardkey_authorize(engine, headers, header_count, "lab:read", WARDKEY_NTS, &context,
///                       &who, sizeof who, &http_status, &challenge, &error) != WARDKEY_OK) {
///     respond(http_status, challenge.length > 0 ? "WWW-Authenticate" : NULL, challenge.data);
/// }
/// wardkey_buf_free(&challenge);
/// ```
///
/// It takes the token from the `Authorization` header, and nowhere else, and verifies it as wardkey_verify
/// does. Neither looks at the context's secure: whether your own paths may be reached without TLS is your server's
/// to decide.
///
/// headers: the request's header fields, header_count of them; NULL only with 0. scopes, context,
/// principal, error: as in wardkey_verify. http_status: may be NULL; set in every case: 200 when allowed;
/// 400, 401, 403 or 429 when denied; 503 when storage failed; 500 for anything else. challenge: may be
/// NULL; set to zero, and when denied to the value for the `WWW-Authenticate` header, to be freed by you; its
/// length is 0 when there is no such header to send (an address or a rate is not a matter of the token). With
/// 429 send `Retry-After: ` and the system_code of error, which is in seconds.
///
/// Returns as wardkey_verify: only WARDKEY_OK means yes. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_authorize(
    engine: *const EngineHandle,
    headers: *const Header,
    header_count: usize,
    scopes: *const c_char,
    scopes_len: usize,
    context: *const CallContext,
    principal: *mut PrincipalReport,
    principal_size: usize,
    http_status: *mut i32,
    challenge: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    boundary::clear(challenge);
    boundary::write(http_status, 500);
    let clear = || boundary::clear_sized(principal, principal_size, "principal");
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let headers = boundary::headers(headers, header_count)?;
        let scopes = read::scopes(scopes, scopes_len)?;
        match open.engine.authorize(&headers, scopes, &context) {
            Ok(Ok(found)) => {
                boundary::write(http_status, 200);
                boundary::write_sized(principal, principal_size, &report(&found));
                Ok(())
            }
            Ok(Err(denied)) => {
                boundary::write(http_status, i32::from(denied.status));
                if !challenge.is_null() {
                    boundary::write_buf(challenge, denied.www_authenticate.into_bytes());
                }
                Err(Error::Denied { why: denied.why, request_id: denied.request_id }.into())
            }
            Err(failure) => {
                let fault = Fault::from(failure);
                let storage = (400..500).contains(&fault.code);
                boundary::write(http_status, if storage { 503 } else { 500 });
                Err(fault)
            }
        }
    })
}

/// What a valid token says, as JSON: for scopes and host_data, which wardkey_principal has no room for.
///
/// ```c
/// wardkey_buf json = {0};
/// if (wardkey_claims(engine, token, WARDKEY_NTS, &context, &json, &error) == WARDKEY_OK) {
///     puts(json.data);
/// }
/// wardkey_buf_free(&json);
/// ```
///
/// The token is verified as by wardkey_verify with WARDKEY_ANY_SCOPE, and the use counts as one. The
/// document: `{"client_id":"...","sub":"...","scope":"lab:read lab:write","jti":"...","iat":1772353800,
/// "exp":1772357400,"host_data":"..."}`, times in seconds since 1970-01-01 UTC; members may be added.
///
/// engine, token, context: required. json: required; set to zero, filled on success, to be freed by you.
/// error: may be NULL. Returns as wardkey_verify. Any thread; after close WARDKEY_MISUSE_CLOSED.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_claims(
    engine: *const EngineHandle,
    token: *const c_char,
    token_len: usize,
    context: *const CallContext,
    json: *mut Buf,
    error: *mut ErrorReport,
) -> i32 {
    let clear = || boundary::clear_required(json, "json");
    guard_engine(engine, error, clear, |open| {
        let context = read::context(context)?;
        let token = read::required_bytes(token, token_len, "token")?;
        let found = open.engine.verify(token, Required::ANY, &context)?;
        let claims = ClaimsDocument {
            client_id: &found.client_id,
            sub: &found.subject,
            scope: found.scope.as_str(),
            jti: &found.token_id,
            iat: found.issued_at.seconds(),
            exp: found.expires_at.seconds(),
            host_data: &found.host_data,
        };
        boundary::write_buf(json, print(&claims)?);
        Ok(())
    })
}

/// A principal as C has it. The ids fit: their lengths are limited where they are made.
fn report(principal: &Principal) -> PrincipalReport {
    let mut report = PrincipalReport {
        expires_at: principal.expires_at.seconds(),
        issued_at: principal.issued_at.seconds(),
        kind: match principal.kind {
            PrincipalKind::Client => WARDKEY_KIND_CLIENT,
            PrincipalKind::User => WARDKEY_KIND_USER,
        },
        token_format: match principal.token_format {
            TokenFormat::Jwt => WARDKEY_TOKEN_JWT,
            TokenFormat::Opaque | TokenFormat::OpaqueHex => WARDKEY_TOKEN_OPAQUE,
        },
        client_id_len: 0,
        subject_len: 0,
        token_id_len: 0,
        reserved: 0,
        client_id: [0; 128],
        subject: [0; 256],
        token_id: [0; 64],
    };
    report.client_id_len = boundary::fill(&mut report.client_id, &principal.client_id);
    report.subject_len = boundary::fill(&mut report.subject, &principal.subject);
    report.token_id_len = boundary::fill(&mut report.token_id, &principal.token_id);
    report
}
