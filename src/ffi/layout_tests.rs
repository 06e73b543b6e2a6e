//! The structs' layout, which never changes: what the header's readers were compiled against.

use crate::ffi::types::{
    Buf, CallContext, ErrorReport, Header, HttpRequestParts, HttpResponseParts, OpenOptions,
    PrincipalReport, UserLoginParts, UserVerdictParts,
};
use std::ffi::{c_char, c_void};
use std::fmt::Write as _;
use std::mem::offset_of;

/// `struct size` and `struct.member offset`, a line each. tests/layout.rs holds C to the same lines.
#[test]
fn no_member_ever_moves() {
    let golden = if cfg!(target_pointer_width = "64") { GOLDEN_64 } else { GOLDEN_32 };
    assert_eq!(layout(), golden);
}

#[test]
fn no_member_moves_on_a_machine_of_another_width() {
    let worked_out = |pointer, long_alignment| worked_out(&Machine { pointer, long_alignment });
    assert_eq!(worked_out(8, 8), GOLDEN_64);
    // Windows puts 8-byte members at multiples of 8, Linux on i386 at multiples of 4.
    assert_eq!(worked_out(4, 8), GOLDEN_32);
    assert_eq!(worked_out(4, 4), GOLDEN_32);
}

macro_rules! structs {
    ($($type:ident as $name:literal { $($field:ident)* })*) => {
        fn layout() -> String {
            let mut text = String::new();
            $(
                let _ = writeln!(text, "{} {}", $name, size_of::<$type>());
                $(let _ = writeln!(text, "{}.{} {}", $name, stringify!($field), offset_of!($type, $field));)*
            )*
            text
        }

        fn worked_out(machine: &Machine) -> String {
            let mut text = String::new();
            $(place(&mut text, $name, &[$((stringify!($field), on(machine, |whole: &$type| &whole.$field)),)*]);)*
            text
        }
    };
}

structs! {
    ErrorReport as "wardkey_error" { code system_code message }
    Buf as "wardkey_buf" { data length capacity }
    Header as "wardkey_header" { name name_len value value_len }
    CallContext as "wardkey_context" { struct_size secure actor actor_len peer peer_len forwarded forwarded_len correlation_id correlation_id_len }
    PrincipalReport as "wardkey_principal" { expires_at issued_at kind token_format client_id_len subject_len token_id_len reserved client_id subject token_id }
    UserLoginParts as "wardkey_user_login" { struct_size reserved username username_len password password_len peer peer_len correlation_id correlation_id_len }
    UserVerdictParts as "wardkey_user_verdict" { struct_size reserved subject scope }
    OpenOptions as "wardkey_options" { struct_size mode path path_len key_source busy_timeout_ms key key_len key_read key_user key_destroy settings settings_len actor actor_len clock_wall_ms clock_monotonic_ms clock_user clock_destroy log log_user log_destroy check_user check_user_user check_user_destroy }
    HttpRequestParts as "wardkey_http_request" { struct_size reserved method method_len path path_len base_path base_path_len query query_len headers header_count body body_len }
    HttpResponseParts as "wardkey_http_response" { status reserved headers header_count body body_len owner }
}

/// What of a machine decides where members go.
struct Machine {
    pointer: usize,
    long_alignment: usize,
}

/// Places members as C does: each at the next multiple of its alignment.
fn place(text: &mut String, name: &str, members: &[(&str, (usize, usize))]) {
    let mut lines = String::new();
    let (mut end, mut widest) = (0_usize, 1);
    for (member, (size, alignment)) in members {
        let offset = end.next_multiple_of(*alignment);
        let _ = writeln!(lines, "{name}.{member} {offset}");
        end = offset + size;
        widest = widest.max(*alignment);
    }
    let _ = writeln!(text, "{name} {}", end.next_multiple_of(widest));
    text.push_str(&lines);
}

/// A member's type, which the closure names.
fn on<T, M: Member>(machine: &Machine, _: fn(&T) -> &M) -> (usize, usize) {
    M::on(machine)
}

/// The size and the alignment of a member.
trait Member {
    fn on(machine: &Machine) -> (usize, usize);
}

macro_rules! members {
    ($([$($generic:tt)*] $type:ty, $machine:ident => $size:expr, $alignment:expr;)*) => {
        $(impl<$($generic)*> Member for $type {
            fn on($machine: &Machine) -> (usize, usize) { ($size, $alignment) }
        })*
    };
}

members! {
    [] u32, _machine => 4, 4;
    [] i32, _machine => 4, 4;
    [] i64, machine => 8, machine.long_alignment;
    [] usize, machine => machine.pointer, machine.pointer;
    [T] *const T, machine => machine.pointer, machine.pointer;
    [T] *mut T, machine => machine.pointer, machine.pointer;
    [R] Option<extern "C" fn(*mut c_void) -> R>, machine => machine.pointer, machine.pointer;
    [] Option<extern "C" fn(*mut c_void, *mut u8, usize) -> i32>, machine => machine.pointer, machine.pointer;
    [] Option<extern "C" fn(*mut c_void, i32, *const c_char, usize)>, machine => machine.pointer, machine.pointer;
    [] Option<extern "C" fn(*mut c_void, *const UserLoginParts, *mut UserVerdictParts) -> i32>, machine => machine.pointer, machine.pointer;
    [const N: usize] [c_char; N], _machine => N, 1;
}

const GOLDEN_64: &str = include_str!("../../tests/golden/layout-64.txt");
const GOLDEN_32: &str = include_str!("../../tests/golden/layout-32.txt");
