//! Making a database: whole or not at all.

use crate::base::{Entropy, Epoch, Secret, SiteId, UnixTime, encode};
use crate::crypto::{Algorithm, Cell, PrivateKey};
use crate::error::{Error, Result};
use crate::store::audit::AuditHead;
use crate::store::db::Db;
use crate::store::freshness::Unborn;
use crate::store::keys::{DataKeys, Wrapper};
use crate::store::master::{self, KeySource, MasterKey};
use crate::store::open::Creation;
use crate::store::record::{self, Named};
use crate::store::reserve::Reserve;
use crate::store::rows::AuditKeyRow;
use crate::store::schema;
use crate::store::state::{Clockwork, State};
use crate::store::transaction::{Identity, Ledger, Tx};
use crate::sys;
use std::path::Path;
use std::sync::Arc;

/// Makes the files at `path`; the database appears last, complete.
pub(super) fn create(path: &Path, source: &KeySource, creation: Creation<'_>) -> Result<()> {
    let exists = |path: &Path| Error::DatabaseExists { path: path.to_owned() };
    let folder = folder_of(path);
    if path.try_exists().map_err(|e| sys::file::failed("looking for the database", path, &e))? {
        return Err(exists(path));
    }
    // A WAL left behind by another database of this name would be played back into the new one.
    for suffix in ["-wal", "-shm", "-journal"] {
        let rest = master::suffixed(path, suffix);
        if rest.exists() {
            return Err(exists(&rest));
        }
    }
    let freshness_path = master::freshness_path(path);
    let mut unborn = Unborn::claim(&freshness_path)?;
    // Looked at again under the lock: another process may just have finished.
    if path.try_exists().map_err(|e| sys::file::failed("looking for the database", path, &e))? {
        return Err(exists(path));
    }
    let entropy = Arc::clone(&creation.entropy);
    let mut database_id = [0; 16];
    entropy.fill(&mut database_id)?;
    let master = source.for_creation(path, entropy.as_ref())?;
    unborn.write(database_id, 0)?;
    sys::file::sync_folder(folder)?;
    let mut name = [0; 8];
    entropy.fill(&mut name)?;
    let draft = master::suffixed(path, &format!(".new-{}", encode::hex(&name)));
    // Nothing could be issued without it.
    Reserve::of(path).provide()?;
    let built = build(&draft, &master, database_id, creation);
    if let Err(error) = built {
        // Best effort: the error that matters is the first one, and the draft is nobody's database.
        let _ = std::fs::remove_file(&draft);
        return Err(error);
    }
    sys::file::rename_new(&draft, path)?;
    sys::file::sync_folder(folder)?;
    unborn.write(database_id, FIRST_COMMIT)
}

/// The folder a path is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Builds the database under a name that nobody else knows.
fn build(
    draft: &Path,
    master: &(Secret, MasterKey),
    database_id: [u8; 16],
    creation: Creation<'_>,
) -> Result<()> {
    // SQLite makes its file with the process's umask; ours is private from its first byte.
    drop(sys::file::create_private(draft)?);
    let db = Db::open(draft, std::time::Duration::ZERO)?;
    schema::build(&db)?;
    db.batch("BEGIN IMMEDIATE")?;
    found(&db, master, database_id, creation)?;
    db.batch("COMMIT")?;
    // The mode is kept in the file's header. Until here a rollback journal made every step atomic.
    db.batch("PRAGMA journal_mode = WAL")
}

/// The first rows.
fn found(
    db: &Db,
    (key, master): &(Secret, MasterKey),
    database_id: [u8; 16],
    creation: Creation<'_>,
) -> Result<()> {
    let entropy = creation.entropy.as_ref();
    let keys = DataKeys::mint(database_id, entropy)?;
    keys.wrap(db, Wrapper::Master, key, entropy)?;
    let site = SiteId::mint(entropy)?;
    write_identity(db, database_id, &site, master, creation.now)?;
    let (audit_key, mac) = write_audit_key(db, (1, 1), &keys, entropy, creation.now)?;
    let start = AuditHead::start(database_id);
    let epoch = Epoch::mint(entropy)?;
    let state = State {
        commits: FIRST_COMMIT,
        checkpointed: FIRST_COMMIT,
        sequence: 0,
        epoch,
        epoch_before: epoch,
        epoch_since: FIRST_COMMIT,
        mark: creation.now,
        clock: Clockwork { believed: true, offset: 0 },
        clock_changes: 0,
        last_expiry: creation.now,
        audit: start,
        cut: start,
        cut_horizon: creation.now.plus_millis(-SIX_YEARS_MILLIS),
        size_warned_at: UnixTime::from_millis(0),
    };
    state.insert(db, &keys.row_mac)?;
    let identity = Identity::of(db, keys, Arc::clone(&creation.entropy))?;
    let mut tx = Tx::new(db, &identity, Ledger::new(state));
    tx.at(creation.now);
    tx.name(Named::written(&audit_key, &mac));
    (creation.first)(&mut tx)?;
    let ledger = tx.ledger;
    ledger.state.save(db, &identity.keys.row_mac)?;
    ledger.state.audit.sign(db, identity.audit_key_id, &identity.audit_key)
}

fn write_identity(
    db: &Db,
    database_id: [u8; 16],
    site: &SiteId,
    master: &MasterKey,
    now: UnixTime,
) -> Result<()> {
    let format = Cell::Integer(i64::from(schema::FORMAT));
    db.execute(
        "INSERT INTO database (id, database_id, site, format, reader_min, writer_min, created_at,
                               key_source, key_id)
         VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            Cell::Blob(&database_id),
            Cell::Text(site.as_str()),
            format,
            format,
            format,
            Cell::Integer(now.millis()),
            Cell::Text(master.source),
            Cell::Text(&master.id),
        ],
    )?;
    Ok(())
}

/// Makes a key that signs the audit from its first sequence on.
pub(super) fn write_audit_key(
    db: &Db,
    (id, first_sequence): (i64, u64),
    keys: &DataKeys,
    entropy: &dyn Entropy,
    now: UnixTime,
) -> Result<(AuditKeyRow, [u8; 32])> {
    let (key, private) = PrivateKey::generate(Algorithm::EdDsa, entropy)?;
    let row = AuditKeyRow {
        id,
        version: 1,
        created_at: now.millis(),
        first_sequence,
        public_jwk: key.public().to_jwk().print()?,
        sealed: keys.seal_private(entropy, "audit_key", &id.to_string(), &private)?,
    };
    let mac = record::insert(db, &keys.row_mac, &row)?;
    Ok((row, mac))
}

/// The transaction that founds the database. A freshness file with fewer commits was never finished.
const FIRST_COMMIT: u64 = 1;

/// The shortest time for which the audit is kept: nothing can be older than it at first.
const SIX_YEARS_MILLIS: i64 = 189_345_600_000;
