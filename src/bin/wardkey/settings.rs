//! `wardkey settings`: what holds for the whole database.

use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::{Map, Value};
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
}

impl Command {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        let settings = session.run(SettingsGet::default())?;
        match self {
            Self::Get => show(&settings, out),
            Self::Set { members } => set(session, &settings, &members, out),
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
    let json = Value::Object(request).to_string();
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
