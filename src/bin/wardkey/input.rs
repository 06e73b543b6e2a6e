//! What is read: secrets that are not shown, and confirmations. Never from the command line, which other
//! users of the machine can see.

use crate::failure::{Exit, Failure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stderr, stdin};
use std::path::Path;
use wardkey::Secret;
use wardkey::admin::SecretText;
use zeroize::Zeroizing;

/// Standard input and the person at the terminal.
pub(crate) struct Input {
    yes: bool,
}

impl Input {
    pub(crate) const fn new(yes: bool) -> Self {
        Self { yes }
    }

    /// A secret: from the file, from a prompt without echo, or the first line of standard input.
    pub(crate) fn secret(
        &mut self,
        what: &str,
        file: Option<&Path>,
    ) -> Result<SecretText, Failure> {
        let text = match file {
            Some(file) => first_line(&read_file(file)?).to_owned().into(),
            None if stdin().is_terminal() => prompt(what)?,
            None => read_line(what)?,
        };
        if text.is_empty() {
            return Err(Failure::usage(format!("no {what} was given"))
                .next("type it at the prompt, or pass it on standard input"));
        }
        Ok(SecretText::from(text.as_str()))
    }

    /// A new password: at a terminal typed twice.
    pub(crate) fn new_password(&mut self, file: Option<&Path>) -> Result<SecretText, Failure> {
        let first = self.secret("password", file)?;
        if file.is_none() && stdin().is_terminal() {
            let again = prompt("the same password again")?;
            if again.as_str() != first.expose() {
                return Err(Failure::usage("the two passwords are not the same")
                    .next("run it again; nothing was changed"));
            }
        }
        Ok(first)
    }

    /// Everything on standard input, or in a file: a key in PEM, a document.
    pub(crate) fn text(
        &mut self,
        what: &str,
        file: Option<&Path>,
    ) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = file {
            return read_file(file);
        }
        if stdin().is_terminal() {
            let _ = writeln!(stderr(), "{what}, ended by Ctrl-D on a line of its own:");
        }
        // Room from the start, so that growing leaves few copies behind.
        let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
        stdin()
            .lock()
            .take(TEXT_LIMIT)
            .read_to_string(&mut text)
            .map_err(|error| Failure::io(format!("reading {what}"), &error))?;
        Ok(text)
    }

    /// A JSON object, as it was written: whoever gets it reads it strictly.
    pub(crate) fn object(
        &mut self,
        what: &str,
        file: Option<&Path>,
    ) -> Result<Zeroizing<String>, Failure> {
        let text = self.text(what, file)?;
        // Looked at only to be sure that it is one object and nothing behind it.
        if matches!(serde_json::from_str(&text), Ok(serde_json::Value::Object(_))) {
            return Ok(text);
        }
        Err(Failure::usage(format!("{what}: no JSON object was read"))
            .next("pass one on standard input, or name its file"))
    }

    /// A master key, from a prompt or the next line of standard input.
    pub(crate) fn key(&mut self, what: &str) -> Result<Secret, Failure> {
        let text = if stdin().is_terminal() { prompt(what)? } else { read_line(what)? };
        key_of(text.as_bytes())
    }

    /// The master key in a file.
    pub(crate) fn key_of_file(&mut self, file: &Path) -> Result<Secret, Failure> {
        let doing = || format!("reading {}", file.display());
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
        File::open(file)
            .and_then(|file| file.take(1024).read_to_end(&mut bytes))
            .map_err(|error| Failure::io(doing(), &error))?;
        if bytes.len() == 32 {
            return Ok(Secret::copy_of(&bytes));
        }
        key_of(bytes.split(|byte| *byte == b'\n').next().unwrap_or_default())
    }

    /// Goes on only if the person says yes.
    pub(crate) fn confirm(&mut self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let Some(mut answers) = person() else {
            let message = format!("{what}: this cannot be undone and was not confirmed");
            return Err(Failure::new(Exit::Unconfirmed, "unconfirmed", message)
                .next("run it at a terminal, or give --yes"));
        };
        let _ = write!(stderr(), "\n{what}. This cannot be undone. Go on? [y/N] ");
        let _ = stderr().flush();
        let mut answer = String::new();
        answers
            .read_line(&mut answer)
            .map_err(|error| Failure::io("reading the answer", &error))?;
        if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
            return Ok(());
        }
        let message = "not confirmed; nothing was changed";
        Err(Failure::new(Exit::Unconfirmed, "unconfirmed", message))
    }
}

/// Where a person can answer: standard input, or the terminal behind a pipe.
fn person() -> Option<Box<dyn BufRead>> {
    if stdin().is_terminal() {
        return Some(Box::new(BufReader::new(stdin())));
    }
    // Without standard error nobody would see the question.
    if !stderr().is_terminal() {
        return None;
    }
    let terminal = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
    let answers: Box<dyn BufRead> = Box::new(BufReader::new(File::open(terminal).ok()?));
    Some(answers)
}

fn prompt(what: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(format!("{what} (not shown): "));
    typed.map(Zeroizing::new).map_err(|error| Failure::io(format!("reading the {what}"), &error))
}

/// One line of standard input, without its end.
fn read_line(what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(16 * 1024));
    stdin()
        .lock()
        .take(TEXT_LIMIT)
        .read_line(&mut line)
        .map_err(|error| Failure::io(format!("reading the {what}"), &error))?;
    Ok(Zeroizing::new(first_line(&line).to_owned()))
}

fn read_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::io(format!("reading {}", file.display()), &error);
    let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
    File::open(file).map_err(failed)?.take(TEXT_LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A key as the key file has it, in base64url, or in hexadecimal.
fn key_of(line: &[u8]) -> Result<Secret, Failure> {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"wardkey-key-1 ").unwrap_or(line);
    let bytes = if line.len() == 64 { from_hex(line) } else { URL_SAFE_NO_PAD.decode(line).ok() };
    bytes.filter(|bytes| bytes.len() == 32).map(Secret::new).ok_or_else(|| {
        Failure::usage("that is no master key: 32 bytes, as 43 characters of base64url or 64 hexadecimal digits")
            .next("give the key that the database was made with")
    })
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    digits.collect()
}

/// More than any document that the library takes.
const TEXT_LIMIT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_each_of_its_spellings() {
        let hex = "07".repeat(32);
        let base64url = URL_SAFE_NO_PAD.encode([7; 32]);
        for text in [hex, base64url.clone(), format!("wardkey-key-1 {base64url}\r")] {
            assert!(key_of(text.as_bytes()).unwrap().matches(&[7; 32]), "{text}");
        }
        assert!(key_of(b"short").is_err());
        assert!(key_of("zz".repeat(32).as_bytes()).is_err());
    }
}
