//! What only the operating system can do, Unix and Windows side by side. No policy.

pub(crate) mod clock;
pub(crate) mod dpapi;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod mapping;
#[cfg(memcheck)]
pub(crate) mod memcheck;
pub(crate) mod only_copy;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod process;
