//! The shared library exports the functions of the header and nothing else: no SQLite, no allocator.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]
#![cfg(target_os = "linux")]

use object::{Object as _, ObjectSymbol as _};
use std::path::{Path, PathBuf};

#[test]
fn the_exported_names_are_the_golden_ones_and_those_of_the_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("tests/golden/exports.txt");
    let bytes = std::fs::read(library()).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let mut names: Vec<&str> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .map(|symbol| symbol.name().unwrap())
        .collect();
    names.sort_unstable();
    let exported = names.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &exported).unwrap();
    }
    assert_eq!(exported, std::fs::read_to_string(&golden).unwrap());
    let header = std::fs::read_to_string(root.join("include/wardkey.h")).unwrap();
    for name in names {
        assert!(header.contains(&format!("WARDKEY_CALL {name}(")), "{name} is not in the header");
    }
}

/// Where cargo put the shared library that belongs to this test: beside the `deps` folder.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let inside = folder.join("libwardkey.so");
    if inside.exists() { inside } else { folder.parent().unwrap().join("libwardkey.so") }
}
