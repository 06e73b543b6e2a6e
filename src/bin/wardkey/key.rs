//! `wardkey key`: the keys that sign tokens.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use std::path::PathBuf;
use wardkey::admin::{
    DatabaseStatus, KeyDocument, KeyExport, KeyImport, KeyList, KeyRecovery, KeyRetire, KeyRotate,
    SecretText,
};

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
    /// Sign with new keys from now on; tokens of the former ones stay valid
    Rotate {
        /// ES256, EdDSA or RS256; without it each that is in use
        #[arg(long, value_name = "ALGORITHM")]
        algorithm: Option<String>,
    },
    /// Refuse all tokens of a stolen key at once and for good
    Retire {
        /// The key
        kid: String,
    },
    /// Print issuer, site and public keys for another site: there `issuer import`
    Export,
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
            Self::Rotate { algorithm } => {
                let page = session.run(KeyRotate { algorithm })?;
                out.answer(&page, || table(&page.keys, out))
            }
            Self::Retire { kid } => {
                input.confirm(&format!("All tokens of the key {kid} end"))?;
                let key = session.run(KeyRetire { kid })?;
                out.answer(&key, || table(std::slice::from_ref(&key), out))
            }
            Self::Export => out.document(&session.run(KeyExport::default())?),
            Self::Recovery => {
                if session.run(DatabaseStatus::default())?.recovery_code {
                    input.confirm("The recovery code made before opens nothing any more")?;
                }
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
        let times = match (key.state, key.retired_at, key.ends_at) {
            ("published", _, _) => format!("signs from {}", when::shown(key.active_from)),
            ("signing", Some(until), _) => format!("until {}", when::shown(until)),
            ("verifying", _, Some(until)) => format!("until {}", when::shown(until)),
            ("ended" | "retired", _, Some(at)) => when::shown(at),
            _ => format!("since {}", when::shown(key.active_from)),
        };
        let what = format!("{}, {}, {}, {times}", key.algorithm, key.origin, key.state);
        vec![key.kid.clone(), what]
    });
    out.table(&["key id", "what it is"], rows.collect())
}
