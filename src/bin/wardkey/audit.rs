//! `wardkey audit`: who did what.

use crate::client;
use crate::failure::{Exit, Failure};
use crate::out::Out;
use crate::report::Report;
use crate::session::Session;
use crate::when;
use clap::{Args, Subcommand};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wardkey::admin::{AuditEntryDocument, AuditExplain, AuditPage, AuditRead, AuditVerify};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the latest rows
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: u32,
        /// Go on printing rows as they come
        #[arg(short, long)]
        follow: bool,
    },
    /// Print rows that meet all conditions, oldest first, or one row in full
    Show {
        /// This row alone, with what it says and its hash
        #[arg(conflicts_with_all = ["client", "secret", "event", "outcome", "from", "until"])]
        sequence: Option<u64>,
        #[command(flatten)]
        filter: Filter,
        /// At most so many
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
    /// Say in words what became of a request, by its Wardkey-Request-Id
    Explain {
        /// The id: 32 hexadecimal digits
        request_id: String,
    },
    /// Follow the whole chain and check every hash and signature; exit code 9 if a row is bad
    Verify,
    /// Write the exact rows with their hashes and signatures, one JSON document a line
    Export {
        #[command(flatten)]
        filter: Filter,
        /// Write here instead of to standard output; the file must not exist
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    Report(Report),
}

/// Which rows.
#[derive(Args)]
pub(crate) struct Filter {
    /// About this client (its id or name)
    #[arg(long)]
    client: Option<String>,
    /// About this secret (its id)
    #[arg(long, value_name = "SECRET_ID")]
    secret: Option<String>,
    /// Of this event, such as token.issue
    #[arg(long)]
    event: Option<String>,
    /// allowed, denied or done
    #[arg(long)]
    outcome: Option<String>,
    /// From this time on: 2026-03-01, or 2d for the last two days
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Command {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        match self {
            Self::Tail { lines, follow } => tail(session, lines, follow, out),
            Self::Show { sequence: Some(sequence), .. } => show_one(session, sequence, out),
            Self::Show { sequence: None, filter, limit } => {
                let mut rows = Vec::new();
                let enough = usize::try_from(limit).unwrap_or(usize::MAX);
                each_page(session, filter.read(session)?, |page| {
                    rows.extend(page.rows);
                    Ok(rows.len() < enough)
                })?;
                rows.truncate(enough);
                show(&rows, out)
            }
            Self::Explain { request_id } => {
                let answer = session.run(AuditExplain { request_id })?;
                out.answer(&answer, || {
                    out.line(&answer.words)?;
                    answer.entry.as_ref().map_or(Ok(()), |entry| out.line(&format!("{entry:#}")))
                })?;
                if answer.held {
                    return Ok(());
                }
                Err(Failure::new(Exit::NotFound, "not_held", String::new()))
            }
            Self::Verify => verify(session, out),
            Self::Export { filter, output } => {
                export(session, filter.read(session)?, output.as_deref(), out)
            }
            Self::Report(report) => report.run(session, out),
        }
    }
}

impl Filter {
    fn read(self, session: &Session) -> Result<AuditRead, Failure> {
        let client = self.client.map(|client| client::in_audit(session, &client));
        let time = |text: Option<String>| -> Result<Option<i64>, Failure> {
            let seconds = text.map(|text| when::parse_past(&text, session.now())).transpose()?;
            Ok(seconds.map(|seconds| seconds.saturating_mul(1000)))
        };
        Ok(AuditRead {
            client_id: client.transpose()?.map(|(client_id, _)| client_id),
            credential_id: self.secret,
            event: self.event,
            outcome: self.outcome,
            from: time(self.from)?,
            until: time(self.until)?,
            ..AuditRead::default()
        })
    }
}

/// Reads page after page until there is none, or `take` wants no more.
pub(crate) fn each_page(
    session: &Session,
    mut request: AuditRead,
    mut take: impl FnMut(AuditPage) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    request.limit = Some(1000);
    loop {
        let page = session.run(request.clone())?;
        request.after = page.next;
        if !take(page)? || request.after.is_none() {
            return Ok(());
        }
    }
}

fn show(rows: &[AuditEntryDocument], out: &Out) -> Result<(), Failure> {
    out.answer(&json!({"rows": rows}), || rows.iter().try_for_each(|row| out.line(&line_of(row))))
}

fn line_of(row: &AuditEntryDocument) -> String {
    format!("{:>6} {}", row.sequence, row.words)
}

fn show_one(session: &Session, sequence: u64, out: &Out) -> Result<(), Failure> {
    let missing = || {
        Failure::new(Exit::NotFound, "not_found", format!("the audit has no row {sequence}"))
            .next("wardkey audit tail")
    };
    let after = Some(sequence.checked_sub(1).ok_or_else(missing)?);
    let page = session.run(AuditRead { after, limit: Some(1), ..AuditRead::default() })?;
    let row = page.rows.into_iter().find(|row| row.sequence == sequence).ok_or_else(missing)?;
    out.answer(&row, || {
        out.line(&line_of(&row))?;
        out.line(&format!("{:#}", row.entry))?;
        out.line(&format!("hash {}", row.hash))
    })
}

fn tail(session: &Session, lines: u32, follow: bool, out: &Out) -> Result<(), Failure> {
    let last = last_sequence(session)?;
    let mut after = last.saturating_sub(u64::from(lines));
    let mut first = true;
    loop {
        let mut rows = Vec::new();
        each_page(session, AuditRead { after: Some(after), ..AuditRead::default() }, |page| {
            rows.extend(page.rows);
            Ok(true)
        })?;
        after = rows.last().map_or(after, |row| row.sequence);
        // A script that follows wants a document a line, and no end.
        match (follow && out.is_json(), first || !rows.is_empty()) {
            (true, _) => rows.iter().try_for_each(|row| json_line(row, out))?,
            (false, true) => show(&rows, out)?,
            (false, false) => {}
        }
        if !follow {
            return Ok(());
        }
        first = false;
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn json_line(row: &AuditEntryDocument, out: &Out) -> Result<(), Failure> {
    let mut line =
        serde_json::to_vec(row).map_err(|_| Failure::defect("a row that cannot be printed"))?;
    line.push(b'\n');
    out.bytes(&line)
}

/// The last row's number, found by halving: rows are numbered without gaps, and read from the oldest on.
fn last_sequence(session: &Session) -> Result<u64, Failure> {
    let next_after = |after: u64| -> Result<Option<u64>, Failure> {
        let request = AuditRead { after: Some(after), limit: Some(1), ..AuditRead::default() };
        Ok(session.run(request)?.rows.first().map(|row| row.sequence))
    };
    let Some(mut low) = next_after(0)? else {
        return Ok(0);
    };
    let mut step = 1024;
    while let Some(found) = next_after(low + step)? {
        (low, step) = (found, step * 2);
    }
    let mut high = low + step;
    while low < high {
        let middle = low + (high - low) / 2;
        match next_after(middle)? {
            Some(found) => low = found,
            None => high = middle,
        }
    }
    Ok(low)
}

fn verify(session: &Session, out: &Out) -> Result<(), Failure> {
    let progress = out.progress("following the chain");
    let verdict = session.run(AuditVerify::default());
    progress.finish_and_clear();
    let verdict = verdict?;
    out.answer(&verdict, || {
        let state = if verdict.valid { "every row is as it was written" } else { "BROKEN" };
        out.fields(&[
            ("audit", state.to_owned()),
            ("good rows", verdict.rows.to_string()),
            ("first bad row", verdict.bad_row.map_or_else(String::new, |row| row.to_string())),
            ("why", verdict.why.clone().unwrap_or_default()),
        ])?;
        out.value("head", &verdict.head)?;
        out.note("Keep the head elsewhere: it shows later whether rows were cut off.");
        Ok(())
    })?;
    if verdict.valid {
        return Ok(());
    }
    let message = "the audit was edited outside this program, or is damaged";
    Err(Failure::new(Exit::Damaged, "audit_broken", message)
        .next("keep a copy of all files as evidence before anything else"))
}

/// The first line has what a verifier needs, each other line a row.
fn export(
    session: &Session,
    request: AuditRead,
    output: Option<&Path>,
    out: &Out,
) -> Result<(), Failure> {
    let mut sink: Box<dyn Write> = match output {
        Some(path) => Box::new(BufWriter::new(new_file(path)?)),
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    let failed = |error: std::io::Error| Failure::io("writing the export", &error);
    let progress = out.progress("rows");
    let mut begun = false;
    let written = each_page(session, request, |page| {
        if !begun {
            let head = json!({"wardkey_audit": 1, "start": page.start, "keys": page.keys});
            writeln!(sink, "{head}").map_err(failed)?;
            begun = true;
        }
        for row in &page.rows {
            let line = json!({
                "sequence": row.sequence, "row": row.row, "hash": row.hash,
                "signed_by": row.signed_by, "signature": row.signature,
            });
            writeln!(sink, "{line}").map_err(failed)?;
        }
        progress.inc(u64::try_from(page.rows.len()).unwrap_or_default());
        Ok(true)
    });
    let rows = progress.position();
    progress.finish_and_clear();
    written?;
    sink.flush().map_err(failed)?;
    if let Some(path) = output {
        out.note(&format!("{rows} rows written to {}", path.display()));
    }
    Ok(())
}

/// A file that is made, for its owner alone; what is there already is not overwritten.
pub(crate) fn new_file(path: &Path) -> Result<File, Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let message = format!("{} exists already", path.display());
            return Failure::new(Exit::Conflict, "file_exists", message)
                .next("choose another name with --output, or move it away");
        }
        Failure::io(format!("making {}", path.display()), &error)
    })
}
