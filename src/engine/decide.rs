//! The decision on an authorization request: what it must meet, and how it is taken, once, in one transaction
//! with what follows from it.

use crate::base::{Epoch, GrantId, Lifetime, Secret, UnixTime, UserId};
use crate::crypto;
use crate::domain::{
    Challenge, Client, Grant, GrantType, NewGrant, Peer, RedirectUri, Scope, Settings, Subject,
    UserState, Wanted, give_code, may_be_allowed, unspent_code, vouch_for,
};
use crate::engine::refresh::refuse;
use crate::error::{Denied, Error, Result};
use crate::oauth::{AuthorizationError, AuthorizationRequest, PendingRequest};
use crate::store::{AuditEntry, DecisionRow, Outcome, Tx, View};
use std::borrow::Borrow;
use std::sync::Arc;

/// What was decided, and all that its transaction needs.
pub(super) struct Deciding {
    pub(super) pending: PendingRequest,
    pub(super) verdict: Verdict,
    /// How long it has to be remembered that it was decided.
    pub(super) until: UnixTime,
    pub(super) settings: Arc<Settings>,
    pub(super) epoch: Epoch,
    pub(super) peer: Peer,
    /// Request, peer, correlation.
    pub(super) entry: AuditEntry,
}

/// What the user said, or a rule in their place.
pub(super) enum Verdict {
    /// The user who logged in says yes.
    Approved,
    /// The host says that its own user says yes, to these words; `None`: to all that is asked for.
    Vouched {
        user_id: UserId,
        scope: Option<Scope>,
    },
    Refused(Denied),
}

/// What a decision that was not refused just now is answered.
pub(super) enum Decided {
    /// The code.
    Code(Secret),
    /// It was refused before, with these words.
    Refused(AuthorizationError),
    /// Something else was decided before.
    Otherwise,
}

impl Deciding {
    /// Records the decision and gives the code that follows from a yes. A second press of the same button is
    /// answered as the first.
    pub(super) fn record(self, tx: &mut Tx<'_>) -> Outcome<Decided> {
        let request_id = self.pending.request_id.as_str();
        if let Some(before) = tx.decide_request(request_id, &self.digest(), self.until)? {
            return self.repeat(&tx.view(), tx.now(), before).map(Ok);
        }
        let user_id = self.user_id().map(|user_id| user_id.as_str().to_owned());
        let entry = AuditEntry {
            client: Some(self.pending.request.client_id.as_str().to_owned()),
            actor: user_id.clone(),
            user: user_id,
            ..self.entry.clone()
        };
        let refusal = AuditEntry { event: "grant.refuse", outcome: "denied", ..entry.clone() };
        let approved = match &self.verdict {
            Verdict::Approved | Verdict::Vouched { .. } => self.approve(tx, entry)?,
            Verdict::Refused(why) => Err(why.clone()),
        };
        match approved {
            Ok(code) => Ok(Ok(Decided::Code(code))),
            Err(why) => {
                tx.refuse_request(request_id, &AuthorizationError::of(&why).to_text())?;
                refuse(tx, refusal, why)
            }
        }
    }

    /// What a request gets that was decided before. Who presses a button twice has made one decision, and their
    /// browser waits for the second answer alone: it is the first one's again. Nothing is given or written.
    fn repeat(&self, view: &View<'_>, now: UnixTime, before: DecisionRow) -> Result<Decided> {
        let age = now.since(UnixTime::from_millis(before.decided_at));
        if before.decision != self.digest() || age > REPEATED_FOR.millis() {
            return Ok(Decided::Otherwise);
        }
        if let Some(refusal) = before.refusal {
            let refusal = AuthorizationError::of_text(&refusal);
            return Ok(refusal.map_or(Decided::Otherwise, Decided::Refused));
        }
        let code = unspent_code(view, self.pending.request_id.as_str())?;
        Ok(code.map_or(Decided::Otherwise, Decided::Code))
    }

    /// Tells this decision from another one on the same request: who took it, and on what.
    fn digest(&self) -> [u8; 32] {
        let user_id = self.user_id().map_or("", UserId::as_str);
        let decision = match &self.verdict {
            Verdict::Approved | Verdict::Vouched { .. } => {
                format!("approve\n{user_id}\n{}", self.words().as_str())
            }
            Verdict::Refused(why) => format!("refuse\n{user_id}\n{}", why.code()),
        };
        crypto::sha256(decision.as_bytes())
    }

    /// Gives the grant and its code, if what the page said still holds: client, user and their words are read
    /// anew, under the lock.
    fn approve(&self, tx: &mut Tx<'_>, entry: AuditEntry) -> Outcome<Secret> {
        let request = &self.pending.request;
        let Some(row) = tx.view().client(request.client_id.as_str())? else {
            return Ok(Err(Denied::ClientUnknown));
        };
        let client = Client::from_row(&row)?;
        if RedirectUri::among(&client.metadata.redirect_uris, &request.redirect_uri).is_none() {
            return Ok(Err(Denied::RedirectUriWrong));
        }
        // The client by itself first: nobody gets a row by the request of one that may not ask.
        if let Err(refusal) = judge(&client, request, Subject::Client, self.peer) {
            return Ok(Err(refusal.why));
        }
        let words = self.words();
        let user = match self.user(tx, &words, &entry)? {
            Ok(user) => user,
            Err(why) => return Ok(Err(why)),
        };
        let (scope, challenge) = match judge(&client, request, Subject::User(&user), self.peer) {
            // No more than the page showed, whatever client and user have been given since.
            Ok((scope, challenge)) => (scope.within(&words), challenge),
            Err(refusal) => return Ok(Err(refusal.why)),
        };
        if let (Some(word), None) = (self.pending.shown.words().next(), scope.words().next()) {
            return Ok(Err(Denied::InsufficientScope { missing: word.to_owned() }));
        }
        let request_id = self.pending.request_id.as_str();
        let kind = GrantType::AuthorizationCode;
        let new = NewGrant { client: &client, user: &user, kind, scope, epoch: self.epoch };
        let grant_id = GrantId::mint(tx.identity().entropy.as_ref())?;
        let grant = Grant::begin(new, grant_id, self.settings.refresh_token_lifetime, tx.now());
        let approval = AuditEntry {
            event: "grant.approve",
            outcome: "allowed",
            scope: Some(grant.scope.as_str().to_owned()),
            grant_id: Some(grant.grant_id.as_str().to_owned()),
            grant: Some(kind.as_str()),
            ..entry.clone()
        };
        let challenge = challenge.as_ref();
        let code = give_code(tx, request_id, grant, &request.redirect_uri, challenge, &entry)?;
        tx.audit(&approval)?;
        Ok(Ok(code))
    }

    fn user_id(&self) -> Option<&UserId> {
        match &self.verdict {
            Verdict::Vouched { user_id, .. } => Some(user_id),
            Verdict::Approved | Verdict::Refused(_) => {
                self.pending.login.as_ref().map(|(user_id, _)| user_id)
            }
        }
    }

    /// The words that it is said yes to: of those that the page showed, those that the host names.
    fn words(&self) -> Scope {
        let shown = self.pending.shown.clone();
        match &self.verdict {
            Verdict::Vouched { scope: Some(scope), .. } => shown.within(scope),
            Verdict::Vouched { scope: None, .. } | Verdict::Approved | Verdict::Refused(_) => shown,
        }
    }

    /// The user who says yes.
    fn user(&self, tx: &mut Tx<'_>, words: &Scope, entry: &AuditEntry) -> Outcome<UserState> {
        match &self.verdict {
            Verdict::Vouched { user_id, .. } => vouch_for(tx, user_id, words, entry).map(Ok),
            Verdict::Approved | Verdict::Refused(_) => self.logged_in(tx),
        }
    }

    /// The user who logged in, as long as nothing has ended that since.
    fn logged_in(&self, tx: &Tx<'_>) -> Outcome<UserState> {
        let login = self.pending.login.as_ref();
        let (user_id, generation) =
            login.ok_or(Error::Internal { what: "a decision that nobody took" })?;
        Ok(still_logged_in(UserState::load(&tx.view(), user_id.as_str())?, *generation))
    }
}

/// The user who logged in when they had `generation`, as long as nothing has ended that since.
pub(super) fn still_logged_in<T: Borrow<UserState>>(
    user: Option<T>,
    generation: u64,
) -> std::result::Result<T, Denied> {
    let user = user.ok_or(Denied::UserUnknown)?;
    let known = user.borrow().user.generation.0;
    if known == generation { Ok(user) } else { Err(Denied::UserTokensRevoked) }
}

/// Why a client gets no code: for the audit, and for the client.
pub(super) struct Refusal {
    pub(super) why: Denied,
    pub(super) error: AuthorizationError,
}

impl From<Denied> for Refusal {
    fn from(why: Denied) -> Self {
        let error = AuthorizationError::of(&why);
        Self { why, error }
    }
}

/// The checks of an authorization request whose client and redirect URI are known, in order.
pub(super) fn judge(
    client: &Client,
    request: &AuthorizationRequest,
    subject: Subject<'_>,
    peer: Peer,
) -> std::result::Result<(Scope, Option<Challenge>), Refusal> {
    // The gate first with what is sound, as at the token endpoint.
    may_be_allowed(client, subject, Wanted::Endpoint, peer)?;
    let malformed = |error: &AuthorizationError| {
        let why = Denied::InvalidRequest { why: "the authorization request is malformed" };
        Refusal { why, error: error.clone() }
    };
    let asked = request.asked.as_ref().map_err(malformed)?;
    let without = client.metadata.danger_allow_no_pkce;
    let challenge = Challenge::demand(asked.challenge.clone(), without)
        .map_err(|fault| Denied::InvalidRequest { why: fault.why() })?;
    let scope = asked.scope.as_deref().map(Scope::parse).transpose()?;
    let allowed = may_be_allowed(client, subject, Wanted::Token(scope.as_ref()), peer)?;
    Ok((allowed, challenge))
}

/// Longer than two presses of one hand are apart, shorter than it takes to come back and try again.
const REPEATED_FOR: Lifetime = Lifetime::seconds(10);
