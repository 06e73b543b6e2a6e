//! What the header's structs look like in memory, to a C compiler of 64 bits and of 32.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]
#![cfg(unix)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

#[test]
fn c_of_64_bits_lays_the_structs_out_as_ever() {
    compile("layout-64.txt", "-g0");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn c_of_32_bits_lays_the_structs_out_as_ever() {
    compile("layout-32.txt", "-m32");
}

/// A program that holds only if every size and offset is as the golden file has it.
fn compile(golden: &str, width: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = std::fs::read_to_string(root.join("tests/golden").join(golden)).unwrap();
    let mut program = "#include \"wardkey.h\"\n".to_owned();
    for line in golden.lines() {
        let (what, number) = line.split_once(' ').unwrap();
        let actual = match what.split_once('.') {
            Some((name, member)) => format!("offsetof({name}, {member})"),
            None => format!("sizeof({what})"),
        };
        writeln!(program, "_Static_assert({actual} == {number}, \"{what}\");").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("layout.c");
    std::fs::write(&source, program).unwrap();
    // Freestanding: the compiler's own headers will do, so no 32-bit C library is needed.
    let compiled = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
        .args(["-std=c11", "-ffreestanding", "-fsyntax-only", "-Wall", "-Werror", width, "-I"])
        .arg(root.join("include"))
        .arg(&source)
        .status()
        .unwrap();
    assert!(compiled.success());
}
