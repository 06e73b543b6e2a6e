//! Access tokens: what they say, and whether that still holds.

use crate::base::{Epoch, SiteId, TokenId, UnixTime, encode};
use crate::crypto::{
    Object, Parts, PublicKey, parse_claims, parse_header, split, verify_signature,
};
use crate::domain::authenticate::ClientState;
use crate::domain::client::{Client, GrantType};
use crate::domain::gate::Subject;
use crate::domain::grant::Grant;
use crate::domain::issuer::{FOREIGN_FUTURE_MILLIS, FOREIGN_LIFETIME, Issuer, Issuers};
use crate::domain::keyring::{Key, Keyring};
use crate::domain::scope::Scope;
use crate::domain::user::UserState;
use crate::error::{Denied, Error};
use crate::store::OpaqueTokenRow;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a token of either form says, its signature or digest already checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenFacts<'a> {
    /// The other site that issued it; `None` for a token of ours.
    pub(crate) issuer: Option<Cow<'a, str>>,
    pub(crate) token_id: Cow<'a, str>,
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) subject: Cow<'a, str>,
    /// Empty if a public client obtained it, which has none.
    pub(crate) credential_id: Cow<'a, str>,
    /// The user's grant it came by; `None` if its client obtained it for itself.
    pub(crate) grant_id: Option<Cow<'a, str>>,
    pub(crate) scope: Cow<'a, str>,
    pub(crate) audience: Cow<'a, str>,
    pub(crate) epoch: Epoch,
    pub(crate) client_generation: u64,
    /// 0 where the client is the subject.
    pub(crate) subject_generation: u64,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) is_jwt: bool,
}

impl TokenFacts<'_> {
    /// Its words, less those that were taken from its client's registration or its user since: all that
    /// anybody is told of its scope.
    pub(crate) fn scope_within(&self, client: &Client, subject: Subject<'_>) -> Scope {
        let scope = Scope::printed(self.scope.to_string()).within(&client.metadata.scope);
        match subject {
            Subject::Client => scope,
            Subject::User(state) => scope.within(&state.scope),
        }
    }
}

/// The claims of a JWT access token (RFC 9068 2.2), in the order in which they are printed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims<'a> {
    #[serde(borrow)]
    pub(crate) iss: Cow<'a, str>,
    pub(crate) exp: i64,
    #[serde(borrow)]
    pub(crate) aud: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) sub: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) client_id: Cow<'a, str>,
    pub(crate) iat: i64,
    #[serde(borrow)]
    pub(crate) jti: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) scope: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) wk: Object<Standing<'a>>,
}

/// The private claim `wk`: what the token's life depends on. A later release's member that this one
/// does not know, such as a grant's id, makes this one refuse the token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing<'a> {
    /// The site.
    #[serde(borrow)]
    pub(crate) s: Cow<'a, str>,
    /// The user's grant; absent for client_credentials.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) g: Option<Cow<'a, str>>,
    /// The credential that obtained the token.
    #[serde(borrow)]
    pub(crate) c: Cow<'a, str>,
    /// The epoch.
    #[serde(borrow)]
    pub(crate) e: Cow<'a, str>,
    /// The client's and the subject's generations; the latter 0 where the client is the subject.
    pub(crate) n: (u64, u64),
}

/// What a JWT is checked against.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) issuers: &'a Issuers,
    pub(crate) site: &'a SiteId,
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) now: UnixTime,
}

/// Checks a JWT's text, signature and claims, in the order of conformance 35; `buffer` holds what the facts
/// borrow. Whether it has expired or was revoked is [`check_standing`]'s.
pub(crate) fn check_jwt<'b>(
    token: &[u8],
    expected: &Expected<'_>,
    buffer: &'b mut [u8],
) -> Result<TokenFacts<'b>, Denied> {
    let parts = split(token)?;
    let signer = find_signer(&parts, expected.keyring, expected.issuers, expected.site)?;
    let (key, issuer) = match signer {
        Signer::Own(key) if key.verifies(expected.now) => (&key.public, expected.issuer),
        Signer::Own(_) => return Err(Denied::KeyRetired),
        Signer::Foreign(issuer, key) if issuer.enabled => (key, issuer.issuer.as_str()),
        Signer::Foreign(_, _) => return Err(Denied::IssuerDisabled),
    };
    verify_signature(&parts, key)?;
    let claims: Claims<'b> = parse_claims(parts.decode_claims(buffer)?)?;
    if claims.iss != issuer {
        return Err(Denied::WrongIssuer);
    }
    // RFC 9068 4: "The resource server MUST validate that the "aud" claim contains a resource indicator
    // value corresponding to an identifier the resource server expects for itself."
    if claims.aud != expected.audience {
        return Err(Denied::WrongAudience);
    }
    match signer {
        Signer::Own(_) => claims.into_facts(expected.site),
        Signer::Foreign(issuer, _) => {
            let foreign = Some(claims.iss.clone());
            let facts = claims.into_facts(&issuer.site)?;
            check_foreign(&facts, issuer)?;
            Ok(TokenFacts { issuer: foreign, ..facts })
        }
    }
}

/// What is demanded of another site's token beside what its own site would demand.
fn check_foreign(facts: &TokenFacts<'_>, issuer: &Issuer) -> Result<(), Denied> {
    // Its users are no users of ours.
    if facts.grant_id.is_some() {
        return Err(Denied::GrantNotAllowed);
    }
    if facts.expires_at.since(facts.issued_at) > FOREIGN_LIFETIME.millis() {
        return Err(Denied::BadClaim { claim: "exp" });
    }
    if facts.issued_at <= issuer.since {
        return Err(Denied::IssuerDisabled);
    }
    Ok(())
}

/// Who signed a token.
enum Signer<'a> {
    Own(&'a Key),
    Foreign(&'a Issuer, &'a PublicKey),
}

/// The key that the token names: one of ours, or, if its id is of another site that is known, one of that site's.
fn find_signer<'a>(
    parts: &Parts<'_>,
    keyring: &'a Keyring,
    issuers: &'a Issuers,
    own_site: &SiteId,
) -> Result<Signer<'a>, Denied> {
    if let Some(key) = keyring.by_header(parts.header()) {
        return Ok(Signer::Own(key));
    }
    let header = parse_header(parts.header())?;
    let site = header.kid().site();
    let Some(issuer) = issuers.of_site(site).filter(|_| site != own_site.as_str()) else {
        return find_key(parts, keyring).map(Signer::Own);
    };
    let key = issuer.key(header.kid().as_str()).ok_or(Denied::KeyUnknown)?;
    header.check_algorithm(key.algorithm())?;
    header.check_type()?;
    Ok(Signer::Foreign(issuer, key))
}

/// The key that the token names. Its algorithm is the key's, whatever the token says (RFC 8725 3.1).
fn find_key<'a>(parts: &Parts<'_>, keyring: &'a Keyring) -> Result<&'a Key, Denied> {
    if let Some(key) = keyring.by_header(parts.header()) {
        return Ok(key);
    }
    // Not a header that one of our keys prints: say what is wrong with it.
    let header = parse_header(parts.header())?;
    let key = keyring.by_kid(header.kid().as_str()).ok_or(Denied::KeyUnknown)?;
    header.check_algorithm(key.algorithm)?;
    verify_signature(parts, &key.public)?;
    header.check_type()?;
    Ok(key)
}

impl<'a> Claims<'a> {
    /// Demands that each claim is one that this library prints.
    fn into_facts(self, site: &SiteId) -> Result<TokenFacts<'a>, Denied> {
        let bad = |claim| Denied::BadClaim { claim };
        if !in_range(self.exp) {
            return Err(bad("exp"));
        }
        if !in_range(self.iat) || self.iat > self.exp {
            return Err(bad("iat"));
        }
        let Object(wk) = self.wk;
        if wk.s != site.as_str() {
            return Err(bad("wk"));
        }
        if !is_token_id(&self.jti, site) {
            return Err(bad("jti"));
        }
        if !subject_is_sound(&self.sub, &self.client_id, wk.g.as_deref(), wk.n.1) {
            return Err(bad("sub"));
        }
        Ok(TokenFacts {
            issuer: None,
            epoch: Epoch::parse(&wk.e).ok_or(bad("wk"))?,
            token_id: self.jti,
            client_id: self.client_id,
            subject: self.sub,
            credential_id: wk.c,
            grant_id: wk.g,
            scope: self.scope,
            audience: self.aud,
            client_generation: wk.n.0,
            subject_generation: wk.n.1,
            issued_at: UnixTime::from_seconds(self.iat),
            expires_at: UnixTime::from_seconds(self.exp),
            is_jwt: true,
        })
    }
}

/// Whether the subject is the client itself, or somebody who gave it a grant.
fn subject_is_sound(
    subject: &str,
    client_id: &str,
    grant_id: Option<&str>,
    generation: u64,
) -> bool {
    match grant_id {
        None => subject == client_id && generation == 0,
        Some(grant_id) => encode::is_base64url(grant_id, 22) && subject.starts_with("usr_"),
    }
}

/// Whether a time claim is one that can be printed.
fn in_range(seconds: i64) -> bool {
    (0..=UnixTime::MAX.seconds()).contains(&seconds)
}

/// Whether `jti` is one that this library prints at `site`; allocates nothing, for verification asks it.
fn is_token_id(jti: &str, site: &SiteId) -> bool {
    let unique = jti.strip_prefix(site.as_str()).and_then(|rest| rest.strip_prefix('.'));
    unique.is_some_and(|unique| encode::is_base64url(unique, 22))
}

/// The facts of an opaque token. Whether it has expired or was revoked is [`check_standing`]'s.
pub(crate) fn facts_of_row(
    row: &OpaqueTokenRow,
    audience: &str,
) -> Result<TokenFacts<'static>, Denied> {
    if row.audience != audience {
        return Err(Denied::WrongAudience);
    }
    let grant_id = row.grant_id.as_deref();
    if !subject_is_sound(&row.subject, &row.client_id, grant_id, row.subject_generation) {
        return Err(Denied::BadClaim { claim: "sub" });
    }
    Ok(TokenFacts {
        issuer: None,
        token_id: Cow::Owned(row.token_id.clone()),
        client_id: Cow::Owned(row.client_id.clone()),
        subject: Cow::Owned(row.subject.clone()),
        credential_id: Cow::Owned(row.credential_id.clone()),
        grant_id: row.grant_id.clone().map(Cow::Owned),
        scope: Cow::Owned(row.scope.clone()),
        audience: Cow::Owned(row.audience.clone()),
        epoch: Epoch::from_bytes(row.epoch),
        client_generation: row.client_generation,
        subject_generation: row.subject_generation,
        issued_at: UnixTime::from_millis(row.issued_at),
        expires_at: UnixTime::from_millis(row.expires_at),
        is_jwt: false,
    })
}

/// What a token depends on, as far as it is there.
#[derive(Clone, Copy)]
pub(crate) struct Behind<'s> {
    pub(crate) client: Option<&'s ClientState>,
    /// The grant that the token names, and its user; `None` for a token that names none.
    pub(crate) grant: Option<&'s Grant>,
    pub(crate) user: Option<&'s UserState>,
}

/// What a token that stands can be taken to the gate with.
pub(crate) struct Stands<'s> {
    pub(crate) client: &'s Client,
    pub(crate) subject: Subject<'s>,
    pub(crate) grant: GrantType,
}

/// Whether the token has its time, and nothing that it depends on has been ended since it was issued.
///
/// `revoked` says whether the token itself was. `now` must have been read after `revoked`: a revocation is
/// forgotten when its token has expired, and a thread that was held up in between would see neither.
pub(crate) fn check_standing<'s>(
    facts: &TokenFacts<'_>,
    now: UnixTime,
    epoch: Epoch,
    behind: Behind<'s>,
    revoked: bool,
) -> Result<Stands<'s>, Denied> {
    if let Some(issuer) = &facts.issuer {
        check_times(facts, now, FOREIGN_FUTURE_MILLIS)?;
        let client = check_foreign_client(facts, issuer, behind.client)?;
        let (subject, grant) = (Subject::Client, GrantType::ClientCredentials);
        let stands = Stands { client, subject, grant };
        return if revoked { Err(Denied::TokenRevoked) } else { Ok(stands) };
    }
    check_times(facts, now, FUTURE_MILLIS)?;
    if facts.epoch != epoch {
        return Err(Denied::EpochEnded);
    }
    let state = behind.client.ok_or(Denied::ClientUnknown)?;
    // A generation is compared for equality: an id that was deleted and registered again has another.
    if state.client.generation.0 != facts.client_generation {
        return Err(Denied::ClientTokensRevoked);
    }
    state.check_obtained(&facts.credential_id)?;
    let client = &state.client;
    let (subject, grant) = match &facts.grant_id {
        None => (Subject::Client, GrantType::ClientCredentials),
        Some(_) => {
            let (user, grant) = check_grant(facts, behind)?;
            // Whichever secret refreshed it: revoking the one that redeemed the code ends all that followed.
            state.check_obtained(&grant.credential_id)?;
            (Subject::User(user), grant.kind)
        }
    };
    if revoked { Err(Denied::TokenRevoked) } else { Ok(Stands { client, subject, grant }) }
}

/// The other site's epochs, generations and secrets say nothing here. What stands for them: the client is registered
/// as a client of that very site, and since then nobody has ended its tokens.
fn check_foreign_client<'s>(
    facts: &TokenFacts<'_>,
    issuer: &str,
    state: Option<&'s ClientState>,
) -> Result<&'s Client, Denied> {
    let client = &state.ok_or(Denied::ClientUnknown)?.client;
    let foreign = client.foreign.as_ref().filter(|foreign| foreign.issuer == issuer);
    let foreign = foreign.ok_or(Denied::ClientUnknown)?;
    if facts.issued_at <= foreign.since { Err(Denied::ClientTokensRevoked) } else { Ok(client) }
}

/// The grant it names must live, and be this user's to this client; and the user must be who they were.
fn check_grant<'s>(
    facts: &TokenFacts<'_>,
    behind: Behind<'s>,
) -> Result<(&'s UserState, &'s Grant), Denied> {
    let named = |grant: &&Grant| {
        facts.grant_id.as_deref() == Some(grant.grant_id.as_str())
            && grant.client_id == facts.client_id
            && grant.subject == facts.subject
    };
    let grant = behind.grant.filter(named).ok_or(Denied::GrantUnknown)?;
    if grant.revoked_at.is_some() {
        return Err(Denied::GrantRevoked);
    }
    let is_subject = |state: &&UserState| state.user.user_id.as_str() == facts.subject;
    let state = behind.user.filter(is_subject).ok_or(Denied::UserUnknown)?;
    if state.user.generation.0 != facts.subject_generation {
        return Err(Denied::UserTokensRevoked);
    }
    Ok((state, grant))
}

/// RFC 7519 4.1.4: "The "exp" claim identifies the expiration time on or after which the JWT MUST NOT be
/// accepted for processing." There is no leeway: issuer and verifier share one clock.
fn check_times(facts: &TokenFacts<'_>, now: UnixTime, ahead: i64) -> Result<(), Denied> {
    let (issued_at, expires_at) = (facts.issued_at, facts.expires_at);
    if now >= expires_at {
        return Err(Denied::TokenExpired { now: now.millis(), expires_at: expires_at.millis() });
    }
    if issued_at > now.plus_millis(ahead) {
        return Err(Denied::TokenFromFuture { now: now.millis(), starts_at: issued_at.millis() });
    }
    Ok(())
}

/// Which token a text is, whatever it is worth by now: all that is needed to revoke it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedToken {
    pub(crate) token_id: TokenId,
    /// The other site that issued it; `None` for a token of ours.
    pub(crate) issuer: Option<String>,
    /// Whose it is, as its issuer calls them.
    pub(crate) client_id: String,
    pub(crate) expires_at: UnixTime,
}

/// Finds out which token a JWT is, by the signature of any key that this database ever had.
///
/// Neither time nor issuer, audience, epoch or the client's standing is asked, nor whether the key still
/// verifies. Each of them may be otherwise tomorrow: the clock is set right, the issuer set back, another
/// process has another time. Who has revoked a token must be able to rely on it then too.
pub(crate) fn name_jwt(
    token: &[u8],
    keyring: &Keyring,
    issuers: &Issuers,
    site: &SiteId,
    buffer: &mut [u8],
) -> Result<NamedToken, Denied> {
    let parts = split(token)?;
    let (key, site, issuer) = match find_signer(&parts, keyring, issuers, site)? {
        Signer::Own(key) => (&key.public, site, None),
        Signer::Foreign(issuer, key) => (key, &issuer.site, Some(issuer.issuer.clone())),
    };
    verify_signature(&parts, key)?;
    let claims: NameClaims<'_> = parse_claims(parts.decode_claims(buffer)?)?;
    let bad = |claim| Denied::BadClaim { claim };
    if !in_range(claims.exp) {
        return Err(bad("exp"));
    }
    let token_id = TokenId::parse(&claims.jti).filter(|_| is_token_id(&claims.jti, site));
    Ok(NamedToken {
        issuer,
        token_id: token_id.ok_or(bad("jti"))?,
        client_id: claims.client_id.into_owned(),
        expires_at: UnixTime::from_seconds(claims.exp),
    })
}

/// The claims that name a token. Others may stand beside them: what a later release says of its tokens
/// makes them invalid here, and no less revocable.
#[derive(Deserialize)]
struct NameClaims<'a> {
    exp: i64,
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
}

/// Which opaque token a row is. That it was found is enough: its digest is that of the text.
///
/// # Errors
/// [`Error::Corrupt`] for a row whose id is none.
pub(crate) fn name_row(row: OpaqueTokenRow) -> crate::error::Result<NamedToken> {
    let token_id = TokenId::parse(&row.token_id);
    let corrupt = || Error::Corrupt { what: "the id of an opaque token".to_owned() };
    Ok(NamedToken {
        issuer: None,
        token_id: token_id.ok_or_else(corrupt)?,
        client_id: row.client_id,
        expires_at: UnixTime::from_millis(row.expires_at),
    })
}

/// Two processes may read the time a moment apart.
const FUTURE_MILLIS: i64 = 10_000;
