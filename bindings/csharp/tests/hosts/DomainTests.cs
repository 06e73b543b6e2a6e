using System;
using System.IO;
using System.Threading;

namespace Wardkey.Tests
{
    /// <summary>Application domains, which ASP.NET on .NET Framework and Mono makes and unloads at will.</summary>
    internal static class DomainTests
    {
        public static void A_domain_is_unloaded_when_the_callbacks_under_way_have_returned()
        {
            InDomain((domain, tenant, folder) =>
            {
                tenant.Open(folder);
                tenant.StartLongWork();
                AppDomain.Unload(domain);
                Check.Equal("the callback returned", File.ReadAllText(Path.Combine(folder, "trace")));
                Reopen(folder);
            });
        }

        public static void A_domain_is_unloaded_with_its_engine_open_and_another_opens_the_database()
        {
            InDomain((domain, tenant, folder) =>
            {
                tenant.Open(folder);
                AppDomain.Unload(domain);
                // Whatever the library still called in that domain would end this process.
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Reopen(folder);
            });
        }

        public static void A_shadow_copied_assembly_finds_its_native_library_where_it_came_from()
        {
            InDomain((domain, tenant, folder) =>
            {
                string copy = tenant.Location();
                Check.That(!copy.StartsWith(AppDomain.CurrentDomain.BaseDirectory), "no shadow copy: " + copy);
                Check.Equal(
                    Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "runtimes", "linux-x64", "native", "libwardkey.so.1"),
                    tenant.LoadedFrom());
                AppDomain.Unload(domain);
            });
        }

        public static void Exceptions_cross_domains_with_all_that_they_say()
        {
            InDomain((domain, tenant, folder) =>
            {
                tenant.Open(folder);
                var denied = Check.Throws<DeniedException>(() => tenant.Verify("nonsense"));
                Check.Equal(Status.DeniedTokenMalformed, denied.Status);
                Check.Equal("WARDKEY_DENIED_TOKEN_MALFORMED", denied.Name);
                Check.Equal(401, denied.Refusal.HttpStatus);
                AppDomain.Unload(domain);
            });
        }

        private static void InDomain(Action<AppDomain, Tenant, string> test)
        {
            string folder = Path.Combine(Path.GetTempPath(), "Mandant Süd " + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(folder);
            var setup = new AppDomainSetup
            {
                ApplicationBase = AppDomain.CurrentDomain.BaseDirectory,
                ApplicationName = "tenant",
                CachePath = Path.Combine(folder, "cache"),
                ShadowCopyFiles = "true",
            };
            AppDomain domain = AppDomain.CreateDomain("tenant", null, setup);
            var tenant = (Tenant)domain.CreateInstanceAndUnwrap(
                typeof(Tenant).Assembly.FullName, typeof(Tenant).FullName);
            try
            {
                test(domain, tenant, folder);
            }
            finally
            {
                Directory.Delete(folder, true);
            }
        }

        private static void Reopen(string folder)
        {
            using (Engine engine = Engine.Open(Path.Combine(folder, "clinic.db")))
            {
                Check.Equal(true, engine.Check(Context.By("auditor")).Boolean("sound"));
            }
        }
    }

    /// <summary>A program in a domain of its own.</summary>
    public sealed class Tenant : MarshalByRefObject
    {
        private readonly ManualResetEventSlim unloading = new ManualResetEventSlim();
        private Engine engine;
        private string folder;

        /// <summary>Makes its database, with callbacks.</summary>
        public void Open(string where)
        {
            folder = where;
            AppDomain.CurrentDomain.DomainUnload += (sender, arguments) => unloading.Set();
            engine = Engine.Create(new EngineOptions(Path.Combine(folder, "clinic.db"))
            {
                Actor = "setup",
                WallClock = () => new DateTimeOffset(2026, 3, 1, 8, 30, 0, TimeSpan.Zero),
                MonotonicClock = () => TimeSpan.Zero,
                Log = (status, message) => { },
            });
        }

        /// <summary>Begins work whose callback waits for the unload, and then takes its time.</summary>
        public void StartLongWork()
        {
            var entered = new ManualResetEventSlim();
            new Thread(() => Copy(entered)) { IsBackground = true }.Start();
            entered.Wait();
        }

        /// <summary>Asks the engine.</summary>
        public void Verify(string token)
        {
            engine.Verify(token, "lab:read", Context.From("192.0.2.7", true));
        }

        /// <summary>Where the assembly was loaded from.</summary>
        public string Location()
        {
            return typeof(Engine).Assembly.Location;
        }

        /// <summary>Where the native library was loaded from.</summary>
        public string LoadedFrom()
        {
            return WardkeyLibrary.LoadedFrom;
        }

        private void Copy(ManualResetEventSlim entered)
        {
            var cancellation = new CancellationTokenSource();
            try
            {
                engine.Backup(
                    Path.Combine(folder, "copy.db"), Context.By("tenant"), (done, total) =>
                    {
                        entered.Set();
                        unloading.Wait();
                        cancellation.Cancel();
                        File.WriteAllText(Path.Combine(folder, "trace"), "the callback returned");
                    },
                    cancellation.Token);
            }
            catch (OperationCanceledException)
            {
                // The domain goes.
            }
        }
    }
}
