using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Net;

namespace Wardkey
{
    /// <summary>Protects a program that serves HTTP with System.Net.HttpListener.</summary>
    public sealed class ListenerGuard
    {
        private readonly Guard guard;

        /// <summary>For the rules of this guard.</summary>
        public ListenerGuard(Guard guard)
        {
            if (guard == null)
            {
                throw new ArgumentNullException("guard");
            }
            this.guard = guard;
        }

        /// <summary>
        /// Answers the request if it is for an OAuth endpoint, or not allowed. Otherwise leaves it to you.
        /// </summary>
        /// <param name="exchange">What HttpListener.GetContext returned.</param>
        /// <param name="caller">Who calls, where the path needs a scope; null where it needs none.</param>
        /// <returns>True: the request is yours to answer. False: it has been answered.</returns>
        public bool Admit(HttpListenerContext exchange, out Principal caller)
        {
            caller = null;
            OAuthRequest request;
            Context context;
            if (!TryRead(exchange, out request, out context))
            {
                return false;
            }
            Admission admission = guard.Admit(request, context);
            request.ClearBody();
            caller = admission.Caller;
            if (admission.Response == null)
            {
                return true;
            }
            Send(admission.Response, exchange);
            return false;
        }

        /// <summary>The context of a request, for calls of your own.</summary>
        public static Context ContextOf(HttpListenerRequest request)
        {
            return Context.From(AddressOf(request), request.IsSecureConnection);
        }

        private static string AddressOf(HttpListenerRequest request)
        {
            try
            {
                IPEndPoint remote = request.RemoteEndPoint;
                return remote == null ? null : remote.Address.ToString();
            }
            catch (NullReferenceException)
            {
                // What Mono has to say of a connection that is closed.
                throw new ObjectDisposedException("connection");
            }
        }

        private static OAuthRequest RequestOf(HttpListenerRequest received)
        {
            // RawUrl is what the client sent, Url what .NET read in it: of a whole URL in the request's line the path.
            string target = received.RawUrl.StartsWith("/") ? received.RawUrl : received.Url.PathAndQuery;
            string[] parts = target.Split(new[] { '?' }, 2);
            return new OAuthRequest(received.HttpMethod, parts[0])
            {
                RoutedPath = received.Url.AbsolutePath,
                Query = parts.Length > 1 ? parts[1] : null,
                Headers = new HeaderList(received.Headers),
            };
        }

        private bool TryRead(HttpListenerContext exchange, out OAuthRequest request, out Context context)
        {
            request = RequestOf(exchange.Request);
            context = null;
            // Outside, for an engine that is disposed of is no caller that hung up.
            bool endpoint = guard.IsEndpoint(request);
            try
            {
                context = ContextOf(exchange.Request);
                if (endpoint)
                {
                    request.ReadBodyAsync(exchange.Request.InputStream).GetAwaiter().GetResult();
                }
                return true;
            }
            catch (Exception exception)
            {
                if (!IsGone(exception))
                {
                    throw;
                }
                exchange.Response.Abort();
                return false;
            }
        }

        private static void Send(OAuthResponse answer, HttpListenerContext exchange)
        {
            try
            {
                HttpListenerResponse response = exchange.Response;
                response.StatusCode = answer.Status;
                SetHeaders(answer.Headers, response);
                response.ContentLength64 = answer.Body.Length;
                if (exchange.Request.HttpMethod != "HEAD")
                {
                    response.OutputStream.Write(answer.Body, 0, answer.Body.Length);
                }
                response.Close();
            }
            catch (Exception exception)
            {
                if (!IsGone(exception))
                {
                    throw;
                }
            }
        }

        private static void SetHeaders(HeaderList headers, HttpListenerResponse response)
        {
            var set = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (KeyValuePair<string, string> header in headers)
            {
                // AddHeader alone may set WWW-Authenticate, and replaces what is there.
                if (set.Add(header.Key))
                {
                    response.AddHeader(header.Key, header.Value);
                }
                else
                {
                    response.AppendHeader(header.Key, header.Value);
                }
            }
        }

        /// <summary>Whether the caller hung up: then nobody waits for an answer.</summary>
        private static bool IsGone(Exception exception)
        {
            // HttpListener's and a socket's are Win32Exceptions.
            return exception is Win32Exception || exception is IOException || exception is ObjectDisposedException;
        }
    }
}
