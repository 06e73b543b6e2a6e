//! The limits of every member, at their edges.

use crate::common::{admin, register};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::{Context, Engine, Error};

#[test]
fn text_members_of_a_client_have_their_lengths() {
    let clinic = Clinic::open();
    for (member, least, most) in [("client_name", 1, 200), ("description", 0, 2000)] {
        // Characters, not bytes.
        for letter in ["x", "\u{4e2d}"] {
            assert_fits(&clinic, member, &json!(letter.repeat(most)));
            assert_false(&clinic, member, &json!(letter.repeat(most + 1)), member);
        }
        assert_fits(&clinic, member, &json!("x".repeat(least)));
        for control in ["a\nb", "a\0b", "a\u{7f}b", "a\u{85}b"] {
            assert_false(&clinic, member, &json!(control), member);
        }
    }
    assert_false(&clinic, "client_name", &json!(""), "client_name");
    let unnamed = clinic.engine.call(&admin(), "client.create", b"{}");
    assert!(matches!(unnamed, Err(Error::InvalidDocument { path, .. }) if path == "client_name"));
    // Bytes, and any character: it is the host's.
    assert_fits(&clinic, "host_data", &json!("\n".repeat(4096)));
    assert_false(&clinic, "host_data", &json!("x".repeat(4097)), "host_data");
    assert_false(&clinic, "host_data", &json!("\u{4e2d}".repeat(1366)), "host_data");
}

#[test]
fn the_lifetime_is_a_minute_to_thirty_days() {
    let clinic = Clinic::open();
    let member = "access_token_lifetime";
    for fits in [60, 2_592_000] {
        assert_fits(&clinic, member, &json!(fits));
        clinic.call("settings.set", json!({member: fits}));
    }
    for false_one in [0, 59, 2_592_001, u32::MAX] {
        assert_false(&clinic, member, &json!(false_one), member);
        let document = json!({member: false_one}).to_string();
        let refused = clinic.engine.call(&admin(), "settings.set", document.as_bytes());
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == member));
    }
    for ill_typed in [json!(-1), json!(4_294_967_296_u64), json!(60.5), json!("60")] {
        assert_false(&clinic, member, &ill_typed, member);
    }
}

#[test]
fn lists_have_at_most_64_members() {
    let clinic = Clinic::open();
    let list = |length: usize, text: &dyn Fn(usize) -> String| {
        json!((0..length).map(text).collect::<Vec<_>>())
    };
    let network = |n: usize| format!("10.0.0.{n}/32");
    let origin = |n: usize| format!("https://o{n}.example");
    let uri = |n: usize| format!("https://u.example/{n}");
    let members: [(&str, &dyn Fn(usize) -> String); 3] =
        [("allowed_networks", &network), ("allowed_origins", &origin), ("redirect_uris", &uri)];
    for (member, text) in members {
        assert_fits(&clinic, member, &list(64, text));
        assert_false(&clinic, member, &list(65, text), member);
        assert_fits(&clinic, member, &json!([]));
    }
}

#[test]
fn redirect_uris_are_absolute_and_safe() {
    let clinic = Clinic::open();
    let longest = format!("https://a.example/{}", "x".repeat(1982));
    for good in [
        "https://a.example/back?x=1",
        "http://127.0.0.1/back",
        "http://localhost:8080/back",
        "http://[::1]:1/",
        "com.example.app:/back",
        longest.as_str(),
    ] {
        assert_fits(&clinic, "redirect_uris", &json!([good]));
    }
    let too_long = format!("{longest}x");
    for bad in [
        "",
        "/back",
        "http://a.example/back",
        "https://a.example/#x",
        "https://me@a.example/",
        "https:///x",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a.example/ x",
        "https://a.example/\u{e9}",
        too_long.as_str(),
    ] {
        let list = json!(["https://a.example/", bad]);
        assert_false(&clinic, "redirect_uris", &list, "redirect_uris[1]");
    }
}

#[test]
fn origins_are_scheme_host_and_port() {
    let clinic = Clinic::open();
    for good in ["https://a.example", "http://localhost:3000", "https://[::1]:8443"] {
        assert_fits(&clinic, "allowed_origins", &json!([good]));
    }
    for bad in [
        "",
        "*",
        "null",
        "a.example",
        "https://a.example/",
        "https://A.example",
        "ftp://a",
        "https://a:b:c",
        "https://a.example:443",
        "http://localhost:80",
        "http://a.example",
        "http://10.0.0.7:8080",
    ] {
        assert_false(&clinic, "allowed_origins", &json!([bad]), "allowed_origins[0]");
    }
}

#[test]
fn networks_are_addresses_or_ranges() {
    let clinic = Clinic::open();
    for good in ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::1", "2001:db8::/32"] {
        assert_fits(&clinic, "allowed_networks", &json!([good]));
    }
    for bad in [
        "",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "::/129",
        "10.0.0",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "::ffff:10.0.0.1",
        "example.org",
        " 10.0.0.1",
        "010.0.0.1",
    ] {
        let list = json!(["10.0.0.1", bad]);
        assert_false(&clinic, "allowed_networks", &list, "allowed_networks[1]");
    }
}

#[test]
fn words_of_closed_lists_are_taken_as_they_are_spelt() {
    let clinic = Clinic::open();
    for (member, good, bad) in [
        ("algorithm", &["ES256", "EdDSA", "RS256"][..], &["es256", "HS256", "none", ""][..]),
        ("token_format", &["jwt", "opaque", "opaque_hex"], &["JWT", "hex", ""]),
        ("token_type_case", &["Bearer", "bearer"], &["BEARER", "DPoP", ""]),
        (
            "token_endpoint_auth_method",
            &["client_secret_basic", "client_secret_post"],
            &["private_key_jwt", "Basic", ""],
        ),
    ] {
        for word in good {
            assert_fits(&clinic, member, &json!(word));
        }
        for word in bad {
            assert_false(&clinic, member, &json!(word), member);
        }
    }
    for bad in [json!(["password"]), json!(["implicit"]), json!([""])] {
        assert_false(&clinic, "grant_types", &bad, "grant_types[0]");
    }
    assert_fits(&clinic, "grant_types", &json!([]));
}

#[test]
fn a_clients_scope_and_the_catalogues_words_have_their_lengths() {
    let clinic = Clinic::open();
    let word = |n: usize| format!("{n:0>127}");
    for n in 0..33 {
        clinic.call("scope.add", json!({"scope": word(n)}));
    }
    // 32 words of 127 characters and 31 spaces are 4095.
    let whole: Vec<_> = (0..32).map(word).collect();
    assert_fits(&clinic, "scope", &json!(whole.join(" ")));
    let more: Vec<_> = (0..33).map(word).collect();
    assert_false(&clinic, "scope", &json!(more.join(" ")), "scope");
    let add = |document: Value| {
        clinic.engine.call(&admin(), "scope.add", document.to_string().as_bytes())
    };
    add(json!({"scope": "w".repeat(128), "description": "d".repeat(500)})).unwrap();
    for (document, path) in [
        (json!({"scope": "w".repeat(129)}), "scope"),
        (json!({"scope": ""}), "scope"),
        (json!({"scope": "two words"}), "scope"),
        (json!({"scope": "a\"b"}), "scope"),
        (json!({"scope": "\u{e9}"}), "scope"),
        (json!({"scope": "x", "description": "d".repeat(501)}), "description"),
        (json!({"scope": "x", "description": "a\nb"}), "description"),
    ] {
        match add(document.clone()) {
            Err(Error::InvalidDocument { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{document} {other:?}"),
        }
    }
}

#[test]
fn a_secrets_label_has_at_most_200_characters() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let create = |label: &str| {
        let document = json!({"client_id": client.id, "label": label}).to_string();
        clinic.engine.call(&admin(), "client.secret.create", document.as_bytes())
    };
    create(&"\u{4e2d}".repeat(200)).unwrap();
    for label in ["x".repeat(201), "a\nb".to_owned()] {
        let refused = create(&label);
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "label"));
    }
    let document = json!({"client_name": "x", "secret_label": "x".repeat(201)}).to_string();
    let refused = clinic.engine.call(&admin(), "client.create", document.as_bytes());
    let Err(Error::InvalidDocument { path, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(path, "secret_label");
}

#[test]
fn settings_have_their_ranges() {
    let clinic = Clinic::open();
    let longest = format!("https://{}", "a".repeat(247));
    for document in [
        json!({"max_request_body": 1024}),
        json!({"max_request_body": 1_048_576}),
        json!({"audience": "a"}),
        json!({"audience": "a".repeat(255)}),
        json!({"issuer": longest}),
    ] {
        clinic.call("settings.set", document);
    }
    for (member, value) in [
        ("max_request_body", json!(1023)),
        ("max_request_body", json!(1_048_577)),
        ("audience", json!("a".repeat(256))),
        ("issuer", json!(format!("{longest}a"))),
    ] {
        let document = json!({member: value}).to_string();
        let refused = clinic.engine.call(&admin(), "settings.set", document.as_bytes());
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == member));
    }
}

#[test]
fn the_hosts_id_of_a_request_has_at_most_255_bytes() {
    let clinic = Clinic::open();
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    let list = |engine: &Engine, id: &str| {
        let context = Context { correlation_id: Some(id), ..admin() };
        engine.call(&context, "client.list", b"").map(|_| ())
    };
    list(&clinic.engine, &longest).unwrap();
    for bad in [too_long.as_str(), "a\nb", "a\0b"] {
        let refused = list(&clinic.engine, bad);
        assert!(matches!(refused, Err(Error::InvalidArgument { argument: "correlation_id", .. })));
    }
}

#[track_caller]
fn assert_fits(clinic: &Clinic, member: &str, value: &Value) {
    let mut document = json!({"client_name": "x"});
    document[member] = value.clone();
    let created = clinic.call("client.create", document);
    let read = clinic.call("client.read", json!({"client_id": created["client_id"]}));
    if member != "allowed_networks" {
        assert_eq!(read[member], *value);
    }
}

#[track_caller]
fn assert_false(clinic: &Clinic, member: &str, value: &Value, path: &str) {
    let mut document = json!({"client_name": "x"});
    document[member] = value.clone();
    match clinic.engine.call(&admin(), "client.create", document.to_string().as_bytes()) {
        Err(Error::InvalidDocument { path: found, .. }) => assert_eq!(found, path, "{value:.60}"),
        other => panic!("{member} {value:.60}: {other:?}"),
    }
}
