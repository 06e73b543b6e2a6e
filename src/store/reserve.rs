//! The reserve file: room that is kept free on the disk for ending what must be ended.
//!
//! That it is missing is what all processes go by: while it is, nothing but security changes is written. All
//! but looking at it happens under SQLite's write lock.

use crate::base::{Entropy, SystemEntropy};
use crate::error::{Error, Result};
use crate::store::create::folder_of;
use crate::store::master::suffixed;
use crate::sys;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The reserve file of a database.
pub(crate) struct Reserve {
    database: PathBuf,
    path: PathBuf,
}

impl Reserve {
    pub(crate) fn of(database: &Path) -> Self {
        Self { database: database.to_owned(), path: suffixed(database, ".reserve") }
    }

    /// Whether it is there. An emptied one is none.
    pub(crate) fn is_there(&self) -> bool {
        self.length() == Some(LENGTH)
    }

    /// How long the file of its name is.
    fn length(&self) -> Option<u64> {
        let metadata = std::fs::symlink_metadata(&self.path).ok()?;
        metadata.is_file().then_some(metadata.len())
    }

    /// Demands that it is there or can be made, before anything is begun that may not be finished.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub(super) fn check(&self) -> Result<()> {
        if self.is_there() || self.has_room() { Ok(()) } else { Err(Error::Full) }
    }

    /// Makes it if it is missing and there is room for it four times over: with less, the next write would
    /// meet a full disk again.
    ///
    /// # Errors
    /// [`Error::Full`]. Whatever else keeps it from being made must not keep anybody from writing.
    pub(super) fn provide(&self) -> Result<()> {
        if self.is_there() {
            return Ok(());
        }
        self.check()?;
        match self.make() {
            Err(Error::Full) => Err(Error::Full),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Gives its room up.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn release(&self) -> Result<()> {
        if !self.is_there() {
            return Ok(());
        }
        let failed = |error| sys::file::failed("giving the reserve up", &self.path, &error);
        match std::fs::remove_file(&self.path) {
            Ok(()) => sys::file::sync_folder(folder_of(&self.path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            // A file that cannot be deleted, as one that others have open on Windows, can be emptied.
            Err(_) => File::options()
                .write(true)
                .open(&self.path)
                .and_then(|file| file.set_len(0))
                .map_err(failed),
        }
    }

    /// [`Error::Full`] instead of an I/O error, if there is no room. SQLite says of a quota that is used up, or of
    /// room that runs out only when the disk is synced, that input or output failed.
    pub(super) fn full_if_so(&self, error: Error) -> Error {
        let Error::Io { .. } = &error else {
            return error;
        };
        let probe = suffixed(&self.path, ".probe");
        let room = File::create(&probe)
            .and_then(|mut file| file.write_all(&PROBE).and_then(|()| file.sync_all()));
        // Best effort: nobody reads it.
        let _ = std::fs::remove_file(&probe);
        let full = room
            .is_err_and(|error| sys::file::failed("probing", &self.path, &error) == Error::Full);
        if full { Error::Full } else { error }
    }

    /// Whether there is room to make it. Where the system does not say, trying tells.
    fn has_room(&self) -> bool {
        let free = sys::file::free_space(folder_of(&self.path));
        free.map_or(true, |free| free >= LENGTH * ROOM)
    }

    /// Makes it under another name first: what is there under its own is whole. A file that is neither that nor
    /// one that was emptied is somebody's, and stays.
    fn make(&self) -> Result<()> {
        if self.path.symlink_metadata().is_ok() && self.length() != Some(0) {
            return Err(Error::DatabaseExists { path: self.path.clone() });
        }
        let draft = suffixed(&self.path, ".new");
        // What a crash left.
        let _ = std::fs::remove_file(&draft);
        let made = self.write(&draft).and_then(|()| sys::file::rename_over(&draft, &self.path));
        if made.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        made?;
        sys::file::sync_folder(folder_of(&self.path))
    }

    fn write(&self, draft: &Path) -> Result<()> {
        let length = usize::try_from(LENGTH).unwrap_or(0);
        // Zeros take no room where the filesystem compresses.
        let mut bytes = vec![0; length];
        SystemEntropy.fill(&mut bytes)?;
        let mut file = sys::file::create_private(draft)?;
        if self.database.exists() {
            // Best effort: there is nothing to read in it, and whoever may write the folder may delete it.
            let _ = sys::file::copy_rights(&self.database, draft);
        }
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| sys::file::failed(MAKING, draft, &error))
    }
}

const MAKING: &str = "making the reserve file";

/// Bytes: enough for hundreds of revocations.
const LENGTH: u64 = 1024 * 1024;

/// How often it must fit before it is made.
const ROOM: u64 = 4;

/// More than what one transaction writes.
static PROBE: [u8; 65_536] = [1; 65_536];

#[cfg(test)]
mod tests {
    use super::*;

    fn with_reserve(test: impl FnOnce(&Reserve)) {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("clinic.db");
        std::fs::write(&database, "a database").unwrap();
        test(&Reserve::of(&database));
    }

    #[test]
    fn it_is_made_whole_and_given_up() {
        with_reserve(|reserve| {
            assert!(!reserve.is_there());
            reserve.provide().unwrap();
            assert!(reserve.is_there());
            reserve.release().unwrap();
            assert!(!reserve.is_there());
            assert_eq!(reserve.release(), Ok(()), "twice is as good as once");
        });
    }

    #[test]
    fn an_emptied_one_is_none_and_is_replaced() {
        with_reserve(|reserve| {
            std::fs::write(&reserve.path, "").unwrap();
            assert!(!reserve.is_there());
            reserve.provide().unwrap();
            assert!(reserve.is_there());
        });
    }

    #[test]
    fn a_file_of_somebody_elses_is_neither_replaced_nor_given_up() {
        with_reserve(|reserve| {
            std::fs::write(&reserve.path, "a copy that is worth keeping").unwrap();
            reserve.provide().unwrap();
            reserve.release().unwrap();
            let kept = std::fs::read(&reserve.path).unwrap();
            assert_eq!(kept, b"a copy that is worth keeping");
        });
    }

    #[test]
    fn an_error_of_the_disk_is_not_called_full_while_there_is_room() {
        with_reserve(|reserve| {
            let failed = Error::Io { doing: "testing", code: 5, message: String::new() };
            assert_eq!(reserve.full_if_so(failed.clone()), failed);
            assert!(!suffixed(&reserve.path, ".probe").exists());
        });
    }

    #[cfg(unix)]
    #[test]
    fn it_has_the_rights_of_the_database() {
        use std::os::unix::fs::PermissionsExt;
        with_reserve(|reserve| {
            let mode = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(&reserve.database, mode).unwrap();
            reserve.provide().unwrap();
            let made = std::fs::metadata(&reserve.path).unwrap().permissions().mode();
            assert_eq!(made & 0o777, 0o640);
        });
    }
}
