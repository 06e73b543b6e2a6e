using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.IO;
using System.Text;
using System.Threading.Tasks;

namespace Wardkey
{
    /// <summary>The header fields of an HTTP message, in their order; a name may come several times.</summary>
    public sealed class HeaderList : IEnumerable<KeyValuePair<string, string>>
    {
        private readonly List<KeyValuePair<string, string>> fields = new List<KeyValuePair<string, string>>();

        /// <summary>An empty list.</summary>
        public HeaderList()
        {
        }

        /// <summary>The fields as .NET's servers have them: one by one where a name came several times.</summary>
        public HeaderList(NameValueCollection headers)
        {
            if (headers == null)
            {
                throw new ArgumentNullException("headers");
            }
            for (int i = 0; i < headers.Count; i++)
            {
                foreach (string value in headers.GetValues(i) ?? new string[0])
                {
                    Add(headers.GetKey(i), value);
                }
            }
        }

        /// <summary>How many fields.</summary>
        public int Count
        {
            get { return fields.Count; }
        }

        /// <summary>The value of the first field of this name, in any case; null without one.</summary>
        public string this[string name]
        {
            get
            {
                foreach (KeyValuePair<string, string> field in fields)
                {
                    if (string.Equals(field.Key, name, StringComparison.OrdinalIgnoreCase))
                    {
                        return field.Value;
                    }
                }
                return null;
            }
        }

        /// <summary>Adds a field at the end.</summary>
        public void Add(string name, string value)
        {
            if (name == null)
            {
                throw new ArgumentNullException("name");
            }
            fields.Add(new KeyValuePair<string, string>(name, value));
        }

        /// <summary>The fields in their order.</summary>
        public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        {
            return fields.GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }
    }

    /// <summary>One HTTP request as your server received it.</summary>
    public sealed class OAuthRequest
    {
        /// <summary>A request without headers and body.</summary>
        /// <param name="method">GET, POST.</param>
        /// <param name="path">The path without the query, percent-encoded as received.</param>
        public OAuthRequest(string method, string path)
        {
            Method = method;
            Path = path;
            Headers = new HeaderList();
        }

        /// <summary>GET, POST.</summary>
        public string Method { get; private set; }

        /// <summary>The path without the query, percent-encoded as received, <see cref="BasePath"/> included.</summary>
        public string Path { get; private set; }

        /// <summary>
        /// The path as your program's own routing reads it, without <see cref="BasePath"/>, if its server rewrites
        /// paths: a <see cref="Guard"/>'s rules hold for both. Null: there is no other.
        /// </summary>
        public string RoutedPath { get; set; }

        /// <summary>
        /// Where you mount the engine, such as /auth; null or empty at the root. A <see cref="Guard"/>'s paths count
        /// from here.
        /// </summary>
        public string BasePath { get; set; }

        /// <summary>What follows the question mark; null or empty without one.</summary>
        public string Query { get; set; }

        /// <summary>All header fields in the order received.</summary>
        public HeaderList Headers { get; set; }

        /// <summary>The whole body; null without one. It may hold a password: clear it when you are done.</summary>
        public byte[] Body { get; set; }

        /// <summary>Reads the body from your server's stream, but no more of it than the engine could accept.</summary>
        public async Task ReadBodyAsync(Stream stream)
        {
            if (stream == null)
            {
                throw new ArgumentNullException("stream");
            }
            Body = await Bodies.Read(stream).ConfigureAwait(false);
        }

        /// <summary>Wipes the body: call it when the request is answered.</summary>
        public void ClearBody()
        {
            Bodies.Clear(Body);
        }
    }

    /// <summary>One HTTP response for your server to send as it is.</summary>
    public sealed class OAuthResponse
    {
        /// <summary>A response.</summary>
        public OAuthResponse(int status, HeaderList headers, byte[] body)
        {
            Status = status;
            Headers = headers;
            Body = body;
        }

        /// <summary>The status code, such as 200.</summary>
        public int Status { get; private set; }

        /// <summary>The header fields to send. There is no Content-Length among them: add what your server needs.</summary>
        public HeaderList Headers { get; private set; }

        /// <summary>The body; empty without one. It may hold a token: do not log it.</summary>
        public byte[] Body { get; private set; }

        /// <summary>The body as text.</summary>
        public string Text
        {
            get { return Encoding.UTF8.GetString(Body); }
        }
    }
}
