//! Users, roles, scopes, grants and settings.

use crate::Desk;

#[test]
fn a_user_gets_a_password_from_standard_input_and_a_role() {
    let desk = Desk::new();
    desk.run("role add nurse --scope lab:read --scope patients:read").ok();
    let added = desk.run_with("user add bea --role nurse --json", "a long and odd phrase\n").json();
    assert_eq!(added["effective_scope"], "lab:read patients:read");
    assert_eq!(desk.run("user show bea --json").json()["user_id"], added["user_id"]);
    let by_id = desk.run(&format!("user show {}", added["user_id"].as_str().unwrap())).ok();
    assert!(by_id.out.contains("bea"));
    desk.run_with("user password bea", "another odd phrase\n").ok();
    desk.run("user edit bea --role none --scope lab:read --description Nurse").ok();
    let shown = desk.run("user show bea --json").json();
    assert_eq!((&shown["roles"], &shown["scope"]), (&serde_json::json!([]), &"lab:read".into()));
    desk.run("user disable bea").fails(6);
    desk.run("user disable bea -y").ok();
    desk.run("user enable bea").ok();
    desk.run("user revoke bea -y").ok();
    desk.run("user delete bea -y").ok();
    desk.run("user show bea").fails(4);
    desk.run("role remove nurse").ok();
}

#[test]
fn a_common_password_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let refused = desk.run_with("user add bea", "password1234\n").fails(2);
    assert!(!refused.err.contains("password1234") && refused.err.contains("next:"));
    desk.run_with("user add bea", "").fails(2);
}

#[test]
fn a_scope_in_use_is_a_conflict_and_a_new_word_can_be_added() {
    let desk = Desk::new();
    desk.run("client add Lab --scope imaging:read").fails(2);
    desk.run("scope add imaging:read --description Read~images").ok();
    desk.run("client add Lab --scope imaging:read").ok();
    let refused = desk.run("scope remove imaging:read").fails(5);
    assert!(refused.err.contains("next:"));
    desk.run("client edit Lab --scope none").ok();
    desk.run("scope remove imaging:read").ok();
}

#[test]
fn settings_are_read_and_replaced_with_their_types() {
    let desk = Desk::new();
    let line = "settings set --json issuer=https://emr.clinic.example access_token_lifetime=30m \
                dialects=bio-ecko,nikohealth danger_allow_plain_http=false audience=https://api.example";
    let set = desk.run(line).json();
    assert_eq!(set["access_token_lifetime"], 1800);
    assert_eq!(set["dialects"], serde_json::json!(["bio-ecko", "nikohealth"]));
    assert_eq!(desk.run("settings get --json").json(), set);
    let set = desk.run("settings set --json audience=null dialects=").json();
    assert!(set["audience"].is_null() && set["dialects"] == serde_json::json!([]));
    for wrong in ["issuer=http://a", "danger_allow_plain_http=perhaps", "no_such=1", "issuer"] {
        desk.run(&format!("settings set {wrong}")).fails(2);
    }
}

#[test]
fn grants_are_listed_and_one_that_is_not_there_is_not_found() {
    let desk = Desk::new();
    assert_eq!(desk.run("grant list --json").json()["grants"], serde_json::json!([]));
    desk.run("grant revoke -y AAAAAAAAAAAAAAAAAAAAAA").fails(4);
}

#[test]
fn the_words_of_the_pages_are_read_from_a_document() {
    let desk = Desk::new();
    let german = r#"{"lang": "de", "sign_in": "Anmelden"}"#;
    std::fs::write(desk.place.folder().join("de.json"), german).unwrap();
    let set = desk.run("settings texts de.json --json").json();
    assert_eq!(set["texts"], serde_json::json!({"lang": "de", "sign_in": "Anmelden"}));
    // All together: what is not named is in English again.
    let set = desk.run_with("settings texts --json", r#"{"lang": "fr"}"#).json();
    assert_eq!(set["texts"], serde_json::json!({"lang": "fr"}));
    for (wrong, said) in [
        (r#"{"sign": "x"}"#, "texts.sign"),
        (r#"{"sign_in": "a", "sign_in": "b"}"#, "duplicate"),
        (r#"{}, "issuer": "https://x.example""#, "no JSON object"),
        ("[]", "no JSON object"),
        ("", "no JSON object"),
    ] {
        let refused = desk.run_with("settings texts", wrong).fails(2);
        assert!(refused.err.contains(said) && refused.err.contains("next:"), "{}", refused.err);
    }
    assert_eq!(desk.run("settings get --json").json()["texts"], serde_json::json!({"lang": "fr"}));
    desk.run_with("settings texts", "{}").ok();
}
