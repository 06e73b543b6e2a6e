//! `wardkey prune`: clearing away at once what writes clear away a few rows at a time.

use crate::cancel;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use clap::Args;
use serde_json::json;
use wardkey::admin::DatabasePrune;

/// Clear away now what is over: tokens, grants and secrets that have ended, rows of the audit that were kept long
/// enough
///
/// Nothing has to run it: every write clears a few rows. It does nothing that would not happen anyway. A day's worth
/// of
/// the audit at most is cut by one run, so that a wrong clock cannot cut more.
#[derive(Args)]
pub(crate) struct Prune {}

impl Prune {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        cancel::watch();
        let progress = out.progress("clearing away, rows");
        let (mut rows, mut audit_rows, mut bytes) = (0_u64, 0_u64, 0_u64);
        let mut idle = 0;
        // The first round may only tell other programs what time it is; two that do nothing are the end.
        let (kept, whole) = loop {
            let round = session.run(DatabasePrune {})?;
            rows += round.rows;
            audit_rows += round.audit_rows;
            bytes += round.bytes;
            let did = round.rows + round.audit_rows;
            progress.inc(did);
            idle = if did + round.bytes == 0 { idle + 1 } else { 0 };
            if !round.more || idle > 1 {
                break (round.kept, true);
            }
            if cancel::asked().is_break() {
                break (round.kept, false);
            }
        };
        progress.finish_and_clear();
        let document = json!({
            "rows": rows, "audit_rows": audit_rows, "bytes": bytes, "kept": kept, "cancelled": !whole,
        });
        out.answer(&document, || {
            out.fields(&[
                ("rows that ended", rows.to_string()),
                ("audit rows cut", audit_rows.to_string()),
                ("bytes returned", bytes.to_string()),
            ])?;
            if kept > 0 {
                out.note(&format!(
                    "{kept} rows whose time is over stay: the clock leapt forward and is not believed. \
                     See: wardkey clock show"
                ));
            }
            Ok(())
        })?;
        if whole { Ok(()) } else { Err(cancel::failure("the rest goes with later writes")) }
    }
}
