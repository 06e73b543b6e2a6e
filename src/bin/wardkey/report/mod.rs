//! `wardkey audit report`: what a client did in a month, as one page and as CSV.

mod csv;
mod gather;
mod html;
mod plot;

use crate::audit::new_file;
use crate::failure::Failure;
use crate::out::Out;
use crate::report::gather::Record;
use crate::session::Session;
use crate::when::Month;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// One page about what a client did in a month, and the same as CSV
///
/// The page is HTML without scripts that loads nothing: to read, print or mail.
#[derive(Args)]
pub(crate) struct Report {
    /// The client: its id or name
    #[arg(long)]
    client: String,
    /// The month, in UTC: 2026-03
    #[arg(long, value_parser = Month::parse)]
    month: Month,
    /// Write OUTPUT.html and OUTPUT.csv [default: CLIENT_ID-MONTH]
    #[arg(short, long)]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        let record = Record::gather(session, &self.client, self.month, out)?;
        let name = self.output.unwrap_or_else(|| PathBuf::from(file_name(&record)));
        let (page, table) = (suffixed(&name, ".html"), suffixed(&name, ".csv"));
        // Both are made before either is written: no half report under a name that is free.
        let (mut page_file, mut table_file) = (new_file(&page)?, new_file(&table)?);
        let write = |file: &mut std::fs::File, path: &Path, text: &str| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|error| Failure::io(format!("writing {}", path.display()), &error))
        };
        write(&mut page_file, &page, &html::print(&record))?;
        write(&mut table_file, &table, &csv::print(&record))?;
        let (page, table) = (page.display().to_string(), table.display().to_string());
        let document = json!({
            "html": page, "csv": table, "client_id": record.client_id, "month": self.month.to_string(),
            "issues": record.issues(), "uses": record.uses(), "refusals": record.refusals(),
        });
        out.answer(&document, || {
            out.fields(&[
                ("tokens issued", record.issues().to_string()),
                ("uses", record.uses().to_string()),
                ("refusals", record.refusals().to_string()),
                ("page", page.clone()),
                ("table", table.clone()),
            ])
        })
    }
}

/// A file's name from a client's id, which may have been brought from elsewhere with slashes in it.
fn file_name(record: &Record) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let id: String = record.client_id.chars().map(sound).collect();
    format!("{}-{}", id.trim_start_matches(['.', '-']), record.month)
}

fn suffixed(name: &Path, suffix: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
