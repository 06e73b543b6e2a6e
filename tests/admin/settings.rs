//! `settings.*`: what holds for the whole database, at once and everywhere.

use crate::common::{admin, issue, register, verify};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::{Error, Settings};

#[test]
fn the_defaults_are_what_the_documentation_says() {
    let clinic = Clinic::with(Settings::default());
    let expected = json!({
        "issuer": "https://localhost", "audience": null, "algorithm": "ES256",
        "token_format": "jwt", "access_token_lifetime": 3600, "dialects": [],
        "trusted_proxies": [], "danger_allow_plain_http": false, "max_request_body": 65536,
        "refresh_token_idle_lifetime": 1_209_600, "refresh_token_lifetime": 7_776_000,
        "token_rate": {"per_minute": 600, "burst": 1000},
        "revocation_rate": {"per_minute": 600, "burst": 1000}, "verify_rate": null,
        "failure_rate": {"per_minute": 10, "burst": 60},
        "peer_failure_rate": {"per_minute": 60, "burst": 600},
        "key_lifetime": 7_776_000, "key_publish_ahead": 1_209_600,
        "clinic_name": "",
        "password_blocklist": [], "texts": {},
        "audit_retention": 189_345_600, "max_file_size": null,
    });
    assert_eq!(clinic.call("settings.get", json!({})), expected);
    assert_eq!(clinic.call("settings.set", json!({})), expected);
}

#[test]
fn what_is_set_is_kept_and_what_is_not_named_stays() {
    let clinic = Clinic::with(Settings::default());
    let all = json!({
        "issuer": "https://emr.example/auth", "audience": "https://api.example",
        "algorithm": "RS256", "token_format": "opaque_hex", "access_token_lifetime": 900,
        "dialects": ["bio-ecko", "medblocks"], "trusted_proxies": ["10.0.0.1/32", "fd00::/8"],
        "danger_allow_plain_http": true, "max_request_body": 2048,
        "refresh_token_idle_lifetime": 3600, "refresh_token_lifetime": 7200,
        "token_rate": {"per_minute": 1, "burst": 2}, "revocation_rate": null,
        "verify_rate": {"per_minute": 3, "burst": 4}, "failure_rate": null,
        "peer_failure_rate": {"per_minute": 60_000_000, "burst": 1_000_000},
        "key_lifetime": 86_400, "key_publish_ahead": 300,
        "clinic_name": "St. Anna",
        "password_blocklist": ["Saint Mary", "Prax\u{ed}s"],
        "texts": {"lang": "de-AT", "login_intro": "{client} bittet Sie, sich anzumelden."},
        "audit_retention": 315_576_000, "max_file_size": 16_777_216_u64,
    });
    assert_eq!(clinic.call("settings.set", all.clone()), all);
    assert_eq!(clinic.call("settings.get", json!({})), all);
    let changed = clinic.call("settings.set", json!({"audience": null, "dialects": []}));
    assert_eq!((&changed["audience"], &changed["dialects"]), (&Value::Null, &json!([])));
    assert_eq!(changed["issuer"], all["issuer"]);
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let engine = place.open_at(&clock);
    let again = engine.call(&admin(), "settings.get", b"").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&again).unwrap(), changed);
}

#[test]
fn settings_are_in_force_at_the_next_call_of_every_engine() {
    let clinic = Clinic::with(Settings::default());
    let other = clinic.place.open_at(&clinic.clock);
    let client = register(&clinic.engine);
    let token = issue(&other, &client);
    clinic.call("settings.set", json!({"issuer": "https://new.example"}));
    verify(&other, &token).unwrap_err();
    clinic.call("settings.set", json!({"token_format": "opaque"}));
    assert_eq!(issue(&other, &client).len(), 43);
    clinic.call("settings.set", json!({"token_format": "jwt", "access_token_lifetime": 60}));
    let token = issue(&other, &client);
    let principal = verify(&other, &token).unwrap();
    assert_eq!(principal.expires_at.since(principal.issued_at), 60_000);
}

#[test]
fn a_false_setting_is_refused_by_its_path_and_nothing_changes() {
    let clinic = Clinic::with(Settings::default());
    let before = clinic.call("settings.get", json!({}));
    for (document, path) in [
        (json!({"issuer": "http://emr.example"}), "issuer"),
        (json!({"issuer": ""}), "issuer"),
        (json!({"issuer": "https://emr.example/"}), "issuer"),
        (json!({"issuer": "https://emr.example?x"}), "issuer"),
        (json!({"issuer": "https://emr.example#x"}), "issuer"),
        (json!({"issuer": "https://me@emr.example"}), "issuer"),
        (json!({"audience": ""}), "audience"),
        (json!({"audience": "a\nb"}), "audience"),
        (json!({"algorithm": "HS256"}), "algorithm"),
        (json!({"algorithm": "none"}), "algorithm"),
        (json!({"token_format": "JWT"}), "token_format"),
        (json!({"dialects": ["medblocks", "epic"]}), "dialects[1]"),
        (json!({"dialects": ["drchrono "]}), "dialects[0]"),
        (json!({"trusted_proxies": ["10.0.0.0/8", "10.0.0.1/8"]}), "trusted_proxies[1]"),
        (json!({"trusted_proxies": ["localhost"]}), "trusted_proxies[0]"),
        (json!({"trusted_proxies": ["::ffff:10.0.0.1"]}), "trusted_proxies[0]"),
        (json!({"texts": null}), "texts"),
        (json!({"texts": {"sign_in": "Anmelden", "signin": "Anmelden"}}), "texts.signin"),
        (json!({"texts": {"sign_in": 1}}), "texts.sign_in"),
        (json!({"texts": {"sign_in": null}}), "texts.sign_in"),
        (json!({"texts": {"sign_in": ""}}), "texts.sign_in"),
        (json!({"texts": {"sign_in": "x".repeat(501)}}), "texts.sign_in"),
        (json!({"texts": {"sign_in": "a\nb"}}), "texts.sign_in"),
        (json!({"texts": {"sign_in": "{clinic}"}}), "texts.sign_in"),
        (json!({"texts": {"login_intro": "{clinic} {user}"}}), "texts.login_intro"),
        (json!({"texts": {"lang": "German please"}}), "texts.lang"),
        (json!({"texts": {"lang": "he", "dir": "right"}}), "texts.dir"),
    ] {
        // Together with a good member, of which nothing must stay.
        let mut both = document.clone();
        both["max_request_body"] = json!(5000);
        match clinic.engine.call(&admin(), "settings.set", both.to_string().as_bytes()) {
            Err(Error::InvalidDocument { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{document} {other:?}"),
        }
    }
    assert_eq!(clinic.call("settings.get", json!({})), before);
}

#[test]
fn texts_are_replaced_together_and_a_member_given_twice_is_refused() {
    let clinic = Clinic::with(Settings::default());
    let german = json!({"texts": {"lang": "de", "allow": "Erlauben"}});
    assert_eq!(clinic.call("settings.set", german.clone())["texts"], german["texts"]);
    assert_eq!(clinic.call("settings.set", json!({}))["texts"], german["texts"]);
    let french = json!({"texts": {"lang": "fr", "sign_in": "x".repeat(500)}});
    assert_eq!(clinic.call("settings.set", french.clone())["texts"], french["texts"]);
    let twice = br#"{"texts": {"allow": "a", "allow": "b"}}"#;
    match clinic.engine.call(&admin(), "settings.set", twice) {
        Err(Error::InvalidDocument { path, .. }) => assert_eq!(path, "texts.allow"),
        other => panic!("{other:?}"),
    }
    assert_eq!(clinic.call("settings.set", json!({"texts": {}}))["texts"], json!({}));
}
