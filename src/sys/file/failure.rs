//! The system's refusals as this library's errors.

use crate::error::Error;
use std::io;
use std::path::Path;

/// What the failure of a system call on `path` means: [`Error::NotWritable`] for missing rights and
/// read-only filesystems, [`Error::Full`] for a full disk or quota, [`Error::Busy`] for a file that another program
/// keeps to itself (Windows), [`Error::Io`] for all else.
pub(crate) fn failed(doing: &'static str, path: &Path, error: &io::Error) -> Error {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = error.kind();
    if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
        return Error::NotWritable { path: path.to_owned() };
    }
    if matches!(kind, StorageFull | QuotaExceeded) {
        return Error::Full;
    }
    if is_held(error) {
        return Error::Busy;
    }
    let code = error.raw_os_error().unwrap_or(0);
    Error::Io { doing, code, message: format!("{}: {error}", path.display()) }
}

/// Whether another program keeps the file to itself for now, as virus scanners do.
#[cfg(windows)]
pub(super) fn is_held(error: &io::Error) -> bool {
    use windows_sys::Win32::Foundation::{ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION};
    let code = error.raw_os_error().and_then(|code| u32::try_from(code).ok());
    code.is_some_and(|code| [ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION].contains(&code))
}

/// Unix has no such thing.
#[cfg(unix)]
const fn is_held(_error: &io::Error) -> bool {
    false
}

/// As [`failed`], where the name being taken is an answer: [`Error::DatabaseExists`].
pub(super) fn making_failed(doing: &'static str, path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Error::DatabaseExists { path: path.to_owned() };
    }
    failed(doing, path, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    fn of(kind: ErrorKind) -> Error {
        failed("testing", Path::new("a"), &kind.into())
    }

    #[test]
    fn missing_rights_and_read_only_disks_are_not_writable() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            assert_eq!(of(kind), Error::NotWritable { path: "a".into() });
        }
    }

    #[test]
    fn a_full_disk_and_a_spent_quota_are_full() {
        assert_eq!(of(ErrorKind::StorageFull), Error::Full);
        assert_eq!(of(ErrorKind::QuotaExceeded), Error::Full);
    }

    #[test]
    fn everything_else_keeps_the_systems_code() {
        let error = io::Error::from_raw_os_error(4);
        let told = failed("testing", Path::new("a"), &error);
        assert!(matches!(told, Error::Io { doing: "testing", code: 4, .. }), "{told:?}");
        assert!(told.to_string().starts_with("while testing: a: "), "{told}");
        assert!(matches!(of(ErrorKind::AlreadyExists), Error::Io { .. }));
    }

    #[test]
    fn a_taken_name_is_told_with_its_path() {
        let told = making_failed("testing", Path::new("a"), &ErrorKind::AlreadyExists.into());
        assert_eq!(told, Error::DatabaseExists { path: "a".into() });
    }

    #[cfg(unix)]
    #[test]
    fn the_systems_own_codes_are_recognised() {
        let told = |code| failed("testing", Path::new("a"), &io::Error::from_raw_os_error(code));
        assert_eq!(told(libc::EROFS), Error::NotWritable { path: "a".into() });
        assert_eq!(told(libc::EACCES), Error::NotWritable { path: "a".into() });
        assert_eq!(told(libc::ENOSPC), Error::Full);
        assert_eq!(told(libc::EDQUOT), Error::Full);
    }
}
