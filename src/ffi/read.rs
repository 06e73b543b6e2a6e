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
        forwarded: forwarded(parts.forwarded, parts.forwarded_len)?,
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

/// A forwarding header as the host received it. What is not UTF-8 names no address: a hop that cannot be
/// told (RFC 7239 6.2), which makes the peer unknown. It is the remote caller's mistake, not the host's.
fn forwarded<'a>(pointer: *const c_char, length: usize) -> Result<Option<&'a str>, Fault> {
    let bytes = bytes(pointer, length, "context.forwarded")?;
    Ok(bytes.map(|bytes| std::str::from_utf8(bytes).unwrap_or("unknown")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::status::{WARDKEY_MISUSE_LENGTH, WARDKEY_MISUSE_SIZE, WARDKEY_MISUSE_UTF8};
    use crate::ffi::types::{Header, WARDKEY_NTS};
    use std::ffi::CStr;
    use std::ptr::null;

    fn code<T>(result: Result<T, Fault>) -> i32 {
        result.err().map_or(0, |fault| fault.code)
    }

    fn of<T>() -> u32 {
        u32::try_from(size_of::<T>()).unwrap()
    }

    /// A context in which nothing is known.
    fn nobody() -> CallContext {
        CallContext {
            struct_size: of::<CallContext>(),
            secure: 0,
            actor: null(),
            actor_len: 0,
            peer: null(),
            peer_len: 0,
            forwarded: null(),
            forwarded_len: 0,
            correlation_id: null(),
            correlation_id_len: 0,
        }
    }

    fn read(parts: &CallContext) -> Result<Context<'_>, Fault> {
        context(std::ptr::from_ref(parts))
    }

    fn from(peer: &'static CStr) -> Result<Option<IpAddr>, Fault> {
        let parts = CallContext { peer: peer.as_ptr(), peer_len: WARDKEY_NTS, ..nobody() };
        read(&parts).map(|context| context.peer)
    }

    #[test]
    fn what_must_be_there_may_be_empty_but_not_null() {
        assert_eq!(required(c"".as_ptr(), 0, "a").ok(), Some(""));
        assert_eq!(required_bytes(c"\xff".as_ptr(), 1, "a").ok(), Some(&b"\xff"[..]));
        assert_eq!(code(required(c"\xff".as_ptr(), 1, "a")), WARDKEY_MISUSE_UTF8);
        for length in [0, 1, WARDKEY_NTS] {
            assert_eq!(code(required(null(), length, "a")), WARDKEY_MISUSE_NULL);
            assert_eq!(code(required_bytes(null(), length, "a")), WARDKEY_MISUSE_NULL);
        }
        assert_eq!(code(required(c"".as_ptr(), WARDKEY_NTS - 1, "a")), WARDKEY_MISUSE_LENGTH);
        assert_eq!(code(demand(null::<u8>(), "a")), WARDKEY_MISUSE_NULL);
        assert_eq!(code(demand(c"".as_ptr(), "a")), 0);
    }

    #[test]
    fn a_context_of_zeros_says_nothing() {
        let parts = nobody();
        let context = read(&parts).ok().unwrap();
        assert_eq!((context.actor, context.peer, context.secure), (None, None, false));
        assert_eq!((context.forwarded, context.correlation_id), (None, None));
        assert_eq!(code(super::context(null())), WARDKEY_MISUSE_NULL);
        assert_eq!(code(read(&CallContext { struct_size: 0, ..nobody() })), WARDKEY_MISUSE_SIZE);
    }

    #[test]
    fn secure_is_0_or_1() {
        assert!(read(&CallContext { secure: 1, ..nobody() }).ok().unwrap().secure);
        for secure in [2, u32::MAX] {
            let end = code(read(&CallContext { secure, ..nobody() }));
            assert_eq!(end, WARDKEY_MISUSE_ARGUMENT);
        }
    }

    #[test]
    fn a_peer_is_an_address_without_port() {
        assert_eq!(from(c"").ok(), Some(None));
        assert_eq!(from(c"192.0.2.7").ok().flatten(), "192.0.2.7".parse().ok());
        assert_eq!(from(c"fe80::1%eth0").ok().flatten(), "fe80::1".parse().ok());
        for wrong in [c"192.0.2.7:80", c"[::1]", c"[::1]:80", c"localhost", c"%eth0", c" ::1"] {
            assert_eq!(code(from(wrong)), WARDKEY_MISUSE_ARGUMENT, "{wrong:?}");
        }
        assert_eq!(code(from(c"\xff")), WARDKEY_MISUSE_UTF8);
    }

    // A caller once could make every call fail as misuse, with one byte in its own header.
    #[test]
    fn a_forwarding_header_that_is_no_text_names_no_address() {
        let forwarded = c"203.0.113.9, \xff";
        let parts =
            CallContext { forwarded: forwarded.as_ptr(), forwarded_len: WARDKEY_NTS, ..nobody() };
        assert_eq!(read(&parts).ok().unwrap().forwarded, Some("unknown"));
        let parts = CallContext { forwarded_len: 1, ..nobody() };
        assert_eq!(code(read(&parts)), WARDKEY_MISUSE_NULL);
    }

    #[test]
    fn no_scopes_are_misuse_and_any_scope_is_said() {
        let of = |text: &'static CStr| scopes(text.as_ptr(), WARDKEY_NTS);
        assert!(of(c" any").is_ok());
        assert!(of(c"lab:read lab:write").is_ok());
        for wrong in [c"", c" ", c"any ", c"  any", c" any ", c" ANY", c"a  b"] {
            assert_eq!(code(of(wrong)), WARDKEY_MISUSE_ARGUMENT, "{wrong:?}");
        }
        assert_eq!(code(scopes(null(), 0)), WARDKEY_MISUSE_NULL);
        assert_eq!(code(of(c"\xff")), WARDKEY_MISUSE_UTF8);
    }

    fn message() -> HttpRequestParts {
        HttpRequestParts {
            struct_size: of::<HttpRequestParts>(),
            reserved: 0,
            method: c"GET".as_ptr(),
            method_len: WARDKEY_NTS,
            path: c"/".as_ptr(),
            path_len: WARDKEY_NTS,
            base_path: null(),
            base_path_len: 0,
            query: null(),
            query_len: 0,
            headers: null(),
            header_count: 0,
            body: null(),
            body_len: 0,
        }
    }

    #[test]
    fn what_a_remote_caller_sent_is_read_whatever_bytes_it_has() {
        let header = Header {
            name: c"X-\xff".as_ptr(),
            name_len: WARDKEY_NTS,
            value: c"\xff".as_ptr(),
            value_len: 1,
        };
        let parts = HttpRequestParts {
            method: c"G\xff".as_ptr(),
            path: c"/\xff".as_ptr(),
            query: c"\xff".as_ptr(),
            query_len: WARDKEY_NTS,
            headers: &raw const header,
            header_count: 1,
            body: c"\xff".as_ptr(),
            body_len: 1,
            ..message()
        };
        let read = Message::read(&raw const parts).ok().unwrap();
        let request = read.request();
        assert_eq!((request.method, request.path), ("G\u{fffd}", "/\u{fffd}"));
        assert_eq!((request.query, request.body), ("\u{fffd}", &b"\xff"[..]));
        assert_eq!(request.headers, []);
    }

    #[test]
    fn what_the_host_says_of_a_message_must_be_sound() {
        let read = |parts: HttpRequestParts| code(Message::read(&raw const parts));
        assert_eq!(read(message()), 0);
        assert_eq!(read(HttpRequestParts { method: null(), ..message() }), WARDKEY_MISUSE_NULL);
        assert_eq!(read(HttpRequestParts { path: null(), ..message() }), WARDKEY_MISUSE_NULL);
        assert_eq!(read(HttpRequestParts { body_len: 1, ..message() }), WARDKEY_MISUSE_NULL);
        assert_eq!(read(HttpRequestParts { header_count: 1, ..message() }), WARDKEY_MISUSE_NULL);
        let base_path = c"/\xff".as_ptr();
        let wrong = HttpRequestParts { base_path, base_path_len: 2, ..message() };
        assert_eq!(read(wrong), WARDKEY_MISUSE_UTF8);
        assert_eq!(code(Message::read(null())), WARDKEY_MISUSE_NULL);
    }
}
