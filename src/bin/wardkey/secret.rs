//! `wardkey secret`: the secrets of clients.

use crate::client;
use crate::failure::Failure;
use crate::input::Input;
use crate::metadata::nullable;
use crate::out::{Out, counted};
use crate::session::Session;
use crate::when;
use clap::{Args, Subcommand};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use wardkey::UnixTime;
use wardkey::admin::{
    SecretConfirm, SecretCreate, SecretDocument, SecretExpiring, SecretImport, SecretList,
    SecretRevoke, SecretUpdate,
};

/// The secrets of clients
///
/// A new secret in place of an old one: `wardkey client rotate`. CLIENT is a client's id, or its name if no other has
/// it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Give a client one more secret; it is shown this once
    Add {
        /// The client
        client: String,
        /// What people call it
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// From when it is valid: a time, or a length of time from now [default: at once]
        #[arg(long, value_name = "TIME")]
        not_before: Option<String>,
        /// When it ends: 365d, 2027-01-01 [default: when it is revoked]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Give a client a secret that it has in another system
    Import {
        /// The client
        client: String,
        /// Read it from the first line of this file instead of a prompt or standard input
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// What people call it
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// When it ends [default: when it is revoked]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List a client's secrets, from where each was used, and who still uses an old one
    List {
        /// The client
        client: String,
    },
    /// List the secrets of all clients that will end, the soonest first
    Expiring {
        /// Only those that end within this time: 90d [default: all that have an end]
        #[arg(long, value_name = "LENGTH")]
        within: Option<String>,
    },
    /// Give a secret another label or another end; what it obtained is not touched
    Edit {
        /// The client
        client: String,
        /// The secret's id
        secret_id: String,
        #[command(flatten)]
        change: Change,
    },
    /// End one secret and every token that it obtained; the client's others live on
    Revoke {
        /// The client
        client: String,
        /// The secret's id, which is no secret: see `wardkey secret list`
        secret_id: String,
    },
    /// Trust secrets again after a restore
    Confirm {
        /// The client
        client: String,
        /// The secret's id [default: all of the client that await it]
        secret_id: Option<String>,
    },
}

/// What is changed about a secret.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Change {
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// When it ends: 14d, 2027-01-01; `none`: when it is revoked
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::Add { client, label, not_before, expires } => {
                let created = session.run(SecretCreate {
                    client_id: client::id(session, &client)?,
                    label,
                    not_before: time(not_before, session)?,
                    expires_at: time(expires, session)?,
                })?;
                out.answer(&created, || {
                    out.value("secret_id", &created.secret.credential_id)?;
                    show_once(&created.client_secret, out)
                })
            }
            Self::Import { client, secret_file, label, expires } => {
                let imported = session.run(SecretImport {
                    client_id: client::id(session, &client)?,
                    client_secret: input.secret("client secret", secret_file.as_deref())?,
                    label,
                    expires_at: time(expires, session)?,
                })?;
                out.answer(&imported, || out.value("secret_id", &imported.credential_id))
            }
            Self::List { client } => list(session, &client, out),
            Self::Expiring { within } => expiring(session, within, out),
            Self::Edit { client, secret_id, change } => {
                let secret = session.run(SecretUpdate {
                    client_id: client::id(session, &client)?,
                    credential_id: secret_id,
                    label: change.label,
                    expires_at: nullable(change.expires)
                        .map(|end| time(end, session))
                        .transpose()?,
                })?;
                out.answer(&secret, || table(std::slice::from_ref(&secret), session.now(), out))
            }
            Self::Revoke { client, secret_id } => {
                let client = client::find(session, &client)?;
                let named = client::named(&client);
                input.confirm(&format!(
                    "The secret {secret_id} of {named} and every token it obtained end"
                ))?;
                let secret = end(session, &client.client_id, &secret_id)?;
                out.answer(&secret, || {
                    out.line(&format!(
                        "the secret {secret_id} of {named} is ended, and every token it obtained"
                    ))
                })
            }
            Self::Confirm { client, secret_id } => confirm(session, &client, secret_id, out),
        }
    }
}

/// A time that is given.
pub(crate) fn time(text: Option<String>, session: &Session) -> Result<Option<i64>, Failure> {
    text.map(|text| when::parse_future(&text, session.now())).transpose()
}

/// Shows a secret, on standard output and nowhere else.
pub(crate) fn show_once(client_secret: &str, out: &Out) -> Result<(), Failure> {
    out.value("client_secret", client_secret)?;
    out.note("Keep the client_secret now: it is shown this once and stored nowhere.");
    Ok(())
}

/// Ends a secret and what it obtained.
pub(crate) fn end(
    session: &Session,
    client_id: &str,
    credential_id: &str,
) -> Result<SecretDocument, Failure> {
    session.run(SecretRevoke {
        client_id: client_id.to_owned(),
        credential_id: credential_id.to_owned(),
    })
}

fn list(session: &Session, client: &str, out: &Out) -> Result<(), Failure> {
    let page = session.run(SecretList { client_id: client::id(session, client)? })?;
    out.answer(&page, || {
        table(&page.secrets, session.now(), out)?;
        rotations(&page.secrets, out)?;
        for secret in page.secrets.iter().filter(|secret| !secret.peers.is_empty()) {
            out.line(&format!("\nWhere {} and its tokens were used", secret.credential_id))?;
            peers(secret, out)?;
        }
        Ok(())
    })
}

/// Secrets, a row for each.
pub(crate) fn table(secrets: &[SecretDocument], now: UnixTime, out: &Out) -> Result<(), Failure> {
    let rows = secrets.iter().map(|secret| {
        vec![
            secret.credential_id.clone(),
            secret.label.clone(),
            secret.kind.to_owned(),
            state(secret, now),
            when::shown(secret.created_at),
            when::shown(last_used(secret)),
        ]
    });
    out.table(&["secret id", "label", "kind", "state", "made", "last used"], rows.collect())
}

/// Which secrets have given way to others, and whether somebody still uses them.
pub(crate) fn rotations(secrets: &[SecretDocument], out: &Out) -> Result<(), Failure> {
    let rows = secrets.iter().filter(|secret| secret.revoked_at.is_none()).filter_map(|secret| {
        let new = secret.replaced_by.clone()?;
        let from = used_since_rotation(secret);
        let used = match from.as_slice() {
            [] => "no".to_owned(),
            places => format!("yes, from {}", places.join(", ")),
        };
        Some(vec![secret.credential_id.clone(), new, when::shown(secret.rotated_at), used])
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    out.line("\nReplaced")?;
    out.table(&["old secret", "by", "at", "used since"], rows)
}

/// From where a secret was used although another one has taken its place.
pub(crate) fn used_since_rotation(secret: &SecretDocument) -> Vec<&str> {
    if secret.used_since_rotation != Some(true) {
        return Vec::new();
    }
    let since = secret.peers.iter().filter(|peer| peer.authenticated_at >= secret.rotated_at);
    let places: Vec<_> = since.map(|peer| peer.peer.as_str()).collect();
    // The list of places is bounded: one may have been pushed out.
    if places.is_empty() { vec!["unknown"] } else { places }
}

fn expiring(session: &Session, within: Option<String>, out: &Out) -> Result<(), Failure> {
    let length = |text: String| when::parse_length(&text);
    let within =
        within.map(length).transpose().map_err(|why| Failure::usage(format!("--within {why}")))?;
    let (mut secrets, mut after) = (Vec::new(), None);
    loop {
        let page = session.run(SecretExpiring { within, after, limit: Some(1000) })?;
        secrets.extend(page.secrets);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    out.answer(&json!({"secrets": secrets}), || {
        let names: BTreeMap<_, _> = client::all(session)?
            .into_iter()
            .map(|client| (client.client_id, client.client_name))
            .collect();
        let rows = secrets.iter().map(|secret| {
            let used = if used_since_rotation(secret).is_empty() { "" } else { ", still used" };
            let new = secret.replaced_by.as_ref();
            vec![
                names.get(&secret.client_id).unwrap_or(&secret.client_id).clone(),
                secret.credential_id.clone(),
                secret.label.clone(),
                when::shown(secret.expires_at),
                new.map(|new| format!("{new}{used}")).unwrap_or_default(),
            ]
        });
        out.table(&["client", "secret id", "label", "ends", "replaced by"], rows.collect())
    })
}

/// Where a secret was used, a row for each place.
pub(crate) fn peers(secret: &SecretDocument, out: &Out) -> Result<(), Failure> {
    let rows = secret.peers.iter().map(|peer| {
        vec![
            peer.peer.clone(),
            when::shown(peer.first_at),
            when::shown(peer.authenticated_at),
            peer.authentications.to_string(),
            when::shown(peer.token_used_at),
            peer.token_uses.to_string(),
        ]
    });
    out.table(&["from", "first", "secret", "times", "its tokens", "times"], rows.collect())
}

/// When a secret or a token that it obtained was last used.
pub(crate) fn last_used(secret: &SecretDocument) -> Option<i64> {
    let tokens = secret.peers.iter().filter_map(|peer| peer.token_used_at).max();
    secret.last_used_at.max(tokens)
}

fn state(secret: &SecretDocument, now: UnixTime) -> String {
    if secret.revoked_at.is_some() {
        return "revoked".to_owned();
    }
    match (secret.confirmed, secret.not_before, secret.expires_at) {
        (false, _, _) => "awaits confirmation".to_owned(),
        (true, Some(from), _) if now.seconds() < from => format!("from {}", when::shown(from)),
        (true, _, Some(until)) if now.seconds() >= until => "expired".to_owned(),
        (true, _, Some(until)) => format!("until {}", when::shown(until)),
        (true, _, None) => "valid".to_owned(),
    }
}

fn confirm(
    session: &Session,
    client: &str,
    secret_id: Option<String>,
    out: &Out,
) -> Result<(), Failure> {
    let client_id = client::id(session, client)?;
    let ids = match secret_id {
        Some(id) => vec![id],
        None => {
            let page = session.run(SecretList { client_id: client_id.clone() })?;
            let waiting = page.secrets.into_iter();
            let waiting = waiting.filter(|s| !s.confirmed && s.revoked_at.is_none());
            waiting.map(|secret| secret.credential_id).collect()
        }
    };
    for credential_id in &ids {
        let (client_id, credential_id) = (client_id.clone(), credential_id.clone());
        session.run(SecretConfirm { client_id, credential_id })?;
    }
    out.answer(&json!({"client_id": client_id, "confirmed": ids}), || {
        out.line(&format!("trusted again: {} of {client_id}", counted(ids.len(), "secret")))
    })
}
