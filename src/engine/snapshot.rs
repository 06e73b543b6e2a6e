//! What the engine keeps in memory of the database, following its changes.

use crate::admin;
use crate::base::{Epoch, UnixTime};
use crate::domain::{
    Client, ClientState, Credential, Grant, Issuers, Keyring, Settings, UserState,
};
use crate::engine::origins::Origins;
use crate::engine::rates::Ledger;
use crate::engine::time::Timekeeper;
use crate::error::{Error, Result};
use crate::store::{ChangeRow, State, Store, View, lock};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

/// The snapshot of one engine.
pub(crate) struct Snapshot {
    frame: RwLock<Arc<Frame>>,
    living: RwLock<Living>,
    ledger: Ledger,
    /// Held by the one thread that brings it up to date.
    refreshing: Mutex<()>,
    /// The change word under which it was last found to be up to date.
    word: AtomicU64,
    /// When the files were last seen to be in their places, in milliseconds.
    checked_at: AtomicI64,
}

/// What rarely changes, replaced whole.
pub(crate) struct Frame {
    /// The change sequence that all of this was read at.
    pub(crate) sequence: u64,
    pub(crate) epoch: Epoch,
    pub(crate) settings: Arc<Settings>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) issuers: Arc<Issuers>,
    pub(super) origins: Arc<Origins>,
}

/// What changes one by one.
#[derive(Default)]
struct Living {
    sequence: u64,
    clients: HashMap<String, Arc<ClientState>>,
    /// What clients of other sites are called here, by site and what they are called there.
    foreign: HashMap<(String, String), String>,
    /// Ids that nobody has, so that a guess of one costs no more than a guess at a known client's secret.
    strangers: HashSet<String>,
    /// Users and grants that tokens name, `None` for those that are not there.
    users: HashMap<String, Option<Arc<UserState>>>,
    grants: HashMap<String, Option<Arc<Grant>>>,
    /// Tokens revoked by themselves, and when they would have ended.
    revoked: HashMap<String, UnixTime>,
}

impl Snapshot {
    /// Reads everything.
    pub(crate) fn load(store: &Store) -> Result<Self> {
        let (frame, living) = store.read(load_all)?;
        Ok(Self {
            frame: RwLock::new(Arc::new(frame)),
            living: RwLock::new(living),
            ledger: Ledger::default(),
            refreshing: Mutex::new(()),
            word: AtomicU64::new(NO_WORD),
            checked_at: AtomicI64::new(0),
        })
    }

    /// A frame at least as new as every change that was committed before the call, by any process.
    pub(crate) fn current(&self, store: &Store, time: &Timekeeper) -> Result<Arc<Frame>> {
        // Loaded before the database is asked: a change that is committed in between moves it on, so what
        // is remembered below is at worst too old, and costs another look.
        let word = store.settled_word()?;
        let known = word.is_some_and(|word| word == self.word.load(Ordering::Acquire));
        // A word that nobody moves any more, because its file was exchanged, must not be believed for long.
        let now = time.now().millis();
        if now.abs_diff(self.checked_at.load(Ordering::Relaxed)) >= CHECK_MILLIS {
            store.check_in_place()?;
            self.checked_at.store(now, Ordering::Relaxed);
        } else if known {
            return Ok(self.frame());
        }
        let frame = self.catch_up(store, time)?;
        if let Some(word) = word {
            self.word.store(word, Ordering::Release);
        }
        Ok(frame)
    }

    /// Asks the database for its last change, and applies what is new.
    fn catch_up(&self, store: &Store, time: &Timekeeper) -> Result<Arc<Frame>> {
        let state = store.state()?;
        time.follow(&state);
        let frame = self.frame();
        if frame.sequence == state.sequence {
            return Ok(frame);
        }
        let _alone = lock(&self.refreshing);
        let frame = self.frame();
        // Another thread may have read later changes than the ones we know of, never earlier ones.
        if frame.sequence < state.sequence {
            self.refresh(store, &frame, time)?;
        }
        Ok(self.frame())
    }

    /// The client `client_id` with its credentials, `None` if there is none.
    pub(crate) fn client(
        &self,
        store: &Store,
        client_id: &str,
    ) -> Result<Option<Arc<ClientState>>> {
        {
            let living = self.living();
            if let Some(state) = living.clients.get(client_id) {
                return Ok(Some(Arc::clone(state)));
            }
            if living.strangers.contains(client_id) {
                return Ok(None);
            }
        }
        let (sequence, read) =
            store.read(|view| Ok((view.state()?.sequence, load_client(view, client_id)?)))?;
        let state = read.map(|(client, credentials)| {
            let budgets = self.ledger.budgets(client_id);
            Arc::new(ClientState { client, credentials, budgets })
        });
        self.keep(sequence, |living| living.keep(client_id, state.as_ref()));
        Ok(state)
    }

    /// What the client is called here that `issuer` calls `client_id`; `None` if there is none.
    pub(crate) fn foreign_client(
        &self,
        store: &Store,
        issuer: &str,
        client_id: &str,
    ) -> Result<Option<String>> {
        let key = (issuer.to_owned(), client_id.to_owned());
        if let Some(known) = self.living().foreign.get(&key) {
            return Ok(Some(known.clone()));
        }
        let (sequence, row) = store
            .read(|view| Ok((view.state()?.sequence, view.foreign_client(issuer, client_id)?)))?;
        let known = row.map(|row| row.client_id);
        if let Some(known) = &known {
            self.keep(sequence, |living| {
                if living.foreign.len() >= KEPT_LIMIT {
                    living.foreign.clear();
                }
                living.foreign.insert(key, known.clone());
            });
        }
        Ok(known)
    }

    /// The user `user_id`, `None` if there is none.
    pub(crate) fn user(&self, store: &Store, user_id: &str) -> Result<Option<Arc<UserState>>> {
        if let Some(known) = self.living().users.get(user_id) {
            return Ok(known.clone());
        }
        let (sequence, state) =
            store.read(|view| Ok((view.state()?.sequence, UserState::load(view, user_id)?)))?;
        let state = state.map(Arc::new);
        self.keep(sequence, |living| insert_bounded(&mut living.users, user_id, state.clone()));
        Ok(state)
    }

    /// The grant `grant_id`, `None` if there is none. Of its times only its revocation is up to date.
    pub(crate) fn grant(&self, store: &Store, grant_id: &str) -> Result<Option<Arc<Grant>>> {
        if let Some(known) = self.living().grants.get(grant_id) {
            return Ok(known.clone());
        }
        let (sequence, row) =
            store.read(|view| Ok((view.state()?.sequence, view.grant(grant_id)?)))?;
        let grant = row.as_ref().map(Grant::from_row).transpose()?.map(Arc::new);
        self.keep(sequence, |living| insert_bounded(&mut living.grants, grant_id, grant.clone()));
        Ok(grant)
    }

    fn living(&self) -> RwLockReadGuard<'_, Living> {
        self.living.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was read at `sequence` only if no change was applied since: a change that dropped it
    /// would otherwise be undone by a late reader.
    fn keep(&self, sequence: u64, keep: impl FnOnce(&mut Living)) {
        let mut living = self.living.write().unwrap_or_else(PoisonError::into_inner);
        if living.sequence == sequence {
            keep(&mut living);
        }
    }

    /// Whether this one token was revoked.
    pub(crate) fn is_revoked(&self, token_id: &str) -> bool {
        self.living().revoked.contains_key(token_id)
    }

    /// The frame as it is.
    pub(crate) fn frame(&self) -> Arc<Frame> {
        Arc::clone(&self.frame.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Applies the changes since `old`, or reads everything when they are not all known.
    fn refresh(&self, store: &Store, old: &Frame, time: &Timekeeper) -> Result<()> {
        let update = store.read(|view| {
            let state = view.state()?;
            // Before any revocation is forgotten because its token has expired: by this time it has, and
            // whoever is told another one must not find the token alive.
            time.follow(&state);
            match view.changes_after(old.sequence)? {
                Some(changes) if state.epoch == old.epoch && changes.iter().all(is_known) => {
                    apply(view, old, &state, &changes).map(Update::Delta)
                }
                Some(_) | None => load_all(view).map(|(frame, living)| Update::All(frame, living)),
            }
        })?;
        let mut living = self.living.write().unwrap_or_else(PoisonError::into_inner);
        let frame = match update {
            Update::All(frame, all) => {
                *living = all;
                frame
            }
            Update::Delta(delta) => {
                living.forget(&delta);
                living.revoked.extend(delta.revoked);
                let now = delta.now;
                living.revoked.retain(|_, expires_at| *expires_at >= now);
                living.sequence = delta.frame.sequence;
                delta.frame
            }
        };
        // The living part first: whoever sees the new frame sees at least its clients.
        drop(living);
        *self.frame.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(frame);
        Ok(())
    }
}

impl Living {
    /// Drops what the changes name.
    fn forget(&mut self, delta: &Delta) {
        for client_id in &delta.clients {
            self.clients.remove(client_id);
            self.foreign.clear();
            self.strangers.remove(client_id);
        }
        if delta.roles {
            self.users.clear();
        }
        for user_id in &delta.users {
            self.users.remove(user_id);
        }
        for grant_id in &delta.grants {
            self.grants.remove(grant_id);
        }
    }

    /// Keeps what was read of a client, in bounded memory.
    fn keep(&mut self, client_id: &str, state: Option<&Arc<ClientState>>) {
        match state {
            Some(state) => insert_bounded(&mut self.clients, client_id, Arc::clone(state)),
            None => {
                if self.strangers.len() >= STRANGERS_LIMIT {
                    self.strangers.clear();
                }
                self.strangers.insert(client_id.to_owned());
            }
        }
    }
}

/// Keeps one more; beyond the limit all others go, and are read anew when they are needed.
fn insert_bounded<T>(map: &mut HashMap<String, T>, id: &str, value: T) {
    if map.len() >= KEPT_LIMIT {
        map.clear();
    }
    map.insert(id.to_owned(), value);
}

enum Update {
    All(Frame, Living),
    Delta(Delta),
}

/// What a stretch of changes amounts to.
struct Delta {
    frame: Frame,
    clients: Vec<String>,
    users: Vec<String>,
    /// Whether a role changed: then any user's words may have.
    roles: bool,
    grants: Vec<String>,
    revoked: Vec<(String, UnixTime)>,
    /// What ended more than a margin before this needs no revocation any more.
    now: UnixTime,
}

/// A kind that a later release brings may mean anything: then everything is read anew.
fn is_known(change: &ChangeRow) -> bool {
    matches!(
        change.kind.as_str(),
        "client"
            | "credential"
            | "token"
            | "user"
            | "role"
            | "grant"
            | "key"
            | "issuer"
            | "settings"
            | "scope"
            | "clock"
    )
}

fn apply(view: &View<'_>, old: &Frame, state: &State, changes: &[ChangeRow]) -> Result<Delta> {
    let named = |kind: &str| changes.iter().any(|change| change.kind == kind);
    let mut clients = Vec::new();
    let (mut users, mut grants) = (Vec::new(), Vec::new());
    let mut revoked = Vec::new();
    for change in changes {
        match change.kind.as_str() {
            "client" | "credential" => clients.push(change.id.clone()),
            "user" => users.push(change.id.clone()),
            "grant" => grants.push(change.id.clone()),
            "token" => {
                let row = view.revoked_token(&change.id)?;
                let ends = row.map(|row| UnixTime::from_millis(row.expires_at));
                revoked.extend(ends.map(|ends| (change.id.clone(), ends)));
            }
            _ => {}
        }
    }
    let settings =
        if named("settings") { Arc::new(load_settings(view)?) } else { Arc::clone(&old.settings) };
    let keyring =
        if named("key") { Arc::new(Keyring::load(view)?) } else { Arc::clone(&old.keyring) };
    let issuers = if named("issuer") {
        Arc::new(Issuers::load(view, state.epoch)?)
    } else {
        Arc::clone(&old.issuers)
    };
    let origins = if clients.is_empty() {
        Arc::clone(&old.origins)
    } else {
        let mut origins = Origins::clone(&old.origins);
        origins.follow(view, &clients)?;
        Arc::new(origins)
    };
    let (sequence, epoch) = (state.sequence, state.epoch);
    let frame = Frame { sequence, epoch, settings, keyring, issuers, origins };
    let roles = named("role");
    Ok(Delta {
        frame,
        clients,
        users,
        roles,
        grants,
        revoked,
        now: state.mark.plus_millis(-REVOKED_MARGIN_MILLIS),
    })
}

fn load_all(view: &View<'_>) -> Result<(Frame, Living)> {
    let state = view.state()?;
    let frame = Frame {
        sequence: state.sequence,
        epoch: state.epoch,
        settings: Arc::new(load_settings(view)?),
        keyring: Arc::new(Keyring::load(view)?),
        issuers: Arc::new(Issuers::load(view, state.epoch)?),
        origins: Arc::new(Origins::load(view)?),
    };
    let revoked = view.revoked_tokens()?;
    let revoked =
        revoked.into_iter().map(|row| (row.token_id, UnixTime::from_millis(row.expires_at)));
    let living =
        Living { sequence: state.sequence, revoked: revoked.collect(), ..Living::default() };
    Ok((frame, living))
}

/// The settings in force.
pub(crate) fn load_settings(view: &View<'_>) -> Result<Settings> {
    let row = view.settings()?;
    let row = row.ok_or_else(|| Error::Corrupt { what: "the settings row".to_owned() })?;
    admin::settings_of_document(&row.document)
}

fn load_client(view: &View<'_>, client_id: &str) -> Result<Option<(Client, Vec<Credential>)>> {
    let Some(row) = view.client(client_id)? else {
        return Ok(None);
    };
    let credentials: Result<Vec<_>> =
        view.credentials(client_id)?.iter().map(Credential::from_row).collect();
    Ok(Some((Client::from_row(&row)?, credentials?)))
}

/// A second: how often a reader looks whether the files are still those it opened.
const CHECK_MILLIS: u64 = 1000;

/// No settled word is odd.
const NO_WORD: u64 = 1;

/// Clients, users and grants kept in memory, of each; a clinic has dozens, hundreds, some thousands.
const KEPT_LIMIT: usize = 10_000;

/// Ids of nobody kept in memory, of 128 bytes at most.
const STRANGERS_LIMIT: usize = 4096;

/// An hour: another process's clock may lag that much behind the mark.
const REVOKED_MARGIN_MILLIS: i64 = 3_600_000;
