//! The one writer of a process: closures of several threads share a transaction and its sync.

use crate::base::UnixTime;
use crate::error::{Denied, Error, Result};
use crate::store::audit::AuditHead;
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::Freshness;
use crate::store::prune;
use crate::store::state::State;
use crate::store::transaction::{Identity, Ledger, Tx};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A write's end: a denial is a decision, and what it wrote is committed; an error is a machine that
/// failed, and nothing happened.
pub(crate) type Outcome<T> = Result<std::result::Result<T, Denied>>;

/// Hands closures to whichever thread holds the writer.
pub(crate) struct Writer {
    path: PathBuf,
    busy_timeout: Duration,
    queue: Mutex<Queue>,
    turn: Condvar,
    /// The connection, while nobody leads. A leader that fails does not put it back.
    idle: Mutex<Option<Db>>,
    /// How many commits the main file is known to hold without the WAL.
    checkpointed: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Arc<dyn Member>>,
    leading: bool,
}

impl Writer {
    pub(crate) fn new(path: PathBuf, busy_timeout: Duration, checkpointed: u64) -> Self {
        Self {
            path,
            busy_timeout,
            queue: Mutex::default(),
            turn: Condvar::new(),
            idle: Mutex::default(),
            checkpointed: AtomicU64::new(checkpointed),
        }
    }

    /// Runs `work` in a transaction and returns once its fate is known and synced.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        identity: &Identity,
        freshness: &Freshness,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let mine = Arc::new(Slot { now, work: Mutex::new(Some(work)), fate: Mutex::default() });
        let mut queue = lock(&self.queue);
        let member: Arc<dyn Member> = Arc::<Slot<_, _>>::clone(&mine);
        queue.waiting.push(member);
        loop {
            if let Some(outcome) = mine.take() {
                return outcome;
            }
            if queue.leading {
                queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.leading = true;
            let company = queue.waiting.len().min(COMPANY);
            let batch = queue.waiting.drain(..company).collect();
            drop(queue);
            let leadership = Leadership { writer: self, batch };
            self.lead(identity, freshness, &leadership.batch);
            drop(leadership);
            queue = lock(&self.queue);
        }
    }

    /// Closes the connection; the next write opens another.
    pub(crate) fn close(&self) {
        drop(lock(&self.idle).take());
    }

    /// Commits a batch and settles each of its members.
    fn lead(&self, identity: &Identity, freshness: &Freshness, batch: &[Arc<dyn Member>]) {
        let idle = lock(&self.idle).take();
        let db = match idle.map_or_else(|| connect(&self.path, self.busy_timeout), Ok) {
            Ok(db) => db,
            Err(error) => return batch.iter().for_each(|member| member.fail(&error)),
        };
        let checkpointed = self.checkpointed.load(Ordering::Relaxed);
        let end = match transact(&db, identity, freshness, batch, checkpointed) {
            Err(Interrupted::Unknown { head, word, commits, error }) => {
                // The connection whose sync failed may hold pages that the disk does not.
                drop(db);
                self.ascertain(identity, head, &error).and_then(|db| {
                    acknowledge(freshness, word, commits)?;
                    Ok((db, commits))
                })
            }
            Err(Interrupted::RolledBack(error)) => {
                drop(db);
                Err(error)
            }
            Ok(commits) => Ok((db, commits)),
        };
        match end {
            Ok((db, commits)) => {
                batch.iter().for_each(|member| member.settle());
                // The outcome is known; what follows is housekeeping, and may fail till next time.
                if self.checkpoint(&db, commits).is_ok() {
                    *lock(&self.idle) = Some(db);
                }
            }
            Err(error) => batch.iter().for_each(|member| member.fail(&error)),
        }
    }

    /// Every so many transactions, copies the WAL into the main file and remembers how far it then is.
    fn checkpoint(&self, db: &Db, commits: u64) -> Result<()> {
        if commits.is_multiple_of(TRANSACTIONS_PER_CHECKPOINT)
            && db.checkpoint(Checkpoint::Passive)?
        {
            self.checkpointed.fetch_max(commits, Ordering::Relaxed);
        }
        Ok(())
    }

    /// After a COMMIT that failed: learns from the file, through a new connection, whether it took
    /// place. No answer is given before a later commit has been synced, so that recovery after a power
    /// loss cannot say otherwise.
    fn ascertain(&self, identity: &Identity, head: AuditHead, error: &Error) -> Result<Db> {
        let unknown = |_| Error::OutcomeUnknown;
        let key = &identity.keys.row_mac;
        let db = connect(&self.path, self.busy_timeout).map_err(unknown)?;
        db.batch("BEGIN IMMEDIATE").map_err(unknown)?;
        let found = head.is_stored(&db).map_err(unknown)?;
        State::load(&db, key).and_then(|state| state.save(&db, key)).map_err(unknown)?;
        db.batch("COMMIT").map_err(unknown)?;
        if !found {
            return Err(error.clone());
        }
        // After a failed sync the system may count the WAL's pages as written although they are not:
        // only once the main file holds them, written anew and synced, are they safe.
        if db.checkpoint(Checkpoint::Full).map_err(unknown)? {
            Ok(db)
        } else {
            Err(Error::OutcomeUnknown)
        }
    }
}

/// Passes the lead on when its holder is done, also by a panic; whoever it leaves unsettled fails.
struct Leadership<'a> {
    writer: &'a Writer,
    batch: Vec<Arc<dyn Member>>,
}

impl Drop for Leadership<'_> {
    fn drop(&mut self) {
        for member in &self.batch {
            member.fail_if_unsettled();
        }
        lock(&self.writer.queue).leading = false;
        self.writer.turn.notify_all();
    }
}

/// Why a transaction did not end well.
enum Interrupted {
    /// Nothing of it remains.
    RolledBack(Error),
    /// COMMIT failed and may have taken place.
    Unknown { head: AuditHead, word: Option<u64>, commits: u64, error: Error },
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::RolledBack(error)
    }
}

/// One transaction for the whole batch; returns how many there have been with it. On an error the
/// caller drops the connection, which rolls back.
fn transact(
    db: &Db,
    identity: &Identity,
    freshness: &Freshness,
    batch: &[Arc<dyn Member>],
    checkpointed: u64,
) -> std::result::Result<u64, Interrupted> {
    freshness.check_in_place()?;
    let acknowledged = freshness.sequence()?;
    db.batch("BEGIN IMMEDIATE")?;
    let state = State::load(db, &identity.keys.row_mac)?;
    // A database behind what was acknowledged was exchanged under us.
    if state.commits < acknowledged {
        return Err(Error::StaleDatabase { found: state.commits, acknowledged }.into());
    }
    let head = AuditHead::load(db, identity.database_id)?;
    let mut tx = Tx::new(db, identity, Ledger::new(state, head));
    for member in batch {
        run_member(db, &mut tx, member.as_ref())?;
    }
    tx.note_leap(state.mark)?;
    let mut ledger = tx.ledger;
    if !ledger.dirty {
        db.batch("ROLLBACK")?;
        return Ok(ledger.state.commits);
    }
    ledger.state.commits += 1;
    ledger.state.checkpointed = ledger.state.checkpointed.max(checkpointed);
    let commits = ledger.state.commits;
    finish(db, identity, &ledger, batch.len())?;
    let word = if ledger.changed { Some(freshness.begin_change()?) } else { None };
    match db.batch("COMMIT") {
        Ok(()) => {
            // The transaction has taken place; the file's being mapped was checked before it.
            acknowledge(freshness, word, commits)?;
            Ok(commits)
        }
        // A full disk is found before the commit frame is written, so the transaction is known not
        // to have taken place; an I/O error may be the sync's, after it.
        Err(Error::Full) => {
            settle_word(freshness, word)?;
            Err(Interrupted::RolledBack(Error::Full))
        }
        Err(error) => Err(Interrupted::Unknown { head: ledger.head, word, commits, error }),
    }
}

/// Runs one member in a savepoint of its own.
fn run_member(db: &Db, tx: &mut Tx<'_>, member: &dyn Member) -> Result<()> {
    let before = tx.ledger.clone();
    db.batch("SAVEPOINT member")?;
    tx.at(member.now());
    let Err(error) = member.run(tx) else {
        return db.batch("RELEASE member");
    };
    // A full disk or an I/O error ends SQLite's whole transaction: running on would autocommit each
    // statement of the next members by itself.
    if db.is_autocommit() {
        return Err(error);
    }
    db.batch("ROLLBACK TO member; RELEASE member")?;
    tx.ledger = before;
    Ok(())
}

/// What every transaction writes besides its members' rows.
fn finish(db: &Db, identity: &Identity, ledger: &Ledger, members: usize) -> Result<()> {
    // The chain says who did what; a change it is silent about is a defect of ours.
    if !ledger.audited {
        return Err(Error::Internal { what: "a write without an audit row" });
    }
    prune::expired(db, ledger, members)?;
    ledger.state.save(db, &identity.keys.row_mac)?;
    ledger.head.sign(db, identity.audit_key_id, &identity.audit_key)
}

/// The writer's connection. It checkpoints by itself, to know when the main file is complete.
fn connect(path: &Path, busy_timeout: Duration) -> Result<Db> {
    let db = Db::open(path, busy_timeout)?;
    db.batch("PRAGMA wal_autocheckpoint = 0")?;
    Ok(db)
}

/// After COMMIT: the file beside the database learns of it.
fn acknowledge(freshness: &Freshness, word: Option<u64>, commits: u64) -> Result<()> {
    freshness.acknowledge(commits)?;
    settle_word(freshness, word)
}

fn settle_word(freshness: &Freshness, word: Option<u64>) -> Result<()> {
    word.map_or(Ok(()), |odd| freshness.end_change(odd))
}

/// A closure of one thread, with its type forgotten.
trait Member: Send + Sync {
    /// The time of its call.
    fn now(&self) -> UnixTime;
    /// Runs the closure and keeps its outcome back; an error asks for a rollback.
    fn run(&self, tx: &mut Tx<'_>) -> Result<()>;
    /// The transaction is committed: the outcome kept back is the fate.
    fn settle(&self);
    /// The transaction failed as a whole.
    fn fail(&self, error: &Error);
    /// The leader is gone without a word.
    fn fail_if_unsettled(&self);
}

struct Slot<T, F> {
    now: UnixTime,
    work: Mutex<Option<F>>,
    fate: Mutex<Fate<T>>,
}

#[derive(Default)]
enum Fate<T> {
    #[default]
    Waiting,
    Provisional(Outcome<T>),
    Settled(Outcome<T>),
    Taken,
}

impl<T, F> Slot<T, F> {
    fn take(&self) -> Option<Outcome<T>> {
        let mut fate = lock(&self.fate);
        match std::mem::replace(&mut *fate, Fate::Taken) {
            Fate::Settled(outcome) => Some(outcome),
            other @ (Fate::Waiting | Fate::Provisional(_) | Fate::Taken) => {
                *fate = other;
                None
            }
        }
    }
}

impl<T, F> Member for Slot<T, F>
where
    T: Send,
    F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send,
{
    fn now(&self) -> UnixTime {
        self.now
    }

    fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Some(work) = lock(&self.work).take() else {
            return Err(Error::Internal { what: "a write that ran twice" });
        };
        // A panic is this member's alone: its savepoint is rolled back, the others go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or(Err(Error::Internal { what: "a panic inside a write" }));
        let end = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        *lock(&self.fate) = Fate::Provisional(outcome);
        end
    }

    fn settle(&self) {
        let mut fate = lock(&self.fate);
        *fate = match std::mem::replace(&mut *fate, Fate::Taken) {
            Fate::Provisional(outcome) => Fate::Settled(outcome),
            other @ (Fate::Waiting | Fate::Settled(_) | Fate::Taken) => other,
        };
    }

    fn fail(&self, error: &Error) {
        *lock(&self.fate) = Fate::Settled(Err(error.clone()));
    }

    fn fail_if_unsettled(&self) {
        let mut fate = lock(&self.fate);
        if matches!(*fate, Fate::Waiting | Fate::Provisional(_)) {
            *fate = Fate::Settled(Err(Error::Internal { what: "a panic while committing" }));
        }
    }
}

/// Locks also what a panicking thread had locked: everything behind these locks is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most members of one transaction: bounds how long the last one waits and how much WAL one commit is.
const COMPANY: usize = 256;

/// About as many pages as SQLite's own default of 1000, at four or five pages a transaction.
const TRANSACTIONS_PER_CHECKPOINT: u64 = 200;
