//! Listing and ending what users allowed clients.

use crate::admin::{GrantDocument, GrantList, GrantPage, GrantRevoke};
use crate::base::UnixTime;
use crate::domain::{Actor, Family, Grant, revoke_grant};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private};
use crate::engine::endpoint::Exchange;
use crate::engine::issue::{Caller, Request, entry_of};
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::store::{AuditEntry, Outcome, Tx};

administer!(GrantList, |request, engine, _actor, _now| {
    let limit = page_size(request.limit)?;
    let (client, user) = (request.client_id.as_deref(), request.user_id.as_deref());
    let after = request.after.as_deref().unwrap_or_default();
    let rows = engine.store.read(|view| view.grants(client, user, after, limit))?;
    let full = u64::try_from(rows.len()).is_ok_and(|length| length == u64::from(limit));
    let next = rows.last().filter(|_| full).map(|row| row.grant_id.clone());
    let (frame, now) = engine.current()?;
    let grants: Result<Vec<_>> = rows
        .iter()
        .map(|row| {
            let grant = Grant::from_row(row)?;
            let active = engine.check_active(&grant, &frame, now)?.is_ok();
            Ok(GrantDocument::new(&grant, active))
        })
        .collect();
    Ok(GrantPage { grants: grants?, next })
});

administer!(GrantRevoke, |request, engine, actor, now| {
    let id = request.grant_id;
    let grant = engine.secure(now, move |tx| {
        let grant = find(tx, &id)?;
        revoke_grant(tx, grant, actor.did("grant.revoke"))?;
        find(tx, &id)
    })?;
    Ok(GrantDocument::new(&grant, false))
});

fn find(tx: &Tx<'_>, grant_id: &str) -> Result<Grant> {
    let row = tx.view().grant(grant_id)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "grant", id: grant_id.to_owned() })?;
    Grant::from_row(&row)
}

impl Engine {
    /// Whether anything of a grant is worth something now.
    pub(super) fn check_active(&self, grant: &Grant, frame: &Frame, now: UnixTime) -> Outcome<()> {
        let state = self.snapshot.client(&self.store, &grant.client_id)?;
        let user = self.snapshot.user(&self.store, &grant.subject)?;
        let idle = frame.settings.refresh_token_idle_lifetime;
        Ok(grant.check_active((state.as_deref(), user.as_deref()), frame.epoch, idle, now))
    }

    /// Ends the family of a refresh token for its client (RFC 7009 2.1: "If the particular token is a refresh
    /// token and the authorization server supports the revocation of access tokens, then the authorization
    /// server SHOULD also invalidate all access tokens based on the same authorization grant"). One of others
    /// lives on and leaves a trace, which the caller is not told of (conformance 31).
    pub(super) fn revoke_family(
        &self,
        caller: &Caller,
        token: &[u8],
        asked: &Request<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<()> {
        let Some(family) = self.store.read(|view| Family::find(view, token))? else {
            return Ok(());
        };
        let client_id = caller.state.client.client_id.as_str();
        let own = family.grant.client_id == client_id;
        let futile = match (own, family.grant.revoked_at) {
            (false, _) => Some(Denied::RefreshTokenForeign),
            (true, Some(_)) => Some(Denied::GrantRevoked),
            (true, None) => None,
        };
        // As with access tokens: in a public client's name anybody could write rows that change nothing.
        if let (None, Some(why)) = (&caller.proven.credential_id, &futile) {
            self.note(asked, why, Some(client_id), None);
            return Ok(());
        }
        self.charge_revocation(caller, asked, exchange)?;
        let entry = AuditEntry {
            event: "grant.revoke",
            outcome: if own { "done" } else { "denied" },
            reason: (!own).then_some(Denied::RefreshTokenForeign.code()),
            client: Some(client_id.to_owned()),
            credential: caller.proven.credential_id.as_ref().map(|id| id.as_str().to_owned()),
            grant_id: Some(family.grant.grant_id.as_str().to_owned()),
            ..entry_of(asked)
        };
        let grant_id = family.grant.grant_id.as_str().to_owned();
        let work = move |tx: &mut Tx<'_>| {
            if own { revoke_grant(tx, find(tx, &grant_id)?, entry) } else { tx.audit(&entry) }
        };
        self.revoke_or_note(caller, asked, exchange.now, futile, work)
    }

    /// Ends the family of a refresh token that an operator has the text of.
    pub(super) fn revoke_refresh_token(
        &self,
        token: &[u8],
        actor: Actor,
        now: UnixTime,
    ) -> Result<()> {
        let family = self.store.read(|view| Family::find(view, token))?;
        let unknown = || Error::document("token", Denied::RefreshTokenUnknown.to_string());
        let grant_id = family.ok_or_else(unknown)?.grant.grant_id.as_str().to_owned();
        self.secure(now, move |tx| {
            revoke_grant(tx, find(tx, &grant_id)?, actor.did("grant.revoke"))
        })
    }
}
