//! How much room a volume has.

use super::failure::failed;
use crate::error::Result;
use std::path::Path;

/// Bytes that this user may still write in the folder's volume. The empty path is the current folder. On Unix,
/// quotas are not asked for.
///
/// # Errors
/// As [`failed`].
pub(crate) fn free_space(folder: &Path) -> Result<u64> {
    ask(super::path::or_here(folder))
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "std does not ask for free space")]
fn ask(folder: &Path) -> Result<u64> {
    let name = super::path::c_path(folder)?;
    let mut answer = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: statvfs(3) reads a NUL-terminated path and fills the structure.
    let status = unsafe { libc::statvfs(name.as_ptr(), answer.as_mut_ptr()) };
    if status != 0 {
        return Err(failed(ASKING, folder, &std::io::Error::last_os_error()));
    }
    // SAFETY: the call succeeded, so it has filled the structure.
    let answer = unsafe { answer.assume_init() };
    // Some systems have narrower fields.
    #[allow(clippy::useless_conversion, reason = "as wide as the result on this system")]
    let (blocks, size) = (u64::from(answer.f_bavail), u64::from(answer.f_frsize));
    Ok(blocks.saturating_mul(size))
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "std does not ask for free space")]
fn ask(folder: &Path) -> Result<u64> {
    use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
    let name = super::path::wide_path(folder)?;
    let mut free = 0_u64;
    // SAFETY: GetDiskFreeSpaceExW: the name is NUL-terminated UTF-16, one number is written through the second
    // argument, and the others are optional.
    let status = unsafe {
        GetDiskFreeSpaceExW(
            name.as_ptr(),
            &raw mut free,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    if status == 0 {
        return Err(failed(ASKING, folder, &std::io::Error::last_os_error()));
    }
    Ok(free)
}

const ASKING: &str = "asking for free space";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_some_room_and_a_missing_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_space(folder.path()).unwrap() > 0);
        assert!(free_space(Path::new("")).is_ok());
        assert!(free_space(&folder.path().join("no")).is_err());
    }
}
