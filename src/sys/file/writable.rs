//! Whether this user can write here, before anything is half done.

use super::failure::failed;
use crate::error::Result;
use std::path::Path;

/// Checks that files can be made in the folder. The empty path is the current folder.
///
/// Unix asks access(2), which leaves no trace and tells a read-only filesystem even to root; Windows
/// makes a file and deletes it, for its access lists have no other honest answer.
///
/// # Errors
/// [`Error::NotWritable`](crate::error::Error::NotWritable) if not;
/// [`Error::Io`](crate::error::Error::Io) if there is no such folder.
pub(crate) fn writable_folder(path: &Path) -> Result<()> {
    check_folder(super::path::or_here(path))
}

/// Checks that the file, which must exist, can be read and written.
///
/// Unix does not open it: closing it again would drop the POSIX locks that SQLite holds on it.
/// Windows locks belong to the handle, so there it is opened.
///
/// # Errors
/// [`Error::NotWritable`](crate::error::Error::NotWritable) if not;
/// [`Error::Io`](crate::error::Error::Io) if there is no such file.
pub(crate) fn file_writable(path: &Path) -> Result<()> {
    check_file(path)
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<()> {
    // The dot makes a plain file of that name "not a directory".
    let name = super::path::c_path(&path.join("."))?;
    access(&name, libc::W_OK | libc::X_OK)
        .map_err(|error| failed("checking a folder", path, &error))
}

#[cfg(unix)]
fn check_file(path: &Path) -> Result<()> {
    let name = super::path::c_path(path)?;
    access(&name, libc::R_OK | libc::W_OK).map_err(|error| failed("checking a file", path, &error))
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "std cannot ask for rights without opening")]
fn access(name: &std::ffi::CStr, mode: libc::c_int) -> std::io::Result<()> {
    // The effective user, who will open the file, and not access(2)'s real one.
    // SAFETY: faccessat(2) reads one NUL-terminated path, which the borrow keeps alive.
    let status = unsafe { libc::faccessat(libc::AT_FDCWD, name.as_ptr(), mode, libc::AT_EACCESS) };
    if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(windows)]
fn check_folder(path: &Path) -> Result<()> {
    use std::os::windows::fs::OpenOptionsExt;
    use std::sync::atomic::{AtomicU32, Ordering};
    use windows_sys::Win32::Foundation::GENERIC_WRITE;
    use windows_sys::Win32::Storage::FileSystem::{DELETE, FILE_FLAG_DELETE_ON_CLOSE};
    static TRIES: AtomicU32 = AtomicU32::new(0);

    let number = TRIES.fetch_add(1, Ordering::Relaxed);
    let name = format!(".wardkey-check-{}-{number}", std::process::id());
    // Windows deletes the file when its handle goes, after a crash too.
    std::fs::File::options()
        .access_mode(GENERIC_WRITE | DELETE)
        .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
        .write(true)
        .create_new(true)
        .open(path.join(name))
        .map(drop)
        .map_err(|error| failed("checking a folder", path, &error))
}

#[cfg(windows)]
fn check_file(path: &Path) -> Result<()> {
    std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .map(drop)
        .map_err(|error| failed("checking a file", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::fs;

    #[test]
    fn a_folder_of_ones_own_is_writable_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        writable_folder(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        writable_folder(Path::new("")).unwrap();
    }

    #[test]
    fn a_file_of_ones_own_is_writable_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        file_writable(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_missing_path_and_a_file_for_a_folder_are_the_systems_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for refused in [writable_folder(&path), file_writable(&path)] {
            assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        }
        fs::write(&path, "text").unwrap();
        let refused = writable_folder(&path);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }

    #[cfg(unix)]
    #[test]
    fn missing_rights_are_told_by_the_path_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (closed, open) = (folder.path().join("closed"), folder.path().join("open"));
        let (fixed, free) = (open.join("fixed"), open.join("free"));
        fs::create_dir(&closed).unwrap();
        fs::create_dir(&open).unwrap();
        fs::write(&fixed, "").unwrap();
        fs::write(&free, "").unwrap();
        for (path, mode) in [
            (folder.path(), 0o755),
            (&closed, 0o555),
            (&open, 0o777),
            (&fixed, 0o444),
            (&free, 0o666),
        ] {
            set_mode(path, mode);
        }
        let status = crate::sys::fork::in_a_child(|| {
            be_nobody();
            assert_eq!(writable_folder(&closed), Err(Error::NotWritable { path: closed.clone() }));
            assert_eq!(file_writable(&fixed), Err(Error::NotWritable { path: fixed.clone() }));
            assert_eq!(writable_folder(&open), Ok(()));
            assert_eq!(file_writable(&free), Ok(()));
            0
        });
        assert_eq!(status, 0);
    }

    #[cfg(windows)]
    #[test]
    fn a_file_marked_read_only_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        let mut rights = fs::metadata(&path).unwrap().permissions();
        rights.set_readonly(true);
        fs::set_permissions(&path, rights).unwrap();
        assert_eq!(file_writable(&path), Err(Error::NotWritable { path: path.clone() }));
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Root may write anywhere, so the child of a root's test gives its rights up.
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "std cannot give rights up")]
    fn be_nobody() {
        // SAFETY: geteuid(2) and setuid(2) have no preconditions.
        let status = unsafe { if libc::geteuid() == 0 { libc::setuid(65_534) } else { 0 } };
        assert_eq!(status, 0);
    }
}
