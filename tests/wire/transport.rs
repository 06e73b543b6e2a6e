//! Conformance 40: TLS, the peer, and where the host mounts us.

use crate::common::{admin, bench, events, register};
use crate::http::{
    Clinic, GRANT, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, json, refusal,
    request_id,
};
use serde_json::json;
use wardkey::Context;
use wardkey::admin::AuditExplain;

#[test]
fn wire_40_plain_http_is_answered_on_loopback_alone() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let request = ask(GRANT).by_client(&client).insecure();
    for local in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(request.clone().from(local).send(&clinic.engine).status, 200, "{local}");
    }
    for far in ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "0.0.0.0"] {
        let response = request.clone().from(far).send(&clinic.engine);
        assert_eq!(refusal(&response), (400, "invalid_request".to_owned()), "{far}");
        let said = json(&response)["error_description"].as_str().unwrap().to_owned();
        assert!(said.contains("HTTPS"), "{said}");
    }
    assert_eq!(request.nowhere().send(&clinic.engine).status, 400);
}

#[test]
fn wire_40_every_endpoint_is_refused_over_plain_http() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for path in [TOKEN, INTROSPECT, REVOKE, "/oauth2/token"] {
        let body = format!("{GRANT}&token=x");
        let request = Request::post(path, body).by_client(&client).insecure();
        assert_eq!(request.send(&clinic.engine).status, 400, "{path}");
    }
    for path in [JWKS, METADATA] {
        assert_eq!(Request::get(path).insecure().send(&clinic.engine).status, 400, "{path}");
    }
}

#[test]
fn wire_40_the_audit_names_the_setting_that_allows_plain_http() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let request = ask(GRANT).by_client(&client).insecure();
    let response = request.send(&clinic.engine);
    let explain = AuditExplain { request_id: request_id(&response) };
    let explanation = clinic.engine.run(&admin(), explain).unwrap();
    assert!(explanation.words.contains("danger_allow_plain_http"), "{}", explanation.words);
    clinic.call("settings.set", json!({"danger_allow_plain_http": true}));
    assert_eq!(request.send(&clinic.engine).status, 200);
    let set = events(&clinic.engine, "settings.set");
    assert_eq!(set[0]["detail"]["danger_allow_plain_http"], "true");
}

#[test]
fn wire_40_the_base_path_of_the_mount_is_honoured() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let status = |path: &str, base: &str| {
        Request::post(path, GRANT).by_client(&client).mounted_at(base).send(&clinic.engine).status
    };
    assert_eq!(status("/auth/oauth/token", "/auth"), 200);
    assert_eq!(status("/auth/oauth/token", "/auth/"), 200);
    assert_eq!(status("/auth/oauth2/token", "/auth"), 200);
    for path in ["/oauth/token", "/other/oauth/token", "/auth/auth/oauth/token", "/authoauth/token"]
    {
        assert_eq!(status(path, "/auth"), 404, "{path}");
    }
}

#[test]
fn wire_40_behind_a_named_proxy_the_header_names_the_peer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("settings.set", json!({"trusted_proxies": ["10.0.0.0/24"]}));
    let fixed = json!({"client_id": client.id, "allowed_networks": ["203.0.113.9"]});
    clinic.call("client.update", fixed);
    let request = ask(GRANT).by_client(&client);
    let status = |name: &str, value: &str, peer: &str| {
        request.clone().from(peer).header(name, value).send(&clinic.engine).status
    };
    assert_eq!(status("X-Forwarded-For", "203.0.113.9", "10.0.0.1"), 200);
    assert_eq!(status("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1"), 200);
    assert_eq!(status("Forwarded", "for=203.0.113.9;proto=https", "10.0.0.1"), 200);
    // The last hop that no proxy of ours wrote counts, whatever stands before it.
    assert_eq!(status("X-Forwarded-For", "203.0.113.9, 6.6.6.6", "10.0.0.1"), 401);
    // From anybody else the header may be a lie.
    assert_eq!(status("X-Forwarded-For", "203.0.113.9", "198.51.100.7"), 401);
    assert_eq!(status("X-Forwarded-For", "203.0.113.9", "203.0.113.9"), 401);
    assert_eq!(status("X-Nothing", "", "10.0.0.1"), 401);
    assert_eq!(status("X-Nothing", "", "203.0.113.9"), 200);
    let told =
        Context { peer: Some([10, 0, 0, 1].into()), forwarded: Some("203.0.113.9"), ..bench() };
    assert_eq!(request.within(told).send(&clinic.engine).status, 200);
}

#[test]
fn wire_40_a_path_that_is_none_of_ours_is_a_404() {
    let clinic = Clinic::open();
    for path in
        ["/", "", "/oauth", "/oauth/token/", "/OAUTH/token", "/oauth/authorize/", "/o/tokens/"]
    {
        let response = Request::post(path, GRANT).send(&clinic.engine);
        assert_eq!(response.status, 404, "{path}");
        assert!(response.header("Wardkey-Request-Id").is_some());
    }
}

#[test]
fn wire_40_head_and_odd_requests_never_fail() {
    let clinic = Clinic::open();
    let long = "/".repeat(100_000);
    for path in ["\0", "\u{e9}", "/oauth/token?x=y", "/../oauth/token", "/oauth/token#", &long] {
        for method in ["", "POST", "\0", "\u{e9}", "CONNECT"] {
            let request = Request::post(path, GRANT).method(method);
            assert_eq!(request.send(&clinic.engine).status, 404, "{path:.20}");
        }
    }
    let many = (0..1000).fold(ask(GRANT), |request, _| request.header("X", "y".repeat(100)));
    assert_eq!(many.send(&clinic.engine).status, 401);
}
