//! macOS and FreeBSD tell a filesystem by name, and whether it is local.

use super::super::{failure::failed, path::c_path};
use crate::error::Result;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;

#[expect(unsafe_code, reason = "std does not tell the filesystem's kind")]
pub(super) fn network_kind(path: &Path) -> Result<Option<&'static str>> {
    let name = c_path(path)?;
    let mut answer = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: statfs(2) reads a NUL-terminated path, kept alive by `name`, and writes one struct
    // through the pointer, which is valid for that write.
    let status = unsafe { libc::statfs(name.as_ptr(), answer.as_mut_ptr()) };
    if status != 0 {
        let error = io::Error::last_os_error();
        return Err(failed("asking for the filesystem", path, &error));
    }
    // SAFETY: statfs(2) filled the struct, for it returned 0.
    let answer = unsafe { answer.assume_init() };
    let kind: Vec<u8> = answer
        .f_fstypename
        .iter()
        .map(|letter| u8::from_ne_bytes(letter.to_ne_bytes()))
        .take_while(|letter| *letter != 0)
        .collect();
    let local = low(&answer.f_flags.to_le_bytes()) & low(&libc::MNT_LOCAL.to_le_bytes()) != 0;
    Ok(name_of_kind(&kind, local))
}

/// The low 32 bits, where MNT_LOCAL is: the types differ from one system to the other.
fn low(little_endian: &[u8]) -> u32 {
    u32::from_le_bytes(little_endian.first_chunk().copied().unwrap_or_default())
}

fn name_of_kind(kind: &[u8], local: bool) -> Option<&'static str> {
    let known = NETWORK_KINDS.iter().find(|name| name.as_bytes() == kind).copied();
    // sshfs and its like mount as "macfuse", and are not local unless told to say so.
    known.or(if local { None } else { Some("network") })
}

const NETWORK_KINDS: [&str; 8] =
    ["nfs", "smbfs", "afpfs", "webdav", "cifs", "ftp", "fusefs.sshfs", "p9fs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_and_all_that_is_not_local_are_network_filesystems() {
        assert_eq!(name_of_kind(b"smbfs", true), Some("smbfs"));
        assert_eq!(name_of_kind(b"nfs", false), Some("nfs"));
        assert_eq!(name_of_kind(b"macfuse", false), Some("network"));
        assert_eq!(name_of_kind(b"apfs", true), None);
        assert_eq!(name_of_kind(b"zfs", true), None);
    }
}
