//! The master key: given by the host, or kept in a file beside the database.

use crate::base::{Entropy, Secret, encode};
use crate::crypto::{self, Cell, RecoveryCode};
use crate::error::{Error, Result};
use crate::store::db::Db;
use crate::store::key_file::{KeyFile, Kind};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the master key comes from.
pub(crate) enum KeySource {
    /// The file beside the database. Whoever can read the whole folder can read everything.
    File,
    /// The same file, in which Windows seals it for this machine (DPAPI).
    Dpapi,
    /// The host: from a vault, a TPM or the like. Of several, one is the database's, and the first is a
    /// new database's.
    Given(Vec<Secret>),
}

/// What may open a database's data keys.
#[derive(Clone, Copy)]
pub(crate) enum Opener<'a> {
    /// The master key, from where it is.
    Master(&'a KeySource),
    /// A master key in a file elsewhere.
    KeyFile(&'a Path),
    /// The recovery code.
    Code(&'a RecoveryCode),
}

/// The keys to try.
pub(crate) enum Candidates<'a> {
    /// Master keys, likeliest first, and what was in their file besides.
    Masters {
        keys: Vec<Secret>,
        skipped: Vec<String>,
    },
    Code(&'a RecoveryCode),
}

/// What the database says of its master key. It proves nothing: it is for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MasterKey {
    /// `file`, `host` or `dpapi`; nothing if a later library wrote another word.
    pub(crate) source: &'static str,
    /// As [`id_of`].
    pub(crate) id: String,
}

impl MasterKey {
    pub(crate) fn load(db: &Db) -> Result<Self> {
        db.one("SELECT key_source, key_id FROM database WHERE id = 1", &[], |row| {
            let source = row.text(0)?;
            let known = [HOST, Kind::Plain.source(), Kind::Dpapi.source()];
            let source = known.into_iter().find(|known| *known == source).unwrap_or("");
            Ok(Self { source, id: row.text(1)?.to_owned() })
        })
    }

    pub(crate) fn save(&self, db: &Db) -> Result<()> {
        let cells = [Cell::Text(self.source), Cell::Text(&self.id)];
        db.execute("UPDATE database SET key_source = ?, key_id = ? WHERE id = 1", &cells)
            .map(|_| ())
    }
}

impl<'a> Opener<'a> {
    /// The keys that may be an existing database's. A file holds two while the master key is being changed:
    /// no moment exists at which neither opens the database.
    ///
    /// # Errors
    /// [`Error::KeyMissing`] when the file is gone; it is never made anew.
    pub(crate) fn candidates(self, database: &Path) -> Result<Candidates<'a>> {
        let path = match self {
            Self::Code(code) => return Ok(Candidates::Code(code)),
            Self::Master(KeySource::Given(keys)) => {
                let keys = keys.iter().map(given).collect::<Result<_>>()?;
                return Ok(Candidates::Masters { keys, skipped: Vec::new() });
            }
            Self::Master(KeySource::File | KeySource::Dpapi) => key_path(database),
            Self::KeyFile(path) => path.to_owned(),
        };
        let file = KeyFile::read(&path)?.ok_or(Error::KeyMissing { path })?;
        Ok(Candidates::Masters { keys: file.keys(), skipped: file.skipped() })
    }
}

impl KeySource {
    /// The key for a database that is being made, or that gets a new one, and what is to be said of it. A
    /// key in the file is not in the file yet.
    pub(crate) fn new_key(&self, entropy: &dyn Entropy) -> Result<(Secret, MasterKey)> {
        let key = match self {
            Self::Given(keys) => {
                let key = keys.first().ok_or_else(|| Error::argument("key", "is missing"))?;
                given(key)?
            }
            Self::File | Self::Dpapi => {
                let mut key = Zeroizing::new([0_u8; KEY_LENGTH]);
                entropy.fill(key.as_mut())?;
                Secret::copy_of(key.as_ref())
            }
        };
        let master = MasterKey { source: self.name(), id: id_of(&key) };
        Ok((key, master))
    }

    /// How its key stands in the key file, if it does.
    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::File => Some(Kind::Plain),
            Self::Dpapi => Some(Kind::Dpapi),
            Self::Given(_) => None,
        }
    }

    /// The key for a database that is being made: the file is made with it.
    pub(crate) fn for_creation(
        &self,
        database: &Path,
        entropy: &dyn Entropy,
    ) -> Result<(Secret, MasterKey)> {
        let Some(kind) = self.kind() else {
            return self.new_key(entropy);
        };
        let path = key_path(database);
        if let Some(file) = KeyFile::read(&path)? {
            // A key file without a database is the rest of a creation that crashed, or a key that was
            // put there: either way a good key, and not ours to overwrite.
            let (kind, key) = file.first().ok_or(Error::DatabaseExists { path })?;
            let master = MasterKey { source: kind.source(), id: id_of(key) };
            return Ok((Secret::copy_of(key.expose()), master));
        }
        let (key, master) = self.new_key(entropy)?;
        let mut file = KeyFile::default();
        file.put_first(kind, &key)?;
        file.create(&path)?;
        Ok((key, master))
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::File => Kind::Plain.source(),
            Self::Dpapi => Kind::Dpapi.source(),
            Self::Given(_) => HOST,
        }
    }
}

/// The name of a master key: it tells nothing about the key, and tells it from others.
pub(crate) fn id_of(key: &Secret) -> String {
    encode::base64url(&crypto::key_id(key.expose()))
}

fn given(key: &Secret) -> Result<Secret> {
    let bytes = key.expose();
    if bytes.len() != KEY_LENGTH {
        return Err(Error::argument("key", format!("must have {KEY_LENGTH} bytes")));
    }
    // A buffer that nobody filled: whoever gets the file would have the key.
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(Error::argument("key", "must not be all zeros"));
    }
    Ok(Secret::copy_of(bytes))
}

/// The key file of a database.
pub(crate) fn key_path(database: &Path) -> PathBuf {
    suffixed(database, ".key")
}

/// The freshness file of a database.
pub(crate) fn freshness_path(database: &Path) -> PathBuf {
    suffixed(database, ".fresh")
}

/// `path` with `suffix` behind its last character; `with_extension` would replace an extension.
pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) const HOST: &str = "host";
pub(super) const KEY_LENGTH: usize = 32;
