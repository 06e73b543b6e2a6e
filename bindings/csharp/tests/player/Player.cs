using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

namespace Wardkey.Tests
{
    /// <summary>
    /// Plays bindings/scenario/clinic.scenario through the public interface, and prints what came back. The README
    /// there describes both.
    /// </summary>
    internal sealed class Player
    {
        internal static readonly DateTimeOffset Epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private readonly string folder;
        private readonly TextWriter transcript;
        private readonly Dictionary<string, string> saved = new Dictionary<string, string>();
        private Engine engine;
        private long now;
        private string lastCode;

        private Player(string folder, TextWriter transcript)
        {
            this.folder = folder;
            this.transcript = transcript;
        }

        private static int Main(string[] arguments)
        {
            if (arguments.Length != 2)
            {
                Console.Error.WriteLine("usage: Player SCENARIO FOLDER");
                return 2;
            }
            using (var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)))
            {
                output.NewLine = "\n";
                var player = new Player(arguments[1], output);
                foreach (Step step in Step.ReadAll(File.ReadAllLines(arguments[0], Encoding.UTF8)))
                {
                    player.Play(step);
                }
            }
            return 0;
        }

        private void Play(Step step)
        {
            transcript.WriteLine("== " + step.Line);
            var played = new Played();
            switch (step.Verb)
            {
                case "clock":
                    now = long.Parse(Argument(step));
                    return;
                case "expect":
                    if (lastCode != Argument(step))
                    {
                        throw new Exception("line `" + step.Line + "`: it was " + lastCode);
                    }
                    return;
                default:
                    Try(played, () => Do(step, played));
                    break;
            }
            lastCode = played.Code;
            played.Print(transcript);
            Save(step, played);
        }

        private static void Try(Played played, Action action)
        {
            try
            {
                action();
            }
            catch (WardkeyException exception)
            {
                played.Code = exception.Name;
                played.SystemCode = exception.SystemCode;
                played.Message = exception.Message;
            }
            catch (ObjectDisposedException exception)
            {
                played.Code = WardkeyLibrary.NameOf(Status.MisuseClosed);
                played.Message = exception.Message;
            }
        }

        private void Do(Step step, Played played)
        {
            Context context = ContextOf(step);
            switch (step.Verb)
            {
                case "open": Open(step); break;
                case "close": engine.Close(); break;
                case "maintain": engine.Maintain(); break;
                case "call": played.Document = engine.Call(Argument(step), Value(step, "json"), context); break;
                case "issue":
                    played.Document = engine.Issue(
                        Argument(step), Value(step, "secret").ToCharArray(), Value(step, "scope"), context);
                    break;
                case "verify":
                    played.Principal = engine.Verify(Value(step, "token"), Scopes(step), context);
                    break;
                case "authorize": Authorize(step, played, context); break;
                case "claims": played.Document = engine.Claims(Value(step, "token"), context); break;
                case "http": played.Response = engine.Http(Request(step, Argument(step)), context); break;
                case "serves":
                    if (!engine.Serves(Argument(step), Value(step, "base_path")))
                    {
                        played.Code = "WARDKEY_NOT_FOUND";
                        played.Message = "there is no endpoint at this path";
                    }
                    break;
                case "pending":
                    PendingRequest pending = engine.Pending(Request(step, "GET " + Argument(step)), context);
                    played.Document = pending.Document;
                    played.Response = pending.Response;
                    break;
                case "decide":
                    played.Response = engine.Decide(
                        Argument(step), Value(step, "subject"), Value(step, "scope"), Headers(step), context);
                    break;
                case "backup":
                    played.Document = engine.Backup(Path.Combine(folder, Argument(step)), context);
                    break;
                case "check": played.Document = engine.Check(context); break;
                default: throw new Exception("unknown verb: " + step.Line);
            }
        }

        private void Open(Step step)
        {
            string key = Value(step, "key");
            string[] staff = (Value(step, "staff") ?? "").Split('|');
            var options = new EngineOptions(Path.Combine(folder, "Klinik-Süd.db"))
            {
                Mode = (OpenMode)Enum.Parse(typeof(OpenMode), Argument(step), true),
                Actor = Value(step, "actor"),
                Settings = Value(step, "settings"),
                KeySource = key == null ? KeySource.File : KeySource.Callback,
                WallClock = () => Epoch.AddMilliseconds(now),
                MonotonicClock = () => TimeSpan.FromMilliseconds(now),
                CallbackFailed = exception => { },
            };
            if (key != null)
            {
                options.ReadKey = () => Enumerable.Range(0, key.Length / 2)
                    .Select(i => Convert.ToByte(key.Substring(2 * i, 2), 16)).ToArray();
            }
            if (staff.Length == 4)
            {
                options.CheckUser = login => CheckStaff(staff, login);
            }
            engine = Engine.Open(options);
        }

        private static UserVerdict CheckStaff(string[] staff, UserLogin login)
        {
            string password = new string(login.Password);
            if (password == "fail")
            {
                throw new IOException("the staff's table cannot be read");
            }
            return login.Username == staff[0] && password == staff[1]
                ? UserVerdict.Approve(staff[2], staff[3]) : UserVerdict.Refuse;
        }

        private void Authorize(Step step, Played played, Context context)
        {
            Refusal refusal;
            played.Status = 200;
            if (!engine.TryAuthorize(Headers(step), Scopes(step), context, out played.Principal, out refusal))
            {
                played.Code = refusal.Name;
                played.SystemCode = refusal.SystemCode;
                played.Message = refusal.Message;
                played.Status = refusal.HttpStatus;
                played.Challenge = refusal.Challenge;
            }
        }

        private OAuthRequest Request(Step step, string line)
        {
            string[] words = line.Split(new[] { ' ' }, 2);
            string[] target = words[1].Split(new[] { '?' }, 2);
            string body = Value(step, "body");
            return new OAuthRequest(words[0], target[0])
            {
                Query = target.Length > 1 ? target[1] : null,
                BasePath = Value(step, "base_path"),
                Headers = Headers(step),
                Body = body == null ? null : Encoding.UTF8.GetBytes(body),
            };
        }

        private HeaderList Headers(Step step)
        {
            var headers = new HeaderList();
            foreach (string header in Values(step, "header"))
            {
                string[] parts = header.Split(new[] { ": " }, 2, StringSplitOptions.None);
                headers.Add(parts[0], parts[1]);
            }
            string basic = Value(step, "basic");
            if (basic != null)
            {
                headers.Add("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
            }
            return headers;
        }

        private Context ContextOf(Step step)
        {
            return new Context
            {
                Actor = Value(step, "actor"),
                Peer = Value(step, "peer"),
                Forwarded = Value(step, "forwarded"),
                CorrelationId = Value(step, "correlation_id"),
                Secure = Value(step, "secure") == "1",
            };
        }

        private string Scopes(Step step)
        {
            string scopes = Argument(step);
            return scopes == "*" ? Engine.AnyScope : scopes;
        }

        private void Save(Step step, Played played)
        {
            foreach (KeyValuePair<string, string> field in step.Fields.Where(field => field.Key.StartsWith("save")))
            {
                string[] words = field.Value.Split(' ');
                string found = Find(field.Key, words.Last(), played);
                if (found == null)
                {
                    throw new Exception("nothing to save: " + field.Key + ": " + field.Value);
                }
                saved[words[0]] = found;
            }
        }

        private static string Find(string kind, string key, Played played)
        {
            string text = played.Document != null ? played.Document.Json : played.Response.Text;
            switch (kind)
            {
                case "save": return Between(text, "\"" + key + "\":\"", "\"");
                case "save-query": return Between(played.Response.Headers["Location"], key + "=", "&");
                case "save-field": return Between(text, "name=\"" + key + "\" value=\"", "\"");
                case "save-cookie": return Between(played.Response.Headers["Set-Cookie"], "", ";");
                default: throw new Exception("unknown: " + kind);
            }
        }

        private static string Between(string text, string before, string behind)
        {
            int start = text == null ? -1 : text.IndexOf(before, StringComparison.Ordinal);
            return start < 0 ? null
                : text.Substring(start + before.Length).Split(new[] { behind }, StringSplitOptions.None)[0];
        }

        private string Argument(Step step)
        {
            return Replace(step.Argument);
        }

        private string Value(Step step, string name)
        {
            return Values(step, name).LastOrDefault();
        }

        private IEnumerable<string> Values(Step step, string name)
        {
            return step.Fields.Where(field => field.Key == name).Select(field => Replace(field.Value));
        }

        private string Replace(string text)
        {
            return Regex.Replace(text, @"\$\{(\w+)\}", found => saved[found.Groups[1].Value]);
        }
    }

    /// <summary>One step of a scenario: its line, and the lines below.</summary>
    internal sealed class Step
    {
        internal string Line;
        internal string Verb;
        internal string Argument;
        internal readonly List<KeyValuePair<string, string>> Fields = new List<KeyValuePair<string, string>>();

        internal static IEnumerable<Step> ReadAll(IEnumerable<string> lines)
        {
            Step step = null;
            foreach (string line in lines.Where(line => !line.StartsWith("#")))
            {
                if (line == "")
                {
                    if (step != null)
                    {
                        yield return step;
                    }
                    step = null;
                }
                else if (step == null)
                {
                    string[] words = line.Split(new[] { ' ' }, 2);
                    step = new Step { Line = line, Verb = words[0], Argument = words.Length > 1 ? words[1] : "" };
                }
                else
                {
                    string[] parts = line.Split(new[] { ':' }, 2);
                    step.Fields.Add(new KeyValuePair<string, string>(
                        parts[0], parts[1].StartsWith(" ") ? parts[1].Substring(1) : parts[1]));
                }
            }
            if (step != null)
            {
                yield return step;
            }
        }
    }

    /// <summary>What came of a step, as far as it came.</summary>
    internal sealed class Played
    {
        internal string Code = "WARDKEY_OK";
        internal int SystemCode;
        internal string Message;
        internal int Status;
        internal string Challenge;
        internal OAuthResponse Response;
        internal Document Document;
        internal Principal Principal;

        internal void Print(TextWriter transcript)
        {
            transcript.WriteLine("code {0} {1}", Code, SystemCode);
            PrintUnlessEmpty(transcript, "message", Message);
            if (Response != null)
            {
                transcript.WriteLine("status {0}", Response.Status);
                foreach (KeyValuePair<string, string> header in Response.Headers)
                {
                    transcript.WriteLine("header {0}: {1}", header.Key, header.Value);
                }
                PrintUnlessEmpty(transcript, "body", Response.Text);
            }
            if (Status != 0)
            {
                transcript.WriteLine("status {0}", Status);
            }
            PrintUnlessEmpty(transcript, "challenge", Challenge);
            PrintUnlessEmpty(transcript, "document", Document == null ? null : Document.Json);
            if (Principal != null)
            {
                transcript.WriteLine(
                    "principal {0} {1} {2} {3} {4} {5} {6}", Principal.IsUser ? "user" : "client", Principal.ClientId,
                    Principal.Subject, Principal.TokenId, Principal.IsOpaque ? "opaque" : "jwt",
                    Seconds(Principal.IssuedAt), Seconds(Principal.ExpiresAt));
            }
        }

        private static long Seconds(DateTimeOffset time)
        {
            return (time - Player.Epoch).Ticks / TimeSpan.TicksPerSecond;
        }

        private static void PrintUnlessEmpty(TextWriter transcript, string name, string text)
        {
            if (!string.IsNullOrEmpty(text))
            {
                transcript.WriteLine(name + " " + text);
            }
        }
    }
}
