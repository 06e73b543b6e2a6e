using System;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;

namespace Wardkey.Tests
{
    internal static class EngineTests
    {
        public static void A_token_lets_its_client_do_what_its_scopes_say()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token("lab:read");
                Principal caller = clinic.Engine.Verify(token, "lab:read", Clinic.Caller);
                Check.Equal(clinic.ClientId, caller.ClientId);
                Check.Equal(clinic.ClientId, caller.Subject);
                Check.Equal(false, caller.IsUser);
                Check.Equal(false, caller.IsOpaque);
                Check.Equal(Clinic.Epoch.AddSeconds(1772353800), caller.IssuedAt);
                Check.Equal(caller.IssuedAt.AddHours(1), caller.ExpiresAt);
                var denied = Check.Throws<DeniedException>(
                    () => clinic.Engine.Verify(token, "lab:write", Clinic.Caller));
                Check.Equal(Status.DeniedInsufficientScope, denied.Status);
                Check.Equal("WARDKEY_DENIED_INSUFFICIENT_SCOPE", denied.Name);
                Check.Equal(403, denied.Refusal.HttpStatus);
            }
        }

        public static void Try_says_no_without_an_exception()
        {
            using (var clinic = new Clinic())
            {
                Principal caller;
                Refusal refusal;
                Check.That(
                    !clinic.Engine.TryVerify("Grüße \ud800", "lab:read", Clinic.Caller, out caller, out refusal),
                    "no token, and half a character in it");
                Check.Equal(null, caller);
                Check.Equal(Status.DeniedTokenMalformed, refusal.Status);
                Check.Equal(401, refusal.HttpStatus);
                Check.That(
                    clinic.Engine.TryVerify(clinic.Token(), Engine.AnyScope, Clinic.Caller, out caller, out refusal),
                    "a token");
                Check.Equal(null, refusal);
            }
        }

        public static void A_mistake_of_the_program_throws_even_where_one_tries()
        {
            using (var clinic = new Clinic())
            {
                Principal caller;
                Refusal refusal;
                var misuse = Check.Throws<MisuseException>(
                    () => clinic.Engine.TryVerify(clinic.Token(), "", Clinic.Caller, out caller, out refusal));
                Check.Equal(Status.MisuseArgument, misuse.Status);
                Check.Throws<ArgumentNullException>(() => clinic.Engine.Verify(null, "lab:read", Clinic.Caller));
                Check.Throws<ArgumentNullException>(() => clinic.Engine.Verify("x", null, Clinic.Caller));
                Check.Throws<ArgumentNullException>(() => clinic.Engine.Verify("x", "lab:read", null));
                Check.Throws<ArgumentException>(() => clinic.Engine.Call("client.list", "\"\ud800\"", Clinic.Admin));
            }
        }

        public static void A_refused_request_gets_its_challenge()
        {
            using (var clinic = new Clinic())
            {
                Principal caller;
                Refusal refusal;
                Check.That(
                    !clinic.Engine.TryAuthorize(new HeaderList(), "lab:read", Clinic.Caller, out caller, out refusal),
                    "without a token");
                Check.Equal(401, refusal.HttpStatus);
                Check.Contains("Bearer", refusal.Challenge);
                Check.Equal(refusal.Challenge, refusal.ToResponse().Headers["www-authenticate"]);
                var headers = new HeaderList { { "accept", "*/*" }, { "AUTHORIZATION", "Bearer " + clinic.Token() } };
                Check.Equal(clinic.ClientId, clinic.Engine.Authorize(headers, "lab:read", Clinic.Caller).ClientId);
            }
        }

        public static void Claims_have_what_the_principal_has_no_room_for()
        {
            using (var clinic = new Clinic())
            {
                Document claims = clinic.Engine.Claims(clinic.Token("lab:read"), Clinic.Caller);
                Check.Equal("lab:read", claims["scope"]);
                Check.Equal(1772353800L, claims.Number("iat"));
                Check.Equal(null, claims["nothing"]);
            }
        }

        public static void A_secret_may_be_bytes_or_characters()
        {
            using (var clinic = new Clinic())
            {
                byte[] secret = Encoding.ASCII.GetBytes(clinic.Secret);
                string token = clinic.Engine.Issue(clinic.ClientId, secret, null, Clinic.Caller)["access_token"];
                clinic.Engine.Verify(token, "lab:write", Clinic.Caller);
                var denied = Check.Throws<DeniedException>(
                    () => clinic.Engine.Issue(clinic.ClientId, new char[0], null, Clinic.Caller));
                Check.Equal(401, denied.Refusal.HttpStatus);
            }
        }

        public static void A_revoked_client_is_refused_at_once()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token();
                clinic.Engine.Call("client.revoke", new { client_id = clinic.ClientId }, Clinic.Admin);
                var denied = Check.Throws<DeniedException>(
                    () => clinic.Engine.Verify(token, "lab:read", Clinic.Caller));
                Check.Equal(Status.DeniedClientTokensRevoked, denied.Status);
            }
        }

        public static void Names_in_every_script_come_back_as_they_went()
        {
            using (var clinic = new Clinic())
            {
                const string Name = "Ärztin \"Größe\" \\ 検査 \U0001F9EA </script> ende";
                clinic.Engine.Call(
                    "client.update", new { client_id = clinic.ClientId, description = Name }, Clinic.Admin);
                Document read = clinic.Engine.Call("client.read", new { client_id = clinic.ClientId }, Clinic.Admin);
                Check.Equal(Name, read["description"]);
                Check.Equal("Labor Größe & 検査", read["client_name"]);
                Check.Contains("jürgen@clinic", clinic.Engine.Call("audit.read", "{}", Clinic.Admin).Json);
                Check.That(File.Exists(clinic.Database), clinic.Database);
            }
        }

        public static void Exceptions_say_what_was_false_by_their_class()
        {
            using (var clinic = new Clinic())
            {
                Check.Contains("scopes", Check.Throws<MisuseException>(
                    () => clinic.Engine.Call("client.create", new { scopes = 1 }, Clinic.Admin)).Message);
                Check.Throws<NotFoundException>(
                    () => clinic.Engine.Call("client.read", new { client_id = "nobody" }, Clinic.Admin));
                Check.Throws<ConflictException>(
                    () => clinic.Engine.Call("scope.add", new { scope = "lab:read" }, Clinic.Admin));
                Check.Equal(Status.StorageExists, Check.Throws<StorageException>(
                    () => Engine.Create(clinic.Database, "setup")).Status);
                Check.Equal(Status.MisuseActor, Check.Throws<MisuseException>(
                    () => clinic.Engine.Call("client.list", null, new Context())).Status);
            }
        }

        public static void Open_or_create_makes_a_database_once_and_only_where_nothing_is()
        {
            using (var clinic = new Clinic())
            {
                string path = Path.Combine(clinic.Folder, "検査.db");
                string logged = "";
                var options = new EngineOptions(path)
                {
                    Actor = "setup",
                    Settings = new { clinic_name = "Süd" },
                    BusyTimeout = TimeSpan.FromSeconds(1),
                    Log = (status, message) => logged += message,
                };
                Engine.OpenOrCreate(options).Dispose();
                Check.Equal("", logged);
                using (Engine engine = Engine.OpenOrCreate(options))
                {
                    Check.Equal("Süd", engine.Call("settings.get", null, Clinic.Admin)["clinic_name"]);
                }
                string other = Path.Combine(clinic.Folder, "other");
                File.WriteAllText(other, "something else");
                Check.Equal(
                    Status.StorageForeignFile,
                    Check.Throws<StorageException>(() => Engine.OpenOrCreate(other, "setup")).Status);
            }
        }

        public static void A_closed_engine_says_so_and_closing_it_again_does_nothing()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token();
                clinic.Engine.Dispose();
                clinic.Engine.Dispose();
                Check.Contains("is closed", Check.Throws<ObjectDisposedException>(
                    () => clinic.Engine.Verify(token, "lab:read", Clinic.Caller)).Message);
                Check.Throws<ObjectDisposedException>(clinic.Engine.Close);
                using (Engine again = Engine.Migrate(clinic.Options()))
                {
                    again.Verify(token, "lab:read", Clinic.Caller);
                }
            }
        }

        public static void An_engine_that_nobody_disposed_is_closed_by_its_finalizer()
        {
            using (var clinic = new Clinic())
            {
                var released = new ManualResetEventSlim();
                Abandon(clinic, released);
                for (int i = 0; i < 50 && !released.IsSet; i++)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    // Mono's collector reads the stack conservatively: something else must lie there.
                    Abandon(clinic, new ManualResetEventSlim());
                }
                Check.That(released.IsSet, "the library let go of the callbacks");
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Abandon(Clinic clinic, ManualResetEventSlim released)
        {
            var thread = new Thread(() =>
            {
                EngineOptions options = clinic.Options();
                var watched = new Watched(released);
                options.Log = (status, message) => GC.KeepAlive(watched);
                Engine.Open(options).Maintain();
            });
            thread.Start();
            thread.Join();
        }

        /// <summary>Collected when the delegate that mentions it is.</summary>
        private sealed class Watched
        {
            private readonly ManualResetEventSlim released;

            internal Watched(ManualResetEventSlim released)
            {
                this.released = released;
            }

            ~Watched()
            {
                released.Set();
            }
        }

        public static void Threads_share_an_engine_and_one_may_close_it_under_the_others()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token();
                int allowed = 0;
                Exception surprise = null;
                var started = new CountdownEvent(4);
                Thread[] threads = Enumerable.Range(0, 4).Select(number => new Thread(() =>
                {
                    try
                    {
                        for (int i = 0; ; i++)
                        {
                            clinic.Engine.Verify(token, "lab:read", Clinic.Caller);
                            Interlocked.Increment(ref allowed);
                            if (i == 0)
                            {
                                started.Signal();
                            }
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                        // The engine was closed, as it should be.
                    }
                    catch (Exception exception)
                    {
                        surprise = exception;
                    }
                })).ToArray();
                foreach (Thread thread in threads)
                {
                    thread.Start();
                }
                started.Wait();
                clinic.Engine.Dispose();
                foreach (Thread thread in threads)
                {
                    thread.Join();
                }
                Check.Equal(null, surprise);
                Check.That(allowed >= 4, "each was allowed once");
            }
        }

        public static void A_copy_restored_ends_all_tokens()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token();
                string copy = Path.Combine(clinic.Folder, "Kopie Süd.db");
                Document kept = clinic.Engine.Backup(copy, Clinic.Admin);
                Check.Equal(copy, kept["path"]);
                Check.Equal(true, clinic.Engine.Check(Clinic.Admin).Boolean("sound"));
                clinic.Engine.Close();
                foreach (string part in new[] { "", "-wal", "-shm" })
                {
                    File.Delete(clinic.Database + part);
                }
                File.Move(copy, clinic.Database);
                using (Engine restored = Engine.Restore(clinic.Options()))
                {
                    Check.Equal(Status.DeniedKeyRetired, Check.Throws<DeniedException>(
                        () => restored.Verify(token, "lab:read", Clinic.Caller)).Status);
                }
            }
        }

        public static void The_library_says_what_it_is()
        {
            Check.Equal(3, WardkeyLibrary.Version.Split('.').Length);
            Check.Equal("WARDKEY_STORAGE_FULL", WardkeyLibrary.NameOf(Status.StorageFull));
            Check.Contains("disk is full", WardkeyLibrary.Explain(Status.StorageFull));
            Check.That(Path.IsPathRooted(WardkeyLibrary.LoadedFrom), WardkeyLibrary.LoadedFrom);
        }
    }
}
