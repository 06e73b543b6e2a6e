//! The examples in the header and in docs/ compile as C, as strictly as a program of a host's would be.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]
#![cfg(unix)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

#[test]
fn every_example_of_the_header_compiles() {
    let text = read("include/wardkey.h");
    let header: Vec<&str> = text.lines().map(|line| line.trim_start()).collect();
    let comments = header.iter().filter_map(|line| line.strip_prefix("//"));
    let text: Vec<&str> = comments.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let examples = examples_of(&text.join("\n"));
    assert!(examples.len() >= 13, "{} examples", examples.len());
    compile(&examples);
}

#[test]
fn every_example_of_the_documents_compiles() {
    let docs = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let paths = docs.map(|entry| entry.unwrap().path());
    let texts = paths.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let examples: Vec<String> =
        texts.flat_map(|path| examples_of(&std::fs::read_to_string(path).unwrap())).collect();
    assert!(!examples.is_empty());
    compile(&examples);
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn examples_of(text: &str) -> Vec<String> {
    let blocks = text.split("```c\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Compiles examples as one program: functions as they are, all else in a function of its own.
fn compile(examples: &[String]) {
    let mut program = PRELUDE.to_owned();
    for (index, example) in examples.iter().enumerate() {
        let (functions, statements) = parts(example);
        program.push_str(&functions);
        write!(
            program,
            "void example_{index}(void);\nvoid example_{index}(void) {{\n{statements}}}\n"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("examples.c");
    std::fs::write(&source, &program).unwrap();
    let output = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
        .args(["-std=c99", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic"])
        // What an example begins is the reader's to use.
        .args(["-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Wno-unused-function"])
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .arg(&source)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let numbered = program.lines().enumerate().map(|(at, line)| format!("{:4} {line}\n", at + 1));
    assert!(output.status.success(), "{said}\n{}", numbered.collect::<String>());
}

/// An example's functions, which come first, and its statements.
fn parts(example: &str) -> (String, &str) {
    if !example.starts_with("static ") {
        return (String::new(), example);
    }
    match example.rsplit_once("\n}\n\n") {
        Some((functions, rest)) if !rest.starts_with("static ") => {
            (format!("{functions}\n}}\n"), rest)
        }
        _ => (example.to_owned(), ""),
    }
}

/// What a reader's program has around an example.
const PRELUDE: &str = "\
#include \"wardkey.h\"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern wardkey_options options;
extern wardkey_engine *engine;
extern wardkey_error error;
extern wardkey_context context;
extern wardkey_http_request request;
extern wardkey_http_response response;
extern wardkey_principal who;
extern const wardkey_header *headers;
extern int pressed_cancel;
extern size_t header_count, body_len;
extern const char *body, *token, *client_id, *client_secret, *handle;
typedef struct staff {
    const char *number, *scopes;
} staff;
const staff *find_staff(void *user, const char *name);
int is_password(const staff *found, const char *password);
void respond(int32_t status, const char *header, const char *value);
void show_page(const char *json);
void send_body(const char *body, size_t body_len);
void send_response(int32_t status, const wardkey_header *headers, size_t header_count, const char *body,
                   size_t body_len);
";
