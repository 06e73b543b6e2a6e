//! Checking the whole file.

use crate::admin::{DatabaseCheck, DatabaseChecked};
use crate::base::UnixTime;
use crate::domain::{Actor, Context};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::engine::audit::{AuditKeys, follow_chain};
use crate::error::Result;
use crate::store::View;
use std::ops::ControlFlow;

/// How far long work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
}

administer!(DatabaseCheck, |_request, engine, _actor, _now| {
    engine.store.read(|view| check(view, &mut |_| ControlFlow::Continue(())))
});

impl Engine {
    /// Checks the whole file: SQLite's own check, every row's code, every row against the audit, the audit's
    /// chain. `progress` is told how far it has come, and may end it.
    ///
    /// # Errors
    /// [`crate::Error::ActorMissing`] without an actor in the context; those of any reading.
    pub fn check(
        &self,
        context: &Context<'_>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<DatabaseChecked> {
        self.check_open()?;
        // What is in memory is enough here: a row that cannot be read must not keep the others from being checked.
        let (frame, now) = (self.snapshot.frame(), self.time.now());
        self.actor(context, &frame.settings.trusted_proxies, now)?;
        self.store.read(|view| check(view, progress))
    }
}

fn check(
    view: &View<'_>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<DatabaseChecked> {
    let state = view.state()?;
    let rows = state.audit.sequence.saturating_sub(state.cut.sequence);
    let total = rows.div_ceil(ROWS_A_STEP) + TABLE_STEPS;
    let (mut done, mut going) = (0, true);
    let mut step = || {
        done += 1;
        going = going && progress(Progress { done: done.min(total), total }).is_continue();
        going
    };
    let mut findings = view.check_rows(&mut step)?;
    let mut names = view.names(state.mark)?;
    let keys = AuditKeys::load(view)?;
    let verdict = follow_chain(view, &keys, &mut |row| {
        names.read(row);
        (row.sequence - state.cut.sequence) % ROWS_A_STEP != 1 || step()
    })?;
    // A chain that is broken is read no further: what it says of rows is not the whole story.
    if verdict.as_ref().is_some_and(|verdict| verdict.valid) {
        findings.extend(names.compare());
    }
    Ok(DatabaseChecked::new(findings, verdict))
}

/// Rows of the audit that are one step.
const ROWS_A_STEP: u64 = 1000;

/// One for each table with codes.
const TABLE_STEPS: u64 = 13;
