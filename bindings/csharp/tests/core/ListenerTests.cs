using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Wardkey.Tests
{
    internal static class ListenerTests
    {
        public static void A_listener_hands_out_tokens_and_lets_in_who_has_one()
        {
            using (var server = new Server())
            {
                HttpResponseMessage refused = server.Client.GetAsync("/api/results").Result;
                Check.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                Check.Contains("Bearer", refused.Headers.WwwAuthenticate.ToString());

                string token = server.Token();
                HttpResponseMessage allowed = server.Get("/api/results?day=1", token);
                Check.Equal(server.Clinic.ClientId, allowed.Content.ReadAsStringAsync().Result);
                Check.Equal(HttpStatusCode.OK, server.Client.GetAsync("/public").Result.StatusCode);
                Check.Equal(HttpStatusCode.Forbidden, server.Get("/orders", token).StatusCode);
            }
        }

        public static void A_listener_sends_the_pages_of_the_engine_as_they_are()
        {
            using (var server = new Server())
            {
                HttpResponseMessage metadata =
                    server.Client.GetAsync("/.well-known/oauth-authorization-server").Result;
                Check.Equal("application/json", metadata.Content.Headers.ContentType.MediaType);
                Check.Contains("token_endpoint", metadata.Content.ReadAsStringAsync().Result);
                var head = new HttpRequestMessage(HttpMethod.Head, "/.well-known/oauth-authorization-server");
                Check.That(server.Client.SendAsync(head).Result.StatusCode != 0, "an answer without a body");
                Check.Equal(HttpStatusCode.OK, server.Client.GetAsync("/oauth/of-the-program").Result.StatusCode);
            }
        }

        public static void A_listener_answers_a_body_that_is_too_long()
        {
            using (var server = new Server())
            {
                var content = new StringContent(new string('x', 3000000));
                Check.Equal(413, (int)server.Client.PostAsync("/oauth/token", content).Result.StatusCode);
            }
        }

        public static void A_whole_url_in_the_request_s_line_is_no_way_around()
        {
            using (var server = new Server())
            {
                Check.Contains(" 401 ", server.Raw(
                    "GET http://localhost:" + server.Port + "/api/results HTTP/1.1\r\nHost: localhost\r\n"
                    + "Connection: close\r\n\r\n"));
            }
        }

        public static void A_caller_that_hangs_up_within_its_body_harms_nobody()
        {
            using (var server = new Server())
            {
                server.Send(
                    "POST /oauth/token HTTP/1.1\r\nHost: localhost:" + server.Port + "\r\nContent-Length: 100\r\n\r\nhalf");
                Check.Equal(HttpStatusCode.OK, server.Client.GetAsync("/public").Result.StatusCode);
            }
        }

        /// <summary>A clinic's program that answers each request on its own thread, as long as it lives.</summary>
        private sealed class Server : IDisposable
        {
            internal readonly Clinic Clinic = new Clinic();
            internal readonly HttpClient Client;
            internal readonly int Port;
            private readonly HttpListener listener;
            private readonly ListenerGuard guard;
            private readonly CountdownEvent running = new CountdownEvent(1);

            internal Server()
            {
                guard = new ListenerGuard(new Guard(Clinic.Engine)
                    .Protect("/api", "lab:read").Protect("/orders", "lab:write"));
                listener = Listen(out Port);
                Client = new HttpClient { BaseAddress = new Uri("http://localhost:" + Port) };
                new Thread(Serve) { IsBackground = true }.Start();
            }

            internal string Token()
            {
                var form = new FormUrlEncodedContent(new Dictionary<string, string>
                {
                    { "grant_type", "client_credentials" }, { "scope", "lab:read" },
                    { "client_id", Clinic.ClientId }, { "client_secret", Clinic.Secret },
                });
                HttpResponseMessage response = Client.PostAsync("/oauth/token", form).Result;
                Check.Equal(HttpStatusCode.OK, response.StatusCode);
                return new Document(response.Content.ReadAsStringAsync().Result)["access_token"];
            }

            internal HttpResponseMessage Get(string path, string token)
            {
                var request = new HttpRequestMessage(HttpMethod.Get, path);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
                return Client.SendAsync(request).Result;
            }

            internal string Raw(string message)
            {
                using (TcpClient connection = Connect(message))
                {
                    return new StreamReader(connection.GetStream()).ReadToEnd();
                }
            }

            internal void Send(string message)
            {
                Connect(message).Close();
            }

            private TcpClient Connect(string message)
            {
                var connection = new TcpClient("localhost", Port);
                byte[] bytes = Encoding.ASCII.GetBytes(message);
                connection.GetStream().Write(bytes, 0, bytes.Length);
                return connection;
            }

            private void Serve()
            {
                while (true)
                {
                    HttpListenerContext exchange;
                    try
                    {
                        exchange = listener.GetContext();
                    }
                    catch (Exception)
                    {
                        // The listener was closed.
                        return;
                    }
                    if (running.TryAddCount())
                    {
                        ThreadPool.QueueUserWorkItem(unused => Answer(exchange));
                    }
                }
            }

            private void Answer(HttpListenerContext exchange)
            {
                try
                {
                    Principal caller;
                    if (guard.Admit(exchange, out caller))
                    {
                        byte[] body = Encoding.UTF8.GetBytes(caller == null ? "everybody" : caller.ClientId);
                        exchange.Response.OutputStream.Write(body, 0, body.Length);
                        exchange.Response.Close();
                    }
                }
                finally
                {
                    running.Signal();
                }
            }

            private static HttpListener Listen(out int port)
            {
                while (true)
                {
                    var probe = new TcpListener(IPAddress.Loopback, 0);
                    probe.Start();
                    port = ((IPEndPoint)probe.LocalEndpoint).Port;
                    probe.Stop();
                    var listener = new HttpListener();
                    listener.Prefixes.Add("http://localhost:" + port + "/");
                    try
                    {
                        listener.Start();
                        return listener;
                    }
                    catch (HttpListenerException)
                    {
                        // Another program took it in between.
                    }
                }
            }

            public void Dispose()
            {
                listener.Close();
                // The requests under way are the engine's to finish, before its folder goes.
                running.Signal();
                running.Wait();
                Client.Dispose();
                Clinic.Dispose();
            }
        }
    }
}
