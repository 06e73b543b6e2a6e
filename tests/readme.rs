//! The README's C program compiles as printed and does what it says. Its Rust program is a doc test, and what it
//! prints in other languages is the first program of their own READMEs, whose tests run it.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use common::{Place, Registered, issue, register_as};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wardkey::Engine;
use wardkey::admin::ClientCreate;

#[test]
#[cfg(unix)]
fn the_c_program_of_the_readme_protects_its_endpoint() {
    let place = Place::created();
    let engine = place.open();
    let (lab, billing) = (with_scope(&engine, "lab:read"), with_scope(&engine, "billing:read"));
    let (allowed, other) = (issue(&engine, &lab), issue(&engine, &billing));
    let program = Program::compiled(&first_program(&root().join("README.md"), "c"), place.folder());

    let answer = program.answer(Some(&format!("Bearer {allowed}")));
    assert_eq!(answer, format!("Content-Type: text/plain\r\n\r\nresults for {}\n", lab.id));
    let answer = program.answer(Some(&format!("Bearer {other}")));
    assert!(answer.starts_with("Status: 403\r\nWWW-Authenticate: Bearer realm="), "{answer}");
    let answer = program.answer(None);
    assert_eq!(answer, "Status: 401\r\nWWW-Authenticate: Bearer realm=\"wardkey\"\r\n\r\n");
}

#[test]
fn what_the_readme_prints_in_other_languages_is_what_their_tests_run() {
    for (language, folder) in [("cpp", "cpp"), ("python", "python"), ("csharp", "csharp")] {
        let own = root().join("bindings").join(folder).join("README.md");
        let printed = first_program(&root().join("README.md"), language);
        assert_eq!(printed, first_program(&own, language), "{language}");
        assert!(printed.lines().count() <= 30, "{language}");
    }
}

/// A compiled program, beside a database.
struct Program<'a> {
    folder: &'a Path,
}

impl<'a> Program<'a> {
    fn compiled(source: &str, folder: &'a Path) -> Self {
        let program = Self { folder };
        std::fs::write(folder.join("main.c"), source).unwrap();
        let library = library_folder();
        let compiled = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"])
            .arg(folder.join("main"))
            .arg(folder.join("main.c"))
            .arg("-I")
            .arg(root().join("include"))
            .arg(library.join("libwardkey.so"))
            .arg(format!("-Wl,-rpath,{}", folder.display()))
            .status()
            .unwrap();
        assert!(compiled.success());
        // The program asks for the soname.
        let soname = folder.join("libwardkey.so.1");
        std::os::unix::fs::symlink(library.join("libwardkey.so"), soname).unwrap();
        program
    }

    /// What a web server that runs it gets, for a request over TLS with this header.
    fn answer(&self, authorization: Option<&str>) -> String {
        let mut command = Command::new(self.folder.join("main"));
        command.current_dir(self.folder).env("HTTPS", "on").env("REMOTE_ADDR", "192.0.2.7");
        match authorization {
            Some(value) => command.env("HTTP_AUTHORIZATION", value),
            None => command.env_remove("HTTP_AUTHORIZATION"),
        };
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }
}

fn with_scope(engine: &Engine, scope: &str) -> Registered {
    let (client_name, scope) = (Some(scope.to_owned()), Some(scope.to_owned()));
    register_as(engine, ClientCreate { client_name, scope, ..ClientCreate::default() })
}

/// The first program in this language that a page prints.
fn first_program(page: &Path, language: &str) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    let after = text.split(&format!("```{language}\n")).nth(1).unwrap();
    after.split("```").next().unwrap().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
