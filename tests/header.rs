//! include/wardkey.h is what src/ffi says. `BLESS=1` renews it.

#![expect(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::path::Path;

#[test]
fn the_header_is_what_the_sources_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/wardkey.h");
    let printed = header(root);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == printed,
        "include/wardkey.h is out of date: BLESS=1 cargo test --test header"
    );
}

/// Prints the header: cbindgen's text between ours, with the calling convention added, which it cannot.
fn header(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join("src/ffi").join(source));
    }
    let mut printed = Vec::new();
    builder.generate().unwrap().write(&mut printed);
    let mut text = String::new();
    for line in String::from_utf8(printed).unwrap().lines() {
        text.push_str(&with_convention(line));
        text.push('\n');
    }
    let guard = "#define WARDKEY_H\n";
    let (before, after) = text.split_once(guard).unwrap();
    format!("{INTRODUCTION}{before}{guard}{PREAMBLE}{after}")
}

/// Adds WARDKEY_API and WARDKEY_CALL to a function's or a callback's declaration.
fn with_convention(line: &str) -> String {
    if let Some((kind, rest)) = line.split_once(" (*") {
        return format!("{kind} (WARDKEY_CALL *{rest}");
    }
    let declares =
        line.starts_with(|first: char| first.is_ascii_lowercase()) && line.contains("wardkey_");
    match line.split_once("wardkey_") {
        Some((kind, rest)) if declares && rest.contains('(') && !line.starts_with("typedef") => {
            format!("WARDKEY_API {}WARDKEY_CALL wardkey_{rest}", spaced(kind))
        }
        _ => line.to_owned(),
    }
}

/// `const char *` stands off from what follows, as `int32_t ` does.
fn spaced(kind: &str) -> String {
    if kind.ends_with(' ') { kind.to_owned() } else { format!("{kind} ") }
}

/// In the order in which a reader wants them.
const SOURCES: [&str; 10] = [
    "status.rs",
    "types.rs",
    "library.rs",
    "open.rs",
    "verify.rs",
    "issue.rs",
    "http.rs",
    "pending.rs",
    "call.rs",
    "backup.rs",
];

const INTRODUCTION: &str = "\
/*
 * Wardkey: an OAuth 2.0 engine that runs inside your program.
 *
 * For whom OAuth is new: a client is a program that calls your API, such as a lab's interface. You
 * register it once and give it an id and a secret. It exchanges them for an access token (wardkey_http
 * answers it, or wardkey_issue), which is good for an hour or so, and sends the token with every request.
 * You ask wardkey_verify or wardkey_authorize whether the request may go on. A scope is a word such as
 * `lab:read`: what a client may do at most, and what an operation of your API requires.
 *
 *     wardkey_options_init   defaults, then set mode and path
 *     wardkey_open           once, at the start of the program
 *     wardkey_call           administration: register clients, revoke, read the audit (JSON in and out)
 *     wardkey_backup         a copy of the file while it is in use; wardkey_check examines the whole file
 *     wardkey_http           for requests to the paths of the OAuth endpoints, which wardkey_serves knows
 *     wardkey_authorize      for every other request of your API
 *     wardkey_close          once, at the end
 *
 * Rules for all functions:
 *
 * - They return a status code: WARDKEY_OK (0) is success, and of wardkey_verify and wardkey_authorize it
 *   alone means allowed. Codes come in hundreds: 1xx you called it wrongly, 2xx denied, 3xx not found, in
 *   conflict or cancelled, 4xx the file or the disk, 5xx this library. Later releases may add codes.
 * - A wardkey_error says more, for the log. It may be NULL. No message holds a secret.
 * - Results are written on success only; but out-structs, wardkey_buf and handles are set to zero first.
 * - Texts are UTF-8 with a length in bytes; WARDKEY_NTS as the length stands for \"up to the NUL\".
 * - Structs that you pass begin with struct_size: set it to sizeof, and the rest to zero before use.
 * - Any thread may call any function at any time. After a fork, the child opens an engine of its own.
 * - Nothing here starts a thread, installs a handler or reads the environment.
 *
 * This file is printed from the sources: do not edit it.
 */
";

const PREAMBLE: &str = "
/* On Windows define WARDKEY_STATIC when linking statically. */
#if defined(_WIN32) && !defined(WARDKEY_STATIC)
#define WARDKEY_API __declspec(dllimport)
#else
#define WARDKEY_API
#endif

/* Everything is cdecl, callbacks too. */
#if defined(_WIN32) && !defined(_WIN64)
#define WARDKEY_CALL __cdecl
#else
#define WARDKEY_CALL
#endif

// The scopes argument that says: any valid token will do, whatever its scopes. Nothing else says so.
#define WARDKEY_ANY_SCOPE \" any\"
";
