//! Why a request was refused.

use std::fmt;

/// Declares the reasons: each with its word, and its sentence or how that is written with its values.
macro_rules! reasons {
    ($(#[$attribute:meta])* {
        $($(#[$doc:meta])* $name:ident $({ $($(#[$member_doc:meta])* $member:ident: $type:ty,)* })?
            = $code:literal, $($sentence:literal)? $(|$f:ident| $write:expr)?;)*
    }) => {
        $(#[$attribute])*
        pub enum Denied {
            $($(#[$doc])* $name $({ $($(#[$member_doc])* $member: $type,)* })?,)*
        }

        impl Denied {
            /// The stable word for this refusal, as audit rows and documents carry it.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $code,)*
                }
            }
        }

        impl fmt::Display for Denied {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($member),* })? => {
                        $(formatter.write_str($sentence))?
                        $({ let $f = formatter; $write })?
                    })*
                }
            }
        }
    };
}

reasons! {
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
    {
        /// The token is longer than any token this library makes.
        TokenTooLong {
            /// Bytes received.
            length: usize,
            /// Bytes allowed.
            limit: usize,
        } = "token_too_long", |f| write!(f, "the token has {length} bytes, more than {limit}");
        /// The text is not a token of any kind this library issues (RFC 7519 7.2).
        TokenMalformed {
            /// What was wrong with the text.
            why: &'static str,
        } = "token_malformed", |f| write!(f, "the text is not a token: {why}");
        /// The header demands something that is never honoured: `crit`, `b64`, `zip`, an embedded key (RFC 8725 3.10).
        TokenHeaderForbidden {
            /// The member.
            member: &'static str,
        } = "token_header_forbidden", |f| write!(f, "the token's header holds `{member}`, which is never honoured");
        /// No key of this database has the token's `kid`.
        KeyUnknown = "key_unknown", "no key of this database has the token's key id; a trusted site's next keys must be imported";
        /// The key that the token names has been retired.
        KeyRetired = "key_retired", "the key that signed the token has been retired";
        /// The site that signed the token is not trusted now: nobody has enabled it since it was disabled, or since
        /// the database was restored.
        IssuerDisabled = "issuer_disabled", "the site that signed the token is disabled, was not enabled again after a restore, or signed it before it was enabled here, or within a minute after";
        /// The header's `alg` is not the algorithm of the key that `kid` names (RFC 8725 3.1).
        AlgorithmMismatch = "algorithm_mismatch", "the token's algorithm is not that of the key it names";
        /// The signature does not verify.
        BadSignature = "bad_signature", "the token's signature does not verify";
        /// The `typ` header is not `at+jwt` (RFC 9068 2.1).
        WrongType = "wrong_type", "the token's type is not `at+jwt`";
        /// The `iss` claim is not this database's issuer.
        WrongIssuer = "wrong_issuer", "the token was made by another issuer";
        /// The `aud` claim is not this database's audience.
        WrongAudience = "wrong_audience", "the token is meant for another audience";
        /// A claim is missing, of the wrong type or out of range.
        BadClaim {
            /// The claim.
            claim: &'static str,
        } = "bad_claim", |f| write!(f, "the token's claim `{claim}` is missing, ill-typed or out of range");
        /// The token's lifetime is over.
        TokenExpired {
            /// The engine's time.
            now: i64,
            /// When the token ended.
            expires_at: i64,
        } = "token_expired", |f| write!(f, "the token expired {} ms ago", now.saturating_sub(*expires_at));
        /// The token says it was issued, or starts, in the future.
        TokenFromFuture {
            /// The engine's time.
            now: i64,
            /// The time that the token states.
            starts_at: i64,
        } = "token_from_future", |f| write!(f, "the token starts {} ms from now", starts_at.saturating_sub(*now));
        /// No opaque token with this text exists.
        TokenUnknown = "token_unknown", "no such token was issued here, or it expired long ago";
        /// This one token was revoked.
        TokenRevoked = "token_revoked", "the token was revoked";
        /// The token was issued before the database was restored.
        EpochEnded = "epoch_ended", "the token was issued before the database was restored";
        /// All tokens of the client were revoked after this one was issued.
        ClientTokensRevoked = "client_tokens_revoked", "all tokens of the client issued until then were revoked";
        /// The secret that obtained the token was revoked.
        CredentialRevoked = "credential_revoked", "the secret that obtained the token was revoked";
        /// No such client is registered, or it was deleted.
        ClientUnknown = "client_unknown", "no such client is registered";
        /// The client is disabled.
        ClientDisabled = "client_disabled", "the client is disabled";
        /// The secret matches none of the client's secrets.
        SecretWrong = "secret_wrong", "the secret is none of the client's secrets";
        /// The secret's validity has not begun.
        SecretNotYetValid = "secret_not_yet_valid", "the secret is not valid yet";
        /// The secret's validity is over.
        SecretExpired = "secret_expired", "the secret has expired";
        /// The secret was revoked.
        SecretRevoked = "secret_revoked", "the secret was revoked";
        /// The secret was in the database before a restore and nobody has confirmed it since.
        SecretUnconfirmed = "secret_unconfirmed", "the secret has not been confirmed since the restore";
        /// No secret was presented by a client that has one.
        SecretMissing = "secret_missing", "the client presented no secret";
        /// The id or the secret holds a control character or is of impossible length.
        CredentialMalformed = "credential_malformed", "the id or the secret has a character or length none can have";
        /// The client's registration pins another authentication method.
        AuthenticationMethod = "authentication_method", "the client is registered for another authentication method";
        /// The client may not use this grant.
        GrantNotAllowed = "grant_not_allowed", "the client is not registered for this grant";
        /// A scope word was asked for that the client may not have, or that does not exist.
        ScopeNotAllowed {
            /// The first such word.
            word: String,
        } = "scope_not_allowed", |f| write!(f, "the client may not have the scope `{}`", word.escape_debug());
        /// The scope text breaks the grammar of RFC 6749 3.3.
        ScopeMalformed = "scope_malformed", "the scope is not single words parted by single spaces";
        /// The token lacks a scope that the operation requires.
        InsufficientScope {
            /// The first missing word.
            missing: String,
        } = "insufficient_scope", |f| write!(f, "the token lacks the scope `{}`", missing.escape_debug());
        /// The peer's address is not in the client's `allowed_networks`.
        PeerNotAllowed = "peer_not_allowed", "the caller's address is not in the client's allowed_networks";
        /// The peer's address is unknown and the client has `allowed_networks`.
        PeerUnknown = "peer_unknown", "the caller's address is unknown and the client has allowed_networks";
        /// It comes too often: the client has used up a limit of rate, or too many wrong secrets were tried, for
        /// it or from this address, and the next one has to wait.
        RateLimited {
            /// Seconds until the next request may succeed.
            retry_after: u32,
        } = "rate_limited", |f| write!(f, "too many requests, or too many wrong secrets; try again in {retry_after} s");
        /// The request came over plain HTTP from another machine.
        InsecureTransport = "insecure_transport", "the request came over plain HTTP from another machine; use HTTPS, or set `danger_allow_plain_http`";
        /// No token was presented.
        TokenMissing = "token_missing", "no token was presented";
        /// The request is malformed: RFC 6749 `invalid_request`.
        InvalidRequest {
            /// What was wrong, in words that may be shown to the caller.
            why: &'static str,
        } = "invalid_request", |f| write!(f, "the request is malformed: {why}");
        /// The grant type is unknown to this library.
        GrantUnsupported = "grant_unsupported", "the grant type is unknown";
        /// A client asked for something about another client's token.
        TokenForeign = "token_foreign", "the token is another client's";
        /// No such user, or one that was deleted.
        UserUnknown = "user_unknown", "no such user exists";
        /// The user is disabled.
        UserDisabled = "user_disabled", "the user is disabled";
        /// The user has not been confirmed since the database was restored.
        UserUnconfirmed = "user_unconfirmed", "the user has not been confirmed since the database was restored";
        /// All tokens of the user were revoked after this one was issued: by a new password, for one.
        UserTokensRevoked = "user_tokens_revoked", "all tokens of the user issued until then were revoked";
        /// The password is not the user's.
        PasswordWrong = "password_wrong", "the password is not the user's";
        /// The authorization that the token came by is not in this database.
        GrantUnknown = "grant_unknown", "no such authorization exists, or it ended long ago";
        /// The authorization that the token came by was revoked, and all that it gave with it.
        GrantRevoked = "grant_revoked", "the authorization was revoked";
        /// The authorization may no longer be refreshed: unused for too long, or too old.
        GrantExpired = "grant_expired", "the authorization may no longer be refreshed: it was unused for too long, or is too old";
        /// No authorization code with this text exists.
        CodeUnknown = "code_unknown", "no such authorization code was issued, or it ended long ago";
        /// The authorization code's time is over (RFC 6749 4.1.2).
        CodeExpired = "code_expired", "the authorization code has expired";
        /// The authorization code was used before: what it gave is revoked (RFC 6749 4.1.2).
        CodeSpent = "code_spent", "the authorization code was used before";
        /// The authorization code was issued to another client.
        CodeForeign = "code_foreign", "the authorization code is another client's";
        /// The redirect URI is not the one that the code was sent to (RFC 6749 4.1.3).
        RedirectUriWrong = "redirect_uri_wrong", "the redirect_uri is not the one that the code was sent to";
        /// The code verifier does not match the challenge, or only one of both is there (RFC 7636 4.6).
        VerifierWrong = "verifier_wrong", "the code_verifier does not match the code_challenge, or only one of both is there";
        /// No refresh token with this text exists.
        RefreshTokenUnknown = "refresh_token_unknown", "no such refresh token was issued, or it ended long ago";
        /// The refresh token had been replaced: its whole family is revoked (RFC 9700 4.14).
        RefreshTokenReused = "refresh_token_reused", "the refresh token had been replaced before: its family is revoked";
        /// The refresh token is another client's.
        RefreshTokenForeign = "refresh_token_foreign", "the refresh token is another client's";
        /// The user did not approve the client's request (RFC 6749 4.1.2.1 `access_denied`).
        AccessRefused = "access_refused", "the user did not approve the request";
        /// The host was asked about a name that none of our own users has, and refused: it knows why.
        UserRefused = "user_refused", "the host's own check refused the name and the password";
    }
}
