//! What one thread hands to the writer: a closure, and the fate that it waits for.

use crate::error::{Error, Result};
use crate::store::transaction::Tx;
use crate::store::writer::{Moment, Outcome, lock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// With whom a closure shares its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With whoever else waits.
    Shared,
    /// With nobody.
    Alone,
    /// With nobody, and in the room that the reserve file leaves: nothing is written besides.
    Lean,
}

/// A closure of one thread, with its type forgotten.
pub(super) trait Member: Send + Sync {
    /// The time of its call.
    fn now(&self) -> Moment;
    /// With whom it shares its transaction.
    fn manner(&self) -> Manner;
    /// Runs the closure and keeps its outcome back; an error asks for a rollback.
    fn run(&self, tx: &mut Tx<'_>) -> Result<()>;
    /// The transaction is committed: the outcome kept back is the fate.
    fn settle(&self);
    /// The transaction failed as a whole.
    fn fail(&self, error: &Error);
    /// The leader is gone without a word.
    fn fail_if_unsettled(&self);
}

/// A member, and what becomes of it.
pub(super) struct Slot<T, F> {
    pub(super) now: Moment,
    pub(super) manner: Manner,
    pub(super) work: Mutex<Option<F>>,
    pub(super) fate: Mutex<Fate<T>>,
}

#[derive(Default)]
pub(super) enum Fate<T> {
    #[default]
    Waiting,
    Provisional(Outcome<T>),
    Settled(Outcome<T>),
    Taken,
}

impl<T, F> Slot<T, F> {
    pub(super) fn new(now: Moment, manner: Manner, work: F) -> Self {
        Self { now, manner, work: Mutex::new(Some(work)), fate: Mutex::default() }
    }

    pub(super) fn take(&self) -> Option<Outcome<T>> {
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
    fn now(&self) -> Moment {
        self.now
    }

    fn manner(&self) -> Manner {
        self.manner
    }

    fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        // Decided at a time that an operator has set aside since: it must be decided anew.
        if self.now.clock_changes != tx.clock_changes() {
            *lock(&self.fate) = Fate::Provisional(Err(Error::Busy));
            return Err(Error::Busy);
        }
        let Some(work) = lock(&self.work).take() else {
            return Err(Error::Internal { what: "a write that ran twice" });
        };
        // A panic is this member's alone: its savepoint is rolled back, the others go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or(Err(Error::Internal { what: "a panic inside a write" }))
            .and_then(|outcome| tx.check_named().map(|()| outcome));
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
