//! The C ABI: include/wardkey.h. Translates, and decides nothing; no panic crosses it.
//!
//! `types`, `status` and the modules with exported functions are what the header is printed from.
#![expect(unreachable_pub, reason = "the header is printed from what is `pub`")]

mod backup;
mod boundary;
mod call;
mod guard;
mod handle;
mod http;
mod issue;
#[cfg(test)]
mod layout_tests;
mod library;
mod open;
mod pending;
mod read;
mod status;
mod types;
mod user_check;
mod verify;
