//! The functions about the library itself.
#![expect(unsafe_code, reason = "exported names: wardkey_ is this library's prefix")]

use crate::ffi::boundary;
use crate::ffi::guard::guard_silent;
use crate::ffi::status;
use crate::ffi::types::{Buf, WARDKEY_ABI_VERSION};
use std::ffi::{CStr, c_char};

/// The ABI version of the library that is loaded. It grows when functions, codes or members are added;
/// nothing is ever taken away under this soname.
///
/// Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_abi_version() -> u32 {
    WARDKEY_ABI_VERSION
}

/// Whether the library that is loaded has everything that the header promises: call it once at start.
///
/// ```c
/// if (wardkey_abi_check(WARDKEY_ABI_VERSION) != WARDKEY_OK) {
///     fprintf(stderr, "the wardkey library is older than this program: %s\n", wardkey_version());
///     exit(1);
/// }
/// ```
///
/// Returns WARDKEY_OK, or WARDKEY_MISUSE_ABI if the library is older than the header. Any thread, at any
/// time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_abi_check(header_version: u32) -> i32 {
    if (1..=WARDKEY_ABI_VERSION).contains(&header_version) {
        status::WARDKEY_OK
    } else {
        status::WARDKEY_MISUSE_ABI
    }
}

/// The library's version, such as `0.1.0`: a constant text, never NULL, not to be freed. Any thread, at any
/// time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The name of a status code, such as `WARDKEY_DENIED_TOKEN_EXPIRED`; of a code that this library does not
/// know `WARDKEY_UNKNOWN`. A constant text, never NULL, not to be freed. Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_status_name(code: i32) -> *const c_char {
    status::name(code).as_ptr()
}

/// What a status code means, in a sentence. wardkey_error's message says more: it has the values. A
/// constant text, never NULL, not to be freed. Any thread, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_status_message(code: i32) -> *const c_char {
    status::message(code).as_ptr()
}

/// Wipes and frees what is in a buffer that this library filled, and sets it to zero.
///
/// Harmless on NULL, on a buffer that is zero, and a second time. It needs no engine: a buffer outlives the
/// engine it came from. Two threads must not free one buffer at once; a copy of the struct is not
/// another buffer.
#[unsafe(no_mangle)]
pub extern "C" fn wardkey_buf_free(buf: *mut Buf) {
    guard_silent(|| boundary::free_buf(buf));
}

/// The crate's version as C text.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
