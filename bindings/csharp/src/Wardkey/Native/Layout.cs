using System;
using System.Runtime.InteropServices;

// The structs and functions of include/wardkey.h under their names there. tests/HeaderTests.cs compares each
// with the header: names, order, types, sizes and offsets, for 64 and for 32 bits.
namespace Wardkey.Native
{
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_buf
    {
        public byte* data;
        public UIntPtr length;
        public UIntPtr capacity;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_user_login
    {
        public uint struct_size;
        public uint reserved;
        public byte* username;
        public UIntPtr username_len;
        public byte* password;
        public UIntPtr password_len;
        public byte* peer;
        public UIntPtr peer_len;
        public byte* correlation_id;
        public UIntPtr correlation_id_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_user_verdict
    {
        public uint struct_size;
        public uint reserved;
        public fixed byte subject[256];
        public fixed byte scope[4352];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_options
    {
        public uint struct_size;
        public uint mode;
        public byte* path;
        public UIntPtr path_len;
        public uint key_source;
        public uint busy_timeout_ms;
        public void* key;
        public UIntPtr key_len;
        public IntPtr key_read;
        public IntPtr key_user;
        public IntPtr key_destroy;
        public byte* settings;
        public UIntPtr settings_len;
        public byte* actor;
        public UIntPtr actor_len;
        public IntPtr clock_wall_ms;
        public IntPtr clock_monotonic_ms;
        public IntPtr clock_user;
        public IntPtr clock_destroy;
        public IntPtr log;
        public IntPtr log_user;
        public IntPtr log_destroy;
        public IntPtr check_user;
        public IntPtr check_user_user;
        public IntPtr check_user_destroy;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_error
    {
        public int code;
        public int system_code;
        public fixed byte message[240];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_context
    {
        public uint struct_size;
        public uint secure;
        public byte* actor;
        public UIntPtr actor_len;
        public byte* peer;
        public UIntPtr peer_len;
        public byte* forwarded;
        public UIntPtr forwarded_len;
        public byte* correlation_id;
        public UIntPtr correlation_id_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_principal
    {
        public long expires_at;
        public long issued_at;
        public uint kind;
        public uint token_format;
        public uint client_id_len;
        public uint subject_len;
        public uint token_id_len;
        public uint reserved;
        public fixed byte client_id[128];
        public fixed byte subject[256];
        public fixed byte token_id[64];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_header
    {
        public byte* name;
        public UIntPtr name_len;
        public byte* value;
        public UIntPtr value_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_http_request
    {
        public uint struct_size;
        public uint reserved;
        public byte* method;
        public UIntPtr method_len;
        public byte* path;
        public UIntPtr path_len;
        public byte* base_path;
        public UIntPtr base_path_len;
        public byte* query;
        public UIntPtr query_len;
        public wardkey_header* headers;
        public UIntPtr header_count;
        public byte* body;
        public UIntPtr body_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct wardkey_http_response
    {
        public int status;
        public uint reserved;
        public wardkey_header* headers;
        public UIntPtr header_count;
        public byte* body;
        public UIntPtr body_len;
        public void* owner;
    }
}
