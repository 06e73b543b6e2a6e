//! Opening a database: only a whole, own, fresh one.

use crate::base::{Entropy, SiteId, UnixTime, encode};
use crate::crypto::{Algorithm, PrivateKey};
use crate::error::{Error, Result};
use crate::store::create::{self, folder_of};
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::{Claim, Freshness, claim_for_this_copy};
use crate::store::keys::DataKeys;
use crate::store::master::{Candidates, KeySource, Opener, freshness_path, suffixed};
use crate::store::member::Manner;
use crate::store::pair::{self, MainFile};
use crate::store::reader::Readers;
use crate::store::record;
use crate::store::rows::AuditKeyRow;
use crate::store::schema;
use crate::store::state::State;
use crate::store::transaction::{Identity, Tx};
use crate::store::view::View;
use crate::store::writer::{Moment, Outcome, Writer};
use crate::sys;
use crate::sys::only_copy::OnlyCopy;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An open database.
pub(crate) struct Store {
    identity: Identity,
    readers: Readers,
    writer: Writer,
    // Dropped behind them: SQLite's last descriptor is closed before anybody may think the files free.
    freshness: Freshness,
    _only: OnlyCopy,
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
        let opener = Opener::Master(source);
        check_file(path)?;
        let fresh = freshness_path(path);
        let claimed = claim_for_this_copy(&fresh, path)
            .and_then(|only| Ok((only, Claim::open(&fresh, busy_timeout)?)));
        let (only, mut claim) = match claimed {
            Ok(claimed) => claimed,
            // A file that is no database of ours, or whose key is gone too, says so rather than this.
            Err(missing @ Error::FreshnessMissing { .. }) => {
                Self::connect(path, opener, busy_timeout, entropy)?;
                return Err(missing);
            }
            Err(error) => return Err(error),
        };
        let alone = claim.is_alone();
        let main_file = MainFile::beside_wal(path)?;
        let joined = Self::connect(path, opener, busy_timeout, Arc::clone(&entropy));
        let joined = joined.and_then(|joined| check_pair(path, main_file, joined));
        let (db, identity, state) = joined.map_err(|error| {
            if main_file.is_some()
                && matches!(error, Error::Corrupt { .. } | Error::Io { .. })
                && pair::check_main_file(path, opener, entropy).is_ok()
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
        if !writer.reserve().is_there() && db.run("BEGIN IMMEDIATE").is_ok() {
            // A copy has none, and one may have been given up. Best effort: the next write needs it.
            let _ = writer.reserve().provide();
            db.run("ROLLBACK")?;
        }
        drop(db);
        let readers = Readers::new(path.to_owned(), busy_timeout);
        let store = Self { identity, readers, writer, freshness, _only: only };
        if source.kind().is_some() {
            // What a crash left of a change of master key. Best effort: the key file opens the database as
            // it is, and somebody who writes at this moment is not waited for.
            let _ = store.finish_rekey();
        }
        Ok(store)
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
        self.writer.write(&self.identity, &self.freshness, now, Manner::Shared, work)
    }

    /// As [`Store::write`], in a transaction that nobody else's work is part of.
    pub(super) fn write_alone<T: Send + 'static>(
        &self,
        now: Moment,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        self.writer.write(&self.identity, &self.freshness, now, Manner::Alone, work)
    }

    /// As [`Store::write`], alone and into the room of the reserve file: for security changes on a full disk.
    pub(crate) fn write_lean<T: Send + 'static>(
        &self,
        now: Moment,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        self.writer.write(&self.identity, &self.freshness, now, Manner::Lean, work)
    }

    /// Whether the reserve file is there.
    pub(crate) fn has_reserve(&self) -> bool {
        self.writer.reserve().is_there()
    }

    pub(super) const fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(super) fn path(&self) -> &Path {
        self.writer.path()
    }

    pub(super) const fn busy_timeout(&self) -> Duration {
        self.writer.busy_timeout()
    }

    /// Closes every connection that nobody uses.
    pub(crate) fn close(&self) {
        self.readers.close();
        self.writer.close();
    }

    fn connect(
        path: &Path,
        opener: Opener<'_>,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Db, Identity)> {
        let db = Self::look(path, busy_timeout)?;
        finish_connecting(db, path, opener, entropy)
    }

    /// Connects as the only one, against programs too that know SQLite but not this library. A main file that
    /// does not belong to the WAL beside it is taken without that WAL, if it is whole; the WAL's new name is
    /// returned.
    pub(super) fn connect_alone(
        path: &Path,
        opener: Opener<'_>,
        busy_timeout: Duration,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Db, Identity, Option<String>)> {
        let connect = || -> Result<(Db, Identity)> {
            let db = Self::look(path, busy_timeout)?;
            db.batch("PRAGMA locking_mode = EXCLUSIVE")?;
            finish_connecting(db, path, opener, Arc::clone(&entropy))
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
        pair::check_main_file(path, opener, Arc::clone(&entropy))?;
        let aside = set_wal_aside(path, entropy.as_ref())?;
        connect().map(|(db, identity)| (db, identity, Some(aside)))
    }

    /// A connection that leaves the files as they are.
    pub(super) fn look(path: &Path, busy_timeout: Duration) -> Result<Db> {
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
    opener: Opener<'_>,
    entropy: Arc<dyn Entropy>,
) -> Result<(Db, Identity)> {
    schema::check(&db, path)?;
    let identity = identify(&db, path, opener, entropy)?;
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
///
/// # Errors
/// [`Error::WrongKey`] and what else [`DataKeys::open`] says.
pub(super) fn identify(
    db: &Db,
    path: &Path,
    opener: Opener<'_>,
    entropy: Arc<dyn Entropy>,
) -> Result<Identity> {
    let open = || {
        let candidates = opener.candidates(path)?;
        db.run("BEGIN")?;
        let opened = Identity::open(db, &candidates, Arc::clone(&entropy));
        let ended = db.run("COMMIT");
        opened.and_then(|opened| ended.map(|()| opened))
    };
    match open() {
        // The key may have been changed between the reading of the file and of the rows.
        Err(Error::WrongKey { .. }) => open(),
        other => other,
    }
}

impl Identity {
    fn open(db: &Db, candidates: &Candidates<'_>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let keys = DataKeys::open(db, candidates, read_database_id(db)?)?;
        Self::of(db, keys, entropy)
    }

    /// Who the database is whose data keys are these.
    pub(super) fn of(db: &Db, keys: DataKeys, entropy: Arc<dyn Entropy>) -> Result<Self> {
        let database_id = read_database_id(db)?;
        let sql = "SELECT site FROM database WHERE id = 1";
        let site = db.one(sql, &[], |row| Ok(SiteId::parse(row.text(0)?)))?;
        let site = site.ok_or_else(|| Error::Corrupt { what: "the site's id".to_owned() })?;
        let last = "ORDER BY id DESC LIMIT 1";
        let rows = record::load::<AuditKeyRow>(db, &keys.row_mac, last, &[])?;
        let row =
            rows.first().ok_or_else(|| Error::Corrupt { what: "the audit key".to_owned() })?;
        let private = keys.open_private("audit_key", &row.id.to_string(), &row.sealed)?;
        let audit_key = PrivateKey::from_pkcs8(Algorithm::EdDsa, private.expose())?;
        Ok(Self { database_id, site, keys, audit_key_id: row.id, audit_key, entropy })
    }
}

pub(super) fn read_database_id(db: &Db) -> Result<[u8; 16]> {
    db.one("SELECT database_id FROM database WHERE id = 1", &[], |row| row.array(0))
}

/// Looks at the file without opening it: a descriptor of our own, once closed, would drop the locks
/// that SQLite holds on it for this process.
pub(super) fn check_file(path: &Path) -> Result<()> {
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
