//! Nothing secret is in any row, nor anywhere else on the disk.

use crate::common::{admin, audit, issue, register, verify};
use crate::http::{Clinic, GRANT, INTROSPECT, REVOKE, Request, ask, in_form};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use std::fs;

#[test]
#[expect(clippy::too_many_lines, reason = "one of everything")]
fn no_file_holds_a_secret_or_a_token() {
    let clinic = Clinic::open();
    let mut secrets = Vec::new();
    let client = register(&clinic.engine);
    secrets.push(client.secret.clone());
    let second = clinic.call("client.secret.create", json!({"client_id": client.id}));
    secrets.push(second["client_secret"].as_str().unwrap().to_owned());
    for (id, secret) in [("old one", "a legacy: secret"), ("old two", "zweites Geheimnis")] {
        clinic.call(
            "client.import",
            json!({"client_id": id, "client_secret": secret, "client_name": "Old"}),
        );
        ask(GRANT).basic(id, secret).token(&clinic.engine);
        secrets.push(secret.to_owned());
    }
    let typed = "a wrong secret that somebody typed";
    ask(GRANT).basic(&client.id, typed).send(&clinic.engine);
    ask(format!("{GRANT}&client_id={}&client_secret={typed}", client.id)).send(&clinic.engine);
    ask(GRANT).query(&format!("client_secret={}", client.secret)).send(&clinic.engine);
    ask(format!("{GRANT}&scope={}", client.secret)).by_client(&client).send(&clinic.engine);
    secrets.push(typed.to_owned());
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        for format in ["jwt", "opaque", "opaque_hex"] {
            let change = json!({
                "client_id": client.id, "algorithm": algorithm, "token_format": format,
            });
            clinic.call("client.update", change);
            let token = issue(&clinic.engine, &client);
            verify(&clinic.engine, &token).unwrap();
            for path in [INTROSPECT, REVOKE] {
                let body = format!("token={token}&{}", in_form(&client));
                Request::post(path, body).send(&clinic.engine);
            }
            verify(&clinic.engine, &token).unwrap_err();
            let last = issue(&clinic.engine, &client);
            clinic.call("token.revoke", json!({"token": last}));
            secrets.extend([token, last]);
        }
    }
    // With the place of something private in the document.
    let mut private = Vec::new();
    for (algorithm, key, part) in [
        ("ES256", include_str!("../golden/keys/es256.pem"), 36..68),
        ("EdDSA", include_str!("../golden/keys/eddsa.pem"), 16..48),
        ("RS256", include_str!("../golden/keys/rs256.pem"), 1000..1100),
    ] {
        clinic.call("key.import", json!({"algorithm": algorithm, "key": key}));
        let lines: String = key.lines().filter(|line| !line.starts_with('-')).collect();
        private.push(STANDARD.decode(&lines).unwrap()[part].to_vec());
        secrets.push(lines);
    }
    clinic.engine.maintain().unwrap();
    for row in audit(&clinic.engine) {
        for secret in &secrets {
            assert!(!row.row.contains(secret.as_str()), "{}", row.row);
            assert!(!row.words.contains(secret.as_str()), "{}", row.words);
        }
    }
    // While it is open, so that the write-ahead log is there too.
    assert!(clinic.place.beside("-wal").exists());
    let files = files(&clinic);
    assert!(files.len() >= 3);
    let texts = secrets.iter().map(|secret| secret.as_bytes().to_vec());
    for secret in texts.chain(private) {
        for spelling in spellings(&secret) {
            for (name, bytes) in &files {
                assert!(!holds(bytes, &spelling), "{name} holds {secret:?}");
            }
        }
    }
}

#[test]
fn what_looks_like_a_secret_in_a_scope_is_not_kept() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    // Somebody mixes up two parameters; the scope of a refused request is kept for the operator.
    let password = "correct horse battery";
    let user = json!({"username": "anna", "password": password, "scope": "lab:read"});
    clinic.call("user.create", user);
    let login = json!({"username": "anna", "password": password}).to_string();
    let login = Request::post("/ums/v2/users/login", login).content_type("application/json");
    let refresh = crate::http::json(&login.send(&clinic.engine))["refreshJwt"]["token"].clone();
    let refresh = refresh.as_str().unwrap();
    for secret in [client.secret.as_str(), refresh] {
        let body = format!("{GRANT}&scope={secret}");
        assert_eq!(ask(body).by_client(&client).send(&clinic.engine).status, 400);
        let document = json!({"grant_id": secret}).to_string();
        let error = clinic.engine.call(&admin(), "grant.revoke", document.as_bytes());
        assert!(!error.unwrap_err().to_string().contains(secret));
        for row in audit(&clinic.engine) {
            assert!(!row.row.contains(secret), "{}", row.row);
        }
    }
}

/// A secret as it may have been written: as it is, and encoded.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        secret.to_vec(),
        STANDARD.encode(secret).into_bytes(),
        URL_SAFE_NO_PAD.encode(secret).into_bytes(),
        hex.into_bytes(),
    ]
}

fn files(clinic: &Clinic) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(clinic.place.folder()).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            // Reading drops no lock of this process that matters: nothing else writes now.
            (path.display().to_string(), fs::read(&path).unwrap())
        })
        .collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
