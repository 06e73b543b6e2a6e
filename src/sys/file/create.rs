//! Files that only their owner may read.

use super::failure;
use crate::error::Result;
use std::fs::File;
use std::path::Path;

/// Makes a new file, open for reading and writing, that only its owner can open: mode 0600 on Unix;
/// on Windows the owner, SYSTEM and Administrators, nothing inherited from the folder.
///
/// # Errors
/// [`Error::DatabaseExists`](crate::error::Error::DatabaseExists) if the name is taken, by a dangling
/// symbolic link too; else as [`failed`](super::failed).
pub(crate) fn create_private(path: &Path) -> Result<File> {
    create(path)
}

/// Makes the names in a folder durable: what was created, renamed or deleted there. The empty path
/// is the current folder.
///
/// Windows promises nothing of the kind. NTFS journals its folders and writes that journal when one is flushed,
/// which is asked for; [`rename_new`](super::rename_new) and [`rename_over`](super::rename_over) write through.
///
/// # Errors
/// As [`failed`](super::failed); none on Windows.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    sync(super::path::or_here(path))
}

#[cfg(unix)]
fn create(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // The umask can only take bits away from the mode.
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failure::making_failed(CREATING, path, &error))
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "std cannot create a file with an access list of its own")]
fn create(path: &Path) -> Result<File> {
    use std::os::windows::io::FromRawHandle;
    use std::ptr;
    use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE};
    use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
    use windows_sys::Win32::Storage::FileSystem::{
        CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ, FILE_SHARE_WRITE,
    };

    let name = super::path::wide_path(path)?;
    let descriptor = Descriptor::private()?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
        lpSecurityDescriptor: descriptor.pointer,
        bInheritHandle: 0,
    };
    // Nobody may delete or rename it while it is open here: a draft, for one, is not taken for an abandoned one.
    // SAFETY: CreateFileW: `name` is NUL-terminated UTF-16, `attributes` and the descriptor it points
    // to live until after the call, and no template handle is given.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_READ | GENERIC_WRITE,
            FILE_SHARE_READ | FILE_SHARE_WRITE,
            &raw const attributes,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        let error = std::io::Error::last_os_error();
        return Err(failure::making_failed(CREATING, path, &error));
    }
    // SAFETY: FromRawHandle: CreateFileW just gave us the handle; nothing else owns or closes it.
    Ok(unsafe { File::from_raw_handle(handle) })
}

/// A security descriptor in the memory that the system allocated for it.
#[cfg(windows)]
struct Descriptor {
    pointer: windows_sys::Win32::Security::PSECURITY_DESCRIPTOR,
}

#[cfg(windows)]
impl Descriptor {
    #[expect(unsafe_code, reason = "std has no security descriptors")]
    fn private() -> Result<Self> {
        use windows_sys::Win32::Security::Authorization::{
            ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
        };
        let text: Vec<u16> = OWNER_SYSTEM_ADMINISTRATORS.encode_utf16().chain([0]).collect();
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the text is NUL-terminated UTF-16, the system writes one pointer through the third
        // argument, and the optional size is not asked for.
        let status = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut pointer,
                std::ptr::null_mut(),
            )
        };
        if status == 0 {
            let error = std::io::Error::last_os_error();
            return Err(crate::error::Error::io("making a private access list", &error));
        }
        Ok(Self { pointer })
    }
}

#[cfg(windows)]
impl Drop for Descriptor {
    #[expect(unsafe_code, reason = "the system allocated the descriptor")]
    fn drop(&mut self) {
        // SAFETY: LocalFree: the conversion's documentation says to free its result so, and this is
        // its only owner.
        unsafe { windows_sys::Win32::Foundation::LocalFree(self.pointer) };
    }
}

#[cfg(unix)]
fn sync(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| failure::failed("syncing a folder", path, &error);
    match File::open(path).map_err(failed)?.sync_all() {
        // fsync(2): EINVAL, the file "does not support synchronization". Some filesystems say so of
        // every directory, and then nothing waits to be synced.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        done => done.map_err(failed),
    }
}

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "the Unix side can fail")]
fn sync(path: &Path) -> Result<()> {
    use std::os::windows::fs::OpenOptionsExt;
    use windows_sys::Win32::Foundation::GENERIC_WRITE;
    use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS;
    // Best effort: not every filesystem flushes folders, and FlushFileBuffers's documentation knows none.
    let _ = File::options()
        .access_mode(GENERIC_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
        .and_then(|folder| folder.sync_all());
    Ok(())
}

const CREATING: &str = "creating a private file";
/// SDDL: a protected list that gives everything to the owner (OW), SYSTEM (SY) and Administrators
/// (BA), and nothing to anyone else.
#[cfg(windows)]
const OWNER_SYSTEM_ADMINISTRATORS: &str = "D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::fs;
    use std::io::{Read, Seek, Write};

    #[test]
    fn a_private_file_can_be_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut file = create_private(&path).unwrap();
        file.write_all(b"secret").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "secret");
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"secret");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let file = create_private(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[cfg(windows)]
    #[test]
    fn a_private_file_is_open_to_owner_system_and_administrators_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        drop(create_private(&path).unwrap());
        let list = access_list(&path);
        // Inherited entries carry a flag between the first two semicolons. The P of a protected list
        // is not asked for: Wine, which derives lists from Unix modes, does not keep it.
        assert!(list.starts_with("D:") && list.contains("(A;;FA;;;SY)"), "{list}");
        assert_eq!(list.matches("(A;;").count(), list.matches('(').count(), "{list}");
        for group in ["WD)", "BU)", "AU)", "BG)", "IU)"] {
            assert!(!list.contains(group), "{list}");
        }
    }

    /// The file's access list as SDDL.
    #[cfg(windows)]
    #[expect(unsafe_code, reason = "std does not read access lists")]
    fn access_list(path: &Path) -> String {
        use windows_sys::Win32::Foundation::LocalFree;
        use windows_sys::Win32::Security::Authorization::{
            ConvertSecurityDescriptorToStringSecurityDescriptorW, SDDL_REVISION_1,
        };
        use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, GetFileSecurityW};
        let name = super::super::path::wide_path(path).unwrap();
        let mut descriptor = [0_u64; 512];
        let (mut needed, mut text) = (0, std::ptr::null_mut());
        // SAFETY: GetFileSecurityW: `name` is NUL-terminated, the buffer is aligned and has 4096 bytes.
        let read = unsafe {
            GetFileSecurityW(
                name.as_ptr(),
                DACL_SECURITY_INFORMATION,
                descriptor.as_mut_ptr().cast(),
                4096,
                &raw mut needed,
            )
        };
        assert_ne!(read, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the descriptor was just filled; the system allocates NUL-terminated text.
        let told = unsafe {
            ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor.as_mut_ptr().cast(),
                SDDL_REVISION_1,
                DACL_SECURITY_INFORMATION,
                &raw mut text,
                std::ptr::null_mut(),
            )
        };
        assert_ne!(told, 0, "{}", std::io::Error::last_os_error());
        let mut units = Vec::new();
        // SAFETY: the text ends with a NUL, and nothing behind it is read.
        while let unit @ 1.. = unsafe { *text.add(units.len()) } {
            units.push(unit);
        }
        // SAFETY: LocalFree: the conversion's documentation says to free its result so.
        unsafe { LocalFree(text.cast()) };
        String::from_utf16(&units).unwrap()
    }

    #[test]
    fn a_file_that_exists_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "old").unwrap();
        let refused = create_private(&path).err();
        assert_eq!(refused, Some(Error::DatabaseExists { path: path.clone() }));
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_not_followed_even_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("key"), folder.path().join("elsewhere"));
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let refused = create_private(&path).err();
        assert!(matches!(refused, Some(Error::DatabaseExists { .. })), "{refused:?}");
        assert!(!target.exists());
    }

    #[test]
    fn a_missing_folder_is_the_systems_error() {
        let folder = tempfile::tempdir().unwrap();
        let refused = create_private(&folder.path().join("no/key")).err();
        assert!(matches!(refused, Some(Error::Io { doing: CREATING, .. })), "{refused:?}");
    }

    #[test]
    fn a_folder_is_synced_by_its_name_and_by_the_empty_path() {
        let folder = tempfile::tempdir().unwrap();
        sync_folder(folder.path()).unwrap();
        sync_folder(Path::new("")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn syncing_a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let refused = sync_folder(&folder.path().join("no")).err();
        assert!(matches!(refused, Some(Error::Io { .. })), "{refused:?}");
    }
}
