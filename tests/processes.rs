//! Several processes with one database: what one revokes, all refuse at their very next call; what a
//! fork inherits refuses to be used.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[allow(dead_code, reason = "of a browser, this file only needs the code")]
#[path = "wire/browser.rs"]
mod browser;
mod common;
#[path = "common/wire.rs"]
mod http;

use common::{
    Other, Place, Registered, admin, assert_chain_whole, audit, bench, clock, error_of, events,
    issue, my_role, register, revoke, say, told, try_issue, verify,
};
use std::path::Path;
use std::sync::Barrier;
use wardkey::admin::{
    ClientDelete, ClientDisable, ClientRead, ClientRevoke, ClientUpdate, KeyList, KeyRetire,
    SecretRevoke, SecretRotate, SettingsSet,
};
use wardkey::{Context, Engine, Error, HttpRequest, Options, Required, Settings};

#[test]
fn what_one_process_revokes_the_other_refuses_at_its_very_next_call() {
    let place = Place::created();
    let engine = place.open();
    let mut other = Other::start("verify", &place.path());
    for round in 0..ROUNDS {
        let client = register(&engine);
        let token = issue(&engine, &client);
        // Twice, so that the other process has everything about it in memory.
        assert_eq!(other.ask(&format!("verify {token}")), "allowed");
        assert_eq!(other.ask(&format!("verify {token}")), "allowed");
        let (end, refusal) = &ENDS[round % ENDS.len()];
        end(&engine, &client, &token, round);
        assert_eq!(other.ask(&format!("verify {token}")), *refusal, "round {round}");
    }
}

#[test]
fn what_one_process_ends_the_other_does_not_issue_at_its_very_next_call() {
    let place = Place::created();
    let engine = place.open();
    let mut other = Other::start("verify", &place.path());
    for _ in 0..20 {
        let client = register(&engine);
        let ask = format!("issue {} {}", client.id, client.secret);
        assert_eq!(other.ask(&ask), "allowed");
        revoke_secret(&engine, &client, "", 0);
        assert_eq!(other.ask(&ask), "secret_revoked");
        let client = register(&engine);
        let ask = format!("issue {} {}", client.id, client.secret);
        assert_eq!(other.ask(&ask), "allowed");
        disable(&engine, &client, "", 0);
        assert_eq!(other.ask(&ask), "client_disabled");
    }
    assert!(other.wait().success());
    assert_chain_whole(&engine);
}

#[test]
fn tokens_of_one_process_are_valid_in_the_other_and_revoked_there_refused_here() {
    let place = Place::created();
    let engine = place.open();
    let mut other = Other::start("verify", &place.path());
    let client = register(&engine);
    for _ in 0..50 {
        let token = other.ask(&format!("token {} {}", client.id, client.secret));
        verify(&engine, &token).unwrap();
        assert_eq!(other.ask(&format!("revoke {token}")), "revoked");
        assert_eq!(common::why(verify(&engine, &token)).code(), "token_revoked");
    }
}

#[test]
fn rows_of_several_processes_writing_at_once_make_one_chain() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let mut others: Vec<_> = (0..3).map(|_| Other::start("verify", &place.path())).collect();
    let ask = format!("issue50 {} {}", client.id, client.secret);
    others.iter_mut().for_each(|other| other.tell(&ask));
    for _ in 0..50 {
        issue(&engine, &client);
    }
    others.iter_mut().for_each(|other| assert_eq!(other.hear().unwrap(), "allowed"));
    let issued = audit(&engine).iter().filter(|row| row.entry["event"] == "token.issue").count();
    assert_eq!(issued, 200);
    assert_chain_whole(&engine);
}

#[test]
fn of_two_processes_that_rotate_one_secret_at_once_one_does() {
    let place = Place::created();
    let engine = place.open();
    let mut other = Other::start("verify", &place.path());
    for _ in 0..20 {
        let client = register(&engine);
        other.tell(&format!("rotate {} {}", client.id, client.credential));
        let mine = rotate(&engine, &client.id, &client.credential);
        let theirs = other.hear().unwrap();
        let won = [mine.as_deref(), theirs.split_once(' ').map(|(_, secret)| secret)];
        assert_eq!(won.iter().flatten().count(), 1, "{theirs}");
        let secret = won.into_iter().flatten().next().unwrap().to_owned();
        issue(&engine, &Registered { secret: secret.clone(), ..client.clone() });
        assert_eq!(other.ask(&format!("issue {} {secret}", client.id)), "allowed");
    }
    assert_chain_whole(&engine);
}

/// Rotates a secret; `None` if somebody else has.
fn rotate(engine: &Engine, client_id: &str, credential_id: &str) -> Option<String> {
    let request = SecretRotate {
        client_id: client_id.to_owned(),
        credential_id: Some(credential_id.to_owned()),
        ..SecretRotate::default()
    };
    match engine.run(&admin(), request) {
        Ok(rotated) => Some(rotated.created.client_secret.clone()),
        Err(Error::Conflict { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn of_two_processes_with_eight_threads_each_at_most_one_redeems_a_code() {
    let clinic = browser::clinic();
    let id = browser::page(&clinic, serde_json::json!({}));
    let mut other = Other::start("post", &clinic.place.path());
    assert_eq!(other.hear().unwrap(), "ready");
    for _ in 0..6 {
        let response = browser::allow(&clinic, browser::AUTHORIZE, &browser::query(&id));
        let body = browser::redeem(&id, &browser::code_of(&response));
        let answers = post_at_once(&clinic, &mut other, &body);
        let won: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
        assert!(won.len() <= 1, "{} redeemed one code", won.len());
        assert!(answers.iter().all(|(status, _)| [200, 400].contains(status)), "{answers:?}");
        // The others were second uses, so it is worth nothing by now, here and there.
        for (_, tokens) in won {
            let access = tokens["access_token"].as_str().unwrap();
            assert_eq!(common::why(verify(&clinic.engine, access)).code(), "grant_revoked");
            assert_eq!(other.ask(&format!("verify {access}")), "grant_revoked");
        }
    }
    // Each code gave its tokens once, or was ended before.
    assert!(!events(&clinic.engine, "token.issue").is_empty());
    assert!(other.wait().success());
    assert_chain_whole(&clinic.engine);
}

#[test]
fn two_processes_with_eight_threads_each_that_use_one_refresh_token_get_one_successor() {
    let clinic = browser::clinic();
    let mut other = Other::start("post", &clinic.place.path());
    assert_eq!(other.hear().unwrap(), "ready");
    for _ in 0..4 {
        let id = browser::page(&clinic, serde_json::json!({}));
        let response = browser::allow(&clinic, browser::AUTHORIZE, &browser::query(&id));
        let body = browser::redeem(&id, &browser::code_of(&response));
        let first = http::json(&http::ask(body).send(&clinic.engine));
        let mut token = first["refresh_token"].as_str().unwrap().to_owned();
        for _ in 0..3 {
            let body = format!("grant_type=refresh_token&refresh_token={token}&client_id={id}");
            let answers = post_at_once(&clinic, &mut other, &body);
            let successor = answers[0].1["refresh_token"].as_str().unwrap().to_owned();
            assert_ne!(successor, token);
            for (status, tokens) in &answers {
                assert_eq!((*status, &tokens["refresh_token"]), (200, &successor.clone().into()));
                let access = tokens["access_token"].as_str().unwrap();
                assert_eq!(other.ask(&format!("verify {access}")), "allowed");
                verify(&clinic.engine, access).unwrap();
            }
            token = successor;
        }
        let grants = clinic.call("grant.list", serde_json::json!({"client_id": id}));
        let grants = grants["grants"].as_array().unwrap();
        assert_eq!(grants.len(), 1);
        assert!(grants[0]["revoked_at"].is_null(), "{grants:?}");
        // One family of four, of which the youngest is unspent.
        let (all, unspent): (u32, u32) = clinic
            .place
            .sqlite()
            .query_row(
                "SELECT count(*), sum(spent_at IS NULL) FROM refresh_token WHERE grant_id = ?1",
                [grants[0]["grant_id"].as_str().unwrap()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!((all, unspent), (4, 1));
    }
    assert!(events(&clinic.engine, "grant.revoke").is_empty());
    assert!(other.wait().success());
    assert_chain_whole(&clinic.engine);
}

/// Eight threads here and eight in the other process post one token request; all their answers.
fn post_at_once(
    clinic: &http::Clinic,
    other: &mut Other,
    body: &str,
) -> Vec<(u16, serde_json::Value)> {
    other.tell(&format!("post {body}"));
    let mut answers = eight_posts(&clinic.engine, body);
    let others: Vec<(u16, serde_json::Value)> =
        serde_json::from_str(&other.hear().unwrap()).unwrap();
    answers.extend(others);
    assert_eq!(answers.len(), 16);
    answers
}

fn eight_posts(engine: &Engine, body: &str) -> Vec<(u16, serde_json::Value)> {
    let barrier = Barrier::new(8);
    let post = || {
        let request = http::ask(body);
        barrier.wait();
        let response = request.send(engine);
        (response.status, http::json(&response))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(post)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[cfg(unix)]
#[test]
fn a_forked_child_is_refused_by_every_call_and_the_parent_goes_on() {
    assert!(Other::start("fork", Place::created().path().as_path()).wait().success());
}

#[cfg(unix)]
#[test]
fn a_child_forked_while_no_engine_is_open_opens_its_own() {
    assert!(Other::start("fork first", Place::created().path().as_path()).wait().success());
}

#[cfg(unix)]
#[test]
fn a_child_that_drops_its_inherited_engine_leaves_the_file_alone() {
    assert!(Other::start("fork and drop", Place::created().path().as_path()).wait().success());
}

#[test]
fn a_process_started_while_an_engine_is_open_opens_its_own() {
    let place = Place::created();
    let engine = place.open();
    let client = register(&engine);
    let token = issue(&engine, &client);
    let mut other = Other::start("verify", &place.path());
    assert_eq!(other.ask(&format!("verify {token}")), "allowed");
    assert!(other.wait().success());
    verify(&engine, &token).unwrap();
}

type End = fn(&Engine, &Registered, &str, usize);

/// Ways to end a token, and why it is refused then.
const ENDS: [(End, &str); 9] = [
    (|engine, _, token, _| revoke(engine, token).unwrap(), "token_revoked"),
    (revoke_secret, "credential_revoked"),
    (revoke_all, "client_tokens_revoked"),
    (disable, "client_disabled"),
    (delete, "client_unknown"),
    (change_audience, "wrong_audience"),
    (change_issuer, "wrong_issuer"),
    (take_scope, "insufficient_scope"),
    (retire_key, "key_retired"),
];

fn revoke_secret(engine: &Engine, client: &Registered, _: &str, _: usize) {
    let Registered { id: client_id, credential: credential_id, .. } = client.clone();
    engine.run(&admin(), SecretRevoke { client_id, credential_id }).unwrap();
}

fn revoke_all(engine: &Engine, client: &Registered, _: &str, _: usize) {
    engine.run(&admin(), ClientRevoke { client_id: client.id.clone() }).unwrap();
}

/// Tokens of earlier rounds end with it.
fn retire_key(engine: &Engine, _: &Registered, _: &str, _: usize) {
    let keys = engine.run(&admin(), KeyList::default()).unwrap().keys;
    let signer = keys.into_iter().find(|key| key.state == "signing").unwrap();
    engine.run(&admin(), KeyRetire { kid: signer.kid }).unwrap();
}

fn disable(engine: &Engine, client: &Registered, _: &str, _: usize) {
    engine.run(&admin(), ClientDisable { client_id: client.id.clone() }).unwrap();
}

fn delete(engine: &Engine, client: &Registered, _: &str, _: usize) {
    engine.run(&admin(), ClientDelete { client_id: client.id.clone() }).unwrap();
}

fn change_audience(engine: &Engine, _: &Registered, _: &str, round: usize) {
    let audience = Some(Some(format!("https://{round}.example")));
    engine.run(&admin(), SettingsSet { audience, ..SettingsSet::default() }).unwrap();
}

fn change_issuer(engine: &Engine, _: &Registered, _: &str, round: usize) {
    let issuer = Some(format!("https://{round}.example"));
    engine.run(&admin(), SettingsSet { issuer, ..SettingsSet::default() }).unwrap();
}

fn take_scope(engine: &Engine, client: &Registered, _: &str, _: usize) {
    let request = ClientUpdate {
        client_id: client.id.clone(),
        scope: Some("lab:write".into()),
        ..ClientUpdate::default()
    };
    engine.run(&admin(), request).unwrap();
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn the_other_process() {
    let Some((role, path)) = my_role() else {
        return;
    };
    match role.as_str() {
        "verify" => verify_on_demand(&path),
        "post" => post_on_demand(&path),
        #[cfg(unix)]
        "fork" => forks::refuse(&path),
        #[cfg(unix)]
        "fork first" => forks::before_opening(&path),
        #[cfg(unix)]
        "fork and drop" => forks::drop_inherited(&path),
        other => panic!("no role {other}"),
    }
}

fn verify_on_demand(path: &Path) {
    let engine = Engine::open(&Options::new(path)).unwrap();
    while let Some(line) = told() {
        let words: Vec<_> = line.split(' ').collect();
        let client = || Registered {
            id: words[1].to_owned(),
            secret: words[2].to_owned(),
            credential: String::new(),
        };
        match words[0] {
            "verify" => {
                let required = Required::all_of("lab:read").unwrap();
                say_verdict(engine.verify(words[1].as_bytes(), required, &bench()));
            }
            "issue" => say_verdict(try_issue(&engine, &client())),
            "issue50" => {
                let issued: Result<Vec<_>, _> =
                    (0..50).map(|_| try_issue(&engine, &client())).collect();
                say_verdict(issued);
            }
            "rotate" => match rotate(&engine, words[1], words[2]) {
                Some(secret) => say(&format!("rotated {secret}")),
                None => say("conflict"),
            },
            "register" => say(&register(&engine).id),
            "token" => say(&issue(&engine, &client())),
            "revoke" => {
                revoke(&engine, words[1]).unwrap();
                say("revoked");
            }
            other => panic!("no word {other}"),
        }
    }
}

fn post_on_demand(path: &Path) {
    // The other one's clock stands still, too.
    let engine = Engine::open(&Options::new(path).clock(clock())).unwrap();
    say("ready");
    while let Some(line) = told() {
        match line.split_once(' ').unwrap() {
            ("post", body) => say(&serde_json::to_string(&eight_posts(&engine, body)).unwrap()),
            ("verify", token) => say_verdict(verify(&engine, token)),
            other => panic!("no word {other:?}"),
        }
    }
}

fn say_verdict<T>(result: Result<T, Error>) {
    match result {
        Ok(_) => say("allowed"),
        Err(Error::Denied { why, .. }) => say(why.code()),
        Err(error) => say(&error.to_string()),
    }
}

/// These run in a process of their own, so that no other test has an engine open or a lock taken.
#[cfg(unix)]
mod forks {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    /// Every call on the inherited engine, and opening, is `Forked` in the child.
    pub(super) fn refuse(path: &Path) {
        let options = Options::new(path);
        let engine = Engine::open(&options).unwrap();
        let client = register(&engine);
        let token = issue(&engine, &client);
        let errors = || {
            let request = HttpRequest { method: "GET", path: "/x", ..HttpRequest::default() };
            [
                error_of(verify(&engine, &token)),
                error_of(engine.authorize(&[], Required::ANY, &bench())),
                error_of(try_issue(&engine, &client)),
                error_of(engine.http(&request, &bench())),
                error_of(revoke(&engine, &token)),
                error_of(engine.run(&admin(), ClientRead { client_id: client.id.clone() })),
                error_of(engine.call(&admin(), "settings.get", b"")),
                error_of(engine.maintain()),
                error_of(engine.close()),
                error_of(Engine::open(&options)),
                error_of(Engine::restore(&options, &admin())),
                error_of(Engine::create(&options, &Settings::default(), &Context::by("a"))),
            ]
        };
        assert_eq!(in_a_child(|| errors().iter().all(|error| *error == Error::Forked)), OK);
        // A child of the child is no better off.
        assert_eq!(in_a_child(|| in_a_child(|| errors()[0] == Error::Forked) == OK), OK);
        assert_parent_goes_on(&engine, &client, &token);
        drop(engine);
        Engine::open(&options).unwrap();
        // Once everything is closed, a child is free.
        assert_eq!(in_a_child(|| Engine::open(&options).is_ok()), OK);
    }

    pub(super) fn before_opening(path: &Path) {
        let options = Options::new(path);
        let child = || {
            let engine = Engine::open(&options).unwrap();
            let client = register(&engine);
            let token = issue(&engine, &client);
            verify(&engine, &token).is_ok() && engine.close().is_ok()
        };
        assert_eq!(in_a_child(child), OK);
        let engine = Engine::open(&options).unwrap();
        assert_eq!(events(&engine, "token.issue").len(), 1);
    }

    /// SQLite in a child that closes the last connection it knows of would delete the WAL: here one that
    /// a crash of another process left, with all it had acknowledged.
    pub(super) fn drop_inherited(path: &Path) {
        let options = Options::new(path);
        let engine = Engine::open(&options).unwrap();
        register(&engine);
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let mut slot = Some(engine);
        let child = fork(|| {
            there.read_exact(&mut [0]).unwrap();
            drop(slot.take());
            true
        });
        drop(slot);
        let mut other = Other::start("verify", path);
        let id = other.ask("register");
        other.kill();
        other.wait();
        here.write_all(&[0]).unwrap();
        assert_eq!(status_of(child), OK);
        let registered = events(&Engine::open(&options).unwrap(), "client.create");
        assert_eq!(registered.last().unwrap()["client"], id.as_str());
    }

    fn assert_parent_goes_on(engine: &Engine, client: &Registered, token: &str) {
        verify(engine, token).unwrap();
        let another = issue(engine, client);
        revoke(engine, &another).unwrap();
        assert!(verify(engine, &another).is_err());
        assert_chain_whole(engine);
    }

    /// Runs `body` in a forked child; [`OK`] if it was true.
    fn in_a_child(body: impl FnOnce() -> bool) -> i32 {
        status_of(fork(body))
    }

    #[expect(unsafe_code, reason = "forking is what the tests are about")]
    fn fork(body: impl FnOnce() -> bool) -> libc::pid_t {
        // SAFETY: fork(2) has no preconditions. glibc and Apple allow allocation in the child of a
        // process with several threads, and the child ends by _exit.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "fork failed");
        if child == 0 {
            let body = std::panic::AssertUnwindSafe(body);
            let answer = std::panic::catch_unwind(body).map_or(99, i32::from);
            // SAFETY: _exit(2) has no preconditions; it runs none of the parent's exit handlers.
            unsafe { libc::_exit(answer) };
        }
        child
    }

    #[expect(unsafe_code, reason = "std waits only for what it started")]
    fn status_of(child: libc::pid_t) -> i32 {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int through the pointer, and `child` is our unreaped child.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 98 }
    }

    const OK: i32 = 1;
}

const ROUNDS: usize = 200;
