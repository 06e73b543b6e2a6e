//! Registering clients and giving them secrets.

use crate::base::{ClientId, CredentialId, Generation, Secret, SiteId, UnixTime};
use crate::crypto;
use crate::domain::actor::Actor;
use crate::domain::builtin::BIOT;
use crate::domain::catalogue::check_in_catalogue;
use crate::domain::client::{Client, Foreign, GrantType, Metadata};
use crate::domain::credential::{Credential, CredentialKind};
use crate::domain::issuer::latest_iat;
use crate::error::{Error, Result};
use crate::store::{AuditEntry, NO_EXTRA, Tx};

/// A secret to be given to a client.
pub(crate) struct NewSecret {
    pub(crate) label: String,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) expires_at: Option<UnixTime>,
    /// The secret whose place it takes.
    pub(crate) replaces: Option<CredentialId>,
}

impl NewSecret {
    /// One that is valid at once and until it is revoked.
    pub(crate) fn labelled(label: &str) -> Self {
        Self { label: label.to_owned(), not_before: None, expires_at: None, replaces: None }
    }
}

/// Registers a client under `client_id`.
///
/// # Errors
/// [`Error::Conflict`] when the id is taken, [`Error::InvalidDocument`] for metadata out of range or a
/// scope word that is not in the catalogue.
pub(crate) fn create_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    metadata: Metadata,
    enabled: bool,
    actor: &Actor,
) -> Result<Client> {
    register(tx, client_id, None, (metadata, enabled), actor.did("client.create"))
}

/// Where a client was registered first.
pub(crate) struct Origin {
    pub(crate) issuer: String,
    pub(crate) site: SiteId,
    pub(crate) client_id: ClientId,
}

/// Registers a client as another site has it. It has no secret here: those it has there stay there.
///
/// # Errors
/// Those of [`create_client`].
pub(crate) fn adopt_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    metadata: Metadata,
    enabled: bool,
    origin: &Origin,
    actor: &Actor,
) -> Result<Client> {
    let mut entry = actor.did("client.adopt");
    entry.detail.insert("issuer", origin.issuer.clone());
    entry.detail.insert("site", origin.site.as_str().to_owned());
    entry.detail.insert("client_id", origin.client_id.as_str().to_owned());
    register(tx, client_id, None, (metadata, enabled), entry)
}

/// Registers a client of another site under an id of our own. It gets its tokens there: it has no secret here,
/// and can never authenticate.
///
/// # Errors
/// [`Error::NotFound`] for a site that is not known, [`Error::Conflict`] for a client that is; those of
/// [`create_client`].
pub(crate) fn add_foreign_client(
    tx: &mut Tx<'_>,
    (issuer, foreign_id): (&str, &ClientId),
    metadata: Metadata,
    enabled: bool,
    actor: &Actor,
) -> Result<Client> {
    if tx.view().issuer(issuer)?.is_none() {
        return Err(Error::NotFound { what: "issuer", id: issuer.to_owned() });
    }
    if let Some(known) = tx.view().foreign_client(issuer, foreign_id.as_str())? {
        return Err(Error::Conflict { what: "client", id: known.client_id });
    }
    let foreign = Foreign {
        issuer: issuer.to_owned(),
        client_id: foreign_id.as_str().to_owned(),
        // What was deleted, and is registered again, does not get its old tokens back.
        since: latest_iat(tx.now()),
    };
    let client_id = ClientId::mint(tx.identity().entropy.as_ref())?;
    let mut entry = actor.did("client.create");
    entry.detail.insert("issuer", foreign.issuer.clone());
    entry.detail.insert("foreign_client_id", foreign.client_id.clone());
    register(tx, client_id, Some(foreign), (metadata, enabled), entry)
}

fn register(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    foreign: Option<Foreign>,
    (metadata, enabled): (Metadata, bool),
    entry: AuditEntry,
) -> Result<Client> {
    if tx.view().client(client_id.as_str())?.is_some() {
        return Err(Error::Conflict { what: "client", id: client_id.as_str().to_owned() });
    }
    check_metadata(tx, &metadata)?;
    check_biot_login(client_id.as_str(), &metadata)?;
    let now = tx.now();
    let client = Client {
        client_id,
        metadata,
        foreign,
        enabled,
        created_at: now,
        updated_at: now,
        version: 1,
        extra: NO_EXTRA.to_owned(),
        // The sequence of its creation: an id registered again has another generation than before.
        generation: Generation(tx.next_sequence()),
    };
    check_foreign(&client)?;
    tx.insert(&client.to_row())?;
    tx.change("client", client.client_id.as_str())?;
    let mut entry = about(entry, &client);
    note_danger(&mut entry, false, &client);
    tx.audit(&entry)?;
    Ok(client)
}

/// Replaces what is registered about a client. What its tokens may do follows at once.
///
/// # Errors
/// [`Error::NotFound`], and those of [`create_client`].
pub(crate) fn update_client(
    tx: &mut Tx<'_>,
    client_id: &str,
    change: impl FnOnce(Metadata) -> Result<Metadata>,
    actor: &Actor,
) -> Result<Client> {
    let mut client = find(tx, client_id)?;
    let before = client.metadata.danger_allow_no_pkce;
    client.metadata = change(client.metadata)?;
    check_metadata(tx, &client.metadata)?;
    check_biot_login(client_id, &client.metadata)?;
    check_foreign(&client)?;
    let mut entry = actor.did("client.update");
    note_danger(&mut entry, before, &client);
    save(tx, client, entry)
}

/// BioT's login is no grant that a client of anybody else's could use.
fn check_biot_login(client_id: &str, metadata: &Metadata) -> Result<()> {
    if client_id != BIOT && metadata.grant_types.contains(&GrantType::BiotLogin) {
        let why = format!("`biot_login` belongs to the built-in client `{BIOT}` alone");
        return Err(Error::document("grant_types", why));
    }
    Ok(())
}

/// A client of another site can do nothing here but use its tokens of there.
fn check_foreign(client: &Client) -> Result<()> {
    if client.foreign.is_none() {
        return Ok(());
    }
    let metadata = &client.metadata;
    for (member, sound) in [
        ("grant_types", metadata.grant_types == [GrantType::ClientCredentials]),
        ("token_endpoint_auth_method", metadata.token_endpoint_auth_method.is_none()),
        ("redirect_uris", metadata.redirect_uris.is_empty()),
        ("resource_server", !metadata.resource_server),
    ] {
        if !sound {
            let why =
                "has no meaning for a client of another site, which authenticates there alone";
            return Err(Error::document(member, why));
        }
    }
    Ok(())
}

/// Enables or disables a client; its tokens are refused as long as it is disabled.
pub(crate) fn set_enabled(
    tx: &mut Tx<'_>,
    client_id: &str,
    enabled: bool,
    actor: &Actor,
) -> Result<Client> {
    let mut client = find(tx, client_id)?;
    client.enabled = enabled;
    save(tx, client, actor.did(if enabled { "client.enable" } else { "client.disable" }))
}

/// Disables every client, as where nobody can know whether somebody else edited them.
pub(crate) fn disable_all_clients(tx: &mut Tx<'_>, actor: &Actor) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = tx.view().clients(&after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after.clone_from(&last.client_id);
        for row in page.iter().filter(|row| row.enabled) {
            set_enabled(tx, &row.client_id, false, actor)?;
        }
    }
}

/// Ends every token that the client has; it may obtain new ones.
pub(crate) fn revoke_client_tokens(
    tx: &mut Tx<'_>,
    client_id: &str,
    actor: &Actor,
) -> Result<Client> {
    let mut client = find(tx, client_id)?;
    client.generation = Generation(tx.next_sequence());
    if let Some(foreign) = &mut client.foreign {
        // The other site knows nothing of our generations. Not lowered where time was set back: tokens of the
        // time that was taken back would live again.
        foreign.since = foreign.since.max(latest_iat(tx.now()));
    }
    save(tx, client, actor.did("client.revoke"))
}

/// Deletes a client with its secrets. Its tokens are refused, its audit stays.
pub(crate) fn delete_client(tx: &mut Tx<'_>, client_id: &str, actor: &Actor) -> Result<()> {
    let client = find(tx, client_id)?;
    tx.delete_client(client_id)?;
    tx.change("client", client_id)?;
    tx.audit(&about(actor.did("client.delete"), &client))
}

/// Gives a client a new secret, which is returned this once and stored only as a digest.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] for a public client or one that has [`SECRETS_LIMIT`].
pub(crate) fn create_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    new: NewSecret,
    actor: &Actor,
) -> Result<(Credential, Secret)> {
    let identity = tx.identity();
    let secret = crypto::mint_client_secret(identity.entropy.as_ref())?;
    let kind = CredentialKind::Generated(identity.keys.digest.client_secret(secret.expose()));
    let credential = add_credential(tx, client_id, kind, new, actor.did("secret.create"))?;
    Ok((credential, secret))
}

/// Gives a client a secret that it already has in another system.
///
/// # Errors
/// Those of [`create_secret`]; [`Error::Conflict`] too for a generated secret that is known already.
pub(crate) fn import_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    kind: CredentialKind,
    new: NewSecret,
    actor: &Actor,
) -> Result<Credential> {
    match &kind {
        CredentialKind::Generated(digest) => {
            if let Some(known) = tx.view().credential_by_digest(digest)? {
                return Err(Error::Conflict { what: "secret", id: known.credential_id });
            }
        }
        CredentialKind::Imported(_) | CredentialKind::Strong(_) => {
            let imported =
                |credential: &Credential| matches!(credential.kind, CredentialKind::Imported(_));
            if count_living(tx, client_id, imported)? >= IMPORTED_LIMIT {
                let id = format!("{client_id}: at most {IMPORTED_LIMIT} imported secrets");
                return Err(Error::Conflict { what: "secret of client", id });
            }
        }
    }
    add_credential(tx, client_id, kind, new, actor.did("secret.import"))
}

/// Revokes one secret: what it obtained ends, grants that it redeemed codes of too; the client's other secrets and
/// what they obtained live on.
pub(crate) fn revoke_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    credential_id: &str,
    actor: &Actor,
) -> Result<Credential> {
    let mut credential = find_credential(tx, client_id, credential_id)?;
    if credential.revoked_at.is_none() {
        credential.revoked_at = Some(tx.now());
    }
    save_credential(tx, credential, actor.did("secret.revoke"))
}

/// Confirms a secret that a restore has put in doubt.
pub(crate) fn confirm_secret(
    tx: &mut Tx<'_>,
    client_id: &str,
    credential_id: &str,
    actor: &Actor,
) -> Result<Credential> {
    let mut credential = find_credential(tx, client_id, credential_id)?;
    credential.confirmed = true;
    save_credential(tx, credential, actor.did("secret.confirm"))
}

/// Puts every secret in doubt, as a restore does: it may have been revoked in the time that is lost.
pub(crate) fn unconfirm_all(tx: &mut Tx<'_>) -> Result<u64> {
    let mut count = 0;
    for row in tx.view().every_credential()? {
        let mut credential = Credential::from_row(&row)?;
        if credential.confirmed && credential.revoked_at.is_none() {
            credential.confirmed = false;
            credential.version += 1;
            tx.update(&credential.to_row())?;
            count += 1;
        }
    }
    Ok(count)
}

pub(super) fn find(tx: &Tx<'_>, client_id: &str) -> Result<Client> {
    let row = tx.view().client(client_id)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "client", id: client_id.to_owned() })?;
    Client::from_row(&row)
}

fn save(tx: &mut Tx<'_>, mut client: Client, entry: AuditEntry) -> Result<Client> {
    client.version += 1;
    client.updated_at = tx.now();
    tx.update(&client.to_row())?;
    tx.change("client", client.client_id.as_str())?;
    let entry = about(entry, &client);
    tx.audit(&entry)?;
    Ok(client)
}

/// Ranges first, then the catalogue: a client can be given only words that exist.
fn check_metadata(tx: &Tx<'_>, metadata: &Metadata) -> Result<()> {
    metadata.check()?;
    check_in_catalogue(tx, &metadata.scope)
}

pub(super) fn add_credential(
    tx: &mut Tx<'_>,
    client_id: &str,
    kind: CredentialKind,
    new: NewSecret,
    entry: AuditEntry,
) -> Result<Credential> {
    let client = find(tx, client_id)?;
    if client.metadata.is_public() {
        return Err(Error::document("client_id", "names a public client, which has no secret"));
    }
    if client.foreign.is_some() {
        let why = "names a client of another site, which has no secret here";
        return Err(Error::document("client_id", why));
    }
    if count_living(tx, client_id, |_| true)? >= SECRETS_LIMIT {
        let id = format!("{client_id}: at most {SECRETS_LIMIT} that have not ended");
        return Err(Error::Conflict { what: "secret of client", id });
    }
    check_new(&new)?;
    let credential = Credential {
        credential_id: CredentialId::mint(tx.identity().entropy.as_ref())?,
        client_id: client.client_id,
        kind,
        label: new.label,
        created_at: tx.now(),
        not_before: new.not_before,
        expires_at: new.expires_at,
        revoked_at: None,
        confirmed: true,
        replaces: new.replaces,
        version: 1,
        extra: NO_EXTRA.to_owned(),
    };
    tx.insert(&credential.to_row())?;
    note_credential(tx, &credential, entry)?;
    Ok(credential)
}

/// How many of a client's secrets are such and have not ended.
fn count_living(tx: &Tx<'_>, client_id: &str, such: impl Fn(&Credential) -> bool) -> Result<usize> {
    let now = tx.now();
    let mut count = 0;
    for row in tx.view().credentials(client_id)? {
        let credential = Credential::from_row(&row)?;
        count += usize::from(credential.lives(now) && such(&credential));
    }
    Ok(count)
}

pub(super) fn check_new(new: &NewSecret) -> Result<()> {
    if new.label.chars().count() > 200 || new.label.chars().any(char::is_control) {
        return Err(Error::document(
            "label",
            "must have at most 200 characters, no control characters",
        ));
    }
    let range = UnixTime::from_millis(0)..=UnixTime::MAX;
    for (member, time) in [("not_before", new.not_before), ("expires_at", new.expires_at)] {
        if time.is_some_and(|time| !range.contains(&time)) {
            return Err(Error::document(member, "must be 0 to 253402300799 (the year 9999)"));
        }
    }
    if let (Some(from), Some(until)) = (new.not_before, new.expires_at)
        && from >= until
    {
        return Err(Error::document("expires_at", "must be after not_before"));
    }
    Ok(())
}

pub(super) fn find_credential(
    tx: &Tx<'_>,
    client_id: &str,
    credential_id: &str,
) -> Result<Credential> {
    find(tx, client_id)?;
    let row = tx.view().credential(credential_id)?.filter(|row| row.client_id == client_id);
    let row =
        row.ok_or_else(|| Error::NotFound { what: "secret", id: credential_id.to_owned() })?;
    Credential::from_row(&row)
}

pub(super) fn save_credential(
    tx: &mut Tx<'_>,
    mut credential: Credential,
    entry: AuditEntry,
) -> Result<Credential> {
    credential.version += 1;
    tx.update(&credential.to_row())?;
    note_credential(tx, &credential, entry)?;
    Ok(credential)
}

/// The change is logged under the client, whose snapshot holds its credentials.
fn note_credential(tx: &mut Tx<'_>, credential: &Credential, entry: AuditEntry) -> Result<()> {
    tx.change("credential", credential.client_id.as_str())?;
    let mut entry = AuditEntry {
        client: Some(credential.client_id.as_str().to_owned()),
        credential: Some(credential.credential_id.as_str().to_owned()),
        ..entry
    };
    if !credential.label.is_empty() {
        entry.detail.insert("label", credential.label.clone());
    }
    tx.audit(&entry)
}

/// What weakens a client stands in the row of who did it; so does taking it back.
fn note_danger(entry: &mut AuditEntry, before: bool, client: &Client) {
    let danger = client.metadata.danger_allow_no_pkce;
    if danger != before {
        entry.detail.insert("danger_allow_no_pkce", danger.to_string());
    }
}

fn about(entry: AuditEntry, client: &Client) -> AuditEntry {
    let mut entry = AuditEntry {
        client: Some(client.client_id.as_str().to_owned()),
        scope: Some(client.metadata.scope.as_str().to_owned()),
        ..entry
    };
    entry.detail.insert("client_name", client.metadata.client_name.clone());
    entry
}

/// Living secrets of one client: enough for any rotation, few enough to compare them all.
const SECRETS_LIMIT: usize = 32;

/// Clients read at a time, when all are changed.
const PAGE: u32 = 200;

/// Living imported secrets of one client: each wrong guess costs one Argon2id for each of them.
const IMPORTED_LIMIT: usize = 2;
