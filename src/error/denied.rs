//! Why a request was refused.

use std::fmt;

/// Why a token, a client or a request was refused: a decision, not a machine's failure.
///
/// Every kind has a stable word ([`Denied::code`]) that audit rows and documents carry, and a sentence
/// ([`fmt::Display`]) for the operator. What a remote caller may read is decided by `oauth`: the wire
/// says less than this. Times are milliseconds since 1970-01-01 UTC.
///
/// ```
/// let why = wardkey::Denied::TokenExpired { now: 7_000, expires_at: 5_000 };
/// assert_eq!(why.code(), "token_expired");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denied {
    /// The token is longer than any token this library makes.
    TokenTooLong {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The text is not a token of any kind this library issues (RFC 7519 7.2).
    TokenMalformed {
        /// What was wrong with the text.
        why: &'static str,
    },
    /// The header demands something that is never honoured: `crit`, `b64`, `zip`, an embedded key (RFC 8725 3.10).
    TokenHeaderForbidden {
        /// The member.
        member: &'static str,
    },
    /// No key of this database has the token's `kid`.
    KeyUnknown,
    /// The key that the token names has been retired.
    KeyRetired,
    /// The header's `alg` is not the algorithm of the key that `kid` names (RFC 8725 3.1).
    AlgorithmMismatch,
    /// The signature does not verify.
    BadSignature,
    /// The `typ` header is not `at+jwt` (RFC 9068 2.1).
    WrongType,
    /// The `iss` claim is not this database's issuer.
    WrongIssuer,
    /// The `aud` claim is not this database's audience.
    WrongAudience,
    /// A claim is missing, of the wrong type or out of range.
    BadClaim {
        /// The claim.
        claim: &'static str,
    },
    /// The token's lifetime is over.
    TokenExpired {
        /// The engine's time.
        now: i64,
        /// When the token ended.
        expires_at: i64,
    },
    /// The token says it was issued, or starts, in the future.
    TokenFromFuture {
        /// The engine's time.
        now: i64,
        /// The time that the token states.
        starts_at: i64,
    },
    /// No opaque token with this text exists.
    TokenUnknown,
    /// This one token was revoked.
    TokenRevoked,
    /// The token was issued before the database was restored.
    EpochEnded,
    /// All tokens of the client were revoked after this one was issued.
    ClientTokensRevoked,
    /// The secret that obtained the token was revoked.
    CredentialRevoked,
    /// No such client is registered, or it was deleted.
    ClientUnknown,
    /// The client is disabled.
    ClientDisabled,
    /// The secret matches none of the client's secrets.
    SecretWrong,
    /// The secret's validity has not begun.
    SecretNotYetValid,
    /// The secret's validity is over.
    SecretExpired,
    /// The secret was revoked.
    SecretRevoked,
    /// The secret was in the database before a restore and nobody has confirmed it since.
    SecretUnconfirmed,
    /// No secret was presented by a client that has one.
    SecretMissing,
    /// The id or the secret holds a control character or is of impossible length.
    CredentialMalformed,
    /// The client's registration pins another authentication method.
    AuthenticationMethod,
    /// The client may not use this grant.
    GrantNotAllowed,
    /// A scope word was asked for that the client may not have, or that does not exist.
    ScopeNotAllowed {
        /// The first such word.
        word: String,
    },
    /// The scope text breaks the grammar of RFC 6749 3.3.
    ScopeMalformed,
    /// The token lacks a scope that the operation requires.
    InsufficientScope {
        /// The first missing word.
        missing: String,
    },
    /// The peer's address is not in the client's `allowed_networks`.
    PeerNotAllowed,
    /// The peer's address is unknown and the client has `allowed_networks`.
    PeerUnknown,
    /// The client has used up its rate: too many wrong secrets were tried for it, from this address or
    /// from everywhere, and the next one has to wait.
    RateLimited {
        /// Seconds until the next request may succeed.
        retry_after: u32,
    },
    /// The request came over plain HTTP from another machine.
    InsecureTransport,
    /// No token was presented.
    TokenMissing,
    /// The request is malformed: RFC 6749 `invalid_request`.
    InvalidRequest {
        /// What was wrong, in words that may be shown to the caller.
        why: &'static str,
    },
    /// The grant type is unknown to this library.
    GrantUnsupported,
    /// A client asked for something about another client's token.
    TokenForeign,
    /// No such user, or one that was deleted.
    UserUnknown,
    /// The user is disabled.
    UserDisabled,
    /// All tokens of the user were revoked after this one was issued: by a new password, for one.
    UserTokensRevoked,
    /// The password is not the user's.
    PasswordWrong,
    /// The authorization that the token came by is not in this database.
    GrantUnknown,
    /// The authorization that the token came by was revoked, and all that it gave with it.
    GrantRevoked,
    /// The authorization may no longer be refreshed: unused for too long, or too old.
    GrantExpired,
    /// No authorization code with this text exists.
    CodeUnknown,
    /// The authorization code's time is over (RFC 6749 4.1.2).
    CodeExpired,
    /// The authorization code was used before: what it gave is revoked (RFC 6749 4.1.2).
    CodeSpent,
    /// The authorization code was issued to another client.
    CodeForeign,
    /// The redirect URI is not the one that the code was sent to (RFC 6749 4.1.3).
    RedirectUriWrong,
    /// The code verifier does not match the challenge, or only one of both is there (RFC 7636 4.6).
    VerifierWrong,
    /// No refresh token with this text exists.
    RefreshTokenUnknown,
    /// The refresh token had been replaced: its whole family is revoked (RFC 9700 4.14).
    RefreshTokenReused,
    /// The refresh token is another client's.
    RefreshTokenForeign,
    /// The user did not approve the client's request (RFC 6749 4.1.2.1 `access_denied`).
    AccessRefused,
}

impl Denied {
    /// The stable word for this refusal, as audit rows and documents carry it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TokenTooLong { .. } => "token_too_long",
            Self::TokenMalformed { .. } => "token_malformed",
            Self::TokenHeaderForbidden { .. } => "token_header_forbidden",
            Self::KeyUnknown => "key_unknown",
            Self::KeyRetired => "key_retired",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::BadSignature => "bad_signature",
            Self::WrongType => "wrong_type",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::BadClaim { .. } => "bad_claim",
            Self::TokenExpired { .. } => "token_expired",
            Self::TokenFromFuture { .. } => "token_from_future",
            Self::TokenUnknown => "token_unknown",
            Self::TokenRevoked => "token_revoked",
            Self::EpochEnded => "epoch_ended",
            Self::ClientTokensRevoked => "client_tokens_revoked",
            Self::CredentialRevoked => "credential_revoked",
            Self::ClientUnknown => "client_unknown",
            Self::ClientDisabled => "client_disabled",
            Self::SecretWrong => "secret_wrong",
            Self::SecretNotYetValid => "secret_not_yet_valid",
            Self::SecretExpired => "secret_expired",
            Self::SecretRevoked => "secret_revoked",
            Self::SecretUnconfirmed => "secret_unconfirmed",
            Self::SecretMissing => "secret_missing",
            Self::CredentialMalformed => "credential_malformed",
            Self::AuthenticationMethod => "authentication_method",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::ScopeNotAllowed { .. } => "scope_not_allowed",
            Self::ScopeMalformed => "scope_malformed",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::PeerNotAllowed => "peer_not_allowed",
            Self::PeerUnknown => "peer_unknown",
            Self::RateLimited { .. } => "rate_limited",
            Self::InsecureTransport => "insecure_transport",
            Self::TokenMissing => "token_missing",
            Self::InvalidRequest { .. } => "invalid_request",
            Self::GrantUnsupported => "grant_unsupported",
            Self::TokenForeign => "token_foreign",
            Self::UserUnknown => "user_unknown",
            Self::UserDisabled => "user_disabled",
            Self::UserTokensRevoked => "user_tokens_revoked",
            Self::PasswordWrong => "password_wrong",
            Self::GrantUnknown => "grant_unknown",
            Self::GrantRevoked => "grant_revoked",
            Self::GrantExpired => "grant_expired",
            Self::CodeUnknown => "code_unknown",
            Self::CodeExpired => "code_expired",
            Self::CodeSpent => "code_spent",
            Self::CodeForeign => "code_foreign",
            Self::RedirectUriWrong => "redirect_uri_wrong",
            Self::VerifierWrong => "verifier_wrong",
            Self::RefreshTokenUnknown => "refresh_token_unknown",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::RefreshTokenForeign => "refresh_token_foreign",
            Self::AccessRefused => "access_refused",
        }
    }
}

impl fmt::Display for Denied {
    #[expect(clippy::too_many_lines, reason = "one line for each kind, and no `_`")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenTooLong { length, limit } => {
                write!(f, "the token has {length} bytes, more than {limit}")
            }
            Self::TokenMalformed { why } => write!(f, "the text is not a token: {why}"),
            Self::TokenHeaderForbidden { member } => {
                write!(f, "the token's header holds `{member}`, which is never honoured")
            }
            Self::BadClaim { claim } => {
                write!(f, "the token's claim `{claim}` is missing, ill-typed or out of range")
            }
            Self::TokenExpired { now, expires_at } => {
                write!(f, "the token expired {} ms ago", now.saturating_sub(*expires_at))
            }
            Self::TokenFromFuture { now, starts_at } => {
                write!(f, "the token starts {} ms from now", starts_at.saturating_sub(*now))
            }
            Self::ScopeNotAllowed { word } => {
                write!(f, "the client may not have the scope `{}`", word.escape_debug())
            }
            Self::InsufficientScope { missing } => {
                write!(f, "the token lacks the scope `{}`", missing.escape_debug())
            }
            Self::RateLimited { retry_after } => {
                write!(f, "too many wrong secrets were tried; try again in {retry_after} s")
            }
            Self::InvalidRequest { why } => write!(f, "the request is malformed: {why}"),
            Self::KeyUnknown
            | Self::KeyRetired
            | Self::AlgorithmMismatch
            | Self::BadSignature
            | Self::WrongType
            | Self::WrongIssuer
            | Self::WrongAudience
            | Self::TokenUnknown
            | Self::TokenRevoked
            | Self::EpochEnded
            | Self::ClientTokensRevoked
            | Self::CredentialRevoked
            | Self::ClientUnknown
            | Self::ClientDisabled
            | Self::SecretWrong
            | Self::SecretNotYetValid
            | Self::SecretExpired
            | Self::SecretRevoked
            | Self::SecretUnconfirmed
            | Self::SecretMissing
            | Self::CredentialMalformed
            | Self::AuthenticationMethod
            | Self::GrantNotAllowed
            | Self::ScopeMalformed
            | Self::PeerNotAllowed
            | Self::PeerUnknown
            | Self::InsecureTransport
            | Self::TokenMissing
            | Self::GrantUnsupported
            | Self::TokenForeign
            | Self::UserUnknown
            | Self::UserDisabled
            | Self::UserTokensRevoked
            | Self::PasswordWrong
            | Self::GrantUnknown
            | Self::GrantRevoked
            | Self::GrantExpired
            | Self::CodeUnknown
            | Self::CodeExpired
            | Self::CodeSpent
            | Self::CodeForeign
            | Self::RedirectUriWrong
            | Self::VerifierWrong
            | Self::RefreshTokenUnknown
            | Self::RefreshTokenReused
            | Self::RefreshTokenForeign
            | Self::AccessRefused => f.write_str(self.sentence()),
        }
    }
}

impl Denied {
    /// The sentence of a refusal that carries no values.
    #[expect(clippy::too_many_lines, reason = "one line for each kind, and no `_`")]
    const fn sentence(&self) -> &'static str {
        match self {
            Self::KeyUnknown => "no key of this database has the token's key id",
            Self::KeyRetired => "the key that signed the token has been retired",
            Self::AlgorithmMismatch => "the token's algorithm is not that of the key it names",
            Self::BadSignature => "the token's signature does not verify",
            Self::WrongType => "the token's type is not `at+jwt`",
            Self::WrongIssuer => "the token was made by another issuer",
            Self::WrongAudience => "the token is meant for another audience",
            Self::TokenUnknown => "no such token was issued here, or it expired long ago",
            Self::TokenRevoked => "the token was revoked",
            Self::EpochEnded => "the token was issued before the database was restored",
            Self::ClientTokensRevoked => "all tokens of the client issued until then were revoked",
            Self::CredentialRevoked => "the secret that obtained the token was revoked",
            Self::ClientUnknown => "no such client is registered",
            Self::ClientDisabled => "the client is disabled",
            Self::SecretWrong => "the secret is none of the client's secrets",
            Self::SecretNotYetValid => "the secret is not valid yet",
            Self::SecretExpired => "the secret has expired",
            Self::SecretRevoked => "the secret was revoked",
            Self::SecretUnconfirmed => "the secret has not been confirmed since the restore",
            Self::SecretMissing => "the client presented no secret",
            Self::CredentialMalformed => {
                "the id or the secret has a character or length none can have"
            }
            Self::AuthenticationMethod => {
                "the client is registered for another authentication method"
            }
            Self::GrantNotAllowed => "the client is not registered for this grant",
            Self::ScopeMalformed => "the scope is not single words parted by single spaces",
            Self::PeerNotAllowed => "the caller's address is not in the client's allowed_networks",
            Self::PeerUnknown => {
                "the caller's address is unknown and the client has allowed_networks"
            }
            Self::InsecureTransport => {
                "the request came over plain HTTP from another machine; use HTTPS, or set `danger_allow_plain_http`"
            }
            Self::TokenMissing => "no token was presented",
            Self::GrantUnsupported => "the grant type is unknown",
            Self::TokenForeign => "the token is another client's",
            Self::UserUnknown => "no such user exists",
            Self::UserDisabled => "the user is disabled",
            Self::UserTokensRevoked => "all tokens of the user issued until then were revoked",
            Self::PasswordWrong => "the password is not the user's",
            Self::GrantUnknown => "no such authorization exists, or it ended long ago",
            Self::GrantRevoked => "the authorization was revoked",
            Self::GrantExpired => {
                "the authorization may no longer be refreshed: it was unused for too long, or is too old"
            }
            Self::CodeUnknown => "no such authorization code was issued, or it ended long ago",
            Self::CodeExpired => "the authorization code has expired",
            Self::CodeSpent => "the authorization code was used before",
            Self::CodeForeign => "the authorization code is another client's",
            Self::RedirectUriWrong => "the redirect_uri is not the one that the code was sent to",
            Self::VerifierWrong => {
                "the code_verifier does not match the code_challenge, or only one of both is there"
            }
            Self::RefreshTokenUnknown => "no such refresh token was issued, or it ended long ago",
            Self::RefreshTokenReused => {
                "the refresh token had been replaced before: its family is revoked"
            }
            Self::RefreshTokenForeign => "the refresh token is another client's",
            Self::AccessRefused => "the user did not approve the request",
            Self::TokenTooLong { .. }
            | Self::TokenMalformed { .. }
            | Self::TokenHeaderForbidden { .. }
            | Self::BadClaim { .. }
            | Self::TokenExpired { .. }
            | Self::TokenFromFuture { .. }
            | Self::ScopeNotAllowed { .. }
            | Self::InsufficientScope { .. }
            | Self::RateLimited { .. }
            | Self::InvalidRequest { .. } => "",
        }
    }
}
