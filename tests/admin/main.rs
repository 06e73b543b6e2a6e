//! Administration by documents: every operation, what it answers, and what it refuses.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/wire.rs"]
mod http;

mod clients;
mod discretion;
mod documents;
mod import;
mod key_rotation;
mod keys;
mod leaks;
mod limits;
mod roles;
mod rotation;
#[cfg(feature = "schema")]
mod schemas;
mod scopes;
mod secrets;
mod settings;
mod strong;
mod tokens;
mod transfer;
mod users;
