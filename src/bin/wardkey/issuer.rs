//! `wardkey issuer`: other sites whose tokens are believed.

use crate::client;
use crate::failure::Failure;
use crate::input::Input;
use crate::metadata::{Metadata, fill};
use crate::out::{Out, counted};
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;
use wardkey::admin::{
    IssuerClientAdd, IssuerDelete, IssuerDisable, IssuerDocument, IssuerEnable, IssuerList,
    IssuerRead,
};

/// Other sites whose tokens are believed
///
/// ISSUER is the issuer of the other site's tokens, an https URL.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Believe another site from now on, or take over its new keys
    ///
    /// It can speak for those of its clients that are registered here (issuer add-client), and for no others.
    Import {
        /// Read what `key export` printed there from this file instead of standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List the other sites
    List,
    /// Show another site and its keys
    Show {
        /// The other site
        issuer: String,
    },
    /// Register a client of another site, which gets its tokens there and may use them here
    AddClient {
        /// The other site
        issuer: String,
        /// What the client is called there; here it gets an id of its own
        client_id: String,
        /// The name people know it by
        #[arg(long)]
        name: String,
        #[command(flatten)]
        metadata: Box<Metadata>,
        /// Register it, but do not let it in yet
        #[arg(long)]
        disabled: bool,
    },
    /// Refuse another site's tokens; those it issued until it is enabled again stay refused
    Disable {
        /// The other site
        issuer: String,
    },
    /// Believe another site again, and what it issues from now on
    Enable {
        /// The other site
        issuer: String,
    },
    /// Stop knowing another site; its clients stay registered, and nobody speaks for them
    Delete {
        /// The other site
        issuer: String,
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
            Self::Import { file } => {
                let exported = input.object("the other site's keys", file.as_deref())?;
                let answer = session.call("issuer.import", &exported)?;
                let issuer = answer.get("issuer").and_then(Value::as_str).unwrap_or_default();
                show(&session.run(IssuerRead::of(issuer))?, out)
            }
            Self::List => list(session, out),
            Self::Show { issuer } => show(&session.run(IssuerRead::of(&issuer))?, out),
            Self::AddClient { issuer, client_id, name, metadata, disabled } => {
                let request = IssuerClientAdd {
                    issuer,
                    client_id,
                    client_name: Some(name),
                    enabled: Some(!disabled),
                    ..IssuerClientAdd::default()
                };
                let client = session.run(fill!(*metadata, request))?;
                out.answer(&client, || client::show_registration(&client, out))
            }
            Self::Disable { issuer } => {
                input.confirm(&format!("All that {issuer} has issued until now is refused"))?;
                let site = session.run(IssuerDisable::of(&issuer))?;
                said(&site, "is disabled: its tokens are refused", out)
            }
            Self::Enable { issuer } => {
                let site = session.run(IssuerEnable::of(&issuer))?;
                said(&site, "is enabled: what it issues from now on is believed", out)
            }
            Self::Delete { issuer } => {
                input.confirm(&format!("All that {issuer} has issued until now is refused"))?;
                session.run(IssuerDelete::of(&issuer))?;
                let done = json!({"issuer": issuer, "deleted": true});
                out.answer(&done, || out.line(&format!("{issuer} is not known any more")))
            }
        }
    }
}

fn list(session: &Session, out: &Out) -> Result<(), Failure> {
    let page = session.run(IssuerList::default())?;
    out.answer(&page, || {
        let rows = page.issuers.iter().map(|site| {
            vec![
                site.issuer.clone(),
                site.site.clone(),
                state(site).to_owned(),
                counted(site.jwks.keys.len(), "key"),
                when::shown(site.updated_at),
            ]
        });
        out.table(&["issuer", "site", "state", "keys", "changed"], rows.collect())
    })
}

fn show(site: &IssuerDocument, out: &Out) -> Result<(), Failure> {
    out.answer(site, || {
        out.fields(&[
            ("issuer", site.issuer.clone()),
            ("site", site.site.clone()),
            ("state", state(site).to_owned()),
            ("believed from", when::shown(site.since)),
            ("imported", when::shown(site.created_at)),
            ("changed", when::shown(site.updated_at)),
        ])?;
        out.line("\nKeys")?;
        let rows = site.jwks.keys.iter().map(|key| {
            vec![key.kid.clone().unwrap_or_default(), key.alg.clone().unwrap_or_default()]
        });
        out.table(&["key id", "algorithm"], rows.collect())
    })
}

const fn state(site: &IssuerDocument) -> &'static str {
    if site.enabled { "enabled" } else { "disabled" }
}

fn said(site: &IssuerDocument, what: &str, out: &Out) -> Result<(), Failure> {
    out.answer(site, || out.line(&format!("{} {what}", site.issuer)))
}
