//! What each administrative operation does.

use crate::admin::{
    ClientCreate, ClientCreated, ClientDelete, ClientDisable, ClientDocument, ClientEnable,
    ClientImport, ClientList, ClientPage, ClientRead, ClientRevoke, ClientUpdate, Done, Operation,
    ScopeAdd, ScopeDocument, ScopeList, ScopePage, ScopeRemove, SettingsDocument, SettingsGet,
    SettingsSet, document_of_settings, settings_of_document,
};
use crate::base::{ClientId, Secret, UnixTime};
use crate::crypto::{self, password};
use crate::domain::{self, Actor, Client, CredentialKind, GrantType, Metadata, NewSecret};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::{SettingsRow, Tx};

/// An administrative operation that an engine can run: every request type in [`crate::admin`].
pub trait Administer: Operation + private::Sealed {
    /// Does it, for `actor`.
    #[doc(hidden)]
    #[expect(
        private_interfaces,
        reason = "the trait is sealed: nobody outside calls or implements it"
    )]
    fn administer(self, engine: &Engine, actor: Actor, now: UnixTime) -> Result<Self::Response>;
}

/// Only this library's requests are operations.
pub(crate) mod private {
    /// Keeps foreign types out.
    #[expect(unnameable_types, reason = "a sealed trait")]
    pub trait Sealed {}
}

macro_rules! administer {
    ($type:ty, |$request:ident, $engine:ident, $actor:ident, $now:ident| $body:expr) => {
        impl private::Sealed for $type {}
        impl Administer for $type {
            #[expect(private_interfaces, reason = "the trait is sealed")]
            fn administer(
                self,
                $engine: &Engine,
                $actor: Actor,
                $now: UnixTime,
            ) -> Result<Self::Response> {
                let $request = self;
                $body
            }
        }
    };
}
pub(super) use administer;

impl Engine {
    /// Runs `work` in a writing transaction; administration is never denied, it fails.
    pub(super) fn change<T: Send + 'static>(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let outcome = self.write(now, move |tx| work(tx).map(Ok))?;
        outcome.map_err(|_| Error::Internal { what: "administration that was denied" })
    }

    /// As [`Engine::change_client`], for what ends something: on a full disk too.
    pub(super) fn secure_client(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Client> + Clone + Send + 'static,
    ) -> Result<ClientDocument> {
        self.secure(now, work).map(|client| ClientDocument::from(&client))
    }

    pub(super) fn change_client(
        &self,
        now: UnixTime,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Client> + Send + 'static,
    ) -> Result<ClientDocument> {
        let client = self.change(now, work)?;
        self.provide_keys(client.metadata.algorithm);
        Ok(ClientDocument::from(&client))
    }

    /// What recognises a secret from another system, computed outside the write lock: Argon2id for what
    /// a person may have chosen, the keyed digest for one that another Wardkey made.
    pub(super) fn recognise_imported(&self, secret: &str) -> Result<CredentialKind> {
        if !(8..=1024).contains(&secret.len()) || secret.bytes().any(|b| b < 0x20 || b == 0x7f) {
            let why = "must have 8 to 1024 bytes and no control characters";
            return Err(Error::document("client_secret", why));
        }
        let identity = self.store.identity();
        if crypto::looks_generated(secret.as_bytes()) {
            let digest = identity.keys.digest.client_secret(secret.as_bytes());
            return Ok(CredentialKind::Generated(digest));
        }
        let permit = self.hashes.permit()?;
        password::hash(&permit, secret.as_bytes(), identity.entropy.as_ref())
            .map(CredentialKind::Imported)
    }
}

administer!(SettingsGet, |_request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    Ok(SettingsDocument::from(&*frame.settings))
});

administer!(SettingsSet, |request, engine, actor, now| {
    let keys = request.algorithm.is_some() || request.dialects.is_some();
    let settings = engine.change(now, move |tx| set_settings(tx, request, &actor))?;
    if keys {
        engine.provide_keys(settings.default_algorithms());
    }
    Ok(SettingsDocument::from(&settings))
});

fn set_settings(tx: &mut Tx<'_>, request: SettingsSet, actor: &Actor) -> Result<domain::Settings> {
    let row = tx.view().settings()?;
    let row = row.ok_or_else(|| Error::Corrupt { what: "the settings row".to_owned() })?;
    let old = settings_of_document(&row.document)?;
    let members = request.named().join(" ");
    let danger = request.danger_allow_plain_http;
    let before = old.dialects.clone();
    let algorithms = request.algorithm.is_some() || request.dialects.is_some();
    let new = request.apply(old)?;
    // What an administrator took away of a dialect that is on already stays away.
    let turned_on = new.dialects.iter().copied().filter(|dialect| !before.contains(dialect));
    domain::enable_dialects(tx, &turned_on.collect::<Vec<_>>(), actor)?;
    if tx.view().issuer(&new.issuer)?.is_some() {
        let why = "is another site's, which is trusted here: delete that first";
        return Err(Error::document("issuer", why));
    }
    let document = document_of_settings(&new, Some(&row.document))?;
    let version = row.version + 1;
    tx.update(&SettingsRow { id: 1, version, document })?;
    tx.change("settings", "")?;
    let mut entry = actor.did("settings.set");
    entry.detail.insert("members", members);
    if let Some(danger) = danger {
        entry.detail.insert("danger_allow_plain_http", danger.to_string());
    }
    tx.audit(&entry)?;
    if algorithms {
        domain::retire_unused(tx, &new, actor)?;
    }
    Ok(new)
}

administer!(ClientCreate, |request, engine, actor, now| {
    let client_id = ClientId::mint(engine.store.identity().entropy.as_ref())?;
    let enabled = request.enabled.unwrap_or(true);
    let secret = NewSecret {
        label: request.secret_label.clone(),
        not_before: None,
        replaces: None,
        // RFC 7591 3.2.1: "or 0 if it will not expire".
        expires_at: request
            .client_secret_expires_at
            .filter(|at| *at != 0)
            .map(UnixTime::from_seconds),
    };
    let expires_at = request.client_secret_expires_at.unwrap_or(0);
    let metadata = request.apply(new_metadata())?;
    let (client, secret) = engine.change(now, move |tx| {
        let client = domain::create_client(tx, client_id, metadata, enabled, &actor)?;
        if client.metadata.is_public() {
            return Ok((client, None));
        }
        let secret = domain::create_secret(tx, client.client_id.as_str(), secret, &actor)
            .map_err(of_first_secret)?;
        Ok((client, Some(secret)))
    })?;
    engine.provide_keys(client.metadata.algorithm);
    let (credential, secret) = secret.map_or((None, None), |(c, s)| (Some(c), Some(s)));
    Ok(ClientCreated {
        client: ClientDocument::from(&client),
        client_secret_expires_at: secret.as_ref().map(|_| expires_at),
        client_secret: secret.as_ref().map(text),
        credential_id: credential.map(|credential| credential.credential_id.as_str().to_owned()),
    })
});

/// The members of a client's first secret have other names than those of its later ones.
fn of_first_secret(error: Error) -> Error {
    let Error::InvalidDocument { path, why } = error else {
        return error;
    };
    let member = match path.as_str() {
        "label" => "secret_label",
        "expires_at" => "client_secret_expires_at",
        same => same,
    };
    Error::document(member, why)
}

administer!(ClientImport, |request, engine, actor, now| {
    let client_id = ClientId::parse(&request.client_id)
        .map_err(|error| Error::document("client_id", error.to_string()))?;
    let kind = engine.recognise_imported(request.client_secret.expose())?;
    let enabled = request.enabled.unwrap_or(true);
    let metadata = request.apply(new_metadata())?;
    engine.change_client(now, move |tx| {
        let client = domain::create_client(tx, client_id, metadata, enabled, &actor)?;
        let secret = NewSecret::labelled("imported");
        domain::import_secret(tx, client.client_id.as_str(), kind, secret, &actor)?;
        Ok(client)
    })
});

/// RFC 7591 2 would make `authorization_code` the default; the clients of this library are mostly
/// machines.
pub(super) fn new_metadata() -> Metadata {
    Metadata { grant_types: vec![GrantType::ClientCredentials], ..Metadata::default() }
}

administer!(ClientUpdate, |request, engine, actor, now| {
    let client_id = request.client_id.clone();
    engine.change_client(now, move |tx| {
        domain::update_client(tx, &client_id, |metadata| request.apply(metadata), &actor)
    })
});

administer!(ClientRead, |request, engine, _actor, _now| {
    let row = engine.store.read(|view| view.client(&request.client_id))?;
    let row = row.ok_or(Error::NotFound { what: "client", id: request.client_id })?;
    Ok(ClientDocument::from(&Client::from_row(&row)?))
});

administer!(ClientList, |request, engine, _actor, _now| {
    let limit = page_size(request.limit)?;
    let after = request.after.unwrap_or_default();
    let rows = engine.store.read(|view| view.clients(&after, limit))?;
    let full = u64::try_from(rows.len()).is_ok_and(|length| length == u64::from(limit));
    let next = rows.last().filter(|_| full).map(|row| row.client_id.clone());
    let clients: Result<Vec<_>> = rows
        .iter()
        .map(|row| Client::from_row(row).map(|client| ClientDocument::from(&client)))
        .collect();
    Ok(ClientPage { clients: clients?, next })
});

administer!(ClientDisable, |request, engine, actor, now| {
    engine.secure_client(now, move |tx| domain::set_enabled(tx, &request.client_id, false, &actor))
});

administer!(ClientEnable, |request, engine, actor, now| {
    engine.change_client(now, move |tx| domain::set_enabled(tx, &request.client_id, true, &actor))
});

administer!(ClientRevoke, |request, engine, actor, now| {
    engine
        .secure_client(now, move |tx| domain::revoke_client_tokens(tx, &request.client_id, &actor))
});

administer!(ClientDelete, |request, engine, actor, now| {
    engine.secure(now, move |tx| domain::delete_client(tx, &request.client_id, &actor))?;
    Ok(Done::default())
});

administer!(ScopeList, |_request, engine, _actor, _now| {
    let rows = engine.store.read(|view| view.scopes())?;
    Ok(ScopePage { scopes: rows.into_iter().map(ScopeDocument::from).collect() })
});

administer!(ScopeAdd, |request, engine, actor, now| {
    engine.change(now, move |tx| {
        domain::add_scope(tx, &request.scope, &request.description, &actor)
    })?;
    Ok(Done::default())
});

administer!(ScopeRemove, |request, engine, actor, now| {
    engine.change(now, move |tx| domain::remove_scope(tx, &request.scope, &actor))?;
    Ok(Done::default())
});

/// A generated secret as text; it is base64url, so always text.
pub(super) fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

/// Rows a page.
pub(super) fn page_size(limit: Option<u32>) -> Result<u32> {
    match limit.unwrap_or(100) {
        limit @ 1..=1000 => Ok(limit),
        _ => Err(Error::document("limit", "must be 1 to 1000")),
    }
}
