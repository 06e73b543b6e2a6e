//! A button that is pressed twice.

use crate::browser::{
    AUTHORIZE, BACK, Browser, anna, assert_invalid_grant, assert_problem, clinic, code_of,
    error_of, page, query, redeem, sealed,
};
use crate::common::{bench, events};
use crate::http::{Clinic, Request, ask, json, text};
use serde_json::json;
use wardkey::{Decision, HttpRequest, HttpResponse, Pending};

/// A browser on the consent page.
fn asked(clinic: &Clinic, id: &str) -> (Browser, HttpResponse) {
    let mut browser = Browser::default();
    let login = browser.open(clinic, AUTHORIZE, &query(id));
    let consent = browser.sign_in(clinic, &login);
    assert!(text(&consent).contains("value=\"approve\""));
    (browser, consent)
}

#[test]
fn a_second_press_of_allow_gets_the_very_same_redirect_and_no_second_code() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (browser, consent) = asked(&clinic, &id);
    let first = browser.submit(&clinic, &consent, "action=approve");
    let location = first.header("Location").map(str::to_owned);
    clinic.pass(10);
    let second = browser.submit(&clinic, &consent, "action=approve");
    assert_eq!(second.header("Location").map(str::to_owned), location);
    // In another process too.
    let other = clinic.place.open_at(&clinic.clock);
    let body = format!("pending={}&action=approve", sealed(&consent));
    let request = Request::post(AUTHORIZE, body).header("Cookie", browser.cookie.clone().unwrap());
    assert_eq!(request.send(&other).header("Location").map(str::to_owned), location);
    assert_eq!(events(&clinic.engine, "grant.approve").len(), 1);
    // The code is single-use, and once it is spent nobody is sent off with it.
    let code = code_of(&first);
    assert_eq!(ask(redeem(&id, &code)).send(&clinic.engine).status, 200);
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    assert_invalid_grant(&ask(redeem(&id, &code)).send(&clinic.engine));
}

#[test]
fn a_later_press_and_another_answer_are_told_that_it_was_answered() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (browser, consent) = asked(&clinic, &id);
    code_of(&browser.submit(&clinic, &consent, "action=approve"));
    assert_problem(&browser.submit(&clinic, &consent, "action=deny"), "answered already");
    clinic.pass(11);
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    assert_eq!(events(&clinic.engine, "grant.approve").len(), 1);
    assert!(events(&clinic.engine, "grant.refuse").is_empty());
}

#[test]
fn who_did_not_allow_it_first_does_not_allow_it_after() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (browser, consent) = asked(&clinic, &id);
    let first = browser.submit(&clinic, &consent, "action=deny");
    assert_eq!(error_of(&first), "access_denied");
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    let second = browser.submit(&clinic, &consent, "action=deny");
    assert_eq!(second.header("Location"), first.header("Location"));
    assert_eq!(events(&clinic.engine, "grant.refuse").len(), 1);
    assert!(events(&clinic.engine, "grant.approve").is_empty());
}

#[test]
fn a_second_press_of_an_allow_that_gave_nothing_gets_the_very_same_redirect() {
    let clinic = clinic();
    let id = page(&clinic, json!({"scope": "lab:read"}));
    let (browser, consent) = asked(&clinic, &id);
    clinic.call("user.update", json!({"user_id": anna(&clinic), "scope": ""}));
    let first = browser.submit(&clinic, &consent, "action=approve");
    assert_eq!(error_of(&first), "access_denied");
    // Whatever changes in between.
    clinic.call("user.update", json!({"user_id": anna(&clinic), "scope": "lab:read"}));
    let second = browser.submit(&clinic, &consent, "action=approve");
    assert_eq!(second.header("Location"), first.header("Location"));
    assert_problem(&browser.submit(&clinic, &consent, "action=deny"), "answered already");
    clinic.pass(11);
    assert_problem(&browser.submit(&clinic, &consent, "action=approve"), "answered already");
    assert_eq!(events(&clinic.engine, "grant.refuse").len(), 1);
}

#[test]
fn another_user_of_the_same_page_does_not_get_the_first_ones_code() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let otto = json!({"username": "otto", "password": "nobodys guess", "scope": "lab:read"});
    clinic.call("user.create", otto);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let hers = browser.sign_in(&clinic, &login);
    let his = "username=otto&password=nobodys+guess&action=login";
    let his = browser.follow(&clinic, browser.submit(&clinic, &login, his));
    code_of(&browser.submit(&clinic, &hers, "action=approve"));
    assert_problem(&browser.submit(&clinic, &his, "action=approve"), "answered already");
}

#[test]
fn a_code_whose_grant_has_ended_is_worth_nothing_however_often_it_is_told() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (browser, consent) = asked(&clinic, &id);
    code_of(&browser.submit(&clinic, &consent, "action=approve"));
    clinic.call("user.disable", json!({"user_id": anna(&clinic)}));
    let code = code_of(&browser.submit(&clinic, &consent, "action=approve"));
    assert_invalid_grant(&ask(redeem(&id, &code)).send(&clinic.engine));
}

#[test]
fn wire_27_a_hosts_decision_that_is_brought_twice_gets_the_same_redirect() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let asked = query(&id);
    let request =
        HttpRequest { method: "GET", path: AUTHORIZE, query: &asked, ..HttpRequest::default() };
    let pending = clinic.engine.pending(&request, &bench()).unwrap().unwrap();
    let decide = |pending: &Pending, subject, scope| {
        let cookie = pending.set_cookie.as_deref().unwrap().split(';').next().unwrap();
        let headers: &[(&str, &[u8])] = &[("Cookie", cookie.as_bytes())];
        let decision = Decision::Approve { subject, scope };
        clinic.engine.decide(&pending.handle, headers, decision, &bench()).unwrap()
    };
    let first = decide(&pending, "dr.eva", Some("lab:read"));
    let second = decide(&pending, "dr.eva", Some("lab:read"));
    assert_eq!(first.header("Location"), second.header("Location"));
    assert!(first.header("Location").unwrap().starts_with(BACK));
    // Another person, or other words, is another decision.
    assert_problem(&decide(&pending, "dr.ed", Some("lab:read")), "answered already");
    assert_problem(&decide(&pending, "dr.eva", None), "answered already");
    let tokens = json(&ask(redeem(&id, &code_of(&second))).send(&clinic.engine));
    assert_eq!(tokens["scope"], "lab:read");
    // A request that came by POST is no host's to show either: the browser's cookie comes with the GET.
    let form: &[(&str, &[u8])] = &[("Content-Type", b"application/x-www-form-urlencoded")];
    let body = asked.as_bytes();
    let post = HttpRequest { method: "POST", headers: form, body, ..HttpRequest::default() };
    let response = clinic.engine.pending(&post, &bench()).unwrap().unwrap_err();
    assert_eq!((response.status, response.header("Set-Cookie")), (303, None));
    assert!(response.header("Location").unwrap().starts_with('?'));
}
