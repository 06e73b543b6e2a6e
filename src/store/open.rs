//! Opening a database: only a whole, own, fresh one.

use crate::base::{Entropy, Secret, SiteId, UnixTime, encode};
use crate::crypto::{Algorithm, PrivateKey};
use crate::error::{Error, Result};
use crate::store::create::{self, folder_of};
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::{Claim, Freshness, Unborn};
use crate::store::keys::DataKeys;
use crate::store::master::{KeySource, freshness_path, suffixed};
use crate::store::pair::{self, MainFile};
use crate::store::reader::Readers;
use crate::store::record;
use crate::store::rows::AuditKeyRow;
use crate::store::schema;
use crate::store::state::State;
use crate::store::transaction::{Identity, Ledger, Tx};
use crate::store::view::View;
use crate::store::writer::{Moment, Outcome, Writer};
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
        let mut claim = match Claim::open(&freshness_path(path), busy_timeout) {
            Ok(claim) => claim,
            // A file that is no database of ours, or whose key is gone too, says so rather than this.
            Err(missing @ Error::FreshnessMissing { .. }) => {
                Self::connect(path, source, busy_timeout, entropy)?;
                return Err(missing);
            }
            Err(error) => return Err(error),
        };
        let alone = claim.is_alone();
        let main_file = MainFile::beside_wal(path)?;
        let joined = Self::connect(path, source, busy_timeout, Arc::clone(&entropy));
        let joined = joined.and_then(|joined| check_pair(path, main_file, joined));
        let (db, identity, state) = joined.map_err(|error| {
            if main_file.is_some()
                && matches!(error, Error::Corrupt { .. } | Error::Io { .. })
                && pair::check_main_file(path, source, entropy).is_ok()
            {
                return Error::Corrupt { what: MIXTURE.to_owned() };
            }
            error
        })?;
        // Only once the main file holds the last commit, synced, may the freshness file demand it: the
        // process that made it may have died before its sync. No longer alone, others do that.
        let acknowledged = claim.sequence_of(identity.database_id)?;
        let opens = acknowledged.is_some_and(|acknowledged| acknowledged <= state.commits);
        let whole = alone && opens && db.checkpoint(Checkpoint::Full)?;
        let held = state.commits;
        let freshness = claim.map(identity.database_id, path, busy_timeout)?;
        // The file first, the database second: whoever is committing now writes them the other way.
        let acknowledged = freshness.sequence()?;
        db.run("BEGIN")?;
        let state = State::load(&db, &identity.keys.row_mac)?;
        if state.commits < acknowledged {
            return Err(Error::StaleDatabase { found: state.commits, acknowledged });
        }
        state.audit.check_ends(&db, &state.cut)?;
        db.run("COMMIT")?;
        let writer = Writer::new(path.to_owned(), busy_timeout);
        if whole {
            freshness.acknowledge(held)?;
            writer.note_checkpoint(&db, &identity, &state, held);
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
        // What lies far beyond the database is damage, and would be carried on for ever.
        let near =
            |acknowledged: &u64| *acknowledged <= state.commits.saturating_add(DAMAGED_BEYOND);
        let acknowledged = claim.sequence_of(identity.database_id)?.filter(near).unwrap_or(0);
        // One beyond everything that was ever acknowledged: a crash before the renewal is committed
        // leaves a database that still demands its restore.
        let commits = state.commits.max(acknowledged).saturating_add(1);
        claim.write(identity.database_id, commits)?;
        sys::file::sync_folder(folder_of(path))?;
        let mut tx = Tx::new(&db, &identity, Ledger::new(state));
        tx.at(now(state.mark));
        tx.follow_stored()?;
        renew(&mut tx, aside.as_deref())?;
        let mut ledger = tx.ledger;
        ledger.state.commits = commits;
        ledger.state.save(&db, &identity.keys.row_mac)?;
        ledger.state.audit.sign(&db, identity.audit_key_id, &identity.audit_key)?;
        db.batch("COMMIT")?;
        // The main file must not lag behind an epoch: it would look like one that went another way.
        if db.checkpoint(Checkpoint::Full)? { Ok(()) } else { Err(Error::Busy) }
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
        now: Moment,
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

    /// Connects as the only one, against programs too that know SQLite but not this library. A main file that
    /// does not belong to the WAL beside it is taken without that WAL, if it is whole; the WAL's new name is
    /// returned.
    fn connect_alone(
        path: &Path,
        source: &KeySource,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Db, Identity, Option<String>)> {
        let connect = || -> Result<(Db, Identity)> {
            let db = Self::look(path, busy_timeout)?;
            db.batch("PRAGMA locking_mode = EXCLUSIVE")?;
            finish_connecting(db, path, source, Arc::clone(&entropy))
        };
        let main_file = MainFile::beside_wal(path)?;
        let joined = connect().and_then(|joined| check_pair(path, main_file, joined));
        let error = match joined {
            Ok((db, identity, _)) => return Ok((db, identity, None)),
            Err(error) => error,
        };
        // Played into each other, two that do not belong together can look like anything.
        let may_be_a_mixture = matches!(
            error,
            Error::StaleDatabase { .. }
                | Error::Corrupt { .. }
                | Error::ForeignFile { .. }
                | Error::Io { .. }
        );
        if main_file.is_none() || !may_be_a_mixture {
            return Err(error);
        }
        pair::check_main_file(path, source, Arc::clone(&entropy))?;
        let aside = set_wal_aside(path, entropy.as_ref())?;
        connect().map(|(db, identity)| (db, identity, Some(aside)))
    }

    /// A connection that leaves the files as they are.
    fn look(path: &Path, busy_timeout: Duration) -> Result<Db> {
        check_folder(path)?;
        sys::file::file_writable(path)?;
        Db::look(path, busy_timeout)
    }
}

/// Reads the state through the WAL, and demands that the main file, as it was before, belongs to that WAL.
fn check_pair(
    path: &Path,
    before: Option<MainFile>,
    (db, identity): (Db, Identity),
) -> Result<(Db, Identity, State)> {
    let state = State::load(&db, &identity.keys.row_mac)?;
    // Without a WAL, or while others are just copying it, there is nothing to compare.
    if let Some(before) = before
        && let Some(later) = MainFile::beside_wal(path)?
    {
        before.check(&later, &state)?;
    }
    Ok((db, identity, state))
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

fn check_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    if let Some(kind) = sys::file::network_filesystem(folder)? {
        return Err(Error::NetworkFilesystem { path: path.to_owned(), kind });
    }
    sys::file::writable_folder(folder)
}

/// What two files are that make no database together, although one does alone.
const MIXTURE: &str = "the WAL beside the main file belongs to another version of it; the main file alone is \
                       whole: open it with restore, which sets the WAL aside";

/// A freshness file that is this many commits ahead was not written by anybody who counted.
const DAMAGED_BEYOND: u64 = 1 << 32;
