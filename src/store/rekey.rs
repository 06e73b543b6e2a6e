//! Changing what opens the data keys: another master key, a new recovery code.
//!
//! Open processes hold the data keys and notice nothing. Who opens the database meanwhile finds both master
//! keys in the key file: the new one's line is there, synced, before the commit that needs it, and the old
//! one's goes when the main file is known to need it no more. A crash in between leaves a line too many.

use crate::base::Secret;
use crate::crypto::RecoveryCode;
use crate::error::{Denied, Error, Result};
use crate::store::audit::AuditEntry;
use crate::store::db::{Checkpoint, Db};
use crate::store::key_file::{KeyFile, Kind, draft_path, remove_draft};
use crate::store::keys::{Wrapped, Wrapper};
use crate::store::master::{HOST, KeySource, MasterKey, key_path};
use crate::store::open::Store;
use crate::store::state::State;
use crate::store::transaction::Tx;
use crate::store::writer::Moment;
use std::path::Path;
use std::time::Duration;

/// A change of master key that was committed.
#[derive(Debug, Clone)]
pub(crate) struct Rekeyed {
    pub(crate) before: MasterKey,
    pub(crate) after: MasterKey,
    /// Whether the former key may be needed yet: something kept the main file from being completed, or the
    /// key file from being written. The next opening tries again.
    pub(crate) former_needed: bool,
}

impl Store {
    /// Wraps the data keys with a new master key from `source`: a random one in the key file, or the host's,
    /// which it must have stored already. `audit` says who did it, from what to what.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process changed it meanwhile; [`Error::InvalidArgument`] for a key
    /// that is the present one, or a source that this system has not. An error leaves the former key in
    /// force, [`Error::OutcomeUnknown`] either of the two.
    pub(crate) fn rekey(
        &self,
        now: Moment,
        source: &KeySource,
        audit: impl FnOnce(&MasterKey, &MasterKey) -> AuditEntry + Send + 'static,
    ) -> Result<Rekeyed> {
        let before = self.read(|view| view.master_key())?;
        let (key, after) = source.new_key(self.identity().entropy.as_ref())?;
        let kind = source.kind();
        let database = self.path().to_owned();
        let (expected, named) = (before.clone(), after.clone());
        let outcome = self.write_alone(now, move |tx| {
            tx.rekey(&database, kind, &key, (&expected, &named))?;
            tx.audit(&audit(&expected, &named)).map(Ok)
        })?;
        outcome.map_err(|_: Denied| Error::Internal { what: "a change of key that was denied" })?;
        // The change has taken place: what follows is tidying, and may fail till next time.
        let tidy = self.tidy_key_file(self.busy_timeout()).unwrap_or(false);
        Ok(Rekeyed { before, after, former_needed: !tidy })
    }

    /// Empties the WAL of what was replaced, if nobody reads from it.
    pub(crate) fn forget_replaced(&self) -> Result<bool> {
        let db = Db::open(self.path(), self.busy_timeout())?;
        complete_main_file(&db, self)
    }

    /// As [`Store::tidy_key_file`], without waiting, if a crash may have left anything to do.
    pub(super) fn finish_rekey(&self) -> Result<()> {
        let path = key_path(self.path());
        let lines = KeyFile::read(&path)?.map_or(0, |file| file.len());
        if lines > 1 || draft_path(&path).exists() {
            self.tidy_key_file(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Completes the main file, and drops the keys from the key file that demonstrably do not open this
    /// database. Whether both could be done.
    fn tidy_key_file(&self, patience: Duration) -> Result<bool> {
        let db = Db::open(self.path(), patience)?;
        let needed = Wrapped::load(&db, Wrapper::Master)?;
        // What the main file alone would need is in force until it holds what the WAL says.
        if !complete_main_file(&db, self)? {
            return Ok(false);
        }
        db.run("BEGIN IMMEDIATE")?;
        let dropped = self.drop_lines(&db, &needed);
        db.run("ROLLBACK")?;
        dropped
    }

    /// Under the write lock, as is every writing of the key file.
    fn drop_lines(&self, db: &Db, needed: &Wrapped) -> Result<bool> {
        let path = key_path(self.path());
        remove_draft(&path)?;
        let Some(mut file) = KeyFile::read(&path)? else {
            return Ok(true);
        };
        let before = file.len();
        let database_id = self.identity().database_id;
        let mut opens = false;
        // By trial: the key's id in the database is not authenticated.
        file.retain(|key| {
            let needed = needed.open(key, database_id)?.is_some();
            opens |= needed;
            Ok(needed)
        })?;
        // Changed since the main file was completed: whoever changed it tidies up. And a file that opens
        // nothing at all is not touched, unless the host has the key.
        let settled = Wrapped::load(db, Wrapper::Master)? == *needed;
        if !settled || !(opens || MasterKey::load(db)?.source == HOST) {
            return Ok(false);
        }
        if file.len() < before {
            file.replace(&path, self.path())?;
        }
        Ok(true)
    }
}

/// Copies the whole WAL into the main file and empties it; whether that could be done.
fn complete_main_file(db: &Db, store: &Store) -> Result<bool> {
    let state = State::load(db, &store.identity().keys.row_mac)?;
    let whole = db.checkpoint(Checkpoint::Truncate)?;
    if whole {
        store.writer().note_checkpoint(db, store.identity(), &state, state.commits);
    }
    Ok(whole)
}

impl Tx<'_> {
    /// Has the data keys sealed by `key` from now on. In a key file it is written before this returns.
    fn rekey(
        &mut self,
        database: &Path,
        kind: Option<Kind>,
        key: &Secret,
        (before, after): (&MasterKey, &MasterKey),
    ) -> Result<()> {
        let (db, identity) = (self.db(), self.identity());
        let present = MasterKey::load(db)?;
        if present != *before {
            return Err(Error::Conflict { what: "change of the master key to", id: present.id });
        }
        if identity.opens_with(db, key)? {
            return Err(Error::argument("key", "is the present one"));
        }
        if let Some(kind) = kind {
            add_line(database, kind, key, KeyFile::read(&key_path(database))?.unwrap_or_default())?;
        }
        identity.keys.wrap(db, Wrapper::Master, key, identity.entropy.as_ref())?;
        after.save(db)
    }

    /// Has the data keys sealed by a recovery code, in the place of the one before.
    pub(crate) fn set_recovery_code(&mut self, code: &RecoveryCode) -> Result<()> {
        let (db, identity) = (self.db(), self.identity());
        let key = code.wrapping_key(&identity.database_id);
        identity.keys.wrap(db, Wrapper::Recovery, &key, identity.entropy.as_ref())
    }
}

/// Writes a key above the lines of `file` into the key file, and demands that it can be read there.
pub(super) fn add_line(database: &Path, kind: Kind, key: &Secret, mut file: KeyFile) -> Result<()> {
    let path = key_path(database);
    file.put_first(kind, key)?;
    file.replace(&path, database)?;
    let read = KeyFile::read(&path)?;
    let first = read.as_ref().and_then(KeyFile::first);
    if first.is_some_and(|(_, read)| read.matches(key.expose())) {
        Ok(())
    } else {
        Err(Error::Corrupt {
            what: "the key file, which does not hold what was written".to_owned(),
        })
    }
}
