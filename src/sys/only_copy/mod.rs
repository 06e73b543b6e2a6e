//! Whether this copy of the library is the only one in this process that uses a file.
//!
//! POSIX locks belong to the process, and SQLite's are such: a copy that closes its descriptor of a database drops
//! the locks of every other copy in the process, and a commit that was acknowledged can vanish (`docs/adr/0017`).

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod system;

/// On Windows a lock belongs to the handle that took it: two copies in one process keep each other out as two
/// processes do, and there is nothing to look for. On other systems nothing is looked for.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    pub(crate) struct OnlyCopy;

    impl OnlyCopy {
        #[expect(clippy::unnecessary_wraps, reason = "the Linux side can fail")]
        pub(crate) fn claim(_file: std::fs::File) -> crate::error::Result<Option<Self>> {
            Ok(Some(Self))
        }
    }
}

pub(crate) use system::OnlyCopy;
