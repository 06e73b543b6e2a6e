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
            Admission admission = configuration.WardkeyGuard().Demand(
                RequestOf(request), Scopes, configuration.WardkeyContextOf(request));
            if (admission.Response == null)
            {
                request.Properties[CallerKey] = admission.Caller;
                return;
            }
            actionContext.Response = ResponseOf(admission.Response);
            actionContext.Response.RequestMessage = request;
        }

        private static bool IsAnonymous(HttpActionContext context)
        {
            return context.ActionDescriptor.GetCustomAttributes<AllowAnonymousAttribute>().Any()
                || context.ControllerContext.ControllerDescriptor
                    .GetCustomAttributes<AllowAnonymousAttribute>().Any();
        }

        private static OAuthRequest RequestOf(HttpRequestMessage received)
        {
            var request = new OAuthRequest(received.Method.Method, received.RequestUri.AbsolutePath);
            foreach (KeyValuePair<string, IEnumerable<string>> header in received.Headers)
            {
                foreach (string value in header.Value)
                {
                    request.Headers.Add(header.Key, value);
                }
            }
            return request;
        }

        private static HttpResponseMessage ResponseOf(OAuthResponse answer)
        {
            var response = new HttpResponseMessage((HttpStatusCode)answer.Status);
            foreach (KeyValuePair<string, string> header in answer.Headers)
            {
                response.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }
            return response;
        }

        internal const string CallerKey = "Wardkey.Principal";
    }
}
