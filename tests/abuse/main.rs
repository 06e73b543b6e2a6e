//! Ten thousand spoilt requests at each endpoint: every answer is a 2xx, 3xx or 4xx that says no more than
//! it may, none takes more than 50 ms of processor time beside a password's hash, and the database is whole
//! afterwards.
//!
//! Each request is a valid one, with a living client, code or token, and up to five things done to it. They
//! follow from a fixed seed. What fails is made as small as it can be and printed. More of the same:
//!
//! ```sh
//! WARDKEY_ABUSE_CASES=1000000 cargo test --release --features test-hooks --test abuse
//! ```

#![cfg(feature = "test-hooks")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/wire.rs"]
mod http;

mod message;
mod spoil;
mod target;

use message::Message;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use spoil::{Spoiling, spoilings};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use target::{BACK, FORM, JSON, Target};
use wardkey::{HttpResponse, Required};

const TOKEN_ROUTES: [&str; 6] = [
    "/oauth/token",
    "/api/v1/auth/token",
    "/api/identity/connect/token",
    "/oauth2/token",
    "/o/token/",
    "/o/token",
];
const AUTHORIZE_ROUTES: [&str; 5] =
    ["/oauth/authorize", "/oauth2/auth", "/oauth2/authorize", "/o/authorize/", "/o/authorize"];
const DOCUMENTS: [&str; 3] =
    ["/oauth/jwks", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
const LOGIN: &str = "/ums/v2/users/login";
const REFRESH: &str = "/ums/v2/users/token/refresh";

#[test]
fn spoilt_client_credentials_on_every_token_route() {
    let target = Target::open();
    let seeds = TOKEN_ROUTES.into_iter().flat_map(|path| {
        let grant = "grant_type=client_credentials&scope=lab:read";
        [
            Seed::of(move |target| {
                Message::post(path, FORM, grant).basic(&target.server.id, &target.server.secret)
            }),
            Seed::of(move |target| {
                Message::post(path, FORM, format!("{grant}&{}", target.server_in_form()))
            }),
        ]
    });
    assault(&target, seeds.collect());
}

#[test]
fn spoilt_codes_on_every_token_route() {
    let target = Target::open();
    let seeds = TOKEN_ROUTES.into_iter().flat_map(|path| {
        [
            Seed::spent(move |target| Message::post(path, FORM, target.redeem(&target.page))),
            Seed::spent(move |target| {
                let id = &target.server.id;
                let body = target.redeem(id);
                Message::post(path, FORM, body).basic(id, &target.server.secret)
            }),
        ]
    });
    assault(&target, seeds.collect());
}

#[test]
fn spoilt_refreshes_on_every_token_route() {
    let target = Target::open();
    let bare = |token: &str| format!("grant_type=refresh_token&refresh_token={token}");
    let seeds = TOKEN_ROUTES.into_iter().flat_map(|path| {
        [
            Seed::spent(move |target| {
                let token = target.refresh_token(&target.page);
                let body = format!("{}&scope=lab:read&client_id={}", bare(&token), target.page);
                Message::post(path, FORM, body)
            }),
            Seed::spent(move |target| {
                Message::post(path, FORM, bare(&target.refresh_token(&target.page)))
            }),
            Seed::of(move |target| {
                let token = target.refresh_token(&target.server.id);
                let body = format!("{}&{}", bare(&token), target.server_in_form());
                Message::post(path, FORM, body)
            })
            .times(4),
        ]
    });
    assault(&target, seeds.collect());
}

#[test]
fn spoilt_authorization_requests() {
    let target = Target::open();
    let seeds = AUTHORIZE_ROUTES.into_iter().flat_map(|path| {
        [
            Seed::of(move |target| Message::get(path, target.query(&target.page))),
            Seed::of(move |target| {
                Message::get(path, target.query(&target.server.id)).with("Cookie", &target.cookie)
            }),
            Seed::of(move |target| Message::post(path, FORM, target.query(&target.page))),
        ]
    });
    assault(&target, seeds.collect());
}

#[test]
fn spoilt_forms_of_the_login_and_consent_pages() {
    let target = Target::open();
    let form = |target: &Target, pending: &str, rest: &str| {
        Message::post("/oauth/authorize", FORM, format!("pending={pending}&{rest}"))
            .with("Cookie", &target.cookie)
    };
    let wrong = "username=otto&password=wrong+guess&action=login";
    let right = "username=anna&password=nobodys+guess&action=login";
    let seeds = vec![
        // Otto's door is shut after a few; anna's opens, which takes a hash each time.
        Seed::of(move |target| form(target, &target.login_page(), wrong)).times(40),
        Seed::of(move |target| form(target, &target.login_page(), right)),
        Seed::of(move |target| form(target, &target.login_page(), "action=deny")).times(20),
        Seed::of(move |target| form(target, &target.login_page(), "action=approve")).times(20),
        Seed::of(Target::consent_address).times(20),
        Seed::spent(move |target| form(target, &target.consent_page(), "action=approve")),
        Seed::spent(move |target| form(target, &target.consent_page(), "action=deny")),
        Seed::of(move |target| {
            let answered = form(target, &target.consent_page(), "action=approve");
            answered.send(&target.clinic.engine).unwrap();
            answered
        })
        .times(20),
    ];
    assault(&target, seeds);
}

#[test]
fn spoilt_introspections() {
    let target = Target::open();
    let seeds = ["jwt", "opaque", "opaque_hex"].map(|format| {
        Seed::of(move |target| {
            let body = format!("token={}&token_type_hint=access_token", target.token(format));
            Message::post("/oauth/introspect", FORM, body)
                .basic(&target.server.id, &target.server.secret)
        })
    });
    assault(&target, seeds.into());
}

#[test]
fn spoilt_revocations() {
    let target = Target::open();
    let revoke = |body: String| Message::post("/oauth/revoke", FORM, body);
    let seeds = vec![
        Seed::spent(move |target| {
            let body = format!("token={}", target.token("jwt"));
            revoke(body).basic(&target.server.id, &target.server.secret)
        }),
        Seed::spent(move |target| {
            revoke(format!("token={}&{}", target.token("opaque"), target.server_in_form()))
        }),
        Seed::spent(move |target| {
            let token = target.refresh_token(&target.page);
            revoke(format!("token={token}&client_id={}", target.page))
        }),
        Seed::of(move |target| {
            revoke(format!("token={}&client_id={}", target.token("jwt"), target.page))
        })
        .times(4),
    ];
    assault(&target, seeds);
}

#[test]
fn spoilt_requests_for_metadata_and_keys() {
    let target = Target::open();
    let seeds = DOCUMENTS.map(|path| Seed::of(move |_| Message::get(path, String::new())));
    assault(&target, seeds.into());
}

#[test]
fn spoilt_preflights_of_every_route() {
    let target = Target::open();
    let paths = [&TOKEN_ROUTES[..], &AUTHORIZE_ROUTES, &DOCUMENTS, &[LOGIN, REFRESH]].concat();
    let all = paths.into_iter().chain(["/oauth/introspect", "/oauth/revoke"]);
    let seeds = all.map(|path| {
        Seed::of(move |_| {
            Message::get(path, String::new())
                .method("OPTIONS")
                .with("Origin", "https://portal.example")
                .with("Access-Control-Request-Method", "POST")
                .with("Access-Control-Request-Headers", "authorization")
        })
    });
    assault(&target, seeds.collect());
}

#[test]
fn spoilt_logins_of_biot() {
    let target = Target::open();
    let body = |name: &str, password: &str| {
        format!("{{\"username\": \"{name}\", \"password\": \"{password}\"}}")
    };
    let seeds = vec![
        Seed::of(move |_| Message::post(LOGIN, JSON, body("otto", "wrong guess"))).times(60),
        Seed::of(move |_| Message::post(LOGIN, JSON, body("anna", "nobodys guess"))),
    ];
    assault(&target, seeds);
}

#[test]
fn spoilt_refreshes_of_biot() {
    let target = Target::open();
    let login = |target: &Target| target.biot_refresh_token();
    let seeds = vec![
        Seed::spent(move |target| {
            Message::post(REFRESH, JSON, format!("{{\"refreshToken\": \"{}\"}}", login(target)))
        }),
        Seed::spent(move |target| {
            let bearer = format!("Bearer {}", login(target));
            Message::post(REFRESH, JSON, "{}").with("Authorization", &bearer)
        }),
        Seed::of(move |_| Message::post(REFRESH, JSON, "{\"refreshToken\": \"wkr_none\"}"))
            .times(60),
    ];
    assault(&target, seeds);
}

#[test]
fn spoilt_bearer_tokens() {
    let target = Target::open();
    let seeds = ["jwt", "opaque", "opaque_hex"].map(|format| {
        Seed::of(move |target| {
            let bearer = format!("Bearer {}", target.token(format));
            Message::get("", String::new()).with("Authorization", &bearer)
        })
    });
    run(&target, seeds.into(), |message| {
        let required = Required::all_of("lab:read").unwrap();
        let context = message.context();
        let answer = target.clinic.engine.authorize(&message.headers(), required, &context);
        match answer.map_err(|error| error.to_string())? {
            Ok(_) => Ok(200),
            Err(challenge) => {
                let told = &challenge.www_authenticate;
                demand((400..500).contains(&challenge.status), "another status than 4xx")?;
                demand(!told.contains(|c: char| !matches!(c, ' '..='~')), "a broken challenge")?;
                Ok(challenge.status)
            }
        }
    });
}

/// A valid request that is spoilt in many ways.
struct Seed<'t> {
    make: Box<dyn Fn(&Target) -> Message + 't>,
    /// Whether what it carries is used up where it succeeds.
    spent: bool,
    times: usize,
    now: Option<Message>,
}

impl<'t> Seed<'t> {
    fn of(make: impl Fn(&Target) -> Message + 't) -> Self {
        Self { make: Box::new(make), spent: false, times: 1, now: None }
    }

    fn spent(make: impl Fn(&Target) -> Message + 't) -> Self {
        Self { spent: true, ..Self::of(make) }
    }

    /// Chosen so many times as often as another one.
    fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// Sends what becomes of the seeds to the engine, as HTTP.
fn assault(target: &Target, seeds: Vec<Seed<'_>>) {
    run(target, seeds, |message| {
        let response = message.send(&target.clinic.engine).map_err(|error| error.to_string())?;
        check(&response, target)?;
        Ok(response.status)
    });
}

/// Spoils the seeds and has `send` judge each of them by its answer.
fn run(target: &Target, mut seeds: Vec<Seed<'_>>, send: impl Fn(&Message) -> Result<u16, String>) {
    for seed in &mut seeds {
        let message = (seed.make)(target);
        let status = send(&message).unwrap();
        assert!(status < 500, "{status} {message:?}");
        seed.now = Some(message);
    }
    let picks: Vec<usize> =
        seeds.iter().enumerate().flat_map(|(at, seed)| vec![at; seed.times]).collect();
    let state = RefCell::new((seeds, 0_u32));
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let input = (0..picks.len(), vec(spoilings(), 0..5));
    let outcome = runner.run(&input, |(pick, spoilings)| {
        let (seeds, count) = &mut *state.borrow_mut();
        *count += 1;
        if count.is_multiple_of(100) {
            // Codes, pages and guesses age.
            target.clinic.clock.advance_millis(7_000);
        }
        let seed = &mut seeds[picks[pick]];
        let message = spoilt(seed, &spoilings, target);
        let status = judge(&message, &send)?;
        if seed.spent && status < 400 || count.is_multiple_of(800) {
            seed.now = None;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => target.assert_whole(),
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn spoilt(seed: &mut Seed<'_>, spoilings: &[Spoiling], target: &Target) -> Message {
    let mut message = seed.now.get_or_insert_with(|| (seed.make)(target)).clone();
    spoilings.iter().for_each(|spoiling| spoiling.act(&mut message));
    message
}

/// Sends a message, and demands an answer in time.
fn judge(
    message: &Message,
    send: &impl Fn(&Message) -> Result<u16, String>,
) -> Result<u16, TestCaseError> {
    let fail = |why: &str| TestCaseError::fail(format!("{why}, to\n{message:?}"));
    let timed = || {
        let before = processor_time();
        let answer = catch_unwind(AssertUnwindSafe(|| send(message)));
        (answer, processor_time() - before)
    };
    let (answer, mut spent) = timed();
    let status = answer.map_err(|_| fail("a panic"))?.map_err(|why| fail(&why))?;
    // The processor's caches are shared with all that runs beside us: slow is what is slow each time.
    for _ in 0..3 {
        if spent <= LIMIT || hashes(message, status) {
            return Ok(status);
        }
        spent = timed().1;
    }
    Err(fail(&format!("{spent:?} of processor time")))
}

/// Whether a password may have been hashed for this answer: a login that was looked at.
fn hashes(message: &Message, status: u16) -> bool {
    let has_password = message.body.windows(8).any(|part| part == b"password");
    has_password && matches!(status, 200 | 303 | 401)
}

/// What holds of every answer.
fn check(response: &HttpResponse, target: &Target) -> Result<(), String> {
    let status = response.status;
    demand((200..500).contains(&status), &format!("the status {status}"))?;
    let id = response.header("Wardkey-Request-Id").unwrap_or_default();
    demand(id.len() == 32, "no request id")?;
    for (name, value) in &response.headers {
        demand(
            value.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            &format!("a broken {name}"),
        )?;
    }
    // Back to the client, or on to a page of the same endpoint.
    let is_home = |to: &str| to.starts_with(&format!("{BACK}?")) || to.starts_with('?');
    let home = response.header("Location").is_none_or(is_home);
    demand(home, "a redirect elsewhere")?;
    demand((status == 303) == response.header("Location").is_some(), "half a redirect")?;
    let body = String::from_utf8(response.body.clone()).map_err(|_| "a body that is no text")?;
    demand(!body.contains(&target.server.secret), "the client's secret")?;
    match response.header("Content-Type") {
        Some("application/json") => {}
        Some(page) => return demand(page.starts_with("text/html"), "another media type"),
        None => return demand(body.is_empty(), "a body of no type"),
    }
    if body.is_empty() {
        // The answer to HEAD.
        return Ok(());
    }
    let json: serde_json::Value = serde_json::from_str(&body).map_err(|_| "broken JSON")?;
    demand(json.is_object(), "JSON that is no object")?;
    let described = json["error_description"].as_str().unwrap_or_default();
    let legal = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    demand(described.bytes().all(legal), "an illegal error_description")
}

fn demand(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

fn cases() -> u32 {
    std::env::var("WARDKEY_ABUSE_CASES").map_or(10_000, |cases| cases.parse().unwrap())
}

/// Of this thread alone: what others do beside it is not counted.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std has no clock of the thread's own time")]
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) writes one timespec through the pointer.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(outcome, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Not measured here.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}

const LIMIT: Duration = Duration::from_millis(50);
