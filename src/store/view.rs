//! What can be read, inside a transaction or outside.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::audit::{self, AuditFilter, AuditHead, AuditRow};
use crate::store::db::Db;
use crate::store::keys::{Wrapped, Wrapper};
use crate::store::master::MasterKey;
use crate::store::record;
use crate::store::rows::{
    AuditKeyRow, ClientRow, CodeRow, CredentialRow, GrantRow, IssuerRow, OpaqueTokenRow,
    RefreshTokenRow, RevokedTokenRow, RoleRow, SettingsRow, SigningKeyRow, UserRow,
};
use crate::store::state::State;
use crate::store::transaction::Identity;

/// A consistent view of the database.
pub(crate) struct View<'a> {
    pub(super) db: &'a Db,
    identity: &'a Identity,
    /// The last change's sequence inside a transaction, which the state row does not have yet.
    latest: Option<u64>,
}

/// A word of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeRow {
    pub(crate) word: String,
    pub(crate) description: String,
    pub(crate) origin: String,
}

/// One security change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    pub(crate) sequence: u64,
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// What was decided on an authorization request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionRow {
    pub(crate) decision: Vec<u8>,
    /// What the client was told, if it got no code.
    pub(crate) refusal: Option<String>,
    pub(crate) decided_at: i64,
}

/// From where a user has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginRow {
    pub(crate) place: String,
    pub(crate) last_at: i64,
    pub(crate) logins: u64,
}

/// From where a credential and its tokens were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerRow {
    pub(crate) peer: String,
    pub(crate) first_at: i64,
    pub(crate) authenticated_at: Option<i64>,
    pub(crate) authentications: u64,
    pub(crate) used_at: Option<i64>,
    pub(crate) uses: u64,
}

/// How often a credential itself was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UseRow {
    pub(crate) last_at: i64,
    pub(crate) uses: u64,
    pub(crate) seen_beside: Option<String>,
}

impl<'a> View<'a> {
    pub(super) const fn new(db: &'a Db, identity: &'a Identity) -> Self {
        Self { db, identity, latest: None }
    }

    /// The view of a transaction whose last change has the sequence `latest`.
    pub(super) const fn within(db: &'a Db, identity: &'a Identity, latest: u64) -> Self {
        Self { db, identity, latest: Some(latest) }
    }

    /// The state row.
    pub(crate) fn state(&self) -> Result<State> {
        State::load(self.db, &self.identity.keys.row_mac)
    }

    /// Keys, site and entropy of this database.
    pub(crate) const fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// What the database says of its master key.
    pub(crate) fn master_key(&self) -> Result<MasterKey> {
        MasterKey::load(self.db)
    }

    /// Whether there is a recovery code.
    pub(crate) fn has_recovery_code(&self) -> Result<bool> {
        Wrapped::load(self.db, Wrapper::Recovery).map(|wrapped| !wrapped.is_empty())
    }

    /// The settings.
    pub(crate) fn settings(&self) -> Result<Option<SettingsRow>> {
        self.record("WHERE id = 1", &[])
    }

    /// The client `client_id`.
    pub(crate) fn client(&self, client_id: &str) -> Result<Option<ClientRow>> {
        self.record("WHERE client_id = ?", &[Cell::Text(client_id)])
    }

    /// Up to `limit` clients with ids after `after`, in the order of their ids.
    pub(crate) fn clients(&self, after: &str, limit: u32) -> Result<Vec<ClientRow>> {
        self.records(
            "WHERE client_id > ? ORDER BY client_id LIMIT ?",
            &[Cell::Text(after), Cell::Integer(i64::from(limit))],
        )
    }

    /// The algorithms that clients are registered for.
    pub(crate) fn client_algorithms(&self) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT algorithm FROM client WHERE algorithm IS NOT NULL";
        self.db.all(sql, &[], |row| Ok(row.text(0)?.to_owned()))
    }

    /// The clients that have registered origins of web pages.
    pub(crate) fn clients_with_origins(&self) -> Result<Vec<ClientRow>> {
        self.records("WHERE allowed_origins <> ''", &[])
    }

    /// The credential `credential_id`.
    pub(crate) fn credential(&self, credential_id: &str) -> Result<Option<CredentialRow>> {
        self.record("WHERE credential_id = ?", &[Cell::Text(credential_id)])
    }

    /// The credential with this digest, whoever's it is.
    pub(crate) fn credential_by_digest(&self, digest: &[u8; 32]) -> Result<Option<CredentialRow>> {
        self.record("WHERE digest = ?", &[Cell::Blob(digest)])
    }

    /// A client's credentials, oldest first.
    pub(crate) fn credentials(&self, client_id: &str) -> Result<Vec<CredentialRow>> {
        let condition = "WHERE client_id = ? ORDER BY created_at, credential_id";
        self.records(condition, &[Cell::Text(client_id)])
    }

    /// Up to `limit` credentials that are not revoked and end after `now` but not after `until`, soonest first; of
    /// these, those behind the place `after`.
    pub(crate) fn credentials_ending(
        &self,
        now: UnixTime,
        until: UnixTime,
        after: (i64, &str),
        limit: u32,
    ) -> Result<Vec<CredentialRow>> {
        self.records(
            "WHERE expires_at > ? AND expires_at <= ? AND (expires_at, credential_id) > (?, ?)
                 AND revoked_at IS NULL ORDER BY expires_at, credential_id LIMIT ?",
            &[
                Cell::Integer(now.millis()),
                Cell::Integer(until.millis()),
                Cell::Integer(after.0),
                Cell::Text(after.1),
                Cell::Integer(i64::from(limit)),
            ],
        )
    }

    /// The newest credential that a rotation made for this one and nobody has revoked.
    pub(crate) fn successor(
        &self,
        client_id: &str,
        credential_id: &str,
    ) -> Result<Option<CredentialRow>> {
        self.record(
            "WHERE client_id = ? AND replaces = ? AND revoked_at IS NULL
             ORDER BY created_at DESC, credential_id DESC LIMIT 1",
            &[Cell::Text(client_id), Cell::Text(credential_id)],
        )
    }

    /// How often a credential itself was used; `None` if it never was.
    pub(crate) fn credential_use(&self, credential_id: &str) -> Result<Option<UseRow>> {
        self.db.first(
            "SELECT last_at, uses, seen_beside FROM credential_use WHERE credential_id = ?",
            &[Cell::Text(credential_id)],
            |row| {
                Ok(UseRow {
                    last_at: row.integer(0)?,
                    uses: row.unsigned(1)?,
                    seen_beside: row.optional_text(2)?.map(str::to_owned),
                })
            },
        )
    }

    /// All credentials of the database.
    pub(crate) fn every_credential(&self) -> Result<Vec<CredentialRow>> {
        self.records("ORDER BY credential_id", &[])
    }

    /// The addresses a credential was used from, latest first.
    pub(crate) fn credential_peers(&self, credential_id: &str) -> Result<Vec<PeerRow>> {
        self.db.all(
            "SELECT peer, first_at, authenticated_at, authentications, used_at, uses
             FROM credential_peer WHERE credential_id = ?
             ORDER BY max(ifnull(authenticated_at, 0), ifnull(used_at, 0)) DESC, peer",
            &[Cell::Text(credential_id)],
            |row| {
                Ok(PeerRow {
                    peer: row.text(0)?.to_owned(),
                    first_at: row.integer(1)?,
                    authenticated_at: row.optional_integer(2)?,
                    authentications: row.unsigned(3)?,
                    used_at: row.optional_integer(4)?,
                    uses: row.unsigned(5)?,
                })
            },
        )
    }

    /// All signing keys, oldest first.
    pub(crate) fn signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        self.records("ORDER BY created_at, kid", &[])
    }

    /// The signing key `kid`.
    pub(crate) fn signing_key(&self, kid: &str) -> Result<Option<SigningKeyRow>> {
        self.record("WHERE kid = ?", &[Cell::Text(kid)])
    }

    /// The other site that calls itself `issuer`.
    pub(crate) fn issuer(&self, issuer: &str) -> Result<Option<IssuerRow>> {
        self.record("WHERE issuer = ?", &[Cell::Text(issuer)])
    }

    /// All other sites, by name.
    pub(crate) fn issuers(&self) -> Result<Vec<IssuerRow>> {
        self.records("ORDER BY issuer", &[])
    }

    /// The client here that `issuer` calls `client_id`.
    pub(crate) fn foreign_client(
        &self,
        issuer: &str,
        client_id: &str,
    ) -> Result<Option<ClientRow>> {
        let cells = [Cell::Text(issuer), Cell::Text(client_id)];
        self.record("WHERE issuer = ? AND foreign_client_id = ?", &cells)
    }

    /// All audit keys, oldest first.
    pub(crate) fn audit_keys(&self) -> Result<Vec<AuditKeyRow>> {
        self.records("ORDER BY id", &[])
    }

    /// The user `user_id`.
    pub(crate) fn user(&self, user_id: &str) -> Result<Option<UserRow>> {
        self.record("WHERE user_id = ?", &[Cell::Text(user_id)])
    }

    /// The user of this name, among this library's own or the host's.
    pub(crate) fn user_by_name(&self, origin: &str, username: &str) -> Result<Option<UserRow>> {
        let cells = [Cell::Text(origin), Cell::Text(username)];
        self.record("WHERE origin = ? AND username = ?", &cells)
    }

    /// The names of all users of this origin.
    pub(crate) fn usernames(&self, origin: &str) -> Result<Vec<String>> {
        let sql = "SELECT username FROM user WHERE origin = ?";
        self.db.all(sql, &[Cell::Text(origin)], |row| row.text(0).map(str::to_owned))
    }

    /// Up to `limit` users with ids after `after`, in the order of their ids.
    pub(crate) fn users(&self, after: &str, limit: u32) -> Result<Vec<UserRow>> {
        self.records(
            "WHERE user_id > ? ORDER BY user_id LIMIT ?",
            &[Cell::Text(after), Cell::Integer(i64::from(limit))],
        )
    }

    /// The role `name`.
    pub(crate) fn role(&self, name: &str) -> Result<Option<RoleRow>> {
        self.record("WHERE name = ?", &[Cell::Text(name)])
    }

    /// All roles, by name.
    pub(crate) fn roles(&self) -> Result<Vec<RoleRow>> {
        self.records("ORDER BY name", &[])
    }

    /// From where a user has logged in, latest first.
    pub(crate) fn user_logins(&self, user_id: &str) -> Result<Vec<LoginRow>> {
        self.db.all(
            "SELECT place, last_at, logins FROM user_login WHERE user_id = ?
             ORDER BY last_at DESC, place",
            &[Cell::Text(user_id)],
            |row| {
                Ok(LoginRow {
                    place: row.text(0)?.to_owned(),
                    last_at: row.integer(1)?,
                    logins: row.unsigned(2)?,
                })
            },
        )
    }

    /// The grant `grant_id`.
    pub(crate) fn grant(&self, grant_id: &str) -> Result<Option<GrantRow>> {
        self.record("WHERE grant_id = ?", &[Cell::Text(grant_id)])
    }

    /// Up to `limit` grants of a client, of a user, or of both, with ids after `after`.
    pub(crate) fn grants(
        &self,
        client_id: Option<&str>,
        subject: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<GrantRow>> {
        self.records(
            "WHERE (?1 IS NULL OR client_id = ?1) AND (?2 IS NULL OR subject = ?2) AND grant_id > ?3
             ORDER BY grant_id LIMIT ?4",
            &[
                Cell::text_or_null(client_id),
                Cell::text_or_null(subject),
                Cell::Text(after),
                Cell::Integer(i64::from(limit)),
            ],
        )
    }

    /// The grants of a user to a client that have not ended by `now`, but for the `kept` that were used last.
    pub(crate) fn grants_beyond(
        &self,
        client_id: &str,
        subject: &str,
        kept: u32,
        now: UnixTime,
    ) -> Result<Vec<GrantRow>> {
        self.records(
            "WHERE subject = ? AND client_id = ? AND revoked_at IS NULL AND ends_at > ?
             ORDER BY used_at DESC, grant_id LIMIT -1 OFFSET ?",
            &[
                Cell::Text(subject),
                Cell::Text(client_id),
                Cell::Integer(now.millis()),
                Cell::Integer(i64::from(kept)),
            ],
        )
    }

    /// The authorization code with this digest.
    pub(crate) fn code(&self, digest: &[u8; 32]) -> Result<Option<CodeRow>> {
        self.record("WHERE digest = ?", &[Cell::Blob(digest)])
    }

    /// The refresh token with this digest.
    pub(crate) fn refresh_token(&self, digest: &[u8; 32]) -> Result<Option<RefreshTokenRow>> {
        self.record("WHERE digest = ?", &[Cell::Blob(digest)])
    }

    /// The opaque token with this digest.
    pub(crate) fn opaque_token(&self, digest: &[u8; 32]) -> Result<Option<OpaqueTokenRow>> {
        self.record("WHERE digest = ?", &[Cell::Blob(digest)])
    }

    /// The tokens that were revoked one by one.
    pub(crate) fn revoked_tokens(&self) -> Result<Vec<RevokedTokenRow>> {
        self.records("", &[])
    }

    /// The revocation of this one token.
    pub(crate) fn revoked_token(&self, token_id: &str) -> Result<Option<RevokedTokenRow>> {
        self.record("WHERE token_id = ?", &[Cell::Text(token_id)])
    }

    /// The decision on an authorization request, as long as it is remembered.
    pub(crate) fn decision(&self, request_id: &str) -> Result<Option<DecisionRow>> {
        let found = self.db.all(
            "SELECT decision, refusal, decided_at FROM decided_request WHERE request_id = ?",
            &[Cell::Text(request_id)],
            |row| {
                Ok(DecisionRow {
                    decision: row.blob(0)?.to_vec(),
                    refusal: row.optional_text(1)?.map(str::to_owned),
                    decided_at: row.integer(2)?,
                })
            },
        )?;
        Ok(found.into_iter().next())
    }

    /// The catalogue of scope words.
    pub(crate) fn scopes(&self) -> Result<Vec<ScopeRow>> {
        self.db.all("SELECT word, description, origin FROM scope ORDER BY word", &[], |row| {
            Ok(ScopeRow {
                word: row.text(0)?.to_owned(),
                description: row.text(1)?.to_owned(),
                origin: row.text(2)?.to_owned(),
            })
        })
    }

    /// The security changes after `sequence`; `None` when the log no longer reaches back that far.
    pub(crate) fn changes_after(&self, sequence: u64) -> Result<Option<Vec<ChangeRow>>> {
        let rows = self.db.all(
            "SELECT sequence, kind, id FROM change WHERE sequence > ? ORDER BY sequence",
            &[Cell::unsigned(sequence)],
            |row| {
                Ok(ChangeRow {
                    sequence: row.unsigned(0)?,
                    kind: row.text(1)?.to_owned(),
                    id: row.text(2)?.to_owned(),
                })
            },
        )?;
        let latest = self.latest.map_or_else(|| self.state().map(|state| state.sequence), Ok)?;
        let expected = (sequence + 1)..=latest;
        // Every sequence has its row; a hole or a cut means that the delta is not the whole story.
        let whole = rows.iter().map(|row| row.sequence).eq(expected);
        Ok(whole.then_some(rows))
    }

    /// The audit rows that `filter` selects, oldest first.
    pub(crate) fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>> {
        audit::read(self.db, filter)
    }

    /// The audit row of a request.
    pub(crate) fn audit_of_request(&self, request: &str) -> Result<Option<AuditRow>> {
        audit::find_request(self.db, request)
    }

    /// Whether this very row is in the audit.
    pub(crate) fn audit_has(&self, row: &AuditHead) -> Result<bool> {
        row.is_stored(self.db)
    }

    /// The last signed row of the audit before `sequence`.
    pub(crate) fn signed_before(&self, sequence: u64) -> Result<Option<AuditRow>> {
        audit::signed(self.db, true, sequence)
    }

    /// The first signed row of the audit from `sequence` on.
    pub(crate) fn signed_from(&self, sequence: u64) -> Result<Option<AuditRow>> {
        audit::signed(self.db, false, sequence)
    }

    /// The first row of the audit at or after `from`.
    pub(crate) fn first_of_stretch(&self, from: UnixTime) -> Result<Option<u64>> {
        let sql = "SELECT min(sequence) FROM audit WHERE time >= ?";
        self.edge(sql, from)
    }

    /// The last row of the audit before `until`.
    pub(crate) fn last_of_stretch(&self, until: UnixTime) -> Result<Option<u64>> {
        let sql = "SELECT max(sequence) FROM audit WHERE time < ?";
        self.edge(sql, until)
    }

    fn edge(&self, sql: &str, time: UnixTime) -> Result<Option<u64>> {
        let edge =
            self.db.one(sql, &[Cell::Integer(time.millis())], |row| row.optional_integer(0))?;
        Ok(edge.and_then(|sequence| u64::try_from(sequence).ok()))
    }

    fn record<R: record::Record>(&self, condition: &str, cells: &[Cell<'_>]) -> Result<Option<R>> {
        Ok(self.records(condition, cells)?.into_iter().next())
    }

    fn records<R: record::Record>(&self, condition: &str, cells: &[Cell<'_>]) -> Result<Vec<R>> {
        record::load(self.db, &self.identity.keys.row_mac, condition, cells)
    }
}
