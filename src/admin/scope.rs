//! `scope.*`: the catalogue of scope words.

use crate::admin::document::{Done, operation};
use crate::store::ScopeRow;
use serde::{Deserialize, Serialize};

/// `scope.list`: the catalogue.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScopeList {}
operation!(ScopeList = "scope.list" -> ScopePage);

/// `scope.add`: adds a word of the host's own, such as `imaging:studies:read`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScopeAdd {
    /// The word (RFC 6749 3.3).
    pub scope: String,
    /// What it permits, for people.
    #[serde(default)]
    pub description: String,
}
operation!(ScopeAdd = "scope.add" -> Done);

/// `scope.remove`: removes a word that no client has.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScopeRemove {
    /// The word.
    pub scope: String,
}
operation!(ScopeRemove = "scope.remove" -> Done);

/// The catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ScopePage {
    /// The words, in alphabetical order.
    pub scopes: Vec<ScopeDocument>,
}

/// A word of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ScopeDocument {
    /// The word.
    pub scope: String,
    /// What it permits.
    pub description: String,
    /// `built-in`, `own`, or the dialect that brought it.
    pub origin: String,
}

impl From<ScopeRow> for ScopeDocument {
    fn from(row: ScopeRow) -> Self {
        Self { scope: row.word, description: row.description, origin: row.origin }
    }
}
