//! The status codes, and what each error and refusal is as one.

use crate::error::{Denied, Error};
use std::ffi::CStr;

/// Success; of a security call: allowed.
pub const WARDKEY_OK: i32 = 0;

/// Misuse: a pointer that must not be NULL is NULL.
pub const WARDKEY_MISUSE_NULL: i32 = 100;
/// Misuse: the handle is none that wardkey_open of this library gave out.
pub const WARDKEY_MISUSE_HANDLE: i32 = 101;
/// Misuse: the handle was closed, by wardkey_close or because its slot is in use by a later engine.
pub const WARDKEY_MISUSE_CLOSED: i32 = 102;
/// Misuse: the handle is of another kind than the function takes.
pub const WARDKEY_MISUSE_KIND: i32 = 103;
/// Misuse: the handle was made by another copy of this library in the same process.
pub const WARDKEY_MISUSE_FOREIGN: i32 = 104;
/// Misuse: a length is larger than 2147483647, or a count larger than 65535.
pub const WARDKEY_MISUSE_LENGTH: i32 = 105;
/// Misuse: a text is not UTF-8.
pub const WARDKEY_MISUSE_UTF8: i32 = 106;
/// Misuse: struct_size (or the size of a struct to fill) is not one that any release has, or the part of
/// a struct that this release does not know is not zero.
pub const WARDKEY_MISUSE_SIZE: i32 = 107;
/// Misuse: an argument or a member of a struct has a value that it cannot have; the message names it.
pub const WARDKEY_MISUSE_ARGUMENT: i32 = 108;
/// Misuse: a JSON document has an unknown, duplicate, missing or ill-typed member; the message has its path.
pub const WARDKEY_MISUSE_DOCUMENT: i32 = 109;
/// Misuse: wardkey_call knows no such operation.
pub const WARDKEY_MISUSE_OPERATION: i32 = 110;
/// Misuse: administration without an actor: say in the context or the options who does it.
pub const WARDKEY_MISUSE_ACTOR: i32 = 111;
/// Misuse: this process was forked while an engine was open; only after exec can the child open one.
pub const WARDKEY_MISUSE_FORKED: i32 = 112;
/// Misuse: the header is newer than the library: install the library that the program was built for, or a
/// later one.
pub const WARDKEY_MISUSE_ABI: i32 = 113;
/// Misuse: 256 engines are open, or so many were opened and closed that no handle is left. Nothing was
/// opened or created: open a database once and use the engine from all threads.
pub const WARDKEY_MISUSE_TOO_MANY: i32 = 114;
/// Misuse: another copy of this library has the database open in this process, and each would drop the other's
/// file locks. Load one copy for the whole process, or open the database in another process.
pub const WARDKEY_MISUSE_ANOTHER_COPY: i32 = 115;

/// Denied, for a reason that this header does not name.
pub const WARDKEY_DENIED: i32 = 200;
/// Denied: the token is longer than any that this library makes.
pub const WARDKEY_DENIED_TOKEN_TOO_LONG: i32 = 201;
/// Denied: the text is not a token.
pub const WARDKEY_DENIED_TOKEN_MALFORMED: i32 = 202;
/// Denied: the token's header demands what is never honoured.
pub const WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN: i32 = 203;
/// Denied: no key of this database has the token's key id; a trusted site's next keys must be imported.
pub const WARDKEY_DENIED_KEY_UNKNOWN: i32 = 204;
/// Denied: the key that signed the token is retired.
pub const WARDKEY_DENIED_KEY_RETIRED: i32 = 205;
/// Denied: the token's algorithm is not that of the key it names.
pub const WARDKEY_DENIED_ALGORITHM_MISMATCH: i32 = 206;
/// Denied: the token's signature does not verify.
pub const WARDKEY_DENIED_BAD_SIGNATURE: i32 = 207;
/// Denied: the token's type is not `at+jwt`.
pub const WARDKEY_DENIED_WRONG_TYPE: i32 = 208;
/// Denied: the token was made by another issuer.
pub const WARDKEY_DENIED_WRONG_ISSUER: i32 = 209;
/// Denied: the token is meant for another audience.
pub const WARDKEY_DENIED_WRONG_AUDIENCE: i32 = 210;
/// Denied: a claim of the token is missing, ill-typed or out of range.
pub const WARDKEY_DENIED_BAD_CLAIM: i32 = 211;
/// Denied: the token has expired. Its client gets another one.
pub const WARDKEY_DENIED_TOKEN_EXPIRED: i32 = 212;
/// Denied: the token starts in the future.
pub const WARDKEY_DENIED_TOKEN_FROM_FUTURE: i32 = 213;
/// Denied: no such opaque token was issued, or it expired long ago.
pub const WARDKEY_DENIED_TOKEN_UNKNOWN: i32 = 214;
/// Denied: the token was revoked.
pub const WARDKEY_DENIED_TOKEN_REVOKED: i32 = 215;
/// Denied: the token was issued before the database was restored.
pub const WARDKEY_DENIED_EPOCH_ENDED: i32 = 216;
/// Denied: all tokens of the client were revoked.
pub const WARDKEY_DENIED_CLIENT_TOKENS_REVOKED: i32 = 217;
/// Denied: the secret that obtained the token was revoked.
pub const WARDKEY_DENIED_CREDENTIAL_REVOKED: i32 = 218;
/// Denied: no such client is registered.
pub const WARDKEY_DENIED_CLIENT_UNKNOWN: i32 = 219;
/// Denied: the client is disabled.
pub const WARDKEY_DENIED_CLIENT_DISABLED: i32 = 220;
/// Denied: the secret is none of the client's.
pub const WARDKEY_DENIED_SECRET_WRONG: i32 = 221;
/// Denied: the secret is not valid yet.
pub const WARDKEY_DENIED_SECRET_NOT_YET_VALID: i32 = 222;
/// Denied: the secret has expired.
pub const WARDKEY_DENIED_SECRET_EXPIRED: i32 = 223;
/// Denied: the secret was revoked.
pub const WARDKEY_DENIED_SECRET_REVOKED: i32 = 224;
/// Denied: the secret has not been confirmed since the database was restored.
pub const WARDKEY_DENIED_SECRET_UNCONFIRMED: i32 = 225;
/// Denied: the client presented no secret.
pub const WARDKEY_DENIED_SECRET_MISSING: i32 = 226;
/// Denied: the id or the secret has a character or a length that none can have.
pub const WARDKEY_DENIED_CREDENTIAL_MALFORMED: i32 = 227;
/// Denied: the client is registered for another authentication method.
pub const WARDKEY_DENIED_AUTHENTICATION_METHOD: i32 = 228;
/// Denied: the client is not registered for this grant.
pub const WARDKEY_DENIED_GRANT_NOT_ALLOWED: i32 = 229;
/// Denied: a scope was asked for that the client may not have.
pub const WARDKEY_DENIED_SCOPE_NOT_ALLOWED: i32 = 230;
/// Denied: the scope asked for is not words parted by single spaces.
pub const WARDKEY_DENIED_SCOPE_MALFORMED: i32 = 231;
/// Denied: the token lacks a scope that the operation requires.
pub const WARDKEY_DENIED_INSUFFICIENT_SCOPE: i32 = 232;
/// Denied: the caller's address is not in the client's `allowed_networks`.
pub const WARDKEY_DENIED_PEER_NOT_ALLOWED: i32 = 233;
/// Denied: the caller's address is unknown, and the client has `allowed_networks`.
pub const WARDKEY_DENIED_PEER_UNKNOWN: i32 = 234;
/// Denied: it comes too often; the error's system_code has the seconds to wait.
pub const WARDKEY_DENIED_RATE_LIMITED: i32 = 235;
/// Denied: the request came over plain HTTP from another machine.
pub const WARDKEY_DENIED_INSECURE_TRANSPORT: i32 = 236;
/// Denied: the request carries no token.
pub const WARDKEY_DENIED_TOKEN_MISSING: i32 = 237;
/// Denied: the request is malformed.
pub const WARDKEY_DENIED_INVALID_REQUEST: i32 = 238;
/// Denied: the grant type is unknown.
pub const WARDKEY_DENIED_GRANT_UNSUPPORTED: i32 = 239;
/// Denied: the token is another client's.
pub const WARDKEY_DENIED_TOKEN_FOREIGN: i32 = 240;
/// Denied: the user does not exist, or was deleted.
pub const WARDKEY_DENIED_USER_UNKNOWN: i32 = 241;
/// Denied: the user is disabled.
pub const WARDKEY_DENIED_USER_DISABLED: i32 = 242;
/// Denied: all tokens of the user were revoked, by a new password for one.
pub const WARDKEY_DENIED_USER_TOKENS_REVOKED: i32 = 243;
/// Denied: the password is not the user's.
pub const WARDKEY_DENIED_PASSWORD_WRONG: i32 = 244;
/// Denied: the user's authorization that the token came by is not known.
pub const WARDKEY_DENIED_GRANT_UNKNOWN: i32 = 245;
/// Denied: the user's authorization was revoked.
pub const WARDKEY_DENIED_GRANT_REVOKED: i32 = 246;
/// Denied: the user's authorization was unused for too long, or is too old.
pub const WARDKEY_DENIED_GRANT_EXPIRED: i32 = 247;
/// Denied: no such authorization code was issued.
pub const WARDKEY_DENIED_CODE_UNKNOWN: i32 = 248;
/// Denied: the authorization code has expired.
pub const WARDKEY_DENIED_CODE_EXPIRED: i32 = 249;
/// Denied: the authorization code was used before.
pub const WARDKEY_DENIED_CODE_SPENT: i32 = 250;
/// Denied: the authorization code is another client's.
pub const WARDKEY_DENIED_CODE_FOREIGN: i32 = 251;
/// Denied: the redirect URI is not the one that the code was sent to.
pub const WARDKEY_DENIED_REDIRECT_URI_WRONG: i32 = 252;
/// Denied: the code verifier does not match the challenge.
pub const WARDKEY_DENIED_VERIFIER_WRONG: i32 = 253;
/// Denied: no such refresh token was issued.
pub const WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN: i32 = 254;
/// Denied: the refresh token had been replaced before; its family is revoked.
pub const WARDKEY_DENIED_REFRESH_TOKEN_REUSED: i32 = 255;
/// Denied: the refresh token is another client's.
pub const WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN: i32 = 256;
/// Denied: the user did not approve the request.
pub const WARDKEY_DENIED_ACCESS_REFUSED: i32 = 257;
/// Denied: the user has not been confirmed since the database was restored.
pub const WARDKEY_DENIED_USER_UNCONFIRMED: i32 = 258;
/// Denied: the program's own check_user refused the name and the password.
pub const WARDKEY_DENIED_USER_REFUSED: i32 = 259;
/// Denied: the site that signed the token is disabled, or was not enabled again after a restore.
pub const WARDKEY_DENIED_ISSUER_DISABLED: i32 = 260;

/// The thing named does not exist.
pub const WARDKEY_NOT_FOUND: i32 = 300;
/// A thing of this id exists already, or the change contradicts another.
pub const WARDKEY_CONFLICT: i32 = 301;
/// The program ended long work that it was asked about. Nothing of it is left.
pub const WARDKEY_CANCELLED: i32 = 302;

/// Storage: there is no database at the path. Correct the path, or make one with WARDKEY_MODE_CREATE.
pub const WARDKEY_STORAGE_MISSING: i32 = 400;
/// Storage: a database, or what belongs to one, exists at the path already; nothing was overwritten. Open
/// it with WARDKEY_MODE_OPEN, or choose another path.
pub const WARDKEY_STORAGE_EXISTS: i32 = 401;
/// Storage: the file is empty. Put a backup back and open it with WARDKEY_MODE_RESTORE, or move the file
/// away and make a database with WARDKEY_MODE_CREATE.
pub const WARDKEY_STORAGE_EMPTY_FILE: i32 = 402;
/// Storage: the file is something else than a Wardkey database, and was left alone. Correct the path.
pub const WARDKEY_STORAGE_FOREIGN_FILE: i32 = 403;
/// Storage: the file was written by a later major version of this library. Upgrade this one.
pub const WARDKEY_STORAGE_NEWER_FILE: i32 = 404;
/// Storage: the master key does not open this database. Bring the key, or put back the key file, that it
/// was made with.
pub const WARDKEY_STORAGE_WRONG_KEY: i32 = 405;
/// Storage: the key file beside the database is gone. It is never made anew: put it back. If the database
/// was made with a key of your own, set key_source.
pub const WARDKEY_STORAGE_KEY_MISSING: i32 = 406;
/// Storage: the database is older than its last acknowledged change: an old copy was put back. To accept
/// it, open it with WARDKEY_MODE_RESTORE, which ends all tokens.
pub const WARDKEY_STORAGE_STALE: i32 = 407;
/// Storage: the freshness file beside the database is gone, or another database's. Put it back, or open
/// with WARDKEY_MODE_RESTORE, which ends all tokens.
pub const WARDKEY_STORAGE_FRESHNESS_MISSING: i32 = 408;
/// Storage: the database lies on a network filesystem, whose locks cannot be trusted. Move it to a local
/// disk.
pub const WARDKEY_STORAGE_NETWORK: i32 = 409;
/// Storage: the file or its folder cannot be written by this user. Give it the right to both.
pub const WARDKEY_STORAGE_NOT_WRITABLE: i32 = 410;
/// Storage: another program held the database for longer than the busy timeout; try again.
pub const WARDKEY_STORAGE_BUSY: i32 = 411;
/// Storage: the disk is full, or the file has reached max_file_size; nothing was changed. Make room, or raise it, and
/// try again.
pub const WARDKEY_STORAGE_FULL: i32 = 412;
/// Storage: something in the file was edited outside this library, or damaged; the message names it. Put a
/// backup back and open it with WARDKEY_MODE_RESTORE.
pub const WARDKEY_STORAGE_CORRUPT: i32 = 413;
/// Storage: the operating system failed; the message says at what, system_code how.
pub const WARDKEY_STORAGE_IO: i32 = 414;
/// Storage: the disk failed during a commit, and whether it took place is not known. Look before you repeat
/// it.
pub const WARDKEY_STORAGE_OUTCOME_UNKNOWN: i32 = 415;
/// Storage: the host's key callback gave no key; system_code is what it returned.
pub const WARDKEY_STORAGE_KEY_CALLBACK: i32 = 416;

/// Internal: a defect of this library. Please report it with the message.
pub const WARDKEY_INTERNAL: i32 = 500;
/// Internal: a defect of this library that would have ended the process: it panicked.
pub const WARDKEY_INTERNAL_PANIC: i32 = 501;
/// Internal: too many passwords are being checked at once; try again.
pub const WARDKEY_INTERNAL_OVERLOADED: i32 = 502;
/// Internal: the program's own check_user failed, or its answer cannot be; the message says what. Nobody logged in.
pub const WARDKEY_INTERNAL_USER_CHECK: i32 = 503;

/// The status code of an error, and the system's.
pub(super) fn of_error(error: &Error) -> (i32, i32) {
    let code = match error {
        Error::Denied { why: why @ Denied::RateLimited { retry_after }, .. } => {
            return (of_denied(why), i32::try_from((*retry_after).max(1)).unwrap_or(i32::MAX));
        }
        Error::Denied { why, .. } => of_denied(why),
        Error::InvalidArgument { .. } => WARDKEY_MISUSE_ARGUMENT,
        Error::InvalidDocument { .. } => WARDKEY_MISUSE_DOCUMENT,
        Error::UnknownOperation { .. } => WARDKEY_MISUSE_OPERATION,
        Error::ActorMissing => WARDKEY_MISUSE_ACTOR,
        Error::Forked => WARDKEY_MISUSE_FORKED,
        Error::AnotherCopy { .. } => WARDKEY_MISUSE_ANOTHER_COPY,
        Error::Closed => WARDKEY_MISUSE_CLOSED,
        Error::NotFound { .. } => WARDKEY_NOT_FOUND,
        Error::Conflict { .. } => WARDKEY_CONFLICT,
        Error::DatabaseMissing { .. } => WARDKEY_STORAGE_MISSING,
        Error::DatabaseExists { .. } => WARDKEY_STORAGE_EXISTS,
        Error::EmptyFile { .. } => WARDKEY_STORAGE_EMPTY_FILE,
        Error::ForeignFile { .. } => WARDKEY_STORAGE_FOREIGN_FILE,
        Error::NewerFile { .. } => WARDKEY_STORAGE_NEWER_FILE,
        Error::WrongKey { .. } => WARDKEY_STORAGE_WRONG_KEY,
        Error::KeyMissing { .. } => WARDKEY_STORAGE_KEY_MISSING,
        Error::StaleDatabase { .. } => WARDKEY_STORAGE_STALE,
        Error::FreshnessMissing { .. } => WARDKEY_STORAGE_FRESHNESS_MISSING,
        Error::NetworkFilesystem { .. } => WARDKEY_STORAGE_NETWORK,
        Error::NotWritable { .. } => WARDKEY_STORAGE_NOT_WRITABLE,
        Error::Busy => WARDKEY_STORAGE_BUSY,
        Error::Full => WARDKEY_STORAGE_FULL,
        Error::Corrupt { .. } => WARDKEY_STORAGE_CORRUPT,
        Error::Io { code, .. } => return (WARDKEY_STORAGE_IO, *code),
        Error::OutcomeUnknown => WARDKEY_STORAGE_OUTCOME_UNKNOWN,
        Error::Overloaded => WARDKEY_INTERNAL_OVERLOADED,
        Error::UserCheck { .. } => WARDKEY_INTERNAL_USER_CHECK,
        Error::Internal { .. } => WARDKEY_INTERNAL,
    };
    (code, 0)
}

/// The status code of a refusal.
#[expect(clippy::too_many_lines, reason = "a table: a line for each refusal")]
const fn of_denied(why: &Denied) -> i32 {
    match why {
        Denied::TokenTooLong { .. } => WARDKEY_DENIED_TOKEN_TOO_LONG,
        Denied::TokenMalformed { .. } => WARDKEY_DENIED_TOKEN_MALFORMED,
        Denied::TokenHeaderForbidden { .. } => WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN,
        Denied::KeyUnknown => WARDKEY_DENIED_KEY_UNKNOWN,
        Denied::KeyRetired => WARDKEY_DENIED_KEY_RETIRED,
        Denied::AlgorithmMismatch => WARDKEY_DENIED_ALGORITHM_MISMATCH,
        Denied::BadSignature => WARDKEY_DENIED_BAD_SIGNATURE,
        Denied::WrongType => WARDKEY_DENIED_WRONG_TYPE,
        Denied::WrongIssuer => WARDKEY_DENIED_WRONG_ISSUER,
        Denied::WrongAudience => WARDKEY_DENIED_WRONG_AUDIENCE,
        Denied::BadClaim { .. } => WARDKEY_DENIED_BAD_CLAIM,
        Denied::TokenExpired { .. } => WARDKEY_DENIED_TOKEN_EXPIRED,
        Denied::TokenFromFuture { .. } => WARDKEY_DENIED_TOKEN_FROM_FUTURE,
        Denied::TokenUnknown => WARDKEY_DENIED_TOKEN_UNKNOWN,
        Denied::TokenRevoked => WARDKEY_DENIED_TOKEN_REVOKED,
        Denied::EpochEnded => WARDKEY_DENIED_EPOCH_ENDED,
        Denied::ClientTokensRevoked => WARDKEY_DENIED_CLIENT_TOKENS_REVOKED,
        Denied::CredentialRevoked => WARDKEY_DENIED_CREDENTIAL_REVOKED,
        Denied::ClientUnknown => WARDKEY_DENIED_CLIENT_UNKNOWN,
        Denied::ClientDisabled => WARDKEY_DENIED_CLIENT_DISABLED,
        Denied::SecretWrong => WARDKEY_DENIED_SECRET_WRONG,
        Denied::SecretNotYetValid => WARDKEY_DENIED_SECRET_NOT_YET_VALID,
        Denied::SecretExpired => WARDKEY_DENIED_SECRET_EXPIRED,
        Denied::SecretRevoked => WARDKEY_DENIED_SECRET_REVOKED,
        Denied::SecretUnconfirmed => WARDKEY_DENIED_SECRET_UNCONFIRMED,
        Denied::SecretMissing => WARDKEY_DENIED_SECRET_MISSING,
        Denied::CredentialMalformed => WARDKEY_DENIED_CREDENTIAL_MALFORMED,
        Denied::AuthenticationMethod => WARDKEY_DENIED_AUTHENTICATION_METHOD,
        Denied::GrantNotAllowed => WARDKEY_DENIED_GRANT_NOT_ALLOWED,
        Denied::ScopeNotAllowed { .. } => WARDKEY_DENIED_SCOPE_NOT_ALLOWED,
        Denied::ScopeMalformed => WARDKEY_DENIED_SCOPE_MALFORMED,
        Denied::InsufficientScope { .. } => WARDKEY_DENIED_INSUFFICIENT_SCOPE,
        Denied::PeerNotAllowed => WARDKEY_DENIED_PEER_NOT_ALLOWED,
        Denied::PeerUnknown => WARDKEY_DENIED_PEER_UNKNOWN,
        Denied::RateLimited { .. } => WARDKEY_DENIED_RATE_LIMITED,
        Denied::InsecureTransport => WARDKEY_DENIED_INSECURE_TRANSPORT,
        Denied::TokenMissing => WARDKEY_DENIED_TOKEN_MISSING,
        Denied::InvalidRequest { .. } => WARDKEY_DENIED_INVALID_REQUEST,
        Denied::GrantUnsupported => WARDKEY_DENIED_GRANT_UNSUPPORTED,
        Denied::TokenForeign => WARDKEY_DENIED_TOKEN_FOREIGN,
        Denied::UserUnknown => WARDKEY_DENIED_USER_UNKNOWN,
        Denied::UserDisabled => WARDKEY_DENIED_USER_DISABLED,
        Denied::UserUnconfirmed => WARDKEY_DENIED_USER_UNCONFIRMED,
        Denied::UserTokensRevoked => WARDKEY_DENIED_USER_TOKENS_REVOKED,
        Denied::PasswordWrong => WARDKEY_DENIED_PASSWORD_WRONG,
        Denied::GrantUnknown => WARDKEY_DENIED_GRANT_UNKNOWN,
        Denied::GrantRevoked => WARDKEY_DENIED_GRANT_REVOKED,
        Denied::GrantExpired => WARDKEY_DENIED_GRANT_EXPIRED,
        Denied::CodeUnknown => WARDKEY_DENIED_CODE_UNKNOWN,
        Denied::CodeExpired => WARDKEY_DENIED_CODE_EXPIRED,
        Denied::CodeSpent => WARDKEY_DENIED_CODE_SPENT,
        Denied::CodeForeign => WARDKEY_DENIED_CODE_FOREIGN,
        Denied::RedirectUriWrong => WARDKEY_DENIED_REDIRECT_URI_WRONG,
        Denied::VerifierWrong => WARDKEY_DENIED_VERIFIER_WRONG,
        Denied::RefreshTokenUnknown => WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN,
        Denied::RefreshTokenReused => WARDKEY_DENIED_REFRESH_TOKEN_REUSED,
        Denied::RefreshTokenForeign => WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN,
        Denied::AccessRefused => WARDKEY_DENIED_ACCESS_REFUSED,
        Denied::UserRefused => WARDKEY_DENIED_USER_REFUSED,
        Denied::IssuerDisabled => WARDKEY_DENIED_ISSUER_DISABLED,
    }
}

/// The name of a code.
pub(super) fn name(code: i32) -> &'static CStr {
    find(code).map_or(c"WARDKEY_UNKNOWN", |(_, name, _)| name)
}

/// What a code means.
pub(super) fn message(code: i32) -> &'static CStr {
    find(code).map_or(c"A code that this library does not know.", |(_, _, message)| message)
}

fn find(code: i32) -> Option<&'static Row> {
    CODES.iter().find(|(known, _, _)| *known == code)
}

/// A code, its name and what it means.
type Row = (i32, &'static CStr, &'static CStr);

/// Every code.
const CODES: &[Row] = &[
    (WARDKEY_OK, c"WARDKEY_OK", c"Success; of a security call: allowed."),
    (WARDKEY_MISUSE_NULL, c"WARDKEY_MISUSE_NULL", c"Misuse: a pointer that must not be NULL is NULL."),
    (WARDKEY_MISUSE_HANDLE, c"WARDKEY_MISUSE_HANDLE", c"Misuse: the handle is none that wardkey_open of this library gave out."),
    (WARDKEY_MISUSE_CLOSED, c"WARDKEY_MISUSE_CLOSED", c"Misuse: the handle was closed, by wardkey_close or because its slot is in use by a later engine."),
    (WARDKEY_MISUSE_KIND, c"WARDKEY_MISUSE_KIND", c"Misuse: the handle is of another kind than the function takes."),
    (WARDKEY_MISUSE_FOREIGN, c"WARDKEY_MISUSE_FOREIGN", c"Misuse: the handle was made by another copy of this library in the same process."),
    (WARDKEY_MISUSE_LENGTH, c"WARDKEY_MISUSE_LENGTH", c"Misuse: a length is larger than 2147483647, or a count larger than 65535."),
    (WARDKEY_MISUSE_UTF8, c"WARDKEY_MISUSE_UTF8", c"Misuse: a text is not UTF-8."),
    (WARDKEY_MISUSE_SIZE, c"WARDKEY_MISUSE_SIZE", c"Misuse: struct_size (or the size of a struct to fill) is not one that any release has, or the part of a struct that this release does not know is not zero."),
    (WARDKEY_MISUSE_ARGUMENT, c"WARDKEY_MISUSE_ARGUMENT", c"Misuse: an argument or a member of a struct has a value that it cannot have; the message names it."),
    (WARDKEY_MISUSE_DOCUMENT, c"WARDKEY_MISUSE_DOCUMENT", c"Misuse: a JSON document has an unknown, duplicate, missing or ill-typed member; the message has its path."),
    (WARDKEY_MISUSE_OPERATION, c"WARDKEY_MISUSE_OPERATION", c"Misuse: wardkey_call knows no such operation."),
    (WARDKEY_MISUSE_ACTOR, c"WARDKEY_MISUSE_ACTOR", c"Misuse: administration without an actor: say in the context or the options who does it."),
    (WARDKEY_MISUSE_FORKED, c"WARDKEY_MISUSE_FORKED", c"Misuse: this process was forked while an engine was open; only after exec can the child open one."),
    (WARDKEY_MISUSE_ABI, c"WARDKEY_MISUSE_ABI", c"Misuse: the header is newer than the library: install the library that the program was built for, or a later one."),
    (WARDKEY_MISUSE_TOO_MANY, c"WARDKEY_MISUSE_TOO_MANY", c"Misuse: 256 engines are open, or so many were opened and closed that no handle is left. Nothing was opened or created: open a database once and use the engine from all threads."),
    (WARDKEY_MISUSE_ANOTHER_COPY, c"WARDKEY_MISUSE_ANOTHER_COPY", c"Misuse: another copy of this library has the database open in this process, and each would drop the other's file locks. Load one copy for the whole process, or open the database in another process."),
    (WARDKEY_DENIED, c"WARDKEY_DENIED", c"Denied, for a reason that this header does not name."),
    (WARDKEY_DENIED_TOKEN_TOO_LONG, c"WARDKEY_DENIED_TOKEN_TOO_LONG", c"Denied: the token is longer than any that this library makes."),
    (WARDKEY_DENIED_TOKEN_MALFORMED, c"WARDKEY_DENIED_TOKEN_MALFORMED", c"Denied: the text is not a token."),
    (WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN, c"WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN", c"Denied: the token's header demands what is never honoured."),
    (WARDKEY_DENIED_KEY_UNKNOWN, c"WARDKEY_DENIED_KEY_UNKNOWN", c"Denied: no key of this database has the token's key id; a trusted site's next keys must be imported."),
    (WARDKEY_DENIED_KEY_RETIRED, c"WARDKEY_DENIED_KEY_RETIRED", c"Denied: the key that signed the token is retired."),
    (WARDKEY_DENIED_ALGORITHM_MISMATCH, c"WARDKEY_DENIED_ALGORITHM_MISMATCH", c"Denied: the token's algorithm is not that of the key it names."),
    (WARDKEY_DENIED_BAD_SIGNATURE, c"WARDKEY_DENIED_BAD_SIGNATURE", c"Denied: the token's signature does not verify."),
    (WARDKEY_DENIED_WRONG_TYPE, c"WARDKEY_DENIED_WRONG_TYPE", c"Denied: the token's type is not 'at+jwt'."),
    (WARDKEY_DENIED_WRONG_ISSUER, c"WARDKEY_DENIED_WRONG_ISSUER", c"Denied: the token was made by another issuer."),
    (WARDKEY_DENIED_WRONG_AUDIENCE, c"WARDKEY_DENIED_WRONG_AUDIENCE", c"Denied: the token is meant for another audience."),
    (WARDKEY_DENIED_BAD_CLAIM, c"WARDKEY_DENIED_BAD_CLAIM", c"Denied: a claim of the token is missing, ill-typed or out of range."),
    (WARDKEY_DENIED_TOKEN_EXPIRED, c"WARDKEY_DENIED_TOKEN_EXPIRED", c"Denied: the token has expired. Its client gets another one."),
    (WARDKEY_DENIED_TOKEN_FROM_FUTURE, c"WARDKEY_DENIED_TOKEN_FROM_FUTURE", c"Denied: the token starts in the future."),
    (WARDKEY_DENIED_TOKEN_UNKNOWN, c"WARDKEY_DENIED_TOKEN_UNKNOWN", c"Denied: no such opaque token was issued, or it expired long ago."),
    (WARDKEY_DENIED_TOKEN_REVOKED, c"WARDKEY_DENIED_TOKEN_REVOKED", c"Denied: the token was revoked."),
    (WARDKEY_DENIED_EPOCH_ENDED, c"WARDKEY_DENIED_EPOCH_ENDED", c"Denied: the token was issued before the database was restored."),
    (WARDKEY_DENIED_CLIENT_TOKENS_REVOKED, c"WARDKEY_DENIED_CLIENT_TOKENS_REVOKED", c"Denied: all tokens of the client were revoked."),
    (WARDKEY_DENIED_CREDENTIAL_REVOKED, c"WARDKEY_DENIED_CREDENTIAL_REVOKED", c"Denied: the secret that obtained the token was revoked."),
    (WARDKEY_DENIED_CLIENT_UNKNOWN, c"WARDKEY_DENIED_CLIENT_UNKNOWN", c"Denied: no such client is registered."),
    (WARDKEY_DENIED_CLIENT_DISABLED, c"WARDKEY_DENIED_CLIENT_DISABLED", c"Denied: the client is disabled."),
    (WARDKEY_DENIED_SECRET_WRONG, c"WARDKEY_DENIED_SECRET_WRONG", c"Denied: the secret is none of the client's."),
    (WARDKEY_DENIED_SECRET_NOT_YET_VALID, c"WARDKEY_DENIED_SECRET_NOT_YET_VALID", c"Denied: the secret is not valid yet."),
    (WARDKEY_DENIED_SECRET_EXPIRED, c"WARDKEY_DENIED_SECRET_EXPIRED", c"Denied: the secret has expired."),
    (WARDKEY_DENIED_SECRET_REVOKED, c"WARDKEY_DENIED_SECRET_REVOKED", c"Denied: the secret was revoked."),
    (WARDKEY_DENIED_SECRET_UNCONFIRMED, c"WARDKEY_DENIED_SECRET_UNCONFIRMED", c"Denied: the secret has not been confirmed since the database was restored."),
    (WARDKEY_DENIED_SECRET_MISSING, c"WARDKEY_DENIED_SECRET_MISSING", c"Denied: the client presented no secret."),
    (WARDKEY_DENIED_CREDENTIAL_MALFORMED, c"WARDKEY_DENIED_CREDENTIAL_MALFORMED", c"Denied: the id or the secret has a character or a length that none can have."),
    (WARDKEY_DENIED_AUTHENTICATION_METHOD, c"WARDKEY_DENIED_AUTHENTICATION_METHOD", c"Denied: the client is registered for another authentication method."),
    (WARDKEY_DENIED_GRANT_NOT_ALLOWED, c"WARDKEY_DENIED_GRANT_NOT_ALLOWED", c"Denied: the client is not registered for this grant."),
    (WARDKEY_DENIED_SCOPE_NOT_ALLOWED, c"WARDKEY_DENIED_SCOPE_NOT_ALLOWED", c"Denied: a scope was asked for that the client may not have."),
    (WARDKEY_DENIED_SCOPE_MALFORMED, c"WARDKEY_DENIED_SCOPE_MALFORMED", c"Denied: the scope asked for is not words parted by single spaces."),
    (WARDKEY_DENIED_INSUFFICIENT_SCOPE, c"WARDKEY_DENIED_INSUFFICIENT_SCOPE", c"Denied: the token lacks a scope that the operation requires."),
    (WARDKEY_DENIED_PEER_NOT_ALLOWED, c"WARDKEY_DENIED_PEER_NOT_ALLOWED", c"Denied: the caller's address is not in the client's 'allowed_networks'."),
    (WARDKEY_DENIED_PEER_UNKNOWN, c"WARDKEY_DENIED_PEER_UNKNOWN", c"Denied: the caller's address is unknown, and the client has 'allowed_networks'."),
    (WARDKEY_DENIED_RATE_LIMITED, c"WARDKEY_DENIED_RATE_LIMITED", c"Denied: it comes too often; the error's system_code has the seconds to wait."),
    (WARDKEY_DENIED_INSECURE_TRANSPORT, c"WARDKEY_DENIED_INSECURE_TRANSPORT", c"Denied: the request came over plain HTTP from another machine."),
    (WARDKEY_DENIED_TOKEN_MISSING, c"WARDKEY_DENIED_TOKEN_MISSING", c"Denied: the request carries no token."),
    (WARDKEY_DENIED_INVALID_REQUEST, c"WARDKEY_DENIED_INVALID_REQUEST", c"Denied: the request is malformed."),
    (WARDKEY_DENIED_GRANT_UNSUPPORTED, c"WARDKEY_DENIED_GRANT_UNSUPPORTED", c"Denied: the grant type is unknown."),
    (WARDKEY_DENIED_TOKEN_FOREIGN, c"WARDKEY_DENIED_TOKEN_FOREIGN", c"Denied: the token is another client's."),
    (WARDKEY_DENIED_USER_UNKNOWN, c"WARDKEY_DENIED_USER_UNKNOWN", c"Denied: the user does not exist, or was deleted."),
    (WARDKEY_DENIED_USER_DISABLED, c"WARDKEY_DENIED_USER_DISABLED", c"Denied: the user is disabled."),
    (WARDKEY_DENIED_USER_TOKENS_REVOKED, c"WARDKEY_DENIED_USER_TOKENS_REVOKED", c"Denied: all tokens of the user were revoked, by a new password for one."),
    (WARDKEY_DENIED_PASSWORD_WRONG, c"WARDKEY_DENIED_PASSWORD_WRONG", c"Denied: the password is not the user's."),
    (WARDKEY_DENIED_GRANT_UNKNOWN, c"WARDKEY_DENIED_GRANT_UNKNOWN", c"Denied: the user's authorization that the token came by is not known."),
    (WARDKEY_DENIED_GRANT_REVOKED, c"WARDKEY_DENIED_GRANT_REVOKED", c"Denied: the user's authorization was revoked."),
    (WARDKEY_DENIED_GRANT_EXPIRED, c"WARDKEY_DENIED_GRANT_EXPIRED", c"Denied: the user's authorization was unused for too long, or is too old."),
    (WARDKEY_DENIED_CODE_UNKNOWN, c"WARDKEY_DENIED_CODE_UNKNOWN", c"Denied: no such authorization code was issued."),
    (WARDKEY_DENIED_CODE_EXPIRED, c"WARDKEY_DENIED_CODE_EXPIRED", c"Denied: the authorization code has expired."),
    (WARDKEY_DENIED_CODE_SPENT, c"WARDKEY_DENIED_CODE_SPENT", c"Denied: the authorization code was used before."),
    (WARDKEY_DENIED_CODE_FOREIGN, c"WARDKEY_DENIED_CODE_FOREIGN", c"Denied: the authorization code is another client's."),
    (WARDKEY_DENIED_REDIRECT_URI_WRONG, c"WARDKEY_DENIED_REDIRECT_URI_WRONG", c"Denied: the redirect URI is not the one that the code was sent to."),
    (WARDKEY_DENIED_VERIFIER_WRONG, c"WARDKEY_DENIED_VERIFIER_WRONG", c"Denied: the code verifier does not match the challenge."),
    (WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN, c"WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN", c"Denied: no such refresh token was issued."),
    (WARDKEY_DENIED_REFRESH_TOKEN_REUSED, c"WARDKEY_DENIED_REFRESH_TOKEN_REUSED", c"Denied: the refresh token had been replaced before; its family is revoked."),
    (WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN, c"WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN", c"Denied: the refresh token is another client's."),
    (WARDKEY_DENIED_ACCESS_REFUSED, c"WARDKEY_DENIED_ACCESS_REFUSED", c"Denied: the user did not approve the request."),
    (WARDKEY_DENIED_USER_UNCONFIRMED, c"WARDKEY_DENIED_USER_UNCONFIRMED", c"Denied: the user has not been confirmed since the database was restored."),
    (WARDKEY_DENIED_USER_REFUSED, c"WARDKEY_DENIED_USER_REFUSED", c"Denied: the program's own check_user refused the name and the password."),
    (WARDKEY_DENIED_ISSUER_DISABLED, c"WARDKEY_DENIED_ISSUER_DISABLED", c"Denied: the site that signed the token is disabled, or was not enabled again after a restore."),
    (WARDKEY_NOT_FOUND, c"WARDKEY_NOT_FOUND", c"The thing named does not exist."),
    (WARDKEY_CONFLICT, c"WARDKEY_CONFLICT", c"A thing of this id exists already, or the change contradicts another."),
    (WARDKEY_CANCELLED, c"WARDKEY_CANCELLED", c"The program ended long work that it was asked about. Nothing of it is left."),
    (WARDKEY_STORAGE_MISSING, c"WARDKEY_STORAGE_MISSING", c"Storage: there is no database at the path. Correct the path, or make one with WARDKEY_MODE_CREATE."),
    (WARDKEY_STORAGE_EXISTS, c"WARDKEY_STORAGE_EXISTS", c"Storage: a database, or what belongs to one, exists at the path already; nothing was overwritten. Open it with WARDKEY_MODE_OPEN, or choose another path."),
    (WARDKEY_STORAGE_EMPTY_FILE, c"WARDKEY_STORAGE_EMPTY_FILE", c"Storage: the file is empty. Put a backup back and open it with WARDKEY_MODE_RESTORE, or move the file away and make a database with WARDKEY_MODE_CREATE."),
    (WARDKEY_STORAGE_FOREIGN_FILE, c"WARDKEY_STORAGE_FOREIGN_FILE", c"Storage: the file is something else than a Wardkey database, and was left alone. Correct the path."),
    (WARDKEY_STORAGE_NEWER_FILE, c"WARDKEY_STORAGE_NEWER_FILE", c"Storage: the file was written by a later major version of this library. Upgrade this one."),
    (WARDKEY_STORAGE_WRONG_KEY, c"WARDKEY_STORAGE_WRONG_KEY", c"Storage: the master key does not open this database. Bring the key, or put back the key file, that it was made with."),
    (WARDKEY_STORAGE_KEY_MISSING, c"WARDKEY_STORAGE_KEY_MISSING", c"Storage: the key file beside the database is gone. It is never made anew: put it back. If the database was made with a key of your own, set key_source."),
    (WARDKEY_STORAGE_STALE, c"WARDKEY_STORAGE_STALE", c"Storage: the database is older than its last acknowledged change: an old copy was put back. To accept it, open it with WARDKEY_MODE_RESTORE, which ends all tokens."),
    (WARDKEY_STORAGE_FRESHNESS_MISSING, c"WARDKEY_STORAGE_FRESHNESS_MISSING", c"Storage: the freshness file beside the database is gone, or another database's. Put it back, or open with WARDKEY_MODE_RESTORE, which ends all tokens."),
    (WARDKEY_STORAGE_NETWORK, c"WARDKEY_STORAGE_NETWORK", c"Storage: the database lies on a network filesystem, whose locks cannot be trusted. Move it to a local disk."),
    (WARDKEY_STORAGE_NOT_WRITABLE, c"WARDKEY_STORAGE_NOT_WRITABLE", c"Storage: the file or its folder cannot be written by this user. Give it the right to both."),
    (WARDKEY_STORAGE_BUSY, c"WARDKEY_STORAGE_BUSY", c"Storage: another program held the database for longer than the busy timeout; try again."),
    (WARDKEY_STORAGE_FULL, c"WARDKEY_STORAGE_FULL", c"Storage: the disk is full, or the file has reached max_file_size; nothing was changed. Make room, or raise it, and try again."),
    (WARDKEY_STORAGE_CORRUPT, c"WARDKEY_STORAGE_CORRUPT", c"Storage: something in the file was edited outside this library, or damaged; the message names it. Put a backup back and open it with WARDKEY_MODE_RESTORE."),
    (WARDKEY_STORAGE_IO, c"WARDKEY_STORAGE_IO", c"Storage: the operating system failed; the message says at what, system_code how."),
    (WARDKEY_STORAGE_OUTCOME_UNKNOWN, c"WARDKEY_STORAGE_OUTCOME_UNKNOWN", c"Storage: the disk failed during a commit, and whether it took place is not known. Look before you repeat it."),
    (WARDKEY_STORAGE_KEY_CALLBACK, c"WARDKEY_STORAGE_KEY_CALLBACK", c"Storage: the host's key callback gave no key; system_code is what it returned."),
    (WARDKEY_INTERNAL, c"WARDKEY_INTERNAL", c"Internal: a defect of this library. Please report it with the message."),
    (WARDKEY_INTERNAL_PANIC, c"WARDKEY_INTERNAL_PANIC", c"Internal: a defect of this library that would have ended the process: it panicked."),
    (WARDKEY_INTERNAL_OVERLOADED, c"WARDKEY_INTERNAL_OVERLOADED", c"Internal: too many passwords are being checked at once; try again."),
    (WARDKEY_INTERNAL_USER_CHECK, c"WARDKEY_INTERNAL_USER_CHECK", c"Internal: the program's own check_user failed, or its answer cannot be; the message says what. Nobody logged in."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_the_hundred_of_their_name() {
        for pair in CODES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{:?}", pair[1].1);
        }
        for (code, name, message) in CODES {
            let name = name.to_str().unwrap();
            let hundred = match name.strip_prefix("WARDKEY_").unwrap().split('_').next().unwrap() {
                "OK" => 0,
                "MISUSE" => 1,
                "DENIED" => 2,
                "NOT" | "CONFLICT" | "CANCELLED" => 3,
                "STORAGE" => 4,
                _ => 5,
            };
            assert_eq!(code / 100, hundred, "{name}");
            assert!(message.to_str().unwrap().ends_with('.'), "{name}");
        }
        assert_eq!(name(-1), c"WARDKEY_UNKNOWN");
    }

    #[test]
    fn a_codes_message_is_what_the_header_says_of_it() {
        let mut said = String::new();
        let mut codes = 0;
        for line in include_str!("status.rs").lines() {
            if let Some(text) = line.strip_prefix("/// ") {
                said = format!("{said} {text}").trim().replace('`', "'");
                continue;
            }
            if let Some(rest) = line.strip_prefix("pub const ") {
                let (name, value) = rest.split_once(": i32 = ").unwrap();
                let code = value.strip_suffix(';').unwrap().parse().unwrap();
                assert_eq!(super::name(code).to_str(), Ok(name));
                assert_eq!(message(code).to_str().unwrap(), said, "{name}");
                codes += 1;
            }
            said.clear();
        }
        assert_eq!(codes, CODES.len());
    }

    // Who reads these has a program that does not start.
    #[test]
    fn every_way_of_not_opening_says_what_to_do_next() {
        let path = || std::path::PathBuf::from("clinic.db");
        for (error, next) in [
            (Error::DatabaseMissing { path: path() }, "MODE_CREATE"),
            (Error::DatabaseExists { path: path() }, "MODE_OPEN"),
            (Error::EmptyFile { path: path() }, "MODE_RESTORE"),
            (Error::ForeignFile { path: path() }, "Correct the path"),
            (Error::NewerFile { needs: 2, known: 1 }, "Upgrade"),
            (
                Error::WrongKey {
                    key_id: String::new(),
                    key_source: "file",
                    skipped: Box::default(),
                },
                "Bring the key",
            ),
            (Error::KeyMissing { path: path() }, "put it back"),
            (Error::StaleDatabase { found: 1, acknowledged: 2 }, "MODE_RESTORE"),
            (Error::FreshnessMissing { path: path() }, "MODE_RESTORE"),
            (Error::NetworkFilesystem { path: path(), kind: "nfs" }, "local disk"),
            (Error::NotWritable { path: path() }, "Give it the right"),
            (Error::Busy, "try again"),
            (Error::Full, "try again"),
            (Error::Corrupt { what: "client `lab`".into() }, "MODE_RESTORE"),
            (Error::Io { doing: "reading", code: 5, message: String::new() }, "system_code"),
            (Error::OutcomeUnknown, "before you repeat it"),
        ] {
            let (code, _) = of_error(&error);
            assert_eq!(code / 100, 4, "{error:?}");
            let text = message(code).to_str().unwrap();
            assert!(text.contains(next), "{error:?}: {text}");
        }
    }
}
