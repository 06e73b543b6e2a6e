using System;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading;
using System.Web.Http;
using Wardkey.WebApi;

namespace Wardkey.Tests
{
    internal static class WebApiTests
    {
        public static void An_action_runs_for_tokens_with_its_scope_alone()
        {
            using (var clinic = new Clinic())
            {
                HttpMessageInvoker api = Api(clinic, null);
                string token = clinic.Token("lab:read");
                HttpResponseMessage refused = Send(api, "/api/results", null, "192.0.2.7");
                Check.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                Check.Contains("Bearer", refused.Headers.WwwAuthenticate.ToString());
                HttpResponseMessage allowed = Send(api, "/api/results", token, "192.0.2.7");
                Check.Equal("\"" + clinic.ClientId + "\"", allowed.Content.ReadAsStringAsync().Result);
                Check.Equal(HttpStatusCode.Forbidden, Send(api, "/api/orders", token, "192.0.2.7").StatusCode);
                Check.Equal(HttpStatusCode.OK, Send(api, "/api/orders", clinic.Token(), "192.0.2.7").StatusCode);
                Check.Equal(HttpStatusCode.OK, Send(api, "/api/health", null, "192.0.2.7").StatusCode);
            }
        }

        public static void The_address_is_the_one_that_the_server_tells()
        {
            using (var clinic = new Clinic())
            {
                clinic.Engine.Call(
                    "client.update", new { client_id = clinic.ClientId, allowed_networks = new[] { "192.0.2.0/24" } },
                    Clinic.Admin);
                HttpMessageInvoker api = Api(clinic, null);
                string token = clinic.Token();
                Check.Equal(HttpStatusCode.OK, Send(api, "/api/results", token, "192.0.2.7").StatusCode);
                Check.Equal(HttpStatusCode.Forbidden, Send(api, "/api/results", token, "203.0.113.7").StatusCode);
                Check.Equal(HttpStatusCode.Forbidden, Send(api, "/api/results", token, null).StatusCode);
                api = Api(clinic, request => Clinic.Caller);
                Check.Equal(HttpStatusCode.OK, Send(api, "/api/results", token, null).StatusCode);
            }
        }

        public static void Without_an_engine_nothing_is_allowed()
        {
            var api = new HttpMessageInvoker(new HttpServer(Configuration()));
            Check.Equal(HttpStatusCode.InternalServerError, Send(api, "/api/results", "x", "192.0.2.7").StatusCode);
        }

        public static void The_guard_is_told_of_refusals()
        {
            using (var clinic = new Clinic())
            {
                string told = null;
                var guard = new Guard(clinic.Engine)
                {
                    Refused = (request, refusal) => told = request.Path + " " + refusal.Status,
                };
                HttpMessageInvoker api = Api(clinic, null, guard);
                Check.Equal(HttpStatusCode.Forbidden, Send(api, "/api/orders", clinic.Token("lab:read"), "192.0.2.7").StatusCode);
                Check.Equal("/api/orders DeniedInsufficientScope", told);
            }
        }

        private static HttpMessageInvoker Api(
            Clinic clinic, Func<HttpRequestMessage, Context> contextOf, Guard guard = null)
        {
            HttpConfiguration configuration = Configuration();
            configuration.UseWardkey(guard ?? new Guard(clinic.Engine), contextOf);
            return new HttpMessageInvoker(new HttpServer(configuration));
        }

        private static HttpConfiguration Configuration()
        {
            var configuration = new HttpConfiguration();
            configuration.Routes.MapHttpRoute("api", "api/{controller}");
            return configuration;
        }

        private static HttpResponseMessage Send(HttpMessageInvoker api, string path, string token, string address)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "https://clinic.example" + path);
            if (token != null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }
            if (address != null)
            {
                // As Web API's self-host has it.
                request.Properties["System.ServiceModel.Channels.RemoteEndpointMessageProperty"] = new { Address = address };
            }
            return api.SendAsync(request, CancellationToken.None).Result;
        }
    }

    /// <summary>Read by whoever may read.</summary>
    public sealed class ResultsController : ApiController
    {
        /// <summary>Says who asks.</summary>
        [RequireScope("lab:read")]
        public string Get()
        {
            return Request.WardkeyCaller().ClientId;
        }
    }

    /// <summary>All of it needs one scope, and writing another as well.</summary>
    [RequireScope("lab:read")]
    public sealed class OrdersController : ApiController
    {
        /// <summary>Needs both.</summary>
        [RequireScope("lab:write")]
        public string Get()
        {
            return "ordered";
        }
    }

    /// <summary>For everybody, in a controller that is not.</summary>
    [RequireScope("lab:read")]
    public sealed class HealthController : ApiController
    {
        /// <summary>Open.</summary>
        [AllowAnonymous]
        public string Get()
        {
            return "well";
        }
    }
}
