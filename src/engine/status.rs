//! What the database takes of the disk, and what opens it.

use crate::admin::{DatabaseStatus, DatabaseStatusDocument};
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
