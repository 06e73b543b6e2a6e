//! `wardkey restore`: accepting an old copy.

use crate::client;
use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use clap::Args;
use serde_json::json;
use wardkey::admin::SecretList;
use wardkey::{Context, Engine};

/// Accept an old copy of the database
///
/// All tokens end, signing keys retire, and every secret waits for `wardkey secret confirm`. What was
/// changed since the copy was made is not there: look through clients, users and settings first.
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
            "All tokens of {} end, all secrets await confirmation",
            path.display()
        ))?;
        let engine = Engine::restore(&options, &Context::by(&actor))?;
        let session = Session::of(engine, actor, path);
        let waiting = waiting(&session)?;
        let document: Vec<_> = waiting
            .iter()
            .map(|(id, name, secrets)| {
                json!({"client_id": id, "client_name": name, "secrets": secrets})
            })
            .collect();
        out.answer(&json!({"restored": true, "awaiting_confirmation": document}), || {
            out.line(
                "Restored: all tokens have ended. These clients' secrets await confirmation:\n",
            )?;
            let rows = waiting.iter().map(|(id, name, secrets)| {
                vec![id.clone(), name.clone(), secrets.len().to_string()]
            });
            out.table(&["client id", "name", "secrets"], rows.collect())?;
            out.note("Look through them, then for each: wardkey secret confirm CLIENT");
            Ok(())
        })?;
        session.close()
    }
}

/// The clients whose secrets await confirmation, with the secrets' ids.
fn waiting(session: &Session) -> Result<Vec<(String, String, Vec<String>)>, Failure> {
    let mut waiting = Vec::new();
    for client in client::all(session)? {
        let page = session.run(SecretList { client_id: client.client_id.clone() })?;
        let secrets = page.secrets.into_iter();
        let ids: Vec<_> = secrets
            .filter(|secret| !secret.confirmed && secret.revoked_at.is_none())
            .map(|secret| secret.credential_id)
            .collect();
        if !ids.is_empty() {
            waiting.push((client.client_id, client.client_name, ids));
        }
    }
    Ok(waiting)
}
