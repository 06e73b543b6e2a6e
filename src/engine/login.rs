//! Logging a user in: the throttle before, the hash outside the write lock, the counting inside it.

use crate::base::RequestId;
use crate::domain::{Attempt, LoggedIn, Password, Peer, settle};
use crate::engine::Engine;
use crate::engine::gather::Refusal;
use crate::error::{Denied, Error, Result};
use crate::store::AuditEntry;

/// Who wants to log in, as far as it has been read.
pub(super) struct Login<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    /// The client that the user wants to use.
    pub(super) client_id: Option<&'a str>,
    pub(super) id: RequestId,
    pub(super) peer: Peer,
    pub(super) correlation: Option<String>,
}

impl Engine {
    /// Checks a user's password. The login, or why there was none, is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Denied`] with the true reason. The caller's page says one thing for
    /// [`Denied::UserUnknown`], [`Denied::PasswordWrong`], [`Denied::UserDisabled`] and
    /// [`Denied::CredentialMalformed`], and may say when to try again for [`Denied::RateLimited`].
    /// [`Error::Overloaded`] when too many passwords are being checked: nothing was looked at or counted.
    pub(super) fn log_in(&self, login: &Login<'_>) -> Result<LoggedIn> {
        self.try_password(login)?.map_err(|why| {
            // A user's own failures have rows of their own. What anybody can make up is gathered.
            if !matches!(why, Denied::PasswordWrong | Denied::UserDisabled) {
                self.gather.note_refusal(&Refusal {
                    why: &why,
                    client_id: login.client_id,
                    credential_id: None,
                    peer: login.peer,
                    request: &login.id,
                });
            }
            Error::Denied { why, request_id: login.id.as_str().to_owned() }
        })
    }

    fn try_password(&self, login: &Login<'_>) -> Result<std::result::Result<LoggedIn, Denied>> {
        let (_, now) = self.current()?;
        let digest_key = &self.store.identity().keys.digest;
        let attempt = match Attempt::new(login.username, login.peer, digest_key) {
            Ok(attempt) => attempt,
            Err(why) => return Ok(Err(why)),
        };
        let Ok(password) = Password::parse(login.password) else {
            return Ok(Err(Denied::CredentialMalformed));
        };
        let trial = match self.store.read(|view| attempt.admit(view, now))? {
            Ok(trial) => trial,
            Err(why) => return Ok(Err(why)),
        };
        let verdict = trial.check(&password, &self.hashes.permit()?)?;
        let entry = AuditEntry {
            client: login.client_id.map(str::to_owned),
            peer: login.peer.text(),
            request: Some(login.id.as_str().to_owned()),
            correlation: login.correlation.clone(),
            ..AuditEntry::default()
        };
        // The time after the hash: a wait that it caused begins when it is known.
        self.write(self.time.now(), move |tx| settle(tx, &verdict, entry))
    }
}
