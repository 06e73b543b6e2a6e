//! `wardkey user`: people who log in.

use crate::failure::Failure;
use crate::input::Input;
use crate::metadata::{list, words};
use crate::out::{Out, counted};
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::json;
use std::path::PathBuf;
use wardkey::admin::{
    AuditRead, UserConfirm, UserCreate, UserDelete, UserDisable, UserDocument, UserEnable,
    UserList, UserRead, UserRevoke, UserSetPassword, UserUpdate,
};

/// People who log in
///
/// USER is a user's id or username.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Let a person log in; the password is read from a prompt, standard input or a file
    Add {
        /// The name they log in with
        username: String,
        /// Scope words they may let clients use, beside those of their roles
        #[arg(long, value_name = "WORDS")]
        scope: Vec<String>,
        /// A role of theirs; may be given more than once
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
        /// Who they are
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Read the password from the first line of this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Do not let them log in yet
        #[arg(long)]
        disabled: bool,
    },
    /// List all users
    List,
    /// Show a user
    Show {
        /// The user
        user: String,
    },
    /// Replace what is given of a user; in force at once
    Edit {
        /// The user
        user: String,
        /// Another name to log in with
        #[arg(long)]
        username: Option<String>,
        /// Scope words; `none` for no words
        #[arg(long, value_name = "WORDS")]
        scope: Vec<String>,
        /// Their roles; `none` for none
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
        /// Who they are
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Give a user another password; all their tokens end
    Password {
        /// The user
        user: String,
        /// Read it from the first line of this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// End all tokens of a user, who may not log in until enabled
    Disable {
        /// The user
        user: String,
    },
    /// Trust a user again after a restore, or all of them
    Confirm {
        /// The user
        #[arg(required_unless_present = "all")]
        user: Option<String>,
        /// All users that await it
        #[arg(long, conflicts_with = "user")]
        all: bool,
    },
    /// Let a disabled user log in again
    Enable {
        /// The user
        user: String,
    },
    /// End all tokens of a user, who may log in anew
    Revoke {
        /// The user
        user: String,
    },
    /// Remove a user for good; their audit stays
    Delete {
        /// The user
        user: String,
    },
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        match self {
            Self::Add { username, scope, role, description, password_file, disabled } => {
                let user = session.run(UserCreate {
                    username,
                    password: input.new_password(password_file.as_deref())?,
                    scope: words(&scope),
                    roles: list(role),
                    enabled: Some(!disabled),
                    description,
                })?;
                shown(&user, out)
            }
            Self::List => all(session, out),
            Self::Show { user } => shown(&find(session, &user)?, out),
            Self::Edit { user, username, scope, role, description } => {
                let user = session.run(UserUpdate {
                    user_id: find(session, &user)?.user_id,
                    username,
                    scope: words(&scope),
                    roles: list(role),
                    description,
                })?;
                shown(&user, out)
            }
            Self::Password { user, password_file } => {
                let user_id = find(session, &user)?.user_id;
                let password = input.new_password(password_file.as_deref())?;
                let user = session.run(UserSetPassword { user_id, password })?;
                said(&user, "has a new password, and all their tokens ended", out)
            }
            Self::Disable { user } => {
                let user = find(session, &user)?;
                input.confirm(&format!("All tokens of {} end", named(&user)))?;
                let user = session.run(UserDisable::of(&user.user_id))?;
                said(&user, "is disabled, and all their tokens ended", out)
            }
            Self::Confirm { user, .. } => confirm(session, user.as_deref(), out),
            Self::Enable { user } => {
                let user = session.run(UserEnable::of(&find(session, &user)?.user_id))?;
                said(&user, "is enabled", out)
            }
            Self::Revoke { user } => {
                let user = find(session, &user)?;
                input.confirm(&format!("All tokens of {} end", named(&user)))?;
                let user = session.run(UserRevoke::of(&user.user_id))?;
                said(&user, "has no token any more; they may log in anew", out)
            }
            Self::Delete { user } => {
                let user = find(session, &user)?;
                input.confirm(&format!("{} is removed with all their tokens", named(&user)))?;
                session.run(UserDelete::of(&user.user_id))?;
                let done = json!({"user_id": user.user_id, "deleted": true});
                out.answer(&done, || out.line(&format!("{} is removed", named(&user))))
            }
        }
    }
}

fn confirm(session: &Session, user: Option<&str>, out: &Out) -> Result<(), Failure> {
    let user_id = user.map(|user| find(session, user)).transpose()?.map(|user| user.user_id);
    let all = user_id.is_none().then_some(true);
    let confirmed = session.run(UserConfirm { user_id, all })?;
    out.answer(&confirmed, || {
        let count = usize::try_from(confirmed.confirmed).unwrap_or(usize::MAX);
        out.line(&format!("trusted again: {}", counted(count, "user")))
    })
}

/// The user that is meant: by name, else by id.
fn find(session: &Session, user: &str) -> Result<UserDocument, Failure> {
    let by_name = UserRead { username: Some(user.to_owned()), user_id: None };
    match session.run(by_name) {
        Err(failure) if failure.is_not_found() => {
            session.run(UserRead { user_id: Some(user.to_owned()), username: None })
        }
        found => found,
    }
}

/// The id of a user that the audit knows: also of one that was removed, or is the host's.
pub(crate) fn in_audit(session: &Session, user: &str) -> Result<String, Failure> {
    let missing = match find(session, user) {
        Ok(user) => return Ok(user.user_id),
        Err(failure) if failure.is_not_found() => failure,
        Err(failure) => return Err(failure),
    };
    let user_id = Some(user.to_owned());
    let page = session.run(AuditRead { user_id, limit: Some(1), ..AuditRead::default() })?;
    if page.rows.is_empty() { Err(missing) } else { Ok(user.to_owned()) }
}

/// All users.
pub(crate) fn every(session: &Session) -> Result<Vec<UserDocument>, Failure> {
    let (mut users, mut after) = (Vec::new(), None);
    loop {
        let page = session.run(UserList { after, limit: Some(1000) })?;
        users.extend(page.users);
        after = page.next;
        if after.is_none() {
            return Ok(users);
        }
    }
}

fn all(session: &Session, out: &Out) -> Result<(), Failure> {
    let users = every(session)?;
    out.answer(&json!({"users": users}), || {
        let rows = users.iter().map(|user| {
            vec![
                user.user_id.clone(),
                user.username.clone(),
                state(user).to_owned(),
                user.roles.join(", "),
                when::shown(user.last_login_at),
            ]
        });
        out.table(&["user id", "username", "state", "roles", "last login"], rows.collect())
    })
}

fn shown(user: &UserDocument, out: &Out) -> Result<(), Failure> {
    out.answer(user, || {
        out.fields(&[
            ("user id", user.user_id.clone()),
            ("username", user.username.clone()),
            ("state", state(user).to_owned()),
            ("description", user.description.clone()),
            ("roles", user.roles.join(", ")),
            ("scope", user.scope.clone()),
            ("all scopes", user.effective_scope.clone()),
            ("created", when::shown(user.created_at)),
            ("changed", when::shown(user.updated_at)),
            ("password", when::shown(user.password_changed_at)),
            ("last login", when::shown(user.last_login_at)),
        ])
    })
}

fn state(user: &UserDocument) -> &'static str {
    match (user.enabled, user.confirmed, user.origin) {
        (false, _, _) => "disabled",
        (true, false, _) => "unconfirmed",
        (true, true, "host") => "enabled, the host's",
        (true, true, _) => "enabled",
    }
}

fn said(user: &UserDocument, what: &str, out: &Out) -> Result<(), Failure> {
    out.answer(user, || out.line(&format!("{} {what}", named(user))))
}

fn named(user: &UserDocument) -> String {
    format!("{} ({})", user.username, user.user_id)
}
