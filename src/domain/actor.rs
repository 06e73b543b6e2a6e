//! Who administers, as the audit keeps it.

use crate::base::{Network, RequestId};
use crate::domain::peer::Context;
use crate::error::{Error, Result};
use crate::store::AuditEntry;

/// Who does something, from where, under which request. Proves that an actor was named.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    name: String,
    peer: Option<String>,
    request: String,
    correlation: Option<String>,
}

impl Actor {
    /// Reads the actor from a call's context.
    ///
    /// # Errors
    /// [`Error::ActorMissing`] without one, [`Error::InvalidArgument`] for one that cannot be kept.
    pub(crate) fn of(
        context: &Context<'_>,
        proxies: &[Network],
        request: RequestId,
    ) -> Result<Self> {
        let name =
            context.actor.filter(|name| !name.trim().is_empty()).ok_or(Error::ActorMissing)?;
        Ok(Self {
            name: kept("actor", name)?,
            peer: context.resolve(proxies).text(),
            request: request.as_str().to_owned(),
            correlation: correlation_of(context)?,
        })
    }

    /// The library itself, for what no call asked for.
    pub(crate) fn library(request: &RequestId) -> Self {
        Self {
            name: "wardkey".to_owned(),
            peer: None,
            request: request.as_str().to_owned(),
            correlation: None,
        }
    }

    /// A row of something this actor did.
    pub(crate) fn did(&self, event: &'static str) -> AuditEntry {
        AuditEntry {
            event,
            outcome: "done",
            actor: Some(self.name.clone()),
            peer: self.peer.clone(),
            request: Some(self.request.clone()),
            correlation: self.correlation.clone(),
            ..AuditEntry::default()
        }
    }
}

/// The host's own id of a request, if it can be kept.
pub(crate) fn correlation_of(context: &Context<'_>) -> Result<Option<String>> {
    context.correlation_id.map(|id| kept("correlation_id", id)).transpose()
}

/// Text of the host's that goes into the audit as it is.
fn kept(argument: &'static str, text: &str) -> Result<String> {
    if text.len() > 255 || text.chars().any(char::is_control) {
        return Err(Error::argument(
            argument,
            "must have at most 255 bytes and no control characters",
        ));
    }
    Ok(text.to_owned())
}
