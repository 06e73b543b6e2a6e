//! `wardkey check`: whether the whole file is as it was written.

use crate::cancel;
use crate::failure::{Exit, Failure};
use crate::head;
use crate::input::Input;
use crate::out::{Out, counted};
use crate::session::Session;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use wardkey::admin::{AuditAnswer, DatabaseChecked};

/// Check the whole file: SQLite's own check, every row against its code and the audit, the audit's chain
///
/// Exit code 9 if anything is wrong. Whether rows were cut off the end, with all that belongs to them, shows only
/// a head that was kept elsewhere: --head.
#[derive(Args)]
pub(crate) struct Check {
    /// Hold this head against the chain, too: a file that `wardkey audit head` printed
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
}

/// The answer for scripts.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    checked: &'a DatabaseChecked,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<&'a AuditAnswer>,
}

impl Check {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let kept = self.head.map(|file| head::read(Some(&file), input)).transpose()?;
        cancel::watch();
        let bar = out.bar("checking");
        let checked = session.engine().check(&session.context(), &mut |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            cancel::asked()
        });
        bar.finish_and_clear();
        let checked = checked?;
        if checked.cancelled {
            return Err(cancel::failure("what was not reached was not checked"));
        }
        let head = kept.map(|kept| head::judge(session, kept)).transpose()?;
        let answer = Answer { checked: &checked, head: head.as_ref() };
        out.answer(&answer, || show(&answer, out))?;
        if !checked.sound {
            let message = "the file is damaged, or was edited outside of this program";
            return Err(Failure::new(Exit::Damaged, "unsound", message).next(
                "keep a copy of all files as evidence, then restore a backup: wardkey restore",
            ));
        }
        head.as_ref().map_or(Ok(()), head::verdict)
    }
}

fn show(answer: &Answer<'_>, out: &Out) -> Result<(), Failure> {
    let Answer { checked, head } = answer;
    let audit = checked.audit.as_ref();
    let kept = head.map_or_else(String::new, |head| {
        let why = head.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        format!("{}{why}", head.answer)
    });
    out.fields(&[
        ("file", if checked.sound { "as it was written" } else { "NOT SOUND" }.to_owned()),
        ("audit rows", audit.map_or_else(String::new, |audit| audit.rows.to_string())),
        ("kept head", kept),
    ])?;
    let mut findings: Vec<_> = checked
        .findings
        .iter()
        .map(|found| {
            vec![found.table.clone(), found.id.clone().unwrap_or_default(), found.why.clone()]
        })
        .collect();
    if let Some((row, why)) = audit.and_then(|audit| Some((audit.bad_row, audit.why.clone()?))) {
        findings.push(vec![
            "audit".to_owned(),
            row.map_or_else(String::new, |row| row.to_string()),
            why,
        ]);
    }
    if findings.is_empty() {
        return Ok(());
    }
    out.line(&format!("\n{}\n", counted(findings.len(), "finding")))?;
    out.table(&["table", "row", "what is wrong"], findings)
}
