//! `wardkey leak`: from a pasted secret or token to its end.

use crate::common::{bench, issue, jti, try_issue, verify, why};
use crate::{Desk, assert_fits, registered};
use base64::Engine as _;
use wardkey::{Denied, HttpRequest};

#[test]
fn a_pasted_secret_names_its_owner_ends_and_shows_who_used_it() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let engine = desk.place.open();
    let token = issue(&engine, &client);
    verify(&engine, &token).unwrap();
    engine.maintain().unwrap();
    let done = desk.run_with("leak --yes", &format!("{}\n", client.secret)).ok();
    for said in
        ["Lab bridge", &client.id, &client.credential, "192.0.2.7", "issued", "used", &jti(&token)]
    {
        assert!(done.out.contains(said), "{said}: {}", done.out);
    }
    assert!(done.out.contains("ENDED"));
    assert_fits(&done.out);
    assert_eq!(why(verify(&engine, &token)), Denied::CredentialRevoked);
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretRevoked);
}

#[test]
fn without_confirmation_a_leak_is_told_and_nothing_ends() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let done = desk.run_with("leak", &client.secret).fails(6);
    assert!(done.out.contains("IN FORCE") && done.out.contains("Lab bridge"), "{}", done.out);
    assert!(done.err.contains("--yes"), "{}", done.err);
    desk.run_with("leak --keep", &client.secret).ok();
    issue(&desk.place.open(), &client);
}

#[test]
fn whatever_holds_a_secret_may_be_pasted() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let imported = "An0ldSecretOfAnotherSystem";
    desk.run_with("secret import Lab~bridge", imported).ok();
    for secret in [client.secret.as_str(), imported] {
        for pasted in [
            format!(r#"{{"client_id":"{}","client_secret":"{secret}"}}"#, client.id),
            format!("client_secret = {secret}"),
            format!("grant_type=client_credentials&client_secret={secret}&client_id={}", client.id),
            format!("curl -u {}:{secret} https://localhost/oauth/token", client.id),
            format!("LAB_SECRET={secret}"),
            format!("2026-11-21 12:00:00 ERROR refused: {secret}."),
        ] {
            let done = desk.run_with("leak --keep --json", &pasted).json();
            assert_eq!(done["kind"], "client_secret", "{pasted}: {done}");
        }
    }
    desk.run_with("leak --keep", "there is nothing of the kind in these words").fails(4);
}

#[test]
fn a_pasted_token_ends_alone() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    for format in ["jwt", "opaque", "opaque_hex"] {
        desk.run(&format!("client edit {} --token-format {format}", client.id)).ok();
        let engine = desk.place.open();
        let (leaked, other) = (issue(&engine, &client), issue(&engine, &client));
        let done =
            desk.run_with("leak -y --json", &format!("Authorization: Bearer {leaked}")).json();
        assert_eq!(done["kind"], "access_token");
        assert_eq!(done["ended"], true);
        assert_eq!(done["history"].as_array().unwrap().len(), 1, "{done}");
        assert_eq!(done["secret"]["credential_id"], client.credential);
        assert_eq!(why(verify(&engine, &leaked)), Denied::TokenRevoked);
        verify(&engine, &other).unwrap();
        let again = desk.run_with("leak --json", &leaked).json();
        assert_eq!(again["reason"], "token_revoked");
    }
}

#[test]
fn a_basic_header_out_of_a_log_will_do() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    let pair = format!("{}:{}", client.id, client.secret);
    let header = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let found = desk.run_with("leak --keep --json", &header).json();
    assert_eq!(found["credential_id"], client.credential);
}

#[test]
fn what_is_nobodys_is_not_found_and_not_repeated() {
    let desk = Desk::new();
    let foreign = registered(&Desk::new().client("Lab")).secret;
    let done = desk.run_with("leak", &foreign).fails(4);
    assert!(!done.err.contains(&foreign) && done.err.contains("next:"), "{}", done.err);
    desk.run_with("leak", "\n").fails(2);
}

#[test]
fn a_pasted_refresh_token_ends_its_whole_grant() {
    let desk = Desk::new();
    desk.run("settings set dialects=biot").ok();
    let user = desk.run_with("user add bea --scope lab:read --json", "long odd phrase 77\n").json();
    let engine = desk.place.open();
    let body = br#"{"username":"bea","password":"long odd phrase 77"}"#;
    let headers = [("Content-Type", &b"application/json"[..])];
    let path = "/ums/v2/users/login";
    let request =
        HttpRequest { method: "POST", path, headers: &headers, body, ..HttpRequest::default() };
    let response = engine.http(&request, &bench()).unwrap();
    let response: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let token = |name: &str| response[name]["token"].as_str().unwrap().to_owned();
    let (access, refresh) = (token("accessJwt"), token("refreshJwt"));
    verify(&engine, &access).unwrap();

    let listed = desk.run("grant list --json").json();
    let done = desk.run_with("leak --yes --json", &refresh).json();
    assert_eq!((&done["kind"], &done["ended"]), (&"refresh_token".into(), &true.into()));
    assert_eq!((&done["client_id"], &done["user_id"]), (&"biot".into(), &user["user_id"]));
    assert_eq!(done["grant_id"], listed["grants"][0]["grant_id"]);
    assert!(!done["history"].as_array().unwrap().is_empty(), "{done}");
    assert_eq!(why(verify(&engine, &access)), Denied::GrantRevoked);
    assert_eq!(desk.run_with("leak --json", &refresh).json()["reason"], "grant_revoked");
}
