//! `wardkey client`: the programs that may ask for tokens.

use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::limit;
use crate::metadata::{Metadata, fill};
use crate::out::{Out, counted};
use crate::rotate::Rotate;
use crate::secret;
use crate::session::Session;
use crate::transfer::{self, Adopt};
use crate::when;
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;
use wardkey::admin::{
    AuditRead, ClientCreate, ClientCreated, ClientDelete, ClientDisable, ClientDocument,
    ClientEnable, ClientImport, ClientList, ClientRead, ClientRevoke, ClientUpdate, SecretList,
    SecretPage,
};

/// Programs that may ask for tokens
///
/// CLIENT is a client's id, or its name if no other has it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Register a client; its secret is shown this once
    Add {
        /// The name people know it by
        name: String,
        #[command(flatten)]
        metadata: Box<Metadata>,
        /// What people call its secret
        #[arg(long, value_name = "TEXT", default_value = "")]
        secret_label: String,
        /// When its secret ends: 365d, 2027-01-01 [default: when it is revoked]
        #[arg(long, value_name = "TIME")]
        secret_expires: Option<String>,
        /// Register it, but do not let it in yet
        #[arg(long)]
        disabled: bool,
    },
    /// Register a client under the id and the secret that it has in another system
    Import {
        /// Its id there
        client_id: String,
        /// The name people know it by
        #[arg(long)]
        name: String,
        #[command(flatten)]
        metadata: Box<Metadata>,
        /// Read its secret from the first line of this file instead of a prompt or standard input
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Register it, but do not let it in yet
        #[arg(long)]
        disabled: bool,
    },
    /// List all clients
    List,
    /// Show a client's registration and its secrets
    Show {
        /// The client
        client: String,
    },
    /// Replace what is given of a registration; in force at once
    Edit {
        /// The client
        client: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        metadata: Box<Metadata>,
    },
    Rotate(Rotate),
    /// Print a registration, without secrets, for another site: there `client adopt`
    Export {
        /// The client
        client: String,
    },
    Adopt(Adopt),
    /// Refuse a client and all its tokens until it is enabled
    Disable {
        /// The client
        client: String,
    },
    /// Let a disabled client go on
    Enable {
        /// The client
        client: String,
    },
    /// Cut a client off: end all its secrets and all its tokens
    ///
    /// Give it a new secret with `wardkey secret add` when it is safe again. With --tokens its secrets
    /// live on, and it may obtain new tokens at once.
    Revoke {
        /// The client
        client: String,
        /// End its tokens alone
        #[arg(long)]
        tokens: bool,
    },
    /// Remove a client for good; its audit stays
    Delete {
        /// The client
        client: String,
    },
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::Add { name, metadata, secret_label, secret_expires, disabled } => {
                let request = ClientCreate {
                    client_name: Some(name),
                    enabled: Some(!disabled),
                    secret_label,
                    client_secret_expires_at: secret_expires
                        .map(|text| when::parse_future(&text, session.now()))
                        .transpose()?,
                    ..ClientCreate::default()
                };
                show_created(&session.run(fill!(*metadata, request))?, out)
            }
            Self::Import { client_id, name, metadata, secret_file, disabled } => {
                let request = ClientImport {
                    client_id,
                    client_secret: input.secret("client secret", secret_file.as_deref())?,
                    client_name: Some(name),
                    enabled: Some(!disabled),
                    ..ClientImport::default()
                };
                let client = session.run(fill!(*metadata, request))?;
                out.answer(&client, || show_registration(&client, out))
            }
            Self::List => list(session, out),
            Self::Show { client } => show(session, &client, out),
            Self::Edit { client, name, metadata } => {
                let client_id = id(session, &client)?;
                let request =
                    ClientUpdate { client_id, client_name: name, ..ClientUpdate::default() };
                let client = session.run(fill!(*metadata, request))?;
                out.answer(&client, || show_registration(&client, out))
            }
            Self::Rotate(rotate) => rotate.run(session, out),
            Self::Export { client } => transfer::export(session, &client, out),
            Self::Adopt(adopt) => adopt.run(session, input, out),
            Self::Disable { client } => {
                let client = session.run(ClientDisable::of(&id(session, &client)?))?;
                said(&client, "is disabled: it and its tokens are refused", out)
            }
            Self::Enable { client } => {
                let client = session.run(ClientEnable::of(&id(session, &client)?))?;
                said(&client, "is enabled", out)
            }
            Self::Revoke { client, tokens } => revoke(session, &client, tokens, input, out),
            Self::Delete { client } => {
                let client = find(session, &client)?;
                input.confirm(&format!(
                    "{} is removed with its secrets and tokens",
                    named(&client)
                ))?;
                session.run(ClientDelete::of(&client.client_id))?;
                let done = json!({"client_id": client.client_id, "deleted": true});
                out.answer(&done, || out.line(&format!("{} is removed", named(&client))))
            }
        }
    }
}

/// The client that is meant: by its id, else by its name if it is the only one.
pub(crate) fn find(session: &Session, client: &str) -> Result<ClientDocument, Failure> {
    let missing = match session.run(ClientRead::of(client)) {
        Ok(client) => return Ok(client),
        Err(failure) if failure.is_not_found() => failure,
        Err(failure) => return Err(failure),
    };
    let wanted = client.to_lowercase();
    let mut same = all(session)?;
    same.retain(|known| known.client_name.to_lowercase() == wanted);
    match same.len() {
        0 | 1 => same.pop().ok_or(missing),
        _ => {
            let ids: Vec<_> = same.iter().map(|client| client.client_id.as_str()).collect();
            let message = format!("{} clients have this name: {}", ids.len(), ids.join(", "));
            Err(Failure::new(Exit::Usage, "ambiguous", message).next("name it by its id"))
        }
    }
}

/// The id of the client that is meant.
pub(crate) fn id(session: &Session, client: &str) -> Result<String, Failure> {
    find(session, client).map(|client| client.client_id)
}

/// The id and the name of a client that the audit knows. One that was removed is known by its id alone.
pub(crate) fn in_audit(session: &Session, client: &str) -> Result<(String, String), Failure> {
    let missing = match find(session, client) {
        Ok(client) => return Ok((client.client_id, client.client_name)),
        Err(failure) if failure.is_not_found() => failure,
        Err(failure) => return Err(failure),
    };
    let client_id = Some(client.to_owned());
    let page = session.run(AuditRead { client_id, limit: Some(1), ..AuditRead::default() })?;
    // A name that is misspelled must not look like a client that did nothing.
    if page.rows.is_empty() { Err(missing) } else { Ok((client.to_owned(), String::new())) }
}

/// All clients.
pub(crate) fn all(session: &Session) -> Result<Vec<ClientDocument>, Failure> {
    let (mut clients, mut after) = (Vec::new(), None);
    loop {
        let page = session.run(ClientList { after, limit: Some(1000) })?;
        clients.extend(page.clients);
        after = page.next;
        if after.is_none() {
            return Ok(clients);
        }
    }
}

/// A client for a sentence.
pub(crate) fn named(client: &ClientDocument) -> String {
    format!("{} ({})", client.client_name, client.client_id)
}

fn show_created(created: &ClientCreated, out: &Out) -> Result<(), Failure> {
    out.answer(created, || {
        show_registration(&created.client, out)?;
        if let Some(client_secret) = &created.client_secret {
            secret::show_once(client_secret, out)?;
        }
        Ok(())
    })
}

fn list(session: &Session, out: &Out) -> Result<(), Failure> {
    let clients = all(session)?;
    out.answer(&json!({"clients": clients}), || {
        let rows = clients.iter().map(|client| {
            let state = if client.enabled { "enabled" } else { "disabled" };
            vec![
                client.client_id.clone(),
                client.client_name.clone(),
                state.to_owned(),
                client.scope.clone(),
            ]
        });
        out.table(&["client id", "name", "state", "scope"], rows.collect())
    })
}

fn show(session: &Session, client: &str, out: &Out) -> Result<(), Failure> {
    let client = find(session, client)?;
    let SecretPage { secrets, .. } =
        session.run(SecretList { client_id: client.client_id.clone() })?;
    out.answer(&json!({"client": client, "secrets": secrets}), || {
        show_registration(&client, out)?;
        out.line("\nSecrets")?;
        secret::table(&secrets, session.now(), out)?;
        secret::rotations(&secrets, out)
    })
}

/// What is registered about a client.
pub(crate) fn show_registration(client: &ClientDocument, out: &Out) -> Result<(), Failure> {
    let or_settings = |choice: &Option<String>| choice.clone().unwrap_or_default();
    let lifetime = client.access_token_lifetime.map(|seconds| when::length(i64::from(seconds)));
    let flags = [
        (!client.enabled, "disabled"),
        (client.resource_server, "resource server"),
        (client.rotate_refresh_tokens, "rotates refresh tokens"),
        (client.danger_allow_no_pkce, "DANGER: no PKCE"),
    ];
    let flags: Vec<_> = flags.iter().filter(|(on, _)| *on).map(|(_, words)| *words).collect();
    out.value("client_id", &client.client_id)?;
    out.fields(&[
        ("name", client.client_name.clone()),
        ("description", client.description.clone()),
        ("state", flags.join(", ")),
        ("scope", client.scope.clone()),
        ("default scope", or_settings(&client.default_scope)),
        ("grants", client.grant_types.join(", ")),
        ("auth method", or_settings(&client.token_endpoint_auth_method)),
        ("networks", client.allowed_networks.join(", ")),
        ("redirect URIs", client.redirect_uris.join("\n")),
        ("origins", client.allowed_origins.join("\n")),
        ("algorithm", or_settings(&client.algorithm)),
        ("token format", or_settings(&client.token_format)),
        ("lifetime", lifetime.unwrap_or_default()),
        ("token rate", client.token_rate.map(limit::rate).unwrap_or_default()),
        ("verify rate", client.verify_rate.map(limit::rate).unwrap_or_default()),
        ("other site", or_settings(&client.issuer)),
        ("id there", or_settings(&client.foreign_client_id)),
        ("host data", client.host_data.clone()),
        ("registered", when::shown(client.client_id_issued_at)),
        ("changed", when::shown(client.updated_at)),
    ])
}

fn said(client: &ClientDocument, what: &str, out: &Out) -> Result<(), Failure> {
    out.answer(client, || out.line(&format!("{} {what}", named(client))))
}

/// Ends everything that a client has. Its secrets first: one that lives on could obtain a token between.
fn revoke(
    session: &Session,
    client: &str,
    tokens: bool,
    input: &mut Input,
    out: &Out,
) -> Result<(), Failure> {
    let client = find(session, client)?;
    if tokens {
        input.confirm(&format!("All tokens of {} end", named(&client)))?;
        let client = session.run(ClientRevoke::of(&client.client_id))?;
        return said(&client, "has no token any more; it may obtain new ones", out);
    }
    input.confirm(&format!("All secrets and tokens of {} end", named(&client)))?;
    let ended = cut_off(session, &client.client_id)?;
    let done =
        json!({"client_id": client.client_id, "secrets_revoked": ended, "tokens_revoked": true});
    out.answer(&done, || {
        let secrets = counted(ended.len(), "secret");
        out.line(&format!("{} is cut off: {secrets} and all its tokens ended", named(&client)))?;
        if client.token_endpoint_auth_method.as_deref() == Some("none") {
            out.note("It keeps no secret: its users may log in anew until it is disabled: wardkey client disable CLIENT");
        } else {
            out.note("A new secret when it is safe: wardkey secret add CLIENT");
        }
        Ok(())
    })
}

/// Ends all secrets and tokens of a client, and returns the ids of the secrets that lived.
pub(crate) fn cut_off(session: &Session, client_id: &str) -> Result<Vec<String>, Failure> {
    let page = session.run(SecretList { client_id: client_id.to_owned() })?;
    let living = page.secrets.into_iter().filter(|secret| secret.revoked_at.is_none());
    let mut ended = Vec::new();
    for secret in living {
        secret::end(session, client_id, &secret.credential_id)?;
        ended.push(secret.credential_id);
    }
    session.run(ClientRevoke::of(client_id))?;
    Ok(ended)
}
