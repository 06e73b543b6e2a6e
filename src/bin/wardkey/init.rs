//! `wardkey init`: a new database.

use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::Out;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use wardkey::{Context, Dialect, Engine, Settings};

/// Make a new database
///
/// Its key file and its freshness file are made beside it. With --key-file or --key-stdin the master key is yours,
/// and no key file is made.
#[derive(Args)]
pub(crate) struct Init {
    /// The file to make [default: that of --database]
    file: Option<PathBuf>,
    /// The https URL under which clients know this server, without a slash at its end
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The name on the login page
    #[arg(long, value_name = "NAME")]
    clinic_name: Option<String>,
    /// A dialect whose routes answer; may be given more than once
    #[arg(long, value_name = "NAME")]
    dialect: Vec<String>,
    /// Have Windows seal the master key for this machine
    #[arg(long)]
    dpapi: bool,
}

impl Init {
    pub(crate) fn run(
        self,
        globals: &Globals,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let path = self.file.or_else(|| globals.database.clone());
        let path = path.ok_or_else(|| {
            Failure::usage("which file shall be made?").next("wardkey init clinic.db")
        })?;
        let dialects: Result<Vec<_>, _> = self.dialect.iter().map(|name| dialect(name)).collect();
        let defaults = Settings::default();
        let settings = Settings {
            issuer: self.issuer.unwrap_or(defaults.issuer),
            clinic_name: self.clinic_name.unwrap_or_default(),
            dialects: dialects?,
            ..Settings::default()
        };
        let mut options = globals.options(&path, input)?;
        if self.dpapi {
            options = options.dpapi();
        }
        Engine::create(&options, &settings, &Context::by(&globals.actor()?))?;
        let shown = path.display().to_string();
        out.answer(&json!({"database": shown, "issuer": settings.issuer}), || {
            out.line(&format!("{shown} was made, issuer {}", settings.issuer))?;
            out.note("Keep the files beside it with it. Next: wardkey client add \"Lab bridge\" --scope lab:read");
            Ok(())
        })
    }
}

fn dialect(name: &str) -> Result<Dialect, Failure> {
    Dialect::parse(name).ok_or_else(|| {
        let known: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.as_str()).collect();
        Failure::usage("there is no such dialect").next(format!("one of: {}", known.join(", ")))
    })
}
