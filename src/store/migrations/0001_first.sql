-- Format 1. Times are milliseconds since 1970-01-01 UTC. docs/file-format.md explains every rule.

-- Who this database is. One row.
CREATE TABLE database (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    database_id  BLOB    NOT NULL CHECK (length(database_id) = 16),
    site         TEXT    NOT NULL CHECK (length(site) = 11),
    format       INTEGER NOT NULL,
    reader_min   INTEGER NOT NULL,
    writer_min   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    key_source   TEXT    NOT NULL, -- who keeps the master key: 'file', 'host' or 'dpapi'
    key_id       TEXT    NOT NULL  -- which one it is, for messages; what opens data_key decides
) STRICT;

-- What every writing transaction moves on. One row, on a page of its own.
CREATE TABLE state (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    commits        INTEGER NOT NULL, -- writing transactions so far
    checkpointed   INTEGER NOT NULL, -- of these, how many the main file is known to hold without the WAL
    sequence       INTEGER NOT NULL, -- of the last security change
    epoch          BLOB    NOT NULL CHECK (length(epoch) = 8),
    epoch_before   BLOB    NOT NULL CHECK (length(epoch_before) = 8), -- what a main file may be of that lags behind
    epoch_since    INTEGER NOT NULL, -- the commit with which the epoch began
    mark           INTEGER NOT NULL, -- latest time ever told
    clock_believed INTEGER NOT NULL CHECK (clock_believed IN (0, 1)),
    clock_offset   INTEGER NOT NULL, -- added to the wall clock while it is not believed
    clock_changes  INTEGER NOT NULL, -- how often an operator has set the engine's time
    last_expiry    INTEGER NOT NULL, -- when the last token ever issued ends
    audit_sequence INTEGER NOT NULL, -- the last row of the audit
    audit_hash     BLOB    NOT NULL CHECK (length(audit_hash) = 32),
    cut_sequence   INTEGER NOT NULL, -- the last row that was cut from its beginning; 0 when none was
    cut_hash       BLOB    NOT NULL CHECK (length(cut_hash) = 32),
    cut_horizon    INTEGER NOT NULL, -- what is older than this may be cut
    size_warned_at INTEGER NOT NULL, -- when it was last said that the file is near `max_file_size`
    mac_format     INTEGER NOT NULL,
    mac            BLOB    NOT NULL
) STRICT;

-- Random keys, each sealed with the master key, and once more with the recovery code if there is one.
CREATE TABLE data_key (
    purpose TEXT    NOT NULL,
    number  INTEGER NOT NULL, -- 1: what is sealed or authenticated under it says so by its format
    wrapper TEXT    NOT NULL, -- 'master' or 'recovery'
    sealed  BLOB    NOT NULL,
    PRIMARY KEY (purpose, number, wrapper)
) STRICT, WITHOUT ROWID;

-- The settings as one JSON document. One row.
CREATE TABLE settings (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    version    INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    mac_format INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT;

-- The catalogue of scope words (RFC 6749 3.3).
CREATE TABLE scope (
    word        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    origin      TEXT NOT NULL -- 'built-in', 'own', or the dialect that brought it
) STRICT, WITHOUT ROWID;

-- Clients, named as RFC 7591 names their metadata. Lists are words parted by single spaces.
CREATE TABLE client (
    client_id                  TEXT    PRIMARY KEY,
    version                    INTEGER NOT NULL,
    generation                 INTEGER NOT NULL,
    enabled                    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    client_name                TEXT    NOT NULL,
    description                TEXT    NOT NULL,
    scope                      TEXT    NOT NULL,
    default_scope              TEXT,
    grant_types                TEXT    NOT NULL,
    token_endpoint_auth_method TEXT,
    redirect_uris              TEXT    NOT NULL,
    resource_server            INTEGER NOT NULL CHECK (resource_server IN (0, 1)),
    algorithm                  TEXT,
    token_format               TEXT,
    access_token_lifetime      INTEGER,
    token_type_case            TEXT,
    allowed_networks           TEXT    NOT NULL,
    allowed_origins            TEXT    NOT NULL,
    host_data                  TEXT    NOT NULL,
    rotate_refresh_tokens      INTEGER NOT NULL CHECK (rotate_refresh_tokens IN (0, 1)),
    danger_allow_no_pkce       INTEGER NOT NULL CHECK (danger_allow_no_pkce IN (0, 1)),
    token_rate                 TEXT, -- times a minute and at once, as `600 1000`
    verify_rate                TEXT,
    issuer                     TEXT,    -- of a client of another site: that site's issuer,
    foreign_client_id          TEXT,    -- what the client is called there,
    foreign_since              INTEGER, -- and the time up to which its tokens are refused
    created_at                 INTEGER NOT NULL,
    updated_at                 INTEGER NOT NULL,
    extra                      TEXT    NOT NULL, -- JSON: what later releases add, under the same MAC
    mac_format                 INTEGER NOT NULL,
    mac                        BLOB    NOT NULL,
    CHECK ((issuer IS NULL) = (foreign_client_id IS NULL)),
    CHECK ((issuer IS NULL) = (foreign_since IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_foreign ON client (issuer, foreign_client_id) WHERE issuer IS NOT NULL;

-- A client's secrets, as digests. Rows of secrets that have ended stay until what they obtained has, too.
CREATE TABLE credential (
    credential_id TEXT    PRIMARY KEY,
    client_id     TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    version       INTEGER NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('generated', 'imported', 'strong')),
    digest        BLOB,    -- HMAC-SHA256 of a generated secret, or of a strong one with its client's id
    phc           TEXT,    -- Argon2id of an imported one
    label         TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    not_before    INTEGER,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    confirmed     INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    replaces      TEXT,    -- the secret that a rotation made it for; that one's row may be gone
    extra         TEXT    NOT NULL,
    mac_format    INTEGER NOT NULL,
    mac           BLOB    NOT NULL,
    CHECK ((kind = 'imported') = (digest IS NULL)),
    CHECK ((kind = 'imported') = (phc IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_client ON credential (client_id, created_at);
CREATE UNIQUE INDEX credential_digest ON credential (digest) WHERE digest IS NOT NULL;
CREATE INDEX credential_end ON credential (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX credential_revoked ON credential (revoked_at) WHERE revoked_at IS NOT NULL;

-- How often a secret itself was used: it proved its client. Nothing is permitted by these rows.
CREATE TABLE credential_use (
    credential_id TEXT    PRIMARY KEY REFERENCES credential (credential_id) ON DELETE CASCADE,
    last_at       INTEGER NOT NULL,
    uses          INTEGER NOT NULL,
    seen_beside   TEXT     -- the newer secret that was there when this one was used all the same
) STRICT, WITHOUT ROWID;

-- From which addresses a secret was used, and from which the tokens that it obtained.
CREATE TABLE credential_peer (
    credential_id    TEXT    NOT NULL REFERENCES credential (credential_id) ON DELETE CASCADE,
    peer             TEXT    NOT NULL,
    first_at         INTEGER NOT NULL,
    authenticated_at INTEGER, -- when the secret itself was last used
    authentications  INTEGER NOT NULL,
    used_at          INTEGER, -- when a token of it was last used
    uses             INTEGER NOT NULL,
    PRIMARY KEY (credential_id, peer)
) STRICT, WITHOUT ROWID;

-- Keys that sign access tokens. A key is published from the start, signs from active_from until
-- retired_at, and verifies until ends_at; one that is refused does neither any more, whatever the clock says.
CREATE TABLE signing_key (
    kid         TEXT    PRIMARY KEY,
    version     INTEGER NOT NULL,
    algorithm   TEXT    NOT NULL,
    origin      TEXT    NOT NULL CHECK (origin IN ('made', 'imported')),
    created_at  INTEGER NOT NULL,
    active_from INTEGER NOT NULL,
    retired_at  INTEGER,
    ends_at     INTEGER,
    refused     INTEGER NOT NULL CHECK (refused IN (0, 1)),
    public_jwk  TEXT    NOT NULL,
    sealed      BLOB    NOT NULL, -- PKCS#8, sealed with the data key `private`; empty once it is retired
    extra       TEXT    NOT NULL,
    mac_format  INTEGER NOT NULL,
    mac         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Other sites whose tokens are believed.
CREATE TABLE issuer (
    issuer     TEXT    PRIMARY KEY,
    version    INTEGER NOT NULL,
    site       TEXT    NOT NULL CHECK (length(site) = 11),
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    epoch      BLOB    NOT NULL CHECK (length(epoch) = 8), -- in which it was enabled: a new one turns it off
    since      INTEGER NOT NULL, -- up to this time its tokens are refused
    jwks       TEXT    NOT NULL, -- JSON array of its public keys
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    extra      TEXT    NOT NULL,
    mac_format INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX issuer_site ON issuer (site);

-- Keys that sign the audit's heads (Ed25519), each until the first row of the next one.
CREATE TABLE audit_key (
    id             INTEGER PRIMARY KEY,
    version        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL, -- of the rows that it may sign
    public_jwk     TEXT    NOT NULL,
    sealed         BLOB    NOT NULL,
    mac_format     INTEGER NOT NULL,
    mac            BLOB    NOT NULL
) STRICT;

-- People. A host's own users have a row too, from their first login on, without a password.
CREATE TABLE user (
    user_id             TEXT    PRIMARY KEY, -- usr_ and 22 characters; of the host's own: usr_. and the host's name for them
    version             INTEGER NOT NULL,
    generation          INTEGER NOT NULL,
    origin              TEXT    NOT NULL CHECK (origin IN ('own', 'host')),
    username            TEXT    NOT NULL, -- in NFC
    phc                 TEXT,             -- Argon2id
    enabled             INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    confirmed           INTEGER NOT NULL CHECK (confirmed IN (0, 1)), -- since the last restore
    scope               TEXT    NOT NULL, -- beside the words of the roles
    scope_set           INTEGER NOT NULL CHECK (scope_set IN (0, 1)), -- by an administrator: a host adds nothing to it
    roles               TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    password_changed_at INTEGER,
    extra               TEXT    NOT NULL,
    mac_format          INTEGER NOT NULL,
    mac                 BLOB    NOT NULL,
    CHECK ((origin = 'own') = (phc IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_username ON user (origin, username);

-- Named lists of scope words, given to users.
CREATE TABLE role (
    name        TEXT    PRIMARY KEY,
    version     INTEGER NOT NULL,
    description TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    extra       TEXT    NOT NULL,
    mac_format  INTEGER NOT NULL,
    mac         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- From where a user has logged in.
CREATE TABLE user_login (
    user_id TEXT    NOT NULL REFERENCES user (user_id) ON DELETE CASCADE,
    place   TEXT    NOT NULL, -- an IPv4 address, an IPv6 /64, or nothing when it was not known
    last_at INTEGER NOT NULL,
    logins  INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_login_place ON user_login (place);

-- Wrong passwords, for the throttle that all processes share. Bounded: of names over all places and of networks, 2048
-- shares by their digest are counted as one each; all else lives for minutes.
CREATE TABLE login_failure (
    what     TEXT    NOT NULL, -- here, day, desk, account, network, wider
    place    TEXT    NOT NULL, -- of here, day and desk: as in user_login; of the others: nothing
    number   INTEGER NOT NULL, -- of here and day: the name; of account, network and wider: the share; of desk: 0
    failures INTEGER NOT NULL,
    since    INTEGER NOT NULL, -- from when on time forgives
    until    INTEGER NOT NULL, -- until when the next attempt waits, where waits grow
    ends_at  INTEGER NOT NULL, -- when all are forgiven
    PRIMARY KEY (what, place, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_failure_end ON login_failure (ends_at);

-- What a user allowed a client: all codes and tokens that follow from it name it.
CREATE TABLE user_grant (
    grant_id           TEXT    PRIMARY KEY,
    version            INTEGER NOT NULL,
    client_id          TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    kind               TEXT    NOT NULL, -- the grant type, or a dialect's login
    scope              TEXT    NOT NULL,
    credential_id      TEXT    NOT NULL, -- the secret that redeemed its code; empty before that, and of a public client
    epoch              BLOB    NOT NULL,
    client_generation  INTEGER NOT NULL,
    subject_generation INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    used_at            INTEGER NOT NULL, -- last exchange or refresh
    expires_at         INTEGER NOT NULL, -- when it can be refreshed no more, however it is used
    ends_at            INTEGER NOT NULL, -- when nothing of it can be valid any more
    revoked_at         INTEGER,
    extra              TEXT    NOT NULL,
    mac_format         INTEGER NOT NULL,
    mac                BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX user_grant_client ON user_grant (client_id, grant_id);
CREATE INDEX user_grant_subject ON user_grant (subject, grant_id);
CREATE INDEX user_grant_end ON user_grant (ends_at);
CREATE INDEX user_grant_credential ON user_grant (credential_id) WHERE credential_id <> '';
CREATE INDEX user_grant_living ON user_grant (subject, client_id) WHERE revoked_at IS NULL;

-- Authorization codes, as digests. Spent ones stay as long as their grant, to know a second use.
CREATE TABLE code (
    digest         BLOB    PRIMARY KEY,
    grant_id       TEXT    NOT NULL REFERENCES user_grant (grant_id) ON DELETE CASCADE,
    redirect_uri   TEXT    NOT NULL,
    code_challenge TEXT,
    expires_at     INTEGER NOT NULL,
    spent_at       INTEGER,
    extra          TEXT    NOT NULL,
    mac_format     INTEGER NOT NULL,
    mac            BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX code_grant ON code (grant_id);

-- Refresh tokens, as digests. Spent ones stay as long as their grant, to know a second use.
CREATE TABLE refresh_token (
    digest     BLOB    PRIMARY KEY,
    grant_id   TEXT    NOT NULL REFERENCES user_grant (grant_id) ON DELETE CASCADE,
    number     INTEGER NOT NULL, -- its place in the family, from 1
    created_at INTEGER NOT NULL,
    spent_at   INTEGER,
    extra      TEXT    NOT NULL,
    mac_format INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_token_grant ON refresh_token (grant_id, number);

-- Authorization requests that somebody has decided, until they would have ended: none is decided twice. What was
-- decided, as a digest, tells a second press of the same button from another answer.
CREATE TABLE decided_request (
    request_id TEXT    PRIMARY KEY,
    decision   BLOB    NOT NULL,
    refusal    TEXT,             -- what the client was told, if it got no code
    decided_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decided_request_expiry ON decided_request (expires_at);

-- Opaque access tokens, as digests. A JWT has no row.
CREATE TABLE opaque_token (
    digest             BLOB    PRIMARY KEY,
    token_id           TEXT    NOT NULL,
    client_id          TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    credential_id      TEXT    NOT NULL,
    grant_id           TEXT,
    scope              TEXT    NOT NULL,
    audience           TEXT    NOT NULL,
    epoch              BLOB    NOT NULL,
    client_generation  INTEGER NOT NULL,
    subject_generation INTEGER NOT NULL,
    issued_at          INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    extra              TEXT    NOT NULL,
    mac_format         INTEGER NOT NULL,
    mac                BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX opaque_token_expiry ON opaque_token (expires_at);

-- Tokens revoked one by one, until they would have expired.
CREATE TABLE revoked_token (
    token_id   TEXT    PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    mac_format INTEGER NOT NULL,
    mac        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_token_expiry ON revoked_token (expires_at);

-- The last security changes, for snapshots to follow. Bounded.
CREATE TABLE change (
    sequence INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL
) STRICT;

-- The audit chain. `row` holds the exact bytes that were hashed; what queries need is derived from
-- them, so a query cannot say otherwise than the chain; a damaged text derives nothing and fails no
-- statement. The last row of every transaction is signed.
CREATE TABLE audit (
    sequence  INTEGER PRIMARY KEY,
    row       TEXT    NOT NULL,
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    signed_by INTEGER REFERENCES audit_key (id),
    signature BLOB,
    client    TEXT    GENERATED ALWAYS AS (CASE WHEN json_valid(row) THEN row ->> '$.client' END) VIRTUAL,
    user      TEXT    GENERATED ALWAYS AS (CASE WHEN json_valid(row) THEN row ->> '$.user' END) VIRTUAL,
    time      INTEGER GENERATED ALWAYS AS (CASE WHEN json_valid(row) THEN row ->> '$.time' END) VIRTUAL,
    request   TEXT    GENERATED ALWAYS AS (CASE WHEN json_valid(row) THEN row ->> '$.request' END) VIRTUAL,
    CHECK ((signed_by IS NULL) = (signature IS NULL))
) STRICT;
CREATE INDEX audit_client ON audit (client, sequence) WHERE client IS NOT NULL;
CREATE INDEX audit_user ON audit (user, sequence) WHERE user IS NOT NULL;
CREATE INDEX audit_request ON audit (request) WHERE request IS NOT NULL;
CREATE INDEX audit_time ON audit (time);
