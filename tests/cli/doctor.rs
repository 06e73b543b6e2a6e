//! `wardkey doctor`: what it finds, and that its fixes mend it.

use crate::common::{Place, admin};
use crate::{Desk, assert_fits, text};
use serde_json::Value;
use std::sync::Arc;
use wardkey::{Clock, Engine, ManualClock, Settings, SystemClock};

fn found(desk: &Desk) -> Vec<(String, String)> {
    let done = desk.run("doctor --json");
    let answer: Value = serde_json::from_str(&done.out).unwrap();
    let findings = answer["findings"].as_array().unwrap().iter();
    let open = findings.filter(|finding| finding["level"] != "ok");
    open.map(|f| (text(f, "level").to_owned(), text(f, "check").to_owned())).collect()
}

fn has(desk: &Desk, level: &str, check: &str) -> bool {
    found(desk).contains(&(level.to_owned(), check.to_owned()))
}

#[test]
fn a_database_that_is_set_up_well_has_nothing_to_mend() {
    let desk = Desk::new();
    desk.run("doctor").fails(10);
    desk.run("settings set issuer=https://emr.clinic.example").ok();
    desk.run("client add Lab --scope lab:read --network 192.0.2.7").ok();
    let done = desk.run("doctor --all").ok();
    assert!(done.out.contains("0 bad, 0 warnings, 0 hints"), "{}", done.out);
}

#[test]
fn each_weakness_is_found_and_its_fix_mends_it() {
    let desk = Desk::new();
    for (make, level, check, fix) in [
        (
            "settings set danger_allow_plain_http=true",
            "bad",
            "transport",
            "settings set danger_allow_plain_http=false",
        ),
        (
            "settings set access_token_lifetime=2d",
            "warn",
            "lifetime",
            "settings set access_token_lifetime=1h",
        ),
        (
            "settings set refresh_token_lifetime=300d",
            "warn",
            "refresh_lifetime",
            "settings set refresh_token_lifetime=90d",
        ),
        (
            "settings set trusted_proxies=0.0.0.0/0",
            "bad",
            "proxies",
            "settings set trusted_proxies=10.0.0.1",
        ),
        (
            "client add App --grant-type authorization_code --auth-method public --redirect-uri https://a.example/cb --danger-allow-no-pkce",
            "bad",
            "pkce",
            "client edit App --danger-allow-no-pkce false",
        ),
        (
            "client edit App --redirect-uri com.example.app:/cb",
            "hint",
            "app_scheme",
            "client edit App --redirect-uri https://a.example/cb",
        ),
        ("client edit App --lifetime 2d", "warn", "lifetime", "client edit App --lifetime none"),
    ] {
        assert!(!has(&desk, level, check), "{check} too early");
        desk.run(make).ok();
        assert!(has(&desk, level, check), "{check}: {:?}", found(&desk));
        desk.run(fix).ok();
        assert!(!has(&desk, level, check), "{check} after its fix");
    }
}

#[test]
fn weak_secrets_are_found() {
    let desk = Desk::new();
    desk.run_with("client import old --name Old", "correct horse battery\n").ok();
    assert!(has(&desk, "warn", "imported_secret"));
    desk.client("Lab");
    desk.run("secret add Lab --expires 10d").ok();
    assert!(has(&desk, "warn", "expiring_secret"));
    desk.run("secret add Lab").ok();
    assert!(has(&desk, "warn", "many_secrets"));
    let done = desk.run("doctor").fails(10);
    assert!(done.out.contains("RFC 6749 10.10") && done.out.contains("fix  wardkey secret add"));
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    assert!(!has(&desk, "bad", "files"));
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(desk.place.beside(".key"), open).unwrap();
    assert!(has(&desk, "bad", "files"));
}

#[test]
fn old_keys_of_another_site_are_found_before_it_changes_them() {
    let (desk, other) = (Desk { place: Place::empty() }, Desk::new());
    other.run("settings set issuer=https://other.example").ok();
    let export = other.run("key export").ok().out;
    let long_ago = SystemClock.wall().plus_millis(-20 * 86_400_000);
    let clock = Arc::new(ManualClock::at(long_ago));
    Engine::create(&desk.place.options_at(&clock), &Settings::default(), &admin()).unwrap();
    let engine = desk.place.open_at(&clock);
    engine.call(&admin(), "issuer.import", export.as_bytes()).unwrap();
    drop(engine);
    assert!(has(&desk, "warn", "site_keys"));
    desk.run_with("call issuer.import", &export).ok();
    assert!(!has(&desk, "warn", "site_keys"));
}

#[test]
fn a_broken_audit_is_found() {
    let desk = Desk::new();
    desk.place.sqlite().execute("UPDATE audit SET row = replace(row, 'anna', 'bert')", []).unwrap();
    assert!(has(&desk, "bad", "audit"));
    assert_fits("");
}
