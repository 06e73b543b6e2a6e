using System.Configuration;

namespace Wardkey.AspNet
{
    /// <summary>The element wardkey of web.config: the database, and which paths need which scopes.</summary>
    /// <example>
    /// <code><![CDATA[
    /// <wardkey database="~/App_Data/wardkey.db" create="true">
    ///   <protect><add path="~/api" scope="lab:read" /></protect>
    /// </wardkey>
    /// ]]></code>
    /// </example>
    public sealed class WardkeySection : ConfigurationSection
    {
        /// <summary>The database file; ~ is the application's folder. App_Data is never served.</summary>
        [ConfigurationProperty("database", IsRequired = true)]
        public string Database
        {
            get { return (string)this["database"]; }
        }

        /// <summary>
        /// Whether to make the database when there is none, in the name of "web.config". Once it exists, false is
        /// safer: a lost disk then shows as an error and not as an empty database.
        /// </summary>
        [ConfigurationProperty("create", DefaultValue = false)]
        public bool Create
        {
            get { return (bool)this["create"]; }
        }

        /// <summary>Where the OAuth endpoints lie, such as ~/auth; ~/ (the default) for ~/oauth/token.</summary>
        [ConfigurationProperty("basePath", DefaultValue = "~/")]
        public string BasePath
        {
            get { return (string)this["basePath"]; }
        }

        /// <summary>
        /// Of a database that is made, the issuer in its metadata and tokens, such as https://emr.clinic.example. Of one
        /// that is there, settings.set changes it.
        /// </summary>
        [ConfigurationProperty("issuer", DefaultValue = "")]
        public string Issuer
        {
            get { return (string)this["issuer"]; }
        }

        /// <summary>Of a database that is made, all its first settings, as JSON; the issuer is among them.</summary>
        [ConfigurationProperty("settings", DefaultValue = "")]
        public string Settings
        {
            get { return (string)this["settings"]; }
        }

        /// <summary>As <see cref="Guard.BehindTlsProxy"/>, which says what belongs to it.</summary>
        [ConfigurationProperty("behindTlsProxy", DefaultValue = false)]
        public bool BehindTlsProxy
        {
            get { return (bool)this["behindTlsProxy"]; }
        }

        /// <summary>Paths that need scopes; as <see cref="Guard.Protect"/>.</summary>
        [ConfigurationProperty("protect")]
        public PathCollection Protect
        {
            get { return (PathCollection)this["protect"]; }
        }

        internal object FirstSettings()
        {
            if (Settings == "")
            {
                return Issuer == "" ? null : new { issuer = Issuer };
            }
            if (Issuer != "")
            {
                throw new ConfigurationErrorsException(
                    "<wardkey> has both issuer and settings: say the issuer in settings.",
                    ElementInformation.Source, ElementInformation.LineNumber);
            }
            return Settings;
        }
    }

    /// <summary>The list of a <see cref="WardkeySection"/>.</summary>
    [ConfigurationCollection(typeof(PathElement))]
    public sealed class PathCollection : ConfigurationElementCollection
    {
        /// <summary>A new entry.</summary>
        protected override ConfigurationElement CreateNewElement()
        {
            return new PathElement();
        }

        /// <summary>Its path.</summary>
        protected override object GetElementKey(ConfigurationElement element)
        {
            return ((PathElement)element).Path;
        }
    }

    /// <summary>A path, and the scopes that it needs.</summary>
    public sealed class PathElement : ConfigurationElement
    {
        /// <summary>Where it begins; ~ is the application's root.</summary>
        [ConfigurationProperty("path", IsRequired = true, IsKey = true)]
        public string Path
        {
            get { return (string)this["path"]; }
        }

        /// <summary>The words, parted by single spaces; * for any valid token. Required.</summary>
        [ConfigurationProperty("scope", DefaultValue = "")]
        public string Scope
        {
            get { return (string)this["scope"]; }
        }

        /// <summary>Called when it is read: says what is missing.</summary>
        protected override void PostDeserialize()
        {
            base.PostDeserialize();
            if (Scope == "")
            {
                throw new ConfigurationErrorsException(
                    "<add path=\"" + Path + "\"> in <wardkey><protect> needs scope=\"lab:read\" or the like; scope=\"*\""
                    + " lets any valid token in.",
                    ElementInformation.Source, ElementInformation.LineNumber);
            }
        }
    }
}
