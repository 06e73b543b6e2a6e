using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Wardkey.Native
{
    /// <summary>
    /// An open engine, closed once whatever happens: by Dispose, by the finalizer, or before the AppDomain is
    /// unloaded. Its value is a token that the library checks, so a call that comes too late is told so.
    /// </summary>
    internal sealed unsafe class EngineHandle : SafeHandle
    {
        private static readonly object Listening = new object();
        private static readonly List<WeakReference> Open = new List<WeakReference>();
        private static bool listens;

        private readonly Api api;
        private readonly Callbacks callbacks;

        internal EngineHandle(Api api, Callbacks callbacks)
            : base(IntPtr.Zero, true)
        {
            this.api = api;
            this.callbacks = callbacks;
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        /// <summary>The token. It stays readable when closed: the library then says that it is.</summary>
        internal IntPtr Value
        {
            get { return handle; }
        }

        internal void Opened(IntPtr value)
        {
            SetHandle(value);
            lock (Listening)
            {
                Open.RemoveAll(other => !other.IsAlive);
                Open.Add(new WeakReference(this));
                if (!listens)
                {
                    listens = true;
                    // The default domain has no unload, and others no exit.
                    AppDomain.CurrentDomain.DomainUnload += (sender, arguments) => CloseAll();
                    AppDomain.CurrentDomain.ProcessExit += (sender, arguments) => CloseAll();
                }
            }
        }

        /// <summary>Closes it, and says what came of it; the finalizer does nothing any more.</summary>
        internal int Close(wardkey_error* error)
        {
            int code = api.Close(handle, error);
            SetHandleAsInvalid();
            return code;
        }

        protected override bool ReleaseHandle()
        {
            // Here nobody can be told: the library has told the options' log.
            int code = api.Close(handle, null);
            Callbacks.Forget();
            return code == 0;
        }

        /// <summary>
        /// The library calls into this domain until the last call under way has returned: so new calls are ended, and
        /// those waited for, before the domain goes.
        /// </summary>
        private static void CloseAll()
        {
            WeakReference[] open;
            lock (Listening)
            {
                open = Open.ToArray();
                Open.Clear();
            }
            var closing = new List<Callbacks>();
            foreach (WeakReference reference in open)
            {
                var engine = (EngineHandle)reference.Target;
                if (engine != null)
                {
                    closing.Add(engine.callbacks);
                    engine.Dispose();
                }
            }
            closing.ForEach(callbacks => callbacks.WaitUntilReleased(Patience));
        }

        // .NET gives the handlers of an unload no limit, and those of a process's exit two or three seconds.
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    }
}
