//! The status codes, and what each error and refusal is as one.

use crate::{Denied, Error};

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
/// Misuse: administration without an actor in the context.
pub const WARDKEY_MISUSE_ACTOR: i32 = 111;
/// Misuse: this process was forked while an engine was open; only after exec can the child open one.
pub const WARDKEY_MISUSE_FORKED: i32 = 112;
/// Misuse: the header is newer than the library.
pub const WARDKEY_MISUSE_ABI: i32 = 113;
/// Misuse: 256 engines are open, or so many were opened and closed that no handle is left.
pub const WARDKEY_MISUSE_TOO_MANY: i32 = 114;

/// Denied, for a reason that this header does not name.
pub const WARDKEY_DENIED: i32 = 200;
/// Denied: the token is longer than any that this library makes.
pub const WARDKEY_DENIED_TOKEN_TOO_LONG: i32 = 201;
/// Denied: the text is not a token.
pub const WARDKEY_DENIED_TOKEN_MALFORMED: i32 = 202;
/// Denied: the token's header demands what is never honoured.
pub const WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN: i32 = 203;
/// Denied: no key of this database has the token's key id.
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
/// Denied: the client has used up its rate.
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

/// The thing named does not exist.
pub const WARDKEY_NOT_FOUND: i32 = 300;
/// A thing of this id exists already, or the change contradicts another.
pub const WARDKEY_CONFLICT: i32 = 301;

/// Storage: there is no database at the path.
pub const WARDKEY_STORAGE_MISSING: i32 = 400;
/// Storage: a database, or what belongs to one, exists at the path already; nothing was overwritten.
pub const WARDKEY_STORAGE_EXISTS: i32 = 401;
/// Storage: the file is empty.
pub const WARDKEY_STORAGE_EMPTY_FILE: i32 = 402;
/// Storage: the file is something else than a Wardkey database.
pub const WARDKEY_STORAGE_FOREIGN_FILE: i32 = 403;
/// Storage: the file was written by a later major version of this library.
pub const WARDKEY_STORAGE_NEWER_FILE: i32 = 404;
/// Storage: the master key does not open this database.
pub const WARDKEY_STORAGE_WRONG_KEY: i32 = 405;
/// Storage: the key file beside the database is gone. It is never made anew: put it back.
pub const WARDKEY_STORAGE_KEY_MISSING: i32 = 406;
/// Storage: the database is older than its last acknowledged change; open it with WARDKEY_MODE_RESTORE.
pub const WARDKEY_STORAGE_STALE: i32 = 407;
/// Storage: the freshness file beside the database is gone; open it with WARDKEY_MODE_RESTORE.
pub const WARDKEY_STORAGE_FRESHNESS_MISSING: i32 = 408;
/// Storage: the database lies on a network filesystem.
pub const WARDKEY_STORAGE_NETWORK: i32 = 409;
/// Storage: the file or its folder cannot be written by this user.
pub const WARDKEY_STORAGE_NOT_WRITABLE: i32 = 410;
/// Storage: another program held the database for longer than the busy timeout; try again.
pub const WARDKEY_STORAGE_BUSY: i32 = 411;
/// Storage: the disk is full; nothing was changed.
pub const WARDKEY_STORAGE_FULL: i32 = 412;
/// Storage: something in the file was edited outside this library, or damaged.
pub const WARDKEY_STORAGE_CORRUPT: i32 = 413;
/// Storage: the operating system failed; see system_code.
pub const WARDKEY_STORAGE_IO: i32 = 414;
/// Storage: the disk failed during a commit, and whether it took place is not known.
pub const WARDKEY_STORAGE_OUTCOME_UNKNOWN: i32 = 415;
/// Storage: the host's key callback gave no key; system_code is what it returned.
pub const WARDKEY_STORAGE_KEY_CALLBACK: i32 = 416;

/// Internal: a defect of this library. Please report it with the message.
pub const WARDKEY_INTERNAL: i32 = 500;
/// Internal: a defect of this library that would have ended the process: it panicked.
pub const WARDKEY_INTERNAL_PANIC: i32 = 501;
/// Internal: too many passwords are being checked at once; try again.
pub const WARDKEY_INTERNAL_OVERLOADED: i32 = 502;
