//! A small file that several processes map and share word by word.

use crate::error::{Error, Result};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file mapped shared and writable; what one process stores, all see at once.
///
/// The mapping outlives the file handle it was made from, is inherited by a fork, and ends on drop.
/// Nobody may shorten the file while it is mapped: touching a page beyond its end kills the process
/// (SIGBUS).
pub(crate) struct SharedWords {
    map: MmapRaw,
}

impl SharedWords {
    /// Maps the first `length` bytes of `file`, which must be open for reading and writing.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file is shorter than `length` (it is never grown here);
    /// [`Error::Io`] if the system cannot map it.
    pub(crate) fn map(file: &File, length: usize) -> Result<Self> {
        let failed = |error| Error::io("mapping a shared file", &error);
        let found = file.metadata().map_err(failed)?.len();
        // mmap(2) would accept a short file, and the first load would then be SIGBUS.
        if u64::try_from(length).is_ok_and(|needed| found < needed) {
            let what = format!("a shared file: it has {found} bytes and needs {length}");
            return Err(Error::Corrupt { what });
        }
        let map = MmapOptions::new().len(length).map_raw(file).map_err(failed)?;
        Ok(Self { map })
    }

    /// The 64-bit word at byte `offset`, which must be a multiple of 8 and lie wholly inside.
    ///
    /// # Errors
    /// [`Error::Internal`] for any other offset.
    #[expect(unsafe_code, reason = "an atomic inside a mapping exists only behind a pointer")]
    pub(crate) fn word(&self, offset: usize) -> Result<SharedWord<'_>> {
        let inside = offset.checked_add(size_of::<u64>()).is_some_and(|end| end <= self.map.len());
        if !inside || !offset.is_multiple_of(align_of::<AtomicU64>()) {
            return Err(Error::Internal { what: "a shared word outside its mapping" });
        }
        // SAFETY: `offset + 8 <= len`, so the result stays in the mapping.
        let pointer = unsafe { self.map.as_mut_ptr().add(offset) };
        // SAFETY: AtomicU64::from_ptr: aligned, since a mapping starts on a page boundary and `offset`
        // is a multiple of 8; valid for reads and writes while `self` is borrowed, for the mapping is
        // writable, covers all 8 bytes, and ends on drop; and nothing in this process touches these
        // bytes but through such atomics. Other processes' stores are atomic too.
        let word = unsafe { AtomicU64::from_ptr(pointer.cast()) };
        Ok(SharedWord { word })
    }
}

/// One word of a [`SharedWords`]: little-endian in the file, the machine's own order here.
#[derive(Clone, Copy)]
pub(crate) struct SharedWord<'a> {
    word: &'a AtomicU64,
}

impl SharedWord<'_> {
    /// The word's value now.
    pub(crate) fn load(self, order: Ordering) -> u64 {
        u64::from_le(self.word.load(order))
    }

    /// Raises the word to at least `value`.
    pub(crate) fn raise(self, value: u64) {
        // Always `Some`: an update that changes nothing is written all the same, and harms nobody.
        let raised = |word| Some(u64::from_le(word).max(value).to_le());
        let _ = self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, raised);
    }

    /// Replaces the word by what `next` makes of it, and returns the new value.
    pub(crate) fn advance(self, next: impl Fn(u64) -> u64) -> u64 {
        let advanced = |word| Some(next(u64::from_le(word)).to_le());
        match self.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, advanced) {
            Ok(old) | Err(old) => next(u64::from_le(old)),
        }
    }

    /// Replaces the word by `new` if it still is `old`; whether it was.
    pub(crate) fn replace(self, old: u64, new: u64) -> bool {
        let (old, new) = (old.to_le(), new.to_le());
        self.word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Sets the word for every process that maps it.
    #[cfg(test)]
    pub(crate) fn store(self, value: u64, order: Ordering) {
        self.word.store(value.to_le(), order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::path::Path;

    const LENGTH: usize = 48;

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    fn with_file(length: u64, test: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        File::create_new(&path).unwrap().set_len(length).unwrap();
        test(&path);
    }

    #[test]
    fn two_mappings_of_one_file_see_each_others_stores_at_once() {
        with_file(48, |path| {
            let one = SharedWords::map(&open(path), LENGTH).unwrap();
            let two = SharedWords::map(&open(path), LENGTH).unwrap();
            one.word(32).unwrap().store(7, Ordering::SeqCst);
            two.word(40).unwrap().store(u64::MAX, Ordering::SeqCst);
            assert_eq!(two.word(32).unwrap().load(Ordering::Acquire), 7);
            assert_eq!(one.word(40).unwrap().load(Ordering::Acquire), u64::MAX);
        });
    }

    #[cfg(unix)]
    #[test]
    fn parent_and_forked_child_see_each_others_stores_while_both_live() {
        with_file(48, |path| {
            let words = SharedWords::map(&open(path), LENGTH).unwrap();
            let (ask, answer) = (words.word(32).unwrap(), words.word(40).unwrap());
            let status = std::thread::scope(|scope| {
                let child = scope.spawn(|| {
                    crate::sys::fork::in_a_child(|| {
                        answer.store(1, Ordering::SeqCst);
                        i32::from(!wait_for(ask, 2))
                    })
                });
                assert!(wait_for(answer, 1), "the child's store did not arrive");
                ask.store(2, Ordering::SeqCst);
                child.join().unwrap()
            });
            assert_eq!(status, 0, "the parent's store did not arrive");
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_maps_the_file_on_its_own_sees_the_same_words() {
        with_file(48, |path| {
            let words = SharedWords::map(&open(path), LENGTH).unwrap();
            words.word(32).unwrap().store(5, Ordering::SeqCst);
            let status = crate::sys::fork::in_a_child(|| {
                let own = SharedWords::map(&open(path), LENGTH).unwrap();
                own.word(40).unwrap().store(6, Ordering::SeqCst);
                i32::from(own.word(32).unwrap().load(Ordering::Acquire) != 5)
            });
            assert_eq!(status, 0);
            assert_eq!(words.word(40).unwrap().load(Ordering::Acquire), 6);
        });
    }

    #[cfg(unix)]
    fn wait_for(word: SharedWord<'_>, value: u64) -> bool {
        (0..5_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            word.load(Ordering::Acquire) == value
        })
    }

    #[test]
    fn a_word_is_little_endian_in_the_file_and_outlives_the_mapping() {
        with_file(48, |path| {
            let words = SharedWords::map(&open(path), LENGTH).unwrap();
            words.word(32).unwrap().store(0x0102_0304_0506_0708, Ordering::SeqCst);
            drop(words);
            let mut bytes = Vec::new();
            open(path).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), 48);
            assert_eq!(bytes[32..40], [8, 7, 6, 5, 4, 3, 2, 1]);
        });
    }

    #[test]
    fn a_file_shorter_than_asked_is_refused_and_not_grown() {
        for length in [0, 47] {
            with_file(length, |path| {
                let file = open(path);
                let refused = SharedWords::map(&file, LENGTH).err();
                assert!(matches!(refused, Some(Error::Corrupt { .. })), "{refused:?}");
                assert_eq!(file.metadata().unwrap().len(), length);
            });
        }
    }

    #[test]
    fn a_file_open_for_reading_only_is_refused() {
        with_file(48, |path| {
            let file = File::open(path).unwrap();
            let refused = SharedWords::map(&file, LENGTH).err();
            assert!(matches!(refused, Some(Error::Io { .. })), "{refused:?}");
        });
    }

    #[test]
    fn only_aligned_words_inside_the_mapping_exist() {
        with_file(48, |path| {
            let words = SharedWords::map(&open(path), LENGTH).unwrap();
            for offset in [0, 8, 40] {
                assert!(words.word(offset).is_ok(), "{offset}");
            }
            for offset in [1, 4, 33, 41, 48, usize::MAX, usize::MAX - 7] {
                let refused = words.word(offset).err();
                assert!(matches!(refused, Some(Error::Internal { .. })), "{offset}");
            }
        });
    }

    #[test]
    fn mappings_cross_threads() {
        fn crosses<T: Send + Sync>() {}
        crosses::<SharedWords>();
        crosses::<SharedWord<'_>>();
    }
}
