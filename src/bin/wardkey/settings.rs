//! `wardkey settings`: what holds for the whole database.

use crate::failure::Failure;
use crate::input::Input;
use crate::limit;
use crate::out::Out;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use wardkey::admin::{SettingsDocument, SettingsGet};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print all settings
    Get,
    /// Replace settings; in force at the next call of every program
    ///
    /// A list is written with commas, `null` takes a value away, a length of time may be written as 1h or
    /// 14d, a rate as PER_MINUTE/AT_ONCE, a size as 2GB. docs/operations.md describes each.
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
        let rows = rows.iter().map(|(name, value)| vec![name.clone(), said(name, value)]);
        out.table(&["setting", "value"], rows.collect())
    })
}

fn said(name: &str, value: &Value) -> String {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (Kind::of(name), value) {
        (Kind::Rate | Kind::Size, Value::Null) => "null (no limit)".to_owned(),
        (Kind::Rate, _) => {
            let number = |member| value.get(member).and_then(Value::as_u64).unwrap_or_default();
            format!("{} a minute, {} at once", number("per_minute"), number("burst"))
        }
        (Kind::Size, Value::Number(bytes)) => {
            format!("{bytes} ({})", limit::size(bytes.as_u64().unwrap_or_default()))
        }
        (Kind::Length, Value::Number(seconds)) => {
            format!("{seconds} ({})", when::length(seconds.as_i64().unwrap_or_default()))
        }
        (Kind::Plain, Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        (Kind::Plain | Kind::Size | Kind::Length, _) => text(),
    }
}

/// What a setting measures.
#[derive(Clone, Copy)]
enum Kind {
    Length,
    Rate,
    Size,
    Plain,
}

impl Kind {
    /// What the setting's name says.
    fn of(name: &str) -> Self {
        match name {
            "key_publish_ahead" | "audit_retention" => Self::Length,
            "max_file_size" | "max_request_body" => Self::Size,
            _ if name.ends_with("_lifetime") => Self::Length,
            _ if name.ends_with("_rate") => Self::Rate,
            _ => Self::Plain,
        }
    }
}

/// The library reads the document, so it says what a setting may be; here only its type is guessed, from
/// its name and what it is now.
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
        let value = read(name, value, known.get(name))
            .map_err(|why| Failure::usage(format!("{name} {why}")))?;
        request.insert(name.to_owned(), value);
    }
    change(session, &Value::Object(request).to_string(), out)
}

fn read(name: &str, value: &str, now: Option<&Value>) -> Result<Value, String> {
    if value == "null" {
        return Ok(Value::Null);
    }
    Ok(match (Kind::of(name), now) {
        (Kind::Length, _) => when::parse_length(value)?.into(),
        (Kind::Size, _) => limit::parse_size(value)?.into(),
        (Kind::Rate, _) => {
            let limit = limit::parse_rate(value)?;
            json!({"per_minute": limit.per_minute, "burst": limit.burst})
        }
        (Kind::Plain, Some(Value::Array(_))) => {
            value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
        }
        (Kind::Plain, Some(Value::Bool(_))) if matches!(value, "true" | "false") => {
            Value::Bool(value == "true")
        }
        (Kind::Plain, _) => value.into(),
    })
}

fn texts(
    session: &Session,
    input: &mut Input,
    file: Option<&Path>,
    out: &Out,
) -> Result<(), Failure> {
    let text = input.object("the texts", file)?;
    change(session, &format!(r#"{{"texts":{}}}"#, *text), out)
}

fn change(session: &Session, json: &str, out: &Out) -> Result<(), Failure> {
    let answer = session.call("settings.set", json)?;
    if out.is_json() {
        return out.document(&answer);
    }
    show(&session.run(SettingsGet::default())?, out)
}

fn members(settings: &SettingsDocument) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Failure::defect("settings that are no document")),
    }
}
