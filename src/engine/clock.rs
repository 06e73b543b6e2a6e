//! Setting the engine's time.

use crate::admin::{ClockAccept, ClockAccepted};
use crate::base::UnixTime;
use crate::domain::{self, Actor};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::error::{Error, Result};
use crate::store::Tx;

administer!(ClockAccept, |request, engine, actor, now| {
    let clock = engine.time.clock();
    let wall = clock.wall();
    if wall.seconds().abs_diff(request.time) > TOLERANCE_SECONDS {
        return Err(Error::document("time", format!("is not what the wall clock says: {wall}")));
    }
    // Read under the write lock: others write meanwhile, at later times.
    let accept = move |tx: &mut Tx<'_>| domain::accept_clock(tx, clock.wall(), &actor);
    let set = engine.change(now, accept)?;
    engine.time.follow(&engine.store.state()?);
    Ok(ClockAccepted::of(set))
});

/// Five minutes: a person reads the time and types it.
const TOLERANCE_SECONDS: u64 = 300;
