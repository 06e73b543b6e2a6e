//! The README's C program compiles as printed and does what it says. Its Rust program is a doc test.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[cfg(unix)]
fn the_c_program_of_the_readme_registers_a_client() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let program = readme.split("```c\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("main.c");
    std::fs::write(&source, program).unwrap();
    let library = library_folder();
    let binary = folder.path().join("main");
    let compiled = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
        .arg(&binary)
        .arg(&source)
        .arg("-I")
        .arg(root.join("include"))
        .arg(library.join("libwardkey.so"))
        .arg(format!("-Wl,-rpath,{}", folder.path().display()))
        .status()
        .unwrap();
    assert!(compiled.success());
    // The program asks for the soname.
    std::os::unix::fs::symlink(
        library.join("libwardkey.so"),
        folder.path().join("libwardkey.so.1"),
    )
    .unwrap();
    let output = Command::new(&binary).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let client: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(client["client_name"], "Lab Interface");
    assert!(client["client_secret"].as_str().unwrap().starts_with("wks_"));
}

/// Where cargo put the shared library that belongs to this test: beside the `deps` folder.
fn library_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    if folder.join("libwardkey.so").exists() {
        folder.to_owned()
    } else {
        folder.parent().unwrap().to_owned()
    }
}
