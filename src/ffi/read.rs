//! Arguments of C as values of this library.

use crate::engine::{Context, HttpRequest, Required};
use crate::ffi::boundary::{bytes, headers, read_struct, text};
use crate::ffi::guard::Fault;
use crate::ffi::status::{WARDKEY_MISUSE_ARGUMENT, WARDKEY_MISUSE_NULL};
use crate::ffi::types::{CallContext, HttpRequestParts, WARDKEY_ANY_SCOPE};
use std::ffi::c_char;
use std::net::IpAddr;

/// A text that must be there.
pub(super) fn required<'a>(
    pointer: *const c_char,
    length: usize,
    name: &str,
) -> Result<&'a str, Fault> {
    text(pointer, length, name)?.ok_or_else(|| Fault::misuse(WARDKEY_MISUSE_NULL, name, "is NULL"))
}

/// Bytes that must be there.
pub(super) fn required_bytes<'a>(
    pointer: *const c_char,
    length: usize,
    name: &str,
) -> Result<&'a [u8], Fault> {
    bytes(pointer, length, name)?.ok_or_else(|| Fault::misuse(WARDKEY_MISUSE_NULL, name, "is NULL"))
}

/// A result that the caller must have room for.
pub(super) fn demand<T>(pointer: *const T, name: &str) -> Result<(), Fault> {
    if pointer.is_null() {
        Err(Fault::misuse(WARDKEY_MISUSE_NULL, name, "is NULL"))
    } else {
        Ok(())
    }
}

/// Who asks.
pub(super) fn context<'a>(pointer: *const CallContext) -> Result<Context<'a>, Fault> {
    let parts = read_struct(pointer, "context")?;
    let secure = match parts.secure {
        0 => false,
        1 => true,
        _ => {
            return Err(Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "context.secure", "must be 0 or 1"));
        }
    };
    let peer = text(parts.peer, parts.peer_len, "context.peer")?.filter(|peer| !peer.is_empty());
    Ok(Context {
        actor: text(parts.actor, parts.actor_len, "context.actor")?,
        peer: peer.map(address).transpose()?,
        secure,
        forwarded: text(parts.forwarded, parts.forwarded_len, "context.forwarded")?,
        correlation_id: text(
            parts.correlation_id,
            parts.correlation_id_len,
            "context.correlation_id",
        )?,
    })
}

/// An address without its zone, which means something on the host alone.
fn address(text: &str) -> Result<IpAddr, Fault> {
    let address = text.split('%').next().unwrap_or("");
    address.parse().map_err(|_| {
        Fault::misuse(WARDKEY_MISUSE_ARGUMENT, "context.peer", "is not an IP address without port")
    })
}

/// The scopes that an operation requires. Nothing is not anything: that must be said.
pub(super) fn scopes<'a>(pointer: *const c_char, length: usize) -> Result<Required<'a>, Fault> {
    let scopes = required(pointer, length, "scopes")?;
    if scopes.as_bytes() == WARDKEY_ANY_SCOPE {
        return Ok(Required::ANY);
    }
    Ok(Required::all_of(scopes)?)
}

/// An HTTP message; texts that are not UTF-8 are kept here.
pub(super) struct Message<'a> {
    method: String,
    path: String,
    base_path: &'a str,
    query: String,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn read(pointer: *const HttpRequestParts) -> Result<Self, Fault> {
        let parts = read_struct(pointer, "request")?;
        // What is not UTF-8 cannot be a path or a method of ours: it is answered as such.
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let query = bytes(parts.query, parts.query_len, "request.query")?.unwrap_or_default();
        Ok(Self {
            method: lossy(required_bytes(parts.method, parts.method_len, "request.method")?),
            path: lossy(required_bytes(parts.path, parts.path_len, "request.path")?),
            base_path: text(parts.base_path, parts.base_path_len, "request.base_path")?
                .unwrap_or_default(),
            query: lossy(query),
            headers: headers(parts.headers, parts.header_count)?,
            body: bytes(parts.body, parts.body_len, "request.body")?.unwrap_or_default(),
        })
    }

    pub(super) fn request(&self) -> HttpRequest<'_> {
        HttpRequest {
            method: &self.method,
            path: &self.path,
            base_path: self.base_path,
            query: &self.query,
            headers: &self.headers,
            body: self.body,
        }
    }
}
