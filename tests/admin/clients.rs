//! `client.*`: registering, reading, changing and ending clients.

use crate::common::{admin, issue, register, verify};
use crate::http::{Clinic, GRANT, ask};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wardkey::admin::{ClientCreate, ClientList};
use wardkey::{Error, Required, Settings};

#[test]
fn a_client_gets_an_id_and_a_secret_once_and_the_defaults() {
    let clinic = Clinic::open();
    let now = clinic.engine.now().seconds();
    let created = clinic.call("client.create", json!({"client_name": "Lab Interface"}));
    let id = created["client_id"].as_str().unwrap();
    assert!(id.starts_with("wkc_") && id.len() == 26);
    assert!(created["client_secret"].as_str().unwrap().starts_with("wks_"));
    assert_eq!(created["credential_id"].as_str().unwrap().len(), 11);
    assert_eq!(created["client_secret_expires_at"], 0);
    let document = json!({
        "client_id": id, "client_id_issued_at": now, "updated_at": now, "enabled": true,
        "client_name": "Lab Interface", "description": "", "scope": "", "default_scope": null,
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": null,
        "redirect_uris": [], "resource_server": false, "algorithm": null, "token_format": null,
        "access_token_lifetime": null, "token_type_case": null, "allowed_networks": [],
        "allowed_origins": [], "host_data": "", "rotate_refresh_tokens": false,
        "danger_allow_no_pkce": false, "token_rate": null, "verify_rate": null,
    });
    for (member, value) in document.as_object().unwrap() {
        assert_eq!(created[member], *value, "{member}");
    }
    assert_eq!(created.as_object().unwrap().len(), document.as_object().unwrap().len() + 3);
    let read = clinic.call("client.read", json!({"client_id": id}));
    assert_eq!(read, document);
    assert!(!read.to_string().contains("wks_"));
}

#[test]
fn every_member_is_kept_as_it_was_given() {
    let clinic = Clinic::open();
    let members = json!({
        "client_name": "Labor \u{e9}\u{4e2d}", "description": "what for", "scope": "lab:read lab:write",
        "default_scope": "lab:read", "grant_types": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "redirect_uris": ["https://lab.example/back", "http://127.0.0.1:8080/x", "com.lab:/x"],
        "resource_server": true, "algorithm": "EdDSA", "token_format": "opaque",
        "access_token_lifetime": 77, "token_type_case": "bearer",
        "allowed_networks": ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"],
        "allowed_origins": ["https://lab.example:8443"], "host_data": "{\"tenant\":7}",
        "rotate_refresh_tokens": true, "danger_allow_no_pkce": true, "enabled": false,
        "token_rate": {"per_minute": 1, "burst": 2}, "verify_rate": {"per_minute": 3, "burst": 4},
    });
    let created = clinic.call("client.create", members.clone());
    let read = clinic.call("client.read", json!({"client_id": created["client_id"]}));
    for (member, value) in members.as_object().unwrap() {
        assert_eq!(read[member], *value, "{member}");
    }
    // What is not named stays, and null goes back to the default.
    let clinic_now = clinic.engine.now().seconds();
    clinic.pass(60);
    let nulls = json!({
        "client_id": created["client_id"], "default_scope": null, "algorithm": null,
        "token_format": null, "access_token_lifetime": null, "token_type_case": null,
        "token_endpoint_auth_method": null, "description": "other", "token_rate": null,
        "verify_rate": null,
    });
    let updated = clinic.call("client.update", nulls.clone());
    for (member, value) in nulls.as_object().unwrap() {
        assert_eq!(updated[member], *value, "{member}");
    }
    for kept in ["client_name", "scope", "grant_types", "redirect_uris", "host_data", "enabled"] {
        assert_eq!(updated[kept], members[kept]);
    }
    assert_eq!(updated["client_id_issued_at"], clinic_now);
    assert_eq!(updated["updated_at"], clinic_now + 60);
}

#[test]
fn host_data_comes_with_a_verified_token() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let update = json!({"client_id": client.id, "host_data": "tenant=7"});
    clinic.call("client.update", update);
    let token = issue(&clinic.engine, &client);
    assert_eq!(verify(&clinic.engine, &token).unwrap().host_data, "tenant=7");
}

#[test]
fn a_public_client_has_no_secret_and_no_client_credentials() {
    let clinic = Clinic::open();
    let mut document = json!({"client_name": "Page", "token_endpoint_auth_method": "none"});
    assert_eq!(path_of(&clinic, "client.create", &document), "grant_types");
    document["grant_types"] = json!(["authorization_code"]);
    let created = clinic.call("client.create", document);
    for member in ["client_secret", "credential_id", "client_secret_expires_at"] {
        assert!(created.get(member).is_none(), "{member}");
    }
    let id = json!({"client_id": created["client_id"]});
    assert_eq!(path_of(&clinic, "client.secret.create", &id), "client_id");
    // Nor may a client with a secret be made public while it has the grant.
    let client = register(&clinic.engine);
    let public = json!({"client_id": client.id, "token_endpoint_auth_method": "none"});
    assert_eq!(path_of(&clinic, "client.update", &public), "grant_types");
}

#[test]
fn a_disabled_client_has_nothing_until_it_is_enabled_again() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let id = json!({"client_id": client.id});
    for _ in 0..2 {
        assert_eq!(clinic.call("client.disable", id.clone())["enabled"], false);
        assert!(verify(&clinic.engine, &token).is_err());
        assert_eq!(ask(GRANT).by_client(&client).send(&clinic.engine).status, 401);
    }
    for _ in 0..2 {
        assert_eq!(clinic.call("client.enable", id.clone())["enabled"], true);
        verify(&clinic.engine, &token).unwrap();
    }
    clinic.call("client.disable", id.clone());
    clinic.call("client.update", json!({"client_id": client.id, "description": "x"}));
    assert_eq!(clinic.call("client.read", id)["enabled"], false);
}

#[test]
fn a_deleted_client_is_gone() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let id = json!({"client_id": client.id});
    assert_eq!(clinic.call("client.delete", id.clone()), json!({}));
    verify(&clinic.engine, &token).unwrap_err();
    assert_eq!(ask(GRANT).by_client(&client).send(&clinic.engine).status, 401);
    let by_id = ["client.read", "client.update", "client.delete", "client.disable"];
    for operation in by_id.iter().chain(&["client.enable", "client.revoke", "client.secret.list"]) {
        assert_not_found(&clinic, operation, &id, "client");
    }
}

#[test]
fn an_id_that_nobody_has_is_not_found() {
    let clinic = Clinic::open();
    for id in ["nobody", "", "wkc_", "\u{e9}", "a\0b", &"x".repeat(1000)] {
        let document = json!({"client_id": id});
        for operation in [
            "client.read",
            "client.update",
            "client.delete",
            "client.disable",
            "client.enable",
            "client.revoke",
            "client.secret.create",
            "client.secret.list",
        ] {
            assert_not_found(&clinic, operation, &document, "client");
        }
    }
}

#[test]
fn a_list_goes_through_all_clients_page_by_page() {
    // Without dialects, which bring clients of their own.
    let clinic = Clinic::with(Settings::default());
    let mut ids: BTreeSet<String> = (0..23).map(|_| register(&clinic.engine).id).collect();
    for limit in [1, 5, 23, 24, 1000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let request = ClientList { after, limit: Some(limit) };
            let page = clinic.engine.run(&admin(), request).unwrap();
            found.extend(page.clients.into_iter().map(|client| client.client_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(found.iter().eq(ids.iter()), "{limit}");
    }
    // A cursor may name a client that is gone by now.
    let last = ids.pop_last().unwrap();
    clinic.call("client.delete", json!({"client_id": last}));
    let page = clinic.call("client.list", json!({"after": last}));
    assert_eq!(page, json!({"clients": []}));
    for limit in [0, 1001] {
        assert_eq!(path_of(&clinic, "client.list", &json!({"limit": limit})), "limit");
    }
}

#[test]
fn an_expiry_of_the_first_secret_is_kept() {
    let clinic = Clinic::open();
    let ends = clinic.engine.now().seconds() + 100;
    let created = clinic.call(
        "client.create",
        json!({"client_name": "x", "client_secret_expires_at": ends, "secret_label": "first"}),
    );
    assert_eq!(created["client_secret_expires_at"], ends);
    let listed = clinic.call("client.secret.list", json!({"client_id": created["client_id"]}));
    assert_eq!(
        (&listed["secrets"][0]["expires_at"], &listed["secrets"][0]["label"]),
        (&json!(ends), &json!("first"))
    );
}

#[test]
fn a_printed_answer_shows_no_secret() {
    let clinic = Clinic::open();
    let request = ClientCreate { client_name: Some("x".into()), ..ClientCreate::default() };
    let created = clinic.engine.run(&admin(), request).unwrap();
    let secret = created.client_secret.clone().unwrap();
    let error = clinic.engine.issue(
        &created.client.client_id,
        wardkey::Secret::copy_of(secret.as_bytes()),
        Some("no:such"),
        &crate::common::bench(),
    );
    assert!(!format!("{error:?}").contains(&secret));
    let token = clinic.engine.issue(
        &created.client.client_id,
        wardkey::Secret::copy_of(secret.as_bytes()),
        None,
        &crate::common::bench(),
    );
    let token = token.unwrap();
    assert!(!format!("{token:?}").contains(token.expose()));
    let required = Required::ANY;
    clinic.engine.verify(token.expose().as_bytes(), required, &crate::common::bench()).unwrap();
}

#[track_caller]
fn path_of(clinic: &Clinic, operation: &str, document: &Value) -> String {
    match clinic.engine.call(&admin(), operation, document.to_string().as_bytes()) {
        Err(Error::InvalidDocument { path, .. }) => path,
        other => panic!("{operation} {other:?}"),
    }
}

#[track_caller]
fn assert_not_found(clinic: &Clinic, operation: &str, document: &Value, what: &str) {
    match clinic.engine.call(&admin(), operation, document.to_string().as_bytes()) {
        Err(Error::NotFound { what: found, .. }) => assert_eq!(found, what, "{operation}"),
        other => panic!("{operation} {other:?}"),
    }
}
