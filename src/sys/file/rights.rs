//! Giving one file the owner and the rights of another.

use super::failure::failed;
use crate::error::Result;
use std::path::Path;

/// Gives the file `to` the owner, the group and the mode of `from`; on Windows the owner and the access list.
/// A service whose file an administrator replaces would not be able to read it otherwise.
///
/// # Errors
/// [`Error::NotWritable`](crate::error::Error::NotWritable) with the path `from` if this user may not give
/// files away; else as [`failed`](super::failed).
pub(crate) fn copy_rights(from: &Path, to: &Path) -> Result<()> {
    copy(from, to).map_err(|error| failed("copying a file's rights", from, &error))
}

#[cfg(unix)]
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let (model, present) = (std::fs::metadata(from)?, std::fs::metadata(to)?);
    let other = |model: u32, present: u32| (model != present).then_some(model);
    let (user, group) = (other(model.uid(), present.uid()), other(model.gid(), present.gid()));
    // The owner first: chown(2) may take bits of the mode away.
    if user.is_some() || group.is_some() {
        chown(to, user, group)?;
    }
    std::fs::set_permissions(to, model.permissions())
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "std knows neither owners nor access lists")]
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    use windows_sys::Win32::Security::{
        DACL_SECURITY_INFORMATION, GetFileSecurityW, OWNER_SECURITY_INFORMATION, SetFileSecurityW,
    };
    let wide = |path: &Path| super::path::wide_path(path).map_err(std::io::Error::other);
    let (old, new) = (wide(from)?, wide(to)?);
    let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    // 64 KiB, which is more than an access list can have, aligned.
    let mut descriptor = vec![0_u64; 8192];
    let mut needed = 0;
    // SAFETY: GetFileSecurityW: the name is NUL-terminated, the buffer is aligned and has 65536 bytes.
    let read = unsafe {
        GetFileSecurityW(
            old.as_ptr(),
            what,
            descriptor.as_mut_ptr().cast(),
            65_536,
            &raw mut needed,
        )
    };
    if read == 0 {
        return Err(std::io::Error::last_os_error());
    }
    let mut write = || {
        // SAFETY: SetFileSecurityW: the name is NUL-terminated, the descriptor was just filled.
        let written =
            unsafe { SetFileSecurityW(new.as_ptr(), what, descriptor.as_mut_ptr().cast()) };
        if written == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // A service's file, for one, is an administrator's to replace, but not simply to give away.
    write().or_else(|_| super::privilege::with_restore(write)).map_err(named)
}

/// Who may not make this user the owner lacks a right, which std has no name for.
#[cfg(windows)]
fn named(error: std::io::Error) -> std::io::Error {
    use windows_sys::Win32::Foundation::ERROR_INVALID_OWNER;
    let is_owner = error.raw_os_error() == i32::try_from(ERROR_INVALID_OWNER).ok();
    if is_owner { std::io::ErrorKind::PermissionDenied.into() } else { error }
}
