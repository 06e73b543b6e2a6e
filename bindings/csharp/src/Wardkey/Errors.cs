using System;
using System.Runtime.Serialization;
using Wardkey.Native;

namespace Wardkey
{
    /// <summary>
    /// Something that Wardkey did not do, and why. <see cref="Exception.Message"/> is for the operator and the log; it
    /// holds no secret, but is not meant for the remote caller.
    /// </summary>
    [Serializable]
    public abstract class WardkeyException : Exception
    {
        internal WardkeyException(Failure failure)
            : base(failure.Message)
        {
            Status = failure.Status;
            Name = failure.Name;
            SystemCode = failure.SystemCode;
        }

        /// <summary>Brings it from another AppDomain.</summary>
        protected WardkeyException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
            Status = (Status)info.GetInt32("WardkeyStatus");
            Name = info.GetString("WardkeyName");
            SystemCode = info.GetInt32("WardkeySystemCode");
        }

        /// <summary>What went wrong, for the program.</summary>
        public Status Status { get; private set; }

        /// <summary>The status' name in C and in the documentation, such as WARDKEY_STORAGE_FULL.</summary>
        public string Name { get; private set; }

        /// <summary>
        /// The operating system's or SQLite's code where there is one; of <see cref="Status.DeniedRateLimited"/> the
        /// seconds to wait; else 0.
        /// </summary>
        public int SystemCode { get; private set; }

        /// <summary>Takes it to another AppDomain.</summary>
        public override void GetObjectData(SerializationInfo info, StreamingContext context)
        {
            base.GetObjectData(info, context);
            info.AddValue("WardkeyStatus", (int)Status);
            info.AddValue("WardkeyName", Name);
            info.AddValue("WardkeySystemCode", SystemCode);
        }

        internal static Exception Of(Failure failure)
        {
            int code = (int)failure.Status;
            if (failure.Status == Status.MisuseClosed)
            {
                // .NET's own word for it. Without an object's name its message is the library's alone.
                return new ObjectDisposedException(null, failure.Message);
            }
            if (code < 200)
            {
                return new MisuseException(failure);
            }
            if (code < 300)
            {
                return new DeniedException(new Refusal(failure));
            }
            if (code < 400)
            {
                return OfThirdHundred(failure);
            }
            if (code < 500)
            {
                return new StorageException(failure);
            }
            return new InternalException(failure);
        }

        private static Exception OfThirdHundred(Failure failure)
        {
            if (failure.Status == Status.Cancelled)
            {
                return new OperationCanceledException(failure.Message);
            }
            if (failure.Status == Status.NotFound)
            {
                return new NotFoundException(failure);
            }
            return new ConflictException(failure);
        }
    }

    /// <summary>The program called wrongly: a defect to correct, not a state to handle. Codes from 100.</summary>
    [Serializable]
    public sealed class MisuseException : WardkeyException
    {
        internal MisuseException(Failure failure)
            : base(failure)
        {
        }

        private MisuseException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
        }
    }

    /// <summary>
    /// The token, the secret or the caller is not allowed to. Codes from 200. <see cref="Refusal"/> has what to answer.
    /// </summary>
    [Serializable]
    public sealed class DeniedException : WardkeyException
    {
        internal DeniedException(Refusal refusal)
            : base(refusal.Failure)
        {
            Refusal = refusal;
        }

        private DeniedException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
            Refusal = (Refusal)info.GetValue("WardkeyRefusal", typeof(Refusal));
        }

        /// <summary>The refusal, with the HTTP status and the header to send.</summary>
        public Refusal Refusal { get; private set; }

        /// <summary>Takes it to another AppDomain.</summary>
        public override void GetObjectData(SerializationInfo info, StreamingContext context)
        {
            base.GetObjectData(info, context);
            info.AddValue("WardkeyRefusal", Refusal);
        }
    }

    /// <summary>The client, user, key or the like that was named does not exist. Code 300.</summary>
    [Serializable]
    public sealed class NotFoundException : WardkeyException
    {
        internal NotFoundException(Failure failure)
            : base(failure)
        {
        }

        private NotFoundException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
        }
    }

    /// <summary>A thing of this id exists already, or the change contradicts another. Code 301.</summary>
    [Serializable]
    public sealed class ConflictException : WardkeyException
    {
        internal ConflictException(Failure failure)
            : base(failure)
        {
        }

        private ConflictException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
        }
    }

    /// <summary>
    /// The file or the disk: missing, full, busy, damaged, another's. Codes from 400;
    /// <see cref="WardkeyLibrary.Explain"/> says of each what to do.
    /// </summary>
    [Serializable]
    public sealed class StorageException : WardkeyException
    {
        internal StorageException(Failure failure)
            : base(failure)
        {
        }

        private StorageException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
        }
    }

    /// <summary>The library itself: a defect, or more work at once than it takes. Codes from 500.</summary>
    [Serializable]
    public sealed class InternalException : WardkeyException
    {
        internal InternalException(Failure failure)
            : base(failure)
        {
        }

        private InternalException(SerializationInfo info, StreamingContext context)
            : base(info, context)
        {
        }
    }

    /// <summary>What a call says that did not return 0.</summary>
    [Serializable]
    internal sealed class Failure
    {
        internal Status Status { get; private set; }

        internal string Name { get; private set; }

        internal int SystemCode { get; private set; }

        internal string Message { get; private set; }

        internal static unsafe Failure Of(Api api, int code, wardkey_error* error)
        {
            return new Failure
            {
                Status = (Status)code,
                Name = Utf8.Read(api.StatusName(code)),
                SystemCode = error->system_code,
                Message = Utf8.Read(error->message),
            };
        }
    }

    /// <summary>Why a request may not go on, and what to answer.</summary>
    [Serializable]
    public sealed class Refusal
    {
        internal Refusal(Failure failure)
            : this(failure, HttpStatusOf(failure.Status), null)
        {
        }

        internal Refusal(Failure failure, int httpStatus, string challenge)
        {
            Failure = failure;
            HttpStatus = httpStatus;
            Challenge = challenge;
        }

        /// <summary>Why.</summary>
        public Status Status
        {
            get { return Failure.Status; }
        }

        /// <summary>The status' name in C and in the documentation.</summary>
        public string Name
        {
            get { return Failure.Name; }
        }

        /// <summary>Why, for the operator and the log; not for the remote caller. It names the request's id in the audit.</summary>
        public string Message
        {
            get { return Failure.Message; }
        }

        /// <summary>The HTTP status to answer: 400, 401, 403 or 429; 503 when it cannot be known now; 500 for a defect.</summary>
        public int HttpStatus { get; private set; }

        /// <summary>The value of the header WWW-Authenticate; null if there is none to send, and of verifications.</summary>
        public string Challenge { get; private set; }

        /// <summary>As <see cref="WardkeyException.SystemCode"/>.</summary>
        public int SystemCode
        {
            get { return Failure.SystemCode; }
        }

        /// <summary>Of a request that came too often the seconds for the header Retry-After; else 0.</summary>
        public int RetryAfter
        {
            get { return Status == Status.DeniedRateLimited ? Failure.SystemCode : 0; }
        }

        /// <summary>The response to send as it is.</summary>
        public OAuthResponse ToResponse()
        {
            var response = new OAuthResponse(HttpStatus, new HeaderList(), new byte[0]);
            if (Challenge != null)
            {
                response.Headers.Add("WWW-Authenticate", Challenge);
            }
            if (RetryAfter > 0)
            {
                response.Headers.Add("Retry-After", RetryAfter.ToString());
            }
            return response;
        }

        internal Failure Failure { get; private set; }

        /// <summary>As the header says of wardkey_verify, which has no HTTP status of its own.</summary>
        private static int HttpStatusOf(Status status)
        {
            switch (status)
            {
                case Status.DeniedInsufficientScope:
                case Status.DeniedPeerNotAllowed:
                case Status.DeniedPeerUnknown:
                    return 403;
                case Status.DeniedRateLimited:
                    return 429;
                default:
                    int hundred = (int)status / 100;
                    return hundred == 2 ? 401 : hundred == 4 ? 503 : 500;
            }
        }
    }
}
