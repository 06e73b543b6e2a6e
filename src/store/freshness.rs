//! The freshness file: the last acknowledged change and the change word, beside the database.

use crate::error::{Error, Result};
use crate::sys;
use crate::sys::only_copy::OnlyCopy;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Demands that no other copy of this library has the database `database` open in this process, and keeps others
/// out. Before SQLite opens anything, and until it has closed everything.
///
/// # Errors
/// [`Error::AnotherCopy`]; [`Error::FreshnessMissing`] when its freshness file is gone.
pub(crate) fn claim_for_this_copy(path: &Path, database: &Path) -> Result<OnlyCopy> {
    OnlyCopy::claim(open(path)?)?.ok_or_else(|| Error::AnotherCopy { path: database.to_owned() })
}

/// The freshness file, opened and locked against creation and restore, not yet known to be the right one.
pub(crate) struct Claim {
    file: File,
    path: PathBuf,
    /// Whether nobody else has the database open. Then the lock is held against everybody, so that two who
    /// come at once do not each take the other for somebody who has looked already.
    alone: bool,
}

impl Claim {
    /// Opens the file.
    ///
    /// # Errors
    /// [`Error::FreshnessMissing`] when it is gone; [`Error::Busy`] when the database is being made or
    /// restored for longer than `busy_timeout`.
    pub(crate) fn open(path: &Path, busy_timeout: Duration) -> Result<Self> {
        let file = open(path)?;
        // Everybody who has the database open holds a shared lock: whoever gets it alone is alone.
        let mut alone = false;
        patiently(busy_timeout, || {
            alone = sys::file::lock_alone(&file);
            alone || sys::file::lock_shared(&file)
        })?;
        Ok(Self { file, path: path.to_owned(), alone })
    }

    /// The sequence it holds now, if it is the file of `database_id`.
    pub(crate) fn sequence_of(&mut self, database_id: [u8; 16]) -> Result<Option<u64>> {
        let header = read_header(&mut self.file)?;
        Ok(header.filter(|header| header.database_id == database_id).map(|header| header.sequence))
    }

    /// Whether nobody else has the database open.
    pub(crate) const fn is_alone(&self) -> bool {
        self.alone
    }

    /// Maps the file for the database `database_id` at `database`.
    ///
    /// # Errors
    /// [`Error::FreshnessMissing`] when it is cut short or another database's; [`Error::Busy`].
    pub(crate) fn map(
        mut self,
        database_id: [u8; 16],
        database: &Path,
        busy_timeout: Duration,
    ) -> Result<Freshness> {
        if self.alone {
            sys::file::unlock(&self.file)
                .map_err(|e| Error::io("unlocking the freshness file", &e))?;
            // Somebody else may come in between, and be alone for a moment.
            patiently(busy_timeout, || sys::file::lock_shared(&self.file))?;
        }
        let header = read_header(&mut self.file)?;
        if header.is_none_or(|header| header.database_id != database_id) {
            return Err(Error::FreshnessMissing { path: self.path });
        }
        let mut places = Vec::new();
        for path in [self.path, database.to_owned()] {
            places.push((sys::file::identity(&path)?, path));
        }
        let words = sys::mapping::SharedWords::map(&self.file, LENGTH)?;
        Ok(Freshness { words, places, _lock: self.file })
    }
}

/// The mapped freshness file of an open database. Layout: docs/file-format.md.
pub(crate) struct Freshness {
    words: sys::mapping::SharedWords,
    /// This file's and the database's own names for themselves, to see that nobody exchanged them.
    places: Vec<(sys::file::FileIdentity, PathBuf)>,
    // Holds the shared lock as long as the database is open.
    _lock: File,
}

impl Freshness {
    /// Demands that the files under the database's names are still those that were opened: a writer
    /// whose file was moved away would go on alone, heard by nobody.
    ///
    /// # Errors
    /// [`Error::FreshnessMissing`] or [`Error::DatabaseMissing`] when another or no file is there.
    pub(crate) fn check_in_place(&self) -> Result<()> {
        for (index, (identity, path)) in self.places.iter().enumerate() {
            if sys::file::identity(path).as_ref() != Ok(identity) {
                return Err(match index {
                    0 => Error::FreshnessMissing { path: path.clone() },
                    _ => Error::DatabaseMissing { path: path.clone() },
                });
            }
        }
        Ok(())
    }

    /// How many commits were acknowledged.
    pub(crate) fn sequence(&self) -> Result<u64> {
        Ok(self.words.word(SEQUENCE_AT)?.load(Ordering::SeqCst))
    }

    /// Records that commit number `sequence` took place. It never goes back: two processes may come here in
    /// another order than they committed.
    pub(crate) fn acknowledge(&self, sequence: u64) -> Result<()> {
        self.words.word(SEQUENCE_AT)?.raise(sequence);
        Ok(())
    }

    /// Says that a security change is about to be committed, under SQLite's write lock, and returns
    /// the odd value that says so.
    pub(crate) fn begin_change(&self) -> Result<u64> {
        // An odd value was left by a writer that is between COMMIT and its own last step, or that died:
        // move past it, so that it cannot clear what this change announces.
        let word = self.words.word(WORD_AT)?;
        Ok(word.advance(|word| word.wrapping_add(if word % 2 == 0 { 1 } else { 2 })))
    }

    /// Says that the change announced as `odd` is committed, unless a later writer has announced one.
    pub(crate) fn end_change(&self, odd: u64) -> Result<()> {
        self.words.word(WORD_AT)?.replace(odd, odd.wrapping_add(1));
        Ok(())
    }

    /// The odd value that a writer left which is between COMMIT and its own last step, or which died. Asked
    /// under SQLite's write lock: that change is then committed or it never will be, and once the caller has
    /// committed too, [`Freshness::end_change`] may settle it.
    pub(crate) fn left_odd(&self) -> Result<Option<u64>> {
        let word = self.word()?;
        Ok((word % 2 == 1).then_some(word))
    }

    /// The change word: even while no change is being committed.
    pub(crate) fn word(&self) -> Result<u64> {
        Ok(self.words.word(WORD_AT)?.load(Ordering::SeqCst))
    }
}

/// A freshness file that is being made, locked against other creations.
pub(crate) struct Unborn {
    file: File,
    path: PathBuf,
}

impl Unborn {
    /// Makes the file, or takes over the rest of a creation that crashed, and locks it.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`] when it belongs to a database that was finished, or is being made by
    /// another process at this moment.
    pub(crate) fn claim(path: &Path) -> Result<Self> {
        let exists = || Error::DatabaseExists { path: path.to_owned() };
        let fault =
            |error: std::io::Error| sys::file::failed("making the freshness file", path, &error);
        let mut file = match sys::file::create_private(path) {
            Ok(file) => file,
            Err(Error::DatabaseExists { .. }) => {
                File::options().read(true).write(true).open(path).map_err(fault)?
            }
            Err(error) => return Err(error),
        };
        if !sys::file::lock_alone(&file) {
            return Err(exists());
        }
        // A file without a whole header, or with sequence 0, was never the file of a database.
        if read_header(&mut file)?.is_some_and(|header| header.sequence != 0) {
            return Err(exists());
        }
        Ok(Self { file, path: path.to_owned() })
    }

    /// Opens whatever is at `path` for a restore, or makes it; only a restore may replace a sequence.
    ///
    /// # Errors
    /// [`Error::Busy`] while any process has the database open for longer than `busy_timeout`.
    pub(crate) fn reclaim(path: &Path, busy_timeout: Duration) -> Result<Self> {
        let fault =
            |error: std::io::Error| sys::file::failed("making the freshness file", path, &error);
        let file = match sys::file::create_private(path) {
            Ok(file) => file,
            Err(Error::DatabaseExists { .. }) => {
                File::options().read(true).write(true).open(path).map_err(fault)?
            }
            Err(error) => return Err(error),
        };
        patiently(busy_timeout, || sys::file::lock_alone(&file))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// The sequence it holds now, if it is the file of `database_id`.
    pub(crate) fn sequence_of(&mut self, database_id: [u8; 16]) -> Result<Option<u64>> {
        let header = read_header(&mut self.file)?;
        Ok(header.filter(|header| header.database_id == database_id).map(|header| header.sequence))
    }

    /// Writes the whole file and syncs it. The word begins anew: nobody else has the file mapped.
    pub(crate) fn write(&mut self, database_id: [u8; 16], sequence: u64) -> Result<()> {
        let mut bytes = Vec::with_capacity(48);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        bytes.extend_from_slice(&database_id);
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&0_u64.to_le_bytes());
        let file = &mut self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&bytes))
            .and_then(|()| file.sync_all())
            .map_err(|e| sys::file::failed("writing the freshness file", &self.path, &e))
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().read(true).write(true).open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Error::FreshnessMissing { path: path.to_owned() };
        }
        sys::file::failed("opening the freshness file", path, &error)
    })
}

/// Asks until the answer is yes. A child between fork and exec holds what its parent has given up.
fn patiently(busy_timeout: Duration, mut ask: impl FnMut() -> bool) -> Result<()> {
    let mut waits = busy_timeout.as_millis().div_ceil(WAIT.as_millis());
    while !ask() {
        waits = waits.checked_sub(1).ok_or(Error::Busy)?;
        std::thread::sleep(WAIT);
    }
    Ok(())
}

struct Header {
    database_id: [u8; 16],
    sequence: u64,
}

/// The header, or `None` if the file holds none of ours.
fn read_header(file: &mut File) -> Result<Option<Header>> {
    let mut bytes = [0_u8; 48];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut bytes));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Error::io("reading the freshness file", &error)),
    }
    let (magic, rest) = bytes.split_at(8);
    let (format, rest) = rest.split_at(4);
    let (zero, rest) = rest.split_at(4);
    let (id, rest) = rest.split_at(16);
    let (sequence, _word) = rest.split_at(8);
    if magic != MAGIC || format != FORMAT.to_le_bytes() || zero != [0; 4] {
        return Ok(None);
    }
    let (Ok(database_id), Ok(sequence)) = (id.try_into(), sequence.try_into()) else {
        return Ok(None);
    };
    let sequence = u64::from_le_bytes(sequence);
    // No clinic commits that often: a damaged number must not become the database's own.
    Ok((sequence <= MAX_SEQUENCE).then_some(Header { database_id, sequence }))
}

const MAGIC: &[u8; 8] = b"wardkeyF";
const FORMAT: u32 = 1;
const LENGTH: usize = 48;
/// Three million commits a second for a century.
const MAX_SEQUENCE: u64 = 1 << 53;
const SEQUENCE_AT: usize = 32;
const WORD_AT: usize = 40;

/// Between two looks at the lock.
const WAIT: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [7; 16];

    /// Other tests of this process fork: for a moment their children hold the locks given up here.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// A freshness file at `sequence`, and a file that stands for its database.
    fn beside(folder: &Path, sequence: u64) -> (PathBuf, PathBuf) {
        let (path, database) = (folder.join("d.fresh"), folder.join("d"));
        std::fs::write(&database, "a database").unwrap();
        Unborn::claim(&path).unwrap().write(ID, sequence).unwrap();
        (path, database)
    }

    fn open((path, database): &(PathBuf, PathBuf)) -> Freshness {
        Claim::open(path, PATIENCE).unwrap().map(ID, database, PATIENCE).unwrap()
    }

    #[test]
    fn the_sequence_only_grows_and_everybody_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = beside(folder.path(), 5);
        let (one, two) = (open(&files), open(&files));
        one.acknowledge(9).unwrap();
        assert_eq!(two.sequence(), Ok(9));
        two.acknowledge(8).unwrap();
        assert_eq!(one.sequence(), Ok(9));
        drop((one, two));
        assert_eq!(open(&files).sequence(), Ok(9), "it is in the file");
    }

    #[test]
    fn the_word_is_odd_from_before_the_commit_until_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = beside(folder.path(), 1);
        let (writer, reader) = (open(&files), open(&files));
        let before = reader.word().unwrap();
        let odd = writer.begin_change().unwrap();
        assert_eq!((odd % 2, reader.word()), (1, Ok(odd)));
        writer.end_change(odd).unwrap();
        let after = reader.word().unwrap();
        assert_eq!(after % 2, 0);
        assert!(after > before);
    }

    #[test]
    fn a_word_left_odd_stays_odd_until_the_next_writer_and_no_value_comes_twice() {
        let folder = tempfile::tempdir().unwrap();
        let files = beside(folder.path(), 1);
        let crashed = open(&files).begin_change().unwrap();
        let writer = open(&files);
        assert_eq!(writer.word(), Ok(crashed));
        let odd = writer.begin_change().unwrap();
        assert_eq!(odd, crashed + 2);
        writer.end_change(odd).unwrap();
        assert_eq!(writer.word(), Ok(odd + 1));
    }

    #[test]
    fn a_writer_cannot_clear_what_a_later_one_announced() {
        let folder = tempfile::tempdir().unwrap();
        let files = beside(folder.path(), 1);
        let (slow, quick) = (open(&files), open(&files));
        let first = slow.begin_change().unwrap();
        let second = quick.begin_change().unwrap();
        slow.end_change(first).unwrap();
        assert_eq!(slow.word(), Ok(second), "still odd: the second has not committed");
        quick.end_change(second).unwrap();
        assert_eq!(slow.word(), Ok(second + 1));
        // A late repetition does nothing either.
        slow.end_change(first).unwrap();
        assert_eq!(slow.word(), Ok(second + 1));
    }

    #[test]
    fn whoever_opens_first_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, database) = beside(folder.path(), 1);
        let first = Claim::open(&path, PATIENCE).unwrap();
        assert!(first.is_alone());
        // Until the first one has looked, nobody else looks: each could take the other for the one who did.
        assert!(matches!(Claim::open(&path, Duration::ZERO), Err(Error::Busy)));
        let first = first.map(ID, &database, PATIENCE).unwrap();
        let second = Claim::open(&path, PATIENCE).unwrap();
        assert!(!second.is_alone());
        assert!(matches!(Unborn::reclaim(&path, Duration::ZERO), Err(Error::Busy)));
        drop((first, second));
        assert!(Claim::open(&path, PATIENCE).unwrap().is_alone());
    }

    #[test]
    fn a_sequence_that_nobody_counted_to_is_no_header_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        for (sequence, sound) in
            [(MAX_SEQUENCE, true), (MAX_SEQUENCE + 1, false), (u64::MAX, false)]
        {
            let path = folder.path().join(format!("{sequence}.fresh"));
            Unborn::reclaim(&path, PATIENCE).unwrap().write(ID, sequence).unwrap();
            let mut claim = Claim::open(&path, PATIENCE).unwrap();
            assert_eq!(claim.sequence_of(ID).unwrap().is_some(), sound);
        }
    }

    #[test]
    fn a_creation_under_way_keeps_everybody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.fresh");
        let creating = Unborn::claim(&path).unwrap();
        assert!(matches!(Unborn::claim(&path), Err(Error::DatabaseExists { .. })));
        assert!(matches!(Claim::open(&path, Duration::ZERO), Err(Error::Busy)));
        drop(creating);
        Unborn::claim(&path).unwrap().write(ID, 0).unwrap();
        Unborn::claim(&path).unwrap().write(ID, 1).unwrap();
        assert!(matches!(Unborn::claim(&path), Err(Error::DatabaseExists { .. })));
    }

    #[test]
    fn files_that_were_exchanged_under_an_open_database_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let files = beside(folder.path(), 1);
        let (path, database) = &files;
        for (index, file) in [path, database].into_iter().enumerate() {
            let freshness = open(&files);
            assert_eq!(freshness.check_in_place(), Ok(()));
            let aside = folder.path().join("aside");
            std::fs::rename(file, &aside).unwrap();
            let gone = match index {
                0 => Error::FreshnessMissing { path: file.clone() },
                _ => Error::DatabaseMissing { path: file.clone() },
            };
            assert_eq!(freshness.check_in_place(), Err(gone.clone()));
            std::fs::copy(&aside, file).unwrap();
            assert_eq!(freshness.check_in_place(), Err(gone));
            std::fs::rename(&aside, file).unwrap();
            assert_eq!(freshness.check_in_place(), Ok(()));
        }
    }
}
