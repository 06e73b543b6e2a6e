/// What comes out: documents, principals, HTTP responses. Each wipes and frees what it holds.
#ifndef WARDKEY_ANSWER_HPP
#define WARDKEY_ANSWER_HPP

#include "error.hpp"
#include "request.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wardkey {

/// A text that the library gave out, mostly a JSON document. It is wiped when it goes, for it may hold a secret.
class document {
public:
    /// No text.
    document() noexcept = default;
    /// Leaves the other one empty.
    document(document&& other) noexcept : raw_(std::exchange(other.raw_, wardkey_buf{})) {}
    /// Wipes what it held.
    document& operator=(document&& other) noexcept {
        document taken(std::move(other));
        std::swap(raw_, taken.raw_);
        return *this;
    }
    ~document() { wardkey_buf_free(&raw_); }

    /// The text, as long as this lives.
    std::string_view text() const noexcept { return {c_str(), raw_.length}; }
    /// The same, NUL-terminated.
    const char* c_str() const noexcept { return raw_.data != nullptr ? raw_.data : ""; }
    /// A copy, which is yours to wipe.
    std::string str() const { return std::string(text()); }
    /// Whether there is none.
    bool empty() const noexcept { return raw_.length == 0; }

private:
    friend class engine;

    wardkey_buf raw_{};
};

/// Whether a token speaks for a client or for a user of it.
enum class principal_kind : std::uint32_t {
    /// The token speaks for the client itself.
    client = WARDKEY_KIND_CLIENT,
    /// The token speaks for a user.
    user = WARDKEY_KIND_USER,
};

/// What a token looks like.
enum class token_format : std::uint32_t {
    /// A signed JWT (RFC 9068).
    jwt = WARDKEY_TOKEN_JWT,
    /// A random text that only this database knows.
    opaque = WARDKEY_TOKEN_OPAQUE,
};

/// Whom a valid token speaks for. The token's scopes and the client's `host_data` come through `engine::claims`.
class principal {
public:
    /// As the library made it.
    explicit principal(const wardkey_principal& raw) noexcept : raw_(raw) {}

    /// The client that the token was given to. The view is as good as this object.
    std::string_view client_id() const noexcept { return {raw_.client_id, raw_.client_id_len}; }
    /// Whom it speaks for: the client itself, or a user, whose id begins with `usr_`.
    std::string_view subject() const noexcept { return {raw_.subject, raw_.subject_len}; }
    /// The token's own id (`jti`), as the audit has it.
    std::string_view token_id() const noexcept { return {raw_.token_id, raw_.token_id_len}; }
    /// Client or user.
    principal_kind kind() const noexcept { return static_cast<principal_kind>(raw_.kind); }
    /// JWT or opaque.
    token_format format() const noexcept { return static_cast<token_format>(raw_.token_format); }
    /// When it was issued, to the second.
    std::chrono::system_clock::time_point issued_at() const noexcept { return time_of(raw_.issued_at); }
    /// When it ends, to the second.
    std::chrono::system_clock::time_point expires_at() const noexcept { return time_of(raw_.expires_at); }

private:
    static std::chrono::system_clock::time_point time_of(std::int64_t seconds) noexcept {
        return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
    }

    wardkey_principal raw_;
};

/// Whether a request to your API may go on; if not, what to answer.
///
/// ```cpp
/// const auto access = engine.try_authorize(headers, "lab:read", caller);
/// if (!access) {
///     response.status = access.http_status();
///     for (const auto& [name, value] : access.headers()) { response.set_header(name, value); }
///     log(access.error().message()); // why; it has the request's id, by which `audit.explain` finds it
///     return;
/// }
/// log(access->client_id());
/// ```
class [[nodiscard]] access {
public:
    /// Whether it may go on.
    explicit operator bool() const noexcept { return who_.has_value(); }
    /// Whom the token speaks for. Throws what `authorize` throws if it is refused.
    const principal& operator*() const { return check(), *who_; }
    /// Whom the token speaks for. Throws what `authorize` throws if it is refused.
    const principal* operator->() const { return &**this; }

    /// 200 when allowed; 400, 401, 403 or 429 when denied; 503 when storage failed; 500 for anything else.
    int http_status() const noexcept { return http_status_; }
    /// The header fields to send with that status: `WWW-Authenticate`, `Retry-After`, or none.
    std::vector<std::pair<std::string, std::string>> headers() const {
        return who_ ? std::vector<std::pair<std::string, std::string>>()
                    : detail::refusal_headers(challenge(), who_.error());
    }
    /// The value for the header `WWW-Authenticate` (RFC 6750 3); empty if there is no such header to send. The view is
    /// as good as this object.
    std::string_view challenge() const noexcept { return challenge_.text(); }
    /// The value for the header `Retry-After`; only with 429.
    std::optional<std::chrono::seconds> retry_after() const noexcept {
        return who_ ? std::nullopt : who_.error().retry_after();
    }
    /// Why it is refused. Throws `std::bad_variant_access` if it is not.
    const failure& error() const { return who_.error(); }

private:
    friend class engine;

    access(result<principal> who, int http_status, document challenge) noexcept
        : who_(std::move(who)), http_status_(http_status), challenge_(std::move(challenge)) {}

    void check() const {
        if (!who_ && who_.error().is_denied() && !who_.error().cause()) {
            throw refused(who_.error(), http_status_, challenge());
        }
    }

    result<principal> who_;
    int http_status_;
    document challenge_;
};

/// One HTTP response for your server to send as it is. It may hold a token: do not log it.
class http_response {
public:
    /// No response.
    http_response() noexcept = default;
    /// Leaves the other one empty.
    http_response(http_response&& other) noexcept : raw_(std::exchange(other.raw_, wardkey_http_response{})) {}
    /// Wipes what it held.
    http_response& operator=(http_response&& other) noexcept {
        http_response taken(std::move(other));
        std::swap(raw_, taken.raw_);
        return *this;
    }
    ~http_response() { wardkey_http_response_free(&raw_); }

    /// The status code, such as 200.
    int status() const noexcept { return raw_.status; }
    /// The header fields to send, as long as this lives. There is no `Content-Length` among them.
    headers_view headers() const noexcept { return {raw_.headers, raw_.header_count}; }
    /// The body, as long as this lives.
    std::string_view body() const noexcept {
        return raw_.body != nullptr ? std::string_view(raw_.body, raw_.body_len) : std::string_view();
    }

private:
    friend class engine;

    wardkey_http_response raw_{};
};

/// An authorization request that waits for your user, or the answer to one that cannot wait.
struct pending_request {
    /// A JSON document: `client_id`, `client_name`, `redirect_uri`, `scopes`, `handle`, and `set_cookie` unless the
    /// browser has its cookie already. Empty if `response` is to be sent.
    document waiting;
    /// What is to be sent as it is if nothing waits: an error page, or a redirect that tells the client.
    http_response response;

    /// Whether it waits for your user.
    explicit operator bool() const noexcept { return !waiting.empty(); }
};

} // namespace wardkey

#endif
