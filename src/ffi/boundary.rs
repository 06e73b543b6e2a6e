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
use std::mem::{MaybeUninit, offset_of, size_of};
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
    // SAFETY: the header asks for `length` readable bytes; it is no more than isize::MAX.
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
        let name = bytes(header.name, header.name_len, "headers.name")?;
        let name =
            name.ok_or_else(|| Fault::misuse(WARDKEY_MISUSE_NULL, "headers.name", "is NULL"))?;
        let value = bytes(header.value, header.value_len, "headers.value")?.unwrap_or_default();
        // What is not UTF-8 is no field's name (RFC 9110 5.1), and the host cannot help what it was sent.
        if let Ok(name) = std::str::from_utf8(name) {
            all.push((name, value));
        }
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

/// Starts a struct that the caller will fill and pass in: zero, with its size. All of it is the caller's,
/// so a newer caller's tail is zeroed too, and stays in sight of [`read_struct`].
pub(super) fn start_struct<T: Sized32>(
    pointer: *mut T,
    size: usize,
    argument: &str,
) -> Result<(), Fault> {
    let stated =
        u32::try_from(size).ok().filter(|_| (T::FIRST_SIZE..=STRUCT_LIMIT).contains(&size));
    let stated = stated.ok_or_else(|| {
        Fault::misuse(WARDKEY_MISUSE_SIZE, argument, "is no size that the struct ever had")
    })?;
    // SAFETY: the header asks for `size` writable bytes.
    unsafe { pointer.cast::<u8>().write_bytes(0, size) };
    write(pointer.cast::<u32>(), stated);
    Ok(())
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
        // Not the struct's length: a host that cut the text short would have changed it.
        // SAFETY: data and capacity are what `write_buf` took from a Vec, which nobody else frees: the
        // struct was cleared above, and the header forbids freeing a copy.
        let mut bytes = unsafe { Vec::from_raw_parts(buf.data.cast::<u8>(), 0, buf.capacity) };
        // Wipes the whole capacity.
        bytes.zeroize();
    }
}

/// What an HTTP response of C's points to.
pub(super) struct OwnedResponse {
    /// What `headers` point to.
    pub(super) _texts: Vec<Vec<u8>>,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
    /// How much of the caller's struct was filled: freeing it must not reach further.
    pub(super) known: usize,
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
    mut owned: OwnedResponse,
) {
    owned.known = size.min(size_of::<HttpResponseParts>());
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
    let bytes = pointer.cast::<u8>();
    // Only the owner is read: an older caller's struct may end behind it.
    // SAFETY: the header asks for a wardkey_http_response there, of any release, all of which have it.
    let owner = unsafe {
        bytes.add(offset_of!(HttpResponseParts, owner)).cast::<*mut c_void>().read_unaligned()
    };
    if owner.is_null() {
        return;
    }
    // SAFETY: `owner` is what `write_response` took from a Box, which nobody else frees: the struct is
    // cleared below, and the header forbids freeing a copy.
    let owned = unsafe { Box::from_raw(owner.cast::<OwnedResponse>()) };
    // SAFETY: the caller had room for `known` bytes when they were filled, and has it still.
    unsafe { bytes.write_bytes(0, owned.known) };
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

/// The size of wardkey_http_response in the first release: with less it could never be freed.
pub(super) const RESPONSE_FIRST_SIZE: usize =
    offset_of!(HttpResponseParts, owner) + size_of::<*mut c_void>();

/// No struct of this library comes near it; a wilder size is no size.
const STRUCT_LIMIT: usize = 4096;

/// 2147483647: no more than isize::MAX on any system, and no NTS.
const LENGTH_LIMIT: usize = 0x7fff_ffff;

const HEADERS_LIMIT: usize = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct as it is two releases on: `later` was not there in the first.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Grown {
        struct_size: u32,
        known: u32,
        later: u64,
    }

    // SAFETY: numbers, struct_size first.
    unsafe impl Sized32 for Grown {
        const FIRST_SIZE: usize = 8;
    }

    fn code<T>(result: Result<T, Fault>) -> i32 {
        result.err().map_or(0, |fault| fault.code)
    }

    #[test]
    fn what_an_older_caller_does_not_have_is_zero_and_is_not_read() {
        let caller = [8_u32, 7, 0xdead, 0xbeef];
        let read = read_struct(caller.as_ptr().cast::<Grown>(), "s").ok().unwrap();
        assert_eq!((read.struct_size, read.known, read.later), (8, 7, 0));
    }

    #[test]
    fn a_newer_callers_tail_must_be_zero() {
        let mut caller = [24_u32, 7, 1, 0, 0, 0];
        assert_eq!(read_struct(caller.as_ptr().cast::<Grown>(), "s").ok().unwrap().later, 1);
        caller[5] = 1 << 31;
        assert_eq!(code(read_struct(caller.as_ptr().cast::<Grown>(), "s")), WARDKEY_MISUSE_SIZE);
    }

    #[test]
    fn a_size_that_no_release_had_is_misuse() {
        for size in [0_u32, 4, 7, 4097, u32::MAX] {
            let caller = [size, 0, 0, 0];
            let end = read_struct(caller.as_ptr().cast::<Grown>(), "s");
            assert_eq!(code(end), WARDKEY_MISUSE_SIZE, "{size}");
        }
        assert_eq!(code(read_struct(std::ptr::null::<Grown>(), "s")), WARDKEY_MISUSE_NULL);
    }

    // wardkey_options_init once wrote the library's own size: what a newer program then set behind it was
    // never looked at, and ignored.
    #[test]
    fn a_struct_started_for_a_newer_caller_keeps_its_tail_in_sight() {
        let mut caller = [u32::MAX; 6];
        assert!(start_struct(caller.as_mut_ptr().cast::<Grown>(), 24, "s").is_ok());
        assert_eq!(caller, [24, 0, 0, 0, 0, 0]);
        caller[4] = 1;
        assert_eq!(code(read_struct(caller.as_ptr().cast::<Grown>(), "s")), WARDKEY_MISUSE_SIZE);
        for size in [0, 7, 4097] {
            let end = start_struct(caller.as_mut_ptr().cast::<Grown>(), size, "s");
            assert_eq!(code(end), WARDKEY_MISUSE_SIZE, "{size}");
        }
    }

    #[test]
    fn an_older_callers_struct_is_not_overrun() {
        let mut caller = [9_u32; 4];
        let pointer = caller.as_mut_ptr().cast::<Grown>();
        assert!(clear_sized(pointer, 8, "s").is_ok());
        assert_eq!(caller, [0, 0, 9, 9]);
        write_sized(pointer, 8, &Grown { struct_size: 1, known: 2, later: 3 });
        assert_eq!(caller, [1, 2, 9, 9]);
    }

    #[test]
    fn a_text_has_a_sound_length_and_is_utf_8() {
        let at = c"\u{e4}b".as_ptr();
        assert_eq!(text(at, 3, "t").ok().flatten(), Some("\u{e4}b"));
        assert_eq!(text(at, WARDKEY_NTS, "t").ok().flatten(), Some("\u{e4}b"));
        assert_eq!(text(at, 0, "t").ok().flatten(), Some(""));
        assert_eq!(code(text(at, 1, "t")), WARDKEY_MISUSE_UTF8);
        assert_eq!(code(text(at, LENGTH_LIMIT + 1, "t")), WARDKEY_MISUSE_LENGTH);
        assert_eq!(code(text(at, usize::MAX, "t")), WARDKEY_MISUSE_LENGTH);
        assert_eq!(text(std::ptr::null(), 0, "t").ok(), Some(None));
        assert_eq!(code(text(std::ptr::null(), 1, "t")), WARDKEY_MISUSE_NULL);
    }

    #[test]
    fn a_header_whose_name_is_no_text_is_not_there() {
        let header = |name: &'static std::ffi::CStr| Header {
            name: name.as_ptr(),
            name_len: WARDKEY_NTS,
            value: c"v".as_ptr(),
            value_len: 1,
        };
        let sent = [header(c"X-\xff"), header(c"X-One")];
        let read = headers(sent.as_ptr(), 2).ok().unwrap();
        assert_eq!(read, [("X-One", &b"v"[..])]);
        assert_eq!(code(headers(sent.as_ptr(), HEADERS_LIMIT + 1)), WARDKEY_MISUSE_LENGTH);
        assert_eq!(code(headers(std::ptr::null(), 1)), WARDKEY_MISUSE_NULL);
    }

    #[test]
    fn a_message_too_long_is_cut_at_the_end_of_a_character() {
        let mut array = [1; 4];
        assert_eq!(fill(&mut array, "ab\u{e4}"), 2);
        assert_eq!(array.map(|c| c.to_ne_bytes()[0]), [b'a', b'b', 1, 1]);
        let mut report = ErrorReport { code: 0, system_code: 0, message: [1; 240] };
        write_error(&raw mut report, 1, 2, &"\u{e4}".repeat(200));
        assert_eq!(
            (report.message[237] == 0, report.message[238], report.message[239]),
            (false, 0, 0)
        );
    }

    #[test]
    fn a_buffer_is_freed_once_whatever_became_of_its_length() {
        for length in [0, 3, 4, usize::MAX] {
            let mut buf = Buf { data: std::ptr::null_mut(), length: 0, capacity: 0 };
            write_buf(&raw mut buf, b"abc".to_vec());
            assert_eq!(buf.length, 3);
            assert_eq!(bytes(buf.data, WARDKEY_NTS, "b").ok().flatten(), Some(&b"abc"[..]));
            buf.length = length;
            free_buf(&raw mut buf);
            free_buf(&raw mut buf);
            assert!(buf.data.is_null() && buf.length == 0 && buf.capacity == 0);
        }
        free_buf(std::ptr::null_mut());
    }
    // Misaligned, as a packed struct of the host's would be.
    #[test]
    fn nothing_is_believed_about_alignment() {
        let mut room = [0_u8; 64];
        let odd = room[1..].as_mut_ptr();
        write(odd.cast::<u32>(), 8);
        write(odd.wrapping_add(4).cast::<u32>(), 7);
        assert_eq!(read_struct(odd.cast::<Grown>(), "s").ok().unwrap().known, 7);
        assert!(start_struct(odd.cast::<Grown>(), 16, "s").is_ok());
        write_sized(odd.cast::<Grown>(), 8, &Grown { struct_size: 8, known: 9, later: 0 });
        assert_eq!(read_struct(odd.cast::<Grown>(), "s").ok().unwrap().known, 9);
        write_buf(odd.cast(), b"abc".to_vec());
        free_buf(odd.cast());
        assert_eq!(room[1..25], [0; 24]);
    }

    #[test]
    fn null_is_nothing_with_length_0_and_misuse_with_any_other() {
        let null = std::ptr::null();
        assert_eq!(bytes(null, 0, "b").ok(), Some(None));
        assert_eq!(bytes(null, WARDKEY_NTS, "b").ok(), Some(None));
        for length in [1, LENGTH_LIMIT, LENGTH_LIMIT + 1, WARDKEY_NTS - 1] {
            assert_eq!(code(bytes(null, length, "b")), WARDKEY_MISUSE_NULL, "{length}");
        }
        assert_eq!(headers(std::ptr::null(), 0).ok().unwrap(), []);
        let nothing = std::ptr::null_mut::<Grown>();
        assert_eq!(code(clear_sized(nothing, 0, "s")), 0);
        assert_eq!(code(clear_sized(nothing, 1, "s")), WARDKEY_MISUSE_NULL);
        assert_eq!(code(clear_required(nothing, "s")), WARDKEY_MISUSE_NULL);
        clear(nothing);
        write(nothing, Grown { struct_size: 1, known: 1, later: 1 });
        write_sized(nothing, 16, &Grown { struct_size: 1, known: 1, later: 1 });
        write_error(std::ptr::null_mut(), 1, 2, "unheard");
        free_response(std::ptr::null_mut());
    }

    #[test]
    fn a_nul_ends_a_text_only_if_its_length_is_not_given() {
        let given = [b'a', 0, b'b', 0];
        let at = given.as_ptr().cast();
        assert_eq!(bytes(at, WARDKEY_NTS, "b").ok().flatten(), Some(&b"a"[..]));
        assert_eq!(bytes(at, 3, "b").ok().flatten(), Some(&b"a\0b"[..]));
        assert_eq!(bytes(at, 0, "b").ok().flatten(), Some(&b""[..]));
    }

    #[test]
    fn text_that_is_not_utf_8_is_misuse_that_names_the_argument() {
        for wrong in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe4"] {
            let fault = text(wrong.as_ptr().cast(), wrong.len(), "scope").unwrap_err();
            assert_eq!(fault.code, WARDKEY_MISUSE_UTF8, "{wrong:?}");
            assert!(fault.message.contains("`scope`"), "{}", fault.message);
        }
    }

    #[test]
    fn a_header_needs_a_name_but_no_value() {
        let mut header =
            Header { name: c"X".as_ptr(), name_len: 1, value: std::ptr::null(), value_len: 0 };
        assert_eq!(headers(&raw const header, 1).ok().unwrap(), [("X", &b""[..])]);
        header.value_len = 1;
        assert_eq!(code(headers(&raw const header, 1)), WARDKEY_MISUSE_NULL);
        header.value = c"\xff".as_ptr();
        assert_eq!(headers(&raw const header, 1).ok().unwrap(), [("X", &b"\xff"[..])]);
        header.name_len = LENGTH_LIMIT + 1;
        assert_eq!(code(headers(&raw const header, 1)), WARDKEY_MISUSE_LENGTH);
        header.name = std::ptr::null();
        header.name_len = 0;
        assert_eq!(code(headers(&raw const header, 1)), WARDKEY_MISUSE_NULL);
    }

    #[test]
    fn an_out_struct_of_an_impossible_size_is_not_written() {
        let mut caller = [9_u32; 4];
        for size in [STRUCT_LIMIT + 1, usize::MAX] {
            let end = clear_sized(caller.as_mut_ptr().cast::<Grown>(), size, "s");
            assert_eq!(code(end), WARDKEY_MISUSE_SIZE);
        }
        assert_eq!(caller, [9; 4]);
    }

    #[test]
    fn a_buffer_has_a_nul_behind_it_whatever_room_it_came_with() {
        for room in [0, 1, 3, 4, 100] {
            let mut bytes = Vec::with_capacity(room);
            bytes.extend_from_slice(b"abc");
            let mut buf = Buf { data: std::ptr::null_mut(), length: 9, capacity: 9 };
            write_buf(&raw mut buf, bytes);
            assert_eq!(super::bytes(buf.data, 4, "b").ok().flatten(), Some(&b"abc\0"[..]));
            free_buf(&raw mut buf);
        }
        let mut buf = Buf { data: std::ptr::null_mut(), length: 9, capacity: 9 };
        write_buf(&raw mut buf, Vec::new());
        assert_eq!(bytes(buf.data, WARDKEY_NTS, "b").ok().flatten(), Some(&b""[..]));
        free_buf(&raw mut buf);
    }

    // wardkey_http_response_free once wrote as much as this library knows: a program compiled against an
    // older header has less room.
    #[test]
    fn freeing_a_response_reaches_no_further_than_filling_it_did() {
        const KNOWN: usize = RESPONSE_FIRST_SIZE;
        let mut room = [0xab_u8; KNOWN + 64];
        let response = room.as_mut_ptr().cast::<HttpResponseParts>();
        let owned = OwnedResponse {
            _texts: Vec::new(),
            headers: Vec::new(),
            body: b"{}\0".to_vec(),
            known: 0,
        };
        write_response(response, KNOWN, 200, owned);
        assert_eq!(room[KNOWN..], [0xab; 64]);
        free_response(response);
        assert_eq!((&room[..KNOWN], &room[KNOWN..]), (&[0; KNOWN][..], &[0xab; 64][..]));
        free_response(response);
        assert_eq!((&room[..KNOWN], &room[KNOWN..]), (&[0; KNOWN][..], &[0xab; 64][..]));
    }

    #[test]
    fn what_the_host_gave_is_destroyed_once_and_only_if_it_said_how() {
        extern "C" fn count(user: *mut c_void) {
            // SAFETY: the test below passes a counter.
            unsafe { *user.cast::<u32>() += 1 };
        }
        let mut destroyed = 0_u32;
        let user = (&raw mut destroyed).cast::<c_void>();
        drop(Held::new(user, Some(count)));
        drop(Held::new(user, None));
        assert_eq!(destroyed, 1);
    }
}
