//! Whole exchanges, byte for byte: requests, responses and tokens, under a clock that stands still and
//! randomness that follows from a seed. `BLESS=1` writes the golden files anew.
//!
//! ES256 signatures take their own randomness: of those tokens the signature is left out.

#![cfg(feature = "test-hooks")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;
#[path = "common/wire.rs"]
mod http;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Place, Registered, admin, clock, issue, register, verify};
use http::{Clinic, GRANT, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, in_form};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use wardkey::admin::{KeyImport, SecretText};
use wardkey::{Dialect, Engine, SeededEntropy, Settings};

#[test]
fn rfc_6749_4_4_client_credentials_with_eddsa() {
    let (clinic, client) = flow("EdDSA");
    let by_basic = ask(GRANT).by_client(&client).transcript(&clinic.engine);
    let by_form = ask(format!("{GRANT}&scope=lab:read&{}", in_form(&client)));
    golden("client-credentials-eddsa", &[by_basic, by_form.transcript(&clinic.engine)]);
}

#[test]
fn rfc_6749_4_4_client_credentials_with_rs256() {
    let (clinic, client) = flow("RS256");
    golden("client-credentials-rs256", &[ask(GRANT).by_client(&client).transcript(&clinic.engine)]);
}

#[test]
fn rfc_6749_4_4_client_credentials_with_es256() {
    let (clinic, client) = flow("ES256");
    let transcript = ask(GRANT).by_client(&client).transcript(&clinic.engine);
    golden("client-credentials-es256", &[without_signatures(&transcript)]);
}

#[test]
fn rfc_6749_4_4_client_credentials_with_opaque_tokens() {
    let (clinic, client) = flow("EdDSA");
    let transcripts = ["opaque", "opaque_hex"].map(|form| {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        ask(GRANT).by_client(&client).transcript(&clinic.engine)
    });
    golden("client-credentials-opaque", &transcripts);
}

#[test]
fn rfc_9068_the_header_and_the_claims_of_each_algorithm() {
    let parts = ["ES256", "EdDSA", "RS256"].map(|algorithm| {
        let (clinic, client) = flow(algorithm);
        let token = issue(&clinic.engine, &client);
        verify(&clinic.engine, &token).unwrap();
        let part = |index: usize| {
            let part = token.split('.').nth(index).unwrap();
            String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        format!("{}\n{}\n", part(0), part(1))
    });
    golden("access-tokens", &parts);
}

#[test]
fn rfc_6749_5_2_the_refusals_of_the_token_endpoint() {
    let (clinic, client) = flow("EdDSA");
    let requests = [
        ask(GRANT),
        ask(GRANT).basic(&client.id, "wrong"),
        ask(format!("{GRANT}&client_id=nobody")),
        ask("grant_type=password").by_client(&client),
        ask(format!("{GRANT}&scope=billing:read")).by_client(&client),
        ask(format!("{GRANT}&scope=+")).by_client(&client),
        ask("scope=lab:read").by_client(&client),
        ask(format!("{GRANT}&grant_type=x")).by_client(&client),
        ask(GRANT).by_client(&client).content_type("application/json"),
        ask(GRANT).by_client(&client).insecure(),
        ask(GRANT).by_client(&client).method("GET"),
        Request::post("/oauth/nothing", GRANT),
    ];
    golden("refusals", &requests.map(|request| request.transcript(&clinic.engine)));
}

#[test]
fn rfc_7662_introspection() {
    let (clinic, client) = flow("EdDSA");
    let token = issue(&clinic.engine, &client);
    let own = Request::post(INTROSPECT, format!("token={token}")).by_client(&client);
    let unknown = Request::post(INTROSPECT, "token=unknown").by_client(&client);
    let mut transcripts = vec![own.transcript(&clinic.engine), unknown.transcript(&clinic.engine)];
    clinic.pass(3600);
    transcripts.push(own.transcript(&clinic.engine));
    transcripts.push(Request::post(INTROSPECT, "token=x").transcript(&clinic.engine));
    golden("introspection", &transcripts);
}

#[test]
fn rfc_7009_revocation() {
    let (clinic, client) = flow("EdDSA");
    let token = issue(&clinic.engine, &client);
    let revoke = Request::post(REVOKE, format!("token={token}")).by_client(&client);
    let introspect = Request::post(INTROSPECT, format!("token={token}")).by_client(&client);
    let unknown = Request::post(REVOKE, "token=unknown").by_client(&client);
    let requests = [revoke, introspect, unknown];
    golden("revocation", &requests.map(|request| request.transcript(&clinic.engine)));
}

#[test]
fn rfc_8414_metadata_and_rfc_7517_keys() {
    let (clinic, _) = flow("EdDSA");
    for (algorithm, key) in [("ES256", ES256), ("RS256", RS256)] {
        import(&clinic.engine, algorithm, key);
    }
    let requests = [Request::get(METADATA), Request::get(JWKS)];
    golden("metadata-and-keys", &requests.map(|request| request.transcript(&clinic.engine)));
}

#[test]
fn the_dialects() {
    let (clinic, client) = flow("RS256");
    // Back to the dialects' own habits: the key of the tests signs.
    clinic.call("client.update", json!({"client_id": client.id, "algorithm": null}));
    clinic.call("settings.set", json!({"algorithm": "RS256"}));
    let form = format!(
        "grant_type=client_credentials\n&client_id={}\n&client_secret={}",
        client.id, client.secret
    );
    let transcripts = [
        Request::post("/api/v1/auth/token", form),
        Request::post("/api/identity/connect/token", GRANT).by_client(&client),
        Request::post("/oauth2/token", GRANT).by_client(&client),
        Request::post(TOKEN, GRANT).by_client(&client),
    ];
    golden("dialects", &transcripts.map(|request| request.transcript(&clinic.engine)));
}

#[test]
fn the_same_seed_and_time_give_the_same_tokens_and_another_seed_others() {
    let token = |seed: u64| {
        let clinic = seeded(seed);
        import(&clinic.engine, "EdDSA", EDDSA);
        let client = registered_for(&clinic, "EdDSA");
        (issue(&clinic.engine, &client), client.secret)
    };
    assert_eq!(token(1), token(1));
    assert_ne!(token(1), token(2));
}

/// A database made from a seed, the tests' key of `algorithm`, and a client that uses it.
fn flow(algorithm: &'static str) -> (Clinic, Registered) {
    let clinic = seeded(7);
    let key = match algorithm {
        "ES256" => ES256,
        "EdDSA" => EDDSA,
        _ => RS256,
    };
    import(&clinic.engine, algorithm, key);
    let client = registered_for(&clinic, algorithm);
    (clinic, client)
}

fn registered_for(clinic: &Clinic, algorithm: &str) -> Registered {
    let client = register(&clinic.engine);
    clinic.call("client.update", json!({"client_id": client.id, "algorithm": algorithm}));
    client
}

fn seeded(seed: u64) -> Clinic {
    let (place, clock) = (Place::empty(), clock());
    let entropy = Arc::new(SeededEntropy::new(seed));
    let options = || place.options().clock(clock.clone()).entropy(entropy.clone());
    let settings = Settings {
        issuer: "https://emr.clinic.example".into(),
        dialects: Dialect::ALL.to_vec(),
        ..Settings::default()
    };
    Engine::create(&options(), &settings, &admin()).unwrap();
    let engine = Engine::open(&options()).unwrap();
    Clinic { engine, clock, place }
}

fn import(engine: &Engine, algorithm: &str, key: &str) {
    let request = KeyImport { algorithm: algorithm.into(), key: SecretText::from(key) };
    engine.run(&admin(), request).unwrap();
}

/// Every JWT without its last part.
fn without_signatures(text: &str) -> String {
    let shortened = |part: &str| match part.rsplit_once('.') {
        Some((body, _)) if part.starts_with("eyJ") => format!("{body}.<signature>"),
        _ => part.to_owned(),
    };
    text.split('"').map(shortened).collect::<Vec<_>>().join("\"")
}

/// Holds transcripts against the golden file, or writes it.
#[track_caller]
fn golden(name: &str, transcripts: &[String]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    let found = transcripts.join("\n----\n\n");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &found).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, expected, "BLESS=1 renews tests/golden/{name}.txt");
}

const ES256: &str = include_str!("golden/keys/es256.pem");
const EDDSA: &str = include_str!("golden/keys/eddsa.pem");
const RS256: &str = include_str!("golden/keys/rs256.pem");
