//! BioT's dialect: a user logs in and refreshes with JSON.

use crate::base::{GrantId, UnixTime};
use crate::domain::{
    self, Ask, BIOT, ClientState, Grant, GrantType, Issued, NewGrant, Proven, Subject, UserState,
    Wanted, first_refresh_token, pass,
};
use crate::engine::Engine;
use crate::engine::endpoint::Exchange;
use crate::engine::issue::{ATTEMPTS, Caller, Request, entry_of};
use crate::engine::login::Login;
use crate::engine::rates::Spend;
use crate::engine::room::Purpose;
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::oauth::{self, BiotTokens, HttpRequest, HttpResponse, LoginAttempt, ReadFailure};
use crate::store::AuditEntry;
use std::sync::Arc;

impl Engine {
    /// `POST /ums/v2/users/login`.
    pub(super) fn biot_login_endpoint(
        &self,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        let read = oauth::read_biot_login(request, &exchange.frame.settings);
        self.biot_answer(exchange, read, |attempt, asked| self.biot_login(&attempt, asked))
    }

    /// `POST /ums/v2/users/token/refresh`.
    pub(super) fn biot_refresh_endpoint(
        &self,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        let read = oauth::read_biot_refresh(request, &exchange.frame.settings);
        self.biot_answer(exchange, read, |token, asked| self.refresh_for(asked, &token))
    }

    /// Answers a request that was read, or was not, in the dialect's own way.
    fn biot_answer<T>(
        &self,
        exchange: &Exchange<'_>,
        read: std::result::Result<T, ReadFailure>,
        work: impl FnOnce(T, &Request<'_>) -> Result<Issued>,
    ) -> Result<HttpResponse> {
        let asked = exchange.request(&[], Some(domain::Dialect::BioT))?;
        let read = match read {
            Ok(read) => read,
            Err(ReadFailure::TooLarge) => return Ok(oauth::print_too_large()),
            Err(ReadFailure::Denied(why)) => {
                self.note(&asked, &why, None, None);
                return Ok(oauth::print_biot_refusal(&why));
            }
        };
        match work(read, &asked) {
            Ok(issued) => print(&issued),
            Err(Error::Denied { why, .. }) => Ok(oauth::print_biot_refusal(&why)),
            Err(error) => Err(error),
        }
    }

    /// Logs a user in and begins their grant to the built-in client.
    fn biot_login(&self, attempt: &LoginAttempt, request: &Request<'_>) -> Result<Issued> {
        // Before the password is looked at: at the wrong address, or with the dialect's client switched
        // off, a right one must look like a wrong one.
        let (_, now) = self.current()?;
        let state = self.biot_client(request)?;
        let (subject, peer) = (Subject::Client, request.peer);
        let (grant, wanted) = (Some(GrantType::BiotLogin), Wanted::Endpoint);
        let ask = Ask { grant, wanted, subject, peer, meter: None };
        if let Err(why) = pass(&state.client, &ask) {
            let caller = Caller { state: Arc::clone(&state), proven: UNPROVEN };
            return self.deny(request, &caller, why, now);
        }
        let text = std::str::from_utf8(attempt.password.expose());
        let password = text.map_err(|_| Error::Internal { what: "a password that is no text" })?;
        let logged_in = self.log_in(&Login {
            username: &attempt.username,
            password,
            client_id: Some(BIOT),
            id: request.id.clone(),
            peer,
            correlation: request.correlation.clone(),
        })?;
        let user_id = logged_in.user().user.user_id.as_str();
        for _ in 0..ATTEMPTS {
            // The frame first: what is read after it is at least as new, so that a change meanwhile, and the
            // hash took its time, makes the ticket stale.
            let (frame, now) = self.current()?;
            let caller = Caller { state: self.biot_client(request)?, proven: UNPROVEN };
            let user = self.snapshot.user(&self.store, user_id)?;
            // A password that was changed since it was checked is no longer a password.
            let user = user.filter(|user| user.user.generation == logged_in.user().user.generation);
            let Some(user) = user else {
                return self.deny(request, &caller, Denied::UserTokensRevoked, now);
            };
            if let Some(issued) = self.begin_biot_grant(&caller, &user, request, (&frame, now))? {
                return Ok(issued);
            }
        }
        Err(Error::Busy)
    }

    fn biot_client(&self, request: &Request<'_>) -> Result<Arc<ClientState>> {
        match self.snapshot.client(&self.store, BIOT)? {
            Some(state) => Ok(state),
            None => {
                self.note(request, &Denied::ClientUnknown, None, None);
                Err(crate::engine::issue::denied(Denied::ClientUnknown, request))
            }
        }
    }

    /// Makes and records the tokens; `None` if what they were decided on has changed.
    fn begin_biot_grant(
        &self,
        caller: &Caller,
        user: &UserState,
        request: &Request<'_>,
        (frame, now): (&Frame, UnixTime),
    ) -> Result<Option<Issued>> {
        let client = &caller.state.client;
        let (subject, peer) = (Subject::User(user), request.peer);
        let kind = GrantType::BiotLogin;
        let meter = self.meter(request, caller, Spend::Token, frame);
        let ask = Ask { grant: Some(kind), wanted: Wanted::Token(None), subject, peer, meter };
        let permit = match pass(client, &ask) {
            Ok(permit) => permit,
            Err(why) => return self.deny(request, caller, why, now),
        };
        let grant_id = GrantId::mint(self.store.identity().entropy.as_ref())?;
        let id = Some(grant_id.clone());
        let Some(ticket) = self.make_ticket(permit, caller, request, frame, now, id)? else {
            return Ok(None);
        };
        let scope = ticket.issued.scope.clone();
        let new = NewGrant { client, user, kind, scope, epoch: frame.epoch };
        let settings = Arc::clone(&frame.settings);
        let mut grant = Grant::begin(new, grant_id, settings.refresh_token_lifetime, now);
        let entry =
            AuditEntry { scope: Some(grant.scope.as_str().to_owned()), ..entry_of(request) };
        let outcome = self.write_for(Purpose::Issue, now, move |tx| {
            if domain::stale(tx, &ticket)? {
                return Ok(Ok(None));
            }
            grant.ends_at = grant.ends_at.max(ticket.issued.expires_at);
            domain::begin_grant(tx, &grant, entry)?;
            let refresh = first_refresh_token(tx, &grant.grant_id)?;
            let idle = tx.now().plus(settings.refresh_token_idle_lifetime);
            let mut issued = domain::record(tx, ticket)?;
            issued.refresh = Some((refresh, grant.expires_at.min(idle)));
            Ok(Ok(Some(issued)))
        })?;
        outcome.map_err(|_| Error::Internal { what: "a grant that was denied" })
    }
}

/// Both tokens were just made, so both are there.
fn print(issued: &Issued) -> Result<HttpResponse> {
    let missing = Error::Internal { what: "a login without a refresh token" };
    let (refresh_token, refresh_expires_at) = issued.refresh.as_ref().ok_or(missing)?;
    Ok(oauth::print_biot_tokens(&BiotTokens {
        access_token: &issued.access_token,
        access_expires_at: issued.expires_at,
        refresh_token,
        refresh_expires_at: *refresh_expires_at,
    }))
}

/// The built-in client is public: it proves nothing, its users do.
const UNPROVEN: Proven = Proven::public();
