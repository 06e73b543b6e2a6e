//! `audit.verify` names the first bad row, whatever was done to it.

use crate::common::{assert_chain_whole, audit, issue, register};
use crate::http::Clinic;
use rusqlite::Connection;
use serde_json::json;
use wardkey::admin::{AuditVerdict, AuditVerify};
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
            let input = [b"wardkey audit row 1\0", &before[..], row.as_bytes()].concat();
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
fn a_tail_that_was_cut_off_does_not_match_an_exported_head() {
    let clinic = busy_clinic();
    let exported = verdict(&clinic.engine);
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let cut = "DELETE FROM audit WHERE sequence > 9";
    place.sqlite().execute(cut, []).unwrap();
    match Engine::open(&place.options().clock(clock)) {
        // The chain that is left may be whole: the head that was kept elsewhere tells.
        Ok(engine) => {
            let found = verdict(&engine);
            assert!(!found.valid || found.rows < exported.rows);
        }
        Err(error) => assert!(matches!(error, Error::Corrupt { .. } | Error::StaleDatabase { .. })),
    }
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
    let Clinic { engine, place, .. } = busy_clinic();
    drop(engine);
    // The file learns of the machine's time first: else the verdict would begin by writing of that leap.
    place.open().maintain().unwrap();
    edit(&place.sqlite());
    // With the machine's clock: opening with another one would write a row.
    verdict(&place.open())
}

fn verdict(engine: &Engine) -> AuditVerdict {
    engine.run(&crate::common::admin(), AuditVerify::default()).unwrap()
}
