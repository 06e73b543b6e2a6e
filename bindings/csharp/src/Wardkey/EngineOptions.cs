using System;

namespace Wardkey
{
    /// <summary>How a database is opened.</summary>
    public enum OpenMode
    {
        /// <summary>Open an existing one.</summary>
        Open = 0,

        /// <summary>Make one, and open it; fails if there is anything at the path.</summary>
        Create = 1,

        /// <summary>
        /// Accept one that may be an old copy: all tokens end, and every secret and user has to be confirmed.
        /// </summary>
        Restore = 2,

        /// <summary>Bring an older file to this library's format, and open it.</summary>
        Migrate = 3,

        /// <summary>
        /// As <see cref="Restore"/>, but secrets and passwords count as they stand in the copy: what was revoked since
        /// it was made is good again.
        /// </summary>
        RestoreTrusting = 4,
    }

    /// <summary>Where the master key is, without which the file is worth nothing.</summary>
    public enum KeySource
    {
        /// <summary>In a file beside the database, made together with it.</summary>
        File = 0,

        /// <summary>In <see cref="EngineOptions.Key"/>.</summary>
        Bytes = 1,

        /// <summary><see cref="EngineOptions.ReadKey"/> brings it.</summary>
        Callback = 2,

        /// <summary>In the file beside the database, sealed by Windows for this machine.</summary>
        Dpapi = 3,
    }

    /// <summary>
    /// How to open a database. A path is enough; all else has a default. The delegates are called on the thread of
    /// the call that needs them, must not call Wardkey, and are kept alive until the engine is closed. An exception
    /// of one never crosses the native library: a clock's or a key's is thrown by the call that needed it.
    /// </summary>
    public sealed class EngineOptions
    {
        /// <summary>Options with the path of the database file.</summary>
        public EngineOptions(string path)
        {
            if (path == null)
            {
                throw new ArgumentNullException("path");
            }
            Path = path;
        }

        /// <summary>The database file, in any script. It keeps a few files beside it: leave them together.</summary>
        public string Path { get; private set; }

        /// <summary>How to open it.</summary>
        public OpenMode Mode { get; set; }

        /// <summary>Where the master key is.</summary>
        public KeySource KeySource { get; set; }

        /// <summary>
        /// With <see cref="KeySource.Bytes"/> the 32 bytes of the key; while it is being changed, the new and the old
        /// one, one behind the other. They are copied, and yours to clear.
        /// </summary>
        public byte[] Key { get; set; }

        /// <summary>
        /// With <see cref="KeySource.Callback"/>: returns the 32 bytes of the key, which are cleared once they are
        /// copied; or null if it has none.
        /// </summary>
        public Func<byte[]> ReadKey { get; set; }

        /// <summary>
        /// Of a new database its first settings, the members of the operation settings.set: an object such as
        /// `new { issuer = "https://emr.clinic.example" }`, or a text of JSON; null for the defaults.
        /// </summary>
        public object Settings { get; set; }

        /// <summary>Who makes or restores the database, for the audit. Required there, unread elsewhere.</summary>
        public string Actor { get; set; }

        /// <summary>How long a write waits for other programs; zero for the default of five seconds.</summary>
        public TimeSpan BusyTimeout { get; set; }

        /// <summary>
        /// For tests: the time. Set both clocks or neither; the audit tells of them. Any thread may call it.
        /// </summary>
        public Func<DateTimeOffset> WallClock { get; set; }

        /// <summary>For tests: the time since any start, never running backwards.</summary>
        public Func<TimeSpan> MonotonicClock { get; set; }

        /// <summary>Told of every error of storage and of the library itself, for your log.</summary>
        public Action<Status, string> Log { get; set; }

        /// <summary>
        /// Says who your own users are, at the login page and at BioT's login; null if you have none. Several threads
        /// may call it at once. Null from it, or an exception, says that it could not find out: nobody logs in, and
        /// the remote caller gets a 503.
        /// </summary>
        public Func<UserLogin, UserVerdict> CheckUser { get; set; }

        /// <summary>
        /// Told of exceptions of <see cref="Log"/> and <see cref="CheckUser"/>, which have no caller to throw to; null
        /// for <see cref="System.Diagnostics.Trace"/>.
        /// </summary>
        public Action<Exception> CallbackFailed { get; set; }

        /// <summary>For what is expected, and no trouble.</summary>
        internal EngineOptions WithoutLogOf(Status expected)
        {
            Action<Status, string> log = Log;
            if (log != null)
            {
                Log = (status, message) =>
                {
                    if (status != expected)
                    {
                        log(status, message);
                    }
                };
            }
            return this;
        }

        internal EngineOptions With(OpenMode mode, object settings)
        {
            var copy = (EngineOptions)MemberwiseClone();
            copy.Mode = mode;
            copy.Settings = settings;
            return copy;
        }
    }
}
