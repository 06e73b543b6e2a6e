//! The command-line tool through its binary, on real files.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod clients;
mod doctor;
mod errors;
mod keys;
mod leaks;
mod people;
mod recovery;
mod report;
mod rotation;
mod secrecy;
mod settings;
mod sites;
mod tokens;
mod upkeep;

use crate::common::Place;
use assert_cmd::Command;
use serde_json::Value;

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Standard output as JSON, of a command that succeeded.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// It failed with this code, and says what to do next.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }
}

/// A folder with a database and a person in it.
pub(crate) struct Desk {
    pub(crate) place: Place,
}

impl Desk {
    /// A folder in which `wardkey init clinic.db` was run.
    pub(crate) fn new() -> Self {
        let desk = Self { place: Place::empty() };
        desk.run("init clinic.db").ok();
        desk
    }

    /// Runs the words of `line`, which are parted by spaces; `~` stands for a space in one of them.
    pub(crate) fn run(&self, line: &str) -> Done {
        self.run_with(line, "")
    }

    /// The same with a text on standard input.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Done {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let words: Vec<_> = words.map(|word| word.replace('~', " ")).collect();
        self.run_words(&words, input)
    }

    pub(crate) fn run_words<S: AsRef<str>>(&self, words: &[S], input: &str) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wardkey"));
        command.current_dir(self.place.folder()).env("USER", "anna").env_remove("SUDO_USER");
        command.env_remove("WARDKEY_DATABASE").env_remove("WARDKEY_ACTOR");
        command.args(words.iter().map(AsRef::as_ref)).write_stdin(input);
        let output = command.output().unwrap();
        Done {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Registers a client for `lab:read` and returns its document with the secret.
    pub(crate) fn client(&self, name: &str) -> Value {
        self.run_words(&["client", "add", name, "--scope", "lab:read", "--json"], "").json()
    }
}

pub(crate) fn text<'a>(document: &'a Value, member: &str) -> &'a str {
    document[member].as_str().unwrap_or_else(|| panic!("no {member} in {document}"))
}

/// The client as tests of the library have it.
pub(crate) fn registered(client: &Value) -> common::Registered {
    common::Registered {
        id: text(client, "client_id").to_owned(),
        secret: text(client, "client_secret").to_owned(),
        credential: text(client, "credential_id").to_owned(),
    }
}

/// Demands that nothing which a person reads is wider than a terminal.
#[track_caller]
pub(crate) fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}
