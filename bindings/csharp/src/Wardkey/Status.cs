namespace Wardkey
{
    /// <summary>
    /// What came of a call. The hundreds say whose turn it is: 1xx the program called wrongly, 2xx the request is
    /// denied, 3xx not found or in conflict, 4xx the file or the disk, 5xx the library. Only <see cref="Ok"/> is
    /// success. Later releases may have more: treat an unknown one like its hundred.
    /// </summary>
    public enum Status
    {
        /// <summary>Success; of a security call: allowed.</summary>
        Ok = 0,

        /// <summary>Misuse: a pointer that must not be NULL is NULL.</summary>
        MisuseNull = 100,

        /// <summary>Misuse: the handle is none that wardkey_open of this library gave out.</summary>
        MisuseHandle = 101,

        /// <summary>Misuse: the handle was closed, by wardkey_close or because its slot is in use by a later
        /// engine.</summary>
        MisuseClosed = 102,

        /// <summary>Misuse: the handle is of another kind than the function takes.</summary>
        MisuseKind = 103,

        /// <summary>Misuse: the handle was made by another copy of this library in the same process.</summary>
        MisuseForeign = 104,

        /// <summary>Misuse: a length is larger than 2147483647, or a count larger than 65535.</summary>
        MisuseLength = 105,

        /// <summary>Misuse: a text is not UTF-8.</summary>
        MisuseUtf8 = 106,

        /// <summary>Misuse: struct_size (or the size of a struct to fill) is not one that any release has, or
        /// the part of a struct that this release does not know is not zero.</summary>
        MisuseSize = 107,

        /// <summary>Misuse: an argument or a member of a struct has a value that it cannot have; the message
        /// names it.</summary>
        MisuseArgument = 108,

        /// <summary>Misuse: a JSON document has an unknown, duplicate, missing or ill-typed member; the
        /// message has its path.</summary>
        MisuseDocument = 109,

        /// <summary>Misuse: wardkey_call knows no such operation.</summary>
        MisuseOperation = 110,

        /// <summary>Misuse: administration without an actor: say in the context or the options who does
        /// it.</summary>
        MisuseActor = 111,

        /// <summary>Misuse: this process was forked while an engine was open; only after exec can the child
        /// open one.</summary>
        MisuseForked = 112,

        /// <summary>Misuse: the header is newer than the library: install the library that the program was
        /// built for, or a later one.</summary>
        MisuseAbi = 113,

        /// <summary>Misuse: 256 engines are open, or so many were opened and closed that no handle is left.
        /// Nothing was opened or created: open a database once and use the engine from all threads.</summary>
        MisuseTooMany = 114,

        /// <summary>Misuse: another copy of this library has the database open in this process, and each would
        /// drop the other's file locks. Load one copy for the whole process, or open the database in another
        /// process.</summary>
        MisuseAnotherCopy = 115,

        /// <summary>Denied, for a reason that this header does not name.</summary>
        Denied = 200,

        /// <summary>Denied: the token is longer than any that this library makes.</summary>
        DeniedTokenTooLong = 201,

        /// <summary>Denied: the text is not a token.</summary>
        DeniedTokenMalformed = 202,

        /// <summary>Denied: the token's header demands what is never honoured.</summary>
        DeniedTokenHeaderForbidden = 203,

        /// <summary>Denied: no key of this database has the token's key id; a trusted site's next keys must be
        /// imported.</summary>
        DeniedKeyUnknown = 204,

        /// <summary>Denied: the key that signed the token is retired.</summary>
        DeniedKeyRetired = 205,

        /// <summary>Denied: the token's algorithm is not that of the key it names.</summary>
        DeniedAlgorithmMismatch = 206,

        /// <summary>Denied: the token's signature does not verify.</summary>
        DeniedBadSignature = 207,

        /// <summary>Denied: the token's type is not `at+jwt`.</summary>
        DeniedWrongType = 208,

        /// <summary>Denied: the token was made by another issuer.</summary>
        DeniedWrongIssuer = 209,

        /// <summary>Denied: the token is meant for another audience.</summary>
        DeniedWrongAudience = 210,

        /// <summary>Denied: a claim of the token is missing, ill-typed or out of range.</summary>
        DeniedBadClaim = 211,

        /// <summary>Denied: the token has expired. Its client gets another one.</summary>
        DeniedTokenExpired = 212,

        /// <summary>Denied: the token starts in the future.</summary>
        DeniedTokenFromFuture = 213,

        /// <summary>Denied: no such opaque token was issued, or it expired long ago.</summary>
        DeniedTokenUnknown = 214,

        /// <summary>Denied: the token was revoked.</summary>
        DeniedTokenRevoked = 215,

        /// <summary>Denied: the token was issued before the database was restored.</summary>
        DeniedEpochEnded = 216,

        /// <summary>Denied: all tokens of the client were revoked.</summary>
        DeniedClientTokensRevoked = 217,

        /// <summary>Denied: the secret that obtained the token was revoked.</summary>
        DeniedCredentialRevoked = 218,

        /// <summary>Denied: no such client is registered.</summary>
        DeniedClientUnknown = 219,

        /// <summary>Denied: the client is disabled.</summary>
        DeniedClientDisabled = 220,

        /// <summary>Denied: the secret is none of the client's.</summary>
        DeniedSecretWrong = 221,

        /// <summary>Denied: the secret is not valid yet.</summary>
        DeniedSecretNotYetValid = 222,

        /// <summary>Denied: the secret has expired.</summary>
        DeniedSecretExpired = 223,

        /// <summary>Denied: the secret was revoked.</summary>
        DeniedSecretRevoked = 224,

        /// <summary>Denied: the secret has not been confirmed since the database was restored.</summary>
        DeniedSecretUnconfirmed = 225,

        /// <summary>Denied: the client presented no secret.</summary>
        DeniedSecretMissing = 226,

        /// <summary>Denied: the id or the secret has a character or a length that none can have.</summary>
        DeniedCredentialMalformed = 227,

        /// <summary>Denied: the client is registered for another authentication method.</summary>
        DeniedAuthenticationMethod = 228,

        /// <summary>Denied: the client is not registered for this grant.</summary>
        DeniedGrantNotAllowed = 229,

        /// <summary>Denied: a scope was asked for that the client may not have.</summary>
        DeniedScopeNotAllowed = 230,

        /// <summary>Denied: the scope asked for is not words parted by single spaces.</summary>
        DeniedScopeMalformed = 231,

        /// <summary>Denied: the token lacks a scope that the operation requires.</summary>
        DeniedInsufficientScope = 232,

        /// <summary>Denied: the caller's address is not in the client's `allowed_networks`.</summary>
        DeniedPeerNotAllowed = 233,

        /// <summary>Denied: the caller's address is unknown, and the client has `allowed_networks`.</summary>
        DeniedPeerUnknown = 234,

        /// <summary>Denied: it comes too often; the error's system_code has the seconds to wait.</summary>
        DeniedRateLimited = 235,

        /// <summary>Denied: the request came over plain HTTP from another machine.</summary>
        DeniedInsecureTransport = 236,

        /// <summary>Denied: the request carries no token.</summary>
        DeniedTokenMissing = 237,

        /// <summary>Denied: the request is malformed.</summary>
        DeniedInvalidRequest = 238,

        /// <summary>Denied: the grant type is unknown.</summary>
        DeniedGrantUnsupported = 239,

        /// <summary>Denied: the token is another client's.</summary>
        DeniedTokenForeign = 240,

        /// <summary>Denied: the user does not exist, or was deleted.</summary>
        DeniedUserUnknown = 241,

        /// <summary>Denied: the user is disabled.</summary>
        DeniedUserDisabled = 242,

        /// <summary>Denied: all tokens of the user were revoked, by a new password for one.</summary>
        DeniedUserTokensRevoked = 243,

        /// <summary>Denied: the password is not the user's.</summary>
        DeniedPasswordWrong = 244,

        /// <summary>Denied: the user's authorization that the token came by is not known.</summary>
        DeniedGrantUnknown = 245,

        /// <summary>Denied: the user's authorization was revoked.</summary>
        DeniedGrantRevoked = 246,

        /// <summary>Denied: the user's authorization was unused for too long, or is too old.</summary>
        DeniedGrantExpired = 247,

        /// <summary>Denied: no such authorization code was issued.</summary>
        DeniedCodeUnknown = 248,

        /// <summary>Denied: the authorization code has expired.</summary>
        DeniedCodeExpired = 249,

        /// <summary>Denied: the authorization code was used before.</summary>
        DeniedCodeSpent = 250,

        /// <summary>Denied: the authorization code is another client's.</summary>
        DeniedCodeForeign = 251,

        /// <summary>Denied: the redirect URI is not the one that the code was sent to.</summary>
        DeniedRedirectUriWrong = 252,

        /// <summary>Denied: the code verifier does not match the challenge.</summary>
        DeniedVerifierWrong = 253,

        /// <summary>Denied: no such refresh token was issued.</summary>
        DeniedRefreshTokenUnknown = 254,

        /// <summary>Denied: the refresh token had been replaced before; its family is revoked.</summary>
        DeniedRefreshTokenReused = 255,

        /// <summary>Denied: the refresh token is another client's.</summary>
        DeniedRefreshTokenForeign = 256,

        /// <summary>Denied: the user did not approve the request.</summary>
        DeniedAccessRefused = 257,

        /// <summary>Denied: the user has not been confirmed since the database was restored.</summary>
        DeniedUserUnconfirmed = 258,

        /// <summary>Denied: the program's own check_user refused the name and the password.</summary>
        DeniedUserRefused = 259,

        /// <summary>Denied: the site that signed the token is disabled, or was not enabled again after a
        /// restore.</summary>
        DeniedIssuerDisabled = 260,

        /// <summary>The thing named does not exist.</summary>
        NotFound = 300,

        /// <summary>A thing of this id exists already, or the change contradicts another.</summary>
        Conflict = 301,

        /// <summary>The program ended long work that it was asked about. Nothing of it is left.</summary>
        Cancelled = 302,

        /// <summary>Storage: there is no database at the path. Correct the path, or make one with
        /// WARDKEY_MODE_CREATE.</summary>
        StorageMissing = 400,

        /// <summary>Storage: a database, or what belongs to one, exists at the path already; nothing was
        /// overwritten. Open it with WARDKEY_MODE_OPEN, or choose another path.</summary>
        StorageExists = 401,

        /// <summary>Storage: the file is empty. Put a backup back and open it with WARDKEY_MODE_RESTORE, or
        /// move the file away and make a database with WARDKEY_MODE_CREATE.</summary>
        StorageEmptyFile = 402,

        /// <summary>Storage: the file is something else than a Wardkey database, and was left alone. Correct
        /// the path.</summary>
        StorageForeignFile = 403,

        /// <summary>Storage: the file was written by a later major version of this library. Upgrade this
        /// one.</summary>
        StorageNewerFile = 404,

        /// <summary>Storage: the master key does not open this database. Bring the key, or put back the key
        /// file, that it was made with.</summary>
        StorageWrongKey = 405,

        /// <summary>Storage: the key file beside the database is gone. It is never made anew: put it back. If
        /// the database was made with a key of your own, set key_source.</summary>
        StorageKeyMissing = 406,

        /// <summary>Storage: the database is older than its last acknowledged change: an old copy was put
        /// back. To accept it, open it with WARDKEY_MODE_RESTORE, which ends all tokens.</summary>
        StorageStale = 407,

        /// <summary>Storage: the freshness file beside the database is gone, or another database's. Put it
        /// back, or open with WARDKEY_MODE_RESTORE, which ends all tokens.</summary>
        StorageFreshnessMissing = 408,

        /// <summary>Storage: the database lies on a network filesystem, whose locks cannot be trusted. Move it
        /// to a local disk.</summary>
        StorageNetwork = 409,

        /// <summary>Storage: the file or its folder cannot be written by this user. Give it the right to
        /// both.</summary>
        StorageNotWritable = 410,

        /// <summary>Storage: another program held the database for longer than the busy timeout; try
        /// again.</summary>
        StorageBusy = 411,

        /// <summary>Storage: the disk is full, or the file has reached max_file_size; nothing was changed.
        /// Make room, or raise it, and try again.</summary>
        StorageFull = 412,

        /// <summary>Storage: something in the file was edited outside this library, or damaged; the message
        /// names it. Put a backup back and open it with WARDKEY_MODE_RESTORE.</summary>
        StorageCorrupt = 413,

        /// <summary>Storage: the operating system failed; the message says at what, system_code how.</summary>
        StorageIo = 414,

        /// <summary>Storage: the disk failed during a commit, and whether it took place is not known. Look
        /// before you repeat it.</summary>
        StorageOutcomeUnknown = 415,

        /// <summary>Storage: the host's key callback gave no key; system_code is what it returned.</summary>
        StorageKeyCallback = 416,

        /// <summary>Internal: a defect of this library. Please report it with the message.</summary>
        Internal = 500,

        /// <summary>Internal: a defect of this library that would have ended the process: it
        /// panicked.</summary>
        InternalPanic = 501,

        /// <summary>Internal: too many passwords are being checked at once; try again.</summary>
        InternalOverloaded = 502,

        /// <summary>Internal: the program's own check_user failed, or its answer cannot be; the message says
        /// what. Nobody logged in.</summary>
        InternalUserCheck = 503,
    }
}
