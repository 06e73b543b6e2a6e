//! `key.*`: importing signing keys, and what becomes of the old ones.

use crate::common::{admin, issue, register, verify};
use crate::http::{Clinic, JWKS, Request, json as body_of};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wardkey::{Error, Settings};

#[test]
fn a_key_of_each_algorithm_is_imported_from_pem_or_der_and_signs_at_once() {
    for (algorithm, pem) in [("ES256", ES256), ("EdDSA", EDDSA), ("RS256", RS256)] {
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = URL_SAFE_NO_PAD.encode(STANDARD.decode(lines).unwrap());
        for key in [pem, der.as_str(), &pem.replace('\n', "\r\n")] {
            let clinic = Clinic::open();
            let imported = clinic.call("key.import", json!({"algorithm": algorithm, "key": key}));
            let now = clinic.engine.now().seconds();
            assert_eq!(imported["algorithm"], algorithm);
            assert_eq!(imported["origin"], "imported");
            assert_eq!(
                (&imported["created_at"], &imported["active_from"]),
                (&json!(now), &json!(now))
            );
            assert_eq!(imported["retired_at"], Value::Null);
            assert_eq!(imported["public_key"]["alg"], algorithm);
            assert!(imported["public_key"].get("d").is_none());
            let client = register(&clinic.engine);
            clinic.call("client.update", json!({"client_id": client.id, "algorithm": algorithm}));
            let token = issue(&clinic.engine, &client);
            assert_eq!(kid(&token), imported["kid"].as_str().unwrap());
            verify(&clinic.engine, &token).unwrap();
            assert_eq!(clinic.call("key.list", json!({}))["keys"], json!([imported]));
        }
    }
}

#[test]
fn the_old_key_verifies_until_its_last_token_has_ended() {
    let clinic = Clinic::with(Settings::default());
    let client = register(&clinic.engine);
    let old = issue(&clinic.engine, &client);
    clinic.pass(1800);
    let last = issue(&clinic.engine, &client);
    clinic.pass(10);
    clinic.call("key.import", json!({"algorithm": "ES256", "key": ES256}));
    let new = issue(&clinic.engine, &client);
    assert_ne!(kid(&old), kid(&new));
    let published = || {
        let keys = body_of(&Request::get(JWKS).send(&clinic.engine));
        keys["keys"].as_array().unwrap().len()
    };
    for token in [&old, &last, &new] {
        verify(&clinic.engine, token).unwrap();
    }
    assert_eq!(published(), 2);
    clinic.pass(3589);
    verify(&clinic.engine, &last).unwrap();
    assert_eq!(published(), 2);
    clinic.pass(2);
    verify(&clinic.engine, &last).unwrap_err();
    verify(&clinic.engine, &new).unwrap();
    assert_eq!(published(), 1);
    let keys = clinic.call("key.list", json!({}));
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys[0]["retired_at"].is_i64() && keys[0]["ends_at"].is_i64());
}

#[test]
fn an_import_retires_keys_of_its_own_algorithm_alone() {
    let clinic = Clinic::open();
    clinic.call("key.import", json!({"algorithm": "EdDSA", "key": EDDSA}));
    clinic.call("key.import", json!({"algorithm": "ES256", "key": ES256}));
    clinic.call("key.import", json!({"algorithm": "ES256", "key": ES256_OTHER}));
    let keys = clinic.call("key.list", json!({}));
    let retired: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| !key["retired_at"].is_null())
        .map(|key| key["algorithm"].clone())
        .collect();
    assert_eq!(retired, [json!("ES256")]);
}

#[test]
fn a_key_that_is_known_is_a_conflict_also_when_it_is_retired() {
    let clinic = Clinic::open();
    let import = |key: &str| {
        let document = json!({"algorithm": "ES256", "key": key}).to_string();
        clinic.engine.call(&admin(), "key.import", document.as_bytes())
    };
    import(ES256).unwrap();
    assert!(matches!(import(ES256), Err(Error::Conflict { what: "signing key", .. })));
    import(ES256_OTHER).unwrap();
    assert!(matches!(import(ES256), Err(Error::Conflict { .. })));
    assert_eq!(clinic.call("key.list", json!({}))["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_private_key_for_the_algorithm_is_refused_by_its_path() {
    let clinic = Clinic::open();
    let public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    let half = &RS256[..RS256.len() / 2];
    for (algorithm, key, path) in [
        ("RS256", ES256, "key"),
        ("ES256", EDDSA, "key"),
        ("EdDSA", RS256, "key"),
        ("ES256", P384, "key"),
        ("ES256", public, "key"),
        ("RS256", half, "key"),
        ("ES256", "", "key"),
        ("ES256", "not a key", "key"),
        ("ES256", "AAAA", "key"),
        ("ES256", "-----BEGIN PRIVATE KEY-----", "key"),
        ("HS256", ES256, "algorithm"),
        ("none", ES256, "algorithm"),
        ("es256", ES256, "algorithm"),
        ("", ES256, "algorithm"),
    ] {
        let document = json!({"algorithm": algorithm, "key": key}).to_string();
        match clinic.engine.call(&admin(), "key.import", document.as_bytes()) {
            Err(Error::InvalidDocument { path: found, why }) => {
                assert_eq!(found, path, "{why}");
                assert!(!why.contains("MIG") && !why.contains("MIIE"), "{why}");
            }
            other => panic!("{algorithm} {other:?}"),
        }
    }
    assert_eq!(clinic.call("key.list", json!({})), json!({"keys": []}));
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

const ES256: &str = include_str!("../golden/keys/es256.pem");
const ES256_OTHER: &str = include_str!("../golden/keys/es256-other.pem");
const EDDSA: &str = include_str!("../golden/keys/eddsa.pem");
const RS256: &str = include_str!("../golden/keys/rs256.pem");
const P384: &str = include_str!("../golden/keys/p384.pem");
