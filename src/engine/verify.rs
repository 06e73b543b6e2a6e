//! Verification: the hot path.

use crate::base::UnixTime;
use crate::crypto::{MAX_CLAIMS, opaque_form};
use crate::domain::{
    Ask, Behind, ClientState, Context, Expected, Grant, Peer, Permit, Required, Stands, Subject,
    TokenFacts, TokenFormat, UserState, Wanted, check_jwt, check_standing, facts_of_row, pass,
};
use crate::engine::Engine;
use crate::engine::access::{Authorization, Challenge, Principal, PrincipalKind};
use crate::engine::gather::Refusal;
use crate::engine::rates::Spend;
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use crate::oauth;
use crate::store::{OpaqueTokenRow, check_extra};
use std::borrow::Cow;
use std::sync::Arc;

impl Engine {
    /// Verifies an access token for an operation that requires `required`.
    ///
    /// What was revoked before the call, by any process, is refused. The use is noted for the audit.
    ///
    /// # Errors
    /// [`Error::Denied`] with the true reason; any other error when it cannot be known, which must be
    /// treated as a refusal too.
    pub fn verify(
        &self,
        token: &[u8],
        required: Required<'_>,
        context: &Context<'_>,
    ) -> Result<Principal> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let peer = context.resolve(&frame.settings.trusted_proxies);
        match self.check_use(token, required, peer, &frame, now)? {
            Ok(principal) => Ok(principal),
            Err(refused) => self.refuse(&refused, peer, now),
        }
    }

    /// Authorizes a request to the host's API by its headers (RFC 6750 2.1).
    ///
    /// # Errors
    /// Those of [`Engine::verify`] but [`Error::Denied`], which becomes a [`Challenge`].
    pub fn authorize(
        &self,
        headers: &[(&str, &[u8])],
        required: Required<'_>,
        context: &Context<'_>,
    ) -> Result<Authorization> {
        self.check_open()?;
        let forwarded = oauth::forwarded(headers);
        let context =
            &Context { forwarded: context.forwarded.or(forwarded.as_deref()), ..*context };
        let verified = match oauth::read_bearer(headers) {
            Ok(token) => self.verify(token.as_bytes(), required, context),
            Err(why) => {
                let (frame, now) = self.current()?;
                let peer = context.resolve(&frame.settings.trusted_proxies);
                self.refuse(&Rejected::unknown(why), peer, now)
            }
        };
        match verified {
            Ok(principal) => Ok(Ok(principal)),
            Err(Error::Denied { why, request_id }) => {
                let (status, www_authenticate) = oauth::challenge(&why, required.as_str());
                let mut retry_after = None;
                if let Denied::RateLimited { retry_after: seconds } = why {
                    retry_after = Some(seconds.max(1));
                }
                Ok(Err(Challenge { status, www_authenticate, retry_after, why, request_id }))
            }
            Err(error) => Err(error),
        }
    }

    /// Checks a token, its standing and the gate, and notes the use.
    fn check_use(
        &self,
        token: &[u8],
        required: Required<'_>,
        peer: Peer,
        frame: &Frame,
        now: UnixTime,
    ) -> Result<std::result::Result<Principal, Rejected>> {
        let mut buffer = vec![0; token.len().min(MAX_CLAIMS)];
        let facts = match self.read_token(token, frame, now, &mut buffer)? {
            Ok(facts) => facts,
            Err(why) => return Ok(Err(Rejected::unknown(why))),
        };
        let found = self.look_behind(&facts)?;
        let standing = self.check_standing_now(&facts, frame, found.behind())?;
        let decided = standing.and_then(|stands| {
            let wanted = Wanted::Use { granted: &facts.scope, required };
            let Stands { client, subject, grant } = stands;
            let spend = Spend::Verification;
            let meter =
                found.client().and_then(|state| self.meter_of(state, spend, &frame.settings));
            pass(client, &Ask { grant: Some(grant), wanted, subject, peer, meter })
        });
        match decided {
            Ok(permit) => {
                self.gather.note_use(
                    &facts.token_id,
                    &facts.client_id,
                    &facts.credential_id,
                    peer,
                    now,
                );
                Ok(Ok(principal(&facts, &permit)))
            }
            Err(why) => Ok(Err(Rejected {
                why,
                client_id: Some(facts.client_id.into_owned()),
                credential_id: Some(facts.credential_id.into_owned()),
            })),
        }
    }

    /// Reads a token of either form: its signature or digest, its claims.
    pub(super) fn read_token<'b>(
        &self,
        token: &[u8],
        frame: &Frame,
        now: UnixTime,
        buffer: &'b mut [u8],
    ) -> Result<std::result::Result<TokenFacts<'b>, Denied>> {
        let settings = &frame.settings;
        let identity = self.store.identity();
        if opaque_form(token).is_none() {
            let expected = Expected {
                keyring: &frame.keyring,
                issuers: &frame.issuers,
                site: &identity.site,
                issuer: &settings.issuer,
                audience: settings.audience(),
                now,
            };
            return match check_jwt(token, &expected, buffer) {
                Ok(facts) => self.at_home(facts),
                Err(why) => Ok(Err(why)),
            };
        }
        Ok(match self.opaque_row(token)? {
            None => Err(Denied::TokenUnknown),
            Some(row) => {
                check_extra(&row.extra)?;
                facts_of_row(&row, settings.audience())
            }
        })
    }

    /// Another site's token, with the ids that its client has here.
    fn at_home<'b>(
        &self,
        facts: TokenFacts<'b>,
    ) -> Result<std::result::Result<TokenFacts<'b>, Denied>> {
        let Some(issuer) = &facts.issuer else {
            return Ok(Ok(facts));
        };
        let client_id = self.snapshot.foreign_client(&self.store, issuer, &facts.client_id)?;
        Ok(client_id.ok_or(Denied::ClientUnknown).map(|client_id| TokenFacts {
            subject: Cow::Owned(client_id.clone()),
            client_id: Cow::Owned(client_id),
            // A secret of that site is none of ours.
            credential_id: Cow::Borrowed(""),
            ..facts
        }))
    }

    /// The row of an opaque token.
    pub(super) fn opaque_row(&self, token: &[u8]) -> Result<Option<OpaqueTokenRow>> {
        let digest = self.store.identity().keys.digest.opaque_token(token);
        self.store.read(|view| view.opaque_token(&digest))
    }

    /// What the token depends on: its client, and the grant and the user if it names them.
    pub(super) fn look_behind(&self, facts: &TokenFacts<'_>) -> Result<Found> {
        let client = self.snapshot.client(&self.store, &facts.client_id)?;
        let Some(grant_id) = &facts.grant_id else {
            return Ok(Found { client, grant: None, user: None });
        };
        let grant = self.snapshot.grant(&self.store, grant_id)?;
        let user = self.snapshot.user(&self.store, &facts.subject)?;
        Ok(Found { client, grant, user })
    }

    /// Whether neither the token nor anything that it depends on has ended; returns what it is taken to
    /// the gate with.
    pub(super) fn check_standing_now<'s>(
        &self,
        facts: &TokenFacts<'_>,
        frame: &Frame,
        behind: Behind<'s>,
    ) -> Result<std::result::Result<Stands<'s>, Denied>> {
        let revoked = self.snapshot.is_revoked(&facts.token_id);
        let judge = || check_standing(facts, self.time.now(), frame.epoch, behind, revoked);
        let verdict = judge();
        if matches!(verdict, Err(Denied::TokenFromFuture { .. })) && facts.issuer.is_none() {
            // Our own signature says that some process has told that time: the file knows it.
            self.time.follow(&self.store.state()?);
            return Ok(judge());
        }
        Ok(verdict)
    }

    /// Notes a refusal and returns it under a request id.
    fn refuse<T>(&self, refused: &Rejected, peer: Peer, now: UnixTime) -> Result<T> {
        let request = self.mint_request_id(now)?;
        self.gather.note_refusal(&Refusal {
            why: &refused.why,
            client_id: refused.client_id.as_deref(),
            credential_id: refused.credential_id.as_deref(),
            peer,
            request: &request,
        });
        Err(Error::Denied { why: refused.why.clone(), request_id: request.as_str().to_owned() })
    }
}

/// What a token depends on, as the snapshot has it.
pub(super) struct Found {
    client: Option<Arc<ClientState>>,
    grant: Option<Arc<Grant>>,
    user: Option<Arc<UserState>>,
}

impl Found {
    fn client(&self) -> Option<&ClientState> {
        self.client.as_deref()
    }

    pub(super) fn behind(&self) -> Behind<'_> {
        Behind {
            client: self.client.as_deref(),
            grant: self.grant.as_deref(),
            user: self.user.as_deref(),
        }
    }
}

/// A refusal, and whom it concerns as far as a signature or digest proved it.
struct Rejected {
    why: Denied,
    client_id: Option<String>,
    credential_id: Option<String>,
}

impl Rejected {
    const fn unknown(why: Denied) -> Self {
        Self { why, client_id: None, credential_id: None }
    }
}

/// Only who passed the gate is anybody.
fn principal(facts: &TokenFacts<'_>, permit: &Permit<'_>) -> Principal {
    let metadata = &permit.client().metadata;
    Principal {
        client_id: facts.client_id.clone().into_owned(),
        subject: facts.subject.clone().into_owned(),
        kind: match permit.subject() {
            Subject::Client => PrincipalKind::Client,
            Subject::User(_) => PrincipalKind::User,
        },
        token_id: facts.token_id.clone().into_owned(),
        token_format: if facts.is_jwt { TokenFormat::Jwt } else { TokenFormat::Opaque },
        scope: facts.scope_within(permit.client(), permit.subject()),
        issued_at: facts.issued_at,
        expires_at: facts.expires_at,
        host_data: metadata.host_data.clone(),
    }
}
