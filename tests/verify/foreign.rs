//! Other sites' tokens: what one site may say, and everything that it may not.

use crate::common::{
    Registered, admin, assert_chain_whole, bench, error_of, events, issue, register, revoke,
    verify, why,
};
use crate::forge::{EDDSA, ES256, RS256, part, sign};
use crate::http::{Clinic, INTROSPECT, REVOKE, Request, json as body_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wardkey::{Clock, Context, Denied, Engine, Error, PrincipalKind, Required, Settings, UnixTime};

/// Two sites of one group: `home`, which trusts `away`, and a client of `away`.
struct Group {
    home: Clinic,
    away: Clinic,
    client: Registered,
    /// What the client is called at home.
    local: String,
}

impl Group {
    fn open() -> Self {
        let (home, away) = (site("https://home.example"), site("https://away.example"));
        away.call("key.import", json!({"algorithm": "ES256", "key": ES256}));
        let client = register(&away.engine);
        home.call("issuer.import", export(&away));
        let local = add(&home, "https://away.example", &client.id);
        let group = Self { home, away, client, local };
        group.pass(61);
        group
    }

    fn pass(&self, seconds: i64) {
        self.home.pass(seconds);
        self.away.pass(seconds);
    }

    fn token(&self) -> String {
        issue(&self.away.engine, &self.client)
    }

    /// A real token with other claims, signed with the other site's key.
    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let token = self.token();
        let mut claims = part(&token, 1);
        change(&mut claims);
        let header = token.split('.').next().unwrap();
        sign("ES256", header, &encode(&claims))
    }

    #[track_caller]
    fn why(&self, token: &str) -> Denied {
        why(verify(&self.home.engine, token))
    }
}

#[test]
fn another_sites_token_is_verified_offline_as_that_of_the_client_it_has_here() {
    let group = Group::open();
    let token = group.token();
    // The second time from memory.
    for _ in 0..2 {
        let principal = verify(&group.home.engine, &token).unwrap();
        assert_eq!(principal.client_id, group.local);
        assert_eq!(principal.subject, group.local);
        assert_eq!(principal.kind, PrincipalKind::Client);
        assert!(principal.token_id.starts_with(group.site().as_str()));
        assert_eq!(principal.scope.as_str(), "lab:read", "what both sites allow");
    }
    let read = group.home.call("client.read", json!({"client_id": group.local}));
    assert_eq!(read["issuer"], "https://away.example");
    assert_eq!(read["foreign_client_id"], group.client.id);
    let told = group.home.call("token.introspect", json!({"token": token}));
    assert_eq!(
        (&told["iss"], &told["client_id"]),
        (&json!("https://away.example"), &json!(group.local))
    );
    group.home.engine.maintain().unwrap();
    let uses = events(&group.home.engine, "token.use");
    assert_eq!(uses[0]["client"], group.local);
    assert!(events(&group.home.engine, "secret.new_peer").is_empty());
    assert_chain_whole(&group.home.engine);
    // And not the other way round: trust has a direction.
    let own = issue(&group.home.engine, &register(&group.home.engine));
    assert_eq!(why(verify(&group.away.engine, &own)), Denied::KeyUnknown);
}

#[test]
fn the_same_gate_stands_before_it() {
    let group = Group::open();
    let token = group.token();
    let engine = &group.home.engine;
    let required = Required::all_of("lab:write").unwrap();
    let missing = Denied::InsufficientScope { missing: "lab:write".to_owned() };
    assert_eq!(why(engine.verify(token.as_bytes(), required, &bench())), missing);
    group.home.call(
        "client.update",
        json!({"client_id": group.local, "allowed_networks": ["10.0.0.0/8"]}),
    );
    assert_eq!(group.why(&token), Denied::PeerNotAllowed);
    let within = Context { peer: Some([10, 0, 0, 1].into()), ..bench() };
    engine.verify(token.as_bytes(), Required::ANY, &within).unwrap();
    group.home.call("client.disable", json!({"client_id": group.local}));
    assert_eq!(group.why(&token), Denied::ClientDisabled);
}

#[test]
fn what_is_ended_here_is_refused_at_once_in_every_process() {
    let group = Group::open();
    let other = group.home.place.open_at(&group.home.clock);
    let refused = |token: &str, expected: Denied| {
        assert_eq!(group.why(token), expected);
        assert_eq!(why(verify(&other, token)), expected);
    };
    let allowed = || {
        let token = group.token();
        verify(&group.home.engine, &token).unwrap();
        verify(&other, &token).unwrap();
        token
    };
    let token = allowed();
    revoke(&group.home.engine, &token).unwrap();
    refused(&token, Denied::TokenRevoked);
    let token = allowed();
    group.home.call("token.revoke", json!({"jti": part(&token, 1)["jti"]}));
    refused(&token, Denied::TokenRevoked);
    let token = allowed();
    group.home.call("client.revoke", json!({"client_id": group.local}));
    refused(&token, Denied::ClientTokensRevoked);
    // That site's clock may be a minute ahead.
    group.pass(60);
    refused(&group.token(), Denied::ClientTokensRevoked);
    group.pass(1);
    let token = allowed();
    group.home.call("issuer.disable", json!({"issuer": "https://away.example"}));
    refused(&token, Denied::IssuerDisabled);
    // Nobody knows what it revoked meanwhile.
    group.home.call("issuer.enable", json!({"issuer": "https://away.example"}));
    refused(&token, Denied::IssuerDisabled);
    // Its clock may be a minute ahead.
    group.pass(60);
    refused(&group.token(), Denied::IssuerDisabled);
    group.pass(1);
    let token = allowed();
    group.home.call("client.delete", json!({"client_id": group.local}));
    refused(&token, Denied::ClientUnknown);
    let again = add(&group.home, "https://away.example", &group.client.id);
    refused(&token, Denied::ClientTokensRevoked);
    group.pass(61);
    assert_eq!(verify(&other, &allowed()).unwrap().client_id, again);
    let token = allowed();
    group.home.call("issuer.delete", json!({"issuer": "https://away.example"}));
    refused(&token, Denied::KeyUnknown);
    group.home.call("issuer.import", export(&group.away));
    refused(&token, Denied::IssuerDisabled);
}

#[test]
fn a_revocation_of_one_foreign_token_is_kept_until_that_token_has_ended() {
    let group = Group::open();
    let claims =
        |claims: &mut Value| claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 30 * DAY);
    let (by_text, by_id) = (group.with_claims(claims), group.with_claims(claims));
    revoke(&group.home.engine, &by_text).unwrap();
    group.home.call("token.revoke", json!({"jti": part(&by_id, 1)["jti"]}));
    let other = issue(&group.home.engine, &register(&group.home.engine));
    for _ in 0..29 {
        group.pass(DAY);
        revoke(&group.home.engine, &other).unwrap();
        assert_eq!(group.why(&by_text), Denied::TokenRevoked);
        assert_eq!(group.why(&by_id), Denied::TokenRevoked);
    }
    let unknown = json!({"jti": format!("AAAAAAAAAAA.{}", "A".repeat(22))}).to_string();
    let error = group.home.engine.call(&admin(), "token.revoke", unknown.as_bytes());
    assert!(matches!(error_of(error), Error::InvalidDocument { .. }));
}

#[test]
fn a_site_speaks_for_nobody_but_its_own_clients() {
    let group = Group::open();
    let home_client = register(&group.home.engine);
    let not_added = register(&group.away.engine);
    let third = site("https://third.example");
    third.call("key.import", json!({"algorithm": "EdDSA", "key": EDDSA}));
    let third_client = register(&third.engine);
    group.home.call("issuer.import", export(&third));
    add(&group.home, "https://third.example", &third_client.id);
    group.pass(61);
    let home_site = group.home.call("key.export", json!({}))["site"].clone();
    let third_site = third.call("key.export", json!({}))["site"].clone();
    let named = |id: &str| {
        let id = id.to_owned();
        group.with_claims(move |claims| {
            claims["client_id"] = json!(id);
            claims["sub"] = json!(id);
        })
    };
    // Our own client, the id that its client has here, one that nobody added, another site's.
    for id in [&home_client.id, &group.local, &not_added.id, &third_client.id] {
        assert_eq!(group.why(&named(id)), Denied::ClientUnknown, "{id}");
    }
    for iss in ["https://home.example", "https://third.example", "https://nobody.example", ""] {
        let token = group.with_claims(|claims| claims["iss"] = json!(iss));
        assert_eq!(group.why(&token), Denied::WrongIssuer, "{iss}");
    }
    for site in [&home_site, &third_site, &json!("AAAAAAAAAAA")] {
        let token = group.with_claims(|claims| claims["wk"]["s"] = site.clone());
        assert_eq!(group.why(&token), Denied::BadClaim { claim: "wk" });
        let jti = format!("{}.{}", site.as_str().unwrap(), "A".repeat(22));
        let token = group.with_claims(|claims| claims["jti"] = json!(jti));
        assert_eq!(group.why(&token), Denied::BadClaim { claim: "jti" });
        assert!(revoke(&group.home.engine, &token).is_err(), "nor can it end others' tokens");
    }
    // All of it at once: a token of ours, but for the key.
    let own = issue(&group.home.engine, &home_client);
    let header = group.token();
    let forged = sign("ES256", header.split('.').next().unwrap(), own.split('.').nth(1).unwrap());
    assert_eq!(group.why(&forged), Denied::WrongIssuer);
    let own_header = own.split('.').next().unwrap();
    let forged = sign("ES256", own_header, own.split('.').nth(1).unwrap());
    assert_eq!(group.why(&forged), Denied::BadSignature);
}

#[test]
fn a_key_verifies_under_its_own_name_and_algorithm_alone() {
    let group = Group::open();
    let third = site("https://third.example");
    let kids: Vec<_> = [("EdDSA", EDDSA), ("RS256", RS256)]
        .map(|(algorithm, key)| {
            let key = third.call("key.import", json!({"algorithm": algorithm, "key": key}));
            (algorithm, key["kid"].clone())
        })
        .to_vec();
    group.home.call("issuer.import", export(&third));
    group.pass(61);
    let (token, claims) = (group.token(), encode(&part(&group.token(), 1)));
    let kid = part(&token, 0)["kid"].clone();
    let signed = |signer: &str, header: Value| sign(signer, &encode(&header), &claims);
    // The third site's keys say nothing about the client of the second, under no name.
    for (algorithm, other) in &kids {
        let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": other});
        assert_eq!(group.why(&signed(algorithm, header)), Denied::WrongIssuer);
        let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": kid});
        assert_eq!(group.why(&signed(algorithm, header)), Denied::AlgorithmMismatch);
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        assert_eq!(group.why(&signed(algorithm, header)), Denied::BadSignature);
        let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": other});
        assert_eq!(group.why(&signed("ES256", header)), Denied::BadSignature);
    }
    for alg in ["none", "HS256", "RS256", ""] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid});
        assert_eq!(group.why(&signed("ES256", header)), Denied::AlgorithmMismatch);
    }
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
    assert_eq!(group.why(&signed("ES256", header)), Denied::WrongType);
    let header =
        json!({"alg": "ES256", "typ": "at+jwt", "kid": kid, "jku": "https://away.example"});
    assert_eq!(group.why(&signed("ES256", header)), Denied::TokenHeaderForbidden { member: "jku" });
    let unknown = format!("{}.{}", group.site(), "A".repeat(43));
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": unknown});
    assert_eq!(group.why(&signed("ES256", header)), Denied::KeyUnknown);
    verify(
        &group.home.engine,
        &signed("ES256", json!({"kid": kid, "typ": "at+jwt", "alg": "ES256"})),
    )
    .unwrap();
}

#[test]
fn times_audiences_and_users_of_another_site_have_bounds() {
    let group = Group::open();
    let now = group.home.engine.now().seconds();
    let at = |iat: i64, exp: i64| {
        group.with_claims(|claims| {
            claims["iat"] = json!(iat);
            claims["exp"] = json!(exp);
        })
    };
    verify(&group.home.engine, &at(now + 60, now + 600)).unwrap();
    let code = |token: &str| group.why(token).code();
    assert_eq!(code(&at(now + 61, now + 600)), "token_from_future");
    assert_eq!(code(&at(now, now)), "token_expired");
    verify(&group.home.engine, &at(now, now + 30 * DAY)).unwrap();
    assert_eq!(group.why(&at(now, now + 30 * DAY + 1)), Denied::BadClaim { claim: "exp" });
    // Of before it was trusted.
    assert_eq!(group.why(&at(now - 1, now + 600)), Denied::IssuerDisabled);
    let audience = group.with_claims(|claims| claims["aud"] = json!("https://away.example"));
    assert_eq!(group.why(&audience), Denied::WrongAudience);
    let user = group.with_claims(|claims| {
        claims["sub"] = json!(format!("usr_{}", "A".repeat(22)));
        claims["wk"]["g"] = json!("A".repeat(22));
        claims["wk"]["n"] = json!([1, 1]);
    });
    assert_eq!(group.why(&user), Denied::GrantNotAllowed);
    let disguised = group.with_claims(|claims| claims["sub"] = json!("usr_x"));
    assert_eq!(group.why(&disguised), Denied::BadClaim { claim: "sub" });
    let own_grant = group.with_claims(|claims| claims["wk"]["g"] = json!("A".repeat(22)));
    assert_eq!(group.why(&own_grant), Denied::BadClaim { claim: "sub" });
}

#[test]
fn keys_that_are_not_public_or_not_that_sites_are_not_imported() {
    let group = Group::open();
    let good = export(&group.away);
    let bad = |change: &dyn Fn(&mut Value), path: &str| {
        let mut document = good.clone();
        change(&mut document);
        let answer =
            group.home.engine.call(&admin(), "issuer.import", document.to_string().as_bytes());
        match answer {
            Err(Error::InvalidDocument { path: found, why }) => {
                assert!(found.starts_with(path), "{found}: {why}");
            }
            other => panic!("{document}: {other:?}"),
        }
    };
    let home = export(&group.home);
    let first = "jwks.keys[0]";
    bad(&|d| d["jwks"]["keys"][0]["d"] = json!("AAAA"), first);
    bad(&|d| d["jwks"]["keys"][0] = json!({"kty": "oct", "k": "AAAA"}), first);
    bad(&|d| d["jwks"]["keys"][0] = json!({"kty": "oct", "kid": "x"}), first);
    bad(&|d| d["jwks"]["keys"][0]["use"] = json!("enc"), first);
    bad(&|d| d["jwks"]["keys"][0]["alg"] = json!("RS256"), first);
    bad(&|d| d["jwks"]["keys"][0]["kid"] = Value::Null, first);
    // Under the id of a key of ours, or of another key.
    let own = issue(&group.home.engine, &register(&group.home.engine));
    bad(&|d| d["jwks"]["keys"][0]["kid"] = part(&own, 0)["kid"].clone(), first);
    bad(
        &|d| d["jwks"]["keys"][0]["kid"] = json!(format!("{}.{}", group.site(), "A".repeat(43))),
        first,
    );
    bad(&|d| d["jwks"]["keys"] = json!([]), "jwks.keys");
    bad(&|d| d["jwks"]["keys"] = json!(vec![d["jwks"]["keys"][0].clone(); 2]), "jwks.keys[1].kid");
    bad(&|d| d["jwks"]["keys"] = json!(vec![d["jwks"]["keys"][0].clone(); 65]), "jwks.keys");
    bad(&|d| d["issuer"] = json!("https://home.example"), "issuer");
    bad(&|d| d["issuer"] = json!("http://away.example"), "issuer");
    bad(&|d| d["site"] = home["site"].clone(), "site");
    bad(&|d| d["site"] = json!("short"), "site");
    bad(&|d| d["audience"] = json!("x"), "audience");
    let conflict = |document: Value| {
        let answer =
            group.home.engine.call(&admin(), "issuer.import", document.to_string().as_bytes());
        assert!(matches!(error_of(answer), Error::Conflict { what: "issuer", .. }));
    };
    // One name for one site, for good.
    let third = export(&site("https://third.example"));
    conflict(
        json!({"issuer": "https://third.example", "site": good["site"], "jwks": good["jwks"]}),
    );
    let third = json!({"issuer": good["issuer"], "site": third["site"], "jwks": third["jwks"]});
    conflict(third);
    let own = json!({"issuer": "https://away.example"}).to_string();
    let error = error_of(group.home.engine.call(&admin(), "settings.set", own.as_bytes()));
    assert!(matches!(error, Error::InvalidDocument { .. }), "{error}");
    verify(&group.home.engine, &group.token()).unwrap();
}

#[test]
fn a_client_of_another_site_can_do_nothing_here_but_use_its_tokens() {
    let group = Group::open();
    let engine = &group.home.engine;
    let call = |operation: &str, document: Value| {
        engine.call(&admin(), operation, document.to_string().as_bytes())
    };
    let id = &group.local;
    for (operation, document) in [
        ("client.secret.create", json!({"client_id": id})),
        ("client.secret.import", json!({"client_id": id, "client_secret": "a good passphrase"})),
        ("client.update", json!({"client_id": id, "token_endpoint_auth_method": "none"})),
        ("client.update", json!({"client_id": id, "grant_types": ["authorization_code"]})),
        ("client.update", json!({"client_id": id, "grant_types": []})),
        ("client.update", json!({"client_id": id, "redirect_uris": ["https://x.example/"]})),
        ("client.update", json!({"client_id": id, "resource_server": true})),
        ("client.update", json!({"client_id": id, "issuer": "https://home.example"})),
        (
            "issuer.client.add",
            json!({"issuer": "https://away.example", "client_id": "x", "client_name": "X",
                   "token_endpoint_auth_method": "none"}),
        ),
    ] {
        let error = error_of(call(operation, document.clone()));
        assert!(matches!(error, Error::InvalidDocument { .. }), "{document}: {error}");
    }
    let again =
        json!({"issuer": "https://away.example", "client_id": group.client.id, "client_name": "X"});
    assert!(matches!(error_of(call("issuer.client.add", again)), Error::Conflict { .. }));
    let nobody = json!({"issuer": "https://nobody.example", "client_id": "x", "client_name": "X"});
    assert!(matches!(error_of(call("issuer.client.add", nobody)), Error::NotFound { .. }));
    // Its secret of there is none here, under neither name.
    for name in [id, &group.client.id] {
        let client = Registered { id: name.clone(), ..group.client.clone() };
        why(crate::common::try_issue(engine, &client));
    }
}

#[test]
fn a_client_of_the_same_name_at_both_sites_is_two_clients() {
    let group = Group::open();
    let token = group.token();
    let secret = "of our own client, not theirs";
    let import = json!({"client_id": group.client.id, "client_secret": secret, "client_name": "Lab",
                        "scope": "lab:read lab:write"});
    group.home.call("client.import", import);
    group.pass(1);
    assert_eq!(verify(&group.home.engine, &token).unwrap().client_id, group.local);
    let own = Registered { secret: secret.to_owned(), ..group.client.clone() };
    // It neither sees nor ends what is the other one's.
    let ask = |path: &'static str| {
        let request = Request::post(path, format!("token={token}"));
        request.by_client(&own).send(&group.home.engine)
    };
    assert_eq!(body_of(&ask(INTROSPECT)), json!({"active": false}));
    assert_eq!(ask(REVOKE).status, 200);
    verify(&group.home.engine, &token).unwrap();
    let issued = issue(&group.home.engine, &own);
    assert_eq!(verify(&group.home.engine, &issued).unwrap().client_id, group.client.id);
    group.home.call("client.revoke", json!({"client_id": group.client.id}));
    verify(&group.home.engine, &token).unwrap();
}

#[test]
fn the_rate_of_a_client_of_another_site_is_limited_here() {
    let group = Group::open();
    let token = group.token();
    let one = json!({"per_minute": 1, "burst": 2});
    group.home.call("client.update", json!({"client_id": group.local, "verify_rate": one}));
    for _ in 0..2 {
        verify(&group.home.engine, &token).unwrap();
    }
    assert!(matches!(group.why(&token), Denied::RateLimited { .. }));
    // It is the client that is limited, not the token.
    assert!(matches!(group.why(&group.token()), Denied::RateLimited { .. }));
    group.pass(60);
    verify(&group.home.engine, &group.token()).unwrap();
}

#[test]
fn where_time_was_set_back_a_site_that_is_enabled_or_imported_anew_is_believed_again() {
    let of = json!({"issuer": "https://away.example"});
    for imported_anew in [false, true] {
        let (home, away) = (site("https://home.example"), site("https://away.example"));
        let client = register(&away.engine);
        let right = home.clock.wall();
        set_time(&home, right.plus_millis(100 * DAY * 1000));
        home.call("issuer.import", export(&away));
        let local = add(&home, "https://away.example", &client.id);
        set_time(&home, right);
        let early = issue(&away.engine, &client);
        assert_eq!(why(verify(&home.engine, &early)), Denied::IssuerDisabled);
        if imported_anew {
            home.call("issuer.delete", of.clone());
            home.call("issuer.import", export(&away));
        } else {
            home.call("issuer.enable", of.clone());
        }
        assert_eq!(why(verify(&home.engine, &early)), Denied::IssuerDisabled, "of before");
        home.pass(61);
        away.pass(61);
        // Whoever was added in the time that was taken back waits for it, or is added anew.
        let token = issue(&away.engine, &client);
        assert_eq!(why(verify(&home.engine, &token)), Denied::ClientTokensRevoked);
        home.call("client.delete", json!({"client_id": local}));
        add(&home, "https://away.example", &client.id);
        home.pass(61);
        away.pass(61);
        verify(&home.engine, &issue(&away.engine, &client)).unwrap();
        assert_chain_whole(&home.engine);
    }
}

fn set_time(site: &Clinic, time: UnixTime) {
    site.clock.set_wall(time);
    site.call("clock.accept", json!({"time": time.seconds()}));
}

#[test]
fn what_was_revoked_of_another_site_stays_revoked_where_time_is_set_back_and_comes_round_again() {
    for twice in [false, true] {
        set_back_after(|group, token| revoke(&group.home.engine, token).unwrap(), |_| {});
        let revoke_client = |group: &Group| {
            group.home.call("client.revoke", json!({"client_id": group.local}));
        };
        // Once more, when time was set back, takes nothing away from the first.
        let again = |group: &Group| {
            if twice {
                revoke_client(group)
            }
        };
        set_back_after(|group, _| revoke_client(group), again);
    }
}

/// Somebody takes summer time for winter time, and accepts the clock.
fn set_back_after(end: impl FnOnce(&Group, &str), then: impl FnOnce(&Group)) {
    let group = Group::open();
    let token = group.token();
    verify(&group.home.engine, &token).unwrap();
    end(&group, &token);
    assert!(verify(&group.home.engine, &token).is_err());
    set_time(&group.home, group.home.clock.wall().plus_millis(-1_800_000));
    group.home.call("issuer.enable", json!({"issuer": "https://away.example"}));
    then(&group);
    assert_chain_whole(&group.home.engine);
    let findings = group.home.call("database.check", json!({}))["findings"].clone();
    assert_eq!(findings, json!([]));
    group.pass(1801);
    assert!(verify(&group.home.engine, &token).is_err(), "it is alive again");
}

#[test]
fn revoking_all_of_a_client_outlives_the_site_being_disabled_and_deleted() {
    let group = Group::open();
    // The other site's clock is ahead of ours.
    group.away.pass(30);
    let token = group.token();
    verify(&group.home.engine, &token).unwrap();
    group.home.call("client.revoke", json!({"client_id": group.local}));
    assert_eq!(group.why(&token), Denied::ClientTokensRevoked);
    let since = || -> i64 {
        let sql = "SELECT foreign_since FROM client WHERE foreign_since IS NOT NULL";
        group.home.place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let revoked = since();
    let of = json!({"issuer": "https://away.example"});
    group.home.call("issuer.disable", of.clone());
    group.home.call("issuer.enable", of.clone());
    assert_eq!((group.why(&token), since()), (Denied::IssuerDisabled, revoked));
    group.home.call("issuer.delete", of);
    group.home.call("issuer.import", export(&group.away));
    assert_eq!((group.why(&token), since()), (Denied::IssuerDisabled, revoked));
}

#[test]
fn every_change_to_another_site_is_named_and_an_old_row_of_it_is_found() {
    let group = Group::open();
    let of = json!({"issuer": "https://away.example"});
    let home = &group.home;
    let old = |column: &str| -> Vec<u8> {
        let sql = format!("SELECT {column} FROM issuer");
        home.place.sqlite().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let (mac, epoch) = (old("mac"), old("epoch"));
    home.call("issuer.disable", of.clone());
    assert_chain_whole(&home.engine);
    let put_back =
        "UPDATE issuer SET enabled = 1, version = 1, mac = ?, epoch = ?, updated_at = created_at";
    home.place.sqlite().execute(put_back, (&mac, &epoch)).unwrap();
    let checked = home.call("database.check", json!({}));
    assert_eq!(checked["findings"][0]["table"], "issuer", "{checked}");
    home.call("issuer.delete", of);
    assert_chain_whole(&home.engine);
}

#[test]
fn the_next_import_brings_the_keys_that_the_site_has_rotated_to() {
    let group = Group::open();
    group.pass(77 * DAY);
    group.away.engine.maintain().unwrap();
    // The one that is published ahead comes with the export.
    let imported = group.home.call("issuer.import", export(&group.away));
    assert_eq!(imported["jwks"]["keys"].as_array().unwrap().len(), 2);
    group.pass(14 * DAY);
    let token = group.token();
    assert_ne!(part(&token, 0)["kid"], imported["jwks"]["keys"][0]["kid"]);
    verify(&group.home.engine, &token).unwrap();
    group.away.call("key.rotate", json!({}));
    let token = group.token();
    assert_eq!(group.why(&token), Denied::KeyUnknown);
    group.home.call("issuer.disable", json!({"issuer": "https://away.example"}));
    let again = group.home.call("issuer.import", export(&group.away));
    assert_eq!(again["enabled"], false, "an import enables nobody whom somebody disabled");
    assert_eq!(group.why(&token), Denied::IssuerDisabled);
    group.home.call("issuer.enable", json!({"issuer": "https://away.example"}));
    group.pass(61);
    verify(&group.home.engine, &group.token()).unwrap();
}

#[test]
fn after_a_restore_no_other_site_is_believed_until_somebody_enables_it() {
    let group = Group::open();
    let token = group.token();
    let Group { home, away, client, .. } = group;
    let Clinic { engine, clock, place } = home;
    drop(engine);
    let engine = Engine::restore(&place.options_at(&clock), &admin()).unwrap();
    assert_eq!(why(verify(&engine, &token)), Denied::IssuerDisabled);
    let home = Clinic { engine, clock, place };
    assert_eq!(home.call("issuer.list", json!({}))["issuers"][0]["enabled"], false);
    home.call("issuer.import", export(&away));
    assert_eq!(why(verify(&home.engine, &token)), Denied::IssuerDisabled);
    home.pass(1);
    away.pass(1);
    home.call("issuer.enable", json!({"issuer": "https://away.example"}));
    assert_eq!(why(verify(&home.engine, &token)), Denied::IssuerDisabled, "of before");
    home.pass(61);
    away.pass(61);
    verify(&home.engine, &issue(&away.engine, &client)).unwrap();
    let read = home.call("issuer.read", json!({"issuer": "https://away.example"}));
    assert_eq!(read["enabled"], true);
}

impl Group {
    fn site(&self) -> String {
        export(&self.away)["site"].as_str().unwrap().to_owned()
    }
}

/// A site of the group, whose tokens are for all of it.
fn site(issuer: &str) -> Clinic {
    let site = Clinic::with(Settings {
        issuer: issuer.to_owned(),
        audience: Some("https://group.example".to_owned()),
        ..Settings::default()
    });
    site.call("key.rotate", json!({}));
    site
}

fn export(site: &Clinic) -> Value {
    site.call("key.export", json!({}))
}

fn add(home: &Clinic, issuer: &str, client_id: &str) -> String {
    let added = home.call(
        "issuer.client.add",
        json!({"issuer": issuer, "client_id": client_id, "client_name": "Imaging of the other site",
               "scope": "lab:read"}),
    );
    added["client_id"].as_str().unwrap().to_owned()
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

const DAY: i64 = 86_400;
