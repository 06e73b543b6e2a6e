//! `wardkey key`: the keys that sign tokens.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use std::path::PathBuf;
use wardkey::admin::{KeyDocument, KeyImport, KeyList, KeyRecovery, SecretText};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the signing keys, oldest first
    List,
    /// Sign with a private key from elsewhere from now on
    Import {
        /// ES256, EdDSA or RS256
        #[arg(long, value_name = "ALGORITHM")]
        algorithm: String,
        /// Read it from this file (PEM, or PKCS#8 DER in base64url) instead of standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Make a recovery code, which opens the database if its master key is lost; shown this once
    Recovery,
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::List => {
                let page = session.run(KeyList::default())?;
                out.answer(&page, || table(&page.keys, out))
            }
            Self::Import { algorithm, file } => {
                let text = input.text("the private key", file.as_deref())?;
                let key =
                    session.run(KeyImport { algorithm, key: SecretText::from(text.trim()) })?;
                out.answer(&key, || table(std::slice::from_ref(&key), out))
            }
            Self::Recovery => {
                input.confirm("A recovery code made before opens nothing any more")?;
                let made = session.run(KeyRecovery::default())?;
                out.answer(&made, || {
                    out.value("recovery_code", &made.recovery_code)?;
                    out.note("Write it down, and keep it away from the backups: it is shown this once. To use it: wardkey recover");
                    Ok(())
                })
            }
        }
    }
}

fn table(keys: &[KeyDocument], out: &Out) -> Result<(), Failure> {
    let rows = keys.iter().map(|key| {
        let state = match (key.retired_at, key.ends_at) {
            (None, _) => "signs".to_owned(),
            (Some(_), Some(until)) => format!("verifies until {}", when::shown(until)),
            (Some(at), None) => format!("retired {}", when::shown(at)),
        };
        let from = when::shown(key.active_from);
        vec![key.kid.clone(), format!("{}, {}, since {from}, {state}", key.algorithm, key.origin)]
    });
    out.table(&["key id", "what it is"], rows.collect())
}
