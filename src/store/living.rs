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
        let cells = [Cell::Integer(at.millis()), Cell::Blob(&epoch)];
        let count = |sql: &str| db.one(sql, &cells, |row| row.unsigned(0));
        let keyed =
            "SELECT count(*) FROM credential WHERE kind <> 'imported' AND revoked_at IS NULL";
        let plain = |sql: &str| db.one(sql, &[], |row| row.unsigned(0));
        Ok(Self {
            opaque_tokens: count(
                "SELECT count(*) FROM opaque_token WHERE expires_at > ?1 AND epoch = ?2",
            )?,
            grants: count(
                "SELECT count(*) FROM user_grant
                 WHERE revoked_at IS NULL AND ends_at > ?1 AND epoch = ?2",
            )?,
            codes: count(
                "SELECT count(*) FROM code JOIN user_grant USING (grant_id)
                 WHERE spent_at IS NULL AND code.expires_at > ?1 AND revoked_at IS NULL AND epoch = ?2",
            )?,
            refresh_tokens: count(
                "SELECT count(*) FROM refresh_token JOIN user_grant USING (grant_id)
                 WHERE spent_at IS NULL AND user_grant.expires_at > ?1 AND revoked_at IS NULL AND epoch = ?2",
            )?,
            signing_keys: count(
                "SELECT count(*) FROM signing_key
                 WHERE NOT refused AND (ends_at IS NULL OR ends_at > ?1) AND ?2 IS NOT NULL",
            )?,
            issuers: count(
                "SELECT count(*) FROM issuer WHERE enabled AND epoch = ?2 AND ?1 IS NOT NULL",
            )?,
            keyed_secrets: plain(keyed)?,
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
