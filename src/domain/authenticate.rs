//! Whether a client is who it says it is.

use crate::base::{ClientId, CredentialId, Secret, UnixTime};
use crate::crypto::password::{self, Limiter};
use crate::crypto::{self, DigestKey};
use crate::domain::client::{AuthMethod, Client};
use crate::domain::credential::{Credential, CredentialKind};
use crate::error::{Denied, Result};

/// A client and its secrets, as one consistent read had them.
#[derive(Debug)]
pub(crate) struct ClientState {
    pub(crate) client: Client,
    pub(crate) credentials: Vec<Credential>,
}

impl ClientState {
    /// The client's credential `credential_id`.
    pub(crate) fn credential(&self, credential_id: &str) -> Option<&Credential> {
        self.credentials.iter().find(|known| known.credential_id.as_str() == credential_id)
    }
}

/// A client id and perhaps a secret, as a request presents them.
pub(crate) struct Presented {
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    /// How they were presented; `None` when the host passed them itself.
    pub(crate) method: Option<AuthMethod>,
}

impl Presented {
    /// Refuses what no client can have, before anything looks it up (wire 7).
    pub(crate) fn check(&self) -> std::result::Result<(), Denied> {
        let control = |bytes: &[u8]| bytes.iter().any(|byte| *byte < 0x20 || *byte == 0x7f);
        let secret = self.secret.as_ref().map_or(&[][..], Secret::expose);
        let sound = !self.client_id.is_empty()
            && self.client_id.len() <= ClientId::MAX_LENGTH
            && secret.len() <= SECRET_LIMIT
            && !control(self.client_id.as_bytes())
            && !control(secret);
        if sound { Ok(()) } else { Err(Denied::CredentialMalformed) }
    }
}

/// A client that proved who it is.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// The secret it proved it with; `None` for a public client, which proves nothing.
    pub(crate) credential_id: Option<CredentialId>,
}

/// A client that did not, and what is known of it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) why: Denied,
    /// The secret that was recognised, if one was: whose leaked secret somebody tries.
    pub(crate) credential_id: Option<CredentialId>,
}

impl From<Denied> for Refused {
    fn from(why: Denied) -> Self {
        Self { why, credential_id: None }
    }
}

/// Decides whether `presented` proves the client in `state`, `None` for an id that nobody has.
///
/// # Errors
/// [`crate::Error::Overloaded`] when too many imported secrets are being checked at once.
pub(crate) fn authenticate(
    state: Option<&ClientState>,
    presented: &Presented,
    digest_key: &DigestKey,
    limiter: &Limiter,
    now: UnixTime,
) -> Result<std::result::Result<Proven, Refused>> {
    if let Err(why) = presented.check() {
        return Ok(Err(why.into()));
    }
    // Computed also for ids that nobody has: they cost what a generated secret costs.
    let digest = presented.secret.as_ref().map(|secret| digest_key.client_secret(secret.expose()));
    let Some(state) = state else {
        return Ok(Err(Denied::ClientUnknown.into()));
    };
    let metadata = &state.client.metadata;
    if let (Some(pinned), Some(method)) = (metadata.token_endpoint_auth_method, presented.method)
        && pinned != method
    {
        return Ok(Err(Denied::AuthenticationMethod.into()));
    }
    if metadata.is_public() {
        return Ok(Ok(Proven { credential_id: None }));
    }
    let (Some(secret), Some(digest)) = (&presented.secret, digest) else {
        return Ok(Err(Denied::SecretMissing.into()));
    };
    let Some(credential) = recognise(&state.credentials, secret, &digest, limiter, now)? else {
        return Ok(Err(Denied::SecretWrong.into()));
    };
    let credential_id = Some(credential.credential_id.clone());
    Ok(match credential.check_usable(now) {
        Ok(()) => Ok(Proven { credential_id }),
        Err(why) => Err(Refused { why, credential_id }),
    })
}

/// The credential that `secret` is, usable or not.
fn recognise<'a>(
    credentials: &'a [Credential],
    secret: &Secret,
    digest: &[u8; 32],
    limiter: &Limiter,
    now: UnixTime,
) -> Result<Option<&'a Credential>> {
    let mut found = None;
    for credential in credentials {
        // All are compared, each in constant time: the time tells nothing about which one it was.
        if let CredentialKind::Generated(stored) = &credential.kind
            && crypto::equal(stored, digest)
        {
            found = Some(credential);
        }
    }
    // A generated secret is never stored as a hash, so there is nothing to try it against.
    if found.is_some() || crypto::looks_generated(secret.expose()) {
        return Ok(found);
    }
    for credential in credentials {
        // A hash costs a clinic's server milliseconds: none is spent on a secret that has ended.
        if let CredentialKind::Imported(phc) = &credential.kind
            && credential.check_usable(now).is_ok()
        {
            let permit = limiter.permit()?;
            if password::verify(&permit, phc, secret.expose())? {
                return Ok(Some(credential));
            }
        }
    }
    Ok(None)
}

/// Longest secret taken: an imported one may be any passphrase.
const SECRET_LIMIT: usize = 1024;
