using System;
using System.Collections.Generic;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder
{
    /// <summary>
    /// Of ASP.NET Core 6 and later, which is not at hand: README's Program.cs compiles against it. Nothing runs it.
    /// </summary>
    public abstract class WebApplication : IApplicationBuilder
    {
        public static WebApplicationBuilder CreateBuilder(string[] args)
        {
            throw new NotSupportedException();
        }

        public abstract IServiceProvider Services { get; }

        public abstract IServiceProvider ApplicationServices { get; set; }

        public abstract IFeatureCollection ServerFeatures { get; }

        public abstract IDictionary<string, object> Properties { get; }

        public abstract IApplicationBuilder Use(Func<RequestDelegate, RequestDelegate> middleware);

        public abstract IApplicationBuilder New();

        public abstract RequestDelegate Build();

        public abstract void MapGet(string pattern, Func<HttpContext, string> handler);

        public abstract void Run();
    }

    /// <summary>As <see cref="WebApplication"/>.</summary>
    public abstract class WebApplicationBuilder
    {
        public abstract IServiceCollection Services { get; }

        public abstract WebApplication Build();
    }
}
