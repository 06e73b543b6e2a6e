//! `wardkey role`: named lists of scope words, for users.

use crate::failure::Failure;
use crate::metadata::words;
use crate::out::Out;
use crate::session::Session;
use clap::Subcommand;
use wardkey::admin::{RoleCreate, RoleDelete, RoleDocument, RoleList, RoleUpdate};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the roles
    List,
    /// Make a role, such as nurse
    Add {
        /// Its name
        name: String,
        /// Its words, parted by spaces
        #[arg(long, value_name = "WORDS")]
        scope: Vec<String>,
        /// Whom it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Replace what is given of a role; in force at once for all who have it
    Edit {
        /// Its name
        name: String,
        /// Its words, parted by spaces; `none` for no words
        #[arg(long, value_name = "WORDS")]
        scope: Vec<String>,
        /// Whom it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Remove a role that no user has
    Remove {
        /// Its name
        name: String,
    },
}

impl Command {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                let page = session.run(RoleList::default())?;
                out.answer(&page, || {
                    let rows = page.roles.iter().map(|role| {
                        vec![role.name.clone(), role.scope.clone(), role.description.clone()]
                    });
                    out.table(&["role", "scope", "description"], rows.collect())
                })
            }
            Self::Add { name, scope, description } => {
                let scope = words(&scope).unwrap_or_default();
                show(&session.run(RoleCreate { name, scope, description })?, out)
            }
            Self::Edit { name, scope, description } => {
                show(&session.run(RoleUpdate { name, scope: words(&scope), description })?, out)
            }
            Self::Remove { name } => {
                let done = session.run(RoleDelete { name: name.clone() })?;
                out.answer(&done, || out.line(&format!("the role {name} was removed")))
            }
        }
    }
}

fn show(role: &RoleDocument, out: &Out) -> Result<(), Failure> {
    out.answer(role, || {
        out.fields(&[
            ("role", role.name.clone()),
            ("scope", role.scope.clone()),
            ("description", role.description.clone()),
        ])
    })
}
