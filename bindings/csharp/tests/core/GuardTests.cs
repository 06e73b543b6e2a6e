using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;

namespace Wardkey.Tests
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    internal static class GuardTests
    {
        public static void No_spelling_of_a_path_leads_around_its_rule()
        {
            using (var clinic = new Clinic())
            {
                Guard guard = new Guard(clinic.Engine).Protect("/api", "lab:read");
                foreach (string path in new[]
                {
                    "/api", "/api/", "/api/results", "/API/results", "/%61pi/results", "/%2561pi/results",
                    "//api/results", "/./api/results", "/public/../api/results", "/public/%2e%2e/api/results",
                    "/public/..%2fapi/results", "\\api\\results", "/public\\..\\api/results", "/api./results",
                    "/api%20/results", "/api%2fresults",
                })
                {
                    Check.Equal("lab:read", guard.ScopesFor(path), path);
                }
                foreach (string path in new[] { "/", "/apiary", "/public/api", "/ap" })
                {
                    Check.Equal(null, guard.ScopesFor(path), path);
                }
            }
        }

        public static void The_longest_rule_counts_and_a_rewritten_path_needs_both()
        {
            using (var clinic = new Clinic())
            {
                Guard guard = new Guard(clinic.Engine)
                    .Protect("/", Engine.AnyScope).Protect("/api", "lab:read").Protect("/api/orders", "lab:write");
                Check.Equal(Engine.AnyScope, guard.ScopesFor("/home"));
                Check.Equal("lab:read", guard.ScopesFor("/api/ordersheet"));
                Check.Equal("lab:write", guard.ScopesFor("/api/orders/7"));

                var request = new OAuthRequest("GET", "/api/results")
                {
                    RoutedPath = "/api/orders/7",
                    Headers = new HeaderList { { "Authorization", "Bearer " + clinic.Token("lab:write") } },
                };
                Check.Equal(403, guard.Admit(request, Clinic.Caller).Response.Status);
                request.Headers = new HeaderList { { "Authorization", "Bearer " + clinic.Token() } };
                Check.Equal(clinic.ClientId, guard.Admit(request, Clinic.Caller).Caller.ClientId);
            }
        }

        public static void A_rule_without_scopes_is_a_mistake()
        {
            using (var clinic = new Clinic())
            {
                var guard = new Guard(clinic.Engine);
                Check.Throws<ArgumentException>(() => guard.Protect("/api", ""));
                Check.Throws<ArgumentException>(() => guard.Protect("api", "lab:read"));
            }
        }

        public static void Endpoints_lie_below_the_base_path_and_a_dialect_s_while_it_is_on()
        {
            using (var clinic = new Clinic())
            {
                Guard guard = new Guard(clinic.Engine, "/auth/").Protect("/", "lab:read");
                Check.That(IsEndpoint(guard, "/auth/oauth/token"), "the token endpoint");
                Check.That(IsEndpoint(guard, "/auth/.well-known/oauth-authorization-server"), "the metadata");
                foreach (string path in new[] { "/oauth/token", "/auth/oauthx", "/Auth/oauth/token", "/auth/api/v1/auth/token" })
                {
                    Check.That(!IsEndpoint(guard, path), path);
                }
                var wrong = new OAuthRequest("GET", "/auth/oauth/nothing");
                Check.Equal(401, guard.Admit(wrong, Clinic.Caller).Response.Status);

                clinic.Engine.Call("settings.set", new { dialects = new[] { "bio-ecko" } }, Clinic.Admin);
                Check.That(IsEndpoint(guard, "/auth/api/v1/auth/token"), "the dialect's");
                Check.That(clinic.Engine.Serves("/api/v1/auth/token"), "the dialect's, at the root");
                Check.Throws<ArgumentNullException>(() => clinic.Engine.Serves(null));
            }
        }

        public static void Paths_count_from_where_the_program_lies()
        {
            using (var clinic = new Clinic())
            {
                Guard guard = new Guard(clinic.Engine, "/auth").Protect("/api", "lab:read");
                Func<string, OAuthRequest> at = path => new OAuthRequest("GET", path) { BasePath = "/emr" };
                Check.That(guard.IsEndpoint(at("/emr/auth/oauth/token")), "an endpoint below both");
                Check.Equal(401, guard.Admit(at("/emr/api/results"), Clinic.Caller).Response.Status);
                Check.Equal(null, guard.Admit(at("/emr/public"), Clinic.Caller).Response);
            }
        }

        private static bool IsEndpoint(Guard guard, string path)
        {
            return guard.IsEndpoint(new OAuthRequest("GET", path));
        }

        public static void Plain_http_from_afar_is_refused_unless_a_proxy_speaks_tls()
        {
            using (var clinic = new Clinic())
            {
                var guard = new Guard(clinic.Engine);
                var request = new OAuthRequest("POST", "/oauth/token")
                {
                    Headers = new HeaderList { { "Content-Type", "application/x-www-form-urlencoded" } },
                    Body = Encoding.ASCII.GetBytes(
                        "grant_type=client_credentials&client_id=" + clinic.ClientId + "&client_secret=" + clinic.Secret),
                };
                Context plain = Context.From("192.0.2.7", false);
                Check.Equal(400, guard.Admit(request, plain).Response.Status);
                guard.BehindTlsProxy = true;
                Check.Equal(200, guard.Admit(request, plain).Response.Status);
                Check.Equal(false, plain.Secure);
            }
        }

        public static void Of_a_refusal_the_program_gets_the_reason_and_the_caller_does_not()
        {
            using (var clinic = new Clinic())
            {
                Refusal seen = null;
                Guard guard = new Guard(clinic.Engine).Protect("/api", "lab:read");
                guard.Refused = (asked, refusal) => seen = asked.Path == "/api/results" ? refusal : null;
                var request = new OAuthRequest("GET", "/api/results")
                {
                    Headers = new HeaderList { { "Authorization", "Bearer " + clinic.Token() } },
                };
                Check.Equal(null, guard.Admit(request, Clinic.Caller).Response);
                Check.Equal(null, seen);
                clinic.Engine.Call("client.disable", new { client_id = clinic.ClientId }, Clinic.Admin);
                OAuthResponse answer = guard.Admit(request, Clinic.Caller).Response;
                Check.Equal(Status.DeniedClientDisabled, seen.Status);
                Check.Contains("request", seen.Message);
                Check.That(!answer.Headers["WWW-Authenticate"].Contains("disabled"), answer.Headers["WWW-Authenticate"]);
            }
        }

        public static void Owin_gets_tokens_and_refusals_and_passes_on_what_is_allowed()
        {
            using (var clinic = new Clinic())
            {
                Guard guard = new Guard(clinic.Engine).Protect("/api", "lab:read");
                Principal caller = null;
                AppFunc application = OwinGuard.Middleware(guard)(environment =>
                {
                    caller = (Principal)environment[OwinGuard.CallerKey];
                    environment["owin.ResponseStatusCode"] = 204;
                    return Task.FromResult(0);
                });

                string basic = Convert.ToBase64String(Encoding.ASCII.GetBytes(clinic.ClientId + ":" + clinic.Secret));
                IDictionary<string, object> answer = Run(
                    application, "POST", "/oauth/token", "Basic " + basic, "grant_type=client_credentials");
                Check.Equal(200, (int)answer["owin.ResponseStatusCode"]);
                string token = new Document(BodyOf(answer))["access_token"];

                answer = Run(application, "GET", "/api/results", null, "");
                Check.Equal(401, (int)answer["owin.ResponseStatusCode"]);
                Check.Contains("Bearer", ((IDictionary<string, string[]>)answer["owin.ResponseHeaders"])["WWW-Authenticate"].Single());
                Check.Equal(null, caller);

                answer = Run(application, "GET", "/api/results", "Bearer " + token, "");
                Check.Equal(204, (int)answer["owin.ResponseStatusCode"]);
                Check.Equal(clinic.ClientId, caller.ClientId);
            }
        }

        private static IDictionary<string, object> Run(
            AppFunc application, string method, string path, string authorization, string body)
        {
            var headers = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase)
            {
                { "Content-Type", new[] { "application/x-www-form-urlencoded" } },
            };
            if (authorization != null)
            {
                headers["Authorization"] = new[] { authorization };
            }
            var environment = new Dictionary<string, object>
            {
                { "owin.RequestMethod", method },
                { "owin.RequestScheme", "https" },
                { "owin.RequestPathBase", "/emr" },
                { "owin.RequestPath", path },
                { "owin.RequestQueryString", "" },
                { "owin.RequestHeaders", headers },
                { "owin.RequestBody", new MemoryStream(Encoding.UTF8.GetBytes(body)) },
                { "owin.ResponseHeaders", new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase) },
                { "owin.ResponseBody", new MemoryStream() },
                { "server.RemoteIpAddress", "192.0.2.7" },
            };
            application(environment).GetAwaiter().GetResult();
            return environment;
        }

        private static string BodyOf(IDictionary<string, object> environment)
        {
            return Encoding.UTF8.GetString(((MemoryStream)environment["owin.ResponseBody"]).ToArray());
        }
    }
}
