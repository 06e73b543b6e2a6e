//! `role.*`: named lists of scope words, to be given to users.

use crate::admin::document::{Done, operation, some};
use crate::admin::user::scope;
use crate::domain::Role;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// `role.list`: the roles in the order of their names.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleList {}
operation!(RoleList = "role.list" -> RolePage);

/// `role.create`: makes a role, such as `nurse` with `patients:read lab:read`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleCreate {
    /// The name: 1 to 64 characters without white space, case-sensitive.
    pub name: String,
    /// Its words; each must be in the catalogue.
    #[serde(default)]
    pub scope: String,
    /// Whom it is for.
    #[serde(default)]
    pub description: String,
}
operation!(RoleCreate = "role.create" -> RoleDocument);

/// `role.update`: replaces the members given; the others stay. In force at once, for all who have the role
/// and for their living tokens.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleUpdate {
    /// The role.
    pub name: String,
    /// Its words; each must be in the catalogue.
    #[serde(default, deserialize_with = "some")]
    pub scope: Option<String>,
    /// Whom it is for.
    #[serde(default, deserialize_with = "some")]
    pub description: Option<String>,
}
operation!(RoleUpdate = "role.update" -> RoleDocument);

/// `role.delete`: removes a role that no user has.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleDelete {
    /// The role.
    pub name: String,
}
operation!(RoleDelete = "role.delete" -> Done);

/// All roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RolePage {
    /// The roles, in the order of their names.
    pub roles: Vec<RoleDocument>,
}

/// A role as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RoleDocument {
    /// The name.
    pub name: String,
    /// Its words.
    pub scope: String,
    /// Whom it is for.
    pub description: String,
}

impl From<&Role> for RoleDocument {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            scope: role.scope.as_str().to_owned(),
            description: role.description.clone(),
        }
    }
}

impl RoleUpdate {
    /// `role` with the given members replaced.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) with the member's path.
    pub(crate) fn apply(self, role: Role) -> Result<Role> {
        Ok(Role {
            scope: self.scope.as_deref().map_or(Ok(role.scope), scope)?,
            description: self.description.unwrap_or(role.description),
            ..role
        })
    }
}
