//! What callers of verification and issuing get.

use crate::base::{Secret, UnixTime};
use crate::domain::{Scope, TokenFormat};
use crate::error::Denied;
use std::fmt;

/// Who a valid token speaks for, and what it permits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The client (RFC 9068 2.2).
    pub client_id: String,
    /// The subject: the client itself, or a user, whose id begins with `usr_`.
    pub subject: String,
    /// Whether the subject is the client or a user.
    pub kind: PrincipalKind,
    /// The token's `jti`.
    pub token_id: String,
    /// The token's form.
    pub token_format: TokenFormat,
    /// The scope words it has.
    pub scope: Scope,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// The host's own words about the client.
    pub host_data: String,
}

/// What a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// A client, on its own behalf (client_credentials).
    Client,
    /// A user, on whose behalf a client acts.
    User,
}

/// An access token that was issued (RFC 6749 5.1).
pub struct AccessToken {
    /// The token: whoever has it may use it until it ends.
    pub token: Secret,
    /// The scope words it has.
    pub scope: Scope,
    /// When it ends.
    pub expires_at: UnixTime,
    pub(crate) json: Vec<u8>,
}

impl AccessToken {
    /// The token as text.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.token.expose()).unwrap_or_default()
    }

    /// The response document of RFC 6749 5.1.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }
}

impl Drop for AccessToken {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.json);
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Whether a request to the host's API may go on, and if not, what to answer.
pub type Authorization = Result<Principal, Challenge>;

/// The answer to a request that may not go on (RFC 6750 3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The HTTP status: 400, 401, 403 or 429.
    pub status: u16,
    /// The value of the `WWW-Authenticate` header.
    pub www_authenticate: String,
    /// The value of the `Retry-After` header, in seconds; with a 429 alone.
    pub retry_after: Option<u32>,
    /// The true reason, for the operator.
    pub why: Denied,
    /// The id under which the audit explains it.
    pub request_id: String,
}
