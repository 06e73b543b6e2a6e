//! `wardkey leak`: from a pasted secret or token to its end, in one command.

use crate::audit::each_page;
use crate::client;
use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::secret;
use crate::session::Session;
use crate::when;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use wardkey::admin::{
    AuditRead, LeakDocument, LeakFind, SecretDocument, SecretList, SecretText, TokenRevoke,
};
use zeroize::Zeroizing;

/// Whose a leaked secret or token is, where it was used, and end it
///
/// Paste it at the prompt, or pass it on standard input; a whole Authorization header will do. A secret ends
/// with every token it obtained, an access token alone, a refresh token with its whole grant. Then every
/// issue and use since it was made is listed.
#[derive(Args)]
pub(crate) struct Leak {
    /// Read it from the first line of this file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only tell; end nothing
    #[arg(long)]
    keep: bool,
}

/// The answer for scripts.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    found: &'a LeakDocument,
    client_name: &'a str,
    secret: Option<&'a SecretDocument>,
    /// Whether this command ended it.
    ended: bool,
    history: &'a [Value],
}

impl Leak {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let pasted = input.secret("leaked secret or token", self.file.as_deref())?;
        let (found, text) = find(session, pasted.expose())?;
        let client_name = client::find(session, &found.client_id)
            .map_or_else(|_| String::new(), |client| client.client_name);
        let secret = secret_behind(session, &found)?;
        if !out.is_json() {
            show_owner(&found, &client_name, secret.as_ref(), out)?;
        }
        let decided = if self.keep || has_ended(&found) {
            Ok(false)
        } else {
            end(session, &found, &text, &client_name, input).map(|()| true)
        };
        // Whether or not it was ended, who used it until now is worth knowing.
        let history = history(session, &found)?;
        let ended = *decided.as_ref().unwrap_or(&false);
        let (found, secret) = (&found, secret.as_ref());
        let answer = Answer { found, client_name: &client_name, secret, ended, history: &history };
        out.answer(&answer, || {
            if ended {
                out.line(&format!("\nENDED: {}", what_ended(found)))?;
            }
            show_history(&history, found, out)?;
            if ended {
                out.note(after(found));
            }
            Ok(())
        })?;
        decided.map(drop)
    }
}

/// Whose it is, and what of the pasted text it is: the whole, or else one of the words in it, the longest first.
fn find(session: &Session, pasted: &str) -> Result<(LeakDocument, Zeroizing<String>), Failure> {
    let whole = core_of(pasted);
    let mut words: Vec<&str> = pasted.split(|c| !is_part(c)).flat_map(trimmed).collect();
    words.retain(|word| word.len() >= SHORTEST && *word != whole.as_str());
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words.truncate(WORDS);
    // What the whole text met is what is said, if no word is found either.
    let mut first = None;
    for text in std::iter::once(whole.as_str()).chain(words) {
        match session.run(LeakFind { text: SecretText::from(text) }) {
            Ok(found) => return Ok((found, Zeroizing::new(text.to_owned()))),
            Err(failure) => _ = first.get_or_insert(failure),
        }
    }
    Err(first.unwrap_or_else(|| Failure::usage("nothing was pasted")))
}

/// What secrets and tokens are made of.
const fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '~')
}

/// A word as it stands, and without the full stop of its sentence.
fn trimmed(word: &str) -> [&str; 2] {
    [word, word.trim_end_matches('.')]
}

/// Words that are tried: each may cost a hash for each imported secret.
const WORDS: usize = 16;

/// No secret and no token is shorter.
const SHORTEST: usize = 8;

/// The secret or token in what was pasted: a header, a form's member, a line of a configuration.
fn core_of(pasted: &str) -> Zeroizing<String> {
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';');
    let mut text = pasted.trim_matches(quotes);
    for prefix in [
        "authorization:",
        "bearer ",
        "client_secret=",
        "client_secret:",
        "access_token=",
        "refresh_token=",
    ] {
        let head = text.get(..prefix.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(prefix) {
            text = text.get(prefix.len()..).unwrap_or_default().trim_matches(quotes);
        }
    }
    let basic = text.get(..6).filter(|head| head.eq_ignore_ascii_case("basic "));
    let pair = basic.and_then(|_| STANDARD.decode(text.get(6..)?.trim()).ok()).map(Zeroizing::new);
    let secret = pair.as_deref().and_then(|pair| {
        let (_, secret) = std::str::from_utf8(pair).ok()?.split_once(':')?;
        Some(secret)
    });
    Zeroizing::new(secret.unwrap_or(text).to_owned())
}

fn secret_behind(
    session: &Session,
    found: &LeakDocument,
) -> Result<Option<SecretDocument>, Failure> {
    let Some(credential_id) = &found.credential_id else {
        return Ok(None);
    };
    match session.run(SecretList { client_id: found.client_id.clone() }) {
        Ok(page) => Ok(page.secrets.into_iter().find(|s| s.credential_id == *credential_id)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn show_owner(
    found: &LeakDocument,
    client_name: &str,
    secret: Option<&SecretDocument>,
    out: &Out,
) -> Result<(), Failure> {
    let state = match (found.active, &found.reason_description) {
        (true, _) => "IN FORCE: whoever has it can use it".to_owned(),
        (false, why) => format!("cannot be used now: {}", why.as_deref().unwrap_or("not known")),
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    out.fields(&[
        ("what", kind(found).to_owned()),
        ("client", format!("{client_name} ({})", found.client_id).trim().to_owned()),
        ("state", state),
        ("secret id", text(&found.credential_id)),
        ("secret label", secret.map_or_else(String::new, |secret| secret.label.clone())),
        ("token id", text(&found.jti)),
        ("grant", text(&found.grant_id)),
        ("user", text(&found.user_id)),
        ("scope", text(&found.scope)),
        ("made", when::shown(found.created_at)),
        ("ends", when::shown(found.expires_at)),
    ])?;
    if let Some(secret) = secret {
        let whose = if found.kind == "client_secret" { "it" } else { "its secret" };
        out.line(&format!("\nWhere {whose} and the tokens obtained with {whose} were used"))?;
        secret::peers(secret, out)?;
    }
    Ok(())
}

fn kind(found: &LeakDocument) -> &'static str {
    match found.kind {
        "client_secret" => "a client's secret",
        "refresh_token" => "a refresh token",
        _ => "an access token",
    }
}

/// Whether nothing is left to end. A secret that has expired may have obtained tokens that live on.
fn has_ended(found: &LeakDocument) -> bool {
    found.reason.is_some_and(|reason| ENDED.contains(&reason))
}

fn end(
    session: &Session,
    found: &LeakDocument,
    text: &str,
    client_name: &str,
    input: &mut Input,
) -> Result<(), Failure> {
    input.confirm(&format!("End {} of {client_name}: {}", kind(found), what_ended(found)))?;
    match (found.kind, &found.credential_id) {
        ("client_secret", Some(credential_id)) => {
            secret::end(session, &found.client_id, credential_id).map(drop)
        }
        _ => {
            let token = Some(SecretText::from(text));
            session.run(TokenRevoke { token, jti: None }).map(drop)
        }
    }
}

fn what_ended(found: &LeakDocument) -> &'static str {
    match found.kind {
        "client_secret" => "the secret and every token it obtained",
        "refresh_token" => "the whole grant, its refresh tokens and its access tokens",
        _ => "this access token",
    }
}

fn after(found: &LeakDocument) -> &'static str {
    match found.kind {
        "client_secret" => "The client needs another one: wardkey secret add CLIENT",
        "refresh_token" => "The user has to log in again.",
        _ => {
            "If the secret that obtained it may have leaked too: wardkey secret revoke CLIENT SECRET_ID"
        }
    }
}

/// What the audit has of it since it was made: issues, uses and refusals.
fn history(session: &Session, found: &LeakDocument) -> Result<Vec<Value>, Failure> {
    let from = found.created_at.map(|seconds| seconds.saturating_mul(1000));
    let mut request = AuditRead { from, ..AuditRead::default() };
    if found.kind == "client_secret" {
        request.credential_id = found.credential_id.clone();
    } else {
        request.client_id = Some(found.client_id.clone());
    }
    let (member, wanted) = match found.kind {
        "client_secret" => ("credential", found.credential_id.as_deref()),
        "refresh_token" => ("grant_id", found.grant_id.as_deref()),
        _ => ("token", found.jti.as_deref()),
    };
    let mut history = Vec::new();
    each_page(session, request, |page| {
        let entries = page.rows.into_iter().map(|row| row.entry);
        history.extend(entries.filter(|entry| {
            let is = |name: &str| entry.get(name).and_then(Value::as_str);
            is(member) == wanted && is("event").is_some_and(|event| EVENTS.contains(&event))
        }));
        Ok(true)
    })?;
    Ok(history)
}

fn show_history(history: &[Value], found: &LeakDocument, out: &Out) -> Result<(), Failure> {
    out.line("\nIssues, uses and refusals since it was made")?;
    let skipped = history.len().saturating_sub(SHOWN);
    let rows = history.iter().skip(skipped).map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let time = entry.get("time").and_then(Value::as_i64).map(|millis| millis / 1000);
        let count = entry.get("count").and_then(Value::as_u64).unwrap_or(1);
        let peer = text("peer");
        vec![when::shown(time), said(entry, count), peer.to_owned(), text("token").to_owned()]
    });
    out.table(&["time", "what", "from", "token"], rows.collect())?;
    if skipped > 0 {
        let secret = found.credential_id.as_deref().unwrap_or("SECRET_ID");
        out.note(&format!("{skipped} older rows: --json, or wardkey audit show --secret {secret}"));
    }
    Ok(())
}

/// What happened, in few words: an id shall stand beside it.
fn said(entry: &Value, count: u64) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let times = if count == 1 { String::new() } else { format!(" {count}x") };
    match (text("outcome"), text("event")) {
        ("denied", _) => format!("refused{times}: {}", text("reason").replace('_', " ")),
        (_, "token.issue") => "issued".to_owned(),
        (_, "token.use") => format!("used{times}"),
        (_, "secret.new_peer") => "new address".to_owned(),
        (_, "grant.begin") => "allowed".to_owned(),
        (_, event) => event.to_owned(),
    }
}

/// Reasons that nothing changes again.
const ENDED: [&str; 7] = [
    "secret_revoked",
    "credential_revoked",
    "client_tokens_revoked",
    "user_tokens_revoked",
    "token_revoked",
    "token_expired",
    "grant_revoked",
];

const EVENTS: [&str; 6] =
    ["token.issue", "token.use", "token.deny", "request.refuse", "secret.new_peer", "grant.begin"];

/// Rows that a person is shown.
const SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_may_be_a_header_or_a_line_of_a_file() {
        for pasted in [
            "wks_x",
            "  \"wks_x\",\n",
            "client_secret=wks_x",
            "client_secret: 'wks_x'",
            "Authorization: Bearer wks_x",
            "bearer wks_x",
            "Authorization: Basic bGFiOndrc194",
        ] {
            assert_eq!(core_of(pasted).as_str(), "wks_x", "{pasted}");
        }
    }
}
