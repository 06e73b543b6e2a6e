//! Refreshing: a new access token for a user's grant (RFC 6749 6).

use crate::base::{Secret, UnixTime};
use crate::domain::{
    self, Ask, BIOT, Dialect, Family, GrantType, Issued, Meter, Peer, Permit, Proven, Scope,
    Subject, Ticket, UserState, Wanted, pass, revoke_grant, rotates,
};
use crate::engine::Engine;
use crate::engine::gather::note_proof;
use crate::engine::issue::{ATTEMPTS, Caller, Request, denied, entry_of};
use crate::engine::rates::Spend;
use crate::engine::room::Purpose;
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::store::{AuditEntry, Outcome, Tx};
use std::sync::Arc;

/// What a refresh that was decided takes into its transaction.
struct Refreshing {
    /// `None` if the token is only looked at again, to end its family.
    ticket: Option<Ticket>,
    token: Secret,
    settings: Arc<domain::Settings>,
    client_id: String,
    rotates: bool,
    peer: Peer,
    entry: AuditEntry,
}

impl Engine {
    /// Decides, makes and records a token for the grant of a refresh token.
    pub(super) fn refresh_for(&self, request: &Request<'_>, token: &Secret) -> Result<Issued> {
        for _ in 0..ATTEMPTS {
            let (frame, now) = self.current()?;
            let family = self.store.read(|view| Family::find(view, token.expose()))?;
            let caller = self.refresh_caller(request, family.as_ref(), (&frame, now))?;
            let Some(family) = family else {
                return self.deny(request, &caller, Denied::RefreshTokenUnknown, now);
            };
            let user = self.snapshot.user(&self.store, &family.grant.subject)?;
            let decided = decide_refresh(
                &caller,
                &family,
                user.as_deref(),
                request,
                (&frame, now),
                self.meter(request, &caller, Spend::Token, &frame),
            );
            let ticket = match decided {
                Ok(permit) => {
                    let grant_id = Some(family.grant.grant_id.clone());
                    match self.make_ticket(permit, &caller, request, &frame, now, grant_id)? {
                        // Its grant says how it was given, this how the token came of it.
                        Some(ticket) => Some(ticket.noting("by", GrantType::RefreshToken.as_str())),
                        None => continue,
                    }
                }
                // Whether it was is decided once more, under the lock, and then its family ends.
                Err(Denied::RefreshTokenReused) => None,
                Err(why) => return self.deny(request, &caller, why, now),
            };
            let refreshing = Refreshing {
                ticket,
                token: Secret::copy_of(token.expose()),
                settings: Arc::clone(&frame.settings),
                client_id: caller.state.client.client_id.as_str().to_owned(),
                rotates: rotates(&caller.state.client),
                peer: request.peer,
                entry: denial_of(request, &caller),
            };
            let purpose =
                if refreshing.ticket.is_some() { Purpose::Issue } else { Purpose::Change };
            let outcome = self.write_for(purpose, now, move |tx| refreshing.record(tx))?;
            match outcome {
                Ok(Some(issued)) => return Ok(issued),
                Ok(None) => {}
                Err(why) => {
                    self.note_proof(&caller, request, now);
                    return Err(denied(why, request));
                }
            }
        }
        Err(Error::Busy)
    }

    /// The client that refreshes, if it may at all: to one that may not, nothing is said of the token.
    fn refresh_caller(
        &self,
        request: &Request<'_>,
        family: Option<&Family>,
        (frame, now): (&Frame, UnixTime),
    ) -> Result<Caller> {
        let caller = self.identify_refresher(request, family, now)?;
        let asked = (Some(GrantType::RefreshToken), Spend::Token);
        match self.admit(request, &caller, asked, frame) {
            Ok(()) => Ok(caller),
            Err(why) => self.deny(request, &caller, why, now),
        }
    }

    /// Who refreshes. Whoever names no client is the token's own, if that is public (conformance 13).
    fn identify_refresher(
        &self,
        request: &Request<'_>,
        family: Option<&Family>,
        now: UnixTime,
    ) -> Result<Caller> {
        // BioT's routes have one client; what belongs to others is foreign there.
        if request.dialect == Some(Dialect::BioT)
            && let Some(state) = self.snapshot.client(&self.store, BIOT)?
        {
            return Ok(Caller { state, proven: Proven::public() });
        }
        if request.candidates.is_empty()
            && let Some(family) = family
            && let Some(state) = self.snapshot.client(&self.store, &family.grant.client_id)?
            && state.client.metadata.is_public()
        {
            return Ok(Caller { state, proven: Proven::public() });
        }
        self.authenticate(request, now)
    }
}

impl Refreshing {
    /// Uses the token and records what it gave; `None` if what it was decided on has changed.
    fn record(self, tx: &mut Tx<'_>) -> Outcome<Option<Issued>> {
        if let Some(ticket) = &self.ticket
            && domain::stale(tx, ticket)?
        {
            return Ok(Ok(None));
        }
        let Some(family) = Family::find(&tx.view(), self.token.expose())? else {
            return refuse(tx, self.entry, Denied::RefreshTokenUnknown);
        };
        let turn = match family.judge(&self.client_id, &self.settings, tx.now()) {
            Ok(turn) => turn,
            Err(Denied::RefreshTokenReused) => return revoke_reused(tx, family, self.entry),
            Err(why) => return refuse(tx, self.entry, why),
        };
        // Not a reuse after all, as when its time was told anew: the next look decides.
        let Some(ticket) = self.ticket else {
            return Ok(Ok(None));
        };
        let (client_id, credential_id) = ticket.holder();
        note_proof(tx, &client_id, &credential_id, self.peer, 1)?;
        let ends_at = ticket.issued.expires_at;
        let idle = self.settings.refresh_token_idle_lifetime;
        let until = family.grant.expires_at.min(tx.now().plus(idle));
        let next = family.turn(tx, turn, self.token.expose(), self.rotates, ends_at)?;
        let mut issued = domain::record(tx, ticket)?;
        issued.refresh = Some((next, until));
        Ok(Ok(Some(issued)))
    }
}

/// RFC 9700 4.14.2: "the authorization server cannot determine which party submitted the invalid refresh
/// token, but it will revoke the active refresh token."
fn revoke_reused<T>(tx: &mut Tx<'_>, family: Family, entry: AuditEntry) -> Outcome<T> {
    let why = Denied::RefreshTokenReused;
    let entry = AuditEntry { event: "grant.revoke", reason: Some(why.code()), ..entry };
    revoke_grant(tx, family.grant, entry)?;
    Ok(Err(why))
}

/// A refusal, with its row.
pub(super) fn refuse<T>(tx: &mut Tx<'_>, entry: AuditEntry, why: Denied) -> Outcome<T> {
    tx.audit(&AuditEntry { reason: Some(why.code()), ..entry })?;
    Ok(Err(why))
}

/// The row of a refusal under the lock.
pub(super) fn denial_of(request: &Request<'_>, caller: &Caller) -> AuditEntry {
    AuditEntry {
        event: "token.deny",
        outcome: "denied",
        client: Some(caller.state.client.client_id.as_str().to_owned()),
        credential: caller.proven.credential_id.as_ref().map(|id| id.as_str().to_owned()),
        ..entry_of(request)
    }
}

/// The checks of a refresh, in order.
fn decide_refresh<'s>(
    caller: &'s Caller,
    family: &Family,
    user: Option<&'s UserState>,
    request: &Request<'_>,
    (frame, now): (&Frame, UnixTime),
    meter: Option<Meter<'s>>,
) -> std::result::Result<Permit<'s>, Denied> {
    let client = &caller.state.client;
    let user = user.ok_or(Denied::UserUnknown)?;
    let (subject, peer) = (Subject::User(user), request.peer);
    let refresh = Some(GrantType::RefreshToken);
    pass(client, &Ask { grant: refresh, wanted: Wanted::Endpoint, subject, peer, meter: None })?;
    family.judge(client.client_id.as_str(), &frame.settings, now)?;
    let grant = &family.grant;
    grant.check_generations(frame.epoch, client, user)?;
    caller.state.check_obtained(&grant.credential_id)?;
    // BioT's tokens need TLS without exception, which its own routes demand and others may not.
    if grant.kind == GrantType::BiotLogin && request.dialect != Some(Dialect::BioT) {
        return Err(Denied::RefreshTokenForeign);
    }
    // RFC 6749 6: "The requested scope MUST NOT include any scope not originally granted by the resource
    // owner, and if omitted is treated as equal to the scope originally granted by the resource owner."
    let scope = match request.scope.map(Scope::parse).transpose()? {
        Some(asked) => match grant.scope.first_missing(&asked) {
            Some(word) => return Err(Denied::ScopeNotAllowed { word: word.to_owned() }),
            None => asked,
        },
        None => grant.scope.clone().within(&client.metadata.scope),
    };
    let wanted = Wanted::Token(Some(&scope));
    pass(client, &Ask { grant: Some(grant.kind), wanted, subject, peer, meter })
}
