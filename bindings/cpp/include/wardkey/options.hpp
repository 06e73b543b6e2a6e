/// How to open a database, and the functions of yours that the engine calls.
#ifndef WARDKEY_OPTIONS_HPP
#define WARDKEY_OPTIONS_HPP

#include "request.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <variant>

namespace wardkey {

/// The master key is in a file beside the database, made together with it.
struct key_file {};

/// The master key is sealed by Windows for this machine, in the file beside the database.
struct key_dpapi {};

/// Reads the master key: 32 bytes. Asked once, when an engine is opened. What it throws, the function that opens
/// throws.
using key_function = std::function<secret()>;

/// The time, for tests. Both are asked at any time, by any thread; set both or none.
///
/// What they throw, the call throws that needed the time, whatever it would have answered.
struct clock_functions {
    /// Milliseconds since 1970-01-01 UTC.
    std::function<std::chrono::milliseconds()> wall;
    /// Milliseconds since any start, never running backwards.
    std::function<std::chrono::milliseconds()> monotonic;
};

/// Told of every error of storage or of the library itself, with a sentence for the operator. What it throws is dropped.
using log_function = std::function<void(std::error_code code, std::string_view message)>;

/// Somebody who says that they are one of your own users. The views are good until the callback returns.
struct user_login {
    /// The name as typed, in Unicode's Normalization Form C: 1 to 255 characters.
    std::string_view username;
    /// The password as typed. A copy is yours to wipe.
    std::string_view password;
    /// From which address; absent when it is not known.
    std::optional<std::string_view> peer;
    /// The `correlation_id` of the call's context.
    std::optional<std::string_view> correlation_id;
};

/// One of your own users, whose name and password are right.
struct approved_user {
    /// Your name for them, which never changes: 1 to 200 printable ASCII characters without spaces.
    std::string subject;
    /// All words that they may have, parted by single spaces, at most 4096 characters.
    std::string scope;
};

/// Says who your own users are, at the login page and at BioT's login; `std::nullopt` if the name and the password are
/// nobody's.
///
/// Take as long for a name that you do not know as for a wrong password. It may be called by 16 threads at once. When it
/// throws nobody logs in, the remote caller gets a 503, and the log is told `what()`: put no secret in it.
///
/// ```cpp
/// how.check_user = [&](const wardkey::user_login& login) -> std::optional<wardkey::approved_user> {
///     const auto* found = staff.find(login.username, login.password);
///     return found ? std::optional(wardkey::approved_user{found->number, found->scopes}) : std::nullopt;
/// };
/// ```
using user_check_function = std::function<std::optional<approved_user>(const user_login&)>;

/// How to open a database.
///
/// Functions are copied. The engine's copies are destroyed once: when opening fails, or when the engine is closed and its
/// last call has returned. They run on the thread of the call that needs them and must not call into the library.
struct options {
    /// A database file, in UTF-8. It keeps a few files beside it: leave them together.
    ///
    /// ```cpp
    /// const auto engine = wardkey::engine::open("clinic.db");
    /// ```
    template <class Text, class = std::enable_if_t<std::is_convertible_v<const Text&, std::string_view>>>
    options(const Text& database) : path(std::string_view(database)) {}
    /// The same, by a path of the standard library.
    options(const std::filesystem::path& database) : path(utf8(database)) {}

    /// The database file, in UTF-8; see `utf8`.
    std::string path;
    /// Where the master key is: a `key_file` (the default), `key_dpapi`, the 32 bytes as a `secret` (while the key is
    /// being changed the new and the old one, one behind the other), or a `key_function`.
    std::variant<key_file, key_dpapi, secret, key_function> key;
    /// How long a write waits for other programs; zero or less for the default of 5 seconds.
    std::chrono::milliseconds busy_timeout{0};
    /// The time, for tests; empty for the machine's. Opening with one of your own is recorded in the audit.
    clock_functions clock;
    /// Told of errors; empty for nobody.
    log_function log;
    /// Your own users; empty if you have none.
    user_check_function check_user;
};

/// What a restore makes of the secrets and passwords in the copy.
enum class restored_secrets {
    /// Each has to be confirmed (`client.secret.confirm`, `user.confirm`) before it is good again.
    confirm,
    /// They are trusted: what was revoked or replaced since the copy was made is good again. Recorded in the audit.
    trust,
};

/// Asked before each few pages of long work with what is done of how much: true to go on, false to cancel. What it
/// throws, the call throws. It may use the engine.
using progress_function = std::function<bool(std::uint64_t done, std::uint64_t total)>;

namespace detail {

/// Fills in what the options hold besides functions.
inline void fill(const options& how, wardkey_options& raw) noexcept {
    const text path = std::string_view(how.path);
    raw.path = path.data, raw.path_len = path.size;
    if (std::holds_alternative<key_dpapi>(how.key)) {
        raw.key_source = WARDKEY_KEY_DPAPI;
    } else if (std::holds_alternative<key_function>(how.key)) {
        raw.key_source = WARDKEY_KEY_CALLBACK;
    } else if (const auto* key = std::get_if<secret>(&how.key)) {
        const text bytes = key->expose();
        raw.key_source = WARDKEY_KEY_BYTES;
        raw.key = bytes.data, raw.key_len = bytes.size;
    }
    constexpr std::int64_t longest = INT32_MAX; // milliseconds: 24 days, the longest that SQLite knows
    const std::int64_t timeout = how.busy_timeout.count();
    raw.busy_timeout_ms = static_cast<std::uint32_t>(timeout < 0 ? 0 : timeout < longest ? timeout : longest);
}

} // namespace detail

} // namespace wardkey

#endif
