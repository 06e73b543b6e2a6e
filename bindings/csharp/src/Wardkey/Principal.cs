using System;
using Wardkey.Native;

namespace Wardkey
{
    /// <summary>Whom a valid token speaks for.</summary>
    [Serializable]
    public sealed class Principal
    {
        internal unsafe Principal(wardkey_principal* native)
        {
            ClientId = Utf8.Read(native->client_id, (UIntPtr)native->client_id_len);
            Subject = Utf8.Read(native->subject, (UIntPtr)native->subject_len);
            TokenId = Utf8.Read(native->token_id, (UIntPtr)native->token_id_len);
            IsUser = native->kind == Constants.WARDKEY_KIND_USER;
            IsOpaque = native->token_format == Constants.WARDKEY_TOKEN_OPAQUE;
            IssuedAt = Times.OfSeconds(native->issued_at);
            ExpiresAt = Times.OfSeconds(native->expires_at);
        }

        /// <summary>The client (the program) that the token was given to.</summary>
        public string ClientId { get; private set; }

        /// <summary>Whom it speaks for: the client itself, or a user, whose id begins with usr_.</summary>
        public string Subject { get; private set; }

        /// <summary>The token's own id, as the audit has it. It is no secret.</summary>
        public string TokenId { get; private set; }

        /// <summary>Whether it speaks for a user; if not, for the client itself.</summary>
        public bool IsUser { get; private set; }

        /// <summary>Whether the token is a random text that only this database knows; if not, a signed JWT.</summary>
        public bool IsOpaque { get; private set; }

        /// <summary>When it was issued, to the second.</summary>
        public DateTimeOffset IssuedAt { get; private set; }

        /// <summary>When it ends, to the second.</summary>
        public DateTimeOffset ExpiresAt { get; private set; }
    }
}
