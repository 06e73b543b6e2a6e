//! docs/conformance.md has a row for every rule and every dialect, and names tests that exist.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::PathBuf;

#[test]
fn every_rule_and_every_dialect_has_its_row_and_each_row_its_tests() {
    let rows = rows();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let rules: Vec<String> = (1..=41).map(|number| number.to_string()).collect();
    let dialects = wardkey::Dialect::ALL.map(wardkey::Dialect::as_str);
    let rules = rules.iter().map(String::as_str);
    let expected: Vec<&str> = rules.chain(["all"]).chain(dialects).chain(["any"]).collect();
    assert_eq!(names, expected);
    for (name, tests) in &rows {
        assert!(!tests.is_empty(), "row {name} names no test");
    }
}

#[test]
fn every_test_that_a_row_names_exists() {
    let missing: Vec<String> = rows()
        .into_iter()
        .flat_map(|(row, tests)| tests.into_iter().map(move |test| (row.clone(), test)))
        .filter(|(_, test)| !exists(test))
        .map(|(row, test)| format!("row {row}: {test}"))
        .collect();
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
}

/// The rows of all tables: their names, and the tests in their last cells.
fn rows() -> Vec<(String, Vec<String>)> {
    let page = read("docs/conformance.md").unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| |");
    page.lines().filter(is_row).map(row).collect()
}

fn row(line: &str) -> (String, Vec<String>) {
    // No cell has a bar of its own.
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    assert_eq!(cells.len(), 4, "{line}");
    let tests = cells.last().unwrap().split("<br>").filter_map(|test| {
        let named = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
        assert!(named.is_some() || test.starts_with("*Not yet:*"), "{test}");
        named.map(str::to_owned)
    });
    let tests = tests.collect();
    (cells.first().unwrap().to_string(), tests)
}

/// Whether the file has the test, as a test and not as a helper or in a comment.
fn exists(test: &str) -> bool {
    let (file, name) = test.split_once("::").unwrap();
    let path = if file.starts_with("src/") { file.to_owned() } else { format!("tests/{file}") };
    let Some(text) = read(&path) else {
        return false;
    };
    match path.rsplit_once('.').unwrap().1 {
        "rs" => text.split("#[test]").skip(1).any(|rest| first_function(rest) == Some(name)),
        "py" => text.contains(&format!("    def {name}(")),
        "mjs" => text.contains(&format!("test('{name}',")),
        _ => false,
    }
}

/// The name of the first function of a text.
fn first_function(text: &str) -> Option<&str> {
    text.split("fn ").nth(1)?.split('(').next()
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}
