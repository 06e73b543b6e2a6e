using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Net;
using System.Threading.Tasks;

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
            BodyDeadline = TimeSpan.FromSeconds(30);
        }

        /// <summary>
        /// How long a request's body may take to arrive, for the thread that calls <see cref="Admit"/> waits for it: 30
        /// seconds, unless you say otherwise. One that is later is answered with a 408, and its connection closed.
        /// </summary>
        public TimeSpan BodyDeadline { get; set; }

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
            // .NET itself would wait for what nobody has read, and for ever.
            if (Try(exchange, () => Arrives(exchange, request, Skip(exchange.Request.InputStream))))
            {
                Send(admission.Response, exchange);
            }
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
            OAuthRequest received = request = RequestOf(exchange.Request);
            Context seen = null;
            // Outside, for an engine that is disposed of is no caller that hung up.
            bool endpoint = guard.IsEndpoint(received);
            bool read = Try(exchange, () =>
            {
                seen = ContextOf(exchange.Request);
                return !endpoint || Arrives(exchange, received, ReadAll(received, exchange.Request.InputStream));
            });
            context = seen;
            return read;
        }

        private static async Task ReadAll(OAuthRequest request, Stream body)
        {
            await request.ReadBodyAsync(body).ConfigureAwait(false);
            await Skip(body).ConfigureAwait(false);
        }

        private static async Task Skip(Stream body)
        {
            var unwanted = new byte[4096];
            while (await body.ReadAsync(unwanted, 0, unwanted.Length).ConfigureAwait(false) > 0)
            {
            }
        }

        /// <summary>Whether the body arrives in time; if not, it is answered.</summary>
        private bool Arrives(HttpListenerContext exchange, OAuthRequest request, Task reading)
        {
            if (Task.WaitAny(new[] { reading }, BodyDeadline) == 0)
            {
                reading.GetAwaiter().GetResult();
                return true;
            }
            // Its end is that of the connection, which is nobody's concern.
            reading.ContinueWith(late =>
            {
                Exception unused = late.Exception;
                request.ClearBody();
            });
            exchange.Response.StatusCode = 408;
            exchange.Response.KeepAlive = false;
            exchange.Response.Close();
            exchange.Response.Abort();
            return false;
        }

        /// <summary>What the function says; false if the caller hung up.</summary>
        private static bool Try(HttpListenerContext exchange, Func<bool> read)
        {
            try
            {
                return read();
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
