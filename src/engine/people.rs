//! What the operations on users and roles do.

use crate::admin::{
    Done, RoleCreate, RoleDelete, RoleDocument, RoleList, RolePage, RoleUpdate, UserConfirm,
    UserConfirmed, UserCreate, UserDelete, UserDisable, UserDocument, UserEnable, UserList,
    UserPage, UserRead, UserRevoke, UserSetPassword, UserUpdate, read_scope, read_username,
};
use crate::base::UnixTime;
use crate::crypto::password;
use crate::domain::{
    self, Actor, NewUser, Password, Role, Scope, User, UserOrigin, UserState, Username,
    check_new_password, passwords_of_name,
};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, page_size, private};
use crate::error::{Error, Result};
use crate::store::{Tx, UserRow, View};

impl Engine {
    /// What recognises a new password, computed outside the write lock.
    fn hash_new_password(&self, typed: &str, username: &Username) -> Result<String> {
        let (frame, _) = self.current()?;
        let unfit = |why: domain::Unfit| Error::document("password", why.to_string());
        let password = Password::parse(typed).map_err(unfit)?;
        let settings = &frame.settings;
        let words = [&settings.clinic_name].into_iter().chain(&settings.password_blocklist);
        check_new_password(&password, username, words.map(String::as_str)).map_err(unfit)?;
        let permit = self.hashes.permit()?;
        password::hash(&permit, password.expose(), self.store.identity().entropy.as_ref())
    }

    /// Demands that a user's password is not the name that they are to get. What recognises it, if a name was
    /// compared with it.
    fn check_new_name(&self, request: &UserUpdate) -> Result<Option<String>> {
        let Some(name) = &request.username else {
            return Ok(None);
        };
        let name = read_username(name)?;
        let row = self.store.read(|view| view.user(&request.user_id))?;
        let user = row.as_ref().map(User::from_row).transpose()?;
        let Some(phc) = user.filter(|user| user.username != name.as_str()).and_then(|u| u.phc)
        else {
            return Ok(None);
        };
        let permit = self.hashes.permit()?;
        for guess in passwords_of_name(&name) {
            if password::verify(&permit, &phc, guess.expose())? {
                let why = "is the user's password; give them another one first";
                return Err(Error::document("username", why));
            }
        }
        Ok(Some(phc))
    }

    /// As [`Engine::change_user`], for what ends something: on a full disk too.
    fn secure_user(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<UserState> + Clone + Send + 'static,
    ) -> Result<UserDocument> {
        self.secure(now, move |tx| {
            let state = work(tx)?;
            document_of(&tx.view(), &state)
        })
    }

    fn change_user(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<UserState> + Send + 'static,
    ) -> Result<UserDocument> {
        self.change(now, move |tx| {
            let state = work(tx)?;
            document_of(&tx.view(), &state)
        })
    }
}

/// A user as a document, with the time of the last login.
fn document_of(view: &View<'_>, state: &UserState) -> Result<UserDocument> {
    let logins = view.user_logins(state.user.user_id.as_str())?;
    let last = logins.iter().map(|login| login.last_at).max();
    Ok(UserDocument::new(state, last.map(UnixTime::from_millis)))
}

fn document_of_row(view: &View<'_>, row: &UserRow) -> Result<UserDocument> {
    document_of(view, &UserState::from_row(view, row)?)
}

administer!(UserCreate, |request, engine, actor, now| {
    let username = read_username(&request.username)?;
    let scope = request.scope.as_deref().map_or(Ok(Scope::empty()), read_scope)?;
    let phc = engine.hash_new_password(request.password.expose(), &username)?;
    let new = NewUser {
        username,
        phc,
        scope,
        roles: request.roles.unwrap_or_default(),
        enabled: request.enabled.unwrap_or(true),
        description: request.description.unwrap_or_default(),
    };
    engine.change_user(now, move |tx| domain::create_user(tx, new, &actor))
});

administer!(UserUpdate, |request, engine, actor, now| {
    let (user_id, phc) = (request.user_id.clone(), engine.check_new_name(&request)?);
    engine.change_user(now, move |tx| {
        domain::update_user(tx, &user_id, phc.as_deref(), |user| request.apply(user), &actor)
    })
});

administer!(UserSetPassword, |request, engine, actor, now| {
    let row = engine.store.read(|view| view.user(&request.user_id))?;
    let missing = || Error::NotFound { what: "user", id: request.user_id.clone() };
    let user = User::from_row(&row.ok_or_else(missing)?)?;
    domain::check_own(&user)?;
    let username = read_username(&user.username)?;
    let phc = engine.hash_new_password(request.password.expose(), &username)?;
    let user_id = request.user_id;
    engine.secure_user(now, move |tx| {
        domain::set_password(tx, &user_id, username.as_str(), phc, &actor)
    })
});

administer!(UserRead, |request, engine, _actor, _now| {
    engine.store.read(|view| {
        let (row, what, id) = match (&request.user_id, &request.username) {
            (Some(id), None) => (view.user(id)?, "user", id.clone()),
            (None, Some(name)) => {
                let name = read_username(name)?;
                let row = view.user_by_name(UserOrigin::Own.as_str(), name.as_str())?;
                (row, "username", name.as_str().to_owned())
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::document(".", "must have either `user_id` or `username`"));
            }
        };
        let row = row.ok_or(Error::NotFound { what, id })?;
        document_of_row(view, &row)
    })
});

administer!(UserList, |request, engine, _actor, _now| {
    let limit = page_size(request.limit)?;
    let after = request.after.unwrap_or_default();
    engine.store.read(|view| {
        let rows = view.users(&after, limit)?;
        let full = u64::try_from(rows.len()).is_ok_and(|length| length == u64::from(limit));
        let next = rows.last().filter(|_| full).map(|row| row.user_id.clone());
        let users: Result<Vec<_>> = rows.iter().map(|row| document_of_row(view, row)).collect();
        Ok(UserPage { users: users?, next })
    })
});

administer!(UserDisable, |request, engine, actor, now| {
    engine.secure_user(now, move |tx| domain::set_user_enabled(tx, &request.user_id, false, &actor))
});

administer!(UserEnable, |request, engine, actor, now| {
    engine.change_user(now, move |tx| domain::set_user_enabled(tx, &request.user_id, true, &actor))
});

administer!(UserRevoke, |request, engine, actor, now| {
    engine.secure_user(now, move |tx| domain::revoke_user_tokens(tx, &request.user_id, &actor))
});

administer!(UserConfirm, |request, engine, actor, now| {
    let confirmed = match (request.user_id, request.all) {
        (Some(id), None) => {
            u64::from(engine.change(now, move |tx| domain::confirm_user(tx, &id, &actor))?)
        }
        (None, Some(true)) => engine.change(now, move |tx| domain::confirm_users(tx, &actor))?,
        (Some(_), Some(_)) | (None, Some(false) | None) => {
            return Err(Error::document(".", "must have either `user_id` or `all`, which is true"));
        }
    };
    Ok(UserConfirmed { confirmed })
});

administer!(UserDelete, |request, engine, actor, now| {
    engine.secure(now, move |tx| domain::delete_user(tx, &request.user_id, &actor))?;
    Ok(Done::default())
});

administer!(RoleList, |_request, engine, _actor, _now| {
    let rows = engine.store.read(|view| view.roles())?;
    let roles: Result<Vec<_>> =
        rows.iter().map(|row| Role::from_row(row).map(|role| RoleDocument::from(&role))).collect();
    Ok(RolePage { roles: roles? })
});

administer!(RoleCreate, |request, engine, actor, now| {
    let role = Role::new(request.name, request.description, read_scope(&request.scope)?);
    let role = engine.change(now, move |tx| domain::create_role(tx, role, &actor))?;
    Ok(RoleDocument::from(&role))
});

administer!(RoleUpdate, |request, engine, actor, now| {
    let name = request.name.clone();
    let role = engine.change(now, move |tx| {
        domain::update_role(tx, &name, |role| request.apply(role), &actor)
    })?;
    Ok(RoleDocument::from(&role))
});

administer!(RoleDelete, |request, engine, actor, now| {
    engine.change(now, move |tx| domain::delete_role(tx, &request.name, &actor))?;
    Ok(Done::default())
});
