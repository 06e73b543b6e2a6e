//! A copy of the database while it is in use.

use crate::admin::{self, Backup};
use crate::base::encode;
use crate::domain::Context;
use crate::engine::{Engine, Progress};
use crate::error::{Error, Result};
use crate::store::Copied;
use crate::sys;
use std::ops::ControlFlow;
use std::path::Path;

impl Engine {
    /// Copies the database to the new file `to`, while any number of threads and processes use it, and checks
    /// the copy. Steps are pages: half of them copying, half of them checking. `progress` is told before each
    /// few how far it has come, and may end it: then `None` is returned, and nothing is left. While the copying goes
    /// on, the WAL beside the database grows by
    /// what is written meanwhile: a `progress` that waits makes it grow.
    ///
    /// The copy is one file, readable by whoever may read the database, and holds everything but the key: see
    /// [`Backup::keep`]. It appears under its name whole and synced, or not at all; a draft beside it that a
    /// killed process left is removed by the next backup of that name. It may lie on a network filesystem.
    /// The audit says who made it.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`] if `to`, or what SQLite would
    /// take for a part of it, is there already: nothing is overwritten. [`Error::InvalidArgument`] if `to` is the
    /// database itself, or would be a file that lies beside one. [`Error::Corrupt`] if the copy is not sound, as
    /// the database then is not either ([`Engine::check`]). [`Error::Full`] if there is no room for the copy, or
    /// for its row in the audit, not even in the room of the reserve file: there is no copy without its row.
    /// [`Error::ActorMissing`], [`Error::NotWritable`],
    /// [`Error::Io`].
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use wardkey::{Context, Engine, Options, Settings};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let options = Options::new(folder.path().join("clinic.db"));
    /// # Engine::create(&options, &Settings::default(), &Context::by("setup"))?;
    /// # let engine = Engine::open(&options)?;
    /// # let to = folder.path().join("clinic-2026-03-01.db");
    /// let backup = engine.backup(&Context::by("anna"), &to, &mut |progress| {
    ///     eprintln!("{} of {}", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert!(to.is_file() && backup.is_some_and(|backup| !backup.recovery_code));
    /// # Ok::<(), wardkey::Error>(())
    /// ```
    pub fn backup(
        &self,
        context: &Context<'_>,
        to: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Backup>> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let actor = self.actor(context, &frame.settings.trusted_proxies, now)?;
        // A folder that changes while it is made must not lead it elsewhere.
        let to = sys::file::absolute(to.as_ref())
            .map_err(|error| Error::argument("to", error.to_string()))?;
        // Best effort: the disk may be full, which is a reason to make a copy elsewhere.
        let _ = self.flush();
        let mut step = |done, total| progress(Progress { done, total }).is_continue();
        let copied = self.store.backup(&to, &mut step, |copied| {
            let mut entry = actor.did("database.backup");
            // The name alone: whoever reads the audit need not know the machine's folders.
            let name = to.file_name().unwrap_or_default().to_string_lossy();
            entry.detail.insert("file", name.into_owned());
            entry.detail.insert("bytes", copied.bytes.to_string());
            entry.detail.insert("audit_sequence", copied.state.audit.sequence.to_string());
            entry.detail.insert("key_id", copied.master.id.clone());
            // A full disk is a reason to make a copy elsewhere, and none against it.
            self.secure(self.time.now(), move |tx| tx.audit(&entry))
        })?;
        Ok(copied.map(|copied| report(&to, copied)))
    }
}

fn report(to: &Path, copied: Copied) -> Backup {
    let Copied { bytes, pages, state, master, key_found, recovery_code } = copied;
    Backup {
        path: to.to_string_lossy().into_owned(),
        bytes,
        pages,
        audit_sequence: state.audit.sequence,
        audit_head: encode::hex(&state.audit.hash),
        key_source: master.source,
        key_id: master.id,
        key_found,
        recovery_code,
        keep: admin::keep(master.source, key_found, recovery_code),
    }
}
