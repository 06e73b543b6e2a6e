//! What users allowed: it ends with the secret that obtained it, and nobody gathers it without end.

use crate::browser::{
    AUTHORIZE, allow, anna, assert_invalid_grant, clinic, code_of, page, query, redeem, server,
};
use crate::common::{Registered, admin, assert_chain_whole, events, verify, why};
use crate::host;
use crate::http::{Clinic, Request, ask, json, text};
use serde_json::{Value, json};
use wardkey::Denied;

/// A second secret of a client.
fn another_secret(clinic: &Clinic, client: &Registered, more: Value) -> Registered {
    let mut document = json!({"client_id": client.id});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = clinic.call("client.secret.create", document);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (secret, credential) = (text("client_secret"), text("credential_id"));
    Registered { id: client.id.clone(), secret, credential }
}

/// The access token and the refresh token of an answer that must have them.
#[track_caller]
fn tokens(clinic: &Clinic, request: Request<'_>) -> (String, String) {
    let response = request.send(&clinic.engine);
    assert_eq!(response.status, 200, "{}", text(&response));
    let body = json(&response);
    let token = |name: &str| body[name].as_str().unwrap().to_owned();
    (token("access_token"), token("refresh_token"))
}

/// Anna allows the client everything, and this secret redeems the code.
#[track_caller]
fn log_in(clinic: &Clinic, by: &Registered) -> (String, String) {
    let code = code_of(&allow(clinic, AUTHORIZE, &query(&by.id)));
    tokens(clinic, ask(redeem(&by.id, &code)).by_client(by))
}

fn refresh<'a>(by: &Registered, token: &str) -> Request<'a> {
    ask(format!("grant_type=refresh_token&refresh_token={token}")).by_client(by)
}

fn revoke(clinic: &Clinic, secret: &Registered) {
    let document = json!({"client_id": secret.id, "credential_id": secret.credential});
    clinic.call("client.secret.revoke", document);
}

#[test]
fn revoking_a_secret_ends_the_families_it_obtained_and_no_others() {
    let clinic = clinic();
    let old = server(&clinic, json!({}));
    let new = another_secret(&clinic, &old, json!({}));
    let (first, family) = log_in(&clinic, &old);
    let (others, other_family) = log_in(&clinic, &new);
    // Whoever refreshes it: the family is the old secret's.
    let (second, _) = tokens(&clinic, refresh(&new, &family));
    let waiting = code_of(&allow(&clinic, AUTHORIZE, &query(&old.id)));
    let second_process = clinic.place.open_at(&clinic.clock);
    verify(&second_process, &second).unwrap();
    revoke(&clinic, &old);
    for engine in [&clinic.engine, &second_process] {
        for token in [&first, &second] {
            assert_eq!(why(verify(engine, token)), Denied::CredentialRevoked);
        }
        assert_invalid_grant(&refresh(&new, &family).send(engine));
        verify(engine, &others).unwrap();
    }
    let read = clinic.call("token.introspect", json!({"token": second}));
    assert_eq!(read["reason"], "credential_revoked");
    let denied = events(&clinic.engine, "token.deny");
    assert_eq!(denied.last().unwrap()["reason"], "credential_revoked");
    assert_eq!(denied.last().unwrap()["credential"], new.credential);
    tokens(&clinic, refresh(&new, &other_family));
    // What nobody had obtained yet is the client's.
    tokens(&clinic, ask(redeem(&new.id, &waiting)).by_client(&new));
    assert_chain_whole(&clinic.engine);
}

#[test]
fn a_grant_says_which_secret_redeemed_its_code() {
    let clinic = clinic();
    let (client, page) = (server(&clinic, json!({})), page(&clinic, json!({})));
    let credential = |client_id: &str| {
        let grants = clinic.call("grant.list", json!({ "client_id": client_id }));
        grants["grants"][0]["credential_id"].clone()
    };
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&client.id)));
    assert_eq!(credential(&client.id), Value::Null);
    tokens(&clinic, ask(redeem(&client.id, &code)).by_client(&client));
    assert_eq!(credential(&client.id), client.credential);
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&page)));
    tokens(&clinic, ask(redeem(&page, &code)));
    assert_eq!(credential(&page), Value::Null);
}

#[test]
fn what_a_secret_obtained_that_merely_expired_goes_on_until_the_secret_is_revoked() {
    let clinic = clinic();
    let lasting = server(&clinic, json!({}));
    let expires_at = clinic.engine.now().seconds() + 600;
    let brief = another_secret(&clinic, &lasting, json!({ "expires_at": expires_at }));
    let (access, family) = log_in(&clinic, &brief);
    clinic.pass(600);
    assert_eq!(refresh(&brief, &family).send(&clinic.engine).status, 401);
    verify(&clinic.engine, &access).unwrap();
    let (access, _) = tokens(&clinic, refresh(&lasting, &family));
    revoke(&clinic, &brief);
    assert_eq!(why(verify(&clinic.engine, &access)), Denied::CredentialRevoked);
    assert_invalid_grant(&refresh(&lasting, &family).send(&clinic.engine));
}

#[test]
fn what_a_public_client_obtained_ends_when_it_is_public_no_more() {
    let clinic = clinic();
    let id = page(&clinic, json!({}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&id)));
    let (access, family) = tokens(&clinic, ask(redeem(&id, &code)));
    let confidential = json!({"client_id": id, "token_endpoint_auth_method": null});
    clinic.call("client.update", confidential);
    let nothing = Registered { id, secret: String::new(), credential: String::new() };
    let secret = another_secret(&clinic, &nothing, json!({}));
    assert_eq!(why(verify(&clinic.engine, &access)), Denied::CredentialRevoked);
    assert_invalid_grant(&refresh(&secret, &family).send(&clinic.engine));
}

#[test]
fn a_user_has_a_hundred_grants_to_one_client_and_one_more_ends_the_one_unused_for_longest() {
    let clinic = clinic();
    let (id, other) = (page(&clinic, json!({})), page(&clinic, json!({})));
    let approve = |client_id: &str, subject: &str| {
        clinic.pass(1);
        let code = host::approve(&clinic, client_id, subject);
        tokens(&clinic, ask(redeem(client_id, &code)))
    };
    let (kept, ended) = (approve(&id, "dr.eva"), approve(&id, "dr.eva"));
    // Others' do not count.
    let others = [approve(&other, "dr.eva"), approve(&id, "dr.otto")];
    for _ in 2..100 {
        approve(&id, "dr.eva");
    }
    clinic.pass(1);
    let refresh = format!("grant_type=refresh_token&client_id={id}&refresh_token={}", kept.1);
    let kept = tokens(&clinic, ask(refresh));
    assert!(events(&clinic.engine, "grant.revoke").is_empty());
    verify(&clinic.engine, &ended.0).unwrap();
    let last = approve(&id, "dr.eva");
    assert_eq!(why(verify(&clinic.engine, &ended.0)), Denied::GrantRevoked);
    for (access, _) in [&kept, &last, &others[0], &others[1]] {
        verify(&clinic.engine, access).unwrap();
    }
    let rows = events(&clinic.engine, "grant.revoke");
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&row["user"], &row["client"]), (&json!("usr_.dr.eva"), &json!(id)));
    assert_eq!((&row["outcome"], &row["detail"]["limit"]), (&json!("done"), &json!("100")));
    let approvals = events(&clinic.engine, "grant.approve");
    assert_eq!(row["request"], approvals.last().unwrap()["request"]);
    assert_chain_whole(&clinic.engine);
}

#[test]
fn logins_at_biots_routes_have_the_same_limit() {
    let clinic = clinic();
    let login = json!({"username": "anna", "password": "nobodys guess"}).to_string();
    let login = Request::post("/ums/v2/users/login", login).content_type("application/json");
    let access = || {
        clinic.pass(1);
        let response = login.send(&clinic.engine);
        json(&response)["accessJwt"]["token"].as_str().unwrap().to_owned()
    };
    let (first, second) = (access(), access());
    for _ in 2..100 {
        access();
    }
    verify(&clinic.engine, &first).unwrap();
    let last = access();
    assert_eq!(why(verify(&clinic.engine, &first)), Denied::GrantRevoked);
    verify(&clinic.engine, &second).unwrap();
    verify(&clinic.engine, &last).unwrap();
    let row = &events(&clinic.engine, "grant.revoke")[0];
    assert_eq!((&row["user"], &row["client"]), (&json!(anna(&clinic)), &json!("biot")));
}

#[test]
fn the_row_of_a_revoked_grant_goes_a_day_later_and_its_tokens_stay_refused() {
    let clinic = clinic();
    let client = server(&clinic, json!({"access_token_lifetime": 864_000}));
    let (access, family) = log_in(&clinic, &client);
    let grants = || clinic.call("grant.list", json!({}))["grants"].as_array().unwrap().len();
    let grant_id = clinic.call("grant.list", json!({}))["grants"][0]["grant_id"].clone();
    clinic.call("grant.revoke", json!({ "grant_id": grant_id }));
    clinic.pass(86_400);
    clinic.call("scope.add", json!({"scope": "a:a"}));
    assert_eq!(why(verify(&clinic.engine, &access)), Denied::GrantRevoked);
    clinic.pass(3601);
    // The first write after so long tells the other processes what time it is.
    for scope in ["a:b", "a:c"] {
        clinic.call("scope.add", json!({ "scope": scope }));
    }
    assert_eq!(grants(), 0);
    let other = clinic.place.open_at(&clinic.clock);
    assert_eq!(why(verify(&other, &access)), Denied::GrantUnknown);
    assert_invalid_grant(&refresh(&client, &family).send(&clinic.engine));
    let left: u32 = clinic
        .place
        .sqlite()
        .query_row("SELECT count(*) FROM refresh_token", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    clinic.engine.run(&admin(), wardkey::admin::AuditVerify::default()).unwrap();
}

#[test]
fn a_grant_is_listed_as_active_until_something_ends_it() {
    let clinic = clinic();
    let by = server(&clinic, json!({}));
    let user = anna(&clinic);
    let of_user = || json!({ "user_id": user });
    let of_client = || json!({ "client_id": by.id });
    let active = || count_active(&clinic);
    let (_, family) = log_in(&clinic, &by);
    assert_eq!(active(), 1);
    clinic.call("client.disable", of_client());
    assert_eq!(active(), 0);
    clinic.call("client.enable", of_client());
    assert_eq!(active(), 1);
    tokens(&clinic, refresh(&by, &family));
    clinic
        .call("client.secret.revoke", json!({"client_id": by.id, "credential_id": by.credential}));
    assert_eq!(active(), 0);
    let by = another_secret(&clinic, &by, json!({}));
    let new_password = json!({"user_id": user, "password": "nobodys guess"});
    for (operation, document) in [
        ("user.set_password", new_password),
        ("user.revoke", of_user()),
        ("user.disable", of_user()),
        ("client.revoke", of_client()),
    ] {
        clinic.call("user.enable", of_user());
        let (_, family) = log_in(&clinic, &by);
        assert_eq!(active(), 1, "{operation}");
        let leaked = |active: bool| {
            let found = clinic.call("leak.find", json!({ "text": family }));
            assert_eq!(found["active"], active, "{operation}: {found}");
        };
        leaked(true);
        clinic.call(operation, document);
        assert_eq!(active(), 0, "{operation}");
        leaked(false);
    }
}

#[test]
fn a_grant_is_listed_as_active_as_long_as_it_can_give_anything() {
    let clinic = clinic();
    let by = server(&clinic, json!({}));
    let active = || count_active(&clinic);
    // Before anybody redeems the code, and unused for too long.
    code_of(&allow(&clinic, AUTHORIZE, &query(&by.id)));
    assert_eq!(active(), 1);
    clinic.pass(60);
    assert_eq!(active(), 0);
    log_in(&clinic, &by);
    clinic.pass(14 * 86_400 - 1);
    assert_eq!(active(), 1);
    clinic.pass(1);
    assert_eq!(active(), 0);
    log_in(&clinic, &by);
    clinic.call("client.delete", json!({ "client_id": by.id }));
    assert_eq!(active(), 0);
    let other = page(&clinic, json!({"grant_types": ["authorization_code"]}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&other)));
    assert_eq!(ask(redeem(&other, &code)).send(&clinic.engine).status, 200);
    // Nothing refreshes it, and its token lives for an hour.
    assert_eq!(active(), 1);
    clinic.pass(3600);
    assert_eq!(active(), 0);
    code_of(&allow(&clinic, AUTHORIZE, &query(&other)));
    clinic.call("user.delete", json!({ "user_id": anna(&clinic) }));
    assert_eq!(active(), 0);
}

fn count_active(clinic: &Clinic) -> usize {
    let grants = clinic.call("grant.list", json!({}))["grants"].clone();
    grants.as_array().unwrap().iter().filter(|grant| grant["active"] == true).count()
}
