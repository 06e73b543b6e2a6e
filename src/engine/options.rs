//! How an engine is opened.

use crate::base::{Clock, Entropy, PooledEntropy, Secret, SystemClock};
use crate::engine::user_check::UserCheck;
use crate::store::KeySource;
use crate::sys;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How to open a database. Nothing here changes an answer, but who answers for the host's own users: all else that
/// does lives in the file.
///
/// ```
/// use wardkey::{Context, Engine, Options, Settings};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("clinic.db");
/// let options = Options::new(&path);
/// let settings = Settings { issuer: "https://emr.clinic.example".into(), ..Settings::default() };
/// Engine::create(&options, &settings, &Context::by("setup"))?;
/// let engine = Engine::open(&options)?;
/// # drop(engine);
/// # Ok::<(), wardkey::Error>(())
/// ```
pub struct Options {
    pub(crate) path: PathBuf,
    pub(crate) key: KeySource,
    pub(crate) busy_timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) user_check: Option<Arc<dyn UserCheck>>,
    pub(crate) trust_secrets: bool,
    /// `None` for the machine's.
    entropy: Option<Arc<dyn Entropy>>,
}

impl Options {
    /// The database at `path` (a relative one is taken from the present folder, now), its key in a file beside it,
    /// the machine's clock, a busy timeout of 5 s.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            // Connections are opened later too: a host that changes its folder must not open another file.
            path: sys::file::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned()),
            key: KeySource::File,
            busy_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            user_check: None,
            trust_secrets: false,
            entropy: None,
        }
    }

    /// Takes the master key, 32 bytes, from the host instead of the file beside the database.
    #[must_use]
    pub fn key(self, key: Secret) -> Self {
        self.keys(vec![key])
    }

    /// Takes the master key from the host, which knows several of which one may be the right one: the new and
    /// the old one, while the key is being changed ([`crate::admin::KeyRekey`]). A database that is created or
    /// recovered gets the first.
    #[must_use]
    pub fn keys(mut self, keys: Vec<Secret>) -> Self {
        self.key = KeySource::Given(keys);
        self
    }

    /// Has Windows seal the master key of a database that is created or recovered for this machine (DPAPI),
    /// in the file beside the database. Opening needs no such word.
    #[must_use]
    pub fn dpapi(mut self) -> Self {
        self.key = KeySource::Dpapi;
        self
    }

    /// How long to wait for another program that is writing, before [`crate::Error::Busy`].
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Reads time from `clock`, for tests. Its use is recorded in the audit.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Lets the host's own users log in at the login page and BioT's login: `check` says who they are. Each
    /// program that opens the file brings its own, or none.
    #[must_use]
    pub fn user_check(mut self, check: Arc<dyn UserCheck>) -> Self {
        self.user_check = Some(check);
        self
    }

    /// Has a restore, or a recovery, trust secrets and passwords as they stand in the copy: none awaits its
    /// confirmation. What was revoked or replaced since the copy was made is then good again. Recorded in the
    /// audit; opening and creating need no such word.
    #[must_use]
    pub const fn trust_secrets(mut self) -> Self {
        self.trust_secrets = true;
        self
    }

    /// The source of randomness for one engine. The machine's is made anew each time: a pool that lives on
    /// in these options through a fork would give parent and child the same bytes.
    pub(crate) fn entropy_source(&self) -> Arc<dyn Entropy> {
        match &self.entropy {
            Some(entropy) => Arc::clone(entropy),
            None => Arc::new(PooledEntropy::new()),
        }
    }

    /// Reads randomness from `entropy`, for golden tests: tokens become predictable.
    #[cfg(any(test, feature = "test-hooks"))]
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = Some(entropy);
        self
    }
}

/// What is left where the master key of a database is lost.
#[non_exhaustive]
pub enum Recovery {
    /// The code that `key.recovery` gave last, in any case, with or without its hyphens.
    Code(Secret),
    /// A key file from elsewhere: an older backup needs the key that was in force when it was made.
    KeyFile(PathBuf),
    /// Nothing.
    WithoutKey {
        /// Whether the recovery code that was made is lost too.
        code_lost: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_taken_from_the_present_folder() {
        assert!(Options::new("clinic.db").path.is_absolute());
    }
}
