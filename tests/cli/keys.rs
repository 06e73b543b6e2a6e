//! Master keys from elsewhere, signing keys, and restoring.

use crate::common::{issue, try_issue, verify, why};
use crate::{Desk, assert_fits, registered, text};
use wardkey::Denied;

const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

#[test]
fn a_master_key_comes_from_a_file_or_standard_input_and_no_key_file_is_made() {
    let desk = Desk { place: crate::common::Place::empty() };
    desk.run_with("init clinic.db --key-stdin", &format!("{KEY}\n")).ok();
    assert!(!desk.place.beside(".key").exists());
    std::fs::write(desk.place.folder().join("vault"), format!("{KEY}\n")).unwrap();
    desk.run("client add Lab --key-file vault").ok();
    // The first line is the key, the second the secret.
    let two_lines = format!("{KEY}\ncorrect horse battery\n");
    desk.run_with("client import old --name Old --key-stdin", &two_lines).ok();
    let listed = desk.run_with("client list --json --key-stdin", KEY).json();
    assert_eq!(listed["clients"].as_array().unwrap().len(), 2);
    let refused = desk.run("client list").fails(8);
    assert!(refused.err.contains("--key-file"), "{}", refused.err);
    let wrong = KEY.replace('7', "8");
    let refused = desk.run_with("client list --key-stdin", &wrong).fails(8);
    assert!(!refused.err.contains(&wrong));
    desk.run_with("client list --key-stdin", "short").fails(2);
}

#[test]
fn a_signing_key_is_imported_from_standard_input() {
    let desk = Desk::new();
    let pem = include_str!("../../src/crypto/testdata/rfc7515_a2.pem");
    let done = desk.run_with("key import --algorithm RS256 --json", pem).json();
    assert_eq!(done["algorithm"], "RS256");
    assert!(done["public_key"].get("d").is_none());
    let listed = desk.run("key list").ok().out;
    assert!(listed.contains(text(&done, "kid")), "{listed}");
    assert_fits(&listed);
    desk.run_with("key import --algorithm RS256", pem).fails(5);
    let refused = desk.run_with("key import --algorithm ES256", pem).fails(2);
    assert!(!refused.err.contains("MII"), "{}", refused.err);
}

#[test]
fn keys_are_rotated_a_stolen_one_is_retired_after_a_question_and_the_export_is_another_sites_import()
 {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let token = issue(&desk.place.open(), &client);
    let new = desk.run("key rotate --json").json();
    assert_eq!(new["keys"].as_array().unwrap().len(), 1);
    let keys = desk.run("key list --json").json();
    let old = text(&keys["keys"][0], "kid").to_owned();
    assert_ne!(old, text(&new["keys"][0], "kid"));
    verify(&desk.place.open(), &token).unwrap();
    desk.run(&format!("key retire {old}")).fails(6);
    verify(&desk.place.open(), &token).unwrap();
    let retired = desk.run(&format!("key retire {old} --yes")).ok().out;
    assert!(retired.contains("retired"), "{retired}");
    assert_eq!(why(verify(&desk.place.open(), &token)), Denied::KeyRetired);
    let tail = desk.run("audit tail").ok().out;
    assert!(tail.contains("its tokens are valid until they end"), "{tail}");
    assert!(tail.contains("all its tokens are refused"), "{tail}");
    let export = desk.run("key export").ok().out;
    assert!(!export.contains(&old));
    let other = Desk::new();
    other.run("settings set issuer=https://other.example").ok();
    let export = export.replace("https://localhost", "https://clinic.example");
    let known = other.run_with("issuer import --json", &export).json();
    assert_eq!(known["enabled"], true);
    let tail = other.run("audit tail").ok().out;
    assert!(tail.contains("keys of the site https://clinic.example were imported"), "{tail}");
}

#[test]
fn an_old_copy_is_restored_after_confirmation_and_its_secrets_confirmed() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab bridge"));
    std::fs::remove_file(desk.place.beside(".fresh")).unwrap();
    let refused = desk.run("client list -d clinic.db").fails(8);
    assert!(refused.err.contains("wardkey restore"), "{}", refused.err);
    desk.run("restore -d clinic.db").fails(6);
    let done = desk.run("restore -d clinic.db --yes --json").json();
    assert_eq!(done["awaiting_confirmation"][0]["client_id"], client.id);
    assert_eq!(why(try_issue(&desk.place.open(), &client)), Denied::SecretUnconfirmed);
    desk.run("secret confirm Lab~bridge").ok();
    issue(&desk.place.open(), &client);
}
