//! Many threads, one engine: everything adds up.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{
    Place, admin, assert_chain_whole, audit, bench, clock, events, issue, jti, register, revoke,
    try_issue, unlimited, verify, why,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use wardkey::admin::{AuditRead, ClientDisable, ClientEnable, SettingsSet};
use wardkey::{Denied, Engine, Error, Required, Settings};

#[test]
fn sixteen_threads_issue_verify_revoke_and_read_and_the_counts_add_up() {
    let place = Place::created();
    let engine = place.open();
    let (issued, revoked) = (Mutex::default(), Mutex::default());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, issued, revoked) = (&engine, &issued, &revoked);
            scope.spawn(move || {
                let client = register(engine);
                for round in 0..ROUNDS {
                    let token = issue(engine, &client);
                    note(issued, &token);
                    verify(engine, &token).unwrap();
                    if (thread + round) % 2 == 0 {
                        revoke(engine, &token).unwrap();
                        note(revoked, &token);
                        assert_eq!(why(verify(engine, &token)), Denied::TokenRevoked);
                    }
                    if round % 5 == 0 {
                        engine.run(&admin(), AuditRead::default()).unwrap();
                    }
                }
            });
        }
    });
    let of = |event: &str| -> BTreeSet<String> {
        let rows = events(&engine, event);
        let count = rows.len();
        let tokens: BTreeSet<_> =
            rows.iter().map(|row| row["token"].as_str().unwrap().to_owned()).collect();
        assert!(event == "token.use" || tokens.len() == count, "{event} is told twice");
        tokens
    };
    let issued = issued.into_inner().unwrap();
    assert_eq!(of("token.issue"), issued);
    assert_eq!(of("token.revoke"), revoked.into_inner().unwrap());
    assert_eq!(of("token.use"), issued);
    let sum = |event: &str| -> u64 {
        events(&engine, event).iter().map(|row| row["count"].as_u64().unwrap()).sum()
    };
    assert_eq!(sum("token.use"), THREADS * ROUNDS);
    assert_eq!(sum("request.refuse"), THREADS * ROUNDS / 2);
    assert_chain_whole(&engine);
}

fn note(tokens: &Mutex<BTreeSet<String>>, token: &str) {
    assert!(tokens.lock().unwrap().insert(jti(token)), "a jti came twice");
}

#[test]
fn a_revocation_acknowledged_in_one_thread_is_refused_by_all_others_from_then_on() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let tokens: Vec<_> = (0..100).map(|_| issue(&engine, &client)).collect();
    // How many tokens, from the first on, are known to be revoked.
    let revoked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let known = revoked.load(Ordering::SeqCst);
                    for (index, token) in tokens.iter().enumerate().skip(known.saturating_sub(3)) {
                        let verdict = verify(&engine, token);
                        if index < known {
                            assert_eq!(
                                why(verdict),
                                Denied::TokenRevoked,
                                "token {index} of {known}"
                            );
                        }
                        if index > known + 3 {
                            break;
                        }
                    }
                    if known == tokens.len() {
                        return;
                    }
                }
            });
        }
        for (index, token) in tokens.iter().enumerate() {
            verify(&engine, token).unwrap();
            revoke(&engine, token).unwrap();
            revoked.store(index + 1, Ordering::SeqCst);
        }
    });
}

#[test]
fn no_token_comes_out_after_its_client_was_disabled() {
    let place = Place::created();
    let engine = place.open();
    unlimited(&engine);
    let client = register(&engine);
    issue(&engine, &client);
    // Even: enabled or about to be disabled. Odd: disabled, acknowledged.
    let turn = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let before = turn.load(Ordering::SeqCst);
                    let issued = try_issue(&engine, &client);
                    if before % 2 == 1 && turn.load(Ordering::SeqCst) == before {
                        assert_eq!(why(issued), Denied::ClientDisabled);
                    }
                }
            });
        }
        for _ in 0..40 {
            let client_id = client.id.clone();
            engine.run(&admin(), ClientDisable { client_id: client_id.clone() }).unwrap();
            turn.fetch_add(1, Ordering::SeqCst);
            try_issue(&engine, &client).unwrap_err();
            turn.fetch_add(1, Ordering::SeqCst);
            engine.run(&admin(), ClientEnable { client_id }).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    let (mut enabled, mut issued) = (true, 0);
    for row in audit(&engine) {
        match row.entry["event"].as_str().unwrap() {
            "client.disable" => enabled = false,
            "client.enable" => enabled = true,
            "token.issue" if row.entry["outcome"] == "allowed" => {
                assert!(enabled, "row {}: issued while disabled", row.sequence);
                issued += 1;
            }
            _ => {}
        }
    }
    assert!(issued > 0);
    assert_chain_whole(&engine);
}

#[test]
fn a_token_is_in_the_file_before_its_caller_has_it() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let known = |jti: &str| -> i64 {
        let sqlite = place.sqlite();
        let sql = "SELECT count(*) FROM audit WHERE row LIKE '%' || ?1 || '%'";
        sqlite.query_row(sql, [jti], |row| row.get(0)).unwrap()
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(known(&jti(&issue(&engine, &client))), 1);
                }
            });
        }
    });
}

#[test]
fn threads_that_write_at_once_share_transactions() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    issue(&engine, &client);
    let commits = || -> i64 {
        place.sqlite().query_row("SELECT commits FROM state", [], |row| row.get(0)).unwrap()
    };
    let before = commits();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..20).for_each(|_| drop(issue(&engine, &client))));
        }
    });
    let transactions = commits() - before;
    assert!(transactions < 320, "{transactions} transactions for 320 tokens");
    assert_eq!(events(&engine, "token.issue").len(), 321);
    assert_chain_whole(&engine);
}

#[test]
fn closing_while_eight_threads_verify_lets_them_finish_and_refuses_the_rest() {
    for _ in 0..10 {
        let place = Place::created();
        let engine = place.open();
        let client = register(&engine);
        let token = issue(&engine, &client);
        let (barrier, verified) = (Barrier::new(9), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (engine, client, token) = (&engine, &client, &token);
                let (barrier, verified) = (&barrier, &verified);
                scope.spawn(move || {
                    barrier.wait();
                    loop {
                        let end = if thread % 2 == 0 {
                            verify(engine, token).map(drop)
                        } else {
                            try_issue(engine, client).map(drop)
                        };
                        match end {
                            Ok(()) => verified.fetch_add(1, Ordering::SeqCst),
                            Err(Error::Closed) => return,
                            Err(error) => panic!("{error}"),
                        };
                    }
                });
            }
            barrier.wait();
            while verified.load(Ordering::SeqCst) < 20 {
                std::thread::yield_now();
            }
            engine.close().unwrap();
        });
        drop(engine);
        let engine = place.open();
        verify(&engine, &token).unwrap();
        assert_chain_whole(&engine);
    }
}

#[test]
fn settings_that_change_under_issuing_threads_make_no_token_of_the_old_ones_afterwards() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    issue(&engine, &client);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    match try_issue(&engine, &client) {
                        // Busy: the settings changed at each of its attempts.
                        Ok(_) | Err(Error::Busy) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        for round in 0..50 {
            let audience = Some(Some(format!("https://{round}.example")));
            engine.run(&admin(), SettingsSet { audience, ..SettingsSet::default() }).unwrap();
            verify(&engine, &issue(&engine, &client)).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_chain_whole(&engine);
}

/// The story: any change since a token was decided on threw it away, whomever it concerned. Beside a
/// thread that revoked tokens of another client, in one transaction after the other, all attempts of an
/// issue were used up, and it failed as busy.
#[test]
fn revocations_of_another_clients_tokens_do_not_keep_a_client_from_its_own() {
    let place = Place::created();
    let engine = place.open();
    let (one, other) = (register(&engine), register(&engine));
    let ended: Vec<_> = (0..300).map(|_| issue(&engine, &other)).collect();
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for tokens in ended.chunks(100) {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                tokens.iter().for_each(|token| revoke(engine, token).unwrap());
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                while done.load(Ordering::SeqCst) < 3 {
                    verify(&engine, &try_issue(&engine, &one).unwrap()).unwrap();
                }
            });
        }
    });
    for token in &ended {
        assert_eq!(why(verify(&engine, token)), Denied::TokenRevoked);
    }
    // Each was recorded once: none was made and thrown away on paper.
    assert_eq!(events(&engine, "token.revoke").len(), ended.len());
    assert_chain_whole(&engine);
}

#[test]
fn many_threads_at_one_clock_tick_are_in_one_order() {
    let place = Place::empty();
    let clock = clock();
    let options = || place.options_at(&clock);
    Engine::create(&options(), &Settings::default(), &admin()).unwrap();
    let engine = Engine::open(&options()).unwrap();
    let client = register(&engine);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let token = issue(&engine, &client);
                    clock.advance_millis(1);
                    engine.verify(token.as_bytes(), Required::ANY, &bench()).unwrap();
                }
            });
        }
    });
    let times: Vec<_> =
        audit(&engine).iter().map(|row| row.entry["time"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "the audit's time ran backwards");
}

const THREADS: u64 = 16;
const ROUNDS: u64 = 20;
