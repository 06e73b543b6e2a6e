using System;
using Wardkey.Native;

namespace Wardkey
{
    public sealed unsafe partial class Engine
    {
        /// <summary>
        /// Answers one request to an OAuth endpoint: authorization with its login page, token, introspection,
        /// revocation, metadata, keys. Your server carries the messages; <see cref="Serves"/> knows which are meant.
        /// </summary>
        /// <returns>The response to send as it is, of a path that is none of the engine's a 404.</returns>
        public OAuthResponse Http(OAuthRequest request, Context context)
        {
            return HttpAt(request, Needed(request, "request").BasePath, context);
        }

        internal OAuthResponse HttpAt(OAuthRequest request, string basePath, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_http_response response;
                wardkey_http_request native = Fill(scratch, request, basePath);
                wardkey_context from = scratch.Context(context);
                int code = api.Http(handle.Value, &native, &from, &response, ResponseSize, &error);
                return Answer(code, &response, &error);
            }
        }

        /// <summary>
        /// Whether <see cref="Http"/> has an endpoint at this path; a dialect's are there while the setting `dialects`
        /// names it. While the database cannot be read, the answer is what it was when it last could.
        /// </summary>
        /// <param name="path">Without the query, percent-encoded as received, the base path included.</param>
        /// <param name="basePath">Where you mount the engine, such as /auth; null or empty at the root.</param>
        public bool Serves(string path, string basePath = null)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                Slice asked = scratch.Received(Needed(path, "path"));
                Slice mounted = scratch.Text(basePath);
                int code = api.Serves(
                    handle.Value, asked.Start, asked.Length, mounted.Start, mounted.Length, &error);
                bool serves = code != (int)Status.NotFound;
                Conclude(serves ? code : 0, &error);
                return serves;
            }
        }

        /// <summary>
        /// Reads an authorization request, for a program that has users of its own and shows a page of its own. A
        /// program without them lets <see cref="Http"/> answer, which shows a login page.
        /// </summary>
        public PendingRequest Pending(OAuthRequest request, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_buf pending;
                wardkey_http_response response;
                wardkey_http_request native = Fill(
                    scratch, Needed(request, "request"), request.BasePath);
                wardkey_context from = scratch.Context(context);
                int code = api.Pending(handle.Value, &native, &from, &pending, &response, ResponseSize, &error);
                string json = Take(&pending);
                OAuthResponse answer = Answer(code, &response, &error);
                return json == null ? new PendingRequest(null, answer) : new PendingRequest(new Document(json), null);
            }
        }

        /// <summary>Takes your user's decision on a pending request, once, and makes the response for their browser.</summary>
        /// <param name="pending">The handle that your page's form brought back.</param>
        /// <param name="subject">Your name for the user who approved; null: they refused.</param>
        /// <param name="scope">The words that they allow, parted by single spaces; null for all that were shown.</param>
        /// <param name="headers">All of the request that brought the decision: the browser's cookie is among them.</param>
        /// <param name="context">Who asks, and from where.</param>
        public OAuthResponse Decide(
            string pending, string subject, string scope, HeaderList headers, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_http_response response;
                Slice token = scratch.Received(Needed(pending, "pending"));
                Slice user = scratch.Text(subject);
                Slice words = scratch.Received(scope);
                wardkey_header* fields = scratch.Headers(Needed(headers, "headers"));
                wardkey_context from = scratch.Context(context);
                int code = api.Decide(
                    handle.Value, token.Start, token.Length, user.Start, user.Length, words.Start, words.Length,
                    fields, (UIntPtr)headers.Count, &from, &response, ResponseSize, &error);
                return Answer(code, &response, &error);
            }
        }

        private static wardkey_http_request Fill(Scratch scratch, OAuthRequest request, string basePath)
        {
            Slice method = scratch.Received(request.Method);
            Slice path = scratch.Received(request.Path);
            Slice mounted = scratch.Text(basePath);
            Slice query = scratch.Received(request.Query);
            Slice body = scratch.Bytes(request.Body);
            return new wardkey_http_request
            {
                struct_size = (uint)sizeof(wardkey_http_request),
                method = method.Start,
                method_len = method.Length,
                path = path.Start,
                path_len = path.Length,
                base_path = mounted.Start,
                base_path_len = mounted.Length,
                query = query.Start,
                query_len = query.Length,
                headers = scratch.Headers(request.Headers),
                header_count = (UIntPtr)request.Headers.Count,
                body = body.Start,
                body_len = body.Length,
            };
        }

        private OAuthResponse Answer(int code, wardkey_http_response* native, wardkey_error* error)
        {
            OAuthResponse response = null;
            if (code == 0)
            {
                var headers = new HeaderList();
                for (int i = 0; i < (int)native->header_count; i++)
                {
                    wardkey_header* header = native->headers + i;
                    headers.Add(
                        Utf8.Read(header->name, header->name_len), Utf8.Read(header->value, header->value_len));
                }
                response = new OAuthResponse(native->status, headers, Utf8.Copy(native->body, native->body_len));
            }
            api.HttpResponseFree(native);
            Conclude(code, error);
            return response;
        }

        private static readonly UIntPtr ResponseSize = (UIntPtr)sizeof(wardkey_http_response);
    }

    /// <summary>What became of an authorization request: a document for your page, or a response to send as it is.</summary>
    public sealed class PendingRequest
    {
        internal PendingRequest(Document document, OAuthResponse response)
        {
            Document = document;
            Response = response;
        }

        /// <summary>
        /// Who asks, for what: client_id, client_name, redirect_uri, scopes, handle, and set_cookie, unless the browser
        /// has it: the value of a Set-Cookie header that must go out with your page. Null if there is a response.
        /// </summary>
        public Document Document { get; private set; }

        /// <summary>An error page, or a redirect that tells the client; null if there is a document.</summary>
        public OAuthResponse Response { get; private set; }
    }
}
