namespace Wardkey
{
    /// <summary>
    /// Who asks, from where, and how. What is null is unknown, and what is unknown never helps: a client with an
    /// address list is refused when <see cref="Peer"/> is null, and the OAuth endpoints refuse plain HTTP from another
    /// machine.
    /// </summary>
    public sealed class Context
    {
        /// <summary>Who administers, in your own words, such as anna@clinic. The audit keeps it.</summary>
        public string Actor { get; set; }

        /// <summary>The address at the other end of the connection, such as 192.0.2.7 or ::1; no port.</summary>
        public string Peer { get; set; }

        /// <summary>Whether the request came over TLS, to this program or to a proxy that it trusts.</summary>
        public bool Secure { get; set; }

        /// <summary>
        /// The request's Forwarded or X-Forwarded-For header. It counts only if <see cref="Peer"/> is one of the
        /// settings' trusted_proxies. Leave it null where the headers are handed over, which have it.
        /// </summary>
        public string Forwarded { get; set; }

        /// <summary>Your own id for the request; the audit keeps it.</summary>
        public string CorrelationId { get; set; }

        /// <summary>For administration: by whom.</summary>
        public static Context By(string actor)
        {
            return new Context { Actor = actor };
        }

        /// <summary>For a request: from which address, and whether over TLS.</summary>
        public static Context From(string peer, bool secure)
        {
            return new Context { Peer = peer, Secure = secure };
        }

        internal Context OverTls()
        {
            var copy = (Context)MemberwiseClone();
            copy.Secure = true;
            return copy;
        }
    }
}
