//! What a wrong wall clock does to a clinic: tokens stay what they were, and everything goes on.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{
    Place, Registered, admin, assert_chain_whole, clock, error_of, events, issue, register, revoke,
    try_issue, unlimited, verify, why,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wardkey::admin::{
    ClockAccept, ClockAccepted, DatabaseCheck, DatabasePrune, IssuerImport, IssuerList, KeyExport,
    KeyList, KeyRetire, SecretCreate,
};
use wardkey::{Clock, Denied, Engine, Error, ManualClock, Settings, SystemClock, UnixTime};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A database that was made at the clock's time.
fn place() -> (Place, Arc<ManualClock>) {
    let (place, clock) = (Place::empty(), clock());
    Engine::create(&place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    (place, clock)
}

/// Another clock that stands at the same time.
fn clock_again(clock: &ManualClock) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(clock.wall()))
}

/// Sets the wall clock alone, by so much.
fn step(clock: &ManualClock, millis: i64) {
    clock.set_wall(clock.wall().plus_millis(millis));
}

#[test]
fn while_the_clock_says_2099_tokens_are_issued_verified_and_end_across_restarts() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let before = issue(&engine, &client);
    step(&clock, 73 * 365 * DAY);
    verify(&engine, &before).unwrap();
    let after = issue(&engine, &client);
    verify(&engine, &after).unwrap();
    assert_eq!(events(&engine, "clock.doubt").len(), 1);
    drop(engine);
    clock.advance_millis(HOUR / 2);
    let engine = place.open_at(&clock);
    verify(&engine, &after).unwrap();
    drop(engine);
    // Nobody was there to count this hour but the doubted clock.
    clock.advance_millis(HOUR);
    let engine = place.open_at(&clock);
    assert!(matches!(why(verify(&engine, &before)), Denied::TokenExpired { .. }));
    assert!(matches!(why(verify(&engine, &after)), Denied::TokenExpired { .. }));
    verify(&engine, &issue(&engine, &client)).unwrap();
    assert_eq!(events(&engine, "clock.doubt").len(), 1, "once, not at every start");
}

#[test]
fn what_is_over_by_a_doubted_clock_is_not_cleared_away_before_somebody_accepts_it() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    revoke(&engine, &issue(&engine, &client)).unwrap();
    step(&clock, 500 * DAY);
    clock.advance_millis(3 * HOUR);
    let prune = || engine.run(&admin(), DatabasePrune::default()).unwrap();
    for _ in 0..2 {
        let pruned = prune();
        assert_eq!((pruned.rows, pruned.kept, pruned.more), (0, 1, false));
    }
    let left = || -> i64 {
        let sql = "SELECT count(*) FROM revoked_token";
        place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(left(), 1);
    accept(&engine, clock.wall()).unwrap();
    assert_eq!((prune().kept, left()), (0, 0));
}

#[test]
fn an_expired_token_stays_expired_when_the_clock_is_set_back() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let token = issue(&engine, &client);
    clock.advance_millis(2 * HOUR);
    assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
    issue(&engine, &client); // The mark is in the file.
    step(&clock, -3 * HOUR);
    assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
    drop(engine);
    let engine = place.open_at(&clock);
    assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn processes_opened_before_and_after_the_clock_was_set_back_accept_each_others_tokens() {
    let (place, clock) = place();
    let early = place.open_at(&clock);
    let client = register(&early);
    issue(&early, &client);
    step(&clock, -2 * HOUR);
    clock.advance_millis(10 * 60_000);
    let from_early = issue(&early, &client);
    clock.advance_millis(10 * 60_000);
    let late = place.open_at(&clock);
    verify(&late, &from_early).unwrap();
    let from_late = issue(&late, &client);
    verify(&early, &from_late).unwrap();
    revoke(&late, &from_early).unwrap();
    assert_eq!(why(verify(&early, &from_early)), Denied::TokenRevoked);
    revoke(&early, &from_late).unwrap();
    assert_eq!(why(verify(&late, &from_late)), Denied::TokenRevoked);
}

#[test]
fn a_process_whose_time_lags_hears_of_a_later_one_from_the_token_itself() {
    let (place, clock) = place();
    let behind = clock_again(&clock);
    let (ahead, lagging) = (place.open_at(&clock), place.open_at(&behind));
    let client = register(&ahead);
    verify(&lagging, &issue(&lagging, &client)).unwrap();
    // Five minutes that only one of them sees, and no security change that would tell the other.
    clock.advance_millis(5 * 60_000);
    let token = issue(&ahead, &client);
    verify(&lagging, &token).unwrap();
    assert!(lagging.now() >= ahead.now());
}

#[test]
fn a_clock_that_is_set_right_is_believed_again_and_the_audit_says_both() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    step(&clock, 100 * DAY);
    issue(&engine, &client);
    step(&clock, -100 * DAY);
    clock.advance_millis(HOUR);
    issue(&engine, &client);
    assert_eq!(events(&engine, "clock.doubt").len(), 1);
    assert_eq!(events(&engine, "clock.trust").len(), 1);
    assert_eq!(engine.now(), clock.wall());
}

#[test]
fn a_time_that_was_accepted_by_mistake_is_set_back_in_every_process_and_all_that_was_issued_ends() {
    let (place, clock) = place();
    let (here, there) = (place.open_at(&clock), place.open_at(&clock));
    let client = register(&here);
    let early = issue(&here, &client);
    let right = clock.wall();
    step(&clock, 73 * 365 * DAY);
    let accepted = accept(&here, clock.wall()).unwrap();
    assert!(!accepted.lowered && accepted.after == clock.wall().seconds());
    assert!(matches!(why(verify(&there, &early)), Denied::TokenExpired { .. }));
    let late = issue(&there, &client);
    verify(&here, &late).unwrap();
    assert_eq!((here.now(), there.now()), (clock.wall(), clock.wall()));
    // Somebody sets the clock right.
    clock.set_wall(right.plus_millis(HOUR));
    verify(&here, &late).unwrap();
    issue(&there, &client);
    let accepted = accept(&here, clock.wall()).unwrap();
    assert!(accepted.lowered && accepted.before > accepted.after);
    for engine in [&here, &there] {
        verify(engine, &late).unwrap_err();
        verify(engine, &early).unwrap_err();
        let token = issue(engine, &client);
        verify(&here, &token).unwrap();
        verify(&there, &token).unwrap();
        assert_eq!(engine.now(), clock.wall());
    }
    drop((here, there));
    let again = place.open_at(&clock);
    assert_eq!(again.now(), clock.wall());
    verify(&again, &issue(&again, &client)).unwrap();
    verify(&again, &late).unwrap_err();
    assert_chain_whole(&again);
    assert_eq!(events(&again, "clock.accept").len(), 2);
}

#[test]
fn setting_the_time_back_brings_back_no_key_and_no_other_site() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let stolen = issue(&engine, &client);
    let kid = engine.run(&admin(), KeyList::default()).unwrap().keys.remove(0).kid;
    engine.run(&admin(), KeyRetire { kid }).unwrap();
    let ended = issue(&engine, &client);
    let away = Place::created().open().run(&admin(), KeyExport::default()).unwrap();
    let issuer = "https://away.example".to_owned();
    let import = IssuerImport { issuer, site: away.site, jwks: away.jwks };
    assert!(engine.run(&admin(), import).unwrap().enabled);
    let right = clock.wall();
    step(&clock, 100 * DAY);
    accept(&engine, clock.wall()).unwrap();
    issue(&engine, &client);
    clock.set_wall(right);
    let accepted = accept(&engine, clock.wall()).unwrap();
    assert!(accepted.lowered);
    assert_eq!(accepted.issuers_to_enable, ["https://away.example"]);
    assert_eq!(why(verify(&engine, &stolen)), Denied::KeyRetired);
    assert_eq!(why(verify(&engine, &ended)), Denied::KeyRetired);
    let states = |engine: &Engine| -> Vec<_> {
        let keys = engine.run(&admin(), KeyList::default()).unwrap().keys;
        keys.iter().map(|key| key.state).collect()
    };
    assert!(states(&engine).iter().all(|state| *state == "retired"), "{:?}", states(&engine));
    verify(&engine, &issue(&engine, &client)).unwrap();
    assert_eq!(states(&engine).iter().filter(|state| **state == "signing").count(), 1);
    assert!(!engine.run(&admin(), IssuerList::default()).unwrap().issuers[0].enabled);
    assert_chain_whole(&engine);
}

#[test]
fn a_main_file_that_lags_behind_a_lowered_clock_opens_after_a_crash() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    issue(&engine, &client);
    step(&clock, -30 * DAY);
    assert!(accept(&engine, clock.wall()).unwrap().lowered);
    issue(&engine, &client);
    // As kill -9 leaves it: the WAL was never copied.
    let copy = Place::empty();
    for suffix in ["", "-wal", ".key", ".fresh"] {
        std::fs::copy(place.beside(suffix), copy.beside(suffix)).unwrap();
    }
    let engine = copy.open_at(&clock);
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn a_clinic_that_was_closed_for_years_goes_on_once_the_time_is_accepted() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let token = issue(&engine, &client);
    drop(engine);
    clock.advance_millis(900 * DAY);
    let engine = place.open_at(&clock);
    assert!(engine.now() < clock.wall(), "nobody knows yet that it is right");
    verify(&engine, &issue(&engine, &client)).unwrap();
    assert!(!accept(&engine, clock.wall()).unwrap().lowered);
    assert_eq!(engine.now(), clock.wall());
    assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn only_the_time_that_the_wall_clock_says_is_accepted() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    step(&clock, 100 * DAY);
    for wrong in [-6 * 60_000, 6 * 60_000, -100 * DAY] {
        let error = error_of(accept(&engine, clock.wall().plus_millis(wrong)));
        assert!(matches!(error, Error::InvalidDocument { .. }), "{error}");
    }
    assert!(events(&engine, "clock.accept").is_empty());
    accept(&engine, clock.wall().plus_millis(60_000)).unwrap();
}

#[test]
fn accepting_a_clock_that_is_a_minute_behind_ends_nothing_and_time_waits_for_it() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let token = issue(&engine, &client);
    let before = engine.now();
    step(&clock, -60_000);
    let accepted = accept(&engine, clock.wall()).unwrap();
    assert!(!accepted.lowered && accepted.after == before.seconds());
    verify(&engine, &token).unwrap();
    assert_eq!(engine.now(), before);
    clock.advance_millis(60_001);
    assert_eq!(engine.now(), clock.wall());
    step(&clock, -60_001);
    assert!(accept(&engine, clock.wall()).unwrap().lowered);
    assert_eq!(why(verify(&engine, &token)), Denied::KeyRetired);
}

#[test]
fn a_right_clock_is_accepted_on_a_busy_server_and_ends_nothing() {
    let place = Place::created();
    let (engine, other) = (place.open(), place.open());
    let client = register(&engine);
    unlimited(&engine);
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for engine in [&engine, &other, &other] {
            threads.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = try_issue(engine, &client);
                }
            });
        }
        let accepted: Vec<_> =
            (0..30).filter_map(|_| accept(&engine, SystemClock.wall()).ok()).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(!accepted.is_empty());
        assert!(accepted.iter().all(|accepted| !accepted.lowered), "{accepted:?}");
    });
}

#[test]
fn a_secret_that_ended_in_a_time_that_was_taken_back_awaits_confirmation() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let soon = clock.wall().plus_millis(30 * DAY).seconds();
    let request = SecretCreate {
        client_id: client.id.clone(),
        expires_at: Some(soon),
        ..SecretCreate::default()
    };
    let made = engine.run(&admin(), request).unwrap();
    let passing = Registered { secret: made.client_secret.clone(), ..client.clone() };
    let right = clock.wall();
    step(&clock, 60 * DAY);
    accept(&engine, clock.wall()).unwrap();
    assert_eq!(why(try_issue(&engine, &passing)), Denied::SecretExpired);
    clock.set_wall(right);
    let accepted = accept(&engine, clock.wall()).unwrap();
    assert_eq!(accepted.secrets_to_confirm.len(), 1);
    assert_eq!(why(try_issue(&engine, &passing)), Denied::SecretUnconfirmed);
    issue(&engine, &client);
}

#[test]
fn what_was_forgotten_in_a_time_that_was_taken_back_is_not_missed() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let soon = clock.wall().plus_millis(5 * DAY).seconds();
    let request = SecretCreate {
        client_id: client.id.clone(),
        expires_at: Some(soon),
        ..SecretCreate::default()
    };
    engine.run(&admin(), request).unwrap();
    revoke(&engine, &issue(&engine, &client)).unwrap();
    let left = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        place.sqlite().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    // A wrong time that stays for days.
    let right = clock.wall();
    step(&clock, 60 * DAY);
    accept(&engine, clock.wall()).unwrap();
    for _ in 0..3 {
        clock.advance_millis(HOUR / 2);
        issue(&engine, &client);
    }
    assert_eq!((left("credential"), left("revoked_token")), (1, 0));
    clock.set_wall(right);
    assert!(accept(&engine, clock.wall()).unwrap().lowered);
    let findings = || engine.run(&admin(), DatabaseCheck::default()).unwrap().findings;
    assert!(findings().is_empty(), "{:?}", findings());
    // What is revoked from now on is missed.
    revoke(&engine, &issue(&engine, &client)).unwrap();
    assert!(findings().is_empty(), "{:?}", findings());
    place.sqlite().execute("DELETE FROM revoked_token", []).unwrap();
    assert_eq!(findings().len(), 1);
}

#[test]
fn a_suspended_machine_finds_its_tokens_expired_and_goes_on() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    let token = issue(&engine, &client);
    // Where the monotonic clock counts suspended time, and where it does not.
    for suspended in
        [|c: &ManualClock| c.advance_millis(20 * DAY), |c: &ManualClock| step(c, 3 * DAY)]
    {
        suspended(&clock);
        assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
        verify(&engine, &issue(&engine, &client)).unwrap();
        assert_eq!(engine.now(), clock.wall());
    }
    // NTP steps it a little back and forth.
    for by in [-30_000, 45_000, -20_000, 90_000] {
        step(&clock, by);
        assert!(matches!(why(verify(&engine, &token)), Denied::TokenExpired { .. }));
        verify(&engine, &issue(&engine, &client)).unwrap();
    }
    assert!(events(&engine, "clock.doubt").is_empty());
}

fn accept(engine: &Engine, time: UnixTime) -> Result<ClockAccepted, Error> {
    engine.run(&admin(), ClockAccept { time: time.seconds() })
}

#[test]
fn no_database_is_made_by_a_clock_that_was_never_set() {
    for wall in [946_684_800, 4_070_908_800] {
        let place = Place::empty();
        let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(wall)));
        let created = Engine::create(&place.options_at(&clock), &Settings::default(), &admin());
        let error = error_of(created);
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        assert!(error.to_string().contains("set the machine's clock"), "{error}");
        assert!(!place.path().exists() && !place.beside(".fresh").exists());
    }
}
