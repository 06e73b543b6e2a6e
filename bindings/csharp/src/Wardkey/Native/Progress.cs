using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Wardkey.Native
{
    /// <summary>Long work tells how far it is, and asks whether to go on.</summary>
    internal sealed class Progress
    {
        private readonly Action<long, long> report;
        private readonly CancellationToken cancellation;

        internal Progress(Action<long, long> report, CancellationToken cancellation)
        {
            this.report = report;
            this.cancellation = cancellation;
        }

        /// <summary>Lives until the library calls destroy, which it does before the work returns.</summary>
        internal IntPtr Hold()
        {
            return GCHandle.ToIntPtr(GCHandle.Alloc(this));
        }

        private static int OnProgress(IntPtr user, ulong done, ulong total)
        {
            try
            {
                var progress = (Progress)GCHandle.FromIntPtr(user).Target;
                if (progress.report != null)
                {
                    progress.report((long)done, (long)total);
                }
                return progress.cancellation.IsCancellationRequested ? Cancel : 0;
            }
            catch (Exception exception)
            {
                Callbacks.Keep(exception);
                return Cancel;
            }
        }

        private static readonly progress Static = OnProgress;
        internal static readonly IntPtr Address = Marshal.GetFunctionPointerForDelegate(Static);

        private const int Cancel = (int)Status.Cancelled;
    }
}
