//! `tests/golden/database-1` was written by this version; every later one opens it, and finds in it what was there.
//!
//! CONTRIBUTING.md says when and how it is written anew.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;
#[path = "common/wire.rs"]
mod http;

use common::{Place, Registered, admin, assert_chain_whole, audit, bench, suffixed, why};
use http::{Clinic, Request};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardkey::{Denied, Engine, ManualClock, Recovery, Required, Secret, UnixTime};

#[test]
fn its_rows_are_what_they_were() {
    let (clinic, golden) = copied();
    for (operation, request, expected) in questions(&golden) {
        let answer = clinic.call(operation, request.clone());
        assert_holds(&answer, expected, &format!("{operation} {request}"));
    }
}

#[test]
fn its_audit_is_whole_and_goes_on() {
    let (clinic, golden) = copied();
    assert_chain_whole(&clinic.engine);
    let rows = audit(&clinic.engine);
    let hashes: Vec<&str> = rows.iter().map(|row| row.hash.as_str()).collect();
    let before: Vec<&str> =
        golden["audit"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
    assert!(hashes.starts_with(&before), "rows of the audit are missing or other ones");
    clinic.call("scope.add", json!({"scope": "later:word"}));
    assert_chain_whole(&clinic.engine);
}

#[test]
fn its_tokens_are_valid_or_refused_as_they_were() {
    let (clinic, golden) = copied();
    let verify = |name: &str| {
        let token = golden["tokens"][name].as_str().unwrap();
        clinic.engine.verify(token.as_bytes(), Required::ANY, &bench())
    };
    for name in ["jwt", "opaque", "rs256", "of_user"] {
        verify(name).unwrap();
    }
    assert_eq!(why(verify("revoked")), Denied::TokenRevoked);
    clinic.pass(31 * 86_400);
    assert!(matches!(why(verify("jwt")), Denied::TokenExpired { .. }));
}

#[test]
fn its_secrets_passwords_and_refresh_tokens_are_still_good() {
    let (clinic, golden) = copied();
    for name in ["lab", "imported"] {
        let known = |member: &str| golden["clients"][name][member].as_str().unwrap().to_owned();
        let client =
            Registered { id: known("id"), secret: known("secret"), credential: String::new() };
        common::issue(&clinic.engine, &client);
    }
    let login = post(LOGIN, &json!({"username": "anna", "password": PASSWORD}));
    assert_eq!(login.send(&clinic.engine).status, 200);
    let refresh = post(REFRESH, &json!({"refreshToken": golden["tokens"]["refresh"]}));
    assert_eq!(refresh.send(&clinic.engine).status, 200);
}

#[test]
fn its_recovery_code_opens_it() {
    let (place, golden) = files();
    fs::remove_file(place.beside(".key")).unwrap();
    let code = golden["recovery_code"].as_str().unwrap().as_bytes();
    let recovery = Recovery::Code(Secret::copy_of(code));
    let options = place.options_at(&clock_of(&golden));
    assert_chain_whole(&Engine::recover(&options, &recovery, &admin()).unwrap());
}

/// A copy of the golden database, open at the time it was written.
fn copied() -> (Clinic, Value) {
    let (place, golden) = files();
    let clock = clock_of(&golden);
    let engine = place.open_at(&clock);
    (Clinic { engine, clock, place }, golden)
}

/// A copy of the golden files, and what is known of them.
fn files() -> (Place, Value) {
    let place = Place::empty();
    for suffix in SUFFIXES {
        let copy = suffixed(&place.path(), suffix);
        fs::copy(suffixed(&folder().join("clinic.db"), suffix), &copy).unwrap();
        keep_private(&copy);
    }
    let golden = fs::read_to_string(folder().join("known.json")).unwrap();
    (place, serde_json::from_str(&golden).unwrap())
}

/// Whatever rights the sources were checked out with.
fn keep_private(file: &Path) {
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = file;
}

fn clock_of(golden: &Value) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(UnixTime::from_seconds(golden["written_at"].as_i64().unwrap())))
}

/// The operations that were asked when it was written, and their answers.
fn questions(golden: &Value) -> impl Iterator<Item = (&str, &Value, &Value)> {
    let all = golden["answers"].as_array().unwrap().iter();
    all.map(|asked| (asked["operation"].as_str().unwrap(), &asked["request"], &asked["answer"]))
}

/// Demands that `found` is `expected`. A later version may know more members.
#[track_caller]
fn assert_holds(found: &Value, expected: &Value, place: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (member, expected) in expected {
                let found = found.get(member).unwrap_or(&Value::Null);
                assert_holds(found, expected, &format!("{place}.{member}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert_holds(found, expected, &format!("{place}[{index}]"));
            }
        }
        (found, expected) => assert_eq!(found, expected, "{place}"),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/database-1")
}

fn post<'a>(path: &'a str, body: &Value) -> Request<'a> {
    Request::post(path, body.to_string()).content_type("application/json")
}

const LOGIN: &str = "/ums/v2/users/login";
const REFRESH: &str = "/ums/v2/users/token/refresh";
const PASSWORD: &str = "correct horse battery";
const SUFFIXES: [&str; 3] = ["", ".key", ".fresh"];

#[cfg(feature = "test-hooks")]
mod writing {
    use super::*;
    use wardkey::{Algorithm, Dialect, SeededEntropy, Settings, TokenFormat};

    #[test]
    #[ignore = "writes the golden database anew, with BLESS=1 alone"]
    fn it_is_written_anew() {
        if std::env::var_os("BLESS").is_none() {
            return;
        }
        let clinic = founded();
        let clients = registered(&clinic);
        let tokens = issued(&clinic, &clients);
        let code = clinic.call("key.recovery", json!({}))["recovery_code"].clone();
        clinic.engine.maintain().unwrap();
        let golden = json!({
            "written_at": clinic.engine.now().seconds(),
            "clients": clients,
            "tokens": tokens,
            "recovery_code": code,
            "answers": answers(&clinic, &clients),
            "audit": audit(&clinic.engine).iter().map(|row| row.hash.clone()).collect::<Vec<_>>(),
        });
        clinic.engine.close().unwrap();
        let Clinic { engine, place, .. } = clinic;
        drop(engine);
        assert!(!place.beside("-wal").exists(), "not all of it is in the main file");
        fs::create_dir_all(folder()).unwrap();
        for suffix in SUFFIXES {
            let copy = suffixed(&folder().join("clinic.db"), suffix);
            fs::write(copy, fs::read(place.beside(suffix)).unwrap()).unwrap();
        }
        fs::write(folder().join("known.json"), format!("{golden:#}\n")).unwrap();
    }

    fn founded() -> Clinic {
        let (place, clock) = (Place::empty(), common::clock());
        let entropy = Arc::new(SeededEntropy::new(1));
        let options = || place.options().clock(clock.clone()).entropy(entropy.clone());
        let settings = Settings {
            issuer: "https://emr.clinic.example".into(),
            algorithm: Algorithm::EdDsa,
            token_format: TokenFormat::Jwt,
            dialects: vec![Dialect::BioT, Dialect::Medblocks],
            clinic_name: "Saint Mary".into(),
            ..Settings::default()
        };
        Engine::create(&options(), &settings, &admin()).unwrap();
        let engine = Engine::open(&options()).unwrap();
        Clinic { engine, clock, place }
    }

    /// Clients, users, roles and scopes of every kind.
    fn registered(clinic: &Clinic) -> Value {
        let call = |operation: &str, request: Value| clinic.call(operation, request);
        let key = include_str!("golden/keys/rs256.pem");
        call("key.import", json!({"algorithm": "RS256", "key": key}));
        call("settings.set", json!({"texts": {"lang": "de", "sign_in": "Anmelden"}}));
        call("scope.add", json!({"scope": "imaging:read", "description": "Read images"}));
        call("role.create", json!({"name": "nurse", "scope": "lab:read imaging:read"}));
        let anna = json!({
            "username": "anna", "password": PASSWORD, "scope": "lab:read lab:write",
            "roles": ["nurse"],
        });
        call("user.create", anna);
        let bert = json!({"username": "Bert", "password": PASSWORD, "enabled": false});
        call("user.create", bert);
        let lab = json!({"client_name": "Lab", "scope": "lab:read lab:write", "host_data": "7"});
        let lab = call("client.create", lab);
        let more =
            json!({"client_id": lab["client_id"], "label": "new", "expires_at": 4_000_000_000_u32});
        call("client.secret.create", more);
        let secret = "a secret of another system";
        let imported = json!({
            "client_id": "old lab", "client_secret": secret, "client_name": "Old",
            "scope": "lab:read", "token_format": "opaque", "allowed_networks": ["192.0.2.0/24"],
        });
        call("client.import", imported);
        let app = json!({
            "client_name": "App", "scope": "imaging:read", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": ["https://app.example/back"], "enabled": false,
        });
        call("client.create", app);
        let rs256 = json!({"client_name": "RS256", "scope": "lab:read", "algorithm": "RS256"});
        let rs256 = call("client.create", rs256);
        let of = |created: &Value| json!({"id": created["client_id"], "secret": created["client_secret"]});
        json!({
            "lab": of(&lab), "rs256": of(&rs256), "imported": {"id": "old lab", "secret": secret},
        })
    }

    /// Tokens of every kind.
    fn issued(clinic: &Clinic, clients: &Value) -> Value {
        let issue = |name: &str| {
            let known = |member: &str| clients[name][member].as_str().unwrap().to_owned();
            let client =
                Registered { id: known("id"), secret: known("secret"), credential: String::new() };
            common::issue(&clinic.engine, &client)
        };
        // They live for as long as anything may, so that tests have time.
        clinic.call("settings.set", json!({"access_token_lifetime": 2_592_000}));
        let revoked = issue("lab");
        clinic.call("token.revoke", json!({"token": revoked}));
        let login = post(LOGIN, &json!({"username": "anna", "password": PASSWORD}));
        let login = http::json(&login.send(&clinic.engine));
        json!({
            "jwt": issue("lab"), "opaque": issue("imported"), "rs256": issue("rs256"),
            "revoked": revoked, "of_user": login["accessJwt"]["token"],
            "refresh": login["refreshJwt"]["token"],
        })
    }

    fn answers(clinic: &Clinic, clients: &Value) -> Vec<Value> {
        let of_lab = json!({"client_id": clients["lab"]["id"]});
        let questions = [
            ("settings.get", json!({})),
            ("scope.list", json!({})),
            ("role.list", json!({})),
            ("user.list", json!({})),
            ("client.list", json!({})),
            ("client.secret.list", of_lab.clone()),
            ("client.secret.list", json!({"client_id": "old lab"})),
            ("grant.list", json!({})),
            ("key.list", json!({})),
            ("audit.read", of_lab),
        ];
        let ask = |(operation, request): (&str, Value)| {
            let answer = clinic.call(operation, request.clone());
            json!({"operation": operation, "request": request, "answer": answer})
        };
        questions.into_iter().map(ask).collect()
    }
}
