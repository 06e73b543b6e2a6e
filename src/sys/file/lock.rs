//! Locks that say who uses a file. They keep nobody from reading or writing it.

use std::fs::File;

/// Takes the file alone, unless anybody has it; whether it did.
pub(crate) fn lock_alone(file: &File) -> bool {
    imp::lock(file, true)
}

/// Takes the file with others, unless somebody has it alone; whether it did.
pub(crate) fn lock_shared(file: &File) -> bool {
    imp::lock(file, false)
}

/// Gives it back, which closing the file does too.
///
/// # Errors
/// Those of the system: nobody had it, for one.
pub(crate) fn unlock(file: &File) -> std::io::Result<()> {
    imp::unlock(file)
}

#[cfg(unix)]
mod imp {
    use std::fs::File;

    pub(super) fn lock(file: &File, alone: bool) -> bool {
        let locked = if alone { file.try_lock() } else { file.try_lock_shared() };
        locked.is_ok()
    }

    pub(super) fn unlock(file: &File) -> std::io::Result<()> {
        file.unlock()
    }
}

/// Windows keeps everybody else from the bytes that are locked, those who copy the file too. So one byte is
/// locked where no file has any, and not the content, as `File::try_lock` does.
#[cfg(windows)]
mod imp {
    use std::fs::File;
    use std::os::windows::io::AsRawHandle;
    use windows_sys::Win32::Storage::FileSystem::{
        LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
    };
    use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

    #[expect(unsafe_code, reason = "std locks the content")]
    pub(super) fn lock(file: &File, alone: bool) -> bool {
        let flags = LOCKFILE_FAIL_IMMEDIATELY | if alone { LOCKFILE_EXCLUSIVE_LOCK } else { 0 };
        let mut place = place();
        // SAFETY: LockFileEx: the handle is open while `file` is borrowed, and was opened for synchronous use, so
        // that `place` is not touched after the call.
        let status = unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) };
        status != 0
    }

    #[expect(unsafe_code, reason = "std locks the content")]
    pub(super) fn unlock(file: &File) -> std::io::Result<()> {
        let mut place = place();
        // SAFETY: UnlockFileEx: as above.
        let status = unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) };
        if status == 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Where the byte is: 2^62.
    fn place() -> OVERLAPPED {
        let offset = OVERLAPPED_0_0 { Offset: 0, OffsetHigh: 1 << 30 };
        OVERLAPPED { Anonymous: OVERLAPPED_0 { Anonymous: offset }, ..Default::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn twice() -> (tempfile::TempDir, File, File) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "content").unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (one, other) = (open(), open());
        (folder, one, other)
    }

    #[test]
    fn who_has_it_alone_keeps_others_from_having_it_until_it_is_given_back() {
        let (_folder, one, other) = twice();
        assert!(lock_alone(&one));
        assert!(!lock_alone(&other) && !lock_shared(&other));
        unlock(&one).unwrap();
        assert!(lock_shared(&other) && lock_shared(&one));
        assert!(!lock_alone(&other));
        drop(one);
        unlock(&other).unwrap();
        assert!(lock_alone(&other));
    }

    #[test]
    fn whoever_has_it_nobody_is_kept_from_its_content() {
        let (_folder, one, mut other) = twice();
        assert!(lock_alone(&one));
        let mut text = String::new();
        other.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        other.write_all(b"!").unwrap();
    }
}
