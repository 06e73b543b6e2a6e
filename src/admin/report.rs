//! `audit.report`: a month of each client, for people and spreadsheets.

use crate::admin::document::{operation, some};
use crate::base::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `audit.report`: what each client did in a month, as documents and as CSV.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditReport {
    /// This client alone.
    #[serde(deserialize_with = "some")]
    pub client_id: Option<String>,
    /// The month in UTC, as `2026-03`.
    pub month: String,
}
operation!(AuditReport = "audit.report" -> AuditReported);

/// A month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditReported {
    /// The month.
    pub month: String,
    /// The clients that did anything, by id; an empty id stands for what no client can be named for.
    pub clients: Vec<ClientMonth>,
    /// The same as CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe.
    pub csv: String,
}

/// What one client did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClientMonth {
    /// The client.
    pub client_id: String,
    /// Its name today; empty for one that was deleted.
    pub client_name: String,
    /// Tokens that it obtained.
    pub issued: u64,
    /// Uses of its tokens.
    pub used: u64,
    /// Requests of it that were refused.
    pub refused: u64,
    /// Changes to it by administrators.
    pub changes: u64,
    /// The host's own events about it.
    pub host_events: u64,
    /// The first and the last row, in milliseconds.
    pub first_at: i64,
    /// The last one.
    pub last_at: i64,
}

impl ClientMonth {
    /// Counts a row of the audit, by its text, for its client.
    pub(crate) fn count(clients: &mut BTreeMap<String, Self>, row: &str) {
        let entry: Value = serde_json::from_str(row).unwrap_or_default();
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let time = entry.get("time").and_then(Value::as_i64).unwrap_or_default();
        let times = entry.get("count").and_then(Value::as_u64).unwrap_or(1);
        let id = text("client").to_owned();
        let month = clients.entry(id.clone()).or_insert_with(|| Self {
            client_id: id,
            first_at: time,
            ..Self::default()
        });
        month.last_at = time;
        let counter = match (text("event"), text("outcome")) {
            ("host", _) => &mut month.host_events,
            (_, "denied") => &mut month.refused,
            ("token.issue", _) => &mut month.issued,
            ("token.use", _) => &mut month.used,
            _ => &mut month.changes,
        };
        *counter = counter.saturating_add(times);
    }
}

impl AuditReported {
    pub(crate) fn new(month: String, clients: Vec<ClientMonth>) -> Self {
        let mut csv =
            "month,client_id,client_name,issued,used,refused,changes,host_events,first,last\r\n"
                .to_owned();
        for client in &clients {
            let numbers =
                [client.issued, client.used, client.refused, client.changes, client.host_events];
            let mut cells = vec![cell(&month), cell(&client.client_id), cell(&client.client_name)];
            cells.extend(numbers.iter().map(u64::to_string));
            let times = [client.first_at, client.last_at];
            cells.extend(times.map(|time| UnixTime::from_millis(time).to_string()));
            csv.push_str(&cells.join(","));
            csv.push_str("\r\n");
        }
        Self { month, clients, csv }
    }
}

/// Others' text as a cell: quoted where CSV needs it, and never a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        for (text, expected) in [
            ("Lab", "Lab"),
            ("Lab, north", "\"Lab, north\""),
            ("the \"Lab\"", "\"the \"\"Lab\"\"\""),
            ("=1+1", "'=1+1"),
            ("+41", "'+41"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("=\"a\",b", "\"'=\"\"a\"\",b\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
