using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Wardkey.Native
{
    /// <summary>Bytes that the library reads: where they begin, and how many.</summary>
    internal unsafe struct Slice
    {
        internal byte* Start;
        internal UIntPtr Length;
    }

    /// <summary>
    /// The memory of one call: texts go in as UTF-8 and stay where they are until the call is over; then all of it
    /// is wiped, for a secret may have been among them. The garbage collector never sees or copies it.
    /// </summary>
    internal sealed unsafe class Scratch : IDisposable
    {
        // One lies ready for each thread. A call inside a callback of another finds none, and makes one.
        [ThreadStatic]
        private static Scratch spare;

        private readonly byte* start = (byte*)Marshal.AllocHGlobal(Capacity);
        private readonly List<Slice> larger = new List<Slice>();
        private int used;

        internal static Scratch Take()
        {
            Scratch taken = spare ?? new Scratch();
            spare = null;
            return taken;
        }

        /// <summary>A text of the program's own. One that is not Unicode (half of a surrogate pair) throws.</summary>
        internal Slice Text(string text)
        {
            return Encode(text, Own);
        }

        /// <summary>
        /// A text from the network. What is not Unicode becomes U+FFFD: the library refuses it in its own way.
        /// </summary>
        internal Slice Received(string text)
        {
            return Encode(text, Foreign);
        }

        /// <summary>A secret that the program holds as characters.</summary>
        internal Slice Text(char[] text)
        {
            if (text == null)
            {
                return default(Slice);
            }
            Slice slice = Room(Own.GetByteCount(text));
            // A fixed empty array is a null pointer, which GetBytes refuses.
            if (text.Length > 0)
            {
                fixed (char* characters = text)
                {
                    Own.GetBytes(characters, text.Length, slice.Start, (int)slice.Length);
                }
            }
            return slice;
        }

        internal Slice Bytes(byte[] bytes)
        {
            if (bytes == null)
            {
                return default(Slice);
            }
            Slice slice = Room(bytes.Length);
            Marshal.Copy(bytes, 0, (IntPtr)slice.Start, bytes.Length);
            return slice;
        }

        internal wardkey_header* Headers(HeaderList headers)
        {
            if (headers.Count == 0)
            {
                return null;
            }
            wardkey_header* first = (wardkey_header*)Room(headers.Count * sizeof(wardkey_header)).Start;
            wardkey_header* next = first;
            foreach (KeyValuePair<string, string> header in headers)
            {
                Slice name = Received(header.Key);
                Slice value = Received(header.Value ?? "");
                next->name = name.Start;
                next->name_len = name.Length;
                next->value = value.Start;
                next->value_len = value.Length;
                next++;
            }
            return first;
        }

        internal wardkey_context Context(Context context)
        {
            if (context == null)
            {
                throw new ArgumentNullException("context");
            }
            Slice actor = Text(context.Actor);
            Slice peer = Received(context.Peer);
            Slice forwarded = Received(context.Forwarded);
            Slice correlation = Received(context.CorrelationId);
            return new wardkey_context
            {
                struct_size = (uint)sizeof(wardkey_context),
                secure = context.Secure ? 1u : 0u,
                actor = actor.Start,
                actor_len = actor.Length,
                peer = peer.Start,
                peer_len = peer.Length,
                forwarded = forwarded.Start,
                forwarded_len = forwarded.Length,
                correlation_id = correlation.Start,
                correlation_id_len = correlation.Length,
            };
        }

        /// <summary>Wipes it, and lays it ready for the thread's next call.</summary>
        public void Dispose()
        {
            Wipe(start, used);
            used = 0;
            foreach (Slice slice in larger)
            {
                Wipe(slice.Start, (int)slice.Length);
                Marshal.FreeHGlobal((IntPtr)slice.Start);
            }
            larger.Clear();
            // A second one that a nested call made is left to the finalizer.
            spare = this;
        }

        ~Scratch()
        {
            Marshal.FreeHGlobal((IntPtr)start);
        }

        private Slice Encode(string text, Encoding encoding)
        {
            if (text == null)
            {
                return default(Slice);
            }
            fixed (char* characters = text)
            {
                Slice slice = Room(encoding.GetByteCount(characters, text.Length));
                encoding.GetBytes(characters, text.Length, slice.Start, (int)slice.Length);
                return slice;
            }
        }

        /// <summary>So many bytes, at an address that is a multiple of 8; not NULL even for none.</summary>
        private Slice Room(int length)
        {
            var slice = new Slice { Length = (UIntPtr)(uint)length };
            if (length <= Capacity - used - 8)
            {
                slice.Start = start + used;
                used += (length + 7) & ~7;
                return slice;
            }
            slice.Start = (byte*)Marshal.AllocHGlobal(length);
            larger.Add(slice);
            return slice;
        }

        private static void Wipe(byte* bytes, int length)
        {
            for (int i = 0; i < length; i++)
            {
                bytes[i] = 0;
            }
        }

        private static readonly Encoding Own = new UTF8Encoding(false, true);
        private static readonly Encoding Foreign = new UTF8Encoding(false, false);
        private const int Capacity = 8192;
    }

    /// <summary>Texts that the library wrote.</summary>
    internal static unsafe class Utf8
    {
        /// <summary>Up to the NUL.</summary>
        internal static string Read(byte* text)
        {
            int length = 0;
            while (text[length] != 0)
            {
                length++;
            }
            return Read(text, (UIntPtr)(uint)length);
        }

        internal static string Read(byte* text, UIntPtr length)
        {
            if (text == null)
            {
                return null;
            }
            byte[] bytes = Copy(text, length);
            string read = Encoding.UTF8.GetString(bytes);
            Array.Clear(bytes, 0, bytes.Length);
            return read;
        }

        internal static byte[] Copy(byte* bytes, UIntPtr length)
        {
            var copy = new byte[(int)length];
            if (copy.Length > 0)
            {
                Marshal.Copy((IntPtr)bytes, copy, 0, copy.Length);
            }
            return copy;
        }
    }
}
