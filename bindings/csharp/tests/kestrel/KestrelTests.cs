using System;
using System.IO;
using System.Net;
using System.Net.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Wardkey.Tests
{
    /// <summary>Programs of ASP.NET Core behind Kestrel, asked over HTTP.</summary>
    internal static class KestrelTests
    {
        public static void A_token_from_the_endpoint_opens_the_paths_of_its_scope()
        {
            using (var server = new ClinicServer())
            {
                string token = server.Token("lab:read");
                HttpResponseMessage allowed = server.Get("/results/4711?day=1", token);
                Check.Equal(HttpStatusCode.OK, allowed.StatusCode);
                string claims = allowed.Content.ReadAsStringAsync().Result;
                Check.Contains("caller " + server.Clinic.ClientId + " user " + server.Clinic.ClientId, claims);
                Check.Contains("scope lab:read.", claims);
                Check.Equal(HttpStatusCode.Forbidden, server.Get("/orders", token).StatusCode);
            }
        }

        public static void Without_a_token_there_is_a_challenge_and_no_answer()
        {
            using (var server = new ClinicServer())
            {
                HttpResponseMessage refused = server.Get("/results");
                Check.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                Check.Contains("Bearer", refused.Headers.WwwAuthenticate.ToString());
                Check.Equal("", refused.Content.ReadAsStringAsync().Result);
                Check.Equal("everybody", server.Get("/public").Content.ReadAsStringAsync().Result);
            }
        }

        public static void The_endpoints_answer_as_the_engine_does()
        {
            using (var server = new ClinicServer())
            {
                HttpResponseMessage metadata = server.Get("/.well-known/oauth-authorization-server");
                Check.Equal("application/json", metadata.Content.Headers.ContentType.MediaType);
                Check.Contains("token_endpoint", metadata.Content.ReadAsStringAsync().Result);
                var head = new HttpRequestMessage(HttpMethod.Head, "/.well-known/oauth-authorization-server");
                Check.Equal("", server.Client.SendAsync(head).Result.Content.ReadAsStringAsync().Result);
                var body = new StringContent(new string('x', 3000000));
                Check.Equal(413, (int)server.Client.PostAsync("/oauth/token", body).Result.StatusCode);
                Check.Equal("everybody", server.Get("/oauth/of-the-program").Content.ReadAsStringAsync().Result);
            }
        }

        public static void No_spelling_of_a_path_leads_around_its_rule()
        {
            using (var server = new ClinicServer())
            {
                foreach (string path in new[] { "/RESULTS", "/%72esults", "//results", "/public/..%2fresults", "/results/" })
                {
                    Check.Equal(HttpStatusCode.Unauthorized, server.Get(path).StatusCode, path);
                }
            }
        }

        public static void Rules_and_endpoints_count_from_where_the_application_lies()
        {
            using (var server = new ClinicServer(app => app.UsePathBase("/emr")))
            {
                string token = server.Token("lab:read", "/emr");
                Check.Equal(HttpStatusCode.Unauthorized, server.Get("/emr/results").StatusCode);
                Check.Equal(HttpStatusCode.OK, server.Get("/emr/results", token).StatusCode);
            }
        }

        public static void A_path_that_was_rewritten_needs_what_both_need()
        {
            using (var server = new ClinicServer(app => app.Use((exchange, next) =>
            {
                exchange.Request.Path = exchange.Request.Path == "/orders" ? "/public" : "/orders";
                return next();
            })))
            {
                Check.Equal(HttpStatusCode.Unauthorized, server.Get("/orders").StatusCode);
                Check.Equal(HttpStatusCode.Unauthorized, server.Get("/public").StatusCode);
            }
        }

        public static void Readme_s_example_opens_the_engine_and_closes_it_with_the_application()
        {
            string folder = Path.Combine(Path.GetTempPath(), "Beispiel " + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(folder);
            string before = Environment.CurrentDirectory;
            Environment.CurrentDirectory = folder;
            Engine engine;
            using (var server = new Server(new WebHostBuilder().UseStartup<Startup>()))
            {
                engine = server.Service<Engine>();
                Document client = engine.Call(
                    "client.create", new { client_name = "Lab", scope = "lab:read" }, Clinic.Admin);
                string token = server.Token(client["client_id"], client["client_secret"], "lab:read");
                Check.Equal(
                    "for " + client["client_id"],
                    server.Get("/results/4711", token).Content.ReadAsStringAsync().Result);
                Check.Equal(HttpStatusCode.Unauthorized, server.Get("/results/4711").StatusCode);
            }
            Check.Throws<ObjectDisposedException>(() => engine.Serves("/"));
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, true);
        }
    }
}
