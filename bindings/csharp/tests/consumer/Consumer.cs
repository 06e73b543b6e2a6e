using System;
using Wardkey;

/// <summary>A program that has the package and nothing else.</summary>
internal static class Consumer
{
    private static int Main(string[] arguments)
    {
        using (Engine engine = Engine.OpenOrCreate(arguments[0], "consumer"))
        {
            Document client = engine.Call(
                "client.create", new { client_name = "Consumer", scope = "lab:read" }, Context.By("consumer"));
            Context caller = Context.From("192.0.2.7", true);
            Document token = engine.Issue(
                client["client_id"], client["client_secret"].ToCharArray(), null, caller);
            engine.Verify(token["access_token"], "lab:read", caller);
            Console.WriteLine("wardkey {0} from {1}", WardkeyLibrary.Version, WardkeyLibrary.LoadedFrom);
            return 0;
        }
    }
}
