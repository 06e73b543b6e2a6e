//! Conformance 30 to 33: introspection, revocation, metadata and keys.

use crate::common::{Registered, events, issue, register, register_as, revoke, verify, why};
use crate::http::{
    Clinic, GRANT, INTROSPECT, JWKS, METADATA, REVOKE, Request, TOKEN, ask, in_form, json, names,
    refusal, text,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wardkey::admin::ClientCreate;
use wardkey::{Denied, HttpResponse, Settings};

#[test]
fn wire_30_a_client_sees_its_own_token_with_its_claims() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let now = clinic.engine.now().seconds();
    for form in ["jwt", "opaque", "opaque_hex"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        let token = issue(&clinic.engine, &client);
        for request in [
            Request::post(INTROSPECT, format!("token={token}")).by_client(&client),
            Request::post(INTROSPECT, format!("token={token}&{}", in_form(&client))),
            Request::post(INTROSPECT, format!("token={token}&token_type_hint=refresh_token"))
                .by_client(&client),
        ] {
            let response = request.send(&clinic.engine);
            assert_eq!(response.status, 200);
            let body = json(&response);
            let jti = verify(&clinic.engine, &token).unwrap().token_id;
            let expected = json!({
                "active": true, "scope": "lab:read lab:write", "client_id": client.id,
                "token_type": "Bearer", "exp": now + 3600, "iat": now, "sub": client.id,
                "aud": "https://localhost", "iss": "https://localhost", "jti": jti,
            });
            assert_eq!(body, expected);
        }
    }
}

#[test]
fn wire_30_an_unauthenticated_caller_is_a_401() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let body = format!("token={}", issue(&clinic.engine, &client));
    for request in [
        Request::post(INTROSPECT, body.clone()),
        Request::post(INTROSPECT, body.clone()).basic(&client.id, "wrong"),
        Request::post(INTROSPECT, format!("{body}&client_id={}", client.id)),
        Request::post(INTROSPECT, format!("{body}&client_id={}", public_client(&clinic))),
    ] {
        let response = request.send(&clinic.engine);
        assert_eq!(refusal(&response), (401, "invalid_client".to_owned()));
    }
}

#[test]
fn wire_30_whatever_is_not_active_or_not_the_callers_to_see_is_exactly_active_false() {
    let clinic = Clinic::open();
    let (client, other) = (register(&clinic.engine), register(&clinic.engine));
    let revoked = issue(&clinic.engine, &client);
    revoke(&clinic.engine, &revoked).unwrap();
    let foreign = issue(&clinic.engine, &other);
    let disabled = register(&clinic.engine);
    let of_disabled = issue(&clinic.engine, &disabled);
    clinic.call("client.disable", json!({"client_id": disabled.id}));
    let opaque = "A".repeat(64);
    for token in ["x", "a.b.c", &opaque, &revoked, &foreign, &of_disabled, &"x".repeat(9000)] {
        assert_inactive(&introspect(&clinic, token, &client));
    }
    let short = issue(&clinic.engine, &client);
    clinic.pass(3600);
    assert_inactive(&introspect(&clinic, &short, &client));
}

#[test]
fn wire_30_no_token_is_an_invalid_request() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for body in ["", "token=", "token=a&token=b", "token_type_hint=access_token"] {
        let response = Request::post(INTROSPECT, body).by_client(&client).send(&clinic.engine);
        assert_eq!(refusal(&response), (400, "invalid_request".to_owned()), "{body}");
    }
}

#[test]
fn wire_30_a_resource_server_sees_the_tokens_of_others() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let server = resource_server(&clinic);
    let token = issue(&clinic.engine, &client);
    assert_eq!(json(&introspect(&clinic, &token, &server))["active"], true);
    clinic.call("client.update", json!({"client_id": server.id, "resource_server": false}));
    assert_inactive(&introspect(&clinic, &token, &server));
    clinic.call("client.update", json!({"client_id": server.id, "resource_server": true}));
    revoke(&clinic.engine, &token).unwrap();
    assert_inactive(&introspect(&clinic, &token, &server));
}

/// The story: introspection looked at the standing of a token and at the enable switch, and at nothing
/// else that the gate knows. A resource server went on to serve what verification refused.
#[test]
fn wire_30_a_token_whose_grant_was_taken_from_its_client_is_exactly_active_false() {
    let clinic = Clinic::open();
    let (client, server) = (register(&clinic.engine), resource_server(&clinic));
    for form in ["jwt", "opaque"] {
        let with = json!({
            "client_id": client.id, "token_format": form, "grant_types": ["client_credentials"],
        });
        clinic.call("client.update", with);
        let token = issue(&clinic.engine, &client);
        assert_eq!(json(&introspect(&clinic, &token, &server))["active"], true);
        let without = json!({"client_id": client.id, "grant_types": ["authorization_code"]});
        clinic.call("client.update", without);
        assert_eq!(why(verify(&clinic.engine, &token)), Denied::GrantNotAllowed);
        assert_inactive(&introspect(&clinic, &token, &server));
        assert_inactive(&introspect(&clinic, &token, &client));
        let told = clinic.call("token.introspect", json!({"token": token}));
        assert_eq!(told["reason"], "grant_not_allowed");
    }
}

#[test]
fn wire_30_a_token_says_no_scope_that_was_taken_from_its_client() {
    let clinic = Clinic::open();
    let (client, server) = (register(&clinic.engine), resource_server(&clinic));
    let token = issue(&clinic.engine, &client);
    for (left, said) in
        [("lab:read", "lab:read"), ("", ""), ("lab:write billing:read", "lab:write")]
    {
        clinic.call("client.update", json!({"client_id": client.id, "scope": left}));
        assert_eq!(verify(&clinic.engine, &token).unwrap().scope.as_str(), said);
        for caller in [&client, &server] {
            let body = json(&introspect(&clinic, &token, caller));
            assert_eq!((&body["active"], &body["scope"]), (&json!(true), &json!(said)));
        }
        let told = clinic.call("token.introspect", json!({"token": token}));
        assert_eq!(told["scope"], said);
    }
}

#[test]
fn wire_30_the_allowlist_of_a_tokens_client_is_not_asked_about_the_resource_server() {
    let clinic = Clinic::open();
    let (client, server) = (register(&clinic.engine), resource_server(&clinic));
    let token = issue(&clinic.engine, &client);
    let home = json!({"client_id": client.id, "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", home);
    assert_eq!(why(verify(&clinic.engine, &token)), Denied::PeerNotAllowed);
    assert_eq!(json(&introspect(&clinic, &token, &server))["active"], true);
    // Who asks is asked for its own.
    assert_eq!(introspect(&clinic, &token, &client).status, 401);
    let home = json!({"client_id": server.id, "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", home);
    assert_eq!(introspect(&clinic, &token, &server).status, 401);
}

#[test]
fn wire_31_a_revoked_token_is_refused_before_the_response_is_written() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let second = clinic.place.open_at(&clinic.clock);
    for form in ["jwt", "opaque", "opaque_hex"] {
        clinic.call("client.update", json!({"client_id": client.id, "token_format": form}));
        let (token, kept) = (issue(&clinic.engine, &client), issue(&clinic.engine, &client));
        verify(&second, &token).unwrap();
        assert_revoked(&send_revocation(&clinic, &token, &client));
        assert_eq!(why(verify(&clinic.engine, &token)), Denied::TokenRevoked);
        assert_eq!(why(verify(&second, &token)), Denied::TokenRevoked);
        verify(&second, &kept).unwrap();
    }
}

#[test]
fn wire_31_an_unknown_or_already_revoked_token_is_a_200_with_an_empty_object() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    for token in ["x", "a.b.c", &"F".repeat(64), &token, &token, &token] {
        assert_revoked(&send_revocation(&clinic, token, &client));
    }
}

#[test]
fn wire_31_a_foreign_token_gets_the_same_answer_lives_on_and_is_audited() {
    let clinic = Clinic::open();
    let (client, thief) = (register(&clinic.engine), register(&clinic.engine));
    let token = issue(&clinic.engine, &client);
    assert_revoked(&send_revocation(&clinic, &token, &thief));
    let principal = verify(&clinic.engine, &token).unwrap();
    let denied: Vec<Value> = events(&clinic.engine, "token.revoke");
    let row = &denied[0];
    assert_eq!((&row["outcome"], &row["reason"]), (&json!("denied"), &json!("token_foreign")));
    assert_eq!((&row["client"], &row["token"]), (&json!(thief.id), &json!(principal.token_id)));
    assert_eq!(row["detail"]["owner"], client.id);
}

#[test]
fn wire_31_the_caller_must_authenticate_and_a_public_client_by_its_id() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    for request in [
        Request::post(REVOKE, format!("token={token}")),
        Request::post(REVOKE, format!("token={token}")).basic(&client.id, "wrong"),
        Request::post(REVOKE, format!("token={token}&client_id={}", client.id)),
    ] {
        let response = request.send(&clinic.engine);
        assert_eq!(refusal(&response), (401, "invalid_client".to_owned()));
    }
    let public = public_client(&clinic);
    let request = Request::post(REVOKE, format!("token={token}&client_id={public}"));
    assert_revoked(&request.send(&clinic.engine));
    verify(&clinic.engine, &token).unwrap();
    let response = Request::post(REVOKE, "token=").by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&response), (400, "invalid_request".to_owned()));
}

#[test]
fn wire_32_the_metadata_states_what_is_there_and_nothing_else() {
    let clinic = Clinic::open();
    let scopes: Vec<Value> = clinic.call("scope.list", json!({}))["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope["scope"].clone())
        .collect();
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    let with_public = json!(["client_secret_basic", "client_secret_post", "none"]);
    let expected = json!({
        "issuer": "https://localhost",
        "authorization_endpoint": "https://localhost/oauth/authorize",
        "token_endpoint": "https://localhost/oauth/token",
        "jwks_uri": "https://localhost/oauth/jwks",
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": with_public,
        "revocation_endpoint": "https://localhost/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": with_public,
        "introspection_endpoint": "https://localhost/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    for path in [METADATA, "/.well-known/openid-configuration"] {
        let response = Request::get(path).send(&clinic.engine);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(json(&response), expected);
    }
}

#[test]
fn wire_32_the_document_of_an_issuer_with_a_path_moves() {
    let issuer = "https://emr.example:8443/ward/7";
    let clinic = Clinic::with(Settings { issuer: issuer.into(), ..Settings::default() });
    for path in [
        "/.well-known/oauth-authorization-server/ward/7",
        "/.well-known/openid-configuration/ward/7",
    ] {
        let body = json(&Request::get(path).send(&clinic.engine));
        assert_eq!(body["issuer"], issuer);
        assert_eq!(body["token_endpoint"], format!("{issuer}/oauth/token"));
    }
    let client = register(&clinic.engine);
    let request = Request::post("/ward/7/oauth/token", GRANT).by_client(&client);
    assert_eq!(request.send(&clinic.engine).status, 200);
    clinic.call("settings.set", json!({"issuer": "https://other.example"}));
    assert_eq!(
        json(&Request::get(METADATA).send(&clinic.engine))["issuer"],
        "https://other.example"
    );
}

#[test]
fn wire_33_the_key_set_has_every_key_that_may_still_verify_and_no_private_part() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        clinic.call("client.update", json!({"client_id": client.id, "algorithm": algorithm}));
        ask(GRANT).by_client(&client).token(&clinic.engine);
    }
    let response = Request::get(JWKS).send(&clinic.engine);
    let body = json(&response);
    let keys = body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    let listed = clinic.call("key.list", json!({}));
    for (key, listed) in keys.iter().zip(listed["keys"].as_array().unwrap()) {
        assert_eq!(key["kid"], listed["kid"]);
        assert_eq!((&key["alg"], &key["use"]), (&listed["algorithm"], &json!("sig")));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{}", text(&response));
        }
    }
}

#[test]
fn wire_33_a_key_is_published_before_it_signs() {
    let clinic = Clinic::open();
    let kids = || -> Vec<String> {
        let body = json(&Request::get(JWKS).send(&clinic.engine));
        let keys = body["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let kid_of = |client: &Registered, path: &str| {
        let token = Request::post(path, GRANT).by_client(client).token(&clinic.engine);
        let header = token.split('.').next().unwrap();
        let header = URL_SAFE_NO_PAD.decode(header).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
    };
    // Of the settings and of the dialects, as soon as somebody asks.
    let client = register(&clinic.engine);
    let published = kids();
    for path in [TOKEN, "/api/v1/auth/token"] {
        let kid = kid_of(&client, path);
        assert!(published.iter().any(|known| *known == kid), "{path}");
    }
    // Of a client, as soon as it is registered.
    clinic.call("client.update", json!({"client_id": client.id, "algorithm": "EdDSA"}));
    let published = kids();
    let kid = kid_of(&client, TOKEN);
    assert!(published.iter().any(|known| *known == kid));
    let other = Clinic::with(Settings::default());
    other.call("settings.set", json!({"algorithm": "EdDSA"}));
    assert_eq!(other.call("key.list", json!({}))["keys"][0]["algorithm"], "EdDSA");
}

fn introspect(clinic: &Clinic, token: &str, caller: &Registered) -> HttpResponse {
    let body = format!("token={token}");
    Request::post(INTROSPECT, body).by_client(caller).send(&clinic.engine)
}

fn send_revocation(clinic: &Clinic, token: &str, caller: &Registered) -> HttpResponse {
    Request::post(REVOKE, format!("token={token}")).by_client(caller).send(&clinic.engine)
}

fn resource_server(clinic: &Clinic) -> Registered {
    let request = ClientCreate {
        client_name: Some("Imaging server".into()),
        resource_server: Some(true),
        ..ClientCreate::default()
    };
    register_as(&clinic.engine, request)
}

fn public_client(clinic: &Clinic) -> String {
    let created = clinic.call(
        "client.create",
        json!({
            "client_name": "Page", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
        }),
    );
    created["client_id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_inactive(response: &HttpResponse) {
    assert_eq!((response.status, text(response).as_str()), (200, r#"{"active":false}"#));
}

#[track_caller]
fn assert_revoked(response: &HttpResponse) {
    assert_eq!((response.status, text(response).as_str()), (200, "{}"));
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    assert!(names(&response.body).is_empty());
}
