//! `client.export`, `client.adopt`: a client's registration on its way from one site to another.

use crate::admin::client::ClientDocument;
use crate::admin::document::{RateDocument, by_id, object, operation, some, some_rate};
use crate::admin::metadata::{Members, with_metadata};
use crate::domain::Metadata;
use crate::error::Result;
use serde::{Deserialize, Serialize};

with_metadata! {
    /// The `client` of an exported client: what [`ClientDocument`] has, read strictly.
    #[derive(Debug, Clone)]
    ExportedClient {
        /// Its id at the other site.
        client_id: String,
        /// When it was registered there. Not taken over.
        client_id_issued_at: i64,
        /// When its registration last changed there. Not taken over.
        updated_at: i64,
        /// Whether it may be used there.
        enabled: bool,
    }
}

/// The answer of `client.export`, as `client.adopt` takes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// The form of this document: 1.
    pub format: u32,
    /// The issuer of the other site's tokens.
    pub issuer: String,
    /// The other site's id.
    pub site: String,
    /// The client.
    #[serde(deserialize_with = "object")]
    pub client: ExportedClient,
}

/// `client.adopt`: registers a client as another site has exported it. It gets no secret: `client.secret.create` and
/// `client.secret.import` give it one here.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientAdopt {
    /// The document that `client.export` answered there.
    #[serde(deserialize_with = "object")]
    pub exported: Exported,
    /// Its id here; absent: the same as there.
    #[serde(default, deserialize_with = "some")]
    pub client_id: Option<String>,
    /// Whether it may be used at once; absent: as there.
    #[serde(default, deserialize_with = "some")]
    pub enabled: Option<bool>,
}
operation!(ClientAdopt = "client.adopt" -> ClientDocument);

by_id! {
    client_id, "client":
    /// `client.export`: what is registered about a client, without its secrets, for another site to adopt.
    ClientExport = "client.export" -> ClientExported;
}

/// A client for another site to adopt. There is no secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClientExported {
    /// The form of this document: 1.
    pub format: u32,
    /// The issuer of this site's tokens.
    pub issuer: String,
    /// This site's id.
    pub site: String,
    /// The client.
    pub client: ClientDocument,
}
