//! The audit is kept for six years, the chain verifies after each cut, and no wrong clock cuts it.

use crate::common::{
    Place, admin, assert_chain_whole, audit, clock, error_of, events, issue, register,
};
use serde_json::json;
use std::sync::Arc;
use wardkey::admin::{AuditVerify, SettingsSet};
use wardkey::{Clock, Engine, Error, ManualClock, Settings};

const DAY: i64 = 86_400_000;
const SIX_YEARS: i64 = 189_345_600_000;

#[test]
fn after_years_the_oldest_rows_are_cut_and_the_chain_still_verifies() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    for _ in 0..(8 * 365 / 5) {
        clock.advance_millis(5 * DAY);
        issue(&engine, &client);
    }
    assert_chain_whole(&engine);
    let rows = audit(&engine);
    let oldest = rows[0].entry["time"].as_i64().unwrap();
    let age = clock.wall().millis() - oldest;
    assert!((SIX_YEARS - 5 * DAY..SIX_YEARS + 7 * DAY).contains(&age), "{}", age / DAY);
    let cut = events(&engine, "audit.cut").pop().unwrap();
    assert_eq!(cut["cut"]["through"], rows[0].sequence - 1);
    let verdict = engine.run(&admin(), AuditVerify::default()).unwrap();
    assert_eq!(
        (verdict.first, verdict.sequence),
        (rows[0].sequence, rows.last().unwrap().sequence)
    );
    // What was named only in rows that are gone is named again: the client was never touched since.
    let named = |row: &serde_json::Value| {
        let rows = row["rows"].as_array().cloned().unwrap_or_default();
        rows.into_iter().any(|named| named["id"] == client.id && named["at"].is_u64())
    };
    assert_eq!(rows.iter().filter(|row| named(&row.entry)).count(), 1);
    drop(engine);
    assert_chain_whole(&place.open_at(&clock));
}

#[test]
fn a_row_of_a_cut_that_was_edited_and_a_cut_that_nobody_made_show() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let client = register(&engine);
    for _ in 0..(7 * 365 / 6) {
        clock.advance_millis(6 * DAY);
        issue(&engine, &client);
    }
    let cut = events(&engine, "audit.cut").pop().unwrap();
    let sqlite = place.sqlite();
    let first = i64::try_from(audit(&engine)[0].sequence).unwrap();
    let sql =
        "UPDATE audit SET row = replace(row, '\"through\":', '\"through\":1') WHERE sequence = ?";
    sqlite.execute(sql, [cut["seq"].as_i64().unwrap()]).unwrap();
    let verdict = engine.run(&admin(), AuditVerify::default()).unwrap();
    assert_eq!(verdict.bad_row, cut["seq"].as_u64());
    let sql =
        "UPDATE audit SET row = replace(row, '\"through\":1', '\"through\":') WHERE sequence = ?";
    sqlite.execute(sql, [cut["seq"].as_i64().unwrap()]).unwrap();
    assert_chain_whole(&engine);
    sqlite.execute("DELETE FROM audit WHERE sequence = ?", [first]).unwrap();
    assert!(!engine.run(&admin(), AuditVerify::default()).unwrap().valid);
}

#[test]
fn no_clock_that_leaps_cuts_the_audit_however_often_it_is_believed() {
    let (place, clock) = place();
    let client = register(&place.open_at(&clock));
    for _ in 0..8 {
        // Nobody can tell a year switched off from a clock that was set forward.
        clock.set_wall(clock.wall().plus_millis(399 * DAY));
        let engine = place.open_at(&clock);
        issue(&engine, &client);
        clock.set_wall(clock.wall().plus_millis(6 * DAY));
        issue(&engine, &client);
    }
    let engine = place.open_at(&clock);
    assert_eq!(audit(&engine)[0].sequence, 1, "eight days at most may have been cut");
    assert!(events(&engine, "audit.cut").is_empty());
}

#[test]
fn the_retention_can_be_raised_and_not_be_less_than_six_years() {
    let (place, clock) = place();
    let engine = place.open_at(&clock);
    let set = |audit_retention| {
        engine.run(&admin(), SettingsSet { audit_retention, ..SettingsSet::default() })
    };
    for bad in [0, 31_557_600, 189_345_599, 3_155_760_001] {
        assert!(matches!(error_of(set(Some(bad))), Error::InvalidDocument { .. }), "{bad}");
    }
    assert_eq!(set(Some(315_576_000)).unwrap().audit_retention, 315_576_000);
    let client = register(&engine);
    for _ in 0..(7 * 365 / 6) {
        clock.advance_millis(6 * DAY);
        issue(&engine, &client);
    }
    assert_eq!(audit(&engine)[0].sequence, 1);
    let text = json!({"audit_retention": 189_345_600}).to_string();
    engine.call(&admin(), "settings.set", text.as_bytes()).unwrap();
}

fn place() -> (Place, Arc<ManualClock>) {
    let (place, clock) = (Place::empty(), clock());
    Engine::create(&place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    (place, clock)
}
