//! The program's own users, whom it checks itself.

use crate::engine::{UserCheck, UserLogin, UserVerdict};
use crate::ffi::boundary::Held;
use crate::ffi::types::{
    UserLoginParts, UserVerdictParts, WARDKEY_USER_APPROVED, WARDKEY_USER_REFUSED,
};
use std::error::Error;
use std::ffi::{c_char, c_void};
use zeroize::Zeroizing;

/// check_user of wardkey_options.
pub(super) struct HostCheck {
    pub(super) function:
        extern "C" fn(*mut c_void, *const UserLoginParts, *mut UserVerdictParts) -> i32,
    pub(super) held: Held,
}

impl UserCheck for HostCheck {
    fn check(&self, login: &UserLogin<'_>) -> Result<UserVerdict, Box<dyn Error>> {
        let username = Text::of(login.username.as_bytes());
        let password = Text::of(login.password.expose());
        let peer = login.peer.map(|peer| Text::of(peer.to_string().as_bytes()));
        let correlation_id = login.correlation_id.map(|id| Text::of(id.as_bytes()));
        let parts = UserLoginParts {
            struct_size: size_of_u32::<UserLoginParts>(),
            reserved: 0,
            username: username.pointer(),
            username_len: username.length(),
            password: password.pointer(),
            password_len: password.length(),
            peer: peer.as_ref().map_or(std::ptr::null(), Text::pointer),
            peer_len: peer.as_ref().map_or(0, Text::length),
            correlation_id: correlation_id.as_ref().map_or(std::ptr::null(), Text::pointer),
            correlation_id_len: correlation_id.as_ref().map_or(0, Text::length),
        };
        let struct_size = size_of_u32::<UserVerdictParts>();
        let mut verdict =
            UserVerdictParts { struct_size, reserved: 0, subject: [0; 256], scope: [0; 4352] };
        match (self.function)(self.held.user(), &raw const parts, &raw mut verdict) {
            WARDKEY_USER_APPROVED => approved(&verdict),
            WARDKEY_USER_REFUSED => Ok(UserVerdict::Refused),
            code => Err(format!("check_user returned {code}").into()),
        }
    }
}

/// Nothing of what is false is repeated: it may be a password that was copied to the wrong place.
fn approved(verdict: &UserVerdictParts) -> Result<UserVerdict, Box<dyn Error>> {
    let subject = text(&verdict.subject).ok_or("the subject is no NUL-terminated UTF-8")?;
    let scope = text(&verdict.scope).ok_or("the scope is no NUL-terminated UTF-8")?;
    let scope = crate::Scope::stored(&scope).map_err(
        |_| "the scope is not words parted by single spaces, of 4096 characters at most",
    )?;
    Ok(UserVerdict::Approved { subject, scope })
}

/// What stands before the NUL.
fn text(array: &[c_char]) -> Option<String> {
    let bytes: Vec<u8> = array.iter().flat_map(|c| c.to_ne_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(bytes.get(..end)?).ok().map(str::to_owned)
}

/// A text with a NUL behind it, which is wiped.
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    fn of(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text);
        bytes.push(0);
        Self(Zeroizing::new(bytes))
    }

    fn pointer(&self) -> *const c_char {
        self.0.as_ptr().cast::<c_char>()
    }

    /// Without the NUL.
    fn length(&self) -> usize {
        self.0.len() - 1
    }
}

fn size_of_u32<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_nul_is_utf_8_and_was_not_cut() {
        let array = |bytes: &[u8]| -> Vec<c_char> {
            bytes.iter().map(|byte| c_char::from_ne_bytes([*byte])).collect()
        };
        assert_eq!(text(&array(b"eva\0rest\xff")).as_deref(), Some("eva"));
        assert_eq!(text(&array("\u{e4}\0".as_bytes())).as_deref(), Some("\u{e4}"));
        assert_eq!(text(&array(b"\0")).as_deref(), Some(""));
        assert_eq!(text(&array(b"eva")), None);
        assert_eq!(text(&array(b"\xe4\0")), None);
    }
}
