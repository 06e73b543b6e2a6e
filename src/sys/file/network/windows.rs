//! Windows tells a network share by its path and a mapped drive by its letter.

use super::super::failure::failed;
use crate::error::Result;
use std::path::{Component, Path, Prefix};

pub(super) fn network_kind(path: &Path) -> Result<Option<&'static str>> {
    // Follows links and mapped drives to the share behind them. Some RAM disks cannot answer.
    let resolved = std::fs::canonicalize(path)
        .or_else(|error| if path.exists() { std::path::absolute(path) } else { Err(error) })
        .map_err(|error| failed("asking for the filesystem", path, &error))?;
    Ok(name_of_path(&resolved, is_remote))
}

/// By an absolute path, and by asking whether the drive of a letter is remote.
fn name_of_path(path: &Path, is_remote: impl Fn(u8) -> bool) -> Option<&'static str> {
    let Some(Component::Prefix(prefix)) = path.components().next() else {
        return None;
    };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("network share"),
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => {
            is_remote(letter).then_some("network drive")
        }
        Prefix::Verbatim(_) | Prefix::DeviceNS(_) => None,
    }
}

#[expect(unsafe_code, reason = "std does not tell a drive's kind")]
fn is_remote(letter: u8) -> bool {
    use windows_sys::Win32::Storage::FileSystem::GetDriveTypeW;
    use windows_sys::Win32::System::WindowsProgramming::DRIVE_REMOTE;
    let root = [u16::from(letter), u16::from(b':'), u16::from(b'\\'), 0];
    // SAFETY: GetDriveTypeW: `root` is a NUL-terminated drive root and lives until after the call.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    kind == DRIVE_REMOTE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_remote_drives_are_network_filesystems() {
        let told = |path| name_of_path(Path::new(path), |letter| letter == b'N');
        assert_eq!(told(r"\\server\share\a.db"), Some("network share"));
        assert_eq!(told(r"\\?\UNC\server\share\a.db"), Some("network share"));
        assert_eq!(told(r"N:\a.db"), Some("network drive"));
        assert_eq!(told(r"\\?\N:\a.db"), Some("network drive"));
        assert_eq!(told(r"C:\a.db"), None);
        assert_eq!(told(r"\\?\Volume{00000000-0000-0000-0000-000000000000}\a.db"), None);
    }
}
