//! Conformance 34 to 36: what an access token says. How it is refused is in `tests/verify.rs`.

use crate::common::{issue, register, revoke, verify, why};
use crate::http::Clinic;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wardkey::admin::{ClientImport, SecretText};
use wardkey::{Denied, Error};

#[test]
fn wire_34_the_header_is_alg_first_then_typ_and_kid() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        clinic.call("client.update", json!({"client_id": client.id, "algorithm": algorithm}));
        let header = part(&issue(&clinic.engine, &client), 0);
        let document: Value = serde_json::from_str(&header).unwrap();
        let kid = document["kid"].as_str().unwrap();
        assert_eq!(header, format!(r#"{{"alg":"{algorithm}","typ":"at+jwt","kid":"{kid}"}}"#));
        let (site, thumbprint) = kid.split_once('.').unwrap();
        assert_eq!((site.len(), thumbprint.len()), (11, 43));
    }
}

#[test]
fn wire_34_the_claims_are_those_of_rfc_9068_and_one_of_our_own() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let now = clinic.engine.now().seconds();
    let token = issue(&clinic.engine, &client);
    let claims: Value = serde_json::from_str(&part(&token, 1)).unwrap();
    let jti = claims["jti"].as_str().unwrap().to_owned();
    let (site, unique) = jti.split_once('.').unwrap();
    assert_eq!((site.len(), unique.len()), (11, 22));
    assert!(part(&token, 0).contains(&format!(r#""kid":"{site}."#)));
    let epoch = claims["wk"]["e"].as_str().unwrap().to_owned();
    assert_eq!(epoch.len(), 11);
    let generation = claims["wk"]["n"][0].as_u64().unwrap();
    let expected = json!({
        "iss": "https://localhost", "aud": "https://localhost", "exp": now + 3600, "iat": now,
        "sub": client.id, "client_id": client.id, "jti": jti, "scope": "lab:read lab:write",
        "wk": {"s": site, "c": client.credential, "e": epoch, "n": [generation, 0]},
    });
    assert_eq!(claims, expected);
}

#[test]
fn wire_34_the_audience_is_one_string_and_the_issuer_by_default() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("settings.set", json!({"audience": "https://api.clinic.example"}));
    let token = issue(&clinic.engine, &client);
    let claims: Value = serde_json::from_str(&part(&token, 1)).unwrap();
    assert_eq!(claims["aud"], "https://api.clinic.example");
    assert_eq!(claims["iss"], "https://localhost");
    verify(&clinic.engine, &token).unwrap();
    clinic.call("settings.set", json!({"audience": null}));
    assert_eq!(why(verify(&clinic.engine, &token)), Denied::WrongAudience);
}

#[test]
fn wire_34_no_client_id_may_begin_like_a_users() {
    let clinic = Clinic::open();
    let import = ClientImport {
        client_id: "usr_lab".into(),
        client_secret: SecretText::from("long enough"),
        client_name: Some("Old".into()),
        ..ClientImport::default()
    };
    let error = clinic.engine.run(&crate::common::admin(), import).unwrap_err();
    assert!(matches!(error, Error::InvalidDocument { path, .. } if path == "client_id"));
    for _ in 0..5 {
        assert!(register(&clinic.engine).id.starts_with("wkc_"));
    }
}

#[test]
fn wire_36_revoking_by_jti_ends_the_token_in_each_of_its_spellings() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let jti = verify(&clinic.engine, &token).unwrap().token_id;
    clinic.call("token.revoke", json!({"jti": jti}));
    assert_eq!(why(verify(&clinic.engine, &token)), Denied::TokenRevoked);
    let kept = issue(&clinic.engine, &client);
    verify(&clinic.engine, &kept).unwrap();
    revoke(&clinic.engine, &kept).unwrap();
    assert_eq!(why(verify(&clinic.engine, &kept)), Denied::TokenRevoked);
}

fn part(token: &str, index: usize) -> String {
    let part = token.split('.').nth(index).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
