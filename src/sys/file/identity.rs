//! Whether a name still means the same file.

use crate::error::Result;
use crate::sys::file::failed;
use std::path::Path;

/// Which file a name means: device and file number on Unix, the volume's and the file's number on Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileIdentity(u64, u64);

/// The file that `path` names now. It is not opened.
///
/// # Errors
/// [`crate::error::Error::Io`] and what [`failed`] makes of others, when there is none.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> Result<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|e| failed("looking at a file", path, &e))?;
    Ok(FileIdentity(metadata.dev(), metadata.ino()))
}

/// The file that `path` names now. It is opened for a moment, but neither to be read nor to be written, which is in
/// nobody's way.
///
/// # Errors
/// [`crate::error::Error::Io`] and what [`failed`] makes of others, when there is none.
#[cfg(windows)]
pub(crate) fn identity(path: &Path) -> Result<FileIdentity> {
    use std::os::windows::fs::OpenOptionsExt;
    use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS;
    let mut look = std::fs::File::options();
    look.access_mode(0).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    look.open(path)
        .and_then(|file| numbers(&file))
        .map_err(|e| failed("looking at a file", path, &e))
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "std does not tell a file's number")]
fn numbers(file: &std::fs::File) -> std::io::Result<FileIdentity> {
    use std::os::windows::io::AsRawHandle;
    use windows_sys::Win32::Storage::FileSystem::{
        BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle,
    };
    let mut told = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: GetFileInformationByHandle: the handle is open while `file` is borrowed, and one struct is written
    // through the pointer.
    let status = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut told) };
    if status == 0 {
        return Err(std::io::Error::last_os_error());
    }
    let number = u64::from(told.nFileIndexHigh) << 32 | u64::from(told.nFileIndexLow);
    Ok(FileIdentity(u64::from(told.dwVolumeSerialNumber), number))
}
