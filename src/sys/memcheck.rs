//! Telling valgrind's memcheck what it cannot see. Compiled by `tests/abi/run` alone (`--cfg memcheck`).

/// Tells memcheck that `bytes` are initialised: ring's AES-GCM for `x86_64` is assembly, and memcheck loses track of
/// the tag that it computes. Outside of valgrind it does nothing.
pub(crate) fn defined(bytes: &[u8]) {
    /// `VG_USERREQ__MAKE_MEM_DEFINED` of `valgrind/memcheck.h`.
    const MAKE_MEM_DEFINED: usize = 0x4d43_0002;
    let request = [MAKE_MEM_DEFINED, bytes.as_ptr().addr(), bytes.len(), 0, 0, 0];
    // SAFETY: the rotations add up to 128 bits and leave rdi as it was, and exchanging a register with itself does
    // nothing: the sequence is valgrind's mark for a request (valgrind.h), whose arguments rax points to and whose
    // answer comes in rdx. Memory is only read.
    #[expect(unsafe_code, reason = "a request to valgrind is an instruction sequence")]
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") request.as_ptr(),
            inout("rdx") 0_usize => _,
            options(nostack),
        );
    }
}
