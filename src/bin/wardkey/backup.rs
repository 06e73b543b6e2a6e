//! `wardkey backup`: a copy of the database while it is in use.

use crate::cancel;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use clap::Args;
use std::path::PathBuf;
use wardkey::admin::Backup as Report;

/// Copy the database to a new file, while programs go on using it, and check the copy
///
/// The copy holds everything but the key: what it prints says what opens it. Ctrl-C leaves nothing behind.
#[derive(Args)]
pub(crate) struct Backup {
    /// The file to make; nothing is overwritten
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        cancel::watch();
        let bar = out.bar("copying and checking");
        let copied = session.engine().backup(&session.context(), &self.file, &mut |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            cancel::asked()
        });
        bar.finish_and_clear();
        let report = copied?.ok_or_else(|| cancel::failure("nothing was left of the copy"))?;
        out.answer(&report, || show(&report, out))
    }
}

fn show(report: &Report, out: &Out) -> Result<(), Failure> {
    let found = match report.key_found {
        Some(true) => "the key file beside the database opens the copy",
        Some(false) => "THE KEY FILE BESIDE THE DATABASE DOES NOT OPEN THE COPY",
        None => "",
    };
    let code = if report.recovery_code { "there is one, and it opens the copy" } else { "none" };
    out.fields(&[
        ("copy", report.path.clone()),
        ("bytes", report.bytes.to_string()),
        ("key id", report.key_id.clone()),
        ("key kept by", report.key_source.to_owned()),
        ("key found", found.to_owned()),
        ("recovery code", code.to_owned()),
        ("keep", report.keep.to_owned()),
        ("audit rows", report.audit_sequence.to_string()),
    ])?;
    out.value("audit head", &report.audit_head)?;
    out.note("Keep off this machine, with each copy: wardkey audit head > FILE");
    Ok(())
}
