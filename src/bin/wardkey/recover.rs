//! `wardkey recover`: a database whose master key is lost.

use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::Out;
use crate::restore::{self, Waiting};
use crate::session::Session;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use wardkey::{Context, Engine, Recovery, Secret};

/// Open a database whose master key is lost, by its recovery code, and give it a new key
///
/// The code is read from a prompt or standard input. With --key-file or --key-stdin the new key is yours.
#[derive(Args)]
pub(crate) struct Recover {
    /// Read the recovery code from the first line of this file
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Open it with this key file instead: an older backup needs the key of its time
    #[arg(long, value_name = "FILE", conflicts_with = "code_file")]
    old_key_file: Option<PathBuf>,
    /// There is neither key nor code: keep clients, users, scopes and the audit, disabled and not vouched for
    #[arg(long, conflicts_with_all = ["code_file", "old_key_file"])]
    without_key: bool,
    /// The database has a recovery code, but it is lost as well
    #[arg(long, requires = "without_key")]
    code_lost: bool,
    /// Trust secrets and passwords as they stand in an old copy: what was revoked or changed since is good again
    #[arg(long, conflicts_with = "without_key")]
    trust_secrets: bool,
    /// Have Windows seal the new key for this machine
    #[arg(long)]
    dpapi: bool,
}

impl Recover {
    pub(crate) fn run(
        self,
        globals: &Globals,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let (path, actor) = (globals.path()?, globals.actor()?);
        let mut options = globals.options(&path, input)?;
        if self.dpapi {
            options = options.dpapi();
        }
        if self.trust_secrets {
            options = options.trust_secrets();
        }
        let means = self.means(input)?;
        let ends = if self.without_key {
            "all clients and users are disabled, all secrets and signing keys made here are gone"
        } else {
            "if it is an old copy, all its tokens end"
        };
        input.confirm(&format!("{} gets a new master key; {ends}", path.display()))?;
        let engine = Engine::recover(&options, &means, &Context::by(&actor))?;
        let session = Session::of(engine, actor, path);
        let waiting = Waiting::of(&session)?;
        let report = session.engine().restored();
        let mut document = waiting.document();
        document.insert("report".to_owned(), json!(report));
        document.insert("recovered".to_owned(), json!(true));
        out.answer(&document, || {
            out.line("Recovered: the database has a new master key.")?;
            report.map_or(Ok(()), |report| restore::show(report, out))?;
            waiting.show(out)?;
            if self.without_key {
                out.note(
                    "Nobody vouches for what the file says. Look through clients, users and settings, \
                     then for each: wardkey client enable, secret add, user enable.",
                );
            }
            Ok(())
        })?;
        session.close()
    }

    fn means(&self, input: &mut Input) -> Result<Recovery, Failure> {
        if self.without_key {
            return Ok(Recovery::WithoutKey { code_lost: self.code_lost });
        }
        if let Some(file) = &self.old_key_file {
            return Ok(Recovery::KeyFile(file.clone()));
        }
        let code = input.secret("recovery code", self.code_file.as_deref())?;
        Ok(Recovery::Code(Secret::copy_of(code.expose().trim().as_bytes())))
    }
}
