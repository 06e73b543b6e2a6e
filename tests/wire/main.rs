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
mod grants;
mod guesses;
mod host;
mod host_users;
mod pages;
mod promises;
mod rates;
mod refresh;
mod request;
mod response;
mod restored;
mod revocation;
mod token;
mod transport;
