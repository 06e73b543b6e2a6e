//! One gate for every path: whatever the client's state, the caller's address and the words asked for,
//! all paths say what a small model says that was written down here without looking.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod common;
#[path = "common/wire.rs"]
mod http;

use common::{Registered, issue, register_as, unlimited, verify, why};
use http::{
    Clinic, GRANT, INTROSPECT, REVOKE, Request, TOKEN, ask, in_form, json, refusal, text, visible,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use wardkey::admin::ClientCreate;
use wardkey::{Context, Denied, Error, HttpResponse, Required, Secret};

/// What a client's registration is.
#[derive(Debug, Clone)]
struct State {
    enabled: bool,
    public: bool,
    has_grant: bool,
    /// Which of [`WORDS`] it may have.
    scope: u8,
    networks: Vec<&'static str>,
    token_format: &'static str,
}

/// A call, and from where.
#[derive(Debug, Clone)]
struct Call {
    peer: Option<&'static str>,
    /// Which of [`WORDS`] are asked for or required; 0 for none.
    words: u8,
}

/// What must come of a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Token,
    InvalidClient,
    UnauthorizedClient,
    InvalidScope,
}

/// The model: who may have a token.
fn verdict(state: &State, call: &Call) -> Verdict {
    if state.public || !admitted(state, call) {
        Verdict::InvalidClient
    } else if !state.has_grant {
        Verdict::UnauthorizedClient
    } else if call.words & !state.scope != 0 {
        Verdict::InvalidScope
    } else {
        Verdict::Token
    }
}

/// The model: who may use a token that has `granted`.
fn may_use(state: &State, call: &Call, granted: u8) -> bool {
    admitted(state, call)
        && state.has_grant
        && !state.public
        && call.words & !(state.scope & granted) == 0
}

/// The model: whose token is active, whoever asks and from wherever.
fn is_active(state: &State) -> bool {
    state.enabled && state.has_grant && !state.public
}

/// The model: who may come at all.
fn admitted(state: &State, call: &Call) -> bool {
    let inside = |network: &&str| match (*network, call.peer) {
        (_, None) => false,
        ("192.0.2.0/24", Some(peer)) => peer.contains("192.0.2."),
        ("2001:db8::/32", Some(peer)) => peer.starts_with("2001:db8:"),
        (other, Some(_)) => panic!("{other}"),
    };
    state.enabled && (state.networks.is_empty() || state.networks.iter().any(inside))
}

#[test]
fn every_path_decides_as_the_model_does() {
    let clinic = Clinic::open();
    unlimited(&clinic.engine);
    let server = resource_server(&clinic);
    let refusals = RefCell::new(HashMap::new());
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(states(), calls()), |(state, call)| {
        let (client, token) = client_in(&clinic, &state);
        check_issue(&clinic, &client, &state, &call, &refusals);
        check_use(&clinic, &token, &state, &call);
        check_callers(&clinic, &server, &client, &token, &state, &call);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn an_unknown_peer_and_an_allowlist_mean_no_on_every_path() {
    let clinic = Clinic::open();
    unlimited(&clinic.engine);
    let state = State {
        enabled: true,
        public: false,
        has_grant: true,
        scope: ALL,
        networks: vec!["192.0.2.0/24"],
        token_format: "jwt",
    };
    let call = Call { peer: None, words: 1 };
    assert_eq!(verdict(&state, &call), Verdict::InvalidClient);
    let (client, token) = client_in(&clinic, &state);
    check_issue(&clinic, &client, &state, &call, &RefCell::default());
    check_use(&clinic, &token, &state, &call);
    check_callers(&clinic, &resource_server(&clinic), &client, &token, &state, &call);
    let context = Context { peer: None, secure: true, ..Context::default() };
    let used = clinic.engine.verify(token.as_bytes(), Required::ANY, &context);
    assert_eq!(why(used), Denied::PeerUnknown);
}

/// A client that got a token when it still might, brought into `state`.
fn client_in(clinic: &Clinic, state: &State) -> (Registered, String) {
    let request = ClientCreate {
        client_name: Some("Any".into()),
        scope: Some(words(GRANTED)),
        token_format: Some(Some(state.token_format.into())),
        ..ClientCreate::default()
    };
    let client = register_as(&clinic.engine, request);
    let token = issue(&clinic.engine, &client);
    verify(&clinic.engine, &token).unwrap();
    let has_grant = state.has_grant && !state.public;
    let mut update = json!({
        "client_id": client.id,
        "scope": words(state.scope),
        "grant_types": [if has_grant { "client_credentials" } else { "authorization_code" }],
        "allowed_networks": state.networks,
    });
    if state.public {
        update["token_endpoint_auth_method"] = json!("none");
    }
    clinic.call("client.update", update);
    if !state.enabled {
        clinic.call("client.disable", json!({"client_id": client.id}));
    }
    (client, token)
}

/// Issuing: by Basic and by form on the standard route and in each dialect, and by the host itself.
fn check_issue(
    clinic: &Clinic,
    client: &Registered,
    state: &State,
    call: &Call,
    refusals: &RefCell<HashMap<&'static str, Visible>>,
) {
    let expected = verdict(state, call);
    let scope = if call.words == 0 { String::new() } else { words(call.words) };
    let body = format!("{GRANT}&scope={}", scope.replace(' ', "+"));
    for path in [TOKEN, "/api/v1/auth/token", "/api/identity/connect/token", "/oauth2/token"] {
        let by_basic = Request::post(path, body.clone()).by_client(client);
        let by_form = Request::post(path, format!("{body}&{}", in_form(client)));
        for request in [by_basic, by_form] {
            let response = placed(request, call).send(&clinic.engine);
            assert_eq!(outcome(&response), expected, "{path} {}", text(&response));
            if expected == Verdict::InvalidClient {
                let mut refusals = refusals.borrow_mut();
                let first = refusals.entry("token").or_insert_with(|| visible(&response));
                assert_eq!(*first, visible(&response));
            }
        }
    }
    let secret = Secret::copy_of(client.secret.as_bytes());
    let asked = (call.words != 0).then_some(scope.as_str());
    match clinic.engine.issue(&client.id, secret, asked, &context(call)) {
        Ok(token) => {
            assert_eq!(expected, Verdict::Token);
            let granted = if call.words == 0 { words(state.scope) } else { scope };
            assert_eq!(token.scope.as_str(), granted);
        }
        Err(Error::Denied { .. }) => assert_ne!(expected, Verdict::Token),
        Err(error) => panic!("{error}"),
    }
}

/// Using: `verify`, and `authorize` with its statuses.
fn check_use(clinic: &Clinic, token: &str, state: &State, call: &Call) {
    let text = words(call.words);
    let required = if call.words == 0 { Required::ANY } else { Required::all_of(&text).unwrap() };
    let allowed = may_use(state, call, GRANTED);
    let verified = clinic.engine.verify(token.as_bytes(), required, &context(call));
    match &verified {
        Ok(principal) => {
            assert!(allowed);
            assert_eq!(principal.scope.as_str(), words(GRANTED & state.scope));
        }
        Err(Error::Denied { .. }) => assert!(!allowed),
        Err(error) => panic!("{error}"),
    }
    let value = format!("Bearer {token}");
    let headers = [("Authorization", value.as_bytes())];
    match clinic.engine.authorize(&headers, required, &context(call)).unwrap() {
        Ok(principal) => assert_eq!(principal, verified.unwrap()),
        Err(challenge) => {
            assert_eq!(challenge.why, why(verified));
            let forbidden = matches!(
                challenge.why,
                Denied::PeerNotAllowed | Denied::PeerUnknown | Denied::InsufficientScope { .. }
            );
            assert_eq!(challenge.status, if forbidden { 403 } else { 401 });
        }
    }
}

/// The callers of introspection and revocation. The last of them ends the token.
fn check_callers(
    clinic: &Clinic,
    server: &Registered,
    client: &Registered,
    token: &str,
    state: &State,
    call: &Call,
) {
    check_introspection(clinic, server, token, state);
    let body = format!("token={token}");
    let with_secret = |path| placed(Request::post(path, body.clone()).by_client(client), call);
    let by_id = |path| placed(Request::post(path, format!("{body}&client_id={}", client.id)), call);
    let proven = admitted(state, call) && !state.public;
    let response = with_secret(INTROSPECT).send(&clinic.engine);
    assert_eq!(response.status, if proven { 200 } else { 401 });
    if proven {
        check_answer(&json(&response), state);
    }
    assert_eq!(by_id(INTROSPECT).send(&clinic.engine).status, 401);
    let known = admitted(state, call) && state.public;
    assert_eq!(by_id(REVOKE).send(&clinic.engine).status, if known { 200 } else { 401 });
    let response = with_secret(REVOKE).send(&clinic.engine);
    assert_eq!(response.status, if proven { 200 } else { 401 });
    let introspected = clinic.call("token.introspect", json!({"token": token}));
    assert_eq!(introspected["active"], !proven && !known && is_active(state), "{introspected}");
}

/// What a resource server is told, which sits where no client's allowlist has it; and an operator.
///
/// The story: introspection knew of the enable switch and of no other check of the gate. A token whose
/// grant was taken from its client was active there, with all the words it ever had.
fn check_introspection(clinic: &Clinic, server: &Registered, token: &str, state: &State) {
    let request = Request::post(INTROSPECT, format!("token={token}")).by_client(server);
    for response in [
        request.clone().from("203.0.113.80").send(&clinic.engine),
        request.nowhere().send(&clinic.engine),
    ] {
        assert_eq!(response.status, 200);
        check_answer(&json(&response), state);
    }
    let told = clinic.call("token.introspect", json!({"token": token}));
    if is_active(state) {
        check_answer(&told, state);
    } else {
        let reason = if state.enabled { "grant_not_allowed" } else { "client_disabled" };
        assert_eq!((&told["active"], &told["reason"]), (&json!(false), &json!(reason)));
    }
    // What introspection says of a token is what verification says of it at a place where it may be.
    let home = match state.networks.first() {
        Some(network) if network.contains(':') => "2001:db8::7",
        Some(_) | None => "192.0.2.7",
    };
    let home = Call { peer: Some(home), words: 0 };
    let used = clinic.engine.verify(token.as_bytes(), Required::ANY, &context(&home));
    assert_eq!(used.is_ok(), is_active(state));
}

/// An introspection's answer, to whoever may see the token.
fn check_answer(answer: &Value, state: &State) {
    if is_active(state) {
        assert_eq!(answer["active"], true);
        assert_eq!(answer["scope"], words(GRANTED & state.scope));
    } else {
        assert_eq!(*answer, json!({"active": false}));
    }
}

fn resource_server(clinic: &Clinic) -> Registered {
    let request = ClientCreate {
        client_name: Some("Imaging server".into()),
        resource_server: Some(true),
        ..ClientCreate::default()
    };
    register_as(&clinic.engine, request)
}

#[test]
fn a_wrong_address_is_found_out_before_anything_else_is_said() {
    let clinic = Clinic::open();
    unlimited(&clinic.engine);
    let state = State {
        enabled: true,
        public: false,
        has_grant: false,
        scope: 0,
        networks: vec!["192.0.2.0/24"],
        token_format: "jwt",
    };
    let (client, _) = client_in(&clinic, &state);
    let mut answers = Vec::new();
    for body in [
        GRANT.to_owned(),
        "grant_type=password".to_owned(),
        format!("{GRANT}&scope=++"),
        format!("{GRANT}&scope=no:such"),
    ] {
        let request = ask(body).by_client(&client).from("198.51.100.1");
        answers.push(visible(&request.send(&clinic.engine)));
    }
    let wrong = ask(GRANT).basic(&client.id, "wrong").from("198.51.100.1");
    answers.push(visible(&wrong.send(&clinic.engine)));
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

fn states() -> impl Strategy<Value = State> {
    let networks = prop_oneof![
        Just(vec![]),
        Just(vec!["192.0.2.0/24"]),
        Just(vec!["2001:db8::/32"]),
        Just(vec!["2001:db8::/32", "192.0.2.0/24"]),
    ];
    let formats = prop_oneof![Just("jwt"), Just("opaque"), Just("opaque_hex")];
    let often = prop::bool::weighted(0.8);
    (often, prop::bool::weighted(0.1), often, 0..=ALL, networks, formats).prop_map(
        |(enabled, public, has_grant, scope, networks, token_format)| {
            // A public client cannot have client_credentials (RFC 6749 4.4).
            let has_grant = has_grant && !public;
            State { enabled, public, has_grant, scope, networks, token_format }
        },
    )
}

fn calls() -> impl Strategy<Value = Call> {
    let peers = prop_oneof![
        Just(None),
        Just(Some("192.0.2.7")),
        Just(Some("::ffff:192.0.2.9")),
        Just(Some("2001:db8:1::1")),
        Just(Some("198.51.100.1")),
        Just(Some("::ffff:198.51.100.1")),
        Just(Some("2001:4860::1")),
    ];
    (peers, 0..=ALL).prop_map(|(peer, words)| Call { peer, words })
}

fn context(call: &Call) -> Context<'static> {
    let peer = call.peer.map(|peer| peer.parse::<IpAddr>().unwrap());
    Context { peer, secure: true, ..Context::default() }
}

fn placed<'a>(request: Request<'a>, call: &Call) -> Request<'a> {
    request.within(context(call))
}

fn outcome(response: &HttpResponse) -> Verdict {
    if response.status == 200 {
        return Verdict::Token;
    }
    let (status, error) = refusal(response);
    match (status, error.as_str()) {
        (401, "invalid_client") => Verdict::InvalidClient,
        (400, "unauthorized_client") => Verdict::UnauthorizedClient,
        (400, "invalid_scope") => Verdict::InvalidScope,
        other => panic!("{other:?}"),
    }
}

/// The words of a mask, in order.
fn words(mask: u8) -> String {
    let chosen = WORDS.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
    chosen.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

type Visible = (u16, Vec<(&'static str, String)>, Vec<u8>);

const WORDS: [&str; 3] = ["lab:read", "lab:write", "billing:read"];
const ALL: u8 = 7;
/// What the token had when it was issued: the first two words.
const GRANTED: u8 = 3;
