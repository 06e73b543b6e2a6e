//! Asking a user who has logged in, and what follows from a button (RFC 6749 4.1.1).

use crate::domain::{Scope, Subject, UserState};
use crate::engine::Engine;
use crate::engine::authorize::{Addressed, PENDING_LIFETIME, Stop, Visit};
use crate::engine::decide::{Decided, Deciding, Verdict, judge, still_logged_in};
use crate::engine::endpoint::Exchange;
use crate::engine::issue::entry_of;
use crate::engine::room::Purpose;
use crate::error::{Denied, Result};
use crate::oauth::{self, AuthorizationError, HttpResponse, PendingRequest, Problem};
use std::sync::Arc;

impl Engine {
    /// Has a user who has just logged in asked. They are sent on to the consent page: were it the answer to their
    /// password, the browser would send that again with each reload and each step back.
    pub(super) fn ask(
        &self,
        visit: &Visit<'_>,
        pending: PendingRequest,
        addressed: &Addressed,
        user: &UserState,
    ) -> std::result::Result<HttpResponse, Stop> {
        let login = Some((user.user.user_id.clone(), user.user.generation.0));
        let peer = visit.exchange.peer;
        let judged = judge(addressed.client(), &addressed.request, Subject::User(user), peer);
        let pending = match judged {
            Ok((shown, _)) => PendingRequest { login, shown, ..pending },
            Err(refusal) => {
                let pending = PendingRequest { login, ..pending };
                return self.settle(visit, pending, addressed, Verdict::Refused(refusal.why));
            }
        };
        let sealed = self.seal(visit, &pending)?;
        match oauth::print_on_to_consent(&sealed) {
            Some(response) => Ok(response),
            // Too long for an address.
            None => self.print_consent(visit, (&sealed, &pending), addressed, user),
        }
    }

    /// The consent page, to whose address a login led. Whoever is there again, after it was answered, learns that.
    pub(super) fn show_consent(
        &self,
        visit: &Visit<'_>,
        sealed: &str,
        pending: &PendingRequest,
        addressed: &Addressed,
    ) -> std::result::Result<HttpResponse, Stop> {
        let client_id = Some(addressed.client().client_id.as_str());
        let Some((user_id, generation)) = &pending.login else {
            let why = Denied::InvalidRequest { why: NOBODY };
            return Err(self.stop(visit, Problem::of(&why), &why, client_id)?);
        };
        if self.store.read(|view| view.decision(pending.request_id.as_str()))?.is_some() {
            return Err(Stop::Page(Problem::Decided));
        }
        let user = self.snapshot.user(&self.store, user_id.as_str())?;
        let standing = still_logged_in(user, *generation).and_then(|user| {
            let subject = Subject::User(&user);
            judge(addressed.client(), &addressed.request, subject, visit.exchange.peer)
                .map(|_| Arc::clone(&user))
                .map_err(|refusal| refusal.why)
        });
        match standing {
            Ok(user) => self.print_consent(visit, (sealed, pending), addressed, &user),
            Err(why) => {
                self.note_visit(visit, &why, client_id)?;
                Err(Stop::Back(visit.back(addressed, &AuthorizationError::of(&why))))
            }
        }
    }

    fn print_consent(
        &self,
        visit: &Visit<'_>,
        (sealed, pending): (&str, &PendingRequest),
        addressed: &Addressed,
        user: &UserState,
    ) -> std::result::Result<HttpResponse, Stop> {
        let described = self.describe_scope(&pending.shown)?;
        let words: Vec<(&str, &str)> =
            described.iter().map(|(word, text)| (word.as_str(), text.as_str())).collect();
        let (clinic, form) = (visit.clinic(), addressed.form(sealed));
        Ok(oauth::print_consent(&clinic, &form, &user.user.username, &words))
    }

    /// Words with their descriptions from the catalogue.
    pub(super) fn describe_scope(&self, scope: &Scope) -> Result<Vec<(String, String)>> {
        let catalogue = self.store.read(|view| view.scopes())?;
        let describe = |word: &str| {
            let row = catalogue.iter().find(|row| row.word == word);
            (word.to_owned(), row.map_or_else(String::new, |row| row.description.clone()))
        };
        Ok(scope.words().map(describe).collect())
    }

    /// A button was pressed: the redirect.
    pub(super) fn hear(
        &self,
        visit: &Visit<'_>,
        pending: PendingRequest,
        addressed: &Addressed,
        approved: bool,
    ) -> std::result::Result<HttpResponse, Stop> {
        let client_id = addressed.client().client_id.as_str();
        match (&pending.login, approved) {
            (Some(_), true) => self.settle(visit, pending, addressed, Verdict::Approved),
            (Some(_), false) => {
                self.settle(visit, pending, addressed, Verdict::Refused(Denied::AccessRefused))
            }
            // Nobody has logged in: nothing is decided, and nothing written, that anybody at all could have
            // written a thousand times.
            (None, false) => {
                let why = Denied::AccessRefused;
                self.note_visit(visit, &why, Some(client_id))?;
                Ok(visit.back(addressed, &AuthorizationError::of(&why)))
            }
            (None, true) => {
                let why = Denied::InvalidRequest { why: NOBODY };
                Err(self.stop(visit, Problem::of(&why), &why, Some(client_id))?)
            }
        }
    }

    /// Takes the decision, once, and sends the browser back with it.
    pub(super) fn settle(
        &self,
        visit: &Visit<'_>,
        pending: PendingRequest,
        addressed: &Addressed,
        verdict: Verdict,
    ) -> std::result::Result<HttpResponse, Stop> {
        let Exchange { frame, peer, .. } = visit.exchange;
        let request = visit.exchange.request(&[], None)?;
        let deciding = Deciding {
            until: pending.began_at.plus(PENDING_LIFETIME),
            pending,
            verdict,
            settings: Arc::clone(&frame.settings),
            epoch: frame.epoch,
            peer: *peer,
            entry: entry_of(&request),
        };
        let purpose = match &deciding.verdict {
            Verdict::Approved | Verdict::Vouched { .. } => Purpose::Issue,
            Verdict::Refused(_) => Purpose::Refusal,
        };
        match self.write_for(purpose, self.time.now(), move |tx| deciding.record(tx))? {
            Ok(Decided::Code(code)) => {
                let code = std::str::from_utf8(code.expose()).unwrap_or_default();
                Ok(visit.way_back(addressed).print_code(code))
            }
            Ok(Decided::Refused(error)) => Ok(visit.back(addressed, &error)),
            Ok(Decided::Otherwise) => Err(Stop::Page(Problem::Decided)),
            // The client, or its address, is gone since a moment ago.
            Err(Denied::ClientUnknown) => Err(Stop::Page(Problem::Client)),
            Err(Denied::RedirectUriWrong) => Err(Stop::Page(Problem::RedirectUri)),
            Err(why) => Ok(visit.back(addressed, &AuthorizationError::of(&why))),
        }
    }
}

const NOBODY: &str = "nobody has signed in";
