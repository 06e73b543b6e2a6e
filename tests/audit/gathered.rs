//! What gathers in memory: uses of tokens, refusals of nobody known, and when they are written.

use crate::common::{admin, bench, events, issue, register, verify};
use crate::http::{Clinic, GRANT, Request, ask, request_id};
use serde_json::{Value, json};
use std::collections::HashSet;
use wardkey::admin::{AuditExplain, ClientList};
use wardkey::{Context, Engine, Required};

#[test]
fn uses_of_a_token_are_counted_by_hour_and_peer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    clinic.call("client.update", json!({"client_id": client.id, "access_token_lifetime": 86400}));
    let token = issue(&clinic.engine, &client);
    for _ in 0..5 {
        verify(&clinic.engine, &token).unwrap();
    }
    use_from(&clinic.engine, &token, "10.0.0.1");
    clinic.pass(3600);
    for _ in 0..2 {
        verify(&clinic.engine, &token).unwrap();
    }
    let uses = events(&clinic.engine, "token.use");
    let mut counted: Vec<_> = uses
        .iter()
        .map(|row| {
            assert_eq!(row["client"], client.id);
            assert_eq!(row["credential"], client.credential);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&row["detail"]["hour"]), text(&row["peer"]), row["count"].as_u64().unwrap())
        })
        .collect();
    counted.sort();
    let (first, second) = ("2026-03-01T08:00:00.000Z", "2026-03-01T09:00:00.000Z");
    let expected = [(first, "10.0.0.1", 1), (first, "192.0.2.7", 5), (second, "192.0.2.7", 2)];
    let expected: Vec<_> =
        expected.map(|(hour, peer, n)| (hour.to_owned(), peer.to_owned(), n)).to_vec();
    assert_eq!(counted, expected);
}

#[test]
fn the_first_use_from_a_new_peer_has_a_row_of_its_own() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let seen = || {
        let rows = events(&clinic.engine, "secret.new_peer");
        let text = |row: &Value| row["peer"].as_str().unwrap().to_owned();
        rows.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(seen(), ["192.0.2.7"]);
    verify(&clinic.engine, &token).unwrap();
    assert_eq!(seen(), ["192.0.2.7"]);
    use_from(&clinic.engine, &token, "203.0.113.5");
    use_from(&clinic.engine, &token, "203.0.113.5");
    assert_eq!(seen(), ["192.0.2.7", "203.0.113.5"]);
    // IPv6 counts by /64: the second is the same place.
    use_from(&clinic.engine, &token, "2001:db8::1");
    use_from(&clinic.engine, &token, "2001:db8::2");
    assert_eq!(seen().len(), 3);
    use_from(&clinic.engine, &token, "2001:db8:0:1::1");
    assert_eq!(seen().len(), 4);
}

#[test]
fn who_used_this_secret_and_from_where_has_an_answer() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    clinic.pass(60);
    for _ in 0..3 {
        use_from(&clinic.engine, &token, "203.0.113.5");
    }
    let listed = clinic.call("client.secret.list", json!({"client_id": client.id}));
    let start = clinic.engine.now().seconds() - 60;
    let expected = json!([
        {
            "peer": "203.0.113.5/32", "first_at": start + 60, "authenticated_at": null,
            "authentications": 0, "token_used_at": start + 60, "token_uses": 3,
        },
        {
            "peer": "192.0.2.7/32", "first_at": start, "authenticated_at": start,
            "authentications": 1, "token_used_at": null, "token_uses": 0,
        },
    ]);
    assert_eq!(listed["secrets"][0]["peers"], expected);
}

#[test]
fn a_flood_of_refusals_is_one_row_with_the_last_eight_request_ids() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let ids: Vec<_> = (0..20)
        .map(|_| request_id(&ask(GRANT).basic(&client.id, "wrong").send(&clinic.engine)))
        .collect();
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["count"], &rows[0]["reason"]), (&json!(20), &json!("secret_wrong")));
    assert_eq!(rows[0]["client"], client.id);
    assert_eq!(rows[0]["peer"], "192.0.2.7/32");
    assert_eq!(rows[0]["requests"], json!(ids[12..]));
    let held = |id: &String| {
        let explain = AuditExplain { request_id: id.clone() };
        clinic.engine.run(&admin(), explain).unwrap().held
    };
    assert!(ids[12..].iter().all(held));
    assert!(!ids[..12].iter().any(held));
}

#[test]
fn refusals_are_gathered_by_reason_client_and_peer() {
    let clinic = Clinic::open();
    let (one, two) = (register(&clinic.engine), register(&clinic.engine));
    for client in [&one, &two] {
        for peer in ["192.0.2.7", "192.0.2.8"] {
            for _ in 0..2 {
                ask(GRANT).basic(&client.id, "wrong").from(peer).send(&clinic.engine);
            }
        }
    }
    verify(&clinic.engine, "x").unwrap_err();
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 5);
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 9);
}

#[test]
fn unknown_clients_share_a_bucket() {
    let clinic = Clinic::open();
    for number in 0..300 {
        ask(GRANT).basic(&format!("guess{number}"), "x").send(&clinic.engine);
    }
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["count"], &rows[0]["reason"]), (&json!(300), &json!("client_unknown")));
    assert!(rows[0].get("client").is_none());
}

#[test]
fn at_most_64_refusal_rows_an_hour_and_the_rest_in_one() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let flood = |network: u8| {
        for host in 0..100 {
            let peer = format!("10.0.{network}.{host}");
            ask(GRANT).basic(&client.id, "wrong").from(&peer).send(&clinic.engine);
        }
        clinic.engine.maintain().unwrap();
    };
    flood(1);
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 65);
    let beyond: Vec<_> = rows.iter().filter(|row| row.get("reason").is_none()).collect();
    assert_eq!(beyond.len(), 1);
    assert_eq!(beyond[0]["count"], json!(36));
    assert_eq!(beyond[0]["requests"].as_array().unwrap().len(), 8);
    // Later in the same hour nothing is itemised any more, but everything counted.
    clinic.pass(600);
    flood(2);
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.iter().filter(|row| row.get("reason").is_some()).count(), 64);
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 200);
    // The next hour begins anew.
    clinic.pass(3600);
    flood(3);
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.iter().filter(|row| row.get("reason").is_some()).count(), 128);
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 300);
}

#[test]
fn a_flood_of_tokens_loses_no_use_but_its_place() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    for host in 0..40_u8 {
        use_from(&clinic.engine, &token, &format!("10.0.0.{host}"));
    }
    let uses = events(&clinic.engine, "token.use");
    assert_eq!(uses.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 40);
    let places: HashSet<_> = uses.iter().map(|row| row["peer"].to_string()).collect();
    assert!(places.len() <= 17, "{}", places.len());
}

#[test]
fn verification_writes_nothing_until_the_next_write() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    verify(&clinic.engine, &token).unwrap();
    verify(&clinic.engine, "x").unwrap_err();
    assert_eq!(on_disk(&clinic), (0, 0));
    clinic.pass(59);
    verify(&clinic.engine, &token).unwrap();
    assert_eq!(on_disk(&clinic), (0, 0));
    issue(&clinic.engine, &client);
    assert_eq!(on_disk(&clinic), (1, 1));
}

#[test]
fn a_minute_later_the_next_caller_of_another_function_writes() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    verify(&clinic.engine, &token).unwrap();
    verify(&clinic.engine, "x").unwrap_err();
    clinic.pass(59);
    clinic.engine.run(&admin(), ClientList::default()).unwrap();
    assert_eq!(on_disk(&clinic), (0, 0));
    clinic.pass(1);
    // Not verification itself, however late.
    verify(&clinic.engine, &token).unwrap();
    assert_eq!(on_disk(&clinic), (0, 0));
    Request::get("/oauth/jwks").send(&clinic.engine);
    assert_eq!(on_disk(&clinic), (1, 1));
}

#[test]
fn maintain_and_close_write() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    verify(&clinic.engine, &token).unwrap();
    clinic.engine.maintain().unwrap();
    assert_eq!(on_disk(&clinic), (1, 0));
    verify(&clinic.engine, "x").unwrap_err();
    clinic.engine.close().unwrap();
    assert_eq!(on_disk(&clinic), (1, 1));
}

#[test]
fn dropping_an_engine_writes_too() {
    let Clinic { engine, clock, place } = Clinic::open();
    let token = issue(&engine, &register(&engine));
    verify(&engine, &token).unwrap();
    drop(engine);
    let engine = place.open_at(&clock);
    assert_eq!(events(&engine, "token.use").len(), 1);
}

#[test]
fn a_refusal_by_an_allowlist_is_gathered_under_its_client_and_secret() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let update = json!({"client_id": client.id, "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", update);
    for _ in 0..3 {
        ask(GRANT).by_client(&client).send(&clinic.engine);
    }
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["count"], &rows[0]["reason"]), (&json!(3), &json!("peer_not_allowed")));
    // A leaked secret that is tried from outside is named: its owner wants to know.
    assert_eq!(rows[0]["credential"], client.credential);
}

/// The story: a public client gives its id and proves nothing, and each refusal after that wrote a row to
/// the audit and synced it. Whoever knew the id filled the disk.
#[test]
fn a_thousand_refusals_of_a_public_client_are_a_few_rows() {
    let clinic = Clinic::open();
    let page = json!({
        "client_name": "Page", "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"], "scope": "lab:read",
    });
    let page = clinic.call("client.create", page)["client_id"].as_str().unwrap().to_owned();
    let rows = || -> u32 {
        let sqlite = clinic.place.sqlite();
        sqlite.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap()
    };
    let before = rows();
    for number in 0..250 {
        for wanted in [
            format!("{GRANT}&scope=no:such{number}"),
            format!("grant_type=authorization_code&code={number}"),
            format!("grant_type=refresh_token&refresh_token={number}"),
            format!("grant_type=urn:{number}"),
        ] {
            let response = ask(format!("{wanted}&client_id={page}")).send(&clinic.engine);
            assert_eq!(response.status, 400);
        }
    }
    assert_eq!(rows(), before);
    let told = events(&clinic.engine, "request.refuse");
    // A row for each reason.
    assert!(told.len() <= 4, "{told:?}");
    assert!(told.iter().all(|row| row["client"] == page));
    assert_eq!(told.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 1000);
    assert!(events(&clinic.engine, "token.deny").is_empty());
}

fn use_from(engine: &Engine, token: &str, peer: &str) {
    let context = Context { peer: Some(peer.parse().unwrap()), ..bench() };
    engine.verify(token.as_bytes(), Required::ANY, &context).unwrap();
}

/// Rows of uses and of refusals on disk, read past the library.
fn on_disk(clinic: &Clinic) -> (u32, u32) {
    let sqlite = clinic.place.sqlite();
    let count = |event: &str| {
        let sql = "SELECT count(*) FROM audit WHERE row ->> '$.event' = ?";
        sqlite.query_row(sql, [event], |row| row.get(0)).unwrap()
    };
    (count("token.use"), count("request.refuse"))
}
