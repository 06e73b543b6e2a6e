using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;

namespace Wardkey.Tests
{
    internal static class CallbackTests
    {
        public static void The_key_may_come_from_the_program_and_is_cleared()
        {
            byte[] given = null;
            Func<byte[]> key = () => given = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
            Action<EngineOptions> set = options =>
            {
                options.KeySource = KeySource.Callback;
                options.ReadKey = key;
            };
            using (var clinic = new Clinic(set))
            {
                Check.That(given.All(value => value == 0), "the program's array was cleared");
                clinic.Engine.Dispose();
                EngineOptions other = clinic.Options();
                other.KeySource = KeySource.Bytes;
                other.Key = Enumerable.Range(1, 32).Select(i => (byte)i).ToArray();
                Check.Equal(
                    Status.StorageWrongKey, Check.Throws<StorageException>(() => Engine.Open(other)).Status);
                other.Key = key();
                Engine.Open(other).Dispose();
            }
        }

        public static void What_the_key_callback_throws_open_throws()
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Dispose();
                EngineOptions options = clinic.Options();
                options.KeySource = KeySource.Callback;
                options.ReadKey = () => { throw new UnauthorizedAccessException("the vault is shut"); };
                Check.Equal(
                    "the vault is shut",
                    Check.Throws<UnauthorizedAccessException>(() => Engine.Open(options)).Message);
                options.ReadKey = () => null;
                Check.Equal(
                    Status.StorageKeyCallback, Check.Throws<StorageException>(() => Engine.Open(options)).Status);
            }
        }

        public static void What_a_clock_throws_the_call_throws()
        {
            bool broken = false;
            using (var clinic = new Clinic(options =>
            {
                Func<DateTimeOffset> clock = options.WallClock;
                options.WallClock = () =>
                {
                    if (broken)
                    {
                        throw new TimeoutException("no time");
                    }
                    return clock();
                };
            }))
            {
                string token = clinic.Token();
                broken = true;
                Check.Throws<TimeoutException>(() => clinic.Engine.Verify(token, "lab:read", Clinic.Caller));
                broken = false;
                clinic.Engine.Verify(token, "lab:read", Clinic.Caller);
            }
        }

        public static void The_clock_decides_when_a_token_ends()
        {
            using (var clinic = new Clinic())
            {
                string token = clinic.Token();
                clinic.Wait(TimeSpan.FromSeconds(3601));
                Check.Equal(Status.DeniedTokenExpired, Check.Throws<DeniedException>(
                    () => clinic.Engine.Verify(token, "lab:read", Clinic.Caller)).Status);
            }
        }

        public static void The_log_is_told_of_storage_and_its_own_exception_goes_to_the_program()
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Dispose();
                var told = new List<string>();
                var failed = new List<Exception>();
                EngineOptions options = clinic.Options();
                options.Log = (status, message) =>
                {
                    told.Add(status + " " + message);
                    throw new InvalidOperationException("the log is full");
                };
                options.CallbackFailed = failed.Add;
                options.KeySource = KeySource.Bytes;
                options.Key = Encoding.ASCII.GetBytes(new string('k', 32));
                Check.Throws<StorageException>(() => Engine.Open(options));
                Check.Equal(1, told.Count);
                Check.Contains("StorageWrongKey", told[0]);
                Check.Equal("the log is full", failed.Single().Message);
            }
        }

        public static void A_user_of_the_program_logs_in_and_the_password_is_cleared()
        {
            UserLogin seen = null;
            string password = null;
            using (var clinic = new Clinic(options =>
            {
                options.Settings = "{\"dialects\":[\"biot\"]}";
                options.CheckUser = login =>
                {
                    seen = login;
                    password = new string(login.Password);
                    return login.Username == "müller" && password == "Grüße aus dem Labor"
                        ? UserVerdict.Approve("4711", "lab:read") : UserVerdict.Refuse;
                };
            }))
            {
                OAuthResponse answer = LogIn(clinic, "müller", "Grüße aus dem Labor");
                Check.Equal(200, answer.Status, answer.Text);
                Check.Equal("Grüße aus dem Labor", password);
                Check.That(seen.Password.All(character => character == 0), "cleared");
                Check.Equal("192.0.2.7", seen.Peer);
                Principal user = clinic.Engine.Verify(
                    new Document(answer.Text)["token"] ?? Token(answer.Text), "lab:read", Clinic.Caller);
                Check.Equal(true, user.IsUser);
                Check.Equal("usr_.4711", user.Subject);
                Check.That(LogIn(clinic, "müller", "falsch").Status != 200, "another password");
            }
        }

        public static void What_check_user_throws_reaches_the_program_and_nobody_logs_in()
        {
            Exception failed = null;
            using (var clinic = new Clinic(options =>
            {
                options.Settings = "{\"dialects\":[\"biot\"]}";
                options.CheckUser = login => { throw new IOException("the user table is gone"); };
                options.CallbackFailed = exception => failed = exception;
            }))
            {
                Check.Equal(503, LogIn(clinic, "müller", "irgendwas").Status);
                Check.Equal("the user table is gone", failed.Message);
            }
        }

        public static void An_abort_in_a_callback_waits_until_the_native_call_is_over()
        {
            if (Type.GetType("Mono.Runtime") == null)
            {
                // .NET 8 cannot abort a thread.
                Check.Throws<PlatformNotSupportedException>(() => AbortThis("now"));
                return;
            }
            string where = null;
            using (var clinic = new Clinic(options =>
            {
                Func<DateTimeOffset> clock = options.WallClock;
                options.Settings = "{\"dialects\":[\"biot\"]}";
                options.CheckUser = login => AbortIn("user", where, () => UserVerdict.Approve("4711", "lab:read"));
                options.WallClock = () => AbortIn("clock", where, clock);
                options.CallbackFailed = exception => { throw exception; };
            }))
            {
                // More often than the engine checks passwords at once: none of those places may be lost.
                for (int i = 0; i < 20; i++)
                {
                    Aborted("user", ref where, () => LogIn(clinic, "müller" + i, "irgendwas"));
                }
                Check.Equal(200, LogIn(clinic, "müller", "irgendwas").Status);
                string token = clinic.Token();
                Aborted("clock", ref where, () => clinic.Engine.Verify(token, "lab:read", Clinic.Caller));
                Aborted("progress", ref where, () => clinic.Engine.Check(
                    Clinic.Admin, (done, of) => AbortIn("progress", "progress", () => done)));
                clinic.Engine.Verify(token, "lab:read", Clinic.Caller);
                clinic.Engine.Dispose();

                EngineOptions opened = clinic.Options();
                opened.KeySource = KeySource.Callback;
                opened.ReadKey = () => AbortIn("key", where, () => Encoding.ASCII.GetBytes(new string('k', 32)));
                opened.Log = (status, message) => AbortIn("log", where, () => status);
                Aborted("key", ref where, () => Engine.Open(opened));
                Aborted("log", ref where, () => Engine.Open(opened));
                Engine.Open(clinic.Options()).Dispose();
            }
        }

        private static T AbortIn<T>(string place, string where, Func<T> otherwise)
        {
            if (place == where)
            {
                AbortThis(place);
            }
            return otherwise();
        }

        private static void AbortThis(string state)
        {
#pragma warning disable 618
            Thread.CurrentThread.Abort(state);
#pragma warning restore 618
        }

        /// <summary>Whether a thread of its own is aborted where it should be, once the call is over.</summary>
        private static void Aborted(string place, ref string where, Action call)
        {
            string seen = "nothing";
            var thread = new Thread(() =>
            {
                try
                {
                    call();
                }
                catch (ThreadAbortException abort)
                {
                    seen = abort.ExceptionState + new StackTrace(abort).ToString();
                    Thread.ResetAbort();
                }
                catch (Exception exception)
                {
                    seen = exception.ToString();
                }
            });
            where = place;
            thread.Start();
            thread.Join();
            where = null;
            Check.That(seen.StartsWith(place), place + ": " + seen);
            Check.That(seen.Contains("Rethrow") && !seen.Contains("AbortIn"), place + ": not after the call, but " + seen);
        }

        public static void Subjects_that_are_too_long_or_not_ascii_log_nobody_in()
        {
            string subject = null;
            using (var clinic = new Clinic(options =>
            {
                options.Settings = "{\"dialects\":[\"biot\"]}";
                options.CheckUser = login => UserVerdict.Approve(subject, "lab:read");
                options.Log = (status, message) => { };
            }))
            {
                foreach (string bad in new[] { "", "Größe", "two words", new string('x', 201), new string('x', 5000) })
                {
                    subject = bad;
                    Check.Equal(503, LogIn(clinic, "müller", "irgendwas").Status, bad);
                }
            }
        }

        public static void Progress_is_told_and_may_cancel_or_throw()
        {
            using (var clinic = new Clinic())
            {
                string copy = Path.Combine(clinic.Folder, "copy.db");
                var cancellation = new CancellationTokenSource();
                long total = 0;
                Check.Throws<OperationCanceledException>(() => clinic.Engine.Backup(
                    copy, Clinic.Admin, (done, of) => { total = of; cancellation.Cancel(); }, cancellation.Token));
                Check.That(total > 0 && !File.Exists(copy), "it began, and nothing is left");
                Check.Equal("enough", Check.Throws<InvalidOperationException>(() => clinic.Engine.Check(
                    Clinic.Admin, (done, of) => { throw new InvalidOperationException("enough"); })).Message);
                int calls = 0;
                // A callback of long work may call the engine.
                clinic.Engine.Backup(copy, Clinic.Admin, (done, of) => { calls++; clinic.Token(); });
                Check.That(calls > 0 && File.Exists(copy), "it is whole");
            }
        }

        public static void Callbacks_live_as_long_as_the_engine()
        {
            using (var clinic = new Clinic())
            {
                for (int i = 0; i < 20; i++)
                {
                    GC.Collect();
                    clinic.Token();
                }
            }
        }

        internal static OAuthResponse LogIn(Clinic clinic, string name, string password)
        {
            var request = new OAuthRequest("POST", "/ums/v2/users/login")
            {
                Headers = new HeaderList { { "Content-Type", "application/json" } },
                Body = Encoding.UTF8.GetBytes(Document.Print(new { username = name, password })),
            };
            return clinic.Engine.Http(request, Clinic.Caller);
        }

        private static string Token(string body)
        {
            string[] parts = body.Split(new[] { "\"token\":\"" }, 2, StringSplitOptions.None);
            return parts[1].Split('"')[0];
        }
    }
}
