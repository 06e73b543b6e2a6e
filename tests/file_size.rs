//! The file's size: what each event takes is what docs/file-size.md says, the rest is bounded, and at the limit
//! that an administrator has set, issuing stops and nothing else.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;

use common::{
    Place, Registered, admin, assert_chain_whole, audit, bench, clock, error_of, events, issue,
    register, register_as, revoke, try_issue, unlimited, verify, why,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use wardkey::admin::{
    AuditAppend, ClientCreate, ClientDisable, ClientUpdate, DatabaseStatus, DatabaseStatusDocument,
    SettingsSet, UserCreate,
};
use wardkey::{Denied, Dialect, Engine, Error, HttpRequest, ManualClock, Secret, Settings};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What the page says of each event: bytes of the audit, and beside it for a while.
fn documented() -> BTreeMap<String, (u64, u64)> {
    let page = include_str!("../docs/file-size.md");
    let number = |cell: &str| cell.trim().parse().unwrap();
    let cells = |line: &str| line.split('|').map(str::to_owned).collect::<Vec<_>>();
    page.lines()
        .filter(|line| line.starts_with("| ") && line.contains(" | `"))
        .map(cells)
        .map(|cells| (cells[2].trim().replace('`', ""), (number(&cells[3]), number(&cells[4]))))
        .collect()
}

/// A clinic that can do everything that is on the page.
struct Clinic {
    place: Place,
    clock: Arc<ManualClock>,
    engine: Engine,
    jwt: Registered,
    opaque: Registered,
}

impl Clinic {
    fn open() -> Self {
        let (place, clock) = (Place::in_memory(), clock());
        let settings = Settings { dialects: vec![Dialect::BioT], ..Settings::default() };
        Engine::create(&place.options_at(&clock), &settings, &admin()).unwrap();
        let engine = place.open_at(&clock);
        unlimited(&engine);
        let jwt = register(&engine);
        let format = Some(Some("opaque".into()));
        let [name, scope] = ["Archive", "lab:read"].map(|text| Some(text.into()));
        let opaque = ClientCreate {
            client_name: name,
            scope,
            token_format: format,
            ..ClientCreate::default()
        };
        let opaque = register_as(&engine, opaque);
        let [username, password] = ["anna", PASSWORD].map(str::to_owned);
        let scope = Some("lab:read".into());
        let user = UserCreate {
            username,
            password: password.as_str().into(),
            scope,
            ..UserCreate::default()
        };
        engine.run(&admin(), user).unwrap();
        Self { place, clock, engine, jwt, opaque }
    }

    /// One event of a kind that is on the page.
    fn act(&self, kind: &str, tokens: &mut Tokens) {
        let engine = &self.engine;
        match kind {
            "issue" => tokens.access = issue(engine, &self.jwt),
            "issue_opaque" => drop(issue(engine, &self.opaque)),
            "use" => {
                verify(engine, &tokens.access).unwrap();
                engine.maintain().unwrap();
            }
            "deny" => drop(error_of(self.ask_for("lab:erase", &self.jwt.secret))),
            "refuse" => {
                for _ in 0..8 {
                    drop(error_of(self.ask_for("lab:read", "wrong")));
                }
                engine.maintain().unwrap();
            }
            "revoke" => revoke(engine, &tokens.access).unwrap(),
            "change" => {
                let mut change =
                    ClientUpdate { client_id: self.jwt.id.clone(), ..ClientUpdate::default() };
                change.description = Some("a word or two".into());
                engine.run(&admin(), change).unwrap();
            }
            "host" => {
                let event = "report.print".to_owned();
                let reference = Some("order 4711".to_owned());
                engine
                    .run(&admin(), AuditAppend { event, reference, ..AuditAppend::default() })
                    .unwrap();
            }
            "login" => {
                let body = format!(r#"{{"username":"anna","password":"{PASSWORD}"}}"#);
                tokens.refresh = self.post("/ums/v2/users/login", &body);
            }
            "refresh" => {
                let body = format!(r#"{{"refreshToken":"{}"}}"#, tokens.refresh);
                tokens.refresh = self.post("/ums/v2/users/token/refresh", &body);
            }
            other => unreachable!("{other}"),
        }
    }

    fn ask_for(&self, scope: &str, secret: &str) -> Result<wardkey::AccessToken, Error> {
        let secret = Secret::new(secret.as_bytes().to_vec());
        self.engine.issue(&self.jwt.id, secret, Some(scope), &bench())
    }

    /// The refresh token of BioT's answer.
    fn post(&self, path: &str, body: &str) -> String {
        let headers = [("Content-Type", b"application/json".as_slice())];
        let body = body.as_bytes();
        let request =
            HttpRequest { method: "POST", path, headers: &headers, body, ..HttpRequest::default() };
        let response = self.engine.http(&request, &bench()).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        answer["refreshJwt"]["token"].as_str().unwrap().to_owned()
    }

    fn status(&self) -> DatabaseStatusDocument {
        self.engine.run(&admin(), DatabaseStatus::default()).unwrap()
    }
}

#[derive(Default)]
struct Tokens {
    access: String,
    refresh: String,
}

#[test]
fn what_an_event_takes_of_the_file_is_what_the_page_says() {
    let clinic = Clinic::open();
    let mut tokens = Tokens::default();
    clinic.act("issue", &mut tokens);
    clinic.act("login", &mut tokens);
    let mut wrong = Vec::new();
    for (kind, (audit, beside)) in documented() {
        let count = if kind == "login" { 60 } else { 300 };
        let stock: Vec<_> = (0..count).map(|_| issue(&clinic.engine, &clinic.jwt)).collect();
        let before = clinic.status().used_bytes;
        for token in stock {
            clinic.clock.advance_millis(1);
            tokens.access = token;
            clinic.act(&kind, &mut tokens);
        }
        let took = (clinic.status().used_bytes - before) / count;
        if !((audit + beside) * 7 / 10..=audit + beside).contains(&took) {
            wrong.push(format!("{kind}: {took}, not {audit} and {beside}"));
        }
        clinic.act("issue", &mut tokens);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn over_years_the_file_stays_within_the_formula_and_grows_no_more_once_the_audit_is_cut() {
    let clinic = Clinic::open();
    let mut tokens = Tokens::default();
    let per_step = ["issue", "issue_opaque", "use", "deny", "refuse", "revoke", "host", "refresh"];
    let page = documented();
    // Days of the audit: the retention, the day that is cut at once, the step, and a leap year's.
    let kept_steps = u64::try_from((2192 + 10) / STEP_DAYS).unwrap();
    let per_kept: u64 = per_step.iter().map(|kind| page[*kind].0).sum();
    let beside: u64 = per_step.iter().map(|kind| page[*kind].1).sum();
    let logins = page["login"];
    let mut sizes = BTreeMap::new();
    for step in 0..(8 * 365 / STEP_DAYS) {
        clinic.clock.advance_millis(STEP_DAYS * DAY);
        if step % 10 == 0 {
            clinic.act("login", &mut tokens);
        }
        for kind in per_step {
            clinic.act(kind, &mut tokens);
        }
        let size = clinic.status();
        let steps = (u64::try_from(step).unwrap() + 1).min(kept_steps);
        let audit = steps * per_kept + (steps / 10 + 1) * logins.0;
        // A row `audit.cut` a step, from the first cut on.
        let cuts = u64::try_from(step).unwrap().saturating_sub(kept_steps - 12) * 1500;
        let formula = FIXED + audit + cuts + 40 * beside + 4 * logins.1;
        assert!(size.used_bytes <= formula, "after {step} steps: {size:?}, {formula}");
        if step % 50 == 0 {
            println!("XX {step} {size:?} {formula}");
        }
        assert!(size.wal_bytes <= WAL, "{size:?}");
        sizes.insert(step * STEP_DAYS, size.used_bytes + size.free_bytes);
    }
    let at = |days: i64| *sizes.range(days..).next().unwrap().1;
    let (retained, last) = (at(2192 + 30), at(8 * 365 - STEP_DAYS));
    assert!(at(365 * 3) * 3 / 2 < retained, "the audit grew as long as nothing was cut");
    assert!(
        last <= retained + retained / 20,
        "{retained} bytes after the retention, {last} at last"
    );
    assert!(audit(&clinic.engine)[0].sequence > 1);
    assert_chain_whole(&clinic.engine);
    clinic.engine.close().unwrap();
    let main = std::fs::metadata(clinic.place.path()).unwrap().len();
    assert_eq!(main, last, "closed, it is one file");
}

#[test]
fn near_its_limit_the_file_warns_once_a_day_and_at_the_limit_only_issuing_stops() {
    let clinic = Clinic::open();
    let mut tokens = Tokens::default();
    clinic.act("issue", &mut tokens);
    clinic.act("login", &mut tokens);
    let engine = &clinic.engine;
    let limit = |bytes: Option<u64>| {
        let request = SettingsSet { max_file_size: Some(bytes), ..SettingsSet::default() };
        engine.run(&admin(), request)
    };
    assert!(matches!(error_of(limit(Some(LEAST - 1))), Error::InvalidDocument { .. }));
    limit(Some(LEAST)).unwrap();
    assert_eq!(clinic.status().size, "ok");
    clinic.fill(LEAST * 19 / 20);
    for _ in 0..5 {
        clinic.act("issue", &mut tokens);
    }
    assert_eq!(clinic.status().size, "near");
    let warnings = || events(engine, "file.size_warning");
    assert_eq!(warnings().len(), 1);
    assert_eq!(warnings()[0]["detail"]["stopped"], "false");
    clinic.clock.advance_millis(DAY);
    clinic.act("issue", &mut tokens);
    clinic.act("login", &mut tokens);
    assert_eq!(warnings().len(), 2);

    clinic.fill(LEAST);
    assert_eq!(clinic.status().size, "full");
    let rows = audit(engine).len();
    assert_eq!(error_of(try_issue(engine, &clinic.jwt)), Error::Full);
    let refresh = format!(r#"{{"refreshToken":"{}"}}"#, tokens.refresh);
    assert_eq!(clinic.status_of("/ums/v2/users/token/refresh", &refresh), 503);
    let event = AuditAppend { event: "report.print".into(), ..AuditAppend::default() };
    assert_eq!(error_of(engine.run(&admin(), event.clone())), Error::Full);
    assert_eq!(audit(engine).len(), rows, "a limit of one's own is no news to write");
    verify(engine, &tokens.access).unwrap();
    assert_eq!(why(clinic.ask_for("lab:erase", &clinic.jwt.secret)).code(), "scope_not_allowed");
    revoke(engine, &tokens.access).unwrap();
    assert_eq!(why(verify(engine, &tokens.access)), Denied::TokenRevoked);
    engine.run(&admin(), ClientDisable { client_id: clinic.opaque.id.clone() }).unwrap();
    clinic.clock.advance_millis(DAY);
    clinic.act("change", &mut tokens);
    assert_eq!(warnings().last().unwrap()["detail"]["stopped"], "true");
    let first = audit(engine)[0].sequence;
    assert_eq!(first, 1, "the audit is never cut by size");

    limit(Some(2 * LEAST)).unwrap();
    clinic.act("issue", &mut tokens);
    clinic.post("/ums/v2/users/token/refresh", &refresh);
    engine.run(&admin(), event).unwrap();
    limit(None).unwrap();
    assert_eq!((clinic.status().size, clinic.status().max_file_size), ("ok", None));
}

#[test]
fn a_file_with_many_free_pages_gives_them_back_a_few_with_each_write() {
    let clinic = Clinic::open();
    let mut tokens = Tokens::default();
    clinic.fill(LEAST);
    clinic.place.sqlite().execute_batch("DROP TABLE ballast").unwrap();
    let before = clinic.status();
    assert!(before.free_bytes > LEAST / 2);
    clinic.act("issue", &mut tokens);
    let given_back = before.free_bytes - clinic.status().free_bytes;
    assert!((1..=40 * 4096).contains(&given_back), "a few: {given_back}");
    for _ in 0..250 {
        clinic.act("issue", &mut tokens);
    }
    assert!(clinic.status().free_bytes <= 4 << 20, "{:?}", clinic.status());
    clinic.engine.close().unwrap();
    let length = std::fs::metadata(clinic.place.path()).unwrap().len();
    assert!(length < before.used_bytes + (5 << 20), "{length}");
}

impl Clinic {
    /// Makes the file take at least so many bytes, with what is none of ours.
    fn fill(&self, bytes: u64) {
        let sqlite = self.place.sqlite();
        sqlite.execute_batch("CREATE TABLE IF NOT EXISTS ballast (bytes BLOB)").unwrap();
        let missing = bytes.saturating_sub(self.status().bytes);
        sqlite
            .execute("INSERT INTO ballast VALUES (zeroblob(?))", [i64::try_from(missing).unwrap()])
            .unwrap();
        sqlite.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let missing = bytes.saturating_sub(self.status().bytes);
        sqlite
            .execute("INSERT INTO ballast VALUES (zeroblob(?))", [i64::try_from(missing).unwrap()])
            .unwrap();
    }

    fn status_of(&self, path: &str, body: &str) -> u16 {
        let headers = [("Content-Type", b"application/json".as_slice())];
        let body = body.as_bytes();
        let request =
            HttpRequest { method: "POST", path, headers: &headers, body, ..HttpRequest::default() };
        self.engine.http(&request, &bench()).unwrap().status
    }
}

const PASSWORD: &str = "correct horse battery";

const STEP_DAYS: i64 = 8;

/// The least that the limit may be.
const LEAST: u64 = 16 << 20;

/// The page's bounds of what no event adds to.
const FIXED: u64 = 1 << 20;
const WAL: u64 = 8 << 20;
