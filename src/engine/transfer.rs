//! Clients that several sites of one group have.

use crate::admin::{ClientAdopt, ClientDocument, ClientExport, ClientExported};
use crate::base::{ClientId, SiteId, UnixTime};
use crate::domain::{self, Actor, Client, Origin};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, new_metadata, private};
use crate::error::{Error, Result};

administer!(ClientExport, |request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    let row = engine.store.read(|view| view.client(&request.client_id))?;
    let row = row.ok_or(Error::NotFound { what: "client", id: request.client_id })?;
    Ok(ClientExported {
        format: FORMAT,
        issuer: frame.settings.issuer.clone(),
        site: engine.store.identity().site.as_str().to_owned(),
        client: ClientDocument::from(&Client::from_row(&row)?),
    })
});

administer!(ClientAdopt, |request, engine, actor, now| {
    let exported = request.exported;
    if exported.format != FORMAT {
        let why = format!("must be {FORMAT}: another release may know this form");
        return Err(Error::document("exported.format", why));
    }
    let client = exported.client;
    let origin = Origin {
        client_id: client_id("exported.client.client_id", &client.client_id)?,
        site: SiteId::parse(&exported.site)
            .ok_or_else(|| Error::document("exported.site", "must be the id of a site"))?,
        issuer: exported.issuer,
    };
    if origin.issuer.is_empty()
        || origin.issuer.len() > 255
        || origin.issuer.chars().any(char::is_control)
    {
        let why = "must have 1 to 255 bytes and no control characters";
        return Err(Error::document("exported.issuer", why));
    }
    let own_id = match &request.client_id {
        Some(own) => client_id("client_id", own)?,
        None => origin.client_id.clone(),
    };
    let enabled = request.enabled.unwrap_or(client.enabled);
    let metadata = client.apply(new_metadata()).map_err(of_exported)?;
    engine.change_client(now, move |tx| {
        domain::adopt_client(tx, own_id, metadata, enabled, &origin, &actor).map_err(of_exported)
    })
});

fn client_id(member: &str, id: &str) -> Result<ClientId> {
    ClientId::parse(id).map_err(|error| Error::document(member, error.to_string()))
}

/// The members of an exported client stand deeper than those of one that is created.
fn of_exported(error: Error) -> Error {
    let Error::InvalidDocument { path, why } = error else {
        return error;
    };
    Error::document(format!("exported.client.{path}"), why)
}

/// The form of an exported client.
const FORMAT: u32 = 1;
