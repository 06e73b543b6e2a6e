//! The key file: a line for each master key, the newest first. Layout: docs/file-format.md.
//!
//! While the database exists, it is written only under SQLite's write lock, so that of two processes that
//! change the master key neither takes away the other's.

use crate::base::{Secret, encode};
use crate::error::{Error, Result};
use crate::store::create::folder_of;
use crate::store::master::{KEY_LENGTH, suffixed};
use crate::sys;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The lines of a key file.
#[derive(Default)]
pub(crate) struct KeyFile {
    lines: Vec<Line>,
}

struct Line {
    text: Zeroizing<Vec<u8>>,
    /// The key, or why it is none for us.
    key: std::result::Result<(Kind, Secret), String>,
}

/// How a key stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is.
    Plain,
    /// Sealed by Windows for this machine.
    Dpapi,
}

impl Kind {
    /// Its name in the database.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Plain => "file",
            Self::Dpapi => "dpapi",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "wardkey-key-1 ",
            Self::Dpapi => "wardkey-dpapi-1 ",
        }
    }
}

impl KeyFile {
    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for one that is too long to be a key file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(sys::file::failed("reading the key file", path, &error)),
        };
        // Read into memory of a fixed size: a growing buffer would leave copies behind unwiped.
        let mut text = Zeroizing::new(vec![0_u8; LONGEST + 1]);
        let mut length = 0;
        while let Some(rest) = text.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read(rest).map_err(|e| Error::io("reading the key file", &e))? {
                0 => break,
                read => length += read,
            }
        }
        if length > LONGEST {
            return Err(too_long());
        }
        let lines = text.get(..length).unwrap_or_default().split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Ok(Some(Self { lines: lines.filter(|line| !line.is_empty()).map(Line::parse).collect() }))
    }

    /// The keys in it, newest first.
    pub(crate) fn keys(&self) -> Vec<Secret> {
        let keys = self.lines.iter().filter_map(|line| line.key.as_ref().ok());
        keys.map(|(_, key)| Secret::copy_of(key.expose())).collect()
    }

    /// The newest key.
    pub(crate) fn first(&self) -> Option<(Kind, &Secret)> {
        let line = self.lines.iter().find_map(|line| line.key.as_ref().ok());
        line.map(|(kind, key)| (*kind, key))
    }

    /// What is said of the lines that hold no key for us.
    pub(crate) fn skipped(&self) -> Vec<String> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter_map(|(index, line)| Some((index + 1, line.key.as_ref().err()?)))
            .map(|(number, why)| format!("line {number}: {why}"))
            .collect()
    }

    /// How many lines it has.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds a key above the others.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a kind that this system does not have.
    pub(crate) fn put_first(&mut self, kind: Kind, key: &Secret) -> Result<()> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        text.push_str(kind.prefix());
        match kind {
            Kind::Plain => encode::base64url_into(key.expose(), &mut text),
            Kind::Dpapi => encode::base64url_into(&sys::dpapi::seal(key.expose())?, &mut text),
        }
        let line = Line::parse(text.as_bytes());
        self.lines.insert(0, line);
        Ok(())
    }

    /// Drops the keys of which `needed` says no; a line that holds no key for us may be somebody's.
    pub(crate) fn retain(&mut self, mut needed: impl FnMut(&Secret) -> Result<bool>) -> Result<()> {
        let mut kept = Vec::with_capacity(self.lines.len());
        for line in std::mem::take(&mut self.lines) {
            if line.key.as_ref().map_or(Ok(true), |(_, key)| needed(key))? {
                kept.push(line);
            }
        }
        self.lines = kept;
        Ok(())
    }

    /// Writes a file where none is.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`] if one is.
    pub(crate) fn create(&self, path: &Path) -> Result<()> {
        let draft = self.draft(path, None)?;
        sys::file::rename_new(&draft, path)
    }

    /// Writes the file in the place of the one that is there, with that one's owner and rights, or those of
    /// the database if there is none; without lines it is removed. Returns once it is durable.
    pub(crate) fn replace(&self, path: &Path, database: &Path) -> Result<()> {
        let failed = |error: std::io::Error| sys::file::failed(REPLACING, path, &error);
        if self.lines.is_empty() {
            std::fs::remove_file(path).map_err(failed)?;
        } else {
            let model = if path.exists() { path } else { database };
            let draft = self.draft(path, Some(model))?;
            sys::file::rename_over(&draft, path)?;
        }
        sys::file::sync_folder(folder_of(path))
    }

    /// Writes it under another name first: a crash leaves no half key under the name that counts.
    fn draft(&self, path: &Path, model: Option<&Path>) -> Result<PathBuf> {
        let draft = draft_path(path);
        remove_draft(path)?;
        let mut file = sys::file::create_private(&draft)?;
        let written =
            model.map_or(Ok(()), |model| sys::file::copy_rights(model, &draft)).and_then(|()| {
                file.write_all(&self.text())
                    .and_then(|()| file.sync_all())
                    .map_err(|e| sys::file::failed("writing the key file", &draft, &e))
            });
        drop(file);
        if let Err(error) = written {
            // Best effort: the error that matters is the first one.
            let _ = std::fs::remove_file(&draft);
            return Err(error);
        }
        Ok(draft)
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        let length = self.lines.iter().map(|line| line.text.len() + 1).sum();
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        for line in &self.lines {
            text.extend_from_slice(&line.text);
            text.push(b'\n');
        }
        text
    }
}

impl Line {
    fn parse(text: &[u8]) -> Self {
        let key = read_key(text);
        Self { text: Zeroizing::new(text.to_vec()), key }
    }
}

/// The key in a line, or why there is none, without a character of what may be a secret.
fn read_key(line: &[u8]) -> std::result::Result<(Kind, Secret), String> {
    if let Some(rest) = line.strip_prefix(Kind::Plain.prefix().as_bytes()) {
        let key = encode::from_base64url(rest).map(Secret::new);
        let key = key.filter(|key| key.expose().len() == KEY_LENGTH);
        return key.map(|key| (Kind::Plain, key)).ok_or_else(|| "a damaged key".to_owned());
    }
    if let Some(rest) = line.strip_prefix(Kind::Dpapi.prefix().as_bytes()) {
        let blob = encode::from_base64url(rest).ok_or("a damaged key sealed by DPAPI")?;
        let key = sys::dpapi::open(&blob).map_err(|_| "a key sealed by DPAPI elsewhere")?;
        let key = Secret::copy_of(&key);
        let whole = key.expose().len() == KEY_LENGTH;
        return if whole { Ok((Kind::Dpapi, key)) } else { Err("a damaged key".to_owned()) };
    }
    Err("no key of a known kind".to_owned())
}

/// Removes what a crash left of a writing: it may hold a key.
pub(super) fn remove_draft(path: &Path) -> Result<()> {
    let draft = draft_path(path);
    match std::fs::remove_file(&draft) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(sys::file::failed("removing the rest of a crashed change", &draft, &error))
        }
    }
}

pub(super) fn draft_path(path: &Path) -> PathBuf {
    suffixed(path, ".new")
}

fn too_long() -> Error {
    Error::Corrupt { what: "the key file, which is longer than 64 KiB".to_owned() }
}

const REPLACING: &str = "replacing the key file";
/// Longest file that is read: lines sealed by DPAPI have some 400 bytes.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Secret {
        Secret::new(vec![byte; 32])
    }

    fn with_file(text: &[u8], test: impl FnOnce(&Path, KeyFile)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.key");
        std::fs::write(&path, text).unwrap();
        let file = KeyFile::read(&path).unwrap().unwrap();
        test(&path, file);
    }

    fn plain(byte: u8) -> String {
        format!("wardkey-key-1 {}", encode::base64url(&[byte; 32]))
    }

    #[test]
    fn lines_of_unknown_kinds_are_skipped_told_and_kept() {
        let dpapi = format!("wardkey-dpapi-1 {}", encode::base64url(&[5; 300]));
        let text = [&plain(1), "wardkey-tpm-7 secret", &dpapi, &plain(2), "wardkey-key-1 AA"];
        with_file(text.join("\r\n").as_bytes(), |path, mut file| {
            let keys = file.keys();
            let keys: Vec<_> = keys.iter().map(Secret::expose).collect();
            assert_eq!(keys, [[1; 32], [2; 32]]);
            let skipped = file.skipped();
            assert_eq!(skipped.len(), 3);
            assert_eq!(skipped[0], "line 2: no key of a known kind");
            assert_eq!(skipped[1], "line 3: a key sealed by DPAPI elsewhere");
            assert_eq!(skipped[2], "line 5: a damaged key");
            file.put_first(Kind::Plain, &key(3)).unwrap();
            file.retain(|known| Ok(known.matches(&[3; 32]))).unwrap();
            file.replace(path, path).unwrap();
            let expected = [&plain(3), "wardkey-tpm-7 secret", &dpapi, "wardkey-key-1 AA", ""];
            assert_eq!(std::fs::read_to_string(path).unwrap(), expected.join("\n"));
        });
    }

    #[test]
    fn a_file_that_is_too_long_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.key");
        std::fs::write(&path, vec![b'x'; LONGEST]).unwrap();
        assert_eq!(KeyFile::read(&path).unwrap().unwrap().len(), 1);
        std::fs::write(&path, vec![b'x'; LONGEST + 1]).unwrap();
        assert!(matches!(KeyFile::read(&path), Err(Error::Corrupt { .. })));
    }

    #[test]
    fn a_file_without_lines_is_removed_and_a_leftover_draft_too() {
        with_file(plain(1).as_bytes(), |path, mut file| {
            std::fs::write(suffixed(path, ".new"), "the rest of a crash").unwrap();
            file.replace(path, path).unwrap();
            assert!(!suffixed(path, ".new").exists());
            file.retain(|_| Ok(false)).unwrap();
            file.replace(path, path).unwrap();
            assert!(!path.exists());
        });
    }

    #[cfg(unix)]
    #[test]
    fn the_new_file_has_the_rights_of_the_old_one_or_of_the_database() {
        use std::os::unix::fs::PermissionsExt;
        with_file(plain(1).as_bytes(), |path, file| {
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let set = |path: &Path, mode| {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            };
            let database = path.with_file_name("d");
            std::fs::write(&database, "").unwrap();
            set(&database, 0o660);
            set(path, 0o640);
            file.replace(path, &database).unwrap();
            assert_eq!(mode(path), 0o640);
            std::fs::remove_file(path).unwrap();
            file.replace(path, &database).unwrap();
            assert_eq!(mode(path), 0o660);
        });
    }

    #[cfg(unix)]
    #[test]
    fn dpapi_is_a_typed_error_where_there_is_none() {
        let refused = KeyFile::default().put_first(Kind::Dpapi, &key(1));
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{refused:?}");
    }

    #[cfg(windows)]
    #[test]
    fn a_key_sealed_by_dpapi_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.key");
        let mut file = KeyFile::default();
        file.put_first(Kind::Dpapi, &key(1)).unwrap();
        file.create(&path).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains(&encode::base64url(&[1; 32])));
        let read = KeyFile::read(&path).unwrap().unwrap();
        assert!(matches!(read.first(), Some((Kind::Dpapi, key)) if key.matches(&[1; 32])));
        assert!(read.skipped().is_empty());
    }
}
