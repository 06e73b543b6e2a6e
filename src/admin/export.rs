//! `audit.head`, `audit.check`, `audit.export`, `audit.append`: the audit outside of the file, and the host's
//! own events in it.

use crate::admin::audit::{AuditKeyDocument, AuditStart};
use crate::admin::document::{operation, some};
use crate::base::encode;
use crate::error::{Error, Result};
use crate::store::{AuditRow, row_digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `audit.head`: the end of the chain, signed. Kept elsewhere, it shows later whether the audit was cut or
/// made anew: see `audit.check`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditHeadRead {}
operation!(AuditHeadRead = "audit.head" -> AuditHeadDocument);

/// `audit.check`: whether the audit still holds a head that was kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditCheck {
    /// The head, as `audit.head` gave it.
    pub head: AuditHeadDocument,
}
operation!(AuditCheck = "audit.check" -> AuditAnswer);

/// `audit.export`: a stretch of the chain as JSON Lines, page by page, which a stranger can verify with the
/// public key alone. Rows that the conditions leave out are 32 bytes each.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditExport {
    /// Rows about this client.
    #[serde(deserialize_with = "some")]
    pub client_id: Option<String>,
    /// Rows about this user.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// `allowed`, `denied` or `done`.
    #[serde(deserialize_with = "some")]
    pub outcome: Option<String>,
    /// Rows at or after this time, in milliseconds.
    #[serde(deserialize_with = "some")]
    pub from: Option<i64>,
    /// Rows before this time, in milliseconds.
    #[serde(deserialize_with = "some")]
    pub until: Option<i64>,
    /// The `next` of the page before; absent for the first one.
    #[serde(deserialize_with = "some")]
    pub after: Option<u64>,
    /// Rows of the chain a page, 1 to 1000, those left out included. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(AuditExport = "audit.export" -> AuditExportPage);

/// `audit.append`: an event of the host's own, in the same chain: who opened which record.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditAppend {
    /// The host's word for it: 1 to 64 lower-case letters, digits, dots, hyphens and underscores.
    pub event: String,
    /// `allowed`, `denied` or `done`. Default `done`.
    #[serde(deserialize_with = "some")]
    pub outcome: Option<String>,
    /// What it is about, by reference: a record's number, never a person's name. At most 255 bytes.
    #[serde(deserialize_with = "some")]
    pub reference: Option<String>,
    /// The client that asked.
    #[serde(deserialize_with = "some")]
    pub client_id: Option<String>,
    /// The user that it was done for or by.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// The `jti` of the token that was shown.
    #[serde(deserialize_with = "some")]
    pub token_id: Option<String>,
    /// What else there is to say: at most 16 members, names of 64 and texts of 255 bytes at most.
    pub detail: BTreeMap<String, String>,
}
operation!(AuditAppend = "audit.append" -> AuditAppended);

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditHeadDocument {
    /// The database it is of.
    pub site: String,
    /// The row's place in the chain.
    pub sequence: u64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// The key that signed it.
    pub signed_by: i64,
    /// Ed25519 over `"wardkey audit head 1\0" + hash`, in base64url.
    pub signature: String,
}

/// What became of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditAnswer {
    /// `verified`: the chain is whole, and the head is a row of it. `contradicted`: rows are missing or were
    /// changed since. `undecidable`: nothing can be said, and `why` says what keeps it from being said.
    pub answer: &'static str,
    /// Why, unless it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A page of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditExportPage {
    /// Lines of JSON: on the first page what the stretch begins behind and the public keys, then the rows.
    pub text: String,
    /// What to ask for as `after` to go on; absent on the last page, whose last row is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The row that was appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditAppended {
    /// Its place in the chain.
    pub sequence: u64,
}

impl AuditHeadDocument {
    /// A signed row as a head; `None` for one that is not signed.
    pub(crate) fn of(site: &str, row: &AuditRow) -> Option<Self> {
        let (signed_by, signature) = row.head.as_ref()?;
        Some(Self {
            site: site.to_owned(),
            sequence: row.sequence,
            hash: encode::hex(&row.hash),
            signed_by: *signed_by,
            signature: encode::base64url(signature),
        })
    }
}

impl AuditAnswer {
    pub(crate) const fn verified() -> Self {
        Self { answer: "verified", why: None }
    }

    pub(crate) fn contradicted(why: impl Into<String>) -> Self {
        Self { answer: "contradicted", why: Some(why.into()) }
    }

    pub(crate) fn undecidable(why: impl Into<String>) -> Self {
        Self { answer: "undecidable", why: Some(why.into()) }
    }
}

impl AuditExport {
    /// Whether an export shows this row.
    pub(crate) fn selects(&self, row: &AuditRow) -> bool {
        let Ok(entry) = serde_json::from_str::<Value>(&row.row) else {
            return true; // Damaged: whoever verifies must see it.
        };
        let is = |name: &str, wanted: &Option<String>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| entry.get(name).and_then(Value::as_str) == Some(wanted))
        };
        let time = entry.get("time").and_then(Value::as_i64).unwrap_or_default();
        is("client", &self.client_id)
            && is("user", &self.user_id)
            && is("outcome", &self.outcome)
            && self.from.is_none_or(|from| time >= from)
            && self.until.is_none_or(|until| time < until)
    }
}

/// The first line of an export.
pub(crate) fn export_start(
    site: &str,
    start: &AuditStart,
    keys: &[AuditKeyDocument],
) -> Result<String> {
    line(&json!({"wardkey_audit": 1, "site": site, "start": start, "keys": keys}))
}

/// A row's line: its text, or what stands for it.
pub(crate) fn export_row(row: &AuditRow, shown: bool) -> Result<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        sequence: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        row: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signed_by: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    }
    line(&Line {
        sequence: row.sequence,
        row: shown.then_some(row.row.as_str()),
        digest: (!shown).then(|| encode::hex(&row_digest(&row.row))),
        signed_by: row.head.as_ref().map(|(key, _)| *key),
        signature: row.head.as_ref().map(|(_, signature)| encode::base64url(signature)),
    })
}

fn line<T: Serialize>(value: &T) -> Result<String> {
    let mut line = serde_json::to_string(value)
        .map_err(|_| Error::Internal { what: "an export that cannot be printed" })?;
    line.push('\n');
    Ok(line)
}
