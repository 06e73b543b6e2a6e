//! The one writer of a process: closures of several threads share a transaction and its sync.

use crate::base::UnixTime;
use crate::crypto::RowMacKey;
use crate::error::{Denied, Error, Result};
use crate::store::audit::AuditHead;
use crate::store::db::{Checkpoint, Db};
use crate::store::freshness::Freshness;
use crate::store::member::{Manner, Member, Slot};
use crate::store::prune::{self, Share};
use crate::store::reserve::Reserve;
use crate::store::state::State;
use crate::store::transaction::{Identity, Ledger, Tx};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A write's end: a denial is a decision, and what it wrote is committed; an error is a machine that
/// failed, and nothing happened.
pub(crate) type Outcome<T> = Result<std::result::Result<T, Denied>>;

/// A time, and how often an operator had set the engine's time when it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) time: UnixTime,
    pub(crate) clock_changes: u64,
}

/// Hands closures to whichever thread holds the writer.
pub(crate) struct Writer {
    path: PathBuf,
    reserve: Reserve,
    busy_timeout: Duration,
    queue: Mutex<Queue>,
    turn: Condvar,
    /// The connection, while nobody leads. A leader that fails does not put it back.
    idle: Mutex<Option<Db>>,
    /// How many commits the main file is known to hold without the WAL.
    checkpointed: AtomicU64,
    /// How many closures this process has written since it last copied the WAL.
    uncopied: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Arc<dyn Member>>,
    leading: bool,
}

impl Writer {
    pub(crate) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self {
            reserve: Reserve::of(&path),
            path,
            busy_timeout,
            queue: Mutex::default(),
            turn: Condvar::new(),
            idle: Mutex::default(),
            checkpointed: AtomicU64::new(0),
            uncopied: AtomicUsize::new(0),
        }
    }

    /// Runs `work` in a transaction and returns once its fate is known and synced.
    ///
    /// [`Manner::Lean`] is for a full disk: as long as the reserve file is missing, every other write of any process
    /// is [`Error::Full`]; it is made again once there is room for it four times over.
    pub(super) fn write<T: Send + 'static>(
        &self,
        identity: &Identity,
        freshness: &Freshness,
        now: Moment,
        manner: Manner,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        self.hand_in(identity, freshness, Slot::new(now, manner, work))
    }

    pub(crate) const fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn busy_timeout(&self) -> Duration {
        self.busy_timeout
    }

    /// Queues up, and leads when it is this thread's turn.
    fn hand_in<T, F>(
        &self,
        identity: &Identity,
        freshness: &Freshness,
        slot: Slot<T, F>,
    ) -> Outcome<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    {
        let mine = Arc::new(slot);
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
            let company = company(&queue.waiting);
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
        let lean = batch.iter().any(|member| member.manner() == Manner::Lean);
        let mut end = self.commit(identity, freshness, batch, lean);
        // Not even the WAL's index had room, so that nobody holds the write lock now, and nothing has run.
        if lean && end.as_ref().is_err_and(|error| *error == Error::Full) && self.reserve.is_there()
        {
            end =
                self.reserve.release().and_then(|()| self.commit(identity, freshness, batch, lean));
        }
        match end {
            Ok((db, commits)) => {
                batch.iter().for_each(|member| member.settle());
                // The outcome is known; what follows is housekeeping, and may fail till next time.
                let written = self.uncopied.fetch_add(batch.len(), Ordering::Relaxed) + batch.len();
                let due = lean
                    || commits.is_multiple_of(TRANSACTIONS_PER_CHECKPOINT)
                    || written >= MEMBERS_PER_CHECKPOINT;
                if !due || self.checkpoint(&db, identity, commits).is_ok() {
                    *lock(&self.idle) = Some(db);
                }
            }
            Err(error) => batch.iter().for_each(|member| member.fail(&error)),
        }
    }

    /// Commits a batch. On success its fate is known and synced; returns how many commits there are with it.
    fn commit(
        &self,
        identity: &Identity,
        freshness: &Freshness,
        batch: &[Arc<dyn Member>],
        lean: bool,
    ) -> Result<(Db, u64)> {
        if !lean {
            self.reserve.check()?;
        }
        let idle = lock(&self.idle).take();
        let db = idle.map_or_else(|| connect(&self.path, self.busy_timeout), Ok)?;
        match self.transact(&db, identity, freshness, batch, lean) {
            Ok(commits) => Ok((db, commits)),
            Err(Interrupted::RolledBack(error)) => {
                drop(db);
                Err(self.reserve.full_if_so(error))
            }
            Err(Interrupted::Unknown { head, word, commits, error }) => {
                // The connection whose sync failed may hold pages that the disk does not.
                drop(db);
                let error = self.reserve.full_if_so(*error);
                let db = self.ascertain(identity, head, error == Error::Full)?;
                // Either way its fate is known now, and synced.
                settle_word(freshness, word)?;
                let db = db.ok_or(error)?;
                freshness.acknowledge(commits)?;
                Ok((db, commits))
            }
        }
    }

    /// The main file is known to hold `commits` of them: says so in the file at once, before a WAL begins
    /// anew. Otherwise that WAL could lie over an older main file, and nothing would tell.
    ///
    /// Best effort: what cannot be written now is written with this process's next transaction.
    pub(crate) fn note_checkpoint(&self, db: &Db, identity: &Identity, seen: &State, commits: u64) {
        self.checkpointed.fetch_max(commits, Ordering::Relaxed);
        if seen.checkpointed < commits {
            let noted = record_checkpoint(db, &identity.keys.row_mac, commits);
            // Nothing to roll back is fine too.
            let _ = noted.or_else(|_| db.run("ROLLBACK"));
        }
    }

    /// Copies the WAL into the main file and remembers how far it then is: every so many transactions, so that
    /// it stays short, and after each lean one, so that the next writes where this one did.
    fn checkpoint(&self, db: &Db, identity: &Identity, commits: u64) -> Result<()> {
        if db.checkpoint(Checkpoint::Passive)? {
            self.uncopied.store(0, Ordering::Relaxed);
            self.checkpointed.fetch_max(commits, Ordering::Relaxed);
            record_checkpoint(db, &identity.keys.row_mac, commits)?;
        }
        Ok(())
    }

    /// One transaction for the whole batch; returns how many there have been with it. On an error the
    /// caller drops the connection, which rolls back.
    fn transact(
        &self,
        db: &Db,
        identity: &Identity,
        freshness: &Freshness,
        batch: &[Arc<dyn Member>],
        lean: bool,
    ) -> std::result::Result<u64, Interrupted> {
        freshness.check_in_place()?;
        let acknowledged = freshness.sequence()?;
        db.run("BEGIN IMMEDIATE")?;
        // Under the write lock: nobody is writing who has seen it otherwise.
        if lean {
            self.reserve.release()?
        } else {
            self.reserve.provide()?
        }
        let left_odd = freshness.left_odd()?;
        let state = State::load(db, &identity.keys.row_mac)?;
        // A database behind what was acknowledged was exchanged under us.
        if state.commits < acknowledged {
            return Err(Error::StaleDatabase { found: state.commits, acknowledged }.into());
        }
        state.audit.check_ends(db, &state.cut)?;
        let mut tx = Tx::new(db, identity, Ledger::new(state));
        for member in batch {
            run_member(db, &mut tx, member.as_ref())?;
        }
        tx.note_leap(state.mark)?;
        let mut ledger = tx.ledger;
        if !ledger.dirty {
            db.run("ROLLBACK")?;
            return Ok(ledger.state.commits);
        }
        ledger.state.commits += 1;
        let checkpointed = self.checkpointed.load(Ordering::Relaxed);
        ledger.state.checkpointed = ledger.state.checkpointed.max(checkpointed);
        let commits = ledger.state.commits;
        finish(db, identity, &ledger, (!lean).then_some(batch.len()))?;
        // A value left odd is moved on by a change of ours; otherwise it is settled with what we commit.
        let word = if ledger.changed { Some(freshness.begin_change()?) } else { left_odd };
        match db.run("COMMIT") {
            Ok(()) => {
                // The transaction has taken place; the file's being mapped was checked before it.
                acknowledge(freshness, word, commits)?;
                Ok(commits)
            }
            // A full disk is found before the commit frame is written, so the transaction is known not
            // to have taken place; an I/O error may be the sync's, after it.
            Err(Error::Full) => {
                settle_word(freshness, word.filter(|_| ledger.changed))?;
                Err(Interrupted::RolledBack(Error::Full))
            }
            Err(error) => {
                let error = Box::new(error);
                let head = ledger.state.audit;
                Err(Interrupted::Unknown { head, word, commits, error })
            }
        }
    }

    /// After a COMMIT that failed: learns from the file, through a new connection, whether it took
    /// place. No answer is given before a later commit has been synced, so that recovery after a power
    /// loss cannot say otherwise. `None` if it did not. On a `full` disk this takes the reserve.
    fn ascertain(&self, identity: &Identity, head: AuditHead, full: bool) -> Result<Option<Db>> {
        let unknown = |_| Error::OutcomeUnknown;
        let key = &identity.keys.row_mac;
        let db = connect(&self.path, self.busy_timeout).map_err(unknown)?;
        db.run("BEGIN IMMEDIATE").map_err(unknown)?;
        if full {
            self.reserve.release().map_err(unknown)?;
        }
        let found = head.is_stored(&db).map_err(unknown)?;
        let state = State::load(&db, key).map_err(unknown)?;
        state.save(&db, key).map_err(unknown)?;
        db.run("COMMIT").map_err(unknown)?;
        // After a failed sync the system may count the WAL's pages as written although they are not:
        // only once the main file holds them, written anew and synced, are they safe.
        if db.checkpoint(Checkpoint::Full).map_err(unknown)? {
            self.note_checkpoint(&db, identity, &state, state.commits);
            Ok(found.then_some(db))
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

/// How many of those who wait share the next transaction.
fn company(waiting: &[Arc<dyn Member>]) -> usize {
    let loner = waiting.iter().position(|member| member.manner() != Manner::Shared);
    loner.map_or(waiting.len(), |at| at.max(1)).min(COMPANY)
}

/// Why a transaction did not end well.
enum Interrupted {
    /// Nothing of it remains.
    RolledBack(Error),
    /// COMMIT failed and may have taken place.
    Unknown { head: AuditHead, word: Option<u64>, commits: u64, error: Box<Error> },
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::RolledBack(error)
    }
}

/// Says in the file how many commits the main file holds. No commit of anybody's.
fn record_checkpoint(db: &Db, key: &RowMacKey, commits: u64) -> Result<()> {
    db.run("BEGIN IMMEDIATE")?;
    let mut state = State::load(db, key)?;
    state.checkpointed = state.checkpointed.max(commits);
    state.save(db, key)?;
    db.run("COMMIT")
}

/// Runs one member in a savepoint of its own.
fn run_member(db: &Db, tx: &mut Tx<'_>, member: &dyn Member) -> Result<()> {
    let before = tx.ledger.clone();
    db.run("SAVEPOINT member")?;
    tx.at(member.now().time);
    let Err(error) = member.run(tx) else {
        return db.run("RELEASE member");
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
///
/// Of so many `members` it clears away what is over; of none on a full disk.
fn finish(db: &Db, identity: &Identity, ledger: &Ledger, members: Option<usize>) -> Result<()> {
    // The chain says who did what; a change it is silent about is a defect of ours.
    if !ledger.audited {
        return Err(Error::Internal { what: "a write without an audit row" });
    }
    if let Some(members) = members {
        let share = ledger.share.unwrap_or_else(|| Share::of(members));
        prune::expired(db, ledger, share)?;
        prune::give_back(db, share)?;
    }
    ledger.state.save(db, &identity.keys.row_mac)?;
    ledger.state.audit.sign(db, identity.audit_key_id, &identity.audit_key)
}

/// The writer's connection. It checkpoints by itself, to know when the main file is complete.
fn connect(path: &Path, busy_timeout: Duration) -> Result<Db> {
    let db = Db::open(path, busy_timeout)?;
    // A WAL that grew because somebody read for long is cut to eight megabytes when it begins anew.
    db.batch("PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 8388608")?;
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

/// Locks also what a panicking thread had locked: everything behind these locks is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most members of one transaction: bounds how long the last one waits and how much WAL one commit is.
const COMPANY: usize = 256;

/// About as many pages as SQLite's own default of 1000, at four or five pages a transaction.
const TRANSACTIONS_PER_CHECKPOINT: u64 = 200;

/// The same where many threads share a transaction.
const MEMBERS_PER_CHECKPOINT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Secret, SystemEntropy};
    use crate::store::audit::AuditEntry;
    use crate::store::freshness::Claim;
    use crate::store::master::{KeySource, Opener, freshness_path};
    use crate::store::member::Fate;
    use crate::store::open::{Creation, Store, identify};
    use crate::store::view::{ChangeRow, View};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    /// A new database with a writer, and nothing else.
    struct Bench {
        folder: tempfile::TempDir,
        writer: Writer,
        identity: Identity,
        freshness: Freshness,
    }

    /// Other tests of this process fork: for a moment their children hold what was given up here.
    const PATIENCE: Duration = Duration::from_secs(10);

    type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Outcome<u32> + Send>;

    impl Bench {
        fn new() -> Arc<Self> {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("db");
            let key = || Secret::new(vec![1; 32]);
            let first = Box::new(|tx: &mut Tx<'_>| tx.audit(&entry("create")));
            let creation = Creation { now: at(0), entropy: Arc::new(SystemEntropy), first };
            Store::create(&path, &KeySource::Given(vec![key()]), creation).unwrap();
            let db = Db::open(&path, Duration::ZERO).unwrap();
            let identity = identify(
                &db,
                &path,
                Opener::Master(&KeySource::Given(vec![key()])),
                Arc::new(SystemEntropy),
            )
            .unwrap();
            let claim = Claim::open(&freshness_path(&path), PATIENCE).unwrap();
            let freshness = claim.map(identity.database_id, &path, PATIENCE).unwrap();
            let writer = Writer::new(path, Duration::ZERO);
            Arc::new(Self { folder, writer, identity, freshness })
        }

        fn write(&self, now: i64, work: Work) -> Outcome<u32> {
            self.writer.write(&self.identity, &self.freshness, moment(now), Manner::Shared, work)
        }

        fn state(&self) -> State {
            State::load(&self.db(), &self.identity.keys.row_mac).unwrap()
        }

        fn db(&self) -> Db {
            Db::open(&self.folder.path().join("db"), Duration::ZERO).unwrap()
        }

        /// The events in the audit after the creation.
        fn events(&self) -> Vec<String> {
            let sql = "SELECT row ->> '$.event' FROM audit WHERE sequence > 1 ORDER BY sequence";
            self.db().all(sql, &[], |row| row.text(0).map(str::to_owned)).unwrap()
        }

        fn changes(&self) -> Vec<ChangeRow> {
            let db = self.db();
            View::new(&db, &self.identity).changes_after(0).unwrap().unwrap()
        }

        /// Runs all works as members of one transaction, in this order: its leader is kept busy with
        /// another one until they have queued up.
        fn together(self: &Arc<Self>, works: Vec<Work>) -> Vec<Outcome<u32>> {
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let bench = Arc::clone(self);
            let hold: Work = Box::new(move |_| {
                wait.recv().unwrap();
                Ok(Ok(0))
            });
            let leader = thread::spawn(move || bench.write(0, hold));
            while !lock(&self.writer.queue).leading {
                thread::yield_now();
            }
            let mut threads = Vec::new();
            for work in works {
                let bench = Arc::clone(self);
                threads.push(thread::spawn(move || bench.write(0, work)));
                while lock(&self.writer.queue).waiting.len() < threads.len() {
                    thread::yield_now();
                }
            }
            go.send(()).unwrap();
            leader.join().unwrap().unwrap().unwrap();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        }
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_772_353_800 + seconds)
    }

    fn moment(seconds: i64) -> Moment {
        Moment { time: at(seconds), clock_changes: 0 }
    }

    fn entry(event: &'static str) -> AuditEntry {
        AuditEntry { event, outcome: "done", ..AuditEntry::default() }
    }

    /// Writes an audit row and a change, then ends as told.
    fn member(event: &'static str, end: impl FnOnce() -> Outcome<u32> + Send + 'static) -> Work {
        Box::new(move |tx| {
            tx.change("client", event)?;
            tx.audit(&entry(event))?;
            end()
        })
    }

    fn fine(event: &'static str) -> Work {
        member(event, || Ok(Ok(7)))
    }

    const FAILED: Error = Error::Internal { what: "told to" };

    #[test]
    fn whoever_wants_to_be_alone_shares_with_nobody_and_keeps_nobody_waiting_for_long() {
        let queue = |alone: &[bool]| -> usize {
            let member = |alone: &bool| -> Arc<dyn Member> {
                let manner = if *alone { Manner::Alone } else { Manner::Shared };
                Arc::new(Slot::new(moment(0), manner, |_: &mut Tx<'_>| Ok(Ok(0))))
            };
            company(&alone.iter().map(member).collect::<Vec<_>>())
        };
        assert_eq!(queue(&[false, false]), 2);
        assert_eq!(queue(&[true, false, false]), 1);
        assert_eq!(queue(&[true, true]), 1);
        assert_eq!(queue(&[false, false, true, false]), 2);
        assert_eq!(queue(&[false; COMPANY + 5]), COMPANY);
    }

    #[test]
    fn members_share_one_transaction_and_each_gets_its_own_result() {
        let bench = Bench::new();
        let before = bench.state();
        let number = |number| member("work", move || Ok(Ok(number)));
        let results = bench.together(vec![number(1), number(2), number(3)]);
        assert_eq!(results, [Ok(Ok(1)), Ok(Ok(2)), Ok(Ok(3))]);
        assert_eq!(bench.state().commits, before.commits + 1);
        assert_eq!(bench.freshness.sequence(), Ok(before.commits + 1));
        assert_eq!(bench.events().len(), 3);
    }

    #[test]
    fn a_member_that_fails_leaves_nothing_and_its_neighbours_commit() {
        let bench = Bench::new();
        let before = bench.state();
        let works = vec![fine("a"), member("b", || Err(FAILED)), fine("c")];
        assert_eq!(bench.together(works), [Ok(Ok(7)), Err(FAILED), Ok(Ok(7))]);
        assert_eq!(bench.events(), ["a", "c"]);
        let changes = bench.changes();
        let ids: Vec<_> = changes.iter().map(|change| change.id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(bench.state().sequence, before.sequence + 2, "no sequence is left out");
        assert_eq!(changes.last().unwrap().sequence, before.sequence + 2);
        assert_chain_whole(&bench, 3);
    }

    #[test]
    fn a_denial_commits_what_it_wrote() {
        let bench = Bench::new();
        let denied = || member("b", || Ok(Err(Denied::ClientDisabled)));
        let results = bench.together(vec![fine("a"), denied()]);
        assert_eq!(results, [Ok(Ok(7)), Ok(Err(Denied::ClientDisabled))]);
        assert_eq!(bench.events(), ["a", "b"]);
        assert_eq!(bench.write(0, denied()), Ok(Err(Denied::ClientDisabled)));
        assert_eq!(bench.events(), ["a", "b", "b"]);
    }

    #[test]
    fn a_closure_that_panics_hurts_only_itself() {
        let bench = Bench::new();
        let works = vec![member("a", || panic!("told to")), fine("b")];
        let panicked = Err(Error::Internal { what: "a panic inside a write" });
        assert_eq!(bench.together(works), [panicked.clone(), Ok(Ok(7))]);
        assert_eq!(bench.events(), ["b"]);
        // Also as its own leader.
        assert_eq!(bench.write(0, member("c", || panic!("told to"))), panicked);
        assert_eq!(bench.write(0, fine("d")), Ok(Ok(7)));
        assert_eq!(bench.events(), ["b", "d"]);
        assert_chain_whole(&bench, 3);
    }

    #[test]
    fn the_lead_passes_on_when_its_holder_panics_and_its_batch_fails() {
        let bench = Bench::new();
        let mine = Arc::new(Slot {
            manner: Manner::Shared,
            now: moment(0),
            work: Mutex::new(Some(fine("a"))),
            fate: Mutex::new(Fate::<u32>::Waiting),
        });
        let member: Arc<dyn Member> = Arc::<Slot<u32, Work>>::clone(&mine);
        let batch = vec![member];
        lock(&bench.writer.queue).leading = true;
        let led = catch_unwind(AssertUnwindSafe(|| {
            let _leadership = Leadership { writer: &bench.writer, batch };
            panic!("told to");
        }));
        assert!(led.is_err());
        let lost = Err(Error::Internal { what: "a panic while committing" });
        assert_eq!(mine.take(), Some(lost));
        assert_eq!(bench.write(0, fine("b")), Ok(Ok(7)));
    }

    #[test]
    fn a_write_that_changes_nothing_makes_no_commit() {
        let bench = Bench::new();
        let before = bench.state().commits;
        assert_eq!(bench.write(0, Box::new(|_| Ok(Ok(1)))), Ok(Ok(1)));
        assert_eq!(bench.write(0, Box::new(|_| Err(FAILED))), Err(FAILED));
        assert_eq!(bench.write(0, member("a", || Err(FAILED))), Err(FAILED));
        assert_eq!(bench.state().commits, before);
        assert_eq!(bench.freshness.word(), Ok(0), "nothing was announced");
    }

    #[test]
    fn a_change_that_the_audit_is_silent_about_is_refused_as_a_defect() {
        let bench = Bench::new();
        let silent: Work = Box::new(|tx| tx.change("client", "a").map(|()| Ok(1)));
        let end = bench.write(0, silent);
        assert_eq!(end, Err(Error::Internal { what: "a write without an audit row" }));
        assert!(bench.events().is_empty());
        assert_eq!(bench.write(0, fine("b")), Ok(Ok(7)));
    }

    #[test]
    fn the_word_moves_only_with_changes_and_ends_even() {
        let bench = Bench::new();
        let audit: Work = Box::new(|tx| tx.audit(&entry("a")).map(|()| Ok(1)));
        bench.write(0, audit).unwrap().unwrap();
        assert_eq!(bench.freshness.word(), Ok(0));
        bench.write(0, fine("b")).unwrap().unwrap();
        assert_eq!(bench.freshness.word(), Ok(2));
        bench.together(vec![fine("c"), fine("d")]);
        assert_eq!(bench.freshness.word(), Ok(4), "once a transaction");
        let crashed = bench.freshness.begin_change().unwrap();
        bench.write(0, fine("e")).unwrap().unwrap();
        assert_eq!(bench.freshness.word(), Ok(crashed + 3), "past the word of the crash");
    }

    #[test]
    fn time_never_runs_backwards_from_member_to_member() {
        let bench = Bench::new();
        let now = |tx: &mut Tx<'_>| {
            tx.audit(&entry("a"))?;
            Ok(Ok(u32::try_from(tx.now().since(at(0))).unwrap()))
        };
        assert_eq!(bench.write(5, Box::new(now)), Ok(Ok(5000)));
        assert_eq!(bench.write(3, Box::new(now)), Ok(Ok(5000)));
        assert_eq!(bench.write(6, Box::new(now)), Ok(Ok(6000)));
        assert_eq!(bench.state().mark, at(6));
    }

    #[test]
    fn what_was_decided_before_time_was_set_is_not_written_and_does_not_put_the_time_back() {
        let bench = Bench::new();
        bench.write(5000, fine("a")).unwrap().unwrap();
        let set: Work = Box::new(|tx| {
            tx.set_time(at(10))?;
            tx.audit(&entry("set")).map(|()| Ok(0))
        });
        let late = || -> Work { fine("late") };
        assert_eq!(bench.together(vec![set, late()]), [Ok(Ok(0)), Err(Error::Busy)]);
        assert_eq!(bench.write(5000, late()), Err(Error::Busy));
        assert_eq!((bench.state().mark, bench.state().clock_changes), (at(10), 1));
        assert_eq!(bench.events(), ["a", "set"]);
    }

    #[test]
    fn a_leap_of_the_mark_is_a_change_that_others_follow() {
        let bench = Bench::new();
        let audit = || -> Work { Box::new(|tx| tx.audit(&entry("a")).map(|()| Ok(1))) };
        bench.write(3600, audit()).unwrap().unwrap();
        assert!(bench.changes().is_empty(), "an hour is no leap");
        bench.write(3600 + 3601, audit()).unwrap().unwrap();
        assert_eq!(bench.changes()[0].kind, "clock");
    }

    #[test]
    fn a_database_that_was_moved_away_is_not_written() {
        let bench = Bench::new();
        bench.write(0, fine("a")).unwrap().unwrap();
        let (path, aside) = (bench.folder.path().join("db"), bench.folder.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let missing = Error::DatabaseMissing { path: path.clone() };
        assert_eq!(bench.write(0, fine("b")), Err(missing));
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(bench.write(0, fine("c")), Ok(Ok(7)));
        assert_eq!(bench.events(), ["a", "c"]);
    }

    #[test]
    fn a_busy_database_fails_the_whole_batch_and_the_next_one_goes_on() {
        let bench = Bench::new();
        let other = bench.db();
        other.batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(bench.write(0, fine("a")), Err(Error::Busy));
        other.batch("ROLLBACK").unwrap();
        assert_eq!(bench.write(0, fine("b")), Ok(Ok(7)));
        assert_eq!(bench.events(), ["b"]);
    }

    #[test]
    fn after_a_failed_commit_the_file_says_whether_it_took_place() {
        let bench = Bench::new();
        bench.write(0, fine("a")).unwrap().unwrap();
        let stored = bench.state().audit;
        let found = |head| {
            let end = bench.writer.ascertain(&bench.identity, head, false);
            end.map(|db| db.is_some())
        };
        assert_eq!(found(stored), Ok(true));
        assert_eq!(found(AuditHead { sequence: stored.sequence + 1, hash: [9; 32] }), Ok(false));
        let replaced = AuditHead { hash: [9; 32], ..stored };
        assert_eq!(found(replaced), Ok(false), "another row is in its place");
        let other = bench.db();
        other.batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(found(stored), Err(Error::OutcomeUnknown));
    }

    #[test]
    fn a_word_left_odd_is_settled_by_the_next_commit_even_of_no_change() {
        let bench = Bench::new();
        let odd = bench.freshness.begin_change().unwrap();
        let row: Work = Box::new(|tx| tx.audit(&entry("a")).map(|()| Ok(0)));
        bench.write(0, row).unwrap().unwrap();
        assert_eq!(bench.freshness.word(), Ok(odd + 1));
        assert!(bench.changes().is_empty());
        let odd = bench.freshness.begin_change().unwrap();
        assert_eq!(bench.write(0, Box::new(|_| Ok(Ok(0)))), Ok(Ok(0)));
        assert_eq!(bench.freshness.word(), Ok(odd), "nothing was committed");
    }

    #[test]
    fn what_the_main_file_holds_is_in_the_file_as_soon_as_it_is_known() {
        let bench = Bench::new();
        while bench.state().commits < TRANSACTIONS_PER_CHECKPOINT {
            assert_eq!(bench.state().checkpointed, 1);
            bench.write(0, fine("a")).unwrap().unwrap();
        }
        assert_eq!(bench.state().checkpointed, TRANSACTIONS_PER_CHECKPOINT);
        // Another process begins the next WAL: it need not have heard of the checkpoint.
        let another = Writer::new(bench.folder.path().join("db"), Duration::ZERO);
        another
            .write(&bench.identity, &bench.freshness, moment(0), Manner::Shared, fine("b"))
            .unwrap()
            .unwrap();
        assert_eq!(bench.state().checkpointed, TRANSACTIONS_PER_CHECKPOINT);
        assert_eq!(bench.state().commits, TRANSACTIONS_PER_CHECKPOINT + 1);
    }

    #[test]
    fn more_members_than_one_transaction_takes_are_all_served() {
        let bench = Bench::new();
        let before = bench.state().commits;
        let works = (0..COMPANY + 10).map(|_| fine("a")).collect();
        assert!(bench.together(works).iter().all(|result| *result == Ok(Ok(7))));
        assert_eq!(bench.events().len(), COMPANY + 10);
        assert_eq!(bench.state().commits, before + 2);
    }

    #[track_caller]
    fn assert_chain_whole(bench: &Bench, rows: u64) {
        let db = bench.db();
        let view = View::new(&db, &bench.identity);
        let filter = crate::store::audit::AuditFilter {
            limit: 1000,
            ..crate::store::AuditFilter::default()
        };
        let mut head = bench.state().cut;
        let all = view.audit(&filter).unwrap();
        for row in &all {
            head.follow(row, |_, _| Some(bench.identity.audit_key.public())).unwrap();
        }
        assert_eq!(head.sequence, rows);
        assert!(all.last().unwrap().head.is_some());
    }
}
