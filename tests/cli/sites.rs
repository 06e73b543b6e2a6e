//! Other sites of a group: their keys, their clients, and registrations on their way.

use crate::common::{issue, verify, why};
use crate::{Desk, assert_fits, registered, text};
use serde_json::Value;
use std::sync::Arc;
use wardkey::{Clock, Denied, ManualClock, SystemClock};

const THERE: &str = "https://other.example";

/// A desk here and one at another site of the same group.
fn two_sites() -> (Desk, Desk) {
    let (here, there) = (Desk::new(), Desk::new());
    here.run("settings set issuer=https://clinic.example audience=https://api.example").ok();
    there.run(&format!("settings set issuer={THERE} audience=https://api.example")).ok();
    (here, there)
}

#[test]
fn a_client_of_another_site_is_let_in_with_its_tokens_of_there_until_the_site_is_disabled() {
    let (here, there) = two_sites();
    let client = registered(&there.client("Lab"));
    let shown = here.run_with("issuer import", &there.run("key export").ok().out).ok().out;
    assert!(shown.contains(THERE) && shown.contains("enabled"), "{shown}");
    assert_fits(&shown);
    std::fs::write(here.place.folder().join("site.json"), there.run("key export").ok().out)
        .unwrap();
    let line = format!("issuer add-client {THERE} {} --name Lab~there --scope lab:read", client.id);
    let added = here.run(&line).ok().out;
    assert!(added.contains(THERE) && added.contains(&client.id), "{added}");
    assert_fits(&added);
    // Of the minute in which a site was imported no token is believed.
    let early = issue(&there.place.open(), &client);
    assert_eq!(why(verify(&here.place.open(), &early)), Denied::IssuerDisabled);
    let later = Arc::new(ManualClock::at(SystemClock.wall().plus_millis(90_000)));
    let engine = there.place.open_at(&later);
    let token = || issue(&engine, &client);
    verify(&here.place.open_at(&later), &token()).unwrap();
    here.run(&format!("issuer disable {THERE}")).fails(6);
    verify(&here.place.open_at(&later), &token()).unwrap();
    here.run(&format!("issuer disable {THERE} --yes")).ok();
    assert_eq!(why(verify(&here.place.open_at(&later), &token())), Denied::IssuerDisabled);
    let listed = here.run("issuer list").ok().out;
    assert!(listed.contains("disabled"), "{listed}");
    assert_fits(&listed);
    // New keys do not let it in again: somebody has disabled it.
    let again = here.run("issuer import --file site.json --json").json();
    assert_eq!(again["enabled"], false);
    here.run(&format!("issuer enable {THERE}")).ok();
    assert_eq!(here.run(&format!("issuer show {THERE} --json")).json()["enabled"], true);
}

#[test]
fn a_site_is_removed_after_confirmation_alone() {
    let (here, there) = two_sites();
    here.run_with("issuer import", &there.run("key export").ok().out).ok();
    here.run(&format!("issuer delete {THERE}")).fails(6);
    here.run(&format!("issuer delete {THERE} -y")).ok();
    let missing = here.run(&format!("issuer show {THERE}")).fails(4);
    assert!(missing.err.contains("next: wardkey issuer list"), "{}", missing.err);
    assert!(here.run("issuer list").ok().out.contains("(none)"));
}

#[test]
fn what_is_no_export_is_refused_with_what_to_do() {
    let (here, there) = two_sites();
    here.run_with("issuer import", "").fails(2);
    here.run_with("issuer import", "[]").fails(2);
    let own = here.run("key export").ok().out;
    let refused = here.run_with("issuer import", &own).fails(2);
    assert!(refused.err.contains("our own"), "{}", refused.err);
    let mut export: Value = there.run("key export").json();
    export["jwks"]["keys"][0]["kid"] = "x".into();
    let refused = here.run_with("issuer import", &export.to_string()).fails(2);
    assert!(refused.err.contains("wardkey key export"), "{}", refused.err);
    let refused = here.run_with("client adopt", r#"{"format":1}"#).fails(2);
    assert!(refused.err.contains("wardkey client export"), "{}", refused.err);
}

#[test]
fn a_registration_goes_to_another_site_without_its_secrets() {
    let (here, there) = two_sites();
    let client = there.client("Lab");
    there.run("client edit Lab --network 192.0.2.0/24 --token-rate 60/10").ok();
    let export = there.run("client export Lab").ok().out;
    assert!(!export.contains("wks_"));
    let adopted = here.run_with("client adopt", &export).ok();
    assert!(adopted.out.contains("192.0.2.0/24"), "{}", adopted.out);
    assert!(adopted.err.contains("wardkey secret add"), "{}", adopted.err);
    assert_fits(&adopted.out);
    here.run_with("client adopt", &export).fails(5);
    let second = here.run_with("client adopt --id lab-2 --disabled --json", &export).json();
    assert_eq!((text(&second, "client_id"), &second["enabled"]), ("lab-2", &false.into()));
    assert_eq!(second["token_rate"], serde_json::json!({"per_minute": 60, "burst": 10}));
    let id = text(&client, "client_id");
    let here_first = here.run(&format!("client show {id} --json")).json();
    assert_eq!(here_first["secrets"], serde_json::json!([]));
    let added = here.run(&format!("secret add {id} --json")).json();
    let adopted = crate::common::Registered {
        id: id.to_owned(),
        secret: text(&added, "client_secret").to_owned(),
        credential: String::new(),
    };
    issue(&here.place.open(), &adopted);
}
