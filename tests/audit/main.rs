//! The audit: a row for everything, gathered where it must be, in words, and without any secret.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/wire.rs"]
mod http;

mod chain;
mod check;
mod explain;
mod export;
mod gathered;
mod reading;
mod retention;
mod rows;
mod secrets;
