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
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use wardkey::admin::AuditReport;

/// One page about what a client did in a month, and the same as CSV
///
/// The page is HTML without scripts that loads nothing: to read, print or mail. Without a client all of them are
/// counted, in a table and as CSV.
#[derive(Args)]
pub(crate) struct Report {
    /// The client: its id or name
    #[arg(long)]
    client: Option<String>,
    /// The month, in UTC: 2026-03
    #[arg(long, value_parser = Month::parse)]
    month: Month,
    /// Write OUTPUT.html and OUTPUT.csv [default: CLIENT_ID-MONTH, of all clients clients-MONTH]
    #[arg(short, long)]
    output: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        match &self.client {
            Some(client) => self.of_one(client, session, out),
            None => self.of_all(session, out),
        }
    }

    fn of_one(&self, client: &str, session: &Session, out: &Out) -> Result<(), Failure> {
        let record = Record::gather(session, client, self.month, out)?;
        let name = self.output.clone().unwrap_or_else(|| PathBuf::from(file_name(&record)));
        let (page, table) = (suffixed(&name, ".html"), suffixed(&name, ".csv"));
        // Both are made before either is written: no half report under a name that is free.
        let (mut page_file, mut table_file) = (new_file(&page)?, new_file(&table)?);
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

    fn of_all(&self, session: &Session, out: &Out) -> Result<(), Failure> {
        let progress = out.progress("reading rows");
        let report = session.run(AuditReport { client_id: None, month: self.month.to_string() });
        progress.finish_and_clear();
        let report = report?;
        let default = || PathBuf::from(format!("clients-{}", self.month));
        let path = suffixed(&self.output.clone().unwrap_or_else(default), ".csv");
        write(&mut new_file(&path)?, &path, &report.csv)?;
        let csv = path.display().to_string();
        let document = json!({"csv": csv, "month": report.month, "clients": report.clients});
        out.answer(&document, || {
            let rows = report.clients.iter().map(|client| {
                let id = if client.client_id.is_empty() { "(none)" } else { &client.client_id };
                let counts = [client.issued, client.used, client.refused, client.changes];
                let names = [id.to_owned(), client.client_name.clone()].into_iter();
                names.chain(counts.iter().map(u64::to_string)).collect()
            });
            let heads = ["client id", "name", "issued", "uses", "refusals", "changes"];
            out.table(&heads, rows.collect())?;
            out.line(&format!("\nwritten to {csv}"))
        })
    }
}

fn write(file: &mut File, path: &Path, text: &str) -> Result<(), Failure> {
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::io(format!("writing {}", path.display()), &error))
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
