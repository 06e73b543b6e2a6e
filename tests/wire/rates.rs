//! Lines 18 and 28: limits of rate, at every endpoint and where tokens are used.

use crate::browser::{
    AUTHORIZE, allow, anna, clinic as with_pages, code_of, page, query, redeem, server,
};
use crate::common::{Registered, admin, bench, events, issue, register, try_issue, verify, why};
use crate::http::{
    Clinic, GRANT, INTROSPECT, REVOKE, Request, ask, in_form, json, refusal, request_id, text,
    visible,
};
use serde_json::{Value, json};
use wardkey::{Context, Denied, HttpResponse, Required};

const ELSEWHERE: &str = "198.51.100.1";

/// One a minute.
fn one() -> Value {
    json!({"per_minute": 1, "burst": 1})
}

/// Demands a 429 that says when to come back.
#[track_caller]
fn assert_too_fast(response: &HttpResponse, retry_after: &str) {
    assert_eq!((response.status, response.header("retry-after")), (429, Some(retry_after)));
}

fn set(clinic: &Clinic, settings: Value) {
    clinic.call("settings.set", settings);
}

fn wrong(client: &Registered) -> Request<'static> {
    let wrong = Registered { secret: "wrong".into(), ..client.clone() };
    ask(format!("{GRANT}&{}", in_form(&wrong)))
}

fn stranger(n: usize) -> Request<'static> {
    ask(format!("{GRANT}&client_id=stranger-{n}&client_secret=wrong"))
}

fn right(client: &Registered) -> Request<'static> {
    ask(format!("{GRANT}&{}", in_form(client)))
}

#[test]
fn wire_18_a_client_that_asks_for_tokens_too_often_is_told_when_to_come_back() {
    let clinic = Clinic::open();
    let (lab, other) = (register(&clinic.engine), register(&clinic.engine));
    set(&clinic, json!({"token_rate": {"per_minute": 6, "burst": 3}}));
    for _ in 0..3 {
        assert_eq!(right(&lab).send(&clinic.engine).status, 200);
    }
    let refused = right(&lab).send(&clinic.engine);
    assert_eq!(refusal(&refused), (429, "slow_down".into()));
    assert_too_fast(&refused, "10");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    // By the typed call too, and by every dialect.
    assert_eq!(why(try_issue(&clinic.engine, &lab)), Denied::RateLimited { retry_after: 10 });
    for path in ["/api/v1/auth/token", "/oauth2/token", "/o/token/"] {
        let request = Request::post(path, format!("{GRANT}&{}", in_form(&lab)));
        assert_too_fast(&request.send(&clinic.engine), "10");
    }
    let niko = Request::post("/api/identity/connect/token", GRANT).by_client(&lab);
    assert_too_fast(&niko.send(&clinic.engine), "10");
    issue(&clinic.engine, &other);
    clinic.pass(9);
    assert_too_fast(&right(&lab).send(&clinic.engine), "1");
    clinic.pass(1);
    assert_eq!(right(&lab).send(&clinic.engine).status, 200);
    assert_too_fast(&right(&lab).send(&clinic.engine), "10");
}

#[test]
fn what_is_refused_for_its_rate_is_gathered_and_writes_no_row_of_its_own() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    set(&clinic, json!({"token_rate": one()}));
    issue(&clinic.engine, &lab);
    let refused: Vec<_> = (0..20).map(|_| right(&lab).send(&clinic.engine)).collect();
    assert_eq!(events(&clinic.engine, "token.deny").len(), 0);
    let rows = events(&clinic.engine, "request.refuse");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["reason"], &rows[0]["count"]), (&json!("rate_limited"), &json!(20)));
    assert_eq!(
        (&rows[0]["client"], &rows[0]["credential"]),
        (&json!(lab.id), &json!(lab.credential))
    );
    assert!(rows[0]["requests"].to_string().contains(&request_id(&refused[19])));
}

#[test]
fn a_client_has_the_rates_that_it_is_registered_for() {
    let clinic = Clinic::open();
    let (lab, busy) = (register(&clinic.engine), register(&clinic.engine));
    set(&clinic, json!({"token_rate": one(), "verify_rate": one()}));
    let many = json!({"per_minute": 60_000_000, "burst": 1_000_000});
    let update = json!({"client_id": busy.id, "token_rate": many, "verify_rate": many});
    let updated = clinic.call("client.update", update);
    assert_eq!((&updated["token_rate"], &updated["verify_rate"]), (&many, &many));
    let tokens = [issue(&clinic.engine, &lab), issue(&clinic.engine, &busy)];
    for _ in 0..5 {
        issue(&clinic.engine, &busy);
        verify(&clinic.engine, &tokens[1]).unwrap();
    }
    verify(&clinic.engine, &tokens[0]).unwrap();
    assert!(matches!(why(verify(&clinic.engine, &tokens[0])), Denied::RateLimited { .. }));
    assert!(matches!(why(try_issue(&clinic.engine, &lab)), Denied::RateLimited { .. }));
    // A change of the registration gives nobody a new budget.
    clinic.call("client.update", json!({"client_id": lab.id, "description": "changed"}));
    assert!(matches!(why(try_issue(&clinic.engine, &lab)), Denied::RateLimited { .. }));
    let null = json!({"client_id": busy.id, "token_rate": null});
    assert_eq!(clinic.call("client.update", null)["token_rate"], Value::Null);
    assert!(matches!(why(try_issue(&clinic.engine, &busy)), Denied::RateLimited { .. }));
    set(&clinic, json!({"token_rate": null, "verify_rate": null}));
    for _ in 0..5 {
        issue(&clinic.engine, &lab);
        verify(&clinic.engine, &tokens[0]).unwrap();
    }
}

#[test]
fn wire_28_a_token_that_is_used_too_often_is_a_429_and_has_a_budget_of_its_own() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    let token = issue(&clinic.engine, &lab);
    set(&clinic, json!({"verify_rate": {"per_minute": 2, "burst": 2}}));
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_bytes())];
    let authorize =
        |scope| clinic.engine.authorize(&headers, Required::all_of(scope).unwrap(), &bench());
    for _ in 0..2 {
        authorize("lab:read").unwrap().unwrap();
        // What is refused anyway spends nothing.
        assert_eq!(authorize("billing:read").unwrap().unwrap_err().status, 403);
    }
    let refused = authorize("lab:read").unwrap().unwrap_err();
    assert_eq!((refused.status, refused.retry_after), (429, Some(30)));
    assert_eq!(
        (refused.www_authenticate.as_str(), &refused.why),
        ("", &Denied::RateLimited { retry_after: 30 })
    );
    // Another token is the same client's, and asking for tokens is another budget.
    let second = issue(&clinic.engine, &lab);
    assert!(matches!(why(verify(&clinic.engine, &second)), Denied::RateLimited { .. }));
    clinic.pass(30);
    authorize("lab:read").unwrap().unwrap();
    assert_eq!(authorize("lab:read").unwrap().unwrap_err().retry_after, Some(30));
    assert_eq!(authorize("billing:read").unwrap().unwrap_err().retry_after, None);
}

#[test]
fn wire_18_introspection_counts_as_verification_by_the_caller() {
    let clinic = Clinic::open();
    let (lab, other) = (register(&clinic.engine), register(&clinic.engine));
    let token = issue(&clinic.engine, &lab);
    set(&clinic, json!({"verify_rate": one()}));
    let introspect = |client: &Registered| {
        Request::post(INTROSPECT, format!("token={token}")).by_client(client).send(&clinic.engine)
    };
    assert_eq!(introspect(&other).status, 200);
    assert_too_fast(&introspect(&other), "60");
    // Not that of the token's client, and not the one for tokens.
    verify(&clinic.engine, &token).unwrap();
    issue(&clinic.engine, &other);
}

#[test]
fn wire_18_revocation_has_a_budget_of_its_own() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    let tokens = [issue(&clinic.engine, &lab), issue(&clinic.engine, &lab)];
    set(&clinic, json!({"revocation_rate": one(), "token_rate": one()}));
    // By when what was spent under the looser limit is forgotten.
    clinic.pass(1);
    issue(&clinic.engine, &lab);
    let revoke = |token: &str| {
        Request::post(REVOKE, format!("token={token}")).by_client(&lab).send(&clinic.engine)
    };
    assert_eq!(revoke(&tokens[0]).status, 200);
    assert_too_fast(&revoke(&tokens[1]), "60");
    verify(&clinic.engine, &tokens[1]).unwrap();
    // Whoever administers has no limit.
    clinic.call("token.revoke", json!({"token": tokens[1]}));
    assert_eq!(why(verify(&clinic.engine, &tokens[1])), Denied::TokenRevoked);
}

#[test]
fn wire_18_codes_and_refresh_tokens_are_token_requests_too() {
    let clinic = with_pages();
    anna(&clinic);
    let client = server(&clinic, json!({}));
    let codes = [(); 2].map(|()| code_of(&allow(&clinic, AUTHORIZE, &query(&client.id))));
    set(&clinic, json!({"token_rate": {"per_minute": 1, "burst": 2}}));
    let exchange = |code: &str| ask(redeem(&client.id, code)).by_client(&client);
    let given = exchange(&codes[0]).send(&clinic.engine);
    let refresh_token = json(&given)["refresh_token"].as_str().unwrap().to_owned();
    let refresh = ask(format!("grant_type=refresh_token&refresh_token={refresh_token}"));
    let refresh = refresh.by_client(&client);
    assert_eq!(refresh.send(&clinic.engine).status, 200);
    assert_too_fast(&refresh.send(&clinic.engine), "60");
    assert_too_fast(&exchange(&codes[1]).send(&clinic.engine), "60");
    // Neither the code nor the refresh token was spent.
    set(&clinic, json!({"token_rate": null}));
    assert_eq!(exchange(&codes[1]).send(&clinic.engine).status, 200);
    assert_eq!(refresh.send(&clinic.engine).status, 200);
}

#[test]
fn nobody_spends_a_public_clients_budget_by_its_name() {
    let clinic = with_pages();
    anna(&clinic);
    let id = page(&clinic, json!({}));
    let codes = [(); 2].map(|()| code_of(&allow(&clinic, AUTHORIZE, &query(&id))));
    set(&clinic, json!({"token_rate": {"per_minute": 1, "burst": 2}, "revocation_rate": one()}));
    for _ in 0..10 {
        assert_eq!(ask(redeem(&id, "nonsense")).send(&clinic.engine).status, 400);
        let refresh = format!("grant_type=refresh_token&refresh_token=nonsense&client_id={id}");
        assert_eq!(ask(refresh).send(&clinic.engine).status, 400);
        let revoke = Request::post(REVOKE, format!("token=nonsense&client_id={id}"));
        assert_eq!(revoke.send(&clinic.engine).status, 200);
    }
    let given = ask(redeem(&id, &codes[0])).send(&clinic.engine);
    assert_eq!(given.status, 200, "{}", text(&given));
    let given = json(&given);
    let (access, refresh_token) = (&given["access_token"], &given["refresh_token"]);
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}&client_id={id}",
        refresh_token.as_str().unwrap()
    );
    let refreshed = ask(refresh).send(&clinic.engine);
    assert_eq!(refreshed.status, 200);
    assert_too_fast(&ask(redeem(&id, &codes[1])).send(&clinic.engine), "60");
    let revoke = |token: &Value| {
        let body = format!("token={}&client_id={id}", token.as_str().unwrap());
        Request::post(REVOKE, body).send(&clinic.engine)
    };
    assert_eq!(revoke(access).status, 200);
    assert_too_fast(&revoke(&json(&refreshed)["access_token"]), "60");
    assert_too_fast(&revoke(&json(&refreshed)["refresh_token"]), "60");
}

#[test]
fn biots_users_share_the_budget_of_its_client_and_wrong_passwords_spend_none() {
    let clinic = Clinic::open();
    let password = "a long enough password";
    let anna = json!({"username": "anna", "password": password, "scope": "lab:read"});
    clinic.call("user.create", anna);
    set(&clinic, json!({"token_rate": {"per_minute": 1, "burst": 2}}));
    let post = |path, body: Value| {
        Request::post(path, body.to_string()).content_type("application/json").send(&clinic.engine)
    };
    let login =
        |password| post("/ums/v2/users/login", json!({"username": "anna", "password": password}));
    for _ in 0..3 {
        assert_eq!(login("wrong password").status, 401);
    }
    let given = json(&login(password));
    let token = given["refreshJwt"]["token"].as_str().unwrap();
    let refresh = |token| post("/ums/v2/users/token/refresh", json!({"refreshToken": token}));
    let refreshed = refresh(token);
    assert_eq!(refreshed.status, 200);
    let next = json(&refreshed)["refreshJwt"]["token"].as_str().unwrap().to_owned();
    assert_too_fast(&refresh(&next), "60");
    assert_too_fast(&login(password), "60");
    clinic.pass(60);
    assert_eq!(refresh(&next).status, 200);
}

#[test]
fn a_budget_is_spent_only_by_who_proves_to_be_the_client_where_it_may_be() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    set(&clinic, json!({"token_rate": {"per_minute": 1, "burst": 3}}));
    let networks = json!({"client_id": lab.id, "allowed_networks": ["192.0.2.0/24"]});
    clinic.call("client.update", networks);
    for _ in 0..10 {
        assert_eq!(wrong(&lab).send(&clinic.engine).status, 401);
        // A secret that leaked.
        assert_eq!(right(&lab).from(ELSEWHERE).send(&clinic.engine).status, 401);
    }
    for _ in 0..3 {
        issue(&clinic.engine, &lab);
    }
    assert_too_fast(&right(&lab).send(&clinic.engine), "60");
    // Requests that say nothing sensible count: each of them writes a row.
    clinic.pass(60);
    let nonsense = ask(format!("grant_type=nonsense&{}", in_form(&lab)));
    assert_eq!(nonsense.send(&clinic.engine).status, 400);
    assert_too_fast(&nonsense.send(&clinic.engine), "60");
}

#[test]
fn one_broken_client_behind_a_shared_address_starves_nobody_else() {
    let clinic = Clinic::open();
    let [broken, at_work, new, imported] = [(); 4].map(|()| register(&clinic.engine));
    let document = json!({"client_id": imported.id, "client_secret": "correct horse"});
    clinic.call("client.secret.import", document);
    let rate = |burst| json!({"per_minute": 1, "burst": burst});
    set(&clinic, json!({"failure_rate": rate(5), "peer_failure_rate": rate(8)}));
    issue(&clinic.engine, &at_work);
    let told = |request: &dyn Fn() -> Request<'static>, times| {
        (0..times).filter(|_| request().send(&clinic.engine).status == 401).count()
    };
    assert_eq!(told(&|| wrong(&broken), 1000), 5, "its own limit");
    assert_too_fast(&wrong(&broken).send(&clinic.engine), "60");
    assert_eq!(told(&|| wrong(&new), 1), 1, "another has what the address has left");
    assert_eq!(told(&|| stranger(0), 10), 2, "and then the address has none");
    // A right secret always passes: also the first time, and one that is hashed.
    for client in [&broken, &at_work, &new] {
        assert_eq!(right(client).send(&clinic.engine).status, 200);
    }
    let hashed = Registered { secret: "correct+horse".into(), ..imported };
    assert_eq!(right(&hashed).send(&clinic.engine).status, 200);
    // Who has succeeded from there goes on being told that a secret is wrong.
    assert_eq!(told(&|| wrong(&at_work), 20), 5);
    assert_eq!(told(&|| stranger(1), 20), 0);
    assert_eq!(stranger(1).from(ELSEWHERE).send(&clinic.engine).status, 401, "elsewhere");
    clinic.pass(60);
    assert_eq!(told(&|| wrong(&broken), 20), 1);
    assert_eq!(told(&|| stranger(1), 20), 1);
}

#[test]
fn wire_15_a_limit_of_failures_does_not_tell_which_clients_exist_nor_which_secret_is_right() {
    let clinic = Clinic::open();
    let rate = json!({"per_minute": 1, "burst": 5});
    set(&clinic, json!({"failure_rate": rate, "peer_failure_rate": null}));
    let [known, leaked, disabled, page] = [(); 4].map(|()| register(&clinic.engine));
    let networks = json!({"client_id": leaked.id, "allowed_networks": ["10.0.0.0/8"]});
    clinic.call("client.update", networks);
    clinic.call("client.disable", json!({"client_id": disabled.id}));
    let requests = [stranger(0), wrong(&known), right(&leaked), right(&disabled), wrong(&page)];
    for attempt in 0..8 {
        let mut answers = requests.iter().map(|request| request.send(&clinic.engine));
        let expected = visible(&answers.next().unwrap());
        for answer in answers {
            assert_eq!(visible(&answer), expected, "attempt {attempt}");
            assert_eq!(answer.status, if attempt < 5 { 401 } else { 429 });
        }
    }
}

#[test]
fn the_endpoints_share_the_limits_of_failures() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    set(&clinic, json!({"failure_rate": {"per_minute": 1, "burst": 2}}));
    let body = format!("token=x&client_id={}&client_secret=wrong", lab.id);
    for path in [INTROSPECT, REVOKE] {
        assert_eq!(Request::post(path, body.clone()).send(&clinic.engine).status, 401);
    }
    for path in [INTROSPECT, REVOKE] {
        assert_too_fast(&Request::post(path, body.clone()).send(&clinic.engine), "60");
    }
    assert_too_fast(&wrong(&lab).send(&clinic.engine), "60");
    assert!(matches!(
        why(try_issue(&clinic.engine, &Registered { secret: "wrong".into(), ..lab })),
        Denied::RateLimited { .. }
    ));
    let rows = events(&clinic.engine, "request.refuse");
    let reasons: Vec<_> = rows.iter().map(|row| (&row["reason"], &row["count"])).collect();
    assert!(reasons.contains(&(&json!("secret_wrong"), &json!(2))), "{reasons:?}");
    assert!(reasons.contains(&(&json!("rate_limited"), &json!(4))), "{reasons:?}");
}

#[test]
fn a_host_that_gives_no_addresses_has_no_limit_by_address() {
    let clinic = Clinic::open();
    let rate = json!({"per_minute": 1, "burst": 2});
    set(&clinic, json!({"failure_rate": rate, "peer_failure_rate": rate}));
    for n in 0..20 {
        assert_eq!(stranger(n).nowhere().send(&clinic.engine).status, 401);
    }
}

#[test]
fn the_wall_clock_gives_no_budget_and_a_restart_does() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    set(&clinic, json!({"token_rate": one()}));
    issue(&clinic.engine, &lab);
    let later = clinic.engine.now().seconds() + 3600;
    clinic.clock.set_wall(wardkey::UnixTime::from_seconds(later));
    assert_eq!(why(try_issue(&clinic.engine, &lab)), Denied::RateLimited { retry_after: 60 });
    // Each engine counts for itself.
    let second = clinic.place.open_at(&clinic.clock);
    issue(&second, &lab);
    assert!(matches!(why(try_issue(&second, &lab)), Denied::RateLimited { .. }));
    let Clinic { engine, clock, place } = clinic;
    drop(engine);
    issue(&place.open_at(&clock), &lab);
}

#[test]
fn eight_threads_that_issue_and_verify_never_exceed_the_clients_budgets() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    let token = issue(&clinic.engine, &lab);
    let rate = json!({"per_minute": 1, "burst": 50});
    set(&clinic, json!({"token_rate": rate, "verify_rate": rate}));
    let engine = &clinic.engine;
    let work = || {
        let issued = (0..20).filter(|_| try_issue(engine, &lab).is_ok()).count();
        let used = (0..20).filter(|_| verify(engine, &token).is_ok()).count();
        (issued, used)
    };
    let done: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let issued: usize = done.iter().map(|(issued, _)| issued).sum();
    let used: usize = done.iter().map(|(_, used)| used).sum();
    // One was issued before, under another limit, and is not forgotten yet.
    assert_eq!(issued, 49);
    assert_eq!(used, 50);
}

#[test]
fn a_rate_out_of_its_range_is_refused_with_its_path() {
    let clinic = Clinic::open();
    let lab = register(&clinic.engine);
    let context: Context<'_> = admin();
    let path_of = |operation: &str, document: Value| {
        let refused = clinic.engine.call(&context, operation, document.to_string().as_bytes());
        match refused {
            Err(wardkey::Error::InvalidDocument { path, .. }) => path,
            other => panic!("{other:?}"),
        }
    };
    for member in
        ["token_rate", "verify_rate", "revocation_rate", "failure_rate", "peer_failure_rate"]
    {
        for (rate, at) in [
            (json!({"per_minute": 0, "burst": 1}), ".per_minute"),
            (json!({"per_minute": 60_000_001, "burst": 1}), ".per_minute"),
            (json!({"per_minute": 1, "burst": 0}), ".burst"),
            (json!({"per_minute": 1, "burst": 1_000_001}), ".burst"),
            (json!({"per_minute": 1}), ".burst"),
            (json!({"per_minute": 1, "burst": 1, "day": 1}), ".day"),
            (json!({"per_minute": -1, "burst": 1}), ".per_minute"),
            (json!([1, 1]), ""),
            (json!(7), ""),
        ] {
            let path = format!("{member}{at}");
            assert_eq!(path_of("settings.set", json!({member: rate})), path, "{rate}");
            if ["token_rate", "verify_rate"].contains(&member) {
                let document = json!({"client_id": lab.id, member: rate});
                assert_eq!(path_of("client.update", document), path, "{rate}");
            }
        }
    }
}
