//! What stays in the file and what goes, through a whole store.

use crate::base::{Secret, SystemEntropy, UnixTime};
use crate::error::{Error, Result};
use crate::store::db::Db;
use crate::store::{
    AuditEntry, Clockwork, Creation, KeySource, Moment, RevokedTokenRow, Store, Tx, Used,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn each_transaction_clears_a_few_expired_rows_and_no_more() {
    with_store(|store, _| {
        revoke_many(store, 0, 40);
        // All have expired and the margin is over; the leap itself clears nothing.
        write(store, TWO_HOURS, |_| Ok(()));
        assert_eq!(revoked(store), 40);
        write(store, TWO_HOURS, |_| Ok(()));
        assert_eq!(revoked(store), 30);
        for _ in 0..3 {
            write(store, TWO_HOURS, |_| Ok(()));
        }
        assert_eq!(revoked(store), 0);
    });
}

#[test]
fn a_thorough_transaction_clears_all_that_is_over_but_nothing_by_its_own_leap() {
    with_store(|store, _| {
        revoke_many(store, 0, 40);
        let thorough = || {
            write(store, TWO_HOURS, |tx| {
                tx.clear_thoroughly();
                Ok(())
            });
            let left = store.read(|view| view.leftovers()).unwrap();
            (left.rows, left.over, left.may_go)
        };
        assert_eq!(thorough(), (40, 40, true));
        assert_eq!(thorough(), (0, 0, true));
    });
}

#[test]
fn a_row_is_kept_for_an_hour_beyond_its_end() {
    with_store(|store, _| {
        revoke_many(store, 10, 1);
        write(store, 3000, |_| Ok(()));
        write(store, 10 + 3600, |_| Ok(()));
        assert_eq!(revoked(store), 1);
        // The first write of a new time clears nothing by it yet: others have not heard of it.
        write(store, 10 + 3600 + 1, |_| Ok(()));
        assert_eq!(revoked(store), 1);
        write(store, 10 + 3600 + 1, |_| Ok(()));
        assert_eq!(revoked(store), 0);
    });
}

#[test]
fn a_file_that_is_written_to_seldom_is_cleared_all_the_same() {
    with_store(|store, _| {
        for turn in 0..40 {
            let (now, expires_at) = (turn * 7200, at(turn * 7200).millis());
            write(store, now, move |tx| {
                tx.insert(&RevokedTokenRow { token_id: turn.to_string(), expires_at }).map(|_| ())
            });
        }
        // The newest, and one that had not ended for an hour when the mark before the last was told.
        assert_eq!(revoked(store), 2);
    });
}

#[test]
fn nothing_expires_by_a_clock_that_is_not_believed() {
    with_store(|store, _| {
        revoke_many(store, 0, 5);
        let doubt = Clockwork { believed: false, offset: -1 };
        write(store, TWO_HOURS, move |tx| tx.set_clock(doubt));
        write(store, TWO_HOURS, |_| Ok(()));
        assert_eq!(revoked(store), 5);
        let trust = Clockwork { believed: true, offset: 0 };
        write(store, TWO_HOURS, move |tx| tx.set_clock(trust));
        assert_eq!(revoked(store), 0);
    });
}

#[test]
fn the_last_changes_are_kept_and_whoever_is_further_behind_must_reload() {
    with_store(|store, _| {
        for _ in 0..5 {
            write(store, 0, |tx| (0..1000).try_for_each(|_| tx.change("client", "a")));
        }
        let kept = |after| {
            let rows = store.read(|view| view.changes_after(after)).unwrap();
            rows.map(|rows| rows.len())
        };
        assert_eq!(store.state().map(|state| state.sequence), Ok(5000));
        assert_eq!(kept(5000), Some(0));
        assert_eq!(kept(4999), Some(1));
        assert_eq!(kept(5000 - 4096), Some(4096));
        assert_eq!(kept(5000 - 4097), None);
        assert_eq!(kept(0), None);
    });
}

#[test]
fn a_hole_in_the_changes_or_one_from_the_future_is_not_the_whole_story() {
    with_store(|store, path| {
        for id in ["a", "b", "c"] {
            write(store, 0, move |tx| tx.change("client", id));
        }
        let after = |sequence| {
            let rows = store.read(|view| view.changes_after(sequence)).unwrap();
            rows.map(|rows| rows.into_iter().map(|row| row.id).collect::<Vec<_>>())
        };
        assert_eq!(after(1), Some(vec!["b".to_owned(), "c".to_owned()]));
        edit(path, "DELETE FROM change WHERE sequence = 2");
        assert_eq!(after(1), None);
        assert_eq!(after(2), Some(vec!["c".to_owned()]));
        edit(path, "INSERT INTO change VALUES (2, 'client', 'b'), (4, 'client', 'd')");
        assert_eq!(after(1), None);
    });
}

#[test]
fn uses_are_counted_by_place_and_the_longest_unseen_place_goes() {
    with_store(|store, path| {
        edit(
            path,
            "PRAGMA foreign_keys = OFF;
             INSERT INTO credential VALUES
                 ('c', 'x', 1, 'imported', NULL, 'p', '', 0, NULL, NULL, NULL, 1, NULL, '{}', 1, x'00')",
        );
        let count = |seconds, peer: String, uses| {
            let first = Arc::new(std::sync::Mutex::new(None));
            let told = Arc::clone(&first);
            write(store, seconds, move |tx| {
                *told.lock().unwrap() = Some(tx.count_uses("c", &peer, Used::Token, uses)?);
                Ok(())
            });
            let first = first.lock().unwrap().take();
            first.unwrap()
        };
        assert!(count(1, "192.0.2.1".to_owned(), 2));
        assert!(!count(2, "192.0.2.1".to_owned(), 3));
        for host in 0..64 {
            assert!(count(3 + host, format!("198.51.100.{host}"), 1));
        }
        let peers = store.read(|view| view.credential_peers("c")).unwrap();
        assert_eq!(peers.len(), 64);
        assert_eq!(peers[0].peer, "198.51.100.63");
        assert!(peers.iter().all(|peer| peer.peer != "192.0.2.1"));
        assert!(count(100, "192.0.2.1".to_owned(), 1), "forgotten, so seen for the first time");
    });
}

#[test]
fn an_ended_credential_stays_as_long_as_a_grant_whose_code_it_redeemed() {
    with_store(|store, path| {
        let ended = at(0).millis();
        edit(
            path,
            &format!(
                "PRAGMA foreign_keys = OFF;
                 INSERT INTO credential VALUES
                     ('a', 'x', 1, 'imported', NULL, 'p', '', 0, NULL, {ended}, NULL, 1, NULL, '{{}}', 1, x'00'),
                     ('b', 'x', 1, 'imported', NULL, 'p', '', 0, NULL, NULL, {ended}, 1, NULL, '{{}}', 1, x'00'),
                     ('c', 'x', 1, 'imported', NULL, 'p', '', 0, NULL, NULL, NULL, 1, NULL, '{{}}', 1, x'00');
                 INSERT INTO user_grant VALUES
                     ('g', 1, 'x', 'u', 'k', '', 'a', x'0000000000000000', 1, 1, 0, 0, 0, {}, NULL, '{{}}', 1, x'00')",
                at(40 * 86_400).millis()
            ),
        );
        let left = || {
            let db = Db::open(path, Duration::from_secs(10)).unwrap();
            let sql = "SELECT credential_id FROM credential ORDER BY credential_id";
            db.all(sql, &[], |row| Ok(row.text(0)?.to_owned())).unwrap()
        };
        let days = 30 * 86_400 + 3600;
        // The first write of a new time clears nothing yet.
        write(store, days, |_| Ok(()));
        write(store, days, |_| Ok(()));
        assert_eq!(left(), ["a", "b", "c"]);
        write(store, days + 1, |_| Ok(()));
        write(store, days + 1, |_| Ok(()));
        assert_eq!(left(), ["a", "c"]);
        for _ in 0..3 {
            write(store, 41 * 86_400, |_| Ok(()));
        }
        assert_eq!(left(), ["c"]);
    });
}

#[test]
fn uses_of_a_credential_that_is_gone_leave_no_row() {
    with_store(|store, _| {
        write(store, 0, |tx| tx.count_uses("gone", "192.0.2.1", Used::Secret, 1).map(|_| ()));
        assert!(store.read(|view| view.credential_peers("gone")).unwrap().is_empty());
    });
}

#[test]
fn a_reader_sees_one_moment_for_as_long_as_it_reads() {
    with_store(|store, _| {
        let before = store.read(|view| {
            let before = view.state()?.sequence;
            write(store, 0, |tx| tx.change("client", "a"));
            assert_eq!(view.state()?.sequence, before);
            assert_eq!(view.changes_after(before)?, Some(Vec::new()));
            Ok(before)
        });
        assert_eq!(store.state().map(|state| state.sequence), Ok(before.unwrap() + 1));
    });
}

#[test]
fn an_error_while_reading_leaves_no_transaction_open() {
    with_store(|store, _| {
        let failed = Error::Internal { what: "told to" };
        let end = store.read(|_| -> Result<()> { Err(Error::Internal { what: "told to" }) });
        assert_eq!(end, Err(failed));
        write(store, 0, |tx| tx.change("client", "a"));
        assert_eq!(store.read(|view| Ok(view.state()?.sequence)), Ok(1));
    });
}

fn with_store(test: impl FnOnce(&Store, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let key = || KeySource::Given(vec![Secret::new(vec![1; 32])]);
    let first = Box::new(|tx: &mut Tx<'_>| tx.audit(&entry()));
    let creation = Creation { now: at(0), entropy: Arc::new(SystemEntropy), first };
    Store::create(&path, &key(), creation).unwrap();
    let store =
        Store::open(&path, &key(), Duration::from_secs(10), Arc::new(SystemEntropy)).unwrap();
    test(&store, &path);
}

/// Runs `work` in a transaction of its own, with the audit row that every one needs.
#[track_caller]
fn write(
    store: &Store,
    seconds: i64,
    work: impl FnOnce(&mut Tx<'_>) -> Result<()> + Send + 'static,
) {
    let outcome = store.write(Moment { time: at(seconds), clock_changes: 0 }, move |tx| {
        work(tx)?;
        tx.audit(&entry()).map(Ok)
    });
    outcome.unwrap().unwrap();
}

/// Revokes so many tokens that end at `seconds`.
fn revoke_many(store: &Store, seconds: i64, count: usize) {
    write(store, 0, move |tx| {
        (0..count).try_for_each(|index| {
            let expires_at = at(seconds).millis();
            tx.insert(&RevokedTokenRow { token_id: index.to_string(), expires_at }).map(|_| ())
        })
    });
}

fn revoked(store: &Store) -> usize {
    store.read(|view| view.revoked_tokens()).unwrap().len()
}

/// What nobody should do to the file.
fn edit(path: &Path, sql: &str) {
    Db::open(path, Duration::from_secs(10)).unwrap().batch(sql).unwrap();
}

fn entry() -> AuditEntry {
    AuditEntry { event: "test", outcome: "done", ..AuditEntry::default() }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_772_353_800 + seconds)
}

const TWO_HOURS: i64 = 7200;

/// Every time that is stored, and what becomes of it when an operator sets time back.
const TIMES: &[(&str, &str)] = &[
    ("audit_key.created_at", "shown"),
    ("client.created_at", "shown"),
    ("client.foreign_since", "stays: what was revoked stays refused when time comes round again"),
    ("client.updated_at", "shown"),
    ("code.expires_at", "deleted with its grant"),
    ("code.spent_at", "deleted with its grant"),
    ("credential.created_at", "shown, and orders"),
    ("credential.expires_at", "awaits confirmation if it had passed"),
    ("credential.not_before", "taken away if it had passed"),
    ("credential.revoked_at", "a state, whatever the time"),
    ("credential_peer.authenticated_at", "brought back"),
    ("credential_peer.first_at", "brought back"),
    ("credential_peer.used_at", "brought back"),
    ("credential_use.last_at", "brought back"),
    ("database.created_at", "shown"),
    ("decided_request.decided_at", "deleted"),
    ("decided_request.expires_at", "deleted"),
    ("issuer.created_at", "shown"),
    ("issuer.since", "set anew when it is enabled, as it must be in the new epoch"),
    ("issuer.updated_at", "shown"),
    ("login_failure.ends_at", "deleted"),
    ("login_failure.since", "deleted"),
    ("login_failure.until", "deleted"),
    ("opaque_token.expires_at", "deleted"),
    ("opaque_token.issued_at", "deleted"),
    ("refresh_token.created_at", "deleted with its grant"),
    ("refresh_token.spent_at", "deleted with its grant"),
    ("revoked_token.expires_at", "deleted: of an epoch that is over; of other sites it stays"),
    ("signing_key.active_from", "refused, whatever the time"),
    ("signing_key.created_at", "shown"),
    ("signing_key.ends_at", "refused, whatever the time"),
    ("signing_key.retired_at", "a state, whatever the time"),
    ("state.cut_horizon", "stays: nothing is cut until the mark has caught up"),
    ("state.last_expiry", "brought back"),
    ("state.mark", "brought back"),
    ("state.size_warned_at", "brought back"),
    ("user.created_at", "shown"),
    ("user.password_changed_at", "shown"),
    ("user.updated_at", "shown"),
    ("user_grant.created_at", "deleted"),
    ("user_grant.ends_at", "deleted"),
    ("user_grant.expires_at", "deleted"),
    ("user_grant.revoked_at", "deleted"),
    ("user_grant.used_at", "deleted"),
    ("user_login.last_at", "brought back"),
];

/// Numbers that are no times.
const NUMBERS: &[&str] = &[
    "access_token_lifetime",
    "audit_sequence",
    "authentications",
    "checkpointed",
    "client_generation",
    "clock_believed",
    "clock_changes",
    "clock_offset",
    "commits",
    "confirmed",
    "cut_sequence",
    "danger_allow_no_pkce",
    "enabled",
    "epoch_since",
    "failures",
    "first_sequence",
    "format",
    "generation",
    "id",
    "known",
    "logins",
    "mac_format",
    "number",
    "reader_min",
    "refused",
    "resource_server",
    "rotate_refresh_tokens",
    "scope_set",
    "sequence",
    "signed_by",
    "subject_generation",
    "uses",
    "version",
    "writer_min",
];

#[test]
fn every_stored_time_is_dealt_with_when_time_is_set_back() {
    with_store(|_, path| {
        let db = Db::open(path, Duration::ZERO).unwrap();
        let sql = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND c.type = 'INTEGER' ORDER BY 1, 2";
        let columns =
            db.all(sql, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
        let times: Vec<_> = columns
            .unwrap()
            .into_iter()
            .filter(|(_, column)| !NUMBERS.contains(&column.as_str()))
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        let listed: Vec<_> = TIMES.iter().map(|(column, _)| *column).collect();
        assert_eq!(times, listed);
    });
}
