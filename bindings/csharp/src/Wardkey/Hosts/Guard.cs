using System;
using System.Collections.Generic;

namespace Wardkey
{
    /// <summary>
    /// Stands before an HTTP server's own code: lets the engine answer the OAuth endpoints, and asks it about every
    /// path that needs a scope. <see cref="ListenerGuard"/>, <see cref="OwinGuard"/> and the ASP.NET module bring it
    /// their servers' messages. Set it up before the first request; then any thread may use it.
    /// </summary>
    public sealed class Guard
    {
        private readonly Engine engine;
        private readonly string basePath;
        private readonly List<string> endpoints = new List<string>();
        private readonly List<KeyValuePair<string, string>> rules = new List<KeyValuePair<string, string>>();

        /// <summary>A guard that lets the engine answer below /oauth and at the metadata's paths.</summary>
        /// <param name="engine">It stays yours to dispose.</param>
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
            Mount(this.basePath + "/oauth");
            foreach (string metadata in Metadata)
            {
                Mount(metadata);
                Mount(this.basePath + metadata);
            }
        }

        /// <summary>The engine behind it.</summary>
        public Engine Engine
        {
            get { return engine; }
        }

        /// <summary>
        /// Whether all requests count as having come over TLS: true where a proxy speaks it to the callers, and nobody
        /// reaches this program but through the proxy.
        /// </summary>
        public bool BehindTlsProxy { get; set; }

        /// <summary>
        /// Demands a scope of everything at this path and below, in any case: /api means /api and /api/results, not
        /// /apiary. Of several rules that fit, the one with the longest path counts.
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

        /// <summary>
        /// Lets the engine answer at one more path and below: the route of a dialect, such as /api/v1/auth/token.
        /// </summary>
        public Guard Mount(string path)
        {
            endpoints.Add(Rooted(path));
            return this;
        }

        /// <summary>Whether the engine answers this path. Then <see cref="Admit"/> needs the request's body.</summary>
        public bool IsEndpoint(string path)
        {
            return endpoints.Exists(endpoint => IsBelow(path, endpoint, StringComparison.Ordinal));
        }

        /// <summary>Says what is to become of a request.</summary>
        public Admission Admit(OAuthRequest request, Context context)
        {
            if (request == null)
            {
                throw new ArgumentNullException("request");
            }
            Context from = BehindTlsProxy ? context.OverTls() : context;
            if (IsEndpoint(request.Path))
            {
                request.BasePath = basePath;
                return new Admission(null, engine.Http(request, from));
            }
            string scopes = Both(ScopesFor(request.Path), ScopesFor(request.RoutedPath ?? request.Path));
            if (scopes == null)
            {
                return new Admission(null, null);
            }
            Principal caller;
            Refusal refusal;
            return engine.TryAuthorize(request.Headers, scopes, from, out caller, out refusal)
                ? new Admission(caller, null)
                : new Admission(null, refusal.ToResponse());
        }

        /// <summary>The scopes that a path needs; null if none.</summary>
        public string ScopesFor(string path)
        {
            foreach (KeyValuePair<string, string> rule in rules)
            {
                foreach (string spelling in Spellings(path))
                {
                    if (IsBelow(spelling, rule.Key, StringComparison.OrdinalIgnoreCase))
                    {
                        return rule.Value;
                    }
                }
            }
            return null;
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

        private static bool IsBelow(string path, string root, StringComparison comparison)
        {
            return path.StartsWith(root, comparison) && (path.Length == root.Length || path[root.Length] == '/');
        }

        private static string Rooted(string path)
        {
            if (path == null || !path.StartsWith("/"))
            {
                throw new ArgumentException("A path begins with a slash.", "path");
            }
            return path.TrimEnd('/');
        }

        // RFC 8414 3, and where OpenID Connect's libraries look.
        private static readonly string[] Metadata =
            { "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration" };
    }

    /// <summary>What is to become of a request: answered already, or yours to answer.</summary>
    public sealed class Admission
    {
        internal Admission(Principal caller, OAuthResponse response)
        {
            Caller = caller;
            Response = response;
        }

        /// <summary>What to send, and nothing else to do; null if the request is yours to answer.</summary>
        public OAuthResponse Response { get; private set; }

        /// <summary>Who calls, where the path needs a scope; null where it needs none.</summary>
        public Principal Caller { get; private set; }
    }
}
