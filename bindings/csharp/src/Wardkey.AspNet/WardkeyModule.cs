using System;
using System.Collections.Generic;
using System.Configuration;
using System.Security.Principal;
using System.Web;
using System.Web.Hosting;

[assembly: PreApplicationStartMethod(typeof(Wardkey.AspNet.WardkeyModule), "Register")]

namespace Wardkey.AspNet
{
    /// <summary>
    /// Protects an ASP.NET application by what the element wardkey of its web.config says: answers the OAuth
    /// endpoints, and every request without the scope that its path needs. The engine is opened by the first request
    /// and closed before the application's domain is unloaded.
    /// </summary>
    /// <remarks>
    /// An application that has this assembly in its bin has the module, whether web.config names it or not: a line that
    /// was forgotten would leave all paths open. Without an element wardkey no request is answered.
    /// </remarks>
    public sealed class WardkeyModule : IHttpModule
    {
        private static readonly object Opening = new object();
        private static volatile Guard guard;
        private static Action<EngineOptions> configure;

        /// <summary>
        /// Changes the options before the engine is opened: a key of your own, users of your own. Set it first in
        /// Application_Start: what asks for <see cref="Guard"/> or <see cref="Engine"/> opens it.
        /// </summary>
        /// <exception cref="InvalidOperationException">It is set after the engine was opened.</exception>
        public static Action<EngineOptions> Configure
        {
            get
            {
                return configure;
            }

            set
            {
                lock (Opening)
                {
                    if (guard != null)
                    {
                        throw new InvalidOperationException(
                            "The engine is open already: set WardkeyModule.Configure first in Application_Start.");
                    }
                    configure = value;
                }
            }
        }

        /// <summary>The application's engine, for administration and for checks of your own.</summary>
        public static Engine Engine
        {
            get { return Guard.Engine; }
        }

        /// <summary>What decides over requests, by web.config; opened when first asked for.</summary>
        public static Guard Guard
        {
            get
            {
                if (guard == null)
                {
                    lock (Opening)
                    {
                        guard = guard ?? Open();
                    }
                }
                return guard;
            }
        }

        /// <summary>Called by ASP.NET before the application starts: adds the module to it.</summary>
        public static void Register()
        {
            HttpApplication.RegisterModule(typeof(WardkeyModule));
        }

        /// <summary>Whom the request's token speaks for; null where the path needs none.</summary>
        public static Principal CallerOf(HttpContext context)
        {
            return (Principal)context.Items[CallerKey];
        }

        /// <summary>The context of a request, for calls of your own.</summary>
        public static Context ContextOf(HttpRequestBase request)
        {
            Context context = Context.From(request.UserHostAddress, request.IsSecureConnection);
            context.Secure |= Guard.BehindTlsProxy;
            return context;
        }

        /// <summary>Called by ASP.NET for each of its HttpApplication objects.</summary>
        public void Init(HttpApplication application)
        {
            // The first event of a request that may answer it, before anything of the application runs.
            application.AuthenticateRequest += (sender, arguments) => Admit(application);
        }

        /// <summary>Does nothing: other HttpApplication objects share the engine.</summary>
        public void Dispose()
        {
        }

        private static void Admit(HttpApplication application)
        {
            var exchange = new HttpContextWrapper(application.Context);
            // The module that web.config names and the one that Register added are two.
            if (exchange.Items.Contains(JudgedKey))
            {
                return;
            }
            exchange.Items[JudgedKey] = true;
            OAuthRequest request = RequestOf(exchange.Request);
            if (Guard.IsEndpoint(request))
            {
                request.ReadBodyAsync(exchange.Request.InputStream).GetAwaiter().GetResult();
            }
            Admission admission = Guard.Admit(request, ContextOf(exchange.Request));
            request.ClearBody();
            if (admission.Response != null)
            {
                Send(admission.Response, exchange.Response);
                application.CompleteRequest();
            }
            else if (admission.Caller != null)
            {
                exchange.Items[CallerKey] = admission.Caller;
                exchange.User = new GenericPrincipal(
                    new GenericIdentity(admission.Caller.Subject, "Bearer"), new string[0]);
            }
        }

        private static OAuthRequest RequestOf(HttpRequestBase received)
        {
            string[] target = received.RawUrl.Split(new[] { '?' }, 2);
            return new OAuthRequest(received.HttpMethod, target[0])
            {
                // What the application's routes read: a rewritten path is another than the raw one.
                RoutedPath = received.Path,
                Query = target.Length > 1 ? target[1] : null,
                Headers = new HeaderList(received.Headers),
            };
        }

        private static void Send(OAuthResponse answer, HttpResponseBase response)
        {
            response.Clear();
            response.StatusCode = answer.Status;
            // Neither IIS' pages for errors nor a redirect to a login form stands for what the engine says.
            response.TrySkipIisCustomErrors = true;
            response.SuppressFormsAuthenticationRedirect = true;
            foreach (KeyValuePair<string, string> header in answer.Headers)
            {
                response.AppendHeader(header.Key, header.Value);
            }
            // Mono refuses to write nothing.
            if (answer.Body.Length > 0)
            {
                response.BinaryWrite(answer.Body);
            }
        }

        private static Guard Open()
        {
            var section = (WardkeySection)ConfigurationManager.GetSection("wardkey");
            if (section == null)
            {
                throw new ConfigurationErrorsException("web.config has no element wardkey.");
            }
            var options = new EngineOptions(HostingEnvironment.MapPath(section.Database))
            {
                Actor = "web.config",
                Settings = section.FirstSettings(),
            };
            if (configure != null)
            {
                configure(options);
            }
            Engine engine = section.Create ? Engine.OpenOrCreate(options) : Engine.Open(options);
            var made = new Guard(engine, Rooted(section.BasePath)) { BehindTlsProxy = section.BehindTlsProxy };
            foreach (PathElement path in section.Protect)
            {
                made.Protect(Rooted(path.Path), path.Scope == "*" ? Engine.AnyScope : path.Scope);
            }
            return made;
        }

        private static string Rooted(string path)
        {
            return VirtualPathUtility.ToAbsolute(path);
        }

        private const string JudgedKey = "Wardkey.Judged";
        private const string CallerKey = "Wardkey.Principal";
    }
}
