using System;

namespace System.Web.Http
{
    /// <summary>Of Web API 2, which Mono has not: README's examples compile against it.</summary>
    public static class GlobalConfiguration
    {
        /// <summary>Configures the application.</summary>
        public static void Configure(Action<HttpConfiguration> register)
        {
            register(new HttpConfiguration());
        }
    }
}
