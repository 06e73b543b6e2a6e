//! Users: the people on whose behalf a client may act.

use crate::base::{Generation, UnixTime, UserId};
use crate::domain::scope::Scope;
use crate::error::{Denied, Error, Result};
use crate::store::{NO_EXTRA, RoleRow, UserRow, View, check_extra};

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The subject of their tokens.
    pub(crate) user_id: UserId,
    pub(crate) version: u64,
    pub(crate) generation: Generation,
    pub(crate) origin: UserOrigin,
    /// The name they log in with, in NFC.
    pub(crate) username: String,
    /// Argon2id of their password; a host's own users have none here.
    pub(crate) phc: Option<String>,
    /// Whether they may do anything at all.
    pub(crate) enabled: bool,
    /// Whether somebody has confirmed them since the last restore: the copy may not know that they were disabled,
    /// deleted, or got another password.
    pub(crate) confirmed: bool,
    /// The words given to them directly.
    pub(crate) scope: Scope,
    /// Whether an administrator gave these words. If not, the host did, and may give more.
    pub(crate) scope_set: bool,
    /// The names of the roles given to them.
    pub(crate) roles: Vec<String>,
    pub(crate) description: String,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
    pub(crate) password_changed_at: Option<UnixTime>,
    /// What later releases keep about them.
    pub(crate) extra: String,
}

/// Who keeps a user's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserOrigin {
    /// This library.
    Own,
    /// The host.
    Host,
}

/// A named list of scope words, given to users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) description: String,
    pub(crate) scope: Scope,
    pub(crate) extra: String,
}

/// A user with all their words, as one consistent read had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserState {
    pub(crate) user: User,
    /// Their own words and those of their roles.
    pub(crate) scope: Scope,
}

impl UserState {
    /// Reads the user `user_id`; `None` if there is none.
    pub(crate) fn load(view: &View<'_>, user_id: &str) -> Result<Option<Self>> {
        view.user(user_id)?.map(|row| Self::from_row(view, &row)).transpose()
    }

    /// The user of a row, with the words of their roles.
    pub(crate) fn from_row(view: &View<'_>, row: &UserRow) -> Result<Self> {
        let user = User::from_row(row)?;
        let mut scope = user.scope.clone();
        for name in &user.roles {
            let row = view.role(name)?;
            // A role that is gone gives nothing: it is less, never more.
            if let Some(role) = row.as_ref().map(Role::from_row).transpose()? {
                scope = scope.and(&role.scope);
            }
        }
        Ok(Self { user, scope })
    }
}

impl User {
    /// Whether anything may be done in their name now.
    ///
    /// # Errors
    /// [`Denied::UserDisabled`], [`Denied::UserUnconfirmed`].
    pub(crate) fn check_usable(&self) -> std::result::Result<(), Denied> {
        if !self.enabled {
            Err(Denied::UserDisabled)
        } else if !self.confirmed {
            Err(Denied::UserUnconfirmed)
        } else {
            Ok(())
        }
    }

    /// Reads a row.
    pub(crate) fn from_row(row: &UserRow) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the user `{}`", row.user_id) };
        Ok(Self {
            user_id: UserId::parse(&row.user_id).ok_or_else(corrupt)?,
            version: row.version,
            generation: Generation(row.generation),
            origin: UserOrigin::parse(&row.origin).ok_or_else(corrupt)?,
            username: row.username.clone(),
            phc: row.phc.clone(),
            enabled: row.enabled,
            confirmed: row.confirmed,
            scope: Scope::printed(row.scope.clone()),
            scope_set: row.scope_set,
            roles: row.roles.split_ascii_whitespace().map(str::to_owned).collect(),
            description: row.description.clone(),
            created_at: UnixTime::from_millis(row.created_at),
            updated_at: UnixTime::from_millis(row.updated_at),
            password_changed_at: row.password_changed_at.map(UnixTime::from_millis),
            extra: row.extra.clone(),
        })
    }

    /// The row that says this.
    pub(crate) fn to_row(&self) -> UserRow {
        UserRow {
            user_id: self.user_id.as_str().to_owned(),
            version: self.version,
            generation: self.generation.0,
            origin: self.origin.as_str().to_owned(),
            username: self.username.clone(),
            phc: self.phc.clone(),
            enabled: self.enabled,
            confirmed: self.confirmed,
            scope: self.scope.as_str().to_owned(),
            scope_set: self.scope_set,
            roles: self.roles.join(" "),
            description: self.description.clone(),
            created_at: self.created_at.millis(),
            updated_at: self.updated_at.millis(),
            password_changed_at: self.password_changed_at.map(UnixTime::millis),
            extra: self.extra.clone(),
        }
    }
}

impl Role {
    /// A role that does not exist yet.
    pub(crate) fn new(name: String, description: String, scope: Scope) -> Self {
        Self { name, version: 1, description, scope, extra: NO_EXTRA.to_owned() }
    }

    /// Reads a row.
    pub(crate) fn from_row(row: &RoleRow) -> Result<Self> {
        check_extra(&row.extra)?;
        Ok(Self {
            name: row.name.clone(),
            version: row.version,
            description: row.description.clone(),
            scope: Scope::printed(row.scope.clone()),
            extra: row.extra.clone(),
        })
    }

    /// The row that says this.
    pub(crate) fn to_row(&self) -> RoleRow {
        RoleRow {
            name: self.name.clone(),
            version: self.version,
            description: self.description.clone(),
            scope: self.scope.as_str().to_owned(),
            extra: self.extra.clone(),
        }
    }
}

impl UserOrigin {
    /// The word in the row.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Host => "host",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Own, Self::Host].into_iter().find(|origin| origin.as_str() == word)
    }
}
