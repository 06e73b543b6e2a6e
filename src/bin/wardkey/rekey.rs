//! `wardkey rekey`: another master key.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use wardkey::admin::{KeyRekey, KeyRekeyed, SecretText};
use zeroize::Zeroizing;

/// Change the master key; open programs notice nothing
///
/// Backups made before need the present key: keep it as long as these, away from them.
#[derive(Args)]
pub(crate) struct Rekey {
    /// Who keeps the new key [default: who keeps the present one]
    #[arg(long, value_enum)]
    keeper: Option<Keeper>,
    /// Read the new key, which you keep yourself, from this file
    #[arg(long, value_name = "FILE", conflicts_with = "new_key_stdin")]
    new_key_file: Option<PathBuf>,
    /// Read it from standard input: its first line, or the next one after that of --key-stdin
    #[arg(long)]
    new_key_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Keeper {
    /// The file beside the database
    File,
    /// You, or the program that opens the database
    Host,
    /// Windows, which seals it for this machine
    Dpapi,
}

impl Keeper {
    const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Host => "host",
            Self::Dpapi => "dpapi",
        }
    }
}

impl Rekey {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let key = match (&self.new_key_file, self.new_key_stdin) {
            (Some(file), _) => Some(input.key_of_file(file)?),
            (None, true) => Some(input.key("new master key")?),
            (None, false) => None,
        };
        let key = key.map(|key| Zeroizing::new(URL_SAFE_NO_PAD.encode(key.expose())));
        // Whoever brings a key keeps it.
        let keeper = self.keeper.or(key.is_some().then_some(Keeper::Host));
        input.confirm(&format!(
            "{} gets another master key; backups made until now need the present one",
            session.path().display()
        ))?;
        let changed = session.run(KeyRekey {
            source: keeper.map(|keeper| keeper.word().to_owned()),
            key: key.map(|key| SecretText::from(key.as_str())),
        })?;
        out.answer(&changed, || show(&changed, out))
    }
}

fn show(changed: &KeyRekeyed, out: &Out) -> Result<(), Failure> {
    let code = if changed.recovery_code { "there is one, and it still works" } else { "none" };
    out.fields(&[
        ("key id", changed.key_id.clone()),
        ("kept by", changed.source.clone()),
        ("former key id", changed.former_key_id.clone()),
        ("formerly kept by", changed.former_source.clone()),
        ("recovery code", code.to_owned()),
    ])?;
    if changed.former_key_needed {
        out.note("Somebody was reading: until a later opening the database may need the former key, too.");
    }
    if !changed.recovery_code {
        out.note(
            "Without a recovery code a lost master key loses the database: wardkey key recovery",
        );
    }
    Ok(())
}
