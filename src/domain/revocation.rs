//! Revoking one token.

use crate::base::{TokenId, UnixTime};
use crate::error::Result;
use crate::store::{AuditEntry, RevokedTokenRow, Tx};

/// Revokes the token `token_id`, which ends at `expires_at`, if that is known; `entry` says who did it.
///
/// Revoking it again changes nothing, and is recorded all the same. A token may be revoked that seems to
/// have expired: then pruning may clear its row away with the next transaction, or with this one. That
/// revives nothing. A row goes once the mark is an hour past the token's end (`store/prune.rs`); the
/// revocation is a change that every process follows before its next verification, which brings its time
/// up to the mark; no process's time runs backwards, and a mark that is lowered begins an epoch in which
/// the token has ended.
pub(crate) fn revoke_token(
    tx: &mut Tx<'_>,
    token_id: &TokenId,
    expires_at: Option<UnixTime>,
    entry: AuditEntry,
) -> Result<()> {
    // Without the token its end is unknown: no token lives longer than the last one ever issued.
    let expires_at = expires_at.unwrap_or_else(|| tx.last_expiry());
    if tx.view().revoked_token(token_id.as_str())?.is_none() {
        tx.insert(&RevokedTokenRow {
            token_id: token_id.as_str().to_owned(),
            expires_at: expires_at.millis(),
        })?;
        tx.change("token", token_id.as_str())?;
    }
    tx.audit(&AuditEntry { token: Some(token_id.as_str().to_owned()), ..entry })
}
