//! The master key: given by the host, or kept in a file beside the database.

use crate::base::{Entropy, Secret, encode};
use crate::error::{Error, Result};
use crate::sys;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where the master key comes from.
pub(crate) enum KeySource {
    /// The file beside the database. Whoever can read the whole folder can read everything.
    File,
    /// The host: from a vault, a TPM, DPAPI or the like.
    Given(Secret),
}

impl KeySource {
    /// The keys that may be an existing database's, likeliest first. A file holds two while the master
    /// key is being changed: no moment exists at which neither opens the database.
    ///
    /// # Errors
    /// [`Error::KeyMissing`] when the file is gone; it is never made anew.
    pub(crate) fn existing(&self, database: &Path) -> Result<Vec<Secret>> {
        match self {
            Self::Given(key) => Ok(vec![given(key)?]),
            Self::File => read(&key_path(database))?
                .ok_or_else(|| Error::KeyMissing { path: key_path(database) }),
        }
    }

    /// The key for a database that is being made: the file is made with it.
    pub(crate) fn for_creation(&self, database: &Path, entropy: &dyn Entropy) -> Result<Secret> {
        match self {
            Self::Given(key) => given(key),
            // A key file without a database is the rest of a creation that crashed, or a key that was
            // put there: either way a good key, and not ours to overwrite.
            Self::File => match read(&key_path(database))?.and_then(|keys| keys.into_iter().next())
            {
                Some(key) => Ok(key),
                None => make(&key_path(database), entropy),
            },
        }
    }
}

fn given(key: &Secret) -> Result<Secret> {
    if key.expose().len() == KEY_LENGTH {
        Ok(Secret::copy_of(key.expose()))
    } else {
        Err(Error::argument("key", format!("must have {KEY_LENGTH} bytes")))
    }
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<Secret> {
    let mut key = Zeroizing::new([0_u8; KEY_LENGTH]);
    entropy.fill(key.as_mut())?;
    let mut text = Zeroizing::new(PREFIX.to_owned());
    text.reserve(48);
    encode::base64url_into(key.as_ref(), &mut text);
    text.push('\n');
    // Written under another name first: a crash leaves no half key under the name that counts.
    let draft = suffixed(path, ".new");
    remove_leftover(&draft)?;
    let mut file = sys::file::create_private(&draft)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| sys::file::failed("writing the key file", &draft, &e))?;
    drop(file);
    sys::file::rename_new(&draft, path)?;
    Ok(Secret::copy_of(key.as_ref()))
}

fn remove_leftover(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(sys::file::failed("removing the rest of a crashed creation", path, &error))
        }
    }
}

/// The keys in the file, newest first; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Vec<Secret>>> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(sys::file::failed("reading the key file", path, &error)),
    };
    // Read into memory of a fixed size: a growing buffer would leave copies behind unwiped.
    let mut text = Zeroizing::new([0_u8; 1024]);
    let mut length = 0;
    while let Some(rest) = text.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(|e| Error::io("reading the key file", &e))? {
            0 => break,
            read => length += read,
        }
    }
    let lines = text.get(..length).unwrap_or_default().split(|byte| *byte == b'\n');
    let keys =
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty());
    // A file that holds something else is a wrong key, not a missing one: nobody shall make it anew.
    let keys: Option<Vec<Secret>> = keys.map(parse).collect();
    keys.filter(|keys| !keys.is_empty()).map(Some).ok_or(Error::WrongKey)
}

fn parse(line: &[u8]) -> Option<Secret> {
    let key = encode::from_base64url(line.strip_prefix(PREFIX.as_bytes())?).map(Secret::new)?;
    (key.expose().len() == KEY_LENGTH).then_some(key)
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

const PREFIX: &str = "wardkey-key-1 ";
const KEY_LENGTH: usize = 32;
