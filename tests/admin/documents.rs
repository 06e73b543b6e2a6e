//! What holds for every operation: an actor, and a document without a false member.

use crate::common::{admin, register};
use crate::http::Clinic;
use serde_json::{Map, Value, json};
use wardkey::{Context, Engine, Error};

#[test]
fn every_operation_is_tried_here() {
    let mut names: Vec<_> = Engine::operations().collect();
    let mut tried: Vec<_> = samples("c", "d", "u").iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    tried.sort_unstable();
    assert_eq!(names, tried);
}

#[test]
fn an_operation_that_does_not_exist_is_said_so() {
    let clinic = Clinic::open();
    for name in ["", "client", "client.", "Client.Create", "client.create ", "\"", "a\0b"] {
        let refused = clinic.engine.call(&admin(), name, b"{}");
        assert_eq!(refused, Err(Error::UnknownOperation { name: name.to_owned() }));
    }
}

#[test]
fn no_operation_runs_without_an_actor() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let user = user_of(&clinic);
    let before = clinic.call("client.list", json!({}));
    for (name, document) in samples(&client.id, &client.credential, &user) {
        for actor in [None, Some(""), Some("  "), Some("\t")] {
            let context = Context { actor, ..Context::default() };
            let refused = clinic.engine.call(&context, name, document.to_string().as_bytes());
            assert_eq!(refused, Err(Error::ActorMissing), "{name}");
        }
        let long = "a".repeat(256);
        for actor in ["anna\n", "a\0", long.as_str()] {
            let context = Context::by(actor);
            let refused = clinic.engine.call(&context, name, document.to_string().as_bytes());
            let fits = matches!(refused, Err(Error::InvalidArgument { argument: "actor", .. }));
            assert!(fits, "{name} {refused:?}");
        }
    }
    assert_eq!(clinic.call("client.list", json!({})), before);
    let longest = "a".repeat(255);
    clinic.engine.call(&Context::by(&longest), "client.list", b"").unwrap();
}

#[test]
fn every_sample_document_is_taken_whole() {
    for (name, document) in samples("", "", "") {
        let clinic = Clinic::open();
        let client = register(&clinic.engine);
        let user = user_of(&clinic);
        clinic.call("scope.add", json!({"scope": "own:word"}));
        clinic.call("role.create", json!({"name": "unused"}));
        clinic.call("issuer.import", other_site());
        let (_, document) = samples(&client.id, &client.credential, &user)
            .into_iter()
            .find(|(known, _)| *known == name)
            .unwrap_or((name, document));
        let answer = clinic.engine.call(&admin(), name, document.to_string().as_bytes());
        if name == "token.revoke" {
            // Of another database; its own are in `tokens.rs`.
            let path = "jti".to_owned();
            assert!(matches!(answer, Err(Error::InvalidDocument { path: p, .. }) if p == path));
            continue;
        }
        if name == "grant.revoke" {
            // Of nobody; those of users are in the tests of the flows that make them.
            assert!(matches!(answer, Err(Error::NotFound { what: "grant", .. })));
            continue;
        }
        if name == "key.retire" {
            // Of nobody; those of a database are in `rotation.rs`.
            assert!(matches!(answer, Err(Error::NotFound { what: "signing key", .. })));
            continue;
        }
        if name == "leak.find" {
            // Of nobody; those of clients are in `leaks.rs`.
            assert!(matches!(answer, Err(Error::NotFound { what: "secret or token", .. })));
            continue;
        }
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        assert!(answer.is_object(), "{name}");
        #[cfg(feature = "schema")]
        crate::http::schema::check_response(name, &answer);
    }
}

#[test]
fn an_unknown_member_is_refused_by_its_path() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        for member in ["colour", "Client_id", "client_ID", "", "client_id "] {
            let mut with = document.clone();
            with[member] = json!(1);
            let (path, why) = refused(&clinic, name, &with.to_string());
            // What cannot be a mistyped name may be a secret in the wrong place.
            let shown = if member.contains(' ') { "(a name not shown)" } else { member };
            assert_eq!(path, shown, "{name} {why}");
            assert!(why.contains("unknown field"), "{name} {why}");
        }
    }
}

#[test]
fn a_repeated_member_is_refused() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        let text = document.to_string();
        for (member, value) in document.as_object().unwrap() {
            let again = text.replacen('{', &format!("{{\"{member}\":{value},"), 1);
            let (_, why) = refused(&clinic, name, &again);
            assert!(why.contains("duplicate field") && why.contains(member), "{name} {why}");
            let escaped = format!("{{\"\\u{:04x}{}\":{value},", member.as_bytes()[0], &member[1..]);
            let (_, why) = refused(&clinic, name, &text.replacen('{', &escaped, 1));
            assert!(why.contains("duplicate field"), "{name} {why}");
        }
    }
}

#[test]
fn an_ill_typed_member_is_refused_by_its_path() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        for (member, value) in document.as_object().unwrap() {
            for other in others(value) {
                let mut with = document.clone();
                with[member] = other.clone();
                let (path, _) = refused(&clinic, name, &with.to_string());
                // Of a list, the place within it.
                assert_eq!(path.split('[').next(), Some(member.as_str()), "{name} {other}");
            }
        }
    }
}

#[test]
fn null_is_no_way_to_leave_a_member_out() {
    let nullable = [
        "default_scope",
        "token_endpoint_auth_method",
        "algorithm",
        "token_format",
        "access_token_lifetime",
        "token_type_case",
        "audience",
        "key_lifetime",
    ];
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        for member in document.as_object().unwrap().keys() {
            let may = nullable.contains(&member.as_str())
                && name.starts_with(match member.as_str() {
                    "audience" | "key_lifetime" => "settings",
                    _ => "client",
                });
            let an_end = name == "client.secret.update" && member == "expires_at";
            if may || an_end {
                continue;
            }
            let mut with = document.clone();
            with[member] = Value::Null;
            let (path, _) = refused(&clinic, name, &with.to_string());
            assert_eq!(path, *member, "{name}");
        }
    }
}

#[test]
fn a_member_that_must_be_there_is_named() {
    let clinic = Clinic::open();
    for (name, members) in [
        ("client.read", &["client_id"][..]),
        ("client.delete", &["client_id"]),
        ("client.disable", &["client_id"]),
        ("client.enable", &["client_id"]),
        ("client.revoke", &["client_id"]),
        ("client.import", &["client_id", "client_secret"]),
        ("client.update", &["client_id"]),
        ("client.secret.create", &["client_id"]),
        ("client.secret.import", &["client_id", "client_secret"]),
        ("client.secret.list", &["client_id"]),
        ("client.secret.revoke", &["client_id", "credential_id"]),
        ("client.secret.confirm", &["client_id", "credential_id"]),
        ("role.create", &["name"]),
        ("role.update", &["name"]),
        ("role.delete", &["name"]),
        ("scope.add", &["scope"]),
        ("scope.remove", &["scope"]),
        ("user.create", &["username", "password"]),
        ("user.update", &["user_id"]),
        ("user.set_password", &["user_id", "password"]),
        ("user.disable", &["user_id"]),
        ("user.enable", &["user_id"]),
        ("user.revoke", &["user_id"]),
        ("user.delete", &["user_id"]),
        ("key.import", &["algorithm", "key"]),
        ("token.introspect", &["token"]),
        ("audit.check", &["head"]),
        ("audit.explain", &["request_id"]),
        ("clock.accept", &["time"]),
    ] {
        let (_, document) =
            samples("c", "d", "u").into_iter().find(|(known, _)| *known == name).unwrap();
        for member in members {
            let mut without = document.clone();
            without.as_object_mut().unwrap().remove(*member);
            let (_, why) = refused(&clinic, name, &without.to_string());
            assert!(why.contains(member), "{name} {why}");
        }
    }
}

#[test]
fn a_document_that_is_no_json_object_is_refused() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        let text = document.to_string();
        let members: Vec<_> = document.as_object().unwrap().values().cloned().collect();
        for false_text in [
            format!("{text} x"),
            format!("{text}{text}"),
            format!("[{text}]"),
            Value::Array(members).to_string(),
            "null".to_owned(),
            "\"\"".to_owned(),
            "7".to_owned(),
            "{".to_owned(),
            "{]".to_owned(),
            "{\"a\":1,}".to_owned(),
            "\u{feff}{}".to_owned(),
            " ".to_owned(),
        ] {
            refused(&clinic, name, &false_text);
        }
        let bytes = clinic.engine.call(&admin(), name, b"{\"\xff\":1}");
        assert!(matches!(bytes, Err(Error::InvalidDocument { .. })), "{name}");
        let deep = "[".repeat(100_000);
        let deep = clinic.engine.call(&admin(), name, format!("{{\"a\":{deep}").as_bytes());
        assert!(matches!(deep, Err(Error::InvalidDocument { .. })), "{name}");
    }
}

#[test]
fn white_space_around_a_document_is_fine_and_no_document_is_an_empty_one() {
    let clinic = Clinic::open();
    let whole = clinic.engine.call(&admin(), "settings.get", b"{}").unwrap();
    for text in [&b""[..], b" {} ", b"\n{\n}\r\n\t"] {
        assert_eq!(clinic.engine.call(&admin(), "settings.get", text).unwrap(), whole);
    }
}

/// A nurse, and the role.
pub(crate) fn user_of(clinic: &Clinic) -> String {
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read"}));
    let document = json!({"username": "anna", "password": "nobodys guess", "roles": ["nurse"]});
    clinic.call("user.create", document)["user_id"].as_str().unwrap().to_owned()
}

/// A document with every member of every operation.
#[expect(clippy::too_many_lines, reason = "one table")]
pub(crate) fn samples(client: &str, credential: &str, user: &str) -> Vec<(&'static str, Value)> {
    let metadata = json!({
        "client_name": "Lab", "description": "d", "scope": "lab:read lab:write",
        "default_scope": "lab:read", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": ["https://lab.example/back"], "resource_server": true,
        "algorithm": "ES256", "token_format": "jwt", "access_token_lifetime": 600,
        "token_type_case": "Bearer", "allowed_networks": ["10.0.0.0/8"],
        "allowed_origins": ["https://lab.example"], "host_data": "h",
        "rotate_refresh_tokens": true, "danger_allow_no_pkce": false,
    });
    let with = |more: Value| {
        let mut all: Map<String, Value> = metadata.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let of_client = || json!({"client_id": client});
    let of_user = || json!({"user_id": user});
    let of_secret = || json!({"client_id": client, "credential_id": credential});
    vec![
        (
            "audit.append",
            json!({
                "event": "record.open", "outcome": "allowed", "reference": "4711",
                "client_id": client, "user_id": user, "token_id": "t", "detail": {"from": "here"},
            }),
        ),
        (
            "audit.check",
            json!({"head": {
                "site": "s", "sequence": 1, "hash": "0".repeat(64), "signed_by": 1, "signature": "s",
            }}),
        ),
        ("audit.explain", json!({"request_id": "0".repeat(32)})),
        (
            "audit.export",
            json!({
                "client_id": client, "user_id": user, "outcome": "done", "from": 0, "until": 1,
                "after": 0, "limit": 1,
            }),
        ),
        ("audit.head", json!({})),
        (
            "audit.read",
            json!({
                "client_id": client, "credential_id": credential, "outcome": "done",
                "event": "client.create", "from": 0, "until": 1, "after": 0, "limit": 1,
            }),
        ),
        ("audit.report", json!({"month": "2026-03", "client_id": client})),
        ("audit.verify", json!({})),
        (
            "client.adopt",
            json!({
                "exported": {
                    "format": 1, "issuer": "https://other.example", "site": "A".repeat(11),
                    "client": with(json!({
                        "client_id": "lab", "client_id_issued_at": 1, "updated_at": 1,
                        "enabled": true,
                    })),
                },
                "client_id": "lab-b", "enabled": true,
            }),
        ),
        (
            "client.create",
            with(json!({"enabled": true, "secret_label": "l", "client_secret_expires_at": 1})),
        ),
        ("client.delete", of_client()),
        ("client.disable", of_client()),
        ("client.enable", of_client()),
        ("client.export", of_client()),
        (
            "client.import",
            with(json!({"client_id": "old", "client_secret": "long enough", "enabled": true})),
        ),
        ("client.list", json!({"after": "a", "limit": 1})),
        ("client.read", of_client()),
        ("client.revoke", of_client()),
        ("client.secret.confirm", of_secret()),
        (
            "client.secret.create",
            json!({"client_id": client, "label": "l", "not_before": 1, "expires_at": 2}),
        ),
        (
            "client.secret.import",
            json!({
                "client_id": client, "client_secret": "long enough", "label": "l", "expires_at": 2,
            }),
        ),
        (
            "client.secret.expiring",
            json!({"within": 1, "after": format!("1.{}", "A".repeat(11)), "limit": 1}),
        ),
        ("client.secret.list", of_client()),
        ("client.secret.revoke", of_secret()),
        (
            "client.secret.rotate",
            json!({
                "client_id": client, "credential_id": credential, "overlap": 1, "label": "l",
                "expires_at": 253_402_300_799_i64,
            }),
        ),
        (
            "client.secret.update",
            json!({
                "client_id": client, "credential_id": credential, "label": "l", "expires_at": 2,
            }),
        ),
        ("client.update", with(of_client())),
        ("clock.accept", json!({"time": 1_772_353_800})),
        ("database.check", json!({})),
        ("database.prune", json!({})),
        ("database.status", json!({})),
        ("grant.list", json!({"client_id": client, "user_id": user, "after": "a", "limit": 1})),
        ("grant.revoke", json!({"grant_id": "A".repeat(22)})),
        (
            "issuer.client.add",
            json!({"issuer": AWAY, "client_id": "lab", "client_name": "Lab", "enabled": true}),
        ),
        ("issuer.delete", json!({"issuer": AWAY})),
        ("issuer.disable", json!({"issuer": AWAY})),
        ("issuer.enable", json!({"issuer": AWAY})),
        ("issuer.import", other_site()),
        ("issuer.list", json!({})),
        ("issuer.read", json!({"issuer": AWAY})),
        ("key.export", json!({})),
        (
            "key.import",
            json!({"algorithm": "ES256", "key": include_str!("../golden/keys/es256.pem")}),
        ),
        ("key.list", json!({})),
        ("key.recovery", json!({})),
        ("key.rekey", json!({"source": "file"})),
        ("key.retire", json!({"kid": "nobody"})),
        ("key.rotate", json!({"algorithm": "EdDSA"})),
        ("leak.find", json!({"text": "nobody's secret"})),
        ("role.create", json!({"name": "doctor", "scope": "lab:read", "description": "d"})),
        ("role.delete", json!({"name": "unused"})),
        ("role.list", json!({})),
        ("role.update", json!({"name": "nurse", "scope": "lab:read", "description": "d"})),
        ("scope.add", json!({"scope": "new:word", "description": "d"})),
        ("scope.list", json!({})),
        ("scope.remove", json!({"scope": "own:word"})),
        ("settings.get", json!({})),
        (
            "settings.set",
            json!({
                "issuer": "https://emr.example", "audience": "a", "algorithm": "EdDSA",
                "token_format": "opaque", "access_token_lifetime": 60, "dialects": ["medblocks"],
                "trusted_proxies": ["10.0.0.1"], "danger_allow_plain_http": false,
                "max_request_body": 1024, "password_blocklist": ["Saint Mary"],
                "refresh_token_idle_lifetime": 60, "refresh_token_lifetime": 60,
                "key_lifetime": 86_400, "key_publish_ahead": 300,
                "clinic_name": "Saint Mary", "texts": {"lang": "he", "dir": "rtl"},
            }),
        ),
        ("token.introspect", json!({"token": "x"})),
        ("token.revoke", json!({"jti": format!("{}.{}", "B".repeat(11), "A".repeat(22))})),
        ("user.confirm", of_user()),
        (
            "user.create",
            json!({
                "username": "berta", "password": "nobodys guess", "scope": "lab:read",
                "roles": ["nurse"], "enabled": true, "description": "d",
            }),
        ),
        ("user.delete", of_user()),
        ("user.disable", of_user()),
        ("user.enable", of_user()),
        ("user.list", json!({"after": "a", "limit": 1})),
        ("user.read", of_user()),
        ("user.revoke", of_user()),
        ("user.set_password", json!({"user_id": user, "password": "nobodys guess"})),
        (
            "user.update",
            json!({
                "user_id": user, "username": "berta", "scope": "lab:read", "roles": ["nurse"],
                "description": "d",
            }),
        ),
    ]
}

/// Values of another type than `value`.
fn others(value: &Value) -> Vec<Value> {
    let all = [json!("x"), json!(-1), json!(1.5), json!(true), json!({}), json!([1])];
    let same = |other: &Value| match (value, other) {
        (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Object(_), Value::Object(_)) => true,
        // Times and cursors are signed or not; a fraction never fits.
        (Value::Number(_), Value::Number(number)) => number.is_i64(),
        _ => false,
    };
    all.into_iter().filter(|other| !same(other)).collect()
}

/// Another site, with the key of RFC 8037 A.2 under its thumbprint of A.3.
fn other_site() -> Value {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let kid = "AAAAAAAAAAA.kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid});
    json!({"issuer": AWAY, "site": "AAAAAAAAAAA", "jwks": {"keys": [key]}})
}

const AWAY: &str = "https://away.example";

/// The path and the reason of a document that is refused.
#[track_caller]
fn refused(clinic: &Clinic, name: &str, document: &str) -> (String, String) {
    match clinic.engine.call(&admin(), name, document.as_bytes()) {
        Err(Error::InvalidDocument { path, why }) => (path, why),
        other => panic!("{name} {document:.200}: {other:?}"),
    }
}
