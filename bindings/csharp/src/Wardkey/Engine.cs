using System;
using System.Threading;
using Wardkey.Native;

namespace Wardkey
{
    /// <summary>
    /// An OAuth engine: it registers the programs that call your API (clients), gives them tokens for their secrets,
    /// and says of every request whether its token allows it. Open a database once, when your program starts, and use
    /// the engine from all threads; dispose it at the end.
    /// </summary>
    /// <remarks>
    /// A call after <see cref="Dispose"/> throws an <see cref="ObjectDisposedException"/>; one that is under way
    /// finishes.
    /// </remarks>
    public sealed unsafe partial class Engine : IDisposable
    {
        /// <summary>As scopes of a call: any valid token will do, whatever its scopes. Nothing else says so.</summary>
        public const string AnyScope = Constants.WARDKEY_ANY_SCOPE;

        private readonly Api api;
        private readonly EngineHandle handle;

        private Engine(Api api, EngineHandle handle)
        {
            this.api = api;
            this.handle = handle;
        }

        /// <summary>Opens an existing database.</summary>
        public static Engine Open(string path)
        {
            return Open(new EngineOptions(path));
        }

        /// <summary>Opens a database in the options' mode.</summary>
        /// <exception cref="StorageException">There is none, or it cannot be opened; its status says why.</exception>
        public static Engine Open(EngineOptions options)
        {
            if (options == null)
            {
                throw new ArgumentNullException("options");
            }
            Api api = Api.Loaded;
            var callbacks = new Callbacks(options);
            var handle = new EngineHandle(api, callbacks);
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                IntPtr opened;
                wardkey_options native = Fill(scratch, options);
                callbacks.FillIn(&native);
                int code = api.Open(&native, &opened, &error);
                if (code == (int)Status.MisuseSize)
                {
                    Callbacks.Release(&native);
                }
                if (code == 0)
                {
                    handle.Opened(opened);
                }
                try
                {
                    Conclude(api, code, &error);
                }
                catch
                {
                    // A clock may have thrown although the library could open.
                    handle.Dispose();
                    throw;
                }
                return new Engine(api, handle);
            }
        }

        /// <summary>Makes a database at a path where nothing is yet.</summary>
        /// <param name="path">Its file.</param>
        /// <param name="actor">Who makes it, for the audit.</param>
        public static Engine Create(string path, string actor)
        {
            return Create(new EngineOptions(path) { Actor = actor });
        }

        /// <summary>Makes a database at a path where nothing is yet, whatever the options' mode.</summary>
        public static Engine Create(EngineOptions options)
        {
            return Open(Needed(options, "options").With(OpenMode.Create, options.Settings));
        }

        /// <summary>
        /// Accepts a copy that was put in the database's place, whatever the options' mode: all tokens end, and every
        /// secret and user has to be confirmed.
        /// </summary>
        public static Engine Restore(EngineOptions options)
        {
            return Open(Needed(options, "options").With(OpenMode.Restore, options.Settings));
        }

        /// <summary>Brings an older file to this library's format, and opens it, whatever the options' mode.</summary>
        public static Engine Migrate(EngineOptions options)
        {
            return Open(Needed(options, "options").With(OpenMode.Migrate, options.Settings));
        }

        /// <summary>Opens a database; makes it when the program first runs.</summary>
        /// <param name="path">Its file.</param>
        /// <param name="actor">Who makes it, for the audit.</param>
        public static Engine OpenOrCreate(string path, string actor)
        {
            return OpenOrCreate(new EngineOptions(path) { Actor = actor });
        }

        /// <summary>
        /// Opens a database; makes it, with the options' settings, when there is nothing at the path. In every other
        /// case of trouble it throws: making a new one could hide a lost disk.
        /// </summary>
        public static Engine OpenOrCreate(EngineOptions options)
        {
            if (options == null)
            {
                throw new ArgumentNullException("options");
            }
            try
            {
                return Open(options.With(OpenMode.Open, null).WithoutLogOf(Status.StorageMissing));
            }
            catch (StorageException exception)
            {
                if (exception.Status != Status.StorageMissing)
                {
                    throw;
                }
                return Create(options);
            }
        }

        /// <summary>
        /// Says whether a request that carries this token may do what needs these scopes. Call it on every request, or
        /// let <see cref="TryAuthorize"/> find the token.
        /// </summary>
        /// <param name="token">The text behind `Authorization: Bearer `.</param>
        /// <param name="scopes">All words that the token must have, such as lab:read, parted by single spaces.</param>
        /// <param name="context">Who asks, and from where.</param>
        /// <param name="principal">If it may: whom the token speaks for.</param>
        /// <param name="refusal">If not: why, and what to answer.</param>
        /// <returns>True: allowed. False: denied, or it cannot be known now; either way do not go on.</returns>
        public bool TryVerify(
            string token, string scopes, Context context, out Principal principal, out Refusal refusal)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_principal who;
                Slice text = scratch.Received(Needed(token, "token"));
                Slice words = scratch.Text(Needed(scopes, "scopes"));
                wardkey_context from = scratch.Context(context);
                int code = api.Verify(
                    handle.Value, text.Start, text.Length, words.Start, words.Length, &from, &who,
                    (UIntPtr)sizeof(wardkey_principal), &error);
                principal = code == 0 ? new Principal(&who) : null;
                refusal = Refused(code, &error);
                return refusal == null;
            }
        }

        /// <summary>As <see cref="TryVerify"/>, and throws unless it is allowed.</summary>
        /// <exception cref="DeniedException">The token does not allow it.</exception>
        public Principal Verify(string token, string scopes, Context context)
        {
            Principal principal;
            Refusal refusal;
            return TryVerify(token, scopes, context, out principal, out refusal) ? principal : Throw(refusal);
        }

        /// <summary>Says whether a request with these headers may do what needs these scopes.</summary>
        /// <param name="headers">All of the request; the token is taken from Authorization, and from nowhere else.</param>
        /// <param name="scopes">All words that the token must have, such as lab:read, parted by single spaces.</param>
        /// <param name="context">Who asks, and from where.</param>
        /// <param name="principal">If it may: whom the token speaks for.</param>
        /// <param name="refusal">If not: why, and what to answer.</param>
        /// <returns>True: allowed. False: denied, or it cannot be known now; either way do not go on.</returns>
        public bool TryAuthorize(
            HeaderList headers, string scopes, Context context, out Principal principal, out Refusal refusal)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_principal who;
                wardkey_buf challenge;
                int httpStatus;
                wardkey_header* fields = scratch.Headers(Needed(headers, "headers"));
                Slice words = scratch.Text(Needed(scopes, "scopes"));
                wardkey_context from = scratch.Context(context);
                int code = api.Authorize(
                    handle.Value, fields, (UIntPtr)headers.Count, words.Start, words.Length, &from, &who,
                    (UIntPtr)sizeof(wardkey_principal), &httpStatus, &challenge, &error);
                string header = Take(&challenge);
                principal = code == 0 ? new Principal(&who) : null;
                refusal = Refused(code, &error, httpStatus, string.IsNullOrEmpty(header) ? null : header);
                return refusal == null;
            }
        }

        /// <summary>As <see cref="TryAuthorize"/>, and throws unless it is allowed.</summary>
        /// <exception cref="DeniedException">The request does not carry a token that allows it.</exception>
        public Principal Authorize(HeaderList headers, string scopes, Context context)
        {
            Principal principal;
            Refusal refusal;
            return TryAuthorize(headers, scopes, context, out principal, out refusal) ? principal : Throw(refusal);
        }

        /// <summary>
        /// What a valid token says: client_id, sub, scope, jti, iat, exp, host_data. The use counts as a verification.
        /// </summary>
        public Document Claims(string token, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_buf json;
                Slice text = scratch.Received(Needed(token, "token"));
                wardkey_context from = scratch.Context(context);
                int code = api.Claims(handle.Value, text.Start, text.Length, &from, &json, &error);
                return Answer(code, &json, &error);
            }
        }

        /// <summary>
        /// Issues a token to a client that presents its id and secret, in process. A server lets <see cref="Http"/> do
        /// it, which reads the request and prints the errors too.
        /// </summary>
        /// <param name="clientId">The client.</param>
        /// <param name="clientSecret">Its secret; yours to clear. Every copy that is made of it is wiped.</param>
        /// <param name="scope">The words asked for, parted by single spaces; null for the client's default ones.</param>
        /// <param name="context">Who asks, and from where.</param>
        /// <returns>access_token, token_type, expires_in (seconds), scope.</returns>
        /// <exception cref="DeniedException">
        /// It may not. To the remote client an unknown id and a wrong secret must look alike.
        /// </exception>
        public Document Issue(string clientId, char[] clientSecret, string scope, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                return Issue(scratch, clientId, scratch.Text(Needed(clientSecret, "clientSecret")), scope, context);
            }
        }

        /// <summary>The same, with the secret's bytes.</summary>
        public Document Issue(string clientId, byte[] clientSecret, string scope, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                return Issue(scratch, clientId, scratch.Bytes(Needed(clientSecret, "clientSecret")), scope, context);
            }
        }

        /// <summary>
        /// Runs an administrative operation, such as client.create: docs/operations.md describes each. Of a document
        /// that it refuses, the message has the path of the false member.
        /// </summary>
        /// <param name="operation">Its name.</param>
        /// <param name="json">Its document; null or empty for {}.</param>
        /// <param name="context">By whom: <see cref="Context.By"/>.</param>
        public Document Call(string operation, string json, Context context)
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_buf response;
                wardkey_context by = scratch.Context(context);
                Slice name = scratch.Text(Needed(operation, "operation"));
                Slice request = scratch.Text(json);
                int code = api.Call(
                    handle.Value, &by, name.Start, name.Length, request.Start, request.Length, &response, &error);
                return Answer(code, &response, &error);
            }
        }

        /// <summary>The same, with an object whose members <see cref="Document.Print(object)"/> prints as JSON.</summary>
        /// <example>
        /// <code>engine.Call("client.create", new { client_name = "Lab", scope = "lab:read" }, Context.By("anna"))</code>
        /// </example>
        public Document Call(string operation, object document, Context context)
        {
            return Call(operation, Document.TextOf(document), context);
        }

        /// <summary>Copies the database to a new file while it is in use.</summary>
        /// <param name="path">The copy. It appears complete or not at all, and nothing is overwritten.</param>
        /// <param name="context">By whom.</param>
        /// <param name="progress">Told how many pages are done, of how many; null for nobody.</param>
        /// <param name="cancellation">Ends it; then nothing of it is left.</param>
        /// <returns>What opens the copy, and what to keep beside it.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public Document Backup(
            string path, Context context, Action<long, long> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_buf response;
                wardkey_context by = scratch.Context(context);
                Slice target = scratch.Text(Needed(path, "path"));
                int code = api.Backup(
                    handle.Value, &by, target.Start, target.Length, Native.Progress.Address,
                    new Progress(progress, cancellation).Hold(), Callbacks.DestroyAddress, &response, &error);
                return Answer(code, &response, &error);
            }
        }

        /// <summary>Examines the whole file: sound, findings, audit.</summary>
        public Document Check(
            Context context, Action<long, long> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            using (Scratch scratch = Scratch.Take())
            {
                wardkey_error error;
                wardkey_buf response;
                wardkey_context by = scratch.Context(context);
                int code = api.Check(
                    handle.Value, &by, Native.Progress.Address, new Progress(progress, cancellation).Hold(),
                    Callbacks.DestroyAddress, &response, &error);
                return Answer(code, &response, &error);
            }
        }

        /// <summary>
        /// Writes what verification has gathered for the audit. Other calls do so once a minute: a program that only
        /// verifies calls it now and then.
        /// </summary>
        public void Maintain()
        {
            wardkey_error error;
            Conclude(api.Maintain(handle.Value, &error), &error);
        }

        /// <summary>
        /// Closes the engine as <see cref="Dispose"/> does, and throws if what was gathered for the audit could not be
        /// written. The engine is closed all the same.
        /// </summary>
        public void Close()
        {
            wardkey_error error;
            Conclude(handle.Close(&error), &error);
        }

        /// <summary>Closes the engine. A second time does nothing.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }

        private static wardkey_options Fill(Scratch scratch, EngineOptions options)
        {
            Slice path = scratch.Text(options.Path);
            Slice key = scratch.Bytes(options.Key);
            Slice settings = scratch.Text(Document.TextOf(options.Settings));
            Slice actor = scratch.Text(options.Actor);
            return new wardkey_options
            {
                struct_size = (uint)sizeof(wardkey_options),
                mode = (uint)options.Mode,
                path = path.Start,
                path_len = path.Length,
                key_source = (uint)options.KeySource,
                busy_timeout_ms = Times.Milliseconds(options.BusyTimeout),
                key = key.Start,
                key_len = key.Length,
                settings = settings.Start,
                settings_len = settings.Length,
                actor = actor.Start,
                actor_len = actor.Length,
            };
        }

        private Document Issue(Scratch scratch, string clientId, Slice secret, string scope, Context context)
        {
            wardkey_error error;
            wardkey_buf json;
            Slice id = scratch.Received(Needed(clientId, "clientId"));
            Slice words = scratch.Received(scope);
            wardkey_context from = scratch.Context(context);
            int code = api.Issue(
                handle.Value, id.Start, id.Length, secret.Start, secret.Length, words.Start, words.Length, &from,
                &json, &error);
            return Answer(code, &json, &error);
        }

        private static T Needed<T>(T argument, string name)
            where T : class
        {
            if (argument == null)
            {
                throw new ArgumentNullException(name);
            }
            return argument;
        }

        /// <summary>What the library wrote into a buffer, which is wiped and freed; null if nothing.</summary>
        private string Take(wardkey_buf* buffer)
        {
            string text = Utf8.Read(buffer->data, buffer->length);
            api.BufFree(buffer);
            return text;
        }

        private Document Answer(int code, wardkey_buf* buffer, wardkey_error* error)
        {
            string json = Take(buffer);
            Conclude(code, error);
            return new Document(json);
        }

        /// <summary>Null if it is allowed. Throws if the program called wrongly, or a callback of its threw.</summary>
        private Refusal Refused(int code, wardkey_error* error)
        {
            Failure failure = Failed(code, error);
            return failure == null ? null : new Refusal(failure);
        }

        private Refusal Refused(int code, wardkey_error* error, int httpStatus, string challenge)
        {
            Failure failure = Failed(code, error);
            return failure == null ? null : new Refusal(failure, httpStatus, challenge);
        }

        private Failure Failed(int code, wardkey_error* error)
        {
            if (code < (int)Status.Denied)
            {
                Conclude(code, error);
                return null;
            }
            Callbacks.Rethrow();
            GC.KeepAlive(this);
            return Failure.Of(api, code, error);
        }

        private static Principal Throw(Refusal refusal)
        {
            int hundred = (int)refusal.Status / 100;
            throw hundred == 2 ? new DeniedException(refusal) : WardkeyException.Of(refusal.Failure);
        }

        /// <summary>
        /// The end of every call: throws what a callback threw, or what the code says. Up to here the engine is in
        /// use, and no finalizer closes it.
        /// </summary>
        private void Conclude(int code, wardkey_error* error)
        {
            Conclude(api, code, error);
            GC.KeepAlive(this);
        }

        private static void Conclude(Api api, int code, wardkey_error* error)
        {
            Callbacks.Rethrow();
            if (code != 0)
            {
                throw WardkeyException.Of(Failure.Of(api, code, error));
            }
        }
    }
}
