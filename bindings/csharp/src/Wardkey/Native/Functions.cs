using System;
using System.Runtime.InteropServices;

// The functions of include/wardkey.h, and its callbacks under their members' names. A handle is a token as wide as a
// pointer, never an address, so IntPtr holds it on every platform.
namespace Wardkey.Native
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate uint wardkey_abi_version();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int wardkey_abi_check(uint header_version);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate byte* wardkey_version();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate byte* wardkey_status_name(int code);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate byte* wardkey_status_message(int code);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate void wardkey_buf_free(wardkey_buf* buf);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_options_init(wardkey_options* options, UIntPtr options_size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_open(wardkey_options* options, IntPtr* engine, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_close(IntPtr engine, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_maintain(IntPtr engine, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_verify(
        IntPtr engine, byte* token, UIntPtr token_len, byte* scopes, UIntPtr scopes_len, wardkey_context* context,
        wardkey_principal* principal, UIntPtr principal_size, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_authorize(
        IntPtr engine, wardkey_header* headers, UIntPtr header_count, byte* scopes, UIntPtr scopes_len,
        wardkey_context* context, wardkey_principal* principal, UIntPtr principal_size, int* http_status,
        wardkey_buf* challenge, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_claims(
        IntPtr engine, byte* token, UIntPtr token_len, wardkey_context* context, wardkey_buf* json,
        wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_issue(
        IntPtr engine, byte* client_id, UIntPtr client_id_len, byte* client_secret, UIntPtr client_secret_len,
        byte* scope, UIntPtr scope_len, wardkey_context* context, wardkey_buf* json, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_http(
        IntPtr engine, wardkey_http_request* request, wardkey_context* context, wardkey_http_response* response,
        UIntPtr response_size, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_serves(
        IntPtr engine, byte* path, UIntPtr path_len, byte* base_path, UIntPtr base_path_len, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate void wardkey_http_response_free(wardkey_http_response* response);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_pending(
        IntPtr engine, wardkey_http_request* request, wardkey_context* context, wardkey_buf* pending,
        wardkey_http_response* response, UIntPtr response_size, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_decide(
        IntPtr engine, byte* handle, UIntPtr handle_len, byte* subject, UIntPtr subject_len, byte* scope,
        UIntPtr scope_len, wardkey_header* headers, UIntPtr header_count, wardkey_context* context,
        wardkey_http_response* response, UIntPtr response_size, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_call(
        IntPtr engine, wardkey_context* context, byte* operation, UIntPtr operation_len, byte* json,
        UIntPtr json_len, wardkey_buf* response, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_backup(
        IntPtr engine, wardkey_context* context, byte* path, UIntPtr path_len, IntPtr progress, IntPtr user,
        IntPtr destroy, wardkey_buf* response, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int wardkey_check(
        IntPtr engine, wardkey_context* context, IntPtr progress, IntPtr user, IntPtr destroy,
        wardkey_buf* response, wardkey_error* error);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int key_read(IntPtr user, byte* key, UIntPtr key_size);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate long clock_wall_ms(IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate long clock_monotonic_ms(IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate void log(IntPtr user, int code, byte* message, UIntPtr message_len);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int check_user(
        IntPtr user, wardkey_user_login* login, wardkey_user_verdict* verdict);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int progress(IntPtr user, ulong done, ulong total);

    /// <summary>Every member of the header that ends in `destroy`.</summary>
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void destroy(IntPtr user);
}
