//! `wardkey doctor`: what it finds, and that its fixes mend it.

use crate::common::{Place, admin, issue};
use crate::{Desk, assert_fits, registered, text};
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
    desk.run("key recovery --yes").ok();
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
        ("settings set key_lifetime=null", "warn", "key_rotation", "settings set key_lifetime=90d"),
        ("settings set token_rate=null", "warn", "rate", "settings set token_rate=600/1000"),
        ("settings set failure_rate=null", "warn", "rate", "settings set failure_rate=10/60"),
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
    // The fix mends it: what was replaced ends by itself.
    desk.run("client rotate Old").ok();
    assert!(!has(&desk, "warn", "imported_secret"), "{:?}", found(&desk));
    desk.client("Lab");
    desk.run("secret add Lab --expires 10d").ok();
    assert!(has(&desk, "warn", "expiring_secret"));
    desk.run("secret add Lab").ok();
    assert!(has(&desk, "warn", "many_secrets"));
    let done = desk.run("doctor").fails(10);
    assert!(done.out.contains("fix  wardkey client rotate"));
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
    desk.run_with("issuer import", &export).ok();
    assert!(!has(&desk, "warn", "site_keys") && !has(&desk, "hint", "site_disabled"));
    desk.run("issuer disable https://other.example --yes").ok();
    assert!(has(&desk, "hint", "site_disabled"));
    desk.run("issuer enable https://other.example").ok();
    assert!(!has(&desk, "hint", "site_disabled"));
}

#[test]
fn an_old_secret_is_found_only_if_somebody_uses_it_since_its_rotation() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    desk.run("client rotate Lab").ok();
    let named = |check| has(&desk, "warn", check);
    // It ends in 14 days: that is what the rotation is for.
    assert!(!named("replaced_secret") && !named("expiring_secret"), "{:?}", found(&desk));
    let engine = desk.place.open();
    issue(&engine, &old);
    engine.close().unwrap();
    assert!(named("replaced_secret") && !named("expiring_secret"), "{:?}", found(&desk));
    let said = desk.run("doctor").fails(10).out;
    assert!(said.contains("used all the same from 192.0.2.7"), "{said}");
    desk.run(&format!("secret revoke Lab {} -y", old.credential)).ok();
    assert!(!named("replaced_secret"));
}

#[test]
fn a_replaced_secret_that_was_made_to_stay_is_found() {
    let desk = Desk::new();
    let old = registered(&desk.client("Lab"));
    desk.run("client rotate Lab").ok();
    desk.run(&format!("secret edit Lab {} --expires none", old.credential)).ok();
    assert!(has(&desk, "hint", "replaced_secret"), "{:?}", found(&desk));
    desk.run(&format!("secret revoke Lab {} -y", old.credential)).ok();
    assert!(!has(&desk, "hint", "replaced_secret"));
}

#[test]
fn a_database_that_a_lost_key_would_lose_is_found_until_it_has_a_recovery_code() {
    let desk = Desk::new();
    assert!(has(&desk, "warn", "recovery_code"));
    desk.run("key recovery --yes").ok();
    assert!(!has(&desk, "warn", "recovery_code"));
    // Whoever keeps the key has chosen how.
    let vault = Desk { place: Place::empty() };
    let key = "07".repeat(32);
    std::fs::write(vault.place.folder().join("vault"), format!("{key}\n")).unwrap();
    vault.run("init clinic.db --key-file vault").ok();
    let found = vault.run("doctor --key-file vault --json").out;
    let found: Value = serde_json::from_str(&found).unwrap();
    let level = |check: &str| {
        let mut all = found["findings"].as_array().unwrap().iter();
        all.find(|finding| finding["check"] == check).unwrap()["level"].clone()
    };
    assert_eq!(level("recovery_code"), "hint");
}

#[test]
fn a_file_near_its_limit_and_one_at_it_are_found_and_so_is_a_full_disk() {
    let desk = Desk::new();
    desk.run("settings set max_file_size=16MiB").ok();
    assert!(!has(&desk, "warn", "file_size"));
    let fill = |megabytes: u32| {
        let database = desk.place.sqlite();
        database.execute_batch("CREATE TABLE IF NOT EXISTS filler (bytes BLOB)").unwrap();
        let insert = "INSERT INTO filler VALUES (zeroblob(?1 * 1024 * 1024))";
        database.execute(insert, [megabytes]).unwrap();
        database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    };
    fill(15);
    assert!(has(&desk, "warn", "file_size"), "{:?}", found(&desk));
    fill(2);
    assert!(has(&desk, "bad", "file_size"));
    desk.run("settings set max_file_size=33554432").ok();
    assert!(!has(&desk, "bad", "file_size") && !has(&desk, "warn", "file_size"));
    // What stands in its place keeps it from being made again.
    let reserve = desk.place.beside(".reserve");
    std::fs::remove_file(&reserve).unwrap();
    std::fs::create_dir(&reserve).unwrap();
    assert!(has(&desk, "bad", "disk_full"), "{:?}", found(&desk));
}

#[test]
fn a_broken_audit_is_found() {
    let desk = Desk::new();
    desk.place.sqlite().execute("UPDATE audit SET row = replace(row, 'anna', 'bert')", []).unwrap();
    assert!(has(&desk, "bad", "audit"));
    assert_fits("");
}
