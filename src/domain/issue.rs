//! Issuing an access token: decided, signed, recorded.

use crate::base::{CredentialId, Epoch, GrantId, Lifetime, SiteId, TokenId, UnixTime};
use crate::crypto::{self, Algorithm, Object};
use crate::domain::client::{Client, TokenFormat, TokenTypeCase};
use crate::domain::dialect::Habits;
use crate::domain::gate::{Permit, Subject};
use crate::domain::keyring::Key;
use crate::domain::scope::Scope;
use crate::domain::settings::Settings;
use crate::domain::token::{Claims, Standing};
use crate::error::{Error, Result};
use crate::store::{AuditEntry, Identity, NO_EXTRA, OpaqueTokenRow, Tx};
use std::borrow::Cow;

/// An access token that was issued, and what its response says.
pub(crate) struct Issued {
    /// The token itself: a secret until it expires.
    pub(crate) access_token: crate::base::Secret,
    pub(crate) scope: Scope,
    pub(crate) expires_at: UnixTime,
    pub(crate) token_type_case: TokenTypeCase,
    /// The token to refresh it with, and when that ends if nobody uses it.
    pub(crate) refresh: Option<(crate::base::Secret, UnixTime)>,
}

/// How a token will be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) algorithm: Algorithm,
    pub(crate) format: TokenFormat,
    pub(crate) lifetime: Lifetime,
    pub(crate) token_type_case: TokenTypeCase,
}

/// The client's own wishes first, then the dialect's habits, then the settings.
pub(crate) fn plan(client: &Client, habits: Habits, settings: &Settings) -> Plan {
    let metadata = &client.metadata;
    Plan {
        algorithm: metadata.algorithm.or(habits.algorithm).unwrap_or(settings.algorithm),
        format: metadata.token_format.or(habits.token_format).unwrap_or(settings.token_format),
        lifetime: metadata
            .access_token_lifetime
            .or(habits.lifetime)
            .unwrap_or(settings.access_token_lifetime),
        token_type_case: metadata
            .token_type_case
            .or(habits.token_type_case)
            .unwrap_or(TokenTypeCase::Upper),
    }
}

/// A token that is made but not yet recorded: nobody may see it before [`record`] has committed.
pub(crate) struct Ticket {
    pub(crate) issued: Issued,
    entry: AuditEntry,
    row: Option<OpaqueTokenRow>,
    /// What a change of must throw the ticket away.
    client_id: String,
    /// The user, if it is for one, and their grant.
    user_id: Option<String>,
    grant_id: Option<String>,
    /// The change sequence that it was decided under.
    decided_at: u64,
}

/// What a token is made from besides its permit.
pub(crate) struct Making<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) settings: &'a Settings,
    pub(crate) plan: Plan,
    /// The key that signs; `None` for an opaque token.
    pub(crate) key: Option<&'a Key>,
    /// The secret that obtained it; a public client has none.
    pub(crate) credential_id: Option<CredentialId>,
    /// The user's grant it comes by, if it is for a user.
    pub(crate) grant_id: Option<GrantId>,
    pub(crate) epoch: Epoch,
    pub(crate) now: UnixTime,
    /// The change sequence of the snapshot that the permit was decided on.
    pub(crate) sequence: u64,
    /// The audit row so far: request, peer, correlation.
    pub(crate) entry: AuditEntry,
}

impl Making<'_> {
    /// As tokens name it: empty where there is none.
    fn credential_id(&self) -> &str {
        self.credential_id.as_ref().map_or("", CredentialId::as_str)
    }
}

impl Ticket {
    /// Makes a token for a permit. Outside the write lock: signing takes longer than a commit may.
    pub(crate) fn make(permit: Permit<'_>, making: Making<'_>) -> Result<Self> {
        let client = permit.client();
        let grant = permit.grant().ok_or(Error::Internal { what: "a token without a grant" })?;
        let subject = permit.subject();
        let for_user = matches!(subject, Subject::User(_));
        let user_id = match subject {
            Subject::Client => None,
            Subject::User(state) => Some(state.user.user_id.as_str().to_owned()),
        };
        if for_user != making.grant_id.is_some() || (!for_user && making.credential_id.is_none()) {
            return Err(Error::Internal { what: "a token that nobody obtained" });
        }
        let scope = permit.into_scope();
        let entropy = making.identity.entropy.as_ref();
        let token_id = TokenId::mint(&making.identity.site, entropy)?;
        // A JWT's times are whole seconds; so are an opaque token's, to live as long.
        let issued_at = UnixTime::from_seconds(making.now.seconds());
        let expires_at = issued_at.plus(making.plan.lifetime);
        let facts =
            Facts { client, subject, token_id: &token_id, scope: &scope, issued_at, expires_at };
        let (access_token, row) = match making.plan.format {
            TokenFormat::Jwt => (sign(&facts, &making)?, None),
            TokenFormat::Opaque => opaque(crypto::mint_opaque_base64url(entropy)?, &facts, &making),
            TokenFormat::OpaqueHex => opaque(crypto::mint_opaque_hex(entropy)?, &facts, &making),
        };
        let entry = AuditEntry {
            event: "token.issue",
            outcome: "allowed",
            client: Some(client.client_id.as_str().to_owned()),
            credential: making.credential_id.as_ref().map(|id| id.as_str().to_owned()),
            user: user_id.clone(),
            grant_id: making.grant_id.as_ref().map(|id| id.as_str().to_owned()),
            token: Some(token_id.as_str().to_owned()),
            scope: Some(scope.as_str().to_owned()),
            grant: Some(grant.as_str()),
            format: Some(making.plan.format.as_str()),
            expires_at: Some(expires_at.millis()),
            ..making.entry
        };
        Ok(Self {
            issued: Issued {
                access_token,
                scope,
                expires_at,
                token_type_case: making.plan.token_type_case,
                refresh: None,
            },
            entry,
            row,
            client_id: client.client_id.as_str().to_owned(),
            user_id,
            grant_id: making.grant_id.map(|id| id.as_str().to_owned()),
            decided_at: making.sequence,
        })
    }
}

impl Ticket {
    /// With one more detail in its audit row.
    pub(crate) fn noting(mut self, name: &'static str, value: &str) -> Self {
        self.entry.detail.insert(name, value.to_owned());
        self
    }

    /// The client and the credential that the token is for.
    pub(crate) fn holder(&self) -> (String, String) {
        (self.client_id.clone(), self.entry.credential.clone().unwrap_or_default())
    }
}

/// Whether anything that the ticket was decided on has changed since; then it must be thrown away.
pub(crate) fn stale(tx: &Tx<'_>, ticket: &Ticket) -> Result<bool> {
    if tx.next_sequence() == ticket.decided_at + 1 {
        return Ok(false);
    }
    let Some(changes) = tx.view().changes_after(ticket.decided_at)? else {
        // The log no longer tells what happened: assume the worst.
        return Ok(true);
    };
    Ok(changes.iter().any(|change| match change.kind.as_str() {
        // These concern one client; a credential's change is logged under its client.
        "client" | "credential" => change.id == ticket.client_id,
        // A token revoked by itself concerns no other token, a new catalogue word no client, another site
        // no token of ours.
        "token" | "scope" | "issuer" => false,
        "user" => ticket.user_id.as_ref() == Some(&change.id),
        "role" => ticket.user_id.is_some(),
        "grant" => ticket.grant_id.as_ref() == Some(&change.id),
        // The keys, the settings, the epoch, the clock, and whatever a later release adds.
        _ => true,
    }))
}

/// Records the token in the transaction that makes it valid: its audit row, and its own if it is opaque.
pub(crate) fn record(tx: &mut Tx<'_>, ticket: Ticket) -> Result<Issued> {
    if let Some(row) = &ticket.row {
        tx.insert(row)?;
    }
    tx.note_expiry(ticket.issued.expires_at);
    tx.audit(&ticket.entry)?;
    Ok(ticket.issued)
}

/// What both forms of a token say.
struct Facts<'a> {
    client: &'a Client,
    subject: Subject<'a>,
    token_id: &'a TokenId,
    scope: &'a Scope,
    issued_at: UnixTime,
    expires_at: UnixTime,
}

impl Facts<'_> {
    fn subject_id(&self) -> &str {
        match self.subject {
            Subject::Client => self.client.client_id.as_str(),
            Subject::User(state) => state.user.user_id.as_str(),
        }
    }

    const fn subject_generation(&self) -> u64 {
        match self.subject {
            Subject::Client => 0,
            Subject::User(state) => state.user.generation.0,
        }
    }
}

/// RFC 9068 2.2. The subject of client_credentials is the client itself.
fn sign(facts: &Facts<'_>, making: &Making<'_>) -> Result<crate::base::Secret> {
    let key = making.key.ok_or(Error::Internal { what: "a JWT without a key" })?;
    let client_id = facts.client.client_id.as_str();
    let site: &SiteId = &making.identity.site;
    let epoch = making.epoch.text();
    let claims = Claims {
        iss: Cow::Borrowed(&making.settings.issuer),
        exp: facts.expires_at.seconds(),
        aud: Cow::Borrowed(making.settings.audience()),
        sub: Cow::Borrowed(facts.subject_id()),
        client_id: Cow::Borrowed(client_id),
        iat: facts.issued_at.seconds(),
        jti: Cow::Borrowed(facts.token_id.as_str()),
        scope: Cow::Borrowed(facts.scope.as_str()),
        wk: Object(Standing {
            s: Cow::Borrowed(site.as_str()),
            g: making.grant_id.as_ref().map(|id| Cow::Borrowed(id.as_str())),
            c: Cow::Borrowed(making.credential_id()),
            e: Cow::Borrowed(&epoch),
            n: (facts.client.generation.0, facts.subject_generation()),
        }),
    };
    let token = crypto::sign(key.private()?, &key.header, &claims)?;
    Ok(crate::base::Secret::new(token.into_bytes()))
}

fn opaque(
    token: crate::base::Secret,
    facts: &Facts<'_>,
    making: &Making<'_>,
) -> (crate::base::Secret, Option<OpaqueTokenRow>) {
    let client_id = facts.client.client_id.as_str();
    let row = OpaqueTokenRow {
        digest: making.identity.keys.digest.opaque_token(token.expose()),
        token_id: facts.token_id.as_str().to_owned(),
        client_id: client_id.to_owned(),
        subject: facts.subject_id().to_owned(),
        credential_id: making.credential_id().to_owned(),
        grant_id: making.grant_id.as_ref().map(|id| id.as_str().to_owned()),
        scope: facts.scope.as_str().to_owned(),
        audience: making.settings.audience().to_owned(),
        epoch: making.epoch.bytes(),
        client_generation: facts.client.generation.0,
        subject_generation: facts.subject_generation(),
        issued_at: facts.issued_at.millis(),
        expires_at: facts.expires_at.millis(),
        extra: NO_EXTRA.to_owned(),
    };
    (token, Some(row))
}
