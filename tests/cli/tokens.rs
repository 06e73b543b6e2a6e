//! Single tokens.

use crate::common::{issue, jti, verify, why};
use crate::{Desk, registered};
use wardkey::Denied;

#[test]
fn a_token_is_inspected_without_a_database_and_without_trust() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let token = issue(&desk.place.open(), &client);
    let nowhere = Desk { place: crate::common::Place::empty() };
    let said = nowhere.run_with("token inspect --json", &token).json();
    assert_eq!(said["verified"], false);
    assert_eq!(said["claims"]["client_id"], client.id);
    let said = nowhere.run_with("token inspect", &token).ok();
    assert!(said.out.starts_with("NOT VERIFIED"));
    assert!(!said.out.contains(&token) && !said.err.contains(&token));
    assert!(nowhere.run_with("token inspect", "abc").ok().out.contains("no JWT"));
}

#[test]
fn a_valid_token_is_zero_and_any_other_three() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let token = issue(&desk.place.open(), &client);
    assert_eq!(desk.run_with("token verify --json", &token).json()["client_id"], client.id);
    desk.run_with("token verify --scope lab:read", &token).ok();
    let lacks = desk.run_with("token verify --scope billing:read", &token).fails(3);
    assert!(lacks.err.contains("billing:read"));
    desk.run_with("token verify --peer 192.0.2.7 --scope lab:read", &token).ok();
    desk.run(&format!("client edit {} --network 10.0.0.0/8", client.id)).ok();
    let refused = desk.run_with("token verify --peer 192.0.2.7", &token).fails(3);
    assert!(refused.err.contains("wardkey audit explain"), "{}", refused.err);
    desk.run("client disable Lab").ok();
    let refused = desk.run_with("token verify", &token).fails(3);
    assert!(refused.out.contains("disabled"), "{}", refused.out);
    desk.run_with("token verify", "nonsense").fails(3);
}

#[test]
fn a_token_is_ended_by_its_text_or_its_id() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    let (one, two) = (issue(&engine, &client), issue(&engine, &client));
    desk.run_with("token revoke", &one).fails(6);
    desk.run_with("token revoke --yes", &one).ok();
    desk.run(&format!("token revoke --yes {}", jti(&two))).ok();
    for token in [one, two] {
        assert_eq!(why(verify(&engine, &token)), Denied::TokenRevoked);
    }
}
