//! `wardkey scope`: the words that tokens may carry.

use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use clap::Subcommand;
use wardkey::admin::{ScopeAdd, ScopeList, ScopeRemove};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the words
    List,
    /// Add a word of your own, such as imaging:studies:read
    Add {
        /// The word
        word: String,
        /// What it permits, for people: shown on the consent page
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Remove a word that nobody has
    Remove {
        /// The word
        word: String,
    },
}

impl Command {
    pub(crate) fn run(self, session: &Session, out: &Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                let page = session.run(ScopeList::default())?;
                out.answer(&page, || {
                    let rows = page.scopes.iter().map(|scope| {
                        vec![scope.scope.clone(), scope.origin.clone(), scope.description.clone()]
                    });
                    out.table(&["scope", "origin", "description"], rows.collect())
                })
            }
            Self::Add { word, description } => {
                let done = session.run(ScopeAdd { scope: word.clone(), description })?;
                out.answer(&done, || out.line(&format!("the scope {word} was added")))
            }
            Self::Remove { word } => {
                let done = session.run(ScopeRemove { scope: word.clone() })?;
                out.answer(&done, || out.line(&format!("the scope {word} was removed")))
            }
        }
    }
}
