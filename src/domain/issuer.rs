//! Other sites whose tokens are believed: named, pinned to their site id and keys, verified offline.
//!
//! A site can speak for its own clients alone. Its keys verify tokens of its own `iss`, its own site and its own
//! token ids, and no others; and whoever a token names must be registered here as a client of that very site.

use crate::base::{Epoch, KeyId, Lifetime, SiteId, UnixTime};
use crate::crypto::{Jwk, PublicKey};
use crate::domain::actor::Actor;
use crate::domain::settings::{MAX_LIFETIME, check_issuer};
use crate::error::{Error, Result};
use crate::store::{AuditEntry, IssuerRow, NO_EXTRA, Tx, View, check_extra};

/// The other sites of a database.
#[derive(Default)]
pub(crate) struct Issuers(Vec<Issuer>);

/// Another site.
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    pub(crate) site: SiteId,
    /// Whether its tokens are believed: it was enabled, and in this epoch.
    pub(crate) enabled: bool,
    /// Tokens of up to this time are refused.
    pub(crate) since: UnixTime,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
    pub(crate) jwks: Vec<Jwk>,
    keys: Vec<(KeyId, PublicKey)>,
}

impl Issuers {
    /// Reads all.
    pub(crate) fn load(view: &View<'_>, epoch: Epoch) -> Result<Self> {
        let rows = view.issuers()?;
        rows.iter().map(|row| Issuer::from_row(row, epoch)).collect::<Result<_>>().map(Self)
    }

    /// The one with this site id.
    pub(crate) fn of_site(&self, site: &str) -> Option<&Issuer> {
        self.0.iter().find(|known| known.site.as_str() == site)
    }

    /// The one with this name.
    pub(crate) fn named(&self, issuer: &str) -> Option<&Issuer> {
        self.0.iter().find(|known| known.issuer == issuer)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.0.iter()
    }
}

impl Issuer {
    /// Its key with this id.
    pub(crate) fn key(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|(known, _)| known.as_str() == kid).map(|(_, key)| key)
    }

    /// Reads a stored site.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a column holds what this library never writes.
    pub(crate) fn from_row(row: &IssuerRow, epoch: Epoch) -> Result<Self> {
        check_extra(&row.extra)?;
        let corrupt = || Error::Corrupt { what: format!("the issuer `{}`", row.issuer) };
        let site = SiteId::parse(&row.site).ok_or_else(corrupt)?;
        let jwks = Jwk::parse_all(&row.jwks).ok_or_else(corrupt)?;
        Ok(Self {
            issuer: row.issuer.clone(),
            enabled: row.enabled && row.epoch == epoch.bytes(),
            since: UnixTime::from_millis(row.since),
            created_at: UnixTime::from_millis(row.created_at),
            updated_at: UnixTime::from_millis(row.updated_at),
            keys: read_keys(&jwks, &site).map_err(|_| corrupt())?,
            jwks,
            site,
        })
    }
}

/// What is imported of another site.
pub(crate) struct NewIssuer {
    pub(crate) issuer: String,
    pub(crate) site: String,
    pub(crate) jwks: Vec<Jwk>,
}

/// Believes another site from now on, or replaces its keys. A site that is disabled stays so.
///
/// # Errors
/// [`Error::InvalidDocument`] for what cannot be another site's, [`Error::Conflict`] for a name that stands for
/// another site, or a site that has another name.
pub(crate) fn import_issuer(
    tx: &mut Tx<'_>,
    new: &NewIssuer,
    own_issuer: &str,
    actor: &Actor,
) -> Result<Issuer> {
    check_issuer(&new.issuer).map_err(|why| Error::document("issuer", why))?;
    let why = "must be 11 base64url characters: `key.export` of the other site says it";
    let site = SiteId::parse(&new.site).ok_or_else(|| Error::document("site", why))?;
    if new.issuer == own_issuer {
        return Err(Error::document("issuer", "is our own"));
    }
    if site == tx.identity().site {
        return Err(Error::document("site", "is our own"));
    }
    read_keys(&new.jwks, &site)?;
    let same_site = |row: &&IssuerRow| row.site == new.site || row.issuer == new.issuer;
    let (now, jwks) = (tx.now().millis(), Jwk::print_all(&new.jwks)?);
    let known = tx.view().issuers()?.iter().find(same_site).cloned();
    let row = match known {
        None => IssuerRow {
            issuer: new.issuer.clone(),
            version: 1,
            site: new.site.clone(),
            enabled: true,
            epoch: tx.epoch().bytes(),
            since: latest_iat(tx.now()).millis(),
            jwks,
            created_at: now,
            updated_at: now,
            extra: NO_EXTRA.to_owned(),
        },
        Some(row) if row.site == new.site && row.issuer == new.issuer => {
            IssuerRow { version: row.version + 1, jwks, updated_at: now, ..row }
        }
        Some(row) => return Err(Error::Conflict { what: "issuer", id: row.issuer }),
    };
    let mut entry = actor.did("issuer.import");
    let kids: Vec<_> = new.jwks.iter().filter_map(|jwk| jwk.kid.as_deref()).collect();
    entry.detail.insert("kids", kids.join(" "));
    save(tx, &row, entry)
}

/// Believes a site again, or not for now. What it issued before is not believed again: nobody knows what it
/// revoked meanwhile.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) fn set_issuer_enabled(
    tx: &mut Tx<'_>,
    issuer: &str,
    enabled: bool,
    actor: &Actor,
) -> Result<Issuer> {
    let mut row = find(tx, issuer)?;
    let was = row.enabled && row.epoch == tx.epoch().bytes();
    row.version += 1;
    row.updated_at = tx.now().millis();
    row.enabled = enabled;
    if enabled && !was {
        row.epoch = tx.epoch().bytes();
        row.since = latest_iat(tx.now()).millis();
    }
    save(tx, &row, actor.did(if enabled { "issuer.enable" } else { "issuer.disable" }))
}

/// Stops knowing a site. Its clients stay registered, and nobody speaks for them.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) fn delete_issuer(tx: &mut Tx<'_>, issuer: &str, actor: &Actor) -> Result<()> {
    let row = find(tx, issuer)?;
    tx.delete_issuer(issuer)?;
    tx.change("issuer", issuer)?;
    tx.audit(&about(actor.did("issuer.delete"), &row))
}

fn find(tx: &Tx<'_>, issuer: &str) -> Result<IssuerRow> {
    let row = tx.view().issuer(issuer)?;
    row.ok_or_else(|| Error::NotFound { what: "issuer", id: issuer.to_owned() })
}

fn save(tx: &mut Tx<'_>, row: &IssuerRow, entry: AuditEntry) -> Result<Issuer> {
    if row.version == 1 { tx.insert(row) } else { tx.update(row) }?;
    tx.change("issuer", &row.issuer)?;
    let entry = about(entry, row);
    tx.audit(&entry)?;
    Issuer::from_row(row, tx.epoch())
}

fn about(mut entry: AuditEntry, row: &IssuerRow) -> AuditEntry {
    entry.detail.insert("issuer", row.issuer.clone());
    entry.detail.insert("site", row.site.clone());
    entry
}

/// The public keys of a set, each under the id that a key of `site` has: its thumbprint says which key it is, so
/// nobody's key can stand under the id of another.
fn read_keys(jwks: &[Jwk], site: &SiteId) -> Result<Vec<(KeyId, PublicKey)>> {
    if !(1..=KEYS_LIMIT).contains(&jwks.len()) {
        return Err(Error::document("jwks.keys", "must have 1 to 64 keys"));
    }
    let mut keys: Vec<(KeyId, PublicKey)> = Vec::with_capacity(jwks.len());
    for (index, jwk) in jwks.iter().enumerate() {
        let at = |member: &str| format!("jwks.keys[{index}].{member}");
        let key = PublicKey::from_jwk(jwk).map_err(|error| {
            let Error::InvalidDocument { path, why } = error else {
                return error;
            };
            Error::document(at(&path), why)
        })?;
        let kid = KeyId::of(site, &key.thumbprint());
        if jwk.kid.as_deref() != Some(kid.as_str()) {
            let why = "must be the site, a dot, and the key's thumbprint (RFC 7638)";
            return Err(Error::document(at("kid"), why));
        }
        if keys.iter().any(|(known, _)| *known == kid) {
            return Err(Error::document(at("kid"), "stands there twice"));
        }
        keys.push((kid, key));
    }
    Ok(keys)
}

/// The latest time at which another site can have issued what was heard of it by now: its clock may be ahead.
pub(crate) fn latest_iat(now: UnixTime) -> UnixTime {
    now.plus_millis(FOREIGN_FUTURE_MILLIS)
}

/// A minute: how far another site's clock may be ahead of ours.
pub(crate) const FOREIGN_FUTURE_MILLIS: i64 = 60_000;

/// The longest life of another site's token: longer than any that this library makes is no token of its.
pub(crate) const FOREIGN_LIFETIME: Lifetime = MAX_LIFETIME;

/// More keys than any site publishes at once.
const KEYS_LIMIT: usize = 64;
