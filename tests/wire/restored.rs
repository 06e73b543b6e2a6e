//! Users after a restore: the copy may not know who was disabled, deleted, or got another password.

use crate::browser::{
    AUTHORIZE, Browser, allow, anna, clinic, code_of, error_of, page, query, redeem,
};
use crate::common::{admin, assert_chain_whole, events, verify, why};
use crate::host;
use crate::http::{Clinic, Request, ask, json, text, visible};
use serde_json::{Value, json};
use std::fs;
use wardkey::{Denied, Engine, HttpResponse};

/// The clinic after a restore; `meanwhile` is what the copy does not know.
fn restored(clinic: Clinic, meanwhile: impl FnOnce(&Clinic)) -> Clinic {
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    let copy = fs::read(place.path()).unwrap();
    let clinic = Clinic { engine: place.open_at(&clock), clock, place };
    meanwhile(&clinic);
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    fs::write(place.path(), copy).unwrap();
    let engine = Engine::restore(&place.options_at(&clock), &admin()).unwrap();
    Clinic { engine, clock, place }
}

fn sign_in(clinic: &Clinic, client_id: &str) -> HttpResponse {
    let mut browser = Browser::default();
    let login = browser.open(clinic, AUTHORIZE, &query(client_id));
    browser.sign_in(clinic, &login)
}

fn last_reason(clinic: &Clinic, event: &str) -> Value {
    events(&clinic.engine, event).last().unwrap()["reason"].clone()
}

#[test]
fn a_user_who_was_disabled_since_the_copy_is_not_let_in_by_the_copy() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let user = anna(&clinic);
    let clinic = restored(clinic, |clinic| {
        drop(clinic.call("user.disable", json!({ "user_id": user })));
    });
    assert!(text(&sign_in(&clinic, &id)).contains("The user name or the password is wrong."));
    assert_eq!(last_reason(&clinic, "user.login"), "user_unconfirmed");
    let read = clinic.call("user.read", json!({ "user_id": user }));
    assert_eq!((&read["enabled"], &read["confirmed"]), (&json!(true), &json!(false)));
    // Nor by anything but a confirmation or a new password.
    clinic.call("user.enable", json!({ "user_id": user }));
    clinic.call("user.update", json!({"user_id": user, "scope": "lab:read"}));
    clinic.call("user.revoke", json!({ "user_id": user }));
    assert!(text(&sign_in(&clinic, &id)).contains("is wrong"));
    let confirmed = clinic.call("user.confirm", json!({ "user_id": user }));
    assert_eq!(confirmed, json!({"confirmed": 1}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let tokens = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    assert_eq!(tokens["scope"], "lab:read");
    assert_chain_whole(&clinic.engine);
}

#[test]
fn every_login_waits_for_a_confirmation_and_reads_as_a_wrong_password_does() {
    let clinic = restored(clinic(), |_| ());
    let login = |password: &str| {
        let body = json!({"username": "anna", "password": password}).to_string();
        Request::post("/ums/v2/users/login", body)
            .content_type("application/json")
            .send(&clinic.engine)
    };
    assert_eq!(visible(&login("nobodys guess")), visible(&login("wrong guess")));
    let reasons: Vec<_> =
        events(&clinic.engine, "user.login").iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(reasons, ["user_unconfirmed", "password_wrong"]);
    // A new password is the person's own: nothing is left of the old one to doubt.
    let set = json!({"user_id": anna(&clinic), "password": "another guess"});
    assert_eq!(clinic.call("user.set_password", set)["confirmed"], true);
    assert_eq!(login("another guess").status, 200);
}

#[test]
fn all_users_are_confirmed_at_once_and_who_is_disabled_stays_so() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    for (name, enabled) in [("berta", true), ("otto", false)] {
        let user = json!({"username": name, "password": "nobodys guess", "enabled": enabled});
        clinic.call("user.create", user);
    }
    let clinic = restored(clinic, |_| ());
    let restore = &events(&clinic.engine, "database.restore")[0];
    assert_eq!(restore["detail"]["users_to_confirm"], "3");
    // Who comes after the restore is in no doubt.
    let new = json!({"username": "nina", "password": "nobodys guess"});
    assert_eq!(clinic.call("user.create", new)["confirmed"], true);
    clinic.call("user.confirm", json!({"user_id": anna(&clinic)}));
    code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let again = clinic.call("user.confirm", json!({"user_id": anna(&clinic)}));
    assert_eq!(again, json!({"confirmed": 0}));
    assert_eq!(clinic.call("user.confirm", json!({"all": true})), json!({"confirmed": 2}));
    assert_eq!(clinic.call("user.confirm", json!({"all": true})), json!({"confirmed": 0}));
    let rows = events(&clinic.engine, "user.confirm");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["actor"] == "anna" && row["rows"][0]["mac"].is_string()));
    let otto = clinic.call("user.read", json!({"username": "otto"}));
    assert_eq!((&otto["enabled"], &otto["confirmed"]), (&json!(false), &json!(true)));
    for document in ["{}", r#"{"all":false}"#, r#"{"user_id":"usr_x","all":true}"#] {
        clinic.engine.call(&admin(), "user.confirm", document.as_bytes()).unwrap_err();
    }
    assert_chain_whole(&clinic.engine);
}

#[test]
fn a_hosts_user_who_was_disabled_since_the_copy_gives_nothing_until_confirmed() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    host::approve(&clinic, &id, "dr.eva");
    let clinic = restored(clinic, |clinic| {
        drop(clinic.call("user.disable", json!({"user_id": "usr_.dr.eva"})));
    });
    let before = clinic.call("user.read", json!({"user_id": "usr_.dr.eva"}));
    let wide = json!({"client_id": id, "scope": "lab:read lab:write billing:read emr:read"});
    clinic.call("client.update", wide);
    assert_eq!(error_of(&host::answer(&clinic, &id, "dr.eva")), "access_denied");
    assert_eq!(last_reason(&clinic, "grant.refuse"), "user_unconfirmed");
    assert_eq!(clinic.call("user.read", json!({"user_id": "usr_.dr.eva"})), before);
    // Whom the copy does not know the host brings anew.
    host::approve(&clinic, &id, "dr.otto");
    clinic.call("user.confirm", json!({"user_id": "usr_.dr.eva"}));
    host::approve(&clinic, &id, "dr.eva");
}

#[test]
fn a_login_page_that_was_open_during_the_restore_gives_nothing() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let mut browser = Browser::default();
    let login = browser.open(&clinic, AUTHORIZE, &query(&id));
    let consent = browser.sign_in(&clinic, &login);
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let tokens = json(&ask(redeem(&id, &code)).send(&clinic.engine));
    let clinic = restored(clinic, |_| ());
    assert_eq!(browser.submit(&clinic, &consent, "action=approve").status, 400);
    let access = tokens["access_token"].as_str().unwrap();
    assert!(matches!(why(verify(&clinic.engine, access)), Denied::KeyRetired | Denied::EpochEnded));
}
