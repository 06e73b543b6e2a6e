//! The clients that come with a dialect.

use crate::base::ClientId;
use crate::domain::actor::Actor;
use crate::domain::catalogue::enable_dialect_scopes;
use crate::domain::client::{AuthMethod, GrantType, Metadata};
use crate::domain::dialect::Dialect;
use crate::domain::registration::create_client;
use crate::domain::scope::Scope;
use crate::error::Result;
use crate::store::Tx;

/// Adds what dialects bring, as far as it is not there: their words, and then their clients.
///
/// A client gets every word that is in the catalogue then. Words that are added later are given to it as
/// to any other; a client that somebody disabled or changed stays as it is.
pub(crate) fn enable_dialects(tx: &mut Tx<'_>, dialects: &[Dialect], actor: &Actor) -> Result<()> {
    for dialect in dialects {
        enable_dialect_scopes(tx, *dialect, actor)?;
    }
    for (client_id, metadata) in dialects.iter().filter_map(|dialect| built_in(*dialect)) {
        if tx.view().client(client_id)?.is_some() {
            continue;
        }
        let mut scope = Scope::empty();
        for row in tx.view().scopes()? {
            scope = scope.and(&Scope::printed(row.word));
        }
        let metadata = Metadata { scope, ..metadata };
        create_client(tx, ClientId::parse(client_id)?, metadata, true, actor)?;
    }
    Ok(())
}

/// The client of a dialect, but for its words. None has a secret: Admin's is made by `client.secret.create`.
fn built_in(dialect: Dialect) -> Option<(&'static str, Metadata)> {
    match dialect {
        Dialect::BioEcko | Dialect::NikoHealth | Dialect::DrChrono => None,
        Dialect::Medblocks => {
            let metadata = Metadata {
                client_name: "Admin".to_owned(),
                description: "The client with every permission that Medblocks promises".to_owned(),
                grant_types: vec![GrantType::ClientCredentials],
                ..Metadata::default()
            };
            Some((ADMIN, metadata))
        }
        Dialect::BioT => {
            let metadata = Metadata {
                client_name: "BioT".to_owned(),
                description: "Whoever logs in at BioT's routes".to_owned(),
                grant_types: vec![GrantType::BiotLogin, GrantType::RefreshToken],
                token_endpoint_auth_method: Some(AuthMethod::None),
                ..Metadata::default()
            };
            Some((BIOT, metadata))
        }
    }
}

/// The client that tokens of the dialect BioT belong to.
pub(crate) const BIOT: &str = "biot";

/// The client that Medblocks has from the start.
const ADMIN: &str = "Admin";
