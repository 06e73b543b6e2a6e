using System;
using System.Collections.Generic;
using System.Security.Claims;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Wardkey.AspNetCore
{
    /// <summary>
    /// Protects an ASP.NET Core application: answers the OAuth endpoints, and every request without the scope that its
    /// path needs.
    /// </summary>
    public static class WardkeyMiddleware
    {
        /// <summary>Adds it to the pipeline. Call it before what it protects: before routing and static files.</summary>
        /// <param name="app">The application.</param>
        /// <param name="engine">It stays yours to dispose, when the application has stopped.</param>
        /// <param name="configure">Says what needs which scopes.</param>
        /// <param name="basePath">As of <see cref="Guard"/>.</param>
        /// <example>
        /// <code>app.UseWardkey(engine, guard => guard.Protect("/results", "lab:read"));</code>
        /// </example>
        public static IApplicationBuilder UseWardkey(
            this IApplicationBuilder app, Engine engine, Action<Guard> configure, string basePath = "")
        {
            if (app == null)
            {
                throw new ArgumentNullException("app");
            }
            if (configure == null)
            {
                throw new ArgumentNullException("configure");
            }
            var guard = new Guard(engine, basePath);
            configure(guard);
            return app.Use(next => exchange => Run(guard, next, exchange));
        }

        /// <summary>Whom the request's token speaks for; null where the path needs none.</summary>
        public static Principal WardkeyCaller(this HttpContext exchange)
        {
            object caller;
            exchange.Items.TryGetValue(CallerKey, out caller);
            return (Principal)caller;
        }

        /// <summary>The context of a request, for calls of your own.</summary>
        public static Context ContextOf(HttpContext exchange)
        {
            // Without one: a Unix socket, or a server within the process.
            System.Net.IPAddress remote = exchange.Connection.RemoteIpAddress;
            return Context.From(remote == null ? null : remote.ToString(), exchange.Request.IsHttps);
        }

        private static async Task Run(Guard guard, RequestDelegate next, HttpContext exchange)
        {
            Admission admission = await guard.AdmitAsync(
                RequestOf(exchange), exchange.Request.Body, ContextOf(exchange)).ConfigureAwait(false);
            if (admission.Response != null)
            {
                await Send(admission.Response, exchange).ConfigureAwait(false);
                return;
            }
            if (admission.Caller != null)
            {
                exchange.Items[CallerKey] = admission.Caller;
                exchange.User = new ClaimsPrincipal(
                    new ClaimsIdentity(ClaimsOf(admission), "Bearer", "sub", ClaimTypes.Role));
            }
            await next(exchange).ConfigureAwait(false);
        }

        private static OAuthRequest RequestOf(HttpContext exchange)
        {
            HttpRequest received = exchange.Request;
            var request = new OAuthRequest(received.Method, PathOf(exchange))
            {
                BasePath = received.PathBase.ToUriComponent(),
                // What the application's routes read, whatever rewrote it.
                RoutedPath = received.Path.HasValue ? received.Path.Value : "/",
                Query = received.QueryString.HasValue ? received.QueryString.Value.Substring(1) : null,
            };
            foreach (KeyValuePair<string, StringValues> header in received.Headers)
            {
                foreach (string value in header.Value)
                {
                    request.Headers.Add(header.Key, value);
                }
            }
            return request;
        }

        /// <summary>The path as the caller sent it.</summary>
        private static string PathOf(HttpContext exchange)
        {
            var received = exchange.Features.Get<IHttpRequestFeature>();
            string target = received == null ? null : received.RawTarget;
            // A whole URL, an asterisk, or a server that keeps none.
            return target != null && target.StartsWith("/")
                ? target.Split('?')[0]
                : (exchange.Request.PathBase + exchange.Request.Path).ToUriComponent();
        }

        private static IEnumerable<Claim> ClaimsOf(Admission admission)
        {
            yield return new Claim("sub", admission.Caller.Subject);
            yield return new Claim("client_id", admission.Caller.ClientId);
            yield return new Claim("jti", admission.Caller.TokenId);
            if (admission.Scopes != Engine.AnyScope)
            {
                foreach (string scope in admission.Scopes.Split(' '))
                {
                    yield return new Claim("scope", scope);
                }
            }
        }

        private static Task Send(OAuthResponse answer, HttpContext exchange)
        {
            HttpResponse response = exchange.Response;
            response.StatusCode = answer.Status;
            foreach (KeyValuePair<string, string> header in answer.Headers)
            {
                response.Headers.Append(header.Key, header.Value);
            }
            response.ContentLength = answer.Body.Length;
            return HttpMethods.IsHead(exchange.Request.Method) || answer.Body.Length == 0
                ? Task.FromResult(0)
                : response.Body.WriteAsync(answer.Body, 0, answer.Body.Length);
        }

        private const string CallerKey = "Wardkey.Principal";
    }
}
