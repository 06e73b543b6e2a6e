//! The first rows of a database, and those of a restore.

use crate::admin;
use crate::base::{Leap, RequestId};
use crate::domain::{self, Actor, Context, Settings};
use crate::engine::options::Options;
use crate::engine::time::{self, Belief};
use crate::error::Result;
use crate::store::{AuditEntry, Creation, SettingsRow, Store, Tx};

/// Creates the database of `options`.
pub(crate) fn create(options: &Options, settings: &Settings, context: &Context<'_>) -> Result<()> {
    settings.check()?;
    let now = time::first(options.clock.wall())?;
    let request = RequestId::mint(now, options.entropy_source().as_ref())?;
    let actor = Actor::of(context, &settings.trusted_proxies, request)?;
    let first = |tx: &mut Tx<'_>| {
        domain::first_scopes(tx)?;
        domain::enable_dialects(tx, &settings.dialects, &actor)?;
        let document = admin::document_of_settings(settings, None)?;
        let mac = tx.insert(&SettingsRow { id: 1, version: 1, document })?;
        tx.change("settings", "")?;
        let mut entry = actor.did("database.create");
        entry.detail.insert("issuer", settings.issuer.clone());
        if settings.danger_allow_plain_http {
            entry.detail.insert("danger_allow_plain_http", "true".to_owned());
        }
        entry.note_version(1, &mac);
        tx.audit(&entry)
    };
    let creation = Creation { now, entropy: options.entropy_source(), first: Box::new(first) };
    Store::create(&options.path, &options.key, creation)
}

/// Renews the database of `options`: what was issued until now has ended.
pub(crate) fn restore(options: &Options, context: &Context<'_>) -> Result<()> {
    let now = options.clock.wall();
    let request = RequestId::mint(now, options.entropy_source().as_ref())?;
    let actor = Actor::of(context, &[], request)?;
    let entropy = options.entropy_source();
    let now = |mark| time::plausible(now, mark);
    Store::restore(&options.path, &options.key, options.busy_timeout, entropy, now, |tx, aside| {
        tx.begin_epoch()?;
        domain::retire_all(tx, &actor)?;
        let secrets = domain::unconfirm_all(tx)?;
        let users = domain::unconfirm_users(tx)?;
        let mut entry = actor.did("database.restore");
        entry.detail.insert("secrets_to_confirm", secrets.to_string());
        entry.detail.insert("users_to_confirm", users.to_string());
        if let Some(suffix) = aside {
            entry.detail.insert("wal_set_aside", suffix.to_owned());
        }
        tx.audit(&entry)
    })
}

/// The row of an engine that was opened with a clock of the host's.
pub(crate) fn opened_with_own_clock(request: &RequestId) -> AuditEntry {
    let mut entry = Actor::library(request).did("database.open");
    entry.detail.insert("clock", "a clock of the host's own".to_owned());
    entry
}

/// Writes a change of belief for all processes to follow.
pub(crate) fn record_belief(tx: &mut Tx<'_>, belief: &Belief) -> Result<()> {
    tx.set_clock(belief.clock)?;
    let mut entry = AuditEntry {
        event: if belief.clock.believed { "clock.trust" } else { "clock.doubt" },
        outcome: "done",
        ..AuditEntry::default()
    };
    entry.detail.insert("wall", belief.wall.to_string());
    entry.detail.insert("time", belief.time.to_string());
    tx.audit(&entry)
}

/// Writes a leap of the clock for all processes to follow.
pub(crate) fn record_leap(tx: &mut Tx<'_>, leap: Leap) -> Result<()> {
    tx.note_clock_leap(leap)?;
    let mut entry = AuditEntry { event: "clock.leap", outcome: "done", ..AuditEntry::default() };
    entry.detail.insert("from", leap.from.to_string());
    entry.detail.insert("to", leap.to.to_string());
    tx.audit(&entry)
}
