//! docs/operations.md describes every operation, and no other.

use std::collections::BTreeSet;
use wardkey::Engine;

#[test]
fn every_operation_is_described_and_nothing_else() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let page = std::fs::read_to_string(path).unwrap();
    let described: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .filter(|name| name.contains('.'))
        .collect();
    assert_eq!(described, Engine::operations().collect());
}
