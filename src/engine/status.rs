//! What the database takes of the disk.

use crate::admin::{DatabaseStatus, DatabaseStatusDocument};
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
