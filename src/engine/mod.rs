//! The engine: the one place that reads the clock and opens transactions.

mod access;
mod administer;
mod audit;
mod authorize;
mod backup;
#[cfg(feature = "test-hooks")]
mod bench;
mod biot;
mod call;
mod check;
mod clock;
mod consent;
mod decide;
mod endpoint;
mod exchange;
mod export;
mod founding;
mod gather;
mod grants;
mod issue;
mod issuers;
mod keys;
mod leak;
mod login;
mod master;
mod options;
mod origins;
mod pending;
mod people;
mod rates;
mod refresh;
mod report;
mod restored;
mod room;
mod secrets;
mod snapshot;
mod status;
mod time;
mod token;
mod transfer;
mod user_check;
mod verify;

pub use access::{AccessToken, Authorization, Challenge, Principal, PrincipalKind};
pub use administer::Administer;
pub use check::Progress;
pub use options::{Options, Recovery};
pub use pending::{Decision, Pending};
pub use user_check::{UserCheck, UserLogin, UserVerdict};

pub(crate) use crate::domain::{Context, Required, Settings, TokenFormat};
pub(crate) use crate::oauth::{HttpRequest, HttpResponse};

use crate::admin::Restored;
use crate::base::{Network, RequestId, UnixTime};
use crate::crypto::password::Limiter;
use crate::domain::{Actor, Strikes, Throttle};
use crate::engine::gather::{Gather, Notes};
use crate::engine::room::Purpose;
use crate::engine::snapshot::{Frame, Snapshot};
use crate::engine::time::{Belief, Timekeeper};
use crate::engine::user_check::HostUsers;
use crate::error::{Error, Result};
use crate::store::{Outcome, Store, Tx, lock};
use crate::sys;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// An open database: issues tokens, verifies them, and administers what they depend on.
///
/// Any thread may use it at any time. Several processes may have the same file open: what one of them
/// revokes, all refuse at their next verification. After a fork, the child must open its own.
///
/// Dropping it writes what was gathered in memory, if it can; [`Engine::close`] tells whether it could.
pub struct Engine {
    store: Arc<Store>,
    snapshot: Snapshot,
    time: Timekeeper,
    gather: Gather,
    hashes: Limiter,
    host_users: HostUsers,
    /// Held by the one thread that makes a signing key.
    making_key: Mutex<()>,
    guesses: Throttle,
    strikes: Strikes,
    closed: AtomicBool,
    /// When the gathered notes were last written, in milliseconds.
    flushed_at: AtomicI64,
    /// When somebody last looked whether a signing key is due, in milliseconds.
    tended_at: AtomicI64,
    /// What the restore that it was opened with found.
    restored: Option<Restored>,
    _open: OpenCount,
}

impl Engine {
    /// Creates a database with its first settings, and whatever belongs to it. It is not open then.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`] when anything of it exists already; [`Error::ActorMissing`];
    /// [`Error::NotWritable`], [`Error::NetworkFilesystem`], [`Error::Full`].
    pub fn create(options: &Options, settings: &Settings, context: &Context<'_>) -> Result<()> {
        let _open = OpenCount::begin()?;
        founding::create(options, settings, context)
    }

    /// Opens an existing database.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::EmptyFile`], [`Error::ForeignFile`], [`Error::NewerFile`],
    /// [`Error::KeyMissing`], [`Error::WrongKey`], [`Error::StaleDatabase`], [`Error::FreshnessMissing`],
    /// [`Error::NetworkFilesystem`], [`Error::NotWritable`], [`Error::Busy`], [`Error::Forked`],
    /// [`Error::AnotherCopy`].
    pub fn open(options: &Options) -> Result<Self> {
        let open = OpenCount::begin()?;
        let store = Store::open(
            &options.path,
            &options.key,
            options.busy_timeout,
            options.entropy_source(),
        )?;
        let state = store.state()?;
        let time = Timekeeper::start(Arc::clone(&options.clock), &state);
        let snapshot = Snapshot::load(&store)?;
        let engine = Self {
            store: Arc::new(store),
            snapshot,
            restored: None,
            flushed_at: AtomicI64::new(time.now().millis()),
            tended_at: AtomicI64::new(0),
            time,
            gather: Gather::default(),
            hashes: Limiter::new(),
            host_users: HostUsers::new(options.user_check.clone()),
            making_key: Mutex::default(),
            guesses: Throttle::default(),
            strikes: Strikes::new(),
            closed: AtomicBool::new(false),
            _open: open,
        };
        engine.audit_unusual_clock()?;
        Ok(engine)
    }

    /// Accepts a database although it may be an old copy, and opens it: a new epoch begins, in which all
    /// tokens have ended, signing keys are retired, every secret awaits `client.secret.confirm`, and every user
    /// `user.confirm`, unless [`Options::trust_secrets`]. [`Engine::restored`] has what it found.
    ///
    /// # Errors
    /// Those of [`Engine::open`] but the stale ones; [`Error::Busy`] while any process has it open.
    pub fn restore(options: &Options, context: &Context<'_>) -> Result<Self> {
        let report = {
            let _open = OpenCount::begin()?;
            founding::restore(options, context)?
        };
        let mut engine = Self::open(options)?;
        engine.restored = Some(report);
        Ok(engine)
    }

    /// Gives a database whose master key is lost a new one, where the options say that the key is, and opens
    /// it. Nothing is lost with a recovery code or an older key. If the freshness file is gone too, or is ahead
    /// of the database, everything is as after [`Engine::restore`] besides. It may be repeated after a crash.
    ///
    /// [`Recovery::WithoutKey`] keeps what can be kept without a key: settings, clients, users, roles, the
    /// audit. Nobody can know any more whether somebody edited it, and the audit says so. So every client and
    /// user is disabled until an administrator has looked at them, secrets and passwords from elsewhere await
    /// their confirmation, generated secrets and signing keys are gone, and `trusted_proxies` and
    /// `danger_allow_plain_http` are the defaults.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a wrong code, for a database that has none, and for a recovery without
    /// key where there is something better; else those of [`Engine::restore`].
    pub fn recover(options: &Options, recovery: &Recovery, context: &Context<'_>) -> Result<Self> {
        let report = {
            let _open = OpenCount::begin()?;
            founding::recover(options, recovery, context)?
        };
        let mut engine = Self::open(options)?;
        engine.restored = Some(report);
        Ok(engine)
    }

    /// What the restore or recovery found with which this engine was opened, and what is refused since; `None` of
    /// one that was simply opened.
    #[must_use]
    pub const fn restored(&self) -> Option<&Restored> {
        self.restored.as_ref()
    }

    /// Writes what was gathered and closes. Calls that are under way in other threads finish; later ones
    /// answer [`Error::Closed`].
    ///
    /// # Errors
    /// What kept the notes from being written; the engine is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.check_open()?;
        let flushed = self.flush();
        self.closed.store(true, Ordering::Release);
        self.store.close();
        flushed
    }

    /// Writes what verification has gathered, and rotates signing keys that are due. Nothing has to call it:
    /// other calls do so once a minute. Where it is called, no request waits for a key to be made.
    ///
    /// # Errors
    /// Those of any write.
    pub fn maintain(&self) -> Result<()> {
        self.check_open()?;
        self.current()?;
        self.flush()?;
        self.tend_keys()
    }

    /// The engine's time: the clock's, as long as it is plausible. Never runs backwards.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.time.now()
    }

    /// Refuses calls on a closed engine, and on one inherited through a fork, before any lock is taken.
    fn check_open(&self) -> Result<()> {
        if sys::fork::poisoned() {
            Err(Error::Forked)
        } else if self.closed.load(Ordering::Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// A frame that holds every change committed before the call, and the time to judge by.
    ///
    /// The frame first, here and so everywhere: a thread that sleeps between the two judges by a later
    /// time, which at worst refuses. The other way round it would know what another process has cleared
    /// away, and judge by a time at which that was still needed: a revoked token would be valid again.
    fn current(&self) -> Result<(Arc<Frame>, UnixTime)> {
        let frame = self.snapshot.current(&self.store, &self.time)?;
        Ok((frame, self.time.now()))
    }

    fn mint_request_id(&self, now: UnixTime) -> Result<RequestId> {
        RequestId::mint(now, self.store.identity().entropy.as_ref())
    }

    fn actor(&self, context: &Context<'_>, proxies: &[Network], now: UnixTime) -> Result<Actor> {
        Actor::of(context, proxies, self.mint_request_id(now)?)
    }

    /// Runs `work` in a writing transaction, and writes with it what was gathered until now.
    fn write<T: Send + 'static>(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        self.write_for(Purpose::Change, now, work)
    }

    /// Writes what was gathered, if anything was.
    fn flush(&self) -> Result<()> {
        if self.gather.is_empty() && self.time.unrecorded().is_none() {
            return Ok(());
        }
        let (_, now) = self.current()?;
        let outcome = self.write_for(Purpose::Notes, now, |_| Ok(Ok(())))?;
        outcome.map_err(|_| Error::Internal { what: "a flush that was denied" })
    }

    /// Writes what was gathered if a minute has passed; one caller of many does it.
    ///
    /// Best effort: what cannot be written waits for the next time, and a caller who only reads must not
    /// be refused because the disk is full.
    fn flush_if_due(&self, now: UnixTime) {
        let last = self.flushed_at.load(Ordering::Relaxed);
        // Also when time was set back.
        let due = now.millis().abs_diff(last) >= FLUSH_MILLIS;
        let mine = due
            && self
                .flushed_at
                .compare_exchange(last, now.millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            let _ = self.flush();
        }
    }

    /// A host that brings its own clock decides when tokens expire: the audit says so.
    fn audit_unusual_clock(&self) -> Result<()> {
        if self.time.is_system() {
            return Ok(());
        }
        let now = self.time.now();
        let entry = founding::opened_with_own_clock(&self.mint_request_id(now)?);
        let outcome = self.write(now, move |tx| tx.audit(&entry).map(Ok))?;
        outcome.map_err(|_| Error::Internal { what: "an audit row that was denied" })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if sys::fork::poisoned() {
            // Never dropped: closing an inherited connection, SQLite could copy the WAL into the main
            // file and delete it, under locks that the child does not have.
            std::mem::forget(Arc::clone(&self.store));
            return;
        }
        // Best effort: whoever must know calls `close`.
        let _ = self.close();
    }
}

/// What travels with a write that somebody else asked for.
struct Luggage {
    notes: Mutex<Option<Notes>>,
    belief: Option<Belief>,
}

impl Luggage {
    fn unpack(&self, gather: &Gather) {
        if let Some(notes) = lock(&self.notes).take() {
            gather.put_back(notes);
        }
    }

    /// What was thought of the clock is void where somebody has set it in this very transaction.
    fn write(&self, tx: &mut Tx<'_>, same_clock: bool) -> Result<()> {
        if let Some(notes) = &*lock(&self.notes) {
            notes.write(tx)?;
        }
        if !same_clock {
            return Ok(());
        }
        if let Some(belief) = self.belief {
            founding::record_belief(tx, &belief)?;
        }
        Ok(())
    }
}

/// Counts this engine among the open ones, so that a fork while it is open is noticed.
struct OpenCount;

impl OpenCount {
    fn begin() -> Result<Self> {
        sys::fork::install()?;
        if sys::fork::poisoned() {
            return Err(Error::Forked);
        }
        sys::fork::engine_opened();
        Ok(Self)
    }
}

impl Drop for OpenCount {
    fn drop(&mut self) {
        sys::fork::engine_closed();
    }
}

/// One minute: what a crash may lose of the notes.
const FLUSH_MILLIS: u64 = 60_000;
