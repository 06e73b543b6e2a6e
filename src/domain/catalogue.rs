//! The catalogue of scope words: only these can be given to anybody.

use crate::domain::actor::Actor;
use crate::domain::dialect::Dialect;
use crate::domain::people::holder_of_scope;
use crate::domain::scope::Scope;
use crate::error::{Error, Result};
use crate::store::Tx;

/// Puts the built-in words into a new database.
pub(crate) fn first_scopes(tx: &mut Tx<'_>) -> Result<()> {
    for (word, description) in BUILT_IN {
        tx.insert_scope(word, description, "built-in")?;
    }
    Ok(())
}

/// Adds the words that a dialect brings.
pub(super) fn enable_dialect_scopes(
    tx: &mut Tx<'_>,
    dialect: Dialect,
    actor: &Actor,
) -> Result<()> {
    for (word, description) in dialect.scopes() {
        if tx.view().scopes()?.iter().all(|known| known.word != *word) {
            add(tx, word, description, dialect.as_str(), actor)?;
        }
    }
    Ok(())
}

/// Adds a word of the host's own.
///
/// # Errors
/// [`Error::Conflict`] when it exists, [`Error::InvalidDocument`] when it is no word (RFC 6749 3.3).
pub(crate) fn add_scope(
    tx: &mut Tx<'_>,
    word: &str,
    description: &str,
    actor: &Actor,
) -> Result<()> {
    let one = Scope::parse(word).is_ok_and(|scope| scope.words().count() == 1);
    if !one || word.len() > 128 {
        return Err(Error::document(
            "scope",
            "must be one word of at most 128 characters (RFC 6749 3.3)",
        ));
    }
    if description.chars().count() > 500 || description.chars().any(char::is_control) {
        let why = "must have at most 500 characters, no control characters";
        return Err(Error::document("description", why));
    }
    if tx.view().scopes()?.iter().any(|known| known.word == word) {
        return Err(Error::Conflict { what: "scope", id: word.to_owned() });
    }
    add(tx, word, description, "own", actor)
}

/// Demands that every word of a `scope` member exists: only those can be given to anybody.
///
/// # Errors
/// [`Error::InvalidDocument`].
pub(super) fn check_in_catalogue(tx: &Tx<'_>, scope: &Scope) -> Result<()> {
    let catalogue = tx.view().scopes()?;
    // Named by its place: a secret that was written here must not come back in an error.
    match scope.words().position(|word| !catalogue.iter().any(|known| known.word == word)) {
        None => Ok(()),
        Some(index) => {
            let why = format!("word {} is not in the catalogue; add it with scope.add", index + 1);
            Err(Error::document("scope", why))
        }
    }
}

/// The words of `scope` that exist: what a host says of its users may be more than is kept here.
pub(super) fn within_catalogue(tx: &Tx<'_>, scope: Scope) -> Result<Scope> {
    let words: Vec<String> = tx.view().scopes()?.into_iter().map(|row| row.word).collect();
    Ok(scope.within(&Scope::printed(words.join(" "))))
}

/// Removes a word that nobody has.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] while a client, a role or a user has it, naming one.
pub(crate) fn remove_scope(tx: &mut Tx<'_>, word: &str, actor: &Actor) -> Result<()> {
    if tx.view().scopes()?.iter().all(|known| known.word != word) {
        return Err(Error::NotFound { what: "scope", id: word.to_owned() });
    }
    let mut after = String::new();
    loop {
        let page = tx.view().clients(&after, 200)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.client_id);
        let holder = page.iter().find(|row| crate::domain::scope::holds(&row.scope, word));
        if let Some(holder) = holder {
            let id = format!("{word} (of client {})", holder.client_id);
            return Err(Error::Conflict { what: "scope in use", id });
        }
    }
    if let Some(holder) = holder_of_scope(tx, word)? {
        return Err(Error::Conflict { what: "scope in use", id: format!("{word} (of {holder})") });
    }
    tx.delete_scope(word)?;
    tx.change("scope", word)?;
    let mut entry = actor.did("scope.remove");
    entry.scope = Some(word.to_owned());
    tx.audit(&entry)
}

fn add(tx: &mut Tx<'_>, word: &str, description: &str, origin: &str, actor: &Actor) -> Result<()> {
    tx.insert_scope(word, description, origin)?;
    tx.change("scope", word)?;
    let mut entry = actor.did("scope.add");
    entry.scope = Some(word.to_owned());
    entry.detail.insert("origin", origin.to_owned());
    tx.audit(&entry)
}

/// The words of Bio Ecko's API, which fit most clinics.
const BUILT_IN: [(&str, &str); 11] = [
    ("appointments:read", "Read appointment scheduling"),
    ("appointments:write", "Change appointment scheduling"),
    ("billing:read", "Read invoice and payment data"),
    ("billing:write", "Change invoice and payment data"),
    ("emr:read", "Read clinical records"),
    ("lab:read", "Read lab orders and results"),
    ("lab:write", "Change lab orders and results"),
    ("patients:read", "Read patient demographics"),
    ("patients:write", "Change patient demographics"),
    ("pharmacy:read", "Read dispensing and stock"),
    ("pharmacy:write", "Change dispensing and stock"),
];
