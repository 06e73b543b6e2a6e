//! The HTTP facade: one message in, one out.

use crate::base::{RequestId, UnixTime};
use crate::crypto::{self, MAX_CLAIMS};
use crate::domain::{
    self, Ask, Context, Dialect, GrantType, NamedToken, Peer, Subject, TokenFacts, Wanted, pass,
};
use crate::engine::Engine;
use crate::engine::issue::{Caller, Request, entry_of};
use crate::engine::rates::Spend;
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::oauth::{self, Endpoint, HttpRequest, HttpResponse, Problem, ReadFailure, RefusalShape};
use crate::store::{AuditEntry, Tx};
use std::cell::{Cell, OnceCell};

impl Engine {
    /// Answers one HTTP request to the authorization, token, introspection, revocation, metadata and key
    /// endpoints.
    ///
    /// Every request gets an answer, a path that is none of ours a 404; the host sends it as it is.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Forked`]. Whatever else goes wrong is an HTTP status.
    pub fn http(&self, request: &HttpRequest<'_>, context: &Context<'_>) -> Result<HttpResponse> {
        self.http_telling(request, context, |_| ())
    }

    /// Whether [`Engine::http`] has an endpoint at this path, one of a dialect that is on included: for a host that asks
    /// before it looks whether the path is one of its own. `path` and `base_path` are as in [`HttpRequest`].
    ///
    /// While the database cannot be read, the answer is what it was when it last could.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Forked`].
    pub fn serves(&self, path: &str, base_path: &str) -> Result<bool> {
        self.check_open()?;
        let frame = self.current().map_or_else(|_| self.snapshot.frame(), |(frame, _)| frame);
        let request = HttpRequest { path, base_path, ..HttpRequest::default() };
        Ok(oauth::route(&request, &frame.settings).is_some())
    }

    /// Answers as [`Engine::http`] does, and tells `failed` of an error that became a 5xx response.
    ///
    /// # Errors
    /// Those of [`Engine::http`].
    pub(crate) fn http_telling(
        &self,
        request: &HttpRequest<'_>,
        context: &Context<'_>,
        failed: impl FnOnce(&Error),
    ) -> Result<HttpResponse> {
        self.check_open()?;
        // An answer to a request that cannot be judged has an id too; nothing is judged by its time.
        let id = self.mint_request_id(self.time.now())?;
        let failure = OnceCell::new();
        let mut response = match self.answer(request, context, &id, &failure) {
            Ok(response) => {
                failure.get().map(failed);
                response
            }
            Err(error @ (Error::Closed | Error::Forked)) => return Err(error),
            Err(error) => self.print_error(request, &error, &id, failed),
        };
        response.headers.push((REQUEST_ID_HEADER, id.as_str().to_owned()));
        Ok(response.answering(request))
    }

    fn answer(
        &self,
        request: &HttpRequest<'_>,
        context: &Context<'_>,
        id: &RequestId,
        failure: &OnceCell<Error>,
    ) -> Result<HttpResponse> {
        let (frame, now) = self.current()?;
        let Some(endpoint) = oauth::route(request, &frame.settings) else {
            return Ok(oauth::print_not_found());
        };
        let is_registered = |origin: &str| frame.origins.has(origin);
        if let Some(response) = oauth::print_preflight(request, endpoint, is_registered) {
            return Ok(response);
        }
        let forwarded = oauth::forwarded(request.headers);
        let context = Context { forwarded: context.forwarded.or(forwarded.as_deref()), ..*context };
        let peer = context.resolve(&frame.settings.trusted_proxies);
        let exchange = Exchange { peer, id, context: &context, frame: &frame, now, failure };
        let response = match oauth::check_method(request, endpoint) {
            Ok(()) => self.answer_at(endpoint, request, &exchange)?,
            Err(response) => response,
        };
        self.tend_keys_if_due(now);
        Ok(oauth::add_cors(response, request, endpoint, is_registered))
    }

    fn answer_at(
        &self,
        endpoint: Endpoint,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        self.flush_if_due(exchange.now);
        // The authorization endpoint has its own rule, and pages to say it with.
        if endpoint != Endpoint::Authorize
            && let Err(why) = check_transport(exchange, endpoint)
        {
            return self.refuse_exchange(exchange, &why);
        }
        match endpoint {
            Endpoint::Authorize => self.authorization_endpoint(request, exchange),
            Endpoint::Token(dialect) => self.token_endpoint(request, exchange, dialect),
            Endpoint::BiotLogin => self.biot_login_endpoint(request, exchange),
            Endpoint::BiotRefresh => self.biot_refresh_endpoint(request, exchange),
            Endpoint::Introspect => self.introspection_endpoint(request, exchange),
            Endpoint::Revoke => self.revocation_endpoint(request, exchange),
            Endpoint::Jwks => self.jwks_endpoint(exchange.frame),
            Endpoint::Metadata => self.metadata_endpoint(exchange.frame),
        }
    }

    /// What a request gets that could not be answered: a person a page, a program JSON.
    fn print_error(
        &self,
        request: &HttpRequest<'_>,
        error: &Error,
        id: &RequestId,
        failed: impl FnOnce(&Error),
    ) -> HttpResponse {
        // The host's own id for the request, which hosts copy from the caller's.
        let unkept = matches!(error, Error::InvalidArgument { .. });
        let why = Denied::InvalidRequest { why: "the request's correlation id cannot be kept" };
        if !unkept {
            failed(error);
        }
        let frame = self.snapshot.frame();
        let Some(endpoint) = oauth::route(request, &frame.settings) else {
            return oauth::print_failure(error);
        };
        let response = match (endpoint == Endpoint::Authorize, unkept) {
            (true, true) => self.print_problem(Problem::of(&why), id),
            (true, false) => self.print_problem(Problem::of_failure(error), id),
            (false, true) => oauth::print_refusal(&why, RefusalShape::default()),
            (false, false) => oauth::print_failure(error),
        };
        oauth::add_cors(response, request, endpoint, |origin| frame.origins.has(origin))
    }

    fn token_endpoint(
        &self,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
        dialect: Option<Dialect>,
    ) -> Result<HttpResponse> {
        let read = match oauth::read_token_request(request, &exchange.frame.settings) {
            Ok(read) => read,
            Err(failure) => return self.unread(exchange, &failure),
        };
        let shape = read.credentials.refusal_shape();
        let asked = exchange.request(&read.credentials.candidates, dialect)?;
        let asked = Request { grant_type: &read.grant_type, scope: read.scope.as_deref(), ..asked };
        let issued = match (GrantType::parse(&read.grant_type), &read.refresh_token) {
            (Some(GrantType::AuthorizationCode), _) => self.exchange_for(&asked, read.redemption),
            (Some(GrantType::RefreshToken), Some(token)) => self.refresh_for(&asked, token),
            // Client credentials, and all that is refused.
            (Some(GrantType::RefreshToken), None)
            | (Some(GrantType::ClientCredentials | GrantType::BiotLogin) | None, _) => {
                self.issue_for(&asked)
            }
        };
        match issued {
            Ok(issued) => Ok(oauth::print_token(&issued, dialect, self.time.now())),
            Err(Error::Denied { why, .. }) => Ok(oauth::print_refusal(&why, shape)),
            Err(error) => Err(error),
        }
    }

    /// RFC 7662.
    fn introspection_endpoint(
        &self,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        let read = match oauth::read_token_parameter(request, &exchange.frame.settings) {
            Ok(read) => read,
            Err(failure) => return self.unread(exchange, &failure),
        };
        let shape = read.credentials.refusal_shape();
        let asked = exchange.request(&read.credentials.candidates, None)?;
        let caller = match self.enter(&asked, Spend::Verification, exchange) {
            Ok(caller) => caller,
            Err(Error::Denied { why, .. }) => {
                return Ok(oauth::print_refusal(&why, shape));
            }
            Err(error) => return Err(error),
        };
        // RFC 7662 2.1: the endpoint "MUST also require some form of authorization to access"; a public
        // client has proved nothing.
        if caller.proven.credential_id.is_none() {
            let client_id = caller.state.client.client_id.as_str();
            let (state, settings) = (Some(&*caller.state), &exchange.frame.settings);
            let why = self.strike(&asked, state, settings, Denied::SecretMissing);
            self.note(&asked, &why, Some(client_id), None);
            return Ok(oauth::print_refusal(&why, shape));
        }
        let mut buffer = vec![0; read.token.len().min(MAX_CLAIMS)];
        // Anew: authenticating may have taken a while.
        let (frame, now) = self.current()?;
        let facts = self.introspect(read.token.as_bytes(), &frame, now, &mut buffer)?;
        let client = &caller.state.client;
        // "Not the caller's to see" is the same answer as "not active": a caller learns nothing about
        // tokens of others (RFC 7662 4).
        let visible = |facts: &TokenFacts<'_>| {
            client.metadata.resource_server || *facts.client_id == *client.client_id.as_str()
        };
        let facts = facts.ok().filter(visible);
        let issuer = frame.settings.issuer.as_str();
        Ok(oauth::print_introspection(facts.as_ref().map(|facts| (facts, issuer))))
    }

    /// RFC 7009.
    fn revocation_endpoint(
        &self,
        request: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        let read = match oauth::read_token_parameter(request, &exchange.frame.settings) {
            Ok(read) => read,
            Err(failure) => return self.unread(exchange, &failure),
        };
        let shape = read.credentials.refusal_shape();
        let asked = exchange.request(&read.credentials.candidates, None)?;
        let caller = match self.enter(&asked, Spend::Revocation, exchange) {
            Ok(caller) => caller,
            Err(Error::Denied { why, .. }) => {
                return Ok(oauth::print_refusal(&why, shape));
            }
            Err(error) => return Err(error),
        };
        match self.revoke_any(&caller, read.token.as_bytes(), &asked, exchange) {
            Ok(()) => Ok(oauth::print_revoked()),
            Err(Error::Denied { why, .. }) => Ok(oauth::print_refusal(&why, shape)),
            Err(error) => Err(error),
        }
    }

    fn revoke_any(
        &self,
        caller: &Caller,
        token: &[u8],
        asked: &Request<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<()> {
        if crypto::is_refresh_token(token) {
            return self.revoke_family(caller, token, asked, exchange);
        }
        match self.name_token(token, exchange.frame)? {
            Ok(named) => self.revoke_for(caller, named, asked, exchange),
            // RFC 7009 2.2: "invalid tokens do not cause an error response since the client cannot handle
            // such an error in a reasonable way."
            Err(_) => Ok(()),
        }
    }

    /// Revokes a token of the caller's own. One of others lives on and leaves a trace, which the caller
    /// is not told of (conformance 31).
    fn revoke_for(
        &self,
        caller: &Caller,
        token: NamedToken,
        asked: &Request<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<()> {
        let client_id = caller.state.client.client_id.as_str();
        let own = token.client_id == client_id;
        // A public client has proved nothing: in its name, anybody could write a row with each request
        // that changes nothing.
        let futile = self.futile(&token, own, exchange.now);
        if let (None, Some(why)) = (&caller.proven.credential_id, &futile) {
            self.note(asked, why, Some(client_id), None);
            return Ok(());
        }
        self.charge_revocation(caller, asked, exchange)?;
        let mut entry = AuditEntry {
            event: "token.revoke",
            outcome: if own { "done" } else { "denied" },
            reason: (!own).then_some(Denied::TokenForeign.code()),
            client: Some(client_id.to_owned()),
            credential: caller.proven.credential_id.as_ref().map(|id| id.as_str().to_owned()),
            token: Some(token.token_id.as_str().to_owned()),
            ..entry_of(asked)
        };
        let NamedToken { token_id, client_id: owner, expires_at, issuer: _ } = token;
        if !own {
            entry.detail.insert("owner", owner);
        }
        let work = move |tx: &mut Tx<'_>| {
            if own {
                domain::revoke_token(tx, &token_id, Some(expires_at), entry)
            } else {
                tx.audit(&entry)
            }
        };
        self.revoke_or_note(caller, asked, exchange.now, futile, work)
    }

    /// Ends something for its client. What changes nothing gets no room of the reserve: on a full disk it is
    /// noted in memory.
    pub(super) fn revoke_or_note(
        &self,
        caller: &Caller,
        asked: &Request<'_>,
        now: UnixTime,
        futile: Option<Denied>,
        work: impl FnOnce(&mut Tx<'_>) -> Result<()> + Clone + Send + 'static,
    ) -> Result<()> {
        let Some(why) = futile else {
            return self.secure(now, work);
        };
        match self.change(now, work) {
            Err(Error::Full) => {
                let client_id = caller.state.client.client_id.as_str();
                self.note(asked, &why, Some(client_id), caller.proven.credential_id.as_ref());
                Ok(())
            }
            end => end,
        }
    }

    /// Charges a public client for a revocation that changes something; a client with a secret has been charged.
    pub(super) fn charge_revocation(
        &self,
        caller: &Caller,
        asked: &Request<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<()> {
        let meter = self.meter(asked, caller, Spend::Revocation, exchange.frame);
        let (wanted, subject) = (Wanted::Endpoint, Subject::Client);
        let ask = Ask { grant: None, wanted, subject, peer: asked.peer, meter };
        match pass(&caller.state.client, &ask).map(|_permit| ()) {
            Ok(()) => Ok(()),
            Err(why) => self.deny(asked, caller, why, exchange.now),
        }
    }

    /// Why a revocation of this token by its client, or by another, would change nothing; if so.
    fn futile(&self, token: &NamedToken, own: bool, now: UnixTime) -> Option<Denied> {
        if !own {
            return Some(Denied::TokenForeign);
        }
        if self.snapshot.is_revoked(token.token_id.as_str()) {
            return Some(Denied::TokenRevoked);
        }
        // Its row would be cleared away by the transaction that writes it.
        let over = now.since(token.expires_at) > PRUNED_AFTER_MILLIS;
        let (now, expires_at) = (now.millis(), token.expires_at.millis());
        over.then_some(Denied::TokenExpired { now, expires_at })
    }

    /// RFC 7517 5. Whoever asks for the keys before the first token gets the one that will sign it.
    fn jwks_endpoint(&self, frame: &Frame) -> Result<HttpResponse> {
        self.tend_keys_if_due(self.time.now());
        self.provide_keys(frame.settings.default_algorithms());
        let (frame, now) = self.current()?;
        Ok(oauth::print_jwks(&frame.keyring.published(now)))
    }

    /// RFC 8414.
    fn metadata_endpoint(&self, frame: &Frame) -> Result<HttpResponse> {
        let scopes = self.store.read(|view| view.scopes())?;
        let words: Vec<String> = scopes.into_iter().map(|row| row.word).collect();
        Ok(oauth::print_metadata(&frame.settings, &words))
    }

    /// Authenticates the caller of an endpoint and lets it through the gate.
    fn enter(
        &self,
        request: &Request<'_>,
        spend: Spend,
        exchange: &Exchange<'_>,
    ) -> Result<Caller> {
        let caller = self.authenticate(request, exchange.now)?;
        match self.admit(request, &caller, (None, spend), exchange.frame) {
            Ok(()) => {
                self.note_proof(&caller, request, exchange.now);
                Ok(caller)
            }
            Err(why) => self.deny(request, &caller, why, exchange.now),
        }
    }

    /// A request that could not be read.
    fn unread(&self, exchange: &Exchange<'_>, failure: &ReadFailure) -> Result<HttpResponse> {
        match failure {
            ReadFailure::TooLarge => Ok(oauth::print_too_large()),
            ReadFailure::Denied(why) => self.refuse_exchange(exchange, why),
        }
    }

    /// Refuses a request of nobody known, and notes it.
    fn refuse_exchange(&self, exchange: &Exchange<'_>, why: &Denied) -> Result<HttpResponse> {
        let request = exchange.request(&[], None)?;
        self.note(&request, why, None, None);
        Ok(oauth::print_refusal(why, RefusalShape::default()))
    }
}

/// One request on its way through an endpoint.
pub(super) struct Exchange<'a> {
    pub(super) peer: Peer,
    pub(super) id: &'a RequestId,
    pub(super) context: &'a Context<'a>,
    pub(super) frame: &'a Frame,
    pub(super) now: UnixTime,
    /// A failure that the response, a redirect, does not show to the host.
    pub(super) failure: &'a OnceCell<Error>,
}

impl Exchange<'_> {
    /// Whether nobody on the way can read along. On this machine nobody listens.
    pub(super) fn is_private(&self) -> bool {
        self.context.secure || self.peer.is_loopback()
    }

    pub(super) fn request<'r>(
        &self,
        candidates: &'r [domain::Presented],
        dialect: Option<Dialect>,
    ) -> Result<Request<'r>> {
        Ok(Request {
            candidates,
            grant_type: "",
            scope: None,
            dialect,
            id: self.id.clone(),
            peer: self.peer,
            correlation: domain::correlation_of(self.context)?,
            charged: Cell::new(false),
        })
    }
}

/// RFC 6749 3.2: "the authorization server MUST require the use of TLS". On this machine nobody listens.
fn check_transport(exchange: &Exchange<'_>, endpoint: Endpoint) -> std::result::Result<(), Denied> {
    // Where people type their passwords there is no exception (conformance 21, the dialects).
    let excepted = match endpoint {
        Endpoint::Authorize | Endpoint::BiotLogin | Endpoint::BiotRefresh => false,
        Endpoint::Token(_)
        | Endpoint::Introspect
        | Endpoint::Revoke
        | Endpoint::Jwks
        | Endpoint::Metadata => exchange.frame.settings.danger_allow_plain_http,
    };
    if exchange.is_private() || excepted { Ok(()) } else { Err(Denied::InsecureTransport) }
}

/// Finds the request's row in the audit.
pub(super) const REQUEST_ID_HEADER: &str = "Wardkey-Request-Id";

/// An hour: the margin after which `store/prune.rs` clears away what has ended.
const PRUNED_AFTER_MILLIS: i64 = 3_600_000;
