//! Single tokens: what one is worth now, and ending one.

use crate::admin::{Done, TokenDocument, TokenIntrospect, TokenRevoke};
use crate::base::{TokenId, UnixTime};
use crate::crypto::{self, MAX_CLAIMS, opaque_form};
use crate::domain::{
    self, Actor, FOREIGN_FUTURE_MILLIS, FOREIGN_LIFETIME, NamedToken, TokenFacts, examine,
    name_jwt, name_row,
};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::engine::snapshot::Frame;
use crate::error::{Denied, Error, Result};
use std::borrow::Cow;

impl Engine {
    /// What an active token says, its scope as its client may still have it; or why it is not active.
    ///
    /// RFC 7662 4: "Since resource servers using token introspection rely on the authorization server to
    /// determine the state of a token, the authorization server MUST perform all applicable checks against
    /// a token's state." Those are the checks of [`Engine::verify`] but for where the token comes from.
    pub(super) fn introspect<'b>(
        &self,
        token: &[u8],
        frame: &Frame,
        now: UnixTime,
        buffer: &'b mut [u8],
    ) -> Result<std::result::Result<TokenFacts<'b>, Denied>> {
        let facts = match self.read_token(token, frame, now, buffer)? {
            Ok(facts) => facts,
            Err(why) => return Ok(Err(why)),
        };
        let found = self.look_behind(&facts)?;
        let active = self
            .check_standing_now(&facts, frame, found.behind())?
            .and_then(|stands| examine(stands.client, stands.subject, stands.grant, &facts.scope));
        Ok(active.map(|active| {
            let scope = facts.scope_within(active.client(), active.subject());
            TokenFacts { scope: Cow::Owned(scope.as_str().to_owned()), ..facts }
        }))
    }

    /// Which token of this database a text is, whatever it is worth by now.
    pub(super) fn name_token(
        &self,
        token: &[u8],
        frame: &Frame,
    ) -> Result<std::result::Result<NamedToken, Denied>> {
        if opaque_form(token).is_none() {
            let mut buffer = vec![0; token.len().min(MAX_CLAIMS)];
            let site = &self.store.identity().site;
            let named = name_jwt(token, &frame.keyring, &frame.issuers, site, &mut buffer);
            return match named {
                Ok(named) => self.named_at_home(named),
                Err(why) => Ok(Err(why)),
            };
        }
        self.opaque_row(token)?.map_or(Ok(Err(Denied::TokenUnknown)), |row| name_row(row).map(Ok))
    }

    /// Another site's token, with the id that its client has here; nobody's if it has none.
    fn named_at_home(&self, named: NamedToken) -> Result<std::result::Result<NamedToken, Denied>> {
        let Some(issuer) = &named.issuer else {
            return Ok(Ok(named));
        };
        let client_id = self.snapshot.foreign_client(&self.store, issuer, &named.client_id)?;
        Ok(client_id
            .map(|client_id| NamedToken { client_id, ..named })
            .ok_or(Denied::ClientUnknown))
    }

    /// Until when the revocation of a token is kept of which only the id is known; `None`: until the last token of
    /// this database has ended.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] for an id of a site that is not known.
    fn kept_until(&self, token_id: &TokenId, now: UnixTime) -> Result<Option<UnixTime>> {
        let site = token_id.as_str().split('.').next().unwrap_or_default();
        if site == self.store.identity().site.as_str() {
            return Ok(None);
        }
        let (frame, _) = self.current()?;
        if frame.issuers.of_site(site).is_none() {
            let why = "must be a token id of this database, or of a trusted one: its site, a dot, \
                       22 characters";
            return Err(Error::document("jti", why));
        }
        Ok(Some(now.plus(FOREIGN_LIFETIME).plus_millis(FOREIGN_FUTURE_MILLIS)))
    }
}

administer!(TokenRevoke, |request, engine, actor, now| {
    if let (Some(token), None) = (&request.token, &request.jti)
        && crypto::is_refresh_token(token.expose().as_bytes())
    {
        engine.revoke_refresh_token(token.expose().as_bytes(), actor, now)?;
        return Ok(Done::default());
    }
    let mut entry = actor.did("token.revoke");
    let (token_id, expires_at) = match (&request.token, &request.jti) {
        (Some(token), None) => {
            let (frame, _) = engine.current()?;
            let named = engine
                .name_token(token.expose().as_bytes(), &frame)?
                .map_err(|why| Error::document("token", why.to_string()))?;
            entry.client = Some(named.client_id);
            (named.token_id, Some(named.expires_at))
        }
        (None, Some(jti)) => {
            let why = "must be a token id of this database: its site, a dot, 22 characters";
            let token_id = TokenId::parse(jti).ok_or_else(|| Error::document("jti", why))?;
            let kept_until = engine.kept_until(&token_id, now)?;
            (token_id, kept_until)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::document(".", "must have either `token` or `jti`"));
        }
    };
    engine.secure(now, move |tx| domain::revoke_token(tx, &token_id, expires_at, entry))?;
    Ok(Done::default())
});

administer!(TokenIntrospect, |request, engine, _actor, _now| {
    let token = request.token.expose().as_bytes();
    let mut buffer = vec![0; token.len().min(MAX_CLAIMS)];
    let (frame, now) = engine.current()?;
    let facts = match engine.introspect(token, &frame, now, &mut buffer)? {
        Ok(facts) => facts,
        Err(why) => return Ok(inactive(&why)),
    };
    let issuer = facts.issuer.map_or_else(|| frame.settings.issuer.clone(), Cow::into_owned);
    Ok(TokenDocument {
        active: true,
        scope: Some(facts.scope.into_owned()),
        client_id: Some(facts.client_id.into_owned()),
        sub: Some(facts.subject.into_owned()),
        aud: Some(facts.audience.into_owned()),
        iss: Some(issuer),
        exp: Some(facts.expires_at.seconds()),
        iat: Some(facts.issued_at.seconds()),
        jti: Some(facts.token_id.into_owned()),
        credential_id: Some(facts.credential_id.into_owned()),
        ..TokenDocument::default()
    })
});

fn inactive(why: &Denied) -> TokenDocument {
    TokenDocument {
        reason: Some(why.code()),
        reason_description: Some(why.to_string()),
        ..TokenDocument::default()
    }
}
