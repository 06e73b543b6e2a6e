using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Wardkey.AspNetCore;

namespace Wardkey.Tests
{
    /// <summary>A program of ASP.NET Core that listens on a port of its own.</summary>
    internal class Server : IDisposable
    {
        internal readonly HttpClient Client;
        private readonly IWebHost host;

        internal Server(IWebHostBuilder program)
        {
            host = program.UseKestrel().UseUrls("http://127.0.0.1:0").Build();
            host.Start();
            string address = host.ServerFeatures.Get<IServerAddressesFeature>().Addresses.Single();
            Client = new HttpClient { BaseAddress = new Uri(address) };
        }

        internal T Service<T>()
        {
            return (T)host.Services.GetService(typeof(T));
        }

        internal string Token(string clientId, string secret, string scope, string basePath = "")
        {
            var form = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                { "grant_type", "client_credentials" }, { "scope", scope },
                { "client_id", clientId }, { "client_secret", secret },
            });
            HttpResponseMessage response = Client.PostAsync(basePath + "/oauth/token", form).Result;
            Check.Equal(HttpStatusCode.OK, response.StatusCode);
            return new Document(response.Content.ReadAsStringAsync().Result)["access_token"];
        }

        internal HttpResponseMessage Get(string path, string token = null)
        {
            // Not by the client's base address: //results would be a host.
            string authority = Client.BaseAddress.GetLeftPart(UriPartial.Authority);
            var request = new HttpRequestMessage(HttpMethod.Get, authority + path);
            if (token != null)
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }
            return Client.SendAsync(request).Result;
        }

        public virtual void Dispose()
        {
            Client.Dispose();
            host.Dispose();
        }
    }

    /// <summary>A clinic's, whose only page says who asks.</summary>
    internal sealed class ClinicServer : Server
    {
        internal readonly Clinic Clinic;

        internal ClinicServer(Action<IApplicationBuilder> before = null)
            : this(new Clinic(), before)
        {
        }

        private ClinicServer(Clinic clinic, Action<IApplicationBuilder> before)
            : base(new WebHostBuilder().Configure(app => Configure(app, clinic, before)))
        {
            Clinic = clinic;
        }

        internal string Token(string scope, string basePath = "")
        {
            return Token(Clinic.ClientId, Clinic.Secret, scope, basePath);
        }

        private static void Configure(IApplicationBuilder app, Clinic clinic, Action<IApplicationBuilder> before)
        {
            if (before != null)
            {
                before(app);
            }
            app.UseWardkey(
                clinic.Engine, guard => guard.Protect("/results", "lab:read").Protect("/orders", "lab:write"));
            app.Run(Say);
        }

        private static Task Say(HttpContext exchange)
        {
            Principal caller = exchange.WardkeyCaller();
            byte[] answer = Encoding.UTF8.GetBytes(caller == null ? "everybody" : string.Format(
                "caller {0} user {1} scope {2}.", caller.ClientId, exchange.User.Identity.Name,
                string.Join(" ", exchange.User.FindAll("scope").Select(claim => claim.Value))));
            return exchange.Response.Body.WriteAsync(answer, 0, answer.Length);
        }

        public override void Dispose()
        {
            base.Dispose();
            Clinic.Dispose();
        }
    }
}
