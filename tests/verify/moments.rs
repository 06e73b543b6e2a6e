//! A call that is held up in its middle judges by nothing that is over meanwhile.

use crate::common::{Place, admin, clock, issue, register_as, revoke, verify, why};
use std::sync::{Arc, Mutex};
use wardkey::admin::ClientCreate;
use wardkey::{Clock, Engine, ManualClock, Settings, UnixTime};

/// The story: `now` was read first and the changes second. A thread that slept in between heard that two
/// hours had passed and that the revocation of its token, long expired, was cleared away; by its own time
/// of two hours before, the token had not expired yet. It was accepted.
#[test]
fn a_verification_held_up_at_any_reading_of_the_clock_accepts_no_revoked_token() {
    let sprung = (0..5).filter(|reading| held_up_at(*reading)).count();
    // The last one lies behind the call's last reading: all of them were tried.
    assert!((2..5).contains(&sprung), "{sprung} readings");
}

/// Verifies a revoked token while another process clears it away at this reading of the clock; whether
/// the call read the clock that often.
fn held_up_at(reading: usize) -> bool {
    let (place, own, others) = (Place::empty(), Arc::new(SlowClock::default()), clock());
    Engine::create(&place.options_at(&others), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&place.options().clock(own.clone())).unwrap();
    let other = place.open_at(&others);
    let client = register_as(
        &engine,
        ClientCreate {
            client_name: Some("Lab".into()),
            scope: Some("lab:read".into()),
            access_token_lifetime: Some(Some(600)),
            ..ClientCreate::default()
        },
    );
    let token = issue(&engine, &client);
    revoke(&engine, &token).unwrap();
    assert_eq!(why(verify(&engine, &token)).code(), "token_revoked");
    own.spring_at(reading, move || {
        others.advance_millis(7_200_000);
        // The first write tells of the leap of time, the next one clears away what it ended.
        (0..3).for_each(|_| drop(issue(&other, &client)));
    });
    let code = why(verify(&engine, &token)).code();
    assert!(matches!(code, "token_revoked" | "token_expired"), "{code}");
    own.sprang()
}

/// A clock that stands still; at one of its readings the thread is held up before it has the answer.
struct SlowClock {
    time: Arc<ManualClock>,
    trap: Mutex<Option<(usize, Act)>>,
}

type Act = Box<dyn FnOnce() + Send>;

impl Default for SlowClock {
    fn default() -> Self {
        Self { time: clock(), trap: Mutex::default() }
    }
}

impl SlowClock {
    fn spring_at(&self, reading: usize, act: impl FnOnce() + Send + 'static) {
        *self.trap.lock().unwrap() = Some((reading, Box::new(act)));
    }

    fn sprang(&self) -> bool {
        self.trap.lock().unwrap().is_none()
    }
}

impl Clock for SlowClock {
    fn wall(&self) -> UnixTime {
        let time = self.time.wall();
        let trap = self.trap.lock().unwrap().take();
        match trap {
            Some((0, act)) => act(),
            Some((left, act)) => *self.trap.lock().unwrap() = Some((left - 1, act)),
            None => {}
        }
        time
    }

    fn monotonic(&self) -> i64 {
        self.time.monotonic()
    }
}
