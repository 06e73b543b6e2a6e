//! Opening a database: only a whole, own, fresh one.

use crate::base::{Entropy, Secret, SiteId, UnixTime, encode};
use crate::crypto::{Algorithm, PrivateKey};
use crate::error::{Error, Result};
use crate::store::audit::AuditHead;
use crate::store::create::{self, folder_of};
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::{Claim, Freshness, Unborn};
use crate::store::keys::DataKeys;
use crate::store::master::{KeySource, freshness_path, suffixed};
use crate::store::reader::Readers;
use crate::store::record;
use crate::store::rows::AuditKeyRow;
use crate::store::schema;
use crate::store::state::State;
use crate::store::transaction::{Identity, Ledger, Tx};
use crate::store::view::View;
use crate::store::writer::{Outcome, Writer};
use crate::sys;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An open database.
pub(crate) struct Store {
    identity: Identity,
    freshness: Freshness,
    readers: Readers,
    writer: Writer,
}

/// What writes the first rows of a database.
pub(crate) type FirstRows<'a> = Box<dyn FnOnce(&mut Tx<'_>) -> Result<()> + 'a>;

/// What a new database begins with.
pub(crate) struct Creation<'a> {
    pub(crate) now: UnixTime,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Writes the first rows.
    pub(crate) first: FirstRows<'a>,
}

impl Store {
    /// Makes a database at `path`. It is not open afterwards.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`], [`Error::NetworkFilesystem`], [`Error::NotWritable`], [`Error::Full`].
    pub(crate) fn create(path: &Path, source: &KeySource, creation: Creation<'_>) -> Result<()> {
        check_folder(path)?;
        create::create(path, source, creation)
    }

    /// Opens the database at `path`.
    ///
    /// # Errors
    /// A kind of its own for everything that can be wrong with the files: see [`Error`].
    pub(crate) fn open(
        path: &Path,
        source: &KeySource,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        check_file(path)?;
        let claim = match Claim::open(&freshness_path(path), busy_timeout) {
            Ok(claim) => claim,
            // A file that is no database of ours, or whose key is gone too, says so rather than this.
            Err(missing @ Error::FreshnessMissing { .. }) => {
                Self::connect(path, source, busy_timeout, entropy)?;
                return Err(missing);
            }
            Err(error) => return Err(error),
        };
        // Alone with a WAL: a crash left it, or somebody put an old database under it.
        let alone = claim.is_alone();
        let main_file_commits = if alone { commits_without_wal(path)? } else { None };
        let (db, identity) = Self::connect(path, source, busy_timeout, entropy)?;
        let freshness = claim.map(identity.database_id, path)?;
        // The file first, the database second: whoever is committing now writes them the other way.
        let acknowledged = freshness.sequence()?;
        let state = State::load(&db, &identity.keys.row_mac)?;
        if state.commits < acknowledged {
            return Err(Error::StaleDatabase { found: state.commits, acknowledged });
        }
        if let Some(found) = main_file_commits
            && found < state.checkpointed
        {
            return Err(Error::StaleDatabase { found, acknowledged: state.checkpointed });
        }
        let writer = Writer::new(path.to_owned(), busy_timeout);
        // Only once the main file holds the last commit, synced, may the freshness file demand it: the
        // process that made it may have died before its sync.
        if alone && db.checkpoint(Checkpoint::Full)? {
            freshness.acknowledge(state.commits)?;
            writer.note_checkpoint(&db, &identity, &state, state.commits);
        }
        drop(db);
        let readers = Readers::new(path.to_owned(), busy_timeout);
        Ok(Self { identity, freshness, readers, writer })
    }

    /// Accepts the database at `path` as it is, although it may be an old copy: `renew` writes what a
    /// restore changes, at the time that `now` makes of the mark, and a new freshness file is made. It is
    /// not open afterwards. A WAL that belongs to a later main file is set aside first, and `renew` is told
    /// its new name.
    ///
    /// # Errors
    /// [`Error::Busy`] while any process has it open, and those of [`Store::open`] but the stale ones.
    pub(crate) fn restore(
        path: &Path,
        source: &KeySource,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
        now: impl FnOnce(UnixTime) -> UnixTime,
        renew: impl FnOnce(&mut Tx<'_>, Option<&str>) -> Result<()>,
    ) -> Result<()> {
        check_file(path)?;
        let mut claim = Unborn::reclaim(&freshness_path(path), busy_timeout)?;
        let (db, identity, aside) = Self::connect_alone(path, source, busy_timeout, entropy)?;
        db.check_integrity()?;
        db.batch("BEGIN IMMEDIATE")?;
        let state = State::load(&db, &identity.keys.row_mac)?;
        let acknowledged = claim.sequence_of(identity.database_id)?.unwrap_or(0);
        // One beyond everything that was ever acknowledged: a crash before the renewal is committed
        // leaves a database that still demands its restore.
        let commits = state.commits.max(acknowledged).saturating_add(1);
        claim.write(identity.database_id, commits)?;
        sys::file::sync_folder(folder_of(path))?;
        let head = AuditHead::load(&db, identity.database_id)?;
        let mut tx = Tx::new(&db, &identity, Ledger::new(state, head));
        tx.at(now(state.mark));
        renew(&mut tx, aside.as_deref())?;
        let mut ledger = tx.ledger;
        ledger.state.commits = commits;
        ledger.state.save(&db, &identity.keys.row_mac)?;
        ledger.head.sign(&db, identity.audit_key_id, &identity.audit_key)?;
        db.batch("COMMIT")
    }

    /// Keys, site and entropy of this database.
    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Demands that the files are still those that were opened.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        self.freshness.check_in_place()
    }

    /// The change word, if it is even: as long as it stays the same, no process has committed a security
    /// change. `None` while one is being committed, or after one whose end is not known.
    pub(crate) fn settled_word(&self) -> Result<Option<u64>> {
        let word = self.freshness.word()?;
        Ok(word.is_multiple_of(2).then_some(word))
    }

    /// The state as of the last commit, of any process.
    pub(crate) fn state(&self) -> Result<State> {
        self.readers.state(&self.identity, &self.freshness)
    }

    /// Reads through one consistent view.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.readers.read(&self.identity, read)
    }

    /// Runs `work` in a writing transaction and returns once it is synced: a denial commits, an error
    /// rolls back.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        self.writer.write(&self.identity, &self.freshness, now, work)
    }

    /// Closes every connection that nobody uses.
    pub(crate) fn close(&self) {
        self.readers.close();
        self.writer.close();
    }

    fn connect(
        path: &Path,
        source: &KeySource,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Db, Identity)> {
        let db = Self::look(path, busy_timeout)?;
        finish_connecting(db, path, source, entropy)
    }

    /// Connects as the only one, against programs too that know SQLite but not this library. A main file
    /// older than the WAL beside it is taken without that WAL, whose new name is returned.
    fn connect_alone(
        path: &Path,
        source: &KeySource,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Db, Identity, Option<String>)> {
        let main_file_commits = commits_without_wal(path)?;
        let connect = || -> Result<(Db, Identity)> {
            let db = Self::look(path, busy_timeout)?;
            db.batch("PRAGMA locking_mode = EXCLUSIVE")?;
            finish_connecting(db, path, source, Arc::clone(&entropy))
        };
        let (db, identity) = connect()?;
        let state = State::load(&db, &identity.keys.row_mac)?;
        if main_file_commits.is_none_or(|found| found >= state.checkpointed) {
            return Ok((db, identity, None));
        }
        // Played back, its pages would overwrite half of a database that they do not belong to.
        drop(db);
        let aside = set_wal_aside(path, identity.entropy.as_ref())?;
        connect().map(|(db, identity)| (db, identity, Some(aside)))
    }

    /// A connection that leaves the files as they are.
    fn look(path: &Path, busy_timeout: Duration) -> Result<Db> {
        check_folder(path)?;
        sys::file::file_writable(path)?;
        let db = Db::open(path, busy_timeout)?;
        db.keep_wal_on_close()?;
        Ok(db)
    }
}

/// Checks what was connected to, and opens its keys.
fn finish_connecting(
    db: Db,
    path: &Path,
    source: &KeySource,
    entropy: Arc<dyn Entropy>,
) -> Result<(Db, Identity)> {
    schema::check(&db, path)?;
    let identity = identify(&db, source.existing(path)?, entropy)?;
    Ok((db, identity))
}

/// Renames the WAL, which nobody has open, and returns its new name.
fn set_wal_aside(path: &Path, entropy: &dyn Entropy) -> Result<String> {
    let mut name = [0; 8];
    entropy.fill(&mut name)?;
    let suffix = format!("-wal.aside-{}", encode::hex(&name));
    sys::file::rename_new(&suffixed(path, "-wal"), &suffixed(path, &suffix))?;
    sys::file::sync_folder(folder_of(path))?;
    Ok(suffix)
}

/// Opens the keys of a database and reads who it is.
pub(super) fn identify(
    db: &Db,
    masters: Vec<Secret>,
    entropy: Arc<dyn Entropy>,
) -> Result<Identity> {
    let sql = "SELECT database_id, site FROM database WHERE id = 1";
    let (database_id, site) =
        db.one(sql, &[], |row| Ok((row.array::<16>(0)?, SiteId::parse(row.text(1)?))))?;
    let site = site.ok_or_else(|| Error::Corrupt { what: "the site's id".to_owned() })?;
    let keys = DataKeys::open_with_any(db, &masters, database_id)?;
    let rows = record::load::<AuditKeyRow>(db, &keys.row_mac, "ORDER BY id DESC LIMIT 1", &[])?;
    let row = rows.first().ok_or_else(|| Error::Corrupt { what: "the audit key".to_owned() })?;
    let private = keys.open_private("audit_key", &row.id.to_string(), &row.sealed)?;
    let audit_key = PrivateKey::from_pkcs8(Algorithm::EdDsa, private.expose())?;
    Ok(Identity { database_id, site, keys, audit_key_id: row.id, audit_key, entropy })
}

/// Looks at the file without opening it: a descriptor of our own, once closed, would drop the locks
/// that SQLite holds on it for this process.
fn check_file(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(Error::ForeignFile { path: path.to_owned() }),
        Ok(metadata) if metadata.len() == 0 => Err(Error::EmptyFile { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::DatabaseMissing { path: path.to_owned() })
        }
        Err(error) => Err(sys::file::failed("looking at the database", path, &error)),
    }
}

/// How many commits the main file holds if its WAL is left out; `None` without a WAL, or where the main
/// file alone cannot be read, as after a crash in the middle of a checkpoint.
fn commits_without_wal(path: &Path) -> Result<Option<u64>> {
    if !has_wal(path) {
        return Ok(None);
    }
    let commits = Db::open_main_file(path)
        .and_then(|db| db.first("SELECT commits FROM state", &[], |row| row.unsigned(0)));
    Ok(commits.unwrap_or(None))
}

fn has_wal(path: &Path) -> bool {
    std::fs::metadata(suffixed(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    if let Some(kind) = sys::file::network_filesystem(folder)? {
        return Err(Error::NetworkFilesystem { path: path.to_owned(), kind });
    }
    sys::file::writable_folder(folder)
}
