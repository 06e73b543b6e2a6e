//! Redeeming a code: the first tokens of a user's grant (RFC 6749 4.1.3).

use crate::base::UnixTime;
use crate::domain::{
    self, Ask, Client, Code, GrantType, Issued, Meter, Peer, Permit, Redemption, Subject, Ticket,
    UserState, Wanted, pass, revoke_grant,
};
use crate::engine::Engine;
use crate::engine::gather::note_proof;
use crate::engine::issue::{ATTEMPTS, Caller, Request, denied};
use crate::engine::rates::Spend;
use crate::engine::refresh::{denial_of, refuse};
use crate::engine::room::Purpose;
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::store::{AuditEntry, Outcome, Tx};
use std::sync::Arc;

/// What an exchange that was decided takes into its transaction.
struct Exchanging {
    /// `None` if the code is only looked at again, to end what its first use gave.
    ticket: Option<Ticket>,
    redemption: Arc<Redemption>,
    client: Client,
    settings: Arc<domain::Settings>,
    peer: Peer,
    entry: AuditEntry,
}

impl Engine {
    /// Decides, makes and records the tokens of a code.
    pub(super) fn exchange_for(
        &self,
        request: &Request<'_>,
        redemption: Option<Redemption>,
    ) -> Result<Issued> {
        let redemption = redemption.map(Arc::new);
        for _ in 0..ATTEMPTS {
            let (frame, now) = self.current()?;
            let caller = self.authenticate(request, now)?;
            let (redemption, code) =
                match self.find_code(&caller, redemption.as_ref(), request, &frame)? {
                    Ok(found) => found,
                    Err(why) => return self.deny(request, &caller, why, now),
                };
            let user = self.snapshot.user(&self.store, &code.grant.subject)?;
            let decided = decide_exchange(
                &caller,
                &code,
                redemption,
                user.as_deref(),
                request,
                (&frame, now),
                self.meter(request, &caller, Spend::Token, &frame),
            );
            let ticket = match decided {
                Ok(permit) => {
                    let grant_id = Some(code.grant.grant_id.clone());
                    match self.make_ticket(permit, &caller, request, &frame, now, grant_id)? {
                        Some(ticket) => Some(ticket),
                        None => continue,
                    }
                }
                // Whether it was is decided once more, under the lock, and then its grant ends.
                Err(Denied::CodeSpent) => None,
                Err(why) => return self.deny(request, &caller, why, now),
            };
            let exchanging = Exchanging {
                ticket,
                redemption: Arc::clone(redemption),
                client: caller.state.client.clone(),
                settings: Arc::clone(&frame.settings),
                peer: request.peer,
                entry: denial_of(request, &caller),
            };
            // One that is used twice ends its grant, which a file at its limit has room for.
            let purpose =
                if exchanging.ticket.is_some() { Purpose::Issue } else { Purpose::Change };
            match self.write_for(purpose, now, move |tx| exchanging.record(tx))? {
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

    /// The code that was presented, to a client that may present one.
    fn find_code<'r>(
        &self,
        caller: &Caller,
        redemption: Option<&'r Arc<Redemption>>,
        request: &Request<'_>,
        frame: &Frame,
    ) -> Outcome<(&'r Arc<Redemption>, Code)> {
        let asked = (Some(GrantType::AuthorizationCode), Spend::Token);
        if let Err(why) = self.admit(request, caller, asked, frame) {
            return Ok(Err(why));
        }
        let Some(redemption) = redemption else {
            return Ok(Err(Denied::InvalidRequest { why: "code is missing" }));
        };
        let code = self.store.read(|view| Code::find(view, redemption.code.expose()))?;
        Ok(code.map(|code| (redemption, code)).ok_or(Denied::CodeUnknown))
    }
}

impl Exchanging {
    /// Spends the code and records what it gives; `None` if what it was decided on has changed.
    fn record(self, tx: &mut Tx<'_>) -> Outcome<Option<Issued>> {
        if let Some(ticket) = &self.ticket
            && domain::stale(tx, ticket)?
        {
            return Ok(Ok(None));
        }
        let Some(code) = Code::find(&tx.view(), self.redemption.code.expose())? else {
            return refuse(tx, self.entry, Denied::CodeUnknown);
        };
        match code.judge(self.client.client_id.as_str(), &self.redemption, tx.now()) {
            Ok(()) => {}
            Err(Denied::CodeSpent) => return revoke_replayed(tx, code, self.entry),
            Err(why) => return refuse(tx, self.entry, why),
        }
        // It was spent a moment ago, and nothing unspends a code.
        let Some(ticket) = self.ticket else {
            return Err(Error::Internal { what: "a code that was spent and is not" });
        };
        let (client_id, credential_id) = ticket.holder();
        note_proof(tx, &client_id, &credential_id, self.peer, 1)?;
        let ends_at = ticket.issued.expires_at;
        let refresh = code.spend(tx, &self.client, &self.settings, credential_id, ends_at)?;
        let issued = domain::record(tx, ticket)?;
        Ok(Ok(Some(Issued { refresh, ..issued })))
    }
}

/// RFC 6749 10.5: "If the authorization server observes multiple attempts to exchange an authorization code for
/// an access token, the authorization server SHOULD attempt to revoke all access tokens already granted based
/// on the compromised authorization code."
fn revoke_replayed<T>(tx: &mut Tx<'_>, code: Code, entry: AuditEntry) -> Outcome<T> {
    let why = Denied::CodeSpent;
    let entry = AuditEntry { event: "grant.revoke", reason: Some(why.code()), ..entry };
    revoke_grant(tx, code.grant, entry)?;
    Ok(Err(why))
}

/// The checks of an exchange, in order.
fn decide_exchange<'s>(
    caller: &'s Caller,
    code: &Code,
    redemption: &Redemption,
    user: Option<&'s UserState>,
    request: &Request<'_>,
    (frame, now): (&Frame, UnixTime),
    meter: Option<Meter<'s>>,
) -> std::result::Result<Permit<'s>, Denied> {
    let client = &caller.state.client;
    code.judge(client.client_id.as_str(), redemption, now)?;
    let user = user.ok_or(Denied::UserUnknown)?;
    let grant = &code.grant;
    grant.check_generations(frame.epoch, client, user)?;
    // What the client may have no longer is left out, as of its living tokens.
    let scope = grant.scope.clone().within(&client.metadata.scope);
    let wanted = Wanted::Token(Some(&scope));
    let (grant, subject, peer) = (Some(grant.kind), Subject::User(user), request.peer);
    pass(client, &Ask { grant, wanted, subject, peer, meter })
}
