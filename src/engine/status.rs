//! What the database takes of the disk, and clearing away what is over.

use crate::admin::{DatabasePrune, DatabasePruned, DatabaseStatus, DatabaseStatusDocument};
use crate::base::UnixTime;
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::error::Result;

administer!(DatabaseStatus, |_request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    let size = engine.store.read(|view| view.file_size())?;
    let reserve = engine.store.has_reserve();
    Ok(DatabaseStatusDocument::new(size, frame.settings.max_file_size, reserve))
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
