//! Conformance 9 to 11 and 20: the token response, and the grammar of scopes.

use crate::common::{register, register_as};
use crate::http::{Clinic, GRANT, INTROSPECT, REVOKE, Request, TOKEN, ask, json, names, refusal};
use serde_json::json;
use wardkey::admin::ClientCreate;

#[test]
fn wire_09_no_answer_is_stored_errors_included() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let paths = [
        TOKEN,
        INTROSPECT,
        REVOKE,
        "/oauth2/token",
        "/api/v1/auth/token",
        "/api/identity/connect/token",
    ];
    for path in paths {
        let good = Request::post(path, format!("{GRANT}&token=x")).by_client(&client);
        let requests = [
            good.clone(),
            Request::post(path, GRANT).basic(&client.id, "wrong"),
            Request::post(path, "").by_client(&client),
            Request::post(path, "grant_type=password").by_client(&client),
            good.clone().content_type("text/plain"),
            good.clone().method("GET"),
            good.clone().insecure(),
            Request::post(path, "x".repeat(70_000)),
        ];
        for (index, request) in requests.iter().enumerate() {
            let response = request.send(&clinic.engine);
            assert_eq!(response.status == 200, index == 0, "{path} {index}");
            assert_eq!(response.header("Content-Type"), Some("application/json"));
            assert_eq!(response.header("Cache-Control"), Some("no-store"));
            assert_eq!(response.header("Pragma"), Some("no-cache"));
            assert!(response.header("Wardkey-Request-Id").is_some());
            json(&response);
        }
    }
}

#[test]
fn wire_10_expires_in_is_a_number_measured_when_the_response_is_written() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for (late, expires_in) in [(0, 3600), (999, 3600), (1, 3600)] {
        clinic.clock.advance_millis(late);
        let body = json(&ask(GRANT).by_client(&client).send(&clinic.engine));
        assert_eq!(body["expires_in"], json!(expires_in));
        assert!(body["expires_in"].is_u64());
    }
}

#[test]
fn wire_10_scope_is_always_present() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let scope = |body: &str| {
        let response = ask(body).by_client(&client).send(&clinic.engine);
        json(&response)["scope"].as_str().unwrap().to_owned()
    };
    assert_eq!(scope("grant_type=client_credentials"), "lab:read lab:write");
    assert_eq!(scope("grant_type=client_credentials&scope=lab:write"), "lab:write");
    let without = ClientCreate { client_name: Some("None".into()), ..ClientCreate::default() };
    let without = register_as(&clinic.engine, without);
    let body = json(&ask(GRANT).by_client(&without).send(&clinic.engine));
    assert_eq!(body["scope"], "");
}

#[test]
fn wire_11_client_credentials_never_gets_a_refresh_token() {
    let clinic = Clinic::open();
    let created = clinic.call(
        "client.create",
        json!({
            "client_name": "Wants all", "scope": "lab:read",
            "grant_types": ["client_credentials", "refresh_token"],
        }),
    );
    let (id, secret) = (&created["client_id"], &created["client_secret"]);
    for path in [TOKEN, "/oauth2/token", "/api/v1/auth/token", "/api/identity/connect/token"] {
        let request = Request::post(path, GRANT);
        let response =
            request.basic(id.as_str().unwrap(), secret.as_str().unwrap()).send(&clinic.engine);
        let mut members = names(&response.body);
        members.sort();
        assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    }
}

#[test]
fn wire_20_every_character_of_the_grammar_is_legal_in_a_word() {
    let clinic = Clinic::open();
    let words = [
        "patients:summary:print",
        "billing:patient-payment:refund",
        "https://emr.example/scope?x=1|2",
        "system/*.rs",
        "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~",
    ];
    for word in words {
        clinic.call("scope.add", json!({"scope": word}));
    }
    let request = ClientCreate {
        client_name: Some("Words".into()),
        scope: Some(words.join(" ")),
        ..ClientCreate::default()
    };
    let client = register_as(&clinic.engine, request);
    for word in words {
        let encoded: String = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = format!("{GRANT}&scope={encoded}");
        let response = ask(body).by_client(&client).send(&clinic.engine);
        assert_eq!((response.status, &json(&response)["scope"]), (200, &json!(word)));
    }
}

#[test]
fn wire_20_words_are_case_sensitive_and_parted_by_single_spaces() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let answer = |scope: &str| {
        let body = format!("{GRANT}&scope={scope}");
        ask(body).by_client(&client).send(&clinic.engine)
    };
    assert_eq!(answer("lab:read+lab:write").status, 200);
    assert_eq!(answer("lab:read%20lab:write").status, 200);
    for malformed in [
        "Lab:read",
        "lab:read%09lab:write",
        "lab:read++lab:write",
        "+lab:read",
        "lab:read+",
        "+",
        "lab:read%0Alab:write",
        "lab:read%22",
        "lab:read%5C",
        "lab:read%C3%A9",
        "lab:read%00",
        "lab:read%7F",
    ] {
        let expected = (400, "invalid_scope".to_owned());
        assert_eq!(refusal(&answer(malformed)), expected, "{malformed}");
    }
}
