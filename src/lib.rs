//! Wardkey: an in-process OAuth 2.0 engine over one SQLite file.
#![doc = include_str!("../README.md")]

#[cfg(panic = "abort")]
compile_error!(
    "wardkey must be built with panic = \"unwind\": a panic must not take the host down"
);

pub mod admin;

mod base;
mod crypto;
mod domain;
mod engine;
mod error;
mod ffi;
mod oauth;
mod store;
mod sys;

#[cfg(feature = "test-hooks")]
pub use base::SeededEntropy;
pub use base::{
    ClientId, Clock, CredentialId, Entropy, KeyId, Lifetime, ManualClock, Network, RequestId,
    Secret, SiteId, SystemClock, SystemEntropy, TokenId, UnixTime,
};
pub use crypto::{Algorithm, Jwk};
pub use domain::{Context, Dialect, RateLimit, Required, Scope, Settings, Texts, TokenFormat};
pub use engine::{
    AccessToken, Administer, Authorization, Challenge, Decision, Engine, Options, Pending,
    Principal, PrincipalKind, Progress, Recovery, UserCheck, UserLogin, UserVerdict,
};
pub use error::{Denied, Error, Result};
pub use oauth::{HttpRequest, HttpResponse};
