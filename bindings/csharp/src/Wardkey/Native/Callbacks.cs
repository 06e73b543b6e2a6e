using System;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Wardkey.Native
{
    /// <summary>
    /// What the native library calls: static methods, whose `user` leads to the program's delegates. A GCHandle keeps
    /// those alive until the library calls `destroy`. No exception leaves a callback, for above it are native frames:
    /// it waits for the call to return (<see cref="Rethrow"/>), or goes to the program's CallbackFailed.
    /// </summary>
    internal sealed unsafe class Callbacks
    {
        private readonly EngineOptions options;
        private readonly ManualResetEventSlim released = new ManualResetEventSlim(true);
        private int held;
        private long lastWall = Times.Milliseconds(DateTimeOffset.UtcNow);
        private long lastMonotonic;

        [ThreadStatic]
        private static ExceptionDispatchInfo thrown;

        internal Callbacks(EngineOptions options)
        {
            this.options = options;
        }

        /// <summary>Names the callbacks that the program gave.</summary>
        internal void FillIn(wardkey_options* native)
        {
            if (options.ReadKey != null)
            {
                native->key_read = KeyReadAddress;
                native->key_user = Hold();
                native->key_destroy = DestroyAddress;
            }
            if (options.WallClock != null || options.MonotonicClock != null)
            {
                native->clock_wall_ms = options.WallClock == null ? IntPtr.Zero : ClockWallAddress;
                native->clock_monotonic_ms = options.MonotonicClock == null ? IntPtr.Zero : ClockMonotonicAddress;
                native->clock_user = Hold();
                native->clock_destroy = DestroyAddress;
            }
            if (options.Log != null)
            {
                native->log = LogAddress;
                native->log_user = Hold();
                native->log_destroy = DestroyAddress;
            }
            if (options.CheckUser != null)
            {
                native->check_user = CheckUserAddress;
                native->check_user_user = Hold();
                native->check_user_destroy = DestroyAddress;
            }
        }

        /// <summary>Lets go of what <see cref="FillIn"/> held: for a library that could not read the options.</summary>
        internal static void Release(wardkey_options* native)
        {
            foreach (IntPtr user in new[]
                { native->key_user, native->clock_user, native->log_user, native->check_user_user })
            {
                if (user != IntPtr.Zero)
                {
                    OnDestroy(user);
                }
            }
        }

        /// <summary>Waits until the library has let go of all; false if it has not in time.</summary>
        internal bool WaitUntilReleased(TimeSpan patience)
        {
            return released.Wait(patience);
        }

        /// <summary>Throws what a callback threw during the call that this thread has just made.</summary>
        internal static void Rethrow()
        {
            ExceptionDispatchInfo waiting = thrown;
            if (waiting != null)
            {
                thrown = null;
                waiting.Throw();
            }
        }

        /// <summary>Forgets what a callback threw: for calls that have nobody to tell, such as a finalizer's.</summary>
        internal static void Forget()
        {
            thrown = null;
        }

        internal static readonly destroy Destroy = OnDestroy;
        internal static readonly IntPtr DestroyAddress = Marshal.GetFunctionPointerForDelegate(Destroy);

        /// <summary>Keeps an exception for <see cref="Rethrow"/>; the first counts.</summary>
        internal static void Keep(Exception exception)
        {
            thrown = thrown ?? ExceptionDispatchInfo.Capture(exception);
        }

        private IntPtr Hold()
        {
            if (Interlocked.Increment(ref held) == 1)
            {
                released.Reset();
            }
            return GCHandle.ToIntPtr(GCHandle.Alloc(this));
        }

        private static void OnDestroy(IntPtr user)
        {
            GCHandle handle = GCHandle.FromIntPtr(user);
            var callbacks = handle.Target as Callbacks;
            handle.Free();
            if (callbacks != null && Interlocked.Decrement(ref callbacks.held) == 0)
            {
                callbacks.released.Set();
            }
        }

        private static Callbacks Of(IntPtr user)
        {
            return (Callbacks)GCHandle.FromIntPtr(user).Target;
        }

        private static int OnKeyRead(IntPtr user, byte* key, UIntPtr keySize)
        {
            try
            {
                byte[] bytes = Of(user).options.ReadKey();
                if (bytes == null || bytes.Length != (int)keySize)
                {
                    return NoKey;
                }
                Marshal.Copy(bytes, 0, (IntPtr)key, bytes.Length);
                Array.Clear(bytes, 0, bytes.Length);
                return 0;
            }
            catch (Exception exception)
            {
                Keep(exception);
                return NoKey;
            }
        }

        private static long OnClockWall(IntPtr user)
        {
            Callbacks callbacks = Of(user);
            return Tell(() => Times.Milliseconds(callbacks.options.WallClock()), ref callbacks.lastWall);
        }

        private static long OnClockMonotonic(IntPtr user)
        {
            Callbacks callbacks = Of(user);
            return Tell(() => callbacks.options.MonotonicClock().Ticks / TimeSpan.TicksPerMillisecond, ref callbacks.lastMonotonic);
        }

        /// <summary>The time; the last one known if the clock throws, which the call then throws on.</summary>
        private static long Tell(Func<long> clock, ref long last)
        {
            try
            {
                long now = clock();
                Interlocked.Exchange(ref last, now);
                return now;
            }
            catch (Exception exception)
            {
                Keep(exception);
                return Interlocked.Read(ref last);
            }
        }

        private static void OnLog(IntPtr user, int code, byte* message, UIntPtr messageLength)
        {
            Callbacks callbacks = Of(user);
            try
            {
                callbacks.options.Log((Status)code, Utf8.Read(message, messageLength));
            }
            catch (Exception exception)
            {
                callbacks.Report(exception);
            }
        }

        private static int OnCheckUser(IntPtr user, wardkey_user_login* login, wardkey_user_verdict* verdict)
        {
            Callbacks callbacks = Of(user);
            UserLogin read = null;
            try
            {
                read = new UserLogin(login);
                UserVerdict answer = callbacks.options.CheckUser(read);
                if (answer == null)
                {
                    return NoAnswer;
                }
                if (!answer.IsApproved)
                {
                    return Constants.WARDKEY_USER_REFUSED;
                }
                // Too long a text is cut by a byte more than may stand there, and so refused, never believed.
                Write(answer.Subject, verdict->subject, SubjectRoom);
                Write(answer.Scope, verdict->scope, ScopeRoom);
                return Constants.WARDKEY_USER_APPROVED;
            }
            catch (Exception exception)
            {
                // The remote caller gets its answer, a 503, all the same; the program is told beside it.
                callbacks.Report(exception);
                return NoAnswer;
            }
            finally
            {
                if (read != null)
                {
                    read.Clear();
                }
            }
        }

        private static void Write(string text, byte* target, int room)
        {
            byte[] bytes = new UTF8Encoding(false, true).GetBytes(text ?? "");
            Marshal.Copy(bytes, 0, (IntPtr)target, Math.Min(bytes.Length, room));
        }

        private void Report(Exception exception)
        {
            try
            {
                if (options.CallbackFailed != null)
                {
                    options.CallbackFailed(exception);
                }
                else
                {
                    Trace.TraceError("A callback of Wardkey failed: {0}", exception);
                }
            }
            catch (Exception)
            {
                // Told twice, it failed twice: there is nobody left to tell.
            }
        }

        // Unlike the addresses, these are what keeps the collector away.
        private static readonly key_read KeyRead = OnKeyRead;
        private static readonly clock_wall_ms ClockWall = OnClockWall;
        private static readonly clock_monotonic_ms ClockMonotonic = OnClockMonotonic;
        private static readonly log LogTo = OnLog;
        private static readonly check_user CheckUser = OnCheckUser;

        private static readonly IntPtr KeyReadAddress = Marshal.GetFunctionPointerForDelegate(KeyRead);
        private static readonly IntPtr ClockWallAddress = Marshal.GetFunctionPointerForDelegate(ClockWall);
        private static readonly IntPtr ClockMonotonicAddress = Marshal.GetFunctionPointerForDelegate(ClockMonotonic);
        private static readonly IntPtr LogAddress = Marshal.GetFunctionPointerForDelegate(LogTo);
        private static readonly IntPtr CheckUserAddress = Marshal.GetFunctionPointerForDelegate(CheckUser);

        // Of the verdict's arrays all but the NUL behind the text.
        private const int SubjectRoom = 255;
        private const int ScopeRoom = 4351;

        private const int NoKey = 1;

        // Neither approved nor refused: nobody logs in.
        private const int NoAnswer = 0;
    }
}
