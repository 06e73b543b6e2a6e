//! `wardkey client export`, `wardkey client adopt`: a registration on its way from one site to another.

use crate::client;
use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use wardkey::admin::{ClientExport, ClientRead};

/// Register a client as another site exported it; it has no secret here until you give it one
#[derive(Args)]
pub(crate) struct Adopt {
    /// Read what `client export` printed there from this file instead of standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Its id here [default: the same as there]
    #[arg(long, value_name = "CLIENT_ID")]
    id: Option<String>,
    /// Register it, but do not let it in yet
    #[arg(long)]
    disabled: bool,
}

/// Prints a client's registration for another site.
pub(crate) fn export(session: &Session, client: &str, out: &Out) -> Result<(), Failure> {
    out.document(&session.run(ClientExport::of(&client::id(session, client)?))?)
}

impl Adopt {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let exported = input.object("the exported client", self.file.as_deref())?;
        // The document goes on as it is, so that the library names the place of what is wrong in it.
        let mut request = format!(r#"{{"exported":{}"#, *exported);
        for (member, value) in [
            ("client_id", self.id.map(Value::from)),
            ("enabled", self.disabled.then_some(json!(false))),
        ] {
            if let Some(value) = value {
                request.push_str(&format!(r#","{member}":{value}"#));
            }
        }
        request.push('}');
        let answer = session.call("client.adopt", &request)?;
        let id = answer.get("client_id").and_then(Value::as_str).unwrap_or_default();
        let client = session.run(ClientRead::of(id))?;
        out.answer(&client, || {
            client::show_registration(&client, out)?;
            if client.token_endpoint_auth_method.as_deref() != Some("none") {
                out.note(&format!(
                    "It has no secret here: wardkey secret add {id}, or secret import"
                ));
            }
            Ok(())
        })
    }
}
