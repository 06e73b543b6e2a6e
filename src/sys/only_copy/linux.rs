//! A byte for each process, locked by the one copy of it that uses the file.
//!
//! An open file description's lock (fcntl(2), `F_OFD_SETLK`) belongs to one opening of the file: two copies in one
//! process lock the same byte and so keep each other out, while processes lock bytes of their own. Nothing is
//! written, and the system drops the lock with the process: nothing can be stale.

use crate::error::{Error, Result};
use crate::sys::process;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// This copy's right to a file, for as long as any of its claims lives.
#[derive(Debug)]
pub(crate) struct OnlyCopy {
    register: &'static Register,
    identity: Identity,
}

impl OnlyCopy {
    /// Claims a file, which must be open for writing, for this copy of the library; `None` if another copy in this
    /// process has it. Other processes, and this copy's other claims, are not in the way.
    ///
    /// On a kernel or a filesystem that has no such locks, nothing is looked for.
    ///
    /// # Errors
    /// [`Error::Io`] for what else the system says.
    pub(crate) fn claim(file: File) -> Result<Option<Self>> {
        THIS_COPY.claim(file)
    }
}

impl Drop for OnlyCopy {
    fn drop(&mut self) {
        self.register.give_back(self.identity);
    }
}

/// The files that this copy has claimed.
#[derive(Debug)]
struct Register {
    files: Mutex<Vec<Claimed>>,
}

#[derive(Debug)]
struct Claimed {
    identity: Identity,
    /// Whose byte is locked.
    file: File,
    claims: usize,
}

/// Device and file number: whatever link leads to it.
type Identity = (u64, u64);

impl Register {
    const fn new() -> Self {
        Self { files: Mutex::new(Vec::new()) }
    }

    fn claim(&'static self, file: File) -> Result<Option<OnlyCopy>> {
        let metadata = file.metadata().map_err(|e| Error::io(LOOKING, &e))?;
        let identity = (metadata.dev(), metadata.ino());
        let mut files = self.files();
        if let Some(claimed) = files.iter_mut().find(|claimed| claimed.identity == identity) {
            claimed.claims += 1;
        } else if set_lock(&file, libc::F_WRLCK)? {
            files.push(Claimed { identity, file, claims: 1 });
        } else {
            return Ok(None);
        }
        Ok(Some(OnlyCopy { register: self, identity }))
    }

    // All under one lock: whoever claims meanwhile finds the claim, or no lock of ours.
    fn give_back(&self, identity: Identity) {
        let mut files = self.files();
        let Some(at) = files.iter().position(|claimed| claimed.identity == identity) else {
            return;
        };
        if let Some(claimed) = files.get_mut(at) {
            claimed.claims -= 1;
            if claimed.claims > 0 {
                return;
            }
        }
        let claimed = files.swap_remove(at);
        // Not only closed: the children of a fork have the description too, and its lock would live with them.
        let _ = set_lock(&claimed.file, libc::F_UNLCK);
    }

    fn files(&self) -> MutexGuard<'_, Vec<Claimed>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks or unlocks this process's byte; false if another description has it locked.
#[expect(unsafe_code, reason = "std locks whole files")]
fn set_lock(file: &File, kind: libc::c_int) -> Result<bool> {
    // SAFETY: flock is a struct of integers, for which zeros are values.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).unwrap_or(0);
    lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or(0);
    lock.l_start = byte_of(process::key());
    lock.l_len = 1;
    // SAFETY: fcntl(2): F_OFD_SETLK reads one struct flock, which outlives the call; the descriptor is open.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if status == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        // Before Linux 3.15, or where locks are somebody else's work. SQLite's own would not do there either.
        Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP) => Ok(true),
        _ => Err(Error::io(LOOKING, &error)),
    }
}

/// Far behind the end of any file: a lock needs no bytes there. As many bits as an offset has without its sign.
fn byte_of(key: u64) -> libc::off_t {
    let bits = key & u64::try_from(libc::off_t::MAX).unwrap_or(0);
    // `MAX - 1`, or the byte's end would be no offset.
    libc::off_t::try_from(bits).unwrap_or(0).min(libc::off_t::MAX - 1)
}

static THIS_COPY: Register = Register::new();

const LOOKING: &str = "looking for another copy of this library";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fork::in_a_child;
    use std::path::{Path, PathBuf};

    /// What another copy of the library in this process has instead of [`THIS_COPY`].
    fn another_copy() -> &'static Register {
        Box::leak(Box::new(Register::new()))
    }

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).open(path).unwrap()
    }

    fn in_folder(test: impl FnOnce(PathBuf)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.fresh");
        std::fs::write(&path, "48 bytes").unwrap();
        test(path);
    }

    #[test]
    fn of_two_copies_in_a_process_one_has_the_file() {
        in_folder(|path| {
            let (one, two) = (another_copy(), another_copy());
            let held = one.claim(open(&path)).unwrap();
            assert!(held.is_some());
            assert!(two.claim(open(&path)).unwrap().is_none());
            drop(held);
            let held = two.claim(open(&path)).unwrap();
            assert!(held.is_some());
            assert!(one.claim(open(&path)).unwrap().is_none());
        });
    }

    #[test]
    fn a_copy_claims_a_file_as_often_as_it_likes_and_has_it_until_the_last_is_given_back() {
        in_folder(|path| {
            let (one, two) = (another_copy(), another_copy());
            let first = one.claim(open(&path)).unwrap();
            let second = one.claim(open(&path)).unwrap();
            drop(first);
            assert!(two.claim(open(&path)).unwrap().is_none());
            drop(second);
            assert!(two.claim(open(&path)).unwrap().is_some());
            assert!(one.files().is_empty() && two.files().is_empty());
        });
    }

    #[test]
    fn another_file_is_another_matter_and_a_link_to_the_same_is_not() {
        in_folder(|path| {
            let (one, two) = (another_copy(), another_copy());
            let _held = one.claim(open(&path)).unwrap();
            let (other, link) = (path.with_extension("other"), path.with_extension("link"));
            std::fs::write(&other, "48 bytes").unwrap();
            std::fs::hard_link(&path, &link).unwrap();
            assert!(two.claim(open(&other)).unwrap().is_some());
            assert!(two.claim(open(&link)).unwrap().is_none());
            assert!(one.claim(open(&link)).unwrap().is_some());
        });
    }

    #[test]
    fn another_process_is_not_in_the_way() {
        in_folder(|path| {
            let _held = another_copy().claim(open(&path)).unwrap();
            let claimed = in_a_child(|| {
                i32::from(another_copy().claim(open(&path)).is_ok_and(|c| c.is_some()))
            });
            assert_eq!(claimed, 1);
        });
    }

    // A child has its parent's open descriptions until it execs, and their locks would outlive the parent's closing.
    #[test]
    fn a_child_that_lives_on_does_not_keep_what_its_parent_gives_back() {
        in_folder(|path| {
            let (one, two) = (another_copy(), another_copy());
            let held = one.claim(open(&path)).unwrap();
            let (mut here, mut there) = std::os::unix::net::UnixStream::pair().unwrap();
            std::thread::scope(|scope| {
                use std::io::{Read, Write};
                let child = scope.spawn(|| {
                    in_a_child(|| {
                        there.write_all(&[1]).unwrap();
                        i32::from(there.read(&mut [0]).unwrap_or(1) != 1)
                    })
                });
                here.read_exact(&mut [0]).unwrap();
                drop(held);
                let free = two.claim(open(&path)).unwrap().is_some();
                here.write_all(&[1]).unwrap();
                assert_eq!(child.join().unwrap(), 0);
                assert!(free, "while the child lived");
            });
        });
    }

    #[test]
    fn of_many_threads_of_two_copies_those_of_one_have_the_file_at_a_time() {
        in_folder(|path| {
            let owner = Mutex::new([0_usize; 2]);
            let copies = [another_copy(), another_copy()];
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (mine, path, owner) = (thread % 2, &path, &owner);
                    scope.spawn(move || {
                        for _ in 0..200 {
                            if let Some(held) = copies[mine].claim(open(path)).unwrap() {
                                owner.lock().unwrap()[mine] += 1;
                                let seen = *owner.lock().unwrap();
                                assert_eq!(seen[1 - mine], 0, "both have it");
                                owner.lock().unwrap()[mine] -= 1;
                                drop(held);
                            }
                        }
                    });
                }
            });
        });
    }

    #[test]
    fn every_key_is_a_byte_that_can_be_locked() {
        for key in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63] {
            let byte = byte_of(key);
            assert!((0..libc::off_t::MAX).contains(&byte), "{key}");
        }
        assert_ne!(byte_of(1), byte_of(2));
    }
}
