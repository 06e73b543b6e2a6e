//! `wardkey client rotate`: a new secret in place of an old one.

use crate::client;
use crate::failure::Failure;
use crate::out::Out;
use crate::secret;
use crate::session::Session;
use crate::when;
use clap::Args;
use wardkey::admin::{SecretDocument, SecretRotate};

/// Give a client a new secret in place of an old one, which ends by itself; shown this once
///
/// Both are valid during the overlap, and what the old one obtained lives on. To end a secret that somebody
/// else has, with all that it obtained: `wardkey secret revoke`.
#[derive(Args)]
pub(crate) struct Rotate {
    /// The client
    client: String,
    /// The old secret's id [default: the only one that is valid]
    #[arg(long, value_name = "ID")]
    secret_id: Option<String>,
    /// How long both are valid: 14d, 12h, 0
    #[arg(long, value_name = "LENGTH", default_value = "14d")]
    overlap: String,
    /// What people call the new one [default: what they call the old one]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// When the new one ends: 365d, 2027-01-01 [default: when it is revoked]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

impl Rotate {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        let overlap = when::parse_length(&self.overlap)
            .map_err(|why| Failure::usage(format!("--overlap {why}")))?;
        let rotated = session.run(SecretRotate {
            client_id: client::id(session, &self.client)?,
            credential_id: self.secret_id,
            overlap: Some(overlap),
            label: self.label,
            expires_at: secret::time(self.expires, session)?,
        })?;
        out.answer(&rotated, || {
            let (new, old) = (&rotated.created, &rotated.replaced);
            out.value("secret_id", &new.secret.credential_id)?;
            out.value("replaces", &format!("{}, {}", old.credential_id, end(old, session)))?;
            secret::show_once(&new.client_secret, out)?;
            out.note(&format!("Who still uses the old one: wardkey secret list {}", old.client_id));
            Ok(())
        })
    }
}

/// When the old one ends, or that it has.
fn end(old: &SecretDocument, session: &Session) -> String {
    match old.expires_at {
        _ if old.revoked_at.is_some() => "which was revoked before".to_owned(),
        Some(until) if until > session.now().seconds() => {
            format!("which ends by itself at {}", when::shown(until))
        }
        Some(_) | None => "which has ended".to_owned(),
    }
}
