//! What somebody tries who makes up links and forms for other people's browsers.

use crate::browser::{
    AUTHORIZE, BACK, Browser, CHALLENGE, SIGN_IN, assert_problem, clinic, page, query, redirect,
    sealed,
};
use crate::common::events;
use crate::http::{Request, text};
use serde_json::json;
use wardkey::HttpResponse;

/// A request for this redirect URI, spelled as it is.
fn query_to(id: &str, uri: &str) -> String {
    query(id).replace(BACK, uri)
}

#[track_caller]
fn assert_goes_nowhere(response: &HttpResponse, tried: &str) {
    assert_eq!((response.status, response.header("Location")), (400, None), "{tried}");
    assert_eq!(response.header("Refresh"), None);
    let html = text(response);
    assert!(!html.contains("evil"), "{tried}: {html}");
    for (name, value) in &response.headers {
        assert!(!value.contains("evil") && !value.contains(char::is_control), "{tried}: {name}");
    }
}

/// Demands that none of these is taken for the registered one, asked for by GET or by POST.
#[track_caller]
fn assert_none_is_ours(uris: &[&str]) {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    for uri in uris {
        let asked = query_to(&id, uri);
        let get = Request::get(AUTHORIZE).query(&asked);
        for request in [get, Request::post(AUTHORIZE, asked.clone())] {
            assert_goes_nowhere(&request.send(&clinic.engine), uri);
        }
    }
}

#[test]
fn wire_22_no_other_host_is_taken_for_ours() {
    assert_none_is_ours(&[
        // Another host, in front of, behind or around ours.
        "https://evil.example/back",
        "https://portal.example.evil.example/back",
        "https://evilportal.example/back",
        "https://portal.example@evil.example/back",
        "https://portal.example:443@evil.example/back",
        "https://portal.example%40evil.example/back",
        "https://evil.example/https://portal.example/back",
        "https://evil.example?https://portal.example/back",
        "https://evil.example%23https://portal.example/back",
        "https://evil.example%5c@portal.example/back",
        // Backslashes, which browsers take for slashes.
        "https:\\\\evil.example\\back",
        "https://evil.example\\@portal.example/back",
        "https://portal.example\\.evil.example/back",
        "https:\\\\portal.example/back",
        "/\\evil.example/back",
        "%5c%5cevil.example/back",
        // A user's name.
        "https://evil@portal.example/back",
        "https://@portal.example/back",
        "https://:@portal.example/back",
    ]);
}

#[test]
fn wire_22_another_spelling_of_a_registered_place_is_another_place() {
    assert_none_is_ours(&[
        // The same place in another spelling is not the registered one.
        "HTTPS://portal.example/back",
        "https://Portal.example/back",
        "https://PORTAL.EXAMPLE/back",
        "https://portal.example/Back",
        "https://portal.example/back/",
        "https://portal.example//back",
        "https://portal.example/./back",
        "https://portal.example/x/../back",
        "https://portal.example/%2e%2e/back",
        "https://portal.example/%2562ack",
        "https%253A%252F%252Fportal.example%252Fback",
        "https://portal.example./back",
        "https://portal%252eexample/back",
        "https://xn--portal-.example/back",
        // Hosts that look or normalise alike: full width, Cyrillic, dots of other scripts, a soft hyphen.
        "https://%EF%BD%90ortal.example/back",
        "https://p%D0%BErtal.example/back",
        "https://portal%E3%80%82example/back",
        "https://portal%EF%BC%8Eexample/back",
        "https://por%C2%ADtal.example/back",
        "https://port%C3%A1l.example/back",
    ]);
}

#[test]
fn wire_22_another_port_scheme_or_end_is_another_place() {
    assert_none_is_ours(&[
        // Ports.
        "https://portal.example:443/back",
        "https://portal.example:/back",
        "https://portal.example:80/back",
        "https://portal.example:0443/back",
        "https://portal.example:65979/back",
        "https://portal.example:443%2F@evil.example/back",
        // Fragments and queries.
        "https://portal.example/back%23",
        "https://portal.example/back%23x",
        "https://portal.example/back%3F",
        "https://portal.example/back%3Fcode=x",
        "https://portal.example/back;x",
        // Other schemes.
        "http://portal.example/back",
        "//portal.example/back",
        "//evil.example/back",
        "/back",
        "back",
        "javascript:alert(1)//portal.example/back",
        "data:text/html,evil",
        "https:portal.example/back",
        "https:/portal.example/back",
        "https:///portal.example/back",
        // Blanks and ends of lines, within and around.
        "%20https://portal.example/back",
        "https://portal.example/back%20",
        "+https://portal.example/back",
        "https://portal.example/back%09",
        "https://portal.example/back%0a",
        "https://portal.example/back%0d%0aLocation:%20https://evil.example",
        "https://portal.example%00.evil.example/back",
        "https://portal.example/back%00",
        "%EF%BB%BFhttps://portal.example/back",
    ]);
}

#[test]
fn wire_22_a_loopback_address_lends_its_port_to_nobody_else() {
    let clinic = clinic();
    let id =
        page(&clinic, json!({"redirect_uris": ["http://127.0.0.1/back", "http://[::1]/back"]}));
    for uri in [
        "http://127.0.0.1:80@evil.example/back",
        "http://127.0.0.1:8080.evil.example/back",
        "http://127.0.0.1.evil.example:8080/back",
        "http://127.0.0.1:evil/back",
        "http://127.0.0.1:99999/back",
        "http://127.0.0.1:+80/back",
        "http://127.0.0.1:8080%5c@evil.example/back",
        "http://127.1:8080/back",
        "http://2130706433:8080/back",
        "http://0x7f.0.0.1:8080/back",
        "http://0177.0.0.1:8080/back",
        "http://127.0.0.2:8080/back",
        "http://localhost:8080/back",
        "http://[::ffff:127.0.0.1]:8080/back",
        "http://[::1%25evil]:8080/back",
        "http://[0:0:0:0:0:0:0:1]:8080/back",
        "https://127.0.0.1:8080/back",
        "http://127.0.0.1:8080/other",
    ] {
        let response = Browser::default().open(&clinic, AUTHORIZE, &query_to(&id, uri));
        assert_goes_nowhere(&response, uri);
    }
}

#[test]
fn wire_21_of_several_redirect_uris_none_is_chosen() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let evil = "https://evil.example/back";
    for asked in [
        format!("{}&redirect_uri={evil}", query(&id)),
        format!("redirect_uri={evil}&{}", query(&id)),
        format!("{}&redirect_uri={BACK}", query(&id)),
        format!("{}&redirect%5Furi={evil}", query(&id)),
        format!("{}&redirect_uri={evil}&redirect_uri=", query(&id)),
        format!("{}&client_id=wkc_evil", query(&id)),
    ] {
        assert_goes_nowhere(&Browser::default().open(&clinic, AUTHORIZE, &asked), &asked);
    }
    // Names that are others: ignored.
    for asked in [
        format!("{}&redirect_uri[]={evil}", query(&id)),
        format!("{}&Redirect_Uri={evil}", query(&id)),
        format!("{}&redirect_uri%00={evil}", query(&id)),
        format!("{};redirect_uri={evil}", query(&id)),
    ] {
        let response = Browser::default().open(&clinic, AUTHORIZE, &asked);
        assert!(!text(&response).contains("evil"), "{asked}");
        assert!(response.headers.iter().all(|(_, value)| !value.contains("https://evil")));
    }
}

#[test]
fn wire_25_no_state_splits_a_response_or_hides_another_parameter() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    for state in [
        "%0d%0aSet-Cookie:%20x=1",
        "%0aLocation:%20https://evil.example",
        "%0d",
        "x%00y",
        "%c2%85x",
        "%7f",
        "%1b[31m",
    ] {
        for asked in
            [query(&id).replace("a%20b%26", state), query(&id).replace("a%20b%26", "") + state]
        {
            let response = Browser::default().open(&clinic, AUTHORIZE, &asked);
            for (_, value) in &response.headers {
                assert!(!value.contains(char::is_control), "{state}: {value}");
            }
            assert!(response.header("Location").is_none_or(|to| to.starts_with(BACK)), "{state}");
        }
    }
    // Bytes that a host hands over undecoded.
    for raw in ["\r\nSet-Cookie: x=1", "\n", "\u{85}", "\u{2028}"] {
        let asked = query(&id).replace("a%20b%26", raw);
        let response = Browser::default().open(&clinic, AUTHORIZE, &asked);
        assert!(response.headers.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
    }
    // What is repeated is one value, whatever it holds.
    for state in ["a&code=evil&iss=evil", "a#code=evil", "a?b=c;d", "\u{2028}\u{202e}", "%250a"] {
        let mut encoded = String::new();
        for byte in state.bytes() {
            encoded.push_str(&format!("%{byte:02x}"));
        }
        let asked = query(&id).replace("a%20b%26", &encoded);
        let response = crate::browser::allow(&clinic, AUTHORIZE, &asked);
        assert!(response.header("Location").unwrap().is_ascii());
        let (place, parameters) = redirect(&response);
        assert_eq!(place, BACK);
        assert_eq!(parameters.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
        assert_eq!(parameters["state"], state);
    }
}

#[test]
fn nobody_is_logged_in_to_what_somebody_else_began() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    // Eve begins a login, even signs in, and has Anna's browser send her form or load her address.
    let mut eves = Browser::default();
    let login = eves.open(&clinic, AUTHORIZE, &query(&id));
    let eve = json!({"username": "eve", "password": "a guess of hers", "scope": "lab:read"});
    clinic.call("user.create", eve);
    let hers = "username=eve&password=a+guess+of+hers&action=login";
    let onward = eves.submit(&clinic, &login, hers);
    let address = onward.header("Location").unwrap().strip_prefix('?').unwrap().to_owned();
    let consent = eves.load(&clinic, &address);
    let mut annas = Browser::default();
    let own = annas.open(&clinic, AUTHORIZE, &query(&id));
    let logins = events(&clinic.engine, "user.login").len();
    // With Anna's cookie, as from a page of ours; without, as other sites' forms come; with a second one beside
    // it, as a sibling host might try.
    let twice = Browser { cookie: Some(format!("{0}; {0}", annas.cookie.clone().unwrap())) };
    for browser in [annas.clone(), Browser::default(), twice] {
        for (page, fields) in
            [(&login, hers), (&login, SIGN_IN), (&consent, "action=approve"), (&own, SIGN_IN)]
        {
            // Her own form from her own browser is the one that counts.
            if browser.cookie == annas.cookie && std::ptr::eq(page, &own) {
                continue;
            }
            let response = browser.submit(&clinic, page, fields);
            assert_problem(&response, "did not send the cookie");
            assert_eq!(response.header("Set-Cookie"), None);
        }
        assert_problem(&browser.load(&clinic, &address), "did not send the cookie");
    }
    assert_eq!(events(&clinic.engine, "user.login").len(), logins);
    assert!(events(&clinic.engine, "grant.approve").is_empty());
    assert!(text(&annas.sign_in(&clinic, &own)).contains("value=\"approve\""));
}

#[test]
fn what_a_page_seals_cannot_be_put_together_from_two() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let (one, two) = (sealed(&login), sealed(&consent));
    for mixed in [
        format!("{}{}", &one[..one.len() / 2], &two[two.len() / 2..]),
        format!("{}{}", &two[..24], &one[24..]),
        format!("{two}{one}"),
        format!("{two}%20"),
        format!("{two}="),
        two.to_lowercase(),
    ] {
        let body = format!("pending={mixed}&action=approve");
        let request = Request::post(AUTHORIZE, body);
        let request = request.header("Cookie", browser.cookie.clone().unwrap());
        assert_problem(&request.send(&clinic.engine), "cannot be understood");
    }
}

#[test]
fn no_page_may_be_framed_or_guessed_at() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let wrong = "username=anna&password=wrong+guess&action=login";
    let pages = [
        browser.submit(&clinic, &login, wrong),
        browser.submit(&clinic, &login, "action=approve"),
        browser.sign_in(&clinic, &login),
        Browser::default().open(&clinic, AUTHORIZE, &format!("challenge={CHALLENGE}")),
        login,
    ];
    for page in pages {
        let policy = page.header("Content-Security-Policy").unwrap();
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.split("; ").any(|found| found == directive), "{policy}");
        }
        assert_eq!(page.header("X-Frame-Options"), Some("DENY"));
        assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    }
}
