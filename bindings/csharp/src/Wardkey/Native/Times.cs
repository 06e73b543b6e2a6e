using System;

namespace Wardkey.Native
{
    /// <summary>.NET's times, and the library's numbers for them.</summary>
    internal static class Times
    {
        private static readonly DateTimeOffset Epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private static readonly long Last = (long)(DateTimeOffset.MaxValue - Epoch).TotalSeconds;

        /// <summary>The time so many seconds after 1970; of one that .NET has not, the nearest that it has.</summary>
        internal static DateTimeOffset OfSeconds(long seconds)
        {
            return Epoch.AddSeconds(Math.Max(0, Math.Min(seconds, Last)));
        }

        internal static long Milliseconds(DateTimeOffset time)
        {
            return (time - Epoch).Ticks / TimeSpan.TicksPerMillisecond;
        }

        /// <summary>Of a wait the whole milliseconds; 0 only for none.</summary>
        internal static uint Milliseconds(TimeSpan wait)
        {
            if (wait < TimeSpan.Zero || wait.TotalMilliseconds > uint.MaxValue)
            {
                throw new ArgumentOutOfRangeException("BusyTimeout");
            }
            return (uint)Math.Ceiling(wait.TotalMilliseconds);
        }
    }
}
