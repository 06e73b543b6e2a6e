//! Authorization codes: what a user's yes is worth for a minute (RFC 6749 4.1.2).

use crate::base::{Lifetime, Secret, UnixTime};
use crate::domain::client::{Client, GrantType};
use crate::domain::grant::{Grant, insert_grant};
use crate::domain::pkce::{Challenge, check_verifier};
use crate::domain::refresh::first_refresh_token;
use crate::domain::settings::Settings;
use crate::error::{Denied, Error, Result};
use crate::store::{AuditEntry, CodeRow, NO_EXTRA, Tx, View, check_extra};

/// A code that was presented, with the grant that it gives.
pub(crate) struct Code {
    pub(crate) grant: Grant,
    row: CodeRow,
    challenge: Option<Challenge>,
}

/// What a client presents with a code (RFC 6749 4.1.3, RFC 7636 4.5).
pub(crate) struct Redemption {
    pub(crate) code: Secret,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) verifier: Option<Secret>,
}

/// Stores the grant that a user has just given by a decision on the request `request_id`, and the code that its
/// client redeems. The code follows from the request, so that it can be told once more; `entry`
/// says on whose request.
pub(crate) fn give_code(
    tx: &mut Tx<'_>,
    request_id: &str,
    mut grant: Grant,
    redirect_uri: &str,
    challenge: Option<&Challenge>,
    entry: &AuditEntry,
) -> Result<Secret> {
    let code = tx.identity().keys.refresh.code(request_id);
    let expires_at = tx.now().plus(CODE_LIFETIME);
    // Nothing else of it lives yet: a code that nobody redeems takes its grant with it.
    grant.ends_at = expires_at;
    insert_grant(tx, &grant, entry)?;
    tx.insert(&CodeRow {
        digest: tx.identity().keys.digest.opaque_token(code.expose()),
        grant_id: grant.grant_id.as_str().to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        code_challenge: challenge.map(|challenge| challenge.as_str().to_owned()),
        expires_at: expires_at.millis(),
        spent_at: None,
        extra: NO_EXTRA.to_owned(),
    })?;
    Ok(code)
}

/// The code that the decision on a request gave, if nobody has redeemed it. A spent one is not told again: its
/// second use would end what the first one gave.
pub(crate) fn unspent_code(view: &View<'_>, request_id: &str) -> Result<Option<Secret>> {
    let keys = &view.identity().keys;
    let code = keys.refresh.code(request_id);
    let row = view.code(&keys.digest.opaque_token(code.expose()))?;
    Ok(row.filter(|row| row.spent_at.is_none()).map(|_| code))
}

impl Code {
    /// Finds a code by its text.
    pub(crate) fn find(view: &View<'_>, code: &[u8]) -> Result<Option<Self>> {
        let digest = view.identity().keys.digest.opaque_token(code);
        let Some(row) = view.code(&digest)? else {
            return Ok(None);
        };
        check_extra(&row.extra)?;
        let corrupt = |what: &str| Error::Corrupt { what: what.to_owned() };
        let grant = view.grant(&row.grant_id)?;
        let grant = grant.ok_or_else(|| corrupt("an authorization code without its grant"))?;
        let challenge = match &row.code_challenge {
            None => None,
            Some(text) => {
                let challenge = Challenge::parse(text);
                Some(challenge.ok_or_else(|| corrupt("the code_challenge of a code"))?)
            }
        };
        Ok(Some(Self { grant: Grant::from_row(&grant)?, row, challenge }))
    }

    /// Decides whether the client `client_id`, authenticated, may redeem the code now.
    ///
    /// What would not have been a use of the code is not its second use either: a thief without the verifier
    /// ends nobody's session.
    ///
    /// # Errors
    /// [`Denied::CodeSpent`], on which [`crate::domain::revoke_grant`] must follow; and why not.
    pub(crate) fn judge(
        &self,
        client_id: &str,
        redemption: &Redemption,
        now: UnixTime,
    ) -> std::result::Result<(), Denied> {
        // RFC 6749 4.1.3: "ensure that the authorization code was issued to the authenticated confidential
        // client, or if the client is public, ensure that the code was issued to "client_id" in the request".
        if self.grant.client_id != client_id {
            return Err(Denied::CodeForeign);
        }
        // RFC 6749 4.1.3: "ensure that the "redirect_uri" parameter is present if the "redirect_uri"
        // parameter was included in the initial authorization request as described in Section 4.1.1, and if
        // included ensure that their values are identical." Here it always was.
        if redemption.redirect_uri.as_deref() != Some(self.row.redirect_uri.as_str()) {
            return Err(Denied::RedirectUriWrong);
        }
        let verifier = redemption.verifier.as_ref().map(|text| std::str::from_utf8(text.expose()));
        let verifier = verifier.transpose().map_err(|_| Denied::VerifierWrong)?;
        check_verifier(self.challenge.as_ref(), verifier).map_err(|_| Denied::VerifierWrong)?;
        if self.grant.revoked_at.is_some() {
            return Err(Denied::GrantRevoked);
        }
        // RFC 6749 4.1.2: "If an authorization code is used more than once, the authorization server MUST
        // deny the request and SHOULD revoke (when possible) all tokens previously issued based on that
        // authorization code." Also when its minute is over: the second use may be the thief's or not.
        if self.row.spent_at.is_some() {
            return Err(Denied::CodeSpent);
        }
        if now.millis() >= self.row.expires_at { Err(Denied::CodeExpired) } else { Ok(()) }
    }

    /// Spends the code, judged in this transaction, by the secret `credential_id` (empty for a public client),
    /// for an access token that ends at `token_ends_at`; returns the refresh token that comes with it and when
    /// that ends unused, if the client may refresh.
    pub(crate) fn spend(
        mut self,
        tx: &mut Tx<'_>,
        client: &Client,
        settings: &Settings,
        credential_id: String,
        token_ends_at: UnixTime,
    ) -> Result<Option<(Secret, UnixTime)>> {
        let now = tx.now();
        self.row.spent_at = Some(now.millis());
        tx.update(&self.row)?;
        self.grant.credential_id = credential_id;
        self.grant.used_at = now;
        self.grant.ends_at = self.grant.ends_at.max(token_ends_at);
        let refreshes = client.metadata.grant_types.contains(&GrantType::RefreshToken);
        if refreshes {
            self.grant.ends_at = self.grant.ends_at.max(self.grant.expires_at);
        } else {
            // There is nothing to refresh it with.
            self.grant.expires_at = now;
        }
        tx.update(&self.grant.to_row())?;
        if !refreshes {
            return Ok(None);
        }
        let token = first_refresh_token(tx, &self.grant.grant_id)?;
        let idle_until = now.plus(settings.refresh_token_idle_lifetime);
        Ok(Some((token, self.grant.expires_at.min(idle_until))))
    }
}

/// RFC 6749 4.1.2: "A maximum authorization code lifetime of 10 minutes is RECOMMENDED." A redirect takes less
/// than one.
const CODE_LIFETIME: Lifetime = Lifetime::seconds(60);
