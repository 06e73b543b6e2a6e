//! Accepting a database as it is: an old copy, or one whose master key is lost.

use crate::base::{Entropy, Secret, UnixTime, encode};
use crate::error::{Error, Result};
use crate::store::audit::AuditHead;
use crate::store::create::{folder_of, write_audit_key};
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::{Unborn, claim_for_this_copy};
use crate::store::key_file::KeyFile;
use crate::store::keys::{DataKeys, Wrapped, Wrapper};
use crate::store::living::Living;
use crate::store::master::{KeySource, MasterKey, Opener, freshness_path, key_path, suffixed};
use crate::store::open::{Store, check_file, identify, read_database_id};
use crate::store::pair::MainFile;
use crate::store::record::{self, Named};
use crate::store::rekey::add_line;
use crate::store::rows::{AuditKeyRow, ClientRow, CredentialRow, RoleRow, SettingsRow, UserRow};
use crate::store::schema;
use crate::store::state::State;
use crate::store::transaction::{Identity, Ledger, Tx};
use crate::sys;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Which database is accepted, and what opens it.
pub(crate) struct Acceptance<'a> {
    pub(crate) path: &'a Path,
    pub(crate) busy_timeout: Duration,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// What was found and done before the renewal, which says so in the audit.
pub(crate) struct Accepted {
    /// The new name of a WAL that belongs to a later main file.
    pub(crate) wal_aside: Option<String>,
    /// Whether the freshness file says that nothing is newer than this database.
    pub(crate) fresh: bool,
    /// What the freshness file has of it.
    pub(crate) acknowledged: Option<u64>,
    /// The database as it was found.
    pub(crate) state: State,
    /// What was in force in it.
    pub(crate) living: Living,
    /// The master key that it got.
    pub(crate) master: Option<MasterKey>,
}

impl Store {
    /// Accepts the database as it is, although it may be an old copy: `renew` writes what a restore changes,
    /// at the time that `now` makes of the mark. It is not open afterwards. A WAL that belongs to a later
    /// main file is set aside first. With a `source` the database gets a new master key there: what opened
    /// it was not the key in its place.
    ///
    /// # Errors
    /// [`Error::Busy`] while any process has it open, and those of [`Store::open`] but the stale ones.
    pub(crate) fn restore(
        acceptance: &Acceptance<'_>,
        opener: Opener<'_>,
        source: Option<&KeySource>,
        now: impl FnOnce(UnixTime) -> UnixTime,
        renew: impl FnOnce(&mut Tx<'_>, &Accepted) -> Result<()>,
    ) -> Result<()> {
        let Acceptance { path, busy_timeout, entropy } = acceptance;
        check_file(path)?;
        let mut claim = reclaim(path, *busy_timeout)?;
        let (db, identity, wal_aside) =
            Self::connect_alone(path, opener, *busy_timeout, Arc::clone(entropy))?;
        db.check_integrity()?;
        db.run("BEGIN IMMEDIATE")?;
        let state = State::load(&db, &identity.keys.row_mac)?;
        let acknowledged = claim.sequence_of(identity.database_id)?;
        let fresh = wal_aside.is_none() && acknowledged.is_some_and(|at| at <= state.commits);
        let at = now(state.mark);
        let living = Living::count(&db, &state, at)?;
        let mut accepted = Accepted { wal_aside, fresh, acknowledged, state, living, master: None };
        if let Some(source) = source {
            let (key, master) = put_key(path, &db, source, entropy.as_ref())?;
            identity.keys.wrap(&db, Wrapper::Master, &key, entropy.as_ref())?;
            master.save(&db)?;
            accepted.master = Some(master);
        }
        finish(path, &db, (&identity, state), &mut claim, |tx| {
            tx.at(at);
            tx.follow_stored()?;
            renew(tx, &accepted)
        })
    }

    /// Accepts the database as it is without any key. Every MAC is made anew over what stands there, which
    /// may be anybody's; what only a key could check is dropped: generated and strong secrets, codes, tokens, grants,
    /// private keys. `renew` takes the doors away that somebody may have opened. The audit goes on under a
    /// new key.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `source` opens it, or if there is a recovery code that is not said to
    /// be lost; else as [`Store::restore`].
    pub(crate) fn adopt(
        acceptance: &Acceptance<'_>,
        source: &KeySource,
        code_lost: bool,
        now: impl FnOnce(UnixTime) -> UnixTime,
        renew: impl FnOnce(&mut Tx<'_>, &Accepted) -> Result<()>,
    ) -> Result<()> {
        let Acceptance { path, busy_timeout, entropy } = acceptance;
        check_file(path)?;
        let mut claim = reclaim(path, *busy_timeout)?;
        let db = Self::look(path, *busy_timeout)?;
        db.batch("PRAGMA locking_mode = EXCLUSIVE")?;
        let main_file = MainFile::beside_wal(path)?;
        schema::check(&db, path)?;
        check_keyless(&db, path, source, code_lost, entropy)?;
        let state = State::load_unchecked(&db)?;
        if let Some(before) = main_file
            && let Some(later) = MainFile::beside_wal(path)?
        {
            before.check(&later, &state)?;
        }
        db.check_integrity()?;
        db.run("BEGIN IMMEDIATE")?;
        let at = now(state.mark);
        let living = Living::count(&db, &state, at)?;
        let acknowledged = claim.sequence_of(read_database_id(&db)?)?;
        let (key, master) = put_key(path, &db, source, entropy.as_ref())?;
        let mut rows = uncheckable(&db)?;
        let identity = begin_anew(&db, &key, at, entropy, &mut rows)?;
        state.save(&db, &identity.keys.row_mac)?;
        master.save(&db)?;
        let accepted = Accepted {
            wal_aside: None,
            fresh: false,
            acknowledged,
            state,
            living,
            master: Some(master),
        };
        finish(path, &db, (&identity, state), &mut claim, |tx| {
            tx.at(at);
            for named in rows {
                tx.name(named);
            }
            tx.follow_stored()?;
            renew(tx, &accepted)
        })
    }
}

/// Takes the freshness file, which keeps everybody out who opens it. Another copy of this library that has it is told
/// at once, and not after the busy timeout.
fn reclaim(path: &Path, busy_timeout: Duration) -> Result<Unborn> {
    let fresh = freshness_path(path);
    match claim_for_this_copy(&fresh, path) {
        Ok(_) | Err(Error::FreshnessMissing { .. }) => Unborn::reclaim(&fresh, busy_timeout),
        Err(error) => Err(error),
    }
}

/// Demands that nothing better is at hand.
fn check_keyless(
    db: &Db,
    path: &Path,
    source: &KeySource,
    code_lost: bool,
    entropy: &Arc<dyn Entropy>,
) -> Result<()> {
    // Whatever keeps it from being opened is why somebody comes here.
    if identify(db, path, Opener::Master(source), Arc::clone(entropy)).is_ok() {
        let why = "is for a key that is lost, but the key opens the database: open or restore it";
        return Err(Error::argument("without_key", why));
    }
    if !code_lost && !Wrapped::load(db, Wrapper::Recovery)?.is_empty() {
        let why = "loses what the recovery code would keep: recover with the code, or say that it is \
                   lost too";
        return Err(Error::argument("without_key", why));
    }
    Ok(())
}

/// New data keys, MACs of theirs, and a new audit key; `named` gets every row that has another MAC.
fn begin_anew(
    db: &Db,
    key: &Secret,
    now: UnixTime,
    entropy: &Arc<dyn Entropy>,
    named: &mut Vec<Named>,
) -> Result<Identity> {
    let keys = DataKeys::mint(read_database_id(db)?, entropy.as_ref())?;
    db.batch(DROP_UNCHECKABLE)?;
    keys.wrap(db, Wrapper::Master, key, entropy.as_ref())?;
    let mac = &keys.row_mac;
    named.extend(record::authenticate_anew::<SettingsRow>(db, mac, |_| {})?);
    named.extend(record::authenticate_anew::<ClientRow>(db, mac, |_| {})?);
    named.extend(record::authenticate_anew::<CredentialRow>(db, mac, |_| {})?);
    named.extend(record::authenticate_anew::<UserRow>(db, mac, |_| {})?);
    named.extend(record::authenticate_anew::<RoleRow>(db, mac, |_| {})?);
    // The public halves stay, to follow the chain; nobody can open the private ones any more.
    named.extend(record::authenticate_anew::<AuditKeyRow>(db, mac, |row| row.sealed.clear())?);
    let last = db.one("SELECT max(id) FROM audit_key", &[], |row| row.optional_integer(0))?;
    let next = last.unwrap_or(0).checked_add(1);
    let next = next.ok_or_else(|| Error::Corrupt { what: "the audit keys".to_owned() })?;
    let first_sequence = AuditHead::stored(db)?.map_or(0, |head| head.sequence) + 1;
    let (row, mac) = write_audit_key(db, (next, first_sequence), &keys, entropy.as_ref(), now)?;
    named.push(Named::written(&row, &mac));
    Identity::of(db, keys, Arc::clone(entropy))
}

/// The rows that will be dropped although the audit expects them.
fn uncheckable(db: &Db) -> Result<Vec<Named>> {
    let named = |table: &str, sql: &str| -> Result<Vec<Named>> {
        db.all(sql, &[], |row| Ok(Named::deleted(table, row.text(0)?)))
    };
    let mut gone =
        named("credential", "SELECT credential_id FROM credential WHERE kind <> 'imported'")?;
    gone.extend(named("issuer", "SELECT issuer FROM issuer")?);
    gone.extend(named("signing_key", "SELECT kid FROM signing_key")?);
    gone.extend(named("revoked_token", "SELECT token_id FROM revoked_token")?);
    Ok(gone)
}

/// Makes the new master key and writes it into the key file, if that is its place. A file whose keys are not
/// this database's, or that cannot be read, is set aside: another copy of the database may need it.
fn put_key(
    database: &Path,
    db: &Db,
    source: &KeySource,
    entropy: &dyn Entropy,
) -> Result<(Secret, MasterKey)> {
    let (key, master) = source.new_key(entropy)?;
    let Some(kind) = source.kind() else {
        return Ok((key, master));
    };
    let path = key_path(database);
    let (wrapped, database_id) = (Wrapped::load(db, Wrapper::Master)?, read_database_id(db)?);
    let opens = |key: &Secret| matches!(wrapped.open(key, database_id), Ok(Some(_)));
    let file = match KeyFile::read(&path) {
        Ok(Some(file)) if file.keys().iter().any(opens) => file,
        Ok(None) => KeyFile::default(),
        Ok(Some(_)) | Err(Error::Corrupt { .. }) => {
            let mut name = [0; 8];
            entropy.fill(&mut name)?;
            let aside = suffixed(&path, &format!(".aside-{}", encode::hex(&name)));
            sys::file::rename_new(&path, &aside)?;
            KeyFile::default()
        }
        Err(error) => return Err(error),
    };
    add_line(database, kind, &key, file)?;
    Ok((key, master))
}

/// Renews and commits. Of a database that may be old, the freshness file learns first: a crash before the
/// renewal is committed leaves one that still demands its restore.
fn finish(
    path: &Path,
    db: &Db,
    (identity, state): (&Identity, State),
    claim: &mut Unborn,
    renew: impl FnOnce(&mut Tx<'_>) -> Result<()>,
) -> Result<()> {
    // What lies far beyond the database is damage, and would be carried on for ever.
    let near = |acknowledged: &u64| *acknowledged <= state.commits.saturating_add(DAMAGED_BEYOND);
    let acknowledged = claim.sequence_of(identity.database_id)?.filter(near);
    // One beyond everything that was ever acknowledged.
    let commits = state.commits.max(acknowledged.unwrap_or(0)).saturating_add(1);
    let epoch = state.epoch;
    let mut tx = Tx::new(db, identity, Ledger::new(state));
    renew(&mut tx)?;
    tx.check_named()?;
    let mut ledger = tx.ledger;
    let renewed = ledger.state.epoch != epoch;
    if renewed {
        claim.write(identity.database_id, commits)?;
        sys::file::sync_folder(folder_of(path))?;
    }
    ledger.state.commits = commits;
    ledger.state.save(db, &identity.keys.row_mac)?;
    ledger.state.audit.sign(db, identity.audit_key_id, &identity.audit_key)?;
    db.run("COMMIT")?;
    // The main file must not lag behind an epoch: it would look like one that went another way. Nor may what
    // an old key opens stay in the WAL.
    if !db.checkpoint(Checkpoint::Truncate)? {
        return Err(Error::Busy);
    }
    if renewed { Ok(()) } else { claim.write(identity.database_id, commits) }
}

impl State {
    /// Reads the row whatever its MAC says.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for counts that no database comes to, and that could not be counted on.
    fn load_unchecked(db: &Db) -> Result<Self> {
        let state = Self::from_row(&record::first_unchecked(db)?);
        if state.commits > DAMAGED_BEYOND || state.sequence > DAMAGED_BEYOND {
            return Err(Error::Corrupt { what: "the state row".to_owned() });
        }
        Ok(state)
    }
}

/// What cannot be checked or opened without the keys that are lost. Tokens' revocations: the epoch ends the
/// tokens.
const DROP_UNCHECKABLE: &str = "
    DELETE FROM data_key;
    DELETE FROM credential WHERE kind <> 'imported';
    DELETE FROM code;
    DELETE FROM refresh_token;
    DELETE FROM user_grant;
    DELETE FROM decided_request;
    DELETE FROM opaque_token;
    DELETE FROM revoked_token;
    DELETE FROM login_failure;
    DELETE FROM issuer;
    DELETE FROM signing_key;";

/// A freshness file that is this many commits ahead was not written by anybody who counted.
const DAMAGED_BEYOND: u64 = 1 << 32;
