//! What the database takes of the disk, what opens it, and clearing away what is over.

use crate::admin::{DatabasePrune, DatabasePruned, DatabaseStatus, DatabaseStatusDocument};
use crate::base::UnixTime;
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::error::Result;

administer!(DatabaseStatus, |_request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    let (size, opened_by) = engine.store.read(|view| {
        let opened_by = (view.master_key()?.source, view.has_recovery_code()?);
        Ok((view.file_size()?, opened_by))
    })?;
    let limit = frame.settings.max_file_size;
    Ok(DatabaseStatusDocument::new(size, limit, engine.store.has_reserve(), opened_by))
});

administer!(DatabasePrune, |_request, engine, actor, now| {
    let before = engine.store.read(|view| view.leftovers())?;
    engine.change(now, move |tx| {
        tx.clear_thoroughly();
        tx.audit(&actor.did("database.prune"))
    })?;
    let after = engine.store.read(|view| view.leftovers())?;
    Ok(DatabasePruned::new(before, after))
});
