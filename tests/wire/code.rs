//! Conformance 24, and the dialects: redeeming codes.

use crate::browser::{
    AUTHORIZE, BACK, VERIFIER, allow, anna, assert_invalid_grant, clinic, code_of, page, query,
    redeem, redirect, server,
};
use crate::common::{Registered, events, verify, why};
use crate::http::{
    Clinic, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, json, refusal, text,
};
use serde_json::{Value, json};
use std::sync::Barrier;
use std::thread;
use wardkey::Denied;

/// A code for the page `id`.
fn code(clinic: &Clinic, id: &str) -> String {
    code_of(&allow(clinic, AUTHORIZE, &query(id)))
}

#[track_caller]
fn tokens(clinic: &Clinic, body: String) -> Value {
    let response = ask(body).send(&clinic.engine);
    assert_eq!(response.status, 200, "{}", text(&response));
    json(&response)
}

/// The true reason of the last refusal.
fn last_reason(clinic: &Clinic) -> Value {
    let rows = events(&clinic.engine, "token.deny");
    rows.last().unwrap()["reason"].clone()
}

/// Writes twice.
fn add_scopes(clinic: &Clinic, words: [&str; 2]) {
    for word in words {
        clinic.call("scope.add", json!({"scope": word}));
    }
}

fn refused(clinic: &Clinic, client: &Registered, body: String) -> Value {
    assert_invalid_grant(&ask(body).by_client(client).send(&clinic.engine));
    last_reason(clinic)
}

#[test]
fn wire_24_a_server_redeems_its_code_by_its_secret() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    let code = code(&clinic, &client.id);
    let anonymous = ask(redeem(&client.id, &code)).send(&clinic.engine);
    assert_eq!(refusal(&anonymous), (401, "invalid_client".into()));
    let wrong = ask(redeem(&client.id, &code)).basic(&client.id, "wks_wrong").send(&clinic.engine);
    assert_eq!(refusal(&wrong), (401, "invalid_client".into()));
    let right = ask(redeem(&client.id, &code)).by_client(&client).send(&clinic.engine);
    assert_eq!(right.status, 200, "{}", text(&right));
    let names = crate::http::names(&right.body);
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    assert_eq!(json(&right)["scope"], "lab:read lab:write");
}

#[test]
fn wire_24_a_second_use_ends_what_the_first_gave() {
    let clinic = clinic();
    for pause in [0, 61, 3000] {
        let id = page(&clinic, json!({}));
        let code = code(&clinic, &id);
        let first = tokens(&clinic, redeem(&id, &code));
        let access = first["access_token"].as_str().unwrap();
        let refresh = first["refresh_token"].as_str().unwrap();
        verify(&clinic.engine, access).unwrap();
        clinic.pass(pause);
        assert_invalid_grant(&ask(redeem(&id, &code)).send(&clinic.engine));
        assert_eq!(why(verify(&clinic.engine, access)), Denied::GrantRevoked);
        let refresh = format!("grant_type=refresh_token&client_id={id}&refresh_token={refresh}");
        assert_invalid_grant(&ask(refresh).send(&clinic.engine));
        let rows = events(&clinic.engine, "grant.revoke");
        let row = rows.last().unwrap();
        assert_eq!((&row["reason"], &row["client"]), (&json!("code_spent"), &json!(id)));
        assert_eq!((&row["outcome"], &row["user"]), (&json!("denied"), &json!(anna(&clinic))));
        // Whoever goes on trying writes no more rows.
        assert_invalid_grant(&ask(redeem(&id, &code)).send(&clinic.engine));
        assert_eq!(events(&clinic.engine, "grant.revoke").len(), rows.len());
    }
}

#[test]
fn wire_24_only_a_use_that_succeeds_spends() {
    let clinic = clinic();
    let (client, other) = (server(&clinic, json!({})), server(&clinic, json!({})));
    let code = code(&clinic, &client.id);
    let whole = redeem(&client.id, &code);
    let wrong = "x".repeat(43);
    for (body, reason) in [
        (whole.replace(&code, &wrong), "code_unknown"),
        (whole.replace(VERIFIER, &wrong), "verifier_wrong"),
        (whole.replace(VERIFIER, "short"), "verifier_wrong"),
        (whole.replace(VERIFIER, ""), "verifier_wrong"),
        (whole.replace(BACK, ""), "redirect_uri_wrong"),
        (whole.replace(BACK, "https://portal.example/back/"), "redirect_uri_wrong"),
        (whole.replace(BACK, "https://PORTAL.example/back"), "redirect_uri_wrong"),
        (whole.replace(BACK, "https%3A%2F%2Fportal.example%2F%62ack%20"), "redirect_uri_wrong"),
    ] {
        assert_eq!(refused(&clinic, &client, body), reason);
    }
    assert_eq!(refused(&clinic, &other, redeem(&other.id, &code)), "code_foreign");
    let missing = ask(whole.replace(&code, "")).by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&missing), (400, "invalid_request".into()));
    let escaped = whole.replace(BACK, "https%3A%2F%2Fportal.example%2Fback");
    let right = ask(escaped).by_client(&client).send(&clinic.engine);
    assert_eq!(right.status, 200, "{}", text(&right));
    // Nor is a wrong one a second use.
    let access = json(&right)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(refused(&clinic, &other, redeem(&other.id, &code)), "code_foreign");
    assert_eq!(refused(&clinic, &client, whole.replace(VERIFIER, &wrong)), "verifier_wrong");
    verify(&clinic.engine, &access).unwrap();
}

#[test]
fn wire_24_a_code_lives_sixty_seconds() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    let (early, late) = (code(&clinic, &client.id), code(&clinic, &client.id));
    clinic.pass(59);
    let right = ask(redeem(&client.id, &early)).by_client(&client).send(&clinic.engine);
    assert_eq!(right.status, 200);
    clinic.pass(1);
    assert_eq!(refused(&clinic, &client, redeem(&client.id, &late)), "code_expired");
}

#[test]
fn wire_24_of_eight_that_redeem_one_code_at_once_at_most_one_succeeds() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    for _ in 0..4 {
        let code = code(&clinic, &client.id);
        let barrier = Barrier::new(8);
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let request = ask(redeem(&client.id, &code)).by_client(&client);
                        barrier.wait();
                        request.send(&clinic.engine)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        let access = json(won[0])["access_token"].as_str().unwrap().to_owned();
        assert_eq!(why(verify(&clinic.engine, &access)), Denied::GrantRevoked);
        answers.iter().filter(|answer| answer.status != 200).for_each(assert_invalid_grant);
    }
}

#[test]
fn wire_24_a_code_is_stored_as_a_digest_and_goes_with_its_grant() {
    let clinic = clinic();
    let id = page(&clinic, json!({"grant_types": ["authorization_code"]}));
    let code = code(&clinic, &id);
    let count = |table: &str| -> u32 {
        let sql = format!("SELECT count(*) FROM {table}");
        clinic.place.sqlite().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let unused = crate::code::code(&clinic, &id);
    assert_eq!((count("code"), count("user_grant")), (2, 2));
    let first = tokens(&clinic, redeem(&id, &code));
    assert!(first.get("refresh_token").is_none());
    // The one that nobody redeemed goes an hour after its minute, the other one after its token.
    clinic.pass(3600 + 62);
    // The first write after so long tells the other processes what time it is.
    add_scopes(&clinic, ["a:b", "a:c"]);
    assert_eq!((count("code"), count("user_grant")), (1, 1));
    clinic.pass(3601);
    add_scopes(&clinic, ["a:d", "a:e"]);
    assert_eq!((count("code"), count("user_grant"), count("decided_request")), (0, 0, 0));
    clinic.engine.close().unwrap();
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(clinic.place.beside(suffix)).unwrap_or_default();
        for code in [&code, &unused] {
            assert!(!bytes.windows(43).any(|part| part == code.as_bytes()), "{suffix}");
        }
    }
}

#[test]
fn a_client_or_user_that_ends_before_the_code_is_redeemed_gets_no_token() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    let user_id = anna(&clinic);
    let whole = |code: &str| redeem(&client.id, code);
    let first = code(&clinic, &client.id);
    clinic.call("client.disable", json!({"client_id": client.id}));
    let disabled = ask(whole(&first)).by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&disabled), (401, "invalid_client".into()));
    clinic.call("client.enable", json!({"client_id": client.id}));
    clinic.call("user.disable", json!({"user_id": user_id}));
    let end = ask(whole(&first)).by_client(&client).send(&clinic.engine);
    assert_invalid_grant(&end);
    clinic.call("user.enable", json!({"user_id": user_id}));
    // Disabling had ended all that the user had given.
    assert_eq!(refused(&clinic, &client, whole(&first)), "user_tokens_revoked");

    let second = code(&clinic, &client.id);
    clinic.call("client.revoke", json!({"client_id": client.id}));
    assert_eq!(refused(&clinic, &client, whole(&second)), "client_tokens_revoked");

    let third = code(&clinic, &client.id);
    clinic.call("client.update", json!({"client_id": client.id, "scope": "lab:read"}));
    let narrowed = ask(whole(&third)).by_client(&client).send(&clinic.engine);
    assert_eq!(json(&narrowed)["scope"], "lab:read");

    let fourth = code(&clinic, &client.id);
    clinic.call("client.update", json!({"client_id": client.id, "grant_types": ["refresh_token"]}));
    let unregistered = ask(whole(&fourth)).by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&unregistered), (400, "unauthorized_client".into()));
    let grants = json!(["authorization_code"]);
    clinic.call("client.update", json!({"client_id": client.id, "grant_types": grants}));
    clinic.call("user.delete", json!({"user_id": user_id}));
    assert_eq!(refused(&clinic, &client, whole(&fourth)), "user_unknown");
}

#[test]
fn dialects_drchronos_client_works_as_its_page_shows() {
    let clinic = Clinic::open();
    let words = "labs:read labs:write messages:read messages:write patients:read patients:write \
                 patients:summary:read patients:summary:write settings:read settings:write tasks:read \
                 tasks:write user:read user:write billing:patient-payment:read \
                 billing:patient-payment:write billing:read billing:write calendar:read calendar:write \
                 clinical:read clinical:write";
    let anna = json!({"username": "anna", "password": "nobodys guess", "scope": words});
    clinic.call("user.create", anna);
    // The page's client sends no code_challenge, as Postman does not by default.
    let client = server(
        &clinic,
        json!({
            "client_name": "Bookadoc", "scope": words, "redirect_uris": ["https://www.bookadoc.com"],
            "danger_allow_no_pkce": true,
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        }),
    );
    let scope = words.replace(' ', "%20").replace(':', "%3A");
    let query = format!(
        "response_type=code&state=&client_id={}&scope={scope}\
         &redirect_uri=https%3A%2F%2Fwww.bookadoc.com",
        client.id
    );
    for (authorize, token) in [("/o/authorize/", "/o/token/"), ("/o/authorize", "/o/token")] {
        let (place, parameters) = redirect(&allow(&clinic, authorize, &query));
        assert_eq!(place, "https://www.bookadoc.com");
        let body = format!(
            "grant_type=authorization_code&code={}&redirect_uri=https%3A%2F%2Fwww.bookadoc.com",
            parameters["code"]
        );
        let response = Request::post(token, body).by_client(&client).send(&clinic.engine);
        assert_eq!(response.status, 200, "{}", text(&response));
        let tokens = json(&response);
        assert_eq!((&tokens["token_type"], &tokens["scope"]), (&json!("Bearer"), &json!(words)));
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let in_form = crate::http::in_form(&client);
        let body = format!("grant_type=refresh_token&refresh_token={refresh}&{in_form}");
        assert_eq!(Request::post(token, body).send(&clinic.engine).status, 200);
        // Its prose says client credentials.
        let own = Request::post(token, crate::http::GRANT).by_client(&client);
        assert_eq!(own.send(&clinic.engine).status, 200);
    }
}

#[test]
fn dialects_medblocks_page_works_as_its_page_shows() {
    let clinic = clinic();
    let members = json!({
        "scope": "", "grant_types": ["authorization_code"], "danger_allow_no_pkce": true,
    });
    let id = page(&clinic, members);
    let query = format!("response_type=code&client_id={id}&redirect_uri={BACK}");
    for path in ["/oauth2/auth", "/oauth2/authorize"] {
        let code = code_of(&allow(&clinic, path, &query));
        let body =
            format!("grant_type=authorization_code&code={code}&client_id={id}&redirect_uri={BACK}");
        let response = Request::post("/oauth2/token", body).send(&clinic.engine);
        assert_eq!(response.status, 200, "{}", text(&response));
        let tokens = json(&response);
        let expected = json!({
            "access_token": tokens["access_token"], "expires_in": 3599, "scope": "",
            "token_type": "bearer",
        });
        assert_eq!(tokens, expected);
        verify(&clinic.engine, tokens["access_token"].as_str().unwrap()).unwrap();
    }
    // RFC 9700 2.1.1: a verifier where no challenge was stored.
    let code = code_of(&allow(&clinic, AUTHORIZE, &query));
    assert_invalid_grant(&ask(redeem(&id, &code)).send(&clinic.engine));
}

#[test]
fn wire_41_pages_of_registered_origins_may_call_as_long_as_they_are_registered() {
    let clinic = clinic();
    let id = page(&clinic, json!({"allowed_origins": ["https://portal.example"]}));
    let other = clinic.place.open_at(&clinic.clock);
    let allowed = |origin: &str| {
        let may = |engine, path, method: &'static str| {
            let request = Request::get(path).header("Origin", origin);
            let preflight =
                request.clone().method("OPTIONS").header("Access-Control-Request-Method", method);
            let (preflight, answer) = (preflight.send(engine), request.method(method).send(engine));
            assert_eq!(preflight.status, 204);
            let allowed = |response: &wardkey::HttpResponse| {
                assert_eq!(response.header("Vary"), Some("Origin"));
                assert_eq!(response.header("Access-Control-Allow-Credentials"), None);
                response.header("Access-Control-Allow-Origin").map(str::to_owned)
            };
            assert_eq!(allowed(&preflight), allowed(&answer));
            allowed(&answer).is_some_and(|allowed| allowed == origin)
        };
        let all: Vec<bool> = [
            (TOKEN, "POST"),
            (REVOKE, "POST"),
            (INTROSPECT, "POST"),
            (JWKS, "GET"),
            (METADATA, "GET"),
        ]
        .into_iter()
        .flat_map(|(path, method)| [&clinic.engine, &other].map(|engine| may(engine, path, method)))
        .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0]
    };
    assert!(allowed("https://portal.example"));
    assert!(!allowed("https://evil.example") && !allowed("null"));
    clinic.call("client.disable", json!({"client_id": id}));
    assert!(!allowed("https://portal.example"));
    clinic.call("client.enable", json!({"client_id": id}));
    assert!(allowed("https://portal.example"));
    clinic
        .call("client.update", json!({"client_id": id, "allowed_origins": ["https://a.example"]}));
    assert!(!allowed("https://portal.example") && allowed("https://a.example"));
    let reopened = clinic.place.open_at(&clinic.clock);
    let request = Request::get(JWKS).header("Origin", "https://a.example");
    assert!(request.send(&reopened).header("Access-Control-Allow-Origin").is_some());
    clinic.call("client.delete", json!({"client_id": id}));
    assert!(!allowed("https://a.example"));
}
