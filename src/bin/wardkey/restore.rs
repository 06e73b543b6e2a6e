//! `wardkey restore`: accepting an old copy.

use crate::client;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::{Out, counted};
use crate::session::Session;
use crate::user;
use clap::Args;
use serde_json::{Map, Value, json};
use wardkey::admin::SecretList;
use wardkey::{Context, Engine};

/// Accept an old copy of the database
///
/// All tokens end, signing keys retire, every secret waits for `wardkey secret confirm` and every user for
/// `wardkey user confirm`. What was changed since the copy was made is not there: look through clients, users
/// and settings first.
#[derive(Args)]
pub(crate) struct Restore {}

impl Restore {
    pub(crate) fn run(
        self,
        globals: &Globals,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let (path, actor) = (globals.path()?, globals.actor()?);
        let options = globals.options(&path, input)?;
        input.confirm(&format!(
            "All tokens of {} end, all secrets and users await confirmation",
            path.display()
        ))?;
        let engine = Engine::restore(&options, &Context::by(&actor))?;
        let session = Session::of(engine, actor, path);
        let waiting = Waiting::of(&session)?;
        let mut document = waiting.document();
        document.insert("restored".to_owned(), json!(true));
        out.answer(&document, || {
            out.line("Restored: all tokens have ended.")?;
            waiting.show(out)
        })?;
        session.close()
    }
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
