//! Network filesystems, whose locks and shared mappings cannot be trusted.

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
#[path = "bsd.rs"]
mod system;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

/// Systems that name their filesystems in other ways: nothing can be told.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd",
    windows
)))]
mod system {
    pub(super) fn network_kind(
        _path: &std::path::Path,
    ) -> crate::error::Result<Option<&'static str>> {
        Ok(None)
    }
}

use super::path::or_here;
use crate::error::Result;
use std::path::Path;

/// The name of the network filesystem that `path` lies on, `None` on a local one or where it cannot
/// be told. A path that does not exist yet is judged by its folder.
///
/// # Errors
/// As [`failed`](super::failed), if neither the path nor its folder can be asked.
pub(crate) fn network_filesystem(path: &Path) -> Result<Option<&'static str>> {
    system::network_kind(existing(or_here(path)))
}

fn existing(path: &Path) -> &Path {
    if path.exists() { path } else { path.parent().map_or(path, or_here) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_temporary_folder_is_local_by_every_kind_of_path() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_filesystem(folder.path()), Ok(None));
        assert_eq!(network_filesystem(&folder.path().join("not-yet.db")), Ok(None));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(network_filesystem(&file), Ok(None));
    }

    #[test]
    fn a_bare_name_is_judged_by_the_current_folder() {
        assert_eq!(existing(Path::new("not-there.db")), Path::new("."));
        assert!(network_filesystem(Path::new("not-there.db")).is_ok());
    }

    #[test]
    fn a_path_in_a_missing_folder_is_the_systems_error() {
        let folder = tempfile::tempdir().unwrap();
        let refused = network_filesystem(&folder.path().join("no/file.db"));
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }
}
