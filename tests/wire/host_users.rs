//! A host whose users log in here, and who checks their passwords itself.

use crate::browser::{
    AUTHORIZE, Browser, anna, clinic, code_of, error_of, page, query, redeem, sealed,
};
use crate::common::{assert_chain_whole, bench, events, verify};
use crate::http::{Clinic, Request, ask, json, text, visible};
use serde_json::{Value, json};
use std::error::Error;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use wardkey::{Context, Engine, HttpResponse, Required, Scope, UserCheck, UserLogin, UserVerdict};

const LOGIN: &str = "/ums/v2/users/login";
const RIGHT: &str = "nobodys guess";

/// The host's table: `eva` is number 4711. Some other names do what no host should.
struct Staff {
    scope: Mutex<String>,
    asked: Mutex<Vec<Asked>>,
    /// Who has come, and when they may go.
    door: Mutex<Option<Door>>,
}

#[derive(Clone)]
struct Door {
    come: Sender<()>,
    go: Arc<Mutex<Receiver<()>>>,
}

type Asked = (String, Vec<u8>, Option<IpAddr>, Option<String>);

impl UserCheck for Staff {
    fn check(&self, login: &UserLogin<'_>) -> Result<UserVerdict, Box<dyn Error>> {
        let correlation_id = login.correlation_id.map(str::to_owned);
        let password = login.password.expose().to_vec();
        let asked = (login.username.to_owned(), password, login.peer, correlation_id);
        self.asked.lock().unwrap().push(asked);
        let approved = |subject: &str, scope: &str| {
            let scope = if scope.is_empty() { Scope::empty() } else { Scope::parse(scope)? };
            Ok(UserVerdict::Approved { subject: subject.to_owned(), scope })
        };
        match login.username {
            "broken" => Err("the directory is down".into()),
            "liar" => approved("dr. eva", "lab:read"),
            "nameless" => approved("", "lab:read"),
            "slow" => {
                let door = self.door.lock().unwrap().clone();
                if let Some(Door { come, go }) = door {
                    come.send(()).unwrap();
                    let _ = go.lock().unwrap().recv();
                }
                Ok(UserVerdict::Refused)
            }
            name if name.to_lowercase() == "eva" && login.password.matches(RIGHT.as_bytes()) => {
                approved("4711", &self.scope.lock().unwrap())
            }
            // Of our own user's name, it would take any password.
            name if name.to_lowercase() == "anna" => approved("1", "lab:read lab:write"),
            _ => Ok(UserVerdict::Refused),
        }
    }
}

impl Staff {
    fn says(&self, scope: &str) {
        *self.scope.lock().unwrap() = scope.to_owned();
    }

    fn was_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A clinic with our own user `anna`, and a host with users of its own.
fn hosted() -> (Clinic, Arc<Staff>) {
    let mut clinic = clinic();
    let staff = Arc::new(Staff {
        scope: Mutex::new("lab:read lab:write".to_owned()),
        asked: Mutex::default(),
        door: Mutex::default(),
    });
    let options = clinic.place.options_at(&clinic.clock).user_check(staff.clone());
    clinic.engine = Engine::open(&options).unwrap();
    (clinic, staff)
}

fn attempt<'a>(username: &str, password: &str) -> Request<'a> {
    let body = json!({"username": username, "password": password}).to_string();
    Request::post(LOGIN, body).content_type("application/json")
}

fn log_in(clinic: &Clinic, username: &str, password: &str) -> HttpResponse {
    attempt(username, password).send(&clinic.engine)
}

/// The access token of BioT's login.
#[track_caller]
fn token_of(response: &HttpResponse) -> String {
    assert_eq!(response.status, 200, "{}", text(response));
    json(response)["accessJwt"]["token"].as_str().unwrap().to_owned()
}

const EVA: &str = "username=eva&password=nobodys+guess&action=login";

#[test]
fn a_hosts_user_logs_in_at_the_login_page_and_gets_what_host_and_client_and_request_agree_on() {
    let (clinic, staff) = hosted();
    let id = page(&clinic, json!({}));
    staff.says("lab:read lab:write pharmacy:read no:such");
    let mut browser = Browser::default();
    let asked = format!("{}&scope=lab:read%20billing:read", query(&id));
    let login = browser.open(&clinic, AUTHORIZE, &asked);
    let consent = browser.follow(&clinic, browser.submit(&clinic, &login, EVA));
    assert!(text(&consent).contains("lab:read") && !text(&consent).contains("billing:read"));
    let code = code_of(&browser.submit(&clinic, &consent, "action=approve"));
    let tokens = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    assert_eq!(tokens["scope"], "lab:read");
    let principal = verify(&clinic.engine, tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(principal.subject, "usr_.4711");
    let user = clinic.call("user.read", json!({"user_id": "usr_.4711"}));
    assert_eq!(user["origin"], "host");
    assert_eq!(user["last_login_at"], clinic.engine.now().seconds());
    // Words that nobody knows here are nothing that could be given.
    assert_eq!(user["scope"], "lab:read lab:write pharmacy:read");
    let rows = events(&clinic.engine, "user.login");
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &json!("allowed")));
    assert_eq!((&rows[0]["user"], &rows[0]["client"]), (&json!("usr_.4711"), &json!(id)));
    let born = events(&clinic.engine, "user.create").pop().unwrap();
    assert_eq!((&born["request"], &born["actor"]), (&rows[0]["request"], &json!("usr_.4711")));
    assert_chain_whole(&clinic.engine);
}

#[test]
fn a_hosts_user_logs_in_by_biots_json_and_refused_ones_read_as_our_own() {
    let (clinic, _) = hosted();
    let token = token_of(&log_in(&clinic, "eva", RIGHT));
    assert_eq!(verify(&clinic.engine, &token).unwrap().subject, "usr_.4711");
    let wrong = visible(&log_in(&clinic, "anna", "wrong guess"));
    assert_eq!(wrong.0, 401);
    assert_eq!(visible(&log_in(&clinic, "eva", "wrong guess")), wrong);
    assert_eq!(visible(&log_in(&clinic, "nobody at all", RIGHT)), wrong);
    let rows = events(&clinic.engine, "user.login");
    let reasons: Vec<&Value> = rows.iter().map(|row| &row["reason"]).collect();
    assert_eq!(
        reasons,
        [&json!(null), &"password_wrong".into(), &"user_refused".into(), &"user_refused".into()]
    );
    // What was typed as a name may have been a password.
    assert!(rows[2].get("user").is_none() && rows[3].get("user").is_none());
    assert!(!rows[3].to_string().contains("nobody at all"));
}

#[test]
fn a_name_of_our_own_is_checked_here_and_the_host_is_not_asked() {
    let (clinic, staff) = hosted();
    let token = token_of(&log_in(&clinic, "anna", RIGHT));
    assert_eq!(verify(&clinic.engine, &token).unwrap().subject, anna(&clinic));
    assert_eq!(log_in(&clinic, "anna", "what the host would take").status, 401);
    clinic.call("user.disable", json!({"user_id": anna(&clinic)}));
    assert_eq!(log_in(&clinic, "anna", RIGHT).status, 401);
    assert_eq!(staff.was_asked(), 0);
    // The name is nobody's any more.
    clinic.call("user.delete", json!({"user_id": anna(&clinic)}));
    let token = token_of(&log_in(&clinic, "anna", "what the host would take"));
    assert_eq!(verify(&clinic.engine, &token).unwrap().subject, "usr_.1");
}

#[test]
fn no_other_case_of_a_name_of_our_own_goes_round_it_to_the_host() {
    let (clinic, staff) = hosted();
    clinic.call("user.disable", json!({"user_id": anna(&clinic)}));
    for name in ["Anna", "ANNA", "anna"] {
        assert_eq!(log_in(&clinic, name, RIGHT).status, 401);
    }
    let rows = events(&clinic.engine, "user.login");
    let reasons: Vec<_> = rows.iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["user_unknown", "user_unknown", "user_disabled"]);
    // Nor by letters that have case in other scripts alone.
    let name = "\u{393}\u{3b9}\u{3ce}\u{3c1}\u{3b3}\u{3bf}";
    clinic.call("user.create", json!({"username": name, "password": RIGHT}));
    assert_eq!(log_in(&clinic, &name.to_uppercase(), RIGHT).status, 401);
    assert_eq!(staff.was_asked(), 0);
}

#[test]
fn without_a_check_of_the_hosts_a_name_that_nobody_has_is_refused_as_ever() {
    let clinic = clinic();
    assert_eq!(log_in(&clinic, "eva", RIGHT).status, 401);
    assert_eq!(events(&clinic.engine, "user.login")[0]["reason"], "user_unknown");
}

#[test]
fn the_host_hears_name_place_and_correlation_and_the_password_as_it_was_typed() {
    let (clinic, staff) = hosted();
    let context = Context { correlation_id: Some("visit-7"), ..bench() };
    attempt("Jose\u{301}", "cre\u{300}me").within(context).send(&clinic.engine);
    attempt("eva", "x").nowhere().send(&clinic.engine);
    let asked = staff.asked.lock().unwrap();
    let place = Some([192, 0, 2, 7].into());
    let typed = "cre\u{300}me".as_bytes().to_vec();
    assert_eq!(asked[0], ("Jos\u{e9}".into(), typed, place, Some("visit-7".into())));
    assert_eq!(asked[1], ("eva".into(), b"x".to_vec(), None, None));
}

#[test]
fn a_host_that_cannot_check_or_gives_an_answer_that_cannot_be_is_a_503_and_counts_nothing() {
    let (clinic, staff) = hosted();
    let id = page(&clinic, json!({}));
    for name in ["broken", "liar", "nameless"] {
        for _ in 0..7 {
            let response = log_in(&clinic, name, RIGHT);
            assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
            assert_eq!(json(&response)["error"], "temporarily_unavailable");
        }
    }
    assert_eq!(staff.was_asked(), 21);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let fields = "username=broken&password=x&action=login";
    let again = browser.submit(&clinic, &login, fields);
    assert_eq!((again.status, again.header("retry-after")), (503, Some("1")));
    assert!(text(&again).contains("not possible right now") && !text(&again).contains("is wrong"));
    sealed(&again);
    let users = clinic.call("user.list", json!({}));
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    assert!(events(&clinic.engine, "user.login").is_empty());
    assert!(events(&clinic.engine, "request.refuse").is_empty());
}

#[test]
fn a_hosts_user_who_is_disabled_here_stays_out_although_the_host_approves() {
    let (clinic, staff) = hosted();
    let id = page(&clinic, json!({}));
    let token = token_of(&log_in(&clinic, "eva", RIGHT));
    clinic.call("user.disable", json!({"user_id": "usr_.4711"}));
    verify(&clinic.engine, &token).unwrap_err();
    staff.says("lab:read lab:write pharmacy:read");
    let refused = visible(&log_in(&clinic, "eva", RIGHT));
    assert_eq!(refused, visible(&log_in(&clinic, "anna", "wrong guess")));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    assert!(text(&browser.submit(&clinic, &login, EVA)).contains("is wrong"));
    let rows = events(&clinic.engine, "user.login");
    assert_eq!(
        (&rows[1]["reason"], &rows[1]["user"]),
        (&json!("user_disabled"), &json!("usr_.4711"))
    );
    let user = clinic.call("user.read", json!({"user_id": "usr_.4711"}));
    assert_eq!(user["scope"], "lab:read lab:write");
    // As a wrong password, it counts.
    for _ in 0..4 {
        assert_eq!(log_in(&clinic, "eva", RIGHT).status, 401);
    }
    assert_eq!(log_in(&clinic, "eva", RIGHT).status, 429);
}

#[test]
fn guesses_at_the_hosts_users_are_throttled_however_the_name_is_written_and_the_host_is_left_alone()
{
    let (clinic, staff) = hosted();
    for name in ["eva", "EVA", "Eva", "eVa", "evA", "EvA"] {
        assert_eq!(log_in(&clinic, name, "wrong guess").status, 401);
    }
    let asked = staff.was_asked();
    for name in ["eva", "eVA"] {
        let response = log_in(&clinic, name, RIGHT);
        assert_eq!((response.status, response.header("retry-after")), (429, Some("1")));
    }
    assert_eq!(staff.was_asked(), asked);
    clinic.pass(1);
    token_of(&log_in(&clinic, "Eva", RIGHT));
    // A right one forgives nothing: whoever shares the place would get new guesses by it.
    assert_eq!(log_in(&clinic, "eva", "wrong guess").status, 401);
    assert_eq!(log_in(&clinic, "eva", "wrong guess").status, 429);
}

#[test]
fn nobody_outside_locks_a_hosts_user_out_at_their_own_desk() {
    let (clinic, _) = hosted();
    token_of(&log_in(&clinic, "eva", RIGHT));
    let guess = |n: usize| {
        let place = format!("2001:db8:0:{n:x}::1");
        attempt("eva", "wrong guess").from(&place).send(&clinic.engine).status
    };
    assert_eq!((0..110).filter(|n| guess(*n) == 401).count(), 100);
    assert_eq!(attempt("eva", RIGHT).from("198.51.100.1").send(&clinic.engine).status, 429);
    token_of(&log_in(&clinic, "EVA", RIGHT));
}

#[test]
fn a_word_that_the_host_takes_away_is_gone_at_the_next_login_from_living_tokens_too() {
    let (clinic, staff) = hosted();
    let id = page(&clinic, json!({}));
    let token = token_of(&log_in(&clinic, "eva", RIGHT));
    let may_write = |token: &str| {
        let required = Required::all_of("lab:write").unwrap();
        clinic.engine.verify(token.as_bytes(), required, &bench()).is_ok()
    };
    assert!(may_write(&token));
    staff.says("lab:read no:such");
    let later = token_of(&log_in(&clinic, "eva", RIGHT));
    assert!(!may_write(&later) && !may_write(&token));
    verify(&clinic.engine, &token).unwrap();
    let asked = format!("{}&scope=lab:read%20lab:write", query(&id));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &asked);
    let consent = browser.follow(&clinic, browser.submit(&clinic, &login, EVA));
    assert!(text(&consent).contains("lab:read") && !text(&consent).contains("lab:write"));
    staff.says("");
    let login = browser.open(&clinic, AUTHORIZE, &asked);
    assert_eq!(error_of(&browser.submit(&clinic, &login, EVA)), "access_denied");
    let user = clinic.call("user.read", json!({"user_id": "usr_.4711"}));
    assert_eq!(user["scope"], "");
    let scopes: Vec<_> =
        events(&clinic.engine, "user.update").iter().map(|row| row["scope"].clone()).collect();
    assert_eq!(scopes, ["lab:read", ""]);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn roles_that_a_hosts_user_was_given_here_count_beside_the_hosts_words() {
    let (clinic, staff) = hosted();
    staff.says("lab:read");
    token_of(&log_in(&clinic, "eva", RIGHT));
    clinic.call("role.create", json!({"name": "technician", "scope": "lab:write"}));
    clinic.call("user.update", json!({"user_id": "usr_.4711", "roles": ["technician"]}));
    let token = token_of(&log_in(&clinic, "eva", RIGHT));
    let required = Required::all_of("lab:read lab:write").unwrap();
    clinic.engine.verify(token.as_bytes(), required, &bench()).unwrap();
}

#[test]
fn a_slow_host_holds_sixteen_threads_and_our_own_users_go_on() {
    let (clinic, staff) = hosted();
    let (come, came) = channel();
    let (leave, go) = channel();
    *staff.door.lock().unwrap() = Some(Door { come, go: Arc::new(Mutex::new(go)) });
    std::thread::scope(|scope| {
        for n in 0..16 {
            let place = format!("2001:db8:0:{n:x}::1");
            let engine = &clinic.engine;
            scope.spawn(move || attempt("slow", "x").from(&place).send(engine).status);
        }
        for _ in 0..16 {
            came.recv().unwrap();
        }
        assert_eq!(log_in(&clinic, "eva", RIGHT).status, 503);
        token_of(&log_in(&clinic, "anna", RIGHT));
        // Whoever waits is let go.
        drop(leave);
    });
    *staff.door.lock().unwrap() = None;
    token_of(&log_in(&clinic, "eva", RIGHT));
}

#[test]
fn a_name_that_becomes_our_own_while_the_host_is_asked_is_nobody_elses() {
    let (clinic, staff) = hosted();
    let (come, came) = channel();
    let (leave, go) = channel::<()>();
    *staff.door.lock().unwrap() = Some(Door { come, go: Arc::new(Mutex::new(go)) });
    std::thread::scope(|scope| {
        let engine = &clinic.engine;
        let logging_in = scope.spawn(move || attempt("slow", "x").send(engine).status);
        came.recv().unwrap();
        let slow = json!({"username": "slow", "password": "another guess"});
        let user = clinic.call("user.create", slow);
        drop(leave);
        assert_eq!(logging_in.join().unwrap(), 401);
        let row = events(&clinic.engine, "user.login").pop().unwrap();
        assert_eq!((&row["reason"], &row["user"]), (&json!("password_wrong"), &user["user_id"]));
    });
}
