using System;
using System.Text;
using Wardkey.Native;

namespace Wardkey
{
    /// <summary>Somebody who says that they are one of your own users.</summary>
    public sealed class UserLogin
    {
        internal unsafe UserLogin(wardkey_user_login* native)
        {
            Username = Utf8.Read(native->username, native->username_len);
            Peer = Utf8.Read(native->peer, native->peer_len);
            CorrelationId = Utf8.Read(native->correlation_id, native->correlation_id_len);
            Password = new char[Encoding.UTF8.GetCharCount(native->password, (int)native->password_len)];
            if (Password.Length > 0)
            {
                fixed (char* characters = Password)
                {
                    Encoding.UTF8.GetChars(
                        native->password, (int)native->password_len, characters, Password.Length);
                }
            }
        }

        /// <summary>The name as typed, in Unicode's Normalization Form C.</summary>
        public string Username { get; private set; }

        /// <summary>The password as typed. It is cleared when your delegate has returned: keep no reference to it.</summary>
        public char[] Password { get; private set; }

        /// <summary>From which address; null when it is not known.</summary>
        public string Peer { get; private set; }

        /// <summary>The context's correlation id; null without one.</summary>
        public string CorrelationId { get; private set; }

        internal void Clear()
        {
            Array.Clear(Password, 0, Password.Length);
        }
    }

    /// <summary>What you say of somebody who logs in.</summary>
    public sealed class UserVerdict
    {
        private UserVerdict()
        {
        }

        /// <summary>The name and the password are nobody's, or not now.</summary>
        public static readonly UserVerdict Refuse = new UserVerdict();

        /// <summary>They are those of this user.</summary>
        /// <param name="subject">
        /// Your name for the user, which never changes: 1 to 200 printable ASCII characters without spaces, such as a
        /// number in your user table.
        /// </param>
        /// <param name="scope">All words that they may have, parted by single spaces; empty for none.</param>
        public static UserVerdict Approve(string subject, string scope)
        {
            if (subject == null)
            {
                throw new ArgumentNullException("subject");
            }
            return new UserVerdict { IsApproved = true, Subject = subject, Scope = scope };
        }

        internal bool IsApproved { get; private set; }

        internal string Subject { get; private set; }

        internal string Scope { get; private set; }
    }
}
