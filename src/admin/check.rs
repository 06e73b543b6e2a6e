//! `database.check`: whether the file is as it was written.

use crate::admin::AuditVerdict;
use crate::admin::document::operation;
use crate::store::Finding;
use serde::{Deserialize, Serialize};

/// `database.check`: SQLite's own check, every row's code, every row against the audit, and the audit's
/// chain. Writes nothing but what was gathered before.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DatabaseCheck {}
operation!(DatabaseCheck = "database.check" -> DatabaseChecked);

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DatabaseChecked {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// Whether it was cancelled before its end.
    pub cancelled: bool,
    /// What is wrong, by table and row.
    pub findings: Vec<FindingDocument>,
    /// The audit's chain; absent when it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditVerdict>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FindingDocument {
    /// The table, or `sqlite`.
    pub table: String,
    /// The row's key; bytes are in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong.
    pub why: String,
}

impl DatabaseChecked {
    pub(crate) fn new(findings: Vec<Finding>, audit: Option<AuditVerdict>) -> Self {
        let document = |Finding { table, id, why }| FindingDocument { table, id, why };
        let findings: Vec<_> = findings.into_iter().map(document).collect();
        let whole = audit.as_ref().is_some_and(|audit| audit.valid);
        let cancelled = audit.is_none();
        Self { sound: findings.is_empty() && whole, cancelled, findings, audit }
    }
}
