//! `wardkey token`: single access tokens.

use crate::failure::{Exit, Failure};
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::path::PathBuf;
use wardkey::admin::{SecretText, TokenDocument, TokenIntrospect, TokenRevoke};
use wardkey::{Context, Principal, Required};

/// Single access tokens
///
/// A token is read from a prompt, standard input or a file: whoever has it may use it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what a token says of itself, without trusting any of it; needs no database
    Inspect {
        /// Read it from the first line of this file
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Say whether a token is valid now, and if not, why; exit code 3 if it is not
    Verify {
        /// Read it from the first line of this file
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Demand these scope words
        #[arg(long, value_name = "WORDS")]
        scope: Option<String>,
        /// As if it came from this address; counted in the audit as a use
        #[arg(long, value_name = "ADDRESS")]
        peer: Option<IpAddr>,
    },
    /// End a token; a refresh token ends its whole grant
    Revoke {
        /// Its id (`jti`), as the audit names it [default: read the token itself]
        jti: Option<String>,
        /// Read the token from the first line of this file
        #[arg(long, value_name = "FILE", conflicts_with = "jti")]
        file: Option<PathBuf>,
    },
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::Inspect { file } => inspect(file, input, out),
            Self::Verify { file, scope, peer } => {
                let token = input.secret("token", file.as_deref())?;
                verify(session, token, scope.as_deref(), peer, out)
            }
            Self::Revoke { jti, file } => {
                let token = match &jti {
                    Some(_) => None,
                    None => Some(input.secret("token", file.as_deref())?),
                };
                input.confirm("The token ends")?;
                let done = session.run(TokenRevoke { token, jti })?;
                out.answer(&done, || out.line("the token is ended"))
            }
        }
    }
}

/// Prints the parts of a JWT.
pub(crate) fn inspect(file: Option<PathBuf>, input: &mut Input, out: &Out) -> Result<(), Failure> {
    let token = input.secret("token", file.as_deref())?;
    let mut parts = token.expose().trim().split('.');
    let (header, claims) = (parts.next().and_then(part), parts.next().and_then(part));
    let (Some(header), Some(claims)) = (header, claims) else {
        let document = json!({"verified": false, "format": "opaque or unknown"});
        return out.answer(&document, || {
            out.line("This is no JWT: an opaque token says nothing of itself.")?;
            out.note("Whose it is: wardkey leak. Whether it is valid: wardkey token verify");
            Ok(())
        });
    };
    let document = json!({"verified": false, "format": "jwt", "header": header, "claims": claims});
    out.answer(&document, || {
        out.line("NOT VERIFIED: anybody can write a token that says this.")?;
        let rows = header.iter().map(|(name, value)| (format!("header {name}"), said(name, value)));
        let rows = rows.chain(claims.iter().map(|(name, value)| (name.clone(), said(name, value))));
        let rows: Vec<_> = rows.collect();
        let rows: Vec<_> = rows.iter().map(|(name, said)| (name.as_str(), said.clone())).collect();
        out.fields(&rows)
    })
}

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn said(name: &str, value: &Value) -> String {
    match (name, value) {
        ("exp" | "iat" | "nbf", Value::Number(number)) => {
            format!("{number} ({})", when::shown(number.as_i64()))
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

fn verify(
    session: &Session,
    token: SecretText,
    scope: Option<&str>,
    peer: Option<IpAddr>,
    out: &Out,
) -> Result<(), Failure> {
    let required = scope.map_or(Ok(Required::ANY), Required::all_of)?;
    if peer.is_some() {
        let context = Context { peer, secure: true, ..session.context() };
        let principal =
            session.engine().verify(token.expose().trim().as_bytes(), required, &context)?;
        return show_principal(&principal, out);
    }
    let token = SecretText::from(token.expose().trim());
    let found = session.run(TokenIntrospect { token })?;
    let missing = missing_word(&found, scope.unwrap_or_default());
    out.answer(&found, || show(&found, missing.as_deref(), out))?;
    match (found.active, missing) {
        (true, None) => Ok(()),
        (true, Some(word)) => Err(Failure::new(
            Exit::Refused,
            "insufficient_scope",
            format!("it lacks the scope `{word}`"),
        )
        .next("give the client the word: wardkey client edit CLIENT --scope WORDS")),
        // The answer has said why.
        (false, _) => Err(Failure::new(Exit::Refused, "not_valid", String::new())),
    }
}

fn missing_word(found: &TokenDocument, wanted: &str) -> Option<String> {
    let has: Vec<_> = found.scope.as_deref().unwrap_or_default().split(' ').collect();
    wanted.split_whitespace().find(|word| !has.contains(word)).map(str::to_owned)
}

fn show(found: &TokenDocument, missing: Option<&str>, out: &Out) -> Result<(), Failure> {
    if !found.active {
        return out.line(&format!(
            "NOT VALID: {}",
            found.reason_description.as_deref().unwrap_or("not known")
        ));
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    out.fields(&[
        ("valid", missing.map_or("yes".to_owned(), |word| format!("yes, but not for `{word}`"))),
        ("client", text(&found.client_id)),
        ("subject", text(&found.sub)),
        ("scope", text(&found.scope)),
        ("issued", when::shown(found.iat)),
        ("ends", when::shown(found.exp)),
        ("jti", text(&found.jti)),
        ("secret id", text(&found.credential_id)),
        ("issuer", text(&found.iss)),
        ("audience", text(&found.aud)),
    ])
}

fn show_principal(principal: &Principal, out: &Out) -> Result<(), Failure> {
    let (issued, ends) = (principal.issued_at.seconds(), principal.expires_at.seconds());
    let document = json!({
        "active": true, "client_id": principal.client_id, "sub": principal.subject,
        "scope": principal.scope.as_str(), "jti": principal.token_id, "iat": issued, "exp": ends,
    });
    out.answer(&document, || {
        out.fields(&[
            ("valid", "yes, from this address".to_owned()),
            ("client", principal.client_id.clone()),
            ("subject", principal.subject.clone()),
            ("scope", principal.scope.as_str().to_owned()),
            ("issued", when::shown(issued)),
            ("ends", when::shown(ends)),
            ("jti", principal.token_id.clone()),
        ])
    })
}
