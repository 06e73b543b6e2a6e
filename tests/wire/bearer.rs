//! Conformance 28 and 29: what a host's API answers.

use crate::common::{bench, issue, register, register_as, revoke};
use crate::http::Clinic;
use serde_json::json;
use wardkey::admin::ClientCreate;
use wardkey::{Context, Denied, Engine, Required};

#[test]
fn wire_28_no_token_is_a_challenge_without_an_error_code() {
    let clinic = Clinic::open();
    for headers in [&[][..], &[("Authorization", &b"Basic YTpi"[..])], &[("X-Token", b"abc")]] {
        let (status, challenge, why) = answer(&clinic.engine, headers, "lab:read", bench());
        assert_eq!((status, why), (401, Denied::TokenMissing));
        assert!(challenge.starts_with("Bearer realm=\""), "{challenge}");
        assert!(!challenge.contains("error"), "{challenge}");
    }
}

#[test]
fn wire_28_bad_expired_and_revoked_tokens_are_invalid_token() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let (revoked, expired) = (issue(&clinic.engine, &client), issue(&clinic.engine, &client));
    revoke(&clinic.engine, &revoked).unwrap();
    let bad = format!("{expired}A");
    for token in ["abc", bad.as_str(), revoked.as_str(), &"A".repeat(9000), &"A".repeat(43)] {
        assert_invalid(&clinic.engine, token);
    }
    clinic.pass(3600);
    let challenge = assert_invalid(&clinic.engine, &expired);
    assert!(challenge.contains("expired"), "{challenge}");
}

#[test]
fn wire_28_two_transports_or_a_malformed_one_are_an_invalid_request() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    let good = format!("Bearer {token}");
    let twice = [("Authorization", good.as_bytes()), ("authorization", good.as_bytes())];
    let malformed = [format!("Bearer {token} {token}"), "Bearer".into(), "Bearer a\"b".into()];
    let mut all = vec![twice.to_vec()];
    all.extend(malformed.iter().map(|value| vec![("Authorization", value.as_bytes())]));
    for headers in all {
        let (status, challenge, _) = answer(&clinic.engine, &headers, "lab:read", bench());
        assert_eq!(status, 400);
        assert!(challenge.contains("error=\"invalid_request\""), "{challenge}");
    }
}

#[test]
fn wire_28_a_missing_scope_is_a_403_that_names_it() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    let value = format!("Bearer {token}");
    let headers = [("Authorization", value.as_bytes())];
    let required = "lab:read billing:read";
    let (status, challenge, why) = answer(&clinic.engine, &headers, required, bench());
    assert_eq!(status, 403);
    assert_eq!(why, Denied::InsufficientScope { missing: "billing:read".into() });
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.contains("scope=\"lab:read billing:read\""), "{challenge}");
}

#[test]
fn wire_28_an_address_that_is_not_allowed_is_a_403() {
    let clinic = Clinic::open();
    let request = ClientCreate {
        client_name: Some("Fixed".into()),
        scope: Some("lab:read".into()),
        allowed_networks: Some(vec!["192.0.2.0/24".into()]),
        ..ClientCreate::default()
    };
    let token = issue(&clinic.engine, &register_as(&clinic.engine, request));
    let value = format!("Bearer {token}");
    let headers = [("Authorization", value.as_bytes())];
    for peer in [Some("198.51.100.1".parse().unwrap()), None] {
        let context = Context { peer, ..bench() };
        let (status, _, why) = answer(&clinic.engine, &headers, "lab:read", context);
        let unknown = if peer.is_none() { Denied::PeerUnknown } else { Denied::PeerNotAllowed };
        assert_eq!((status, why), (403, unknown));
    }
    assert!(authorized(&clinic.engine, &headers));
}

#[test]
fn wire_29_the_scheme_matches_whole_and_in_any_case() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let value = format!("{scheme} {token}");
        assert!(authorized(&clinic.engine, &[("Authorization", value.as_bytes())]), "{scheme}");
        assert!(authorized(&clinic.engine, &[("aUTHORIZATION", value.as_bytes())]), "{scheme}");
    }
    for scheme in ["BearerX", "Beare", "Bearer:", "XBearer", "Token"] {
        let value = format!("{scheme} {token}");
        let headers = [("Authorization", value.as_bytes())];
        let (status, challenge, why) = answer(&clinic.engine, &headers, "lab:read", bench());
        assert_eq!((status, why), (401, Denied::TokenMissing), "{scheme}");
        assert!(!challenge.contains("error"));
    }
}

#[test]
fn wire_29_a_token_that_is_not_in_the_header_is_ignored() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    // A query string is not even an argument; what a careless host passes on as a header is none.
    let query = format!("access_token={token}");
    for name in ["Query", "access_token", "X-Original-URI", "Cookie"] {
        let headers = [(name, query.as_bytes())];
        let (status, _, why) = answer(&clinic.engine, &headers, "lab:read", bench());
        assert_eq!((status, why), (401, Denied::TokenMissing));
    }
}

#[test]
fn wire_28_a_disabled_client_or_one_deleted_has_no_valid_token() {
    let clinic = Clinic::open();
    for operation in ["client.disable", "client.delete", "client.revoke"] {
        let client = register(&clinic.engine);
        let token = issue(&clinic.engine, &client);
        clinic.call(operation, json!({"client_id": client.id}));
        assert_invalid(&clinic.engine, &token);
    }
}

/// The story: `authorize` had the headers in its hands and did not look at those of a proxy. Behind one,
/// every caller had the proxy's address: an allowlist refused all of them, or let all of them in.
#[test]
fn wire_40_the_forwarding_headers_of_the_request_name_the_peer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    clinic.call("settings.set", json!({"trusted_proxies": ["10.0.0.0/24"]}));
    let fixed = json!({"client_id": client.id, "allowed_networks": ["203.0.113.9"]});
    clinic.call("client.update", fixed);
    let value = format!("Bearer {token}");
    let why = |peer: &str, forwarding: &[(&str, &str)]| {
        let mut headers = vec![("Authorization", value.as_bytes())];
        headers.extend(forwarding.iter().map(|(name, value)| (*name, value.as_bytes())));
        let context = Context { peer: Some(peer.parse().unwrap()), ..bench() };
        let required = Required::all_of("lab:read").unwrap();
        let authorized = clinic.engine.authorize(&headers, required, &context).unwrap();
        authorized.err().map(|challenge| {
            assert_eq!(challenge.status, 403);
            challenge.why
        })
    };
    let (proxy, list) = ("10.0.0.1", "X-Forwarded-For");
    for allowed in [
        &[(list, "203.0.113.9")][..],
        &[("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2")],
        &[(list, "6.6.6.6"), (list, "203.0.113.9")],
        &[("Forwarded", "for=6.6.6.6, for=203.0.113.9;proto=https")],
    ] {
        assert_eq!(why(proxy, allowed), None, "{allowed:?}");
    }
    assert_eq!(why(proxy, &[(list, "203.0.113.9, 6.6.6.6")]), Some(Denied::PeerNotAllowed));
    for doubtful in [
        &[][..],
        &[(list, "unknown")],
        &[(list, "10.0.0.2")],
        &[(list, "203.0.113.9"), ("Forwarded", "for=203.0.113.9")],
    ] {
        assert_eq!(why(proxy, doubtful), Some(Denied::PeerUnknown), "{doubtful:?}");
    }
    // From anybody else a header may be a lie, from the right address too.
    for peer in ["198.51.100.7", "203.0.113.9"] {
        for name in [list, "Forwarded"] {
            let lie = [(name, "203.0.113.9")];
            assert_eq!(why(peer, &lie), Some(Denied::PeerUnknown), "{peer} {name}");
        }
    }
    assert_eq!(why("203.0.113.9", &[]), None);
}

#[test]
fn wire_40_what_the_host_says_of_the_forwarding_goes_before_the_headers() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    clinic.call("settings.set", json!({"trusted_proxies": ["10.0.0.0/24"]}));
    let fixed = json!({"client_id": client.id, "allowed_networks": ["203.0.113.9"]});
    clinic.call("client.update", fixed);
    let value = format!("Bearer {token}");
    let headers = [("Authorization", value.as_bytes()), ("X-Forwarded-For", &b"203.0.113.9"[..])];
    let context =
        Context { peer: Some([10, 0, 0, 1].into()), forwarded: Some("198.51.100.7"), ..bench() };
    let (status, _, why) = answer(&clinic.engine, &headers, "lab:read", context);
    assert_eq!((status, why), (403, Denied::PeerNotAllowed));
}

fn answer(
    engine: &Engine,
    headers: &[(&str, &[u8])],
    required: &str,
    context: Context<'_>,
) -> (u16, String, Denied) {
    let required = Required::all_of(required).unwrap();
    let challenge = engine.authorize(headers, required, &context).unwrap().unwrap_err();
    assert_eq!(challenge.request_id.len(), 32);
    (challenge.status, challenge.www_authenticate, challenge.why)
}

fn authorized(engine: &Engine, headers: &[(&str, &[u8])]) -> bool {
    let required = Required::all_of("lab:read").unwrap();
    engine.authorize(headers, required, &bench()).unwrap().is_ok()
}

#[track_caller]
fn assert_invalid(engine: &Engine, token: &str) -> String {
    let value = format!("Bearer {token}");
    let headers = [("Authorization", value.as_bytes())];
    let (status, challenge, _) = answer(engine, &headers, "lab:read", bench());
    assert_eq!(status, 401);
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    challenge
}
