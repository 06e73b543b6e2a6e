//! Conformance 21 to 27: the authorization endpoint, its pages and its redirects.

use crate::browser::{
    AUTHORIZE, BACK, Browser, SIGN_IN, allow, anna, assert_problem, clinic, code_of, error_of,
    page, query, redirect, sealed, server,
};
use crate::common::{assert_chain_whole, bench, events, verify};
use crate::http::{Request, ask, json, text};
use serde_json::json;
use std::time::Duration;
use wardkey::{Context, Engine, PrincipalKind};

#[test]
fn wire_21_a_bad_client_or_redirect_uri_is_told_on_a_page_and_redirects_nobody() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    for (query, says) in [
        (query("wkc_nobody"), "is not known"),
        (query("usr_1"), "cannot be understood"),
        (query(&id).replace("client_id", "x"), "cannot be understood"),
        (query(&id).replace("redirect_uri", "x"), "cannot be understood"),
        (format!("{}&client_id={id}", query(&id)), "cannot be understood"),
        (format!("{}&redirect_uri={BACK}", query(&id)), "cannot be understood"),
        (query(&id).replace("portal.example", "evil.example"), "is not its own"),
        (query(&id).replace("/back", "/back/"), "is not its own"),
        (query(&id).replace("/back", "/back?x=1"), "is not its own"),
        (query(&id).replace("https://", "http://"), "is not its own"),
        (query(&id).replace(BACK, "https://portal.example@evil.example/back"), "is not its own"),
        (query(&id).replace(BACK, "//evil.example/back"), "is not its own"),
        (query(&id).replace(BACK, "javascript:alert(1)"), "is not its own"),
    ] {
        let response = Browser::default().open(&clinic, AUTHORIZE, &query);
        assert_problem(&response, says);
    }
}

#[test]
fn wire_21_every_other_error_redirects_with_error_state_and_iss() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let plain = query(&id).replace("=S256", "=plain");
    for (query, error) in [
        (query(&id).replace("=code&", "=token&"), "unsupported_response_type"),
        (query(&id).replace("response_type=code&", ""), "invalid_request"),
        (format!("{}&scope=emr:read", query(&id)), "invalid_scope"),
        (format!("{}&scope=no:such", query(&id)), "invalid_scope"),
        (format!("{}&scope=+", query(&id)), "invalid_scope"),
        (format!("{}&scope=lab:read&scope=lab:read", query(&id)), "invalid_request"),
        (plain, "invalid_request"),
    ] {
        let response = Browser::default().open(&clinic, AUTHORIZE, &query);
        assert_eq!(error_of(&response), error, "{query}");
    }
}

#[test]
fn wire_21_a_client_that_may_not_ask_is_told_so() {
    let clinic = clinic();
    let other = page(&clinic, json!({"grant_types": ["refresh_token"]}));
    let far = page(&clinic, json!({"allowed_networks": ["10.0.0.0/8"]}));
    let disabled = page(&clinic, json!({"enabled": false}));
    for (id, error) in
        [(other, "unauthorized_client"), (far, "access_denied"), (disabled, "access_denied")]
    {
        let response = Browser::default().open(&clinic, AUTHORIZE, &query(&id));
        assert_eq!(error_of(&response), error);
    }
    // A server's users sit anywhere; the server itself is looked at when it redeems.
    let far = server(&clinic, json!({"allowed_networks": ["10.0.0.0/8"]}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&far.id)));
    let redeem = crate::browser::redeem(&far.id, &code);
    let token = ask(redeem).by_client(&far);
    assert_eq!(token.send(&clinic.engine).status, 401);
    assert_eq!(token.from("10.1.2.3").send(&clinic.engine).status, 200);
}

#[test]
fn wire_21_plain_http_is_refused_even_where_a_setting_allows_it_elsewhere() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    clinic.call("settings.set", json!({"danger_allow_plain_http": true}));
    let query = query(&id);
    let get = Request::get(AUTHORIZE).query(&query).insecure();
    assert_problem(&get.send(&clinic.engine), "over HTTPS only");
    assert_eq!(get.clone().from("127.0.0.1").send(&clinic.engine).status, 200);
    assert_problem(&get.nowhere().send(&clinic.engine), "over HTTPS only");
    let post = Request::post(AUTHORIZE, format!("pending=x&{SIGN_IN}")).insecure();
    assert_problem(&post.send(&clinic.engine), "over HTTPS only");
    assert!(events(&clinic.engine, "user.login").is_empty());
}

#[test]
fn wire_21_a_failure_of_the_machine_is_told_to_the_client_too_and_decides_nothing() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let consent = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &consent);
    let impatient = clinic.place.options_at(&clinic.clock).busy_timeout(Duration::from_millis(50));
    let impatient = Engine::open(&impatient).unwrap();
    let sqlite = clinic.place.sqlite();
    sqlite.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = format!("pending={}&action=approve", sealed(&consent));
    let request = Request::post(AUTHORIZE, body).header("Cookie", browser.cookie.clone().unwrap());
    assert_eq!(error_of(&request.send(&impatient)), "temporarily_unavailable");
    sqlite.execute_batch("ROLLBACK").unwrap();
    code_of(&request.send(&impatient));
}

#[test]
fn wire_21_a_correlation_id_that_cannot_be_kept_is_told_on_a_page() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let query = query(&id);
    let context = Context { correlation_id: Some("a\nb"), ..bench() };
    let request = Request::get(AUTHORIZE).query(&query).within(context);
    assert_problem(&request.send(&clinic.engine), "correlation id");
}

#[test]
fn wire_22_only_the_port_of_a_loopback_address_may_differ() {
    let clinic = clinic();
    let id = page(&clinic, json!({"redirect_uris": ["http://127.0.0.1/back"]}));
    let asked = query(&id).replace(BACK, "http://127.0.0.1:51234/back");
    let response = allow(&clinic, AUTHORIZE, &asked);
    let (place, parameters) = redirect(&response);
    assert_eq!(place, "http://127.0.0.1:51234/back");
    let redeem = crate::browser::redeem(&id, &parameters["code"]);
    let exact = redeem.replace(BACK, "http://127.0.0.1:51234/back");
    // The registered one is not the one that the code was sent to.
    assert_eq!(ask(redeem.replace(BACK, "http://127.0.0.1/back")).send(&clinic.engine).status, 400);
    assert_eq!(ask(exact).send(&clinic.engine).status, 200);
}

#[test]
fn wire_23_pkce_is_required_and_plain_is_refused_said_or_meant() {
    let clinic = clinic();
    let (page, server) = (page(&clinic, json!({})), server(&clinic, json!({})));
    for id in [&page, &server.id] {
        let whole = query(id);
        let (bare, _) = whole.split_once("&code_challenge=").unwrap();
        let unnamed = whole.replace("&code_challenge_method=S256", "");
        let plain = whole.replace("=S256", "=plain");
        for query in [bare, &unnamed, &plain] {
            let response = Browser::default().open(&clinic, AUTHORIZE, query);
            assert_eq!(error_of(&response), "invalid_request", "{query}");
        }
    }
}

#[test]
fn dialects_doing_without_pkce_is_audited() {
    let clinic = clinic();
    let id = page(&clinic, json!({"danger_allow_no_pkce": true}));
    clinic.call("client.update", json!({"client_id": id, "danger_allow_no_pkce": false}));
    clinic.call("client.update", json!({"client_id": id, "danger_allow_no_pkce": false}));
    clinic.call("client.update", json!({"client_id": id, "danger_allow_no_pkce": true}));
    let told: Vec<_> = ["client.create", "client.update"]
        .into_iter()
        .flat_map(|event| events(&clinic.engine, event))
        // The dialects' own clients came before it.
        .filter(|row| row["client"] == id)
        .map(|row| row["detail"]["danger_allow_no_pkce"].clone())
        .collect();
    assert_eq!(told, [json!("true"), json!("false"), json!(null), json!("true")]);
}

#[test]
fn wire_25_a_page_gets_its_code_with_state_and_issuer_and_tokens_for_the_user() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let response = allow(&clinic, AUTHORIZE, &format!("{}&scope=lab:read", query(&id)));
    let (place, parameters) = redirect(&response);
    assert_eq!(place, BACK);
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    assert_eq!(parameters["iss"], "https://localhost");
    assert_eq!(parameters["state"], "a b&");
    assert_eq!(parameters["code"].len(), 43);
    let tokens = ask(crate::browser::redeem(&id, &parameters["code"])).send(&clinic.engine);
    assert_eq!(tokens.status, 200, "{}", text(&tokens));
    let tokens = json(&tokens);
    assert_eq!((&tokens["scope"], &tokens["token_type"]), (&json!("lab:read"), &json!("Bearer")));
    let principal = verify(&clinic.engine, tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(principal.kind, PrincipalKind::User);
    assert_eq!((principal.subject, principal.client_id), (anna(&clinic), id.clone()));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refresh = ask(format!("grant_type=refresh_token&client_id={id}&refresh_token={refresh}"));
    assert_eq!(refresh.send(&clinic.engine).status, 200);
    let approved = events(&clinic.engine, "grant.approve");
    assert_eq!(approved.len(), 1);
    assert_eq!(approved[0]["actor"], anna(&clinic));
    assert_eq!((&approved[0]["scope"], &approved[0]["client"]), (&json!("lab:read"), &json!(id)));
    assert_eq!(events(&clinic.engine, "token.issue")[0]["grant_id"], approved[0]["grant_id"]);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn wire_25_no_state_is_repeated_where_none_came_and_none_can_split_the_response() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let without = query(&id).replace("&state=a%20b%26", "");
    let (_, parameters) = redirect(&allow(&clinic, AUTHORIZE, &without));
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["code", "iss"]);
    for state in ["%0d%0aSet-Cookie:x=1", "%00", "x%0a", "a&state=b"] {
        let query = query(&id).replace("a%20b%26", state);
        let response = Browser::default().open(&clinic, AUTHORIZE, &query);
        let (_, parameters) = redirect(&response);
        assert_eq!(parameters["error"], "invalid_request");
        assert!(!parameters.contains_key("state"));
        assert!(response.headers.iter().all(|(_, value)| !value.contains(char::is_control)));
    }
    let quotes = query(&id).replace("a%20b%26", "%22%3E%3Cscript%3E%26%23%3F%3Bcode%3Dx%E2%82%AC");
    let (_, parameters) = redirect(&allow(&clinic, AUTHORIZE, &quotes));
    assert_eq!(parameters["state"], "\"><script>&#?;code=x\u{20ac}");
}

#[test]
fn wire_26_the_pages_keep_to_themselves() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let set = login.header("Set-Cookie").unwrap();
    assert!(
        set.starts_with("__Host-wardkey=")
            && set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax")
    );
    let consent = browser.sign_in(&clinic, &login);
    let problem = Browser::default().open(&clinic, AUTHORIZE, "");
    for (page, action) in [
        (&login, "form-action 'self' https://portal.example;"),
        (&consent, "form-action 'self' https://portal.example;"),
        (&problem, "form-action 'none';"),
    ] {
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains(action), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.header("X-Frame-Options"), Some("DENY"));
        assert_eq!(page.header("Referrer-Policy"), Some("same-origin"));
        assert_eq!(page.header("Cache-Control"), Some("no-store"));
    }
    assert!(text(&consent).contains("Read lab orders and results"));
    assert!(text(&consent).contains("anna") && text(&consent).contains("Portal"));
    // What the user does not have is not offered.
    assert!(!text(&consent).contains("billing:read"));
    assert_eq!(consent.header("Set-Cookie"), None);
    let done = browser.submit(&clinic, &consent, "action=approve");
    assert_eq!((done.status, done.body.len()), (303, 0));
    assert_eq!(done.header("Cache-Control"), Some("no-store"));
}

#[test]
fn wire_26_wrong_user_wrong_password_and_disabled_user_get_one_message() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let off = json!({"username": "otto", "password": "nobodys guess", "enabled": false});
    clinic.call("user.create", off);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let pages = [
        "username=anna&password=wrong+guess&action=login",
        "username=nobody&password=nobodys+guess&action=login",
        "username=otto&password=nobodys+guess&action=login",
        "username=anna&password=&action=login",
    ]
    .map(|fields| browser.submit(&clinic, &login, fields));
    for page in &pages {
        assert_eq!(page.status, 200);
        assert!(text(page).contains("The user name or the password is wrong."), "{}", text(page));
        assert_eq!(page.header("Location"), None);
    }
    // The page is the same one, to be filled in again.
    assert_eq!(browser.sign_in(&clinic, &pages[0]).status, 200);
    let reasons: Vec<_> =
        events(&clinic.engine, "user.login").into_iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(
        reasons,
        [json!("password_wrong"), json!("user_unknown"), json!("user_disabled"), json!(null)]
    );
    assert_eq!(events(&clinic.engine, "user.login")[0]["client"], id);
}

#[test]
fn wire_26_guesses_wait() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    for _ in 0..6 {
        browser.submit(&clinic, &login, "username=anna&password=wrong+guess&action=login");
    }
    let waits = browser.sign_in(&clinic, &login);
    assert_eq!((waits.status, waits.header("Retry-After")), (429, Some("1")));
    assert!(text(&waits).contains("Too many attempts"));
    clinic.pass(1);
    assert!(text(&browser.sign_in(&clinic, &login)).contains("value=\"approve\""));
}

#[test]
fn wire_27_a_denial_is_told_to_the_client_once_and_gives_nothing() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    // Before anybody has signed in, it decides nothing.
    assert_eq!(error_of(&browser.submit(&clinic, &login, "action=deny")), "access_denied");
    let consent = browser.sign_in(&clinic, &login);
    assert_eq!(error_of(&browser.submit(&clinic, &consent, "action=deny")), "access_denied");
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    clinic.pass(11);
    assert_problem(&browser.submit(&clinic, &consent, "action=deny"), "answered already");
    let rows = events(&clinic.engine, "grant.refuse");
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["reason"], &rows[0]["actor"]),
        (&json!("access_refused"), &json!(anna(&clinic)))
    );
    assert!(events(&clinic.engine, "grant.approve").is_empty());
}

#[test]
fn wire_27_an_approval_counts_once_also_in_another_process() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    code_of(&browser.submit(&clinic, &consent, "action=approve"));
    clinic.pass(11);
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    let other = clinic.place.open_at(&clinic.clock);
    let body = format!("pending={}&action=approve", sealed(&consent));
    let request = Request::post(AUTHORIZE, body).header("Cookie", browser.cookie.unwrap());
    assert_problem(&request.send(&other), "answered already");
    assert_eq!(events(&clinic.engine, "grant.approve").len(), 1);
}

#[test]
fn wire_27_another_browsers_page_is_not_answered() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (mut hers, mut his) = (Browser::default(), Browser::default());
    let login = hers.open(&clinic, AUTHORIZE, &query(&id));
    his.open(&clinic, AUTHORIZE, &query(&id));
    let consent = hers.sign_in(&clinic, &login);
    for browser in [his, Browser::default(), Browser { cookie: Some("__Host-wardkey=x".into()) }] {
        assert_problem(&browser.sign_in(&clinic, &login), "did not send the cookie");
        for action in ["action=approve", "action=deny"] {
            let response = browser.submit(&clinic, &consent, action);
            assert_problem(&response, "did not send the cookie");
        }
    }
    assert_eq!(events(&clinic.engine, "user.login").len(), 1);
    code_of(&hers.submit(&clinic, &consent, "action=approve"));
    // Two windows of one browser go on side by side.
    let second = hers.open(&clinic, AUTHORIZE, &query(&id));
    assert_eq!(second.header("Set-Cookie"), None);
    hers.sign_in(&clinic, &second);
}

#[test]
fn wire_27_nobody_approves_before_signing_in() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    assert_problem(&browser.submit(&clinic, &login, "action=approve"), "nobody has signed in");
    assert!(events(&clinic.engine, "grant.approve").is_empty());
}

#[test]
fn wire_27_a_page_lives_ten_minutes() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    clinic.pass(599);
    let consent = browser.sign_in(&clinic, &login);
    assert!(text(&consent).contains("value=\"approve\""));
    clinic.pass(1);
    assert_problem(&browser.sign_in(&clinic, &login), "open for too long");
    for action in ["action=approve", "action=deny"] {
        assert_problem(&browser.submit(&clinic, &consent, action), "open for too long");
    }
}

#[test]
fn wire_27_a_form_that_we_did_not_seal_is_nothing() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let real = sealed(&login);
    let other = crate::browser::clinic();
    let foreign =
        sealed(&Browser::default().open(&other, AUTHORIZE, &query(&page(&other, json!({})))));
    let cut = real[..real.len() - 2].to_owned();
    for pending in ["x".to_owned(), cut, real.replacen('A', "B", 1) + "AA", foreign] {
        let body = format!("pending={pending}&{SIGN_IN}");
        let request = Request::post(AUTHORIZE, body);
        let request = request.header("Cookie", browser.cookie.clone().unwrap());
        assert_problem(&request.send(&clinic.engine), "cannot be understood");
    }
}

#[test]
fn a_client_or_user_that_ends_at_any_step_gets_no_code() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let user_id = anna(&clinic);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    clinic.call("client.disable", json!({"client_id": id}));
    assert_eq!(error_of(&browser.sign_in(&clinic, &login)), "access_denied");
    assert_eq!(error_of(&browser.submit(&clinic, &consent, "action=approve")), "access_denied");
    clinic.call("client.enable", json!({"client_id": id}));

    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    clinic.call("user.disable", json!({"user_id": user_id}));
    assert_eq!(error_of(&browser.submit(&clinic, &consent, "action=approve")), "access_denied");
    clinic.call("user.enable", json!({"user_id": user_id}));

    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let password = json!({"user_id": user_id, "password": "another guess"});
    clinic.call("user.set_password", password);
    assert_eq!(error_of(&browser.submit(&clinic, &consent, "action=approve")), "access_denied");
    clinic.call("user.set_password", json!({"user_id": user_id, "password": "nobodys guess"}));

    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let elsewhere = json!({"client_id": id, "redirect_uris": ["https://portal.example/new"]});
    clinic.call("client.update", elsewhere);
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "is not its own");
    clinic.call("client.delete", json!({"client_id": id}));
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "is not known");
    assert!(events(&clinic.engine, "grant.approve").is_empty());
    let reasons: Vec<_> = events(&clinic.engine, "grant.refuse")
        .into_iter()
        .map(|row| row["reason"].clone())
        .collect();
    assert_eq!(reasons.last(), Some(&json!("user_tokens_revoked")));
}

#[test]
fn nobody_has_said_yes_to_more_than_the_page_showed() {
    let clinic = clinic();
    let id = page(&clinic, json!({"scope": "lab:read lab:write"}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let wider = json!({"client_id": id, "scope": "lab:read billing:read patients:read"});
    clinic.call("client.update", wider);
    let words = json!({"user_id": anna(&clinic), "scope": "lab:read patients:read billing:read"});
    clinic.call("user.update", words);
    let code = code_of(&browser.submit(&clinic, &consent, "action=approve"));
    let tokens = json(&ask(crate::browser::redeem(&id, &code)).send(&clinic.engine));
    assert_eq!(tokens["scope"], "lab:read");

    let login = browser.open(&clinic, AUTHORIZE, &format!("{}&scope=patients:read", query(&id)));
    let consent = browser.sign_in(&clinic, &login);
    let other = json!({"user_id": anna(&clinic), "scope": "lab:read"});
    clinic.call("user.update", other);
    let response = browser.submit(&clinic, &consent, "action=approve");
    assert_eq!(error_of(&response), "access_denied");
}

#[test]
fn a_user_who_has_nothing_of_what_is_asked_for_cannot_allow_it() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &format!("{}&scope=billing:read", query(&id)));
    assert_eq!(error_of(&browser.sign_in(&clinic, &login)), "access_denied");
    let rows = events(&clinic.engine, "grant.refuse");
    assert_eq!(rows[0]["reason"], "insufficient_scope");
}

#[test]
fn wire_41_the_authorization_endpoint_never_sends_cors() {
    let clinic = clinic();
    let id = page(&clinic, json!({"allowed_origins": ["https://portal.example"]}));
    let query = query(&id);
    let get = Request::get(AUTHORIZE).query(&query).header("Origin", "https://portal.example");
    let preflight = get.clone().method("OPTIONS").header("Access-Control-Request-Method", "GET");
    assert_eq!(preflight.send(&clinic.engine).status, 405);
    for response in [get.send(&clinic.engine), preflight.send(&clinic.engine)] {
        assert!(response.headers.iter().all(|(name, _)| !name.starts_with("Access-Control")));
    }
}
