//! Other sites whose tokens are believed.

use crate::admin::{
    ClientDocument, Done, IssuerClientAdd, IssuerDelete, IssuerDisable, IssuerDocument,
    IssuerEnable, IssuerImport, IssuerList, IssuerPage, IssuerRead,
};
use crate::base::{ClientId, UnixTime};
use crate::domain::{self, Actor, NewIssuer};
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, new_metadata, private};
use crate::engine::snapshot::load_settings;
use crate::error::{Error, Result};
use crate::store::Tx;

administer!(IssuerImport, |request, engine, actor, now| {
    let IssuerImport { issuer, site, jwks } = request;
    let new = NewIssuer { issuer, site, jwks: jwks.keys };
    let issuer = engine.change(now, move |tx| {
        let own = load_settings(&tx.view())?.issuer;
        domain::import_issuer(tx, &new, &own, &actor)
    })?;
    Ok(IssuerDocument::from(&issuer))
});

administer!(IssuerList, |_request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    Ok(IssuerPage { issuers: frame.issuers.iter().map(IssuerDocument::from).collect() })
});

administer!(IssuerRead, |request, engine, _actor, _now| {
    let (frame, _) = engine.current()?;
    let issuer = frame.issuers.named(&request.issuer).map(IssuerDocument::from);
    issuer.ok_or(Error::NotFound { what: "issuer", id: request.issuer })
});

administer!(IssuerEnable, |request, engine, actor, now| {
    engine.set_issuer_enabled(request.issuer, true, actor, now)
});

administer!(IssuerDisable, |request, engine, actor, now| {
    engine.set_issuer_enabled(request.issuer, false, actor, now)
});

administer!(IssuerDelete, |request, engine, actor, now| {
    engine.secure(now, move |tx| domain::delete_issuer(tx, &request.issuer, &actor))?;
    Ok(Done::default())
});

administer!(IssuerClientAdd, |request, engine, actor, now| {
    let foreign_id = ClientId::parse(&request.client_id)
        .map_err(|error| Error::document("client_id", error.to_string()))?;
    let (issuer, enabled) = (request.issuer.clone(), request.enabled.unwrap_or(true));
    let metadata = request.apply(new_metadata())?;
    let client = engine.change(now, move |tx| {
        domain::add_foreign_client(tx, (&issuer, &foreign_id), metadata, enabled, &actor)
    })?;
    Ok(ClientDocument::from(&client))
});

impl Engine {
    fn set_issuer_enabled(
        &self,
        issuer: String,
        enabled: bool,
        actor: Actor,
        now: UnixTime,
    ) -> Result<IssuerDocument> {
        let set = move |tx: &mut Tx<'_>| domain::set_issuer_enabled(tx, &issuer, enabled, &actor);
        let issuer = if enabled { self.change(now, set) } else { self.secure(now, set) }?;
        Ok(IssuerDocument::from(&issuer))
    }
}
