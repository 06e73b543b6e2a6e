//! Settings, as people write and read them.

use crate::{Desk, assert_fits};
use serde_json::json;

#[test]
fn rates_sizes_and_lengths_of_time_are_written_and_read_with_their_units() {
    let desk = Desk::new();
    let set = "settings set token_rate=300/50 verify_rate=6000/100 max_file_size=2GiB \
               max_request_body=32KiB key_lifetime=60d key_publish_ahead=7d audit_retention=7y --json";
    let after = desk.run(set).json();
    assert_eq!(after["token_rate"], json!({"per_minute": 300, "burst": 50}));
    assert_eq!(after["max_file_size"], 2_147_483_648_u64);
    assert_eq!(after["max_request_body"], 32_768);
    assert_eq!(
        (&after["key_lifetime"], &after["key_publish_ahead"]),
        (&json!(5_184_000), &json!(604_800))
    );
    assert_eq!(after["audit_retention"], 7 * 366 * 86_400);
    let shown = desk.run("settings get").ok().out;
    for said in ["300 a minute, 50 at once", "2147483648 (2.00 GiB)", "5184000 (60 d)"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert_fits(&shown);
}

#[test]
fn a_limit_that_is_taken_away_is_said_to_be_none() {
    let desk = Desk::new();
    desk.run("settings set token_rate=null key_lifetime=null").ok();
    let after = desk.run("settings get --json").json();
    assert!(after["token_rate"].is_null() && after["key_lifetime"].is_null());
    let shown = desk.run("settings get").ok().out;
    let line = |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("token_rate").ends_with("null (no limit)"), "{shown}");
    assert!(line("max_file_size").ends_with("null (no limit)"), "{shown}");
    // What was taken away is given again.
    desk.run("settings set token_rate=600/1000 key_lifetime=90d").ok();
}

#[test]
fn a_measure_that_is_written_wrong_says_how_it_is_written() {
    let desk = Desk::new();
    for (wrong, said) in [
        ("token_rate=600", "token_rate must be PER_MINUTE/AT_ONCE"),
        ("max_file_size=much", "max_file_size must be a size such as 500MB"),
        ("key_lifetime=long", "key_lifetime must be a length of time"),
    ] {
        let failed = desk.run(&format!("settings set {wrong}")).fails(2);
        assert!(failed.err.contains(said), "{}", failed.err);
    }
}
