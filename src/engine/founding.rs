//! The first rows of a database, and those of a restore.

use crate::admin::{self, Restored};
use crate::base::{RequestId, Secret, UnixTime};
use crate::crypto::RecoveryCode;
use crate::domain::{self, Actor, Context, Settings};
use crate::engine::options::{Options, Recovery};
use crate::engine::restored;
use crate::engine::time::{self, Belief};
use crate::error::{Error, Result};
use crate::store::{Acceptance, Accepted, AuditEntry, Creation, Opener, SettingsRow, Store, Tx};

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
        tx.insert(&SettingsRow { id: 1, version: 1, document })?;
        tx.change("settings", "")?;
        let mut entry = actor.did("database.create");
        entry.detail.insert("issuer", settings.issuer.clone());
        if settings.danger_allow_plain_http {
            entry.detail.insert("danger_allow_plain_http", "true".to_owned());
        }
        tx.audit(&entry)
    };
    let creation = Creation { now, entropy: options.entropy_source(), first: Box::new(first) };
    Store::create(&options.path, &options.key, creation)
}

/// Renews the database of `options`: what was issued until now has ended.
pub(crate) fn restore(options: &Options, context: &Context<'_>) -> Result<Restored> {
    let (now, actor) = who_and_when(options, context)?;
    let opener = Opener::Master(&options.key);
    let mut report = Restored::default();
    Store::restore(&acceptance(options), opener, None, now, |tx, accepted| {
        let mut entry = actor.did("database.restore");
        report = renew(tx, &actor, accepted, options.trust_secrets)?;
        note(&mut entry, accepted, &report);
        tx.audit(&entry)
    })?;
    Ok(report)
}

/// Gives the database of `options` a new master key where its own is lost.
pub(crate) fn recover(
    options: &Options,
    recovery: &Recovery,
    context: &Context<'_>,
) -> Result<Restored> {
    let (now, actor) = who_and_when(options, context)?;
    let mut entry = actor.did("database.recover");
    let code = match recovery {
        Recovery::Code(code) => Some(read_code(code)?),
        Recovery::KeyFile(_) | Recovery::WithoutKey { .. } => None,
    };
    let (with, opener) = match recovery {
        Recovery::KeyFile(path) => ("key_file", Some(Opener::KeyFile(path))),
        Recovery::WithoutKey { .. } => ("nothing", None),
        Recovery::Code(_) => ("recovery_code", code.as_ref().map(Opener::Code)),
    };
    entry.detail.insert("recovered_with", with.to_owned());
    let Some(opener) = opener else {
        return adopt(options, recovery, (now, &actor), entry);
    };
    let source = Some(&options.key);
    let mut report = Restored::default();
    Store::restore(&acceptance(options), opener, source, now, |tx, accepted| {
        // What the freshness file vouches for is no old copy: nothing has to end.
        report = if accepted.fresh {
            restored::found(accepted)
        } else {
            renew(tx, &actor, accepted, options.trust_secrets)?
        };
        note(&mut entry, accepted, &report);
        tx.audit(&entry)
    })?;
    Ok(report)
}

/// Recovers without any key. Whoever could write the file before may have written anything into it: nobody
/// gets in before an administrator has looked at them.
fn adopt(
    options: &Options,
    recovery: &Recovery,
    (now, actor): (impl FnOnce(UnixTime) -> UnixTime, &Actor),
    mut entry: AuditEntry,
) -> Result<Restored> {
    if options.trust_secrets {
        let why = "without a key nobody knows who wrote the secrets";
        return Err(Error::argument("trust_secrets", why));
    }
    let code_lost = matches!(recovery, Recovery::WithoutKey { code_lost: true });
    let mut report = Restored::default();
    Store::adopt(&acceptance(options), &options.key, code_lost, now, |tx, accepted| {
        tx.begin_epoch()?;
        domain::unconfirm_users(tx)?;
        domain::unconfirm_all(tx)?;
        report = restored::adopted(accepted, &tx.awaiting()?);
        note(&mut entry, accepted, &report);
        entry.detail.insert("not_vouched_for", "everything before this row".to_owned());
        tx.audit(&entry)?;
        close_doors(tx, actor)?;
        domain::disable_all_clients(tx, actor)?;
        domain::disable_all_users(tx, actor).map(|_| ())
    })?;
    Ok(report)
}

/// The settings that let somebody in are the defaults again.
fn close_doors(tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
    let row = tx.view().settings()?;
    let row = row.ok_or_else(|| Error::Corrupt { what: "the settings row".to_owned() })?;
    let defaults = Settings::default();
    let settings = Settings {
        trusted_proxies: defaults.trusted_proxies,
        danger_allow_plain_http: defaults.danger_allow_plain_http,
        ..admin::settings_of_document(&row.document)?
    };
    let document = admin::document_of_settings(&settings, Some(&row.document))?;
    let version = row.version + 1;
    tx.update(&SettingsRow { id: 1, version, document })?;
    tx.change("settings", "")?;
    let mut entry = actor.did("settings.set");
    entry.detail.insert("members", "danger_allow_plain_http trusted_proxies".to_owned());
    tx.audit(&entry)
}

/// Ends what may have been revoked in the time that is lost.
fn renew(tx: &mut Tx<'_>, actor: &Actor, accepted: &Accepted, trust: bool) -> Result<Restored> {
    tx.begin_epoch()?;
    domain::retire_all(tx, actor)?;
    if !trust {
        domain::unconfirm_all(tx)?;
        domain::unconfirm_users(tx)?;
    }
    Ok(restored::renewed(accepted, &tx.awaiting()?, trust))
}

fn note(entry: &mut AuditEntry, accepted: &Accepted, report: &Restored) {
    if let Some(suffix) = &accepted.wal_aside {
        entry.detail.insert("wal_set_aside", suffix.clone());
    }
    if let Some(master) = &accepted.master {
        entry.detail.insert("key_source", master.source.to_owned());
        entry.detail.insert("key_id", master.id.clone());
    }
    restored::note(entry, report);
}

fn acceptance(options: &Options) -> Acceptance<'_> {
    Acceptance {
        path: &options.path,
        busy_timeout: options.busy_timeout,
        entropy: options.entropy_source(),
    }
}

fn who_and_when(
    options: &Options,
    context: &Context<'_>,
) -> Result<(impl FnOnce(UnixTime) -> UnixTime, Actor)> {
    let now = options.clock.wall();
    let request = RequestId::mint(now, options.entropy_source().as_ref())?;
    let actor = Actor::of(context, &[], request)?;
    Ok((move |mark| time::plausible(now, mark), actor))
}

fn read_code(code: &Secret) -> Result<RecoveryCode> {
    let text = std::str::from_utf8(code.expose()).ok();
    text.and_then(RecoveryCode::parse)
        .ok_or_else(|| Error::argument("recovery_code", "is none: look for a mistyped character"))
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
