//! The authorization endpoint: a person logs in at a browser, and allows a client something or does not
//! (RFC 6749 4.1).
//!
//! Nothing is stored until somebody who has logged in decides: a request travels through the browser in the
//! pages' forms, sealed, and bound to the browser by a cookie.

use crate::base::{Lifetime, RequestId, encode};
use crate::domain::{Client, ClientState, RedirectUri, Scope, Subject, correlation_of};
use crate::engine::Engine;
use crate::engine::decide::{Refusal, judge};
use crate::engine::endpoint::Exchange;
use crate::engine::login::Login;
use crate::error::{Denied, Error, Result};
use crate::oauth::{
    self, Arrival, AuthorizationError, AuthorizationRequest, BrowserCookie, Clinic, HttpRequest,
    HttpResponse, LoginAttempt, Notice, PageForm, PendingRequest, Problem, ReadFailure, WayBack,
};
use std::sync::Arc;

/// A request to the endpoint on its way.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) http: &'a HttpRequest<'a>,
    pub(super) exchange: &'a Exchange<'a>,
}

/// An authorization request whose response has somewhere to go.
pub(super) struct Addressed {
    pub(super) request: AuthorizationRequest,
    pub(super) state: Arc<ClientState>,
    pub(super) redirect_uri: RedirectUri,
}

/// A request that waits for a person.
pub(super) struct Suspended {
    pub(super) sealed: String,
    /// The cookie for the browser, if it has none yet.
    pub(super) cookie: Option<String>,
    /// What is asked for.
    pub(super) shown: Scope,
}

/// How a visit ends before its time.
pub(super) enum Stop {
    /// The person is told, and nobody else.
    Page(Problem),
    /// The client is told.
    Back(HttpResponse),
    /// The machine failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Engine {
    /// Answers a request to the authorization endpoint with a page or a redirect.
    pub(super) fn authorization_endpoint(
        &self,
        http: &HttpRequest<'_>,
        exchange: &Exchange<'_>,
    ) -> Result<HttpResponse> {
        let visit = Visit { http, exchange };
        self.end_visit(exchange, self.visit(&visit))
    }

    /// What is sent in the end.
    pub(super) fn end_visit(
        &self,
        exchange: &Exchange<'_>,
        result: std::result::Result<HttpResponse, Stop>,
    ) -> Result<HttpResponse> {
        match result {
            Ok(response) | Err(Stop::Back(response)) => Ok(response),
            Err(Stop::Page(problem)) => Ok(self.print_problem(problem, exchange.id)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Prints the page that says what went wrong.
    pub(super) fn print_problem(&self, problem: Problem, id: &RequestId) -> HttpResponse {
        let settings = &self.snapshot.frame().settings;
        let clinic = Clinic { texts: &settings.texts, name: settings.shown_name() };
        oauth::print_problem(&clinic, problem, id.as_str())
    }

    fn visit(&self, visit: &Visit<'_>) -> std::result::Result<HttpResponse, Stop> {
        match self.arrive(visit)? {
            Arrival::Request(request) => {
                let addressed = self.address(visit, request)?;
                visit.told(&addressed, self.show_login(visit, &addressed))
            }
            Arrival::Consent { sealed } => self.consent(visit, &sealed),
            Arrival::Login { sealed, attempt } => {
                let (pending, addressed) = self.resume(visit, &sealed)?;
                let page = self.try_login(visit, (&sealed, pending), &addressed, attempt);
                visit.told(&addressed, page)
            }
            Arrival::Decision { sealed, approved } => {
                let (pending, addressed) = self.resume(visit, &sealed)?;
                visit.told(&addressed, self.hear(visit, pending, &addressed, approved))
            }
        }
    }

    /// Answers at the consent page's address.
    pub(super) fn consent(
        &self,
        visit: &Visit<'_>,
        sealed: &str,
    ) -> std::result::Result<HttpResponse, Stop> {
        let (pending, addressed) = self.resume(visit, sealed)?;
        visit.told(&addressed, self.show_consent(visit, sealed, &pending, &addressed))
    }

    /// Reads what came, if it came as it may.
    pub(super) fn arrive(&self, visit: &Visit<'_>) -> std::result::Result<Arrival, Stop> {
        self.check_visit(visit)?;
        oauth::read_arrival(visit.http, &visit.exchange.frame.settings).or_else(|failure| {
            if let ReadFailure::Denied(why) = &failure {
                self.note_visit(visit, why, None)?;
            }
            Err(Stop::Page(Problem::of_reading(&failure)))
        })
    }

    /// Passwords and codes pass here: no setting allows plain HTTP (conformance 21).
    pub(super) fn check_visit(&self, visit: &Visit<'_>) -> std::result::Result<(), Stop> {
        // A correlation id that cannot be kept is no matter of the client's: said before one is known.
        visit.exchange.request(&[], None)?;
        if visit.exchange.is_private() {
            return Ok(());
        }
        Err(self.stop(visit, Problem::Insecure, &Denied::InsecureTransport, None)?)
    }

    /// A client sends its user: the login page.
    fn show_login(
        &self,
        visit: &Visit<'_>,
        addressed: &Addressed,
    ) -> std::result::Result<HttpResponse, Stop> {
        let Suspended { sealed, cookie, shown: _ } = self.suspend(visit, addressed)?;
        let page = visit.login_page(addressed, &sealed, "", None);
        Ok(match cookie {
            Some(cookie) => page.with_header("Set-Cookie", cookie),
            None => page,
        })
    }

    /// Seals a request that now waits for a person.
    pub(super) fn suspend(
        &self,
        visit: &Visit<'_>,
        addressed: &Addressed,
    ) -> std::result::Result<Suspended, Stop> {
        let shown = self.check_client(visit, addressed)?;
        // Browsers keep our cookie from other sites' forms, but not from where those are sent on to. So only a
        // GET shows whether there is one: another would end what this browser has begun.
        if visit.http.method == "POST" {
            let as_get = oauth::print_as_get(&addressed.request);
            return Err(as_get.map_or(Stop::Page(Problem::TooLarge), Stop::Back));
        }
        let known = BrowserCookie::read(visit.http.headers);
        let cookie = match &known {
            Some(cookie) => cookie,
            None => &BrowserCookie::mint(self.store.identity().entropy.as_ref())?,
        };
        let pending = PendingRequest {
            request_id: visit.exchange.id.clone(),
            began_at: visit.exchange.now,
            browser: cookie.digest(),
            login: None,
            shown,
            request: addressed.request.clone(),
        };
        Ok(Suspended {
            sealed: self.seal(visit, &pending)?,
            cookie: known.is_none().then(|| cookie.print()),
            shown: pending.shown,
        })
    }

    /// The login page comes back: on to the consent page, or the login page once more.
    fn try_login(
        &self,
        visit: &Visit<'_>,
        (sealed, pending): (&str, PendingRequest),
        addressed: &Addressed,
        attempt: Option<LoginAttempt>,
    ) -> std::result::Result<HttpResponse, Stop> {
        self.check_client(visit, addressed)?;
        let client_id = addressed.client().client_id.as_str();
        let Some(attempt) = attempt else {
            self.note_visit(visit, &Denied::CredentialMalformed, Some(client_id))?;
            return Ok(visit.login_page(addressed, sealed, "", Some(Notice::Wrong)));
        };
        let login = Login {
            username: &attempt.username,
            password: std::str::from_utf8(attempt.password.expose()).unwrap_or_default(),
            client_id: Some(client_id),
            id: visit.exchange.id.clone(),
            peer: visit.exchange.peer,
            correlation: correlation_of(visit.exchange.context)?,
        };
        let notice = match self.log_in(&login) {
            Ok(user) => return self.ask(visit, pending, addressed, user.user()),
            Err(Error::Denied { why: Denied::RateLimited { retry_after }, .. }) => {
                Notice::Throttled { retry_after }
            }
            // Wrong user, wrong password, disabled user: one message (conformance 26).
            Err(Error::Denied { .. }) => Notice::Wrong,
            Err(Error::Overloaded) => Notice::Busy,
            Err(error @ Error::UserCheck { .. }) => {
                // The person can only try again; the host must learn of it.
                let _ = visit.exchange.failure.set(error);
                Notice::Busy
            }
            Err(error) => return Err(Stop::Failed(error)),
        };
        Ok(visit.login_page(addressed, sealed, &attempt.username, Some(notice)))
    }

    /// Opens a request that a page brings back.
    pub(super) fn resume(
        &self,
        visit: &Visit<'_>,
        sealed: &str,
    ) -> std::result::Result<(PendingRequest, Addressed), Stop> {
        let Some(pending) = self.unseal(visit, sealed) else {
            let why = Denied::InvalidRequest { why: "the form is not one of this server's" };
            return Err(self.stop(visit, Problem::of(&why), &why, None)?);
        };
        let client_id = Some(pending.request.client_id.as_str());
        // Whose page it was, before anything else: a page that was brought here from another browser would
        // have somebody here answer for somebody there (conformance 27).
        let cookie = BrowserCookie::read(visit.http.headers);
        if !cookie.is_some_and(|cookie| cookie.is_of(&pending.browser)) {
            let why = Denied::InvalidRequest { why: "the form was sent by another browser" };
            return Err(self.stop(visit, Problem::Cookie, &why, client_id)?);
        }
        if visit.exchange.now.since(pending.began_at) >= PENDING_LIFETIME.millis() {
            let why = Denied::InvalidRequest { why: "the page was open for too long" };
            return Err(self.stop(visit, Problem::Expired, &why, client_id)?);
        }
        let addressed = self.address(visit, pending.request.clone())?;
        Ok((pending, addressed))
    }

    /// Finds whom to answer. Until then it is the person at the browser who learns of an error (conformance 21).
    pub(super) fn address(
        &self,
        visit: &Visit<'_>,
        request: AuthorizationRequest,
    ) -> std::result::Result<Addressed, Stop> {
        let client_id = request.client_id.as_str();
        let Some(state) = self.snapshot.client(&self.store, client_id)? else {
            return Err(self.stop(visit, Problem::Client, &Denied::ClientUnknown, None)?);
        };
        let registered = &state.client.metadata.redirect_uris;
        let Some(redirect_uri) = RedirectUri::among(registered, &request.redirect_uri) else {
            let why = Denied::RedirectUriWrong;
            return Err(self.stop(visit, Problem::RedirectUri, &why, Some(client_id))?);
        };
        Ok(Addressed { request, state, redirect_uri })
    }

    /// Whether the client may ask a user at all, whoever that will be; and for what.
    fn check_client(
        &self,
        visit: &Visit<'_>,
        addressed: &Addressed,
    ) -> std::result::Result<Scope, Stop> {
        let client = addressed.client();
        let peer = visit.exchange.peer;
        match judge(client, &addressed.request, Subject::Client, peer) {
            Ok((scope, _)) => Ok(scope),
            Err(Refusal { why, error }) => {
                self.note_visit(visit, &why, Some(client.client_id.as_str()))?;
                Err(Stop::Back(visit.back(addressed, &error)))
            }
        }
    }

    pub(super) fn seal(&self, visit: &Visit<'_>, pending: &PendingRequest) -> Result<String> {
        let identity = self.store.identity();
        let text = pending.print();
        let place = visit.place();
        let sealed = identity.keys.seal.seal(identity.entropy.as_ref(), &place, text.as_bytes())?;
        Ok(encode::base64url(&sealed))
    }

    fn unseal(&self, visit: &Visit<'_>, sealed: &str) -> Option<PendingRequest> {
        let sealed = encode::from_base64url(sealed.as_bytes())?;
        let text = self.store.identity().keys.seal.open(&visit.place(), &sealed)?;
        PendingRequest::read(text.expose(), &visit.exchange.frame.settings)
    }

    /// Notes a refusal of somebody who has proved nothing, and what the page says.
    pub(super) fn stop(
        &self,
        visit: &Visit<'_>,
        problem: Problem,
        why: &Denied,
        client_id: Option<&str>,
    ) -> Result<Stop> {
        self.note_visit(visit, why, client_id)?;
        Ok(Stop::Page(problem))
    }

    pub(super) fn note_visit(
        &self,
        visit: &Visit<'_>,
        why: &Denied,
        client_id: Option<&str>,
    ) -> Result<()> {
        let request = visit.exchange.request(&[], None)?;
        self.note(&request, why, client_id, None);
        Ok(())
    }
}

impl Visit<'_> {
    /// A machine's failure on the way of a request that has an address: the client learns of it, as of every
    /// error (conformance 21), and the host.
    pub(super) fn told(
        &self,
        addressed: &Addressed,
        result: std::result::Result<HttpResponse, Stop>,
    ) -> std::result::Result<HttpResponse, Stop> {
        match result {
            Err(Stop::Failed(error)) if !matches!(error, Error::Closed | Error::Forked) => {
                let response = self.back(addressed, &AuthorizationError::of_failure(&error));
                // There is one failure to a request; a second one would tell nothing more.
                let _ = self.exchange.failure.set(error);
                Ok(response)
            }
            other => other,
        }
    }

    pub(super) fn clinic(&self) -> Clinic<'_> {
        let settings = &self.exchange.frame.settings;
        Clinic { texts: &settings.texts, name: settings.shown_name() }
    }

    fn login_page(
        &self,
        addressed: &Addressed,
        sealed: &str,
        username: &str,
        notice: Option<Notice>,
    ) -> HttpResponse {
        oauth::print_login(&self.clinic(), &addressed.form(sealed), username, notice)
    }

    pub(super) fn way_back<'a>(&'a self, addressed: &'a Addressed) -> WayBack<'a> {
        WayBack {
            redirect_uri: &addressed.redirect_uri,
            state: addressed.request.state.as_deref(),
            issuer: &self.exchange.frame.settings.issuer,
        }
    }

    pub(super) fn back(&self, addressed: &Addressed, error: &AuthorizationError) -> HttpResponse {
        self.way_back(addressed).print_error(error)
    }

    /// What a sealed request is bound to: its use, and the stretch of the database's life.
    fn place(&self) -> Vec<u8> {
        [SEALED_FOR, &self.exchange.frame.epoch.bytes()].concat()
    }
}

impl Addressed {
    pub(super) fn client(&self) -> &Client {
        &self.state.client
    }

    pub(super) fn form<'a>(&'a self, sealed: &'a str) -> PageForm<'a> {
        let metadata = &self.client().metadata;
        PageForm {
            client: &metadata.client_name,
            redirect_uri: &self.redirect_uri,
            registered: [&metadata.redirect_uris, &metadata.allowed_origins],
            sealed,
        }
    }
}

/// Names the use of a sealed request, so that nothing that is sealed for another one opens here.
const SEALED_FOR: &[u8] = b"wardkey pending request 1\0";

/// Time to find one's password; a page left open over lunch is not answered.
pub(super) const PENDING_LIFETIME: Lifetime = Lifetime::seconds(600);
