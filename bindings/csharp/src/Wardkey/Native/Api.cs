using System;
using System.Runtime.InteropServices;

namespace Wardkey.Native
{
    /// <summary>
    /// The loaded library's functions. They are looked up in the module that <see cref="NativeFile"/> opened by its
    /// full path, so no other file of the same name, the managed Wardkey.dll among them, can take its place.
    /// </summary>
    internal sealed class Api
    {
        internal readonly wardkey_abi_check AbiCheck;
        internal readonly wardkey_version Version;
        internal readonly wardkey_status_name StatusName;
        internal readonly wardkey_status_message StatusMessage;
        internal readonly wardkey_buf_free BufFree;
        internal readonly wardkey_options_init OptionsInit;
        internal readonly wardkey_open Open;
        internal readonly wardkey_close Close;
        internal readonly wardkey_maintain Maintain;
        internal readonly wardkey_verify Verify;
        internal readonly wardkey_authorize Authorize;
        internal readonly wardkey_claims Claims;
        internal readonly wardkey_issue Issue;
        internal readonly wardkey_http Http;
        internal readonly wardkey_serves Serves;
        internal readonly wardkey_http_response_free HttpResponseFree;
        internal readonly wardkey_pending Pending;
        internal readonly wardkey_decide Decide;
        internal readonly wardkey_call Call;
        internal readonly wardkey_backup Backup;
        internal readonly wardkey_check Check;

        private static readonly object Loading = new object();
        private static volatile Api loaded;

        private Api(IntPtr module)
        {
            AbiCheck = Find<wardkey_abi_check>(module);
            Version = Find<wardkey_version>(module);
            StatusName = Find<wardkey_status_name>(module);
            StatusMessage = Find<wardkey_status_message>(module);
            BufFree = Find<wardkey_buf_free>(module);
            OptionsInit = Find<wardkey_options_init>(module);
            Open = Find<wardkey_open>(module);
            Close = Find<wardkey_close>(module);
            Maintain = Find<wardkey_maintain>(module);
            Verify = Find<wardkey_verify>(module);
            Authorize = Find<wardkey_authorize>(module);
            Claims = Find<wardkey_claims>(module);
            Issue = Find<wardkey_issue>(module);
            Http = Find<wardkey_http>(module);
            Serves = Find<wardkey_serves>(module);
            HttpResponseFree = Find<wardkey_http_response_free>(module);
            Pending = Find<wardkey_pending>(module);
            Decide = Find<wardkey_decide>(module);
            Call = Find<wardkey_call>(module);
            Backup = Find<wardkey_backup>(module);
            Check = Find<wardkey_check>(module);
        }

        /// <summary>Loads the library at the first use. A failure is not remembered: the next use tries again.</summary>
        internal static Api Loaded
        {
            get
            {
                if (loaded == null)
                {
                    lock (Loading)
                    {
                        loaded = loaded ?? Load();
                    }
                }
                return loaded;
            }
        }

        private static unsafe Api Load()
        {
            var api = new Api(NativeFile.Open());
            int code = api.AbiCheck(Constants.WARDKEY_ABI_VERSION);
            if (code != 0)
            {
                throw new DllNotFoundException(
                    "The wardkey library " + Utf8.Read(api.Version()) + " at " + NativeFile.Opened
                    + " is older than this assembly: install the two together.");
            }
            return api;
        }

        private static TFunction Find<TFunction>(IntPtr module)
            where TFunction : class
        {
            IntPtr address = NativeFile.Symbol(module, typeof(TFunction).Name);
            if (address == IntPtr.Zero)
            {
                throw new EntryPointNotFoundException(
                    NativeFile.Opened + " has no function " + typeof(TFunction).Name + ".");
            }
            return (TFunction)(object)Marshal.GetDelegateForFunctionPointer(address, typeof(TFunction));
        }
    }
}
