namespace Wardkey.Native
{
    /// <summary>The constants of include/wardkey.h that are not status codes.</summary>
    internal static class Constants
    {
        internal const uint WARDKEY_ABI_VERSION = 1;
        internal const uint WARDKEY_NTS = 4294967295;
        internal const uint WARDKEY_MODE_OPEN = 0;
        internal const uint WARDKEY_MODE_CREATE = 1;
        internal const uint WARDKEY_MODE_RESTORE = 2;
        internal const uint WARDKEY_MODE_MIGRATE = 3;
        internal const uint WARDKEY_MODE_RESTORE_TRUSTING = 4;
        internal const uint WARDKEY_KEY_FILE = 0;
        internal const uint WARDKEY_KEY_BYTES = 1;
        internal const uint WARDKEY_KEY_CALLBACK = 2;
        internal const uint WARDKEY_KEY_DPAPI = 3;
        internal const int WARDKEY_USER_APPROVED = 1;
        internal const int WARDKEY_USER_REFUSED = 2;
        internal const uint WARDKEY_KIND_CLIENT = 1;
        internal const uint WARDKEY_KIND_USER = 2;
        internal const uint WARDKEY_TOKEN_JWT = 1;
        internal const uint WARDKEY_TOKEN_OPAQUE = 2;
        internal const string WARDKEY_ANY_SCOPE = " any";
    }
}
