//! How much of a database is in force: what a restore ends is counted first.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::db::Db;
use crate::store::state::State;
use crate::store::transaction::Tx;

/// What was good in a database before it was restored. JWTs leave no row to count.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Living {
    pub(crate) opaque_tokens: u64,
    pub(crate) grants: u64,
    pub(crate) codes: u64,
    pub(crate) refresh_tokens: u64,
    pub(crate) signing_keys: u64,
    /// Other sites that were believed.
    pub(crate) issuers: u64,
    /// Generated or strong ones, which only the key can check.
    pub(crate) keyed_secrets: u64,
}

/// What awaits its confirmation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaiting {
    pub(crate) secrets: u64,
    pub(crate) users: u64,
}

impl Living {
    /// Counts it at the time `at`.
    pub(super) fn count(db: &Db, state: &State, at: UnixTime) -> Result<Self> {
        let epoch = state.epoch.bytes();
        let (now, epoch) = (Cell::Integer(at.millis()), Cell::Blob(&epoch));
        let count = |sql: &str, cells: &[Cell<'_>]| db.one(sql, cells, |row| row.unsigned(0));
        let in_time = [now, epoch];
        Ok(Self {
            opaque_tokens: count(
                "SELECT count(*) FROM opaque_token WHERE expires_at > ? AND epoch = ?",
                &in_time,
            )?,
            grants: count(
                "SELECT count(*) FROM user_grant
                 WHERE revoked_at IS NULL AND ends_at > ? AND epoch = ?",
                &in_time,
            )?,
            codes: count(
                "SELECT count(*) FROM code JOIN user_grant USING (grant_id)
                 WHERE spent_at IS NULL AND code.expires_at > ? AND revoked_at IS NULL AND epoch = ?",
                &in_time,
            )?,
            refresh_tokens: count(
                "SELECT count(*) FROM refresh_token JOIN user_grant USING (grant_id)
                 WHERE spent_at IS NULL AND user_grant.expires_at > ? AND revoked_at IS NULL AND epoch = ?",
                &in_time,
            )?,
            signing_keys: count(
                "SELECT count(*) FROM signing_key
                 WHERE NOT refused AND (ends_at IS NULL OR ends_at > ?)",
                &[now],
            )?,
            issuers: count("SELECT count(*) FROM issuer WHERE enabled AND epoch = ?", &[epoch])?,
            keyed_secrets: count(
                "SELECT count(*) FROM credential WHERE kind <> 'imported' AND revoked_at IS NULL",
                &[],
            )?,
        })
    }
}

impl Tx<'_> {
    /// Counts what awaits its confirmation.
    pub(crate) fn awaiting(&self) -> Result<Awaiting> {
        let count = |sql: &str| self.db().one(sql, &[], |row| row.unsigned(0));
        Ok(Awaiting {
            secrets: count(
                "SELECT count(*) FROM credential WHERE revoked_at IS NULL AND NOT confirmed",
            )?,
            users: count("SELECT count(*) FROM user WHERE NOT confirmed")?,
        })
    }
}
