//! The audit's head, off this machine and back: what shows later that rows were cut off or made anew.

use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use std::path::Path;
use wardkey::admin::{AuditAnswer, AuditCheck, AuditHeadDocument, AuditHeadRead};

/// Prints the head, for people as for scripts as the document that is kept.
pub(crate) fn print(session: &Session, out: &Out) -> Result<(), Failure> {
    out.document(&session.run(AuditHeadRead {})?)?;
    out.note("Keep it off this machine. Later: wardkey audit check < FILE");
    Ok(())
}

/// Holds a head that was kept against the chain.
pub(crate) fn check(
    session: &Session,
    file: Option<&Path>,
    input: &mut Input,
    out: &Out,
) -> Result<(), Failure> {
    let head = read(file, input)?;
    let progress = out.progress("following the chain");
    let answer = judge(session, head.clone());
    progress.finish_and_clear();
    let answer = answer?;
    out.answer(&answer, || {
        out.fields(&[
            ("head of row", head.sequence.to_string()),
            ("answer", answer.answer.to_owned()),
            ("why", answer.why.clone().unwrap_or_default()),
        ])
    })?;
    verdict(&answer)
}

/// A head as [`print`] wrote it.
pub(crate) fn read(file: Option<&Path>, input: &mut Input) -> Result<AuditHeadDocument, Failure> {
    let text = input.text("the head", file)?;
    serde_json::from_str(&text).map_err(|_| {
        Failure::usage("that is no head of an audit")
            .next("give what `wardkey audit head` printed, whole and unchanged")
    })
}

/// Asks the library.
pub(crate) fn judge(session: &Session, head: AuditHeadDocument) -> Result<AuditAnswer, Failure> {
    session.run(AuditCheck { head })
}

/// The answer as an exit code: 0, 9 or 11.
pub(crate) fn verdict(answer: &AuditAnswer) -> Result<(), Failure> {
    match answer.answer {
        "verified" => Ok(()),
        "contradicted" => {
            let message = "the audit does not hold this head: rows are missing or were changed";
            Err(Failure::new(Exit::Damaged, "contradicted", message)
                .next("keep a copy of all files and the head as evidence before anything else"))
        }
        _ => {
            let message = "whether the audit still holds this head cannot be said";
            Err(Failure::new(Exit::Undecidable, "undecidable", message).next(
                "if the head is this database's, compare with one of another day, or with an export from before a restore or cut",
            ))
        }
    }
}
