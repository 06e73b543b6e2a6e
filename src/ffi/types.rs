//! The structs of the header.
//!
//! Every one is made of `i32`, `u32`, `i64`, lengths, pointers and bytes, padded by hand; `layout.rs` has
//! their sizes and offsets, which never change.

use std::ffi::{c_char, c_void};

/// An open engine: a token that only this library can read, not an address.
///
/// It is made by wardkey_open and ended by wardkey_close. Copy it as you like; every copy ends with the
/// first close, and the functions answer WARDKEY_MISUSE_CLOSED from then on. Any thread may use it at
/// any time.
pub struct EngineHandle {
    _opaque: [u8; 0],
}

/// What went wrong. The caller allocates it, and may pass NULL instead.
///
/// Every function that takes one fills it, also on success (code 0, empty message). It is 248 bytes in
/// every release.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ErrorReport {
    /// The code that the function returned.
    pub code: i32,
    /// The operating system's or SQLite's code where there is one; with WARDKEY_DENIED_RATE_LIMITED the seconds
    /// to wait, for your `Retry-After` header; else 0.
    pub system_code: i32,
    /// A sentence for the operator and the log: UTF-8, NUL-terminated, never a secret. Do not send it to
    /// the remote caller.
    pub message: [c_char; 240],
}

/// Bytes that the library gave out. Free them with wardkey_buf_free.
///
/// Initialise it to zero. A function that fills one does not free what was in it before.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Buf {
    /// The bytes; NULL when there are none. One more byte behind them is NUL, so that a text can be
    /// printed. You may write to them, but not set the pointer: it is needed to free them.
    pub data: *mut c_char,
    /// How many, without that NUL.
    pub length: usize,
    /// The library's own note; do not change it.
    pub capacity: usize,
}

/// One header field of an HTTP message: a name and a value, as received or to be sent. A received one whose
/// name is not UTF-8 is passed over.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Header {
    /// The name, in any case.
    pub name: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub name_len: usize,
    /// The value.
    pub value: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub value_len: usize,
}

/// Who asks, from where, and how: part of every call that decides something.
///
/// Initialise it to zero, set struct_size, then the members you know. A member that is NULL is unknown,
/// and what is unknown never helps: a client with `allowed_networks` is refused when peer is NULL.
///
/// ```c
/// wardkey_context context = {0};
/// context.struct_size = sizeof context;
/// context.secure = 1;
/// context.peer = "192.0.2.7";
/// context.peer_len = WARDKEY_NTS;
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CallContext {
    /// `sizeof(wardkey_context)`.
    pub struct_size: u32,
    /// 1 if the request came over TLS, to this program or to a proxy that it trusts; else 0.
    pub secure: u32,
    /// Who administers: a person or a program, in your own words. wardkey_call demands it; the audit
    /// keeps it.
    pub actor: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub actor_len: usize,
    /// The address at the other end of the connection, as your socket has it: `192.0.2.7`, `::1`. No
    /// port. A zone (`fe80::1%eth0`) is ignored.
    pub peer: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub peer_len: usize,
    /// The value of the request's `Forwarded` or `X-Forwarded-For` header, several joined by commas; NULL
    /// without one. It counts only if peer is one of the settings' `trusted_proxies`. wardkey_http and
    /// wardkey_authorize read it from the request's headers themselves when it is NULL. Bytes as received.
    pub forwarded: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub forwarded_len: usize,
    /// Your own id for the request, kept in the audit: at most 255 bytes without control characters.
    pub correlation_id: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub correlation_id_len: usize,
}

/// Whom a valid token speaks for. wardkey_verify and wardkey_authorize fill it.
///
/// The texts are UTF-8 and NUL-terminated; their lengths do not count the NUL. Times are seconds since
/// 1970-01-01 UTC. The token's scopes and the client's `host_data` come through wardkey_claims.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct PrincipalReport {
    /// When the token ends.
    pub expires_at: i64,
    /// When it was issued.
    pub issued_at: i64,
    /// WARDKEY_KIND_CLIENT or WARDKEY_KIND_USER.
    pub kind: u32,
    /// WARDKEY_TOKEN_JWT or WARDKEY_TOKEN_OPAQUE.
    pub token_format: u32,
    /// Bytes in client_id.
    pub client_id_len: u32,
    /// Bytes in subject.
    pub subject_len: u32,
    /// Bytes in token_id.
    pub token_id_len: u32,
    /// 0.
    pub reserved: u32,
    /// The client that the token was given to.
    pub client_id: [c_char; 128],
    /// Whom it speaks for: the client itself, or a user, whose id begins with `usr_`.
    pub subject: [c_char; 256],
    /// The token's own id (`jti`), as the audit has it.
    pub token_id: [c_char; 64],
}

/// Somebody who says that they are one of your own users. The library fills it for check_user.
///
/// The texts are UTF-8 and NUL-terminated, and valid until check_user returns. Later releases may add members at
/// the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct UserLoginParts {
    /// `sizeof(wardkey_user_login)`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The name as typed, in Unicode's Normalization Form C: 1 to 255 characters, none a control character, no
    /// white space at its ends. Guesses are counted for each name in lower case: names that you take for the same
    /// although they differ by more are worth as many guesses each.
    pub username: *const c_char,
    /// Its length in bytes, without the NUL.
    pub username_len: usize,
    /// The password as typed, not normalised: no control character, up to 1024 bytes when normalised. Wiped after
    /// check_user has returned; a copy is yours to wipe.
    pub password: *const c_char,
    /// Its length in bytes, without the NUL.
    pub password_len: usize,
    /// From which address; NULL when it is not known.
    pub peer: *const c_char,
    /// Its length in bytes, without the NUL.
    pub peer_len: usize,
    /// The correlation_id of the call's wardkey_context; NULL without one.
    pub correlation_id: *const c_char,
    /// Its length in bytes, without the NUL.
    pub correlation_id_len: usize,
}

/// What you say of them. The library makes it, all zero but for struct_size, and reads it when check_user has
/// returned WARDKEY_USER_APPROVED; otherwise it is not looked at.
///
/// ```c
/// static int32_t WARDKEY_CALL check_staff(void *user, const wardkey_user_login *login,
///                                         wardkey_user_verdict *verdict) {
///     const staff *found = find_staff(user, login->username);
///     if (!is_password(found, login->password)) { // as slow when nobody was found
///         return WARDKEY_USER_REFUSED;
///     }
///     snprintf(verdict->subject, sizeof verdict->subject, "%s", found->number);
///     snprintf(verdict->scope, sizeof verdict->scope, "%s", found->scopes);
///     return WARDKEY_USER_APPROVED;
/// }
/// ```
///
/// Both texts are NUL-terminated. The arrays are longer than what may stand in them, so that a text that was cut to
/// fit is refused and not believed.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct UserVerdictParts {
    /// `sizeof(wardkey_user_verdict)`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Your name for the user, which never changes: 1 to 200 printable ASCII characters without spaces. Their
    /// tokens' subject is `usr_.` and this. Who was disabled here (`user.disable`) stays out all the same.
    pub subject: [c_char; 256],
    /// All words that they may have, beside those of roles that were given to them here: what is not named is gone,
    /// from living tokens too. Parted by single spaces, at most 4096 characters; empty for none. Words that the
    /// catalogue does not have give nothing.
    pub scope: [c_char; 4352],
}

/// How to open a database. wardkey_options_init fills in the defaults.
///
/// Nothing in it but check_user changes an answer: all else that does lives in the database's settings, for all
/// programs alike.
/// Callbacks run on the thread of the call that needs them and must not call into this library. Each has a
/// `user` pointer that is passed to it unread, and a destroy function (NULL if there is nothing to
/// destroy) that is called exactly once with that pointer: when wardkey_open fails, or else when
/// the engine is closed and its last call has returned. Only if wardkey_open could not read the struct
/// (options is NULL, or WARDKEY_MISUSE_SIZE) is no callback called at all.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OpenOptions {
    /// `sizeof(wardkey_options)`.
    pub struct_size: u32,
    /// One of WARDKEY_MODE_OPEN (the default), _CREATE, _RESTORE, _MIGRATE.
    pub mode: u32,
    /// The database file. Required. It keeps a few files beside it: leave them together.
    pub path: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub path_len: usize,
    /// Where the master key is: WARDKEY_KEY_FILE (the default), _BYTES, _CALLBACK, _DPAPI.
    pub key_source: u32,
    /// How long a write waits for other programs, in milliseconds; 0 for the default of 5000.
    pub busy_timeout_ms: u32,
    /// With WARDKEY_KEY_BYTES the 32 bytes of the master key; copied, and yours to wipe. While the key is
    /// being changed (`key.rekey`): the new and the old one, one behind the other; the one that opens is used.
    pub key: *const c_void,
    /// 32, or 32 for each key.
    pub key_len: usize,
    /// With WARDKEY_KEY_CALLBACK: writes 32 bytes to key, not all zeros, and returns 0, or anything else if it cannot.
    /// Called once, by wardkey_open.
    pub key_read: Option<extern "C" fn(user: *mut c_void, key: *mut u8, key_size: usize) -> i32>,
    /// Passed to key_read.
    pub key_user: *mut c_void,
    /// Destroys key_user.
    pub key_destroy: Option<extern "C" fn(user: *mut c_void)>,
    /// With WARDKEY_MODE_CREATE the first settings, as the JSON document of the operation `settings.set`;
    /// NULL for the defaults. In every other mode it must be NULL.
    pub settings: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub settings_len: usize,
    /// With WARDKEY_MODE_CREATE and _RESTORE who does it, for the audit. Required there, unread elsewhere.
    pub actor: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub actor_len: usize,
    /// The time in milliseconds since 1970-01-01 UTC, for tests: NULL (the default) for the machine's
    /// clock. Opening with a clock of your own is recorded in the audit. Called at any time, by any thread.
    pub clock_wall_ms: Option<extern "C" fn(user: *mut c_void) -> i64>,
    /// Milliseconds since any start, never running backwards. Set both or neither.
    pub clock_monotonic_ms: Option<extern "C" fn(user: *mut c_void) -> i64>,
    /// Passed to both.
    pub clock_user: *mut c_void,
    /// Destroys clock_user.
    pub clock_destroy: Option<extern "C" fn(user: *mut c_void)>,
    /// Told of every error of storage or of this library itself (codes from 400), also those for which
    /// wardkey_open fails, and those that wardkey_http turned into a 5xx response: code, and the message as
    /// in wardkey_error, NUL-terminated, valid during the call. NULL (the default) for nobody.
    pub log: Option<
        extern "C" fn(user: *mut c_void, code: i32, message: *const c_char, message_len: usize),
    >,
    /// Passed to log.
    pub log_user: *mut c_void,
    /// Destroys log_user.
    pub log_destroy: Option<extern "C" fn(user: *mut c_void)>,
    /// Says who your own users are, at the login page and at BioT's login; NULL (the default) if you have none.
    /// Returns WARDKEY_USER_APPROVED after filling the verdict, or WARDKEY_USER_REFUSED; anything else, 0 too, says
    /// that it could not find out: nobody logs in, nothing is counted, the remote caller gets a 503, and log is
    /// told WARDKEY_INTERNAL_USER_CHECK with the value. An approval without a subject that can be one, or with a
    /// scope that is none, is the same.
    ///
    /// A name that a user has who was made by `user.create` is checked here alone; you are asked about every other
    /// one, after the throttle of all logins, which counts what you refuse. It may be called by 16 threads at once;
    /// more logins than that get a 503. It should take as long for a name that you do not know as for a wrong
    /// password, for that time can be measured from outside.
    pub check_user: Option<
        extern "C" fn(
            user: *mut c_void,
            login: *const UserLoginParts,
            verdict: *mut UserVerdictParts,
        ) -> i32,
    >,
    /// Passed to check_user.
    pub check_user_user: *mut c_void,
    /// Destroys check_user_user.
    pub check_user_destroy: Option<extern "C" fn(user: *mut c_void)>,
}

/// One HTTP request as your server received it.
///
/// Texts are the bytes as received; they need not be UTF-8, but base_path, which is yours.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct HttpRequestParts {
    /// `sizeof(wardkey_http_request)`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `POST`, `GET`. Required.
    pub method: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub method_len: usize,
    /// The path without the query, percent-encoded as received, base_path included. Required.
    pub path: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub path_len: usize,
    /// Where you mount the engine, such as `/auth`; NULL or empty at the root.
    pub base_path: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub base_path_len: usize,
    /// What follows the `?`, percent-encoded as received; NULL or empty without one.
    pub query: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub query_len: usize,
    /// All header fields in the order received.
    pub headers: *const Header,
    /// How many; at most 65535.
    pub header_count: usize,
    /// The whole body; NULL without one.
    pub body: *const c_char,
    /// Its length in bytes, or WARDKEY_NTS.
    pub body_len: usize,
}

/// One HTTP response for your server to send. The struct is yours; what it points to is freed by
/// wardkey_http_response_free.
///
/// Initialise it to zero. wardkey_http does not free what was in it before.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct HttpResponseParts {
    /// The status code, such as 200.
    pub status: i32,
    /// 0.
    pub reserved: u32,
    /// The header fields to send: NUL-terminated texts. There is no Content-Length among them: add what
    /// your server needs.
    pub headers: *const Header,
    /// How many.
    pub header_count: usize,
    /// The body, NUL-terminated behind its end. It may hold a token: do not log it.
    pub body: *const c_char,
    /// Its length in bytes, without that NUL.
    pub body_len: usize,
    /// The library's own note; do not change it.
    pub owner: *mut c_void,
}

/// The version of this header. A library refuses a newer one: see wardkey_abi_check.
pub const WARDKEY_ABI_VERSION: u32 = 1;

/// The length that stands for "up to the NUL". No text can be this long: texts have at most 2147483647
/// bytes.
pub const WARDKEY_NTS: usize = 4_294_967_295;

/// The scopes argument that says: any valid token will do. cbindgen cannot print it; the header has it
/// from cbindgen.toml. It begins with a space, so it can be no list of scopes.
pub(super) const WARDKEY_ANY_SCOPE: &[u8] = b" any";

/// Open an existing database.
pub const WARDKEY_MODE_OPEN: u32 = 0;
/// Create a database, and open it. WARDKEY_STORAGE_EXISTS if there is anything at the path.
pub const WARDKEY_MODE_CREATE: u32 = 1;
/// Accept a database that may be an old copy, and open it: all tokens end, every secret has to be confirmed
/// by the operation `client.secret.confirm`, and every user by `user.confirm`. The row `database.restore` of the
/// audit counts what is refused since.
pub const WARDKEY_MODE_RESTORE: u32 = 2;
/// Bring the file to this library's format if it has an older one, and open it. In this release there is
/// no older format: every file that opens is current.
pub const WARDKEY_MODE_MIGRATE: u32 = 3;
/// As WARDKEY_MODE_RESTORE, but secrets and passwords are trusted as they stand in the copy: what was revoked or
/// replaced since it was made is good again. Recorded in the audit.
pub const WARDKEY_MODE_RESTORE_TRUSTING: u32 = 4;

/// The master key is in a file beside the database, made together with it. Who can read the whole folder
/// can read everything.
pub const WARDKEY_KEY_FILE: u32 = 0;
/// The master key is in the options.
pub const WARDKEY_KEY_BYTES: u32 = 1;
/// The master key comes from a callback.
pub const WARDKEY_KEY_CALLBACK: u32 = 2;
/// The master key is sealed by Windows for this machine, in the file beside the database: matters when one is
/// made; opened it is as with WARDKEY_KEY_FILE.
pub const WARDKEY_KEY_DPAPI: u32 = 3;

/// check_user: the name and the password are those of the user in the verdict. It is not 0, which a callback
/// returns that forgot to, or that its language's runtime ended with an exception.
pub const WARDKEY_USER_APPROVED: i32 = 1;
/// check_user: they are nobody's, or not now. The audit says `user_refused`.
pub const WARDKEY_USER_REFUSED: i32 = 2;

/// The token speaks for the client itself.
pub const WARDKEY_KIND_CLIENT: u32 = 1;
/// The token speaks for a user.
pub const WARDKEY_KIND_USER: u32 = 2;

/// The token is a signed JWT.
pub const WARDKEY_TOKEN_JWT: u32 = 1;
/// The token is a random text that only this database knows.
pub const WARDKEY_TOKEN_OPAQUE: u32 = 2;
