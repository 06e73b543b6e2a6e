//! Parts of the rows of docs/conformance.md that no other file here holds.

use crate::browser::{
    AUTHORIZE, Browser, SIGN_IN, allow, anna, clinic, code_of, page, query, redeem, server,
};
use crate::common::{bench, events, issue, register, verify, why};
use crate::http::{
    Clinic, GRANT, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, in_form, json, refusal,
    text,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::Duration;
use wardkey::{Denied, Engine, HttpResponse, Required};

const LOGIN: &str = "/ums/v2/users/login";
const REFRESH: &str = "/ums/v2/users/token/refresh";

/// Everything that takes a body, with a media type that it takes.
const BODIES: [(&str, &str); 11] = [
    (TOKEN, crate::http::FORM),
    (INTROSPECT, crate::http::FORM),
    (REVOKE, crate::http::FORM),
    (AUTHORIZE, crate::http::FORM),
    ("/api/v1/auth/token", crate::http::FORM),
    ("/api/identity/connect/token", crate::http::FORM),
    ("/oauth2/token", crate::http::FORM),
    ("/o/token/", crate::http::FORM),
    ("/o/token", crate::http::FORM),
    (LOGIN, "application/json"),
    (REFRESH, "application/json"),
];

fn log_in<'a>(password: &str) -> Request<'a> {
    let body = json!({"username": "anna", "password": password}).to_string();
    Request::post(LOGIN, body).content_type("application/json")
}

fn refresh<'a>(token: &str) -> Request<'a> {
    let body = json!({"refreshToken": token}).to_string();
    Request::post(REFRESH, body).content_type("application/json")
}

#[track_caller]
fn tokens(response: &HttpResponse) -> [String; 2] {
    assert_eq!(response.status, 200, "{}", text(response));
    let body = json(response);
    ["accessJwt", "refreshJwt"].map(|name| body[name]["token"].as_str().unwrap().to_owned())
}

#[test]
fn wire_03_every_endpoint_that_takes_credentials_refuses_them_in_the_query() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let whole = in_form(&client);
    for (path, _) in
        BODIES.into_iter().filter(|(path, _)| ![AUTHORIZE, LOGIN, REFRESH].contains(path))
    {
        let request = Request::post(path, format!("{GRANT}&token=x")).by_client(&client);
        for query in [whole.as_str(), "client_secret=x"] {
            let response = request.clone().query(query).send(&clinic.engine);
            assert_eq!(refusal(&response), (400, "invalid_request".into()), "{path} {query}");
        }
    }
    clinic.call("user.create", json!({"username": "anna", "password": "nobodys guess"}));
    let login = log_in("nobodys guess");
    assert_eq!(login.send(&clinic.engine).status, 200);
    let by_header = Request::post(REFRESH, "").header("Authorization", "Bearer x");
    for (request, name) in
        [(login, "password"), (refresh("x"), "refreshToken"), (by_header, "refreshToken")]
    {
        let response = request.query(&format!("{name}=x")).send(&clinic.engine);
        assert_eq!(refusal(&response), (400, "invalid_request".into()), "{name}");
    }
    let fields = "pending=x&username=anna&password=nobodys+guess";
    for query in ["username=anna&password=x", "pass%77ord=x"] {
        let response = Request::post(AUTHORIZE, fields).query(query).send(&clinic.engine);
        assert_eq!(response.status, 400);
        assert!(text(&response).contains("must not be in the query string"), "{query}");
    }
}

#[test]
fn wire_05_a_hyphen_sent_as_2d_or_raw_is_the_same_id_and_the_same_secret() {
    let clinic = Clinic::open();
    let hyphens = |text: &str| text.contains('-');
    let client = (0..500)
        .map(|_| register(&clinic.engine))
        .find(|client| hyphens(&client.id) && hyphens(&client.secret))
        .unwrap();
    let upper = |text: &str| text.replace('-', "%2D");
    let lower = |text: &str| text.replace('-', "%2d").replace('_', "%5f");
    let all = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let raw = str::to_owned;
    let ways: [&dyn Fn(&str) -> String; 4] = [&raw, &upper, &lower, &all];
    for id in ways {
        for secret in ways {
            let request = ask(GRANT).basic(&id(&client.id), &secret(&client.secret));
            assert_eq!(request.send(&clinic.engine).status, 200);
        }
    }
    // In a form, decoding is not a matter of taste.
    let form = format!("client_id={}&client_secret={}", all(&client.id), upper(&client.secret));
    assert_eq!(ask(format!("{GRANT}&{form}")).send(&clinic.engine).status, 200);
    let twice = upper(&client.secret).replace('%', "%25");
    let form = format!("{GRANT}&client_id={}&client_secret={twice}", client.id);
    assert_eq!(refusal(&ask(form).send(&clinic.engine)), (401, "invalid_client".into()));
}

#[test]
fn wire_06_the_pinned_method_holds_for_every_grant_and_endpoint() {
    let clinic = clinic();
    let client = server(&clinic, json!({"token_endpoint_auth_method": "client_secret_post"}));
    let code = || code_of(&allow(&clinic, AUTHORIZE, &query(&client.id)));
    let by_form = |path, body: &str| {
        let client_id = format!("client_id={}&", client.id);
        let body = format!("{}&{}", body.replace(&client_id, ""), in_form(&client));
        Request::post(path, body).send(&clinic.engine)
    };
    let first = by_form(TOKEN, &redeem(&client.id, &code()));
    assert_eq!(first.status, 200, "{}", text(&first));
    let token = json(&first)["refresh_token"].as_str().unwrap().to_owned();
    let requests = [
        (TOKEN, redeem(&client.id, &code())),
        (TOKEN, format!("grant_type=refresh_token&refresh_token={token}")),
        (INTROSPECT, "token=x".to_owned()),
        (REVOKE, "token=x".to_owned()),
    ];
    for (path, body) in &requests {
        let by_basic = Request::post(path, body.as_bytes()).by_client(&client);
        let response = by_basic.send(&clinic.engine);
        assert_eq!(refusal(&response), (401, "invalid_client".into()), "{path} {body}");
        assert_eq!(by_form(path, body).status, 200, "{path} {body}");
    }
}

#[test]
fn wire_07_the_audit_says_that_a_control_character_was_refused_and_not_looked_up() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for id in [client.id.as_str(), "nobody"] {
        let form = format!("{GRANT}&client_id={id}%00&client_secret=x");
        assert_eq!(ask(form).send(&clinic.engine).status, 401);
        let form = format!("{GRANT}&client_id={id}&client_secret=x%0A");
        assert_eq!(ask(form).send(&clinic.engine).status, 401);
    }
    let rows = events(&clinic.engine, "request.refuse");
    assert!(rows.iter().all(|row| row["reason"] == "credential_malformed"), "{rows:?}");
    assert!(rows.iter().all(|row| row["client"].is_null()), "{rows:?}");
}

#[test]
fn wire_08_every_endpoint_that_takes_a_body_has_the_limit() {
    let clinic = Clinic::open();
    for (path, media_type) in BODIES {
        let send = |length| {
            let request = Request::post(path, "x".repeat(length)).content_type(media_type);
            request.send(&clinic.engine).status
        };
        assert_ne!(send(65_536), 413, "{path}");
        assert_eq!(send(65_537), 413, "{path}");
    }
}

#[test]
fn wire_09_no_login_and_no_answer_of_any_dialect_is_stored() {
    let clinic = clinic();
    let login = log_in("nobodys guess");
    let [_, token] = tokens(&login.send(&clinic.engine));
    let mut responses = vec![login.send(&clinic.engine), refresh(&token).send(&clinic.engine)];
    for (path, media_type) in BODIES.into_iter().filter(|(path, _)| *path != AUTHORIZE) {
        let request = Request::post(path, "x").content_type(media_type);
        responses.push(request.send(&clinic.engine));
        responses.push(request.clone().content_type("text/plain").send(&clinic.engine));
        responses.push(request.clone().method("GET").send(&clinic.engine));
        responses.push(request.insecure().send(&clinic.engine));
    }
    responses.push(log_in("wrong guess").send(&clinic.engine));
    responses.push(refresh("nonsense").send(&clinic.engine));
    assert!(responses.iter().skip(2).all(|response| response.status >= 400));
    for response in responses {
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
        assert_eq!(response.header("Pragma"), Some("no-cache"));
        json(&response);
    }
}

#[test]
fn wire_10_scope_is_in_the_answer_of_every_grant() {
    let clinic = clinic();
    let members = json!({"scope": "", "grant_types": ["authorization_code", "refresh_token"]});
    let id = page(&clinic, members);
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let first = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    assert_eq!((&first["scope"], &first["expires_in"]), (&json!(""), &json!(3600)));
    let token = first["refresh_token"].as_str().unwrap();
    let body = format!("grant_type=refresh_token&refresh_token={token}&client_id={id}");
    let second = json(&ask(body).send(&clinic.engine));
    assert_eq!((&second["scope"], &second["expires_in"]), (&json!(""), &json!(3600)));
}

#[test]
fn wire_17_no_description_at_any_endpoint_leaves_its_characters_or_tells_of_the_inside() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let folder = clinic.place.folder().display().to_string();
    let nasty = "%22%5C%00%0A%C3%A9%E2%82%AC%7F'--";
    let escaped = format!("scope={nasty}");
    let queries = [
        format!("{}&{escaped}", query(&id)),
        query(&id).replace("=code&", &format!("={nasty}&")),
        query(&id).replace("=S256", &format!("={nasty}")),
        query(&id).replace("a%20b%26", nasty),
    ];
    let mut said: Vec<String> = Vec::new();
    for query in &queries {
        let response = Browser::default().open(&clinic, AUTHORIZE, query);
        let (_, parameters) = crate::browser::redirect(&response);
        said.push(parameters["error_description"].clone());
    }
    for (path, media_type) in BODIES.into_iter().filter(|(path, _)| *path != AUTHORIZE) {
        for body in [
            format!("grant_type={nasty}&client_id={id}&token={nasty}"),
            format!("grant_type=refresh_token&refresh_token={nasty}&client_id={id}"),
            format!("grant_type=authorization_code&code={nasty}&client_id={id}"),
            "{\"username\":\"\\u0000\\\"\u{e9}\",\"password\":7}".to_owned(),
        ] {
            let request = Request::post(path, body).content_type(media_type);
            let response = request.send(&clinic.engine);
            if let Some(description) = json(&response).get("error_description") {
                said.push(description.as_str().unwrap().to_owned());
            }
        }
    }
    assert!(said.len() > 30);
    for description in said {
        let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(legal), "{description}");
        for inside in [folder.as_str(), "SELECT", "sqlite", ".rs", "serde", "line 1"] {
            assert!(!description.contains(inside), "{description}");
        }
    }
}

#[test]
fn wire_18_a_busy_store_is_a_503_wherever_something_is_written_and_never_a_refusal() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    let code = || code_of(&allow(&clinic, AUTHORIZE, &query(&client.id)));
    let first = ask(redeem(&client.id, &code())).by_client(&client).send(&clinic.engine);
    let member = |name: &str| json(&first)[name].as_str().unwrap().to_owned();
    let (access, token) = (member("access_token"), member("refresh_token"));
    let [_, biot] = tokens(&log_in("nobodys guess").send(&clinic.engine));
    let requests = [
        ask(redeem(&client.id, &code())).by_client(&client),
        ask(format!("grant_type=refresh_token&refresh_token={token}")).by_client(&client),
        refresh(&biot),
        log_in("nobodys guess"),
        Request::post(REVOKE, format!("token={access}")).by_client(&client),
        Request::post(REVOKE, format!("token={token}")).by_client(&client),
    ];
    let impatient = clinic.place.options_at(&clinic.clock).busy_timeout(Duration::from_millis(20));
    let impatient = Engine::open(&impatient).unwrap();
    let sqlite = clinic.place.sqlite();
    sqlite.execute_batch("BEGIN IMMEDIATE").unwrap();
    for request in &requests {
        let response = request.send(&impatient);
        assert_eq!(refusal(&response), (503, "temporarily_unavailable".into()));
        assert!(response.header("Retry-After").unwrap().parse::<u32>().unwrap() >= 1);
        assert_eq!(response.header("WWW-Authenticate"), None);
    }
    // What needs no write is answered.
    let whole = Request::post(INTROSPECT, format!("token={access}")).by_client(&client);
    assert_eq!(json(&whole.send(&impatient))["active"], true);
    sqlite.execute_batch("ROLLBACK").unwrap();
    // Nothing was spent meanwhile.
    for request in &requests {
        assert_eq!(request.send(&impatient).status, 200);
    }
}

#[test]
fn wire_25_a_failure_and_a_denial_name_the_issuer_as_its_metadata_does() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    clinic.call("settings.set", json!({"issuer": "https://emr.example:8443/ward/7"}));
    let metadata = "/.well-known/oauth-authorization-server/ward/7";
    let issuer = json(&Request::get(metadata).send(&clinic.engine))["issuer"].clone();
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let responses = [
        browser.submit(&clinic, &login, "action=deny"),
        browser.open(&clinic, AUTHORIZE, &query(&id).replace("=code&", "=token&")),
        allow(&clinic, AUTHORIZE, &query(&id)),
    ];
    for response in responses {
        let (_, parameters) = crate::browser::redirect(&response);
        assert_eq!(json!(parameters["iss"]), issuer);
    }
}

#[test]
fn wire_34_a_users_token_names_the_user_the_client_and_the_grant() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let first = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    let token = first["access_token"].as_str().unwrap();
    let part = |index| -> Value {
        let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    };
    let claims = part(1);
    assert_eq!(part(0)["typ"], "at+jwt");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(anna(&clinic)), &json!(id)));
    assert!(claims["sub"].as_str().unwrap().starts_with("usr_"));
    let grant = events(&clinic.engine, "grant.approve")[0]["grant_id"].clone();
    assert_eq!(claims["wk"]["g"], grant);
    let generations = claims["wk"]["n"].as_array().unwrap();
    assert!(generations.len() == 2 && generations.iter().all(|one| one.as_u64().unwrap() > 0));
}

#[test]
fn wire_41_no_answer_allows_credentials_and_biots_routes_know_no_other_origin() {
    let clinic = clinic();
    page(&clinic, json!({"allowed_origins": ["https://portal.example"]}));
    let documents =
        [(METADATA, "GET"), ("/.well-known/openid-configuration", "GET"), (JWKS, "GET")];
    let posts = BODIES.into_iter().map(|(path, _)| (path, "POST"));
    for (path, method) in posts.chain(documents) {
        let request = Request::get(path).header("Origin", "https://portal.example");
        let preflight = request.clone().method("OPTIONS");
        let preflight = preflight.header("Access-Control-Request-Method", method);
        let shared = ![AUTHORIZE, LOGIN, REFRESH].contains(&path);
        for response in
            [preflight.send(&clinic.engine), request.method(method).send(&clinic.engine)]
        {
            let origin = response.header("Access-Control-Allow-Origin");
            assert_eq!(origin, shared.then_some("https://portal.example"), "{path}");
            assert_eq!(response.header("Access-Control-Allow-Credentials"), None);
        }
    }
}

#[test]
fn dialects_the_metadata_knows_no_dialect() {
    let with = Clinic::open();
    let without = Clinic::with(wardkey::Settings::default());
    let document = |clinic: &Clinic| {
        let mut document = json(&Request::get(METADATA).send(&clinic.engine));
        document.as_object_mut().unwrap().remove("scopes_supported");
        document
    };
    assert_eq!(document(&with), document(&without));
    assert!(!document(&with).to_string().contains("biot"));
}

#[test]
fn dialects_medblocks_admin_has_every_permission_that_there_is() {
    let clinic = Clinic::open();
    let admin = clinic.call("client.read", json!({"client_id": "Admin"}));
    let scope = admin["scope"].as_str().unwrap();
    let words: Vec<&str> = scope.split(' ').collect();
    let catalogue = clinic.call("scope.list", json!({}));
    for word in catalogue["scopes"].as_array().unwrap() {
        assert!(words.contains(&word["scope"].as_str().unwrap()), "{word}");
    }
    assert_eq!(admin["client_name"], "Admin");
}

#[test]
fn dialects_drchronos_401_and_403_mean_what_its_page_says() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    // "Invalid credentials or expired token": "ensure correct credentials".
    for path in ["/o/token/", "/o/token"] {
        let wrong = Request::post(path, GRANT).basic(&client.id, "wrong").send(&clinic.engine);
        assert_eq!(refusal(&wrong), (401, "invalid_client".into()));
    }
    let token = Request::post("/o/token/", GRANT).by_client(&client).token(&clinic.engine);
    let value = format!("Bearer {token}");
    let status = |scope| {
        let required = Required::all_of(scope).unwrap();
        let headers = [("Authorization", value.as_bytes())];
        clinic.engine.authorize(&headers, required, &bench()).unwrap().map_err(|told| told.status)
    };
    // "Insufficient permissions".
    assert_eq!(status("patients:summary:read").unwrap_err(), 403);
    assert!(status("lab:read").is_ok());
    clinic.pass(3600);
    assert_eq!(status("lab:read").unwrap_err(), 401);
}

#[test]
fn dialects_biots_tokens_are_both_new_and_the_old_access_token_lives_to_its_end() {
    let clinic = clinic();
    let [access, token] = tokens(&log_in("nobodys guess").send(&clinic.engine));
    // "Before making an API call, check if the access token is nearing expiration (e.g., within 5 seconds)."
    clinic.pass(895);
    let [next_access, next_token] = tokens(&refresh(&token).send(&clinic.engine));
    assert!(next_access != access && next_token != token);
    verify(&clinic.engine, &access).unwrap();
    clinic.pass(5);
    assert_eq!(why(verify(&clinic.engine, &access)).code(), "token_expired");
    verify(&clinic.engine, &next_access).unwrap();
}

#[test]
fn dialects_biots_client_has_its_own_scopes_allowlist_and_switch() {
    let clinic = clinic();
    let login = log_in("nobodys guess");
    let [_, token] = tokens(&login.send(&clinic.engine));
    clinic.call("client.update", json!({"client_id": "biot", "scope": "lab:read"}));
    let [access, token] = tokens(&refresh(&token).send(&clinic.engine));
    assert_eq!(verify(&clinic.engine, &access).unwrap().scope.as_str(), "lab:read");
    let home = json!({"client_id": "biot", "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", home);
    let status =
        |request: &Request<'_>, peer| request.clone().from(peer).send(&clinic.engine).status;
    for request in [&login, &refresh(&token)] {
        assert_eq!(status(request, "192.0.2.7"), 401);
        assert_eq!(status(request, "10.1.2.3"), 200);
    }
    clinic.call("client.disable", json!({"client_id": "biot"}));
    assert_eq!(status(&login, "10.1.2.3"), 401);
}

#[test]
fn dialects_biots_login_and_the_login_page_share_one_throttle() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    for _ in 0..6 {
        assert_eq!(log_in("wrong guess").send(&clinic.engine).status, 401);
    }
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    assert_eq!(browser.submit(&clinic, &login, SIGN_IN).status, 429);
    clinic.pass(1);
    assert_eq!(browser.submit(&clinic, &login, SIGN_IN).status, 303);
    tokens(&log_in("nobodys guess").send(&clinic.engine));
}

#[test]
fn dialects_every_client_of_every_dialect_has_an_allowlist_and_a_trail_of_its_own() {
    let clinic = Clinic::open();
    let paths = ["/api/v1/auth/token", "/api/identity/connect/token", "/oauth2/token", "/o/token/"];
    for path in paths {
        let (client, other) = (register(&clinic.engine), register(&clinic.engine));
        let home = json!({"client_id": client.id, "allowed_networks": ["10.0.0.0/8"]});
        clinic.call("client.update", home);
        let request = Request::post(path, GRANT).by_client(&client);
        assert_eq!(request.send(&clinic.engine).status, 401, "{path}");
        let token = request.from("10.1.2.3").token(&clinic.engine);
        issue(&clinic.engine, &other);
        let trail = clinic.call("audit.read", json!({"client_id": client.id}));
        let rows = trail["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["entry"]["client"] == client.id), "{path}");
        let told = |event: &str| rows.iter().filter(|row| row["entry"]["event"] == event).count();
        assert_eq!((told("client.create"), told("token.issue")), (1, 1), "{path}");
        // Immediate revocation, of the secret and of what it obtained.
        let which = json!({"client_id": client.id, "credential_id": client.credential});
        clinic.call("client.secret.revoke", which);
        assert_eq!(why(verify(&clinic.engine, &token)), Denied::CredentialRevoked);
    }
}
