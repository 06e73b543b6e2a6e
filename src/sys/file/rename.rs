//! Renaming that never replaces, and renaming that does.

use super::failure;
use crate::error::Result;
use std::io;
use std::path::Path;

/// Gives the file `from` the name `to` in the same filesystem, unless that name is taken. Of several
/// that try at once, one succeeds. The folder is not synced on Unix
/// ([`sync_folder`](super::sync_folder)).
///
/// Where the filesystem has no such rename, the file gets its second name first and loses the old one
/// next; a crash between the two leaves both.
///
/// # Errors
/// [`Error::DatabaseExists`](crate::error::Error::DatabaseExists) with the path `to` if the name is
/// taken; else as [`failed`](super::failed).
pub(crate) fn rename_new(from: &Path, to: &Path) -> Result<()> {
    rename(from, to)
}

/// Gives the file `from` the name `to` in the same filesystem, in the place of what has it now.
///
/// # Errors
/// As [`failed`](super::failed).
pub(crate) fn rename_over(from: &Path, to: &Path) -> Result<()> {
    replace(from, to).map_err(|error| failure::failed(RENAMING, to, &error))
}

#[cfg(unix)]
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

#[cfg(unix)]
fn rename(from: &Path, to: &Path) -> Result<()> {
    let (old, new) = (super::path::c_path(from)?, super::path::c_path(to)?);
    match rename_no_replace(&old, &new) {
        Err(error) if is_unsupported(&error) => link_and_unlink(from, to),
        done => done.map_err(|error| failure::making_failed(RENAMING, to, &error)),
    }
}

/// renameat2(2) as a bare system call: glibc wraps it since 2.28 only, and the shared library should
/// load on older systems.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "std renames only by replacing")]
fn rename_no_replace(from: &std::ffi::CStr, to: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: renameat2(2) reads two NUL-terminated paths, which the borrows keep alive.
    let status = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(target_vendor = "apple")]
#[expect(unsafe_code, reason = "std renames only by replacing")]
fn rename_no_replace(from: &std::ffi::CStr, to: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: renamex_np(2) reads two NUL-terminated paths, which the borrows keep alive.
    let status = unsafe { libc::renamex_np(from.as_ptr(), to.as_ptr(), libc::RENAME_EXCL) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))))]
fn rename_no_replace(_from: &std::ffi::CStr, _to: &std::ffi::CStr) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// Whether the kernel (ENOSYS) or the filesystem (renameat2(2): EINVAL, "the filesystem does not
/// support one of the flags"; renamex_np(2): ENOTSUP) lacks the exclusive rename. An EINVAL for
/// another reason comes back from the second attempt.
#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    let codes = [libc::ENOSYS, libc::EINVAL, libc::ENOTSUP, libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(unix)]
fn link_and_unlink(from: &Path, to: &Path) -> Result<()> {
    if let Err(error) = std::fs::hard_link(from, to) {
        // link(2): EPERM, "the filesystem does not support the creation of hard links". That is no
        // lack of rights, which would send the operator the wrong way.
        if error.raw_os_error() == Some(libc::EPERM) {
            return Err(crate::error::Error::io(RENAMING, &error));
        }
        return Err(failure::making_failed(RENAMING, to, &error));
    }
    // The file has its new name, and somebody may have opened it there already: that cannot be taken
    // back. An old name that stays is what a crash leaves as well.
    let _ = std::fs::remove_file(from);
    Ok(())
}

#[cfg(windows)]
fn rename(from: &Path, to: &Path) -> Result<()> {
    move_file(from, to, 0).map_err(|error| failure::making_failed(RENAMING, to, &error))
}

#[cfg(windows)]
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    move_file(from, to, windows_sys::Win32::Storage::FileSystem::MOVEFILE_REPLACE_EXISTING)
}

/// Virus scanners and indexers open what was just written, and keep it from being renamed: as SQLite does,
/// this waits for them, longer each time.
#[cfg(windows)]
fn move_file(from: &Path, to: &Path, flags: u32) -> io::Result<()> {
    let wide = |path: &Path| super::path::wide_path(path).map_err(io::Error::other);
    let (old, new) = (wide(from)?, wide(to)?);
    let mut pause = SHORTEST_PAUSE;
    loop {
        let moved = move_once(&old, &new, flags);
        let held = |error: &io::Error| {
            error.kind() == io::ErrorKind::PermissionDenied || failure::is_held(error)
        };
        if pause > LONGEST_PAUSE || !moved.as_ref().is_err_and(held) {
            return moved;
        }
        std::thread::sleep(pause);
        pause *= 2;
    }
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "std neither refuses to replace nor writes through")]
fn move_once(old: &[u16], new: &[u16], flags: u32) -> io::Result<()> {
    use windows_sys::Win32::Storage::FileSystem::{MOVEFILE_WRITE_THROUGH, MoveFileExW};
    let flags = flags | MOVEFILE_WRITE_THROUGH;
    // SAFETY: MoveFileExW: both names are NUL-terminated UTF-16 and live until after the call.
    let status = unsafe { MoveFileExW(old.as_ptr(), new.as_ptr(), flags) };
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(windows)]
const SHORTEST_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
/// A third of a second in all.
#[cfg(windows)]
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
const RENAMING: &str = "renaming a file";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::fs;
    use std::path::PathBuf;

    fn with_two_names(test: impl Fn(PathBuf, PathBuf)) {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::write(&from, "new").unwrap();
        test(from, folder.path().join("to"));
    }

    /// Both ways where there are two.
    fn each_way(test: impl Fn(fn(&Path, &Path) -> Result<()>, PathBuf, PathBuf)) {
        with_two_names(|from, to| test(rename_new, from, to));
        #[cfg(unix)]
        with_two_names(|from, to| test(link_and_unlink, from, to));
    }

    #[test]
    fn a_free_name_is_taken_and_the_old_one_given_up() {
        each_way(|rename, from, to| {
            rename(&from, &to).unwrap();
            assert!(!from.exists());
            assert_eq!(fs::read(&to).unwrap(), b"new");
        });
    }

    #[test]
    fn a_taken_name_is_never_replaced() {
        each_way(|rename, from, to| {
            fs::write(&to, "old").unwrap();
            let refused = rename(&from, &to).err();
            assert_eq!(refused, Some(Error::DatabaseExists { path: to.clone() }));
            assert_eq!(fs::read(&to).unwrap(), b"old");
            assert_eq!(fs::read(&from).unwrap(), b"new");
        });
    }

    #[test]
    fn a_taken_name_is_replaced_when_that_is_wanted() {
        with_two_names(|from, to| {
            rename_over(&from, &to).unwrap();
            fs::write(&from, "newer").unwrap();
            rename_over(&from, &to).unwrap();
            assert!(!from.exists());
            assert_eq!(fs::read(&to).unwrap(), b"newer");
        });
    }

    #[test]
    fn a_folder_is_not_replaced_either() {
        each_way(|rename, from, to| {
            fs::create_dir(&to).unwrap();
            let refused = rename(&from, &to).err();
            assert_eq!(refused, Some(Error::DatabaseExists { path: to }));
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_dangling_symbolic_link_counts_as_taken() {
        each_way(|rename, from, to| {
            std::os::unix::fs::symlink("nowhere", &to).unwrap();
            let refused = rename(&from, &to).err();
            assert_eq!(refused, Some(Error::DatabaseExists { path: to }));
        });
    }

    #[test]
    fn a_missing_source_is_the_systems_error() {
        each_way(|rename, from, to| {
            fs::remove_file(&from).unwrap();
            let refused = rename(&from, &to).err();
            assert!(matches!(refused, Some(Error::Io { doing: RENAMING, .. })), "{refused:?}");
        });
    }

    #[test]
    fn of_many_that_want_one_name_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        let won = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|n: u8| {
                    let (from, to) = (folder.path().join(n.to_string()), &to);
                    scope.spawn(move || {
                        fs::write(&from, [n]).unwrap();
                        rename_new(&from, to).is_ok().then_some(n)
                    })
                })
                .collect();
            racers.into_iter().filter_map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(won.len(), 1);
        assert_eq!(fs::read(&to).unwrap(), won);
    }
}
