/*
 * Wardkey: an OAuth 2.0 engine that runs inside your program.
 *
 * For whom OAuth is new: a client is a program that calls your API, such as a lab's interface. You
 * register it once and give it an id and a secret. It exchanges them for an access token (wardkey_http
 * answers it, or wardkey_issue), which is good for an hour or so, and sends the token with every request.
 * You ask wardkey_verify or wardkey_authorize whether the request may go on. A scope is a word such as
 * `lab:read`: what a client may do at most, and what an operation of your API requires.
 *
 *     wardkey_options_init   defaults, then set mode and path
 *     wardkey_open           once, at the start of the program
 *     wardkey_call           administration: register clients, revoke, read the audit (JSON in and out)
 *     wardkey_backup         a copy of the file while it is in use; wardkey_check examines the whole file
 *     wardkey_http           for requests to the paths of the OAuth endpoints, which wardkey_serves knows
 *     wardkey_authorize      for every other request of your API
 *     wardkey_close          once, at the end
 *
 * Rules for all functions:
 *
 * - They return a status code: WARDKEY_OK (0) is success, and of wardkey_verify and wardkey_authorize it
 *   alone means allowed. Codes come in hundreds: 1xx you called it wrongly, 2xx denied, 3xx not found, in
 *   conflict or cancelled, 4xx the file or the disk, 5xx this library. Later releases may add codes.
 * - A wardkey_error says more, for the log. It may be NULL. No message holds a secret.
 * - Results are written on success only; but out-structs, wardkey_buf and handles are set to zero first.
 * - Texts are UTF-8 with a length in bytes; WARDKEY_NTS as the length stands for "up to the NUL".
 * - Structs that you pass begin with struct_size: set it to sizeof, and the rest to zero before use.
 * - Any thread may call any function at any time. After a fork, the child opens an engine of its own.
 * - Nothing here starts a thread, installs a handler or reads the environment.
 *
 * This file is printed from the sources: do not edit it.
 */
#ifndef WARDKEY_H
#define WARDKEY_H

/* On Windows define WARDKEY_STATIC when linking statically. */
#if defined(_WIN32) && !defined(WARDKEY_STATIC)
#define WARDKEY_API __declspec(dllimport)
#else
#define WARDKEY_API
#endif

/* Everything is cdecl, callbacks too. */
#if defined(_WIN32) && !defined(_WIN64)
#define WARDKEY_CALL __cdecl
#else
#define WARDKEY_CALL
#endif

// The scopes argument that says: any valid token will do, whatever its scopes. Nothing else says so.
#define WARDKEY_ANY_SCOPE " any"

#include <stddef.h>
#include <stdint.h>

// Success; of a security call: allowed.
#define WARDKEY_OK 0

// Misuse: a pointer that must not be NULL is NULL.
#define WARDKEY_MISUSE_NULL 100

// Misuse: the handle is none that wardkey_open of this library gave out.
#define WARDKEY_MISUSE_HANDLE 101

// Misuse: the handle was closed, by wardkey_close or because its slot is in use by a later engine.
#define WARDKEY_MISUSE_CLOSED 102

// Misuse: the handle is of another kind than the function takes.
#define WARDKEY_MISUSE_KIND 103

// Misuse: the handle was made by another copy of this library in the same process.
#define WARDKEY_MISUSE_FOREIGN 104

// Misuse: a length is larger than 2147483647, or a count larger than 65535.
#define WARDKEY_MISUSE_LENGTH 105

// Misuse: a text is not UTF-8.
#define WARDKEY_MISUSE_UTF8 106

// Misuse: struct_size (or the size of a struct to fill) is not one that any release has, or the part of
// a struct that this release does not know is not zero.
#define WARDKEY_MISUSE_SIZE 107

// Misuse: an argument or a member of a struct has a value that it cannot have; the message names it.
#define WARDKEY_MISUSE_ARGUMENT 108

// Misuse: a JSON document has an unknown, duplicate, missing or ill-typed member; the message has its path.
#define WARDKEY_MISUSE_DOCUMENT 109

// Misuse: wardkey_call knows no such operation.
#define WARDKEY_MISUSE_OPERATION 110

// Misuse: administration without an actor: say in the context or the options who does it.
#define WARDKEY_MISUSE_ACTOR 111

// Misuse: this process was forked while an engine was open; only after exec can the child open one.
#define WARDKEY_MISUSE_FORKED 112

// Misuse: the header is newer than the library: install the library that the program was built for, or a
// later one.
#define WARDKEY_MISUSE_ABI 113

// Misuse: 256 engines are open, or so many were opened and closed that no handle is left. Nothing was
// opened or created: open a database once and use the engine from all threads.
#define WARDKEY_MISUSE_TOO_MANY 114

// Misuse: another copy of this library has the database open in this process, and each would drop the other's
// file locks. Load one copy for the whole process, or open the database in another process.
#define WARDKEY_MISUSE_ANOTHER_COPY 115

// Denied, for a reason that this header does not name.
#define WARDKEY_DENIED 200

// Denied: the token is longer than any that this library makes.
#define WARDKEY_DENIED_TOKEN_TOO_LONG 201

// Denied: the text is not a token.
#define WARDKEY_DENIED_TOKEN_MALFORMED 202

// Denied: the token's header demands what is never honoured.
#define WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN 203

// Denied: no key of this database has the token's key id; a trusted site's next keys must be imported.
#define WARDKEY_DENIED_KEY_UNKNOWN 204

// Denied: the key that signed the token is retired.
#define WARDKEY_DENIED_KEY_RETIRED 205

// Denied: the token's algorithm is not that of the key it names.
#define WARDKEY_DENIED_ALGORITHM_MISMATCH 206

// Denied: the token's signature does not verify.
#define WARDKEY_DENIED_BAD_SIGNATURE 207

// Denied: the token's type is not `at+jwt`.
#define WARDKEY_DENIED_WRONG_TYPE 208

// Denied: the token was made by another issuer.
#define WARDKEY_DENIED_WRONG_ISSUER 209

// Denied: the token is meant for another audience.
#define WARDKEY_DENIED_WRONG_AUDIENCE 210

// Denied: a claim of the token is missing, ill-typed or out of range.
#define WARDKEY_DENIED_BAD_CLAIM 211

// Denied: the token has expired. Its client gets another one.
#define WARDKEY_DENIED_TOKEN_EXPIRED 212

// Denied: the token starts in the future.
#define WARDKEY_DENIED_TOKEN_FROM_FUTURE 213

// Denied: no such opaque token was issued, or it expired long ago.
#define WARDKEY_DENIED_TOKEN_UNKNOWN 214

// Denied: the token was revoked.
#define WARDKEY_DENIED_TOKEN_REVOKED 215

// Denied: the token was issued before the database was restored.
#define WARDKEY_DENIED_EPOCH_ENDED 216

// Denied: all tokens of the client were revoked.
#define WARDKEY_DENIED_CLIENT_TOKENS_REVOKED 217

// Denied: the secret that obtained the token was revoked.
#define WARDKEY_DENIED_CREDENTIAL_REVOKED 218

// Denied: no such client is registered.
#define WARDKEY_DENIED_CLIENT_UNKNOWN 219

// Denied: the client is disabled.
#define WARDKEY_DENIED_CLIENT_DISABLED 220

// Denied: the secret is none of the client's.
#define WARDKEY_DENIED_SECRET_WRONG 221

// Denied: the secret is not valid yet.
#define WARDKEY_DENIED_SECRET_NOT_YET_VALID 222

// Denied: the secret has expired.
#define WARDKEY_DENIED_SECRET_EXPIRED 223

// Denied: the secret was revoked.
#define WARDKEY_DENIED_SECRET_REVOKED 224

// Denied: the secret has not been confirmed since the database was restored.
#define WARDKEY_DENIED_SECRET_UNCONFIRMED 225

// Denied: the client presented no secret.
#define WARDKEY_DENIED_SECRET_MISSING 226

// Denied: the id or the secret has a character or a length that none can have.
#define WARDKEY_DENIED_CREDENTIAL_MALFORMED 227

// Denied: the client is registered for another authentication method.
#define WARDKEY_DENIED_AUTHENTICATION_METHOD 228

// Denied: the client is not registered for this grant.
#define WARDKEY_DENIED_GRANT_NOT_ALLOWED 229

// Denied: a scope was asked for that the client may not have.
#define WARDKEY_DENIED_SCOPE_NOT_ALLOWED 230

// Denied: the scope asked for is not words parted by single spaces.
#define WARDKEY_DENIED_SCOPE_MALFORMED 231

// Denied: the token lacks a scope that the operation requires.
#define WARDKEY_DENIED_INSUFFICIENT_SCOPE 232

// Denied: the caller's address is not in the client's `allowed_networks`.
#define WARDKEY_DENIED_PEER_NOT_ALLOWED 233

// Denied: the caller's address is unknown, and the client has `allowed_networks`.
#define WARDKEY_DENIED_PEER_UNKNOWN 234

// Denied: it comes too often; the error's system_code has the seconds to wait.
#define WARDKEY_DENIED_RATE_LIMITED 235

// Denied: the request came over plain HTTP from another machine.
#define WARDKEY_DENIED_INSECURE_TRANSPORT 236

// Denied: the request carries no token.
#define WARDKEY_DENIED_TOKEN_MISSING 237

// Denied: the request is malformed.
#define WARDKEY_DENIED_INVALID_REQUEST 238

// Denied: the grant type is unknown.
#define WARDKEY_DENIED_GRANT_UNSUPPORTED 239

// Denied: the token is another client's.
#define WARDKEY_DENIED_TOKEN_FOREIGN 240

// Denied: the user does not exist, or was deleted.
#define WARDKEY_DENIED_USER_UNKNOWN 241

// Denied: the user is disabled.
#define WARDKEY_DENIED_USER_DISABLED 242

// Denied: all tokens of the user were revoked, by a new password for one.
#define WARDKEY_DENIED_USER_TOKENS_REVOKED 243

// Denied: the password is not the user's.
#define WARDKEY_DENIED_PASSWORD_WRONG 244

// Denied: the user's authorization that the token came by is not known.
#define WARDKEY_DENIED_GRANT_UNKNOWN 245

// Denied: the user's authorization was revoked.
#define WARDKEY_DENIED_GRANT_REVOKED 246

// Denied: the user's authorization was unused for too long, or is too old.
#define WARDKEY_DENIED_GRANT_EXPIRED 247

// Denied: no such authorization code was issued.
#define WARDKEY_DENIED_CODE_UNKNOWN 248

// Denied: the authorization code has expired.
#define WARDKEY_DENIED_CODE_EXPIRED 249

// Denied: the authorization code was used before.
#define WARDKEY_DENIED_CODE_SPENT 250

// Denied: the authorization code is another client's.
#define WARDKEY_DENIED_CODE_FOREIGN 251

// Denied: the redirect URI is not the one that the code was sent to.
#define WARDKEY_DENIED_REDIRECT_URI_WRONG 252

// Denied: the code verifier does not match the challenge.
#define WARDKEY_DENIED_VERIFIER_WRONG 253

// Denied: no such refresh token was issued.
#define WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN 254

// Denied: the refresh token had been replaced before; its family is revoked.
#define WARDKEY_DENIED_REFRESH_TOKEN_REUSED 255

// Denied: the refresh token is another client's.
#define WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN 256

// Denied: the user did not approve the request.
#define WARDKEY_DENIED_ACCESS_REFUSED 257

// Denied: the user has not been confirmed since the database was restored.
#define WARDKEY_DENIED_USER_UNCONFIRMED 258

// Denied: the program's own check_user refused the name and the password.
#define WARDKEY_DENIED_USER_REFUSED 259

// Denied: the site that signed the token is disabled, or was not enabled again after a restore.
#define WARDKEY_DENIED_ISSUER_DISABLED 260

// The thing named does not exist.
#define WARDKEY_NOT_FOUND 300

// A thing of this id exists already, or the change contradicts another.
#define WARDKEY_CONFLICT 301

// The program ended long work that it was asked about. Nothing of it is left.
#define WARDKEY_CANCELLED 302

// Storage: there is no database at the path. Correct the path, or make one with WARDKEY_MODE_CREATE.
#define WARDKEY_STORAGE_MISSING 400

// Storage: a database, or what belongs to one, exists at the path already; nothing was overwritten. Open
// it with WARDKEY_MODE_OPEN, or choose another path.
#define WARDKEY_STORAGE_EXISTS 401

// Storage: the file is empty. Put a backup back and open it with WARDKEY_MODE_RESTORE, or move the file
// away and make a database with WARDKEY_MODE_CREATE.
#define WARDKEY_STORAGE_EMPTY_FILE 402

// Storage: the file is something else than a Wardkey database, and was left alone. Correct the path.
#define WARDKEY_STORAGE_FOREIGN_FILE 403

// Storage: the file was written by a later major version of this library. Upgrade this one.
#define WARDKEY_STORAGE_NEWER_FILE 404

// Storage: the master key does not open this database. Bring the key, or put back the key file, that it
// was made with.
#define WARDKEY_STORAGE_WRONG_KEY 405

// Storage: the key file beside the database is gone. It is never made anew: put it back. If the database
// was made with a key of your own, set key_source.
#define WARDKEY_STORAGE_KEY_MISSING 406

// Storage: the database is older than its last acknowledged change: an old copy was put back. To accept
// it, open it with WARDKEY_MODE_RESTORE, which ends all tokens.
#define WARDKEY_STORAGE_STALE 407

// Storage: the freshness file beside the database is gone, or another database's. Put it back, or open
// with WARDKEY_MODE_RESTORE, which ends all tokens.
#define WARDKEY_STORAGE_FRESHNESS_MISSING 408

// Storage: the database lies on a network filesystem, whose locks cannot be trusted. Move it to a local
// disk.
#define WARDKEY_STORAGE_NETWORK 409

// Storage: the file or its folder cannot be written by this user. Give it the right to both.
#define WARDKEY_STORAGE_NOT_WRITABLE 410

// Storage: another program held the database for longer than the busy timeout; try again.
#define WARDKEY_STORAGE_BUSY 411

// Storage: the disk is full, or the file has reached max_file_size; nothing was changed. Make room, or raise it, and
// try again.
#define WARDKEY_STORAGE_FULL 412

// Storage: something in the file was edited outside this library, or damaged; the message names it. Put a
// backup back and open it with WARDKEY_MODE_RESTORE.
#define WARDKEY_STORAGE_CORRUPT 413

// Storage: the operating system failed; the message says at what, system_code how.
#define WARDKEY_STORAGE_IO 414

// Storage: the disk failed during a commit, and whether it took place is not known. Look before you repeat
// it.
#define WARDKEY_STORAGE_OUTCOME_UNKNOWN 415

// Storage: the host's key callback gave no key; system_code is what it returned.
#define WARDKEY_STORAGE_KEY_CALLBACK 416

// Internal: a defect of this library. Please report it with the message.
#define WARDKEY_INTERNAL 500

// Internal: a defect of this library that would have ended the process: it panicked.
#define WARDKEY_INTERNAL_PANIC 501

// Internal: too many passwords are being checked at once; try again.
#define WARDKEY_INTERNAL_OVERLOADED 502

// Internal: the program's own check_user failed, or its answer cannot be; the message says what. Nobody logged in.
#define WARDKEY_INTERNAL_USER_CHECK 503

// The version of this header. A library refuses a newer one: see wardkey_abi_check.
#define WARDKEY_ABI_VERSION 1

// The length that stands for "up to the NUL". No text can be this long: texts have at most 2147483647
// bytes.
#define WARDKEY_NTS 4294967295

// Open an existing database.
#define WARDKEY_MODE_OPEN 0

// Create a database, and open it. WARDKEY_STORAGE_EXISTS if there is anything at the path.
#define WARDKEY_MODE_CREATE 1

// Accept a database that may be an old copy, and open it: all tokens end, every secret has to be confirmed
// by the operation `client.secret.confirm`, and every user by `user.confirm`. The row `database.restore` of the
// audit counts what is refused since.
#define WARDKEY_MODE_RESTORE 2

// Bring the file to this library's format if it has an older one, and open it. In this release there is
// no older format: every file that opens is current.
#define WARDKEY_MODE_MIGRATE 3

// As WARDKEY_MODE_RESTORE, but secrets and passwords are trusted as they stand in the copy: what was revoked or
// replaced since it was made is good again. Recorded in the audit.
#define WARDKEY_MODE_RESTORE_TRUSTING 4

// The master key is in a file beside the database, made together with it. Who can read the whole folder
// can read everything.
#define WARDKEY_KEY_FILE 0

// The master key is in the options.
#define WARDKEY_KEY_BYTES 1

// The master key comes from a callback.
#define WARDKEY_KEY_CALLBACK 2

// The master key is sealed by Windows for this machine, in the file beside the database: matters when one is
// made; opened it is as with WARDKEY_KEY_FILE.
#define WARDKEY_KEY_DPAPI 3

// check_user: the name and the password are those of the user in the verdict. It is not 0, which a callback
// returns that forgot to, or that its language's runtime ended with an exception.
#define WARDKEY_USER_APPROVED 1

// check_user: they are nobody's, or not now. The audit says `user_refused`.
#define WARDKEY_USER_REFUSED 2

// The token speaks for the client itself.
#define WARDKEY_KIND_CLIENT 1

// The token speaks for a user.
#define WARDKEY_KIND_USER 2

// The token is a signed JWT.
#define WARDKEY_TOKEN_JWT 1

// The token is a random text that only this database knows.
#define WARDKEY_TOKEN_OPAQUE 2

// An open engine: a token that only this library can read, not an address.
//
// It is made by wardkey_open and ended by wardkey_close. Copy it as you like; every copy ends with the
// first close, and the functions answer WARDKEY_MISUSE_CLOSED from then on. Any thread may use it at
// any time.
typedef struct wardkey_engine wardkey_engine;

// Bytes that the library gave out. Free them with wardkey_buf_free.
//
// Initialise it to zero. A function that fills one does not free what was in it before.
typedef struct {
    // The bytes; NULL when there are none. One more byte behind them is NUL, so that a text can be
    // printed. You may write to them, but not set the pointer: it is needed to free them.
    char *data;
    // How many, without that NUL.
    size_t length;
    // The library's own note; do not change it.
    size_t capacity;
} wardkey_buf;

// Somebody who says that they are one of your own users. The library fills it for check_user.
//
// The texts are UTF-8 and NUL-terminated, and valid until check_user returns. Later releases may add members at
// the end.
typedef struct {
    // `sizeof(wardkey_user_login)`.
    uint32_t struct_size;
    // 0.
    uint32_t reserved;
    // The name as typed, in Unicode's Normalization Form C: 1 to 255 characters, none a control character, no
    // white space at its ends. Guesses are counted for each name in lower case: names that you take for the same
    // although they differ by more are worth as many guesses each.
    const char *username;
    // Its length in bytes, without the NUL.
    size_t username_len;
    // The password as typed, not normalised: no control character, up to 1024 bytes when normalised. Wiped after
    // check_user has returned; a copy is yours to wipe.
    const char *password;
    // Its length in bytes, without the NUL.
    size_t password_len;
    // From which address; NULL when it is not known.
    const char *peer;
    // Its length in bytes, without the NUL.
    size_t peer_len;
    // The correlation_id of the call's wardkey_context; NULL without one.
    const char *correlation_id;
    // Its length in bytes, without the NUL.
    size_t correlation_id_len;
} wardkey_user_login;

// What you say of them. The library makes it, all zero but for struct_size, and reads it when check_user has
// returned WARDKEY_USER_APPROVED; otherwise it is not looked at.
//
// ```c
// static int32_t WARDKEY_CALL check_staff(void *user, const wardkey_user_login *login,
//                                         wardkey_user_verdict *verdict) {
//     const staff *found = find_staff(user, login->username);
//     if (!is_password(found, login->password)) { // as slow when nobody was found
//         return WARDKEY_USER_REFUSED;
//     }
//     snprintf(verdict->subject, sizeof verdict->subject, "%s", found->number);
//     snprintf(verdict->scope, sizeof verdict->scope, "%s", found->scopes);
//     return WARDKEY_USER_APPROVED;
// }
// ```
//
// Both texts are NUL-terminated. The arrays are longer than what may stand in them, so that a text that was cut to
// fit is refused and not believed.
typedef struct {
    // `sizeof(wardkey_user_verdict)`.
    uint32_t struct_size;
    // 0.
    uint32_t reserved;
    // Your name for the user, which never changes: 1 to 200 printable ASCII characters without spaces. Their
    // tokens' subject is `usr_.` and this. Who was disabled here (`user.disable`) stays out all the same.
    char subject[256];
    // All words that they may have, beside those of roles that were given to them here: what is not named is gone,
    // from living tokens too. Parted by single spaces, at most 4096 characters; empty for none. Words that the
    // catalogue does not have give nothing.
    char scope[4352];
} wardkey_user_verdict;

// How to open a database. wardkey_options_init fills in the defaults.
//
// Nothing in it but check_user changes an answer: all else that does lives in the database's settings, for all
// programs alike.
// Callbacks run on the thread of the call that needs them and must not call into this library. Each has a
// `user` pointer that is passed to it unread, and a destroy function (NULL if there is nothing to
// destroy) that is called exactly once with that pointer: when wardkey_open fails, or else when
// the engine is closed and its last call has returned. Only if wardkey_open could not read the struct
// (options is NULL, or WARDKEY_MISUSE_SIZE) is no callback called at all.
typedef struct {
    // `sizeof(wardkey_options)`.
    uint32_t struct_size;
    // One of WARDKEY_MODE_OPEN (the default), _CREATE, _RESTORE, _MIGRATE.
    uint32_t mode;
    // The database file. Required. It keeps a few files beside it: leave them together.
    const char *path;
    // Its length in bytes, or WARDKEY_NTS.
    size_t path_len;
    // Where the master key is: WARDKEY_KEY_FILE (the default), _BYTES, _CALLBACK, _DPAPI.
    uint32_t key_source;
    // How long a write waits for other programs, in milliseconds; 0 for the default of 5000.
    uint32_t busy_timeout_ms;
    // With WARDKEY_KEY_BYTES the 32 bytes of the master key; copied, and yours to wipe. While the key is
    // being changed (`key.rekey`): the new and the old one, one behind the other; the one that opens is used.
    const void *key;
    // 32, or 32 for each key.
    size_t key_len;
    // With WARDKEY_KEY_CALLBACK: writes 32 bytes to key, not all zeros, and returns 0, or anything else if it cannot.
    // Called once, by wardkey_open.
    int32_t (WARDKEY_CALL *key_read)(void *user,
                        uint8_t *key,
                        size_t key_size);
    // Passed to key_read.
    void *key_user;
    // Destroys key_user.
    void (WARDKEY_CALL *key_destroy)(void *user);
    // With WARDKEY_MODE_CREATE the first settings, as the JSON document of the operation `settings.set`;
    // NULL for the defaults. In every other mode it must be NULL.
    const char *settings;
    // Its length in bytes, or WARDKEY_NTS.
    size_t settings_len;
    // With WARDKEY_MODE_CREATE and _RESTORE who does it, for the audit. Required there, unread elsewhere.
    const char *actor;
    // Its length in bytes, or WARDKEY_NTS.
    size_t actor_len;
    // The time in milliseconds since 1970-01-01 UTC, for tests: NULL (the default) for the machine's
    // clock. Opening with a clock of your own is recorded in the audit. Called at any time, by any thread.
    int64_t (WARDKEY_CALL *clock_wall_ms)(void *user);
    // Milliseconds since any start, never running backwards. Set both or neither.
    int64_t (WARDKEY_CALL *clock_monotonic_ms)(void *user);
    // Passed to both.
    void *clock_user;
    // Destroys clock_user.
    void (WARDKEY_CALL *clock_destroy)(void *user);
    // Told of every error of storage or of this library itself (codes from 400), also those for which
    // wardkey_open fails, and those that wardkey_http turned into a 5xx response: code, and the message as
    // in wardkey_error, NUL-terminated, valid during the call. NULL (the default) for nobody.
    void (WARDKEY_CALL *log)(void *user,
                int32_t code,
                const char *message,
                size_t message_len);
    // Passed to log.
    void *log_user;
    // Destroys log_user.
    void (WARDKEY_CALL *log_destroy)(void *user);
    // Says who your own users are, at the login page and at BioT's login; NULL (the default) if you have none.
    // Returns WARDKEY_USER_APPROVED after filling the verdict, or WARDKEY_USER_REFUSED; anything else, 0 too, says
    // that it could not find out: nobody logs in, nothing is counted, the remote caller gets a 503, and log is
    // told WARDKEY_INTERNAL_USER_CHECK with the value. An approval without a subject that can be one, or with a
    // scope that is none, is the same.
    //
    // A name that a user has who was made by `user.create` is checked here alone; you are asked about every other
    // one, after the throttle of all logins, which counts what you refuse. It may be called by 16 threads at once;
    // more logins than that get a 503. It should take as long for a name that you do not know as for a wrong
    // password, for that time can be measured from outside.
    int32_t (WARDKEY_CALL *check_user)(void *user,
                          const wardkey_user_login *login,
                          wardkey_user_verdict *verdict);
    // Passed to check_user.
    void *check_user_user;
    // Destroys check_user_user.
    void (WARDKEY_CALL *check_user_destroy)(void *user);
} wardkey_options;

// What went wrong. The caller allocates it, and may pass NULL instead.
//
// Every function that takes one fills it, also on success (code 0, empty message). It is 248 bytes in
// every release.
typedef struct {
    // The code that the function returned.
    int32_t code;
    // The operating system's or SQLite's code where there is one; with WARDKEY_DENIED_RATE_LIMITED the seconds
    // to wait, for your `Retry-After` header; else 0.
    int32_t system_code;
    // A sentence for the operator and the log: UTF-8, NUL-terminated, never a secret. Do not send it to
    // the remote caller.
    char message[240];
} wardkey_error;

// Who asks, from where, and how: part of every call that decides something.
//
// Initialise it to zero, set struct_size, then the members you know. A member that is NULL is unknown,
// and what is unknown never helps: a client with `allowed_networks` is refused when peer is NULL.
//
// ```c
// wardkey_context context = {0};
// context.struct_size = sizeof context;
// context.secure = 1;
// context.peer = "192.0.2.7";
// context.peer_len = WARDKEY_NTS;
// ```
typedef struct {
    // `sizeof(wardkey_context)`.
    uint32_t struct_size;
    // 1 if the request came over TLS, to this program or to a proxy that it trusts; else 0.
    uint32_t secure;
    // Who administers: a person or a program, in your own words. wardkey_call demands it; the audit
    // keeps it.
    const char *actor;
    // Its length in bytes, or WARDKEY_NTS.
    size_t actor_len;
    // The address at the other end of the connection, as your socket has it: `192.0.2.7`, `::1`. No
    // port. A zone (`fe80::1%eth0`) is ignored.
    const char *peer;
    // Its length in bytes, or WARDKEY_NTS.
    size_t peer_len;
    // The value of the request's `Forwarded` or `X-Forwarded-For` header, several joined by commas; NULL
    // without one. It counts only if peer is one of the settings' `trusted_proxies`. wardkey_http and
    // wardkey_authorize read it from the request's headers themselves when it is NULL. Bytes as received.
    const char *forwarded;
    // Its length in bytes, or WARDKEY_NTS.
    size_t forwarded_len;
    // Your own id for the request, kept in the audit: at most 255 bytes without control characters.
    const char *correlation_id;
    // Its length in bytes, or WARDKEY_NTS.
    size_t correlation_id_len;
} wardkey_context;

// Whom a valid token speaks for. wardkey_verify and wardkey_authorize fill it.
//
// The texts are UTF-8 and NUL-terminated; their lengths do not count the NUL. Times are seconds since
// 1970-01-01 UTC. The token's scopes and the client's `host_data` come through wardkey_claims.
typedef struct {
    // When the token ends.
    int64_t expires_at;
    // When it was issued.
    int64_t issued_at;
    // WARDKEY_KIND_CLIENT or WARDKEY_KIND_USER.
    uint32_t kind;
    // WARDKEY_TOKEN_JWT or WARDKEY_TOKEN_OPAQUE.
    uint32_t token_format;
    // Bytes in client_id.
    uint32_t client_id_len;
    // Bytes in subject.
    uint32_t subject_len;
    // Bytes in token_id.
    uint32_t token_id_len;
    // 0.
    uint32_t reserved;
    // The client that the token was given to.
    char client_id[128];
    // Whom it speaks for: the client itself, or a user, whose id begins with `usr_`.
    char subject[256];
    // The token's own id (`jti`), as the audit has it.
    char token_id[64];
} wardkey_principal;

// One header field of an HTTP message: a name and a value, as received or to be sent. A received one whose
// name is not UTF-8 is passed over.
typedef struct {
    // The name, in any case.
    const char *name;
    // Its length in bytes, or WARDKEY_NTS.
    size_t name_len;
    // The value.
    const char *value;
    // Its length in bytes, or WARDKEY_NTS.
    size_t value_len;
} wardkey_header;

// One HTTP request as your server received it.
//
// Texts are the bytes as received; they need not be UTF-8, but base_path, which is yours.
typedef struct {
    // `sizeof(wardkey_http_request)`.
    uint32_t struct_size;
    // 0.
    uint32_t reserved;
    // `POST`, `GET`. Required.
    const char *method;
    // Its length in bytes, or WARDKEY_NTS.
    size_t method_len;
    // The path without the query, percent-encoded as received, base_path included. Required.
    const char *path;
    // Its length in bytes, or WARDKEY_NTS.
    size_t path_len;
    // Where you mount the engine, such as `/auth`; NULL or empty at the root.
    const char *base_path;
    // Its length in bytes, or WARDKEY_NTS.
    size_t base_path_len;
    // What follows the `?`, percent-encoded as received; NULL or empty without one.
    const char *query;
    // Its length in bytes, or WARDKEY_NTS.
    size_t query_len;
    // All header fields in the order received.
    const wardkey_header *headers;
    // How many; at most 65535.
    size_t header_count;
    // The whole body; NULL without one.
    const char *body;
    // Its length in bytes, or WARDKEY_NTS.
    size_t body_len;
} wardkey_http_request;

// One HTTP response for your server to send. The struct is yours; what it points to is freed by
// wardkey_http_response_free.
//
// Initialise it to zero. wardkey_http does not free what was in it before.
typedef struct {
    // The status code, such as 200.
    int32_t status;
    // 0.
    uint32_t reserved;
    // The header fields to send: NUL-terminated texts. There is no Content-Length among them: add what
    // your server needs.
    const wardkey_header *headers;
    // How many.
    size_t header_count;
    // The body, NUL-terminated behind its end. It may hold a token: do not log it.
    const char *body;
    // Its length in bytes, without that NUL.
    size_t body_len;
    // The library's own note; do not change it.
    void *owner;
} wardkey_http_response;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The ABI version of the library that is loaded. It grows when functions, codes or members are added;
// nothing is ever taken away under this soname.
//
// Any thread, at any time.
WARDKEY_API uint32_t WARDKEY_CALL wardkey_abi_version(void);

// Whether the library that is loaded has everything that the header promises: call it once at start.
//
// ```c
// if (wardkey_abi_check(WARDKEY_ABI_VERSION) != WARDKEY_OK) {
//     fprintf(stderr, "the wardkey library is older than this program: %s\n", wardkey_version());
//     exit(1);
// }
// ```
//
// Returns WARDKEY_OK, or WARDKEY_MISUSE_ABI if the library is older than the header. Any thread, at any
// time.
WARDKEY_API int32_t WARDKEY_CALL wardkey_abi_check(uint32_t header_version);

// The library's version, such as `0.1.0`: a constant text, never NULL, not to be freed. Any thread, at any
// time.
WARDKEY_API const char * WARDKEY_CALL wardkey_version(void);

// The name of a status code, such as `WARDKEY_DENIED_TOKEN_EXPIRED`; of a code that this library does not
// know `WARDKEY_UNKNOWN`. A constant text, never NULL, not to be freed. Any thread, at any time.
WARDKEY_API const char * WARDKEY_CALL wardkey_status_name(int32_t code);

// What a status code means, in a sentence. wardkey_error's message says more: it has the values. A
// constant text, never NULL, not to be freed. Any thread, at any time.
WARDKEY_API const char * WARDKEY_CALL wardkey_status_message(int32_t code);

// Wipes and frees what is in a buffer that this library filled, and sets it to zero.
//
// Harmless on NULL, on a buffer that is zero, and a second time. It needs no engine: a buffer outlives the
// engine it came from. Two threads must not free one buffer at once; a copy of the struct is not
// another buffer.
WARDKEY_API void WARDKEY_CALL wardkey_buf_free(wardkey_buf *buf);

// Fills in the defaults of wardkey_options: zero, but for struct_size. (A busy timeout of 0 stands for 5
// seconds.)
//
// ```c
// wardkey_options options;
// wardkey_options_init(&options, sizeof options);
// options.path = "/var/lib/clinic/wardkey.db";
// options.path_len = WARDKEY_NTS;
// ```
//
// All options_size bytes are written, and struct_size is options_size: so an older library that is asked
// for what only a newer one knows says so in wardkey_open. Returns WARDKEY_OK, WARDKEY_MISUSE_NULL or
// WARDKEY_MISUSE_SIZE. Any thread, at any time.
WARDKEY_API int32_t WARDKEY_CALL wardkey_options_init(wardkey_options *options,
                             size_t options_size);

// Opens a database, or with WARDKEY_MODE_CREATE makes one first.
//
// ```c
// wardkey_engine *engine = NULL;
// wardkey_error error;
// options.mode = WARDKEY_MODE_CREATE;
// options.actor = "setup";
// options.actor_len = WARDKEY_NTS;
// options.settings = "{\"issuer\":\"https://emr.clinic.example\"}";
// options.settings_len = WARDKEY_NTS;
// if (wardkey_open(&options, &engine, &error) != WARDKEY_OK) {
//     fprintf(stderr, "%s\n", error.message);
// }
// ```
//
// A program opens a database once and uses the engine from all its threads; several programs may have
// the same database open. Open it after the last fork: a child cannot use what its parent opened. Load one copy of
// this library into a process: on Linux a second one cannot open what the first has open (docs/embedding.md).
//
// A program that makes its database when it first runs opens with WARDKEY_MODE_OPEN, and with
// WARDKEY_MODE_CREATE only on WARDKEY_STORAGE_MISSING. On no other code: that could hide a lost disk.
//
// options: required, read during the call only. engine: required; set to NULL first, and to the engine on
// success. error: may be NULL.
//
// Returns WARDKEY_OK; a misuse code (WARDKEY_MISUSE_TOO_MANY, _FORKED and _ANOTHER_COPY among them) before anything
// was opened or made; a storage code, for which wardkey_status_message says what to do, and which the options'
// log is told too. The options' destroy functions are the library's to call from now on, unless it could
// not read the struct (see wardkey_options). Any thread.
WARDKEY_API int32_t WARDKEY_CALL wardkey_open(const wardkey_options *options,
                     wardkey_engine **engine,
                     wardkey_error *error);

// Writes what verification has gathered for the audit, and closes the engine.
//
// The handle ends whatever is returned. Calls under way in other threads finish, or answer
// WARDKEY_MISUSE_CLOSED if they had only begun; later ones answer that. The database itself is closed, and
// the destroy functions called, when the last of them has returned, on its thread.
//
// NULL: nothing happens, WARDKEY_OK. A second close: WARDKEY_MISUSE_CLOSED, harmless. A program that ends
// without closing loses at most what was gathered in the last minute: how often which token was used,
// and refusals of callers that nobody knew. Never a token's or an administrator's row, never a
// revocation. A garbage-collected host calls it from `Dispose` or a context manager; its finalizer may
// call it too.
//
// Returns WARDKEY_OK; a storage code if what was gathered could not be written, closed all the same;
// WARDKEY_MISUSE_HANDLE, _CLOSED, _KIND, _FOREIGN, _FORKED. error: may be NULL. Any thread.
WARDKEY_API int32_t WARDKEY_CALL wardkey_close(wardkey_engine *engine,
                      wardkey_error *error);

// Writes what verification has gathered for the audit.
//
// Nothing has to call it: other calls do so once a minute. A program that only verifies calls it now and
// then, so that the audit shows uses soon and a crash loses none.
//
// engine: required. error: may be NULL. Returns WARDKEY_OK, a misuse code of the handle, a storage code.
// Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_maintain(const wardkey_engine *engine,
                         wardkey_error *error);

// Whether a request that carries this token may do what needs these scopes. Call it on every request of
// your API, with the text behind `Authorization: Bearer `; or let wardkey_authorize find it.
//
// ```c
// wardkey_principal who;
// int32_t code = wardkey_verify(engine, token, WARDKEY_NTS, "lab:read", WARDKEY_NTS,
//                               &context, &who, sizeof who, &error);
// if (code == WARDKEY_OK) {
//     printf("%s may read\n", who.client_id);
// } else {
//     fprintf(stderr, "refused (%s): %s\n", wardkey_status_name(code), error.message);
// }
// ```
//
// Only WARDKEY_OK means yes. A token or a secret that was revoked before the call, by any program, is
// refused.
//
// engine: required. token: required, bytes as received. scopes: required, words parted by single
// spaces, all of which the token must have; empty is misuse, because a mistake here must not open a door:
// WARDKEY_ANY_SCOPE says that any valid token will do. context: required. principal: may be NULL with
// principal_size 0; else the first principal_size bytes, at most those that this library knows, are set
// to zero, and filled on success. error: may be NULL.
//
// Returns WARDKEY_OK: allowed. From 200 to 299: denied, and why; tell the caller 401; 403 for
// WARDKEY_DENIED_INSUFFICIENT_SCOPE, _PEER_NOT_ALLOWED and _PEER_UNKNOWN; 429 for _RATE_LIMITED
// (wardkey_authorize does it for you), with `Retry-After: ` and the system_code of error. Any other code: it cannot
// be known, so not allowed either. Any
// thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_verify(const wardkey_engine *engine,
                       const char *token,
                       size_t token_len,
                       const char *scopes,
                       size_t scopes_len,
                       const wardkey_context *context,
                       wardkey_principal *principal,
                       size_t principal_size,
                       wardkey_error *error);

// Whether a request to your API with these headers may go on, and if not, what to answer.
//
// ```c
// wardkey_buf challenge = {0};
// int32_t http_status = 0;
// if (wardkey_authorize(engine, headers, header_count, "lab:read", WARDKEY_NTS, &context,
//                       &who, sizeof who, &http_status, &challenge, &error) != WARDKEY_OK) {
//     respond(http_status, challenge.length > 0 ? "WWW-Authenticate" : NULL, challenge.data);
// }
// wardkey_buf_free(&challenge);
// ```
//
// It takes the token from the `Authorization` header, and nowhere else, and verifies it as wardkey_verify
// does. Neither looks at the context's secure: whether your own paths may be reached without TLS is your server's
// to decide.
//
// headers: the request's header fields, header_count of them; NULL only with 0. scopes, context,
// principal, error: as in wardkey_verify. http_status: may be NULL; set in every case: 200 when allowed;
// 400, 401, 403 or 429 when denied; 503 when storage failed; 500 for anything else. challenge: may be
// NULL; set to zero, and when denied to the value for the `WWW-Authenticate` header, to be freed by you; its
// length is 0 when there is no such header to send (an address or a rate is not a matter of the token). With
// 429 send `Retry-After: ` and the system_code of error, which is in seconds.
//
// Returns as wardkey_verify: only WARDKEY_OK means yes. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_authorize(const wardkey_engine *engine,
                          const wardkey_header *headers,
                          size_t header_count,
                          const char *scopes,
                          size_t scopes_len,
                          const wardkey_context *context,
                          wardkey_principal *principal,
                          size_t principal_size,
                          int32_t *http_status,
                          wardkey_buf *challenge,
                          wardkey_error *error);

// What a valid token says, as JSON: for scopes and host_data, which wardkey_principal has no room for.
//
// ```c
// wardkey_buf json = {0};
// if (wardkey_claims(engine, token, WARDKEY_NTS, &context, &json, &error) == WARDKEY_OK) {
//     puts(json.data);
// }
// wardkey_buf_free(&json);
// ```
//
// The token is verified as by wardkey_verify with WARDKEY_ANY_SCOPE, and the use counts as one. The
// document: `{"client_id":"...","sub":"...","scope":"lab:read lab:write","jti":"...","iat":1772353800,
// "exp":1772357400,"host_data":"..."}`, times in seconds since 1970-01-01 UTC; members may be added.
//
// engine, token, context: required. json: required; set to zero, filled on success, to be freed by you.
// error: may be NULL. Returns as wardkey_verify. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_claims(const wardkey_engine *engine,
                       const char *token,
                       size_t token_len,
                       const wardkey_context *context,
                       wardkey_buf *json,
                       wardkey_error *error);

// Issues an access token to a client that presents its id and secret (the grant `client_credentials`).
//
// ```c
// wardkey_buf json = {0};
// if (wardkey_issue(engine, client_id, WARDKEY_NTS, client_secret, WARDKEY_NTS,
//                   "lab:read", WARDKEY_NTS, &context, &json, &error) == WARDKEY_OK) {
//     send_body(json.data, json.length);
// }
// wardkey_buf_free(&json);
// ```
//
// The document is that of RFC 6749 5.1: `{"access_token":"...","token_type":"Bearer","expires_in":3600,
// "scope":"lab:read"}`, expires_in in seconds. The audit's row of it is on disk when the call returns. A server that
// speaks HTTP
// uses wardkey_http instead, which reads the request and prints the errors too.
//
// engine, client_id, client_secret, context: required. scope: words parted by single spaces, or NULL for
// the client's default ones. json: required; set to zero, filled on success, to be freed by you.
// error: may be NULL.
//
// Returns WARDKEY_OK; 200 to 299: denied, with the true reason, which the remote client should not read:
// to it an unknown id and a wrong secret must look alike; any other code: nothing was issued. Any
// thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_issue(const wardkey_engine *engine,
                      const char *client_id,
                      size_t client_id_len,
                      const char *client_secret,
                      size_t client_secret_len,
                      const char *scope,
                      size_t scope_len,
                      const wardkey_context *context,
                      wardkey_buf *json,
                      wardkey_error *error);

// Answers one HTTP request to the authorization endpoint (with its login page), the token endpoint and their
// neighbours: introspection, revocation, metadata, keys. Your server carries the messages; the library opens no
// socket.
//
// ```c
// wardkey_http_request request = {0};
// wardkey_http_response response = {0};
// request.struct_size = sizeof request;
// request.method = "POST";
// request.method_len = WARDKEY_NTS;
// request.path = "/oauth/token";
// request.path_len = WARDKEY_NTS;
// request.headers = headers;
// request.header_count = header_count;
// request.body = body;
// request.body_len = body_len;
// if (wardkey_http(engine, &request, &context, &response, sizeof response, &error) == WARDKEY_OK) {
//     send_response(response.status, response.headers, response.header_count,
//                   response.body, response.body_len);
// }
// wardkey_http_response_free(&response);
// ```
//
// Every request gets an answer, a path that is none of ours a 404, a full disk a 503: send it as it is.
// The context's peer and secure decide much: requests that came over plain HTTP from another machine
// are refused. The response's header `Wardkey-Request-Id` finds the request in the audit
// (the operation `audit.explain`).
//
// engine, request, context, response: required. The first response_size bytes of response, at most those
// that this library knows, are set to zero, and filled on success: pass sizeof. error: may be NULL.
//
// Returns WARDKEY_OK whenever it made a response, whatever its status; else a misuse code. Any thread; after
// close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_http(const wardkey_engine *engine,
                     const wardkey_http_request *request,
                     const wardkey_context *context,
                     wardkey_http_response *response,
                     size_t response_size,
                     wardkey_error *error);

// Whether wardkey_http has an endpoint at this path: for a program that asks before it looks whether the path is one
// of its own.
//
// ```c
// if (wardkey_serves(engine, request.path, request.path_len, NULL, 0, &error) == WARDKEY_OK) {
//     wardkey_http(engine, &request, &context, &response, sizeof response, &error);
// } /* else it is yours to answer */
// ```
//
// The endpoints of a dialect are there while the setting `dialects` names it. While the database cannot be read, the
// answer is what it was when it last could.
//
// engine: required. path: required; without the query, percent-encoded as received, base_path included.
// base_path: where you mount the engine; NULL or empty at the root. error: may be NULL.
//
// Returns WARDKEY_OK; WARDKEY_NOT_FOUND if there is none; a misuse code. Any thread; after close
// WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_serves(const wardkey_engine *engine,
                       const char *path,
                       size_t path_len,
                       const char *base_path,
                       size_t base_path_len,
                       wardkey_error *error);

// Wipes and frees what wardkey_http, wardkey_pending or wardkey_decide put into a response, and sets it to zero.
//
// Harmless on NULL, on a response that is zero, and a second time. It needs no engine: a response outlives
// the engine it came from. Two threads must not free one response at once; a copy of the struct is
// not another response.
WARDKEY_API void WARDKEY_CALL wardkey_http_response_free(wardkey_http_response *response);

// Reads an authorization request (RFC 6749 4.1.1) for a program that has users of its own and shows its own
// page. A program without them routes `GET /oauth/authorize` to wardkey_http instead, which shows a login
// page and a consent page.
//
// ```c
// wardkey_buf pending = {0};
// wardkey_http_response response = {0};
// if (wardkey_pending(engine, &request, &context, &pending, &response, sizeof response, &error)
//     == WARDKEY_OK) {
//     if (pending.data) {
//         show_page(pending.data); // who asks, for what; after your own login call wardkey_decide
//     } else {
//         send_response(response.status, response.headers, response.header_count,
//                       response.body, response.body_len);
//     }
// }
// wardkey_buf_free(&pending);
// wardkey_http_response_free(&response);
// ```
//
// On success exactly one of both is filled: pending with a JSON document, or response with what is to be
// sent as it is (an error page, or a redirect that tells the client). The document has `client_id`,
// `client_name`, `redirect_uri`, `scopes` (a list of `scope` and `description`), `handle`, and, unless the
// browser has its cookie already, `set_cookie`: the value of a Set-Cookie header that must go out with your
// page. Put the handle into your page's form; it counts for ten minutes. Nothing is stored.
//
// engine, request, context, pending, response: required. pending is set to zero first; of response the first
// response_size bytes: pass sizeof. error: may be NULL.
//
// Returns WARDKEY_OK; a misuse code; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_pending(const wardkey_engine *engine,
                        const wardkey_http_request *request,
                        const wardkey_context *context,
                        wardkey_buf *pending,
                        wardkey_http_response *response,
                        size_t response_size,
                        wardkey_error *error);

// Takes your user's decision on a pending request, once, and makes the response for their browser: the
// redirect to the client, or an error page. The same decision brought again within ten seconds, by a button
// pressed twice, gets the same response.
//
// ```c
// int32_t code = wardkey_decide(engine, handle, WARDKEY_NTS, "dr.eva", WARDKEY_NTS, NULL, 0, headers,
//                               header_count, &context, &response, sizeof response, &error);
// ```
//
// handle: that of wardkey_pending, as your page's form brought it back. Required.
//
// subject: your name for the user who approved, 1 to 200 printable ASCII characters without spaces: their
// tokens' subject is `usr_.` and this. You vouch for them. NULL: the user refused.
//
// scope: the words that they allow, parted by single spaces; NULL for all that were shown. Others give
// nothing.
//
// headers: all of the request that brought the decision, in the order received. The cookie of the browser that
// the request came from must be among them: otherwise one person's browser could be led to approve what
// another's asked for.
//
// engine, context, response: required, as in wardkey_http. error: may be NULL.
//
// Returns WARDKEY_OK whenever it made a response; WARDKEY_MISUSE_ARGUMENT for a subject or scope that cannot
// be; other misuse codes; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_decide(const wardkey_engine *engine,
                       const char *handle,
                       size_t handle_len,
                       const char *subject,
                       size_t subject_len,
                       const char *scope,
                       size_t scope_len,
                       const wardkey_header *headers,
                       size_t header_count,
                       const wardkey_context *context,
                       wardkey_http_response *response,
                       size_t response_size,
                       wardkey_error *error);

// Runs an administrative operation: a JSON document in, a JSON document out.
//
// ```c
// wardkey_buf json = {0};
// context.actor = "anna@clinic";
// context.actor_len = WARDKEY_NTS;
// if (wardkey_call(engine, &context, "client.create", WARDKEY_NTS,
//                  "{\"client_name\":\"Lab Interface\",\"scope\":\"lab:read lab:write\"}", WARDKEY_NTS,
//                  &json, &error) == WARDKEY_OK) {
//     puts(json.data); // client_id and client_secret: the secret is shown this once
// }
// wardkey_buf_free(&json);
// ```
//
// Operations of this release: `settings.get` `.set`; `client.create` `.import` `.read` `.list` `.update`
// `.disable` `.enable` `.revoke` `.delete`; `client.secret.create` `.import` `.list` `.revoke` `.confirm`;
// `user.create` `.read` `.list` `.update` `.set_password` `.disable` `.enable` `.confirm` `.revoke` `.delete`;
// `role.list`
// `.create` `.update` `.delete`; `grant.list` `.revoke`; `scope.list` `.add` `.remove`; `key.list` `.import`;
// `token.revoke` `.introspect`; `audit.read`
// `.explain` `.verify`. docs/operations.md describes each. A revocation is in force everywhere when the
// call returns.
//
// engine: required. context: required, with an actor. operation: required. json: the request's document;
// NULL or empty for `{}`. response: required; set to zero, filled on success, to be freed by you. error: may
// be NULL.
//
// Returns WARDKEY_OK; WARDKEY_MISUSE_DOCUMENT with the path of the member that is false;
// WARDKEY_MISUSE_OPERATION; WARDKEY_MISUSE_ACTOR; WARDKEY_NOT_FOUND; WARDKEY_CONFLICT; a storage code. On
// any code but WARDKEY_OK nothing was changed (WARDKEY_STORAGE_OUTCOME_UNKNOWN says when even that is
// not known). Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_call(const wardkey_engine *engine,
                     const wardkey_context *context,
                     const char *operation,
                     size_t operation_len,
                     const char *json,
                     size_t json_len,
                     wardkey_buf *response,
                     wardkey_error *error);

// Copies the database to a new file, while threads and programs use it.
//
// ```c
// static int32_t WARDKEY_CALL show(void *user, uint64_t done, uint64_t total) {
//     printf("%u %%\n", total ? (unsigned)(100 * done / total) : 0);
//     return *(volatile int *)user ? WARDKEY_CANCELLED : 0; // anything but 0 ends it
// }
//
// wardkey_buf json = {0};
// if (wardkey_backup(engine, &context, "D:/backup/clinic-2026-03-01.db", WARDKEY_NTS,
//                    show, &pressed_cancel, NULL, &json, &error) == WARDKEY_OK) {
//     puts(json.data); // key_source, key_id, recovery_code, keep: what opens the copy, and what to keep
// }
// wardkey_buf_free(&json);
// ```
//
// The copy is a whole database in one file, checked and synced; no key is in it. It appears under its name
// complete or not at all, and nothing is overwritten. To use it, put it in the database's place and open it
// with WARDKEY_MODE_RESTORE. The response has `path`, `bytes`, `pages`, `audit_sequence`, `audit_head`,
// `key_source`, `key_id`, `key_found` (not where you have the key), `recovery_code` (whether there is one, which
// opens the copy too) and `keep` (what to keep beside it, in words). The audit gets a row `database.backup`.
//
// engine: required. context: required, with an actor. path: required; relative to the program's folder.
// progress: may be NULL; called before each few pages on this thread, with what is done of how much. Anything but
// 0 from it cancels. It must return (no longjmp, no exception of your language), and may call this library; while
// it waits, the file beside the database that ends in `-wal` grows. user: its first argument. destroy: may be
// NULL; called with user exactly once before this function returns, however it returns. response: required; set
// to zero, filled on success, to be freed by you. error: may be NULL.
//
// Returns WARDKEY_OK; WARDKEY_CANCELLED, then nothing of it is left; WARDKEY_STORAGE_EXISTS if there is
// anything at the path; WARDKEY_MISUSE_ARGUMENT if it is the database itself or would lie beside one as
// a part of it; WARDKEY_STORAGE_CORRUPT if the copy is not sound, as the database then is not either;
// WARDKEY_MISUSE_ACTOR; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_backup(const wardkey_engine *engine,
                       const wardkey_context *context,
                       const char *path,
                       size_t path_len,
                       int32_t (WARDKEY_CALL *progress)(void *user,
                                           uint64_t done,
                                           uint64_t total),
                       void *user,
                       void (WARDKEY_CALL *destroy)(void *user),
                       wardkey_buf *response,
                       wardkey_error *error);

// Checks the whole file: SQLite's own check, every row's code, every row against the audit, the audit's chain. It is
// the operation `database.check` of wardkey_call, with progress.
//
// engine: required. context: required, with an actor. progress, user, destroy: as of wardkey_backup. response:
// required; set to zero, filled on success, to be freed by you: `sound`, `cancelled`, `findings`, `audit`. error: may
// be NULL.
//
// Returns WARDKEY_OK if it could be checked, and `sound` says what came out; WARDKEY_CANCELLED;
// WARDKEY_MISUSE_ACTOR; a storage code. Any thread; after close WARDKEY_MISUSE_CLOSED.
WARDKEY_API int32_t WARDKEY_CALL wardkey_check(const wardkey_engine *engine,
                      const wardkey_context *context,
                      int32_t (WARDKEY_CALL *progress)(void *user,
                                          uint64_t done,
                                          uint64_t total),
                      void *user,
                      void (WARDKEY_CALL *destroy)(void *user),
                      wardkey_buf *response,
                      wardkey_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WARDKEY_H */
