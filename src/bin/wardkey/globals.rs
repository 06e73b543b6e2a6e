//! What every command takes: which database, with which key, for whom.

use crate::failure::{Exit, Failure};
use crate::input::Input;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wardkey::Options;

/// Options of all commands.
#[derive(Args)]
#[command(next_help_heading = "For all commands")]
pub(crate) struct Globals {
    /// The database [default: the only one in this folder]
    #[arg(
        short,
        long,
        global = true,
        env = "WARDKEY_DATABASE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) database: Option<PathBuf>,
    /// Who does it, for the audit [default: the user of this session]
    #[arg(long, global = true, env = "WARDKEY_ACTOR", hide_env_values = true, value_name = "NAME")]
    actor: Option<String>,
    /// Read the master key from this file instead of the one beside the database
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "key_stdin")]
    key_file: Option<PathBuf>,
    /// Read the master key from the first line of standard input
    #[arg(long, global = true)]
    key_stdin: bool,
    /// Print JSON for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not ask before what cannot be undone
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Seconds to wait for another program that is writing
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 5)]
    busy_timeout: u64,
}

impl Globals {
    /// How the library opens the database.
    pub(crate) fn options(&self, path: &Path, input: &mut Input) -> Result<Options, Failure> {
        let options = Options::new(path).busy_timeout(Duration::from_secs(self.busy_timeout));
        Ok(match (&self.key_file, self.key_stdin) {
            (Some(file), _) => options.key(input.key_of_file(file)?),
            (None, true) => options.key(input.key("master key")?),
            (None, false) => options,
        })
    }

    /// The database that is meant.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        match &self.database {
            Some(path) => Ok(path.clone()),
            None => only_one_here(),
        }
    }

    /// Who does it.
    pub(crate) fn actor(&self) -> Result<String, Failure> {
        let named = |name: &&str| std::env::var(name).ok().filter(|user| !user.trim().is_empty());
        // Behind sudo the person is meant, not root.
        let of_session = || ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].iter().find_map(named);
        self.actor.clone().or_else(of_session).or_else(process_owner).ok_or_else(|| {
            let message = "nobody knows who does this, and the audit has to say";
            Failure::new(Exit::Usage, "actor_missing", message).next("give --actor NAME")
        })
    }
}

/// The user of this process, where no session has set a name: in a container, in a job.
#[cfg(unix)]
fn process_owner() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(&uid)).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| format!("uid {uid}")))
}

/// Windows sets `USERNAME` for every process.
#[cfg(not(unix))]
const fn process_owner() -> Option<String> {
    None
}

/// The only database in this folder: each has its freshness file beside it, but a copy that is to be restored or
/// recovered.
fn only_one_here() -> Result<PathBuf, Failure> {
    let mut found = those_here("fresh", |path| path.with_extension(""));
    if found.is_empty() {
        found = those_here("db", Path::to_owned);
    }
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (None, _) => Err(Failure::new(Exit::Usage, "database_missing", "there is no database in this folder")
            .next("name one with --database FILE or WARDKEY_DATABASE, or make one: wardkey init clinic.db")),
        (Some(_), false) => Err(Failure::new(Exit::Usage, "database_ambiguous", "there is more than one database in this folder")
            .next("name one with --database FILE or WARDKEY_DATABASE")),
    }
}

/// The databases that files with this ending belong to.
fn those_here(ending: &str, database: impl Fn(&Path) -> PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .map(|path| database(&path))
        .filter(|path| path.is_file())
        .collect()
}
