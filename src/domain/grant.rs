//! Grants: what a user allowed a client, and all that follows from it.

use crate::base::{Epoch, GrantId, Lifetime, UnixTime};
use crate::domain::authenticate::ClientState;
use crate::domain::client::{Client, GrantType};
use crate::domain::gate::{Subject, examine};
use crate::domain::scope::Scope;
use crate::domain::user::UserState;
use crate::error::{Denied, Error, Result};
use crate::store::{AuditEntry, GrantRow, NO_EXTRA, Tx, check_extra};

/// One user's authorization of one client. Its codes, refresh tokens and access tokens all name it, and
/// end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) grant_id: GrantId,
    pub(crate) version: u64,
    pub(crate) client_id: String,
    /// The user.
    pub(crate) subject: String,
    /// How it was given.
    pub(crate) kind: GrantType,
    /// What was allowed: no token of it has more.
    pub(crate) scope: Scope,
    /// The secret that redeemed its code: revoked, it takes the grant along. Empty as long as nobody has, and
    /// of a public client, which has none.
    pub(crate) credential_id: String,
    pub(crate) epoch: Epoch,
    pub(crate) client_generation: u64,
    pub(crate) subject_generation: u64,
    pub(crate) created_at: UnixTime,
    /// Its last exchange or refresh.
    pub(crate) used_at: UnixTime,
    /// When it can be refreshed no more, however it is used.
    pub(crate) expires_at: UnixTime,
    /// When nothing of it can be valid any more.
    pub(crate) ends_at: UnixTime,
    pub(crate) revoked_at: Option<UnixTime>,
    /// What later releases keep about it.
    pub(crate) extra: String,
}

/// What a grant is begun with.
pub(crate) struct NewGrant<'a> {
    pub(crate) client: &'a Client,
    pub(crate) user: &'a UserState,
    pub(crate) kind: GrantType,
    pub(crate) scope: Scope,
    pub(crate) epoch: Epoch,
}

impl Grant {
    /// A grant that begins at `now` and can be refreshed for `lifetime`.
    pub(crate) fn begin(
        new: NewGrant<'_>,
        grant_id: GrantId,
        lifetime: Lifetime,
        now: UnixTime,
    ) -> Self {
        Self {
            grant_id,
            version: 1,
            client_id: new.client.client_id.as_str().to_owned(),
            subject: new.user.user.user_id.as_str().to_owned(),
            kind: new.kind,
            scope: new.scope,
            credential_id: String::new(),
            epoch: new.epoch,
            client_generation: new.client.generation.0,
            subject_generation: new.user.user.generation.0,
            created_at: now,
            used_at: now,
            expires_at: now.plus(lifetime),
            ends_at: now.plus(lifetime),
            revoked_at: None,
            extra: NO_EXTRA.to_owned(),
        }
    }

    /// Whether what it was given under still holds.
    ///
    /// # Errors
    /// [`Denied::EpochEnded`], [`Denied::ClientTokensRevoked`], [`Denied::UserTokensRevoked`].
    pub(crate) fn check_generations(
        &self,
        epoch: Epoch,
        client: &Client,
        user: &UserState,
    ) -> std::result::Result<(), Denied> {
        if self.epoch != epoch {
            Err(Denied::EpochEnded)
        } else if self.client_generation != client.generation.0 {
            Err(Denied::ClientTokensRevoked)
        } else if self.subject_generation != user.user.generation.0 {
            Err(Denied::UserTokensRevoked)
        } else {
            Ok(())
        }
    }

    /// Whether it has its time: neither unused for too long nor too old.
    ///
    /// # Errors
    /// [`Denied::GrantExpired`].
    pub(super) fn check_refreshable(
        &self,
        idle: Lifetime,
        now: UnixTime,
    ) -> std::result::Result<(), Denied> {
        let is_idle = now >= self.used_at.plus(idle);
        if is_idle || now >= self.expires_at { Err(Denied::GrantExpired) } else { Ok(()) }
    }

    /// Whether anything of it is worth something now: what a refresh of it is held against, but for who comes and
    /// from where. `state` and `user` are its own, if they are there.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check_active(
        &self,
        (state, user): (Option<&ClientState>, Option<&UserState>),
        epoch: Epoch,
        idle: Lifetime,
        now: UnixTime,
    ) -> std::result::Result<(), Denied> {
        if self.revoked_at.is_some() {
            return Err(Denied::GrantRevoked);
        }
        let state = state.ok_or(Denied::ClientUnknown)?;
        let user = user.ok_or(Denied::UserUnknown)?;
        examine(&state.client, Subject::User(user), self.kind, "")?;
        self.check_generations(epoch, &state.client, user)?;
        // Before its code is redeemed it is nobody's secret that obtained it.
        if self.used_at > self.created_at || !self.credential_id.is_empty() {
            state.check_obtained(&self.credential_id)?;
        }
        // With nothing to refresh it by, it ends with its code or its last token.
        if now >= self.ends_at {
            return Err(Denied::GrantExpired);
        }
        if self.expires_at <= self.used_at { Ok(()) } else { self.check_refreshable(idle, now) }
    }

    /// Reads a row.
    pub(crate) fn from_row(row: &GrantRow) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the grant `{}`", row.grant_id) };
        Ok(Self {
            grant_id: GrantId::parse(&row.grant_id).ok_or_else(corrupt)?,
            version: row.version,
            client_id: row.client_id.clone(),
            subject: row.subject.clone(),
            kind: GrantType::parse(&row.kind).ok_or_else(corrupt)?,
            scope: Scope::printed(row.scope.clone()),
            credential_id: row.credential_id.clone(),
            epoch: Epoch::from_bytes(row.epoch),
            client_generation: row.client_generation,
            subject_generation: row.subject_generation,
            created_at: UnixTime::from_millis(row.created_at),
            used_at: UnixTime::from_millis(row.used_at),
            expires_at: UnixTime::from_millis(row.expires_at),
            ends_at: UnixTime::from_millis(row.ends_at),
            revoked_at: row.revoked_at.map(UnixTime::from_millis),
            extra: row.extra.clone(),
        })
    }

    /// The row that says this.
    pub(crate) fn to_row(&self) -> GrantRow {
        GrantRow {
            grant_id: self.grant_id.as_str().to_owned(),
            version: self.version,
            client_id: self.client_id.clone(),
            subject: self.subject.clone(),
            kind: self.kind.as_str().to_owned(),
            scope: self.scope.as_str().to_owned(),
            credential_id: self.credential_id.clone(),
            epoch: self.epoch.bytes(),
            client_generation: self.client_generation,
            subject_generation: self.subject_generation,
            created_at: self.created_at.millis(),
            used_at: self.used_at.millis(),
            expires_at: self.expires_at.millis(),
            ends_at: self.ends_at.millis(),
            revoked_at: self.revoked_at.map(UnixTime::millis),
            extra: self.extra.clone(),
        }
    }
}

/// Stores a grant that begins; `entry` says on whose request.
pub(crate) fn begin_grant(tx: &mut Tx<'_>, grant: &Grant, entry: AuditEntry) -> Result<()> {
    insert_grant(tx, grant, &entry)?;
    let entry = AuditEntry {
        event: "grant.begin",
        outcome: "allowed",
        client: Some(grant.client_id.clone()),
        user: Some(grant.subject.clone()),
        grant_id: Some(grant.grant_id.as_str().to_owned()),
        grant: Some(grant.kind.as_str()),
        ..entry
    };
    tx.audit(&entry)
}

/// Makes room for one more grant of this user to this client, and stores it.
pub(super) fn insert_grant(tx: &mut Tx<'_>, grant: &Grant, entry: &AuditEntry) -> Result<()> {
    let rows =
        tx.view().grants_beyond(&grant.client_id, &grant.subject, GRANTS_LIMIT - 1, tx.now())?;
    for row in &rows {
        let mut entry =
            AuditEntry { event: "grant.revoke", outcome: "done", scope: None, ..entry.clone() };
        entry.detail.insert("limit", GRANTS_LIMIT.to_string());
        revoke_grant(tx, Grant::from_row(row)?, entry)?;
    }
    tx.insert(&grant.to_row())
}

/// Revokes a grant and all that follows from it; `entry` says who did it and why. Revoking it again changes
/// nothing, and is recorded all the same.
pub(crate) fn revoke_grant(tx: &mut Tx<'_>, mut grant: Grant, entry: AuditEntry) -> Result<()> {
    let grant_id = grant.grant_id.as_str().to_owned();
    if grant.revoked_at.is_none() {
        grant.revoked_at = Some(tx.now());
        grant.ends_at = grant.ends_at.min(tx.now().plus(REVOKED_KEPT));
        grant.version += 1;
        tx.update(&grant.to_row())?;
        tx.change("grant", &grant_id)?;
    }
    tx.audit(&AuditEntry {
        client: Some(grant.client_id),
        user: Some(grant.subject),
        grant_id: Some(grant_id),
        ..entry
    })
}

/// Living grants of one user to one client: more than anybody has devices, and few enough that a program that
/// logs in for each request does not fill the file. One more ends the one that was unused for longest.
const GRANTS_LIMIT: u32 = 100;

/// A day: how long it can be told of what a revoked grant gave that it was revoked. Without its row it is
/// refused too, as unknown.
const REVOKED_KEPT: Lifetime = Lifetime::seconds(86_400);
