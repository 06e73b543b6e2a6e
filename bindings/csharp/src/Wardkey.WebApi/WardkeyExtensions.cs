using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Reflection;
using System.Web;
using System.Web.Http;

namespace Wardkey.WebApi
{
    /// <summary>Brings the engine to Web API, and the caller to its controllers.</summary>
    public static class WardkeyExtensions
    {
        /// <summary>Says whom <see cref="RequireScopeAttribute"/> asks. Call it once, at start.</summary>
        /// <param name="configuration">Of the application.</param>
        /// <param name="guard">
        /// With its <see cref="Guard.BehindTlsProxy"/> and <see cref="Guard.Refused"/>; its paths do not count here.
        /// Such as WardkeyModule.Guard, or a new one.
        /// </param>
        /// <param name="contextOf">
        /// Makes the context of a request, if your server is none of IIS, self-host and OWIN; null for
        /// <see cref="ContextOf"/>.
        /// </param>
        public static void UseWardkey(
            this HttpConfiguration configuration, Guard guard, Func<HttpRequestMessage, Context> contextOf = null)
        {
            if (guard == null)
            {
                throw new ArgumentNullException("guard");
            }
            configuration.Properties[GuardKey] = guard;
            configuration.Properties[ContextKey] = contextOf ?? ContextOf;
        }

        /// <summary>Whom the request's token speaks for; null without <see cref="RequireScopeAttribute"/>.</summary>
        public static Principal WardkeyCaller(this HttpRequestMessage request)
        {
            object caller;
            request.Properties.TryGetValue(RequireScopeAttribute.CallerKey, out caller);
            return (Principal)caller;
        }

        /// <summary>
        /// The context of a request: its address as IIS, self-host or OWIN tell it. With another server the address is
        /// unknown, and so clients with an address list are refused.
        /// </summary>
        public static Context ContextOf(HttpRequestMessage request)
        {
            string address = null;
            object found;
            if (request.Properties.TryGetValue("MS_HttpContext", out found))
            {
                address = ((HttpContextBase)found).Request.UserHostAddress;
            }
            else if (request.Properties.TryGetValue(SelfHost, out found))
            {
                // Read by name, so that no program needs System.ServiceModel for it.
                address = (string)Member(found, "Address");
            }
            else if (request.Properties.TryGetValue("MS_OwinContext", out found))
            {
                object value;
                var environment = (IDictionary<string, object>)Member(found, "Environment");
                environment.TryGetValue("server.RemoteIpAddress", out value);
                address = (string)value;
            }
            return Context.From(address, request.RequestUri.Scheme == Uri.UriSchemeHttps);
        }

        internal static Guard WardkeyGuard(this HttpConfiguration configuration)
        {
            object guard;
            if (!configuration.Properties.TryGetValue(GuardKey, out guard))
            {
                throw new InvalidOperationException(
                    "[RequireScope] has nobody to ask: call configuration.UseWardkey(guard) at start.");
            }
            return (Guard)guard;
        }

        internal static Context WardkeyContextOf(this HttpConfiguration configuration, HttpRequestMessage request)
        {
            return ((Func<HttpRequestMessage, Context>)configuration.Properties[ContextKey])(request);
        }

        private static object Member(object owner, string name)
        {
            PropertyInfo property = owner.GetType().GetProperty(name);
            return property == null ? null : property.GetValue(owner, null);
        }

        private const string GuardKey = "Wardkey.Guard";
        private const string ContextKey = "Wardkey.ContextOf";
        private const string SelfHost = "System.ServiceModel.Channels.RemoteEndpointMessageProperty";
    }
}
