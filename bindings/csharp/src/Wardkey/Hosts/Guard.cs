using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Wardkey
{
    /// <summary>
    /// Stands before an HTTP server's own code: lets the engine answer the OAuth endpoints, and asks it about every
    /// path that needs a scope. <see cref="ListenerGuard"/>, <see cref="OwinGuard"/>, the ASP.NET module and the
    /// middleware for ASP.NET Core bring it their servers' messages. Set it up before the first request; then any thread
    /// may use it.
    /// </summary>
    public sealed class Guard
    {
        private readonly Engine engine;
        private readonly string basePath;
        private readonly List<KeyValuePair<string, string>> rules = new List<KeyValuePair<string, string>>();

        /// <summary>A guard that protects nothing yet.</summary>
        /// <param name="engine">It answers wherever it has endpoints. It stays yours to dispose.</param>
        /// <param name="basePath">
        /// Where the endpoints lie: empty for /oauth/token, /auth for /auth/oauth/token.
        /// </param>
        public Guard(Engine engine, string basePath = "")
        {
            if (engine == null)
            {
                throw new ArgumentNullException("engine");
            }
            this.engine = engine;
            this.basePath = (basePath ?? "").TrimEnd('/');
        }

        /// <summary>The engine behind it.</summary>
        public Engine Engine
        {
            get { return engine; }
        }

        /// <summary>
        /// Whether all requests count as having come over TLS: true where a proxy speaks it to the callers, and nobody
        /// reaches this program but through the proxy. Name the proxy in the setting trusted_proxies too, or all
        /// callers seem to have its address. The OAuth endpoints alone refuse plain HTTP; rules do not look at it.
        /// </summary>
        public bool BehindTlsProxy { get; set; }

        /// <summary>
        /// Told of each request that a rule refused, with the reason that its caller is not told, for your log. What the
        /// OAuth endpoints refuse stands in the audit alone. Several threads may call it at once; what it throws
        /// <see cref="Admit"/> throws.
        /// </summary>
        public Action<OAuthRequest, Refusal> Refused { get; set; }

        /// <summary>
        /// Demands a scope of everything at this path and below, in any case: /api means /api and /api/results, not
        /// /apiary. Of several rules that fit, the one with the longest path counts. Behind <see cref="OwinGuard"/> and
        /// in ASP.NET Core paths count from where the program lies, which IIS may put at /emr.
        /// </summary>
        /// <param name="path">Where it begins; / for everything but the OAuth endpoints.</param>
        /// <param name="scopes">The words, parted by single spaces; <see cref="Engine.AnyScope"/> for any token.</param>
        public Guard Protect(string path, string scopes)
        {
            if (string.IsNullOrEmpty(scopes))
            {
                throw new ArgumentException("Name the scopes, or say Engine.AnyScope.", "scopes");
            }
            rules.Add(new KeyValuePair<string, string>(Rooted(path), scopes));
            rules.Sort((one, other) => other.Key.Length - one.Key.Length);
            return this;
        }

        /// <summary>Whether the engine answers this request. Then <see cref="Admit"/> needs its body.</summary>
        public bool IsEndpoint(OAuthRequest request)
        {
            if (request == null)
            {
                throw new ArgumentNullException("request");
            }
            return engine.Serves(request.Path, MountOf(request));
        }

        /// <summary>
        /// Says what is to become of a request that a server of tasks received: reads the body if it is needed, wipes
        /// it, and lets no thread of the server's wait for it.
        /// </summary>
        public async Task<Admission> AdmitAsync(OAuthRequest request, Stream body, Context context)
        {
            if (!IsEndpoint(request))
            {
                return Judge(request, context);
            }
            await request.ReadBodyAsync(body).ConfigureAwait(false);
            try
            {
                // An endpoint may check a password or write to the disk.
                return await Task.Run(() => Answer(request, context)).ConfigureAwait(false);
            }
            finally
            {
                request.ClearBody();
            }
        }

        /// <summary>Says what is to become of a request.</summary>
        public Admission Admit(OAuthRequest request, Context context)
        {
            return IsEndpoint(request) ? Answer(request, context) : Judge(request, context);
        }

        /// <summary>Says whether a request may do what needs these scopes, whatever the rules say of its path.</summary>
        /// <param name="request">Its headers have the token.</param>
        /// <param name="scopes">The words, parted by single spaces; <see cref="Engine.AnyScope"/> for any token.</param>
        /// <param name="context">Who asks, and from where.</param>
        public Admission Demand(OAuthRequest request, string scopes, Context context)
        {
            if (request == null)
            {
                throw new ArgumentNullException("request");
            }
            Principal caller;
            Refusal refusal;
            if (engine.TryAuthorize(request.Headers, scopes, Seen(context), out caller, out refusal))
            {
                return new Admission(caller, scopes, null);
            }
            Action<OAuthRequest, Refusal> told = Refused;
            if (told != null)
            {
                told(request, refusal);
            }
            return new Admission(null, null, refusal.ToResponse());
        }

        /// <summary>The scopes that a path needs; null if none.</summary>
        public string ScopesFor(string path)
        {
            foreach (KeyValuePair<string, string> rule in rules)
            {
                foreach (string spelling in Spellings(path))
                {
                    if (IsBelow(spelling, rule.Key))
                    {
                        return rule.Value;
                    }
                }
            }
            return null;
        }

        private Admission Answer(OAuthRequest request, Context context)
        {
            return new Admission(null, null, engine.HttpAt(request, MountOf(request), Seen(context)));
        }

        private Admission Judge(OAuthRequest request, Context context)
        {
            string received = Below(request.Path, request.BasePath);
            string scopes = Both(ScopesFor(received), ScopesFor(request.RoutedPath ?? received));
            return scopes == null ? new Admission(null, null, null) : Demand(request, scopes, context);
        }

        private Context Seen(Context context)
        {
            return BehindTlsProxy && context != null ? context.OverTls() : context;
        }

        private string MountOf(OAuthRequest request)
        {
            return request.BasePath + basePath;
        }

        private static string Below(string path, string root)
        {
            return !string.IsNullOrEmpty(root) && IsBelow(path, root) ? path.Substring(root.Length) : path;
        }

        private static string Both(string one, string other)
        {
            if (one == null || one == other || one == Engine.AnyScope)
            {
                return other ?? one;
            }
            return other == null || other == Engine.AnyScope ? one : one + " " + other;
        }

        /// <summary>
        /// A path as it came, and as servers may read it: unescaped, with backslashes for slashes, with neither empty
        /// nor dotted segments. A rule that fits one of them holds, so no spelling leads around it.
        /// </summary>
        private static IEnumerable<string> Spellings(string path)
        {
            string unescaped = path;
            // Once more for servers that unescape twice.
            for (int round = 0; round < 2; round++)
            {
                unescaped = Uri.UnescapeDataString(unescaped);
                yield return unescaped;
                yield return Straight(unescaped);
            }
        }

        private static string Straight(string path)
        {
            var kept = new List<string>();
            foreach (string segment in path.Split('/', '\\'))
            {
                // Windows ignores dots and spaces behind a name.
                string name = segment.Trim().TrimEnd('.', ' ');
                if (segment == ".." && kept.Count > 0)
                {
                    kept.RemoveAt(kept.Count - 1);
                }
                else if (name != "")
                {
                    kept.Add(name);
                }
            }
            return "/" + string.Join("/", kept);
        }

        private static bool IsBelow(string path, string root)
        {
            return path.StartsWith(root, StringComparison.OrdinalIgnoreCase)
                && (path.Length == root.Length || path[root.Length] == '/');
        }

        private static string Rooted(string path)
        {
            if (path == null || !path.StartsWith("/"))
            {
                throw new ArgumentException("A path begins with a slash.", "path");
            }
            return path.TrimEnd('/');
        }
    }

    /// <summary>What is to become of a request: answered already, or yours to answer.</summary>
    public sealed class Admission
    {
        internal Admission(Principal caller, string scopes, OAuthResponse response)
        {
            Caller = caller;
            Scopes = scopes;
            Response = response;
        }

        /// <summary>What to send, and nothing else to do; null if the request is yours to answer.</summary>
        public OAuthResponse Response { get; private set; }

        /// <summary>Who calls, where the path needs a scope; null where it needs none.</summary>
        public Principal Caller { get; private set; }

        /// <summary>
        /// What the path needs and the caller's token has: words parted by single spaces, or
        /// <see cref="Engine.AnyScope"/>; null where it needs none.
        /// </summary>
        public string Scopes { get; private set; }
    }
}
