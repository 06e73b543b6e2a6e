//! Letting people in: users, their passwords and their roles.

use crate::base::{Generation, UserId};
use crate::domain::actor::Actor;
use crate::domain::catalogue::{check_in_catalogue, within_catalogue};
use crate::domain::client::check_text;
use crate::domain::scope::Scope;
use crate::domain::standing::{copy_failures, forget_failures};
use crate::domain::user::{Role, User, UserOrigin, UserState};
use crate::domain::username::Username;
use crate::error::{Error, Result};
use crate::store::{AuditEntry, NO_EXTRA, RoleRow, Tx};

/// A user to be created.
pub(crate) struct NewUser {
    pub(crate) username: Username,
    /// Argon2id of the password.
    pub(crate) phc: String,
    pub(crate) scope: Scope,
    pub(crate) roles: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) description: String,
}

/// Creates a user.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken, [`Error::InvalidDocument`] for a scope word that is not in the
/// catalogue or a role that does not exist.
pub(crate) fn create_user(tx: &mut Tx<'_>, new: NewUser, actor: &Actor) -> Result<UserState> {
    let now = tx.now();
    let user = User {
        user_id: UserId::mint(tx.identity().entropy.as_ref())?,
        version: 1,
        // The sequence of its creation, as a client's.
        generation: Generation(tx.next_sequence()),
        origin: UserOrigin::Own,
        username: new.username.as_str().to_owned(),
        phc: Some(new.phc),
        enabled: new.enabled,
        confirmed: true,
        scope: new.scope,
        scope_set: true,
        roles: new.roles,
        description: new.description,
        created_at: now,
        updated_at: now,
        password_changed_at: Some(now),
        extra: NO_EXTRA.to_owned(),
    };
    let user = checked(tx, user)?;
    let row = user.to_row();
    tx.insert(&row)?;
    note(tx, user, actor.did("user.create"))
}

/// Lets a host's own user in, whom the host vouches for with these words: at the first time they get a row, and
/// words that they did not have are added to their own, until an administrator has set these. `entry` says in
/// which request.
pub(crate) fn vouch_for(
    tx: &mut Tx<'_>,
    user_id: &UserId,
    words: &Scope,
    entry: &AuditEntry,
) -> Result<UserState> {
    // A word that was removed since the page was shown is nobody's any more. So the catalogue bounds what is added
    // up here, however much that is.
    let words = &within_catalogue(tx, words)?;
    let Some(row) = tx.view().user(user_id.as_str())? else {
        let user = host_user(tx, user_id, words);
        tx.insert(&user.to_row())?;
        return note(tx, user, vouched(entry, "user.create"));
    };
    let known = UserState::from_row(&tx.view(), &row)?;
    // Who may do nothing gets no words either. What an administrator said stands, whatever the host says: what
    // they took away would otherwise come back, to living tokens too.
    let fixed = known.user.check_usable().is_err() || known.user.scope_set;
    if fixed || known.scope.first_missing(words).is_none() {
        return Ok(known);
    }
    let mut user = known.user;
    user.scope = user.scope.and(words);
    save(tx, user, vouched(entry, "user.update"))
}

/// Takes from a host's own user what the host did not name, who named all their words: at the next use of
/// their tokens it is gone. Roles are given here, and stay, as do words that an administrator has set.
pub(super) fn keep_only(
    tx: &mut Tx<'_>,
    user_id: &UserId,
    words: &Scope,
    entry: &AuditEntry,
) -> Result<()> {
    let row = tx.view().user(user_id.as_str())?;
    let known = row.as_ref().map(User::from_row).transpose()?;
    let follows = |user: &User| user.check_usable().is_ok() && !user.scope_set;
    let loses = |user: &User| follows(user) && words.first_missing(&user.scope).is_some();
    let Some(mut user) = known.filter(loses) else {
        return Ok(());
    };
    user.scope = user.scope.within(words);
    save(tx, user, vouched(entry, "user.update")).map(|_| ())
}

fn host_user(tx: &Tx<'_>, user_id: &UserId, words: &Scope) -> User {
    let name = user_id.as_str();
    User {
        user_id: user_id.clone(),
        version: 1,
        generation: Generation(tx.next_sequence()),
        origin: UserOrigin::Host,
        username: name.strip_prefix("usr_.").unwrap_or(name).to_owned(),
        phc: None,
        enabled: true,
        confirmed: true,
        scope: words.clone(),
        scope_set: false,
        roles: Vec::new(),
        description: String::new(),
        created_at: tx.now(),
        updated_at: tx.now(),
        password_changed_at: None,
        extra: NO_EXTRA.to_owned(),
    }
}

fn vouched(entry: &AuditEntry, event: &'static str) -> AuditEntry {
    AuditEntry { event, outcome: "done", ..entry.clone() }
}

/// Replaces what is known about a user. What their tokens may do follows at once. A new name must have been
/// compared with the password that `phc` was made from; what was guessed at it stays counted.
///
/// # Errors
/// [`Error::NotFound`], and those of [`create_user`]; [`Error::Busy`] for a new name when the password has
/// been changed since.
pub(crate) fn update_user(
    tx: &mut Tx<'_>,
    user_id: &str,
    phc: Option<&str>,
    change: impl FnOnce(User) -> Result<User>,
    actor: &Actor,
) -> Result<UserState> {
    let old = find(tx, user_id)?;
    let (origin, username) = (old.origin, old.username.clone());
    let user = change(old)?;
    let is_renamed = user.username != username;
    if origin == UserOrigin::Host && is_renamed {
        return Err(Error::document("username", "is the host's, as is the user"));
    }
    let user = checked(tx, user)?;
    if is_renamed {
        if user.phc.as_deref() != phc {
            return Err(Error::Busy);
        }
        copy_failures(tx, &username, &user.username)?;
    }
    save(tx, user, actor.did("user.update"))
}

/// Enables or disables a user. To disable one ends all their tokens.
pub(crate) fn set_user_enabled(
    tx: &mut Tx<'_>,
    user_id: &str,
    enabled: bool,
    actor: &Actor,
) -> Result<UserState> {
    let mut user = find(tx, user_id)?;
    user.enabled = enabled;
    if !enabled {
        user.generation = Generation(tx.next_sequence());
    }
    save(tx, user, actor.did(if enabled { "user.enable" } else { "user.disable" }))
}

/// Disables every user, as where nobody can know whether somebody else edited them.
pub(crate) fn disable_all_users(tx: &mut Tx<'_>, actor: &Actor) -> Result<u64> {
    each_user(tx, |tx, user| {
        let was_enabled = user.enabled;
        if was_enabled {
            set_user_enabled(tx, user.user_id.as_str(), false, actor)?;
        }
        Ok(was_enabled)
    })
}

/// Trusts a user again whom a restore has put in doubt, and tells whether they were in any.
pub(crate) fn confirm_user(tx: &mut Tx<'_>, user_id: &str, actor: &Actor) -> Result<bool> {
    let user = find(tx, user_id)?;
    confirm(tx, user, actor)
}

/// Trusts all users again whom a restore has put in doubt, and tells how many they were.
pub(crate) fn confirm_users(tx: &mut Tx<'_>, actor: &Actor) -> Result<u64> {
    each_user(tx, |tx, user| confirm(tx, user, actor))
}

fn confirm(tx: &mut Tx<'_>, mut user: User, actor: &Actor) -> Result<bool> {
    let doubted = !user.confirmed;
    if doubted {
        user.confirmed = true;
        save(tx, user, actor.did("user.confirm"))?;
    }
    Ok(doubted)
}

/// Puts every user in doubt, as a restore does: they may have been disabled, deleted, or given another password
/// in the time that is lost. Tells how many they are.
pub(crate) fn unconfirm_users(tx: &mut Tx<'_>) -> Result<u64> {
    each_user(tx, |tx, mut user| {
        let trusted = user.confirmed;
        if trusted {
            user.confirmed = false;
            user.version += 1;
            tx.update(&user.to_row())?;
        }
        Ok(trusted)
    })
}

/// Changes users one by one, and counts those of whom `change` says that it has.
fn each_user(tx: &mut Tx<'_>, change: impl Fn(&mut Tx<'_>, User) -> Result<bool>) -> Result<u64> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let page = tx.view().users(&after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after.clone_from(&last.user_id);
        for row in &page {
            count += u64::from(change(tx, User::from_row(row)?)?);
        }
    }
}

/// Ends every token of a user, who may log in anew.
pub(crate) fn revoke_user_tokens(
    tx: &mut Tx<'_>,
    user_id: &str,
    actor: &Actor,
) -> Result<UserState> {
    let mut user = find(tx, user_id)?;
    user.generation = Generation(tx.next_sequence());
    save(tx, user, actor.did("user.revoke"))
}

/// Gives a user the password that `phc` was made from, which must have been compared with `username`. All
/// their tokens end: whoever had the old password may have obtained some. What was guessed at the old one is
/// forgotten.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::InvalidDocument`] for a host's own user; [`Error::Busy`] when they have been
/// renamed since.
pub(crate) fn set_password(
    tx: &mut Tx<'_>,
    user_id: &str,
    username: &str,
    phc: String,
    actor: &Actor,
) -> Result<UserState> {
    let mut user = find(tx, user_id)?;
    check_own(&user)?;
    if user.username != username {
        return Err(Error::Busy);
    }
    user.phc = Some(phc);
    user.confirmed = true;
    user.password_changed_at = Some(tx.now());
    user.generation = Generation(tx.next_sequence());
    forget_failures(tx, &user.username)?;
    save(tx, user, actor.did("user.set_password"))
}

/// Demands that a user's password is kept here.
///
/// # Errors
/// [`Error::InvalidDocument`].
pub(crate) fn check_own(user: &User) -> Result<()> {
    match user.origin {
        UserOrigin::Own => Ok(()),
        UserOrigin::Host => {
            Err(Error::document("user_id", "names a user of the host's, who has no password here"))
        }
    }
}

/// Deletes a user. Their tokens are refused, their audit stays.
pub(crate) fn delete_user(tx: &mut Tx<'_>, user_id: &str, actor: &Actor) -> Result<()> {
    let user = find(tx, user_id)?;
    tx.delete_user(user_id)?;
    tx.change("user", user_id)?;
    tx.audit(&about(actor.did("user.delete"), &user))
}

/// Makes a role.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken, [`Error::InvalidDocument`] for a name that none can have or a
/// scope word that is not in the catalogue.
pub(crate) fn create_role(tx: &mut Tx<'_>, role: Role, actor: &Actor) -> Result<Role> {
    check_text("name", &role.name, 1, 64)?;
    // A user's row has the names parted by spaces.
    if role.name.contains(char::is_whitespace) {
        return Err(Error::document("name", "must not have white space"));
    }
    if tx.view().role(&role.name)?.is_some() {
        return Err(Error::Conflict { what: "role", id: role.name });
    }
    check_role(tx, &role)?;
    tx.insert(&role.to_row())?;
    note_role(tx, &role, actor.did("role.create"))?;
    Ok(role)
}

/// Replaces what a role says. What its users' tokens may do follows at once.
///
/// # Errors
/// [`Error::NotFound`], and those of [`create_role`].
pub(crate) fn update_role(
    tx: &mut Tx<'_>,
    name: &str,
    change: impl FnOnce(Role) -> Result<Role>,
    actor: &Actor,
) -> Result<Role> {
    let mut role = change(find_role(tx, name)?)?;
    check_role(tx, &role)?;
    role.version += 1;
    tx.update(&role.to_row())?;
    note_role(tx, &role, actor.did("role.update"))?;
    Ok(role)
}

/// Deletes a role that no user has.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] while a user has it, naming one.
pub(crate) fn delete_role(tx: &mut Tx<'_>, name: &str, actor: &Actor) -> Result<()> {
    let role = find_role(tx, name)?;
    let has = |user: &User| user.roles.iter().any(|known| known == name);
    if let Some(holder) = find_holder(tx, has)? {
        let id = format!("{name} (of user {})", holder.user_id);
        return Err(Error::Conflict { what: "role in use", id });
    }
    tx.delete_role(name)?;
    tx.change("role", name)?;
    tx.audit(&about_role(actor.did("role.delete"), &role))
}

/// Who has a scope word, of roles and users, in words for a conflict.
pub(super) fn holder_of_scope(tx: &Tx<'_>, word: &str) -> Result<Option<String>> {
    let roles = tx.view().roles()?;
    if let Some(role) = roles.iter().find(|row| crate::domain::scope::holds(&row.scope, word)) {
        return Ok(Some(format!("role {}", role.name)));
    }
    let holder = find_holder(tx, |user| user.scope.contains(word))?;
    Ok(holder.map(|user| format!("user {}", user.user_id)))
}

/// The first user of whom `is_holder` is true.
fn find_holder(tx: &Tx<'_>, is_holder: impl Fn(&User) -> bool) -> Result<Option<User>> {
    let mut after = String::new();
    loop {
        let page = tx.view().users(&after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after.clone_from(&last.user_id);
        for row in &page {
            let user = User::from_row(row)?;
            if is_holder(&user) {
                return Ok(Some(user));
            }
        }
    }
}

fn find(tx: &Tx<'_>, user_id: &str) -> Result<User> {
    let row = tx.view().user(user_id)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "user", id: user_id.to_owned() })?;
    User::from_row(&row)
}

fn find_role(tx: &Tx<'_>, name: &str) -> Result<Role> {
    let row: Option<RoleRow> = tx.view().role(name)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "role", id: name.to_owned() })?;
    Role::from_row(&row)
}

/// The user with each role once, if everything about them is within its range and exists.
fn checked(tx: &Tx<'_>, mut user: User) -> Result<User> {
    check_text("description", &user.description, 0, 2000)?;
    check_in_catalogue(tx, &user.scope)?;
    if user.roles.len() > ROLES_LIMIT {
        return Err(Error::document("roles", "must have at most 64 members"));
    }
    for (index, name) in user.roles.iter().enumerate() {
        // Named by its place: a secret that was written here must not come back in an error.
        if tx.view().role(name)?.is_none() {
            let why = "is no role; make it with role.create";
            return Err(Error::document(format!("roles[{index}]"), why));
        }
    }
    user.roles.sort_unstable();
    user.roles.dedup();
    let named = tx.view().user_by_name(user.origin.as_str(), &user.username)?;
    if named.is_some_and(|row| row.user_id != user.user_id.as_str()) {
        return Err(Error::Conflict { what: "username", id: user.username });
    }
    Ok(user)
}

fn check_role(tx: &Tx<'_>, role: &Role) -> Result<()> {
    check_text("description", &role.description, 0, 2000)?;
    check_in_catalogue(tx, &role.scope)
}

fn save(tx: &mut Tx<'_>, mut user: User, entry: AuditEntry) -> Result<UserState> {
    user.version += 1;
    user.updated_at = tx.now();
    tx.update(&user.to_row())?;
    note(tx, user, entry)
}

fn note(tx: &mut Tx<'_>, user: User, entry: AuditEntry) -> Result<UserState> {
    tx.change("user", user.user_id.as_str())?;
    let entry = about(entry, &user);
    tx.audit(&entry)?;
    UserState::from_row(&tx.view(), &user.to_row())
}

fn note_role(tx: &mut Tx<'_>, role: &Role, entry: AuditEntry) -> Result<()> {
    tx.change("role", &role.name)?;
    let entry = about_role(entry, role);
    tx.audit(&entry)
}

fn about(entry: AuditEntry, user: &User) -> AuditEntry {
    let mut entry = AuditEntry {
        user: Some(user.user_id.as_str().to_owned()),
        scope: Some(user.scope.as_str().to_owned()),
        ..entry
    };
    entry.detail.insert("username", user.username.clone());
    if !user.roles.is_empty() {
        entry.detail.insert("roles", user.roles.join(" "));
    }
    entry
}

fn about_role(entry: AuditEntry, role: &Role) -> AuditEntry {
    let mut entry = AuditEntry { scope: Some(role.scope.as_str().to_owned()), ..entry };
    entry.detail.insert("role", role.name.clone());
    entry
}

/// Roles of one user.
const ROLES_LIMIT: usize = 64;

/// Users read at a time, when all are looked through.
const PAGE: u32 = 200;
