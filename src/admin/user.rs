//! `user.*`: the people on whose behalf clients act.

use crate::admin::document::{Done, SecretText, by_id, operation, some};
use crate::base::UnixTime;
use crate::domain::{Scope, User, UserState, Username};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `user.create`: lets a person log in. There is no user without a password, and no password that nobody
/// chose.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserCreate {
    /// The name they log in with: 1 to 255 characters of any script, none a control character, no white space
    /// at its ends; kept in Unicode's Normalization Form C. `Anna` and `anna` are two users.
    pub username: String,
    /// At least 8 characters, at most 1024 bytes, none a control character; normalised as the username.
    /// Refused: the 11,611 commonest passwords of that length, the username, `clinic_name` and the words of
    /// `password_blocklist`, these also with digits, spaces and punctuation.
    pub password: SecretText,
    /// The scope words they may let clients use, parted by single spaces, beside those of their roles; each
    /// must be in the catalogue. Default none.
    #[serde(default, deserialize_with = "some")]
    pub scope: Option<String>,
    /// The names of their roles, at most 64. Default none.
    #[serde(default, deserialize_with = "some")]
    pub roles: Option<Vec<String>>,
    /// Whether they may log in at once. Default `true`.
    #[serde(default, deserialize_with = "some")]
    pub enabled: Option<bool>,
    /// Who they are, for people, at most 2000 characters. Default empty.
    #[serde(default, deserialize_with = "some")]
    pub description: Option<String>,
}
operation!(UserCreate = "user.create" -> UserDocument);

/// `user.update`: replaces the members given; the others stay. In force at once, for living tokens too.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    /// The user.
    pub user_id: String,
    /// The name they log in with, which must not be their password, as it is written or in lower case (what
    /// else is little more than the name cannot be told from a hash); what was guessed at the old one stays
    /// counted. A host's own users keep the host's.
    #[serde(default, deserialize_with = "some")]
    pub username: Option<String>,
    /// As in `user.create`. Of a host's own user from then on all they may have: the host's approvals add nothing
    /// to it.
    #[serde(default, deserialize_with = "some")]
    pub scope: Option<String>,
    /// As in `user.create`.
    #[serde(default, deserialize_with = "some")]
    pub roles: Option<Vec<String>>,
    /// As in `user.create`.
    #[serde(default, deserialize_with = "some")]
    pub description: Option<String>,
}
operation!(UserUpdate = "user.update" -> UserDocument);

/// `user.set_password`: gives a user another password. Every token they have ends, and so do the waits that
/// wrong passwords have caused.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserSetPassword {
    /// The user.
    pub user_id: String,
    /// As in `user.create`.
    pub password: SecretText,
}
operation!(UserSetPassword = "user.set_password" -> UserDocument);

/// `user.read`: what is known about a user. Either member names them.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UserRead {
    /// The user.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// The name they log in with; the host's own users are found by their ids alone.
    #[serde(deserialize_with = "some")]
    pub username: Option<String>,
}
operation!(UserRead = "user.read" -> UserDocument);

by_id! {
    user_id, "user":
    /// `user.disable`: ends every token of the user, who may not log in until enabled again.
    UserDisable = "user.disable" -> UserDocument;
    /// `user.enable`: lets a disabled user log in again.
    UserEnable = "user.enable" -> UserDocument;
    /// `user.revoke`: ends every token of the user, who may log in anew.
    UserRevoke = "user.revoke" -> UserDocument;
    /// `user.delete`: ends the user and their tokens for good; their audit stays.
    UserDelete = "user.delete" -> Done;
}

/// `user.confirm`: trusts a user again after a restore, or all of them. Nobody logs in before: the copy may not
/// know that they were disabled, deleted, or got another password. A new password confirms too.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UserConfirm {
    /// The user.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// All users, if `true`.
    #[serde(deserialize_with = "some")]
    pub all: Option<bool>,
}
operation!(UserConfirm = "user.confirm" -> UserConfirmed);

/// What `user.confirm` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UserConfirmed {
    /// How many users: of all, those that were not confirmed before.
    pub confirmed: u64,
}

/// `user.list`: the users in the order of their ids, page by page.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UserList {
    /// The `next` of the page before; absent for the first one.
    #[serde(deserialize_with = "some")]
    pub after: Option<String>,
    /// Users a page, 1 to 1000. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(UserList = "user.list" -> UserPage);

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UserPage {
    /// The users.
    pub users: Vec<UserDocument>,
    /// What to ask for as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A user as a document, without the password and without what recognises it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UserDocument {
    /// The `sub` of their tokens: `usr_` and 22 characters; of a host's own user `usr_.` and the host's
    /// name for them.
    pub user_id: String,
    /// The name they log in with.
    pub username: String,
    /// `own`: logs in here; `host`: the host checks who they are.
    pub origin: &'static str,
    /// Whether they may do anything at all.
    pub enabled: bool,
    /// Whether they were confirmed since the last restore.
    pub confirmed: bool,
    /// The words given to them directly.
    pub scope: String,
    /// The names of their roles.
    pub roles: Vec<String>,
    /// All their words: those of `scope` and those of their roles.
    pub effective_scope: String,
    /// Who they are, for people.
    pub description: String,
    /// When they were created, in seconds.
    pub created_at: i64,
    /// When anything of this but the login last changed, in seconds.
    pub updated_at: i64,
    /// When they got their password, in seconds; `null` for a host's own users.
    pub password_changed_at: Option<i64>,
    /// When they last logged in, in seconds.
    pub last_login_at: Option<i64>,
}

impl UserDocument {
    pub(crate) fn new(state: &UserState, last_login_at: Option<UnixTime>) -> Self {
        let user = &state.user;
        Self {
            user_id: user.user_id.as_str().to_owned(),
            username: user.username.clone(),
            origin: user.origin.as_str(),
            enabled: user.enabled,
            confirmed: user.confirmed,
            scope: user.scope.as_str().to_owned(),
            roles: user.roles.clone(),
            effective_scope: state.scope.as_str().to_owned(),
            description: user.description.clone(),
            created_at: user.created_at.seconds(),
            updated_at: user.updated_at.seconds(),
            password_changed_at: user.password_changed_at.map(UnixTime::seconds),
            last_login_at: last_login_at.map(UnixTime::seconds),
        }
    }
}

impl UserUpdate {
    /// `user` with the given members replaced.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the member's path.
    pub(crate) fn apply(self, user: User) -> Result<User> {
        Ok(User {
            username: match self.username {
                Some(name) => username(&name)?.as_str().to_owned(),
                None => user.username,
            },
            scope_set: user.scope_set || self.scope.is_some(),
            scope: self.scope.as_deref().map_or(Ok(user.scope), scope)?,
            roles: self.roles.unwrap_or(user.roles),
            description: self.description.unwrap_or(user.description),
            ..user
        })
    }
}

/// Reads a username.
pub(crate) fn username(text: &str) -> Result<Username> {
    Username::parse(text).map_err(|why| Error::document("username", why))
}

/// Reads the words of a user or a role.
pub(crate) fn scope(text: &str) -> Result<Scope> {
    Scope::stored(text).map_err(|_| {
        Error::document("scope", "must be words parted by single spaces (RFC 6749 3.3)")
    })
}
