//! The standard routes, and the dialects whose clients work unchanged.

use crate::common::{Registered, admin, register_as, verify};
use crate::http::{Clinic, GRANT, Request, TOKEN, ask, basic, in_form, json, names, refusal, text};
use serde_json::json;
use wardkey::admin::{ClientCreate, SettingsSet};
use wardkey::{Dialect, PrincipalKind, Settings, TokenFormat};

const BIO_ECKO: &str = "/api/v1/auth/token";
const NIKOHEALTH: &str = "/api/identity/connect/token";
const MEDBLOCKS: &str = "/oauth2/token";

#[test]
fn dialects_are_off_until_enabled_and_the_standard_route_is_always_on() {
    let clinic = Clinic::with(Settings::default());
    let client = with_scope(&clinic, "lab:read");
    assert_eq!(ask(GRANT).by_client(&client).send(&clinic.engine).status, 200);
    for path in [BIO_ECKO, NIKOHEALTH, MEDBLOCKS] {
        let request = Request::post(path, GRANT).by_client(&client);
        assert_eq!(request.send(&clinic.engine).status, 404, "{path}");
        let dialect = Some(vec![dialect_at(path).as_str().to_owned()]);
        let set = SettingsSet { dialects: dialect, ..SettingsSet::default() };
        clinic.engine.run(&admin(), set).unwrap();
        assert_eq!(request.send(&clinic.engine).status, 200, "{path}");
        assert_eq!(ask(GRANT).by_client(&client).send(&clinic.engine).status, 200);
    }
}

#[test]
fn dialects_a_host_can_ask_whether_a_path_has_an_endpoint_now() {
    let clinic = Clinic::with(Settings::default());
    let serves = |path: &str, base: &str| clinic.engine.serves(path, base).unwrap();
    assert!(serves(TOKEN, "") && serves("/auth/oauth/token", "/auth") && !serves(TOKEN, "/auth"));
    assert!(!serves("/results", "") && !serves("", "") && !serves(BIO_ECKO, ""));
    clinic.call("settings.set", json!({"dialects": ["bio-ecko"]}));
    assert!(serves(BIO_ECKO, "") && !serves(NIKOHEALTH, ""));
}

#[test]
fn dialects_no_dialect_answers_at_anothers_path() {
    for dialect in Dialect::ALL {
        let clinic = Clinic::with(Settings { dialects: vec![dialect], ..Settings::default() });
        let client = with_scope(&clinic, "lab:read");
        for path in [BIO_ECKO, NIKOHEALTH, MEDBLOCKS] {
            let status = Request::post(path, GRANT).by_client(&client).send(&clinic.engine).status;
            assert_eq!(status == 200, dialect_at(path) == dialect, "{path}");
        }
    }
}

#[test]
fn dialects_bio_ecko_gets_what_its_page_shows() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "patients:read appointments:write");
    // The page breaks the line before each `&`; its layout shows it as a space.
    for gap in [" ", "\n", "\r\n", "\n    ", ""] {
        let body = format!(
            "grant_type=client_credentials{gap}&client_id={}{gap}&client_secret={}",
            client.id, client.secret,
        );
        let response = Request::post(BIO_ECKO, body).send(&clinic.engine);
        assert_eq!(response.status, 200, "{gap:?} {}", text(&response));
        let body = json(&response);
        assert!(body["access_token"].as_str().unwrap().starts_with("eyJhbGciOiJSUz"));
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], json!(3600));
        assert_eq!(body["scope"], "patients:read appointments:write");
        let members = ["access_token", "token_type", "expires_in", "scope"];
        assert_same_members(&response.body, members);
    }
}

#[test]
fn dialects_bio_eckos_lifetime_is_configurable() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "lab:read");
    clinic.call("settings.set", json!({"access_token_lifetime": 900}));
    let body = json(&Request::post(BIO_ECKO, GRANT).by_client(&client).send(&clinic.engine));
    assert_eq!(body["expires_in"], json!(900));
}

#[test]
fn dialects_bio_eckos_token_is_used_as_its_page_shows() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "patients:read");
    let body = format!("{GRANT}&{}", in_form(&client));
    let token = Request::post(BIO_ECKO, body).token(&clinic.engine);
    let principal = verify(&clinic.engine, &token).unwrap();
    assert_eq!(principal.client_id, client.id);
    assert_eq!(principal.kind, PrincipalKind::Client);
    assert_eq!(principal.token_format, TokenFormat::Jwt);
}

#[test]
fn dialects_bio_eckos_ten_words_are_in_every_catalogue() {
    let clinic = Clinic::with(Settings::default());
    let scopes = clinic.call("scope.list", json!({}));
    let words: Vec<_> = scopes["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope["scope"].as_str().unwrap().to_owned())
        .collect();
    for area in ["patients", "appointments", "billing", "lab", "pharmacy"] {
        for verb in ["read", "write"] {
            assert!(words.contains(&format!("{area}:{verb}")), "{area}:{verb}");
        }
    }
    assert!(words.contains(&"emr:read".to_owned()));
}

#[test]
fn dialects_nikohealth_gets_what_its_page_shows() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "external");
    // curl --header 'Content-Type: ...' --header 'Authorization: Basic ...' --data-urlencode
    let by_basic = Request::post(NIKOHEALTH, "grant_type=client_credentials")
        .header("Authorization", basic(&client.id, &client.secret));
    // The page's table lists the form's parameters too.
    let by_form = Request::post(NIKOHEALTH, format!("{GRANT}&{}", in_form(&client)));
    for request in [by_basic, by_form] {
        let response = request.send(&clinic.engine);
        assert_eq!(response.status, 200);
        let body = json(&response);
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(token.len(), 64);
        assert!(token.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        assert_eq!(body["expires_in"], json!(1200));
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["scope"], "external");
        assert_same_members(&response.body, ["access_token", "expires_in", "token_type", "scope"]);
        assert_eq!(verify(&clinic.engine, token).unwrap().client_id, client.id);
    }
}

#[test]
fn dialects_medblocks_gets_what_its_page_shows() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "");
    let request = Request::post(MEDBLOCKS, GRANT).by_client(&client);
    for late in [0, 1, 998] {
        clinic.clock.advance_millis(late);
        let response = request.send(&clinic.engine);
        assert_eq!(response.status, 200);
        let body = json(&response);
        assert!(!body["access_token"].as_str().unwrap().is_empty());
        assert_eq!(body["expires_in"], json!(3599));
        assert_eq!(body["scope"], "");
        assert_eq!(body["token_type"], "bearer");
        assert_same_members(&response.body, ["access_token", "expires_in", "scope", "token_type"]);
    }
}

#[test]
fn dialects_enabling_a_dialect_adds_its_words() {
    let clinic = Clinic::with(Settings::default());
    let asked = json!({"client_name": "Partner", "scope": "external"});
    let refused = clinic.engine.call(&admin(), "client.create", asked.to_string().as_bytes());
    assert!(refused.is_err());
    clinic.call("settings.set", json!({"dialects": ["nikohealth"]}));
    clinic.call("client.create", asked);
}

#[test]
fn dialects_a_clients_own_registration_overrides_the_dialect() {
    let clinic = Clinic::open();
    let created = clinic.call(
        "client.create",
        json!({
            "client_name": "Own ways", "scope": "lab:read", "algorithm": "EdDSA",
            "token_format": "jwt", "access_token_lifetime": 77, "token_type_case": "bearer",
        }),
    );
    let client = Registered {
        id: created["client_id"].as_str().unwrap().to_owned(),
        secret: created["client_secret"].as_str().unwrap().to_owned(),
        credential: String::new(),
    };
    for path in [TOKEN, BIO_ECKO, NIKOHEALTH] {
        let body = json(&Request::post(path, GRANT).by_client(&client).send(&clinic.engine));
        assert!(body["access_token"].as_str().unwrap().starts_with("eyJhbGciOiJFZERTQS"));
        assert_eq!(body["expires_in"], json!(77), "{path}");
        assert_eq!(body["token_type"], "bearer");
    }
    let body = json(&Request::post(MEDBLOCKS, GRANT).by_client(&client).send(&clinic.engine));
    assert_eq!(body["expires_in"], json!(76));
    clinic.call(
        "client.update",
        json!({"client_id": client.id, "token_format": "opaque", "token_type_case": "Bearer"}),
    );
    for path in [TOKEN, BIO_ECKO, NIKOHEALTH, MEDBLOCKS] {
        let body = json(&Request::post(path, GRANT).by_client(&client).send(&clinic.engine));
        assert_eq!(body["access_token"].as_str().unwrap().len(), 43, "{path}");
        assert_eq!(body["token_type"], "Bearer");
    }
}

#[test]
fn dialects_every_dialect_refuses_as_the_standard_route_does() {
    let clinic = Clinic::open();
    let client = with_scope(&clinic, "lab:read");
    for path in [TOKEN, BIO_ECKO, NIKOHEALTH, MEDBLOCKS] {
        let answer = |request: Request<'_>| refusal(&request.send(&clinic.engine));
        let wrong = Request::post(path, GRANT).basic(&client.id, "wrong");
        assert_eq!(answer(wrong), (401, "invalid_client".to_owned()), "{path}");
        let scope = Request::post(path, format!("{GRANT}&scope=nope")).by_client(&client);
        assert_eq!(answer(scope), (400, "invalid_scope".to_owned()), "{path}");
        let grant = Request::post(path, "grant_type=password").by_client(&client);
        assert_eq!(answer(grant), (400, "unsupported_grant_type".to_owned()), "{path}");
    }
}

fn with_scope(clinic: &Clinic, scope: &str) -> Registered {
    let request = ClientCreate {
        client_name: Some("Lab Interface".into()),
        scope: Some(scope.into()),
        ..ClientCreate::default()
    };
    register_as(&clinic.engine, request)
}

fn dialect_at(path: &str) -> Dialect {
    match path {
        BIO_ECKO => Dialect::BioEcko,
        NIKOHEALTH => Dialect::NikoHealth,
        _ => Dialect::Medblocks,
    }
}

#[track_caller]
fn assert_same_members<const N: usize>(body: &[u8], members: [&str; N]) {
    let mut found = names(body);
    let mut members = members.map(str::to_owned).to_vec();
    found.sort();
    members.sort();
    assert_eq!(found, members);
}
