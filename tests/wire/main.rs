//! Every line of the wire's rules as a test that names it, through the public API.

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

mod abuse;
mod authorize;
mod bearer;
mod biot;
mod browser;
mod code;
mod decision;
mod dialects;
mod endpoints;
mod errors;
mod guesses;
mod host;
mod pages;
mod request;
mod response;
mod revocation;
mod token;
mod transport;
