/// What goes in: who asks, HTTP messages, decisions, secrets.
#ifndef WARDKEY_REQUEST_HPP
#define WARDKEY_REQUEST_HPP

#include "wardkey.h"

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace wardkey {

/// Bytes that are wiped when they go: a master key, a password.
///
/// ```cpp
/// wardkey::secret key(std::string_view(bytes, 32));
/// ```
///
/// It wipes its own copy; where you had the bytes from is yours to wipe.
class secret {
public:
    /// No bytes.
    secret() noexcept = default;
    /// A copy of these bytes.
    explicit secret(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
        bytes.copy(bytes_.get(), size_);
    }
    /// A copy, wiped by itself.
    secret(const secret& other) : secret(other.expose()) {}
    /// Leaves the other one empty.
    secret(secret&& other) noexcept { swap(other); }
    /// Wipes what it held.
    secret& operator=(secret other) noexcept {
        swap(other);
        return *this;
    }
    ~secret() {
        // Volatile, for a plain write to what is freed next is optimised away.
        volatile char* byte = bytes_.get();
        for (std::size_t i = 0; i < size_; ++i) {
            byte[i] = 0;
        }
    }

    /// The bytes, as long as this lives: the only way to them.
    std::string_view expose() const noexcept { return {bytes_.get(), size_}; }

private:
    void swap(secret& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

/// A path as the library takes it, in UTF-8.
///
/// ```cpp
/// wardkey::options where(wardkey::utf8(std::filesystem::path(L"D:\\Klinik-Süd\\clinic.db")));
/// ```
inline std::string utf8(const std::filesystem::path& path) {
    const auto text = path.u8string(); // of char8_t in C++20
    return {text.begin(), text.end()};
}

/// The scopes argument that says: any valid token will do, whatever its scopes. Nothing else says so.
inline constexpr std::string_view any_scope = WARDKEY_ANY_SCOPE;

/// Who asks, from where, and how: part of every call that decides something.
///
/// What is unknown never helps: a client with `allowed_networks` is refused when `peer` is absent.
struct context {
    /// Who administers: a person or a program, in your own words. `call`, `backup` and `check` demand it; the audit
    /// keeps it.
    std::optional<std::string_view> actor;
    /// The address at the other end of the connection, as your socket has it: `192.0.2.7`, `::1`. No port.
    std::optional<std::string_view> peer;
    /// The request's `Forwarded` or `X-Forwarded-For`, several joined by commas (RFC 7239). It counts only if `peer` is
    /// one of the settings' `trusted_proxies`. Calls that take headers find it there when it is absent.
    std::optional<std::string_view> forwarded;
    /// Your own id for the request, kept in the audit: at most 255 bytes without control characters.
    std::optional<std::string_view> correlation_id;
    /// Whether the request came over TLS, to this program or to a proxy of yours before it. That is yours to say: no
    /// header is believed for it, not from `trusted_proxies` either.
    bool secure = false;

    /// The context of administration.
    ///
    /// ```cpp
    /// engine.call(wardkey::context::by("anna@clinic"), "client.list");
    /// ```
    static context by(std::string_view actor) noexcept {
        context made;
        made.actor = actor;
        return made;
    }

    /// The context of a request that came over plain HTTP from this address; set `secure` where TLS was spoken.
    ///
    /// `engine::http` and `pending` refuse what is not secure unless it comes from this machine. `verify` and `authorize`
    /// do not look at it: a server that is reached from elsewhere must not listen without TLS.
    static context from(std::string_view peer) noexcept {
        context made;
        made.peer = peer;
        return made;
    }
};

/// One header field of an HTTP message: views of a name and a value.
class header : public wardkey_header {
public:
    /// Of these texts, which must live until the call has returned.
    header(std::string_view name, std::string_view value) noexcept;
    /// Of a field of your server's map.
    ///
    /// ```cpp
    /// const std::vector<wardkey::header> headers(request.headers.begin(), request.headers.end());
    /// ```
    template <class Name, class Value>
    explicit header(const std::pair<Name, Value>& field) noexcept : header(field.first, field.second) {}
    /// As the library made it.
    explicit header(const wardkey_header& raw) noexcept : wardkey_header(raw) {}

    /// The name, in any case.
    std::string_view name() const noexcept { return {wardkey_header::name, name_len}; }
    /// The value.
    std::string_view value() const noexcept { return {wardkey_header::value, value_len}; }
};

/// A view of the header fields of an HTTP message, in the order received or to be sent.
///
/// A `std::vector<header>`, or another container with `data()` and `size()`, converts to it; so does a list in braces.
/// A map of your server's is copied into a vector first.
class headers_view {
public:
    /// Goes through the fields; each is a `header` by value.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = header;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = header;

        explicit iterator(const wardkey_header* at) noexcept : at_(at) {}
        header operator*() const noexcept { return header(*at_); }
        iterator& operator++() noexcept { return ++at_, *this; }
        iterator operator++(int) noexcept { return iterator(at_++); }
        bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }
        bool operator!=(const iterator& other) const noexcept { return at_ != other.at_; }

    private:
        const wardkey_header* at_;
    };

    /// No fields.
    headers_view() noexcept = default;
    /// These fields.
    headers_view(const wardkey_header* fields, std::size_t count) noexcept : fields_(fields), count_(count) {}
    /// These fields, for a call in the same expression.
    headers_view(std::initializer_list<header> fields) noexcept : headers_view(fields.begin(), fields.size()) {}
    /// The fields of a vector or an array.
    template <class Fields, class = std::enable_if_t<
                                std::is_convertible_v<decltype(std::declval<const Fields&>().data()),
                                                      const wardkey_header*>>>
    headers_view(const Fields& fields) noexcept : headers_view(fields.data(), fields.size()) {}

    /// The first field.
    iterator begin() const noexcept { return iterator(fields_); }
    /// Behind the last field.
    iterator end() const noexcept { return iterator(fields_ + count_); }
    /// How many; at most 65535 may be passed in.
    std::size_t size() const noexcept { return count_; }
    /// Where they are, for `wardkey.h`.
    const wardkey_header* data() const noexcept { return fields_; }

private:
    const wardkey_header* fields_ = nullptr;
    std::size_t count_ = 0;
};

/// One HTTP request as your server received it. Texts are the bytes as received.
struct http_request {
    /// Fill the members yourself.
    http_request() = default;
    /// A request for a target: a path and, behind the first `?`, a query, percent-encoded as received.
    ///
    /// ```cpp
    /// wardkey::http_request request("POST", "/oauth/token", headers, body);
    /// ```
    http_request(std::string_view verb, std::string_view target, headers_view fields = {},
                 std::string_view content = {}) noexcept
        : method(verb), path(target.substr(0, target.find('?'))), query(target.substr(path.size())), headers(fields),
          body(content) {
        if (!query.empty()) {
            query.remove_prefix(1);
        }
    }

    /// `POST`, `GET`. Required.
    std::string_view method;
    /// The path without the query, percent-encoded as received, `base_path` included. Required.
    std::string_view path;
    /// What follows the `?`, percent-encoded as received.
    std::string_view query;
    /// Where you mount the engine, such as `/auth`; empty at the root.
    std::string_view base_path;
    /// All header fields in the order received.
    headers_view headers;
    /// The whole body.
    std::string_view body;
};

/// What your user decided on a pending request.
struct decision {
    /// Your name for the user who approved, 1 to 200 printable ASCII characters without spaces: their tokens' subject is
    /// `usr_.` and this. You vouch for them. Absent: the user refused.
    std::optional<std::string_view> subject;
    /// The words that they allow, parted by single spaces; absent for all that were shown. Others give nothing.
    std::optional<std::string_view> scope;

    /// They approved.
    static decision approve(std::string_view subject, std::optional<std::string_view> scope = std::nullopt) noexcept {
        return {subject, scope};
    }
    /// They refused; the client is told `access_denied` (RFC 6749 4.1.2.1).
    static decision refuse() noexcept { return {}; }
};

namespace detail {

/// A text as wardkey.h takes it.
struct text {
    /// A default-constructed view is an empty text, not an absent one. A text as long as the number that stands for "up
    /// to the NUL" is taken for one byte shorter, which is refused all the same.
    text(std::string_view from) noexcept
        : data(from.data() != nullptr ? from.data() : ""),
          size(from.size() == WARDKEY_NTS ? from.size() - 1 : from.size()) {}

    /// Absent is NULL.
    text(const std::optional<std::string_view>& from) noexcept {
        if (from) {
            *this = text(*from);
        }
    }

    const char* data = nullptr;
    std::size_t size = 0;
};

inline wardkey_context raw(const context& from) noexcept {
    const text actor = from.actor, peer = from.peer, forwarded = from.forwarded, id = from.correlation_id;
    wardkey_context made{};
    made.struct_size = sizeof made;
    made.secure = from.secure ? 1 : 0;
    made.actor = actor.data, made.actor_len = actor.size;
    made.peer = peer.data, made.peer_len = peer.size;
    made.forwarded = forwarded.data, made.forwarded_len = forwarded.size;
    made.correlation_id = id.data, made.correlation_id_len = id.size;
    return made;
}

inline wardkey_http_request raw(const http_request& from) noexcept {
    const text method = from.method, path = from.path, query = from.query, base_path = from.base_path,
               body = from.body;
    wardkey_http_request made{};
    made.struct_size = sizeof made;
    made.method = method.data, made.method_len = method.size;
    made.path = path.data, made.path_len = path.size;
    made.query = query.data, made.query_len = query.size;
    made.base_path = base_path.data, made.base_path_len = base_path.size;
    made.headers = from.headers.data(), made.header_count = from.headers.size();
    made.body = body.data, made.body_len = body.size;
    return made;
}

} // namespace detail

inline header::header(std::string_view name, std::string_view value) noexcept : wardkey_header{} {
    const detail::text raw_name = name, raw_value = value;
    wardkey_header::name = raw_name.data, name_len = raw_name.size;
    wardkey_header::value = raw_value.data, value_len = raw_value.size;
}

// An array of these is one of those.
static_assert(sizeof(header) == sizeof(wardkey_header) && std::is_standard_layout_v<header>);

} // namespace wardkey

#endif
