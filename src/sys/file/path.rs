//! Paths as the system's functions take them.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The path as C text.
///
/// # Errors
/// [`Error::InvalidArgument`] for a NUL inside, which would silently name another file.
#[cfg(unix)]
pub(super) fn c_path(path: &Path) -> Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_| has_nul())
}

/// The path as NUL-terminated UTF-16. A long one has been through [`absolute`].
///
/// # Errors
/// [`Error::InvalidArgument`] for a NUL inside, which would silently name another file.
#[cfg(windows)]
pub(super) fn wide_path(path: &Path) -> Result<Vec<u16>> {
    use std::os::windows::ffi::OsStrExt;
    let mut wide: Vec<u16> = path.as_os_str().encode_wide().collect();
    if wide.contains(&0) {
        return Err(has_nul());
    }
    wide.push(0);
    Ok(wide)
}

/// The path from the root on. On Windows a long one also gets the prefix `\\?\`, without which the system's functions,
/// SQLite's among them, end at 260 characters.
///
/// # Errors
/// Those of the system: an empty path, or no present folder.
pub(crate) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    std::path::absolute(path).map(lengthened)
}

#[cfg(unix)]
const fn lengthened(path: PathBuf) -> PathBuf {
    path
}

#[cfg(windows)]
fn lengthened(path: PathBuf) -> PathBuf {
    use std::os::windows::ffi::OsStrExt;
    use std::path::{Component, Prefix};
    if path.as_os_str().encode_wide().count() <= LONGEST_PLAIN {
        return path;
    }
    let Some(Component::Prefix(prefix)) = path.components().next() else {
        return path;
    };
    // A share is refused in the end, but by its name.
    if !matches!(prefix.kind(), Prefix::Disk(_)) {
        return path;
    }
    let mut long = std::ffi::OsString::from(r"\\?\");
    long.push(path);
    PathBuf::from(long)
}

/// 260 less the longest name that anything beside a database has more than the database.
#[cfg(windows)]
const LONGEST_PLAIN: usize = 200;

/// `path` itself, or the current folder for the empty path, which is what `parent()` of a bare
/// file name is.
pub(super) fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn has_nul() -> Error {
    Error::argument("path", "it holds a NUL character")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_nul_is_refused() {
        #[cfg(unix)]
        let refused = c_path(Path::new("a\0b")).err();
        #[cfg(windows)]
        let refused = wide_path(Path::new("a\0b")).err();
        assert!(matches!(refused, Some(Error::InvalidArgument { .. })), "{refused:?}");
    }

    #[test]
    fn the_folder_of_a_bare_name_is_the_current_one() {
        assert_eq!(or_here(Path::new("name").parent().unwrap()), Path::new("."));
        assert_eq!(or_here(Path::new("a")), Path::new("a"));
    }
}
