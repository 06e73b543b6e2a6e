//! Sealing for this machine by Windows' Data Protection API.

use crate::error::{Error, Result};
use zeroize::Zeroizing;

/// Seals `plain` so that only this machine opens it, whoever asks there: the file's rights decide who can
/// ask at all.
///
/// # Errors
/// [`Error::InvalidArgument`] where there is no DPAPI; [`Error::Io`] when it fails.
pub(crate) fn seal(plain: &[u8]) -> Result<Vec<u8>> {
    imp::seal(plain)
}

/// Opens what [`seal`] made on this machine.
///
/// # Errors
/// As [`seal`]; also for what was sealed elsewhere.
pub(crate) fn open(sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    imp::open(sealed)
}

#[cfg(not(windows))]
mod imp {
    use super::*;

    pub(super) fn seal(_plain: &[u8]) -> Result<Vec<u8>> {
        Err(missing())
    }

    pub(super) fn open(_sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Err(missing())
    }

    fn missing() -> Error {
        Error::argument("source", "`dpapi` exists on Windows only")
    }
}

#[cfg(windows)]
mod imp {
    use super::*;
    use windows_sys::Win32::Foundation::LocalFree;
    use windows_sys::Win32::Security::Cryptography::{
        CRYPT_INTEGER_BLOB, CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN,
        CryptProtectData, CryptUnprotectData,
    };
    use zeroize::Zeroize;

    #[expect(unsafe_code, reason = "std has no DPAPI")]
    pub(super) fn seal(plain: &[u8]) -> Result<Vec<u8>> {
        call("sealing with DPAPI", plain, |input, output| {
            // SAFETY: CryptProtectData: `input` names bytes that live until after the call, `output` is ours
            // to be written; description, entropy, reserved and prompt may be NULL.
            unsafe {
                CryptProtectData(
                    input,
                    std::ptr::null(),
                    std::ptr::null(),
                    std::ptr::null(),
                    std::ptr::null(),
                    CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN,
                    output,
                )
            }
        })
        .map(|sealed| sealed.to_vec())
    }

    #[expect(unsafe_code, reason = "std has no DPAPI")]
    pub(super) fn open(sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        call("opening with DPAPI", sealed, |input, output| {
            // SAFETY: CryptUnprotectData: as above; the description is not asked for.
            unsafe {
                CryptUnprotectData(
                    input,
                    std::ptr::null_mut(),
                    std::ptr::null(),
                    std::ptr::null(),
                    std::ptr::null(),
                    CRYPTPROTECT_UI_FORBIDDEN,
                    output,
                )
            }
        })
    }

    /// Runs one of the two, and takes over what it allocated.
    #[expect(unsafe_code, reason = "the system allocates the answer")]
    fn call(
        doing: &'static str,
        bytes: &[u8],
        run: impl FnOnce(*const CRYPT_INTEGER_BLOB, *mut CRYPT_INTEGER_BLOB) -> i32,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| Error::argument("key", "is too long to be sealed"))?;
        let input = CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() };
        let mut output = CRYPT_INTEGER_BLOB { cbData: 0, pbData: std::ptr::null_mut() };
        if run(&raw const input, &raw mut output) == 0 {
            return Err(Error::io(doing, &std::io::Error::last_os_error()));
        }
        let length = usize::try_from(output.cbData).unwrap_or(0);
        // SAFETY: slice::from_raw_parts_mut: the call succeeded, so the system allocated and filled that many
        // bytes, and nobody else has them.
        let answer = unsafe { std::slice::from_raw_parts_mut(output.pbData, length) };
        let copy = Zeroizing::new(answer.to_vec());
        answer.zeroize();
        // SAFETY: LocalFree: the documentation of both calls says to free pbData so.
        unsafe { LocalFree(output.pbData.cast()) };
        Ok(copy)
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn what_this_machine_seals_it_opens_and_nothing_else() {
            let sealed = super::seal(&[7; 32]).unwrap();
            assert_ne!(sealed.get(..32), Some([7; 32].as_slice()));
            assert_eq!(*super::open(&sealed).unwrap(), [7; 32]);
            assert!(super::open(&[7; 200]).is_err());
        }
    }
}
