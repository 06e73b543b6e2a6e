//! `kill -9` in the middle of work: whatever was acknowledged is there afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod common;

use common::{
    Other, Place, Registered, admin, assert_chain_whole, audit, bench, jti, my_role, register,
    revoke, say, told, verify, why,
};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use wardkey::admin::{AuditExplain, ClientRevoke, SecretCreate, SecretRevoke};
use wardkey::{Engine, HttpRequest, Options};

#[test]
fn whatever_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut place = Place::created();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        if round % ROUNDS_PER_DATABASE == 0 {
            place = Place::created();
            register(&place.open());
        }
        let work = work_and_die(&place, round);
        check(&place, &work);
        acknowledged += work.issued.len() + work.revoked.len();
    }
    assert!(acknowledged > ROUNDS * 4, "hardly anything was under way: {acknowledged}");
}

#[test]
fn a_database_whose_creation_was_killed_can_be_created_or_opened() {
    for round in 0..20 {
        let place = Place::empty();
        let mut other = Other::start("create", &place.path());
        assert_eq!(other.hear().unwrap(), "ready");
        other.tell("go");
        std::thread::sleep(Duration::from_micros(round * 700));
        other.kill();
        other.wait();
        if !place.path().exists() {
            place.create().unwrap();
        }
        assert_chain_whole(&place.open());
        let drafts = |name: &str| name.contains(".new-");
        let names = std::fs::read_dir(place.folder()).unwrap();
        let left =
            names.filter(|entry| drafts(entry.as_ref().unwrap().file_name().to_str().unwrap()));
        assert!(left.count() <= 2, "a draft and its journal at most");
    }
}

/// What the other process had acknowledged when it died.
#[derive(Default)]
struct Work {
    /// Request id and token.
    issued: Vec<(String, String)>,
    revoked: Vec<String>,
}

/// Lets another process work, kills it, and reads what it had said.
fn work_and_die(place: &Place, round: usize) -> Work {
    let mut other = Other::start("work", &place.path());
    let mut work = Work::default();
    let mut note = |line: String| match line.split(' ').collect::<Vec<_>>()[..] {
        ["issued", request, token] => work.issued.push((request.to_owned(), token.to_owned())),
        ["revoked", token] => work.revoked.push(token.to_owned()),
        _ => panic!("{line}"),
    };
    // At least one, so that it is in the middle of something; then at another moment in each round.
    note(other.hear().unwrap());
    std::thread::sleep(Duration::from_millis(u64::try_from(round * 7 % 60).unwrap()));
    other.kill();
    while let Some(line) = other.hear() {
        note(line);
    }
    other.wait();
    work
}

fn check(place: &Place, work: &Work) {
    // It opens without a restore.
    let engine = place.open();
    assert_chain_whole(&engine);
    for token in &work.revoked {
        why(verify(&engine, token));
    }
    let tokens: HashSet<_> = audit(&engine)
        .iter()
        .filter(|row| row.entry["event"] == "token.issue")
        .map(|row| row.entry["token"].as_str().unwrap().to_owned())
        .collect();
    for (request, token) in &work.issued {
        assert!(tokens.contains(&jti(token)), "no audit row of {token}");
        let request_id = request.clone();
        let explained = engine.run(&admin(), AuditExplain { request_id }).unwrap();
        assert!(explained.held, "{explained:?}");
        assert_eq!(explained.entry.unwrap()["token"], jti(token).as_str());
    }
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    match role.as_str() {
        "work" => work_until_killed(&path),
        "create" => {
            say("ready");
            told();
            Engine::create(&Options::new(&path), &wardkey::Settings::default(), &admin()).unwrap();
        }
        other => panic!("no role {other}"),
    }
}

/// Four threads issue and revoke, and say what was acknowledged as soon as it was.
fn work_until_killed(path: &Path) {
    let engine = Engine::open(&Options::new(path)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                let client = register(engine);
                let mut round = thread;
                loop {
                    work_once(engine, &client, round);
                    round += 1;
                }
            });
        }
    });
}

fn work_once(engine: &Engine, client: &Registered, round: usize) {
    let client_id = client.id.clone();
    let request = SecretCreate { client_id: client_id.clone(), ..SecretCreate::default() };
    let second = engine.run(&admin(), request).unwrap();
    let (request, token) = exchange(engine, &client.id, &second.client_secret);
    say(&format!("issued {request} {token}"));
    let credential_id = second.secret.credential_id.clone();
    match round % 4 {
        0 => revoke(engine, &token).unwrap(),
        1 => drop(engine.run(&admin(), ClientRevoke { client_id: client_id.clone() }).unwrap()),
        // Only the secret ends, below, and with it the token.
        _ => {}
    }
    if round % 4 < 2 {
        say(&format!("revoked {token}"));
    }
    // Secrets of a client are few: each is revoked again, which ends the token a second time.
    engine.run(&admin(), SecretRevoke { client_id, credential_id }).unwrap();
    say(&format!("revoked {token}"));
}

/// The request's id and the token, from the token endpoint.
fn exchange(engine: &Engine, id: &str, secret: &str) -> (String, String) {
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers = [("Content-Type", b"application/x-www-form-urlencoded".as_slice())];
    let request = HttpRequest {
        method: "POST",
        path: "/oauth/token",
        headers: &headers,
        body: body.as_bytes(),
        ..HttpRequest::default()
    };
    let response = engine.http(&request, &bench()).unwrap();
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    let id = response.headers.iter().find(|(name, _)| *name == "Wardkey-Request-Id").unwrap();
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    (id.1.clone(), body["access_token"].as_str().unwrap().to_owned())
}

const ROUNDS: usize = 100;

/// The chain is followed from its start after each round: it must not grow for ever.
const ROUNDS_PER_DATABASE: usize = 20;
