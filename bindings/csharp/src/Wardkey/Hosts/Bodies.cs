using System;
using System.IO;
using System.Threading.Tasks;

namespace Wardkey
{
    /// <summary>Bodies of requests, in which passwords may be: what is no longer needed of one is wiped.</summary>
    internal static class Bodies
    {
        /// <summary>The whole body; of one that is longer than any that the engine takes, so much that it says so.</summary>
        internal static async Task<byte[]> Read(Stream stream)
        {
            var buffer = new byte[4096];
            int length = 0;
            int read;
            while (length <= Longest
                && (read = await stream.ReadAsync(buffer, length, buffer.Length - length).ConfigureAwait(false)) > 0)
            {
                length += read;
                if (length == buffer.Length)
                {
                    buffer = Resized(buffer, 2 * length);
                }
            }
            return Resized(buffer, length);
        }

        /// <summary>Wipes it; null is none.</summary>
        internal static void Clear(byte[] body)
        {
            if (body != null)
            {
                Array.Clear(body, 0, body.Length);
            }
        }

        private static byte[] Resized(byte[] bytes, int length)
        {
            var other = new byte[length];
            Array.Copy(bytes, other, Math.Min(length, bytes.Length));
            Clear(bytes);
            return other;
        }

        // The engine can be told to take 1 MiB, and answers one byte more with a 413.
        private const int Longest = 1024 * 1024;
    }
}
