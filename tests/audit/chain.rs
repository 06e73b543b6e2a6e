//! `audit.verify` names the first bad row, whatever was done to it.

use crate::common::{admin, assert_chain_whole, audit, error_of, events, issue, register};
use crate::http::Clinic;
use rusqlite::Connection;
use serde_json::json;
use wardkey::admin::{AuditVerdict, AuditVerify, DatabaseCheck, ScopeAdd};
use wardkey::{Dialect, Engine, Error, Settings};

#[test]
fn the_chain_of_an_untouched_database_is_whole() {
    let clinic = busy_clinic();
    assert_chain_whole(&clinic.engine);
    let verdict = verdict(&clinic.engine);
    let rows = audit(&clinic.engine);
    let last = rows.last().unwrap();
    assert_eq!((verdict.rows, &verdict.head), (last.sequence, &last.hash));
    assert_eq!((verdict.bad_row, verdict.why), (None, None));
    assert!(last.signature.is_some());
}

#[test]
fn an_edited_row_is_named() {
    for row in [1_i64, 5, 9] {
        let found = after(|sqlite| {
            let sql = "UPDATE audit SET row = replace(row, 'anna', 'bert') WHERE sequence = ?";
            assert_eq!(sqlite.execute(sql, [row]).unwrap(), 1);
        });
        let row = u64::try_from(row).unwrap();
        assert_eq!((found.bad_row, found.rows), (Some(row), row - 1));
        assert!(!found.valid && found.why.is_some());
    }
}

#[test]
fn an_edited_row_with_a_hash_that_fits_is_named_where_the_chain_breaks() {
    // Whoever has no key can hash, but not sign.
    let found = after(|sqlite| {
        use ring::digest::{SHA256, digest};
        let read = |sequence: i64| -> (String, Vec<u8>) {
            let sql = "SELECT row, hash FROM audit WHERE sequence = ?";
            sqlite.query_row(sql, [sequence], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let last: i64 =
            sqlite.query_row("SELECT max(sequence) FROM audit", [], |row| row.get(0)).unwrap();
        let (_, mut before) = read(4);
        for sequence in 5..=last {
            let (row, _) = read(sequence);
            let row = if sequence == 5 { row.replace("anna", "bert") } else { row };
            let digest_of_row = digest(&SHA256, row.as_bytes());
            let input = [b"wardkey audit row 1\0", &before[..], digest_of_row.as_ref()].concat();
            before = digest(&SHA256, &input).as_ref().to_vec();
            let sql = "UPDATE audit SET row = ?, hash = ? WHERE sequence = ?";
            sqlite.execute(sql, (&row, &before, sequence)).unwrap();
        }
    });
    assert_eq!(found.bad_row, Some(5));
}

#[test]
fn a_missing_a_doubled_and_a_swapped_row_are_named() {
    let found = after(|sqlite| {
        sqlite.execute("DELETE FROM audit WHERE sequence = 6", []).unwrap();
    });
    assert_eq!(found.bad_row, Some(7));
    let found = after(|sqlite| {
        sqlite.execute("UPDATE audit SET row = (SELECT row FROM audit WHERE sequence = 3) WHERE sequence = 4", []).unwrap();
    });
    assert_eq!(found.bad_row, Some(4));
    let found = after(|sqlite| {
        sqlite.execute("UPDATE audit SET sequence = -1 WHERE sequence = 3", []).unwrap();
        sqlite.execute("UPDATE audit SET sequence = 3 WHERE sequence = 4", []).unwrap();
        sqlite.execute("UPDATE audit SET sequence = 4 WHERE sequence = -1", []).unwrap();
    });
    assert_eq!(found.bad_row, Some(3));
}

#[test]
fn a_forged_or_missing_signature_is_named() {
    let found = after(|sqlite| {
        sqlite.execute("UPDATE audit SET signature = zeroblob(64) WHERE sequence = 5", []).unwrap();
    });
    assert_eq!(found.bad_row, Some(5));
    let found = after(|sqlite| {
        // As if the rest of its transaction had been cut off.
        let sql = "UPDATE audit SET signature = NULL, signed_by = NULL
                   WHERE sequence = (SELECT max(sequence) FROM audit)";
        sqlite.execute(sql, []).unwrap();
    });
    assert!(!found.valid && found.bad_row.is_some());
}

#[test]
fn text_that_is_no_json_is_named_and_breaks_no_query() {
    let clinic = busy_clinic();
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    place.sqlite().execute("UPDATE audit SET row = '{\"oops' WHERE sequence = 4", []).unwrap();
    let engine = place.open_at(&clock);
    assert_eq!(verdict(&engine).bad_row, Some(4));
    assert!(audit(&engine).len() > 9);
    let client = register(&engine);
    issue(&engine, &client);
}

#[test]
fn a_tail_or_a_beginning_that_was_cut_off_shows_at_the_next_open_and_the_next_write() {
    for cut in
        ["sequence > 9", "sequence = (SELECT max(sequence) FROM audit)", "sequence < 3", "true"]
    {
        let clinic = busy_clinic();
        let cut = format!("DELETE FROM audit WHERE {cut}");
        clinic.place.sqlite().execute(&cut, []).unwrap();
        let found = verdict(&clinic.engine);
        assert!(!found.valid && found.bad_row.is_some(), "{cut}: {found:?}");
        let write = clinic
            .engine
            .run(&admin(), ScopeAdd { scope: "own:late".into(), ..ScopeAdd::default() });
        assert!(matches!(error_of(write), Error::Corrupt { .. }), "{cut}");
        let Clinic { engine, clock, place } = clinic;
        drop(engine);
        let opened = Engine::open(&place.options().clock(clock));
        let error = error_of(opened).to_string();
        assert!(error.contains("the audit"), "{cut}: {error}");
    }
}

#[test]
fn a_last_row_that_was_replaced_by_an_earlier_signed_one_shows() {
    let clinic = busy_clinic();
    let sql = "UPDATE audit SET (row, hash, signature) =
                   (SELECT row, hash, signature FROM audit WHERE sequence = 9)
               WHERE sequence = (SELECT max(sequence) FROM audit)";
    clinic.place.sqlite().execute(sql, []).unwrap();
    assert!(!verdict(&clinic.engine).valid);
    let write =
        clinic.engine.run(&admin(), ScopeAdd { scope: "own:late".into(), ..ScopeAdd::default() });
    assert!(matches!(error_of(write), Error::Corrupt { .. }));
}

#[test]
fn a_restore_goes_on_from_what_is_left_of_the_audit_and_says_what_is_missing() {
    let Clinic { engine, clock, place } = busy_clinic();
    let last = audit(&engine).last().unwrap().clone();
    drop(engine);
    let last_sequence = last.sequence;
    place.sqlite().execute("DELETE FROM audit WHERE sequence > 9", []).unwrap();
    let engine = Engine::restore(&place.options().clock(clock), &admin()).unwrap();
    assert!(verdict(&engine).valid);
    // What only the missing rows named is named by none.
    assert!(!engine.run(&admin(), DatabaseCheck::default()).unwrap().sound);
    let resumed = &events(&engine, "audit.resume")[0];
    assert_eq!(resumed["seq"], 10);
    assert_eq!(resumed["detail"]["expected_sequence"], last_sequence.to_string());
}

/// A database with some dozen rows.
fn busy_clinic() -> Clinic {
    // One dialect with one word: few rows come with the database, the rest are what happened since.
    let dialects = vec![Dialect::NikoHealth];
    let clinic = Clinic::with(Settings { dialects, ..Settings::default() });
    for number in 0..8 {
        clinic.call("scope.add", json!({"scope": format!("own:{number}")}));
    }
    let client = register(&clinic.engine);
    issue(&clinic.engine, &client);
    clinic
}

/// The verdict on a database after an edit past the library.
fn after(edit: impl FnOnce(&Connection)) -> AuditVerdict {
    let clinic = busy_clinic();
    edit(&clinic.place.sqlite());
    verdict(&clinic.engine)
}

fn verdict(engine: &Engine) -> AuditVerdict {
    engine.run(&admin(), AuditVerify::default()).unwrap()
}
