//! Conformance 1 to 8: the token request.

use crate::common::{Registered, admin, register};
use crate::http::{
    Clinic, FORM, GRANT, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, in_form, refusal,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wardkey::Settings;
use wardkey::admin::{ClientImport, SecretText};

#[test]
fn wire_01_a_charset_is_fine_and_another_media_type_is_an_invalid_request() {
    let (clinic, client) = clinic();
    let request = ask(GRANT).by_client(&client);
    for fine in [
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Application/X-WWW-Form-URLEncoded",
    ] {
        assert_ok(&clinic, &request.clone().content_type(fine));
    }
    for other in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        assert_refused(&clinic, &request.clone().content_type(other), "invalid_request");
    }
    assert_refused(&clinic, &request.header("content-type", FORM), "invalid_request");
}

#[test]
fn wire_01_another_method_is_405_with_allow() {
    let (clinic, client) = clinic();
    for path in [TOKEN, INTROSPECT, REVOKE, "/oauth2/token"] {
        for method in ["GET", "PUT", "DELETE", "HEAD", "post", "PATCH"] {
            let request = Request::post(path, GRANT).by_client(&client).method(method);
            let response = request.send(&clinic.engine);
            assert_eq!((response.status, response.header("allow")), (405, Some("POST")));
        }
    }
    for path in [JWKS, METADATA] {
        let response = Request::get(path).method("POST").send(&clinic.engine);
        assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")));
        let head = Request::get(path).method("HEAD").send(&clinic.engine);
        assert_eq!((head.status, head.body.len()), (200, 0));
        let length = Request::get(path).send(&clinic.engine).body.len().to_string();
        assert_eq!(head.header("content-length"), Some(&*length));
    }
}

#[test]
fn wire_02_an_empty_parameter_counts_as_omitted_and_an_unknown_one_is_ignored() {
    let (clinic, client) = clinic();
    for body in [
        "grant_type=client_credentials&scope=",
        "grant_type=client_credentials&scope",
        "grant_type=&grant_type=client_credentials",
        "grant_type=client_credentials&state=xyz&state=xyz&audience=emr",
        "&&grant_type=client_credentials&",
        "grant_type=client_credentials&client_secret=",
    ] {
        assert_ok(&clinic, &ask(body).by_client(&client));
    }
    for body in ["grant_type=", "scope=lab:read", ""] {
        assert_refused(&clinic, &ask(body).by_client(&client), "invalid_request");
    }
}

#[test]
fn wire_02_a_repeated_known_parameter_is_an_invalid_request() {
    let (clinic, client) = clinic();
    for body in [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=lab:read&scope=lab:read",
        "grant_type=client_credentials&scope=lab:read&scop%65=lab:write",
    ] {
        assert_refused(&clinic, &ask(body).by_client(&client), "invalid_request");
    }
    let twice = format!("{GRANT}&{}&client_id={}", in_form(&client), client.id);
    assert_refused(&clinic, &ask(twice), "invalid_request");
    let twice = format!("{GRANT}&{}&client_secret={}", in_form(&client), client.secret);
    assert_refused(&clinic, &ask(twice), "invalid_request");
}

#[test]
fn wire_02_a_repeated_client_id_beside_basic_is_ignored() {
    let (clinic, client) = clinic();
    let body = format!("{GRANT}&client_id={id}&client_id={id}", id = client.id);
    assert_ok(&clinic, &ask(body).by_client(&client));
}

#[test]
fn wire_03_credentials_in_the_query_string_are_refused() {
    let (clinic, client) = clinic();
    let whole = in_form(&client);
    for query in [
        whole.as_str(),
        "client_secret=x",
        "client_id=x",
        "a=b&client%5Fsecret=x",
        "client_assertion=x",
    ] {
        let request = ask(GRANT).by_client(&client).query(query);
        assert_refused(&clinic, &request, "invalid_request");
    }
    let from_query = ask(GRANT).query(&whole);
    assert_refused(&clinic, &from_query, "invalid_request");
    assert_ok(&clinic, &ask(GRANT).by_client(&client).query("trace=7"));
}

#[test]
fn wire_04_two_authentication_methods_are_an_invalid_request() {
    let (clinic, client) = clinic();
    let both = ask(format!("{GRANT}&{}", in_form(&client))).by_client(&client);
    assert_refused(&clinic, &both, "invalid_request");
    let secret_alone = format!("{GRANT}&client_secret={}", client.secret);
    assert_refused(&clinic, &ask(secret_alone).by_client(&client), "invalid_request");
    let assertion = format!("{GRANT}&client_assertion=a.b.c");
    assert_refused(&clinic, &ask(assertion).by_client(&client), "invalid_request");
    let two_headers = ask(GRANT).by_client(&client).by_client(&client);
    assert_refused(&clinic, &two_headers, "invalid_request");
}

#[test]
fn wire_04_basic_with_the_same_client_id_is_fine_and_with_another_is_an_invalid_request() {
    let (clinic, client) = clinic();
    let same = format!("{GRANT}&client_id={}", client.id);
    assert_ok(&clinic, &ask(same).by_client(&client));
    let other = format!("{GRANT}&client_id=someone");
    assert_refused(&clinic, &ask(other).by_client(&client), "invalid_request");
}

#[test]
fn wire_05_basic_matches_its_scheme_in_any_case() {
    let (clinic, client) = clinic();
    let encoded = STANDARD.encode(format!("{}:{}", client.id, client.secret));
    for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
        let request = ask(GRANT).header("Authorization", format!("{scheme} {encoded}"));
        assert_ok(&clinic, &request);
    }
    let other = ask(GRANT).header("Authorization", format!("BasicX {encoded}"));
    assert_invalid_client(&clinic, &other);
}

#[test]
fn wire_05_basic_is_strict_base64() {
    let (clinic, client) = clinic();
    // 80 bytes: one `=`, and two bits of the last character before it that mean nothing.
    let encoded = STANDARD.encode(format!("{}:{}", client.id, client.secret));
    let (body, last) = encoded.trim_end_matches('=').split_at(encoded.len() - 2);
    let stray = char::from(last.as_bytes()[0] + 1);
    for spoilt in [
        format!("{body}{last}"),
        format!("{body}{last}=="),
        format!("{body}{last}=a"),
        format!("{body}{stray}="),
        format!("{encoded} {encoded}"),
        encoded.replacen(|c: char| c.is_ascii_alphabetic(), "-", 1),
        body.to_owned(),
        "=".to_owned(),
        String::new(),
    ] {
        let request = ask(GRANT).header("Authorization", format!("Basic {spoilt}"));
        assert_invalid_client(&clinic, &request);
    }
    assert_ok(&clinic, &ask(GRANT).header("Authorization", format!("Basic {encoded}")));
}

#[test]
fn wire_05_basic_is_split_at_the_first_colon() {
    let (clinic, _) = clinic();
    import(&clinic, "old lab", "pa:ss:word");
    assert_ok(&clinic, &ask(GRANT).basic("old lab", "pa:ss:word"));
    let no_colon = format!("Basic {}", STANDARD.encode("old lab"));
    assert_invalid_client(&clinic, &ask(GRANT).header("Authorization", no_colon));
}

#[test]
fn wire_05_both_halves_may_be_form_encoded_or_raw() {
    let (clinic, client) = clinic();
    let encoded = |text: &str| text.replace('-', "%2D").replace('_', "%5F");
    assert_ok(&clinic, &ask(GRANT).basic(&encoded(&client.id), &encoded(&client.secret)));
    assert_ok(&clinic, &ask(GRANT).basic(&client.id, &encoded(&client.secret)));
    assert_ok(&clinic, &ask(GRANT).by_client(&client));
}

#[test]
fn wire_05_imported_secrets_are_compared_decoded_first_and_then_raw() {
    let (clinic, _) = clinic();
    import(&clinic, "lab one", "100% sure+fast");
    for (id, secret) in [
        ("lab one", "100% sure+fast"),
        ("lab+one", "100%25+sure%2Bfast"),
        ("lab%20one", "100%25%20sure%2bfast"),
    ] {
        assert_ok(&clinic, &ask(GRANT).basic(id, secret));
    }
}

#[test]
fn wire_05_bad_bytes_are_never_a_500() {
    let (clinic, client) = clinic();
    for pair in [
        &b"\xff\xfe:\xff"[..],
        b"%zz:%",
        b"%ff%fe:%ff",
        b":",
        b"::",
        b"id\x00:secret",
        b"%00:%00",
        b"id",
        b"",
    ] {
        let value = format!("Basic {}", STANDARD.encode(pair));
        assert_invalid_client(&clinic, &ask(GRANT).header("Authorization", value));
    }
    assert_invalid_client(&clinic, &ask(GRANT).header("Authorization", b"Basic \xff\xff".to_vec()));
    let form = format!("{GRANT}&client_id={}&client_secret=%ff%fe", client.id);
    assert_refused(&clinic, &ask(form), "invalid_request");
    assert_refused(&clinic, &ask("grant_type=%").by_client(&client), "invalid_request");
    assert_refused(&clinic, &ask(b"\xff\xfe".to_vec()).by_client(&client), "invalid_request");
}

#[test]
fn wire_05_minted_ids_and_secrets_read_the_same_encoded_and_raw() {
    let (clinic, _) = clinic();
    for _ in 0..20 {
        let client = register(&clinic.engine);
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        assert!(client.id.bytes().chain(client.secret.bytes()).all(legal));
        assert!(client.secret.starts_with("wks_"));
        assert_eq!(client.secret.len(), 4 + 43 + 6);
    }
}

#[test]
fn wire_06_any_secret_client_may_use_basic_or_form_unless_its_registration_pins_one() {
    let (clinic, client) = clinic();
    let by_basic = ask(GRANT).by_client(&client);
    let by_form = ask(format!("{GRANT}&{}", in_form(&client)));
    assert_ok(&clinic, &by_basic);
    assert_ok(&clinic, &by_form);
    let pin = |method: serde_json::Value| {
        let update = json!({"client_id": client.id, "token_endpoint_auth_method": method});
        clinic.call("client.update", update)
    };
    pin(json!("client_secret_basic"));
    assert_ok(&clinic, &by_basic);
    assert_invalid_client(&clinic, &by_form);
    pin(json!("client_secret_post"));
    assert_invalid_client(&clinic, &by_basic);
    assert_ok(&clinic, &by_form);
    pin(json!(null));
    assert_ok(&clinic, &by_basic);
    assert_ok(&clinic, &by_form);
}

#[test]
fn wire_07_control_characters_are_refused_before_anything_is_looked_up() {
    let (clinic, client) = clinic();
    for control in ["%00", "%0a", "%0D", "%1f", "%7F", "%09"] {
        let id =
            format!("{GRANT}&client_id={}{control}&client_secret={}", client.id, client.secret);
        assert_invalid_client(&clinic, &ask(id));
        let secret = format!("{GRANT}&{}{control}", in_form(&client));
        assert_invalid_client(&clinic, &ask(secret));
        assert_invalid_client(&clinic, &ask(GRANT).basic(&format!("{}{control}", client.id), "x"));
    }
    assert_invalid_client(&clinic, &ask(GRANT).basic(&client.id, &format!("{}\0", client.secret)));
}

#[test]
fn wire_08_a_body_over_64_kib_is_413() {
    let (clinic, client) = clinic();
    let fill = |length: usize| {
        let body = format!("{GRANT}&pad=");
        let pad = "x".repeat(length - body.len());
        ask(body + &pad).by_client(&client)
    };
    assert_ok(&clinic, &fill(65_536));
    assert_eq!(fill(65_537).send(&clinic.engine).status, 413);
    clinic.call("settings.set", json!({"max_request_body": 1024}));
    assert_ok(&clinic, &fill(1024));
    assert_eq!(fill(1025).send(&clinic.engine).status, 413);
}

fn clinic() -> (Clinic, Registered) {
    let clinic =
        Clinic::with(Settings { dialects: wardkey::Dialect::ALL.to_vec(), ..Settings::default() });
    let client = register(&clinic.engine);
    (clinic, client)
}

/// Registers a client of another system under its own id and secret.
fn import(clinic: &Clinic, id: &str, secret: &str) {
    let request = ClientImport {
        client_id: id.into(),
        client_secret: SecretText::from(secret),
        client_name: Some("Old system".into()),
        scope: Some("lab:read".into()),
        ..ClientImport::default()
    };
    clinic.engine.run(&admin(), request).unwrap();
}

#[track_caller]
fn assert_ok(clinic: &Clinic, request: &Request<'_>) {
    let response = request.send(&clinic.engine);
    assert_eq!(response.status, 200, "{}", crate::http::text(&response));
}

#[track_caller]
fn assert_refused(clinic: &Clinic, request: &Request<'_>, error: &str) {
    assert_eq!(refusal(&request.send(&clinic.engine)), (400, error.to_owned()));
}

#[track_caller]
fn assert_invalid_client(clinic: &Clinic, request: &Request<'_>) {
    let answer = refusal(&request.send(&clinic.engine));
    assert_eq!(answer, (401, "invalid_client".to_owned()));
}
