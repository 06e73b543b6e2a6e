//! A file that is written under a name of its own before it gets the one it is meant for.

use super::{create_private, failed, rename_new, sync_folder};
use crate::error::Result;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A private file beside the one it will be. It goes with this value unless it is kept.
pub(crate) struct Draft {
    path: PathBuf,
    file: Option<File>,
    kept: bool,
}

impl Draft {
    /// Makes an empty one for `target`; `unique` makes its name one that nobody else uses. What a killed
    /// process left for the same target is removed.
    ///
    /// # Errors
    /// As [`create_private`].
    pub(crate) fn begin(target: &Path, unique: &str) -> Result<Self> {
        remove_rests(target);
        let mut path = target.as_os_str().to_owned();
        path.push(INFIX);
        path.push(unique);
        let path = PathBuf::from(path);
        let file = create_private(&path)?;
        // Says that somebody is at work here. Best effort: not every filesystem has locks.
        #[cfg(unix)]
        let _ = file.try_lock();
        Ok(Self { path, file: Some(file), kept: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what it holds durable and gives it its name, which nobody may have taken meanwhile.
    ///
    /// # Errors
    /// As [`rename_new`]; else as [`failed`].
    pub(crate) fn place(&mut self, target: &Path) -> Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all().map_err(|error| failed("syncing a file", &self.path, &error))?;
        }
        rename_new(&self.path, target)?;
        target.clone_into(&mut self.path);
        sync_folder(target.parent().unwrap_or(Path::new("")))
    }

    /// Lets it stay.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        drop(self.file.take());
        if !self.kept {
            // Best effort: what is left is removed by the next one for the same target.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes drafts of `target` that nobody is writing. Best effort: they are in nobody's way.
fn remove_rests(target: &Path) {
    let folder = super::path::or_here(target.parent().unwrap_or(Path::new("")));
    let (Some(name), Ok(entries)) = (target.file_name(), std::fs::read_dir(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        if is_draft_of(name, &entry.file_name()) && is_abandoned(&path) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Whether a file's name is one that [`Draft::begin`] gives.
fn is_draft_of(target: &OsStr, name: &OsStr) -> bool {
    let rest = name.as_encoded_bytes().strip_prefix(target.as_encoded_bytes());
    let unique = rest.and_then(|rest| rest.strip_prefix(INFIX.as_bytes()));
    unique.is_some_and(|unique| !unique.is_empty() && unique.iter().all(u8::is_ascii_hexdigit))
}

/// Whether nobody holds the lock of [`Draft::begin`].
#[cfg(unix)]
fn is_abandoned(path: &Path) -> bool {
    let plain = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    plain && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// Windows does not delete a file that [`create_private`] or SQLite has open.
#[cfg(windows)]
fn is_abandoned(_path: &Path) -> bool {
    true
}

const INFIX: &str = ".draft-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::fs;

    fn in_a_folder(test: impl FnOnce(&Path, &Path)) {
        let folder = tempfile::tempdir().unwrap();
        test(folder.path(), &folder.path().join("copy"));
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_draft_goes_unless_it_is_kept() {
        in_a_folder(|folder, target| {
            drop(Draft::begin(target, "1").unwrap());
            assert_eq!(names(folder), [""; 0]);
            let mut placed = Draft::begin(target, "2").unwrap();
            placed.place(target).unwrap();
            assert_eq!(names(folder), ["copy"]);
            drop(placed);
            assert_eq!(names(folder), [""; 0]);
            let mut kept = Draft::begin(target, "3").unwrap();
            kept.place(target).unwrap();
            kept.keep();
            assert_eq!(names(folder), ["copy"]);
        });
    }

    #[test]
    fn a_name_that_was_taken_meanwhile_is_not_replaced() {
        in_a_folder(|folder, target| {
            let mut draft = Draft::begin(target, "1").unwrap();
            fs::write(target, "somebody's").unwrap();
            let refused = draft.place(target).err();
            assert_eq!(refused, Some(Error::DatabaseExists { path: target.to_owned() }));
            drop(draft);
            assert_eq!(names(folder), ["copy"]);
            assert_eq!(fs::read(target).unwrap(), b"somebody's");
        });
    }

    #[test]
    fn the_rest_of_a_killed_process_is_removed_and_nothing_else_is() {
        in_a_folder(|folder, target| {
            let others = ["copy.draft-x", "copy.draft-", "copy2.draft-1", "copy"];
            for name in others.into_iter().chain(["copy.draft-0a"]) {
                fs::write(folder.join(name), "").unwrap();
            }
            drop(Draft::begin(target, "1").unwrap());
            let mut left = names(folder);
            left.sort_unstable();
            assert_eq!(left, ["copy", "copy.draft-", "copy.draft-x", "copy2.draft-1"]);
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_draft_that_somebody_is_writing_is_left_alone() {
        in_a_folder(|folder, target| {
            let mut first = Draft::begin(target, "1").unwrap();
            drop(Draft::begin(target, "2").unwrap());
            assert_eq!(names(folder), ["copy.draft-1"]);
            first.place(target).unwrap();
        });
    }
}
