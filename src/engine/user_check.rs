//! A host that has users of its own checks their passwords.

use crate::base::{Secret, UserId};
use crate::crypto::password::Limiter;
use crate::domain::{HostAnswer, Peer, Scope};
use crate::engine::login::Login;
use crate::error::{Error, Result};
use std::net::IpAddr;
use std::sync::Arc;

/// Says who the host's own users are, at the login page and at BioT's login.
///
/// A name that one of our own users has, in whatever case, is checked here alone; `check` is asked about every other
/// one, right or wrong, known to the host or not. The throttle of all logins stands in front of it, and counts and
/// audits what
/// it refuses.
///
/// It runs on the calling thread, with no lock held and no transaction open, at most 16 times at once for each
/// engine: whoever comes then is told to try again. It should take as long for a name that it does not know as for
/// a wrong password, for that time can be measured from outside. It must not call the engine.
///
/// ```
/// use std::error::Error;
/// use std::sync::Arc;
/// use wardkey::{Scope, UserCheck, UserLogin, UserVerdict};
///
/// struct Staff;
///
/// impl UserCheck for Staff {
///     fn check(&self, login: &UserLogin<'_>) -> Result<UserVerdict, Box<dyn Error>> {
///         // Your own table, with your own hashes.
///         if login.username != "eva" || !login.password.matches(b"nobodys guess") {
///             return Ok(UserVerdict::Refused);
///         }
///         let scope = Scope::parse("lab:read lab:write")?;
///         Ok(UserVerdict::Approved { subject: "4711".into(), scope })
///     }
/// }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("clinic.db");
/// let options = wardkey::Options::new(&path).user_check(Arc::new(Staff));
/// # let _ = options;
/// ```
pub trait UserCheck: Send + Sync {
    /// Whether the name and the password are those of one of the host's users, and whose.
    ///
    /// # Errors
    /// Whatever kept the host from finding out. Nobody logs in, nothing is counted, the caller is told to try again,
    /// and the error's text becomes [`Error::UserCheck`] for the host's log: keep the password out of it.
    fn check(
        &self,
        login: &UserLogin<'_>,
    ) -> std::result::Result<UserVerdict, Box<dyn std::error::Error>>;
}

/// Somebody who says that they are one of the host's users.
#[non_exhaustive]
pub struct UserLogin<'a> {
    /// The name as typed, in Unicode's Normalization Form C: 1 to 255 characters, none a control character, no
    /// white space at its ends. Guesses are counted for each name in lower case: names that the host takes for the
    /// same although they differ by more are worth as many guesses each.
    pub username: &'a str,
    /// The password as typed, in UTF-8 and not normalised: without control characters, up to 1024 bytes when
    /// normalised. Wiped when the call has ended; copies are the host's to wipe.
    pub password: &'a Secret,
    /// From where, if that is known.
    pub peer: Option<IpAddr>,
    /// The host's own id for the request.
    pub correlation_id: Option<&'a str>,
}

/// What the host says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserVerdict {
    /// It is this user.
    Approved {
        /// The host's name for them, which never changes: 1 to 200 printable ASCII characters without spaces. Their
        /// tokens' `sub` is `usr_.` and this. Who was disabled here (`user.disable`) stays out all the same.
        subject: String,
        /// All words that they may have, beside those of roles that were given to them here: what was not named is
        /// gone, from living tokens too. Words that the catalogue does not have give nothing.
        scope: Scope,
    },
    /// No such user, another password, or not now. The audit says `user_refused`; why, the host knows.
    Refused,
}

/// The host's users, if it has any.
pub(super) struct HostUsers {
    check: Option<Arc<dyn UserCheck>>,
    /// A limit of its own: while the host is slow, our own users and clients go on.
    asking: Limiter,
}

impl HostUsers {
    pub(super) const fn new(check: Option<Arc<dyn UserCheck>>) -> Self {
        Self { check, asking: Limiter::of(AT_ONCE) }
    }

    /// Whether it has any.
    pub(super) const fn are_there(&self) -> bool {
        self.check.is_some()
    }

    /// What the host says of somebody; `None` if it has no users.
    ///
    /// # Errors
    /// [`Error::Overloaded`], [`Error::UserCheck`].
    pub(super) fn ask(&self, username: &str, login: &Login<'_>) -> Result<Option<HostAnswer>> {
        let Some(check) = &self.check else {
            return Ok(None);
        };
        let _permit = self.asking.permit()?;
        let password = Secret::copy_of(login.password.as_bytes());
        let asked = UserLogin {
            username,
            password: &password,
            peer: match login.peer {
                Peer::Known(address) => Some(address),
                Peer::Doubtful(_) | Peer::Unknown => None,
            },
            correlation_id: login.correlation.as_deref(),
        };
        let verdict = check.check(&asked);
        answer_of(verdict.map_err(|error| Error::UserCheck { why: error.to_string() })?).map(Some)
    }
}

/// A subject that cannot be one lets nobody in, under any name.
fn answer_of(verdict: UserVerdict) -> Result<HostAnswer> {
    match verdict {
        UserVerdict::Refused => Ok(HostAnswer::Refused),
        UserVerdict::Approved { subject, scope } => {
            let user_id = UserId::of_host(&subject).map_err(|_| Error::UserCheck {
                why: "the subject is not 1 to 200 printable ASCII characters without spaces"
                    .to_owned(),
            })?;
            Ok(HostAnswer::Approved { user_id, words: scope })
        }
    }
}

/// Asked at once: so many of the host's threads may wait for its directory.
const AT_ONCE: usize = 16;
