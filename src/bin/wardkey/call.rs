//! `wardkey call`: any operation of the library.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use clap::Args;
use std::path::PathBuf;
use wardkey::Engine;

/// Run any operation of the library by its name, with a JSON document
///
/// docs/operations.md describes each. The answer is JSON with or without --json; it may hold a new secret.
#[derive(Args)]
pub(crate) struct Call {
    /// The operation, such as client.list
    #[arg(required_unless_present = "list")]
    operation: Option<String>,
    /// Read the document from this file instead of standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Name all operations
    #[arg(long)]
    list: bool,
}

/// Names all operations.
pub(crate) fn names(out: &Out) -> Result<(), Failure> {
    let names: Vec<_> = Engine::operations().collect();
    out.answer(&names, || out.line(&names.join("\n")))
}

impl Call {
    pub(crate) const fn asks_for_names(&self) -> bool {
        self.list
    }

    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let name = self.operation.unwrap_or_default();
        let request = input.text("the JSON document", self.file.as_deref())?;
        let mut answer =
            session.engine().call(&session.context(), &name, request.trim().as_bytes())?;
        answer.push(b'\n');
        out.bytes(&answer)
    }
}
