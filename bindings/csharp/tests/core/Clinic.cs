using System;
using System.IO;
using System.Threading;

namespace Wardkey.Tests
{
    /// <summary>A database of its own in a folder whose name is not ASCII, with a client, and a clock that stands.</summary>
    internal sealed class Clinic : IDisposable
    {
        internal readonly string Folder;
        internal readonly Engine Engine;
        internal readonly string ClientId;
        internal readonly string Secret;
        private long now = 1772353800000;

        internal Clinic(Action<EngineOptions> change = null)
        {
            Folder = Path.Combine(Path.GetTempPath(), "Klinik Süd 病院 " + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(Folder);
            EngineOptions options = Options();
            if (change != null)
            {
                change(options);
            }
            Engine = Engine.Create(options);
            Document client = Engine.Call(
                "client.create", new { client_name = "Labor Größe & 検査", scope = "lab:read lab:write" }, Admin);
            ClientId = client["client_id"];
            Secret = client["client_secret"];
        }

        internal static readonly Context Admin = Context.By("jürgen@clinic");
        internal static readonly Context Caller = Context.From("192.0.2.7", true);

        internal string Database
        {
            get { return Path.Combine(Folder, "Größe.db"); }
        }

        internal EngineOptions Options()
        {
            return new EngineOptions(Database)
            {
                Actor = "setup",
                WallClock = () => Epoch + Now(),
                MonotonicClock = Now,
            };
        }

        internal static readonly DateTimeOffset Epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);

        private TimeSpan Now()
        {
            return TimeSpan.FromMilliseconds(Interlocked.Read(ref now));
        }

        internal void Wait(TimeSpan time)
        {
            Interlocked.Add(ref now, (long)time.TotalMilliseconds);
        }

        internal string Token(string scope = null)
        {
            return Engine.Issue(ClientId, Secret.ToCharArray(), scope, Caller)["access_token"];
        }

        public void Dispose()
        {
            Engine.Dispose();
            Directory.Delete(Folder, true);
        }
    }
}
