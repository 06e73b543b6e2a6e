//! Verification: the order and the reason of every refusal, and forgeries.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/wire.rs"]
mod http;

mod foreign;
mod forge;
mod forgeries;
mod moments;
mod peer;
mod reasons;
mod scopes;
mod shape;
