using System;
using System.Collections.Generic;
using System.Net;
using System.Text;
using System.Threading;
using Wardkey;

/// <summary>
/// A clinic's program with Wardkey inside: its own API, the OAuth endpoints, its own staff at the login page, and a
/// console for the administrator.
/// </summary>
/// <remarks>
/// <code>
/// mono Emr.exe clinic.db 8080
/// listening on http://localhost:8080/
/// client.create {"client_name":"Lab Interface","scope":"lab:read"}
/// {"client_id":"..","client_secret":"..",..}
/// </code>
/// </remarks>
internal static class Emr
{
    private static void Main(string[] arguments)
    {
        string database = arguments.Length > 0 ? arguments[0] : "clinic.db";
        string port = arguments.Length > 1 ? arguments[1] : "8080";
        var options = new EngineOptions(database)
        {
            Actor = "setup",
            CheckUser = CheckStaff,
            Log = (status, message) => Console.Error.WriteLine("{0}: {1}", status, message),
        };
        using (Engine engine = Engine.OpenOrCreate(options))
        using (var listener = new HttpListener())
        {
            listener.Prefixes.Add("http://localhost:" + port + "/");
            listener.Start();
            Console.WriteLine("listening on http://localhost:{0}/", port);
            new Thread(() => Serve(listener, engine)) { IsBackground = true }.Start();
            Administer(engine);
        }
    }

    /// <summary>Answers requests until the listener is closed; each on a thread of the pool.</summary>
    private static void Serve(HttpListener listener, Engine engine)
    {
        var guard = new ListenerGuard(new Guard(engine)
            .Protect("/api/results", "lab:read")
            .Protect("/api/orders", "lab:write"));
        while (true)
        {
            HttpListenerContext exchange;
            try
            {
                exchange = listener.GetContext();
            }
            catch (HttpListenerException)
            {
                // The listener was closed, and so in the next lines.
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (InvalidOperationException)
            {
                return;
            }
            ThreadPool.QueueUserWorkItem(unused => Answer(guard, exchange));
        }
    }

    private static void Answer(ListenerGuard guard, HttpListenerContext exchange)
    {
        try
        {
            Principal caller;
            if (!guard.Admit(exchange, out caller))
            {
                return;
            }
            string json;
            if (caller == null)
            {
                exchange.Response.StatusCode = 404;
                json = Document.Print(new { error = "there is nothing here" });
            }
            else
            {
                // The caller is known from here on: filter what they may see by it.
                json = Document.Print(new { @for = caller.Subject, results = new[] { new { name = "HbA1c", value = "5.4 %" } } });
            }
            exchange.Response.ContentType = "application/json";
            exchange.Response.Close(Encoding.UTF8.GetBytes(json), false);
        }
        catch (Exception exception)
        {
            // What could not be decided is not allowed.
            Console.Error.WriteLine(exception.Message);
            exchange.Response.Abort();
        }
    }

    /// <summary>The clinic's own staff; here a table of one, in a program a query to its user table.</summary>
    private static UserVerdict CheckStaff(UserLogin login)
    {
        string password;
        bool known = Passwords.TryGetValue(login.Username, out password);
        // As slow for a name that nobody has: the time tells nobody which names there are.
        bool right = IsEqual(login.Password, known ? password : "nobody's password");
        return known && right ? UserVerdict.Approve("staff-" + login.Username, "lab:read lab:write") : UserVerdict.Refuse;
    }

    private static bool IsEqual(char[] typed, string stored)
    {
        int different = typed.Length ^ stored.Length;
        for (int i = 0; i < typed.Length; i++)
        {
            different |= typed[i] ^ stored[i % stored.Length];
        }
        return different == 0;
    }

    /// <summary>Each line is an operation of docs/operations.md and its document.</summary>
    private static void Administer(Engine engine)
    {
        string line;
        while ((line = Console.ReadLine()) != null)
        {
            string[] words = line.Trim().Split(new[] { ' ' }, 2);
            try
            {
                Console.WriteLine(engine.Call(words[0], words.Length > 1 ? words[1] : "{}", Context.By("console")));
            }
            catch (WardkeyException exception)
            {
                Console.WriteLine("{0}: {1}", exception.Name, exception.Message);
            }
        }
    }

    // A real table has slow hashes instead, of PBKDF2 for one.
    private static readonly Dictionary<string, string> Passwords =
        new Dictionary<string, string> { { "eva", "correct horse battery staple" } };
}
