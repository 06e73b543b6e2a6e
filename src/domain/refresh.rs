//! Refresh tokens: families, their rotation, and what a second use of one means.

use crate::base::{GrantId, Lifetime, Secret, UnixTime};
use crate::crypto;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::settings::Settings;
use crate::error::{Denied, Error, Result};
use crate::store::{NO_EXTRA, RefreshTokenRow, Tx, View, check_extra};

/// A refresh token that was presented, with the grant it belongs to and what took its place.
pub(crate) struct Family {
    pub(crate) grant: Grant,
    row: RefreshTokenRow,
    successor: Option<RefreshTokenRow>,
}

/// What a refresh token may be used for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the youngest of its family.
    Current,
    /// It was replaced a moment ago and its successor was never used: the response was lost, or two windows
    /// raced. The answer is repeated.
    Retry,
}

impl Family {
    /// Finds the family of a token by its text.
    pub(crate) fn find(view: &View<'_>, token: &[u8]) -> Result<Option<Self>> {
        let keys = &view.identity().keys;
        let Some(row) = view.refresh_token(&keys.digest.opaque_token(token))? else {
            return Ok(None);
        };
        check_extra(&row.extra)?;
        let successor = match row.spent_at {
            Some(_) => {
                let successor = keys.refresh.successor(token);
                view.refresh_token(&keys.digest.opaque_token(successor.expose()))?
            }
            None => None,
        };
        let corrupt = || Error::Corrupt { what: "a refresh token without its grant".to_owned() };
        let grant = Grant::from_row(&view.grant(&row.grant_id)?.ok_or_else(corrupt)?)?;
        Ok(Some(Self { grant, row, successor }))
    }

    /// Decides what the token may be used for by the client `client_id`.
    ///
    /// # Errors
    /// [`Denied::RefreshTokenReused`], on which [`crate::domain::revoke_grant`] must follow (RFC 9700 4.14.2); and
    /// why the
    /// family has ended.
    pub(crate) fn judge(
        &self,
        client_id: &str,
        settings: &Settings,
        now: UnixTime,
    ) -> std::result::Result<Turn, Denied> {
        // RFC 6749 10.4: "The authorization server MUST maintain the binding between a refresh token and
        // the client to whom it was issued." A foreign client's attempt ends nothing.
        if self.grant.client_id != client_id {
            return Err(Denied::RefreshTokenForeign);
        }
        if self.grant.revoked_at.is_some() {
            return Err(Denied::GrantRevoked);
        }
        // Before the times: a reuse ends what still lives of the family, however late it comes.
        let turn = self.turn_at(now)?;
        self.grant.check_refreshable(settings.refresh_token_idle_lifetime, now)?;
        Ok(turn)
    }

    fn turn_at(&self, now: UnixTime) -> std::result::Result<Turn, Denied> {
        let Some(spent_at) = self.row.spent_at else {
            return Ok(Turn::Current);
        };
        let in_time = now.since(UnixTime::from_millis(spent_at)) <= GRACE.millis();
        match &self.successor {
            Some(successor) if in_time && successor.spent_at.is_none() => Ok(Turn::Retry),
            Some(_) | None => Err(Denied::RefreshTokenReused),
        }
    }

    /// Uses the token, judged in this transaction, and returns the one to present next; the same where the
    /// client keeps it.
    pub(crate) fn turn(
        mut self,
        tx: &mut Tx<'_>,
        turn: Turn,
        token: &[u8],
        rotates: bool,
        token_ends_at: UnixTime,
    ) -> Result<Secret> {
        let now = tx.now();
        let next = match turn {
            Turn::Current if !rotates => Secret::copy_of(token),
            Turn::Current | Turn::Retry => tx.identity().keys.refresh.successor(token),
        };
        if turn == Turn::Current && rotates {
            self.row.spent_at = Some(now.millis());
            tx.update(&self.row)?;
            insert_token(tx, &self.grant.grant_id, &next, self.row.number + 1)?;
        }
        self.grant.used_at = now;
        self.grant.ends_at = self.grant.ends_at.max(token_ends_at);
        tx.update(&self.grant.to_row())?;
        Ok(next)
    }
}

/// Begins a family: stores the grant's first refresh token.
pub(crate) fn first_refresh_token(tx: &mut Tx<'_>, grant_id: &GrantId) -> Result<Secret> {
    let token = crypto::mint_refresh_token(tx.identity().entropy.as_ref())?;
    insert_token(tx, grant_id, &token, 1)?;
    Ok(token)
}

fn insert_token(tx: &mut Tx<'_>, grant_id: &GrantId, token: &Secret, number: u64) -> Result<()> {
    let row = RefreshTokenRow {
        digest: tx.identity().keys.digest.opaque_token(token.expose()),
        grant_id: grant_id.as_str().to_owned(),
        number,
        created_at: tx.now().millis(),
        spent_at: None,
        extra: NO_EXTRA.to_owned(),
    };
    tx.insert(&row).map(|_| ())
}

/// Whether the client's refresh tokens are replaced at each use (conformance 37): a public client's, for whoever
/// stole one would otherwise go unnoticed; of others only if they are registered so.
pub(crate) fn rotates(client: &Client) -> bool {
    client.metadata.is_public() || client.metadata.rotate_refresh_tokens
}

/// How long after its replacement a token is answered again (conformance 38).
const GRACE: Lifetime = Lifetime::seconds(10);
