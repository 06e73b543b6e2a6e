//! Conformance 27: a host that has its own users renders its own page.

use crate::browser::{
    AUTHORIZE, BACK, Browser, anna, assert_problem, clinic, code_of, error_of, page, query, redeem,
};
use crate::common::{bench, error_of as failure_of, events, verify};
use crate::http::{Clinic, ask, json, text};
use serde_json::json;
use wardkey::{Context, Decision, Error, HttpRequest, HttpResponse, Pending};

/// What the host gets for a client's request from a browser with this cookie.
fn pending(clinic: &Clinic, query: &str, cookie: Option<&str>) -> Result<Pending, HttpResponse> {
    let headers: Vec<(&str, &[u8])> =
        cookie.iter().map(|cookie| ("Cookie", cookie.as_bytes())).collect();
    let request = HttpRequest {
        method: "GET",
        path: AUTHORIZE,
        query,
        headers: &headers,
        ..HttpRequest::default()
    };
    clinic.engine.pending(&request, &bench()).unwrap()
}

fn cookie_of(pending: &Pending) -> String {
    pending.set_cookie.as_ref().unwrap().split(';').next().unwrap().to_owned()
}

fn decide(
    clinic: &Clinic,
    pending: &Pending,
    cookie: &str,
    decision: Decision<'_>,
) -> HttpResponse {
    let headers: &[(&str, &[u8])] = &[("cookie", cookie.as_bytes())];
    clinic.engine.decide(&pending.handle, headers, decision, &bench()).unwrap()
}

/// How the browser is answered when this user of the host's allows the client all that it asks for.
pub(crate) fn answer(clinic: &Clinic, client_id: &str, subject: &str) -> HttpResponse {
    let pending = pending(clinic, &query(client_id), None).unwrap();
    let yes = Decision::Approve { subject, scope: None };
    decide(clinic, &pending, &cookie_of(&pending), yes)
}

/// The code that a user of the host's gives the client.
#[track_caller]
pub(crate) fn approve(clinic: &Clinic, client_id: &str, subject: &str) -> String {
    code_of(&answer(clinic, client_id, subject))
}

const YES: Decision<'static> = Decision::Approve { subject: "dr.eva", scope: None };

#[test]
fn wire_27_a_hosts_user_allows_and_the_client_gets_tokens_in_their_name() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let asked = format!("{}&scope=lab:read%20lab:write", query(&id));
    let pending = pending(&clinic, &asked, None).unwrap();
    assert_eq!((&*pending.client_id, &*pending.client_name), (&*id, "Portal"));
    assert_eq!(pending.redirect_uri, BACK);
    let words: Vec<&str> = pending.scopes.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["lab:read", "lab:write"]);
    assert_eq!(pending.scopes[0].1, "Read lab orders and results");
    let some = Decision::Approve { subject: "dr.eva", scope: Some("lab:read billing:read") };
    let response = decide(&clinic, &pending, &cookie_of(&pending), some);
    assert!(response.header("Wardkey-Request-Id").is_some());
    let tokens = json(&ask(redeem(&id, &code_of(&response))).send(&clinic.engine));
    assert_eq!(tokens["scope"], "lab:read");
    let principal = verify(&clinic.engine, tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(principal.subject, "usr_.dr.eva");
    let user = clinic.call("user.read", json!({"user_id": "usr_.dr.eva"}));
    assert_eq!((&user["origin"], &user["scope"]), (&json!("host"), &json!("lab:read")));
    assert_eq!(events(&clinic.engine, "grant.approve")[0]["actor"], "usr_.dr.eva");
    let born = events(&clinic.engine, "user.create");
    assert_eq!(
        born.last().unwrap()["request"],
        events(&clinic.engine, "grant.approve")[0]["request"]
    );
    // A host's user has no password here.
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let tried =
        browser.submit(&clinic, &login, "username=dr.eva&password=nobodys+guess&action=login");
    assert!(text(&tried).contains("is wrong"));
}

#[test]
fn wire_27_a_hosts_decision_counts_once_with_the_browsers_cookie_and_for_ten_minutes() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let first = pending(&clinic, &query(&id), None).unwrap();
    let cookie = cookie_of(&first);
    let other = cookie_of(&pending(&clinic, &query(&id), None).unwrap());
    for decision in [YES, Decision::Deny] {
        assert_problem(&decide(&clinic, &first, &other, decision), "did not send the cookie");
        assert_problem(&decide(&clinic, &first, "", decision), "did not send the cookie");
    }
    assert_eq!(error_of(&decide(&clinic, &first, &cookie, Decision::Deny)), "access_denied");
    assert_problem(&decide(&clinic, &first, &cookie, YES), "answered already");
    assert_eq!(events(&clinic.engine, "grant.refuse").len(), 1);
    let second = pending(&clinic, &query(&id), Some(&cookie)).unwrap();
    assert_eq!(second.set_cookie, None);
    clinic.pass(600);
    assert_problem(&decide(&clinic, &second, &cookie, YES), "open for too long");
    assert!(events(&clinic.engine, "grant.approve").is_empty());
}

#[test]
fn wire_27_a_hosts_user_who_is_disabled_or_allows_nothing_gives_nothing() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let first = pending(&clinic, &query(&id), None).unwrap();
    let cookie = cookie_of(&first);
    let nothing = Decision::Approve { subject: "dr.eva", scope: Some("pharmacy:read") };
    assert_eq!(error_of(&decide(&clinic, &first, &cookie, nothing)), "access_denied");
    let second = pending(&clinic, &query(&id), Some(&cookie)).unwrap();
    let code = code_of(&decide(&clinic, &second, &cookie, YES));
    clinic.call("user.disable", json!({"user_id": "usr_.dr.eva"}));
    assert_eq!(ask(redeem(&id, &code)).send(&clinic.engine).status, 400);
    let third = pending(&clinic, &query(&id), Some(&cookie)).unwrap();
    assert_eq!(error_of(&decide(&clinic, &third, &cookie, YES)), "access_denied");
}

#[test]
fn wire_27_what_cannot_be_asked_is_answered_and_what_cannot_be_decided_is_an_error() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let wrong = pending(&clinic, &query(&id).replace("=code&", "=token&"), None).unwrap_err();
    assert_eq!(error_of(&wrong), "unsupported_response_type");
    let unknown = pending(&clinic, &query("nobody"), None).unwrap_err();
    assert_problem(&unknown, "is not known");
    let query = query(&id);
    let request = HttpRequest { method: "GET", query: &query, ..HttpRequest::default() };
    let insecure = Context { secure: false, ..bench() };
    let response = clinic.engine.pending(&request, &insecure).unwrap().unwrap_err();
    assert_problem(&response, "over HTTPS only");
    for decision in [
        Decision::Approve { subject: "", scope: None },
        Decision::Approve { subject: "dr eva", scope: None },
        Decision::Approve { subject: "dr.eva", scope: Some(" ") },
    ] {
        let error = failure_of(clinic.engine.decide("x", &[], decision, &bench()));
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    }
    // The library's own users are not the host's to speak for.
    let pending = pending(&clinic, &query, None).unwrap();
    let own = anna(&clinic);
    let decision = Decision::Approve { subject: &own, scope: None };
    let code = code_of(&decide(&clinic, &pending, &cookie_of(&pending), decision));
    let tokens = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    let principal = verify(&clinic.engine, tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(principal.subject, format!("usr_.{own}"));
}

#[test]
fn who_logged_in_at_our_own_page_gets_our_consent_page_from_a_host_that_has_both() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let fields = "username=anna&password=nobodys+guess&action=login";
    let on = browser.submit(&clinic, &login, fields);
    let address = on.header("Location").unwrap().strip_prefix('?').unwrap().to_owned();
    let consent = pending(&clinic, &address, browser.cookie.as_deref()).unwrap_err();
    assert!(text(&consent).contains("value=\"approve\""));
    code_of(&browser.submit(&clinic, &consent, "action=approve"));
    assert_problem(&pending(&clinic, "pending=x", None).unwrap_err(), "cannot be understood");
}

#[test]
fn what_an_administrator_took_from_a_hosts_user_stays_taken_whatever_the_host_approves() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let tokens = |code: &str| json(&ask(redeem(&id, code)).send(&clinic.engine));
    let scope_of_user =
        || clinic.call("user.read", json!({"user_id": "usr_.dr.eva"}))["scope"].clone();
    let first = tokens(&approve(&clinic, &id, "dr.eva"));
    assert_eq!(first["scope"], "lab:read lab:write billing:read");
    // Until an administrator says so, the host gives words.
    let wide = "lab:read lab:write billing:read emr:read";
    clinic.call("client.update", json!({"client_id": id, "scope": wide}));
    clinic.call("user.update", json!({"user_id": "usr_.dr.eva", "description": "on leave"}));
    assert_eq!(tokens(&approve(&clinic, &id, "dr.eva"))["scope"], wide);

    clinic.call("user.update", json!({"user_id": "usr_.dr.eva", "scope": "lab:read"}));
    clinic
        .call("client.update", json!({"client_id": id, "scope": format!("{wide} pharmacy:read")}));
    let later = tokens(&approve(&clinic, &id, "dr.eva"));
    assert_eq!(later["scope"], "lab:read");
    assert_eq!(scope_of_user(), "lab:read");
    let lost = clinic.call("token.introspect", json!({"token": first["access_token"]}));
    assert_eq!(lost["scope"], "lab:read");
    // Nothing of what is left is asked for: a refusal, as with a user of the library's own.
    clinic.call("client.update", json!({"client_id": id, "scope": "lab:write"}));
    assert_eq!(error_of(&answer(&clinic, &id, "dr.eva")), "access_denied");
    let refused = events(&clinic.engine, "grant.refuse");
    assert_eq!(refused.last().unwrap()["reason"], "insufficient_scope");
    assert_eq!(scope_of_user(), "lab:read");
    // Roles are words too, and an administrator's.
    clinic.call("role.create", json!({"name": "lead", "scope": "lab:write"}));
    clinic.call("user.update", json!({"user_id": "usr_.dr.eva", "roles": ["lead"]}));
    assert_eq!(tokens(&approve(&clinic, &id, "dr.eva"))["scope"], "lab:write");
}

#[test]
fn a_word_that_was_removed_while_the_page_was_open_is_left_out_of_the_decision() {
    let clinic = clinic();
    clinic.call("scope.add", json!({"scope": "x:y"}));
    for (left, expected) in [("lab:read", Ok("lab:read")), ("", Err("access_denied"))] {
        clinic.call("scope.add", json!({"scope": "x:z"}));
        let id = page(&clinic, json!({"scope": format!("x:z {left}").trim()}));
        let pending = pending(&clinic, &query(&id), None).unwrap();
        assert!(pending.scopes.iter().any(|(word, _)| word == "x:z"));
        clinic.call("client.update", json!({"client_id": id, "scope": left}));
        clinic.call("scope.remove", json!({"scope": "x:z"}));
        let response = decide(&clinic, &pending, &cookie_of(&pending), YES);
        match expected {
            Ok(scope) => {
                let tokens = json(&ask(redeem(&id, &code_of(&response))).send(&clinic.engine));
                assert_eq!(tokens["scope"], scope);
            }
            Err(error) => assert_eq!(error_of(&response), error),
        }
    }
    let user = clinic.call("user.read", json!({"user_id": "usr_.dr.eva"}));
    assert_eq!(user["scope"], "lab:read");
}

#[test]
fn however_many_words_add_up_a_hosts_user_can_go_on_allowing() {
    let clinic = clinic();
    let words = |letter: &str| -> Vec<String> {
        (0..33).map(|number| format!("{}:{number:02}", letter.repeat(118))).collect()
    };
    for letter in ["a", "b"] {
        for word in words(letter) {
            clinic.call("scope.add", json!({"scope": word}));
        }
        let scope = words(letter).join(" ");
        let id = page(&clinic, json!({"scope": scope}));
        let code = approve(&clinic, &id, "dr.eva");
        assert_eq!(json(&ask(redeem(&id, &code)).send(&clinic.engine))["scope"], scope);
    }
    let user = clinic.call("user.read", json!({"user_id": "usr_.dr.eva"}));
    assert!(user["scope"].as_str().unwrap().len() > 4096);
    // An administrator can change it still.
    clinic.call("user.update", json!({"user_id": "usr_.dr.eva", "description": "d"}));
    clinic.call("user.update", json!({"user_id": "usr_.dr.eva", "scope": "lab:read"}));
}
