//! The structs' layout, which never changes: what the header's readers were compiled against.

use crate::ffi::types::{
    Buf, CallContext, ErrorReport, Header, HttpRequestParts, HttpResponseParts, OpenOptions,
    PrincipalReport,
};
use std::fmt::Write as _;
use std::mem::offset_of;

/// `struct size` and `struct.member offset`, a line each. tests/layout.rs holds C to the same lines.
#[test]
#[cfg(target_pointer_width = "64")]
fn no_member_ever_moves() {
    assert_eq!(layout(), include_str!("../../tests/golden/layout-64.txt"));
}

macro_rules! layout {
    ($text:ident, $($type:ident as $name:literal { $($field:ident)* })*) => {
        $(
            let _ = writeln!($text, "{} {}", $name, size_of::<$type>());
            $(let _ = writeln!($text, "{}.{} {}", $name, stringify!($field), offset_of!($type, $field));)*
        )*
    };
}

fn layout() -> String {
    let mut text = String::new();
    layout! { text,
        ErrorReport as "wardkey_error" { code system_code message }
        Buf as "wardkey_buf" { data length capacity }
        Header as "wardkey_header" { name name_len value value_len }
        CallContext as "wardkey_context" { struct_size secure actor actor_len peer peer_len forwarded forwarded_len correlation_id correlation_id_len }
        PrincipalReport as "wardkey_principal" { expires_at issued_at kind token_format client_id_len subject_len token_id_len reserved client_id subject token_id }
        OpenOptions as "wardkey_options" { struct_size mode path path_len key_source busy_timeout_ms key key_len key_read key_user key_destroy settings settings_len actor actor_len clock_wall_ms clock_monotonic_ms clock_user clock_destroy log log_user log_destroy }
        HttpRequestParts as "wardkey_http_request" { struct_size reserved method method_len path path_len base_path base_path_len query query_len headers header_count body body_len }
        HttpResponseParts as "wardkey_http_response" { status reserved headers header_count body body_len owner }
    }
    text
}
