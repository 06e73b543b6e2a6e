//! `wardkey`: administration from a terminal. Everything it does is a call of the library's public API.

mod audit;
mod backup;
mod call;
mod cancel;
mod check;
mod client;
mod clock;
mod doctor;
mod failure;
mod globals;
mod grant;
mod head;
mod init;
mod input;
mod issuer;
mod key;
mod leak;
mod limit;
mod metadata;
mod out;
mod prune;
mod recover;
mod rekey;
mod report;
mod restore;
mod role;
mod rotate;
mod scope;
mod secret;
mod session;
mod settings;
mod token;
mod transfer;
mod user;
mod when;

use crate::failure::Failure;
use crate::globals::Globals;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use clap::error::{ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// OAuth 2.0 clients, users, tokens and their audit, in one file.
///
/// A leaked secret or token: paste it into `wardkey leak`.
#[derive(Parser)]
#[command(name = "wardkey", version, after_long_help = EXIT_CODES, arg_required_else_help = true)]
#[command(max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::Init),
    #[command(flatten)]
    Administer(Administration),
    Restore(restore::Restore),
    Recover(recover::Recover),
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is done with an open database.
#[derive(Subcommand)]
enum Administration {
    #[command(subcommand)]
    Client(client::Command),
    #[command(subcommand)]
    Secret(secret::Command),
    /// The words that tokens may carry
    #[command(subcommand)]
    Scope(scope::Command),
    #[command(subcommand)]
    User(user::Command),
    /// Named lists of scope words, for users
    #[command(subcommand)]
    Role(role::Command),
    /// The keys that sign tokens
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Issuer(issuer::Command),
    /// What users allowed clients
    #[command(subcommand)]
    Grant(grant::Command),
    #[command(subcommand)]
    Token(token::Command),
    /// What holds for the whole database
    #[command(subcommand)]
    Settings(settings::Command),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Command),
    Leak(leak::Leak),
    Backup(backup::Backup),
    Check(check::Check),
    Prune(prune::Prune),
    /// The machine's clock, and the time that is believed
    #[command(subcommand)]
    Clock(clock::Command),
    Rekey(rekey::Rekey),
    Doctor(doctor::Doctor),
    Call(call::Call),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return misread(&error);
        }
    };
    let out = Out::new(cli.globals.json);
    match run(cli, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&out),
    }
}

/// Prints help that was asked for, or says what is wrong with the command line.
fn misread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    // What was not understood may still say who reads the answer.
    let json = std::env::args_os().any(|argument| argument == "--json");
    // Somebody may have put a secret where an argument belongs: it is not repeated.
    let unknown = error.kind() == ErrorKind::UnknownArgument;
    let is_long = |text: &String| {
        text.len() > REPEATED || unknown && (!text.starts_with('-') || text.contains('='))
    };
    let may_be_secret = error.context().any(|(_, value)| {
        matches!(value, ContextValue::String(text) if is_long(text))
            || matches!(value, ContextValue::Strings(texts) if texts.iter().any(is_long))
    });
    if may_be_secret && error.kind() != ErrorKind::MissingRequiredArgument {
        let message = "an argument is wrong; it is not shown, for it may be a secret";
        let next = "secrets are read from a prompt or standard input; see wardkey help";
        return Failure::usage(message).next(next).report(&Out::new(json));
    }
    if json {
        let said = error.to_string();
        let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Failure::usage(said).next("see wardkey help").report(&Out::new(json));
    }
    let _ = error.print();
    ExitCode::from(2)
}

fn run(cli: Cli, out: &Out) -> Result<(), Failure> {
    let mut input = Input::new(cli.globals.yes);
    match cli.command {
        Command::Completions { shell } => completions(shell, out),
        Command::Init(init) => init.run(&cli.globals, &mut input, out),
        Command::Restore(restore) => restore.run(&cli.globals, &mut input, out),
        Command::Recover(recover) => recover.run(&cli.globals, &mut input, out),
        // What a token says of itself and what operations there are needs no database.
        Command::Administer(Administration::Token(token::Command::Inspect { file })) => {
            token::inspect(file, &mut input, out)
        }
        Command::Administer(Administration::Call(call)) if call.asks_for_names() => {
            call::names(out)
        }
        Command::Administer(command) => {
            let session = Session::open(&cli.globals, &mut input)?;
            let done = administer(command, &session, &mut input, out);
            // What was asked for has failed or not; the notes are written in any case.
            let closed = session.close();
            done.and(closed)
        }
    }
}

fn administer(
    command: Administration,
    session: &Session,
    input: &mut Input,
    out: &Out,
) -> Result<(), Failure> {
    match command {
        Administration::Client(command) => command.run(session, input, out),
        Administration::Secret(command) => command.run(session, input, out),
        Administration::Scope(command) => command.run(session, out),
        Administration::User(command) => command.run(session, input, out),
        Administration::Role(command) => command.run(session, out),
        Administration::Key(command) => command.run(session, input, out),
        Administration::Issuer(command) => command.run(session, input, out),
        Administration::Grant(command) => command.run(session, input, out),
        Administration::Token(command) => command.run(session, input, out),
        Administration::Settings(command) => command.run(session, input, out),
        Administration::Audit(command) => command.run(session, input, out),
        Administration::Leak(leak) => leak.run(session, input, out),
        Administration::Backup(backup) => backup.run(session, out),
        Administration::Check(check) => check.run(session, input, out),
        Administration::Prune(prune) => prune.run(session, out),
        Administration::Clock(command) => command.run(session, input, out),
        Administration::Rekey(rekey) => rekey.run(session, input, out),
        Administration::Doctor(doctor) => doctor.run(session, out),
        Administration::Call(call) => call.run(session, input, out),
    }
}

fn completions(shell: clap_complete::Shell, out: &Out) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wardkey", &mut script);
    out.bytes(&script)
}

/// Longest argument that an error repeats: longer than any option, shorter than any secret that a program
/// made.
const REPEATED: usize = 30;

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  failed: the disk, the system, or a defect
   2  the command line or a value is wrong; nothing was done
   3  refused: the token is not valid, the request was denied
   4  not found
   5  conflict: it exists already, or is in use
   6  not confirmed: answer the question, or give --yes
   7  busy: another program holds the database; try again
   8  the database does not open as it is: key, restore, folder or version
   9  damaged or edited outside this program; the audit is broken
  10  doctor found something to mend
  11  nothing can be said of an audit head: audit check, check --head
 130  cancelled with Ctrl-C

With --json an error is one JSON object on standard error: error, message, next, exit.
Secrets are read from a prompt, standard input or a file, never from arguments.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_stands_in_its_page_with_an_example() {
        let page = include_str!("../../../docs/cli.md");
        let mut open = vec![("wardkey".to_owned(), Cli::command())];
        while let Some((name, command)) = open.pop() {
            let mut is_leaf = true;
            for inner in command.get_subcommands() {
                is_leaf = false;
                open.push((format!("{name} {}", inner.get_name()), inner.clone()));
            }
            let examples = page.lines().filter(|line| !line.starts_with(['|', '#']));
            let shown = examples.filter(|line| line.contains(&name)).count();
            assert!(!is_leaf || shown > 0, "docs/cli.md has no example of `{name}`");
        }
    }
}
