using Wardkey.Native;

namespace Wardkey
{
    /// <summary>
    /// The native library behind this assembly: wardkey1.dll on Windows, libwardkey.so.1 on Linux. It is found by
    /// itself, for x64 and x86 alike, beside Wardkey.dll or under runtimes/win-x64/native and its like.
    /// </summary>
    public static unsafe class WardkeyLibrary
    {
        /// <summary>
        /// The file to load, where it lies at no usual place: set it before anything else of this namespace is used.
        /// Null (the default) to look for it.
        /// </summary>
        public static string Path { get; set; }

        /// <summary>The native library's version, such as 0.1.0.</summary>
        public static string Version
        {
            get { return Utf8.Read(Api.Loaded.Version()); }
        }

        /// <summary>The file that was loaded.</summary>
        public static string LoadedFrom
        {
            get { return Api.Loaded == null ? null : NativeFile.Opened; }
        }

        /// <summary>A status code's name in C and in the documentation, such as WARDKEY_DENIED_TOKEN_EXPIRED.</summary>
        public static string NameOf(Status status)
        {
            return Utf8.Read(Api.Loaded.StatusName((int)status));
        }

        /// <summary>What a status code means, in a sentence; an exception's message says more.</summary>
        public static string Explain(Status status)
        {
            return Utf8.Read(Api.Loaded.StatusMessage((int)status));
        }
    }
}
