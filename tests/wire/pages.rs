//! How a browser gets from one page to the next, and what the pages say.

use crate::browser::{
    AUTHORIZE, BACK, Browser, SIGN_IN, allow, anna, assert_problem, clinic, code_of, error_of,
    page, query, redirect, sealed,
};
use crate::common::events;
use crate::http::{Clinic, Request, text};
use serde_json::json;
use wardkey::HttpResponse;

/// Signs in by the page's form, and stops where that sends the browser.
fn signed_in(clinic: &Clinic, browser: &Browser, login: &HttpResponse) -> String {
    let response = browser.submit(clinic, login, SIGN_IN);
    assert_eq!((response.status, response.body.len()), (303, 0));
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    assert_eq!(response.header("Referrer-Policy"), Some("no-referrer"));
    assert_eq!(response.header("Set-Cookie"), None);
    let location = response.header("Location").unwrap();
    location.strip_prefix('?').unwrap_or_else(|| panic!("{location}")).to_owned()
}

#[test]
fn wire_26_a_right_password_leads_by_303_to_the_consent_page_which_any_reload_shows_again() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let address = signed_in(&clinic, &browser, &login);
    let consent = browser.load(&clinic, &address);
    assert_eq!(consent.status, 200);
    assert!(text(&consent).contains("value=\"approve\"") && text(&consent).contains("anna"));
    assert_eq!(browser.load(&clinic, &address).body, consent.body);
    code_of(&browser.submit(&clinic, &consent, "action=approve"));
    // Whoever goes back to it has nothing more to answer.
    assert_problem(&browser.load(&clinic, &address), "answered already");
    assert_eq!(events(&clinic.engine, "user.login").len(), 1);
}

#[test]
fn the_consent_pages_address_says_nothing_and_opens_nothing_without_the_browsers_cookie() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let (mut hers, mut his) = (Browser::default(), Browser::default());
    let login = hers.open(&clinic, AUTHORIZE, &query(&id));
    his.open(&clinic, AUTHORIZE, &query(&id));
    let address = signed_in(&clinic, &hers, &login);
    let sealed = address.strip_prefix("pending=").unwrap();
    assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    let cookie = hers.cookie.clone().unwrap();
    assert!(!address.contains(cookie.split_once('=').unwrap().1));
    for browser in [his, Browser::default(), Browser { cookie: Some("__Host-wardkey=x".into()) }] {
        let response = browser.load(&clinic, &address);
        assert_problem(&response, "did not send the cookie");
        assert_eq!(response.header("Set-Cookie"), None);
    }
    assert!(text(&hers.load(&clinic, &address)).contains("value=\"approve\""));
}

#[test]
fn the_consent_pages_address_counts_as_long_as_what_it_stands_for() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let user_id = anna(&clinic);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    // The login page's own seal shows no consent page.
    let unsigned = format!("pending={}", sealed(&login));
    assert_problem(&browser.load(&clinic, &unsigned), "nobody has signed in");
    let address = signed_in(&clinic, &browser, &login);
    for address in ["pending=x", &address[..address.len() - 2], &format!("{address}&{address}")] {
        assert_problem(&browser.load(&clinic, address), "cannot be understood");
    }
    clinic.call("client.disable", json!({"client_id": id}));
    assert_eq!(error_of(&browser.load(&clinic, &address)), "access_denied");
    clinic.call("client.enable", json!({"client_id": id}));
    clinic.call("user.disable", json!({"user_id": user_id}));
    assert_eq!(error_of(&browser.load(&clinic, &address)), "access_denied");
    clinic.call("user.enable", json!({"user_id": user_id}));
    clinic.pass(600);
    assert_problem(&browser.load(&clinic, &address), "open for too long");
    assert!(events(&clinic.engine, "grant.approve").is_empty());
    // A client may send parameters that we do not know (RFC 6749 3.1).
    let theirs = format!("{}&pending=x&pending=y", query(&id));
    assert_eq!(browser.open(&clinic, AUTHORIZE, &theirs).status, 200);
}

#[test]
fn a_request_too_long_for_an_address_is_asked_about_all_the_same() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let long = query(&id).replace("a%20b%26", &"%22".repeat(2000));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &long);
    let consent = browser.submit(&clinic, &login, SIGN_IN);
    assert_eq!((consent.status, consent.header("Location")), (200, None));
    let (_, parameters) = redirect(&browser.submit(&clinic, &consent, "action=approve"));
    assert_eq!(parameters["state"], "\"".repeat(2000));
}

#[test]
fn a_request_by_post_is_sent_on_as_a_get_and_touches_no_cookie() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    // Another site's form: browsers send it without our cookie.
    let asked = format!("{}&scope=lab:read", query(&id));
    let response = Request::post(AUTHORIZE, asked.clone()).send(&clinic.engine);
    assert_eq!((response.status, response.header("Set-Cookie")), (303, None));
    let onward = browser.follow(&clinic, response);
    assert_eq!((onward.status, onward.header("Set-Cookie")), (200, None));
    let consent = browser.sign_in(&clinic, &onward);
    let (place, parameters) = redirect(&browser.submit(&clinic, &consent, "action=approve"));
    assert_eq!((place.as_str(), parameters["state"].as_str()), (BACK, "a b&"));
    // What was begun before goes on.
    assert!(text(&browser.sign_in(&clinic, &login)).contains("value=\"approve\""));
    // Errors are told at once, without a cookie too.
    for (body, status) in [
        (asked.replace("=code&", "=token&"), 303),
        (asked.replace("portal.example", "evil.example"), 400),
        (asked.replace("a%20b%26", &"x".repeat(2040)), 303),
        (asked.replace("lab:read", &"lab:read%20".repeat(400)) + "lab:read", 413),
        ("pending=x&username=eve&password=hers&action=login".to_owned(), 400),
        ("pending=x&action=approve".to_owned(), 400),
    ] {
        let response = Request::post(AUTHORIZE, body).send(&clinic.engine);
        assert_eq!((response.status, response.header("Set-Cookie")), (status, None));
    }
}

#[test]
fn wire_26_a_callback_may_hop_on_to_where_its_client_is_registered() {
    let clinic = clinic();
    let id = page(
        &clinic,
        json!({
            "redirect_uris": [BACK, "https://app.example/start", "com.example.app:/back"],
            "allowed_origins": ["https://spa.example:8443"],
        }),
    );
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let expected = "; form-action 'self' https://portal.example https://app.example com.example.app: \
                    https://spa.example:8443; ";
    for page in [login, consent] {
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(policy.contains(expected), "{policy}");
    }
}

#[test]
fn the_clinics_own_words_are_on_every_page_at_the_next_request_of_every_process() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let other = clinic.place.open_at(&clinic.clock);
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    assert!(text(&login).contains("<html lang=\"en\" dir=\"ltr\">"));
    let texts = json!({
        "lang": "he", "dir": "rtl",
        "login_title": "\u{5db}\u{5e0}\u{5d9}\u{5e1}\u{5d4}",
        "consent_title": "\u{5d4}\u{5e8}\u{5e9}\u{5d0}\u{5d4}",
        "login_intro": "{clinic}: {client} <b>",
        "error_title": "\u{5e9}\u{5d2}\u{5d9}\u{5d0}\u{5d4}",
    });
    clinic.call("settings.set", json!({"clinic_name": "St. Anna", "texts": texts}));
    let asked = query(&id);
    let request = Request::get(AUTHORIZE).query(&asked);
    let elsewhere = text(&request.send(&other));
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let problem = browser.open(&clinic, AUTHORIZE, "");
    for (page, title) in [
        (elsewhere, &texts["login_title"]),
        (text(&login), &texts["login_title"]),
        (text(&consent), &texts["consent_title"]),
        (text(&problem), &texts["error_title"]),
    ] {
        assert!(page.contains("<html lang=\"he\" dir=\"rtl\">"), "{page}");
        assert!(page.contains(&format!("<h1>{}</h1>", title.as_str().unwrap())), "{page}");
        assert!(page.contains("<bdi>St. Anna</bdi></header>"), "{page}");
    }
    // A text is text; what is not replaced is ours.
    let intro = "<bdi>St. Anna</bdi></strong>: <strong><bdi>Portal</bdi></strong> &lt;b&gt;";
    assert!(text(&login).contains(intro), "{}", text(&login));
    assert!(text(&login).contains(">Password<"));
    clinic.call("settings.set", json!({"texts": {}}));
    assert!(text(&browser.open(&clinic, AUTHORIZE, &query(&id))).contains("lang=\"en\""));
    code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
}
