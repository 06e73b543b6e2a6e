//! The decision on an authorization request: taken once, in one transaction with what follows from it.

use crate::base::{Epoch, GrantId, Secret, UnixTime, UserId};
use crate::domain::{
    Client, Grant, GrantType, NewGrant, Peer, RedirectUri, Scope, Settings, Subject, UserState,
    give_code, vouch_for,
};
use crate::engine::authorize::judge;
use crate::engine::refresh::refuse;
use crate::error::{Denied, Error};
use crate::oauth::PendingRequest;
use crate::store::{AuditEntry, Outcome, Tx};
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

impl Deciding {
    /// Records the decision and gives the code that follows from a yes; `None` if it was decided before.
    pub(super) fn record(self, tx: &mut Tx<'_>) -> Outcome<Option<Secret>> {
        let request_id = self.pending.request_id.as_str();
        if !tx.decide_request(request_id, self.until)? {
            return Ok(Ok(None));
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
            Ok(code) => Ok(Ok(Some(code))),
            Err(why) => refuse(tx, refusal, why),
        }
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
        let (user, words) = match self.user(tx, &client, &entry)? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let (scope, challenge) = match judge(&client, request, Subject::User(&user), self.peer) {
            Ok((scope, challenge)) => (scope.within(&words), challenge),
            Err(refusal) => return Ok(Err(refusal.why)),
        };
        let kind = GrantType::AuthorizationCode;
        let new = NewGrant { client: &client, user: &user, kind, scope, epoch: self.epoch };
        let grant_id = GrantId::mint(tx.identity().entropy.as_ref())?;
        let grant = Grant::begin(new, grant_id, self.settings.refresh_token_lifetime, tx.now());
        let entry = AuditEntry {
            event: "grant.approve",
            outcome: "allowed",
            scope: Some(grant.scope.as_str().to_owned()),
            grant_id: Some(grant.grant_id.as_str().to_owned()),
            grant: Some(kind.as_str()),
            ..entry
        };
        let code = give_code(tx, grant, &request.redirect_uri, challenge.as_ref())?;
        tx.audit(&entry)?;
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

    /// The user who says yes, and the words that it is said to.
    fn user(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
        entry: &AuditEntry,
    ) -> Outcome<(UserState, Scope)> {
        match &self.verdict {
            Verdict::Vouched { user_id, scope } => {
                let judged = judge(client, &self.pending.request, Subject::Client, self.peer);
                let asked = match judged {
                    Ok((asked, _)) => asked,
                    Err(refusal) => return Ok(Err(refusal.why)),
                };
                let words = match scope {
                    Some(scope) => scope.clone().within(&asked),
                    None => asked.clone(),
                };
                if let (Some(word), None) = (asked.words().next(), words.words().next()) {
                    return Ok(Err(Denied::InsufficientScope { missing: word.to_owned() }));
                }
                let user = vouch_for(tx, user_id, &words, entry)?;
                Ok(Ok((user, words)))
            }
            Verdict::Approved | Verdict::Refused(_) => {
                let user = self.logged_in(tx)?;
                Ok(user.map(|user| (user, client.metadata.scope.clone())))
            }
        }
    }

    /// The user who logged in, as long as nothing has ended that since.
    fn logged_in(&self, tx: &Tx<'_>) -> Outcome<UserState> {
        let login = self.pending.login.as_ref();
        let (user_id, generation) =
            login.ok_or(Error::Internal { what: "a decision that nobody took" })?;
        let user = UserState::load(&tx.view(), user_id.as_str())?;
        Ok(match user {
            None => Err(Denied::UserUnknown),
            Some(user) if user.user.generation.0 != *generation => Err(Denied::UserTokensRevoked),
            Some(user) => Ok(user),
        })
    }
}
