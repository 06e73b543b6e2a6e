//! `wardkey restore`: accepting an old copy.

use crate::client;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::{Out, counted};
use crate::session::Session;
use crate::user;
use crate::when;
use clap::Args;
use serde_json::{Map, Value, json};
use wardkey::admin::{Restored, SecretList};
use wardkey::{Context, Engine};

/// Accept an old copy of the database
///
/// All tokens end, signing keys retire, every secret waits for `wardkey secret confirm` and every user for
/// `wardkey user confirm`. What was changed since the copy was made is not there: look through clients, users
/// and settings first.
#[derive(Args)]
pub(crate) struct Restore {
    /// Trust secrets and passwords as they stand in the copy: what was revoked or changed since is good again
    #[arg(long)]
    trust_secrets: bool,
}

impl Restore {
    pub(crate) fn run(
        self,
        globals: &Globals,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let (path, actor) = (globals.path()?, globals.actor()?);
        let mut options = globals.options(&path, input)?;
        let secrets = if self.trust_secrets {
            options = options.trust_secrets();
            "secrets and passwords that were revoked or changed since it was copied are good again"
        } else {
            "all secrets and users await confirmation"
        };
        // Closed again at once: a restore wants the file for itself.
        let current = Engine::open(&options).is_ok();
        let why = if current { "It is no old copy, it opens as it is. " } else { "" };
        input.confirm(&format!("{why}All tokens of {} end, {secrets}", path.display()))?;
        let engine = Engine::restore(&options, &Context::by(&actor))?;
        let session = Session::of(engine, actor, path);
        let waiting = Waiting::of(&session)?;
        let report = session.engine().restored();
        let mut document = waiting.document();
        document.insert("restored".to_owned(), json!(true));
        document.insert("report".to_owned(), json!(report));
        out.answer(&document, || {
            out.line("Restored: all tokens have ended.")?;
            report.map_or(Ok(()), |report| show(report, out))?;
            waiting.show(out)
        })?;
        session.close()
    }
}

/// What a restore or a recovery found, and what is refused from now on.
pub(crate) fn show(report: &Restored, out: &Out) -> Result<(), Failure> {
    let lost = report.acknowledged.map(|known| known.saturating_sub(report.commits));
    let secrets = if report.trusted_secrets { "trusted as they stand in the copy" } else { "" };
    out.fields(&[
        ("last written", when::shown(report.written_at)),
        ("writes in it", report.commits.to_string()),
        ("writes lost", lost.map_or_else(|| "not known".to_owned(), |lost| lost.to_string())),
        ("secrets", secrets.to_owned()),
        ("WAL set aside", report.wal_set_aside.clone().unwrap_or_default()),
        ("audit rows", report.audit_sequence.to_string()),
    ])?;
    out.value("audit head", &report.audit_head)?;
    let refused = report.refused.iter().filter(|refused| refused.count != Some(0));
    let rows: Vec<_> = refused
        .map(|refused| {
            let count = refused.count.map_or_else(|| "all".to_owned(), |count| count.to_string());
            vec![refused.kind.replace('_', " "), count, refused.why.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    out.line("\nRefused from now on:\n")?;
    out.table(&["what", "how many", "why"], rows)?;
    out.line("")
}

/// What awaits confirmation.
pub(crate) struct Waiting {
    clients: Vec<Client>,
    users: Vec<String>,
}

struct Client {
    id: String,
    name: String,
    secrets: Vec<String>,
}

impl Waiting {
    pub(crate) fn of(session: &Session) -> Result<Self, Failure> {
        let mut clients = Vec::new();
        for client in client::all(session)? {
            let page = session.run(SecretList { client_id: client.client_id.clone() })?;
            let secrets = page.secrets.into_iter();
            let secrets: Vec<_> = secrets
                .filter(|secret| !secret.confirmed && secret.revoked_at.is_none())
                .map(|secret| secret.credential_id)
                .collect();
            if !secrets.is_empty() {
                clients.push(Client { id: client.client_id, name: client.client_name, secrets });
            }
        }
        let users = user::every(session)?.into_iter();
        let users = users.filter(|user| !user.confirmed).map(|user| user.user_id);
        Ok(Self { clients, users: users.collect() })
    }

    pub(crate) fn document(&self) -> Map<String, Value> {
        let clients: Vec<_> = self
            .clients
            .iter()
            .map(|client| {
                let Client { id, name, secrets } = client;
                json!({"client_id": id, "client_name": name, "secrets": secrets})
            })
            .collect();
        let mut document = Map::new();
        document.insert("awaiting_confirmation".to_owned(), json!(clients));
        document.insert("users_awaiting_confirmation".to_owned(), json!(self.users));
        document
    }

    pub(crate) fn show(&self, out: &Out) -> Result<(), Failure> {
        if !self.clients.is_empty() {
            out.line("These clients' secrets await confirmation:\n")?;
            let rows = self.clients.iter().map(|client| {
                vec![client.id.clone(), client.name.clone(), client.secrets.len().to_string()]
            });
            out.table(&["client id", "name", "secrets"], rows.collect())?;
            out.note("Look through them, then for each: wardkey secret confirm CLIENT");
        }
        if !self.users.is_empty() {
            out.line(&format!("{} may not log in yet.", counted(self.users.len(), "user")))?;
            out.note("Look through them, then: wardkey user confirm USER, or --all");
        }
        Ok(())
    }
}
