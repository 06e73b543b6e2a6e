//! `wardkey settings`: what holds for the whole database.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use wardkey::admin::{SettingsDocument, SettingsGet};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print all settings
    Get,
    /// Replace settings; in force at the next call of every program
    ///
    /// A list is written with commas, `null` takes a value away, a length of time may be written as 1h or
    /// 14d. docs/operations.md describes each.
    Set {
        /// NAME=VALUE, such as issuer=https://emr.clinic.example access_token_lifetime=1h
        #[arg(required = true, value_name = "NAME=VALUE")]
        members: Vec<String>,
    },
    /// Replace the words of the login, consent and error pages by those of a JSON document
    ///
    /// Such as {"lang": "de", "sign_in": "Anmelden"}; what it does not name is in English. docs/operations.md
    /// lists all words, under Texts.
    Texts {
        /// Read it from this file instead of standard input
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
        let settings = session.run(SettingsGet::default())?;
        match self {
            Self::Get => show(&settings, out),
            Self::Set { members } => set(session, &settings, &members, out),
            Self::Texts { file } => texts(session, input, file.as_deref(), out),
        }
    }
}

fn show(settings: &SettingsDocument, out: &Out) -> Result<(), Failure> {
    out.answer(settings, || {
        let rows: Vec<_> = members(settings)?.into_iter().collect();
        let rows = rows.iter().map(|(name, value)| {
            let said = match value {
                Value::Array(list) => {
                    list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
                }
                Value::String(text) => text.clone(),
                Value::Number(number)
                    if name.ends_with("_lifetime") || name == "key_publish_ahead" =>
                {
                    format!("{number} ({})", when::length(number.as_i64().unwrap_or_default()))
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                    value.to_string()
                }
            };
            vec![name.clone(), said]
        });
        out.table(&["setting", "value"], rows.collect())
    })
}

/// The library reads the document, so it says what a setting may be; here only its type is guessed, from
/// what the setting is now.
fn set(
    session: &Session,
    old: &SettingsDocument,
    given: &[String],
    out: &Out,
) -> Result<(), Failure> {
    let known = members(old)?;
    let mut request = Map::new();
    for member in given {
        let (name, value) = member.split_once('=').ok_or_else(|| {
            Failure::usage("a setting is written NAME=VALUE").next("wardkey settings get")
        })?;
        let value = match known.get(name) {
            _ if value == "null" => Value::Null,
            Some(Value::Array(_)) => {
                value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
            }
            Some(Value::Bool(_)) if matches!(value, "true" | "false") => {
                Value::Bool(value == "true")
            }
            Some(Value::Number(_)) => number(name, value)?,
            Some(Value::Null) if name == "key_lifetime" => number(name, value)?,
            Some(_) | None => value.into(),
        };
        request.insert(name.to_owned(), value);
    }
    change(session, &Value::Object(request).to_string(), out)
}

fn texts(
    session: &Session,
    input: &mut Input,
    file: Option<&Path>,
    out: &Out,
) -> Result<(), Failure> {
    let text = input.text("the JSON document", file)?;
    // Looked at here only to be sure that it is one document; the library reads it strictly.
    if !matches!(serde_json::from_str(&text), Ok(Value::Object(_))) {
        return Err(
            Failure::usage("the texts are no JSON object").next(r#"write {"lang": "de", ...}"#)
        );
    }
    change(session, &format!(r#"{{"texts":{}}}"#, *text), out)
}

fn change(session: &Session, json: &str, out: &Out) -> Result<(), Failure> {
    let answer = session.engine().call(&session.context(), "settings.set", json.as_bytes())?;
    if out.is_json() {
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|_| Failure::defect("an answer that is no JSON"))?;
        return out.document(&answer);
    }
    show(&session.run(SettingsGet::default())?, out)
}

fn number(name: &str, value: &str) -> Result<Value, Failure> {
    let number = when::parse_length(value);
    number.map(Value::from).map_err(|why| Failure::usage(format!("{name} {why}")))
}

fn members(settings: &SettingsDocument) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Failure::defect("settings that are no document")),
    }
}
