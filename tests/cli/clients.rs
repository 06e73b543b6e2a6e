//! Clients and their secrets.

use crate::common::{issue, try_issue, verify, why};
use crate::{Desk, assert_fits, registered, text};
use wardkey::Denied;

#[test]
fn a_developer_needs_two_commands() {
    let desk = Desk::new();
    let added = desk.run("client add Lab~bridge --scope lab:read").ok();
    let id = added.out.lines().find_map(|line| line.strip_prefix("client_id")).unwrap().trim();
    let secret = added.out.lines().find_map(|line| line.strip_prefix("client_secret")).unwrap();
    let engine = desk.place.open();
    let client = crate::common::Registered {
        id: id.to_owned(),
        secret: secret.trim().to_owned(),
        credential: String::new(),
    };
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn a_client_is_named_by_its_id_or_its_name() {
    let desk = Desk::new();
    let client = desk.client("Lab bridge");
    for name in [text(&client, "client_id"), "Lab bridge", "lab BRIDGE"] {
        let shown = desk.run_words(&["client", "show", name, "--json"], "").json();
        assert_eq!(shown["client"]["client_id"], client["client_id"]);
        assert_eq!(shown["secrets"][0]["credential_id"], client["credential_id"]);
    }
    desk.client("Lab bridge");
    let refused = desk.run("client show Lab~bridge").fails(2);
    assert!(refused.err.contains(text(&client, "client_id")), "{}", refused.err);
}

#[test]
fn everything_of_a_registration_is_given_and_taken_away() {
    let desk = Desk::new();
    let client = desk.client("Lab");
    let id = text(&client, "client_id");
    let edited = desk
        .run(&format!(
            "client edit {id} --json --name Laboratory --scope lab:read --scope lab:write \
             --default-scope lab:read --network 10.0.0.0/8 --network 192.0.2.7 --lifetime 30m \
             --token-format opaque --description For~the~lab --resource-server --host-data x=1"
        ))
        .json();
    assert_eq!(edited["client_name"], "Laboratory");
    assert_eq!(edited["scope"], "lab:read lab:write");
    assert_eq!(edited["default_scope"], "lab:read");
    assert_eq!(edited["allowed_networks"].as_array().unwrap().len(), 2);
    assert_eq!(edited["access_token_lifetime"], 1800);
    assert_eq!(edited["token_format"], "opaque");
    assert_eq!(edited["resource_server"], true);
    let edited = desk
        .run(&format!(
            "client edit {id} --json --network none --lifetime none --token-format none \
             --default-scope none --resource-server false"
        ))
        .json();
    assert_eq!(edited["allowed_networks"], serde_json::json!([]));
    assert!(edited["access_token_lifetime"].is_null() && edited["token_format"].is_null());
    assert!(edited["default_scope"].is_null());
    assert_eq!(
        (&edited["resource_server"], &edited["client_name"]),
        (&false.into(), &"Laboratory".into())
    );
    desk.run(&format!("client edit {id} --lifetime soon")).fails(2);
}

#[test]
fn a_disabled_client_is_refused_until_it_is_enabled() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    desk.run("client disable Lab").ok();
    assert_eq!(why(try_issue(&engine, &client)), Denied::ClientDisabled);
    desk.run("client enable Lab").ok();
    issue(&engine, &client);
}

#[test]
fn to_revoke_a_client_ends_its_secrets_and_its_tokens_in_a_running_program() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    let token = issue(&engine, &client);
    desk.run("client revoke Lab").fails(6);
    verify(&engine, &token).unwrap();
    let done = desk.run("client revoke Lab --yes --json").json();
    assert_eq!(done["secrets_revoked"][0], client.credential);
    why(verify(&engine, &token));
    assert_eq!(why(try_issue(&engine, &client)), Denied::SecretRevoked);
    let again = desk.run("secret add Lab --label new --json").json();
    let client =
        crate::common::Registered { secret: text(&again, "client_secret").into(), ..client };
    issue(&engine, &client);
}

#[test]
fn with_tokens_alone_revoked_a_client_goes_on() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let engine = desk.place.open();
    let token = issue(&engine, &client);
    desk.run("client revoke Lab --tokens --yes").ok();
    assert_eq!(why(verify(&engine, &token)), Denied::ClientTokensRevoked);
    verify(&engine, &issue(&engine, &client)).unwrap();
}

#[test]
fn one_secret_is_revoked_and_the_other_lives_on() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    let new = desk.run("secret add Lab --label new --expires 90d --json").json();
    let new =
        crate::common::Registered { secret: text(&new, "client_secret").into(), ..old.clone() };
    desk.run(&format!("secret revoke Lab {} --yes", old.credential)).ok();
    let engine = desk.place.open();
    assert_eq!(why(try_issue(&engine, &old)), Denied::SecretRevoked);
    issue(&engine, &new);
    engine.close().unwrap();
    let listed = desk.run("secret list Lab").ok();
    assert!(
        listed.out.contains("revoked") && listed.out.contains("192.0.2.7/32"),
        "{}",
        listed.out
    );
    assert_fits(&listed.out);
}

#[test]
fn a_client_of_another_system_keeps_its_id_and_secret() {
    let desk = Desk::new();
    let line = "client import old-lab --name Lab --scope lab:read --json";
    let imported = desk.run_with(line, "correct horse battery\n").json();
    assert_eq!(imported["client_id"], "old-lab");
    let engine = desk.place.open();
    let client = crate::common::Registered {
        id: "old-lab".into(),
        secret: "correct horse battery".into(),
        credential: String::new(),
    };
    issue(&engine, &client);
    drop(engine);
    desk.run_with(line, "correct horse battery\n").fails(5);
}

#[test]
fn a_client_is_removed_after_confirmation_alone() {
    let desk = Desk::new();
    desk.client("Lab");
    desk.run("client delete Lab").fails(6);
    desk.run("client delete Lab -y").ok();
    desk.run("client show Lab").fails(4);
}

#[test]
fn tables_fit_a_terminal() {
    let desk = Desk::new();
    let long = "Laboratory of the northern branch with a name that does not end soon";
    desk.run_words(
        &["client", "add", long, "--scope", "lab:read lab:write patients:read patients:write"],
        "",
    )
    .ok();
    for line in
        ["client list", "scope list", "settings get", "key list", "user list", "audit verify"]
    {
        assert_fits(&desk.run(line).ok().out);
    }
}

#[test]
fn a_database_is_named_by_option_environment_or_folder() {
    let desk = Desk::new();
    desk.client("Lab");
    let elsewhere = Desk { place: crate::common::Place::empty() };
    let path = desk.place.path();
    let path = path.to_str().unwrap();
    elsewhere.run_words(&["-d", path, "client", "show", "Lab"], "").ok();
    elsewhere.run("client list").fails(2);
    // Two in one folder: none of them is meant.
    desk.run("init other.db").ok();
    desk.run("client list").fails(2);
    desk.run("client list --database clinic.db").ok();
}

#[test]
fn a_client_has_rates_of_its_own_and_gives_them_back() {
    let desk = Desk::new();
    desk.client("Lab");
    let edited =
        desk.run("client edit Lab --token-rate 60/10 --verify-rate 6000/100 --json").json();
    assert_eq!(edited["token_rate"], serde_json::json!({"per_minute": 60, "burst": 10}));
    let shown = desk.run("client show Lab").ok().out;
    assert!(shown.contains("60 a minute, 10 at once"), "{shown}");
    assert!(shown.contains("6000 a minute, 100 at once"), "{shown}");
    let edited = desk.run("client edit Lab --token-rate none --verify-rate none --json").json();
    assert!(edited["token_rate"].is_null() && edited["verify_rate"].is_null());
    let wrong = desk.run("client edit Lab --token-rate 60").fails(2);
    assert!(wrong.err.contains("--token-rate must be PER_MINUTE/AT_ONCE"), "{}", wrong.err);
    desk.run("client edit Lab --token-rate 0/1").fails(2);
}
