//! Conformance 12, 13, 16, 31 and 37 to 39 at the standard routes: refreshing, by pages and by servers.

use crate::browser::{
    AUTHORIZE, BACK, allow, anna, assert_invalid_grant, clinic, code_of, page, query, redeem,
    server,
};
use crate::common::{Registered, assert_chain_whole, events, verify, why};
use crate::http::{
    Clinic, INTROSPECT, REVOKE, Request, ask, in_form, json, refusal, text, visible,
};
use serde_json::{Value, json};
use wardkey::{Denied, HttpResponse};

/// What a client has of its user's yes.
struct Given {
    access: String,
    refresh: String,
    scope: String,
}

/// A page without a secret, and what it was given.
fn page_given(clinic: &Clinic) -> (String, Given) {
    let id = page(clinic, json!({}));
    let code = code_of(&allow(clinic, AUTHORIZE, &query(&id)));
    let given = given(&ask(redeem(&id, &code)).send(&clinic.engine));
    (id, given)
}

/// A server with a secret, and what it was given.
fn server_given(clinic: &Clinic, more: Value) -> (Registered, Given) {
    let client = server(clinic, more);
    let given = again(clinic, &client);
    (client, given)
}

/// Another yes for the same server.
fn again(clinic: &Clinic, client: &Registered) -> Given {
    let code = code_of(&allow(clinic, AUTHORIZE, &query(&client.id)));
    given(&ask(redeem(&client.id, &code)).by_client(client).send(&clinic.engine))
}

#[track_caller]
fn given(response: &HttpResponse) -> Given {
    assert_eq!(response.status, 200, "{}", text(response));
    let body = json(response);
    let member = |name: &str| body[name].as_str().unwrap().to_owned();
    Given {
        access: member("access_token"),
        refresh: member("refresh_token"),
        scope: member("scope"),
    }
}

/// A refresh without anybody's name.
fn bare(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

fn by_page<'a>(id: &str, token: &str) -> Request<'a> {
    ask(format!("{}&client_id={id}", bare(token)))
}

fn by_server<'a>(client: &Registered, token: &str) -> Request<'a> {
    ask(bare(token)).by_client(client)
}

fn last_reason(clinic: &Clinic) -> Value {
    events(&clinic.engine, "token.deny").last().unwrap()["reason"].clone()
}

#[test]
fn wire_12_a_narrower_scope_narrows_the_access_token_alone() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    assert_eq!(first.scope, "lab:read lab:write");
    let narrow = ask(format!("{}&scope=lab:read", bare(&first.refresh))).by_client(&client);
    let narrowed = given(&narrow.send(&clinic.engine));
    assert_eq!(narrowed.scope, "lab:read");
    assert_eq!(verify(&clinic.engine, &narrowed.access).unwrap().scope.as_str(), "lab:read");
    let whole = given(&by_server(&client, &narrowed.refresh).send(&clinic.engine));
    assert_eq!(whole.scope, "lab:read lab:write");
    // RFC 6749 6: "if omitted is treated as equal to the scope originally granted".
    let empty = ask(format!("{}&scope=", bare(&whole.refresh))).by_client(&client);
    assert_eq!(given(&empty.send(&clinic.engine)).scope, "lab:read lab:write");
}

#[test]
fn wire_12_a_narrowed_page_gets_its_whole_scope_back_from_the_successor() {
    let clinic = clinic();
    let (id, first) = page_given(&clinic);
    let narrow = ask(format!("{}&client_id={id}&scope=lab:write", bare(&first.refresh)));
    let narrowed = given(&narrow.send(&clinic.engine));
    assert_eq!(narrowed.scope, "lab:write");
    let next = given(&by_page(&id, &narrowed.refresh).send(&clinic.engine));
    assert_eq!(next.scope, "lab:read lab:write");
}

#[test]
fn wire_12_a_wider_scope_is_an_invalid_scope_and_spends_nothing() {
    let clinic = clinic();
    let (id, first) = page_given(&clinic);
    // The client may have the first, and its user did not allow it; nobody here may have the others.
    for wider in ["lab:read+billing:read", "billing:read", "emr:read", "no:such", "LAB:READ"] {
        let request = ask(format!("{}&client_id={id}&scope={wider}", bare(&first.refresh)));
        assert_eq!(
            refusal(&request.send(&clinic.engine)),
            (400, "invalid_scope".into()),
            "{wider}"
        );
    }
    let malformed = ask(format!("{}&client_id={id}&scope=+", bare(&first.refresh)));
    assert_eq!(refusal(&malformed.send(&clinic.engine)), (400, "invalid_scope".into()));
    given(&by_page(&id, &first.refresh).send(&clinic.engine));
}

#[test]
fn wire_12_another_clients_refresh_token_is_an_invalid_grant_and_lives_on() {
    let clinic = clinic();
    let (id, of_page) = page_given(&clinic);
    let (client, of_server) = server_given(&clinic, json!({}));
    let other = page(&clinic, json!({}));
    assert_invalid_grant(&by_server(&client, &of_page.refresh).send(&clinic.engine));
    assert_eq!(last_reason(&clinic), "refresh_token_foreign");
    assert_invalid_grant(&by_page(&id, &of_server.refresh).send(&clinic.engine));
    assert_invalid_grant(&by_page(&other, &of_page.refresh).send(&clinic.engine));
    // In the seconds in which its own client would get an answer twice, too.
    let next = given(&by_page(&id, &of_page.refresh).send(&clinic.engine));
    assert_invalid_grant(&by_page(&other, &of_page.refresh).send(&clinic.engine));
    assert_invalid_grant(&by_server(&client, &of_page.refresh).send(&clinic.engine));
    given(&by_page(&id, &next.refresh).send(&clinic.engine));
    given(&by_server(&client, &of_server.refresh).send(&clinic.engine));
    assert!(events(&clinic.engine, "grant.revoke").is_empty());
}

#[test]
fn wire_13_a_page_may_refresh_without_saying_who_it_is() {
    let clinic = clinic();
    let (id, first) = page_given(&clinic);
    let next = given(&ask(bare(&first.refresh)).send(&clinic.engine));
    assert_eq!(verify(&clinic.engine, &next.access).unwrap().client_id, id);
    given(&by_page(&id, &next.refresh).send(&clinic.engine));
}

#[test]
fn wire_13_a_server_may_not_refresh_without_its_secret() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    for body in [
        bare(&first.refresh),
        format!("{}&client_id={}", bare(&first.refresh), client.id),
        format!("{}&client_id={}&client_secret=x", bare(&first.refresh), client.id),
    ] {
        let response = ask(body).send(&clinic.engine);
        assert_eq!(refusal(&response), (401, "invalid_client".into()));
    }
    // Nor is it told apart from a token that nobody has.
    let (real, none) = (bare(&first.refresh), bare(&format!("wkr_{}", "A".repeat(49))));
    let (real, none) = (ask(real).send(&clinic.engine), ask(none).send(&clinic.engine));
    assert_eq!(visible(&real), visible(&none));
    given(&by_server(&client, &first.refresh).send(&clinic.engine));
}

#[test]
fn wire_16_a_refresh_token_that_gives_nothing_is_an_invalid_grant() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    for (token, reason) in [
        (format!("wkr_{}", "A".repeat(49)), "refresh_token_unknown"),
        (first.refresh.to_lowercase(), "refresh_token_unknown"),
        (format!("{}A", first.refresh), "refresh_token_unknown"),
        // Of another kind.
        (first.access.clone(), "refresh_token_unknown"),
    ] {
        assert_invalid_grant(&by_server(&client, &token).send(&clinic.engine));
        assert_eq!(last_reason(&clinic), reason);
    }
    clinic.call("settings.set", json!({"refresh_token_lifetime": 3600}));
    let expired = again(&clinic, &client);
    clinic.pass(3600);
    assert_invalid_grant(&by_server(&client, &expired.refresh).send(&clinic.engine));
    assert_eq!(last_reason(&clinic), "grant_expired");
    let missing = ask("grant_type=refresh_token").by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&missing), (400, "invalid_request".into()));
}

#[test]
fn wire_16_a_client_that_may_not_refresh_is_an_unauthorized_client() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    let without = json!({"client_id": client.id, "grant_types": ["authorization_code"]});
    clinic.call("client.update", without);
    for token in [first.refresh.as_str(), "nonsense", ""] {
        let response = by_server(&client, token).send(&clinic.engine);
        assert_eq!(refusal(&response), (400, "unauthorized_client".into()), "{token}");
    }
}

/// The story: a refresh looked its token up before the gate was asked. A disabled client, or one at a
/// wrong address, read of a token that nobody has that it was no valid grant, and so that its secret was
/// right; and wrote a row to the disk with each attempt.
#[test]
fn wire_15_whoever_may_not_come_reads_what_a_wrong_secret_reads_when_it_refreshes() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    let wrong = ask(bare(&first.refresh)).basic(&client.id, "wrong").send(&clinic.engine);
    let assert_same = |from: &str| {
        for token in [first.refresh.as_str(), "nonsense", ""] {
            let response = by_server(&client, token).from(from).send(&clinic.engine);
            assert_eq!(visible(&response), visible(&wrong), "{token}");
        }
        assert!(events(&clinic.engine, "token.deny").is_empty());
    };
    let home = json!({"client_id": client.id, "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", home);
    assert_same("192.0.2.7");
    clinic.call("client.disable", json!({"client_id": client.id}));
    assert_same("10.1.2.3");
}

#[test]
fn wire_31_revoking_a_refresh_token_ends_its_family_and_beats_the_grace() {
    let clinic = clinic();
    let other = clinic.place.open_at(&clinic.clock);
    // By the token that is used next, and by one that was replaced a moment ago.
    for by_replaced in [false, true] {
        let (id, first) = page_given(&clinic);
        let next = given(&by_page(&id, &first.refresh).send(&clinic.engine));
        // Within the grace it would be answered once more.
        given(&by_page(&id, &first.refresh).send(&other));
        let revoked = if by_replaced { &first.refresh } else { &next.refresh };
        let body = format!("token={revoked}&token_type_hint=refresh_token&client_id={id}");
        let response = Request::post(REVOKE, body).send(&clinic.engine);
        assert_eq!((response.status, text(&response).as_str()), (200, "{}"));
        for engine in [&clinic.engine, &other] {
            for token in [&first.refresh, &next.refresh] {
                assert_invalid_grant(&by_page(&id, token).send(engine));
                assert_invalid_grant(&ask(bare(token)).send(engine));
            }
            for access in [&first.access, &next.access] {
                assert_eq!(why(verify(engine, access)), Denied::GrantRevoked);
            }
        }
        let row = events(&clinic.engine, "grant.revoke").pop().unwrap();
        assert_eq!((&row["outcome"], &row["client"]), (&json!("done"), &json!(id)));
    }
    assert_chain_whole(&clinic.engine);
}

#[test]
fn wire_31_a_foreign_refresh_token_gets_the_same_answer_lives_on_and_is_audited() {
    let clinic = clinic();
    let (id, of_page) = page_given(&clinic);
    let thief = server(&clinic, json!({}));
    for token in [&of_page.refresh, &of_page.access] {
        let request = Request::post(REVOKE, format!("token={token}")).by_client(&thief);
        let response = request.send(&clinic.engine);
        assert_eq!((response.status, text(&response).as_str()), (200, "{}"));
    }
    let row = events(&clinic.engine, "grant.revoke").pop().unwrap();
    assert_eq!(
        (&row["outcome"], &row["reason"], &row["client"]),
        (&json!("denied"), &json!("refresh_token_foreign"), &json!(thief.id))
    );
    let row = events(&clinic.engine, "token.revoke").pop().unwrap();
    assert_eq!((&row["outcome"], &row["reason"]), (&json!("denied"), &json!("token_foreign")));
    verify(&clinic.engine, &of_page.access).unwrap();
    given(&by_page(&id, &of_page.refresh).send(&clinic.engine));
}

#[test]
fn wire_30_a_refresh_token_is_no_active_token() {
    let clinic = clinic();
    let (client, first) = server_given(&clinic, json!({}));
    for hint in ["", "&token_type_hint=refresh_token"] {
        let body = format!("token={}{hint}", first.refresh);
        let response = Request::post(INTROSPECT, body).by_client(&client).send(&clinic.engine);
        assert_eq!((response.status, text(&response).as_str()), (200, r#"{"active":false}"#));
    }
    let body = format!("token={}&{}", first.access, in_form(&client));
    let told = json(&Request::post(INTROSPECT, body).send(&clinic.engine));
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(anna(&clinic))));
}

#[test]
fn wire_37_a_page_gets_another_refresh_token_each_time_and_a_server_keeps_its_own() {
    let clinic = clinic();
    let (id, of_page) = page_given(&clinic);
    let next = given(&by_page(&id, &of_page.refresh).send(&clinic.engine));
    assert_ne!(next.refresh, of_page.refresh);
    let (client, of_server) = server_given(&clinic, json!({}));
    for _ in 0..3 {
        clinic.pass(60);
        let same = given(&by_server(&client, &of_server.refresh).send(&clinic.engine));
        assert_eq!(same.refresh, of_server.refresh);
        assert_ne!(same.access, of_server.access);
    }
    // Switched on, it is replaced at its next use, and off again, kept.
    let rotate = |on: bool| {
        clinic.call("client.update", json!({"client_id": client.id, "rotate_refresh_tokens": on}));
    };
    rotate(true);
    let second = given(&by_server(&client, &of_server.refresh).send(&clinic.engine));
    assert_ne!(second.refresh, of_server.refresh);
    let third = given(&by_server(&client, &second.refresh).send(&clinic.engine));
    assert_ne!(third.refresh, second.refresh);
    rotate(false);
    let kept = given(&by_server(&client, &third.refresh).send(&clinic.engine));
    assert_eq!(kept.refresh, third.refresh);
    assert!(events(&clinic.engine, "grant.revoke").is_empty());
}

#[test]
fn wire_37_no_file_holds_a_refresh_token() {
    let clinic = clinic();
    let (id, first) = page_given(&clinic);
    let next = given(&by_page(&id, &first.refresh).send(&clinic.engine));
    let (client, kept) = server_given(&clinic, json!({}));
    by_server(&client, &kept.refresh).send(&clinic.engine);
    for file in std::fs::read_dir(clinic.place.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for token in [&first.refresh, &next.refresh, &kept.refresh] {
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
        }
    }
}

#[test]
fn wire_38_a_pages_retry_gets_the_same_successor_and_an_audited_access_token_of_its_own() {
    let clinic = clinic();
    let (id, first) = page_given(&clinic);
    let one = given(&by_page(&id, &first.refresh).send(&clinic.engine));
    clinic.pass(10);
    let two = given(&by_page(&id, &first.refresh).send(&clinic.engine));
    assert_eq!(one.refresh, two.refresh);
    let ids = [&one, &two].map(|given| verify(&clinic.engine, &given.access).unwrap().token_id);
    assert_ne!(ids[0], ids[1]);
    let issued = events(&clinic.engine, "token.issue");
    for id in &ids {
        assert!(issued.iter().any(|row| row["token"] == **id));
    }
    // A moment later it is a reuse.
    clinic.clock.advance_millis(1);
    assert_invalid_grant(&by_page(&id, &first.refresh).send(&clinic.engine));
    assert_invalid_grant(&by_page(&id, &one.refresh).send(&clinic.engine));
    for given in [&first, &one, &two] {
        assert_eq!(why(verify(&clinic.engine, &given.access)), Denied::GrantRevoked);
    }
    let row = events(&clinic.engine, "grant.revoke").pop().unwrap();
    assert_eq!(row["reason"], "refresh_token_reused");
}

#[test]
fn wire_39_a_server_that_keeps_its_token_has_the_same_two_lifetimes() {
    let clinic = clinic();
    let limits = json!({"refresh_token_idle_lifetime": 1000, "refresh_token_lifetime": 2500});
    clinic.call("settings.set", limits);
    let (client, idle) = server_given(&clinic, json!({}));
    let used = again(&clinic, &client);
    let refresh = |token: &str| by_server(&client, token).send(&clinic.engine);
    for _ in 0..2 {
        clinic.pass(999);
        given(&refresh(&used.refresh));
    }
    // Unused for too long; nothing has cleared it away.
    assert_invalid_grant(&refresh(&idle.refresh));
    clinic.pass(2500 - 2 * 999 - 1);
    given(&refresh(&used.refresh));
    clinic.pass(1);
    assert_invalid_grant(&refresh(&used.refresh));
    assert_eq!(last_reason(&clinic), "grant_expired");
}

#[test]
fn a_code_and_its_refresh_token_are_worth_nothing_at_each_others_grant() {
    let clinic = clinic();
    let client = server(&clinic, json!({}));
    let code = code_of(&allow(&clinic, AUTHORIZE, &query(&client.id)));
    assert_invalid_grant(&by_server(&client, &code).send(&clinic.engine));
    let first = given(&ask(redeem(&client.id, &code)).by_client(&client).send(&clinic.engine));
    let body = format!("{}&redirect_uri={BACK}", redeem(&client.id, &first.refresh));
    let twice = ask(body).by_client(&client).send(&clinic.engine);
    assert_eq!(refusal(&twice), (400, "invalid_request".into()));
    let swapped = ask(redeem(&client.id, &first.refresh)).by_client(&client);
    assert_invalid_grant(&swapped.send(&clinic.engine));
    verify(&clinic.engine, &first.access).unwrap();
}
