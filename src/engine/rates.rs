//! Limits of rate: which budget a request is charged to, and who has failed too often.

use crate::domain::{
    Ask, Bucket, Budgets, ClientState, GrantType, Meter, RateLimit, Settings, Strike, Subject,
    Wanted, pass,
};
use crate::engine::Engine;
use crate::engine::issue::{Caller, Request};
use crate::engine::snapshot::Frame;
use crate::error::Denied;
use crate::store::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What a request at an endpoint spends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spend {
    /// A token request.
    Token,
    /// A revocation.
    Revocation,
    /// An introspection: the same question that a host's own verification asks.
    Verification,
}

impl Spend {
    const fn bucket(self, budgets: &Budgets) -> &Bucket {
        match self {
            Self::Token => &budgets.token,
            Self::Revocation => &budgets.revocation,
            Self::Verification => &budgets.verification,
        }
    }

    fn limit(self, state: &ClientState, settings: &Settings) -> Option<RateLimit> {
        let metadata = &state.client.metadata;
        match self {
            Self::Token => metadata.token_rate.or(settings.token_rate),
            Self::Revocation => settings.revocation_rate,
            Self::Verification => metadata.verify_rate.or(settings.verify_rate),
        }
    }
}

impl Engine {
    /// Takes a client that authenticated through the gate, before anything else of its request is looked at, and
    /// charges its budget.
    ///
    /// A public client has proved nothing yet, and anybody who knows its id could spend its budget: it is charged
    /// when its code or its token has turned out to be its own.
    pub(super) fn admit(
        &self,
        request: &Request<'_>,
        caller: &Caller,
        (grant, spend): (Option<GrantType>, Spend),
        frame: &Frame,
    ) -> Result<(), Denied> {
        let proven = caller.proven.credential_id.is_some();
        let meter = if proven { self.meter(request, caller, spend, frame) } else { None };
        let (wanted, subject, peer) = (Wanted::Endpoint, Subject::Client, request.peer);
        let ask = Ask { grant, wanted, subject, peer, meter };
        let admitted = pass(&caller.state.client, &ask).map(|_permit| ());
        // Too often is the right client too.
        if proven && matches!(admitted, Ok(()) | Err(Denied::RateLimited { .. })) {
            caller.state.budgets.note_success(peer);
        }
        admitted
    }

    /// The budget that the gate is to charge for a request; `None` if it has been charged, whatever was tried
    /// again since, or there is no limit.
    pub(super) fn meter<'c>(
        &self,
        request: &Request<'_>,
        caller: &'c Caller,
        spend: Spend,
        frame: &Frame,
    ) -> Option<Meter<'c>> {
        if request.charged.replace(true) {
            return None;
        }
        self.meter_of(&caller.state, spend, &frame.settings)
    }

    /// The budget for one use of a token of this client.
    pub(super) fn meter_of<'c>(
        &self,
        state: &'c ClientState,
        spend: Spend,
        settings: &Settings,
    ) -> Option<Meter<'c>> {
        let limit = spend.limit(state, settings)?;
        Some(Meter { limit, bucket: spend.bucket(&state.budgets), now: self.time.steady() })
    }

    /// Counts an authentication that failed, and returns what is to be said: the reason, or that it comes too
    /// often.
    ///
    /// Everything that looks like a wrong secret from outside goes through here, by the id that was presented and
    /// not by the client that has it, so that it goes on looking like one (wire 15).
    pub(super) fn strike(
        &self,
        request: &Request<'_>,
        state: Option<&ClientState>,
        settings: &Settings,
        why: Denied,
    ) -> Denied {
        let Some(presented) = request.candidates.first() else { return why };
        // It waits already, longer.
        if matches!(why, Denied::RateLimited { .. }) {
            return why;
        }
        let strike = Strike {
            client_id: &presented.client_id,
            budgets: state.map(|state| &*state.budgets),
            peer: request.peer,
            now: self.time.steady(),
        };
        let counted =
            self.strikes.count(&strike, settings.failure_rate, settings.peer_failure_rate);
        counted.err().unwrap_or(why)
    }
}

/// The budgets of the clients that were met since the engine was opened.
#[derive(Default)]
pub(super) struct Ledger(Mutex<HashMap<String, Arc<Budgets>>>);

impl Ledger {
    /// The budgets of the registered client `client_id`.
    pub(super) fn budgets(&self, client_id: &str) -> Arc<Budgets> {
        let mut ledger = lock(&self.0);
        if ledger.len() >= LEDGER_LIMIT && !ledger.contains_key(client_id) {
            // Those whose client was not asked for in a while; they have a burst again.
            ledger.retain(|_, budgets| Arc::strong_count(budgets) > 1);
        }
        Arc::clone(ledger.entry(client_id.to_owned()).or_default())
    }
}

/// Twice as many as the snapshot keeps clients, so that half of them can be forgotten.
const LEDGER_LIMIT: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_its_budgets_and_memory_is_bounded() {
        let ledger = Ledger::default();
        let lab = ledger.budgets("lab");
        for n in 0..LEDGER_LIMIT * 2 {
            ledger.budgets(&n.to_string());
        }
        assert!(Arc::ptr_eq(&lab, &ledger.budgets("lab")));
        assert!(lock(&ledger.0).len() <= LEDGER_LIMIT);
    }
}
