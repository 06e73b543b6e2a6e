/// Why a call failed: codes, failures, exceptions, and the results that hold a failure instead of a value.
#ifndef WARDKEY_ERROR_HPP
#define WARDKEY_ERROR_HPP

#include "wardkey.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace wardkey {

/// Why a call failed, one value for each status code of `wardkey.h`, where each is described.
///
/// Later libraries may return codes that this header does not name: compare with a `condition` to tell what kind.
///
/// ```cpp
/// if (failure.code() == wardkey::errc::denied_token_expired) { ... }
/// ```
enum class errc : std::int32_t {
    misuse_null = WARDKEY_MISUSE_NULL,
    misuse_handle = WARDKEY_MISUSE_HANDLE,
    misuse_closed = WARDKEY_MISUSE_CLOSED,
    misuse_kind = WARDKEY_MISUSE_KIND,
    misuse_foreign = WARDKEY_MISUSE_FOREIGN,
    misuse_length = WARDKEY_MISUSE_LENGTH,
    misuse_utf8 = WARDKEY_MISUSE_UTF8,
    misuse_size = WARDKEY_MISUSE_SIZE,
    misuse_argument = WARDKEY_MISUSE_ARGUMENT,
    misuse_document = WARDKEY_MISUSE_DOCUMENT,
    misuse_operation = WARDKEY_MISUSE_OPERATION,
    misuse_actor = WARDKEY_MISUSE_ACTOR,
    misuse_forked = WARDKEY_MISUSE_FORKED,
    misuse_abi = WARDKEY_MISUSE_ABI,
    misuse_too_many = WARDKEY_MISUSE_TOO_MANY,
    misuse_another_copy = WARDKEY_MISUSE_ANOTHER_COPY,
    denied = WARDKEY_DENIED,
    denied_token_too_long = WARDKEY_DENIED_TOKEN_TOO_LONG,
    denied_token_malformed = WARDKEY_DENIED_TOKEN_MALFORMED,
    denied_token_header_forbidden = WARDKEY_DENIED_TOKEN_HEADER_FORBIDDEN,
    denied_key_unknown = WARDKEY_DENIED_KEY_UNKNOWN,
    denied_key_retired = WARDKEY_DENIED_KEY_RETIRED,
    denied_algorithm_mismatch = WARDKEY_DENIED_ALGORITHM_MISMATCH,
    denied_bad_signature = WARDKEY_DENIED_BAD_SIGNATURE,
    denied_wrong_type = WARDKEY_DENIED_WRONG_TYPE,
    denied_wrong_issuer = WARDKEY_DENIED_WRONG_ISSUER,
    denied_wrong_audience = WARDKEY_DENIED_WRONG_AUDIENCE,
    denied_bad_claim = WARDKEY_DENIED_BAD_CLAIM,
    denied_token_expired = WARDKEY_DENIED_TOKEN_EXPIRED,
    denied_token_from_future = WARDKEY_DENIED_TOKEN_FROM_FUTURE,
    denied_token_unknown = WARDKEY_DENIED_TOKEN_UNKNOWN,
    denied_token_revoked = WARDKEY_DENIED_TOKEN_REVOKED,
    denied_epoch_ended = WARDKEY_DENIED_EPOCH_ENDED,
    denied_client_tokens_revoked = WARDKEY_DENIED_CLIENT_TOKENS_REVOKED,
    denied_credential_revoked = WARDKEY_DENIED_CREDENTIAL_REVOKED,
    denied_client_unknown = WARDKEY_DENIED_CLIENT_UNKNOWN,
    denied_client_disabled = WARDKEY_DENIED_CLIENT_DISABLED,
    denied_secret_wrong = WARDKEY_DENIED_SECRET_WRONG,
    denied_secret_not_yet_valid = WARDKEY_DENIED_SECRET_NOT_YET_VALID,
    denied_secret_expired = WARDKEY_DENIED_SECRET_EXPIRED,
    denied_secret_revoked = WARDKEY_DENIED_SECRET_REVOKED,
    denied_secret_unconfirmed = WARDKEY_DENIED_SECRET_UNCONFIRMED,
    denied_secret_missing = WARDKEY_DENIED_SECRET_MISSING,
    denied_credential_malformed = WARDKEY_DENIED_CREDENTIAL_MALFORMED,
    denied_authentication_method = WARDKEY_DENIED_AUTHENTICATION_METHOD,
    denied_grant_not_allowed = WARDKEY_DENIED_GRANT_NOT_ALLOWED,
    denied_scope_not_allowed = WARDKEY_DENIED_SCOPE_NOT_ALLOWED,
    denied_scope_malformed = WARDKEY_DENIED_SCOPE_MALFORMED,
    denied_insufficient_scope = WARDKEY_DENIED_INSUFFICIENT_SCOPE,
    denied_peer_not_allowed = WARDKEY_DENIED_PEER_NOT_ALLOWED,
    denied_peer_unknown = WARDKEY_DENIED_PEER_UNKNOWN,
    denied_rate_limited = WARDKEY_DENIED_RATE_LIMITED,
    denied_insecure_transport = WARDKEY_DENIED_INSECURE_TRANSPORT,
    denied_token_missing = WARDKEY_DENIED_TOKEN_MISSING,
    denied_invalid_request = WARDKEY_DENIED_INVALID_REQUEST,
    denied_grant_unsupported = WARDKEY_DENIED_GRANT_UNSUPPORTED,
    denied_token_foreign = WARDKEY_DENIED_TOKEN_FOREIGN,
    denied_user_unknown = WARDKEY_DENIED_USER_UNKNOWN,
    denied_user_disabled = WARDKEY_DENIED_USER_DISABLED,
    denied_user_tokens_revoked = WARDKEY_DENIED_USER_TOKENS_REVOKED,
    denied_password_wrong = WARDKEY_DENIED_PASSWORD_WRONG,
    denied_grant_unknown = WARDKEY_DENIED_GRANT_UNKNOWN,
    denied_grant_revoked = WARDKEY_DENIED_GRANT_REVOKED,
    denied_grant_expired = WARDKEY_DENIED_GRANT_EXPIRED,
    denied_code_unknown = WARDKEY_DENIED_CODE_UNKNOWN,
    denied_code_expired = WARDKEY_DENIED_CODE_EXPIRED,
    denied_code_spent = WARDKEY_DENIED_CODE_SPENT,
    denied_code_foreign = WARDKEY_DENIED_CODE_FOREIGN,
    denied_redirect_uri_wrong = WARDKEY_DENIED_REDIRECT_URI_WRONG,
    denied_verifier_wrong = WARDKEY_DENIED_VERIFIER_WRONG,
    denied_refresh_token_unknown = WARDKEY_DENIED_REFRESH_TOKEN_UNKNOWN,
    denied_refresh_token_reused = WARDKEY_DENIED_REFRESH_TOKEN_REUSED,
    denied_refresh_token_foreign = WARDKEY_DENIED_REFRESH_TOKEN_FOREIGN,
    denied_access_refused = WARDKEY_DENIED_ACCESS_REFUSED,
    denied_user_unconfirmed = WARDKEY_DENIED_USER_UNCONFIRMED,
    denied_user_refused = WARDKEY_DENIED_USER_REFUSED,
    denied_issuer_disabled = WARDKEY_DENIED_ISSUER_DISABLED,
    not_found = WARDKEY_NOT_FOUND,
    conflict = WARDKEY_CONFLICT,
    cancelled = WARDKEY_CANCELLED,
    storage_missing = WARDKEY_STORAGE_MISSING,
    storage_exists = WARDKEY_STORAGE_EXISTS,
    storage_empty_file = WARDKEY_STORAGE_EMPTY_FILE,
    storage_foreign_file = WARDKEY_STORAGE_FOREIGN_FILE,
    storage_newer_file = WARDKEY_STORAGE_NEWER_FILE,
    storage_wrong_key = WARDKEY_STORAGE_WRONG_KEY,
    storage_key_missing = WARDKEY_STORAGE_KEY_MISSING,
    storage_stale = WARDKEY_STORAGE_STALE,
    storage_freshness_missing = WARDKEY_STORAGE_FRESHNESS_MISSING,
    storage_network = WARDKEY_STORAGE_NETWORK,
    storage_not_writable = WARDKEY_STORAGE_NOT_WRITABLE,
    storage_busy = WARDKEY_STORAGE_BUSY,
    storage_full = WARDKEY_STORAGE_FULL,
    storage_corrupt = WARDKEY_STORAGE_CORRUPT,
    storage_io = WARDKEY_STORAGE_IO,
    storage_outcome_unknown = WARDKEY_STORAGE_OUTCOME_UNKNOWN,
    storage_key_callback = WARDKEY_STORAGE_KEY_CALLBACK,
    internal = WARDKEY_INTERNAL,
    internal_panic = WARDKEY_INTERNAL_PANIC,
    internal_overloaded = WARDKEY_INTERNAL_OVERLOADED,
    internal_user_check = WARDKEY_INTERNAL_USER_CHECK,
};

/// What kind of failure a code is: its hundreds. Every code, of later libraries too, is of one of these.
///
/// ```cpp
/// if (failure.code() == wardkey::condition::storage) { answer_503(); }
/// ```
enum class condition {
    /// 1xx: the program called the library wrongly.
    misuse = 1,
    /// 2xx: the caller of the program may not have what it asks for.
    denied = 2,
    /// 3xx: it was not found, contradicts another, or was cancelled. Nothing was changed.
    not_done = 3,
    /// 4xx: the file, the disk or the master key.
    storage = 4,
    /// 5xx: a defect of the library, or of a callback that it depends on.
    internal = 5,
};

/// The category "wardkey" of all codes and conditions. `message()` is a sentence about the code.
inline const std::error_category& category() noexcept;

/// The code as the standard library knows codes; `errc` converts to it by itself.
inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

/// The condition as the standard library knows conditions; `condition` converts to it by itself.
inline std::error_condition make_error_condition(condition kind) noexcept {
    return {static_cast<int>(kind), category()};
}

/// The name of a code in `wardkey.h`, such as `WARDKEY_DENIED_TOKEN_EXPIRED`: what support asks for. A code that the
/// library does not know is `WARDKEY_UNKNOWN`.
inline std::string_view name(std::error_code code) noexcept {
    return wardkey_status_name(code.value());
}

/// What went wrong in one call: a code and a sentence with the values.
///
/// It is what a `result` holds instead of a value, and what the exceptions carry.
class failure {
public:
    /// Made by the functions of this header.
    explicit failure(const wardkey_error& raw, std::exception_ptr cause = nullptr) noexcept
        : raw_(raw), cause_(std::move(cause)) {}

    /// Why, in the category "wardkey".
    std::error_code code() const noexcept { return {raw_.code, category()}; }

    /// The operating system's or SQLite's code where there is one, else 0. When the rate is limited the seconds to
    /// wait: see `retry_after`.
    int system_code() const noexcept { return raw_.system_code; }

    /// A sentence for the operator and the log; never a secret. Do not send it to the remote caller.
    std::string_view message() const noexcept { return c_str(); }

    /// The same, NUL-terminated.
    const char* c_str() const noexcept {
        return raw_.message[0] != '\0' ? raw_.message : wardkey_status_message(raw_.code);
    }

    /// Whether the answer is no: codes from 200 to 299. Everything else means that it cannot be known.
    bool is_denied() const noexcept { return code() == make_error_condition(condition::denied); }

    /// How long to wait, for the header `Retry-After`; only where a rate limit denied (RFC 6585 4).
    std::optional<std::chrono::seconds> retry_after() const noexcept {
        if (raw_.code != WARDKEY_DENIED_RATE_LIMITED) {
            return std::nullopt;
        }
        return std::chrono::seconds(raw_.system_code);
    }

    /// The exception of a callback of yours (clock, key or progress) that ended the call; else null.
    const std::exception_ptr& cause() const noexcept { return cause_; }

    /// Throws it: your own callback's exception, if there is one; a `denied` if it is a denial; else an `error`.
    [[noreturn]] void raise() const;

private:
    wardkey_error raw_;
    std::exception_ptr cause_;
};

/// A call failed. `what()` is a sentence for the operator and the log; never a secret.
///
/// ```cpp
/// try {
///     engine.call(admin, "client.read", R"({"client_id":"nobody"})");
/// } catch (const wardkey::error& error) {
///     if (error.code() == wardkey::errc::not_found) { ... }
/// }
/// ```
class error : public std::system_error {
public:
    /// Thrown by the functions of this header.
    explicit error(const failure& why) : std::system_error(why.code()), why_(why) {}

    /// The sentence of `failure::message`.
    const char* what() const noexcept override { return why_.c_str(); }

    /// All that is known of it.
    const failure& why() const noexcept { return why_; }

private:
    failure why_;
};

/// The answer is no: codes from 200 to 299. Any other `error` means that it cannot be known, so not allowed either.
class denied : public error {
public:
    using error::error;
};

namespace detail {

/// The header fields that a refused request is answered with.
inline std::vector<std::pair<std::string, std::string>> refusal_headers(std::string_view challenge,
                                                                        const failure& why) {
    std::vector<std::pair<std::string, std::string>> fields;
    if (!challenge.empty()) {
        fields.emplace_back("WWW-Authenticate", challenge);
    }
    if (const auto wait = why.retry_after()) {
        fields.emplace_back("Retry-After", std::to_string(wait->count()));
    }
    return fields;
}

} // namespace detail

/// `engine::authorize` refused a request, and says what to answer. `what()` is for your log: it has the request's id, by
/// which `audit.explain` finds it.
class refused : public denied {
public:
    /// Thrown by `engine::authorize`.
    refused(const failure& why, int http_status, std::string_view challenge)
        : denied(why), http_status_(http_status), challenge_(std::make_shared<std::string>(challenge)) {}

    /// 400, 401, 403 or 429 (RFC 6750 3.1).
    int http_status() const noexcept { return http_status_; }

    /// The value for the header `WWW-Authenticate`; empty if there is no such header to send.
    const std::string& challenge() const noexcept { return *challenge_; }

    /// The header fields to send: `WWW-Authenticate`, `Retry-After`, or none.
    std::vector<std::pair<std::string, std::string>> headers() const {
        return detail::refusal_headers(challenge(), why());
    }

private:
    int http_status_;
    // Shared, so that copying an exception cannot throw.
    std::shared_ptr<const std::string> challenge_;
};

/// What a call made, or why it failed.
///
/// ```cpp
/// if (auto who = engine.try_verify(token, "lab:read", caller)) {
///     log(who->client_id());
/// } else {
///     log(who.error().message());
/// }
/// ```
template <class T>
class [[nodiscard]] result {
public:
    /// Success.
    result(T value) noexcept : either_(std::in_place_index<0>, std::move(value)) {}
    /// Failure.
    result(failure why) noexcept : either_(std::in_place_index<1>, std::move(why)) {}

    /// Whether there is a value.
    bool has_value() const noexcept { return either_.index() == 0; }
    /// Whether there is a value.
    explicit operator bool() const noexcept { return has_value(); }

    /// The value. Throws what the twin without `try_` throws if there is none.
    T& value() & { return check(), *std::get_if<0>(&either_); }
    /// The value. Throws what the twin without `try_` throws if there is none.
    const T& value() const& { return check(), *std::get_if<0>(&either_); }
    /// The value, moved out. Throws what the twin without `try_` throws if there is none.
    T value() && { return check(), std::move(*std::get_if<0>(&either_)); }

    /// As `value`. It is checked too: a slip must not open a door.
    T& operator*() & { return value(); }
    /// As `value`.
    const T& operator*() const& { return value(); }
    /// As `value`.
    T operator*() && { return std::move(*this).value(); }
    /// As `value`.
    T* operator->() { return &value(); }
    /// As `value`.
    const T* operator->() const { return &value(); }

    /// Why there is no value. Throws `std::bad_variant_access` if there is one.
    const failure& error() const { return std::get<1>(either_); }

private:
    void check() const {
        if (const auto* why = std::get_if<1>(&either_)) {
            why->raise();
        }
    }

    std::variant<T, failure> either_;
};

/// Success, or why a call failed.
template <>
class [[nodiscard]] result<void> {
public:
    /// Success.
    result() noexcept = default;
    /// Failure.
    result(failure why) noexcept : why_(std::move(why)) {}

    /// Whether it succeeded.
    bool has_value() const noexcept { return !why_; }
    /// Whether it succeeded.
    explicit operator bool() const noexcept { return has_value(); }

    /// Throws what the twin without `try_` throws if it failed.
    void value() const {
        if (why_) {
            why_->raise();
        }
    }

    /// Why it failed. Throws `std::bad_optional_access` if it did not.
    const failure& error() const { return why_.value(); }

private:
    std::optional<failure> why_;
};

inline void failure::raise() const {
    if (cause_) {
        std::rethrow_exception(cause_);
    }
    if (is_denied()) {
        throw denied(*this);
    }
    throw error(*this);
}

namespace detail {

class error_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "wardkey"; }

    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
            case condition::misuse: return "the library was called wrongly";
            case condition::denied: return "denied";
            case condition::not_done: return "not found, in conflict or cancelled";
            case condition::storage: return "the file, the disk or the master key failed";
            case condition::internal: return "the library or a callback of it failed";
        }
        return wardkey_status_message(value);
    }

    std::error_condition default_error_condition(int code) const noexcept override {
        return {code / 100, *this};
    }
};

} // namespace detail

inline const std::error_category& category() noexcept {
    static const detail::error_category only;
    return only;
}

} // namespace wardkey

template <>
struct std::is_error_code_enum<wardkey::errc> : std::true_type {};

template <>
struct std::is_error_condition_enum<wardkey::condition> : std::true_type {};

#endif
