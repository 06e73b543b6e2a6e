//! A host that has its own users renders its own page: it gets the pending request, and brings the decision
//! (conformance 27).

use crate::base::UserId;
use crate::domain::{Context, Scope};
use crate::engine::Engine;
use crate::engine::authorize::{Addressed, Stop, Visit};
use crate::engine::decide::Verdict;
use crate::engine::endpoint::{Exchange, REQUEST_ID_HEADER};
use crate::error::{Denied, Error, Result};
use crate::oauth::{self, Arrival, HttpRequest, HttpResponse, Problem};
use std::cell::OnceCell;

/// An authorization request that waits for a host's own user (RFC 6749 4.1.1), from [`Engine::pending`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The client that asks.
    pub client_id: String,
    /// The name people know it by.
    pub client_name: String,
    /// Where the browser goes in the end.
    pub redirect_uri: String,
    /// The words it asks for, each with its description from the catalogue.
    pub scopes: Vec<(String, String)>,
    /// What [`Engine::decide`] wants back: put it into the page's form. It counts for ten minutes, together
    /// with the browser's cookie.
    pub handle: String,
    /// The value of a `Set-Cookie` header that must go out with the page; absent if the browser has its cookie.
    pub set_cookie: Option<String>,
}

/// What a host's own user decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// They allow it.
    Approve {
        /// The host's name for them: 1 to 200 printable ASCII characters without spaces. Their tokens' `sub` is
        /// `usr_.` and this.
        subject: &'a str,
        /// The words they allow, parted by single spaces; `None`: all of [`Pending::scopes`]. Others give nothing.
        scope: Option<&'a str>,
    },
    /// They do not.
    Deny,
}

impl Engine {
    /// Reads an authorization request for a host that logs its users in itself. Nothing is stored.
    ///
    /// The host routes `GET /oauth/authorize` here instead of to [`Engine::http`], shows its own page, and
    /// calls [`Engine::decide`] when the page's form comes back.
    ///
    /// ```
    /// use wardkey::admin::ClientCreate;
    /// use wardkey::{Context, Decision, HttpRequest};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let options = wardkey::Options::new(folder.path().join("clinic.db"));
    /// # let admin = Context::by("anna");
    /// # wardkey::Engine::create(&options, &wardkey::Settings::default(), &admin)?;
    /// # let engine = wardkey::Engine::open(&options)?;
    /// # let portal = engine.run(&admin, ClientCreate {
    /// #     client_name: Some("Portal".into()),
    /// #     token_endpoint_auth_method: Some(Some("none".into())),
    /// #     grant_types: Some(vec!["authorization_code".into()]),
    /// #     redirect_uris: Some(vec!["https://portal.example/back".into()]),
    /// #     ..ClientCreate::default()
    /// # })?;
    /// # let query = format!(
    /// #     "response_type=code&client_id={}&redirect_uri=https://portal.example/back\
    /// #      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
    /// #     portal.client.client_id
    /// # );
    /// # let query = query.as_str();
    /// let context = Context { secure: true, ..Context::default() };
    /// let request = HttpRequest { method: "GET", query, ..HttpRequest::default() };
    /// let pending = match engine.pending(&request, &context)? {
    ///     Ok(pending) => pending,
    ///     Err(response) => panic!("send it as it is: {response:?}"),
    /// };
    /// // Show who asks and for what, with `pending.set_cookie`; then, from the request that comes back:
    /// # let cookie = pending.set_cookie.as_deref().and_then(|set| set.split(';').next()).unwrap();
    /// let headers: &[(&str, &[u8])] = &[("Cookie", cookie.as_bytes())];
    /// let decision = Decision::Approve { subject: "dr.eva", scope: None };
    /// let response = engine.decide(&pending.handle, headers, decision, &context)?;
    /// assert_eq!(response.status, 303);
    /// # Ok::<(), wardkey::Error>(())
    /// ```
    ///
    /// The outer error is a call that failed; the inner one is a response to send as it is: an error page, a
    /// redirect that tells the client, or the library's own consent page for somebody who logged in at its own
    /// login page, if the host uses both.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Forked`], [`Error::InvalidArgument`] for a correlation id that cannot be
    /// kept, [`Error::Busy`] and what else a read meets.
    pub fn pending(
        &self,
        request: &HttpRequest<'_>,
        context: &Context<'_>,
    ) -> Result<std::result::Result<Pending, HttpResponse>> {
        self.visit_for_host(request, context, |visit| {
            match self.arrive(visit)? {
                Arrival::Request(request) => {
                    let addressed = self.address(visit, request)?;
                    self.describe(visit, &addressed)
                }
                // Somebody who has logged in at our own page.
                Arrival::Consent { sealed } => Err(Stop::Back(self.consent(visit, &sealed)?)),
                Arrival::Login { .. } | Arrival::Decision { .. } => {
                    let why = Denied::InvalidRequest { why: "the form is not one of this page's" };
                    Err(Stop::Page(Problem::of(&why)))
                }
            }
        })
    }

    /// Takes the decision on a pending request, once, and returns the response for the browser: the redirect
    /// to the client, or an error page. `headers` are those of the request that brought the decision; they
    /// must have the cookie of the browser that the request came from: otherwise one person's browser could be
    /// led to approve what another's asked for. The same decision brought again within ten seconds, by a button
    /// pressed twice, gets the same response.
    ///
    /// The host vouches for the user. At the first approval they get a row (`user.list`, origin `host`), and
    /// words that they did not have are added to it, until an administrator sets them (`user.update`): then these
    /// are all they may have. Disable the user to end what they gave and keep them out.
    ///
    /// # Errors
    /// Those of [`Engine::pending`]; [`Error::InvalidArgument`] for a subject or scope that cannot be.
    pub fn decide(
        &self,
        handle: &str,
        headers: &[(&str, &[u8])],
        decision: Decision<'_>,
        context: &Context<'_>,
    ) -> Result<HttpResponse> {
        let verdict = verdict_of(decision)?;
        let request = HttpRequest { method: "POST", headers, ..HttpRequest::default() };
        let answer = self.visit_for_host(&request, context, |visit| {
            self.check_visit(visit)?;
            let (pending, addressed) = self.resume(visit, handle)?;
            let response = self.settle(visit, pending, &addressed, verdict)?;
            Ok(response.with_header(REQUEST_ID_HEADER, visit.exchange.id.as_str()))
        })?;
        Ok(answer.unwrap_or_else(|response| response))
    }

    /// A visit that the host receives. It is told of a machine's failure as such: there is no redirect that
    /// would be the only one to know.
    fn visit_for_host<T>(
        &self,
        request: &HttpRequest<'_>,
        context: &Context<'_>,
        visit: impl FnOnce(&Visit<'_>) -> std::result::Result<T, Stop>,
    ) -> Result<std::result::Result<T, HttpResponse>> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let id = self.mint_request_id(now)?;
        let forwarded = oauth::forwarded(request.headers);
        let context = Context { forwarded: context.forwarded.or(forwarded.as_deref()), ..*context };
        let peer = context.resolve(&frame.settings.trusted_proxies);
        let failure = &OnceCell::new();
        let exchange = Exchange { peer, id: &id, context: &context, frame: &frame, now, failure };
        self.flush_if_due(now);
        match visit(&Visit { http: request, exchange: &exchange }) {
            Ok(found) => Ok(Ok(found)),
            Err(stop) => {
                let response = self.end_visit(&exchange, Err(stop))?;
                Ok(Err(response.with_header(REQUEST_ID_HEADER, id.as_str())))
            }
        }
    }

    fn describe(
        &self,
        visit: &Visit<'_>,
        addressed: &Addressed,
    ) -> std::result::Result<Pending, Stop> {
        let suspended = self.suspend(visit, addressed)?;
        let client = addressed.client();
        Ok(Pending {
            client_id: client.client_id.as_str().to_owned(),
            client_name: client.metadata.client_name.clone(),
            redirect_uri: addressed.redirect_uri.as_str().to_owned(),
            scopes: self.describe_scope(&suspended.shown)?,
            handle: suspended.sealed,
            set_cookie: suspended.cookie,
        })
    }
}

fn verdict_of(decision: Decision<'_>) -> Result<Verdict> {
    let Decision::Approve { subject, scope } = decision else {
        return Ok(Verdict::Refused(Denied::AccessRefused));
    };
    let unfit =
        |_| Error::argument("scope", "must be words parted by single spaces (RFC 6749 3.3)");
    Ok(Verdict::Vouched {
        user_id: UserId::of_host(subject)?,
        scope: scope.map(Scope::parse).transpose().map_err(unfit)?,
    })
}
