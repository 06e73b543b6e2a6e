//! The web origins that enabled clients have registered (for CORS), in memory.

use crate::domain::Client;
use crate::error::Result;
use crate::store::View;
use std::collections::HashMap;

/// The registered origins, by client. Few clients are pages, so few are in here.
#[derive(Default, Clone)]
pub(super) struct Origins(HashMap<String, Vec<String>>);

impl Origins {
    /// Reads those of all clients.
    pub(super) fn load(view: &View<'_>) -> Result<Self> {
        let mut origins = Self::default();
        for row in view.clients_with_origins()? {
            origins.set(&Client::from_row(&row)?);
        }
        Ok(origins)
    }

    /// Reads those of the clients that have changed.
    pub(super) fn follow(&mut self, view: &View<'_>, changed: &[String]) -> Result<()> {
        for client_id in changed {
            self.0.remove(client_id);
            if let Some(row) = view.client(client_id)? {
                self.set(&Client::from_row(&row)?);
            }
        }
        Ok(())
    }

    fn set(&mut self, client: &Client) {
        let origins = &client.metadata.allowed_origins;
        if client.enabled && !origins.is_empty() {
            self.0.insert(client.client_id.as_str().to_owned(), origins.clone());
        }
    }

    /// Whether an enabled client has registered this very origin.
    pub(super) fn has(&self, origin: &str) -> bool {
        self.0.values().flatten().any(|known| known == origin)
    }
}
