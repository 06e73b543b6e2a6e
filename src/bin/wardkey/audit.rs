//! `wardkey audit`: who did what.

use crate::client;
use crate::failure::{Exit, Failure};
use crate::head;
use crate::input::Input;
use crate::out::Out;
use crate::report::Report;
use crate::session::Session;
use crate::user;
use crate::when;
use clap::{Args, Subcommand};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use wardkey::admin::{
    AuditEntryDocument, AuditExplain, AuditExport, AuditHeadRead, AuditPage, AuditRead, AuditVerify,
};

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
        #[arg(conflicts_with_all = ["client", "user", "secret", "event", "outcome", "from", "until"])]
        sequence: Option<u64>,
        #[command(flatten)]
        filter: Filter,
        /// About this secret (its id)
        #[arg(long, value_name = "SECRET_ID")]
        secret: Option<String>,
        /// Of this event, such as token.issue
        #[arg(long)]
        event: Option<String>,
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
    /// Print the signed end of the chain as JSON, to keep off this machine
    Head,
    /// Hold a head that was kept against the chain, from standard input; 0 verified, 9 contradicted, 11 undecidable
    Check {
        /// Read the head from this file instead
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write a stretch of the chain as JSON Lines, which a stranger verifies with the public key alone
    ///
    /// Of rows that do not meet the conditions their digest is written: the chain stays whole.
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
    /// About this user (name or id)
    #[arg(long)]
    user: Option<String>,
    /// Of this outcome
    #[arg(long, value_parser = ["allowed", "denied", "done"])]
    outcome: Option<String>,
    /// From this time on: 2026-03-01, or 2d for the last two days
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::Tail { lines, follow } => tail(session, lines, follow, out),
            Self::Show { sequence: Some(sequence), .. } => show_one(session, sequence, out),
            Self::Show { sequence: None, filter, secret, event, limit } => {
                let request = AuditRead { credential_id: secret, event, ..filter.read(session)? };
                show_some(session, request, limit, out)
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
            Self::Head => head::print(session, out),
            Self::Check { file } => head::check(session, file.as_deref(), input, out),
            Self::Export { filter, output } => {
                let AuditRead { client_id, user_id, outcome, from, until, .. } =
                    filter.read(session)?;
                let request = AuditExport {
                    client_id,
                    user_id,
                    outcome,
                    from,
                    until,
                    ..AuditExport::default()
                };
                export(session, request, output.as_deref(), out)
            }
            Self::Report(report) => report.run(session, out),
        }
    }
}

impl Filter {
    fn read(self, session: &Session) -> Result<AuditRead, Failure> {
        let client = self.client.map(|client| client::in_audit(session, &client));
        let user = self.user.map(|user| user::in_audit(session, &user));
        let time = |text: Option<String>| -> Result<Option<i64>, Failure> {
            let seconds = text.map(|text| when::parse_past(&text, session.now())).transpose()?;
            Ok(seconds.map(|seconds| seconds.saturating_mul(1000)))
        };
        Ok(AuditRead {
            client_id: client.transpose()?.map(|(client_id, _)| client_id),
            user_id: user.transpose()?,
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

fn show_some(session: &Session, request: AuditRead, limit: u32, out: &Out) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let enough = usize::try_from(limit).unwrap_or(usize::MAX);
    each_page(session, request, |page| {
        rows.extend(page.rows);
        Ok(rows.len() < enough)
    })?;
    rows.truncate(enough);
    show(&rows, out)
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
    let last = session.run(AuditHeadRead {})?.sequence;
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
        out.note("Keep it elsewhere, signed: wardkey audit head. It shows later whether rows were cut off.");
        Ok(())
    })?;
    if verdict.valid {
        return Ok(());
    }
    let message = "the audit was edited outside this program, or is damaged";
    Err(Failure::new(Exit::Damaged, "audit_broken", message)
        .next("keep a copy of all files as evidence before anything else"))
}

/// The first line has what a verifier needs, each other line a row or what stands for it.
fn export(
    session: &Session,
    mut request: AuditExport,
    output: Option<&Path>,
    out: &Out,
) -> Result<(), Failure> {
    let mut sink: Box<dyn Write> = match output {
        Some(path) => Box::new(BufWriter::new(new_file(path)?)),
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    let failed = |error: std::io::Error| Failure::io("writing the export", &error);
    request.limit = Some(1000);
    let progress = out.progress("lines");
    loop {
        let page = session.run(request.clone())?;
        sink.write_all(page.text.as_bytes()).map_err(failed)?;
        progress.inc(u64::try_from(page.text.lines().count()).unwrap_or_default());
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    let lines = progress.position();
    progress.finish_and_clear();
    sink.flush().map_err(failed)?;
    if let Some(path) = output {
        out.note(&format!("{lines} lines written to {}", path.display()));
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
