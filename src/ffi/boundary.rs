//! The only file of this layer that touches C's memory.
//!
//! Every function relies on what the header asks of the caller: a pointer that is not NULL points to as
//! many bytes as its length, its struct_size or its type says, for as long as the call lasts. What can be
//! checked without that trust (NULL, lengths, sizes, UTF-8, alignment) is checked first.
#![expect(unsafe_code, reason = "the boundary: raw pointers from C become references, and back")]

use crate::ffi::guard::Fault;
use crate::ffi::status::{
    WARDKEY_MISUSE_LENGTH, WARDKEY_MISUSE_NULL, WARDKEY_MISUSE_SIZE, WARDKEY_MISUSE_UTF8,
};
use crate::ffi::types::{
    Buf, CallContext, ErrorReport, Header, HttpRequestParts, HttpResponseParts, OpenOptions,
    WARDKEY_NTS,
};
use std::ffi::{c_char, c_void};
use std::mem::{MaybeUninit, size_of};
use zeroize::Zeroize;

/// A struct that C passes in, with its own size in its first member.
///
/// # Safety
/// All bytes zero must be a value of it, it must begin with a `u32`, and it must own nothing.
pub(super) unsafe trait Sized32: Copy {
    /// Its size in the first release: no caller has a smaller one. Members that later releases add go
    /// behind it, and this stays what it is.
    const FIRST_SIZE: usize = size_of::<Self>();
}

// SAFETY: `repr(C)`, numbers, raw pointers and optional function pointers, struct_size first.
unsafe impl Sized32 for CallContext {}
// SAFETY: as above.
unsafe impl Sized32 for OpenOptions {}
// SAFETY: as above.
unsafe impl Sized32 for HttpRequestParts {}

/// Copies a struct of the caller's. An older caller's is shorter: the rest is zero. A newer caller's is
/// longer: its tail must be zero, for this library would not do what it says.
pub(super) fn read_struct<T: Sized32>(pointer: *const T, argument: &str) -> Result<T, Fault> {
    if pointer.is_null() {
        return Err(Fault::misuse(WARDKEY_MISUSE_NULL, argument, "is NULL"));
    }
    let bytes = pointer.cast::<u8>();
    // SAFETY: the header asks for at least struct_size, a u32, at the start; unaligned reads are fine.
    let size = unsafe { bytes.cast::<u32>().read_unaligned() };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if !(T::FIRST_SIZE..=STRUCT_LIMIT).contains(&size) {
        let why = "has a struct_size that no struct of this library has: set it to sizeof";
        return Err(Fault::misuse(WARDKEY_MISUSE_SIZE, argument, why));
    }
    let mut value = MaybeUninit::<T>::zeroed();
    let known = size.min(size_of::<T>());
    // SAFETY: the caller has `size` bytes there, and `known` is not more; `value` has that room.
    unsafe { std::ptr::copy_nonoverlapping(bytes, value.as_mut_ptr().cast::<u8>(), known) };
    // SAFETY: the caller has `size` bytes there; the slice is what is behind the known ones.
    let tail = unsafe { std::slice::from_raw_parts(bytes.add(known), size - known) };
    if tail.iter().any(|byte| *byte != 0) {
        let why = "has members set that this library does not know: it is older than the header";
        return Err(Fault::misuse(WARDKEY_MISUSE_SIZE, argument, why));
    }
    // SAFETY: `Sized32`: zeros are a value, and what was copied is the caller's value.
    Ok(unsafe { value.assume_init() })
}

/// The bytes of a text; `None` for NULL.
pub(super) fn bytes<'a>(
    pointer: *const c_char,
    length: usize,
    argument: &str,
) -> Result<Option<&'a [u8]>, Fault> {
    if pointer.is_null() {
        return match length {
            0 | WARDKEY_NTS => Ok(None),
            _ => Err(Fault::misuse(WARDKEY_MISUSE_NULL, argument, "is NULL but has a length")),
        };
    }
    if length == WARDKEY_NTS {
        // SAFETY: with WARDKEY_NTS the header asks for a NUL-terminated text.
        return Ok(Some(unsafe { std::ffi::CStr::from_ptr(pointer) }.to_bytes()));
    }
    if length > LENGTH_LIMIT {
        return Err(Fault::misuse(WARDKEY_MISUSE_LENGTH, argument, "has an impossible length"));
    }
    // SAFETY: the header asks for `length` readable bytes; it is below isize::MAX.
    Ok(Some(unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) }))
}

/// A text in UTF-8; `None` for NULL.
pub(super) fn text<'a>(
    pointer: *const c_char,
    length: usize,
    argument: &str,
) -> Result<Option<&'a str>, Fault> {
    let Some(bytes) = bytes(pointer, length, argument)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes);
    text.map(Some).map_err(|_| Fault::misuse(WARDKEY_MISUSE_UTF8, argument, "is not UTF-8"))
}

/// The header fields of a message.
pub(super) fn headers<'a>(
    pointer: *const Header,
    count: usize,
) -> Result<Vec<(&'a str, &'a [u8])>, Fault> {
    if count > HEADERS_LIMIT {
        return Err(Fault::misuse(WARDKEY_MISUSE_LENGTH, "header_count", "is more than 65535"));
    }
    if pointer.is_null() {
        return match count {
            0 => Ok(Vec::new()),
            _ => Err(Fault::misuse(WARDKEY_MISUSE_NULL, "headers", "is NULL but has a count")),
        };
    }
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: the header asks for `header_count` structs there; unaligned reads are fine.
        let header = unsafe { pointer.add(index).read_unaligned() };
        let name = text(header.name, header.name_len, "headers.name")?;
        let name =
            name.ok_or_else(|| Fault::misuse(WARDKEY_MISUSE_NULL, "headers.name", "is NULL"))?;
        let value = bytes(header.value, header.value_len, "headers.value")?.unwrap_or_default();
        all.push((name, value));
    }
    Ok(all)
}

/// Sets what the caller gave room for to zero; what is not there is left alone.
pub(super) fn clear<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: the header asks for a whole T there, made of numbers and pointers.
        unsafe { pointer.cast::<u8>().write_bytes(0, size_of::<T>()) };
    }
}

/// Like [`clear`], of a result that must be there.
pub(super) fn clear_required<T>(pointer: *mut T, argument: &str) -> Result<(), Fault> {
    clear(pointer);
    if pointer.is_null() {
        Err(Fault::misuse(WARDKEY_MISUSE_NULL, argument, "is NULL"))
    } else {
        Ok(())
    }
}

/// Writes a number or a handle.
pub(super) fn write<T: Copy>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: the header asks for a whole T there; unaligned writes are fine.
        unsafe { pointer.write_unaligned(value) };
    }
}

/// Sets the first bytes of an out-struct to zero: as many as both sides know.
pub(super) fn clear_sized<T>(pointer: *mut T, size: usize, argument: &str) -> Result<(), Fault> {
    if pointer.is_null() {
        return match size {
            0 => Ok(()),
            _ => Err(Fault::misuse(WARDKEY_MISUSE_NULL, argument, "is NULL but has a size")),
        };
    }
    if size > STRUCT_LIMIT {
        return Err(Fault::misuse(WARDKEY_MISUSE_SIZE, argument, "has an impossible size"));
    }
    // SAFETY: the header asks for `size` writable bytes; not more are written.
    unsafe { pointer.cast::<u8>().write_bytes(0, size.min(size_of::<T>())) };
    Ok(())
}

/// Writes an out-struct as far as the caller knows it.
pub(super) fn write_sized<T: Copy>(pointer: *mut T, size: usize, value: &T) {
    if !pointer.is_null() {
        let known = size.min(size_of::<T>());
        let from = std::ptr::from_ref(value).cast::<u8>();
        // SAFETY: `clear_sized` was there before: the caller has `size` bytes, the value has size_of.
        unsafe { std::ptr::copy_nonoverlapping(from, pointer.cast::<u8>(), known) };
    }
}

/// Reports how a call ended.
pub(super) fn write_error(pointer: *mut ErrorReport, code: i32, system_code: i32, message: &str) {
    if pointer.is_null() {
        return;
    }
    let mut report = ErrorReport { code, system_code, message: [0; 240] };
    fill(&mut report.message, message);
    // SAFETY: the header asks for a whole wardkey_error there, which has 248 bytes in every release.
    unsafe { pointer.write_unaligned(report) };
}

/// Copies a text into an array, cut at a character's end if it does not fit, always NUL-terminated.
/// Returns how many bytes were copied.
pub(super) fn fill<const N: usize>(array: &mut [c_char; N], text: &str) -> u32 {
    let mut end = text.len().min(N - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (to, from) in array.iter_mut().zip(text.bytes().take(end)) {
        *to = c_char::from_ne_bytes([from]);
    }
    u32::try_from(end).unwrap_or(u32::MAX)
}

/// Hands bytes to the caller, with a NUL behind them.
pub(super) fn write_buf(pointer: *mut Buf, mut bytes: Vec<u8>) {
    let length = bytes.len();
    // Grown by hand: a reallocation would leave a copy of a secret behind.
    if bytes.capacity() == length {
        let mut roomy = Vec::with_capacity(length + 1);
        roomy.extend_from_slice(&bytes);
        bytes.zeroize();
        bytes = roomy;
    }
    bytes.push(0);
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    let data = bytes.as_mut_ptr().cast::<c_char>();
    write(pointer, Buf { data, length, capacity: bytes.capacity() });
}

/// Wipes and frees what [`write_buf`] gave out, and clears the struct.
pub(super) fn free_buf(pointer: *mut Buf) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: the header asks for a wardkey_buf there.
    let buf = unsafe { pointer.read_unaligned() };
    clear(pointer);
    if !buf.data.is_null() {
        // SAFETY: data, length and capacity are what `write_buf` took from a Vec, which nobody else frees:
        // the struct was cleared above, and the header forbids freeing a copy.
        let mut bytes =
            unsafe { Vec::from_raw_parts(buf.data.cast::<u8>(), buf.length + 1, buf.capacity) };
        bytes.zeroize();
    }
}

/// What an HTTP response of C's points to.
pub(super) struct OwnedResponse {
    /// What `headers` point to.
    pub(super) _texts: Vec<Vec<u8>>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
}

impl Drop for OwnedResponse {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

/// Hands a response to the caller.
pub(super) fn write_response(
    pointer: *mut HttpResponseParts,
    size: usize,
    status: u16,
    owned: OwnedResponse,
) {
    let owned = Box::new(owned);
    let parts = HttpResponseParts {
        status: i32::from(status),
        reserved: 0,
        headers: owned.headers.as_ptr(),
        header_count: owned.headers.len(),
        body: owned.body.as_ptr().cast::<c_char>(),
        body_len: owned.body.len() - 1,
        owner: Box::into_raw(owned).cast::<c_void>(),
    };
    write_sized(pointer, size, &parts);
}

/// Wipes and frees a response, and clears the struct.
pub(super) fn free_response(pointer: *mut HttpResponseParts) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: the header asks for a wardkey_http_response there.
    let parts = unsafe { pointer.read_unaligned() };
    clear(pointer);
    if !parts.owner.is_null() {
        // SAFETY: `owner` is what `write_response` took from a Box, which nobody else frees: the struct
        // was cleared above, and the header forbids freeing a copy.
        drop(unsafe { Box::from_raw(parts.owner.cast::<OwnedResponse>()) });
    }
}

/// A pointer of the host's, with the function that ends it.
pub(super) struct Held {
    user: *mut c_void,
    destroy: Option<extern "C" fn(*mut c_void)>,
}

// SAFETY: the header says that callbacks are called by any thread.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    pub(super) const fn new(
        user: *mut c_void,
        destroy: Option<extern "C" fn(*mut c_void)>,
    ) -> Self {
        Self { user, destroy }
    }

    pub(super) const fn user(&self) -> *mut c_void {
        self.user
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            destroy(self.user);
        }
    }
}

/// The host's log.
pub(super) struct Log {
    pub(super) function: extern "C" fn(*mut c_void, i32, *const c_char, usize),
    pub(super) held: Held,
}

impl Log {
    pub(super) fn tell(&self, code: i32, message: &str) {
        let mut text = message.as_bytes().to_vec();
        text.push(0);
        (self.function)(self.held.user(), code, text.as_ptr().cast::<c_char>(), message.len());
    }
}

/// No struct of this library comes near it; a wilder size is no size.
const STRUCT_LIMIT: usize = 4096;

/// 2147483647: below isize::MAX on every system, and no NTS.
const LENGTH_LIMIT: usize = 0x7fff_ffff;

const HEADERS_LIMIT: usize = 65_535;
