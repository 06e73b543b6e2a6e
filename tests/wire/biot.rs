//! BioT's login and refresh, byte for byte as its page shows them, and what a family of
//! refresh tokens is.

use crate::common::{admin, assert_chain_whole, audit, events, why};
use crate::http::{Clinic, REVOKE, Request, ask, json, refusal, text, visible};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wardkey::{Context, Denied, Dialect, Engine, HttpResponse, PrincipalKind, Required, Settings};

const LOGIN: &str = "/ums/v2/users/login";
const REFRESH: &str = "/ums/v2/users/token/refresh";
const PASSWORD: &str = "correct horse battery";

/// A clinic with BioT's dialect and the user `anna`, who may read and write the laboratory's results.
fn clinic() -> (Clinic, String) {
    let clinic = Clinic::open();
    let user = clinic.call(
        "user.create",
        json!({"username": "anna", "password": PASSWORD, "scope": "lab:read lab:write"}),
    );
    let user_id = user["user_id"].as_str().unwrap().to_owned();
    (clinic, user_id)
}

fn post<'a>(path: &'a str, body: &Value) -> Request<'a> {
    Request::post(path, body.to_string()).content_type("application/json")
}

fn login(engine: &Engine) -> HttpResponse {
    post(LOGIN, &json!({"username": "anna", "password": PASSWORD})).send(engine)
}

/// The access token and the refresh token of a response that must have them.
#[track_caller]
fn tokens(response: &HttpResponse) -> (String, String) {
    assert_eq!(response.status, 200, "{}", text(response));
    let body = json(response);
    let token = |name: &str| body[name]["token"].as_str().unwrap().to_owned();
    (token("accessJwt"), token("refreshJwt"))
}

fn refresh(engine: &Engine, token: &str) -> HttpResponse {
    post(REFRESH, &json!({"refreshToken": token})).send(engine)
}

fn verify(engine: &Engine, token: &str, scope: &str) -> Result<wardkey::Principal, wardkey::Error> {
    let context = Context { peer: Some([192, 0, 2, 7].into()), secure: true, ..Context::default() };
    engine.verify(token.as_bytes(), Required::all_of(scope).unwrap(), &context)
}

#[test]
fn dialects_a_login_gives_both_tokens_with_their_ends() {
    let (clinic, user_id) = clinic();
    let response = login(&clinic.engine);
    let (access, refresh) = tokens(&response);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let body = json(&response);
    let now = clinic.engine.now();
    let ends = |name: &str| body[name]["expiration"].as_str().unwrap().to_owned();
    assert_eq!(ends("accessJwt"), now.plus_millis(900_000).to_string());
    assert_eq!(ends("refreshJwt"), now.plus_millis(14 * 86_400_000).to_string());
    assert!(refresh.starts_with("wkr_") && refresh.len() == 53);
    let principal = verify(&clinic.engine, &access, "lab:read lab:write").unwrap();
    assert_eq!(principal.kind, PrincipalKind::User);
    assert_eq!((principal.client_id.as_str(), principal.subject), ("biot", user_id));
    // What the client may have and the user has not, the token has not.
    assert_eq!(
        why(verify(&clinic.engine, &access, "billing:read")),
        Denied::InsufficientScope { missing: "billing:read".into() }
    );
}

#[test]
fn dialects_refused_logins_read_the_same_and_what_cannot_be_read_is_a_400() {
    let (clinic, _) = clinic();
    let attempt = |username: &str, password: &str| {
        post(LOGIN, &json!({"username": username, "password": password})).send(&clinic.engine)
    };
    let wrong = visible(&attempt("anna", "something else"));
    assert_eq!(wrong.0, 401);
    assert_eq!(visible(&attempt("otto", PASSWORD)), wrong);
    clinic.call("client.disable", json!({"client_id": "biot"}));
    assert_eq!(visible(&attempt("anna", PASSWORD)), wrong);
    clinic.call("client.enable", json!({"client_id": "biot"}));
    tokens(&login(&clinic.engine));
    for body in ["", "{", "[]", "{}", r#"{"username":"anna"}"#, r#"{"username":1,"password":"x"}"#]
    {
        let request = Request::post(LOGIN, body).content_type("application/json");
        assert_eq!(request.send(&clinic.engine).status, 400, "{body}");
    }
    for body in [json!({}), json!({"refreshToken": 7})] {
        assert_eq!(post(REFRESH, &body).send(&clinic.engine).status, 400);
    }
    assert_eq!(refresh(&clinic.engine, "nonsense").status, 401);
}

#[test]
fn dialects_it_needs_tls_or_loopback_without_exception() {
    let (clinic, _) = clinic();
    clinic.call("settings.set", json!({"danger_allow_plain_http": true}));
    let body = json!({"username": "anna", "password": PASSWORD});
    let plain = post(LOGIN, &body).insecure();
    assert_eq!(plain.send(&clinic.engine).status, 400);
    tokens(&post(LOGIN, &body).insecure().from("127.0.0.1").send(&clinic.engine));
}

#[test]
fn a_page_of_another_site_cannot_guess_from_a_browser_in_the_clinic() {
    let (clinic, _) = clinic();
    let body = json!({"username": "anna", "password": "guess after guess"}).to_string();
    let untyped = || Request::post(LOGIN, body.clone()).header("Origin", "https://evil.example");
    let cross = post(LOGIN, &json!({"username": "anna", "password": "guess after guess"}))
        .header("Sec-Fetch-Site", "cross-site");
    for _ in 0..10 {
        assert_eq!(untyped().send(&clinic.engine).status, 400);
        assert_eq!(cross.send(&clinic.engine).status, 400);
    }
    tokens(&login(&clinic.engine));
}

#[test]
fn dialects_its_tokens_are_refreshed_at_its_own_route_alone() {
    let (clinic, _) = clinic();
    let (_, token) = tokens(&login(&clinic.engine));
    let elsewhere = format!("grant_type=refresh_token&client_id=biot&refresh_token={token}");
    let (status, error) = refusal(&ask(elsewhere).send(&clinic.engine));
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    tokens(&refresh(&clinic.engine, &token));
    let rows = events(&clinic.engine, "token.issue");
    let by = |row: &Value| row["detail"]["by"].clone();
    assert_eq!((by(&rows[0]), by(&rows[1])), (json!(null), json!("refresh_token")));
}

#[test]
fn a_login_under_way_while_the_client_is_disabled_gives_nothing_that_was_decided_before() {
    let (clinic, _) = clinic();
    let other = clinic.place.open_at(&clinic.clock);
    for _ in 0..5 {
        let status = std::thread::scope(|scope| {
            let engine = &clinic.engine;
            let logging_in = scope.spawn(move || login(engine).status);
            // Within the hash, as a rule: whenever it comes, no token follows it in the chain.
            std::thread::sleep(std::time::Duration::from_millis(4));
            let document = json!({"client_id": "biot"}).to_string();
            other.call(&admin(), "client.disable", document.as_bytes()).unwrap();
            logging_in.join().unwrap()
        });
        let rows = audit(&clinic.engine);
        let last = |event: &str| rows.iter().rposition(|row| row.entry["event"] == event);
        assert!(status != 200 || last("token.issue") < last("client.disable"));
        clinic.call("client.enable", json!({"client_id": "biot"}));
    }
}

#[test]
fn dialects_the_login_is_no_grant_of_the_token_endpoint() {
    let (clinic, _) = clinic();
    for grant in ["password", "biot_login"] {
        let body = format!("grant_type={grant}&username=anna&password=x&client_id=biot");
        let (status, error) = refusal(&ask(body).send(&clinic.engine));
        assert_eq!((status, error.as_str()), (400, "unsupported_grant_type"), "{grant}");
    }
    let document = json!({"client_name": "x", "grant_types": ["biot_login"]}).to_string();
    clinic.engine.call(&admin(), "client.create", document.as_bytes()).unwrap_err();
}

#[test]
fn wire_37_each_refresh_replaces_both_tokens() {
    let (clinic, user_id) = clinic();
    let (first, mut token) = tokens(&login(&clinic.engine));
    let mut seen = BTreeSet::from([token.clone()]);
    for _ in 0..5 {
        clinic.pass(600);
        let (access, next) = tokens(&refresh(&clinic.engine, &token));
        assert!(seen.insert(next.clone()), "a token came twice");
        assert_eq!(verify(&clinic.engine, &access, "lab:read").unwrap().subject, user_id);
        token = next;
    }
    // In the header too, as the page's note says; in both places if they agree.
    clinic.pass(60);
    let header = post(REFRESH, &json!({})).header("Authorization", format!("Bearer {token}"));
    let (_, token) = tokens(&header.send(&clinic.engine));
    let both = post(REFRESH, &json!({"refreshToken": token}));
    let differ = post(REFRESH, &json!({"refreshToken": token}));
    let differ = differ.header("Authorization", "Bearer something-else");
    assert_eq!(differ.send(&clinic.engine).status, 400);
    tokens(&both.header("Authorization", format!("Bearer {token}")).send(&clinic.engine));
    assert!(matches!(why(verify(&clinic.engine, &first, "lab:read")), Denied::TokenExpired { .. }));
    assert_chain_whole(&clinic.engine);
}

#[test]
fn wire_38_a_retry_at_once_gets_the_same_successor_and_a_fresh_access_token() {
    let (clinic, _) = clinic();
    let (_, token) = tokens(&login(&clinic.engine));
    let (one, next) = tokens(&refresh(&clinic.engine, &token));
    clinic.pass(10);
    let (two, again) = tokens(&refresh(&clinic.engine, &token));
    assert_eq!(next, again);
    assert_ne!(one, two);
    verify(&clinic.engine, &one, "lab:read").unwrap();
    verify(&clinic.engine, &two, "lab:read").unwrap();
    tokens(&refresh(&clinic.engine, &next));
}

#[test]
fn wire_38_any_other_reuse_ends_the_family_and_is_audited() {
    for late in [false, true] {
        let (clinic, user_id) = clinic();
        // However late it comes: the access token outlives the idle limit here.
        clinic.call("settings.set", json!({"refresh_token_idle_lifetime": 60}));
        let (access, token) = tokens(&login(&clinic.engine));
        let (_, next) = tokens(&refresh(&clinic.engine, &token));
        if late {
            clinic.pass(61);
        } else {
            // At once, but its successor was used: two hold the family.
            tokens(&refresh(&clinic.engine, &next));
        }
        assert_eq!(refresh(&clinic.engine, &token).status, 401);
        assert_eq!(why(verify(&clinic.engine, &access, "lab:read")), Denied::GrantRevoked);
        assert_eq!(refresh(&clinic.engine, &next).status, 401);
        let rows = events(&clinic.engine, "grant.revoke");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["reason"], "refresh_token_reused");
        assert_eq!((&rows[0]["client"], &rows[0]["user"]), (&json!("biot"), &json!(user_id)));
        assert_chain_whole(&clinic.engine);
    }
}

#[test]
fn wire_39_idle_and_absolute_lifetimes_hold_when_the_token_is_used() {
    let (clinic, _) = clinic();
    clinic.call(
        "settings.set",
        json!({"refresh_token_idle_lifetime": 1000, "refresh_token_lifetime": 2500}),
    );
    let (_, idle) = tokens(&login(&clinic.engine));
    clinic.pass(1000);
    assert_eq!(refresh(&clinic.engine, &idle).status, 401);
    let (_, mut token) = tokens(&login(&clinic.engine));
    for _ in 0..2 {
        clinic.pass(999);
        token = tokens(&refresh(&clinic.engine, &token)).1;
    }
    let last = json(&refresh(&clinic.engine, &token));
    let end = clinic.engine.now().plus_millis((2500 - 2 * 999) * 1000);
    assert_eq!(last["refreshJwt"]["expiration"], end.to_string());
    let token = last["refreshJwt"]["token"].as_str().unwrap();
    clinic.pass(2500 - 2 * 999);
    assert_eq!(refresh(&clinic.engine, token).status, 401);
}

#[test]
fn a_new_password_a_disabled_and_a_deleted_user_and_a_revoked_grant_end_what_was_given() {
    type End = fn(&Clinic, &str, &str);
    let ends: [(End, Denied); 5] = [
        (
            |clinic, user, _| {
                let document = json!({"user_id": user, "password": "another good one"});
                clinic.call("user.set_password", document);
            },
            Denied::UserTokensRevoked,
        ),
        (
            |clinic, user, _| drop(clinic.call("user.disable", json!({"user_id": user}))),
            Denied::UserDisabled,
        ),
        (
            |clinic, user, _| drop(clinic.call("user.delete", json!({"user_id": user}))),
            Denied::UserUnknown,
        ),
        (
            |clinic, user, _| {
                let grants = clinic.call("grant.list", json!({"user_id": user}));
                let grant_id = &grants["grants"][0]["grant_id"];
                clinic.call("grant.revoke", json!({"grant_id": grant_id}));
            },
            Denied::GrantRevoked,
        ),
        (
            |clinic, _, token| {
                let body = format!("token={token}&client_id=biot");
                assert_eq!(Request::post(REVOKE, body).send(&clinic.engine).status, 200);
            },
            Denied::GrantRevoked,
        ),
    ];
    for (end, reason) in ends {
        let (clinic, user) = clinic();
        let other = clinic.place.open_at(&clinic.clock);
        let (access, token) = tokens(&login(&clinic.engine));
        verify(&other, &access, "lab:read").unwrap();
        end(&clinic, &user, &token);
        for engine in [&clinic.engine, &other] {
            let told = why(verify(engine, &access, "lab:read"));
            assert!(told == reason || told == Denied::UserTokensRevoked, "{told:?} for {reason:?}");
            assert_eq!(refresh(engine, &token).status, 401);
        }
        assert_chain_whole(&clinic.engine);
    }
}

#[test]
fn what_a_user_a_role_or_the_client_loses_its_living_tokens_lose() {
    let (clinic, user) = clinic();
    clinic.call("role.create", json!({"name": "nurse", "scope": "patients:read"}));
    clinic.call("user.update", json!({"user_id": user, "roles": ["nurse"]}));
    let (access, token) = tokens(&login(&clinic.engine));
    verify(&clinic.engine, &access, "patients:read lab:write").unwrap();
    clinic.call("role.update", json!({"name": "nurse", "scope": ""}));
    why(verify(&clinic.engine, &access, "patients:read"));
    clinic.call("user.update", json!({"user_id": user, "scope": "lab:read"}));
    why(verify(&clinic.engine, &access, "lab:write"));
    let access = tokens(&refresh(&clinic.engine, &token)).0;
    let read = clinic.call("token.introspect", json!({"token": access}));
    assert_eq!((&read["active"], &read["scope"]), (&json!(true), &json!("lab:read")));
}

#[test]
fn eight_threads_with_one_token_are_one_family_and_get_one_successor() {
    let (clinic, _) = clinic();
    let (_, token) = tokens(&login(&clinic.engine));
    let other = clinic.place.open_at(&clinic.clock);
    let got: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let engine = if number % 2 == 0 { &clinic.engine } else { &other };
                let token = &token;
                scope.spawn(move || tokens(&refresh(engine, token)).1)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), 1);
    let rows: u32 = clinic
        .place
        .sqlite()
        .query_row("SELECT count(*) FROM refresh_token", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 2);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn guesses_at_a_password_are_slowed_down_at_every_process() {
    let (clinic, _) = clinic();
    let other = clinic.place.open_at(&clinic.clock);
    let wrong = post(LOGIN, &json!({"username": "anna", "password": "guess after guess"}));
    for number in 0..6 {
        let engine = if number % 2 == 0 { &clinic.engine } else { &other };
        assert_eq!(wrong.send(engine).status, 401);
    }
    for engine in [&clinic.engine, &other] {
        let response = wrong.send(engine);
        assert_eq!(response.status, 429);
        assert!(response.header("retry-after").is_some());
    }
    clinic.pass(1);
    tokens(&login(&other));
}

#[test]
fn no_file_and_no_row_holds_a_password_or_a_refresh_token() {
    let (clinic, _) = clinic();
    let (_, token) = tokens(&login(&clinic.engine));
    let (_, next) = tokens(&refresh(&clinic.engine, &token));
    let rows = serde_json::to_string(&audit(&clinic.engine)).unwrap();
    for secret in [PASSWORD, &token, &next] {
        assert!(!rows.contains(secret));
        for file in std::fs::read_dir(clinic.place.folder()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[test]
fn the_dialects_clients_come_with_them_and_stay_as_they_were_left() {
    let clinic = Clinic::with(Settings::default());
    let names = || -> Vec<String> {
        let page = clinic.call("client.list", json!({}));
        let clients = page["clients"].as_array().unwrap().iter();
        clients.map(|client| client["client_id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names().is_empty());
    let all: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.as_str()).collect();
    clinic.call("settings.set", json!({"dialects": all}));
    assert_eq!(names(), ["Admin", "biot"]);
    // No secret until somebody makes one.
    let secrets = clinic.call("client.secret.list", json!({"client_id": "Admin"}));
    assert_eq!(secrets, json!({"secrets": []}));
    let made = clinic.call("client.secret.create", json!({"client_id": "Admin"}));
    let secret = made["client_secret"].as_str().unwrap();
    let body = format!("grant_type=client_credentials&client_id=Admin&client_secret={secret}");
    let response = Request::post("/oauth2/token", body).send(&clinic.engine);
    assert_eq!(json(&response)["token_type"], "bearer");
    clinic.call("client.update", json!({"client_id": "Admin", "scope": "lab:read"}));
    clinic.call("settings.set", json!({"dialects": []}));
    clinic.call("settings.set", json!({"dialects": all}));
    assert_eq!(clinic.call("client.read", json!({"client_id": "Admin"}))["scope"], "lab:read");
}

#[test]
fn a_client_of_a_dialects_that_was_deleted_stays_so_whatever_else_is_set() {
    let (clinic, _) = clinic();
    clinic.call("client.delete", json!({"client_id": "biot"}));
    clinic.call("settings.set", json!({"clinic_name": "Riverside"}));
    let page = clinic.call("client.list", json!({}));
    assert!(!page.to_string().contains("\"biot\""), "{page}");
}
