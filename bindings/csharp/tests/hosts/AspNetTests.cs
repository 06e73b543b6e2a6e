using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Web;
using System.Web.Hosting;
using Wardkey.AspNet;

namespace Wardkey.Tests
{
    /// <summary>The module in System.Web itself, in an application with a web.config.</summary>
    internal static class AspNetTests
    {
        public static void The_module_protects_what_web_config_names()
        {
            InApplication(application =>
            {
                string[] client = application.Register();
                string answer = application.Send(
                    "POST", "/oauth/token", "", "Content-Type: application/x-www-form-urlencoded",
                    "grant_type=client_credentials&scope=lab:read&client_id=" + client[0] + "&client_secret=" + client[1]);
                Check.Contains("status 200", answer);
                Check.Contains("Cache-Control: no-store", answer);
                string token = "Authorization: Bearer " + new Document(answer.Split('\n').Last())["access_token"];

                string refused = application.Send("GET", "/api/results", "", "", "");
                Check.Contains("status 401", refused);
                Check.Contains("WWW-Authenticate: Bearer", refused);
                Check.Contains("status 401", application.Send("GET", "/API/results", "", "", ""));
                Check.Contains("status 403", application.Send("GET", "/api/orders/7", "", token, ""));
                Check.Contains("status 200", application.Send("GET", "/", "", "", ""));
                string allowed = application.Send("GET", "/api/results", "day=1", token, "");
                Check.Contains("status 200", allowed);
                Check.Contains("caller " + client[0] + " user " + client[0], allowed);
            }, () => { });
        }

        public static void The_module_that_web_config_names_is_there_and_judges_once()
        {
            InApplication(application =>
            {
                Check.Contains("Wardkey,", application.Modules());
                Check.Contains("everybody", application.Send("GET", "/", "", "", ""));
                application.CountRefusals();
                Check.Contains("status 401", application.Send("GET", "/api/results", "", "", ""));
                Check.Equal("/api/results", application.Refused());
            }, () => { });
        }

        public static void Without_a_line_in_web_config_the_module_is_there_all_the_same()
        {
            Func<string, string> forget = printed => Regex.Replace(printed, "<add name=.*?/>", "");
            InApplication(application =>
            {
                Check.Contains("status 401", application.Send("GET", "/api/results", "", "", ""));
                Check.Contains("everybody", application.Send("GET", "/", "", "", ""));
                Check.That(!application.Modules().Contains("Wardkey,"), application.Modules());
            }, () => { }, forget);
        }

        public static void Without_the_element_wardkey_nothing_is_answered()
        {
            InApplication(application =>
            {
                string answer = application.Send("GET", "/", "", "", "");
                Check.Contains("status 500", answer);
                Check.Contains("web.config has no element wardkey", answer);
            }, () => { }, printed => Regex.Replace(printed, "<wardkey .*</wardkey>", "", RegexOptions.Singleline));
        }

        public static void A_path_without_a_scope_is_an_error_that_says_what_to_write()
        {
            InApplication(application =>
            {
                string answer = application.Send("GET", "/", "", "", "");
                Check.Contains("status 500", answer);
                Check.Contains("web.config", answer);
                Check.Contains("scope=&quot;*&quot;", answer);
            }, () => { }, printed => printed.Replace(" scope=\"lab:write\"", ""));
        }

        public static void The_first_settings_come_from_web_config()
        {
            InApplication(application =>
                Check.Contains("https://emr.clinic.example", application.Send(
                    "GET", "/.well-known/oauth-authorization-server", "", "", "")), () => { });
            InApplication(
                application => Check.Contains("has both issuer and settings", application.Send("GET", "/", "", "", "")),
                () => { }, printed => printed.Replace("create=", "settings='{\"clinic_name\":\"X\"}' create="));
        }

        public static void Options_that_come_too_late_are_an_error()
        {
            InApplication(application =>
            {
                application.Send("GET", "/", "", "", "");
                Check.Contains(
                    "first in Application_Start", Check.Throws<InvalidOperationException>(application.Configure).Message);
            }, () => { });
        }

        public static void The_application_s_domain_is_unloaded_with_the_engine_open()
        {
            string database = null;
            InApplication(application =>
            {
                application.Register();
                database = application.Database();
            }, () =>
            {
                using (Engine engine = Engine.Open(database))
                {
                    Check.Equal(1, engine.Call("client.list", null, Context.By("auditor")).List("clients").Count);
                }
            });
        }

        private static void InApplication(
            Action<Application> test, Action afterwards, Func<string, string> change = null)
        {
            string folder = Path.Combine(Path.GetTempPath(), "Anwendung " + Guid.NewGuid().ToString("N"));
            LayOut(folder, change ?? (printed => printed));
            var application = (Application)ApplicationHost.CreateApplicationHost(typeof(Application), "/", folder);
            try
            {
                test(application);
                AppDomain.Unload(application.Domain());
                afterwards();
            }
            finally
            {
                Directory.Delete(folder, true);
            }
        }

        private static void LayOut(string folder, Func<string, string> change)
        {
            string own = AppDomain.CurrentDomain.BaseDirectory;
            string native = Path.Combine("runtimes", "linux-x64", "native");
            Directory.CreateDirectory(Path.Combine(folder, "App_Data"));
            Directory.CreateDirectory(Path.Combine(folder, "bin", native));
            File.WriteAllText(Path.Combine(folder, "web.config"), Configuration(change));
            foreach (string file in new[]
            {
                "Wardkey.dll", "Wardkey.AspNet.dll", "Wardkey.WebApi.dll", "Wardkey.HostTests.exe",
                Path.Combine(native, "libwardkey.so.1"),
            })
            {
                File.Copy(Path.Combine(own, file), Path.Combine(folder, "bin", file));
            }
        }

        /// <summary>README's web.config, its lines for the module too, with what the tests' own page needs.</summary>
        private static string Configuration(Func<string, string> change)
        {
            string binding = Path.Combine(Runner.Repository, "bindings", "csharp");
            string readme = File.ReadAllText(Path.Combine(binding, "README.md"));
            string printed = Regex.Match(readme, "```xml\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
            Check.Contains("App_Data/wardkey.db", printed);
            Check.Contains("<system.web>", printed);
            string own = File.ReadAllText(Path.Combine(binding, "tests", "hosts", "system.web"));
            return "<configuration>\n" + change(printed).Replace("wardkey.db", "Größe.db")
                .Replace("<system.web>", "<system.web>\n" + own) + "</configuration>\n";
        }
    }

    /// <summary>The application's side: it lives in the domain that System.Web made.</summary>
    public sealed class Application : MarshalByRefObject
    {
        private readonly List<string> refused = new List<string>();

        /// <summary>Its domain.</summary>
        public AppDomain Domain()
        {
            return AppDomain.CurrentDomain;
        }

        /// <summary>The names of the modules that it has, each followed by a comma.</summary>
        public string Modules()
        {
            Send("GET", "/", "", "", "");
            return Page.Modules;
        }

        /// <summary>Sets the options, which may be too late.</summary>
        public void Configure()
        {
            WardkeyModule.Configure = options => { };
        }

        /// <summary>Counts from here on.</summary>
        public void CountRefusals()
        {
            WardkeyModule.Guard.Refused = (request, refusal) => refused.Add(request.Path);
        }

        /// <summary>The paths that were refused.</summary>
        public string Refused()
        {
            return string.Join(" ", refused);
        }

        /// <summary>Its database.</summary>
        public string Database()
        {
            return Path.Combine(HttpRuntime.AppDomainAppPath, "App_Data", "Größe.db");
        }

        /// <summary>A client's id and secret.</summary>
        public string[] Register()
        {
            Send("GET", "/", "", "", "");
            Document client = WardkeyModule.Engine.Call(
                "client.create", new { client_name = "Lab", scope = "lab:read lab:write" }, Context.By("setup"));
            return new[] { client["client_id"], client["client_secret"] };
        }

        /// <summary>Sends a request through System.Web; the answer is its status, its headers and, last, its body.</summary>
        public string Send(string method, string path, string query, string header, string body)
        {
            var request = new Request(method, path, query, header, Encoding.UTF8.GetBytes(body));
            HttpRuntime.ProcessRequest(request);
            return request.Answer();
        }

        public override object InitializeLifetimeService()
        {
            return null;
        }

        /// <summary>A request as a web server hands it over.</summary>
        private sealed class Request : SimpleWorkerRequest
        {
            private readonly string method;
            private readonly string target;
            private readonly string[] header;
            private readonly byte[] body;
            private readonly StringBuilder head = new StringBuilder();
            private readonly MemoryStream sent = new MemoryStream();

            internal Request(string method, string path, string query, string header, byte[] body)
                : base(path.TrimStart('/'), query, new StringWriter())
            {
                this.method = method;
                target = path + (query == "" ? "" : "?" + query);
                this.header = header.Split(new[] { ": " }, StringSplitOptions.None);
                this.body = body;
            }

            internal string Answer()
            {
                return head + Encoding.UTF8.GetString(sent.ToArray());
            }

            public override string GetHttpVerbName()
            {
                return method;
            }

            public override string GetRawUrl()
            {
                return target;
            }

            public override string GetRemoteAddress()
            {
                return "192.0.2.7";
            }

            public override bool IsSecure()
            {
                return true;
            }

            public override string GetKnownRequestHeader(int index)
            {
                if (index == HeaderContentLength)
                {
                    return body.Length.ToString();
                }
                return header.Length == 2 && GetKnownRequestHeaderIndex(header[0]) == index ? header[1] : null;
            }

            public override byte[] GetPreloadedEntityBody()
            {
                return body;
            }

            public override bool IsEntireEntityBodyIsPreloaded()
            {
                return true;
            }

            public override void SendStatus(int statusCode, string statusDescription)
            {
                head.Append("status ").Append(statusCode).Append('\n');
            }

            public override void SendKnownResponseHeader(int index, string value)
            {
                head.Append(GetKnownResponseHeaderName(index)).Append(": ").Append(value).Append('\n');
            }

            public override void SendUnknownResponseHeader(string name, string value)
            {
                head.Append(name).Append(": ").Append(value).Append('\n');
            }

            public override void SendResponseFromMemory(byte[] data, int length)
            {
                sent.Write(data, 0, length);
            }
        }
    }

    /// <summary>The application's own code: it says who was let in.</summary>
    public sealed class Page : IHttpHandler
    {
        /// <summary>Those of the application that answered last.</summary>
        internal static string Modules { get; private set; }

        /// <summary>One serves all.</summary>
        public bool IsReusable
        {
            get { return true; }
        }

        /// <summary>Answers.</summary>
        public void ProcessRequest(HttpContext context)
        {
            Modules = string.Concat(context.ApplicationInstance.Modules.AllKeys.Select(name => name + ","));
            Principal caller = WardkeyModule.CallerOf(context);
            context.Response.Write(caller == null
                ? "everybody" : "caller " + caller.ClientId + " user " + context.User.Identity.Name);
        }
    }
}
