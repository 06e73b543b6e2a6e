using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Web.Http;
using System.Web.Http.Controllers;
using System.Web.Http.Filters;

namespace Wardkey.WebApi
{
    /// <summary>
    /// Lets an action of a Web API controller run only for requests whose token has these scopes. Several, on the
    /// controller and on the action, must all hold; [AllowAnonymous] lifts them.
    /// </summary>
    /// <example><code>[RequireScope("lab:read")] public string Get() { return "HbA1c 5.4 %"; }</code></example>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true, Inherited = true)]
    public sealed class RequireScopeAttribute : AuthorizationFilterAttribute
    {
        /// <summary>With the words that the token must have, parted by single spaces.</summary>
        public RequireScopeAttribute(string scopes)
        {
            if (string.IsNullOrEmpty(scopes))
            {
                throw new ArgumentException("Name the scopes, or say Engine.AnyScope.", "scopes");
            }
            Scopes = scopes;
        }

        /// <summary>The words.</summary>
        public string Scopes { get; private set; }

        /// <summary>Called by Web API before the action.</summary>
        public override void OnAuthorization(HttpActionContext actionContext)
        {
            if (IsAnonymous(actionContext))
            {
                return;
            }
            HttpRequestMessage request = actionContext.Request;
            HttpConfiguration configuration = actionContext.ControllerContext.Configuration;
            Principal caller;
            Refusal refusal;
            if (configuration.WardkeyEngine().TryAuthorize(
                HeadersOf(request), Scopes, configuration.WardkeyContextOf(request), out caller, out refusal))
            {
                request.Properties[CallerKey] = caller;
                return;
            }
            actionContext.Response = ResponseOf(refusal);
            actionContext.Response.RequestMessage = request;
        }

        private static bool IsAnonymous(HttpActionContext context)
        {
            return context.ActionDescriptor.GetCustomAttributes<AllowAnonymousAttribute>().Any()
                || context.ControllerContext.ControllerDescriptor
                    .GetCustomAttributes<AllowAnonymousAttribute>().Any();
        }

        private static HeaderList HeadersOf(HttpRequestMessage request)
        {
            var headers = new HeaderList();
            foreach (KeyValuePair<string, IEnumerable<string>> header in request.Headers)
            {
                foreach (string value in header.Value)
                {
                    headers.Add(header.Key, value);
                }
            }
            return headers;
        }

        private static HttpResponseMessage ResponseOf(Refusal refusal)
        {
            var response = new HttpResponseMessage((HttpStatusCode)refusal.HttpStatus);
            foreach (KeyValuePair<string, string> header in refusal.ToResponse().Headers)
            {
                response.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
            return response;
        }

        internal const string CallerKey = "Wardkey.Principal";
    }
}
