//! What is written on a full disk, and what is not: ending things goes on, issuing stops, and what could not be
//! put on record is counted.

use crate::base::UnixTime;
use crate::engine::{Engine, Luggage};
use crate::error::{Error, Result};
use crate::store::{AuditEntry, Outcome, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// A token or a code.
    Issue,
    /// An event of the host's.
    HostEvent,
    /// A refusal that is on disk before its answer.
    Refusal,
    /// An attempt to log in.
    Login,
    /// What an administrator or a client asked for.
    Change,
    /// Ending something. It is tried again where there is no room.
    Security,
    /// What can wait for another time: what was gathered, and a better way to keep a secret.
    Notes,
}

impl Purpose {
    /// Whether a file that has reached its limit is spared it.
    const fn stops_at_limit(self) -> bool {
        matches!(self, Self::Issue | Self::HostEvent)
    }

    /// How the audit calls what could not be written. Notes wait: they are not lost.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Issue => Some("issue"),
            Self::HostEvent => Some("host_event"),
            Self::Refusal => Some("refusal"),
            Self::Login => Some("login"),
            Self::Change => Some("change"),
            Self::Security | Self::Notes => None,
        }
    }
}

impl Engine {
    /// Runs a security change: on a full disk too, in the room of the reserve file.
    pub(super) fn secure<T: Send + 'static>(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        let again = work.clone();
        let mut outcome = self.write_for(Purpose::Security, now, move |tx| work(tx).map(Ok));
        if matches!(outcome, Err(Error::Full)) {
            let moment = self.time.moment(now)?;
            outcome = self.store.write_lean(moment, move |tx| again(tx).map(Ok));
        }
        if matches!(outcome, Err(Error::Full)) {
            self.gather.note_missed("change", now);
        }
        outcome?.map_err(|_| Error::Internal { what: "a security change that was denied" })
    }

    /// Runs `work` in a writing transaction, and writes with it what was gathered until now.
    pub(super) fn write_for<T: Send + 'static>(
        &self,
        purpose: Purpose,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        // Before the belief: one of before an operator set the time must not be written after it.
        let moment = self.time.moment(now)?;
        let luggage = Arc::new(Luggage {
            notes: Mutex::new(Some(self.gather.take(now))),
            belief: self.time.unrecorded(),
        });
        let settings = &self.snapshot.frame().settings;
        let (retention, limit) = (settings.audit_retention.millis(), settings.max_file_size);
        let cap = self.time.cut_cap();
        let at_limit = Arc::new(AtomicBool::new(false));
        let (carried, stopped) = (Arc::clone(&luggage), Arc::clone(&at_limit));
        let outcome = self.store.write(moment, move |tx| {
            if purpose.stops_at_limit()
                && let Err(error) = tx.check_size(limit)
            {
                stopped.store(error == Error::Full, Ordering::Relaxed);
                return Err(error);
            }
            let changes = tx.clock_changes();
            let outcome = work(tx)?;
            carried.write(tx, tx.clock_changes() == changes)?;
            tx.cut_audit(retention, cap)?;
            tx.warn_of_size(limit)?;
            Ok(outcome)
        });
        match &outcome {
            Ok(_) => {
                self.flushed_at.store(now.millis(), Ordering::Relaxed);
                if let Some(belief) = luggage.belief {
                    self.time.recorded(belief);
                }
            }
            // Nothing was written: the notes wait for the next write.
            Err(error) => {
                luggage.unpack(&self.gather);
                let disk = *error == Error::Full && !at_limit.load(Ordering::Relaxed);
                if let Some(word) = purpose.word().filter(|_| disk) {
                    self.gather.note_missed(word, now);
                }
            }
        }
        outcome
    }
}

/// What could not be put on record because the disk was full.
#[derive(Default)]
pub(super) struct Missed {
    since: Option<UnixTime>,
    until: Option<UnixTime>,
    counts: BTreeMap<&'static str, u64>,
}

impl Missed {
    pub(super) fn add(&mut self, word: &'static str, now: UnixTime) {
        self.since = Some(self.since.map_or(now, |since| since.min(now)));
        self.until = Some(self.until.map_or(now, |until| until.max(now)));
        *self.counts.entry(word).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.since = [self.since, other.since].into_iter().flatten().min();
        self.until = self.until.max(other.until);
        for (word, count) in &other.counts {
            *self.counts.entry(word).or_default() += count;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Says so in one row.
    pub(super) fn write(&self, tx: &mut Tx<'_>) -> Result<()> {
        let (Some(since), Some(until)) = (self.since, self.until) else {
            return Ok(());
        };
        let mut entry = AuditEntry {
            event: "disk.full",
            outcome: "done",
            count: Some(self.counts.values().sum()),
            ..AuditEntry::default()
        };
        entry.detail.insert("from", since.to_string());
        entry.detail.insert("until", until.to_string());
        for (word, count) in &self.counts {
            entry.detail.insert(word, count.to_string());
        }
        tx.audit(&entry)
    }
}
