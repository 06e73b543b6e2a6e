using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Wardkey
{
    using AppFunc = Func<IDictionary<string, object>, Task>;

    /// <summary>
    /// Protects a program behind OWIN, such as Katana's self-hosts on .NET Framework:
    /// `app.Use(OwinGuard.Middleware(guard))`.
    /// </summary>
    public static class OwinGuard
    {
        /// <summary>The key of the environment under which the <see cref="Principal"/> of the caller is.</summary>
        public const string CallerKey = "wardkey.Principal";

        /// <summary>Middleware that answers the OAuth endpoints and what is not allowed, and passes on the rest.</summary>
        public static Func<AppFunc, AppFunc> Middleware(Guard guard)
        {
            if (guard == null)
            {
                throw new ArgumentNullException("guard");
            }
            return next => environment => Run(guard, next, environment);
        }

        private static async Task Run(Guard guard, AppFunc next, IDictionary<string, object> environment)
        {
            OAuthRequest request = RequestOf(environment);
            // Never from a client: a server that keeps its environment might carry one along.
            environment.Remove(CallerKey);
            Admission admission = await guard.AdmitAsync(
                request, (Stream)environment["owin.RequestBody"], ContextOf(environment)).ConfigureAwait(false);
            if (admission.Response != null)
            {
                await Send(admission.Response, request, environment).ConfigureAwait(false);
                return;
            }
            if (admission.Caller != null)
            {
                environment[CallerKey] = admission.Caller;
            }
            await next(environment).ConfigureAwait(false);
        }

        /// <summary>The context of a request, for calls of your own.</summary>
        public static Context ContextOf(IDictionary<string, object> environment)
        {
            string scheme = Text(environment, "owin.RequestScheme");
            return Context.From(
                Text(environment, "server.RemoteIpAddress"),
                string.Equals(scheme, "https", StringComparison.OrdinalIgnoreCase));
        }

        private static OAuthRequest RequestOf(IDictionary<string, object> environment)
        {
            string basePath = Text(environment, "owin.RequestPathBase");
            string path = Text(environment, "owin.RequestPath");
            var request = new OAuthRequest(Text(environment, "owin.RequestMethod"), basePath + path)
            {
                BasePath = basePath,
                RoutedPath = path,
                Query = Text(environment, "owin.RequestQueryString"),
            };
            foreach (KeyValuePair<string, string[]> header in Headers(environment, "owin.RequestHeaders"))
            {
                foreach (string value in header.Value)
                {
                    request.Headers.Add(header.Key, value);
                }
            }
            return request;
        }

        private static Task Send(OAuthResponse response, OAuthRequest request, IDictionary<string, object> environment)
        {
            environment["owin.ResponseStatusCode"] = response.Status;
            IDictionary<string, string[]> headers = Headers(environment, "owin.ResponseHeaders");
            foreach (KeyValuePair<string, string> header in response.Headers)
            {
                string[] before;
                headers.TryGetValue(header.Key, out before);
                var values = new List<string>(before ?? new string[0]) { header.Value };
                headers[header.Key] = values.ToArray();
            }
            headers["Content-Length"] = new[] { response.Body.Length.ToString() };
            return request.Method == "HEAD" || response.Body.Length == 0
                ? Task.FromResult(0)
                : ((Stream)environment["owin.ResponseBody"]).WriteAsync(response.Body, 0, response.Body.Length);
        }

        private static IDictionary<string, string[]> Headers(IDictionary<string, object> environment, string key)
        {
            return (IDictionary<string, string[]>)environment[key];
        }

        private static string Text(IDictionary<string, object> environment, string key)
        {
            object value;
            return environment.TryGetValue(key, out value) ? value as string : null;
        }
    }
}
