//! An administrator's right to give files away, which Windows lets sleep until it is asked for.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, ImpersonateSelf, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW,
    RevertToSelf, SE_PRIVILEGE_ENABLED, SE_RESTORE_NAME, SecurityImpersonation, TOKEN_ACCESS_MASK,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES, TOKEN_QUERY,
};
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenThreadToken};

/// Does `work` with the right to restore files, for this thread alone and no longer than the work takes. A user who has
/// no such right, and a thread that acts for somebody else already, does it as it is.
pub(super) fn with_restore<T>(work: impl FnOnce() -> T) -> T {
    let raised = if is_somebody_else() { None } else { Raised::new().ok() };
    let done = work();
    drop(raised);
    done
}

/// A server's thread may act for a client: that must stay so.
fn is_somebody_else() -> bool {
    thread_token(TOKEN_QUERY).is_ok()
}

/// While it lives, this thread has a token of its own, in which the right is awake.
struct Raised;

impl Raised {
    #[expect(unsafe_code, reason = "std knows no tokens")]
    fn new() -> io::Result<Self> {
        // SAFETY: ImpersonateSelf has no preconditions.
        checked(unsafe { ImpersonateSelf(SecurityImpersonation) })?;
        let raised = Self;
        let mut luid = LUID::default();
        // SAFETY: LookupPrivilegeValueW: the name is a constant of the system's, one LUID is written.
        checked(unsafe {
            LookupPrivilegeValueW(std::ptr::null(), SE_RESTORE_NAME, &raw mut luid)
        })?;
        let wanted = TOKEN_PRIVILEGES {
            PrivilegeCount: 1,
            Privileges: [LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED }],
        };
        let token = thread_token(TOKEN_ADJUST_PRIVILEGES)?;
        // SAFETY: AdjustTokenPrivileges: the token is open, `wanted` says that it has one entry, and what was before
        // is not asked for.
        checked(unsafe {
            AdjustTokenPrivileges(
                token.as_raw_handle(),
                0,
                &raw const wanted,
                0,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        })?;
        Ok(raised)
    }
}

impl Drop for Raised {
    #[expect(unsafe_code, reason = "std knows no tokens")]
    fn drop(&mut self) {
        // SAFETY: RevertToSelf has no preconditions; the token that it ends is the one of `Raised::new`.
        unsafe { RevertToSelf() };
    }
}

#[expect(unsafe_code, reason = "std knows no tokens")]
fn thread_token(access: TOKEN_ACCESS_MASK) -> io::Result<OwnedHandle> {
    let mut token: HANDLE = std::ptr::null_mut();
    // SAFETY: OpenThreadToken: this thread's pseudo handle is always good, and one handle is written.
    checked(unsafe { OpenThreadToken(GetCurrentThread(), access, 1, &raw mut token) })?;
    // SAFETY: FromRawHandle: OpenThreadToken just gave us the handle; nothing else owns or closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

fn checked(status: i32) -> io::Result<()> {
    if status == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_acts_for_itself_before_and_after() {
        assert!(!is_somebody_else());
        assert!(with_restore(is_somebody_else));
        assert!(!is_somebody_else());
    }

    #[test]
    fn a_thread_that_acts_for_somebody_still_does_afterwards() {
        with_restore(|| {
            with_restore(|| ());
            assert!(is_somebody_else());
        });
    }
}
