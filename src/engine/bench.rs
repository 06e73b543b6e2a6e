//! Parts of issuing alone, for benchmarks.

use crate::base::Secret;
use crate::domain::{Context, Presented};
use crate::engine::Engine;
use crate::engine::issue::{decide, denied};
use crate::engine::rates::Spend;
use crate::error::{Error, Result};

impl Engine {
    /// Authenticates, decides and makes a token as [`Engine::issue`] does, and throws it away unrecorded.
    ///
    /// # Errors
    /// Those of [`Engine::issue`].
    #[doc(hidden)]
    pub fn issue_without_disk(
        &self,
        client_id: &str,
        client_secret: &Secret,
        context: &Context<'_>,
    ) -> Result<usize> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let candidates = [presented(client_id, client_secret)];
        let request = self.direct_request(&candidates, None, context, &frame, now)?;
        let caller = self.authenticate(&request, now)?;
        let admitted = self.admit(&request, &caller, (None, Spend::Token), &frame);
        let permit = admitted.and_then(|()| decide(&caller.state, &request));
        let permit = permit.map_err(|why| denied(why, &request))?;
        let ticket = self.make_ticket(permit, &caller, &request, &frame, now, None)?;
        Ok(ticket.map_or(0, |ticket| ticket.issued.access_token.expose().len()))
    }

    /// A function that passes the gate and makes a token, for a client that authenticated once.
    ///
    /// # Errors
    /// Those of [`Engine::issue`].
    #[doc(hidden)]
    pub fn minter_without_disk<'e>(
        &'e self,
        client_id: &str,
        client_secret: &Secret,
        context: &'e Context<'e>,
    ) -> Result<impl Fn() -> Result<usize> + 'e> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let candidates = [presented(client_id, client_secret)];
        let request = self.direct_request(&candidates, None, context, &frame, now)?;
        let caller = self.authenticate(&request, now)?;
        let request = self.direct_request(&[], None, context, &frame, now)?;
        Ok(move || {
            let permit = decide(&caller.state, &request).map_err(|why| denied(why, &request))?;
            let ticket = self.make_ticket(permit, &caller, &request, &frame, now, None)?;
            let ticket = ticket.ok_or(Error::Internal { what: "a key that was not there" })?;
            Ok(ticket.issued.access_token.expose().len())
        })
    }
}

fn presented(client_id: &str, client_secret: &Secret) -> Presented {
    let secret = Some(Secret::copy_of(client_secret.expose()));
    Presented { client_id: client_id.to_owned(), secret, method: None }
}
