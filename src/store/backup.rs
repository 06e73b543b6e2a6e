//! A copy of the database in one file, made while it is in use.

use crate::base::encode;
use crate::error::{Error, Result};
use crate::store::create::folder_of;
use crate::store::db::Db;
use crate::store::keys::DataKeys;
use crate::store::master::{KeySource, MasterKey, Opener, suffixed};
use crate::store::open::Store;
use crate::store::state::State;
use crate::store::tables::TABLES;
use crate::store::view::View;
use crate::sys;
use std::path::Path;

/// What a copy holds.
pub(crate) struct Copied {
    pub(crate) bytes: u64,
    pub(crate) pages: u64,
    pub(crate) state: State,
    /// The key that it needs.
    pub(crate) master: MasterKey,
    /// Whether the key file beside the database opens it; `None` if the key is in no file.
    pub(crate) key_found: Option<bool>,
    /// Whether there is a recovery code, which opens it too.
    pub(crate) recovery_code: bool,
}

impl Store {
    /// Copies the last commit's state to the new file `to`, and checks the copy. `progress` is told how much
    /// of how much is done, and whether to go on: if not, nothing is left and nothing returned. `record` runs when
    /// the copy has its name, which it loses
    /// again if that fails.
    ///
    /// SQLite's own copying, page by page within one reading transaction: others commit meanwhile without
    /// making it begin again. `VACUUM INTO` could neither tell how far it is nor be ended, and wants room for
    /// sorting besides.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`] for a name that is taken; [`Error::InvalidArgument`]
    /// for one that cannot be; [`Error::Corrupt`] if the copy is not sound; [`Error::Full`].
    pub(crate) fn backup(
        &self,
        to: &Path,
        progress: &mut dyn FnMut(u64, u64) -> bool,
        record: impl FnOnce(&Copied) -> Result<()>,
    ) -> Result<Option<Copied>> {
        check_target(self.path(), to)?;
        let mut unique = [0; 8];
        self.identity().entropy.fill(&mut unique)?;
        let mut draft = sys::file::Draft::begin(to, &encode::hex(&unique))?;
        let mut pages = 0;
        // Half of the work is the copying: as much is read again afterwards.
        let whole = self.read(|view| {
            view.db.copy_to(draft.path(), &mut |done, total| {
                pages = total;
                progress(done, 2 * total)
            })
        })?;
        if !whole {
            return Ok(None);
        }
        let Some(copied) = self.check_copy(draft.path(), pages, progress)? else {
            return Ok(None);
        };
        // Best effort: the file is private as it is, and not every filesystem has owners.
        let _ = sys::file::copy_rights(self.path(), draft.path());
        draft.place(to)?;
        record(&copied)?;
        draft.keep();
        Ok(Some(copied))
    }

    /// Reads the whole copy, as it is without its original.
    fn check_copy(
        &self,
        copy: &Path,
        pages: u64,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Option<Copied>> {
        let db = Db::open_main_file(copy)?;
        let view = View::new(&db, self.identity());
        let state = view.state()?;
        state.audit.check_ends(&db, &state.cut)?;
        let (mut done, mut going) = (0, true);
        let findings = view.check_rows(&mut || {
            done += 1;
            going = going && progress(pages + pages * done / STEPS, 2 * pages);
            going
        })?;
        if !going {
            return Ok(None);
        }
        if let Some(finding) = findings.into_iter().next() {
            let id = finding.id.map(|id| format!(" `{id}`")).unwrap_or_default();
            let what = format!("the copy's {}{id}: {}", finding.table, finding.why);
            return Err(Error::Corrupt { what });
        }
        let bytes = std::fs::metadata(copy)
            .map_err(|e| sys::file::failed("looking at the copy", copy, &e))?
            .len();
        let (master, recovery_code) = (view.master_key()?, view.has_recovery_code()?);
        let key_found = self.key_found(&db, &master);
        Ok(Some(Copied { bytes, pages, state, master, key_found, recovery_code }))
    }

    fn key_found(&self, db: &Db, master: &MasterKey) -> Option<bool> {
        let sources = [KeySource::File, KeySource::Dpapi];
        let source = sources.iter().find(|source| source.name() == master.source)?;
        let candidates = Opener::Master(source).candidates(self.path());
        let opens = candidates
            .and_then(|candidates| DataKeys::open(db, &candidates, self.identity().database_id));
        Some(opens.is_ok())
    }
}

/// Demands that `to` can become a copy's name.
fn check_target(database: &Path, to: &Path) -> Result<()> {
    let argument = |why: &str| Err(Error::argument("to", why));
    let Some(name) = to.file_name() else {
        return argument("must name a file");
    };
    sys::file::writable_folder(folder_of(to))?;
    let same = |one: std::io::Result<_>, other: std::io::Result<_>| {
        one.ok().zip(other.ok()).is_some_and(|(one, other)| one == other)
    };
    if same(to.canonicalize(), database.canonicalize()) {
        return argument("is the database itself");
    }
    let name = name.to_string_lossy().to_lowercase();
    if BESIDE.iter().any(|suffix| name.ends_with(suffix)) {
        return argument("has the name of a file that lies beside a database");
    }
    // SQLite would play a WAL or a journal of that name into the copy.
    let beside = BESIDE.iter().filter(|suffix| suffix.starts_with('-'));
    for path in beside.map(|suffix| suffixed(to, suffix)).chain([to.to_owned()]) {
        // A symbolic link to nothing is in the way too.
        if path.symlink_metadata().is_ok() {
            return Err(Error::DatabaseExists { path });
        }
    }
    Ok(())
}

/// What files beside a database end in.
const BESIDE: [&str; 8] =
    ["-journal", "-shm", "-wal", ".fresh", ".key", ".reserve", ".reserve.new", ".reserve.probe"];

const STEPS: u64 = {
    #[expect(clippy::as_conversions, reason = "twelve")]
    let tables = TABLES.len() as u64;
    tables
};
