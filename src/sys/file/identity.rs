//! Whether a name still means the same file.

use crate::error::Result;
use crate::sys::file::failed;
use std::path::Path;

/// Which file a name means: device and file number on Unix.
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

/// Whether `path` names a file. On Windows an open database can be neither renamed nor replaced, so a
/// name means the same file as long as it is open.
///
/// # Errors
/// [`crate::error::Error::Io`] and what [`failed`] makes of others, when there is none.
#[cfg(windows)]
pub(crate) fn identity(path: &Path) -> Result<FileIdentity> {
    std::fs::metadata(path).map_err(|e| failed("looking at a file", path, &e))?;
    Ok(FileIdentity(0, 0))
}
